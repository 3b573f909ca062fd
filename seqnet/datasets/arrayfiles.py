"""Arrays of npz, npy and IDX files: in memory up to a limit, beyond it read from the file as rows are asked for."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.datasets.lazy import as_rows, mapped_file, spooled
from seqnet.datasets.readers import (
    BROKEN,
    open_bytes,
    open_npz,
    read_header,
    read_idx,
    read_idx_header,
    read_npy,
    read_npz_member,
    reason,
)
from seqnet.errors import DataError, suggestion

MB = 1_000_000
PART = 1 << 20


def lazily(sizes: Mapping[str, int], limit: int) -> set[str]:
    """Which arrays are left in their file so that the rest, in bytes by name, stays within the limit: the largest."""
    left, kept = set(), sum(sizes.values())
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if kept <= limit:
            break
        left.add(name)
        kept -= sizes[name]
    return left


def open_npz_arrays(path: Path, keys: Iterable[str], limit: int) -> dict[str, Array]:
    """The arrays of an npz file by key, all in memory where they have `limit` bytes or fewer together, else the largest
    read lazily: from where they stand if they are not compressed. Those of one axis are always read.

    Raises DataError as `read_npz_arrays` does; the checksum of every array is compared.
    """
    with open_npz(path) as (archive, members):
        wanted = list(keys)
        for key in wanted:
            if key not in members:
                raise DataError(f"{path} has no array {key!r}; {suggestion(key, members)}")
        whole = sum(archive.getinfo(members[key]).file_size for key in wanted)
        sizes = {} if whole <= limit else {key: size for key in wanted if (size := _lazy_size(archive, members[key]))}
        left = lazily(sizes, limit)
        return {
            key: _npz_rows(path, archive, members[key], f"{path}: {key}")
            if key in left
            else read_npz_member(archive, members[key], f"{path}: {key}")
            for key in wanted
        }


def open_npy(path: Path, limit: int) -> Array:
    """The array of an npy file, read lazily beyond `limit` bytes. Raises DataError as `read_npy` does."""
    with open_bytes(path) as file:
        shape, fortran, dtype, offset = read_header(file, str(path))
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size <= limit or len(shape) < 2 or dtype.kind not in "biuf":
        return read_npy(path)
    _require_rows(fortran, str(path))
    return as_rows(mapped_file(path, dtype, shape, offset))


def open_idx(path: Path, limit: int) -> Array:
    """The array of an IDX file, gzipped or not, read lazily beyond `limit` bytes. Raises DataError as `read_idx`."""
    with open_bytes(path) as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if zipped else raw
        try:
            dtype, shape = read_idx_header(file, path)
            expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if expected <= limit or len(shape) < 2:
                return read_idx(path)
            if zipped:
                return as_rows(spooled(_parts(file), dtype, shape, str(path)))
        except BROKEN as error:
            if isinstance(error, DataError):
                raise
            return read_idx(path)  # which says what is wrong
    offset = 4 + 4 * len(shape)
    if path.stat().st_size > offset + expected:
        raise DataError(f"{path} has bytes after its end: its header announces the shape {shape} of {dtype.name}")
    return as_rows(mapped_file(path, dtype, shape, offset))


def _lazy_size(archive: zipfile.ZipFile, member: str) -> int | None:
    """The bytes of an array that can be read lazily: numbers, of two axes or more."""
    try:
        with archive.open(member) as file:
            shape, _, dtype, _ = read_header(file, member)
    except BROKEN:
        return None  # reading it says what is wrong
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    return size if len(shape) >= 2 and dtype.kind in "biuf" else None


def _npz_rows(path: Path, archive: zipfile.ZipFile, member: str, where: str) -> Array:
    """Rows of a member: where they stand, or unpacked into a temporary file."""
    info = archive.getinfo(member)
    try:
        with archive.open(member) as file:
            shape, fortran, dtype, header = read_header(file, where)
            _require_rows(fortran, where)
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if info.file_size != header + size:
                raise DataError(f"{where} is damaged (it has {info.file_size - header:,} of {size:,} bytes)")
            if info.compress_type != zipfile.ZIP_STORED:
                return as_rows(spooled(_parts(file), dtype, shape, where))
            for _ in _parts(file):
                pass  # reaching the end makes zipfile compare the checksum
    except BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where} is damaged ({reason(error)}); make or fetch the file again") from None
    with open_bytes(path) as raw:
        offset = _start(raw, info) + header
    return as_rows(mapped_file(path, dtype, shape, offset))


def _start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its local header, whose extra field may differ from the directory's."""
    file.seek(info.header_offset)
    name, extra = struct.unpack("<26xHH", file.read(30))
    return info.header_offset + 30 + int(name) + int(extra)


def _require_rows(fortran: bool, where: str) -> None:
    if fortran:
        raise DataError(
            f"{where} is larger than memory_limit_mb and stored column by column (Fortran's order), so that its rows "
            f"can't be read one by one; save np.ascontiguousarray(array), or raise memory_limit_mb"
        )


def _parts(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while part := file.read(PART):
        yield part
