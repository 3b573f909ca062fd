"""Small files in the formats of the fetched data sets, as their makers wrote them: npz, IDX, Python 2's pickles in a
tar.gz, lists in an npz; the same bytes each time."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
from collections.abc import Callable
from typing import Any

import numpy as np

WORDS = 60


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Writes bytes and texts as Python 2 wrote its strings, and NumPy's modules under their old names."""

    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def _save_string(self, value: str | bytes) -> None:
        content = value.encode("latin-1") if isinstance(value, str) else value
        size = struct.pack("<i", len(content)) if len(content) > 255 else struct.pack("<B", len(content))
        self.write((b"T" if len(content) > 255 else b"U") + size + content)

    dispatch[bytes] = _save_string
    dispatch[str] = _save_string

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or value.__qualname__}\n".encode())

    dispatch[type] = save_global
    dispatch[type(np.array)] = save_global
    dispatch[type(len)] = save_global


def python2_pickle(value: Any) -> bytes:
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def mnist() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (320, 28, 28), dtype=np.uint8) * np.uint8(255), np.arange(320, dtype=np.uint8) % 10
    return {"mnist.npz": npz(x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])}


def idx_gz(array: np.ndarray) -> bytes:
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def fashion_mnist() -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (80, 28, 28), dtype=np.uint8), np.arange(80, dtype=np.uint8) % 10
    return {
        "fashion-mnist/train-images-idx3-ubyte.gz": idx_gz(x[:60]),
        "fashion-mnist/train-labels-idx1-ubyte.gz": idx_gz(y[:60]),
        "fashion-mnist/t10k-images-idx3-ubyte.gz": idx_gz(x[60:]),
        "fashion-mnist/t10k-labels-idx1-ubyte.gz": idx_gz(y[60:]),
    }


def tar_gz(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def images(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (rows, 3072), dtype=np.uint8)


def cifar10(rows: int = 24) -> dict[str, bytes]:
    members = {"batches.meta": {"num_cases_per_batch": rows, "label_names": [f"thing {k}" for k in range(10)]}}
    for seed, name in enumerate(["data_batch_4", "test_batch", *(f"data_batch_{number}" for number in (3, 2, 5, 1))]):
        labels = [int(label) for label in np.random.default_rng(seed).integers(0, 10, rows)]
        members[name] = {
            "batch_label": name,
            "labels": labels,
            "data": images(rows, seed),
            "filenames": ["a.png"] * rows,
        }
    files = {f"cifar-10-batches-py/{name}": python2_pickle(content) for name, content in members.items()}
    return {"cifar-10-python.tar.gz": tar_gz({"cifar-10-batches-py/readme.html": b"<html>", **files})}


def cifar100() -> dict[str, bytes]:
    members: dict[str, Any] = {
        "meta": {
            "fine_label_names": [f"thing {k}" for k in range(100)],
            "coarse_label_names": [f"group {k}" for k in range(20)],
        }
    }
    for seed, (name, rows) in enumerate({"test": 20, "train": 200}.items()):
        fine = [row % 100 for row in range(rows)]
        coarse = [label // 5 for label in fine]
        members[name] = {"data": images(rows, seed), "fine_labels": fine, "coarse_labels": coarse}
    files = {f"cifar-100-python/{name}": python2_pickle(content) for name, content in members.items()}
    return {"cifar-100-python.tar.gz": tar_gz(files)}


def texts(rows: int, seed: int) -> np.ndarray:
    """Lists of 1 to 30 word numbers, frequent words first, as an array of objects."""
    rng = np.random.default_rng(seed)
    made = np.empty(rows, dtype=object)
    for row in range(rows):
        made[row] = [min(int(word), WORDS) for word in rng.geometric(0.08, rng.integers(1, 31))]
    return made


def word_index() -> bytes:
    return json.dumps({f"word{number}": number for number in range(1, WORDS + 1)}).encode()


def imdb() -> dict[str, bytes]:
    y = np.arange(200) % 2
    arrays = {"x_train": texts(200, 1), "y_train": y, "x_test": texts(30, 2), "y_test": y[:30]}
    return {"imdb.npz": npz(**arrays), "imdb_word_index.json": word_index()}


def reuters() -> dict[str, bytes]:
    return {
        "reuters.npz": npz(x=texts(92, 3), y=np.arange(92) % 46),
        "reuters_word_index.json": word_index(),
    }


def table(rows: int, columns: int, seed: int, dtype: Any) -> bytes:
    rng = np.random.default_rng(seed)
    return npz(x=rng.normal(5, 2, (rows, columns)).astype(dtype), y=rng.uniform(5, 50, rows).astype(dtype))


def california_housing() -> dict[str, bytes]:
    return {"california_housing.npz": table(700, 8, 4, np.float32)}


def boston_housing() -> dict[str, bytes]:
    return {"boston_housing.npz": table(101, 13, 5, np.float64)}


MAKERS: dict[str, Callable[[], dict[str, bytes]]] = {
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "imdb": imdb,
    "reuters": reuters,
    "california_housing": california_housing,
    "boston_housing": boston_housing,
}
