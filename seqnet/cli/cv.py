"""`seqnet cv`."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

import click

from seqnet.cli import options


@click.command("cv", short_help="Cross-validate a file: a model a fold, mean and deviation.")
@options.config()
@options.overrides
@options.plugins
@click.option("--folds", type=click.IntRange(2, 1000), show_default="5", help="How many folds.")
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    show_default="1",
    help="How often, each time with folds and weights of another seed.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the latest cross-validation of the file; its folds that are done stay."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the result.")
@options.as_json
@options.runs
@click.option("--threads", type=click.IntRange(min=1), help="Worker threads; default: chosen from the work of a step.")
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    folds: int | None,
    repeats: int | None,
    resume: bool,
    quiet: bool,
    as_json: bool,
    runs: Path,
    threads: int | None,
) -> int:
    """Cross-validate the file CONFIG: every fold is held back once, and a new model is trained on the rest.

    The folds have equal shares of each class; with data.group_by no group is in two folds; with data.order_by each
    fold is trained on what came before it. The test rows of the data are in no fold. The values are those of each
    fold's best epoch; then follow their mean and standard deviation (of a sample, ddof = 1). Everything is written to
    runs/NAME/cv-NUMBER. Ctrl-C ends it, and the folds that are done are shown; --resume goes on with
    those that are missing, as long as neither file nor data have changed.

    \b
    seqnet cv configs/iris.yaml
    seqnet cv configs/iris.yaml --folds 10 --repeats 3 -s training.epochs=50
    seqnet cv configs/iris.yaml --resume
    seqnet cv patients.yaml -s data.group_by=patient --json
    """
    from seqnet.runs.cross_validation import cross_validate

    spec = options.load_config(config, overrides, plugins, trust_plugins)
    from seqnet.console import theme
    from seqnet.console.cross_validation import FoldsDisplay, show_folds, start_lines
    from seqnet.datasets.imagecache import quiet_decoding

    display = FoldsDisplay()
    shown = not quiet and spec.training.verbose != 0
    click.get_current_context().with_resource(quiet_decoding(not shown))
    monitor = ""

    def on_event(name: str, details: dict[str, Any]) -> None:
        nonlocal monitor
        with contextlib.suppress(BrokenPipeError):  # it does not end because nobody reads its log any more
            if name == "warning":
                options.show_warning_of(details["problem"], spec)
            elif name == "note":
                display.say(details["text"])
            elif name == "start":
                monitor = details["report"]["monitor"]["name"]
                display.folds, display.repeats = details["report"]["folds"], details["report"]["repeats"]
                share = spec.data.validation_split if spec.data is not None else 0.0
                left_out = [f"validation_split {share:g}"] if share else []
                if shown:
                    theme.show(
                        *start_lines(details["report"], str(details["folder"]), left_out=left_out),
                        stream=display.stream,
                    )
            elif name == "begin":
                display.begin(details["repeat"], details["fold"])
            elif name == "fold" and shown:
                display.end(details, monitor)

    try:
        found = cross_validate(
            spec,
            folds=folds,
            repeats=repeats,
            runs=runs,
            threads=threads,
            resume=resume,
            display=display if shown else None,
            on_event=on_event,
        )
    finally:
        display.close()
    if as_json:
        options.print_json({"folder": found.folder, **found.report})
    elif found.report["results"]:
        show_folds(found.report, str(found.folder))
    if found.interrupted:
        done = bool(found.report["results"])
        if not done:
            display.say("interrupted before a fold was done; nothing is kept")
        else:
            display.say(f"interrupted; {found.folder} holds the folds that are done")
            display.say("go on with: the same command and --resume")
        return 128 + (found.signal or signal.SIGINT)
    return 0
