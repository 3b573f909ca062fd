"""Write optimizers.npz: the weights that Keras's optimizers reach on the rows of tests/cases_optimizers.py.

python -m tests.reference.make_optimizers OUTDIR, with KERAS_BACKEND=jax.

`key/float32` and `key/float64`: (kept steps, all weights) in the order of VARIABLES; after the last step, and at the
end of the fit where the row says so. `key/variables`: how many scalars the optimizer's variables hold.
`Name/signature`: the arguments of each optimizer in Keras, as JSON: [[name, default], ...].
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from tests.cases_optimizers import KEPT, ROWS, STEPS, VARIABLES, Row, gradients, start_weights


def main(folder: str) -> None:
    arrays: dict[str, np.ndarray] = {}
    for precision in ("float32", "float64"):  # JAX can't go back
        jax.config.update("jax_enable_x64", precision == "float64")
        keras.config.set_floatx(precision)
        for row in ROWS:
            arrays[f"{row.key}/{precision}"], count = train(row, precision)
            arrays[f"{row.key}/variables"] = np.array(count)
    for name in sorted({row.name for row in ROWS}):
        parameters = list(inspect.signature(getattr(keras.optimizers, name)).parameters.values())[:-1]  # no **kwargs
        arrays[f"{name}/signature"] = np.array(json.dumps([[p.name, p.default] for p in parameters]))
    np.savez_compressed(Path(folder) / "optimizers.npz", **arrays)


def train(row: Row, precision: str) -> tuple[np.ndarray, int]:
    optimizer = getattr(keras.optimizers, row.name)(**_made(row.options))
    variables = []
    for name, value in start_weights().items():
        layer, own = name.split("/")
        with keras.name_scope(layer):
            variables.append(keras.Variable(value.astype(precision), dtype=precision, name=own))
        if name == row.constrained:
            variables[-1].constraint = keras.constraints.NonNeg()
    if row.excluded:
        optimizer.exclude_from_weight_decay(var_names=list(row.excluded))
    optimizer.build(variables)
    kept = []
    for step, gradient in enumerate(gradients(), start=1):
        optimizer.apply([jax.numpy.asarray(gradient[name].astype(precision)) for name in VARIABLES], variables)
        if step == STEPS and row.finish:
            optimizer.finalize_variable_values(variables)
        if step in KEPT:
            kept.append(np.concatenate([np.ravel(v.numpy()) for v in variables]))
    assert kept[0].dtype == precision, row.key
    return np.stack(kept), sum(int(np.prod(v.shape)) for v in optimizer.variables)


def _made(options: dict[str, Any]) -> dict[str, Any]:
    rate = options.get("learning_rate")
    if not isinstance(rate, dict):
        return options
    ((name, schedule),) = rate.items()
    return {**options, "learning_rate": getattr(keras.optimizers.schedules, name)(**schedule)}


if __name__ == "__main__":
    main(sys.argv[1])
