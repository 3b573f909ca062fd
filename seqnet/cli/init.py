"""`seqnet init`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from seqnet.cli.options import program

TEMPLATES = ("classifier", "regressor", "image")


@click.command(short_help="Write a commented starter file.")
@click.argument("name", required=False)
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    help="What to begin from: rows to classes, rows to numbers, or images to classes. Default: classifier.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if there is one.")
def command(name: str | None, template: str | None, force: bool) -> None:
    """Write NAME.yaml: a file with comments that trains as it stands, on data that come with seqnet.

    On a terminal, without NAME, it asks.

    \b
    seqnet init flowers
    seqnet init clothing --template image
    """
    if name is None:
        name, template = _ask(template)
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    write_starter(path, template or TEMPLATES[0], force=force)
    from seqnet.console.messages import show_note

    show_note(f"wrote {path}")
    click.echo(f"{program()} check {path}\n{program()} train {path}")


def _ask(template: str | None) -> tuple[str, str | None]:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "model", template
    name = click.prompt("Name of the file", default="model", err=True)
    if template is None:
        template = click.prompt("Template", type=click.Choice(TEMPLATES), default=TEMPLATES[0], err=True)
    return name, template


def write_starter(path: Path, template: str, *, force: bool) -> None:
    """Write a template to `path` under the path's name. Raises UsageError."""
    from importlib.resources import files

    from seqnet.errors import UsageError

    name = path.stem
    if not name.strip() or any(c in '\\:*?"<>|{}' or not c.isprintable() for c in name) or name.startswith("."):
        raise UsageError(f"{name!r} does not do as the name of a file; use letters, digits, - and _")
    text = files("seqnet").joinpath("assets", f"{template}.yaml").read_text(encoding="utf-8")
    text = text.replace("name: {name} ", f"name: {_quoted(name)} ").replace("{name}", name).replace("{file}", str(path))
    try:
        if path.parent != Path():
            path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL), 0o666)
    except FileExistsError:
        raise UsageError(f"{path} exists already; choose another name, or use --force to overwrite it") from None
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _quoted(name: str) -> str:
    """A name as YAML writes it: quoted where it could be taken for something else."""
    plain = name.replace("-", "").replace("_", "").isalnum() and name[0].isalpha()
    taken = name.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
    return name if plain and name.isascii() and not taken else "'" + name.replace("'", "''") + "'"
