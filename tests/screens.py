"""Streams and a terminal to show output on, for the tests of everything a person sees."""

from __future__ import annotations

import io
import os
import re
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def allow_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which a terminal has colours, whatever the tests are started from."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


class Screen:
    """What a terminal shows after the text it got: enough of one for what seqnet writes."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.cells: list[list[tuple[str, str]]] = [[]]  # character and its colours, by row
        self.row = self.column = 0
        self.style = ""
        self.wrapped = 0  # how often a line ran over the edge

    def feed(self, text: str) -> Screen:
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", text):
            if part.startswith("\x1b"):
                self._control(part)
            elif part == "\n":
                self._down()
                self.column = 0  # as terminals do for what programs write
            elif part == "\r":
                self.column = 0
            else:
                if self.column == self.columns:
                    self.wrapped += 1
                    self._down()
                    self.column = 0
                line = self.cells[self.row]
                line.extend([(" ", "")] * (self.column + 1 - len(line)))
                line[self.column] = (part, self.style)
                self.column += 1
        return self

    def _down(self) -> None:
        self.row += 1
        while len(self.cells) <= self.row:
            self.cells.append([])

    def _control(self, code: str) -> None:
        number = int(re.sub(r"\D", "", code) or 1)
        if code.endswith("A"):
            self.row = max(self.row - number, 0)
        elif code.endswith("K"):
            del self.cells[self.row][0 if "2K" in code else self.column :]
        elif code.endswith("m"):
            self.style = "" if code in ("\x1b[m", "\x1b[0m") else self.style + code
        elif not code.endswith(("h", "l")):
            raise AssertionError(f"this terminal does not know {code!r}")

    @property
    def text(self) -> str:
        """What can be read, without colours."""
        lines = ("".join(character for character, _ in line).rstrip() for line in self.cells)
        return "\n".join(lines).rstrip("\n") + "\n"

    @property
    def coloured(self) -> str:
        """The same with the codes of the colours."""
        return "\n".join(
            "".join(f"{style}{character}\x1b[0m" if style else character for character, style in line)
            for line in self.cells
        )


def seqnet(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own; its output is text."""
    return subprocess.run(
        [sys.executable, "-m", "seqnet.cli.main", *arguments],
        cwd=cwd,
        env=environment(env),
        text=True,
        encoding="utf-8",
        timeout=120,
        **({"capture_output": True} | options),  # type: ignore[call-overload]
    )


def environment(changes: dict[str, str] | None = None) -> dict[str, str]:
    """The environment without what changes output, and with `changes`."""
    shaping = ("NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS", "LINES", "TERM", "LC_ALL", "LANG", "TTY_")
    shaping += ("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(shaping)}
    return {**kept, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1", **(changes or {})}


def on_terminal(*arguments: str, cwd: Path, columns: int, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the command line on a terminal of so many columns; exit code, and everything it wrote."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "seqnet.cli.main", *arguments]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment(env), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    written = bytearray()
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                block = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not block:
                break
            written += block
    finally:
        os.close(ours)
    return process.wait(timeout=60), written.decode()
