"""Where Keras's EarlyStopping stops and how its ReduceLROnPlateau lowers the rate, as in test_callbacks.py; and what
comes of the trainings of cases_callbacks.py."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.cases_callbacks import AVERAGES, BATCH, EPOCHS, first_weights, rows


def table(name: str) -> Any:
    """A plain table of the test module, which itself can't be imported where seqnet is not installed."""
    tree = ast.parse((Path(__file__).parents[1] / "test_callbacks.py").read_text())
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and target.id == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


def small() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


class Weights(keras.callbacks.Callback):
    """What the model holds at the end of each epoch, and where callbacks before this one have changed it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.kept.append(self.model.get_weights())


def averages(name: str) -> dict[str, np.ndarray]:
    options, optimizer, of_optimizer = AVERAGES[name]
    data, watch = rows(), Weights()
    layers = [keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.set_weights(first_weights())
    model.compile(getattr(keras.optimizers, optimizer)(use_ema=True, **of_optimizer), "mse")
    history = model.fit(
        data["x"],
        data["y"],
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        shuffle=False,
        validation_data=(data["val_x"], data["val_y"]),
        callbacks=[keras.callbacks.SwapEMAWeights(**options), watch],
    )
    found = {key: np.array(values) for key, values in history.history.items()}
    found |= {f"epoch/{i}": np.concatenate([w.ravel() for w in kept]) for i, kept in enumerate(watch.kept)}
    found["final"] = np.concatenate([w.ravel() for w in model.get_weights()])
    return {f"average/{name}/{key}": value for key, value in found.items()}


if __name__ == "__main__":
    values, found = table("VALUES"), {}
    for name, options in table("PLATEAUS").items():
        model, callback = small(), keras.callbacks.ReduceLROnPlateau(**options)
        callback.set_model(model)
        callback.on_train_begin()
        rates = []
        for epoch, value in enumerate(values):
            callback.on_epoch_end(epoch, {"val_loss": value})
            rates.append(float(model.optimizer.learning_rate))
        found[f"plateau/{name}"] = np.array(rates)
    for name, options in table("STOPPINGS").items():
        options = {"mode": "min", **options}
        model, callback = small(), keras.callbacks.EarlyStopping(restore_best_weights=True, **options)
        model.stop_training = False
        callback.set_model(model)
        callback.on_train_begin()
        epochs = len(values)
        for epoch, value in enumerate(values):
            model.set_weights([np.full((1, 1), epoch)])
            callback.on_epoch_end(epoch, {"val_loss": value})
            if model.stop_training:
                epochs = epoch + 1
                break
        callback.on_train_end()
        found[f"stopping/{name}/epochs"] = np.array(epochs)
        found[f"stopping/{name}/weight"] = model.get_weights()[0].ravel()
    for name in AVERAGES:
        found |= averages(name)
    np.savez_compressed(Path(sys.argv[1]) / "callbacks.npz", **found)
