"""Writing and reading the complete state of a run so that no kill at any moment loses it.

A checkpoint is a folder with `state.json` and the arrays file that it names. The arrays are written first, under a
name of their own; `state.json` is replaced last, in one rename. Whatever is cut off before that rename leaves the
older checkpoint whole.

Arrays are in safetensors (https://huggingface.co/docs/safetensors), everything else in JSON. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from seqnet.arrays import Array
from seqnet.errors import CheckpointError

FORMAT = 1
STATE = "state.json"
_DTYPES = {"bool": "BOOL", "float16": "F16", "float32": "F32", "float64": "F64"} | {
    f"{sign}int{bits}": f"{letter}{bits}" for sign, letter in (("", "I"), ("u", "U")) for bits in (8, 16, 32, 64)
}
Buffer = bytes | memoryview


@dataclass
class Snapshot:
    """Arrays by name and plain data; what a checkpoint holds."""

    arrays: dict[str, Array] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    def part(self, prefix: str) -> dict[str, Array]:
        """The arrays below `prefix/`, without it."""
        return {k.removeprefix(f"{prefix}/"): v for k, v in self.arrays.items() if k.startswith(f"{prefix}/")}

    def copied(self, into: Snapshot | None = None) -> Snapshot:
        """The same, independent of what its arrays are views of. into: an older copy, whose memory is used again."""
        room = {} if into is None else into.arrays
        arrays = {}
        for name, array in self.arrays.items():
            old = room.get(name)
            same = old is not None and old.shape == array.shape and old.dtype == array.dtype
            if old is not None and same and old.flags.writeable:  # what was read from a file is not
                np.copyto(old, array)
                arrays[name] = old
            else:
                arrays[name] = array.copy()
        return Snapshot(arrays, self.data)

    def put(self, prefix: str, arrays: Mapping[str, Array]) -> None:
        """Store arrays below `prefix/`; unlike np.ascontiguousarray, this keeps arrays without axes as they are."""
        self.arrays.update({f"{prefix}/{name}": np.asarray(array, order="C") for name, array in arrays.items()})


def write_snapshot(folder: Path, snapshot: Snapshot, *also: Path) -> None:
    """Make `folder` hold the snapshot, replacing an older one, and then the folders `also`, with which it shares the
    file of arrays where the disk can do that. Raises CheckpointError; the older ones then stay."""
    try:
        parts, crc = _packed(snapshot.arrays), 0
        for part in parts:
            crc = zlib.crc32(part, crc)
        written: Path | None = None
        for one in (folder, *also):
            make_folder(one)
            name = f"arrays-{_next_number(one):06d}.safetensors"
            state = {"format": FORMAT, "arrays": name, "crc32": crc, **snapshot.data}
            text = json.dumps(state, indent=1, default=_plain).encode()
            if written is None or not _linked(written, one / name):
                write_file(one / name, *parts)
            write_file(one / STATE, text)
            _tidy(one, keep=name)
            written = one / name
    except OSError as error:
        raise CheckpointError(f"can't write the checkpoint {folder}: {reason(error)}") from error


def read_snapshot(folder: Path) -> Snapshot:
    """The snapshot in `folder`. Raises CheckpointError when it is missing, broken, or of another version."""
    try:
        state = json.loads((folder / STATE).read_bytes())
        name, crc = state.pop("arrays"), state.pop("crc32")
        version = state.pop("format")
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint in {folder}") from error
    except OSError as error:
        raise CheckpointError(f"can't read {folder / STATE}: {reason(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder / STATE} is damaged: {error}") from error
    if version != FORMAT:
        raise CheckpointError(f"{folder} has checkpoint format {version}; this seqnet reads format {FORMAT}")
    path = folder / str(name)
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {reason(error)}") from error
    if zlib.crc32(packed) != crc:
        raise CheckpointError(f"{path} is damaged: its checksum does not match the one in {STATE}")
    try:
        return Snapshot(load(packed), state)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they survive a power cut; one that is there is left alone."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_file(path: Path, *parts: Buffer) -> None:
    """Replace a file in one step: written under another name, flushed to the disk, renamed."""
    write_parts(path, parts)


def write_parts(path: Path, parts: Iterable[Buffer]) -> None:
    """As write_file, for parts that are made one after the other; the file stays as it was where one can't be made."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _linked(path: Path, name: Path) -> bool:
    """Give a file that is on the disk a second name; False where the disk knows no such thing."""
    try:
        os.link(path, name)
    except OSError:
        return False
    sync_folder(name.parent)
    return True


def reason(error: OSError) -> str:
    """What the system said, in its words, without the number."""
    return error.strerror or str(error)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can."""
    opener: Callable[..., int] = os.open
    try:
        handle = opener(folder, os.O_RDONLY)
    except OSError:  # Windows can't open folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _packed(arrays: Mapping[str, Array]) -> list[Buffer]:
    """What a safetensors file of these arrays holds, piece by piece: packing them together would copy all of it."""
    header: dict[str, Any] = {}
    parts: list[Buffer] = []
    end = 0
    for name, array in arrays.items():
        ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
        start, end = end, end + ordered.nbytes
        header[name] = {"dtype": _DTYPES[array.dtype.name], "shape": array.shape, "data_offsets": [start, end]}
        parts.append(ordered.view(np.uint8).data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text, *parts]


def _next_number(folder: Path) -> int:
    numbers = [int(p.stem.split("-")[1]) for p in folder.glob("arrays-*.safetensors") if p.stem[7:].isdigit()]
    return max(numbers, default=0) + 1


def _tidy(folder: Path, keep: str) -> None:
    for path in (*folder.glob("arrays-*.safetensors"), *folder.glob(".*.tmp")):
        if path.name != keep:
            path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """JSON for the NumPy scalars and arrays inside plain data."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"can't write {type(value).__name__} as JSON")
