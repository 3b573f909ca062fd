"""The user's own files as a data set: an npz file of arrays, or a folder of IDX files as MNIST has them."""

from __future__ import annotations

import re
from pathlib import Path

from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.labels import Array
from seqnet.datasets.readers import existing_file, existing_folder, npz_keys, read_idx, read_npz_arrays
from seqnet.declare import option
from seqnet.errors import DataError, nearest
from seqnet.registry import register


@register(name="npz")
class Npz(Source):
    """Arrays saved by `np.savez("data.npz", x_train=…, y_train=…, x_test=…, y_test=…)`, one row a sample.

    x (N, …) numbers, y (N,) labels or numbers, or (N, K) one-hot; plain `x` and `y` are the training rows. Labels may
    be text. `x_test`, `y_test`, `x_val`, `y_val` and `sample_weight` are used where the file has them; so are
    `class_names`, `feature_names` and `vocabulary` (the word that number 0, 1, … of x stands for), arrays of text.
    Any other array with one value a training row can be what `group_by`, `order_by` or `split_column` names.
    Pickled object arrays are refused.
    """

    path: str = option("the npz file", example="data.npz")
    x_train: str = option("name of the array of training inputs (or x)", default="x_train")
    y_train: str | None = option("name of the array of training targets (or y); null: no targets", default="y_train")
    x_test: str | None = option("name of the array of test inputs; null: no test part", default="x_test")
    y_test: str | None = option("name of the array of test targets", default="y_test")
    x_val: str | None = option("name of the array of validation inputs; null: no validation part", default="x_val")
    y_val: str | None = option("name of the array of validation targets", default="y_val")
    sample_weight: str | None = option("name of the array of training weights, one a row", default="sample_weight")

    def load(self, base: Path) -> Data:
        """Read the arrays that the options name. Raises DataError, also for data that `Data.check` refuses."""
        path = existing_file(self.path, base, "npz")
        keys = npz_keys(path)
        train = self._required(path, keys, "x_train", "x"), self._target(path, keys, "y_train", "y")
        weight = self._optional(path, keys, "sample_weight")
        test = self._pair(path, keys, "x_test", "y_test")
        validation = self._pair(path, keys, "x_val", "y_val")
        names = [key for key in ("class_names", "feature_names", "vocabulary") if key in keys]
        wanted = [key for pair in (train, validation, test) if pair for key in pair if key is not None]
        arrays = read_npz_arrays(path, dict.fromkeys([*wanted, *names, *([weight] if weight else [])]))
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

    def column_names(self, base: Path) -> tuple[str, ...]:
        """The arrays of the file."""
        return npz_keys(existing_file(self.path, base, "npz"))

    def column(self, name: str, base: Path) -> Array:
        """An array of the file."""
        return read_npz_arrays(existing_file(self.path, base, "npz"), [name])[name]

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


@register(name="idx")
class Idx(Source):
    """A folder of IDX files as MNIST and its relatives have them, gzipped or not.

    `train-images-idx3-ubyte` (N, H, W) and `train-labels-idx1-ubyte` (N,), for the test part `t10k-…` or `test-…`;
    `train-images.idx3-ubyte` will do as well. The labels are classes.
    """

    path: str = option("the folder of IDX files", example="fashion-mnist")

    def load(self, base: Path) -> Data:
        """Read the files of the folder. Raises DataError: a file missing or broken, images and labels that differ."""
        folder = existing_folder(self.path, base, "idx")
        train = _idx_split(folder, ("train",))
        if train is None:
            raise DataError(
                f"{folder} has no file such as train-images-idx3-ubyte or train-images-idx3-ubyte.gz; it holds "
                f"{_listing(folder)}"
            )
        test = _idx_split(folder, ("t10k", "test"))
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


def _idx_split(folder: Path, prefixes: tuple[str, ...]) -> Split | None:
    images, labels = (_idx_file(folder, prefixes, what) for what in ("images", "labels"))
    if images is None or labels is None:
        there = images or labels
        if there is None:
            return None
        missing = "labels" if images else "images"
        raise DataError(f"{folder} has {there.name} but no {prefixes[0]}-{missing}-… beside it")
    x, y = read_idx(images), read_idx(labels)
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
