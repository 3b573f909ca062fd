"""`seqnet data`: list, info and fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqnet.cli import options
from seqnet.cli.usage import Group

if TYPE_CHECKING:
    from seqnet.datasets.base import Data, Dataset
    from seqnet.declare import Component


@click.group(cls=Group, short_help="Show the data sets there are, and what is in them.")
def command() -> None:
    """Show the data sets there are, and what is in them."""


@command.command("list")
@options.as_json
def list_data(as_json: bool) -> None:
    """List the data sets that a file can name."""
    from seqnet.registry import components

    found = sorted((_entry(cls) for cls in components("dataset")), key=lambda entry: not entry["bundled"])
    if as_json:
        options.print_json(found)
        return
    from seqnet.console.pages import show_datasets

    show_datasets(found, sources=[cls.spec_name for cls in components("source")])


@command.command("info")
@click.argument("name", shell_complete=options.complete_datasets)
@click.option("--target", metavar="COLUMN", help="Of a table: the column to predict; tells classes and leaks.")
@options.reading
@options.as_json
def info(name: str, target: str | None, reading: tuple[str, ...], as_json: bool) -> None:
    """What is in the data set NAME: rows, shapes, ranges, classes, licence and source.

    NAME may also be your own: a csv, tsv or parquet file (gzipped or not), an npz, npy, hdf5 or jsonl file, a folder
    of images or texts by class or of IDX files, or a YAML file with a data section, of which it also says what rows are
    in two splits. Of a data set that is not fetched yet, it says where it is fetched from.

    Of a table: what each column holds and lacks, columns that say nothing, say the same or give the target away. It is
    read once, in little memory, however large.
    """
    if _is_table(name):
        _table_info(name, target, reading, as_json)
        return
    if target is not None:
        from seqnet.errors import UsageError

        raise UsageError(f"--target is for a table, and {name} is none")
    from seqnet.console.messages import show_warning
    from seqnet.datasets.overlap import overlaps
    from seqnet.datasets.profile import describe

    data, facts = _open(name, reading)
    if data is None:
        if as_json:
            options.print_json(facts)
            return
        from seqnet.console.pages import show_unfetched

        show_unfetched(facts)
        return
    data.check()
    for warning in data.warnings:
        show_warning(warning)
    profile = {**facts, **describe(data), "overlap": overlaps(data)}
    if as_json:
        options.print_json({**profile, "fingerprint": data.fingerprint()})
        return
    from seqnet.console.pages import show_data

    show_data(profile)


def _is_table(name: str) -> bool:
    from seqnet.datasets.table_profile import is_table

    return is_table(Path(name))


def _table_info(name: str, target: str | None, reading: tuple[str, ...], as_json: bool) -> None:
    from seqnet.datasets.table_profile import profile_table

    profile = profile_table(options.table_source(name, target, reading))
    if as_json:
        options.print_json(profile)
        return
    from seqnet.console.table_page import show_table

    show_table(profile)


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=options.complete_datasets)
@options.as_json
def fetch_data(names: tuple[str, ...], as_json: bool) -> None:
    """Fetch the files of the data sets NAME..., so that they can be used without a network.

    They are kept in the folder that the system has for such (SEQNET_HOME names another), and checked by their hashes
    whenever they are used. A fetch that broke off goes on where it was.
    """
    from seqnet.datasets.downloaded import Downloaded

    found = []
    for entry in [_known(name) for name in names]:
        files = []
        if issubclass(entry, Downloaded):
            made = entry()
            files = [{"path": str(made.fetched(file)), "bytes": file.size} for file in made.files]
        found.append({**_entry(entry), "files": files})
    if as_json:
        options.print_json(found)
        return
    from seqnet.console.pages import show_fetched

    show_fetched(found)


def _entry(cls: type[Component]) -> dict[str, Any]:
    """What the list says of a data set. bytes: on disk, or to be fetched."""
    from seqnet.datasets.base import Dataset

    assert issubclass(cls, Dataset)
    state, size = cls.presence()
    return {
        "name": cls.spec_name,
        "task": cls.task,
        "rows": cls.rows,
        "title": cls.title,
        "bundled": cls.bundled,
        "state": state,
        "bytes": size,
    }


def _known(name: str, also: str = "") -> type[Component]:
    """The class of a data set. Raises UsageError."""
    from seqnet.errors import UsageError
    from seqnet.registry import UnknownName, lookup

    try:
        return lookup("dataset", name)
    except UnknownName as error:
        raise UsageError(f"{error}; {error.hint}{also}") from None


def _open(name: str, reading: tuple[str, ...]) -> tuple[Data | None, dict[str, Any]]:
    """The data, unless they are still to be fetched, and what the catalogue says of them.

    Raises UsageError, DataError, SpecError.
    """
    from seqnet.datasets.base import Dataset
    from seqnet.datasets.sources import guessed
    from seqnet.declare import get
    from seqnet.errors import UsageError

    path = Path(name)
    own = guessed(path, options.reading_options(reading, {}))
    if own is None and reading:
        raise UsageError(f"-s says how a file or a folder is read, and {name} is none whose kind is known by its name")
    if path.suffix in (".yaml", ".yml"):
        spec = options.load_config(name, ())
        dataset = spec.unfetched
        return (spec.load_data(), {}) if dataset is None else (None, _facts(dataset))
    if own is not None:
        data = own.load(Path())
        data.prepare()
        return data, {}
    also = "; or name a csv, npz, npy, hdf5 or jsonl file, a folder of images, texts or IDX files, a YAML file"
    made = get(Dataset, _known(name, also).spec_name)
    if made.missing:
        return None, _facts(made)
    data = made.load()
    data.prepare()
    return data, _facts(made)


def _facts(dataset: Dataset) -> dict[str, Any]:
    """What the catalogue says of a data set; of one that is fetched, also where from and where to."""
    from seqnet.datasets.downloaded import Downloaded

    facts = {fact: getattr(dataset, fact) for fact in ("title", "licence", "origin", "note")}
    if not isinstance(dataset, Downloaded):
        return facts
    files = [
        {"path": str(path), "address": file.address, "digest": file.digest, "bytes": file.size, "here": path.is_file()}
        for file, path in dataset.places.items()
    ]
    return {"name": dataset.spec_name, "task": dataset.task, "listed": dataset.rows, **facts, "files": files}
