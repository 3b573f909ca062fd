"""The two shapes most output has: a light table, and facts with their names in front."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from seqnet.console import theme

Cell = Text | str


def listing(heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, right: Collection[int] = ()) -> Table:
    """A table without frames. right: the columns whose cells end at the right."""
    columns = [
        Column(
            head if isinstance(head, Text) else Text(head),
            justify="right" if place in right else "left",
            overflow="fold",
            vertical="bottom",
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
        table.add_row(*(cell if isinstance(cell, Text) else Text(theme.printable(cell)) for cell in row))
    return table


def facts(pairs: Sequence[tuple[str, Cell]], *, room: int = 9) -> Table:
    """Lines of a name and what it is; long ones go on below where they began."""
    table = Table.grid(Column(width=room, no_wrap=True), Column(overflow="fold"), pad_edge=False)
    for name, value in pairs:
        table.add_row(Text(name, theme.FAINT), value if isinstance(value, Text) else Text(theme.printable(value)))
    return table


def commands(label: str, lines: Sequence[str], *, room: int = 9) -> list[Text]:
    """Commands to copy: whole lines, which the terminal folds if it must."""
    return [
        Text.assemble((("" if place else label).ljust(room), theme.FAINT), theme.printable(line))
        for place, line in enumerate(lines)
    ]


def wide(stream: IO[str] | None = None) -> int | None:
    """The width for text that is better not broken where no one looks at it: endless, except on a terminal."""
    return None if theme.is_terminal(stream or sys.stdout) else 10_000
