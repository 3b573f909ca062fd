"""Ask Keras what every layer case gives: python -m tests.reference.make_layers OUTDIR [family …]

Writes OUTDIR/<family>.npz for each tests/cases_layers*.py, with `case/y`, `case/y_training`, `case/mask`,
`case/losses` (of five SGD steps on the mean squared error), `case/weights` (all of them, flat), `case/weights_1` and
`case/weights_5` (after one and five steps), and `facts`, a JSON text with shapes, counts and Keras's signatures.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.layer_rows import (
    MARK,
    Row,
    families,
    is_whole,
    make_input,
    make_target,
    make_weights,
    needs_mask_in_front,
    rows_of,
)

STEPS = 5


def main() -> None:
    if sys.argv[1] == "--part":
        _, _, family, backend, path = sys.argv
        compute(family, backend, Path(path))
        return
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or families()
    for family in chosen:
        arrays: dict[str, Any] = {}
        facts: dict[str, Any] = {"cases": {}, "signatures": {}}
        for backend in sorted({row.get("backend", "jax") for row in rows_of(family)}):
            with tempfile.TemporaryDirectory() as scratch:
                part = Path(scratch) / "part.npz"
                environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
                command = [sys.executable, "-m", "tests.reference.make_layers", "--part", family, backend, str(part)]
                subprocess.run(command, env=environment, check=True)
                with np.load(part) as stored:
                    arrays |= {key: stored[key] for key in stored.files if key != "facts"}
                    for key, value in json.loads(str(stored["facts"])).items():
                        facts[key] |= value
        np.savez_compressed(folder / f"{family}.npz", facts=json.dumps(facts), **arrays)
        print(f"{family}: {len(facts['cases'])} cases")


def compute(family: str, backend: str, path: Path) -> None:
    """One backend's share of a family."""
    import warnings

    import keras

    warnings.filterwarnings("ignore")
    assert keras.backend.backend() == backend
    arrays: dict[str, Any] = {}
    facts: dict[str, Any] = {"cases": {}, "signatures": {}}
    for row in rows_of(family):
        if "keras" in row.get("exempt", {}) or row.get("backend", "jax") != backend:
            continue
        try:
            values, facts["cases"][row["case"]] = ask(row)
        except Exception as error:
            raise RuntimeError(f"{row['case']} failed") from error
        arrays |= {f"{row['case']}/{key}": value for key, value in values.items()}
        cls = getattr(keras.layers, row["layer"], None)
        if cls is not None:
            facts["signatures"][row["layer"]] = signature(cls)
        if backend == "jax":
            import jax

            jax.clear_caches()  # what was compiled for the row; of a hundred recurrent rows that is 5 GB
    np.savez(path, facts=json.dumps(facts), **arrays)


def ask(row: Row) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Everything Keras says about one case."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    dtype = "int32" if is_whole(row) else "float32"
    x = make_input(row).astype(dtype)
    source = keras.Input(batch_shape=x.shape, dtype=dtype)
    hidden = mark_padding()(source) if needs_mask_in_front(row) else source
    layer = None
    if "keras" in row:
        from tests.reference import keras_layers

        result = getattr(keras_layers, row["keras"])(hidden, **row.get("options", {}))
    else:
        layer = plain_to_keras({row["layer"]: row.get("options", {})})
        result = layer(hidden)
    model = keras.Model(source, result)
    start = make_weights(row, model.get_weights())
    load(model, start)
    y = model(x, training=False)
    mask = keras.src.backend.get_keras_mask(y)
    values = {"y": np.asarray(y), "weights": flat(start)}
    facts = {
        "output_shape": list(model.output_shape[1:]),
        "count_params": model.count_params(),
        "weight_shapes": [list(w.shape) for w in start],
        "takes_mask": bool(model.layers[-1].supports_masking),
    }
    if mask is not None:
        values["mask"] = np.asarray(mask)
    if "open" in row and layer is not None:
        facts["open_output_shape"] = list(layer.compute_output_shape((None, *row["open"]))[1:])
    if not row.get("random") and "keras_training" not in row.get("exempt", {}):
        values["y_training"] = np.asarray(model(x, training=True))
        load(model, start)
        rate = row.get("rate", 0.5)
        model.compile(keras.optimizers.SGD(float(rate)), "mse", jit_compile=False)
        target, losses = make_target(row, values["y"].shape), []
        for step in range(1, STEPS + 1):
            losses.append(float(model.train_on_batch(x, target)))
            if step in (1, STEPS):
                values[f"weights_{step}"] = flat(model.get_weights())
        values["losses"] = np.array(losses)
    return values, facts


def load(model: Any, weights: list[np.ndarray]) -> None:
    model.set_weights(weights)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # preprocessing layers derive constants from their weights
            layer.finalize_state()


def flat(weights: list[np.ndarray]) -> np.ndarray:
    parts = [np.asarray(weight, np.float32).reshape(-1) for weight in weights]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def mark_padding() -> Any:
    """A layer that passes x on with a mask: False where the first number of a step is the mark."""
    import keras

    class MarkPadding(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, inputs: Any) -> Any:
            return keras.ops.copy(inputs)

        def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
            steps = keras.ops.reshape(inputs, (*inputs.shape[:2], -1))
            return keras.ops.not_equal(steps[:, :, 0], MARK)

    return MarkPadding()


def plain_to_keras(value: Any) -> Any:
    """{Dense: {units: 3}} -> keras.layers.Dense(units=3); other components become Keras's own configuration."""
    import keras

    if isinstance(value, list):
        return [plain_to_keras(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not next(iter(value))[:1].isupper():
        return {key: plain_to_keras(item) for key, item in value.items()}
    ((name, options),) = value.items()
    options = plain_to_keras(options or {})
    if hasattr(keras.layers, name):
        return getattr(keras.layers, name)(**options)
    return {"class_name": name, "config": options}


def signature(cls: Any) -> list[list[Any]]:
    """[[name, default], …] in positional order; [name] where there is no default."""
    found = []
    for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
        if parameter.kind is not parameter.VAR_KEYWORD:
            has_default = parameter.default is not parameter.empty
            found.append([parameter.name, parameter.default] if has_default else [parameter.name])
    return found


if __name__ == "__main__":
    main()
