"""How far the decoding of images is, on stderr: a line that moves on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import IO

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import clock
from seqnet.console.progress import LiveLine

WAIT_SECONDS, LINE_SECONDS = 1.0, 10.0  # before anything is shown; between two lines
_WIDEST_BAR, _LEAST_BAR = 30, 8


class DecodingDisplay:
    """Told after each image how many of them are decoded; shows nothing of what is done in a moment."""

    def __init__(self, total: int, stream: IO[str] | None = None) -> None:
        self.total = total
        self.stream = stream or sys.stderr
        self._line = LiveLine(self.stream)
        self._live = theme.is_live(self.stream)
        self._started = time.perf_counter()
        self._due = self._started + (WAIT_SECONDS if self._live else LINE_SECONDS)

    def advance(self, done: int) -> None:
        """So many images are decoded."""
        now = time.perf_counter()
        if now < self._due:
            return
        if self._live:
            if self._line.is_due():
                self._line.draw(self._picture(done, now - self._started))
            return
        self._due = now + LINE_SECONDS
        theme.show(
            f"decoded {done:,} of {self.total:,} images, {100 * done // max(self.total, 1)} %",
            stream=self.stream,
            width=10_000,
        )

    def close(self) -> None:
        """Take the line away."""
        self._line.clear()

    def _picture(self, done: int, elapsed: float) -> Text:
        """Title, bar, count and time left, as far as the line has room."""
        room = theme.columns(self.stream) - 1
        count = f"{done:,} of {self.total:,}"
        left = f"ETA {clock(elapsed / done * (self.total - done))}" if done else ""
        for title, rest in (("decoding images", f"{count}  {left}"), ("decoding images", count), ("images", count)):
            bar = room - len(title) - len(rest) - 4
            if bar >= _LEAST_BAR:
                shown = theme.bar(done, self.total, min(bar, _WIDEST_BAR), coloured=theme.has_colour(self.stream))
                return Text("  ").join([Text(title, theme.TITLE), shown, Text(rest)])
        return Text(f"images {count}")
