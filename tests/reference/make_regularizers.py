"""Write regularizers.npz: value and gradient of every row of tests/cases_regularizers.py by Keras on JAX, in float64.

python -m tests.reference.make_regularizers OUTDIR, with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from tests.cases_regularizers import ROWS, weights  # noqa: E402


def main(folder: str) -> None:
    keras.config.set_floatx("float64")
    arrays: dict[str, np.ndarray] = {}
    for key, name, options, shape in ROWS:
        regularizer = getattr(keras.regularizers, name)(**options)
        w = jax.numpy.asarray(weights(key, shape))
        value, gradient = jax.value_and_grad(regularizer)(w)
        assert gradient.dtype == np.float64, key
        arrays[f"{key}/value"], arrays[f"{key}/dw"] = np.asarray(value), np.asarray(gradient)
    np.savez_compressed(Path(folder) / "regularizers.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
