"""What `seqnet cv` shows: a line that moves and a line a fold while it runs, then the table of all folds."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

from rich.cells import cell_len
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut, metric, plural, scalar, seconds
from seqnet.console.progress import LiveLine
from seqnet.console.tables import Cell, commands, facts, listing, wide
from seqnet.printable import printable
from seqnet.training.callbacks import Callback

_BAR = 20


class FoldsDisplay(Callback):
    """Shows which fold is being trained and how far it is, on a terminal; and each fold that is done, everywhere."""

    def __init__(self, folds: int = 0, repeats: int = 1, *, stream: IO[str] | None = None) -> None:
        self.folds = folds  # 0 until it is known
        self.repeats = repeats
        self.stream = stream or sys.stderr
        self._line = LiveLine(self.stream)
        self._label = ""

    def after_step(self, trainer: Any) -> None:
        if not self._line.is_due():
            return
        first, last = trainer.options.initial_epoch, trainer.options.epochs
        done = (trainer.position.epoch - first) * trainer.steps + trainer.position.batch
        line = Text.assemble((self._label, theme.TITLE), " ")
        line.append_text(theme.bar(done, (last - first) * trainer.steps, _BAR))
        line.append(f" epoch {min(trainer.position.epoch + 1, last)}/{last} loss {metric(trainer.last_loss)}")
        self._line.draw(line)

    def begin(self, repeat: int, fold: int) -> None:
        """Say which fold comes next, both from 1."""
        self._label = f"fold {fold}/{self.folds}"
        if self.repeats > 1:
            self._label = f"repeat {repeat}/{self.repeats}, {self._label}"

    def end(self, result: Mapping[str, Any], monitor: str) -> None:
        """Say what the fold came to, on a terminal as much of it as a line holds: the table has the rest."""
        names = [name for name in _values([result]) if name.startswith("val_") or name == monitor]
        values = {name: f"{printable(name)}: {metric(result['best'].get(name))}" for name in names}
        first = values.pop(monitor, "")
        epochs = f"{plural(result['epochs'], 'epoch')}, best {result['best_epoch']}"
        room = theme.columns(self.stream) if theme.is_terminal(self.stream) else 10_000
        parts = [f"{self._label}: {epochs}", seconds(result["seconds"]), first, *values.values()]
        while len(parts) > 3 and cell_len(" - ".join(parts)) > room:
            parts.pop()
        line = " - ".join(part for part in parts if part)
        shorter = (f"{self._label}: {epochs} - {first}", f"{self._label}: {first or epochs}", self._label)
        self.say(next((one for one in (line, *shorter) if cell_len(one) <= room), cut(self._label, room)))

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._line.clear()
        theme.show(text, stream=self.stream, width=10_000)

    def close(self) -> None:
        self._line.clear()


def start_lines(report: Mapping[str, Any], folder: str, *, left_out: Sequence[str]) -> list[Any]:
    """What is said before the first fold. left_out: options of the file that the folds take the place of."""
    data = report["data"]
    rows = f"{data['name']}: {plural(data['rows'], 'row')} in {report['folds']} folds, {report['way']}"
    lines: list[tuple[str, Cell]] = [("Data", rows)]
    if data["test"]:
        lines.append(("Held out", f"{plural(data['test'], 'test row')}, in no fold"))
    if data["unused"]:
        lines.append(("Left out", f"{plural(data['unused'], 'validation row')} of their own, in no fold"))
    if report["results"]:
        done = f"{len(report['results'])} of {plural(report['folds'] * report['repeats'], 'fold')}"
        lines.append(("Done", f"{done}, which stay as they are"))
    for option in left_out:
        lines.append(("Left out", f"{option}, whose place the folds take"))
    return [facts(lines), *commands("Record", [folder]), Text()]


def show_folds(report: Mapping[str, Any], folder: str) -> None:
    """One table: the best epoch of each fold with its values, then mean and standard deviation."""
    results, monitor = report["results"], report["monitor"]["name"]
    names = [name for name in _values(results) if name.startswith("val_") or name == monitor]
    several = report["repeats"] > 1
    room = wide() or theme.columns(sys.stdout)
    for optional in (["train", "val", "epochs"], ["epochs"], []):
        heads = ["fold", *optional, "best epoch" if optional else "best", *map(printable, names)]
        rows = [_row(result, optional, names, several) for result in results]
        rows += _last_rows(report, optional, names) if len(results) > 1 else []
        widths = [max(cell_len(str(one)) for one in column) for column in zip(heads, *rows, strict=True)]
        if sum(widths) + 2 * len(widths) <= room:
            break
    theme.show(listing(heads, rows, right=range(1, len(heads))), "", width=wide())
    planned = report["folds"] * report["repeats"]
    done = plural(len(results), "fold") if len(results) == planned else f"{len(results)} of {planned} folds"
    said = f"{done}, each in its best epoch by {monitor}"
    said += "; the deviation is that of a sample (ddof = 1)" if len(results) > 1 else ""
    theme.show(facts([("Values", said), ("Took", seconds(report["seconds"]))]), width=wide())
    theme.show(*commands("Record", [folder]), width=10_000)


def _row(result: Mapping[str, Any], optional: Sequence[str], names: Sequence[str], several: bool) -> list[Cell]:
    counts = {
        "train": f"{result['rows']['train']:,}",
        "val": f"{result['rows']['validation']:,}",
        "epochs": str(result["epochs"]),
    }
    label = f"{result['repeat']}.{result['fold']}" if several else str(result["fold"])
    values = [metric(result["best"].get(name)) for name in names]
    return [Text(label, theme.KEY), *(counts[name] for name in optional), str(result["best_epoch"]), *values]


def _last_rows(report: Mapping[str, Any], optional: Sequence[str], names: Sequence[str]) -> list[list[Cell]]:
    blank = [""] * (len(optional) + 1)
    return [
        [Text(label, theme.TITLE), *blank, *(Text(metric(_one(report[key].get(name))), theme.TITLE) for name in names)]
        for label, key in (("mean", "mean"), (f"{theme.sign('±', sys.stdout)} std", "std"))
    ]


def _one(value: Any) -> float | None:
    """A value as one number, of several their mean."""
    return None if value is None else scalar(value)


def _values(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The logged values, the loss first."""
    names = dict.fromkeys(name for result in results for name in result["best"])
    return sorted(names, key=lambda name: (name.removeprefix("val_") != "loss", name))
