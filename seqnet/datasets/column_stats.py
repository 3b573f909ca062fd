"""What there is to say of one column of a table, gathered block by block in bounded memory.

Statistics of blocks add up: counts, sums, and moments by Chan, Golub and LeVeque's rule (1979), so that means and
correlations are those of two passes. Distinct values are counted exactly up to BOUND.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from seqnet.datasets.csv_format import is_number
from seqnet.datasets.labels import Array
from seqnet.datasets.table import Coded, Column

BOUND = 100_000  # distinct values of a column that are told apart
LETTERS = 1 << 23  # characters of the words that are kept
FREQUENT = 1000  # words that are kept of a column that has more
_GAP = 0x9E3779B97F4A7C15


@dataclass
class Tally:
    """How often each number came. more: there are more than BOUND, which are no longer counted."""

    kinds: Array = field(default_factory=lambda: np.empty(0))
    counts: Array = field(default_factory=lambda: np.empty(0, np.int64))
    more: bool = False
    repeated: bool = False  # whether a number came twice, as far as they were counted
    _waiting: list[tuple[Array, Array]] = field(default_factory=list)

    def add(self, values: Array) -> None:
        if self.more or not len(values):
            return
        self._waiting.append(np.unique(values, return_counts=True))
        if sum(len(kinds) for kinds, _ in self._waiting) > BOUND:
            self.settle()

    def settle(self) -> None:
        """Put together what was added."""
        if not self._waiting:
            return
        parts = [(self.kinds, self.counts), *self._waiting]
        self._waiting = []
        self.kinds, places = np.unique(np.concatenate([kinds for kinds, _ in parts]), return_inverse=True)
        self.counts = np.zeros(len(self.kinds), np.int64)
        np.add.at(self.counts, places.reshape(-1), np.concatenate([counts for _, counts in parts]))
        self.repeated = bool((self.counts > 1).any())
        if len(self.kinds) > BOUND:
            self.more = True
            self.kinds, self.counts = np.empty(0), np.empty(0, np.int64)


@dataclass
class Moments:
    """Number, means and sums of squared deviations of pairs x, y."""

    n: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    def add(self, x: Array, y: Array) -> None:
        n = len(x)
        if not n:
            return
        mean_x, mean_y = float(x.mean()), float(y.mean())
        dx, dy = x - mean_x, y - mean_y
        total = self.n + n
        share = self.n * n / total
        step_x, step_y = mean_x - self.x, mean_y - self.y
        self.xx += float(dx @ dx) + step_x**2 * share
        self.yy += float(dy @ dy) + step_y**2 * share
        self.xy += float(dx @ dy) + step_x * step_y * share
        self.x += step_x * n / total
        self.y += step_y * n / total
        self.n = total

    @property
    def correlation(self) -> float:
        """Pearson's; 0 where one of the two is constant."""
        spread = math.sqrt(self.xx) * math.sqrt(self.yy)
        return self.xy / spread if spread > 0 and math.isfinite(spread) else 0.0


@dataclass
class ColumnStats:
    """A column as far as it was read: numbers and words apart, since a column may have both."""

    name: str
    rows: int = 0
    gaps: int = 0
    numbers: int = 0  # cells that hold one
    infinite: int = 0
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    counting: bool = True  # every number is the one before and 1
    rising: bool = True
    moments: Moments = field(default_factory=Moments)
    tally: Tally = field(default_factory=Tally)
    words: dict[str, int] = field(default_factory=dict)
    worded: int = 0  # cells that hold words
    more_words: bool = False
    repetitive: bool = True  # whether words came twice on average, when there were too many to count
    places: dict[str, int] = field(default_factory=dict)  # the row, from 0, of the first few words
    _letters: int = 0
    _last: float | None = None

    def add(self, column: Column) -> Array:
        """Take a block in. Gives a number for the value of each row, (N,) uint64, equal for equal values."""
        start = self.rows
        self.rows += len(column)
        if not isinstance(column, Coded):
            self._add_numbers(column)
            return keys_of(column)
        values = np.array([float(word) if is_number(word) else np.nan for word in column.words] + [np.nan])
        self.gaps += int((column.codes < 0).sum())
        cells = values[column.codes]
        self._add_numbers(cells[~np.isnan(cells)])
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.words)).tolist()
        for place, (word, count) in enumerate(zip(column.words, counts, strict=True)):
            if count and np.isnan(values[place]):
                if len(self.places) < 5 and word not in self.places:
                    self.places[word] = start + int(np.argmax(column.codes == place))
                self._add_word(word, count)
        table = keys_of(values)
        for place, word in enumerate(column.words):
            if np.isnan(values[place]):
                table[place] = np.uint64(hash(word) & 0xFFFFFFFFFFFFFFFF)
        found: Array = table[column.codes]
        return found

    def _add_numbers(self, column: Array) -> None:
        there = column[~np.isnan(column)]
        self.gaps += len(column) - len(there)
        if not len(there):
            return
        self.numbers += len(there)
        self.tally.add(there)
        finite = there[np.isfinite(there)]
        self.infinite += len(there) - len(finite)
        if not len(finite):
            return
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        self.whole = self.whole and bool((finite == np.floor(finite)).all())
        steps = np.diff(finite, prepend=finite[0] - 1 if self._last is None else self._last)
        self.counting = self.counting and bool((steps == 1).all())
        self.rising = self.rising and bool((steps > 0).all())
        self._last = float(finite[-1])
        with np.errstate(over="ignore", invalid="ignore"):
            self.moments.add(finite, finite)

    def _add_word(self, word: str, count: int) -> None:
        self.worded += count
        if word in self.words:
            self.words[word] += count
        elif not self.more_words:
            self.words[word] = count
            self._letters += len(word)
            if len(self.words) > BOUND or self._letters > LETTERS:
                self.more_words = True
                self.repetitive = self.worded >= 2 * len(self.words)
                kept = sorted(self.words, key=lambda one: -self.words[one])[:FREQUENT]
                self.words = {one: self.words[one] for one in kept}

    @property
    def distinct(self) -> int | None:
        """How many values there are; None: more than BOUND, or too many to keep."""
        self.tally.settle()
        return None if self.more_words or self.tally.more else len(self.words) + len(self.tally.kinds)

    @property
    def deviation(self) -> float:
        return math.sqrt(self.moments.xx / self.moments.n) if self.moments.n else 0.0


def keys_of(values: Array) -> Array:
    """A number for each of these numbers (N,), uint64: equal for equal ones, one of its own for NaN."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.uint64)  # + 0.0 makes 0 of -0
    return mixed(np.where(np.isnan(values), np.uint64(_GAP), bits))


def mixed(bits: Array) -> Array:
    """Bits stirred one to one, (N,) uint64 (the finalizer of splitmix64, Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Array = bits ^ (bits >> np.uint64(31))
    return found
