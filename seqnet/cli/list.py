"""`seqnet list`."""

from __future__ import annotations

import click

from seqnet.cli import options


@click.command(short_help="List the layers, losses, optimizers, … there are.")
@click.argument("kind", required=False)
@options.own_plugins
@options.as_json
def command(kind: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """List the components of a KIND: layers, optimizers, losses, metrics, …; without KIND, the kinds.

    \b
    seqnet list layers
    seqnet describe Dense
    """
    from seqnet.cli.reference import kind_named, plural, rows
    from seqnet.registry import KIND_MODULES

    options.load_plugins(plugins)
    if kind is None:
        counts = {plural(one): sum(1 for _ in rows(one)) for one in KIND_MODULES}
        if as_json:
            options.print_json(counts)
            return
        from seqnet.console.pages import show_kinds

        show_kinds(counts)
        return
    found = list(rows(kind_named(kind)))
    if as_json:
        options.print_json(found)
        return
    from seqnet.console.pages import show_list

    show_list(found)
