"""`seqnet init`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from seqnet.cli.options import program, reading

TEMPLATES = ("classifier", "regressor", "image")


@click.command(short_help="Write a commented starter file.")
@click.argument("name", required=False)
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    help="What to begin from: rows to classes, rows to numbers, or images to classes. Default: classifier.",
)
@click.option(
    "--data",
    metavar="PATH",
    help="Data of yours, for which the file is written: a table (csv, tsv, parquet), a folder of images or of texts "
    "by class, json lines with texts, an npz or hdf5 file.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="COLUMN",
    help="The column of a table to predict, or the key of json lines. Of a table it may be repeated.",
)
@reading
@click.option("--force", is_flag=True, help="Overwrite the file if there is one.")
def command(
    name: str | None,
    template: str | None,
    data: str | None,
    targets: tuple[str, ...],
    reading: tuple[str, ...],
    force: bool,
) -> None:
    """Write NAME.yaml: a file with comments that trains as it stands, on data that come with seqnet.

    On a terminal, without NAME, it asks. With --data it is written for your own table (what its columns hold, which of
    them to leave out), images, texts or arrays: the network, loss and metrics that fit, each with a comment that says
    why.

    \b
    seqnet init flowers
    seqnet init clothing --template image
    seqnet init --data houses.csv --target price
    seqnet init --data photos
    """
    from seqnet.console.messages import show_note

    if data is not None:
        path = _write_for(data, name, targets, reading, template, force=force)
    else:
        _require_data(targets, reading)
        if name is None:
            name, template = _ask(template)
        path = _path(name)
        write_starter(path, template or TEMPLATES[0], force=force)
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

    name = _checked_name(path)
    text = files("seqnet").joinpath("assets", f"{template}.yaml").read_text(encoding="utf-8")
    text = text.replace("name: {name} ", f"name: {_quoted(name)} ").replace("{name}", name).replace("{file}", str(path))
    _write(path, text, force=force)


def _write_for(
    data: str,
    name: str | None,
    targets: tuple[str, ...],
    reading: tuple[str, ...],
    template: str | None,
    *,
    force: bool,
) -> Path:
    """Write a file for somebody's data. Raises UsageError, DataError, SpecError."""
    from seqnet.cli.options import table_source
    from seqnet.console.messages import show_note, show_warning
    from seqnet.datasets.table_profile import column_names, is_table, profile_table
    from seqnet.errors import UsageError
    from seqnet.spec.starter import likely_target
    from seqnet.spec.starter_check import checked_rows, checked_text
    from seqnet.spec.starter_rows import describes

    if template is not None:
        raise UsageError("--template and --data can't both say what the file is for; leave one of them out")
    table = Path(data)
    rows = not is_table(table) and describes(table)
    if not is_table(table) and not rows:
        raise UsageError(
            f"--data {data} is no csv, tsv, parquet, npz, hdf5 or jsonl file and no folder; `seqnet list sources` "
            f"shows how others are named"
        )
    stem = table.name.removesuffix(".gz").removesuffix(".GZ")
    path = _path(name if name is not None else Path(stem).stem)
    _checked_name(path)
    if path.exists() and not force:
        raise _exists(path)
    if rows:
        _require_few(table, targets, reading)
        text, remarks = checked_rows(table, targets[0] if targets else None, path)
        for remark in remarks:
            show_warning(remark)
        _write(path, text, force=force)
        return path
    if not targets:
        names = column_names(table_source(data, None, reading))
        targets = (likely_target(names),)
        show_note(f"the target is taken to be {targets[0]}; if it is another column, name it with --target")
    source = table_source(data, targets[0] if len(targets) == 1 else list(targets), reading)
    text, remarks = checked_text(profile_table(source), source, path)
    for remark in remarks:
        show_warning(remark)
    _write(path, text, force=force)
    return path


def _require_few(data: Path, targets: tuple[str, ...], reading: tuple[str, ...]) -> None:
    """Raise UsageError for options that only a table has."""
    from seqnet.datasets.text_files import JSON_LINES
    from seqnet.errors import UsageError

    keyed = data.suffix.lower() in JSON_LINES
    if targets and not (keyed and len(targets) == 1):
        rest = "which has one target a text" if keyed else "whose targets are not in columns; leave it out"
        raise UsageError(f"--target does not fit {data}, {rest}")
    if reading:
        raise UsageError(f"-s says how a table is read, and {data} is none; leave it out, and change the written file")


def _require_data(targets: tuple[str, ...], reading: tuple[str, ...]) -> None:
    from seqnet.errors import UsageError

    if targets or reading:
        raise UsageError(f"{'--target' if targets else '-s'} needs --data FILE, the table that it is about")


def _path(name: str) -> Path:
    return Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")


def _checked_name(path: Path) -> str:
    """The name of a run by the file's. Raises UsageError."""
    from seqnet.errors import UsageError

    name = path.stem
    if not name.strip() or any(c in '\\:*?"<>|{}' or not c.isprintable() for c in name) or name.startswith("."):
        raise UsageError(f"{name!r} does not do as the name of a file; use letters, digits, - and _")
    return name


def _exists(path: Path) -> Exception:
    from seqnet.errors import UsageError

    return UsageError(f"{path} exists already; choose another name, or use --force to overwrite it")


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write a new file; with force also in the place of another. Raises UsageError."""
    from seqnet.errors import UsageError

    try:
        if path.parent != Path():
            path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL), 0o666)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _quoted(name: str) -> str:
    """A name as YAML writes it: quoted where it could be taken for something else."""
    plain = name.replace("-", "").replace("_", "").isalnum() and name[0].isalpha()
    taken = name.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
    return name if plain and name.isascii() and not taken else "'" + name.replace("'", "''") + "'"
