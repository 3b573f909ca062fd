"""The list of runs: one line a run, as many columns as the terminal has room for, all of them in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut, metric, seconds
from seqnet.printable import printable

_STYLES = {
    "running": theme.KEY,
    "finished": theme.GOOD,
    "stopped-early": theme.GOOD,
    "interrupted": theme.WARNING,
    "failed": theme.BAD,
    "damaged": theme.BAD,
}
_NAME, _LEAST = 20, 8  # cells of a run's name that are worth more than a column, and that it keeps in any case


@dataclass(frozen=True)
class _Column:
    """needed: a terminal too narrow for all columns leaves out those that are needed least."""

    head: str
    cell: Callable[[Mapping[str, Any]], str]
    needed: int
    right: bool = False


def show_runs(runs: Sequence[Mapping[str, Any]], *, value: str | None = None) -> None:
    """A table of runs as `--json` has them. value: the logged value to show instead of the one that was monitored."""

    def name(run: Mapping[str, Any]) -> str:
        return value or run["monitor"] or "-"

    on_terminal = theme.is_terminal(sys.stdout)
    names = {name(run) for run in runs if run["best"]}
    best = _Column("best", lambda run: _number(run["best"], name(run)), 7, right=True)
    columns = [
        _Column("run", lambda run: printable(run["run"]), 9),
        _Column("when", lambda run: _when(run["when"]), 3),
        _Column("state", lambda run: str(run["state"]), 8),
        _Column("epochs", _epochs, 5, right=True),
        _Column("monitor", lambda run: printable(name(run)), 2),
        best,
        _Column("at", lambda run: str(run["best_epoch"] or "-"), 4, right=True),
        _Column("time", lambda run: "-" if run["seconds"] is None else seconds(run["seconds"]), 1, right=True),
    ]
    if on_terminal and len(names) == 1:  # one name for all can stand at the top
        columns[4:6] = [_Column(printable(names.pop()), best.cell, best.needed, right=True)]
    cells = {column.head: [column.cell(run) for run in runs] for column in columns}
    widths = {head: max(map(cell_len, [head, *column])) for head, column in cells.items()}
    room = theme.columns(sys.stdout) if on_terminal else 10_000
    while len(columns) > 2 and min(widths["run"], _NAME) + _others(columns, widths) > room:
        columns.remove(min(columns, key=lambda column: column.needed))
    others = _others(columns, widths)
    widths["run"] = min(widths["run"], max(room - others, _LEAST))
    lines = [_line(columns, widths, {column.head: Text(column.head, theme.TITLE) for column in columns})]
    for row, run in enumerate(runs):
        texts = {column.head: Text(cells[column.head][row]) for column in columns}
        texts["run"] = Text(cut(run["run"], widths["run"]), theme.KEY)
        texts["state"].stylize(_STYLES.get(run["state"], ""))
        lines.append(_line(columns, widths, texts))
    theme.show(*lines, width=max(room, 10))


def _others(columns: Sequence[_Column], widths: Mapping[str, int]) -> int:
    """The room of all columns but the first."""
    return sum(widths[column.head] + 2 for column in columns[1:])


def _line(columns: Sequence[_Column], widths: Mapping[str, int], texts: Mapping[str, Text]) -> Text:
    line = Text(no_wrap=True, overflow="crop", end="")
    for column in columns:
        text, width = texts[column.head], widths[column.head]
        blank = " " * max(width - text.cell_len, 0)
        line.append("  " if line else "")
        line.append_text(Text.assemble(blank, text) if column.right else Text.assemble(text, blank))
    line.rstrip()
    return line


def _number(values: Mapping[str, Any], name: str) -> str:
    """A value of the best epoch; nan where it was measured and is none."""
    return metric(values[name]) if name in values else "-"


def _epochs(run: Mapping[str, Any]) -> str:
    if run["state"] == "damaged":
        return "-"
    if run["planned_folds"] is not None:
        return f"{run['folds']}/{run['planned_folds']} folds"
    planned = run["planned_epochs"]
    return str(run["epochs"]) if planned is None else f"{run['epochs']}/{planned}"


def _when(text: str | None) -> str:
    """A time in the time zone of whoever looks."""
    return "-" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
