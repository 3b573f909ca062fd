"""One contestant: reads commands as JSON lines, answers with JSON lines. `python -m tests.bench.contestant NAME`.

{"work": name} builds and answers the number of trained parameters and the loss before any training; {"train": epochs}
answers the seconds of each epoch of one fit, for which some backends pay a second when it begins and ends;
{"predict": rows} answers the seconds of one call. "rows" and "batch" beside "work" take the place of the work's own;
"threads" is for seqnet.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.bench.race import BACKENDS
from tests.bench.works import WORKS, Layer, Work

Train = Callable[[int], list[float]]
Predict = Callable[[np.ndarray], Any]
Side = tuple[Train, Predict, int | None]  # and how many numbers are trained, where that is known before training


def seqnet_side(work: Work, x: np.ndarray, y: np.ndarray, threads: int | None = None) -> Side:
    from seqnet import callbacks, layers
    from seqnet.models import Sequential

    def option(value: Any) -> Any:
        if isinstance(value, list):
            return [option(item) for item in value]
        return {value[0]: value[1]} if isinstance(value, tuple) and isinstance(value[0], str) else value

    model = Sequential([layers.Input(work.input_shape)], seed=0)
    for name, options in work.layers:
        model.add(getattr(layers, name)(**{k: option(v) for k, v in options.items()}))
    model.compile("adam", work.loss, metrics=["accuracy"], threads=threads)

    def predict(rows: np.ndarray) -> Any:
        return model.predict(rows, batch_size=256, verbose=0)

    return fitting(model, callbacks, x, y, work.batch), predict, model.network.parameters.theta.size


def keras_side(work: Work, x: np.ndarray, y: np.ndarray) -> Side:
    import keras

    def layer(name: str, options: dict[str, Any]) -> Any:
        made = {k: layer(*v) if isinstance(v, tuple) and isinstance(v[0], str) else v for k, v in options.items()}
        return getattr(keras.layers, name)(**made)

    def chain(layers: Sequence[Layer], y: Any) -> Any:
        for name, options in layers:
            y = blocks[name](y, **options) if name in blocks else layer(name, options)(y)
        return y

    def residual(y: Any, layers: list[Layer], shortcut: str, activation: str) -> Any:
        inner, around = chain(layers, y), y
        if shortcut == "projection":
            strides = y.shape[1] // inner.shape[1]
            around = keras.layers.Conv2D(inner.shape[-1], 1, strides=strides, padding="same")(y)
        return keras.layers.Activation(activation)(keras.layers.Add()([inner, around]))

    def encoder(y: Any, intermediate_dim: int, num_heads: int) -> Any:
        width = y.shape[-1]
        attended = keras.layers.MultiHeadAttention(num_heads, width // num_heads)(y, y)
        y = keras.layers.LayerNormalization(epsilon=1e-5)(keras.layers.Add()([y, attended]))
        wide = keras.layers.Dense(intermediate_dim, activation="relu")(y)
        narrow = keras.layers.Dense(width)(wide)
        return keras.layers.LayerNormalization(epsilon=1e-5)(keras.layers.Add()([y, narrow]))

    blocks = {"Residual": residual, "TransformerEncoder": encoder}
    inputs = keras.Input(work.input_shape, dtype="int32" if work.tokens else "float32")
    model = keras.Model(inputs, chain(work.layers, inputs))
    model.compile("adam", work.loss, metrics=["accuracy"])

    def predict(rows: np.ndarray) -> Any:
        # For single rows Keras's guide recommends calling the model; predict has a high cost a call.
        if len(rows) > 1:
            return model.predict_on_batch(rows)
        return keras.ops.convert_to_numpy(model(rows, training=False))

    count = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return fitting(model, keras.callbacks, x, y, work.batch), predict, count


def fitting(model: Any, callbacks: Any, x: np.ndarray, y: np.ndarray, batch: int) -> Train:
    """A fit by Keras's words, with a clock that is read where epochs begin and end."""

    def train(epochs: int) -> list[float]:
        started: list[float] = []
        ended: list[float] = []
        clock = callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: started.append(time.perf_counter()),
            on_epoch_end=lambda epoch, logs: ended.append(time.perf_counter()),
        )
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=[clock])
        return [end - start for start, end in zip(started, ended, strict=True)]

    return train


def torch_side(work: Work, x: np.ndarray, y: np.ndarray) -> Side:
    import torch

    from tests.bench.torch_layers import build, count_parameters

    model, images = build(work)
    inputs = torch.from_numpy(x)
    if images:  # PyTorch's own layout for images on a CPU: channels-last memory
        inputs = inputs.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    if work.tokens:
        inputs = inputs.long()
    labels = torch.from_numpy(y)
    binary = work.classes == 1
    loss = torch.nn.BCEWithLogitsLoss() if binary else torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7)

    def epoch() -> None:
        model.train()
        hits = 0
        for rows in torch.randperm(len(inputs)).split(work.batch):
            optimizer.zero_grad(set_to_none=True)
            out = model(inputs[rows])
            want = labels[rows]
            value = loss(out[:, 0], want) if binary else loss(out, want)
            value.backward()
            optimizer.step()
            with torch.no_grad():
                hits += int(((out[:, 0] > 0) == want).sum() if binary else (out.argmax(1) == want).sum())

    def train(epochs: int) -> list[float]:
        return timed(epoch, epochs)

    def predict(rows: np.ndarray) -> Any:
        model.eval()
        with torch.inference_mode():
            given = torch.from_numpy(rows)
            if images:
                given = given.permute(0, 3, 1, 2)
            return model(given.long() if work.tokens else given).numpy()

    return train, predict, count_parameters(model)


def sklearn_side(work: Work, x: np.ndarray, y: np.ndarray) -> Side:
    from sklearn.neural_network import MLPClassifier

    if any(name != "Dense" for name, _ in work.layers):
        raise SystemExit("this contestant has dense layers only")
    hidden = tuple(options["units"] for _, options in work.layers[:-1])
    model = MLPClassifier(hidden, batch_size=work.batch, max_iter=1, alpha=0)
    classes = np.unique(y)

    def train(epochs: int) -> list[float]:
        return timed(lambda: model.partial_fit(x, y, classes=classes), epochs)

    return train, model.predict_proba, None


def timed(epoch: Callable[[], Any], epochs: int) -> list[float]:
    """The seconds of each epoch."""
    marks = [time.perf_counter()]
    for _ in range(epochs):
        epoch()
        marks.append(time.perf_counter())
    return [end - start for start, end in zip(marks, marks[1:], strict=False)]


def loss(work: Work, predicted: np.ndarray, y: np.ndarray, *, logits: bool) -> float:
    """The mean cross-entropy of predictions, which are probabilities unless they are logits."""
    p = np.asarray(predicted, np.float64).reshape(len(y), work.classes)
    if work.classes == 1:  # two classes by one number
        p = np.concatenate([np.zeros_like(p), p] if logits else [1 - p, p], axis=1)
    if logits:
        p = np.exp(p - p.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y.astype(int)]).mean())


SIDES = {"seqnet": seqnet_side, "torch": torch_side, "sklearn": sklearn_side}


def main(name: str) -> None:
    if name.startswith("keras-"):
        os.environ["KERAS_BACKEND"] = BACKENDS[name]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    side = SIDES.get(name, keras_side)
    answers, sys.stdout = sys.stdout, sys.stderr
    work, train, predict = None, None, None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any] = {}
        if "work" in command:
            changed = {key: command[key] for key in ("rows", "batch") if key in command}
            work = replace(WORKS[command["work"]], **changed)
            x, y = work.data()
            how = {"threads": command["threads"]} if "threads" in command else {}
            train, predict, answer["parameters"] = side(work, x, y, **how)
            if answer["parameters"] is not None:
                answer["loss"] = loss(work, predict(x[:256]), y[:256], logits=name == "torch")
        elif "train" in command:
            answer["seconds"] = train(command["train"])
        elif "predict" in command:
            rows = x[: command["predict"]]
            predict(rows)
            count, done, started, spent = 200 if len(rows) == 1 else 20, 0, time.perf_counter(), 0.0
            while done < count and spent < 1.0:  # the slow ones are told apart from the fast after a second as well
                predict(rows)
                done += 1
                spent = time.perf_counter() - started
            answer["seconds"] = spent / done
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
