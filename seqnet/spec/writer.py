"""Plain data to YAML that a person likes to read, and that every YAML reader, 1.1 or 1.2, reads back the same."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from typing import Any

_WIDTH = 100
_INLINE_LEVELS = 3
# Longer keys are beyond what YAML allows without a `? ` before them.
_LONGEST_KEY = 1000
_PLAIN = re.compile(r"(?:\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
# What YAML 1.1 or 1.2 takes for something else than a text, in lower case.
_TAKEN = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump_yaml(data: Any) -> str:
    """Write plain data: mappings with texts or whole numbers for keys, lists, texts, numbers, booleans, None.

    Keys keep their order. What is short stands in one line (`- Dense: {units: 128}`), the sections at the top on lines
    of their own. Floats read back exactly. Raises TypeError for other data, ValueError for what no YAML can hold.
    """
    if isinstance(data, Mapping) and data:
        return "\n".join(_mapping(data, 0, top=True)) + "\n"
    if isinstance(data, (list, tuple)) and data:
        return "\n".join(_list(data, 0)) + "\n"
    return _inline(data) + "\n"


def _mapping(data: Mapping[Any, Any], indent: int, *, top: bool = False) -> list[str]:
    lines: list[str] = []
    margin = " " * indent
    for key, value in data.items():
        name = _key(key)
        section = top and isinstance(value, Mapping) and len(value) > 0
        if len(name) > _LONGEST_KEY:
            lines += [f"{margin}? {name}", *_value(f"{margin}:", value, indent, section=section)]
        else:
            lines += _value(f"{margin}{name}:", value, indent, section=section)
    return lines


def _value(head: str, value: Any, indent: int, *, section: bool) -> list[str]:
    """The lines of a value that follows `head`."""
    if not section and _fits(value, len(head) + 1):
        return [f"{head} {_inline(value)}"]
    if isinstance(value, Mapping):
        return [head, *_mapping(value, indent + 2)]
    return [head, *_list(value, indent + 2)]


def _list(data: list[Any] | tuple[Any, ...], indent: int) -> list[str]:
    lines: list[str] = []
    margin = " " * indent
    for item in data:
        if _fits(item, indent + 2) and not (isinstance(item, Mapping) and item):
            lines.append(f"{margin}- {_inline(item)}")
        else:
            block = _mapping(item, indent + 2) if isinstance(item, Mapping) else _list(item, indent + 2)
            lines += [f"{margin}- {block[0].lstrip(' ')}", *block[1:]]
    return lines


def _fits(value: Any, column: int) -> bool:
    """Whether a value stands in one line: a scalar always does, a collection if it is short and not deep."""
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        return True
    return _flat(value, _INLINE_LEVELS) and _short(value, _WIDTH - column) and column + len(_inline(value)) <= _WIDTH


def _flat(value: Any, levels: int) -> bool:
    """Whether a value nests at most `levels` deep and holds no list of mappings, such as layers in a layer."""
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        return True
    if isinstance(value, Mapping):
        return levels > 0 and all(_flat(item, levels - 1) for item in value.values())
    return levels > 0 and all(not isinstance(item, Mapping) and _flat(item, levels - 1) for item in value)


def _short(value: Any, room: int) -> bool:
    """Whether it can fit at all, told without writing it: large data are not written once for every level."""
    return len(value) * 3 <= room and all(len(key) <= room for key in value if isinstance(key, str))


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return _scalar(value)


def _key(key: Any) -> str:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise TypeError(f"a key must be a text or a whole number, got {key!r}")
    return _scalar(key)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > sys.float_info.max:
            raise ValueError("a whole number beyond the largest float can't be written")
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"only plain data can be written as YAML, got {type(value).__name__}")


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, exponent, power = float.__repr__(value).partition("e")
    # YAML 1.1 knows a number with an exponent only by its decimal point.
    return digits + (".0" if exponent and "." not in digits else "") + exponent + power


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _TAKEN:
        return value
    if value.isprintable() and value.isascii() and "'" not in value:
        return f"'{value}'"
    if "\ud800" <= max(value, default="") and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"the text {value!r} can't be written: it holds half a character")
    return '"' + "".join(_double_quoted(character) for character in value) + '"'


def _double_quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and character != "\ufeff":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
