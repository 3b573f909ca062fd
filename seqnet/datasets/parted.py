"""Numbers with parted thousands, 1,234.5, which are words unless a file says how it writes numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seqnet.datasets.csv_format import Format, is_number

_PARTED = re.compile(r"[+-]?\d{1,3}([., '\u00a0\u202f])\d{3}(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")


def parted_numbers(words: Iterable[str], form: Format) -> tuple[str, str] | None:
    """One of the words, and the options that make it a number; None unless all words are numbers or such."""
    found: re.Match[str] | None = None
    for word in words:
        if is_number(word, form):
            continue
        match = _PARTED.fullmatch(word)
        if match is None:
            return None
        found = found or match
    if found is None:
        return None
    word, mark = found[0], found[1]
    decimal = {".": ' and decimal: ","', ",": ""}.get(mark, "")
    fraction = ', or decimal: "," where it is a fraction' if re.fullmatch(r"[+-]?\d+,\d+", word) else ""
    return word, f'thousands: "{mark}"{decimal} where that is a number{fraction}'
