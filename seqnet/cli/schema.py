"""`seqnet schema`."""

from __future__ import annotations

from pathlib import Path

import click

from seqnet.cli import options


@click.command(short_help="Write the JSON Schema that lets an editor complete and check files.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, not to stdout.")
@options.own_plugins
def command(output: Path | None, plugins: tuple[str, ...]) -> None:
    """Write the JSON Schema of seqnet's files, for editors with yaml-language-server (VS Code's YAML extension, …).

    Then begin a file with the line

    \b
    # yaml-language-server: $schema=seqnet.schema.json
    """
    import json

    from seqnet.console.messages import show_note
    from seqnet.errors import UsageError
    from seqnet.spec.schema import json_schema
    from seqnet.training.checkpoint import reason, write_file

    options.load_plugins(plugins)
    text = json.dumps(json_schema(), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_file(output, text.encode())
    except OSError as error:
        raise UsageError(f"can't write {output}: {reason(error)}") from error
    show_note(f"wrote {output}; begin your files with: # yaml-language-server: $schema={output}")
