"""`seqnet plot`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.runs.curves import Curves
    from seqnet.runs.evaluate import Evaluation


@click.command(short_help="Draw the curves of a run, in the terminal or as PNG or SVG.")
@click.argument("run", required=False, shell_complete=options.complete_runs)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw a picture, FILE.png or FILE.svg; needs matplotlib: pip install 'seqnet[plot]'.",
)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric. May be repeated.")
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    help="Which rows the confusion matrix counts; default: test, where there are none validation.",
)
@options.trust_plugins
@options.runs
def command(
    run: str | None,
    output: Path | None,
    metrics: tuple[str, ...],
    split: str | None,
    trust_plugins: bool,
    runs: Path,
) -> None:
    """Draw the loss and each metric of a run, training and validation, with the best epoch marked.

    Without RUN it is the latest. A picture of a classifier also shows its confusion matrix, with the best weights.

    \b
    seqnet plot
    seqnet plot moons/2 --metric accuracy
    seqnet plot moons/2 -o moons.png
    """
    from seqnet.runs.curves import read_curves
    from seqnet.runs.figure import require_drawable
    from seqnet.runs.folder import find_run, latest_run
    from seqnet.runs.records import best_row, read_record

    if output is not None:
        require_drawable(output)
    folder = latest_run(runs) if run is None else find_run(run, runs)
    record, curves = read_record(folder), read_curves(folder)
    chosen = _chosen(curves, metrics, folder)
    best = _best(curves, record.best_epoch, best_row(curves, record.monitor, record.mode))
    if output is None:
        _show(curves, chosen, best)
        return
    from seqnet.console.messages import show_note
    from seqnet.runs.figure import Picture, write_picture

    options.permit_plugins(folder, trust_plugins)
    counted = _evaluated(folder, split)
    picture = Picture(
        title=record.label,
        curves=curves,
        metrics=chosen,
        best=best,
        classes=counted.classes or () if counted is not None else (),
        confusion=None if counted is None else counted.confusion,
        rows="" if counted is None else f"{counted.rows:,} {counted.split} rows, {counted.checkpoint} weights",
    )
    write_picture(picture, output)
    show_note(f"wrote {output}")


def _chosen(curves: Curves, metrics: tuple[str, ...], folder: Path) -> list[str]:
    """The metrics to draw. Raises UsageError for one that was not logged, and where there is none yet."""
    from seqnet.errors import UsageError, suggestion

    if not len(curves):
        raise UsageError(f"{folder} has finished no epoch, so there is nothing to draw yet")
    for name in metrics:
        if name.removeprefix("val_") not in curves.metrics:
            raise UsageError(f"{folder} has logged no {name!r}; {suggestion(name, curves.metrics)}")
    return list(dict.fromkeys(name.removeprefix("val_") for name in metrics)) or curves.metrics


def _best(curves: Curves, epoch: int | None, otherwise: int) -> int:
    """Where the best epoch stands among the rows."""
    return curves.epochs.index(epoch) if epoch in curves.epochs else otherwise


def _show(curves: Curves, metrics: list[str], best: int) -> None:
    from seqnet.console.chart import Series, show_chart

    nothing = [math.nan] * len(curves)
    for name in metrics:
        validation = curves.values.get(f"val_{name}")
        train = curves.values.get(name, nothing)
        series = [Series("train", curves.epochs, train, "t", best if validation is None else None)]
        if validation is not None:
            series.append(Series("validation", curves.epochs, validation, "v", best))
        show_chart(name, series)


def _evaluated(folder: Path, split: str | None) -> Evaluation | None:
    """The run's confusion matrix; where its data or weights are gone, a warning, since the curves are still there."""
    from seqnet.console.messages import show_warning
    from seqnet.errors import SeqnetError
    from seqnet.runs.evaluate import evaluate

    try:
        found = evaluate(folder, split=split)
    except SeqnetError as error:
        if split is not None:
            raise
        show_warning(f"the picture has no confusion matrix:\n{error}".removesuffix("\n\n1 error"))
        return None
    for warning in found.warnings:
        show_warning(warning)
    return found
