"""Keras's numbers for the trainings of tests/cases_fit.py: history, evaluate, predictions, weights.

On JAX, but for the cases that name another backend, which are made in a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.cases_fit import BATCH, CASES, EPOCHS, FEATURES, draw, draw_weights, validation_data


def built(module: str, value: Any) -> Any:
    return getattr(getattr(keras, module), value[0])(**value[1]) if isinstance(value, tuple) else value


def option(name: str, value: Any) -> Any:
    if name.endswith("_regularizer"):
        return built("regularizers", value)
    return built("constraints", value) if name.endswith("_constraint") else value


def run(name: str) -> dict[str, np.ndarray]:
    case, data = CASES[name], draw(name)
    layers = [keras.layers.Input((FEATURES,))]
    for kind, options in case["model"]:
        layers.append(getattr(keras.layers, kind)(**{k: option(k, v) for k, v in options.items()}))
    model = keras.Sequential(layers)
    model.set_weights(draw_weights(name, [w.shape for w in model.get_weights()]))
    model.compile(
        built("optimizers", case.get("optimizer", ("Adam", {"learning_rate": 0.01}))),
        built("losses", case["loss"]),
        metrics=case.get("metrics"),
        weighted_metrics=case.get("weighted_metrics"),
    )
    weight = data["weight"] if case.get("sample_weight") else None
    history = model.fit(
        data["x"],
        data["y"],
        epochs=EPOCHS,
        verbose=0,
        shuffle=False,
        sample_weight=weight,
        validation_data=validation_data(name),
        **{"batch_size": BATCH, **case.get("fit", {})},
    )
    found = {f"{name}/history/{key}": np.array(values) for key, values in history.history.items()}
    found |= {f"{name}/weight/{i}": w for i, w in enumerate(model.get_weights())}
    found[f"{name}/predict"] = model.predict(data["val_x"], verbose=0)
    # As a mapping: Keras's list has surplus entries where two values share a name.
    values = model.evaluate(data["val_x"], data["val_y"], batch_size=4, verbose=0, return_dict=True)
    found |= {f"{name}/evaluate/{key}": np.array(value) for key, value in values.items()}
    return found


def main(path: Path, backend: str) -> None:
    """The cases of this backend; of all where it is JAX."""
    arrays = {key: value for name in CASES if backend_of(name) == backend for key, value in run(name).items()}
    if backend == "jax":
        for other in sorted({backend_of(name) for name in CASES} - {"jax"}):
            with tempfile.TemporaryDirectory() as scratch:
                environment = {**os.environ, "KERAS_BACKEND": other, "TF_CPP_MIN_LOG_LEVEL": "3"}
                subprocess.run([sys.executable, "-m", "tests.reference.make_fit", scratch], env=environment, check=True)
                with np.load(Path(scratch) / path.name) as stored:
                    arrays |= dict(stored)
    np.savez_compressed(path, **arrays)


def backend_of(name: str) -> str:
    return str(CASES[name].get("backend", "jax"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "fit.npz", keras.backend.backend())
