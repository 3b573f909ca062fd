"""The two shapes most output has: a light table, and facts with their names in front."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut
from seqnet.printable import printable

Cell = Text | str


def listing(heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, right: Collection[int] = ()) -> Table:
    """A table without frames. right: the columns whose cells end at the right."""
    height = max((str(head).count("\n") for head in heads), default=0)
    columns = [
        Column(
            Text("\n" * (height - str(head).count("\n"))) + Text(str(head)),
            justify="right" if place in right else "left",
            overflow="fold",
        )
        for place, head in enumerate(heads)
    ]
    table = Table(
        *columns,
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style=theme.TITLE,
        show_header=any(str(head) for head in heads),
    )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    return table


def overview(heads: Sequence[str], rows: Sequence[Sequence[str]], *, optional: Sequence[int] = ()) -> list[Text]:
    """One line a row, for looking through: on a terminal the last column is cut to what is left of the line.

    optional: columns to leave out, in this order, where they are empty or would leave the last too little.
    """
    room = theme.columns(sys.stdout) - 1 if theme.is_terminal(sys.stdout) else 10_000
    kept = list(range(len(heads)))
    widths = [max(len(text) for text in (head, *(row[i] for row in rows))) + 2 for i, head in enumerate(heads)]
    for place in optional:
        empty = not any(row[place] for row in rows)
        if empty or sum(widths[i] for i in kept[:-1]) > max(room * 5 // 8, 24):
            kept.remove(place)
    left = sum(widths[i] for i in kept[:-1])
    lines = (
        [Text("".join(heads[i].ljust(widths[i]) for i in kept).rstrip(), theme.TITLE)]
        if sum(bool(heads[i]) for i in kept) > 1
        else []
    )
    for row in rows:
        line = Text(row[kept[0]].ljust(widths[kept[0]]), theme.KEY)
        line.append("".join(row[i].ljust(widths[i]) for i in kept[1:-1]), theme.FAINT)
        lines.append(line.append(cut(row[kept[-1]], room - left)))
    return lines


def facts(pairs: Sequence[tuple[str, Cell]], *, room: int = 9) -> Table:
    """Lines of a name and what it is; long ones go on below where they began."""
    table = Table.grid(Column(width=room, no_wrap=True), Column(overflow="fold"), pad_edge=False)
    for name, value in pairs:
        table.add_row(Text(name, theme.FAINT), value if isinstance(value, Text) else Text(printable(value)))
    return table


def commands(label: str, lines: Sequence[str], *, room: int = 9) -> list[Text]:
    """Commands to copy: whole lines, which the terminal folds if it must."""
    return [
        Text.assemble((("" if place else label).ljust(room), theme.FAINT), printable(line))
        for place, line in enumerate(lines)
    ]


def wide(stream: IO[str] | None = None) -> int | None:
    """The width for text that is better not broken where no one looks at it: endless, except on a terminal."""
    return None if theme.is_terminal(stream or sys.stdout) else 10_000
