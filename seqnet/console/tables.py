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


def listing(
    heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, right: Collection[int] = (), last: str = "fold"
) -> Table:
    """A table without frames. right: the columns whose cells end at the right. last: how the last one overflows."""
    columns = [
        Column(
            head if isinstance(head, Text) else Text(head),
            justify="right" if place in right else "left",
            overflow="fold",
            vertical="bottom",
        )
        for place, head in enumerate(heads)
    ]
    table = Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style=theme.TITLE)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(theme.printable(cell)) for cell in row))
    return table


def facts(pairs: Sequence[tuple[str, Cell]], *, room: int = 9) -> list[Text]:
    """Lines of a name and what it is."""
    return [
        Text.assemble((name.ljust(room), theme.FAINT), value if isinstance(value, Text) else theme.printable(value))
        for name, value in pairs
    ]


def wide(stream: IO[str] | None = None) -> int | None:
    """The width for text that is better not broken where no one looks at it: endless, except on a terminal."""
    return None if theme.is_terminal(stream or sys.stdout) else 10_000
