"""Curves drawn in a terminal: lines of Braille dots, or of ASCII signs where the stream shows nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import metric

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a cell, by row and column


@dataclass(frozen=True)
class Line:
    """A line through points, from left to right. sign: what it is drawn with in ASCII."""

    x: Sequence[float]
    y: Sequence[float]
    style: str = ""
    sign: str = "*"


@dataclass(frozen=True)
class Mark:
    """A point that stands out from the lines."""

    x: float
    y: float
    style: str = ""
    sign: str = "•"


def draw(
    lines: Sequence[Line],
    *,
    stream: IO[str],
    width: int,
    height: int = 12,
    low: float | None = None,
    high: float | None = None,
    log_x: bool = False,
    marks: Sequence[Mark] = (),
) -> list[Text]:
    """The lines in one frame, `width` cells wide with its labels and `height` lines high without the labels below.

    low, high: of the y axis; default: what holds every point. What lies outside leaves the frame, and what is not
    finite interrupts a line. log_x: a logarithmic x axis; every x is > 0 then.
    """
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    if not points:
        return []
    low = min(y for _, y in points) if low is None else low
    high = max(y for _, y in points) if high is None else high
    if high <= low:
        low, high = low - max(abs(low), 1e-9) / 10, high + max(abs(low), 1e-9) / 10
    heads = [metric(high, short=True), metric((low + high) / 2, short=True), metric(low, short=True)]
    room = max(map(len, heads))
    axis = _Axis(min(x for x, _ in points), max(x for x, _ in points), max(width - room - 2, 8), log_x)
    plain = theme.is_ascii(stream)
    canvas = _Canvas(axis.width, max(height, 3), 1 if plain else 2, 1 if plain else 4)

    def place(x: float, y: float) -> tuple[float, float]:
        return axis.share(x), (high - y) / (high - low)

    for line in lines:
        canvas.line([place(x, y) for x, y in zip(line.x, line.y, strict=True)], line.style, line.sign)
    for mark in marks:
        canvas.mark(*place(mark.x, mark.y), mark.style, theme.sign(mark.sign, stream))
    shown = {0: heads[0], (canvas.height - 1) // 2: heads[1], canvas.height - 1: heads[2]}
    wall, floor, corner = ("|", "-", "+") if plain else ("│", "─", "└")
    rows = [
        Text.assemble((f"{shown.get(number, ''):>{room}} ", theme.FAINT), (wall, theme.FAINT)).append_text(row)
        for number, row in enumerate(canvas.rows())
    ]
    ticks, labels = axis.labels("+" if plain else "┴", floor)
    rows.append(Text(f"{' ' * room} {corner}{ticks}", theme.FAINT))
    rows.append(Text(f"{' ' * room}  {labels}".rstrip(), theme.FAINT))
    for row in rows:
        row.no_wrap = True
    return rows


class _Axis:
    """The x axis: where a value stands on it, and its labels."""

    def __init__(self, first: float, last: float, width: int, log: bool) -> None:
        self.log, self.width = log, width
        self.first, self.last = (math.log10(first), math.log10(last)) if log else (first, last)

    def share(self, x: float) -> float:
        """0 at the left end, 1 at the right one."""
        value = math.log10(x) if self.log else x
        return (value - self.first) / (self.last - self.first) if self.last > self.first else 0.5

    def ticks(self) -> list[float]:
        """Round values on the axis, as many as have room for their labels."""
        most = max(self.width // 10, 1)
        span = self.last - self.first
        if self.log:
            step = float(max(math.ceil(span / most), 1))
        else:
            rough = span / most if span else 1.0
            power = 10.0 ** math.floor(math.log10(rough))
            step = next(n for n in (power, 2 * power, 5 * power, 10 * power) if n >= rough * (1 - 1e-9))
        begin = math.ceil(self.first / step - 1e-9)
        values = [number * step for number in range(begin, math.floor(self.last / step + 1e-9) + 1)]
        return [10.0**value for value in values] if self.log else values

    def labels(self, tick: str, floor: str) -> tuple[str, str]:
        """The axis with its ticks, and the line of labels below it."""
        line, below = [floor] * self.width, [" "] * self.width
        free = 0
        for value in self.ticks():
            place = round(self.share(value) * (self.width - 1))
            line[place] = tick
            text = f"{value:g}"
            start = min(max(place - len(text) // 2, 0), self.width - len(text))
            if start >= free:
                below[start : start + len(text)] = text
                free = start + len(text) + 1
        return "".join(line), "".join(below).rstrip()


class _Canvas:
    """Cells with `across` by `down` dots each; in ASCII a cell is one dot."""

    def __init__(self, width: int, height: int, across: int, down: int) -> None:
        self.width, self.height, self.across, self.down = width, height, across, down
        self.dots = [[0] * width for _ in range(height)]
        self.styles = [[""] * width for _ in range(height)]
        self.signs: dict[tuple[int, int], str] = {}

    def line(self, points: Sequence[tuple[float, float]], style: str, sign: str) -> None:
        """A line through points given as shares of the width from the left and of the height from the top."""
        before: tuple[float, float] | None = None
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                before = None
                continue
            column, row = x * (self.width * self.across - 1), y * (self.height * self.down - 1)
            start = before or (column, row)
            count = max(1, math.ceil(max(abs(column - start[0]), min(abs(row - start[1]), 1e4))))
            for number in range(count + 1):
                share = number / count
                self._dot(start[0] + share * (column - start[0]), start[1] + share * (row - start[1]), style, sign)
            before = column, row

    def mark(self, x: float, y: float, style: str, sign: str) -> None:
        """One sign in place of the dots of its cell; a point beyond the frame is set on its edge."""
        row = min(max(round(y * (self.height - 1)), 0), self.height - 1)
        column = min(max(round(x * (self.width - 1)), 0), self.width - 1)
        self.signs[row, column] = sign
        self.styles[row][column] = style

    def rows(self) -> list[Text]:
        return [
            Text.assemble(*((self._cell(row, column), self.styles[row][column]) for column in range(self.width)))
            for row in range(self.height)
        ]

    def _dot(self, x: float, y: float, style: str, sign: str) -> None:
        column, row = round(x), round(y)
        if not (0 <= row < self.height * self.down and 0 <= column < self.width * self.across):
            return
        cell = row // self.down, column // self.across
        self.dots[cell[0]][cell[1]] |= _DOTS[row % self.down][column % self.across]
        self.styles[cell[0]][cell[1]] = style
        if self.across == 1:
            self.signs[cell] = sign

    def _cell(self, row: int, column: int) -> str:
        if (row, column) in self.signs:
            return self.signs[row, column]
        return chr(_BRAILLE + self.dots[row][column]) if self.dots[row][column] else " "
