"""What `seqnet train` shows on stderr: on a terminal a live line and a table that grows, elsewhere a line an epoch."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Self

from rich.live import Live
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import clock, learning_rate, metric, scalar, seconds, short
from seqnet.console.progress import INTERVAL
from seqnet.printable import printable
from seqnet.training.callbacks import Callback, Logs, Monitor

_WIDEST_BAR, _LEAST_BAR = 30, 5


@dataclass(frozen=True)
class _Column:
    """A column of the table of epochs: a logged value, or the epoch, learning rate, time or mark."""

    group: str
    head: str
    name: str
    width: int


class RunDisplay(Callback):
    """Shows a run while it trains. Use it as a context manager, so that the terminal is itself again in the end.

    The values of an epoch stay as one line, marked where the watched value is the best so far. live: whether to draw;
    default: on a terminal that can, outside of CI.
    """

    def __init__(self, stream: IO[str] | None = None, *, live: bool | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = theme.is_live(self.stream) if live is None else live
        self.monitor: str | None = None
        self.judge = Monitor("min")
        self.best: float | None = None
        self._screen: Live | None = None
        self._columns: list[_Column] = []
        self._due = 0.0 if self.live else math.inf
        self._first: tuple[float, int] | None = None  # when this epoch was first seen, and at which batch
        self._epoch_took: float | None = None
        self._trainer: Any = None
        self._two_lines = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, monitor: str, mode: str, best: float | None = None) -> None:
        """Say what decides which epoch is best: "min" or "max", and the best so far of a resumed run."""
        self.monitor, self.judge, self.best = monitor, Monitor(mode), best

    def say(self, *texts: Any) -> None:
        """Write texts or tables that stay, above what is live."""
        with contextlib.suppress(OSError):  # nobody reads any more; the run goes on
            for text in texts:
                if self._screen is not None:
                    self._screen.console.print(text, soft_wrap=True)
                else:
                    theme.show(text, stream=self.stream, width=10_000 if isinstance(text, (str, Text)) else None)

    def close(self) -> None:
        """Take the live line off the screen."""
        screen, self._screen = self._screen, None
        if screen is not None:
            with contextlib.suppress(OSError):
                screen.stop()

    # -- hooks ------------------------------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._first = (time.perf_counter(), 0)

    def after_step(self, trainer: Any) -> None:
        now = time.perf_counter()
        if now < self._due:
            return
        self._due = now + INTERVAL
        self._trainer = trainer
        if self._first is None:  # resumed in the middle of an epoch
            self._first = (now, trainer.position.batch)
        self._draw(trainer, now)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if self.live and self._trainer is not None:
            self._draw(self._trainer, time.perf_counter(), "validating")

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        took = time.perf_counter() - trainer.epoch_started
        self._epoch_took = took
        self._first = None
        values = {**logs, "lr": trainer.compiled.optimizer.effective_learning_rate}
        epoch = f"{trainer.history.epoch[-1] + 1}/{trainer.options.epochs}"
        names = [name for name in trainer.compiled.running.names if name in logs]
        # The learning rate has a column of its own already.
        names += [n for n in logs if n not in names and not n.startswith("val_") and n != "learning_rate"]
        best = self._is_best(logs)
        if self.live:
            self.say(*self._table_lines(epoch, names, values, took, best))
        else:
            self.say(self._plain_line(epoch, names, values, took, best))

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    # -- the lines that stay ----------------------------------------------------------------------------------------

    def _is_best(self, logs: Logs) -> bool:
        if self.monitor is None:
            self.monitor = "val_loss" if "val_loss" in logs else "loss"
        value = scalar(logs.get(self.monitor))
        if value is None or not self.judge.better(value, self.judge.worst if self.best is None else self.best):
            return False
        self.best = value
        return True

    def _plain_line(self, epoch: str, names: Sequence[str], values: Logs, took: float, best: bool) -> Text:
        logged = [*names, *(f"val_{name}" for name in names if f"val_{name}" in values)]
        parts = [f"Epoch {epoch}", seconds(took)]
        parts += [f"{printable(name)}: {metric(values[name])}" for name in logged]
        parts.append(f"lr: {learning_rate(values['lr'])}")
        return Text(" - ".join(parts) + (f" {theme.sign('★', self.stream)}" if best else ""))

    def _table_lines(self, epoch: str, names: Sequence[str], values: Logs, took: float, best: bool) -> list[Text]:
        columns = self._choose_columns(epoch, names, values)
        lines = [] if columns == self._columns else self._header(columns)
        self._columns = columns
        row = Text(no_wrap=True, overflow="crop")
        for column in columns:
            style = theme.BEST if best and column.name == self.monitor else ""
            if column.name == "epoch":
                shown, style = epoch, theme.TITLE
            elif column.name == "lr":
                shown, style = learning_rate(values["lr"]), theme.FAINT
            elif column.name == "time":
                shown, style = seconds(took), theme.FAINT
            else:
                shown = metric(values[column.name], short=column.width < 9)
                style = style or (theme.BAD if shown in ("nan", "inf", "-inf") else "")
            row.append(shown.rjust(column.width), style)
        if best:
            row.append(f" {theme.sign('★', self.stream)}", theme.BEST)
        return [*lines, row]

    def _choose_columns(self, epoch: str, names: Sequence[str], values: Logs) -> list[_Column]:
        """As many columns as the terminal is wide: values come first, then time, then learning rate."""
        room = theme.columns(self.stream) - 3
        total = epoch.split("/")[1]
        epochs = _Column("", "epoch", "epoch", max(2 * len(total) + 1, 5))
        rate, took = _Column("", "lr", "lr", 11), _Column("", "time", "time", 8)
        validated = any(name.startswith("val_") for name in values)
        for least in (9, 8):
            groups = [self._group(name, values, validated, least) for name in names]
            for tail in ([rate, took], [took], []):
                columns = [epochs, *(column for group in groups for column in group), *tail]
                if sum(column.width for column in columns) <= room:
                    return columns
        while groups and sum(column.width for column in columns) > room:
            groups.pop()
            columns = [epochs, *(column for group in groups for column in group)]
        return columns

    @staticmethod
    def _group(name: str, values: Logs, validated: bool, least: int) -> list[_Column]:
        """The columns of one metric: of the training rows, and where there is one of the validation."""
        there = [(head, full) for head, full in (("train", name), ("val", f"val_{name}")) if full in values]
        label = printable(name)
        width = max(least, -(-(len(label) + 2) // len(there)))
        return [_Column(label, head if validated else "", full, width) for head, full in there]

    def _header(self, columns: Sequence[_Column]) -> list[Text]:
        """Names of the values over their columns, then train and val."""
        above, below = "", ""
        for place, column in enumerate(columns):
            first = place == 0 or columns[place - 1].group != column.group
            if column.group and first:
                width = sum(other.width for other in columns if other.group == column.group)
                above += column.group.rjust(width) if not column.head else "  " + column.group.center(width - 2, "─")
            elif not column.group:
                above += " " * column.width
            below += (column.head or column.group).rjust(column.width)
        style = f"{theme.FAINT} {theme.TITLE}"
        lines = [above, below] if any(column.head in ("train", "val") for column in columns) else [below]
        return [Text(line.rstrip(), style, no_wrap=True, overflow="crop") for line in lines]

    # -- the line that is live --------------------------------------------------------------------------------------

    def _draw(self, trainer: Any, now: float, doing: str = "") -> None:
        try:
            if self._screen is None:
                self._screen = self._open()
            self._screen.console.width = theme.columns(self.stream)  # it may have been resized
            room = self._screen.console.width - 1
            self._screen.update(self._picture(trainer, now, room, doing), refresh=True)
        except OSError:  # nobody reads any more; the run goes on
            self._due = math.inf
            self.live = False
            self.close()

    def _open(self) -> Live:
        screen = Live(
            console=theme.console(self.stream),
            auto_refresh=False,
            transient=True,
            redirect_stdout=theme.is_terminal(sys.stdout),
        )
        screen.start()
        return screen

    def _picture(self, trainer: Any, now: float, room: int, doing: str) -> Text:
        """Epoch, bar, steps, speed, time left; loss, metrics, learning rate: in one line, or two where that is full."""
        step, steps, options = trainer.position.batch, trainer.steps, trainer.options
        started, first = self._first or (now, step)
        each = (now - started) / (step - first) if step > first else math.nan
        epoch = Text.assemble("Epoch ", (f"{trainer.position.epoch + 1}/{options.epochs}", theme.TITLE))
        count = Text(f"{step:{len(str(steps))}d}/{steps}")
        speed, left = Text(), Text()
        if doing:
            left = Text(doing, theme.FAINT)
        elif not math.isnan(each):
            speed = Text(f"{short(options.batch_size / each)} rows/s", theme.FAINT) if each else Text()
            epochs_left = options.epochs - trainer.position.epoch - 1
            rest = each * (steps - step) + epochs_left * (self._epoch_took or each * steps)
            left = Text.assemble(("ETA ", theme.FAINT), clock(rest))
        logs = trainer.running_logs()
        values = [Text.assemble((f"{printable(n)} ", theme.KEY), metric(value)) for n, value in logs.items()]
        values.append(
            Text.assemble(("lr ", theme.FAINT), learning_rate(trainer.compiled.optimizer.effective_learning_rate))
        )
        one = _joined([epoch, Text("━" * _LEAST_BAR * 2), count, speed, left, *values])
        self._two_lines = self._two_lines or one.cell_len > room
        if not self._two_lines:
            bar = self._bar(step, steps, room - one.cell_len + 2 * _LEAST_BAR)
            return _joined([epoch, bar, count, speed, left, *values])
        for others in ([speed, left], [left], []):
            free = room - _joined([epoch, count, *others]).cell_len - 2
            if free >= _LEAST_BAR:
                break
        bar = self._bar(step, steps, free) if free >= _LEAST_BAR else Text()
        above = _joined([epoch, bar, count, *others])
        below = _joined(values)
        while below.cell_len > room and len(values) > 1:
            values.pop()
            below = _joined(values)
        above.truncate(room)
        below.truncate(room)
        return Text("\n").join([above, below])

    def _bar(self, step: int, steps: int, room: int) -> Text:
        coloured = self._screen is None or self._screen.console.color_system is not None
        return theme.bar(step, steps, min(_WIDEST_BAR, room), coloured=coloured)


def _joined(parts: Sequence[Text]) -> Text:
    return Text("  ", no_wrap=True, overflow="crop").join(part for part in parts if part)
