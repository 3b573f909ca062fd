"""What the battery does not ask of TernaryDense: values by hand, and its gradient against the difference quotient of
what the straight-through estimator stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.declare import options_of
from seqnet.errors import ShapeError, SpecError
from seqnet.layers import TernaryDense
from seqnet.layers.base import Worker
from seqnet.network.engine import Shard
from seqnet.network.network import Network


def built(kernel: Any, **options: Any) -> tuple[TernaryDense, Shard]:
    kernel = np.asarray(kernel, np.float64)
    layer = TernaryDense(kernel.shape[1], dtype="float64", **options)
    network = Network([layer], (len(kernel),))
    layer.set_weights([kernel, np.zeros(kernel.shape[1])][: 1 + layer.use_bias])
    shard = Shard(network, Worker(np.random.default_rng(0)))
    shard.worker.rows = 1
    return layer, shard


def test_values_by_hand() -> None:
    """Mean size 1, so half of it is the limit: 0.5 itself is 0."""
    layer, shard = built([[2.0, -1.5], [0.5, 0.0]])
    y, _ = layer.forward(np.array([[3.0, 5.0]]), shard.contexts[0])
    np.testing.assert_array_equal(y, [[3.0, -3.0]])
    layer, shard = built([[4.0, -3.0], [1.0, 0.0]])  # mean size 2
    y, _ = layer.forward(np.array([[3.0, 5.0]]), shard.contexts[0])
    np.testing.assert_array_equal(y, [[6.0, -6.0]])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.0, [[8.0, -3.0]]), (0.5, [[3.0, -3.0]]), (1.5, [[3.0, 0.0]]), (1e9, [[0.0, 0.0]])],
)
def test_a_threshold_scales_nothing(threshold: float, expected: Any) -> None:
    layer, shard = built([[2.0, -1.5], [0.5, 0.0]], threshold=threshold)
    y, _ = layer.forward(np.array([[3.0, 5.0]]), shard.contexts[0])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_gradient_is_that_of_the_straight_line(threshold: float | None) -> None:
    """The kernel moves by d: t follows as t + d, s as the mean size of kernel + d where it is the mean."""
    rng = np.random.default_rng(2)
    kernel, x, dy = rng.standard_normal((4, 3)), rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    kernel[1, 2] = 0.0  # where |kernel| has its corner the slope is 0, as in Keras
    layer, shard = built(kernel, threshold=threshold)
    limit = 0.5 * np.abs(kernel).mean() if threshold is None else threshold
    ternary = np.where(np.abs(kernel) > limit, np.sign(kernel), 0)

    def value(d: Array) -> float:
        scale = np.abs(kernel + d).mean() if threshold is None else 1.0
        return float(np.vdot(dy, scale * (x @ (ternary + d))))

    quotient = np.zeros_like(kernel)
    for index in np.ndindex(kernel.shape):
        d = np.zeros_like(kernel)
        d[index] = 1e-6
        quotient[index] = (value(d) - value(-d)) / 2e-6
    _, cache = layer.forward(x, shard.contexts[0])
    layer.backward(dy, cache, shard.contexts[0])
    np.testing.assert_allclose(shard.gradient[:12].reshape(4, 3), quotient, rtol=1e-6, atol=1e-8)


def test_gradients_of_input_and_bias_are_those_of_dense() -> None:
    """Nothing is rounded there, so these are plain difference quotients."""
    rng = np.random.default_rng(3)
    kernel, x, dy = rng.standard_normal((4, 3)), rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    layer, shard = built(kernel)
    context = shard.contexts[0]
    _, cache = layer.forward(x, context)
    dx = layer.backward(dy, cache, context)
    assert dx is not None
    way = rng.standard_normal(x.shape)
    ahead, behind = (float(np.vdot(dy, layer.forward(x + s * way, context)[0])) for s in (1e-5, -1e-5))
    assert np.vdot(dx, way) == pytest.approx((ahead - behind) / 2e-5, rel=1e-8)
    np.testing.assert_allclose(shard.gradient[12:], dy.sum(axis=0), rtol=1e-12)


def test_the_kernel_keeps_its_fractions() -> None:
    import seqnet

    seqnet.utils.set_random_seed(4)
    model = seqnet.Sequential([TernaryDense(16, activation="relu", input_shape=(2,)), TernaryDense(2)])
    model.compile(optimizer="adam", loss=seqnet.losses.SparseCategoricalCrossentropy(from_logits=True))
    (x, y), _ = seqnet.datasets.moons.load_data()
    model.fit(x, y, epochs=20, verbose=0)
    kernel = model.layers[0].kernel
    assert len(np.unique(np.abs(kernel))) > 20
    assert (np.argmax(model.predict(x, verbose=0), axis=1) == y).mean() > 0.8


def test_options_are_keras() -> None:
    """Names, order and defaults of Keras 3.16's signature, from its documentation."""
    positional = [name for name, option in options_of(TernaryDense).items() if not option.kw_only]
    assert positional == [
        "units",
        "threshold",
        "activation",
        "use_bias",
        "kernel_initializer",
        "bias_initializer",
        "kernel_regularizer",
        "bias_regularizer",
        "activity_regularizer",
        "kernel_constraint",
        "bias_constraint",
    ]
    layer = TernaryDense(3)
    assert (layer.threshold, layer.use_bias, layer.activation.spec_name) == (None, True, "linear")
    assert (layer.kernel_initializer.spec_name, layer.bias_initializer.spec_name) == ("GlorotUniform", "Zeros")


def test_wrong_options_and_shapes() -> None:
    with pytest.raises(SpecError, match="threshold must be a number >= 0"):
        TernaryDense(3, threshold=-0.1)
    with pytest.raises(SpecError, match="units must be a whole number > 0"):
        TernaryDense(0)
    with pytest.raises(ShapeError, match="at least one axis"):
        TernaryDense(3).output_shape(())
    with pytest.raises(ShapeError, match="must be fixed"):
        TernaryDense(3).output_shape((4, None))
