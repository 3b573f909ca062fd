"""Image files as a data set: folders by class, or a table of paths and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Literal, Self

import numpy as np

from seqnet.checkers import NonNegativeFloat, Pair, PathText
from seqnet.datasets.arrayfiles import MB
from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.imagecache import Decoded, decode_all, listed, shown
from seqnet.datasets.imagefiles import (
    MODES,
    BrokenImage,
    Decoding,
    decoded,
    images_under,
    is_image,
    is_shown,
    readable,
    require_pillow,
)
from seqnet.datasets.imagelisting import read_listing
from seqnet.datasets.labels import Array, Task
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import existing_path, read_array_file
from seqnet.datasets.table import Table
from seqnet.declare import option
from seqnet.errors import CheckpointError, DataError, suggestion
from seqnet.registry import register

# What folders of splits are called.
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
PATHS = ("path", "file", "filename", "image", "image_path", "filepath")  # usual headers of a column of paths
LABELS = ("label", "class", "target", "category", "y")
TABLES = (".csv", ".tsv")


@register(name="images")
class Images(Source):
    """Image files: a folder with a folder a class, `photos/cat/1.png`, or a csv file of paths and labels.

    x (N, H, W, C) uint8, y (N,) the class, numbered by the classes' names in alphabetical order. Folders `train`,
    `validation` (`val`) and `test` with the classes in them are taken as these parts. Folders within a class belong to
    it; hidden files and files that are no images by their ending are left out. Needs Pillow: pip install
    'seqnet[images]'. Decoded images are kept in SEQNET_HOME, or ~/.cache/seqnet, until the files change.
    """

    path: PathText = option("the folder, or a csv or tsv file with a header", example="photos")
    image_size: Pair | None = option(
        "height and width that images are brought to; null: they all have one size already", default=None
    )
    crop_to_aspect_ratio: bool = option("cut off what is too long instead of distorting the image", default=False)
    pad_to_aspect_ratio: bool = option("fill up with black instead of distorting the image", default=False)
    color_mode: Literal["rgb", "grayscale", "rgba"] = option("3, 1 or 4 numbers a pixel", default="rgb")
    interpolation: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = option(
        "how images are resized; all but nearest average over what is shrunk", default="bilinear"
    )
    orientation: bool = option("turn photos as the camera's EXIF entry says", default=True)
    broken: Literal["skip", "refuse"] = option(
        "what is done about files that can't be decoded: list them in a warning and go on, or end", default="skip"
    )
    path_column: str | None = option(
        "csv: the column of paths, relative to the csv file; null: path, file, filename or image, else the first",
        default=None,
    )
    label_column: str | None = option(
        "csv: the column of labels; null: label, class or target, else the second", default=None
    )
    label_mode: Literal["classes", "numbers"] = option(
        "csv: labels are names of classes, or numbers to be predicted", default="classes"
    )
    memory_limit_mb: NonNegativeFloat = option(
        "decoded images of more megabytes stay in a file, and rows are read as batches need them", default=512.0
    )
    cache: bool = option("keep decoded images for the next command", default=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["crop_to_aspect_ratio"] and values["pad_to_aspect_ratio"]:
            yield "pad_to_aspect_ratio", "crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other; keep one"
        for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio"):
            if values[name] and values["image_size"] is None:
                yield name, f"{name} needs a size to bring images to; add image_size: [64, 64]"

    def load(self, base: Path) -> Data:
        """Find and decode the images. Raises DataError."""
        root, is_folder = existing_path(self.path, base, "folder or file")
        require_pillow(str(root))
        found = find_in_folders(root) if is_folder else self._listed_in(root)
        fit = "crop" if self.crop_to_aspect_ratio else "pad" if self.pad_to_aspect_ratio else "stretch"
        how = Decoding(self.image_size, fit, self.color_mode, self.interpolation, self.orientation)
        parts = {part: entries for part, entries in found.parts.items() if entries}
        everything = [path for entries in parts.values() for path, _ in entries]
        where = root if is_folder else root.parent
        result = decode_all(everything, how, root=where, limit=int(self.memory_limit_mb * MB), keep=self.cache)
        found.warnings += result.warnings + self._of_broken(result.broken, len(everything), root)
        return self._data(root, found, parts, result, ImagePreparation(how, self.path_column))

    def _of_broken(self, broken: Sequence[tuple[str, str]], count: int, root: Path) -> list[str]:
        if not broken:
            return []
        told = f"{len(broken):,} of {count:,} images in {root} can't be read"
        if self.broken == "refuse":
            raise DataError(f"{told}: {listed(broken)}; mend or remove them, or leave them out with broken: skip")
        return [f"{told} and are left out: {listed(broken)}"]

    def _data(
        self,
        root: Path,
        found: Found,
        parts: Mapping[str, Sequence[tuple[Path, str]]],
        result: Decoded,
        preparation: ImagePreparation,
    ) -> Data:
        """The decoded rows, which stand part after part, with their labels."""
        labels = [label for entries in parts.values() for _, label in entries]
        bounds = np.searchsorted(result.kept, np.cumsum([0, *(len(entries) for entries in parts.values())]))
        kept = np.array([labels[index] for index in result.kept])
        stretches = dict(zip(parts, zip(bounds[:-1], bounds[1:], strict=True), strict=True))
        for part, (start, stop) in stretches.items():
            if start == stop:
                raise DataError(f"none of the {len(parts[part]):,} {part} images in {root} can be read")
        names: tuple[str, ...] | None = None
        task: Task = "regression"
        if self.label_mode == "numbers":
            y = kept.astype(np.float32)
        else:
            start, stop = stretches["train"]
            names, task = self._classes(kept[start:stop], kept, root, found), "classification"
            y = np.searchsorted(np.array(names), kept).astype(np.int64)
        whole = Split(result.rows, y)
        splits = {
            part: whole if stop - start == len(y) else whole.take(np.arange(start, stop))
            for part, (start, stop) in stretches.items()
        }
        return Data(
            name=root.resolve().stem,
            train=splits["train"],
            validation=splits.get("validation"),
            test=splits.get("test"),
            task=task,
            class_names=names,
            preparation=preparation,
            keys=Table({name: np.array(cells)[result.kept] for name, cells in found.columns.items()}),
            warnings=found.warnings,
        )

    @staticmethod
    def _classes(train: Array, labels: Array, root: Path, found: Found) -> tuple[str, ...]:
        """The names of the classes of the training images, in the order of their characters."""
        names = [str(name) for name in np.unique(train)]
        strange = sorted(set(labels.tolist()) - set(names))
        if strange:
            raise DataError(
                f"{root} has images of the class {strange[0]!r} to validate or test with, but none to train with; "
                f"{suggestion(strange[0], names)}"
            )
        if len(names) == 1:
            found.warnings.append(f"all images in {root} are of one class, {names[0]}: there is nothing to tell apart")
        return tuple(names)

    def _listed_in(self, path: Path) -> Found:
        """The files that a csv file lists, and its other columns."""
        listing = read_listing(path)
        at = listing.place("path_column", self.path_column, PATHS, 0)
        label_at = listing.place("label_column", self.label_column, LABELS, 1 if at == 0 else 0)
        entries = []
        for file, (line, cells) in zip(listing.paths(at), listing.rows, strict=True):
            label = cells[label_at].strip()
            self._check_label(path, line, label, listing.header[label_at])
            entries.append((file, label))
        columns = {
            name: [cells[place].strip() for _, cells in listing.rows] for place, name in enumerate(listing.header)
        }
        return Found({"train": entries}, columns=columns)

    def _check_label(self, path: Path, line: int, label: str, column: str) -> None:
        if not label:
            raise DataError(f"{path}, line {line}: {column} is empty; each image needs a label")
        if self.label_mode == "numbers":
            try:
                usable = bool(np.isfinite(float(label)))
            except ValueError:
                usable = False
            if not usable:
                raise DataError(f"{path}, line {line}: {column} is {label!r}, but label_mode: numbers needs numbers")


@dataclass
class Found:
    """Image files with their labels, by part, and what is to be said about the rest."""

    parts: dict[str, list[tuple[Path, str]]]
    warnings: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)  # of the table that lists them


def find_in_folders(root: Path) -> Found:
    """The images of a folder with a folder a class, or of such folders for train, validation and test.

    Raises DataError: nothing there, images without classes, a folder of a part beside one of a class.
    """
    folders = _folders(root)
    parts = {folder: SPLITS[folder.name.lower()] for folder in folders if folder.name.lower() in SPLITS}
    if "train" not in parts.values() or not any(_folders(folder) for folder in parts):
        found = Found({})
        found.parts["train"] = _by_class(root, root, found)
        return found
    beside = [folder.name for folder in folders if folder not in parts]
    if beside:
        raise DataError(
            f"{root} has the folder {beside[0]} beside {next(iter(parts)).name}; put the classes into train, "
            f"validation and test, or leave these folders out"
        )
    twice = next((part for part in parts.values() if list(parts.values()).count(part) > 1), None)
    if twice is not None:
        both = " and ".join(folder.name for folder, part in parts.items() if part == twice)
        raise DataError(f"{root} has the folders {both}, which both mean the {twice} images; keep one of them")
    found = Found({})
    for folder, part in sorted(parts.items(), key=lambda item: list(SPLITS.values()).index(item[1])):
        found.parts[part] = _by_class(folder, root, found)
    return found


def _by_class(folder: Path, root: Path, found: Found) -> list[tuple[Path, str]]:
    entries: list[tuple[Path, str]] = []
    empty: list[str] = []
    strays = [Path(folder, name) for name in _names(folder) if is_image(name) and Path(folder, name).is_file()]
    others = [Path(folder, name) for name in _names(folder) if not is_image(name) and Path(folder, name).is_file()]
    for place in _folders(folder):
        images, rest = images_under(place)
        others += rest
        entries += [(image, readable(place.name)) for image in images]
        if not images:
            empty.append(shown(place, root))
    if not entries:
        held = f"{len(strays):,} images, but in no class" if strays else "no images"
        raise DataError(
            f"{folder} has {held}; put the images of each class into a folder of its name, cat/1.png, or list them "
            f"in a csv file with the columns path and label"
        )
    for files, what in (
        (empty, "has no images, so it is no class|have no images, so they are no classes"),
        (
            [shown(path, root) for path in strays],
            "lies in no class folder and is left out|lie in no class folder and are left out",
        ),
        (
            [shown(path, root) for path in others],
            "is no image by its name and is left out|are no images by their names and are left out",
        ),
    ):
        if files:
            named = ", ".join(files[:5]) + (f" and {len(files) - 5:,} more" if len(files) > 5 else "")
            found.warnings.append(f"{root}: {named} {what.split('|')[len(files) > 1]}")
    return entries


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if is_shown(entry.name))
    except OSError as error:
        raise DataError(f"{folder} can't be read: {error.strerror}") from None


def _folders(folder: Path) -> list[Path]:
    return [folder / name for name in _names(folder) if (folder / name).is_dir()]


class ImagePreparation(Preparation):
    """Decodes image files as those of the training were decoded."""

    kind = "images"
    example = "INPUT.png"

    def __init__(self, how: Decoding, path_column: str | None = None) -> None:
        """path_column: of tables that list images; None: one with a usual name."""
        self.how = how
        self.path_column = path_column
        self._names: list[str] = []
        self._warnings: list[str] = []

    def fit(self, train: Split) -> None:
        """Nothing: images are decoded before they are divided."""

    def apply(self, split: Split) -> Split:
        return split

    def finish(self, data: Data) -> None:
        """Nothing to say."""
        if self.how.size is None:  # images to come are brought to the size that those had
            height, width = data.input_shape[:2]
            self.how = Decoding((int(height), int(width)), *list(vars(self.how).values())[1:])

    def state(self) -> dict[str, Any]:
        return {**self.how.state(), "path_column": self.path_column}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        try:
            size, given = state["size"], dict(state)
            column = given.pop("path_column", None)
            how = Decoding(**{**given, "size": None if size is None else (int(size[0]), int(size[1]))})
            if how.color_mode not in MODES:
                raise ValueError(f"color_mode {how.color_mode!r}")
            if not isinstance(column, (str, NoneType)):
                raise ValueError(f"path_column {column!r}")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CheckpointError(f"how the checkpoint decodes images is damaged: {error}") from None
        return cls(how, column)

    def read(self, path: Path, rows: int) -> Iterator[Array]:
        """The images of a file, of a folder or of a table that lists them, at most `rows` at a time."""
        root, is_folder = existing_path(path, Path(), "image, folder of images or table of paths")
        if root.suffix.lower() in (".npy", ".npz") and not is_folder:
            yield read_array_file(root)
            return
        require_pillow(str(root))
        several, base = is_folder, root
        if is_folder:
            paths = images_under(root)[0]
        elif root.suffix.lower() in TABLES:
            listing = read_listing(root)
            paths = listing.paths(listing.place("path_column", self.path_column, PATHS, 0))
            several, base = True, root.parent
        else:
            paths = [root]
        if not paths:
            raise DataError(f"{root} has no images in it")
        broken: list[tuple[str, str]] = []
        stretch: list[Array] = []
        self._names, self._warnings, any_yet = [], [], False
        for one, image in zip(paths, decoded(paths, self.how), strict=True):
            name = shown(one, base) if several else readable(one.name)
            if isinstance(image, BrokenImage):
                broken.append((name, str(image)))
                continue
            stretch.append(image)
            self._names.append(name)
            if len(stretch) == rows:
                any_yet = True
                yield np.stack(stretch)
                stretch, self._names = [], []
        if broken:
            told = f"{len(broken):,} of {len(paths):,} images can't be read and have no row: {listed(broken)}"
            self._warnings.append(told)
        if stretch:
            yield np.stack(stretch)
        elif not any_yet:
            told = listed(broken) if several else broken[0][1]
            raise DataError(
                f"{root}: no image can be read: {told}" if several else f"{root} is no usable image: {told}"
            )

    def names(self) -> list[str]:
        return self._names

    def warnings(self) -> list[str]:
        return self._warnings
