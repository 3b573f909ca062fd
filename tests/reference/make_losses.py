"""Write losses.npz: values, reduced losses and gradients of every case, from Keras 3 on JAX.

KERAS_BACKEND=jax python -m tests.reference.make_losses OUTDIR
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src import backend
from keras.src.losses import ALL_OBJECTS_DICT

from tests.cases_losses import AUTOMATIC, CASES, NUMBERS, REDUCTIONS, Case, make, mask_for, weights_for


def keras_loss(case: Case, reduction: str) -> keras.losses.Loss:
    options = {name: tuple(v) if isinstance(v, list) and name == "axis" else v for name, v in case.options.items()}
    return getattr(keras.losses, AUTOMATIC.get(case.name, case.loss))(**options, reduction=reduction)


def reduced(case: Case, reduction: str, y_true, y_pred, weights=None, mask=None) -> tuple[np.ndarray, np.ndarray]:
    """The loss and its gradient with respect to y_pred."""
    loss = keras_loss(case, reduction)

    def number(p):
        if mask is not None:
            backend.set_keras_mask(p, jnp.asarray(mask))
        return loss(y_true, p, sample_weight=weights)

    p = jnp.asarray(y_pred)
    return np.asarray(number(p)), np.asarray(jax.grad(number)(p)) if reduction != "none" else np.zeros(())


def signatures() -> list[str]:
    """ "name (arguments)" of every class and function of values."""
    public = {name: value for name, value in vars(keras.losses).items() if callable(value) and name != "Loss"}
    public = {name: value for name, value in public.items() if name not in ("get", "serialize", "deserialize")}
    return [f"{name} {inspect.signature(value)}" for name, value in sorted(public.items())]


def strings() -> list[str]:
    """ "string Class" for every string that stands for a class or a function of values."""
    bases = ("Loss", "LossFunctionWrapper", "Metric", "MeanMetricWrapper")
    named = {name: value.__name__ for name, value in ALL_OBJECTS_DICT.items() if value.__name__ not in bases}
    return [f"{name} {value}" for name, value in sorted(named.items())]


def main(folder: Path) -> None:
    found: dict[str, np.ndarray] = {}
    for case in CASES:
        y_true, y_pred = make(case)
        values = np.asarray(keras_loss(case, "none").call(jnp.asarray(y_true), jnp.asarray(y_pred)))
        weights = weights_for(case, values.shape)
        found[f"{case.name}/values"] = values
        variants = {"plain": (None, None), "weighted": (weights, None)}
        if values.ndim == 2 and values.shape == case.shape[:2]:
            variants["masked"] = (weights, mask_for(case))
        for variant, (w, mask) in variants.items():
            pairs = {reduction: reduced(case, reduction, y_true, y_pred, w, mask) for reduction in REDUCTIONS}
            found[f"{case.name}/{variant}/numbers"] = np.array([pairs[reduction][0] for reduction in NUMBERS])
            found[f"{case.name}/{variant}/none"] = pairs["none"][0]
            found[f"{case.name}/{variant}/gradient"] = pairs["sum_over_batch_size"][1]
    found["signatures"] = np.array(signatures())
    found["strings"] = np.array(strings())
    np.savez_compressed(folder / "losses.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
