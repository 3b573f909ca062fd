"""What a text without quotes means: the core schema of YAML 1.2, in which `1e-3` is a number and `on` is a text.

Reference: YAML Ain't Markup Language version 1.2, section 10.3.2 (Tag Resolution of the core schema).
"""

from __future__ import annotations

import re
import sys
from typing import Any

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NOT_A_NUMBER = (".nan", ".NaN", ".NAN")
_NUMBER_STARTS = frozenset("0123456789+-.")
# More digits than any float has; Python itself refuses to read very long ones.
_MOST_DIGITS = 400

TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "seq", "map")}


def resolve(text: str) -> Any:
    """The value of a text without quotes. Raises OverflowError for a whole number beyond the largest float."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    for pattern, base in ((_WHOLE, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            if len(text) > _MOST_DIGITS:
                raise OverflowError
            number = int(text, base) if base == 10 else int(text[2:], base)
            if abs(number) > sys.float_info.max:
                raise OverflowError
            return number
    if _REAL.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float("-inf") if text[0] == "-" else float("inf")
    return float("nan") if text in _NOT_A_NUMBER else text


def convert(text: str, tag: str) -> Any:
    """The value of a text under one of the core tags. Raises ValueError if it is none of that kind."""
    if tag == "str":
        return text
    value = resolve(text)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if tag == "float" and number:
        return float(value)
    fits = {"int": number and isinstance(value, int), "bool": isinstance(value, bool), "null": value is None}
    if not fits.get(tag, False):
        raise ValueError
    return value
