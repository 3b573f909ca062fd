"""`seqnet train`."""

from __future__ import annotations

import contextlib
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.console.live import RunDisplay
    from seqnet.runs.train import RunResult
    from seqnet.spec.run import RunSpec


@click.command(short_help="Train the network of a file.")
@options.config(required=False)
@options.overrides
@options.plugins
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the result.")
@options.as_json
@options.runs
@click.option("--threads", type=click.IntRange(min=1), help="Worker threads; default: chosen from the work of a step.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[RUN]",
    shell_complete=options.complete_runs,
    help="Go on with an interrupted run, by default the latest of this file, instead of starting a new one.",
)
@click.pass_context
def command(
    context: click.Context,
    config: str | None,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    quiet: bool,
    as_json: bool,
    runs: Path,
    threads: int | None,
    resume: str | None,
) -> int:
    """Train the network of the file CONFIG.

    Every run gets a folder of its own, runs/NAME/NUMBER, with the file, the metrics of every epoch, the best and the
    last weights. Ctrl-C ends a run after the batch, with everything saved; --resume goes on from there exactly.
    SIGTERM and SIGHUP do so too. With more epochs, --resume extends a finished run.

    \b
    seqnet train configs/fashion_mlp.yaml
    seqnet train configs/fashion_mlp.yaml -s training.epochs=10 -s model.2.Dense.units=64
    seqnet train configs/fashion_mlp.yaml --resume
    seqnet train configs/fashion_mlp.yaml --resume -s training.epochs=40
    """
    config, run = _which(context, config, resume, runs)
    from seqnet.console.live import RunDisplay
    from seqnet.datasets.imagecache import quiet_decoding
    from seqnet.runs.train import train

    spec = options.load_config(config, overrides, plugins, trust_plugins)
    if run is not None:
        _permit(spec, run, runs, trust_plugins)
    verbose = spec.training.verbose
    shown = not quiet and verbose != 0
    again = _again(config, overrides, plugins)
    context.with_resource(quiet_decoding(not shown))
    with RunDisplay(live=False if verbose == 2 else None) as display:
        events = _Events(spec, display, shown)
        try:
            result = train(
                spec, runs=runs, threads=threads, resume=run, display=display if shown else None, on_event=events
            )
        except KeyboardInterrupt:
            if events.folder is None:
                raise
            display.close()
            return _interrupted(display, events.folder, again)
    from seqnet.console.results import show_run

    if as_json:
        options.print_json({"run": result.folder, **_result(result)})
    elif result.history:
        show_run(
            folder=str(result.folder),
            final=result.final,
            best=result.best,
            test=result.test,
            epochs=(len(next(iter(result.history.values()))), spec.training.epochs),
            took=result.summary.get("seconds", {}).get("total"),
            hints=[] if quiet or result.interrupted else _next(result),
        )
    return _interrupted(display, result.folder, again, result.signal) if result.interrupted else 0


def _again(config: str, overrides: tuple[str, ...], plugins: tuple[str, ...]) -> str:
    """The same command, to be copied."""
    return shlex.join([options.program(), "train", config, *options.given_again(overrides, plugins)])


def _interrupted(display: RunDisplay, folder: Path, again: str, number: int | None = None) -> int:
    """Say what is saved of an interrupted run and how to go on; the exit code: 128 and the number of the signal."""
    from seqnet.runs.recorder import LAST

    if (folder / LAST).is_dir():
        display.say(f"interrupted; {folder} holds everything so far", f"go on with: {again} --resume {_quoted(folder)}")
    else:
        display.say(f"interrupted before anything was saved in {folder}", f"begin anew with: {again}")
    return 128 + (number or signal.SIGINT)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _which(context: click.Context, config: str | None, resume: str | None, runs: Path) -> tuple[str, str | bool | None]:
    """The file, and the run to go on with (True: the latest of the file).

    `--resume` may have taken the file for its run; and a run alone holds its file.
    """
    if config is None and resume and resume.endswith((".yaml", ".yml")):
        return resume, True
    if config is None and resume:
        from seqnet.runs.folder import RESOLVED, find_run

        run = find_run(resume, runs)
        return str(run / RESOLVED), str(run)
    if config is None:
        raise click.UsageError("CONFIG is missing: the YAML file to train; seqnet init writes one", context)
    return config, True if resume == "" else resume


def _permit(spec: RunSpec, run: str | bool, runs: Path, trusted: bool) -> None:
    """See that the code of the run to go on with may be run; a run that is not there is for the training to report."""
    from seqnet.errors import UsageError
    from seqnet.runs.folder import find_run

    try:
        folder = find_run(spec.name if run is True else str(run), runs)
    except UsageError:
        return
    options.permit_plugins(folder, trusted)


def _next(result: RunResult) -> list[str]:
    run, rows = _quoted(result.folder), result.input
    return [f"{options.program()} {what}" for what in (f"evaluate {run}", f"report {run}", f"predict {run} {rows}")]


def _result(result: RunResult) -> dict[str, Any]:
    return {
        "history": result.history,
        "best": result.best,
        "final": result.final,
        "test": result.test,
        "interrupted": result.interrupted,
        "summary": result.summary,
    }


class _Events:
    """Shows what happens before the first epoch: warnings, the layers, the data, the folder."""

    def __init__(self, spec: RunSpec, display: RunDisplay, shown: bool) -> None:
        self.spec = spec
        self.display = display
        self.shown = shown
        self.data: Any = None
        self.folder: Path | None = None

    def __call__(self, name: str, details: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # a run does not end because nobody reads its log any more
            self._show(name, details)

    def _show(self, name: str, details: dict[str, Any]) -> None:
        if name == "warning":
            options.show_warning_of(details["problem"], self.spec)
        elif name == "data":
            self.data = details["data"]
        elif name == "model" and self.shown:
            from seqnet.console.results import show_model
            from seqnet.models.summary import summarize

            show_model(summarize(details["model"]), self.display.stream)
        elif name == "note":
            self.display.say(details["text"])
        elif name == "start":
            self.folder = details["folder"]
            if details.get("monitor"):
                self.display.watch(details["monitor"], details["mode"], details.get("best"))
            if self.shown:
                self._start(details)

    def _start(self, details: dict[str, Any]) -> None:
        from seqnet.console.results import start_lines

        training, data = self.spec.training, self.data
        self.display.say(
            *start_lines(
                folder=str(details["folder"]),
                resumed_at=details["epoch"] + 1 if details["resumed"] else None,
                data=data.name,
                rows={name: len(split) for name, split in data.splits.items()},
                epochs=training.epochs,
                batch_size=training.batch_size,
                seed=self.spec.seed,
                vocabulary=details["vocabulary"],
                remarks=data.remarks,
                changes=details["changes"],
            )
        )
