"""Event files read without anything of what wrote them: the framing and the wire format straight from their rules."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def checksum(data: bytes) -> int:
    """CRC32C bit by bit (RFC 3720), masked as TensorFlow masks it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def records(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == checksum(data[:8])
        content, end = data[12 : 12 + length], 16 + length
        assert len(data) >= end, "the file ends within a record"
        assert struct.unpack("<I", data[12 + length : end])[0] == checksum(content)
        yield content
        data = data[end:]


def fields(message: bytes) -> dict[int, list[Any]]:
    """The fields of a protocol buffer by number: whole numbers, floats, and bytes for all that has a length."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        wire = key & 7
        value: Any
        if wire == 0:
            value = varint()
        elif wire == 1:
            (value,) = struct.unpack("<d", message[at : at + 8])
            at += 8
        elif wire == 5:
            (value,) = struct.unpack("<f", message[at : at + 4])
            at += 4
        else:
            assert wire == 2
            length = varint()
            value = message[at : at + length]
            at += length
        found.setdefault(key >> 3, []).append(value)
    return found


def doubles(packed: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(packed) // 8}d", packed))


def events(folder: Path) -> list[tuple[int, str, Any]]:
    """(step, tag, value) of all event files in a folder: a float, the fields of a histogram, or bytes."""
    found: list[tuple[int, str, Any]] = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        first, *others = records(path)
        assert fields(first)[3] == [b"brain.Event:2"] and fields(first)[1][0] > 1.6e9
        for one in others:
            read = fields(one)
            for value in fields(read[5][0])[1]:
                parts = fields(value)
                kind = next(number for number in parts if number not in (1, 9))
                content = parts[kind][0]
                found.append((read[2][0], parts[1][0].decode(), fields(content) if kind in (4, 5, 8) else content))
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The single numbers by tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for step, tag, value in events(folder):
        if isinstance(value, float):
            found.setdefault(tag, []).append((step, value))
    return found
