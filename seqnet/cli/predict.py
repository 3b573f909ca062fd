"""`seqnet predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.runs.predict import Predictor


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
    image, a folder of them or a csv file of paths; for one that was trained on a table or a series, a csv file of the
    same columns.

    An npz file holds rows as x, x_test or its only array. INPUT may be - for what comes in through a pipe. Without -o
    predictions go to stdout: as csv, or on a terminal the first ones as a table.

    \b
    seqnet predict runs/fashion_mlp/3 rows.npz -o out.csv
    seqnet predict fashion_mlp rows.csv | head
    grep -v draft rows.csv | seqnet predict houses - -o out.jsonl
    seqnet predict reviews new.txt
    """
    from seqnet.runs.predict import Predictor, require_writable

    if output is not None:
        require_writable(output)
    predictor = Predictor(options.open_run(run, runs, trust_plugins=trust_plugins), checkpoint=checkpoint)
    with _from_stdin(predictor) if str(input) == "-" else nullcontext(input) as path:
        _write(predictor, path, output, as_json)


def _write(predictor: Predictor, input: Path, output: Path | None, as_json: bool) -> None:
    from seqnet.console.format import plural
    from seqnet.console.messages import show_note, show_warning
    from seqnet.console.theme import is_terminal
    from seqnet.runs.predict import joined, prediction_csv, streams, write_pieces, write_predictions

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
        show_note(f"wrote {plural(count, 'row')} to {output}")


@contextmanager
def _from_stdin(predictor: Predictor) -> Iterator[Path]:
    """What comes in through a pipe, as a file for as long as the block runs: files are looked at twice."""
    import shutil
    import tempfile

    from seqnet.errors import UsageError

    start = b"" if sys.stdin is None else sys.stdin.buffer.read(6)  # None: the shell has closed it
    if not start:
        raise UsageError("INPUT is -, but nothing comes in through a pipe; name a file, or write rows to it")
    with tempfile.TemporaryDirectory(prefix="seqnet-") as folder:
        path = Path(folder) / f"stdin{predictor.ending(start)}"
        with path.open("wb") as file:
            file.write(start)
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path
