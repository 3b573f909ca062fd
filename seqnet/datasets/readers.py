"""Reads arrays from files: npz, npy, IDX and numeric csv; says in words what is wrong with a broken file.

Nothing is ever unpickled. Used by the sources and by the commands that take a file of arrays.
"""

from __future__ import annotations

import csv
import gzip
import math
import stat
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError, nearest, suggestion

# Third byte of an IDX file -> dtype; IDX numbers are big-endian.
IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# There is no list of what zipfile, zlib and NumPy's parser of headers raise at wrong bytes.
BROKEN = Exception
BLOCK = 1 << 24
PICKLED = (
    "is an array of Python objects, stored as a pickle, which seqnet never loads because a pickle can run code; save "
    "it again as numbers or text: np.savez('file.npz', x_train=np.array(rows, dtype='float32'), …)"
)


def existing_file(path: str | Path, base: Path, kind: str) -> Path:
    """The file `path`, counted from the folder `base`. Raises DataError, with the nearest name, where there is none."""
    full, is_folder = existing_path(path, base, "file")
    if is_folder:
        hint = "; for a folder of IDX files write idx: {path: …}" if kind == "npz" else ""
        raise DataError(f"{full} is a folder; {kind} needs a file{hint}")
    return full


def existing_folder(path: str | Path, base: Path, kind: str) -> Path:
    """The folder `path`, counted from the folder `base`. Raises DataError, with the nearest name, if there is none."""
    full, is_folder = existing_path(path, base, "folder")
    if not is_folder:
        raise DataError(f"{full} is a file; {kind} needs the folder that holds the files")
    return full


def npz_keys(path: Path) -> tuple[str, ...]:
    """The names of the arrays in an npz file, without reading them. Raises DataError: not an npz, broken."""
    with open_npz(path) as (_, members):
        return tuple(members)


def read_npz_arrays(path: Path, keys: Iterable[str] | None = None) -> dict[str, Array]:
    """The arrays of an npz file, by key; with `keys` only those. Raises DataError: not an npz, broken, key missing,
    an array of pickled objects."""
    with open_npz(path) as (archive, members):
        wanted = list(members) if keys is None else list(keys)
        for key in wanted:
            if key not in members:
                raise DataError(f"{path} has no array {key!r}; {suggestion(key, members)}")
        return {key: read_npz_member(archive, members[key], f"{path}: {key}") for key in wanted}


def read_npy(path: Path) -> Array:
    """The array of an npy file. Raises DataError: not an npy, broken, pickled objects."""
    with open_bytes(path) as file:
        return _read_array(file, str(path))


def read_idx(path: Path) -> Array:
    """The array of an IDX file, gzipped or not, in native byte order.

    Layout: two zero bytes, the dtype's code, the number of axes, each axis as a big-endian uint32, the numbers.
    Raises DataError: wrong first bytes, unknown dtype, fewer or more numbers than announced, broken gzip.
    Reference: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
    """
    with open_bytes(path) as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            return _parse_idx(gzip.GzipFile(fileobj=raw) if zipped else raw, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{path} is a broken gzip file ({error}); it is often a download that was cut short: fetch it again"
            ) from None


def read_array_file(path: str | Path, base: Path = Path()) -> Array:
    """The input rows for a prediction: the array of an npy, of an npz (key x, x_test, or its only array), or the
    numbers of a csv or tsv file, (rows, columns) float32. Raises DataError."""
    full = existing_file(path, base, "input")
    kind = full.suffix.lower()
    if kind == ".npy":
        return read_npy(full)
    if kind == ".npz":
        keys = npz_keys(full)
        key = next((key for key in ("x", "x_test") if key in keys), keys[0] if len(keys) == 1 else None)
        if key is None:
            held = f"it holds {', '.join(keys)}" if keys else "it is empty"
            raise DataError(f"{full} has neither x nor x_test; {held}: save the input rows as np.savez(file, x=rows)")
        return read_npz_arrays(full, [key])[key]
    if kind in (".csv", ".tsv"):
        return read_csv_numbers(full)
    raise DataError(f"{full}: no way to read {kind or 'a file without ending'}; input is .npz, .npy, .csv or .tsv")


def read_csv_numbers(path: Path) -> Array:
    """A table of numbers, (rows, columns) float32; a first row without any number is its header.

    Columns are parted by commas, in .tsv files by tabs. Raises DataError with line, column and cell where a cell is
    no number, and with the line where a row is longer or shorter than the first.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    header: list[str] | None = None
    rows: list[list[float]] = []
    width = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for cells in reader:
                if len(cells) < 2 and not "".join(cells).strip():
                    continue  # an empty line; one of commas alone is a row of gaps
                if not width:
                    width = len(cells)
                    if "".join(cells).strip() and not any(is_number(cell) for cell in cells):
                        header = cells
                        continue
                if len(cells) != width:
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, but the first row has {width}"
                    )
                try:
                    rows.append([float(cell) for cell in cells])
                except ValueError:
                    raise _bad_cell(path, reader.line_num, cells, header) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no csv text in UTF-8: {error}") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    if not rows:
        alone = header[0] if header is not None and len(header) == 1 else ""
        other = next((mark for mark in (";", "\t", ",") if mark in alone), None)
        expected = "commas" if delimiter == "," else "tabs"
        hint = f"; cells are parted by {expected} here, not by {other!r}" if other else ""
        raise DataError(f"{path} has no rows of numbers{hint}")
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, which the checks report
        return np.array(rows, dtype=np.float64).astype(np.float32)


def open_bytes(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None


@contextmanager
def open_npz(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, str]]]:
    """The open archive, and its member names by array name."""
    with open_bytes(path) as file:
        start = file.read(6)
        if start == b"\x93NUMPY":
            raise DataError(f"{path} holds one npy array, not an npz; save it as np.savez('file.npz', x=x, y=y)")
        try:
            archive = zipfile.ZipFile(file)
        except BROKEN:
            if start.startswith(b"PK"):
                raise DataError(f"{path} is cut off: the end of the npz is missing; make or fetch it again") from None
            raise DataError(f"{path} is not an npz file; make one with np.savez('file.npz', x=x, y=y)") from None
        with archive:
            yield archive, {name.removesuffix(".npy"): name for name in archive.namelist()}


def read_npz_member(archive: zipfile.ZipFile, member: str, where: str) -> Array:
    """The array of a member of an open npz. Raises DataError."""
    try:
        with archive.open(member) as file:
            array = _read_array(file, where)
            file.read(1)  # reaching the end makes zipfile compare the checksum
            return array
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(f"{where} is damaged ({reason(error)}); make or fetch the file again") from None


def read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether it is in Fortran's order, dtype and length in bytes of the header of an npy array.

    Raises DataError: no array, pickled objects.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header as Python 2 wrote it is as good
            shape, fortran, dtype = read(file)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where} is damaged ({reason(error)}); make or fetch the file again") from None
    except BROKEN as error:
        raise DataError(f"{where} is not a NumPy array ({reason(error)})") from None
    if dtype.hasobject:
        raise DataError(f"{where} {PICKLED}")
    if any(length < 0 for length in shape):
        raise DataError(f"{where} is damaged (its header gives the shape {shape}); make or fetch the file again")
    return shape, fortran, dtype, file.tell()


def _read_array(file: IO[bytes], where: str) -> Array:
    read_header(file, where)
    try:
        file.seek(0)
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except BROKEN as error:
        raise DataError(f"{where} is damaged ({reason(error)}); make or fetch the file again") from None
    return array


def read_idx_header(file: IO[bytes] | gzip.GzipFile, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """dtype, big-endian, and shape of an IDX file that is at its beginning. Raises DataError."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\x00\x00":
        raise DataError(f"{path} is not an IDX file: it starts with {start!r} instead of two zero bytes")
    if start[2] not in IDX_DTYPES:
        raise DataError(f"{path}: IDX knows no dtype 0x{start[2]:02x}; known: {', '.join(map(hex, IDX_DTYPES))}")
    axes = file.read(4 * start[3])
    if start[3] == 0 or len(axes) < 4 * start[3]:
        raise DataError(f"{path} is cut off or broken: its header announces {start[3]} axes")
    return np.dtype(IDX_DTYPES[start[2]]), tuple(int(size) for size in np.frombuffer(axes, ">u4"))


def _parse_idx(file: IO[bytes] | gzip.GzipFile, path: Path) -> Array:
    dtype, shape = read_idx_header(file, path)
    expected = math.prod(shape) * dtype.itemsize
    content = bytearray()
    # In blocks, and only until there is too much: a false header may announce more than any memory holds.
    while len(content) <= expected and (block := file.read(BLOCK)):
        content += block
    if len(content) != expected:
        problem = "is cut off" if len(content) < expected else "has bytes after its end"
        amount = str(len(content)) if len(content) < expected else "more"
        raise DataError(
            f"{path} {problem}: its header announces the shape {shape} of {dtype.name}, {expected} bytes, but {amount} "
            f"follow"
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _bad_cell(path: Path, line: int, cells: list[str], header: list[str] | None) -> DataError:
    column = next(i for i, cell in enumerate(cells) if not is_number(cell))
    name = f" ({header[column].strip()})" if header else ""
    cell = cells[column].strip()
    found = f"{cell!r} is not a number" if cell else "the cell is empty"
    other = next((mark for mark in (";", "\t") if mark in cell and len(cells) == 1), None)
    hint = f"; cells are parted by commas here, not by {other!r}" if other else "; every cell must be a number"
    return DataError(f"{path}, line {line}, column {column + 1}{name}: {found}{hint}")


def is_number(cell: str) -> bool:
    """Whether a cell is a number as Python writes it."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def existing_path(path: str | Path, base: Path, what: str) -> tuple[Path, bool]:
    """The full path, counted from the folder `base`, and whether it is a folder. Raises DataError: it is not there."""
    try:
        full = base / Path(path).expanduser()
        mode = full.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"there is no {what} {full}{_near(full)}") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None
    except (RuntimeError, ValueError) as error:  # ~nobody, a zero byte
        raise DataError(f"{str(path)!r} is no usable path: {error}") from None
    return full, stat.S_ISDIR(mode)


def _near(full: Path) -> str:
    folder = full.parent
    if not folder.is_dir():
        return f" (the folder {folder} doesn't exist either)"
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return ""
    near = nearest(full.name, names)
    return f"; did you mean {near}?" if near else ""


def reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
