"""The one place for how output looks: colours, the streams and what they can show, and text that harms no terminal."""

from __future__ import annotations

import codecs
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from seqnet.printable import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

TITLE = "bold"
NUMBER = "color(34)"  # numbers, unknown sizes and types have the colours of Keras's summary
UNKNOWN = "color(45)"
TYPE = "color(33)"
NO = "bold color(9)"
YES = "bold color(34)"
GOOD = "green"
BEST = "bold green"
WARNING = "yellow"
BAD = "bold red"
FAINT = "dim"
KEY = "cyan"
BAR = "green"
BAR_LEFT = "bright_black"

# What stands for a sign where the stream is ASCII; one character each, so that columns stay aligned.
_ASCII = {
    "★": "*",
    "└": "`",
    "─": "-",
    "━": "=",
    "╸": "-",
    "·": "-",
    "×": "x",
    "•": "*",
    "≥": ">",
    "≤": "<",
    "–": "-",
    "’": "'",
}
_ASCII_WORDS = {
    "…": "...",
    "→": "->",
    "±": "+-",
    "“": '"',
    "”": '"',
    "²": "^2",
    "³": "^3",
    "ˣ": "^x",
    "ᵀ": "^T",
    "₀": "_0",
    "\u0302": "^",  # the hat of an estimate
    "‖": "||",
    "√": "sqrt",
    "∫": "integral",
    "Σ": "sum",
    "Φ": "Phi",
    "α": "alpha",
    "π": "pi",
    "σ": "sigma",
    "τ": "tau",
    "φ": "phi",
    "µ": "mu",
}


def _to_ascii(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: known signs by their likeness, everything else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    likeness = {**_ASCII, **_ASCII_WORDS}
    shown = (likeness.get(c) or escape(c) for c in lost)
    return "".join(shown), error.end


codecs.register_error("seqnet.ascii", _to_ascii)


def prepare_streams() -> None:
    """Make stdout and stderr unable to fail on a character; for a program that owns them, not for a library.

    With LC_ALL=C Python itself would write UTF-8; whoever sets it asks for ASCII.
    """
    asked_for_ascii = os.environ.get("LC_ALL") in ("C", "POSIX") and not os.environ.get("PYTHONIOENCODING")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="seqnet.ascii", **({"encoding": "ascii"} if asked_for_ascii else {}))


def is_ascii(stream: IO[str]) -> bool:
    """Whether a stream can show ASCII only, as far as its encoding tells."""
    return not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def encodable(text: str, stream: IO[str]) -> str:
    """`text` with what the stream can't encode replaced by what it can."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "seqnet.ascii").decode(encoding)


def sign(character: str, stream: IO[str]) -> str:
    """A sign as the stream can show it."""
    return _ASCII.get(character, character) if is_ascii(stream) else character


def is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a closed or a homemade stream
        return False


def is_live(stream: IO[str]) -> bool:
    """Whether a line may be drawn over again: on a terminal that can, outside of CI."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return is_terminal(stream) and not dumb and os.environ.get("CI", "").lower() in ("", "0", "false")


def has_colour(stream: IO[str]) -> bool:
    """Whether what is written to a stream may be coloured."""
    return console(stream).color_system is not None


def bar(done: int, total: int, width: int, *, coloured: bool = True) -> Text:
    """A bar of `width` cells that is full when `done` reaches `total`."""
    from rich.text import Text

    full = width * done // total if total else width
    return Text.assemble(("━" * full, BAR), (("━" if coloured else "─") * (width - full), BAR_LEFT))


def columns(stream: IO[str]) -> int:
    """The width to write for: COLUMNS, the terminal's, or 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given):
        return int(given)
    if is_terminal(stream):
        try:
            return os.get_terminal_size(stream.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            pass
    return 80


def console(stream: IO[str], *, width: int | None = None, colour: bool = True) -> Console:
    """A rich Console on a stream: without colours where NO_COLOR says so or nobody would see them."""
    from seqnet.console.screen import SafeConsole

    plain = not colour or os.environ.get("NO_COLOR", "") != ""
    return SafeConsole(
        file=stream,
        width=width or columns(stream),
        height=25,  # without it rich takes dumb terminals to be 80 wide
        highlight=False,
        markup=False,
        emoji=False,
        color_system=None if plain else "auto",
    )


def render(*parts: Any, stream: IO[str], width: int | None = None, colour: bool = True) -> str:
    """What the parts (texts, tables) look like on a stream, each from a new line, with its codes for colours."""
    made = console(stream, width=width, colour=colour)
    with made.capture() as capture:
        for part in parts:
            made.print(part)
    text = capture.get()
    if not made.is_terminal:  # columns are padded for neighbours that are not there
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    return encodable(text, stream)


def show(*parts: Any, stream: IO[str] | None = None, **options: Any) -> None:
    """Write the parts to a stream (default: stdout) at once."""
    stream = stream or sys.stdout
    write(render(*parts, stream=stream, **options), stream)


def write(text: str, stream: IO[str] | None = None) -> None:
    """Write plain text to a stream (default: stdout), as far as it can show it, at once."""
    stream = stream or sys.stdout
    stream.write(encodable(text, stream))
    stream.flush()
