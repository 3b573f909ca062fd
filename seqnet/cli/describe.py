"""`seqnet describe`."""

from __future__ import annotations

import click

from seqnet.cli import options


@click.command(short_help="Explain a component: every option, formula, shapes, an example.")
@click.argument("name", shell_complete=options.complete_names)
@click.option("--kind", metavar="KIND", help="Which, where several kinds have the name: activation, layer, …")
@options.own_plugins
@options.as_json
def command(name: str, kind: str | None, plugins: tuple[str, ...], as_json: bool) -> None:
    """Explain the component NAME: a layer, loss, optimizer, …, a data set, or the section data or training.

    Every option with type, default and meaning, the formula, the shapes and an example for a file.

    \b
    seqnet describe Dense
    seqnet describe softmax --kind activation
    """
    from seqnet.cli.reference import find, key_of, kind_named, page
    from seqnet.spec.reader import dump_yaml

    options.load_plugins(plugins)
    (best, cls), *rest = find(name, kind_named(kind) if kind else None)
    described = page(best, cls)
    described["example"] = dump_yaml(described["example"])
    described["others"] = [{"kind": one, "name": key_of(one, other)} for one, other in rest]
    if as_json:
        options.print_json(described)
        return
    from seqnet.console.pages import show_page

    show_page(described)
