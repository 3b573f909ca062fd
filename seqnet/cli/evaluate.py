"""`seqnet evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from seqnet.cli import options


@click.command(short_help="Measure a trained run on its test rows, or on others.")
@click.argument("run", required=False, metavar="[RUN|MODEL]", shell_complete=options.complete_runs)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    help="Which rows; default: test, where there are none validation.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(),
    help="Other rows: a YAML file with a data section, npz, hdf5, a folder of images, or what the run can train on.",
)
@options.checkpoint
@options.trust_plugins
@options.as_json
@options.runs
def command(
    run: str | None,
    split: str | None,
    data: str | None,
    checkpoint: str,
    trust_plugins: bool,
    as_json: bool,
    runs: Path,
) -> None:
    """Loss and metrics of a run, or of a model file that Python saved; of the latest run where none is named.

    For classifiers also precision, recall and F1 of each class and the confusion matrix.

    \b
    seqnet evaluate
    seqnet evaluate runs/fashion_mlp/3 --split validation
    seqnet evaluate model.seqnet --data rows.npz --json
    """
    from seqnet.console.messages import show_warning
    from seqnet.runs.evaluate import evaluate

    path = options.open_run(run, runs, trust_plugins=trust_plugins)
    if data is not None:
        options.permit_config(data, trust_plugins)
    found = evaluate(path, split=split, data=data, checkpoint=checkpoint)
    for warning in found.warnings:
        show_warning(warning)
    if as_json:
        extras = {
            "split": found.split,
            "rows": found.rows,
            "run": found.run,
            "checkpoint": found.checkpoint,
            "classes": found.classes,
            "per_class": found.per_class,
            "confusion_matrix": found.confusion,
            "original_units": found.original_units,
        }
        options.print_json({**found.values, **extras})
        return
    from seqnet.console.results import show_evaluation

    show_evaluation(
        values=found.values,
        split=found.split,
        rows=found.rows,
        run=str(found.run),
        checkpoint=found.checkpoint,
        per_class=found.per_class,
        confusion=found.confusion,
        original_units=found.original_units,
    )
