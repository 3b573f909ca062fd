"""The peak of memory of a whole training step, against the activations: the sizes of all layers' outputs, summed.

Counted: everything that a step makes, in the layers, the loss and the optimizer, and what is kept from the first step
on, as scratch memory and plans. Not counted, for there is one of each whatever the batch: the weights, a gradient
vector for each thread, and the optimizer's slots, all made before; nor the batch itself.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array, Shape
from seqnet.layers import (
    LSTM,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    Layer,
    MaxPooling2D,
)
from seqnet.losses import SparseCategoricalCrossentropy
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.optimizers import Adam


def pictures(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def words(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, 5000, shape)


def convolution_stack() -> list[Layer]:
    return [
        Conv2D(32, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(64, 3, activation="relu"),
        MaxPooling2D(),
        Flatten(),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ]


def lstm() -> list[Layer]:
    return [LSTM(128), Dense(10, activation="softmax")]


def vgg() -> list[Layer]:
    layers: list[Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += [Conv2D(filters, 3, padding="same", activation="relu"), BatchNormalization()]
        layers.append(MaxPooling2D())
    return [*layers, Flatten(), Dense(10, activation="softmax")]


def text() -> list[Layer]:
    return [Embedding(5000, 64), Conv1D(128, 5, activation="relu"), GlobalMaxPooling1D(), Dense(10, "softmax")]


# Measured: peak / activations on one thread and on two: 0.26 and 0.49 (which works in pieces of the
# batch), 1.40 and 1.48, 0.96 and 1.01, 0.71 and 1.66.
# layers, rows of the batch, shape of a row, what a row is made of
NETWORKS = [
    pytest.param(convolution_stack, 128, (28, 28, 1), pictures, id="convolution_stack"),
    pytest.param(lstm, 128, (28, 28), pictures, id="lstm"),
    pytest.param(vgg, 64, (32, 32, 3), pictures, id="vgg"),
    pytest.param(text, 64, (200,), words, id="text"),
]


def numbers_out(layer: Layer, in_shape: Shape, out_shape: Shape) -> int:
    """The numbers that a layer gives for a row. For an LSTM these are its state, its cell and its four gates at every
    step, which no backward can do without, though only the last state leaves the layer."""
    if isinstance(layer, LSTM):
        return 6 * (in_shape[0] or 0) * layer.units
    return math.prod(n or 0 for n in out_shape)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("make", "rows", "shape", "draw"), NETWORKS)
def test_peak_of_a_step(
    make: Callable[[], list[Layer]], rows: int, shape: tuple[int, ...], draw: Callable[..., Any], threads: int
) -> None:
    network = Network(make(), shape)
    engine = Engine(network, SparseCategoricalCrossentropy(), threads=threads)
    optimizer = Adam()
    optimizer.build(network.parameters.segments, network.dtype)
    rng = np.random.default_rng(0)
    x, y = draw(rng, (rows, *shape)), rng.integers(0, 10, rows)
    activations = 4 * rows * sum(numbers_out(node.layer, node.in_shape, node.out_shape) for node in network.nodes)
    tracemalloc.start()
    try:
        for _ in range(2):
            engine.train_step(x, y)
            optimizer.apply(network.parameters.theta, engine.gradient)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        engine.close()
    assert peak <= 3 * activations
