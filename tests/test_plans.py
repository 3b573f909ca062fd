"""Rewrites of the stack: they change no number, say what they did, and stay away where they would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import Sequential, layers
from seqnet.arrays import Array
from seqnet.console.summary import summary_text
from seqnet.layers import Layer
from seqnet.layers.batch_normalization import Rectified
from seqnet.losses import MeanSquaredError, SparseCategoricalCrossentropy
from seqnet.models.summary import summarize
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.network.plans import Folded, Followed, Plan, plan_inference, plan_training

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
    assert plan_inference(Network(made, shape)).layers[2:] == tuple(made[2:])
    made, shape = stack(layers.ReLU(), "MaxPooling2D")
    made[2] = layers.AveragePooling2D(2)
    assert plan_inference(Network(made, shape)).layers[2:] == tuple(made[2:])


# Layers before a batch normalization that takes part in their weights, with the shape of their input.
FOLDED: dict[str, tuple[Layer, tuple[int, ...]]] = {
    "Dense": (layers.Dense(5), (4,)),
    "Dense over steps": (layers.Dense(5, use_bias=False), (6, 4)),
    "Conv1D": (layers.Conv1D(5, 3, padding="causal"), (6, 4)),
    "Conv2D": (layers.Conv2D(6, 3, padding="same", groups=2), (7, 6, 4)),
    "Conv2D, no bias": (layers.Conv2D(5, 1, use_bias=False), (7, 6, 4)),
    "Conv2D, channels first": (layers.Conv2D(5, 3, data_format="channels_first"), (4, 7, 6)),
    "Conv3D": (layers.Conv3D(5, 2), (4, 4, 4, 3)),
    "DepthwiseConv1D": (layers.DepthwiseConv1D(3), (6, 4)),
    "DepthwiseConv2D": (layers.DepthwiseConv2D(3, depth_multiplier=2), (7, 6, 4)),
    "SeparableConv1D": (layers.SeparableConv1D(5, 3), (6, 4)),
    "SeparableConv2D": (layers.SeparableConv2D(5, 3, use_bias=False), (7, 6, 4)),
}


def normalized(layer: Layer, shape: tuple[int, ...], *after: Layer) -> Network:
    """The layer and a batch normalization that has seen something, in double precision."""
    axis = 1 if getattr(layer, "data_format", None) == "channels_first" else -1
    norm = layers.BatchNormalization(axis=axis)
    network = Network([layer.replace(dtype="float64"), norm, *after], shape)
    rng = np.random.default_rng(0)
    for variable in network.parameters.tree[id(norm)].all():
        variable.view[:] = rng.uniform(0.5, 2.0, variable.view.shape)
    return network


def test_the_table_holds_every_layer_that_a_normalization_can_be_part_of() -> None:
    found = {n for n in layers.__all__ if getattr(getattr(layers, n), "channels_from", None)}
    names = {getattr(layers, name).spec_name for name in found}
    assert names == {type(layer).spec_name for layer, _ in FOLDED.values()}


@pytest.mark.parametrize("name", FOLDED)
def test_a_normalization_is_folded_for_inference_alone(name: str) -> None:
    layer, shape = FOLDED[name]
    network = normalized(layer, shape, layers.ReLU(), layers.Flatten(), layers.Dense(1))
    made = [node.layer for node in network.nodes]
    x = np.random.default_rng(1).standard_normal((5, *shape))
    engine = Engine(network, MeanSquaredError())
    assert isinstance(engine.inference.layers[0], Folded)
    want = engine.shards[0].forward(made, x, training=False, keep=False).y
    np.testing.assert_allclose(engine.predict(x), want, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(engine.test_step(x, np.zeros((5, 1))).prediction, want, rtol=1e-11, atol=1e-12)
    network.parameters.theta *= 1.5  # weights are read anew each time
    network.parameters.frozen *= 1.5
    want = engine.shards[0].forward(made, x, training=False, keep=False).y
    np.testing.assert_allclose(engine.predict(x), want, rtol=1e-11, atol=1e-12)
    batch = engine.shards[0].forward(made, x, training=True, keep=False).y
    np.testing.assert_allclose(engine.predict(x, training=True), batch, rtol=1e-11, atol=1e-12)
    assert np.abs(batch - want).max() > 1e-3
    assert engine.training is not None and not any(isinstance(one, Folded) for one in engine.training.layers)


@pytest.mark.parametrize("kind", ["residual", "projection", "repeat", "nested"])
def test_normalizations_within_a_block_are_folded_too(kind: str) -> None:
    inner: list[Layer] = [
        layers.Conv2D(4, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(4, 3, padding="same"),
        layers.BatchNormalization(name="second"),
    ]
    block: Layer = layers.Residual(inner, shortcut="projection" if kind == "projection" else "identity")
    if kind == "repeat":
        block = layers.Repeat(2, inner)
    elif kind == "nested":
        block = layers.Repeat(2, [block, layers.ReLU()])
    made: list[Layer] = [block.replace(dtype="float64"), layers.Flatten(), layers.Dense(1)]
    network = Network(made, (5, 6, 4))
    rng = np.random.default_rng(0)
    for vector in (network.parameters.theta, network.parameters.frozen):
        vector[:] = rng.uniform(0.2, 1.0, vector.shape)
    x, y = rng.standard_normal((3, 5, 6, 4)), np.zeros((3, 1))
    engine = Engine(network, MeanSquaredError())
    assert made[0] is network.nodes[0].layer and engine.plain.layers[0] is made[0]
    assert engine.inference.layers[0] is not made[0] and "second is part of its weights" in engine.inference.notes[0][1]
    for _ in range(2):
        kept = x.copy()
        want = engine.shards[0].forward(made, x, training=False, keep=False).y
        np.testing.assert_allclose(engine.predict(x), want, rtol=1e-11)
        np.testing.assert_allclose(engine.test_step(x, y).prediction, want, rtol=1e-11)
        np.testing.assert_array_equal(x, kept)
        network.parameters.theta *= 1.5  # weights are read anew each time
    engine.train_step(x, y)  # trains by the batch, as before
    assert engine.training is not None and engine.training.layers[0] is made[0]


class OwnDense(layers.Dense):
    """A layer of a user's, who may do anything with the weights."""


@pytest.mark.parametrize(
    ("layer", "norm"),
    [
        (layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization()),
        (layers.Conv2D(3, 3, activity_regularizer="l2"), layers.BatchNormalization()),
        (layers.Conv2D(3, 3), layers.BatchNormalization(axis=1)),
        (layers.Conv2D(3, 3), layers.LayerNormalization()),
        (layers.Conv2DTranspose(3, 3), layers.BatchNormalization()),
        (OwnDense(3), layers.BatchNormalization()),
    ],
    ids=lambda layer: repr(layer)[:40],
)
def test_what_may_not_be_folded_stays(layer: Layer, norm: Layer) -> None:
    plan = plan_inference(Network([layer, norm], (8, 8, 2)))
    assert plan == Plan((layer, norm))


def test_a_folded_normalization_keeps_the_mask_and_its_own_penalty() -> None:
    made: list[Layer] = [
        layers.Masking(),
        layers.Dense(3),
        layers.BatchNormalization(activity_regularizer="l2"),
        layers.GlobalAveragePooling1D(),
    ]
    network = Network(made, (4, 2))
    engine = Engine(network, MeanSquaredError())
    assert isinstance(engine.inference.layers[1], Folded)
    x = np.random.default_rng(0).standard_normal((5, 4, 2)).astype(np.float32)
    x[:, 2:] = 0.0
    shard = engine.shards[0]
    shard.worker.rows = len(x)
    plain = shard.forward(made, x, training=False, keep=False)
    np.testing.assert_allclose(engine.predict(x), plain.y, rtol=1e-5)
    loss = engine.test_step(x, plain.y).loss
    assert plain.penalty > 0.0 and loss == pytest.approx(plain.penalty, rel=1e-5)


@pytest.mark.parametrize("maker", [layers.Dense(4), layers.Conv2D(4, 3)], ids=["dense", "convolution"])
@pytest.mark.parametrize(
    "activation", [layers.ReLU(), layers.ELU(0.5), layers.Activation("gelu"), layers.Activation("softmax")]
)
def test_an_activation_is_applied_where_the_array_is_made(maker: Layer, activation: Layer) -> None:
    made = [maker.replace(), activation, layers.Flatten(), layers.Dense(2)]
    network = Network(made, (6, 6, 3))
    x = np.random.default_rng(0).standard_normal((5, 6, 6, 3)).astype(np.float32)
    plan = plan_training(network, MeanSquaredError())
    assert isinstance(plan.layers[1], layers.Identity) and plan.notes[0][0] == 1
    for got, want in zip(step(network, plan, x), step(network, Plan(tuple(made), MeanSquaredError()), x), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("options", [{}, {"scale": False, "center": False}, {"renorm": True}], ids=str)
def test_a_normalization_and_the_relu_behind_it_are_computed_together(
    options: dict[str, Any], frozen: bool, axis: int
) -> None:
    norm = layers.BatchNormalization(axis=axis, trainable=not frozen, **options)
    made = [layers.Conv2D(4, 3, dtype="float64"), norm, layers.ReLU(), layers.Flatten(), layers.Dense(2)]
    network = Network(made, (6, 5, 3))
    x = np.random.default_rng(0).standard_normal((5, 6, 5, 3))
    plan = plan_training(network, MeanSquaredError())
    assert isinstance(plan.layers[1], Rectified) and isinstance(plan.layers[2], layers.Identity)
    before = network.parameters.frozen.copy()
    got = step(network, plan, x)
    moved = network.parameters.frozen.copy()
    network.parameters.frozen[:] = before
    for one, other in zip(got, step(network, Plan(tuple(made), MeanSquaredError()), x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(moved, network.parameters.frozen)


def test_a_masked_normalization_and_its_relu_are_computed_together() -> None:
    made = [
        layers.Masking(dtype="float64"),
        layers.Dense(4),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling1D(),
    ]
    network = Network(made, (6, 3))
    x = np.random.default_rng(0).standard_normal((5, 6, 3))
    x[:, 4:] = 0.0
    plan = plan_training(network, MeanSquaredError())
    assert isinstance(plan.layers[2], Rectified)
    for one, other in zip(step(network, plan, x), step(network, Plan(tuple(made), MeanSquaredError()), x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "activation", [layers.ReLU(max_value=1.0), layers.ReLU(activity_regularizer="l2"), layers.ELU()]
)
def test_a_normalization_takes_no_other_activation(activation: Layer) -> None:
    made = [layers.BatchNormalization(), activation]
    assert plan_training(Network(made, (4,)), MeanSquaredError()).layers == tuple(made)


@pytest.mark.parametrize("shortcut", ["identity", "projection"])
def test_a_block_runs_its_layers_fused_and_writes_into_nothing_of_others(shortcut: str) -> None:
    norm, flat = layers.BatchNormalization(), layers.Reshape((5, 5, 3))
    for inner in (
        [layers.Conv2D(3, 3, padding="same"), norm, layers.ReLU()],
        [norm, layers.ReLU(), flat],
        [flat, flat],
    ):
        inner = [one.replace() for one in inner]
        block = layers.Residual(inner, shortcut=shortcut, dtype="float64")
        network = Network([block], (5, 5, 3))
        x = np.random.default_rng(0).standard_normal((4, 5, 5, 3))
        shard = Engine(network).shards[0]
        shard.worker.rows, context = len(x), shard.contexts[0]
        context.training = True
        kept, slope = x.copy(), np.random.default_rng(1).standard_normal(x.shape)
        given = slope.copy()
        y, cache = block.forward(x, context)
        dx = block.backward(slope, cache, context)
        np.testing.assert_array_equal(x, kept)
        np.testing.assert_array_equal(slope, given)
        block._running = list(block.layers)  # one after the other, as they were written
        want, cache = block.forward(x, context)
        np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(dx, block.backward(slope, cache, context), rtol=1e-12, atol=1e-14)


def test_the_network_itself_is_left_as_it_was() -> None:
    made, shape = stack(layers.Dense(4, activation="relu"), "MaxPooling2D")
    network = Network(made, shape)
    engine = Engine(network)
    assert [node.layer for node in network.nodes] == made
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    assert engine.outputs_before(2, x).min() == 0.0  # what the pooling gets is past the relu


def test_the_details_of_a_summary_say_what_is_done_at_inference_alone() -> None:
    stack = [layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(name="norm"), layers.ReLU()]
    model = Sequential([*stack, layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("sgd", SparseCategoricalCrossentropy())
    notes = [row.notes for row in summarize(model).rows]
    assert notes[0] == "norm is part of its weights at inference"
    assert notes[2] == "norm applies it to its output"


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
