"""Arrays in HDF5 files, read by h5py, which is optional."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.arrayfiles import lazily
from seqnet.datasets.labels import Array
from seqnet.datasets.lazy import as_rows, mapped_file, spooled
from seqnet.datasets.readers import BROKEN, open_bytes, reason
from seqnet.errors import DataError, suggestion

PART = 1 << 22  # bytes read at a time, rounded up to whole chunks
SIGNATURE = b"\x89HDF\r\n\x1a\n"
PATIENCE = 60.0  # seconds; a million words take one
TEXT = """
import json, sys, h5py
with h5py.File(sys.argv[1], "r") as file:
    json.dump(file[sys.argv[2]].asstr()[...].tolist(), sys.stdout)
"""


def hdf5_keys(path: Path) -> tuple[str, ...]:
    """The paths of the arrays in an HDF5 file. Raises DataError: h5py is missing, no HDF5 file, broken."""
    with _opened(path) as (_, found):
        return tuple(found)


def open_hdf5_arrays(path: Path, keys: Sequence[str], limit: int) -> dict[str, Array]:
    """The arrays by key, all in memory where they have `limit` bytes or fewer together, else the largest read lazily.

    Raises DataError: h5py is missing, no HDF5 file, broken, a key missing, no array of numbers or text.
    """
    with _opened(path) as (_, found):
        for key in keys:
            if key not in found:
                raise DataError(f"{path} has no array {key!r}; {suggestion(key, found)}")
        sizes = {key: int(found[key].nbytes) for key in keys}
        rows = {key: size for key, size in sizes.items() if found[key].ndim >= 2 and found[key].dtype.kind in "biuf"}
        left = lazily(rows, limit - sum(sizes.values()) + sum(rows.values()))
        return {key: _read(found[key], path, key, lazy=key in left) for key in keys}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The open file, and its arrays by path."""
    if importlib.util.find_spec("h5py") is None:
        raise DataError(
            f"reading {path} needs h5py, which is not installed: pip install 'seqnet[hdf5]', or pip install h5py"
        )
    import h5py

    with open_bytes(path) as file:
        if file.read(8) != SIGNATURE:
            raise DataError(f"{path} is not an HDF5 file; write one with h5py.File('data.h5', 'w')['x_train'] = x")
    try:
        with h5py.File(path, "r") as opened:
            found: dict[str, Any] = {}

            def note(name: str | bytes, item: Any) -> None:  # bytes: a name that is no text
                if isinstance(name, str) and isinstance(item, h5py.Dataset):
                    found[name] = item

            opened.visititems(note)
            yield opened, found
    except BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is damaged ({reason(error)}); make or fetch it again") from None


def _read(stored: Any, path: Path, key: str, *, lazy: bool) -> Array:
    import h5py

    if stored.shape is None:
        raise DataError(f"{path}: {key} is empty")
    if h5py.check_string_dtype(stored.dtype) is not None:
        return _text(path, stored.name, f"{path}: {key}")
    if stored.dtype.kind not in "biuf":
        raise DataError(f"{path}: {key} has dtype {stored.dtype}; seqnet takes arrays of numbers or of text")
    if stored.chunks is None and stored.external is None and not stored.is_virtual:
        held = int(stored.id.get_storage_size())
        if held not in (0, stored.nbytes):
            raise DataError(f"{path}: {key} is damaged (it has {held:,} of {stored.nbytes:,} bytes)")
    if not lazy:
        found: Array = stored[...]
        return found.astype(found.dtype.newbyteorder("="), copy=False)
    offset = stored.id.get_offset() if stored.chunks is None and stored.external is None else None
    if offset is not None:
        return as_rows(mapped_file(path, stored.dtype, stored.shape, offset))
    return as_rows(spooled(_parts(stored), stored.dtype, stored.shape, f"{path}: {key}"))


def _text(path: Path, name: str, where: str) -> Array:
    """An array of text, read by another process: in a damaged file the library may look for its end forever."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", TEXT, str(path), name], capture_output=True, timeout=PATIENCE, check=True
        )
        return np.array(json.loads(done.stdout), dtype=str)
    except (subprocess.SubprocessError, ValueError):
        raise DataError(f"{where} is damaged: its text can't be read; make or fetch the file again") from None
    except OSError as error:
        raise DataError(f"{where} can't be read: {error.strerror}") from None


def _parts(stored: Any) -> Iterator[bytes]:
    """The bytes of all rows, in stretches that end where a chunk does, so that none is unpacked twice."""
    row = max(1, int(np.prod(stored.shape[1:], dtype=object)) * stored.dtype.itemsize)
    chunk = stored.chunks[0] if stored.chunks else 1
    step = max(1, PART // (row * chunk)) * chunk
    for start in range(0, stored.shape[0], step):
        yield np.ascontiguousarray(stored[start : start + step]).tobytes()
