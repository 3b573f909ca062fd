"""Curves in a terminal: braille dots in colours, or letters in ASCII where no colours would tell them apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from rich.cells import cell_len
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut
from seqnet.printable import printable

COLOURS = (
    "cyan", "yellow", "magenta", "green", "color(33)", "color(208)", "red", "color(141)",
    "bright_white", "color(29)", "color(94)", "color(218)",
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NARROWEST, _WIDEST, _ROWS = 24, 92, 12
_LOG_FROM = 100.0  # how many times the smallest value the largest must be for powers of ten to be even steps
_HUGE = 1e300  # beyond it, distances are no longer numbers
# Of the dots in a character, by column and row from the top: Unicode, "Braille Patterns", U+2800 and on.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


@dataclass(frozen=True)
class Series:
    """One curve. ys: NaN where there is no value. letter: for ASCII. best: the index of the point that is marked.

    marks: signs for other points, by index.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    letter: str = ""
    best: int | None = None
    marks: Mapping[int, str] = field(default_factory=dict)

    def points(self) -> list[tuple[float, float]]:
        return [(float(x), y) for x, y in zip(self.xs, self.ys, strict=True) if abs(y) < _HUGE]


class _Axis:
    """Values on `cells` places, the first of them at 0. log: powers of ten lie evenly."""

    def __init__(self, values: Sequence[float], cells: int, *, log: bool = False) -> None:
        self.log, self.cells = log, cells
        low, high = self._place(min(values)), self._place(max(values))
        least = max(abs(low), abs(high)) * 1e-9
        if high - low <= max(least, 1e-300):  # a level curve runs through the middle
            around = max(abs(low) * 0.1, 1e-3)
            low, high = low - around, high + around
        self.low, self.high = low, high

    def _place(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def cell(self, value: float) -> int:
        share = (self._place(value) - self.low) / (self.high - self.low)
        return min(max(round(share * (self.cells - 1)), 0), self.cells - 1)

    def ticks(self, about: int, *, whole: bool = False) -> list[tuple[float, str]]:
        """About so many round values, at least two where there is room for them, with their labels."""
        step = _round_step((self.high - self.low) / max(about, 1))
        if whole or self.log:
            step = max(float(math.ceil(step)), 1.0)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        if last - first > 50:  # two numbers that differ in their last digits only
            return []
        places = [index * step for index in range(first, last + 1)]
        if self.log:
            return [(10.0**place, f"{10.0**place:g}") for place in places]
        return [(place, _label(place, step)) for place in places]


def _round_step(least: float) -> float:
    """The largest of 1, 2, 5, 10, 20, … (or a tenth, a hundredth, … of them) that is at most `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor for factor in (5.0, 2.0, 1.0) if factor * power <= least * (1 + 1e-9) or factor == 1.0) * power


def _label(value: float, step: float) -> str:
    digits = max(-math.floor(math.log10(step) + 1e-9), 0)
    return f"{value:.{digits}f}" if digits <= 6 and abs(value) < 1e6 else f"{value:.3g}"


def show_chart(title: str, series: Sequence[Series], *, x_name: str = "epoch", log_x: bool = False) -> None:
    """Print a chart, as wide as the terminal."""
    room = max(theme.columns(sys.stdout), _NARROWEST)
    made = chart(title, series, stream=sys.stdout, width=room - 1, x_name=x_name, log_x=log_x)
    theme.show(*made, width=room)


def chart(
    title: str,
    series: Sequence[Series],
    *,
    stream: IO[str],
    width: int,
    x_name: str = "epoch",
    log_x: bool = False,
) -> list[Text]:
    """Curves with axes and a legend, for a stream and in at most `width` cells. log_x: for x > 0 of many sizes."""
    ascii_only = theme.is_ascii(stream) or not theme.has_colour(stream) or len(series) > len(COLOURS)
    drawn = [(index, one) for index, one in enumerate(series) if one.points()]
    heading = Text(printable(title), theme.TITLE)
    if not drawn:
        return [heading.append("  no values to draw", theme.FAINT)]
    xs = [x for _, one in drawn for x, _ in one.points()]
    ys = [y for _, one in drawn for _, y in one.points()]
    log = min(ys) > 0 and max(ys) / min(ys) >= _LOG_FROM
    down = _Axis(ys, _ROWS * (1 if ascii_only else 4), log=log)
    y_ticks = {down.cells - 1 - down.cell(value): label for value, label in down.ticks(4)}
    label_width = max(5, *map(len, y_ticks.values())) if y_ticks else 5
    columns = max(min(width, _WIDEST) - label_width - 2, 10)
    across = _Axis(xs, columns * (1 if ascii_only else 2), log=log_x)
    canvas = (_Letters if ascii_only else _Braille)(columns)
    for index, one in drawn:
        places = [(across.cell(x), down.cells - 1 - down.cell(y)) for x, y in one.points()]
        canvas.draw(places, _letter(one, index) if ascii_only else COLOURS[index])
    for _, one in drawn:
        signs = {index: theme.sign(sign, stream) for index, sign in one.marks.items()}
        if one.best is not None:
            signs[one.best] = "*" if ascii_only else "★"
        for index, sign in signs.items():
            if abs(one.ys[index]) < _HUGE:
                canvas.mark((across.cell(one.xs[index]), down.cells - 1 - down.cell(one.ys[index])), sign)
    if log:
        heading.append("  (powers of ten)", theme.FAINT)
    lines = [heading]
    upright, tick = ("|", "+") if ascii_only else ("│", "┤")
    labels = {row // canvas.down: label for row, label in y_ticks.items()}
    for row in range(_ROWS):
        label = labels.get(row)
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{label or '':>{label_width}} {tick if label is not None else upright}", theme.FAINT)
        lines.append(line.append_text(canvas.line(row)))
    lines += _x_axis(x_name, across, columns, canvas.across, label_width, ascii_only)
    return [*lines, *_legend(series, ascii_only, label_width, min(width, _WIDEST))]


def _letter(one: Series, index: int) -> str:
    return one.letter or _LETTERS[index % len(_LETTERS)]


class _Letters:
    """A cell a place; the curve that is drawn last is seen."""

    across = down = 1

    def __init__(self, columns: int) -> None:
        self.rows = [[" "] * columns for _ in range(_ROWS)]

    def draw(self, places: Sequence[tuple[int, int]], letter: str) -> None:
        for x, y in _joined(places):
            self.rows[y][x] = letter

    def mark(self, place: tuple[int, int], sign: str) -> None:
        self.rows[place[1]][place[0]] = sign

    def line(self, row: int) -> Text:
        return Text("".join(self.rows[row]).rstrip())


class _Braille:
    """Two by four dots a cell, in the colour of the curve that is drawn last."""

    across, down = 2, 4

    def __init__(self, columns: int) -> None:
        self.cells = [[0] * columns for _ in range(_ROWS)]
        self.styles = [[""] * columns for _ in range(_ROWS)]
        self.marks: dict[tuple[int, int], str] = {}

    def draw(self, places: Sequence[tuple[int, int]], style: str) -> None:
        for x, y in _joined(places):
            self.cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
            self.styles[y // 4][x // 2] = style

    def mark(self, place: tuple[int, int], sign: str) -> None:
        self.marks[place[1] // 4, place[0] // 2] = sign

    def line(self, row: int) -> Text:
        line = Text()
        for column, dots in enumerate(self.cells[row]):
            style, sign = self.styles[row][column], self.marks.get((row, column))
            line.append(sign or (chr(0x2800 + dots) if dots else " "), f"bold {style}" if sign else style)
        line.rstrip()
        return line


def _joined(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places of straight lines from each to the next."""
    yield from places[:1]
    for (x, y), (to_x, to_y) in zip(places, places[1:], strict=False):
        steps = max(abs(to_x - x), abs(to_y - y))
        for step in range(1, steps + 1):
            yield x + round((to_x - x) * step / steps), y + round((to_y - y) * step / steps)


def _x_axis(name: str, across: _Axis, columns: int, per_cell: int, margin: int, ascii_only: bool) -> list[Text]:
    level, tick, corner = ("-", "+", "+") if ascii_only else ("─", "┬", "└")
    axis, labels = [level] * columns, [" "] * (columns + 8)
    free = 0
    for value, label in across.ticks(max(columns // 8, 2), whole=True):
        place = across.cell(value) // per_cell
        start = max(place - len(label) // 2, 0)
        if start >= free and start + len(label) <= columns:
            axis[place] = tick
            labels[start : start + len(label)] = label
            free = start + len(label) + 1
    return [
        Text(f"{'':>{margin}} {corner}{''.join(axis)}", theme.FAINT),
        Text(f"{name:>{margin}}  {''.join(labels).rstrip()}", theme.FAINT),
    ]


def _legend(series: Sequence[Series], ascii_only: bool, margin: int, width: int) -> list[Text]:
    """What stands for which curve, in as many lines as it takes."""
    entries = []
    for index, one in enumerate(series):
        sign, style = (_letter(one, index), "") if ascii_only else ("━", COLOURS[index])
        entries.append(Text.assemble((sign, style), " ", cut(one.name, max(width - margin - 4, 8))))
    best = {one.xs[one.best] for one in series if one.best is not None}
    if best:
        which = f"best epoch {best.pop()}" if len(best) == 1 else "best epoch"
        entries.append(Text.assemble(("*" if ascii_only else "★", theme.TITLE), f" {which}"))
    lines = [Text(" " * (margin + 2))]
    for entry in entries:
        if cell_len(lines[-1].plain) > margin + 2 and cell_len(lines[-1].plain) + 3 + entry.cell_len > width:
            lines.append(Text(" " * (margin + 2)))
        if cell_len(lines[-1].plain) > margin + 2:
            lines[-1].append("   ")
        lines[-1].append_text(entry)
    return lines
