"""Texts from files: lines, columns of csv, keys of json lines, folders of files; says in which line one is broken."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqnet.errors import DataError, suggestion

TABLES = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
DELIMITERS = (",", ";", "\t", "|")


@dataclass(slots=True)
class Entry:
    """One text, where it stands, and what stands beside it by the names of columns or keys."""

    text: str
    line: int | None = None
    path: Path | None = None
    others: dict[str, Any] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """ "reviews.csv, line 7"."""
        return f"{self.path or path}" + (f", line {self.line}" if self.line is not None else "")


def entries_of(path: Path, column: str, encoding: str) -> Iterator[Entry]:
    """The texts of a file: a column of .csv or .tsv, a key of .jsonl, or else a line each. Raises DataError."""
    kind = ending(path)
    if kind in TABLES:
        return _table(path, TABLES[kind], column, encoding)
    if kind in JSON_LINES:
        return _json_lines(path, column, encoding)
    return (Entry(line.rstrip("\r\n"), number) for number, line in lines_of(path, encoding))


def ending(path: Path) -> str:
    """What a file is by its name: ".csv" of reviews.csv and reviews.csv.gz."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def lines_of(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """(number, line with its end) of a text file, gzipped or not. Raises DataError with the line that can't be read."""
    try:
        with _opened(path) as file:
            encoding = _marked(file, encoding)
            if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):  # whose line ends are several bytes
                with io.TextIOWrapper(file, encoding=encoding, newline="") as texts:
                    yield from enumerate(texts, 1)
                return
            for number, raw in enumerate(file, 1):
                line = _decoded(raw, encoding, f"{path}, line {number}")
                yield number, line.removeprefix("\ufeff") if number == 1 else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is no gzip file that can be read ({error}); make or fetch it again") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeError as error:
        raise DataError(f"{path} is no text in {encoding}: {error}") from None


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _marked(file: gzip.GzipFile | io.BufferedReader, encoding: str) -> str:
    """The encoding; utf-16 where utf-8 was only supposed, and the file begins with the mark of the other."""
    start = file.read(2)
    file.seek(0)
    if codecs.lookup(encoding).name == "utf-8" and start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return encoding


def whole_file(path: Path, encoding: str) -> str:
    """The text of a file. Raises DataError with the line that can't be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    return _decoded(raw, encoding, str(path)).removeprefix("\ufeff")


def _decoded(raw: bytes, encoding: str, where: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n")
        at = f"{where}, line {line + 1}" if ", line " not in where else where
        near = raw[max(error.start - 10, 0) : error.start + 10].decode("latin-1")
        other = "latin-1" if codecs.lookup(encoding).name != "iso8859-1" else "utf-8"
        raise DataError(
            f"{at}: byte 0x{raw[error.start]:02x} (near {near!r}) is no {encoding}; if the file is in another "
            f"encoding, say which: encoding: {other}"
        ) from None


def _table(path: Path, delimiter: str, column: str, encoding: str) -> Iterator[Entry]:
    """The rows of a csv file with a header."""
    line = 1
    before = csv.field_size_limit(sys.maxsize)  # a long text is no mistake
    try:
        lines = (text for _, text in lines_of(path, encoding))
        first = next(lines, None)
        if first is None:
            raise DataError(f"{path} is empty")
        delimiter = _delimiter(first, delimiter, column)
        reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(reader)]
        if column not in header:
            raise DataError(f"{path} has no column {column!r}; {suggestion(column, header)}; name it with column: NAME")
        at = header.index(column)
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) != len(header):
                counted = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}, but the header has {len(header)}"
                raise DataError(f"{path}, line {line}: {counted}; a text with a {delimiter!r} in it needs quotes")
            yield Entry(cells[at], line, others=dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        hint = "; a quotation mark is opened there and never closed" if "unexpected end" in str(error) else ""
        raise DataError(f"{path}, line {line}: {error}{hint}") from None
    finally:
        csv.field_size_limit(before)


def _delimiter(header: str, usual: str, column: str) -> str:
    """What parts the names in a line of them so that `column` is one: what its ending says, or another."""
    for sign in (usual, *DELIMITERS):
        if column in [name.strip() for name in next(csv.reader([header], delimiter=sign), [])]:
            return sign
    return usual


def _json_lines(path: Path, key: str, encoding: str) -> Iterator[Entry]:
    for number, line in lines_of(path, encoding):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            raise DataError(f'{where}: no JSON ({error}); each line must be one object: {{"{key}": "…"}}') from None
        except RecursionError:
            raise DataError(f"{where}: brackets within brackets without end") from None
        if not isinstance(found, dict):
            raise DataError(f'{where}: must be an object such as {{"{key}": "…"}}, got {line.strip():.40}')
        if key not in found:
            raise DataError(f"{where}: has no key {key!r}; {suggestion(key, found)}; name it with column: NAME")
        if not isinstance(found[key], str):
            raise DataError(f"{where}: {key} must be a text, got {found[key]!r:.40}")
        yield Entry(found[key], number, others=found)
