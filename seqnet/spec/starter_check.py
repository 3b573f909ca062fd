"""A starter file tried on its rows before it is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqnet.datasets.csv_source import Csv
from seqnet.errors import DataError
from seqnet.spec.check import check_parsed
from seqnet.spec.reader import parse_document
from seqnet.spec.starter import Starter
from seqnet.spec.starter_rows import RowsStarter, load, source_for

TRIES = 12


def checked_text(profile: Mapping[str, Any], source: Csv, path: Path) -> tuple[str, list[str]]:
    """The text of the file `path` for a table, and what a check of it still says.

    What only a division of the rows shows, such as categories that no training row has, is put right. Raises DataError.
    """
    options = {name: value for name, value in source.given_config().items() if name not in ("path", "target")}
    starter = Starter(profile, str(Path(source.path).absolute()), options)
    for _ in range(TRIES):
        result = check_parsed(parse_document(starter.text(path.stem, str(path)), str(path)))
        if not starter.adapt([] if result.data is None else result.data.warnings):
            break
    errors = [problem.message for problem in result.problems if not problem.warning]
    if errors:
        raise DataError(f"no file can be written for {source.path} as it is: {errors[0]}")
    starter.path = _relative(Path(source.path), path)
    return starter.text(path.stem, str(path)), [problem.message for problem in result.problems]


def checked_rows(data: Path, target: str | None, path: Path) -> tuple[str, list[str]]:
    """The same for images, texts or arrays. Raises DataError."""
    source = source_for(data.absolute(), target)
    starter = RowsStarter(load(source), source)
    result = check_parsed(parse_document(starter.text(path.stem, str(path)), str(path)))
    errors = [problem.message for problem in result.problems if not problem.warning]
    if errors:
        raise DataError(f"no file can be written for {data} as it is: {errors[0]}")
    next(iter(source.values()))["path"] = _relative(data, path)
    return starter.text(path.stem, str(path)), [problem.message for problem in result.problems]


def _relative(table: Path, file: Path) -> str:
    """How the file names the table: from its own folder, since it may be called from anywhere."""
    if table.is_absolute():
        return str(table)
    return Path(os.path.relpath(table, file.parent)).as_posix()
