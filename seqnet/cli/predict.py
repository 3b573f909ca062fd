"""`seqnet predict`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from seqnet.cli import options


@click.command(short_help="Let a trained run predict new rows.")
@click.argument("run", metavar="RUN|MODEL", shell_complete=options.complete_runs)
@click.argument("input", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all rows to FILE: .csv, .json, .jsonl, .npz or .npy.",
)
@options.checkpoint
@options.trust_plugins
@options.as_json
@options.runs
def command(
    run: str, input: Path, output: Path | None, checkpoint: str, trust_plugins: bool, as_json: bool, runs: Path
) -> None:
    """The class and the probabilities, or the values, for the rows of INPUT: an npz, npy, csv or tsv file.

    For a model that begins with TextVectorization, INPUT is a text file with a text a line, a csv, tsv or jsonl file
    with the column of its training, or a folder with one file a text. For a run that was trained on images INPUT is an
    image or a folder of them; for one that was trained on a table or a series, a csv file of the same columns.

    An npz file holds rows as x, x_test or its only array. Without -o they go to stdout: as csv, or on a terminal the
    first ones as a table.

    \b
    seqnet predict runs/fashion_mlp/3 rows.npz -o out.csv
    seqnet predict fashion_mlp rows.csv | head
    seqnet predict reviews new.txt
    """
    from seqnet.console.messages import show_note, show_warning
    from seqnet.console.theme import is_terminal
    from seqnet.runs.predict import (
        Predictor,
        joined,
        prediction_csv,
        require_writable,
        streams,
        write_pieces,
        write_predictions,
    )

    if output is not None:
        require_writable(output)
    predictor = Predictor(options.open_run(run, runs, trust_plugins=trust_plugins), checkpoint=checkpoint)
    pieces = predictor.pieces(input)
    count = 0
    if not as_json and output is not None and streams(output):
        count = write_pieces(pieces, output)
    elif not as_json and output is None and not is_terminal(sys.stdout):
        for piece in pieces:
            click.echo(prediction_csv(piece, header=not count), nl=False)
            count += len(piece.outputs)
    else:
        found = joined(list(pieces))
        if output is not None:
            write_predictions(found, output)
            count = len(found.outputs)
        if as_json:
            options.print_json({"classes": found.classes, "predictions": found.rows()})
        elif output is None:
            from seqnet.console.results import show_predictions

            show_predictions(found.rows())
    if predictor.unknown is not None:
        show_note(predictor.unknown)
    for warning in predictor.warnings:
        show_warning(warning)
    if output is not None:
        show_note(f"wrote {count:,} rows to {output}")
