"""Texts that messages point into: lines, columns, and how a text is shown without harm to the terminal."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

QUOTE_IT = "put the text in quotes"

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# A place in a very long line is looked at through a window, so that a message about it stays cheap.
_WINDOW = 300


@dataclass(frozen=True)
class Mark:
    """A place in a text. line, column: counted in characters, from 1."""

    line: int
    column: int


class Source:
    """A text with a name: a file, or a `-s` option of the command line.

    option: which `-s` option it is, counted from 1; 0 for a file.
    """

    def __init__(self, name: str, text: str, *, option: int = 0) -> None:
        self.name = name
        self.text = text
        self.option = option

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def mark(self, index: int) -> Mark:
        """The line and column of the character at `index`."""
        line = bisect_right(self._line_starts, index)
        return Mark(line, index - self._line_starts[line - 1] + 1)

    def line_of(self, number: int) -> int:
        """Where a line begins, by its number from 1; that of the last line if there are fewer."""
        return self._line_starts[min(number, len(self._line_starts)) - 1]

    def line_start(self, index: int) -> int:
        """Where the line that holds `index` begins."""
        return self._line_starts[bisect_right(self._line_starts, index) - 1]

    def line_end(self, index: int) -> int:
        """Where the line that holds `index` ends, its line break not included."""
        line = bisect_right(self._line_starts, index)
        if line == len(self._line_starts):
            return len(self.text)
        end = self._line_starts[line] - 1
        return end - 1 if self.text[end] == "\n" and end > 0 and self.text[end - 1] == "\r" else end

    def line_before(self, index: int) -> int | None:
        """Where the nearest line above that says something (not blank, not a comment) begins; None at the top."""
        line = bisect_right(self._line_starts, index) - 1
        while line > 0:
            line -= 1
            start = self._line_starts[line]
            content = self.text[start : min(self.line_end(start), start + _WINDOW)].strip()
            if content and not content.startswith("#"):
                return start
        return None

    def around(self, index: int) -> tuple[str, int]:
        """The line that holds `index`, cut to a window if it is very long, and where in the text this part begins."""
        start = max(self.line_start(index), index - _WINDOW)
        return self.text[start : min(self.line_end(index), index + _WINDOW)], start


@dataclass(frozen=True)
class Place:
    """A stretch of a source, from the character `start` up to `end` (not included)."""

    source: Source
    start: int
    end: int

    @property
    def mark(self) -> Mark:
        return self.source.mark(self.start)


def width(character: str) -> int:
    """How many cells of a terminal a printable character takes."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
