"""From values to places in a drawing: round ticks, linear and logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True)
class Axis:
    """low … high are drawn at begin … end. log: by their logarithms, base 10; whole: of whole numbers."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high = self._at(self.low), self._at(self.high)
        return self.begin + (self.end - self.begin) * ((self._at(value) - low) / (high - low))

    def _at(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """Round values within the axis, each with how it is written."""
        if self.log:
            return _powers(self.low, self.high, most)
        return round_values(self.low, self.high, most, whole=self.whole)


def round_values(low: float, high: float, most: int, *, whole: bool = False) -> list[tuple[float, str]]:
    """At most `most` + 1 multiples of 1, 2 or 5 times a power of ten between low and high. whole: integers only."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [index * step for index in range(first, last + 1)]  # no -0.0 among them
    size = max(map(abs, values), default=0.0)
    if size >= 1e5 or (0 < size < 1e-3):
        return [(value, f"{value:.2g}") for value in values]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(value, f"{value:,.{digits}f}") for value in values]


def around(
    values: Iterable[float], begin: float, end: float, *, zero: bool = False, log: bool = False, whole: bool = False
) -> Axis:
    """The axis on which all of these finite values have room. zero: it begins there; log: where they span decades."""
    found = list(values)
    low, high = min(found, default=0.0), max(found, default=1.0)
    if log and low > 0 and high / low > 100:
        return Axis(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)), begin, end, log=True)
    low = 0.0 if zero else low
    room = 0.05 * (high - low)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(high) / 10 or 1.0
    return Axis(0.0 if zero else low - room, high + room, begin, end, whole=whole)


def _powers(low: float, high: float, most: int) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first) / most))
    return [(10.0**power, _power(power)) for power in range(first, last + 1, step)]


def _power(power: int) -> str:
    if -3 <= power <= 4:
        return f"{10.0**power:,.{max(0, -power)}f}"
    return "10" + ("⁻" if power < 0 else "") + "".join(_POWERS[int(digit)] for digit in str(abs(power)))
