"""Runs side by side: a column a run, as many at a time as the terminal is wide."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut, metric
from seqnet.console.tables import wide
from seqnet.printable import printable

_LEAST, _WIDEST = 10, 36  # cells of a value on a terminal; a path can be as long as it likes
_GAP = 2

Row = tuple[str, Sequence[Text]]  # what it is, and a cell a run
Part = tuple[str, Sequence[Row]]  # a heading, and what stands below it


def show_comparison(
    labels: Sequence[str],
    *,
    differences: Sequence[tuple[str, Sequence[Any]]],
    facts: Sequence[tuple[str, Sequence[str]]],
    values: Sequence[tuple[str, Sequence[tuple[str, Sequence[float | None], Sequence[int]]]]],
) -> None:
    """facts: what it is, and a text a run. values: a heading, and rows of name, values, and places of the best."""
    parts: list[Part] = []
    if differences:
        rows = [(key, [Text(_written(one)) for one in given]) for key, given in differences]
        parts.append(("differs", rows))
    else:
        theme.show("The files of these runs are equal.", "")
    parts.append(("", [(name, [Text(text) for text in texts]) for name, texts in facts]))
    for heading, table in values:
        parts.append((heading, [(name, _marked(numbers, best)) for name, numbers, best in table]))
    _show_parts(labels, parts)


def _marked(numbers: Sequence[float | None], best: Sequence[int]) -> list[Text]:
    """The numbers, the best of them with a mark; the others with the room for it, so that they stay aligned."""
    mark = theme.sign("★", sys.stdout)
    room = "  " if best else ""
    return [
        Text(f"{metric(one)} {mark}", theme.BEST) if place in best else Text(f"{metric(one)}{room}")
        for place, one in enumerate(numbers)
    ]


def _written(value: Any) -> str:
    """A value as one would write it; a component's options without quotes and brackets around all of it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(next(iter(value.values())), Mapping):
            name, options = next(iter(value.items()))
            return f"{printable(str(name))}({', '.join(f'{key}={_written(one)}' for key, one in options.items())})"
        return "{" + ", ".join(f"{printable(str(key))}: {_written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return printable(str(value))


def _show_parts(labels: Sequence[str], parts: Sequence[Part]) -> None:
    """The rows of all parts in the same columns; where these do not fit, some runs first and the others below."""
    on_terminal = theme.is_terminal(sys.stdout)
    room = theme.columns(sys.stdout) if on_terminal else 10_000
    names = [name for _, rows in parts for name, _ in rows]
    left = max(map(cell_len, names), default=0)
    left = min(left, max(room * 2 // 5, 12))
    share = (room - left) // min(len(labels), 3) - _GAP  # three runs stand side by side if they can
    widest = min(max(share, _LEAST), _WIDEST) if on_terminal else 10_000
    widths = [
        min(max(cell_len(label), *(row[place].cell_len for _, rows in parts for _, row in rows)), widest)
        for place, label in enumerate(labels)
    ]
    first = 0
    while first < len(labels):
        last = first + 1
        while last < len(labels) and left + sum(_GAP + width for width in widths[first : last + 1]) <= room:
            last += 1
        theme.show(*_block(labels, parts, left, widths, range(first, last)), width=wide() or max(room, 10))
        first = last


def _block(labels: Sequence[str], parts: Sequence[Part], left: int, widths: Sequence[int], places: range) -> list[Text]:
    heads = [Text(cut(labels[place], widths[place]), theme.TITLE) for place in places]
    lines = [_line(Text(), heads, left, widths, places)]
    for heading, rows in parts:
        if heading:
            lines.append(Text(heading, theme.TITLE))
        lines += [
            _line(Text(_end_of(name, left), theme.KEY), [_cut(cells[place], widths[place]) for place in places],
                  left, widths, places)
            for name, cells in rows
        ]  # fmt: skip
        lines.append(Text())
    return lines


def _end_of(key: str, width: int) -> str:
    """A dotted key whose end says most."""
    key = printable(key)
    return key if cell_len(key) <= width else ".." + key[len(key) - max(width - 2, 0) :]


def _cut(cell: Text, width: int) -> Text:
    return cell if cell.cell_len <= width else Text(cut(cell.plain, width))


def _line(name: Text, cells: Sequence[Text], left: int, widths: Sequence[int], places: range) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    line.append_text(name).append(" " * (left - name.cell_len))
    for place, cell in zip(places, cells, strict=True):
        line.append(" " * (_GAP + widths[place] - cell.cell_len)).append_text(cell)
    return line
