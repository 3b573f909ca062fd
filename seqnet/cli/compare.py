"""`seqnet compare`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.runs.compare import Comparison


@click.command(short_help="Set runs side by side: what differs, values, curves.")
@click.argument("names", nargs=-1, metavar="[RUN]...", shell_complete=options.complete_runs)
@click.option("--metric", metavar="NAME", help="What to draw; default: the value that decides which epoch is best.")
@options.as_json
@options.runs
def command(names: tuple[str, ...], metric: str | None, as_json: bool, runs: Path) -> None:
    """Set runs side by side; the latest two where none is named.

    First what their files say otherwise, every default included and nothing that is equal; then time, parameters and
    the values of the best and of the last epoch, the best of the runs marked; then their curves.

    \b
    seqnet compare
    seqnet compare moons/1 moons/2 runs/iris/3 --metric val_accuracy
    """
    from seqnet.runs.compare import compare
    from seqnet.runs.folder import find_run, runs_in

    folders = [find_run(name, runs) for name in names] if names else runs_in(runs)[-2:]
    found = compare(folders, metric=metric)
    if as_json:
        options.print_json(_report(found))
        return
    _show(found)


def _show(found: Comparison) -> None:
    from seqnet.console.chart import Series, show_chart
    from seqnet.console.compare import show_comparison
    from seqnet.console.format import seconds
    from seqnet.runs.compare import best_of

    records, ways = found.records, found.directions()
    facts = [
        ("state", [record.state for record in records]),
        ("epochs", [_of(record.epochs, record.planned_epochs) for record in records]),
        ("best epoch", [str(record.best_epoch or "-") for record in records]),
        ("time", ["-" if record.seconds is None else seconds(record.seconds) for record in records]),
        ("parameters", ["-" if record.parameters is None else f"{record.parameters:,}" for record in records]),
    ]
    tables = []
    for heading, columns in (
        ("in the best epoch", [record.best for record in records]),
        ("in the last epoch", [record.final for record in records]),
        ("on the test rows", [record.test for record in records]),
    ):
        rows = []
        for name in found.value_names():
            values = [column.get(name) for column in columns]
            if any(value is not None for value in values):
                rows.append((name, values, best_of(values, ways[name])))
        if rows:
            tables.append((heading, rows))
    differences = [(one.key, one.values) for one in found.differences]
    show_comparison(found.labels, differences=differences, facts=facts, values=tables)
    if found.metric is not None:
        drawn = [
            Series(label, curves.epochs, curves.values.get(found.metric, [math.nan] * len(curves)))
            for label, curves in zip(found.labels, found.curves, strict=True)
        ]
        show_chart(found.metric, [one for one in drawn if one.points()])


def _of(epochs: int, planned: int | None) -> str:
    return str(epochs) if planned is None else f"{epochs}/{planned}"


def _report(found: Comparison) -> dict[str, Any]:
    runs = [
        {**record.as_json(), "history": {"epoch": curves.epochs, **curves.values}}
        for record, curves in zip(found.records, found.curves, strict=True)
    ]
    return {
        "runs": runs,
        "differences": [{"key": one.key, "values": list(one.values)} for one in found.differences],
        "directions": found.directions(),
        "metric": found.metric,
    }
