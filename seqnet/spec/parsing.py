"""PyYAML's two parsers, the one in C (fast) and the one in Python (everywhere), made to agree.

They differ in how they treat tabs, `?` and `:` between brackets, and impossible `\\u` codes; the Python one is
brought here to what libyaml does. Only events are used: their parsers keep their own stack, so that depth is ours to
bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from yaml.events import Event
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken, TagToken

try:
    from yaml._yaml import CParser as CParser  # composer looks it up here
except ImportError:  # PyYAML built without libyaml
    CParser = None  # type: ignore[assignment, misc]

_BREAKS = "\r\n\x85\u2028\u2029"
_ENDS = "\0 \t" + _BREAKS
_TAG = re.compile(
    r"!<(?P<uri>[\w;/?:@&=+$,.!~*'()\[\]%-]+)>|(?P<handle>!(?:[\w-]*!)?)(?P<suffix>[\w;/?:@&=+$.!~*'()%-]*)", re.A
)


class EventParser(Protocol):
    """What the reader needs of a parser."""

    def __init__(self, text: str) -> None: ...

    def get_event(self) -> Event | None: ...


class PurePythonParser(Reader, Scanner, Parser):
    """PyYAML's own parser, which finds and refuses what libyaml finds and refuses."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip spaces, comments and line breaks; tabs too, wherever they can't be taken for indentation."""
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> ScalarToken:
        """Scan a text without quotes."""
        start = end = self.get_mark()
        indent = self.indent + 1
        value = gap = ""
        while not (self.peek() == "#" or self._at_document_marker()):
            length = self._plain_length(start)
            if length == 0:
                break
            self.allow_simple_key = False
            value += gap + self.prefix(length)
            self.forward(length)
            end = self.get_mark()
            gap = self._plain_gap(indent, start)
            if not gap or (not self.flow_level and self.column < indent):
                break
        return ScalarToken(value, True, start, end)

    def _at_document_marker(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _ENDS

    def _plain_length(self, start: Any) -> int:
        length = 0
        while (character := self.peek(length)) not in _ENDS:
            if character == ":":
                following = self.peek(length + 1)
                if self.flow_level and following in ",?[]{}":
                    self.forward(length)
                    raise ScannerError("while scanning a plain scalar", start, "found unexpected ':'", self.get_mark())
                if following in _ENDS:
                    break
            elif self.flow_level and character in ",[]{}":
                break
            length += 1
        return length

    def _plain_gap(self, indent: int, start: Any) -> str:
        """Skip what stands between two words of a plain text; return what it counts for."""
        blanks, breaks, leading = "", [], False
        while (character := self.peek()) in " \t" + _BREAKS:
            if character in " \t":
                if leading and self.column < indent and character == "\t":
                    problem = "found a tab character that violates indentation"
                    raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
                blanks += character
                self.forward()
            else:
                breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
                leading = self.allow_simple_key = True
        if not breaks:
            return blanks
        first, *more = breaks
        return (first if first != "\n" else "" if more else " ") + "".join(more)

    def scan_tag(self) -> TagToken:
        """Scan `!!str`, `!name`, `!handle!name`, `!<uri>` or a lone `!`."""
        start = self.get_mark()
        found = _TAG.match(self.buffer, self.pointer)
        assert found is not None
        self.forward(len(found[0]))
        problem = ""
        if found["uri"] is None and found["handle"] not in (None, "!") and not found["suffix"]:
            problem = "did not find expected tag URI"
        elif self.peek() not in _ENDS and not (self.flow_level and self.peek() == ","):
            problem = "did not find expected whitespace or line break"
        if problem:
            raise ScannerError("while scanning a tag", start, problem, self.get_mark())
        handle, suffix = found["handle"], found["suffix"]
        value = (None, found["uri"] or "!") if not suffix else (handle, suffix)
        return TagToken(value, start, self.get_mark())

    def scan_block_scalar_indicators(self, start_mark: Any) -> tuple[bool | None, int | None]:
        chomping, increment = None, None
        for _ in range(2):
            character = self.peek()
            if character in "+-" and chomping is None:
                chomping = character == "+"
            elif character in "0123456789" and increment is None:
                increment = int(character)
            else:
                break
            if increment == 0:
                problem = "found an indentation indicator equal to 0"
                raise ScannerError("while scanning a block scalar", start_mark, problem, self.get_mark())
            self.forward()
        return chomping, increment

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        while self.peek() in " \t":
            self.forward()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        found: tuple[list[str], int, Any] = super().scan_block_scalar_indentation()
        self._refuse_tab()
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Any]:
        found: tuple[list[str], Any] = super().scan_block_scalar_breaks(indent)
        if self.column < indent:
            self._refuse_tab()
        return found

    def _refuse_tab(self) -> None:
        if self.peek() == "\t":
            problem = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", None, problem, self.get_mark())

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        try:
            chunks: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
            "".join(chunks).encode()
        except (ValueError, OverflowError):  # a surrogate, or beyond the last code point
            problem = "found invalid Unicode character escape code"
            raise ScannerError("while parsing a quoted scalar", start_mark, problem, self.get_mark()) from None
        return chunks


def events(text: str, kind: type[EventParser] | None) -> Iterator[Event]:
    """The events of a parser of this kind, None: the one in Python. Raises MarkedYAMLError where it is not YAML."""
    parser = (kind or PurePythonParser)(text)
    while (event := parser.get_event()) is not None:
        yield event
