"""How a csv file is written: compression, encoding, delimiter, header, decimal mark; stated, or found out.

What can't be told for certain is an error that asks, never a guess.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from seqnet.errors import DataError, suggestion

BLOCK = 1 << 20  # bytes looked at in one go
LONGEST = 1 << 26  # bytes that a row may take
DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 100
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"))
_MARKS_16 = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# How files begin that are no text, and what to do with them.
_OTHERS = (
    (b"PK\x03\x04", "is a zip or Excel file; unpack it, or save the sheet as csv"),
    (b"\xd0\xcf\x11\xe0", "is an Excel file; save the sheet as csv"),
    (b"\x93NUMPY", "is a NumPy array; name an npz file with npz: {path: …}"),
    (b"\x89HDF", "is an HDF5 file"),
)
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Format:
    """How the text is written; None: to be found out. quote: the sign around cells that hold other signs."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    escape: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None

    def reader(self, lines: Iterable[str]) -> Any:
        return csv.reader(
            lines,
            delimiter=self.delimiter or ",",
            quotechar=self.quote,
            doublequote=self.escape is None,
            escapechar=self.escape,
            strict=True,
        )


def open_bytes(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked where it is gzipped. Raises DataError: can't be read, is no text."""
    try:
        raw = path.open("rb")
        start = raw.read(8)
        raw.seek(0)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    for first, what in _OTHERS:
        if start.startswith(first):
            raw.close()
            raise DataError(f"{path} {what}")
    if not start.startswith(b"\x1f\x8b"):
        return raw
    unpacked = gzip.GzipFile(fileobj=raw)
    unpacked.myfileobj = raw  # type: ignore[assignment]  # which is closed with it
    return cast(IO[bytes], unpacked)


def utf8_blocks(file: IO[bytes], path: Path, form: Format) -> Iterator[bytes]:
    """The text in UTF-8, without byte-order mark, whole rows at a time. Raises DataError: broken, other encoding."""
    try:
        yield from _whole_rows(_decoded(file, path, form.encoding), form.quote.encode())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a broken gzip file ({error}); fetch or make it again") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None


def _decoded(file: IO[bytes], path: Path, encoding: str | None) -> Iterator[bytes]:
    block = file.read(BLOCK)
    for mark, name in (*_MARKS, *_MARKS_16):
        if block.startswith(mark) and (encoding is None or _same(encoding, name)):
            encoding = name
            block = block[len(mark) :] if name == "utf-8" else block
            break
    encoding = _known(encoding or "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    macintosh: bool | None = None  # lines end in \r alone
    while block:
        try:
            following = file.read(BLOCK)
            text = decoder.decode(block, not following)
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, encoding, error, lines) from None
        except UnicodeError as error:
            raise DataError(f"{path} is no {encoding.upper()} text ({error}); write the encoding it has") from None
        encoded = text.encode("utf-8", "surrogatepass") if encoding != "utf-8" or not block.isascii() else block
        if macintosh is None:
            macintosh = b"\r" in encoded[:-1] and b"\n" not in encoded
        encoded = encoded.replace(b"\r", b"\n") if macintosh else encoded
        lines += int(np.count_nonzero(np.frombuffer(encoded, np.uint8) == 10))  # a fifth of the time of bytes.count
        yield encoded
        block = following


def _whole_rows(blocks: Iterator[bytes], quote: bytes) -> Iterator[bytes]:
    """Blocks that end where a line does, outside of quotes."""
    rest = b""
    for block in blocks:
        data = rest + block
        cut = data.rfind(b"\n") + 1
        if cut and quote in data:
            quotes = data.count(quote, 0, cut)
            while cut and quotes % 2:
                before = data.rfind(b"\n", 0, cut - 1) + 1
                quotes -= data.count(quote, before, cut)
                cut = before
            if not cut and len(data) > LONGEST:  # a quote within a cell, or one that is never closed
                cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def found_out(given: Format, first: bytes, path: Path) -> Format:
    """The format with the delimiter found out from the first lines. Raises DataError."""
    if given.delimiter is not None:
        return given
    if path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        return replace(given, delimiter="\t")
    lines = sample_lines(first)
    best, most = ",", (0, 0)
    for mark in (mark for mark in DELIMITERS if mark != given.quote):
        widths = _widths(replace(given, delimiter=mark), lines)
        agreed = max(widths.count(widths[0]), 1) if widths else 0
        # Rows of one width tell more than many cells: 1,5;2,5 has a comma in every cell.
        score = (int(agreed == len(widths)), widths[0]) if widths and widths[0] > 1 else (0, 0)
        if score > most:
            best, most = mark, score
    return replace(given, delimiter=best)


def sample_lines(first: bytes) -> list[str]:
    """The first lines of a file, with their ends: three at least, however long, where there are so many."""
    lines: list[str] = []
    start = 0
    while start < len(first) and len(lines) < _SAMPLE_LINES and (start < 1 << 16 or len(lines) < 3):
        end = first.find(b"\n", start) + 1 or len(first)
        lines.append(first[start:end].decode("utf-8", "surrogatepass"))
        start = end
    return lines


def text_lines(text: bytes) -> io.StringIO:
    r"""Text by lines, which end in \n: one that ends in \r alone would make rows that no count of lines knows of."""
    return io.StringIO(text.decode("utf-8", "surrogatepass"), newline="\n")


def split_header(form: Format, first: bytes, path: Path) -> tuple[tuple[str, ...], int, int]:
    """The names of the columns, how many bytes they take, how many lines. Raises DataError: no rows, names twice."""
    reader = form.reader(text_lines(first))
    try:
        cells = next((cells for cells in reader if cells), None)
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {broken(error)}") from None
    if cells is None:
        raise DataError(f"{path} is empty")
    header = form.header
    if header is None:
        header = _is_header(cells, path)
    if not header:
        return tuple(f"column_{number}" for number in range(1, len(cells) + 1)), 0, 0
    names = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path} has two columns named {twice[0]!r}; every column needs a name of its own")
    offset = 0
    for _ in range(reader.line_num):
        offset = first.find(b"\n", offset) + 1 or len(first)
    return tuple(names), offset, reader.line_num


def place_of(error: csv.Error, begun: int, reached: int) -> int:
    """The line to look at: of a cell that never ends, that where its row begins; else where the reader stands."""
    return begun if "unexpected end" in str(error) or "field larger" in str(error) else reached


def broken(error: csv.Error) -> str:
    """What the csv module says, in words that help."""
    text = str(error)
    if "unexpected end" in text:
        return "a quote that is opened is never closed"
    if "field larger" in text:
        return "a cell is longer than 131,072 characters; is a quote not closed?"
    if "new-line character" in text:
        return r"a line ends in \r alone, others in \n; save the file with ends of one kind"
    if "expected after" in text:
        return f"{text}; a quote within a quoted cell is written twice"
    return text


def decimal_mark(form: Format, columns: Sequence[Sequence[str]]) -> str:
    """What parts whole numbers from fractions, from cells of each column: the comma where only that fits."""
    if form.decimal is not None:
        return form.decimal
    point, comma = re.compile(r"\s*[+-]?\d*\.\d+\s*"), re.compile(r"\s*[+-]?\d+,\d+\s*")
    commas = [cell for cells in columns for cell in cells if "," in cell and comma.fullmatch(cell)]
    if not commas or form.delimiter == "," and len(commas) < 2:
        return "."
    if any(point.fullmatch(cell) for cells in columns for cell in cells):
        return "."
    # 1,234 may be a number of four figures; 1,5 or 0,333 can't be.
    fraction = re.compile(r"\s*[+-]?(?:\d*,(?:\d{1,2}|\d{4,})|0\d*,\d+|\d{4,},\d+)\s*")
    return "," if form.thousands != "," and any(fraction.fullmatch(cell) for cell in commas) else "."


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def is_number(cell: str, form: Format = Format()) -> bool:  # noqa: B008 (frozen)
    """Whether a cell is a number as csv files write them."""
    return as_number(cell, form) is not None


def as_number(cell: str, form: Format = Format()) -> float | None:  # noqa: B008 (frozen)
    """The number that a cell holds in the notation of the file, or None."""
    text = cell.strip()
    if form.thousands or form.decimal == ",":
        text = plain_number(text.encode(), form.decimal or ".", form.thousands).decode()
    return float(text) if _NUMBER.fullmatch(text) else None


def plain_number(cell: bytes, decimal: str, thousands: str | None) -> bytes:
    """A number as Python writes it; what is no number in this notation is left as it is, or made none."""
    text = cell
    if thousands:
        mark = thousands.encode()
        whole, point, rest = text.partition(decimal.encode())
        parts = whole.strip().lstrip(b"+-").split(mark)
        if len(parts) > 1:
            if any(len(part) != 3 for part in parts[1:]) or not 1 <= len(parts[0]) <= 3:
                return b"?" + cell
            text = whole.replace(mark, b"") + point + rest
    if decimal != ".":
        if b"." in text:
            return b"?" + cell
        text = text.replace(decimal.encode(), b".")
    return text


def _is_header(cells: Sequence[str], path: Path) -> bool:
    numbers = [cell for cell in cells if is_number(cell)]
    if not numbers:
        return True
    if len(numbers) == len(cells):
        what = "only numbers"
    else:
        what = f"the number {numbers[0].strip()} beside text"
    raise DataError(
        f"{path}: the first line holds {what}; write header: false where it is a row (the columns are then column_1, "
        f"column_2, …), header: true where it holds names"
    )


def _widths(form: Format, lines: Sequence[str]) -> list[int]:
    widths = []
    try:
        for cells in form.reader(iter(lines)):
            if cells:
                widths.append(len(cells))
    except csv.Error as error:
        return widths if "unexpected end" in str(error) else []  # the sample may end within a cell
    return widths


def _same(one: str, other: str) -> bool:
    try:
        return codecs.lookup(one).name.replace("-sig", "").startswith(other)
    except LookupError:
        return False


def _known(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
        if not getattr(info, "_is_text_encoding", True):
            raise LookupError
    except (LookupError, ValueError):
        usual = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "gbk", "shift_jis", "euc_kr")
        raise DataError(f"there is no encoding {encoding!r}; {suggestion(encoding, usual)}") from None
    return "utf-8" if info.name in ("utf-8", "ascii") else info.name


def _wrong_encoding(path: Path, encoding: str, error: UnicodeDecodeError, lines: int) -> DataError:
    data = error.object[: error.start]
    line = lines + data.count(b"\n")
    around = error.object[max(data.rfind(b"\n") + 1, error.start - 12) : error.start + 8].split(b"\n")[0]
    advice = "write the encoding it has"
    if encoding == "utf-8":
        shown = around.decode("cp1252", "replace").strip()
        advice = f"as cp1252 it reads {shown!r}: write encoding: cp1252, or another that is right"
    return DataError(
        f"{path}, line {line}: byte 0x{error.object[error.start]:02x} is no {encoding.upper()} text; {advice}"
    )
