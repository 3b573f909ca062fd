"""Write initializers.npz: Keras's fans, and mean, deviation, smallest and largest value of what Keras on JAX draws.

python -m tests.reference.make_initializers OUTDIR, with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras.src.initializers.random_initializers import compute_fans

from tests.cases_initializers import FANS, LAWS


def main(folder: str) -> None:
    arrays: dict[str, np.ndarray] = {"fans": np.array([compute_fans(*row) for row in FANS])}
    for key, name, options, shape in LAWS:
        given = {"seed": 5} if "seed" in getattr(keras.initializers, name)().get_config() else {}
        values = np.asarray(getattr(keras.initializers, name)(**options, **given)(shape), np.float64)
        arrays[f"{key}/statistics"] = np.array([values.mean(), values.std(), values.min(), values.max()])
    np.savez_compressed(Path(folder) / "initializers.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
