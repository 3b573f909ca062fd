"""Rewrites of the stack: they change no number, say what they did, and stay away where they would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import Sequential, layers
from seqnet.arrays import Array
from seqnet.console.summary import summary_text
from seqnet.layers import Layer
from seqnet.losses import MeanSquaredError, SparseCategoricalCrossentropy
from seqnet.models.summary import summarize
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.network.plans import Followed, Plan, plan_inference, plan_training

# Every layer that takes the largest of windows, with its options and the shape of its input.
POOLINGS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "MaxPooling1D": ({"pool_size": 3, "strides": 2}, (9, 4)),
    "MaxPooling2D": ({"pool_size": 3, "strides": 2, "padding": "same"}, (7, 8, 4)),
    "MaxPooling3D": ({}, (4, 5, 6, 4)),
    "GlobalMaxPooling1D": ({}, (9, 4)),
    "GlobalMaxPooling2D": ({"keepdims": True}, (7, 8, 4)),
    "GlobalMaxPooling3D": ({}, (4, 3, 3, 4)),
    "AdaptiveMaxPooling1D": ({"output_size": 4}, (9, 4)),
    "AdaptiveMaxPooling2D": ({"output_size": [3, 2]}, (7, 8, 4)),
    "AdaptiveMaxPooling3D": ({"output_size": 2}, (4, 5, 5, 4)),
}
MOVED = [layers.ReLU(), layers.LeakyReLU(0.1), layers.Dense(4, activation="relu"), layers.Activation("leaky_relu")]
KEPT = [
    layers.ReLU(max_value=1.0),
    layers.Activation("gelu"),
    layers.Dense(4, activation="tanh"),
    layers.ReLU(activity_regularizer="l2"),
]


def stack(before: Layer, pooling: str) -> tuple[list[Layer], tuple[int, ...]]:
    options, shape = POOLINGS[pooling]
    return [layers.Dense(4), before.replace(), getattr(layers, pooling)(**options), layers.Flatten()], shape


def step(network: Network, plan: Plan, x: Array) -> tuple[float, Array, Array]:
    """Loss, predictions and gradient of a training step by this plan."""
    engine = Engine(network, MeanSquaredError())
    engine.training = plan
    y = np.ones((len(x), *engine.predict(x[:1]).shape[1:]), x.dtype)
    found = engine.train_step(x, y)
    return found.loss, found.prediction, engine.gradient.copy()


def test_the_table_holds_every_layer_that_takes_the_largest() -> None:
    found = {n for n in layers.__all__ if getattr(getattr(layers, n), "takes_largest", False)}
    assert {getattr(layers, name).spec_name for name in found} == set(POOLINGS)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("before", MOVED, ids=lambda layer: repr(layer)[:24])
def test_moving_an_activation_behind_a_pooling_changes_nothing(before: Layer, pooling: str) -> None:
    made, shape = stack(before, pooling)
    network = Network(made, shape)
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    x[1] = -np.abs(x[1])
    plan = plan_training(network, MeanSquaredError())
    assert isinstance(plan.layers[2], Followed) and plan.notes[0][0] == 1
    plain = Plan(tuple(made), MeanSquaredError())
    for got, want in zip(step(network, plan, x), step(network, plain, x), strict=True):
        np.testing.assert_array_equal(got, want)
    want = Engine(network).shards[0].forward(made, x, training=False, keep=False).y
    np.testing.assert_array_equal(Engine(network).predict(x), want)


@pytest.mark.parametrize("before", KEPT, ids=lambda layer: repr(layer)[:24])
def test_what_may_not_move_stays(before: Layer) -> None:
    made, shape = stack(before, "MaxPooling2D")
    assert plan_inference(Network(made, shape)) == Plan(tuple(made))
    made, shape = stack(layers.ReLU(), "MaxPooling2D")
    made[2] = layers.AveragePooling2D(2)
    assert plan_inference(Network(made, shape)) == Plan(tuple(made))


def test_the_network_itself_is_left_as_it_was() -> None:
    made, shape = stack(layers.Dense(4, activation="relu"), "MaxPooling2D")
    network = Network(made, shape)
    engine = Engine(network)
    assert [node.layer for node in network.nodes] == made
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    assert engine.outputs_before(2, x).min() == 0.0  # what the pooling gets is past the relu


def test_the_details_of_a_summary_say_what_was_rewritten() -> None:
    model = Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3, activation="relu"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", SparseCategoricalCrossentropy())
    notes = [row.notes for row in summarize(model).rows]
    assert notes == ["relu comes after pool", "", "", "softmax is computed with the loss"]
    text = summary_text(summarize(model), detail=True, width=140)
    assert "relu comes after" in text and "relu comes after" not in summary_text(summarize(model), width=140)
