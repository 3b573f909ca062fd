"""What `model.fit` and `model.evaluate` print: Keras's lines, redrawn on a terminal, plain everywhere else."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import IO, Any, Literal

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import keras_metric
from seqnet.printable import printable
from seqnet.training.callbacks import Callback, Logs

INTERVAL = 1 / 12  # seconds between two drawings
_BAR, _LEAST_BAR = 20, 5


class LiveLine:
    """A line that is drawn over again on a terminal, and taken away in the end; nothing elsewhere."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self._live = theme.is_live(stream)
        self._due = 0.0
        self._shown = 0

    def is_due(self) -> bool:
        """Whether it is time to draw again."""
        now = time.perf_counter()
        if not self._live or now < self._due:
            return False
        self._due = now + INTERVAL
        return True

    def draw(self, line: Text) -> None:
        """Show a line in place of the one before, as much of it as the terminal is wide."""
        line.truncate(theme.columns(self.stream) - 1)
        self._write(line)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write(Text())

    def _write(self, line: Text) -> None:
        text = theme.render(line, stream=self.stream, width=10_000).rstrip("\n")
        theme.write(f"\r{text}{' ' * (self._shown - line.cell_len)}{'' if line else chr(13)}", self.stream)
        self._shown = line.cell_len


def keras_display(verbose: Literal[1, 2]) -> Callback:
    """The display of fit. verbose: 1 draws a bar that moves, on a terminal; 2 writes one line an epoch."""
    return KerasDisplay(verbose)


def say_result(logs: Mapping[str, Any], steps: int) -> None:
    """The line of evaluate: steps, then loss and metrics, on stdout."""
    line = Text.assemble((f"{steps}/{steps}", theme.TITLE))
    if theme.is_live(sys.stdout):
        line.append(" ").append_text(theme.bar(1, 1, _BAR))
    theme.show(line.append(_values(logs)), width=10_000)


class KerasDisplay(Callback):
    """Writes `Epoch 1/5`, then a line that grows with the epoch and stays when it is over."""

    def __init__(self, verbose: Literal[1, 2] = 1) -> None:
        self.verbose = verbose
        self._due = math.inf
        self._shown = 0  # how many cells of the line are drawn
        self._step = 0
        self._begin(sys.stdout)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begin(sys.stdout)
        if self._total("epochs") > 1:
            theme.write(f"Epoch {epoch + 1}/{self._total('epochs')}\n", self._stream)

    def after_step(self, trainer: Any) -> None:
        self._step = trainer.position.batch
        now = time.perf_counter()
        if now >= self._due:
            self._due = now + INTERVAL
            self._draw(trainer.position.batch, trainer.running_logs(), now)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        line = self._line(
            self._total("steps") or self._step, logs or {}, time.perf_counter() - self._started, done=True
        )
        text = theme.render(line, stream=self._stream, width=10_000)
        theme.write(("\r" + _padded(text, line, self._shown)) if self._shown else text, self._stream)
        self._shown = 0

    def _begin(self, stream: IO[str]) -> None:
        notebook = type(stream).__module__.startswith("ipykernel")
        self._stream = stream
        self._live = self.verbose == 1 and (theme.is_live(stream) or notebook)
        self._started = time.perf_counter()
        self._due = self._started if self._live else math.inf
        self._shown = 0

    def _total(self, name: str) -> int:
        return int((self.params or {}).get(name) or 0)

    def _draw(self, step: int, logs: Logs, now: float) -> None:
        line = self._line(step, logs, now - self._started, done=False)
        line.truncate(theme.columns(self._stream) - 1)
        text = theme.render(line, stream=self._stream, width=10_000).rstrip("\n")
        theme.write("\r" + _padded(text, line, self._shown), self._stream)
        self._shown = line.cell_len

    def _line(self, step: int, logs: Logs, elapsed: float, *, done: bool) -> Text:
        """Steps, bar, time left (in the end: taken), time a step, values."""
        steps = max(self._total("steps"), step)
        each = elapsed / step if step else 0.0
        known = done or self._total("steps") > 0
        count = f"{step:{len(str(steps))}d}/{steps}" if known else f"{step}/Unknown"
        spent = f"{elapsed:.0f}s" if done or not known else _left(each * (steps - step))
        values = _values(logs)
        if not self._live:
            return Text(f"{count} - {spent} - {_each(each)}{values}")
        rest = len(count) + len(spent) + len(values) + 14
        room = theme.columns(self._stream) - rest
        bar = min(_BAR, max(room, _LEAST_BAR))
        if done and room < _LEAST_BAR:  # the terminal folds the line anyway
            bar = _BAR
        drawn = theme.bar(step, steps, bar, coloured=theme.has_colour(self._stream))
        return Text(" ").join(
            [Text(count, theme.TITLE), drawn, Text(spent, theme.TITLE), Text(f"{_each(each)}{values}")]
        )


def _padded(text: str, line: Text, shown: int) -> str:
    """`text`, the drawn `line`, with blanks over what is left of a longer one before it."""
    body = text.rstrip("\n")
    return body + " " * max(shown - line.cell_len, 0) + text[len(body) :]


def _values(logs: Mapping[str, Any]) -> str:
    return "".join(f" - {printable(name)}: {keras_metric(logs[name])}" for name in sorted(logs))


def _left(seconds: float) -> str:
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"


def _each(seconds: float) -> str:
    """How long a step takes, as Keras writes it."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"
