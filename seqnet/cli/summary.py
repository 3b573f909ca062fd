"""`seqnet summary`."""

from __future__ import annotations

from typing import Literal

import click

from seqnet.cli import options


@click.command(short_help="Show the layers of a file: shapes and parameters.")
@options.config()
@options.overrides
@options.plugins
@click.option("--detail", is_flag=True, help="Add share of the parameters, FLOPs and memory of the activations.")
@click.option("--nested/--flat", default=True, show_default=True, help="Show the layers inside of blocks too, or not.")
@click.option("--trainable", is_flag=True, help="Add a column that says which layers are trained.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How to write it; json always holds every detail.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Rows the memory is for; default: the file's.")
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    detail: bool,
    nested: bool,
    trainable: bool,
    layout: Literal["table", "json", "markdown"],
    as_json: bool,
    batch_size: int | None,
) -> None:
    """Show the layers of the file CONFIG as Keras does: output shapes and parameters.

    The data are read only where the model does not state its input shape; optimizer and loss may be absent.
    """
    from seqnet.console.summary import print_summary
    from seqnet.models.summary import summarize

    spec = options.load_config(config, overrides, plugins, trust_plugins)
    size = batch_size or spec.training.batch_size
    table = summarize(spec.build_model(), expand_nested=nested, batch_size=size)
    print_summary(table, detail=detail, format="json" if as_json else layout, show_trainable=trainable)
