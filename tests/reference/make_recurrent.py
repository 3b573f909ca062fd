"""Keras's numbers for the trainings of tests/cases_recurrent.py, on TensorFlow: JAX loses the states.

Writes OUTDIR/recurrent.npz: `case/losses` of the epochs, `case/weights` after them, flat, and `case/predict_1` to
`case/predict_3`, made one after the other, the states set back before the last; `cells`, the signatures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402

from tests.cases_recurrent import BATCH, CASES, CELLS, EPOCHS, FEATURES, RATE, STEPS, draw_data, draw_weights  # noqa: E402
from tests.reference.make_layers import plain_to_keras, signature  # noqa: E402


def run(case: dict[str, Any]) -> dict[str, np.ndarray]:
    x, y = draw_data()
    layer = plain_to_keras(case)
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, STEPS, FEATURES)), layer, keras.layers.Dense(1)])
    model.set_weights(draw_weights([w.shape for w in model.get_weights()]))
    model.compile(keras.optimizers.SGD(RATE), "mse")
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    found = {"losses": np.array(history.history["loss"])}
    found["weights"] = np.concatenate([w.reshape(-1) for w in model.get_weights()])
    found["predict_1"] = model.predict(x, batch_size=BATCH, verbose=0)
    found["predict_2"] = model.predict(x, batch_size=BATCH, verbose=0)
    for inner in (getattr(layer, "forward_layer", layer), getattr(layer, "backward_layer", layer)):
        for state in keras.tree.flatten(inner.states):  # reset_states() fails where the states are nested
            state.assign(np.zeros(state.shape))
    found["predict_3"] = model.predict(x, batch_size=BATCH, verbose=0)
    return found


if __name__ == "__main__":
    values = {f"{name}/{key}": value for name, case in CASES.items() for key, value in run(case).items()}
    cells = {name: signature(getattr(keras.layers, name)) for name in CELLS}
    np.savez_compressed(Path(sys.argv[1]) / "recurrent.npz", cells=json.dumps(cells), **values)
