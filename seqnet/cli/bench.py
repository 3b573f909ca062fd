"""`seqnet bench`."""

from __future__ import annotations

import click

from seqnet.cli import options


@click.command(short_help="Time the training of a file, layer by layer.")
@options.config()
@options.overrides
@options.plugins
@click.option("--threads", type=click.IntRange(min=1), help="Worker threads; default: chosen from the work of a step.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, max=3600),
    default=3.0,
    show_default=True,
    help="How long to train; the layers take half as long again.",
)
@click.option("--batch-size", type=click.IntRange(min=1), help="Rows a step; default: the file's.")
@options.as_json
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    threads: int | None,
    seconds: float,
    batch_size: int | None,
    as_json: bool,
) -> None:
    """Say how fast the file CONFIG trains here, and where the time goes.

    Trains for a few seconds on the first rows of the data, without writing anything; where there are no data and the
    model states its Input, on generated rows. Then times each layer, forward and backward, in one thread.

    The limit is what a step would take at the least: its matrix products at the rate that one product reaches here,
    and the bytes it can't avoid to write (outputs, gradients, weights) at the rate of a copy, on all its threads.
    A convolution that is computed with fewer operations than it has on paper (Winograd) can be faster than that.

    \b
    seqnet bench configs/fashion_cnn.yaml
    seqnet bench configs/fashion_cnn.yaml --threads 1 --batch-size 128
    """
    from seqnet.runs.bench import bench

    spec = options.load_config(config, overrides, plugins, trust_plugins)

    def on_start() -> None:
        from seqnet.console.messages import show_note

        show_note(f"timing {spec.name} for about {1.5 * seconds + 0.5:.0f} s")

    report = bench(
        spec,
        threads=threads,
        seconds=seconds,
        batch_size=batch_size,
        on_start=(lambda: None) if as_json else on_start,
    )
    if as_json:
        options.print_json(report)
        return
    from seqnet.console.bench import show_bench

    show_bench(report)
