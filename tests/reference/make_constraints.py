"""Write constraints.npz: the constrained weights of every row of tests/cases_constraints.py by Keras on JAX.

python -m tests.reference.make_constraints OUTDIR, with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from tests.cases_constraints import ROWS, weights


def main(folder: str) -> None:
    arrays: dict[str, np.ndarray] = {}
    for key, name, options, shape in ROWS:
        constraint = getattr(keras.constraints, name)(**options)
        arrays[f"{key}/value"] = np.asarray(constraint(weights(key, shape)))
    np.savez_compressed(Path(folder) / "constraints.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
