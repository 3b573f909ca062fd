"""Ask Keras what its random image layers make of pictures, with draws that are known.

python -m tests.reference.make_augmentation OUTDIR, with KERAS_BACKEND=jax. Writes OUTDIR/augmentation.npz: for each
case of tests/cases_augmentation.py the input `case/x`, the numbers in [0, 1) that Keras drew, in its order,
`case/draws` (count, N), and what the layer gave in training, `case/y`; for MixUp and CutMix also labels, weights and
orders. Every uniform draw of Keras is replaced by lower + u (upper - lower) with a u that is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.backend import jax as backend

from tests.cases_augmentation import CASES, MIXES, pictures


class Known:
    """Takes the place of Keras's uniform draws."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.RandomState(seed)
        self.kept: list[np.ndarray] = []

    def uniform(self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        u = self.rng.random_sample(tuple(shape))
        self.kept.append(u)
        return keras.ops.cast(minval + u * (maxval - minval), dtype or "float32")


def main() -> None:
    assert keras.backend.backend() == "jax"
    arrays: dict[str, Any] = {}
    uniform = backend.random.uniform
    for number, (case, row) in enumerate(CASES.items()):
        x = pictures(row)
        layer = getattr(keras.layers, row["layer"])(**row["options"])
        known = Known(number)
        backend.random.uniform = known.uniform
        if row.get("alone"):
            y = np.concatenate([np.asarray(layer(image[None], training=True)) for image in x])
        else:
            y = np.asarray(layer(x, training=True))
        backend.random.uniform = uniform
        # (N, k) numbers are k draws; one number for the batch is every row's
        draws = [
            np.broadcast_to(column, len(x)) for u in known.kept for column in u.reshape(len(u) if u.ndim else 1, -1).T
        ]
        arrays |= {f"{case}/x": x, f"{case}/y": y}
        if draws:
            arrays[f"{case}/draws"] = np.stack(draws)
    for number, (case, row) in enumerate(MIXES.items()):
        x, labels = pictures(row), np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 2]]
        layer = getattr(keras.layers, row["layer"])(**row["options"], seed=1)
        known = Known(number)
        backend.random.uniform = known.uniform
        shuffled = known.rng.permutation(len(x))
        weights = known.rng.beta(0.4, 0.4, len(x)).astype(np.float32)
        shuffle, beta = backend.random.shuffle, backend.random.beta
        backend.random.shuffle = lambda *args, order=shuffled, **kwargs: keras.ops.array(order)
        backend.random.beta = lambda *args, drawn=weights, **kwargs: keras.ops.array(drawn)
        made = layer({"images": x, "labels": labels}, training=True)
        backend.random.uniform, backend.random.shuffle, backend.random.beta = uniform, shuffle, beta
        arrays |= {f"{case}/x": x, f"{case}/labels": labels, f"{case}/order": shuffled, f"{case}/weights": weights}
        arrays |= {f"{case}/y": np.asarray(made["images"]), f"{case}/mixed": np.asarray(made["labels"])}
        places = [u for u in known.kept if u.ndim]
        if places:
            arrays[f"{case}/draws"] = np.stack(places)
    # RandomCrop's documentation describes this function; see the layer.
    x = pictures({"input": (2, 6, 9, 3)})
    for case, size in {"resized": (4, 4), "resized_larger": (8, 10)}.items():
        arrays |= {f"{case}/x": x, f"{case}/y": np.asarray(keras.preprocessing.image.smart_resize(x, size))}
    np.savez_compressed(Path(sys.argv[1]) / "augmentation.npz", **arrays)
    print(f"augmentation: {len(CASES) + len(MIXES)} cases")


if __name__ == "__main__":
    main()
