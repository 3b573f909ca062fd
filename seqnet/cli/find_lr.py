"""`seqnet find-lr`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from seqnet.cli import options

_RATE = click.FloatRange(min=0, min_open=True, max=1e6)


@click.command("find-lr", short_help="Find a learning rate for a file.")
@options.config()
@options.overrides
@options.plugins
@click.option("--start", type=_RATE, default=1e-7, show_default=True, help="The first rate.")
@click.option("--end", type=_RATE, default=10.0, show_default=True, help="The last rate.")
@click.option("--steps", type=click.IntRange(20, 100_000), default=200, show_default=True, help="How many batches.")
@click.option("--threads", type=click.IntRange(min=1), help="Worker threads; default: chosen from the work of a step.")
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw the curve into FILE.png or FILE.svg too."
)
@options.as_json
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    start: float,
    end: float,
    steps: int,
    threads: int | None,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Find a learning rate for the file CONFIG by a range test (Smith 2015, arXiv:1506.01186).

    Trains new weights for a moment, on the batches a run would begin with, while the rate rises from --start to --end,
    and draws what the loss does. Suggests a tenth of the rate at which the smoothed loss is lowest. Nothing is kept.

    A schedule or a warm-up in the file is set aside for the test; the suggestion is then meant for its highest rate.
    --plot needs matplotlib: pip install 'seqnet[plot]'.

    \b
    seqnet find-lr configs/fashion_mlp.yaml
    seqnet find-lr configs/fashion_mlp.yaml -s optimizer=sgd --json
    """
    from seqnet.runs.figure import require_drawable
    from seqnet.runs.find_lr import find_lr, write_plot

    if not start < end:  # also where one is nan
        raise click.UsageError(f"--start must be below --end, got {start:g} and {end:g}")
    if plot is not None:
        require_drawable(plot)
    spec = options.load_config(config, overrides, plugins, trust_plugins)
    from seqnet.console.find_lr import SweepDisplay, show_find_lr
    from seqnet.console.messages import show_note

    display = SweepDisplay(steps)

    def on_event(name: str, details: dict[str, Any]) -> None:
        if name == "warning":
            options.show_warning_of(details["problem"], spec)
        elif name == "start" and not as_json:
            show_note(f"trying {steps} learning rates on {spec.name}")

    try:
        report = find_lr(spec, start=start, end=end, steps=steps, threads=threads, display=display, on_event=on_event)
    finally:
        display.close()
    if as_json:
        options.print_json(report)
    else:
        found = () if report["override"] is None else (report["override"],)
        given = options.given_again((*overrides, *found), plugins)
        show_find_lr(report, shlex.join([options.program(), "train", config, *given]))
    if plot is not None:
        write_plot(report, plot)
        show_note(f"the curve is in {plot}")
    return 0 if report["suggestion"] is not None else 1
