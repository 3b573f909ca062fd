"""Data sets that are fetched when first used: the images and tables that Keras has, from the same addresses.

`load_data` takes the arguments of Keras's and gives the same arrays for the same files; in a YAML file labels come as
(N,) and numbers as float32. Module `reviews` has the texts.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from seqnet.checkers import Fraction, Number, PathText
from seqnet.datasets.base import Data, Dataset, Pairs, Split
from seqnet.datasets.fetching import Asked, RemoteFile, cache_folder, fetch
from seqnet.datasets.labels import Array
from seqnet.datasets.pickles import read_pickle
from seqnet.datasets.readers import read_idx, read_npz_arrays
from seqnet.declare import option
from seqnet.errors import DataError
from seqnet.registry import register

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
TORONTO = "https://www.cs.toronto.edu/~kriz/"
ZALANDO = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
PATH_HELP = "where the file is kept: in the cache folder, as in Keras, or an absolute path"

Facts = dict[str, Any]  # class_names, feature_names, vocabulary
Seed = Annotated[int, Number(whole=True, ge=0, le=2**32 - 1)]


class Downloaded(Dataset):
    """Base of the sets whose files are fetched.

    files: the first holds the data; meanwhile: how to name a bundled set that can stand in for this one.
    """

    bundled = False
    files: ClassVar[tuple[RemoteFile, ...]]
    meanwhile: ClassVar[str]
    shape: ClassVar[tuple[int, ...]]

    def load(self) -> Data:
        """Fetch what is missing, check it, read it. Raises DataError, DownloadError."""
        ((x, y), (x_test, y_test)), facts = self.read()
        test = self.split(x_test, y_test) if len(x_test) else None
        return Data(name=self.spec_name, train=self.split(x, y), test=test, task=self.task, **facts)

    def pairs(self) -> Pairs:
        return self.read()[0]

    @abstractmethod
    def read(self) -> tuple[Pairs, Facts]:
        """The arrays as Keras gives them, and what else is known of them. Raises DataError, DownloadError."""

    def split(self, x: Array, y: Array) -> Split:
        """The rows as a network takes them: one label or number a row."""
        y = y.reshape(-1)
        return Split(x, y) if self.task == "classification" else Split(x.astype(np.float32), y.astype(np.float32))

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        path = values.get("path", ".")
        try:
            usable = bool(path) and "\0" not in path and bool(Path(path).expanduser())
        except RuntimeError:  # ~nobody
            usable = False
        if not usable:
            yield "path", f"path {path!r} can't be used; leave it out, or name a file"

    @property
    def places(self) -> dict[RemoteFile, Path]:
        """Where each file is kept."""
        where = {file: cache_folder() / file.name for file in self.files}
        path = getattr(self, "path", None)
        if path is not None:
            where[self.files[0]] = cache_folder() / Path(path).expanduser()
        return where

    @property
    def needed(self) -> tuple[RemoteFile, ...]:
        """The files without which the data can't be read."""
        return self.files

    @property
    def missing(self) -> int:
        places = self.places
        return sum(file.size for file in self.needed if not places[file].is_file())

    @classmethod
    def presence(cls) -> tuple[str, int]:
        made = cls()
        if made.missing:
            return "not fetched", sum(file.size for file in cls.files)
        return "fetched", sum(path.stat().st_size for path in made.places.values() if path.is_file())

    @property
    def known_shape(self) -> tuple[int, ...] | None:
        return self.shape

    def fetched(self, file: RemoteFile) -> Path:
        """The path of one of the files. Raises DataError, DownloadError."""
        path = self.places[file]
        own = path != cache_folder() / file.name
        return fetch(file, Asked(self.spec_name, f"dataset: {self.meanwhile}"), path if own else None)


@register(name="mnist")
class Mnist(Downloaded):
    """Handwritten digits, 28 x 28 grey pixels: the set that everyone begins with.

    x (N, 28, 28) uint8 in 0 … 255, y (N,) uint8 in 0 … 9.
    """

    title = "MNIST: handwritten digits, 28 x 28 pixels"
    licence = "CC BY-SA 3.0"
    origin = "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits; the file is Keras's"
    task = "classification"
    rows = "60,000 train + 10,000 test"
    shape = (28, 28)
    meanwhile = "digits"
    files = (
        RemoteFile(
            "mnist.npz",
            f"{KERAS}mnist.npz",
            "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            11_490_434,
        ),
    )

    path: PathText = option(PATH_HELP, default="mnist.npz")

    def read(self) -> tuple[Pairs, Facts]:
        arrays = read_npz_arrays(self.fetched(self.files[0]), ["x_train", "y_train", "x_test", "y_test"])
        pairs = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
        return pairs, {"class_names": tuple(str(digit) for digit in range(10))}


def _clothes(name: str, sha256: str, size: int) -> RemoteFile:
    return RemoteFile(f"fashion-mnist/{name}", f"{KERAS}{name}", f"sha256:{sha256}", size, (f"{ZALANDO}{name}",))


@register(name="fashion_mnist")
class FashionMnist(Downloaded):
    """Photographs of clothing in ten classes, 28 x 28 grey pixels.

    x (N, 28, 28) uint8 in 0 … 255, y (N,) uint8 in 0 … 9. `fashion_mnist_mini` is a bundled sample of it.
    """

    title = "Fashion-MNIST: clothing, 28 x 28 pixels"
    licence = "MIT, Copyright (c) 2017 Zalando SE"
    origin = (
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
        "Algorithms (2017), arXiv:1708.07747; github.com/zalandoresearch/fashion-mnist"
    )
    task = "classification"
    rows = "60,000 train + 10,000 test"
    shape = (28, 28)
    meanwhile = "fashion_mnist_mini"
    files = (
        _clothes(
            "train-images-idx3-ubyte.gz",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            26_421_880,
        ),
        _clothes(
            "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515
        ),
        _clothes(
            "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102
        ),
        _clothes(
            "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148
        ),
    )

    def read(self) -> tuple[Pairs, Facts]:
        x, y, x_test, y_test = (read_idx(self.fetched(file)) for file in self.files)
        return ((x, y), (x_test, y_test)), {"class_names": CLOTHES}


class Cifar(Downloaded):
    """Base of the two sets of small photographs: Python pickles in a tar.gz."""

    task = "classification"
    rows = "50,000 train + 10,000 test"
    shape = (32, 32, 3)
    meanwhile = "fashion_mnist_mini"
    licence = "its authors state none"
    folder: ClassVar[str]
    members: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]  # of the training rows, and of the test rows
    meta: ClassVar[str]

    def keys(self) -> tuple[bytes, bytes]:
        """What the labels and their names are called in the pickles."""
        return b"labels", b"label_names"

    def read(self) -> tuple[Pairs, Facts]:
        batches = self._members([self.meta, *(name for part in self.members for name in part)])
        train, test = (self._rows([batches[name] for name in part]) for part in self.members)
        names = batches[self.meta].get(self.keys()[1])
        if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
            raise DataError(f"{self.spec_name}: {self.meta} has no names of classes; fetch the file again")
        return (train, test), {"class_names": tuple(name.decode("latin-1") for name in names)}

    def _members(self, names: list[str]) -> dict[str, dict[Any, Any]]:
        """What the pickles of these names in the archive hold, read as it streams by, without unpacking it."""
        import tarfile  # which nothing else needs

        path = self.fetched(self.files[0])
        wanted = {f"{self.folder}/{name}": name for name in names}
        found: dict[str, dict[Any, Any]] = {}
        try:
            with tarfile.open(path, "r|gz") as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.name in wanted else None
                    if file is not None:
                        content = read_pickle(file.read(), f"{path}: {member.name}")
                        if not isinstance(content, dict):
                            raise DataError(f"{path}: {member.name} holds no mapping")
                        found[wanted[member.name]] = content
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path} is no tar.gz that can be read ({error}); remove it and fetch it again") from None
        lacking = [name for name in wanted if wanted[name] not in found]
        if lacking:
            raise DataError(f"{path} has no member {lacking[0]}; remove it and fetch it again")
        return found

    def _rows(self, batches: list[dict[Any, Any]]) -> tuple[Array, Array]:
        """x (N, 32, 32, 3) uint8, y (N, 1), of batches that hold (N, 3 * 32 * 32), channel after channel."""
        key = self.keys()[0]
        images: list[Any] = [batch.get(b"data") for batch in batches]
        labels: list[Any] = [batch.get(key) for batch in batches]
        for pixels, ids in zip(images, labels, strict=True):
            if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (3072,):
                raise DataError(f"{self.spec_name}: a batch has no images of 3 x 32 x 32 bytes; fetch the file again")
            if not isinstance(ids, list) or len(ids) != len(pixels) or not set(map(type, ids)) <= {int}:
                raise DataError(f"{self.spec_name}: a batch has no label for each of its images; fetch the file again")
        x = np.empty((sum(map(len, images)), *self.shape), np.uint8)
        start = 0
        for pixels in images:
            x[start : start + len(pixels)] = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            start += len(pixels)
        return x, self.labels(np.array([label for ids in labels for label in ids]).reshape(-1, 1))

    def labels(self, y: Array) -> Array:
        """The labels (N, 1) in the dtype that Keras gives them."""
        return y


@register(name="cifar10")
class Cifar10(Cifar):
    """Small photographs of ten kinds of things: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    x (N, 32, 32, 3) uint8 in 0 … 255, y uint8 in 0 … 9: (N,) in a file, (N, 1) from load_data, as in Keras.
    """

    title = "CIFAR-10: photographs of ten kinds of things, 32 x 32 pixels"
    origin = "A. Krizhevsky, Learning multiple layers of features from tiny images (2009); www.cs.toronto.edu/~kriz"
    files = (
        RemoteFile(
            "cifar-10-python.tar.gz",
            f"{TORONTO}cifar-10-python.tar.gz",
            "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            170_498_071,
        ),
    )
    folder = "cifar-10-batches-py"
    members = (tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",))
    meta = "batches.meta"

    def labels(self, y: Array) -> Array:
        return y.astype(np.uint8)


@register(name="cifar100")
class Cifar100(Cifar):
    """Small photographs of a hundred kinds of things in twenty groups.

    x (N, 32, 32, 3) uint8 in 0 … 255, y int64 in 0 … 99, or 0 … 19 for the groups: (N,) in a file, (N, 1) from
    load_data, as in Keras.
    """

    title = "CIFAR-100: photographs of a hundred kinds of things, 32 x 32 pixels"
    origin = Cifar10.origin
    files = (
        RemoteFile(
            "cifar-100-python.tar.gz",
            f"{TORONTO}cifar-100-python.tar.gz",
            "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            169_001_437,
        ),
    )
    folder = "cifar-100-python"
    members = (("train",), ("test",))
    meta = "meta"

    label_mode: Literal["fine", "coarse"] = option("fine: the hundred kinds; coarse: the twenty groups", default="fine")

    def keys(self) -> tuple[bytes, bytes]:
        mode = self.label_mode.encode()
        return mode + b"_labels", mode + b"_label_names"


class Housing(Downloaded):
    """Base of the two tables of house prices: rows shuffled by a seed, the last share of them set aside."""

    task = "regression"
    meanwhile = "diabetes"
    feature_names: ClassVar[tuple[str, ...]]
    test_split: float
    seed: int

    def read(self) -> tuple[Pairs, Facts]:
        arrays = read_npz_arrays(self.fetched(self.files[0]), ["x", "y"])
        x, y = self.table(arrays["x"], arrays["y"])
        order = np.arange(len(x))
        np.random.RandomState(self.seed).shuffle(order)  # Keras's generator: the same rows
        first = int(len(x) * (1 - self.test_split))
        x, y = x[order], y[order]
        return ((x[:first], y[:first]), (x[first:], y[first:])), {"feature_names": self.feature_names}

    def table(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The rows to use."""
        return x, y


@register(name="california_housing")
class CaliforniaHousing(Housing):
    """What houses cost in a district of California in 1990, in dollars, from eight numbers about it.

    x (N, 8), y (N,). Needs scaled inputs (Normalization), and a target of this size a scale too.
    """

    title = "California housing: median price of the houses of a district"
    licence = "its authors state none"
    origin = "R. K. Pace, R. Barry, Sparse spatial autoregressions, Statistics & Probability Letters 33 (1997), 291-297"
    rows = "16,512 train + 4,128 test, or 480 + 120 for version: small"
    shape = (8,)
    feature_names = tuple("MedInc HouseAge AveRooms AveBedrms Population AveOccup Latitude Longitude".split())
    files = (
        RemoteFile(
            "california_housing.npz",
            f"{KERAS}california_housing.npz",
            "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
            743_530,
        ),
    )

    version: Literal["large", "small"] = option("large: 20,640 rows; small: the first 600", default="large")
    path: PathText = option(PATH_HELP, default="california_housing.npz")
    test_split: Fraction = option("share of the rows that are the test part", default=0.2)
    seed: Seed = option("of the order of the rows", default=113)

    def table(self, x: Array, y: Array) -> tuple[Array, Array]:
        return (x[:600], y[:600]) if self.version == "small" else (x, y)


@register(name="boston_housing")
class BostonHousing(Housing):
    """What houses cost around Boston in the late 1970s, in thousands of dollars, from 13 numbers.

    x (N, 13), y (N,). Keras warns of this data set; `california_housing: {version: small}` is of about its size.
    """

    title = "Boston housing, which has an ethical problem: median price of houses"
    note = (
        'Keras\'s warning: this dataset has an ethical problem: the authors of this dataset included a variable, "B", '
        "that may appear to assume that racial self-segregation influences house prices. As such, we strongly "
        "discourage the use of this dataset, unless in the context of illustrating ethical issues in data science and "
        "machine learning."
    )
    licence = "its authors state none"
    origin = (
        "D. Harrison, D. L. Rubinfeld, Hedonic housing prices and the demand for clean air, Journal of Environmental "
        "Economics and Management 5 (1978), 81-102; StatLib"
    )
    rows = "404 train + 102 test"
    shape = (13,)
    feature_names = tuple("CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT".split())
    files = (
        RemoteFile(
            "boston_housing.npz",
            f"{KERAS}boston_housing.npz",
            "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
            57_026,
        ),
    )

    path: PathText = option(PATH_HELP, default="boston_housing.npz")
    test_split: Fraction = option("share of the rows that are the test part", default=0.2)
    seed: Seed = option("of the order of the rows", default=113)
