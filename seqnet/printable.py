"""Text of other people made safe to show: nothing in it moves a cursor, changes colours, hides or reorders."""

from __future__ import annotations


def printable(text: str, *, lines: bool = False) -> str:
    """`text` with every character that could act on a terminal written as an escape. lines: line breaks may stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (lines and c == "\n") else escape(c) for c in text)


def escape(character: str) -> str:
    """A character as Python writes it in a string: \\x1b, \\n, \\u202e, \\U000e0001."""
    return character.encode("unicode_escape").decode("ascii")
