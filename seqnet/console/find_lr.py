"""What `seqnet find-lr` shows: a bar while it runs, then the curve, the suggestion, and how to follow it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO, Any

from rich.text import Text

from seqnet.console import theme
from seqnet.console.chart import Series, show_chart
from seqnet.console.format import learning_rate, metric, plural
from seqnet.console.progress import LiveLine
from seqnet.console.tables import Cell, commands, facts
from seqnet.training.callbacks import Callback

_BAR = 20
_ROOM = 13  # of the names in front


class SweepDisplay(Callback):
    """A line that is drawn over again on a terminal, and taken away in the end; nothing elsewhere."""

    def __init__(self, steps: int, stream: IO[str] | None = None) -> None:
        self.steps = steps
        self._line = LiveLine(stream or sys.stderr)

    def after_step(self, trainer: Any) -> None:
        if not self._line.is_due():
            return
        done = trainer.position.step
        line = Text.assemble((f"batch {done}/{self.steps}", theme.TITLE), " ")
        line.append_text(theme.bar(done, self.steps, _BAR)).append(f" loss {metric(trainer.last_loss)}")
        self._line.draw(line)

    def on_train_end(self, logs: Any = None) -> None:
        self.close()

    def close(self) -> None:
        self._line.clear()


def show_find_lr(report: Mapping[str, Any], try_it: str) -> None:
    """Print what `find_lr` found. try_it: the command that trains with the suggestion."""
    theme.show(facts(_head(report), room=_ROOM), "")
    _show_curve(report)
    theme.show("")
    theme.show(facts(_suggestion(report), room=_ROOM))
    if report["suggestion"] is not None:
        theme.show("", *commands("Try it", [try_it], room=_ROOM), "", width=10_000)
        theme.show(*commands("In the file", report["yaml"].split("\n"), room=_ROOM), width=10_000)


def _head(report: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    done, asked = len(report["losses"]), report["steps"]
    batches = plural(done, "batch", "batches") if done == asked else f"{done} of {asked} batches"
    rows = (
        f"{batches} of {min(report['batch_size'], report['rows'])} of the {report['rows']:,} rows of {report['data']}"
    )
    head: list[tuple[str, Cell]] = [("Model", f"{report['name']}, {report['optimizer']}"), ("Test", rows)]
    first, last = report["rates"][0], report["rates"][-1]
    stopped = {
        "exploded": "; ended there, where the loss had grown to four times its lowest",
        "not finite": "; ended there, before the loss was no longer a number",
        None: "",
    }[report["stopped"]]
    head.append(("Rates", f"{learning_rate(first)} to {learning_rate(last)}{stopped}"))
    if report["set_aside"]:
        head.append(("Set aside", f"{' and '.join(report['set_aside'])}, for the test alone"))
    return head


def _show_curve(report: Mapping[str, Any]) -> None:
    """The smoothed loss over the rate, up to where it rises far beyond where it came from."""
    rates, smoothed = report["rates"], report["smoothed"]
    lowest = smoothed.index(min(smoothed[report["steps"] // 10 :] or smoothed))
    highest = max(smoothed[: lowest + 1])
    highest += 0.15 * (highest - smoothed[lowest])
    end = next((i for i in range(lowest, len(rates)) if smoothed[i] > highest > smoothed[lowest]), len(rates))
    marks: dict[int, str] = {}
    if report["suggestion"] is not None:
        for name, sign in (("steepest", "×"), ("suggestion", "★")):
            marks[min(range(end), key=lambda i: abs(rates[i] / report[name] - 1))] = sign
    curve = Series("smoothed loss", rates[: end + 1], [min(y, highest) for y in smoothed[: end + 1]], "o", marks=marks)
    show_chart("loss", [curve], x_name="rate", log_x=True)


def _suggestion(report: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    if report["suggestion"] is None:
        return [("Suggestion", f"none: {report['remark']}")]
    rate = Text.assemble(
        ("★ ", theme.BEST),
        (learning_rate(report["suggestion"]), theme.TITLE),
        f", a tenth of the rate with the lowest loss, {report['lowest']:.2g}",
    )
    steep = Text.assemble(("× ", theme.KEY), f"{learning_rate(report['steepest'])}, where the loss falls fastest")
    found: list[tuple[str, Cell]] = [("Suggestion", rate), ("Or", steep)]
    if report["current"] is not None:
        found.append(("Now", f"  {learning_rate(report['current'])}"))
    if report["remark"]:
        found.append(("But", f"  {report['remark']}"))
    return found
