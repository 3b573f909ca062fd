"""Cells of csv text found and read by NumPy, many at once, without an object of Python for each.

Cells end at delimiters and newlines. A cell is then eight bytes at a time in one uint64, whose highest byte is the
last sign, so that an operation on an array does to all bytes of all cells what one would do to one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence

import numpy as np

from seqnet.datasets.csv_format import Format
from seqnet.datasets.labels import Array

PIECE = 1 << 16  # cells that are read at once: what is made on the way stays in the processor's cache
WORDS = 4  # uint64 of a cell that are compared; longer cells are told apart as bytes objects
_SLOTS = 16  # bits of the number that stands for a cell while equal ones are found
_FEW = 16  # cells that show whether a column is of words
_NEWLINE = 10
_TENS = 10.0 ** np.arange(23)  # the powers of ten that a double holds exactly
_ONES = 0x0101010101010101
_STIR = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio (Knuth 1973, section 6.4)


class ByteCells:
    """The cells of whole rows. lines: the line that each row ends in, (N,); last: that of the text's end."""

    def __init__(self, text: bytes, buffer: Array, bounds: Array, quote: int | None, lines: Array, last: int) -> None:
        self._text = text
        self._data = buffer[1:]
        self._eight: Array = np.ndarray((len(buffer) - 8,), "<u8", buffer, 1, (1,))  # the eight bytes from each on
        self._bounds = bounds  # (columns + 1, N): the cells of column j lie between rows j and j + 1
        self._quote = quote  # the sign around some cells; None: around none
        self.lines, self.last = lines, last

    def texts(self, column: int) -> list[bytes]:
        """The cells of a column."""
        return self._sliced(*self._spans([column]))

    def numbers(
        self, columns: Sequence[int], point: str, other: Callable[[list[bytes]], Array | None]
    ) -> list[Array | None]:
        """Columns as floats, NaN where a cell is empty; None where a column is not of numbers.

        point: the decimal mark. other: reads cells as floats one by one, or finds that one is none; it is given those
        that are not written as a few digits, with a sign before and a point among them perhaps.
        """
        rows = self._bounds.shape[1]
        together = max(1, PIECE // rows)
        found: list[Array | None] = []
        for start in range(0, len(columns), together):
            some = columns[start : start + together]
            starts, stops = self._spans(some)
            values, sure = self._decimals(starts, stops, ord(point))
            empty = starts == stops
            values[empty] = np.nan
            sure |= empty
            for first in range(0, len(values), rows):
                part = slice(first, first + rows)
                numbers: Array | None = values[part]
                left = np.flatnonzero(~sure[part])
                if len(left):
                    rest = self._longer(starts[part][left], stops[part][left], ord(point), other)
                    if rest is None:
                        numbers = None
                    else:
                        values[part][left] = rest
                found.append(numbers)
        return found

    def coded(self, column: int) -> tuple[Array, list[bytes]]:
        """Which text each cell of a column has, (N,), and the texts in the order in which they first come."""
        starts, stops = self._spans([column])
        count = max(1, -(-int((stops - starts).max()) // 8))
        if count <= WORDS and b"\0" not in self._text:
            words = [self._word(starts, stops, place) for place in range(count)]
            slots = words[0] * _STIR
            for word in words[1:]:
                slots = (slots ^ word) * _STIR
            slots = (slots >> (64 - _SLOTS)).view(np.int64)
            rows = np.arange(len(slots))
            table = np.empty(1 << _SLOTS, np.int64)
            table[slots[::-1]] = rows[::-1]  # where several rows have a slot the last assigned stays: their first
            first = table[slots]
            if all((word == word[first]).all() for word in words):  # otherwise two texts have one slot
                firsts = np.flatnonzero(first == rows)
                table[slots[firsts]] = np.arange(len(firsts))
                return table[slots], self._sliced(starts[firsts], stops[firsts])
        return coded(self._sliced(starts, stops))

    # -- eight bytes at a time --------------------------------------------------------------------------------------

    def _spans(self, columns: Sequence[int]) -> tuple[Array, Array]:
        """Where the cells of columns begin and end, column after column, without the quotes."""
        first, last = columns[0], columns[-1]
        if last - first == len(columns) - 1:  # they are neighbours, and need not be copied
            starts, stops = self._bounds[first : last + 1], self._bounds[first + 1 : last + 2]
        else:
            places = np.array(columns)
            starts, stops = self._bounds[places], self._bounds[places + 1]
        starts, stops = starts.reshape(-1) + 1, stops.reshape(-1)
        if self._quote is not None:
            quoted = self._data[starts] == self._quote
            starts, stops = starts + quoted, stops - quoted
        return starts, stops

    def _sliced(self, starts: Array, stops: Array) -> list[bytes]:
        text = self._text
        return [text[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]

    def _word(self, starts: Array, stops: Array, place: int, flipped: int = 0) -> Array:
        """The last eight bytes of cells, (N,) uint64, or those `place` times eight before; zeros before a cell.

        flipped: bits that are turned over in what is the cell's.
        """
        if place:
            stops = stops - 8 * place
        starts = np.maximum(starts, stops - 8)
        word: Array = self._eight[starts]
        word ^= flipped
        word <<= (64 - 8 * (stops - starts)).view(np.uint64)  # what follows a short one drops out; 64 leaves nothing
        return word

    def _decimals(self, starts: Array, stops: Array, point: int, exponents: Array | None = None) -> tuple[Array, Array]:
        """Cells as numbers, (N,) float64, and which of them are what float makes of the text, (N,) bool.

        Those are digits, a sign before and a point among them perhaps. exponents: powers of ten, (N,), which the
        numbers are multiplied by; None: they have none, and at most 8 characters behind the sign, not 24.
        """
        signs = self._data[starts]
        negative = signs == ord("-")
        signed = negative | (signs == ord("+"))
        if signed.any():
            starts = starts + signed
        widths = stops - starts
        count = 1 if exponents is None else min(3, -(-int(widths.max()) // 8))
        sure = (widths - 1).view(np.uint64) < 8 * count
        mark = point ^ 0x30
        word = self._word(starts, stops, 0, 0x30 * _ONES)
        sure &= word != mark << 56  # a point alone is no number
        total, at, right = _whole(word, mark)
        sure &= right
        decimals = ((at * 0x0706050403020100) >> 56).view(np.int64)  # the bytes behind that of the point
        if exponents is None:
            values: Array = total.astype(np.float64)
            values /= _TENS[decimals]  # the only rounding, for both are exact
        else:
            weight = np.where(at == 0, np.uint64(10**8), np.uint64(10**7))  # of what is before these digits
            pointed = at != 0
            for place in range(1, count):
                more, at, right = _whole(self._word(starts, stops, place, 0x30 * _ONES), mark)
                has = at != 0
                sure &= right & ~(pointed & has)
                if place == 2:
                    sure &= more < 90  # below 2^63 in all
                total += more * weight
                weight = weight * np.where(has, np.uint64(10**7), np.uint64(10**8))
                decimals += np.where(has, ((at * 0x0706050403020100) >> 56).view(np.int64) + 8 * place, 0)
                pointed |= has
            total[~sure] = 0
            values, right = _scaled(total.view(np.int64), exponents - decimals)
            sure &= right
        if signed.any():
            values.view(np.uint64)[...] |= negative.astype(np.uint64) << 63
        return values, sure

    def _longer(
        self, starts: Array, stops: Array, point: int, other: Callable[[list[bytes]], Array | None]
    ) -> Array | None:
        """Cells that are longer or written otherwise, as floats (N,); None where they are no numbers."""
        if len(starts) > _FEW and other(self._sliced(starts[:_FEW], stops[:_FEW])) is None:
            return None  # a column of words, which a few of them show
        # An exponent as most programs write it: e-05, E+20.
        mark, sign, tens, ones = (self._data[np.maximum(stops - back, 0)] for back in (4, 3, 2, 1))
        powered = ((mark | 0x20) == ord("e")) & ((sign == ord("-")) | (sign == ord("+")))
        powered &= (tens - 48 < 10) & (ones - 48 < 10) & (stops - starts > 4)
        exponents = np.where(powered, np.where(sign == ord("-"), -1, 1) * (10 * (tens - 48) + (ones - 48)), 0)
        values, sure = self._decimals(starts, stops - 4 * powered, point, exponents)
        left = np.flatnonzero(~sure)
        if len(left):
            rest = other(self._sliced(starts[left], stops[left]))
            if rest is None:
                return None
            values[left] = rest
        return values


def _scaled(whole: Array, powers: Array) -> tuple[Array, Array]:
    """whole (N,) int64, not below 0, times ten to the powers (N,), as float64 (N,), and which are the nearest to that.

    Where both are doubles there is one rounding (Clinger 1990, How to read floating point numbers accurately). What is
    divided may have up to 63 bits: the remainder of the first quotient is known exactly by the product of Dekker
    (1971, A floating-point technique for extending the available precision), which gives the quotient twice as long.
    """
    tens = _TENS[np.minimum(np.abs(powers), 22)]
    first = whole.astype(np.float64)
    rest = (whole - first.astype(np.int64)).astype(np.float64)
    quotient = first / tens
    product = quotient * tens
    high, tens_high = _upper(quotient), _upper(tens)
    low, tens_low = quotient - high, tens - tens_high
    error = ((high * tens_high - product) + high * tens_low + low * tens_high) + low * tens_low
    correction = ((first - product) - error + rest) / tens
    values = quotient + correction
    # How far the long quotient is from its double, in units of the last place: halfway, or a quarter below a power of
    # two, is as near to the next, and the few that are within rounding of it are left.
    off = np.abs(correction - (values - quotient)) / np.spacing(np.maximum(values, 1e-300))
    sure = (np.abs(off - 0.5) > 1e-9) & (np.abs(off - 0.25) > 1e-9)
    exact = whole <= 1 << 53
    values = np.where(powers > 0, first * tens, np.where(exact, quotient, values))
    return values, (np.abs(powers) <= 22) & (exact | ((powers <= 0) & sure))


def _upper(values: Array) -> Array:
    """Doubles with the upper half of their bits (Veltkamp 1968)."""
    scaled = values * ((1 << 27) + 1)
    found: Array = scaled - (scaled - values)
    return found


def _whole(word: Array, mark: int) -> tuple[Array, Array, Array]:
    """The digits of eight signs as a whole number, (N,) uint64; a 1 in the byte of the point, if there is one; and
    whether they are digits and a point indeed. word: bytes of 0 to 9, the first in the lowest; mark: that of a point.

    The sums and products are those of all bytes at once; none of a right word carries into the next byte.
    """
    at = (word & (0x10 * _ONES)) >> 4  # the bytes that may be a point: no digit has this bit
    at &= -at  # the first of them
    word ^= at * mark
    right = at * 9  # for the byte of the point is to be 0, the others at most 9
    right += word
    right += 0x76 * _ONES
    right |= word
    right &= 0x80 * _ONES
    # The bytes before the point move to where it was.
    before = np.maximum(at, 1)
    before -= 1
    before &= word
    word -= before
    before <<= 8
    word += before
    # Pairs of digits, then fours, then all eight (Lemire 2018, Quickly parsing eight digits).
    word *= 1 + (10 << 8)
    word >>= 8
    word &= 0x00FF00FF00FF00FF
    word *= 1 + (100 << 16)
    word >>= 16
    word &= 0x0000FFFF0000FFFF
    word *= 1 + (10_000 << 32)
    word >>= 32
    return word, at, right == 0


def coded(cells: list[bytes]) -> tuple[Array, list[bytes]]:
    """Which text each cell has, (N,), and the texts in the order in which they first come."""
    known = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
    return np.fromiter(map(known.__getitem__, cells), np.int64, len(cells)), list(known)


def split(text: bytes, form: Format, columns: int, line: int) -> ByteCells | None:
    """The cells of whole lines after `line` others; None where they are not for NumPy: empty lines, rows of different
    lengths, quotes within cells, which the csv module reads or knows the words for."""
    mark, quote = (form.delimiter or ",").encode(), form.quote.encode()
    quoted = quote in text
    if len(mark) != 1 or form.escape is not None or (quoted and len(quote) != 1):
        return None
    returns = b"\r" in text
    if returns:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            return None
    buffer = np.zeros(1 + len(text) + 8, np.uint8)
    buffer[0] = _NEWLINE  # the first cell begins behind one, as others do
    data = buffer[1:-8]
    data[:] = np.frombuffer(text, np.uint8)
    newlines = data == _NEWLINE
    ending = newlines | (data == mark[0])
    if quoted:
        quotes = data == quote[0]
        places = np.flatnonzero(quotes)
        if len(places) % 2 or not ending[places[1::2] + 1].all():
            return None
        before = buffer[places[::2]]
        if not ((before == _NEWLINE) | (before == mark[0])).all():
            return None
        ending &= ~np.logical_xor.accumulate(quotes)
    ends = np.flatnonzero(ending)
    if len(ends) % columns:
        return None
    bounds = np.empty((columns + 1, len(ends) // columns), np.int64)
    bounds[1:] = ends.reshape(-1, columns).T
    bounds[0, 0], bounds[0, 1:] = -1, bounds[-1, :-1]
    rows = bounds.shape[1]
    if not newlines[bounds[-1]].all() or np.count_nonzero(newlines & ending if quoted else newlines) != rows:
        return None
    widest = int(np.diff(ends, prepend=-1).max()) if quoted else 0
    if widest > csv.field_size_limit() or (columns == 1 and (np.diff(bounds, axis=0) == 1).any()):
        return None
    total = int(np.count_nonzero(newlines))
    if total == rows:
        numbers = np.arange(1, rows + 1)
    elif returns:
        return None  # cells keep the ends of lines that are within them
    else:
        numbers = np.searchsorted(np.flatnonzero(newlines), bounds[-1]) + 1
    return ByteCells(text, buffer, bounds, quote[0] if quoted else None, numbers + line, line + total)
