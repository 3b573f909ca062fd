"""A column of moments as steps of equal length: which step each row is, and what moment a later step is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError

TOO_MANY = 100  # times as many steps as rows: then it is no series of equal steps

_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Timeline:
    """unit: number, months or seconds; start, step: of the first row, in this unit; form: how a moment is written."""

    unit: str
    start: float
    step: float
    form: str

    @classmethod
    def of(cls, texts: Sequence[str], lines: Sequence[int], where: str) -> tuple[Self, Array]:
        """The timeline of a column and the step of each row, from 0, rising.

        lines: where each row stands in the file. Raises DataError with the line: no moment, not later than the row
        before, no whole number of steps after it.
        """
        unit, form, moments = _moments(texts, lines, where)
        gaps = np.diff(moments)
        late = np.flatnonzero(gaps <= 0)
        if len(late):
            row = int(late[0]) + 1
            raise DataError(
                f"{where}, line {lines[row]}: {texts[row]} does not come after {texts[row - 1]} in line "
                f"{lines[row - 1]}; sort the rows by time, one row a moment"
            )
        step = float(np.sort(gaps)[(len(gaps) - 1) // 2]) if len(gaps) else 1.0
        places = (moments - moments[0]) / step
        steps = np.rint(places)
        odd = np.flatnonzero((np.abs(places - steps) > 1e-3) | (np.diff(steps, prepend=-1) < 1))
        if len(odd) or steps[-1] > TOO_MANY * (len(steps) + 10):
            row = int(odd[0]) if len(odd) else int(np.argmax(gaps)) + 1
            raise DataError(
                f"{where}, line {lines[row]}: {texts[row]} is no whole number of steps after {texts[0]}, as most rows "
                f"are {_length(unit, step)} apart; leave time out to take every row as one step"
            )
        return cls(unit, float(moments[0]), step, form), steps.astype(np.int64)

    def moment(self, step: int) -> str:
        """How the moment of a step is written."""
        value = self.start + step * self.step
        if self.unit == "number":
            return f"{value:.10g}"
        if self.unit == "months":
            months, day = divmod(round(value * 100), 100)
            text = f"{months // 12:04d}-{months % 12 + 1:02d}"
            return text if self.form == "month" else f"{text}-{day:02d}"
        moment = np.datetime64(round(value), "s")
        return str(moment.astype("datetime64[D]") if self.form == "day" else moment)

    def state(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The timeline that `state` describes. Raises KeyError, TypeError, ValueError."""
        return cls(str(state["unit"]), float(state["start"]), float(state["step"]), str(state["form"]))


def _moments(texts: Sequence[str], lines: Sequence[int], where: str) -> tuple[str, str, Array]:
    """The unit, the form, and a number for each moment."""
    try:
        numbers = np.array([float(text) for text in texts])
        if np.isfinite(numbers).all():
            return "number", "number", numbers
    except ValueError:
        pass
    found: list[datetime] = []
    for text, line in zip(texts, lines, strict=True):
        written = text.strip().replace("/", "-")
        try:
            moment = datetime.fromisoformat(f"{written}-01" if _MONTH.fullmatch(written) else written)
        except ValueError:
            told = f"{text!r} is" if text.strip() else "the cell is empty, which is"
            raise DataError(
                f"{where}, line {line}: {told} no moment; write dates as 2024-03-01 or 2024-03-01T12:30, or numbers"
            ) from None
        found.append(moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None))
    days = all((one.hour, one.minute, one.second, one.microsecond) == (0, 0, 0, 0) for one in found)
    if days and len(found) > 1 and len({one.day for one in found}) == 1 and (found[1] - found[0]).days >= 28:
        form = "month" if _MONTH.fullmatch(texts[0].strip().replace("/", "-")) else "day"
        # The day stands behind the point, so that a moment can be written as it was.
        return "months", form, np.array([one.year * 12 + one.month - 1 + one.day / 100 for one in found])
    return (
        "seconds",
        "day" if days else "second",
        np.array([(one - datetime(1970, 1, 1)).total_seconds() for one in found]),
    )


def _length(unit: str, step: float) -> str:
    if unit == "number":
        return f"{step:g}"
    if unit == "months":
        return f"{step:g} months"
    return f"{step / 86_400:g} days" if step >= 86_400 else f"{step:g} seconds"
