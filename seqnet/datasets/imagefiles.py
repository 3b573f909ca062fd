"""Finds image files and decodes them with Pillow, which is optional, into rows of one shape."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError

ENDINGS = frozenset(".bmp .gif .jfif .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff .webp".split())
CLUTTER = frozenset(("thumbs.db", "desktop.ini", "__macosx"))  # what systems leave in folders
MODES = {"rgb": ("RGB", 3), "grayscale": ("L", 1), "rgba": ("RGBA", 4)}
TOGETHER = 256  # files decoded before any is handed on


class BrokenImage(Exception):
    """Why a file gives no image."""


@dataclass(frozen=True)
class Decoding:
    """How an image file becomes a row, (H, W, C) uint8. size: (height, width); None keeps that of the file.

    fit: how another aspect ratio is met: stretch, crop (the middle) or pad (with black). orientation: turn the image
    as the camera's EXIF entry says.
    """

    size: tuple[int, int] | None = None
    fit: str = "stretch"
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    orientation: bool = True

    def state(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**asdict(self), "size": None if self.size is None else list(self.size)}

    def decode(self, path: Path) -> Array:
        """The image of a file. Raises BrokenImage."""
        from PIL import Image, ImageOps

        try:
            with Image.open(path) as image:
                if self.size is not None and self.interpolation != "nearest":
                    side = 2 * max(self.size)
                    image.draft("L" if self.color_mode == "grayscale" else "RGB", (side, side))  # JPEG, in less time
                image.load()
                turned = _turned(image) if self.orientation else image
                method = Image.Resampling[self.interpolation.upper()]
                found: Any = _in_mode(turned, MODES[self.color_mode][0])
                if self.size is not None and found.size != self.size[::-1]:
                    if self.fit == "crop":
                        found = ImageOps.fit(found, self.size[::-1], method)
                    elif self.fit == "pad":
                        found = ImageOps.pad(found, self.size[::-1], method)
                    else:
                        found = found.resize(self.size[::-1], method)
                pixels: Array = np.asarray(found, np.uint8)
        except BrokenImage:
            raise
        except Exception as error:  # of what Pillow's decoders raise at wrong bytes there is no list
            raise BrokenImage(_why(path, error)) from None
        return pixels if pixels.ndim == 3 else pixels[:, :, None]


def require_pillow(what: str) -> None:
    """Raise DataError where images can't be read."""
    if importlib.util.find_spec("PIL") is None:
        raise DataError(
            f"reading {what} needs Pillow, which is not installed: pip install 'seqnet[images]', or pip install pillow"
        )


def decoded(paths: Sequence[Path], how: Decoding) -> Iterator[Array | BrokenImage]:
    """Each file's image, or why there is none, in order; several at a time."""
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of large images and odd metadata

        def one(path: Path) -> Array | BrokenImage:
            try:
                return how.decode(path)
            except BrokenImage as problem:
                return problem

        for start in range(0, len(paths), TOGETHER):
            yield from pool.map(one, paths[start : start + TOGETHER])


def images_under(folder: Path) -> tuple[list[Path], list[Path]]:
    """The image files in a folder and those within it, and the files that are none, each sorted; hidden ones and
    clutter of the system left out. Raises DataError."""
    images: list[Path] = []
    others: list[Path] = []

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} can't be read: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if is_shown(name)]
        for name in files:
            if is_shown(name):
                (images if is_image(name) else others).append(Path(place, name))
    return sorted(images), sorted(others)


def is_shown(name: str) -> bool:
    """Whether a file or folder is one that a person put there."""
    return not name.startswith(".") and name.lower() not in CLUTTER


def is_image(name: str) -> bool:
    """Whether a file is an image by its ending."""
    return os.path.splitext(name)[1].lower() in ENDINGS


def readable(name: str) -> str:
    """A file's name as text that can be written: bytes that are no UTF-8 become question marks."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _turned(image: Any) -> Any:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return image


def _in_mode(image: Any, mode: str) -> Any:
    """The image in one of Pillow's modes of 8 bits, of 16 bits the higher ones."""
    from PIL import Image

    if image.mode == "F":
        raise BrokenImage("has real numbers for pixels; save such data as npy")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.clip(np.asarray(image), 0, 65535) >> 8).astype(np.uint8))
    elif image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert(mode)


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, PermissionError):
        return "may not be read"
    try:
        if path.stat().st_size == 0:
            return "is empty"
    except (OSError, ValueError):
        return "there is no such file"
    text = " ".join(str(error).split())
    if "cannot identify" in text:
        return "is no image"
    if "truncated" in text.lower():
        return "is cut off"
    return f"is damaged: {text[:80]}" if text else "is damaged"
