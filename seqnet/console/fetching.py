"""How a download goes on, on stderr: a line that is drawn over again on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import IO

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import clock, cut, memory, seconds
from seqnet.printable import printable

LIVE_SECONDS, LINE_SECONDS = 0.1, 10.0
_WIDEST_BAR, _LEAST_BAR = 30, 8


class FetchDisplay:
    """Told by a download where it stands; one file after the other."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.stream = stream or sys.stderr
        self._live = theme.is_live(self.stream)
        self._name = ""
        self._due = self._started = 0.0
        self._size = self._first = self._shown = 0

    def begin(self, name: str, size: int, done: int, address: str) -> None:
        """Bytes of a file begin to come: `size` in all, of which `done` are there already."""
        self._name, self._size, self._first = name, size, done
        self._started = time.monotonic()
        self._due = self._started + (LIVE_SECONDS if self._live else LINE_SECONDS)
        what = f"at {memory(done)} of {memory(size)}" if done else f"({memory(size)})"
        self._say(f"{'going on with' if done else 'fetching'} {name} {what} from {address}")

    def advance(self, done: int, size: int) -> None:
        """So many bytes are there."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + (LIVE_SECONDS if self._live else LINE_SECONDS)
        speed = (done - self._first) / max(now - self._started, 1e-9)
        if self._live:
            self._draw(self._picture(done, size, speed))
        else:
            percent = f"{100 * min(done, size) // max(size, 1)} %"
            self._say(f"{self._name}: {memory(done)} of {memory(size)}, {percent}, {memory(speed)}/s")

    def note(self, text: str) -> None:
        """Say what else happens."""
        self._draw(Text())
        self._say(text)

    def end(self, done: int) -> None:
        """No more bytes come of this request."""
        self._draw(Text())
        if done >= self._size:
            self._say(f"fetched {self._name}: {memory(done)} in {seconds(time.monotonic() - self._started)}")

    def _picture(self, done: int, size: int, speed: float) -> Text:
        """Name, bar, amount, speed, time left, as far as the line has room."""
        room = theme.columns(self.stream) - 1
        amount = f"{memory(done)} of {memory(size)}"
        left = clock((size - done) / speed) if speed else "-:--"
        pace, eta = Text(f"{memory(speed)}/s", theme.FAINT), Text(f"ETA {left}")
        for rest in ([Text(amount), pace, eta], [Text(amount), eta], [Text(amount)], []):
            line = Text("  ").join(rest)
            name = cut(self._name, max(room // 3, 8))
            bar = room - len(name) - line.cell_len - 4
            if bar >= _LEAST_BAR or not rest:
                break
        shown = theme.bar(min(done, size), size, max(min(bar, _WIDEST_BAR), 1), coloured=theme.has_colour(self.stream))
        picture = Text("  ").join([Text(name, theme.TITLE), shown, line])
        picture.truncate(room)
        return picture

    def _draw(self, line: Text) -> None:
        """Replace the line that is drawn over; an empty one takes it away."""
        if not line and not self._shown:
            return
        text = theme.render(line, stream=self.stream, width=10_000).rstrip("\n")
        self._put(f"\r{text}{' ' * (self._shown - line.cell_len)}{'' if line else chr(13)}")
        self._shown = line.cell_len

    def _say(self, text: str) -> None:
        self._draw(Text())
        self._put(f"{printable(text)}\n")

    def _put(self, text: str) -> None:
        with suppress(OSError):  # nobody reads any more; the download goes on
            theme.write(text, self.stream)
