"""One contestant: reads commands as JSON lines, answers with JSON lines. `python -m tests.bench.contestant NAME`.

{"work": name} builds and warms up; {"train": 1} trains one round and answers its seconds; {"predict": rows} answers
the seconds of one call; {"peak": 1} answers the peak memory in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bench.works import WORKS, Work

Train = Callable[[], None]
Predict = Callable[[np.ndarray], Any]


def seqnet_side(work: Work, x: np.ndarray, y: np.ndarray) -> tuple[Train, Predict]:
    from seqnet import layers
    from seqnet.models import Sequential

    def option(value: Any) -> Any:
        return {value[0]: value[1]} if isinstance(value, tuple) and isinstance(value[0], str) else value

    model = Sequential([layers.Input(work.input_shape)], seed=0)
    for name, options in work.layers:
        model.add(getattr(layers, name)(**{k: option(v) for k, v in options.items()}))
    model.compile("adam", work.loss, metrics=["accuracy"])

    def train() -> None:
        model.fit(x, y, batch_size=work.batch, verbose=0)

    return train, lambda rows: model.predict(rows, batch_size=256, verbose=0)


def keras_side(work: Work, x: np.ndarray, y: np.ndarray) -> tuple[Train, Predict]:
    import keras

    def layer(name: str, options: dict[str, Any]) -> Any:
        made = {k: layer(*v) if isinstance(v, tuple) and isinstance(v[0], str) else v for k, v in options.items()}
        return getattr(keras.layers, name)(**made)

    dtype = "int32" if work.tokens else "float32"
    model = keras.Sequential([keras.Input(work.input_shape, dtype=dtype)])
    for name, options in work.layers:
        model.add(layer(name, options))
    model.compile("adam", work.loss, metrics=["accuracy"])

    def train() -> None:
        model.fit(x, y, batch_size=work.batch, verbose=0)

    def predict(rows: np.ndarray) -> Any:
        # For single rows Keras's guide recommends calling the model; predict has a high cost a call.
        return np.asarray(model(rows, training=False)) if len(rows) == 1 else model.predict_on_batch(rows)

    return train, predict


def torch_side(work: Work, x: np.ndarray, y: np.ndarray) -> tuple[Train, Predict]:
    import torch

    from tests.bench.torch_layers import build

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

    def train() -> None:
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

    def predict(rows: np.ndarray) -> Any:
        model.eval()
        with torch.inference_mode():
            given = torch.from_numpy(rows)
            if images:
                given = given.permute(0, 3, 1, 2)
            return model(given.long() if work.tokens else given).numpy()

    return train, predict


def sklearn_side(work: Work, x: np.ndarray, y: np.ndarray) -> tuple[Train, Predict]:
    from sklearn.neural_network import MLPClassifier

    if any(name != "Dense" for name, _ in work.layers):
        raise SystemExit("this contestant has dense layers only")
    hidden = tuple(options["units"] for _, options in work.layers[:-1])
    model = MLPClassifier(hidden, batch_size=work.batch, max_iter=1, alpha=0)
    classes = np.unique(y)

    def train() -> None:
        model.partial_fit(x, y, classes)

    return train, model.predict_proba


SIDES = {"seqnet": seqnet_side, "torch": torch_side, "sklearn": sklearn_side}


def main(name: str) -> None:
    if name.startswith("keras-"):
        os.environ["KERAS_BACKEND"] = {"jax": "jax", "tf": "tensorflow", "torch": "torch"}[name.removeprefix("keras-")]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    side = SIDES.get(name, keras_side)
    answers, sys.stdout = sys.stdout, sys.stderr
    work, train, predict = None, None, None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any] = {}
        if "work" in command:
            work = WORKS[command["work"]]
            x, y = work.data()
            train, predict = side(work, x, y)
            train()
        elif "train" in command:
            started = time.perf_counter()
            train()
            answer["seconds"] = time.perf_counter() - started
        elif "predict" in command:
            rows = x[: command["predict"]]
            predict(rows)
            count, done, started, spent = 200 if len(rows) == 1 else 20, 0, time.perf_counter(), 0.0
            while done < count and spent < 1.0:  # the slow ones are told apart from the fast after a second as well
                predict(rows)
                done += 1
                spent = time.perf_counter() - started
            answer["seconds"] = spent / done
        elif "peak" in command:
            answer["bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
