"""Reads the columns of a csv file as steps of a series."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqnet.datasets.csv_format import (
    Format,
    broken,
    decimal_mark,
    found_out,
    open_bytes,
    place_of,
    plain_number,
    text_lines,
    utf8_blocks,
)
from seqnet.datasets.labels import Array
from seqnet.datasets.readers import is_number
from seqnet.datasets.timeline import Timeline
from seqnet.errors import DataError, suggestion

SAMPLE = 100  # rows that show the decimal mark
GAPS = frozenset(("", "nan", "na", "n/a", "null", "none", "?", "-"))


@dataclass
class Steps:
    """values: (T, names) float64, NaN where nothing is known. lines: of each step in the file, 0 of one that is not
    in it. columns, targets: names of what is looked at and of what is forecast."""

    names: list[str]
    values: Array
    lines: Array
    columns: list[str]
    targets: list[str]
    timeline: Timeline | None

    def __len__(self) -> int:
        return len(self.values)

    def moment(self, after: int) -> dict[str, str]:
        """The moment of a step after the last, where moments are known."""
        return {} if self.timeline is None else {"time": self.timeline.moment(len(self) - 1 + after)}

    def require_complete(self, path: Path, last: int | None = None) -> None:
        """Raise DataError where one of the last steps, or of all, lacks a value."""
        start = 0 if last is None else max(0, len(self) - last)
        bad = np.argwhere(np.isnan(self.values[start:]))
        if not len(bad):
            return
        step, place = start + int(bad[0][0]), int(bad[0][1])
        advice = "missing: interpolate or missing: forward fill such gaps"
        if self.lines[step]:
            what = f"{path}, line {self.lines[step]}: {self.names[place]} is empty"
        else:
            moment = "" if self.timeline is None else f" {self.timeline.moment(step)}"
            what = f"{path}, after line {self.lines[step - 1]}: the step{moment} is missing"
        others = len(np.unique(bad[:, 0])) - 1
        more = f", and {others:,} more steps lack something" if others else ""
        raise DataError(f"{what}{more}; {advice}")


def read_steps(
    path: Path, columns: Sequence[str], targets: Sequence[str], time: str | None, form: Format | None = None
) -> Steps:
    """The columns as steps in order of time. Raises DataError with line and column.

    columns: what is looked at; empty: all columns of numbers, or of a forecast the targets. Steps of the timeline that
    the file leaves out are there, without values. form: how the file is written, as far as it is stated.
    """
    header, cells, lines = _cells(path, form or Format())
    for name in (*columns, *targets, *([time] if time is not None else [])):
        if name not in header:
            raise DataError(f"{path} has no column {name!r}; {suggestion(name, header)}")
    looked_at = list(columns) or [
        name for place, name in enumerate(header) if name != time and _is_numeric([row[place] for row in cells])
    ]
    if not looked_at:
        raise DataError(f"{path} has no column of numbers; it holds {', '.join(header[:8])}")
    forecast = list(targets) or looked_at
    names = list(dict.fromkeys([*looked_at, *forecast]))
    values = np.stack([_numbers(path, cells, lines, header.index(name), name) for name in names], axis=1)
    places = np.array(lines)
    timeline = None
    if time is not None:
        at = header.index(time)
        timeline, steps = Timeline.of([row[at] for row in cells], lines, f"{path}: {time}")
        whole = np.full((int(steps[-1]) + 1, len(names)), np.nan)
        whole[steps] = values
        values, places = whole, np.zeros(len(whole), np.int64)
        places[steps] = lines
    return Steps(names, values, places, looked_at, forecast, timeline)


def filled(values: Array, how: str, name: str) -> Array:
    """A column (T,) without NaN: on the line between the neighbours, or the last value again (forward). At an end
    without a neighbour the nearest value stands. Raises DataError where there is no value at all."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == len(values):
        return values
    if not len(known):
        raise DataError(f"{name} has no value in a part of {len(values)} steps; leave it out, or divide otherwise")
    if how == "interpolate":
        return np.interp(np.arange(len(values)), known, values[known])
    before = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    found: Array = values[known[before]]
    return found


def _cells(path: Path, form: Format) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line of each; numbers with a decimal point, whatever the file has."""
    with open_bytes(path) as file:
        text = b"".join(utf8_blocks(file, path, form))
    form = found_out(form, text, path)
    reader = form.reader(text_lines(text))
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    ended = 0
    try:
        for cells in reader:
            ended = reader.line_num
            if not cells or not "".join(cells).strip():
                if len(header) != 1:
                    continue
                cells = [""]  # of a single column, an empty line is a gap
            if not header:
                header = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(header):
                raise DataError(f"{path}, line {reader.line_num}: {len(cells)} cells, but the header has {len(header)}")
            rows.append([cell.strip() for cell in cells])
            lines.append(reader.line_num)
    except csv.Error as error:
        at = place_of(error, ended + 1, reader.line_num)
        raise DataError(f"{path}, line {at}: {broken(error)}") from None
    while len(header) == 1 and rows and not rows[-1][0]:
        rows.pop()  # the end of the file
        lines.pop()
    form = replace(form, decimal=decimal_mark(form, list(zip(*rows[:SAMPLE], strict=True))))
    if form.decimal == ",":
        rows = [[plain_number(cell.encode(), ",", None).decode() for cell in row] for row in rows]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path} has two columns named {twice!r}; give one another name")
    if header and all(is_number(cell) for cell in header):
        raise DataError(f"{path} begins with numbers; the first line must name the columns")
    if not rows:
        raise DataError(f"{path} has no rows; it needs a header and a line a step")
    return header, rows, lines


def _numbers(path: Path, cells: Sequence[Sequence[str]], lines: Sequence[int], place: int, name: str) -> Array:
    """A column as float64, NaN for a gap."""
    found = np.empty(len(cells))
    for row, line in enumerate(lines):
        text = cells[row][place]
        try:
            found[row] = np.nan if text.lower() in GAPS else float(text)
        except ValueError:
            raise DataError(f"{path}, line {line}, column {place + 1} ({name}): {text!r} is not a number") from None
        if np.isinf(found[row]) or abs(found[row]) > 3.4e38:
            raise DataError(f"{path}, line {line}, column {place + 1} ({name}): {text} is too large")
    return found


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers, with gaps perhaps."""
    known = [cell for cell in cells if cell.lower() not in GAPS]
    return bool(known) and all(is_number(cell) for cell in known)
