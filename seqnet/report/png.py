"""Pictures as PNG within the page. Reference: ISO/IEC 15948, https://www.w3.org/TR/png/"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from seqnet.arrays import Array

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels: grey, red-green-blue, with opacity


def png(pixels: Array) -> bytes:
    """pixels: (H, W), or (H, W, C) with C = 1, 3 or 4; uint8."""
    rows = pixels if pixels.ndim == 3 else pixels[..., None]
    height, width, channels = rows.shape
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = rows.reshape(height, -1)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def data_uri(pixels: Array) -> str:
    """The picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
