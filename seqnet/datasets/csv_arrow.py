"""Large plain csv files by pyarrow, where it is installed: the same columns as without it, several times sooner.

It is asked only for what it reads just as we do: UTF-8 without quotes, one row a line. Whatever it refuses, or
takes for another number of rows, is read by our own reader, which also finds the words for what is wrong.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.datasets.table import Coded, Column, Table
from seqnet.errors import DataError

if TYPE_CHECKING:
    from seqnet.datasets.csv_reader import CsvFile


def read(file: CsvFile, wanted: Collection[str] | None) -> Table | None:
    """All rows of a file; None where it is not for pyarrow."""
    form = file.form
    plain = form.encoding in (None, "utf-8") and form.decimal in (None, ".") and not form.thousands and not form.escape
    if not plain or len(file.names) < 2 or len(form.quote.encode()) > 1:
        return None
    try:
        import pyarrow as arrow
        import pyarrow.csv as reader
    except ImportError:
        return None
    try:
        content = file.path.read_bytes()
    except OSError:
        return None
    if content.startswith((b"\x1f\x8b", b"\xef\xbb\xbf", b"\xff", b"\xfe", b"\0")):
        return None
    content = content[file.skipped :]
    if form.quote.encode() in content or not content.strip():
        return None
    if b"\r" in content and b"\r" in content.replace(b"\r\n", b"\n"):
        return None
    if not content.endswith(b"\n"):
        content += b"\n"
    try:
        numbers = _numeric(file, content[: 1 << 16])
    except DataError:
        return None
    kept = [name for name in file.names if wanted is None or name in wanted]
    try:
        found = reader.read_csv(
            io.BytesIO(content),
            read_options=reader.ReadOptions(column_names=list(file.names)),
            parse_options=reader.ParseOptions(delimiter=form.delimiter or ",", quote_char=False),
            convert_options=reader.ConvertOptions(
                column_types={n: arrow.float64() if n in numbers else arrow.string() for n in file.names},
                include_columns=kept,
                null_values=list(file.missing),
                strings_can_be_null=False,
            ),
        )
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
        return None
    if len(found) != content.count(b"\n"):  # an empty line
        return None
    columns: dict[str, Column] = {}
    for name in kept:
        column = found[name].combine_chunks()
        columns[name] = _floats(column, file) if name in numbers else _words(column, file)
    file.words |= {name for name in kept if name not in numbers}
    return Table(columns, np.arange(len(found)) + file.lines + 1)


def _numeric(file: CsvFile, sample: bytes) -> set[str]:
    """The columns that hold numbers in the first rows; where later ones have words, pyarrow refuses them."""
    columns, _, _ = file.cells(sample[: sample.rfind(b"\n") + 1] or sample, 0)
    return {
        n
        for n, cells in zip(file.names, columns, strict=True)
        if n not in file.words and file.numbers(cells) is not None
    }


def _floats(column: object, file: CsvFile) -> Array:
    values: Array = column.to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
    if file.numbers_missing:
        values = np.where(np.isin(values, file.numbers_missing), np.nan, values)
    return values


def _words(column: object, file: CsvFile) -> Coded:
    coded = column.dictionary_encode()  # type: ignore[attr-defined]
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int32)
    return file.words_of(codes, coded.dictionary.to_pylist())
