"""Text that must not harm a terminal; the escapes are Python's own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import seqnet
from seqnet.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode ★", "plain ünïcode ★"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert ast.literal_eval(f"'{shown}'") == text


def test_lines_may_stay() -> None:
    assert printable("a\r\nb", lines=True) == "a\\r\nb"


def test_there_is_one_of_it() -> None:
    root = Path(seqnet.__file__).parent
    assert [p.name for p in root.rglob("*.py") if "def printable(" in p.read_text()] == ["printable.py"]
