"""The user's own files as a data set: arrays in npz, npy and hdf5 files, a folder of IDX files as MNIST has them."""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.checkers import NonNegativeFloat, PathText
from seqnet.datasets.arrayfiles import MB, lazily, open_idx, open_npy, open_npz_arrays
from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.csv_source import Csv as Csv  # registered with the other sources
from seqnet.datasets.hdf5 import hdf5_keys, open_hdf5_arrays
from seqnet.datasets.imagefiles import ENDINGS
from seqnet.datasets.images import Images as Images
from seqnet.datasets.labels import Array
from seqnet.datasets.readers import existing_file, existing_folder, npz_keys
from seqnet.datasets.series import Series as Series
from seqnet.datasets.text import Text as Text  # registered with the other sources
from seqnet.datasets.text_files import JSON_LINES, ending
from seqnet.declare import get, option
from seqnet.errors import DataError, nearest
from seqnet.registry import register

LIMIT = 512.0  # megabytes that are surely there
LOOKED_AT = 1000  # files of a folder that say what it holds


class ArrayFile(Source):
    """Base of the files that hold arrays by name."""

    path: PathText = option("the file", example="data.npz")
    x_train: str = option("name of the array of training inputs (or x)", default="x_train")
    y_train: str | None = option("name of the array of training targets (or y); null: no targets", default="y_train")
    x_test: str | None = option("name of the array of test inputs; null: no test part", default="x_test")
    y_test: str | None = option("name of the array of test targets", default="y_test")
    x_val: str | None = option("name of the array of validation inputs; null: no validation part", default="x_val")
    y_val: str | None = option("name of the array of validation targets", default="y_val")
    sample_weight: str | None = option("name of the array of training weights, one a row", default="sample_weight")
    memory_limit_mb: NonNegativeFloat = option(
        "arrays that have more megabytes together stay in the file, and rows are read as batches need them",
        default=LIMIT,
    )

    @abstractmethod
    def keys(self, path: Path) -> tuple[str, ...]:
        """The names of the arrays in the file. Raises DataError."""

    @abstractmethod
    def arrays(self, path: Path, keys: Sequence[str], limit: int) -> dict[str, Array]:
        """The arrays of these names; those beyond `limit` bytes are read lazily. Raises DataError."""

    def load(self, base: Path) -> Data:
        """Read the arrays that the options name. Raises DataError, also for data that `Data.check` refuses."""
        path = existing_file(self.path, base, self.spec_name)
        keys = self.keys(path)
        train = self._required(path, keys, "x_train", "x"), self._target(path, keys, "y_train", "y")
        weight = self._optional(path, keys, "sample_weight")
        test = self._pair(path, keys, "x_test", "y_test")
        validation = self._pair(path, keys, "x_val", "y_val")
        names = [key for key in ("class_names", "feature_names", "vocabulary") if key in keys]
        wanted = [key for pair in (train, validation, test) if pair for key in pair if key is not None]
        arrays = self.arrays(
            path,
            list(dict.fromkeys([*wanted, *names, *([weight] if weight else [])])),
            int(self.memory_limit_mb * MB),
        )
        data = Data(
            name=path.stem,
            train=_split(arrays, *train, weight),
            validation=validation and _split(arrays, *validation),
            test=test and _split(arrays, *test),
            class_names=_names(arrays.get("class_names"), f"{path}: class_names"),
            feature_names=_names(arrays.get("feature_names"), f"{path}: feature_names"),
            vocabulary=_names(arrays.get("vocabulary"), f"{path}: vocabulary"),
        ).encoded()
        data.check()
        return data

    def key_names(self, base: Path) -> tuple[str, ...]:
        """The arrays of the file."""
        return self.keys(existing_file(self.path, base, self.spec_name))

    def key_column(self, name: str, base: Path) -> Array:
        """An array of the file."""
        path = existing_file(self.path, base, self.spec_name)
        return np.asarray(self.arrays(path, [name], int(self.memory_limit_mb * MB))[name])

    def _pair(self, path: Path, keys: tuple[str, ...], x_option: str, y_option: str) -> tuple[str, str | None] | None:
        """The names of a split's arrays in the file, or None where the file has no such split."""
        x_key = self._optional(path, keys, x_option)
        return None if x_key is None else (x_key, self._target(path, keys, y_option))

    def _target(self, path: Path, keys: tuple[str, ...], name: str, plain: str | None = None) -> str | None:
        """The array of targets; None where the options say that there are none."""
        if self.y_train is None or getattr(self, name) is None:
            return None
        return self._required(path, keys, name, plain)

    def _optional(self, path: Path, keys: tuple[str, ...], name: str) -> str | None:
        """The array that an option names; where it names none itself, None if the file lacks the usual one."""
        wanted: str | None = getattr(self, name)
        return None if wanted == name and name not in keys else wanted and self._required(path, keys, name)

    def _required(self, path: Path, keys: tuple[str, ...], name: str, plain: str | None = None) -> str:
        wanted: str = getattr(self, name)
        if wanted in keys:
            return wanted
        if wanted == name and plain in keys:
            return plain
        held = f"it holds {', '.join(keys)}" if keys else "it holds no arrays"
        near = nearest(wanted, (key for key in keys if key[:1].lower() == wanted[:1].lower()))  # never an x for a y
        advice = f"say which array to use with {name}: {near or 'NAME'}"
        if name.startswith("y"):
            advice += f", or {name}: null where there are no targets"
        raise DataError(f"{path} has no array {wanted!r}; {held}; {advice}")


@register(name="npz")
class Npz(ArrayFile):
    """Arrays saved by `np.savez("data.npz", x_train=…, y_train=…, x_test=…, y_test=…)`, one row a sample.

    x (N, …) numbers, y (N,) labels or numbers, or (N, K) one-hot; plain `x` and `y` are the training rows. Labels may
    be text. `x_test`, `y_test`, `x_val`, `y_val` and `sample_weight` are used where the file has them; so are
    `class_names`, `feature_names` and `vocabulary` (the word that number 0, 1, … of x stands for), arrays of text.
    Any other array with one value a training row can be what `group_by`, `order_by` or `split_column` names.
    Pickled object arrays are refused. Arrays larger than memory belong in an uncompressed file, as np.savez writes it.
    """

    path: PathText = option("the npz file", example="data.npz")

    def keys(self, path: Path) -> tuple[str, ...]:
        return npz_keys(path)

    def arrays(self, path: Path, keys: Sequence[str], limit: int) -> dict[str, Array]:
        return open_npz_arrays(path, keys, limit)


@register("h5", name="hdf5")
class Hdf5(ArrayFile):
    """Arrays in an HDF5 file, as h5py writes them: `file["x_train"] = x`. Needs h5py: pip install 'seqnet[hdf5]'.

    Arrays, names and splits as in `npz`; an array inside a group is named with its path, `images/train`. Arrays larger
    than memory are read from where they stand if they are neither chunked nor compressed, which is h5py's default;
    others are unpacked once, chunk by chunk, into a temporary file in SEQNET_HOME.
    """

    path: PathText = option("the hdf5 file", example="data.h5")

    def keys(self, path: Path) -> tuple[str, ...]:
        return hdf5_keys(path)

    def arrays(self, path: Path, keys: Sequence[str], limit: int) -> dict[str, Array]:
        return open_hdf5_arrays(path, keys, limit)


@register(name="npy")
class Npy(Source):
    """One npy file an array, as `np.save` writes it: `npy: {x: x.npy, y: y.npy}`. Rows and labels as in `npz`."""

    paths = ("x", "y", "x_test", "y_test", "x_val", "y_val", "sample_weight")
    targets_hint = "name their file with y: FILE"

    x: PathText = option("the file of training inputs, (N, …)", example="x.npy")
    y: PathText | None = option("the file of training targets; null: no targets", default=None)
    x_test: PathText | None = option("the file of test inputs", default=None)
    y_test: PathText | None = option("the file of test targets", default=None)
    x_val: PathText | None = option("the file of validation inputs", default=None)
    y_val: PathText | None = option("the file of validation targets", default=None)
    sample_weight: PathText | None = option("the file of training weights, one a row", default=None)
    memory_limit_mb: NonNegativeFloat = option(
        "files that have more megabytes together stay on the disk, and rows are read as batches need them",
        default=LIMIT,
    )

    def load(self, base: Path) -> Data:
        """Read the files that the options name. Raises DataError, also for data that `Data.check` refuses."""
        files = {
            name: existing_file(getattr(self, name), base, f"npy.{name}")
            for name in self.paths
            if getattr(self, name) is not None
        }
        for x, y in (("x_test", "y_test"), ("x_val", "y_val")):
            if y in files and x not in files:
                raise DataError(f"npy has {y} but no {x}; name the inputs that belong to {files[y].name}")
            if x in files and y not in files and "y" in files:
                raise DataError(f"npy has {x} but no {y}; name the targets that belong to {files[x].name}")
        left = lazily({name: file.stat().st_size for name, file in files.items()}, int(self.memory_limit_mb * MB))
        arrays = {name: open_npy(file, 0 if name in left else file.stat().st_size) for name, file in files.items()}
        data = Data(
            name=files["x"].stem,
            train=Split(arrays["x"], arrays.get("y"), arrays.get("sample_weight")),
            validation=Split(arrays["x_val"], arrays.get("y_val")) if "x_val" in arrays else None,
            test=Split(arrays["x_test"], arrays.get("y_test")) if "x_test" in arrays else None,
        ).encoded()
        data.check()
        return data


@register(name="idx")
class Idx(Source):
    """A folder of IDX files as MNIST and its relatives have them, gzipped or not.

    `train-images-idx3-ubyte` (N, H, W) and `train-labels-idx1-ubyte` (N,), for the test part `t10k-…` or `test-…`;
    `train-images.idx3-ubyte` will do as well. The labels are classes.
    """

    path: PathText = option("the folder of IDX files", example="fashion-mnist")
    memory_limit_mb: NonNegativeFloat = option(
        "a file of more megabytes stays on the disk, and rows are read as batches need them", default=LIMIT
    )

    def load(self, base: Path) -> Data:
        """Read the files of the folder. Raises DataError: a file missing or broken, images and labels that differ."""
        folder = existing_folder(self.path, base, "idx")
        limit = int(self.memory_limit_mb * MB)
        train = _idx_split(folder, ("train",), limit)
        if train is None:
            raise DataError(
                f"{folder} has no file such as train-images-idx3-ubyte or train-images-idx3-ubyte.gz; it holds "
                f"{_listing(folder)}"
            )
        test = _idx_split(folder, ("t10k", "test"), limit)
        data = Data(name=folder.resolve().name, train=train, test=test, task="classification")
        data.check()
        return data


def _split(arrays: dict[str, Array], x: str, y: str | None, weight: str | None = None) -> Split:
    return Split(arrays[x], arrays[y] if y else None, arrays[weight] if weight else None)


def _names(array: Array | None, where: str) -> tuple[str, ...] | None:
    if array is None:
        return None
    if array.ndim != 1 or array.dtype.kind != "U":
        raise DataError(f"{where} must be a list of names, got {array.dtype} of shape {array.shape}")
    return tuple(str(name) for name in array)


def _idx_split(folder: Path, prefixes: tuple[str, ...], limit: int) -> Split | None:
    images, labels = (_idx_file(folder, prefixes, what) for what in ("images", "labels"))
    if images is None or labels is None:
        there = images or labels
        if there is None:
            return None
        missing = "labels" if images else "images"
        raise DataError(f"{folder} has {there.name} but no {prefixes[0]}-{missing}-… beside it")
    x, y = open_idx(images, limit), open_idx(labels, limit)
    if y.ndim != 1:
        raise DataError(f"{labels} holds an array of shape {y.shape}; labels are one number a row")
    if len(x) != len(y):
        raise DataError(f"{images.name} holds {len(x)} images but {labels.name} {len(y)} labels, in {folder}")
    return Split(x, y)


def _idx_file(folder: Path, prefixes: tuple[str, ...], what: str) -> Path | None:
    """The file of a split's images or labels; the unzipped one where both are there."""
    pattern = re.compile(rf"({'|'.join(prefixes)})-{what}[-.]idx\d-\w+?(\.gz)?")
    try:
        names = sorted(entry.name for entry in folder.iterdir() if pattern.fullmatch(entry.name))
    except OSError as error:
        raise DataError(f"{folder} can't be read: {error.strerror}") from None
    return folder / min(names, key=lambda name: name.endswith(".gz")) if names else None


def _listing(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    return (", ".join(names[:8]) + (", …" if len(names) > 8 else "")) if names else "nothing"


def guessed(path: Path, options: Mapping[str, Any] | None = None) -> Source | None:
    """The source that reads a file or folder by its ending or by what the folder holds; None if none does.

    options: how it is read. Raises SpecError.
    """
    kind = _kind_of_folder(path) if path.is_dir() else KINDS.get(ending(path))
    return None if kind is None else get(Source, {kind.spec_name: {kind.paths[0]: str(path), **(options or {})}})


KINDS: dict[str, type[Source]] = {
    **dict.fromkeys((".h5", ".hdf5"), Hdf5),
    **dict.fromkeys(JSON_LINES, Text),
    ".npz": Npz,
    ".npy": Npy,
}


def _kind_of_folder(path: Path) -> type[Source]:
    if any(_idx_file(path, (prefix,), "images") for prefix in ("train", "t10k", "test")):
        return Idx
    endings = [ending(file) for file in itertools.islice(path.rglob("*"), LOOKED_AT) if file.is_file()]
    if not any(found in ENDINGS for found in endings) and any(found == ".txt" for found in endings):
        return Text
    return Images if any(entry.is_dir() for entry in path.iterdir()) else Idx
