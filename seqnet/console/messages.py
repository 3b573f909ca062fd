"""Errors and warnings on stderr: coloured where that shows, and never able to harm a terminal."""

from __future__ import annotations

import re
import sys
from typing import IO

from rich.text import Text

from seqnet.console import theme
from seqnet.printable import printable

_HEAD = re.compile(r"(?P<place>.*?): (?P<severity>error|warning): ")
_CARET = re.compile(r"[ |^-]*\^[ ^-]*")
_MOST_LINES = 400  # of a file of code
_HINT = "  = hint:"
_STYLES = {"error": theme.BAD, "warning": theme.WARNING}


def message(text: str, severity: str = "error") -> Text:
    """A message with its parts coloured; one that shows no place in a file is labelled with its severity."""
    body = printable(text, lines=True)
    if not _HEAD.match(body):
        body = f"{severity}: {body}"
    return Text("\n").join(_line(line) for line in body.split("\n"))


def _line(line: str) -> Text:
    """One line in colours: a place and what is wrong there, a caret, a hint, or a line of the file."""
    shown = Text(line)
    head = _HEAD.match(line)
    if head:
        shown.stylize(theme.TITLE, *head.span("place"))
        shown.stylize(_STYLES[head["severity"]], *head.span("severity"))
    elif line.startswith(("error:", "warning:")):
        label = line.partition(":")[0]
        shown.stylize(_STYLES[label], 0, len(label))
    elif _CARET.fullmatch(line):
        shown.stylize(theme.BAD)
    elif line.startswith(_HINT):
        shown.stylize(theme.KEY, 0, len(_HINT))
    return shown


def show_error(text: str, *, plain: bool = False) -> None:
    """Write an error to stderr; plain: without a label."""
    _show(Text(printable(text, lines=True), theme.FAINT) if plain else message(text), sys.stderr)


def show_warning(text: str) -> None:
    """Write a warning to stderr."""
    _show(message(text, "warning"), sys.stderr)


def show_note(text: str) -> None:
    """Write to stderr what was done."""
    _show(Text(printable(text, lines=True)), sys.stderr)


def show_code(text: str, path: str) -> None:
    """Write a file of code to stderr, so that every character of it shows and none does anything."""
    lines = text.splitlines()
    gutter = len(str(len(lines)))
    for number, line in enumerate(lines[:_MOST_LINES], 1):
        _show(Text(f"  {number:>{gutter}} | {printable(line.expandtabs(4))}"), sys.stderr)
    if len(lines) > _MOST_LINES:
        show_note(f"\nand {len(lines) - _MOST_LINES:,} lines more, which are to be read in {path}")


def show_problems(text: str) -> None:
    """Write rendered problems to stdout, as the result of a check."""
    _show(message(text), sys.stdout)


def _show(text: Text, stream: IO[str]) -> None:
    # Terminals fold long lines themselves; breaking them here would part a line of a file from its caret.
    theme.write(theme.render(text, stream=stream, width=max(theme.columns(stream), 10_000)), stream)
