"""What the battery can't say of convolution layers: refusals, counts of work, channel order, open lengths, memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import ShapeError, SpecError
from seqnet.layers import Layer
from seqnet.layers.base import Worker
from seqnet.network.engine import Shard
from seqnet.network.network import Network
from seqnet.registry import lookup


def make(name: str, **options: Any) -> Layer:
    return get(Layer, {name: {"name": "it", **options}})


class Run:
    """A built layer with a context of its own."""

    def __init__(self, layer: Layer, shape: tuple[int | None, ...], dtype: str = "float64") -> None:
        layer = layer.replace(dtype=dtype)
        self.layer, self.network = layer, Network([layer], shape, seed=3)
        self.shard = Shard(self.network, Worker(np.random.default_rng(0)))
        self.context = self.shard.contexts[0]
        self.context.training = True

    def __call__(self, x: Array, *, need_dx: bool = True) -> tuple[Array, Array | None]:
        for grads in self.shard.grads:
            grads.start()
        y, cache = self.layer.forward(x, self.context)
        dx = self.layer.backward(
            np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype), cache, self.context, need_dx=need_dx
        )
        for grads in self.shard.grads:
            grads.close()
        return y, dx


REFUSED_SHAPES = [
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 5},
        (4, 4, 1),
        "kernel 5×5 does not fit the 4×4 input: lower kernel_size or use padding: same",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": [3, 5]},
        (9, 4, 1),
        "kernel 3×5 does not fit the 9×4 input",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 5},
        (None, 4, 1),
        "kernel 5×5 does not fit the ?×4 input",
    ),
    (
        "Conv1D",
        {"filters": 2, "kernel_size": 5},
        (4, 1),
        "a kernel of 5 does not fit an input of 4 steps: lower kernel_size or use padding: same",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "dilation_rate": 2},
        (4, 4, 1),
        "kernel 3×3 with dilation_rate 2×2 spans 5×5, which does not fit the 4×4 input: lower "
        "kernel_size or dilation_rate, or use padding: same",
    ),
    (
        "Conv3D",
        {"filters": 2, "kernel_size": 3},
        (2, 4, 4, 1),
        "kernel 3×3×3 does not fit the 2×4×4 input",
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3},
        (2, 2, 1),
        "kernel 3×3 does not fit the 2×2 input",
    ),
    (
        "SeparableConv1D",
        {"filters": 2, "kernel_size": 3},
        (2, 1),
        "a kernel of 3 does not fit an input of 2 steps",
    ),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "groups": 2},
        (8, 8, 3),
        "the input's channels must be divisible by groups, got 3 channels for 2 groups",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3},
        (28, 28),
        "needs rows with 3 axes (height, width, channels), got (28, 28); for one channel, put "
        "Reshape: {target_shape: [28, 28, 1]} before it",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "data_format": "channels_first"},
        (28, 28),
        "needs rows with 3 axes (channels, height, width), got (28, 28); for one channel, put "
        "Reshape: {target_shape: [1, 28, 28]} before it",
    ),
    (
        "Conv1D",
        {"filters": 2, "kernel_size": 3},
        (28, 28, 1),
        "needs rows with 2 axes (time, channels), got (28, 28, 1)",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3},
        (8, 8, None),
        "the channel axis must be fixed to size the kernel, got (8, 8, None)",
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same", "output_padding": 0},
        (1, 4, 1),
        "the output of 1×4 positions would be 0×6: raise output_padding, or use padding: valid",
    ),
]


@pytest.mark.parametrize(("name", "options", "shape", "message"), REFUSED_SHAPES)
def test_shapes_that_do_not_fit(name: str, options: dict[str, Any], shape: Any, message: str) -> None:
    layer = make(name, **options)
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(shape)
        layer.param_specs(shape)
    assert str(caught.value).startswith(message)


REFUSED_OPTIONS = [
    (
        "Conv2D",
        {"filters": 6, "kernel_size": 3, "groups": 4},
        "filters must be divisible by groups, got 6 filters in 4 groups",
    ),
    (
        "Conv2D",
        {"filters": 6, "kernel_size": 3, "strides": 2, "dilation_rate": [1, 2]},
        "strides above 1 and dilation_rate above 1 exclude each other",
    ),
    (
        "Conv2DTranspose",
        {"filters": 6, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        "strides above 1 and dilation_rate above 1 exclude each other",
    ),
    (
        "Conv2DTranspose",
        {"filters": 6, "kernel_size": 3, "strides": 2, "output_padding": 2},
        "output_padding must be less than strides, got (2, 2) and strides (2, 2)",
    ),
    (
        "Conv2D",
        {"filters": 6, "kernel_size": 3, "padding": "causal"},
        "padding must be valid or same, got 'causal'",
    ),
    (
        "SeparableConv1D",
        {"filters": 6, "kernel_size": 3, "padding": "causal"},
        "padding must be valid or same, got 'causal'",
    ),
    (
        "Conv2D",
        {"filters": 0, "kernel_size": 3},
        "filters must be a whole number > 0, got 0",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 0},
        "kernel_size must be a whole number > 0",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": [3, 3, 3]},
        "kernel_size must be a whole number > 0, or a list of 2 entries",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "strides": 0},
        "strides must be a whole number > 0",
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "depth_multiplier": 0},
        "depth_multiplier must be a whole number > 0, got 0",
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "data_format": "NCHW"},
        "data_format must be channels_last or channels_first",
    ),
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED_OPTIONS)
def test_options_that_keras_refuses_too(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match="^") as caught:
        make(name, **options)
    assert message in str(caught.value)


# Multiplications and additions counted by hand: positions · filters · (2 · taps · channels / groups + bias).
FLOPS = [
    ("Conv2D", {"filters": 8, "kernel_size": 3}, (6, 6, 2), 4 * 4 * 8 * (2 * 9 * 2 + 1)),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 2, "use_bias": False}, (6, 6, 2), 4 * 4 * 8 * 2 * 9),
    (
        "Conv2D",
        {"filters": 8, "kernel_size": 3, "data_format": "channels_first"},
        (2, 6, 6),
        4 * 4 * 8 * (2 * 9 * 2 + 1),
    ),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 2}, (7, 2), 4 * 4 * (2 * 3 * 2 + 1)),
    ("Conv3D", {"filters": 4, "kernel_size": 2}, (3, 3, 3, 1), 8 * 4 * (2 * 8 + 1)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (2, 2, 3), 2 * 2 * 4 * 2 * 9 * 3 + 5 * 5 * 4),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, (6, 6, 3), 4 * 4 * 6 * (2 * 9 + 1)),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3}, (6, 6, 3), 4 * 4 * (2 * 3 * (9 + 5) + 5)),
]


@pytest.mark.parametrize(("name", "options", "shape", "expected"), FLOPS)
def test_counts_of_work(name: str, options: dict[str, Any], shape: Any, expected: int) -> None:
    assert make(name, **options).flops(shape) == expected


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("Convolution1D", "Conv1D"),
        ("Convolution2D", "Conv2D"),
        ("Convolution3D", "Conv3D"),
        ("Convolution2DTranspose", "Conv2DTranspose"),
        ("SeparableConvolution2D", "SeparableConv2D"),
    ],
)
def test_other_names(alias: str, name: str) -> None:
    import seqnet.layers

    assert lookup("layer", alias) is lookup("layer", name) is getattr(seqnet.layers, alias)


FORMATS = [
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "same"}, (6, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (6, 5, 2)),
    ("Conv3D", {"filters": 3, "kernel_size": 2}, (4, 3, 5, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, (4, 3, 2)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, (5, 6, 2)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3}, (5, 6, 2)),
]


@pytest.mark.parametrize(("name", "options", "shape"), FORMATS, ids=[row[0] for row in FORMATS])
def test_channels_first_is_channels_last_transposed(name: str, options: dict[str, Any], shape: Any) -> None:
    last = Run(make(name, **options), shape)
    first = Run(make(name, **options, data_format="channels_first"), (shape[-1], *shape[:-1]))
    first.layer.set_weights(last.layer.get_weights())
    x = np.random.default_rng(1).standard_normal((3, *shape))
    y, cache = last.layer.forward(x, last.context)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dx = last.layer.backward(dy, cache, last.context)
    turned, other = first.layer.forward(np.moveaxis(x, -1, 1), first.context)
    dturned = first.layer.backward(np.moveaxis(dy, -1, 1), other, first.context)
    assert dx is not None and dturned is not None
    np.testing.assert_allclose(np.moveaxis(turned, 1, -1), y, rtol=1e-12)
    np.testing.assert_allclose(np.moveaxis(dturned, 1, -1), dx, rtol=1e-12)
    np.testing.assert_allclose(first.shard.gradient, last.shard.gradient, rtol=1e-12)


def test_lengths_may_stay_open() -> None:
    """One layer for inputs of different lengths; too short a one is refused when it comes."""
    run = Run(make("Conv1D", filters=2, kernel_size=3, strides=2), (None, 4))
    for length in (3, 8, 21):
        y, dx = run(np.ones((2, length, 4)))
        assert y.shape == (2, (length - 3) // 2 + 1, 2) and dx is not None and dx.shape == (2, length, 4)
    with pytest.raises(ShapeError, match="a kernel of 3 does not fit an input of 2 steps"):
        run(np.ones((2, 2, 4)))


def test_a_convolution_of_convolutions_is_one() -> None:
    """Two 3×3 kernels in a row are their 5×5 product, whatever way each is computed."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((2, 12, 11, 1))
    small = [rng.standard_normal((3, 3, 1, 1)) for _ in range(2)]
    large = np.zeros((5, 5, 1, 1))
    for a, b in np.ndindex(3, 3):
        large[a : a + 3, b : b + 3] += small[0][a, b] * small[1]
    y = x
    for kernel in small:
        run = Run(make("Conv2D", filters=1, kernel_size=3, use_bias=False), y.shape[1:])
        run.layer.set_weights([kernel])
        y, _ = run(y)
    one = Run(make("Conv2D", filters=1, kernel_size=5, use_bias=False), x.shape[1:])
    one.layer.set_weights([large])
    np.testing.assert_allclose(one(x)[0], y, rtol=1e-10, atol=1e-12)


def test_only_what_is_asked_for_is_computed() -> None:
    """A frozen layer in the middle: dx alone; the bottom layer: the gradients of its variables alone."""
    x = np.random.default_rng(1).standard_normal((2, 6, 6, 3))
    whole = Run(make("Conv2D", filters=4, kernel_size=3), (6, 6, 3))
    _, dx = whole(x)
    frozen = Run(make("Conv2D", filters=4, kernel_size=3, trainable=False), (6, 6, 3))
    frozen.layer.set_weights(whole.layer.get_weights())
    np.testing.assert_array_equal(frozen(x)[1], dx)
    bottom = Run(make("Conv2D", filters=4, kernel_size=3), (6, 6, 3))
    bottom.layer.set_weights(whole.layer.get_weights())
    assert bottom(x, need_dx=False)[1] is None
    np.testing.assert_array_equal(bottom.shard.gradient, whole.shard.gradient)


MEMORY = [
    ("Conv2D", {"filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"}, (64, 64, 32)),
    ("Conv2D", {"filters": 64, "kernel_size": 3, "strides": 2}, (64, 64, 32)),
    ("Conv2D", {"filters": 32, "kernel_size": 3, "dilation_rate": 2}, (64, 64, 32)),
    ("Conv2D", {"filters": 32, "kernel_size": 1}, (64, 64, 32)),
    ("Conv2D", {"filters": 32, "kernel_size": 9}, (64, 64, 16)),
    ("Conv1D", {"filters": 64, "kernel_size": 5}, (4000, 64)),
    ("Conv2DTranspose", {"filters": 32, "kernel_size": 3, "strides": 2}, (32, 32, 64)),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same"}, (64, 64, 32)),
    ("SeparableConv2D", {"filters": 64, "kernel_size": 3, "padding": "same"}, (64, 64, 32)),
    ("MaxPooling2D", {}, (64, 64, 64)),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2}, (64, 64, 64)),
    ("AveragePooling2D", {"pool_size": 2}, (64, 64, 64)),
]


@pytest.mark.parametrize(("name", "options", "shape"), MEMORY)
def test_peak_of_memory(name: str, options: dict[str, Any], shape: Any) -> None:
    """No more than three times the layer's activations, and the scratch memory, which is a few megabytes at most."""
    run = Run(make(name, **options), shape, "float32")
    x = np.ones((8, *shape), np.float32)
    y, _ = run.layer.forward(x, run.context)
    dy, size = np.ones_like(y), y.nbytes
    run.layer.backward(dy, run.layer.forward(x, run.context)[1], run.context)  # what is made once is there
    del y
    tracemalloc.start()
    try:
        y, cache = run.layer.forward(x, run.context)
        dx = run.layer.backward(dy, cache, run.context)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dx is not None
    assert peak + x.nbytes <= 3 * (x.nbytes + size) + 4_000_000
