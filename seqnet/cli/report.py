"""`seqnet report`."""

from __future__ import annotations

from pathlib import Path

import click

from seqnet.cli import options


@click.command(short_help="Write a page about a run: curves, classes, mistakes.")
@click.argument("run", required=False, metavar="[RUN]", shell_complete=options.complete_runs)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page, a file that ends in .html; default: report.html in the run folder.",
)
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    help="The rows to predict; default: test, where there are none validation.",
)
@options.checkpoint
@options.trust_plugins
@options.as_json
@options.runs
def command(
    run: str | None,
    output: Path | None,
    split: str | None,
    checkpoint: str,
    trust_plugins: bool,
    as_json: bool,
    runs: Path,
) -> None:
    """Write one HTML page about a run, the latest where none is named.

    It holds best and final values, curves, the layers, for classifiers the confusion matrix and each class, for
    regressions predicted against true, the worst mistakes with the rows themselves, and the file. The page is one
    file that needs no network, no script and no server: open it, mail it, print it.

    \b
    seqnet report
    seqnet report fashion_mlp/3 --split validation -o fashion.html
    """
    from seqnet.console.messages import show_warning
    from seqnet.report.page import page
    from seqnet.runs.folder import write_text
    from seqnet.runs.report import gather, require_page

    if output is not None:
        require_page(output)
    folder = options.open_run(run, runs, trust_plugins=trust_plugins)
    report = gather(folder, split=split, checkpoint=checkpoint)
    for note in report.notes:
        show_warning(note)
    path = output or folder / "report.html"
    require_page(path)
    write_text(path, page(report))
    measured = report.measured
    if as_json:
        values = {} if measured is None else dict(measured.values)
        extras = {
            "report": path,
            "run": folder,
            "split": None if measured is None else measured.split,
            "rows": None if measured is None else measured.rows,
            "checkpoint": None if measured is None else measured.checkpoint,
        }
        options.print_json({**values, **extras})
        return
    from seqnet.console.tables import commands
    from seqnet.console.theme import show

    show(*commands("Report", [str(path)]), width=10_000)
