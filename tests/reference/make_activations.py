"""Write activations.npz in float64: y and dx of every row of tests/cases_activations.py by Keras on JAX, erf by SciPy.

Keras 3.15 computes a wrong threshold in sparsemax (keras issue 23425), so there y comes from SciPy's root finder.

python -m tests.reference.make_activations OUTDIR, with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from scipy import optimize, special  # noqa: E402

from tests.cases_activations import ROWS, inputs, kinds, upstream  # noqa: E402


def simplex_point(x: np.ndarray) -> np.ndarray:
    """max(x - tau, 0), with the tau that makes the sum 1."""
    tau = optimize.brentq(lambda tau: np.maximum(x - tau, 0.0).sum() - 1.0, x.max() - 1.0, x.max(), xtol=1e-15)
    return np.maximum(x - tau, 0.0)


def main(folder: str) -> None:
    keras.config.set_floatx("float64")
    arrays: dict[str, np.ndarray] = {}
    for row in ROWS:
        function = getattr(keras.activations, row.name)
        for kind in kinds(row):
            if row.name == "sparsemax":
                arrays[f"{row.key}/{kind}/y"] = np.apply_along_axis(
                    simplex_point, row.options.get("axis", -1), inputs(row, kind)
                )
                continue
            y, pull = jax.vjp(lambda x, f=function, o=row.options: f(x, **o), jax.numpy.asarray(inputs(row, kind)))
            (dx,) = pull(jax.numpy.asarray(upstream(row, y.shape), dtype=y.dtype))  # tanh insists on float32
            arrays[f"{row.key}/{kind}/y"] = np.asarray(y)
            arrays[f"{row.key}/{kind}/dx"] = np.asarray(dx)
    x = np.concatenate([np.linspace(-6.5, 6.5, 1301), np.geomspace(1e-30, 0.5, 200), -np.geomspace(1e-9, 30.0, 99)])
    x = x.astype(np.float32).astype(np.float64)
    arrays["erf/x"] = x
    arrays["erf/value"] = special.erf(x)
    np.savez_compressed(Path(folder) / "activations.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
