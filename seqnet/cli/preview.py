"""`seqnet preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from seqnet.cli import options


@click.command(short_help="Show what the network really sees: rows, labels, ranges, pictures.")
@options.config()
@options.overrides
@options.plugins
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Whose rows.",
)
@click.option("--rows", type=click.IntRange(1, 256), default=8, show_default=True, help="How many rows.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw the pictures on a sheet."
)
@options.as_json
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    split: str,
    rows: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Show what the network of the file CONFIG really sees, before anything is trained.

    The rows and labels of each split; shapes, types and ranges from stage to stage: as the data are given, then after
    each layer that prepares or augments them; and some rows themselves: pictures, texts beside the numbers of their
    tokens, or the numbers of a table before and after. Rows that random layers change are shown four times, as four
    epochs would see them.

    \b
    seqnet preview configs/fashion_augmented.yaml
    seqnet preview configs/fashion_augmented.yaml -o sheet.png --rows 16
    """
    from seqnet.console.messages import show_note
    from seqnet.runs.preview import as_json as plain
    from seqnet.runs.preview import pixels, preview, require_sheet, write_sheet

    if output is not None:
        require_sheet(output)
    spec = options.load_config(config, overrides, plugins, trust_plugins)

    def on_event(name: str, details: dict[str, Any]) -> None:
        if name == "warning":
            options.show_warning_of(details["problem"], spec)

    found = preview(spec, split=split, rows=rows, on_event=on_event)
    if output is not None:
        write_sheet(found, output)
    if as_json:
        options.print_json(plain(found))
    else:
        from seqnet.console.preview import show_preview

        show_preview(found, pixels)
    if output is not None:
        show_note(f"the pictures are in {output}")
