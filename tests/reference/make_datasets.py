"""What Keras's load_data gives for the miniatures: `python -m tests.reference.make_datasets OUTDIR`.

Keras gets the path of a miniature where it would fetch a file. Lists of numbers are stored as text (JSON), arrays as
they are.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from keras import datasets

from tests.cases_datasets import CASES, PARTS, label
from tests.miniatures import MAKERS


def place(name: str, folder: Path) -> None:
    """Write the miniature, and have Keras find it."""
    for file, content in MAKERS[name]().items():
        path = folder / Path(file).name
        path.write_bytes(content)
        if file.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                archive.extractall(folder / name, filter="data")

    def get_file(fname: str, origin: str, extract: bool = False, **options: Any) -> str:
        return str(folder / name) if extract else str(folder / Path(origin).name)

    importlib.import_module(f"keras.src.datasets.{name}").get_file = get_file


def stored(array: Any) -> np.ndarray:
    if array.dtype == object:
        return np.array(json.dumps([[int(word) for word in text] for text in array]))
    return np.ascontiguousarray(array)


def main(folder: str) -> None:
    arrays: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in MAKERS:
            place(name, Path(temporary))
        for case in CASES:
            name, arguments, options = case
            (x, y), (x_test, y_test) = getattr(datasets, name).load_data(*arguments, **options)
            for part, array in zip(PARTS, (x, y, x_test, y_test), strict=True):
                arrays[f"{label(case)} {part}"] = stored(array)
        for name in MAKERS:
            arguments = inspect.signature(getattr(datasets, name).load_data).parameters.values()
            said = [f"{one.name}={one.default!r}" for one in arguments if one.kind is not one.VAR_KEYWORD]
            arrays[f"{name} signature"] = np.array(", ".join(said))
        arrays["reuters topics"] = np.array(datasets.reuters.get_label_names())
        for name in ("imdb", "reuters"):
            arrays[f"{name} words"] = np.array(json.dumps(getattr(datasets, name).get_word_index()))
    # Images are the miniatures' own bytes: their sums by row and column say enough.
    for key, array in list(arrays.items()):
        if array.ndim > 2:
            arrays[key] = checksums(array)
    np.savez_compressed(Path(folder) / "datasets.npz", **arrays)


def checksums(array: np.ndarray) -> np.ndarray:
    """Rows of numbers that tell rows of pixels apart, also in another order of their axes: (N, 3)."""
    flat = array.reshape(len(array), -1).astype(np.int64)
    steps = np.arange(flat.shape[1])
    return np.stack([flat.sum(axis=1), (flat * steps).sum(axis=1), (flat * (steps % 97)).sum(axis=1)], axis=1)


if __name__ == "__main__":
    main(sys.argv[1])
