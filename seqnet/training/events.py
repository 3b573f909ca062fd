"""Event files as TensorBoard reads them, written without TensorBoard.

A file is a row of records (TFRecord): length, its checksum, an Event, its checksum; checksums are masked CRC32C. An
Event is a protocol buffer; the few messages that are needed are put together here, field by field. Sources:
tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto,
https://protobuf.dev/programming-guides/encoding; the checksum: RFC 3720, appendix B.4.

Scalars and histograms are in the form of TensorBoard 1 (simple_value, histo), which every reader of event files knows,
TensorBoard 2 among them.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import TrainingError
from seqnet.training.checkpoint import reason

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, lowest bit first
_VERSION = "brain.Event:2"
_BUCKETS = 30  # of a histogram, as many as TensorFlow makes
_WAITING = 1 << 16  # bytes that are written at the latest
_PATIENCE = 5.0  # seconds after which they are written at the latest
_files = itertools.count()


def _table() -> tuple[int, ...]:
    rest = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        rest.append(byte)
    return tuple(rest)


_REST = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32 with Castagnoli's polynomial."""
    crc, rest = 0xFFFFFFFF, _REST
    for byte in data:
        crc = rest[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def whole_records(path: Path, limit: int) -> int:
    """The bytes that the whole records at the start of a file take, as far as they fit within `limit`."""
    end, size = 0, min(limit, path.stat().st_size)
    with path.open("rb") as file:
        while end + 16 <= size:
            file.seek(end)
            following = end + 16 + int(struct.unpack("<Q", file.read(8))[0])
            if following > size:
                break
            end = following
    return end


# -- protocol buffers --------------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative numbers as their two's complement
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _int(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", number)


def _float(field: int, number: float) -> bytes:
    with np.errstate(over="ignore"):
        return _varint(field << 3 | 5) + np.float32(number).tobytes()


def _bytes(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def scalar(tag: str, value: float) -> bytes:
    """A Summary.Value that is a number."""
    return _bytes(1, tag) + _float(2, value)


def histogram(tag: str, values: Array) -> bytes:
    """A Summary.Value that says how numbers are distributed, in 30 buckets of equal width; only finite ones count."""
    values = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    counts, edges = np.histogram(values, _BUCKETS, (low, high)) if low < high else ([values.size], [low, high])
    proto = b"".join(
        (
            _double(1, low),
            _double(2, high),
            _double(3, values.size),
            _double(4, float(values.sum())),
            _double(5, float(np.square(values).sum())),
            _bytes(6, np.asarray(edges[1:], "<f8").tobytes()),
            _bytes(7, np.asarray(counts, "<f8").tobytes()),
        )
    )
    return _bytes(1, tag) + _bytes(5, proto)


def image(tag: str, pixels: Array) -> bytes:
    """A Summary.Value that is a picture in shades of grey. pixels: (H, W), uint8."""
    height, width = pixels.shape
    proto = _int(1, height) + _int(2, width) + _int(3, 1) + _bytes(4, png(pixels))
    return _bytes(1, tag) + _bytes(4, proto)


def keras_model(tag: str, text: str) -> bytes:
    """A Summary.Value from which TensorBoard draws the layers: a model's JSON as Keras writes it."""
    plugin = _bytes(1, "graph_keras_model") + _bytes(2, b"1")
    tensor = _int(1, 7) + _bytes(2, b"") + _bytes(8, text)  # DT_STRING, no axes
    return _bytes(1, tag) + _bytes(8, tensor) + _bytes(9, _bytes(1, plugin))


def event(step: int, values: Iterable[bytes], wall_time: float) -> bytes:
    """An Event with Summary.Values."""
    summary = b"".join(_bytes(1, value) for value in values)
    return _double(1, wall_time) + _int(2, step) + _bytes(5, summary)


def png(pixels: Array) -> bytes:
    """A grey PNG. pixels: (H, W), uint8."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# -- files -------------------------------------------------------------------------------------------------------------


def _fresh_name() -> str:
    host = re.sub(r"[^\w.-]", "_", socket.gethostname()) or "localhost"
    return f"events.out.tfevents.{time.time():.0f}.{host}.{os.getpid()}.{next(_files)}.v2"


class EventFile:
    """An event file in a folder. It is opened only while it is written to, every few seconds or kilobytes.

    name, size: of a file that is to be gone on with, cut to whole records within so many bytes; without one a new file
    is begun with the first event. Methods raise TrainingError where the system refuses.
    """

    def __init__(self, folder: Path, name: str | None = None, size: int = 0) -> None:
        self.folder = folder
        self.waiting = bytearray()
        self.written_at = time.monotonic()
        self.name, self.size = name or _fresh_name(), 0
        if name is not None and (folder / name).exists():
            self.size = whole_records(folder / name, size)
            os.truncate(folder / name, self.size)

    def add(self, step: int, values: Iterable[bytes]) -> None:
        """Write down Summary.Values of a step."""
        now = time.time()
        if not self.size and not self.waiting:
            self.waiting += record(_double(1, now) + _bytes(3, _VERSION))
        self.waiting += record(event(step, values, now))
        if len(self.waiting) > _WAITING or time.monotonic() - self.written_at > _PATIENCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self.written_at = time.monotonic()
        if not self.waiting:
            return
        path = self.folder / self.name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(self.waiting)
                self.size = file.tell()
        except OSError as error:
            raise TrainingError(f"can't write {path}: {reason(error)}") from error
        self.waiting.clear()
