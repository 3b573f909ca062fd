"""Decoded images, kept in a file from one command to the next."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqnet.datasets.arrayfiles import open_npy
from seqnet.datasets.imagefiles import BrokenImage, Decoding, decoded, readable
from seqnet.datasets.labels import Array
from seqnet.datasets.storage import home
from seqnet.errors import DataError

VERSION = 1  # of how files are decoded; another one makes what was kept worthless
HEADER = 128  # bytes of the npy header, written once the number of rows is known
DAY = 86_400.0  # seconds
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@dataclass
class Decoded:
    """rows: (n, H, W, C) uint8, in memory or read lazily. kept: which of the paths they are. broken: (path, why)."""

    rows: Array
    kept: list[int]
    broken: list[tuple[str, str]]
    warnings: list[str]


def decode_all(paths: Sequence[Path], how: Decoding, *, root: Path, limit: int, keep: bool) -> Decoded:
    """Every image that can be decoded, in memory up to `limit` bytes, beyond it read lazily from a file.

    keep: leave the decoded rows in SEQNET_HOME, for as long as the files do not change. root: what paths in messages
    are relative to. Raises DataError: images of different sizes where none is stated, none that can be read, disk full.
    """
    folder = home() / "images"
    key = _key(paths, how)
    stem = hashlib.sha256(f"{root.resolve()}\0{how}".encode(errors="surrogateescape")).hexdigest()[:12]
    place = folder / f"{stem}-{key}.npy"
    if keep and (found := _found(place, len(paths), limit)) is not None:
        return found
    warnings: list[str] = []
    sink: IO[bytes] = io.BytesIO()
    first = _first(paths, how, root)
    if keep or len(paths) * first.nbytes > limit:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sink = tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False)  # noqa: SIM115
        except OSError as error:
            if len(paths) * first.nbytes > limit:
                raise _no_room(folder, error) from None
            warnings.append(
                f"decoded images can't be kept in {folder} ({error.strerror}), so each command decodes them"
            )
    try:
        return _decode(paths, how, sink, first, root, place if keep else None, limit, warnings)
    except OSError as error:
        raise _no_room(folder, error) from None
    finally:
        sink.close()
        if not isinstance(sink, io.BytesIO):
            with contextlib.suppress(OSError):
                os.unlink(sink.name)


def _decode(
    paths: Sequence[Path],
    how: Decoding,
    sink: IO[bytes],
    first: Array,
    root: Path,
    place: Path | None,
    limit: int,
    warnings: list[str],
) -> Decoded:
    sink.write(bytes(HEADER))
    kept: list[int] = []
    broken: list[tuple[str, str]] = []
    for index, image in enumerate(_watched(decoded(paths, how), len(paths))):
        if isinstance(image, BrokenImage):
            broken.append((shown(paths[index], root), str(image)))
            continue
        if image.shape != first.shape:
            one, other = (f"{shape[0]} x {shape[1]}" for shape in (first.shape, image.shape))
            raise DataError(
                f"the images in {root} have different sizes: {one} at first, {other} in {shown(paths[index], root)}; "
                f"say to what height and width they are brought: image_size: [{first.shape[0]}, {first.shape[1]}]"
            )
        kept.append(index)
        sink.write(np.ascontiguousarray(image).data)
    shape = (len(kept), *first.shape)
    if isinstance(sink, io.BytesIO):
        rows: Array = np.frombuffer(sink.getvalue(), np.uint8, offset=HEADER).reshape(shape)
        return Decoded(rows, kept, broken, warnings)
    sink.seek(0)
    sink.write(_header(shape))
    sink.flush()
    if place is not None:
        _forget_others(place)
        details = {"kept": kept, "broken": broken}
        place.with_suffix(".json").write_text(json.dumps(details), encoding="utf-8")
        os.replace(sink.name, place)
    return Decoded(open_npy(place or Path(sink.name), limit), kept, broken, warnings)


@contextlib.contextmanager
def quiet_decoding(quiet: bool) -> Iterator[None]:
    """While it lasts, whether nothing is shown of how far the decoding is."""
    token = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(token)


def _watched(images: Iterator[Array | BrokenImage], total: int) -> Iterator[Array | BrokenImage]:
    """The same images; how far they are is shown on stderr, where that takes a while."""
    if _quiet.get():
        yield from images
        return
    from seqnet.console.decoding import DecodingDisplay

    display = DecodingDisplay(total)
    try:
        for done, image in enumerate(images, start=1):
            with contextlib.suppress(OSError):  # nobody reads any more; the decoding goes on
                display.advance(done)
            yield image
    finally:
        with contextlib.suppress(OSError):
            display.close()


def shown(path: Path, root: Path) -> str:
    """A path as messages name it."""
    try:
        return readable(path.relative_to(root).as_posix())
    except ValueError:
        return readable(str(path))


def _first(paths: Sequence[Path], how: Decoding, root: Path) -> Array:
    """The first image that can be decoded."""
    broken: list[tuple[str, str]] = []
    for path in paths:
        image = next(decoded([path], how))
        if not isinstance(image, BrokenImage):
            return image
        broken.append((shown(path, root), str(image)))
    raise DataError(f"none of the {len(paths):,} images in {root} can be read: {listed(broken)}")


def listed(broken: Sequence[tuple[str, str]], limit: int = 20) -> str:
    """Broken files by name, each with its reason."""
    named = ", ".join(f"{name} ({why})" for name, why in broken[:limit])
    return f"{named} and {len(broken) - limit:,} more" if len(broken) > limit else named


def _key(paths: Sequence[Path], how: Decoding) -> str:
    """What changes when a file is changed, added or taken away, or is to be decoded otherwise."""
    digest = hashlib.sha256(json.dumps([VERSION, how.state()]).encode())
    for path in paths:
        try:
            told = path.stat()
            digest.update(f"{path.resolve()}\0{told.st_size}\0{told.st_mtime_ns}\n".encode(errors="surrogateescape"))
        except (OSError, ValueError):
            digest.update(f"{path}\0missing\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:24]


def _found(place: Path, count: int, limit: int) -> Decoded | None:
    """What was decoded before, if it is whole."""
    try:
        details: Any = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
        kept, broken = [int(i) for i in details["kept"]], [(str(name), str(why)) for name, why in details["broken"]]
        rows = open_npy(place, limit)
    except (OSError, ValueError, KeyError, TypeError):  # DataError is a ValueError
        return None
    with contextlib.suppress(OSError):
        os.utime(place)  # somebody wants it still
    whole = rows.ndim == 4 and rows.dtype == np.uint8 and len(rows) == len(kept) and len(kept) + len(broken) == count
    return Decoded(rows, kept, broken, []) if whole else None


def _forget_others(place: Path) -> None:
    """Take away what was decoded of the same files before they changed, what nobody wanted for 30 days, and what a
    killed process left unfinished."""
    stem = place.name.partition("-")[0]
    for old in place.parent.iterdir():
        with contextlib.suppress(OSError):
            age = time.time() - old.stat().st_mtime
            same = old.name.startswith(f"{stem}-") and old.stem != place.stem
            if same or age > (DAY if old.suffix == ".part" else 30 * DAY):
                old.unlink()


def _header(shape: tuple[int, ...]) -> bytes:
    """An npy header of HEADER bytes."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.ljust(HEADER - 11).encode() + b"\n"


def _no_room(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"the decoded images can't be kept in {folder}: {error.strerror or error}; name another folder in SEQNET_HOME, "
        f"or make image_size smaller"
    )
