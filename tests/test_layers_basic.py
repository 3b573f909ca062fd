"""The basic layers beyond the battery: random draws, statistics, adapt, refusals, edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.arrays import Array
from seqnet.declare import get, options_of
from seqnet.errors import DataError, ShapeError, SpecError, UsageError
from seqnet.layers import Context, Layer
from seqnet.layers.base import Worker
from seqnet.losses import MeanSquaredError, SparseCategoricalCrossentropy
from seqnet.network.engine import Engine, Shard
from seqnet.network.network import Network
from seqnet.registry import components

BIG = (200, 50, 20)  # enough draws to tell 0.300 from 0.305


def built(layer: Layer, shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> tuple[Network, Context]:
    """A network of this layer, and a context to call it by hand in training mode."""
    layer.name, layer.dtype = layer.name or "it", dtype
    network = Network([layer], shape)
    shard = Shard(network, Worker(np.random.default_rng(seed)))
    context = shard.contexts[0]
    context.training = True
    return network, context


def draw(layer: Layer, x: Array, seed: int = 0) -> tuple[Array, Any, Context]:
    _, context = built(layer, x.shape[1:], str(x.dtype), seed)
    context.worker.rows = len(x)
    y, cache = layer.forward(x, context)
    return y, cache, context


def normal(shape: tuple[int, ...], seed: int = 1) -> Array:
    return np.random.RandomState(seed).standard_normal(shape)


# -- what is random ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.003, 0.1, 0.25, 0.3, 0.5, 2 / 3, 0.9, 0.997])
def test_dropout_drops_its_share(rate: float) -> None:
    x = np.ones(BIG, np.float32)
    y, cache, context = draw(layers.Dropout(rate), x)
    dropped = y == 0
    spread = np.sqrt(rate * (1 - rate) / x.size)
    assert abs(dropped.mean() - rate) < 4 * spread
    np.testing.assert_allclose(y[~dropped], 1 / (1 - rate), rtol=1e-6)
    dx = layers.Dropout(rate).backward(np.full(BIG, 2.0, np.float32), cache, context)
    np.testing.assert_allclose(dx, 2 * y, rtol=1e-6)
    # Neighbours are dropped independently: pairs are as frequent as the product says.
    pairs = (dropped[..., 1:] & dropped[..., :-1]).mean()
    assert abs(pairs - rate**2) < 5 * np.sqrt(rate**2 / x.size)


RANDOM = [
    layers.Dropout(0.4),
    layers.Dropout(0.5),
    layers.Dropout(0.4, seed=9),
    layers.SpatialDropout1D(0.4),
    layers.AlphaDropout(0.4),
    layers.GaussianDropout(0.4),
    layers.GaussianNoise(0.4),
]


@pytest.mark.parametrize("layer", RANDOM, ids=repr)
def test_seeds_and_calls(layer: Layer) -> None:
    """Same seed same bytes; another seed, or the next call, other draws; nothing at inference."""
    x = normal((50, 4, 30)).astype(np.float32)
    first, _, context = draw(layer, x)
    np.testing.assert_array_equal(draw(layer, x)[0], first)
    assert (draw(layer, x, seed=1)[0] != first).any()
    assert (layer.forward(x, context)[0] != first).any()
    context.training = False
    np.testing.assert_array_equal(layer.forward(x, context)[0], x)


@pytest.mark.parametrize("layer", RANDOM, ids=repr)
def test_shards_draw_differently(layer: Layer) -> None:
    layer = layer.replace(name="it")
    network = Network([layer], (4, 30))
    engine = Engine(network, MeanSquaredError(), threads=2)
    x = np.tile(normal((4, 30)).astype(np.float32), (20, 1, 1))
    _, y, _ = engine.train_step(x, x)
    engine.close()
    assert (y[:10] != y[10:]).any()


def test_another_option_seed_draws_otherwise() -> None:
    x = np.ones((10, 100), np.float32)
    drawn = [draw(layers.Dropout(0.5, seed=seed), x)[0] for seed in (None, 1, 2)]
    assert all((a != b).any() for a, b in ((drawn[0], drawn[1]), (drawn[1], drawn[2])))


def test_noise_shape_ties_values_together() -> None:
    y = draw(layers.Dropout(0.5, noise_shape=(None, 1, None)), np.ones((40, 6, 20)))[0]
    assert (y == y[:, :1]).all() and 0.3 < (y == 0).mean() < 0.7
    y = draw(layers.Dropout(0.5, noise_shape=(1, None, 1)), np.ones((40, 30, 20)))[0]
    assert (y == y[:1, :, :1]).all() and 0.2 < (y == 0).mean() < 0.8


def test_draws_shared_by_rows_are_shared_by_shards() -> None:
    layer = layers.Dropout(0.5, noise_shape=(1, None), name="it")
    engine = Engine(Network([layer], (200,)), MeanSquaredError(), threads=2)
    x = np.ones((8, 200), np.float32)
    _, y, _ = engine.train_step(x, x)
    engine.close()
    assert (y == y[:1]).all() and 0.3 < (y == 0).mean() < 0.7


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (layers.SpatialDropout1D(0.5), (50, 6, 20), (1,)),
        (layers.SpatialDropout2D(0.5), (50, 3, 4, 20), (1, 2)),
        (layers.SpatialDropout2D(0.5, data_format="channels_first"), (50, 20, 3, 4), (2, 3)),
        (layers.SpatialDropout3D(0.5), (50, 2, 3, 2, 20), (1, 2, 3)),
    ],
    ids=repr,
)
def test_spatial_dropout_drops_whole_channels(layer: Layer, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    y = draw(layer, np.ones(shape))[0]
    whole = y.max(axis=axes)
    np.testing.assert_array_equal(whole, y.min(axis=axes))
    assert set(np.unique(whole)) == {0.0, 2.0}
    assert 0.4 < (whole == 0).mean() < 0.6


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate: float) -> None:
    """The numbers of Klambauer et al.: dropped values become a α' + b with α' = -1.7580993408473766."""
    x = normal(BIG)
    y = draw(layers.AlphaDropout(rate), x)[0]
    assert abs(y.mean()) < 0.01 and abs(y.var() - 1) < 0.02
    a = ((1 - rate) * (1 + rate * 1.7580993408473766**2)) ** -0.5
    floor = a * -1.7580993408473766 * (1 - rate)
    assert abs(np.isclose(y, floor, rtol=1e-12).mean() - rate) < 0.005


def test_gaussian_dropout_spreads_as_dropout_does() -> None:
    y = draw(layers.GaussianDropout(0.3), np.ones(BIG))[0]
    assert abs(y.mean() - 1) < 0.006 and abs(y.std() - np.sqrt(0.3 / 0.7)) < 0.006


def test_gaussian_noise_has_its_deviation() -> None:
    noise = draw(layers.GaussianNoise(0.2), np.zeros(BIG))[0]
    assert abs(noise.mean()) < 0.002 and abs(noise.std() - 0.2) < 0.002
    assert abs((noise < 0.2).mean() - 0.8413) < 0.004  # Φ(1)


# -- adapt -------------------------------------------------------------------------------------------------------------


def statistics(layer: Layer) -> tuple[Array, Array]:
    assert layer.variables is not None
    return layer.variables["mean"], layer.variables["variance"]


@pytest.mark.parametrize(("axis", "reduced"), [(-1, (0, 1)), ((1, 2), (0,)), (None, (0, 1, 2)), (1, (0, 2))])
@pytest.mark.parametrize("form", ["array", "batches", "generator", "pairs"])
def test_adapt_is_mean_and_variance(axis: Any, reduced: tuple[int, ...], form: str) -> None:
    data = 3 + 2 * normal((103, 4, 3))
    batches = [data[i : i + 10] for i in range(0, 103, 10)]
    forms = {"array": data, "batches": batches, "generator": iter(batches), "pairs": [(b, len(b)) for b in batches]}
    before, after = layers.Normalization(axis), layers.Normalization(axis)
    before.adapt(forms[form])
    built(before, (4, 3))
    built(after, (4, 3))
    assert before.adapted and not after.adapted
    after.adapt(data)
    assert after.adapted
    for layer in (before, after):
        mean, variance = statistics(layer)
        np.testing.assert_allclose(mean, data.mean(axis=reduced), rtol=1e-12)
        np.testing.assert_allclose(variance, data.var(axis=reduced), rtol=1e-12)


def test_adapt_is_sound_far_from_zero_and_for_many_rows() -> None:
    data = 1e8 + normal((20_000, 2)).astype(np.float64)
    layer = layers.Normalization()
    layer.adapt(data)
    built(layer, (2,))
    np.testing.assert_allclose(statistics(layer)[1], (data - 1e8).var(axis=0), rtol=1e-7)
    y, _, _ = draw(layer, data)
    assert abs(y.mean()) < 1e-6 and abs(y.std() - 1) < 1e-6


def test_adapt_takes_whole_numbers_and_lists() -> None:
    layer = layers.Normalization()
    layer.adapt(np.array([[0], [255]], np.uint8))
    layer.adapt([[1, 5], [3, 5]])
    built(layer, (2,))
    np.testing.assert_array_equal(statistics(layer), [[2, 5], [1, 0]])
    y, _, _ = draw(layer, np.array([[3.0, 5.0]]))
    np.testing.assert_array_equal(y, [[1, 0]])  # a constant feature becomes 0, not NaN


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (np.zeros((0, 2)), DataError, "no rows"),
        ([], DataError, "no rows"),
        (np.array([[1.0, np.nan]]), DataError, "NaN or infinity"),
        (np.array([[1.0, np.inf]]), DataError, "NaN or infinity"),
        (np.float64(3), DataError, "needs rows"),
        (3, DataError, "got int"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], ShapeError, r"\(3,\)"),
        (np.zeros((4, 3)), ShapeError, r"built for statistics of shape \(2,\)"),
    ],
)
def test_adapt_refuses(data: Any, error: type[Exception], says: str) -> None:
    layer = layers.Normalization()
    built(layer, (2,))
    with pytest.raises(error, match=says):
        layer.adapt(data)
    np.testing.assert_array_equal(statistics(layer), [[0, 0], [1, 1]])


def test_adapt_refuses_what_is_given_and_what_does_not_fit() -> None:
    given = layers.Normalization(mean=0.0, variance=1.0, axis=None)
    assert given.adapted
    with pytest.raises(UsageError, match="nothing to adapt"):
        given.adapt(np.zeros((2, 2)))
    early = layers.Normalization()
    early.adapt(np.zeros((4, 3)))
    with pytest.raises(ShapeError, match=r"adapt\(\) saw data"):
        built(early, (2,))


def test_only_normalization_adapts() -> None:
    assert layers.Normalization.adapts and not layers.Dense.adapts and not layers.Rescaling.adapts


# -- batch statistics --------------------------------------------------------------------------------------------------


def test_moving_statistics_follow_by_hand() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    x = normal((64, 3)) * [1, 2, 3] + [0, 5, -5]
    draw(layer, x)
    assert layer.variables is not None
    np.testing.assert_allclose(layer.variables["moving_mean"], 0.1 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.variables["moving_variance"], 0.9 + 0.1 * x.var(axis=0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(6000, 3), (129, 7, 5, 33), (3, 1500)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_batch_normalization_is_accurate(shape: tuple[int, ...], offset: float) -> None:
    """Single precision against NumPy's double, over sizes that need several blocks and leave odd rows over."""
    x = (normal(shape) + offset).astype(np.float32)
    layer = layers.BatchNormalization()
    y, cache, context = draw(layer, x)
    exact, axes = x.astype(np.float64), tuple(range(len(shape) - 1))
    deviation = np.sqrt(exact.var(axis=axes) + 1e-3)
    hat = (exact - exact.mean(axis=axes)) / deviation
    np.testing.assert_allclose(y, hat, atol=2e-5)
    dy = normal(shape, seed=2).astype(np.float32)
    dx = layer.backward(dy, cache, context)
    slope = dy.astype(np.float64)
    expected = (slope - slope.mean(axis=axes) - hat * (slope * hat).mean(axis=axes)) / deviation
    np.testing.assert_allclose(dx, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert context.params["moving_mean"] == pytest.approx(0.01 * exact.mean(axis=axes), rel=1e-5, abs=1e-7)


def test_a_frozen_batch_normalization_works_as_at_inference() -> None:
    x = normal((8, 3))
    layer = layers.BatchNormalization(trainable=False)
    _, context = built(layer, (3,))
    context.params["moving_mean"][...] = [1, 2, 3]
    y, cache = layer.forward(x, context)
    np.testing.assert_allclose(y, (x - [1, 2, 3]) / np.sqrt(1 + 1e-3), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(y, cache, context), y / np.sqrt(1 + 1e-3), rtol=1e-12)
    np.testing.assert_array_equal(context.params["moving_mean"], [1, 2, 3])


def test_gradients_at_inference_are_right_too() -> None:
    """A layer around this one may run it at inference and still train gamma and beta."""
    x, dy = normal((8, 3)), normal((8, 3), seed=2)
    layer = layers.BatchNormalization()
    network, context = built(layer, (3,))
    context.training = False
    context.params["moving_mean"][...] = [1, 2, 3]
    _, cache = layer.forward(x, context)
    context.grads.start()
    layer.backward(dy, cache, context)
    hat = (x - [1, 2, 3]) / np.sqrt(1.001)
    np.testing.assert_allclose(context.grads.views["gamma"], (dy * hat).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(context.grads.views["beta"], dy.sum(axis=0), rtol=1e-12)


def test_a_constant_channel_and_a_single_row() -> None:
    layer = layers.BatchNormalization(epsilon=0.001)
    y, cache, context = draw(layer, np.full((1, 3), 7.0, np.float32))
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3), np.float32), cache, context), 0)


def test_a_batch_with_everything_masked_is_finite() -> None:
    x = normal((4, 3, 2))
    layer = layers.BatchNormalization()
    _, context = built(layer, (3, 2))
    context.mask = np.zeros((4, 3), bool)
    y, cache = layer.forward(x, context)
    assert np.isfinite(y).all() and np.isfinite(layer.backward(x, cache, context)).all()


@pytest.mark.parametrize("renorm", [False, True])
def test_a_batch_normalization_used_twice_is_the_same_in_shards(renorm: bool) -> None:
    layer = layers.BatchNormalization(name="it", dtype="float64", renorm=renorm, momentum=0.5, renorm_momentum=0.5)
    x = normal((12, 5))
    results = []
    for threads in (1, 2, 2):
        network = Network([layer, layer, layer], (5,))
        engine = Engine(network, MeanSquaredError(), threads=threads)
        for _ in range(5):
            engine.train_step(x, normal((12, 5), seed=4))
        results.append(np.concatenate([engine.gradient, network.parameters.frozen]))
        engine.close()
    np.testing.assert_allclose(results[0], results[1], rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(results[1], results[2])


# -- single layers -----------------------------------------------------------------------------------------------------


def test_softmax_ends_together_with_its_loss() -> None:
    """A final Softmax layer and sparse crossentropy give the loss and gradient of softmax inside Dense."""
    x, labels = normal((12, 4)).astype(np.float32), np.arange(12) % 3
    apart = [layers.Dense(3, name="dense"), layers.Softmax(name="softmax")]
    inside = [layers.Dense(3, activation="softmax", name="dense")]
    found = []
    for stack in (apart, inside):
        engine = Engine(Network(stack, (4,), seed=3), SparseCategoricalCrossentropy())
        loss, y, _ = engine.train_step(x, labels)
        found.append((loss, y, engine.gradient.copy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_softmax_gives_masked_steps_nothing() -> None:
    layer, x = layers.Softmax(axis=1), normal((3, 4, 2))
    _, context = built(layer, (4, 2))
    context.mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
    y, cache = layer.forward(x, context)
    assert (y[~context.mask] == 0).all()
    np.testing.assert_allclose(y.sum(axis=1), [[1, 1], [1, 1], [0, 0]], rtol=1e-12)
    ends, _ = layer.without_final_activation().forward(x, context)
    np.testing.assert_allclose(layer.function(ends)[:2], y[:2], atol=1e-12)
    assert (layer.backward(normal((3, 4, 2), 5), cache, context)[~context.mask] == 0).all()


def test_prelu_has_slope_zero_at_zero() -> None:
    layer = layers.PReLU(alpha_initializer={"Constant": {"value": 0.5}})
    y, cache, context = draw(layer, np.array([[-2.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(y, [[-1, 0, 2]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3)), cache, context), [[0.5, 0, 1]])


def test_unit_normalization_of_zeros_is_zero_with_no_gradient() -> None:
    layer = layers.UnitNormalization()
    y, cache, context = draw(layer, np.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_allclose(y, [[0, 0], [0.6, 0.8]], rtol=1e-12)
    np.testing.assert_array_equal(layer.backward(np.ones((2, 2)), cache, context)[0], 0)


@pytest.mark.parametrize("shape", [(1000, 96), (70, 9, 8, 5), (2, 3000)])
def test_row_normalizations_are_accurate_in_blocks(shape: tuple[int, ...]) -> None:
    """Sizes that need several blocks, against NumPy in double precision."""
    x = (normal(shape) + 3).astype(np.float32)
    exact = x.astype(np.float64)
    y = draw(layers.LayerNormalization(), x)[0]
    hat = (exact - exact.mean(axis=-1, keepdims=True)) / np.sqrt(exact.var(axis=-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(y, hat, atol=1e-5)
    y = draw(layers.RMSNormalization(), x)[0]
    np.testing.assert_allclose(y, exact / np.sqrt(np.square(exact).mean(axis=-1, keepdims=True) + 1e-6), atol=1e-5)
    y = draw(layers.GroupNormalization(groups=1), x)[0].reshape(len(x), -1)
    flat = exact.reshape(len(x), -1)
    hat = (flat - flat.mean(axis=1, keepdims=True)) / np.sqrt(flat.var(axis=1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(y, hat, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
def test_row_gradients_are_accurate_far_from_zero(offset: float) -> None:
    """Single precision against double, where the mean is left in place and where it is not."""
    shape = (900, 96)
    dy = normal(shape, seed=2).astype(np.float32)
    for layer in (layers.LayerNormalization(), layers.RMSNormalization(), layers.GroupNormalization(groups=4)):
        x = (normal(shape) + offset).astype(np.float32)
        found = []
        for dtype in (np.float32, np.float64):
            layer.dtype = None
            _, cache, context = draw(layer, x.astype(dtype))
            context.grads.start()
            dx = layer.backward(dy.astype(dtype), cache, context)
            found.append([dx, *(context.grads.views[name].copy() for name in sorted(context.grads.views))])
        for rough, exact in zip(*found, strict=True):
            np.testing.assert_allclose(rough, exact, rtol=0, atol=1e-4 * np.abs(exact).max())


def test_spectral_normalization_brings_the_largest_singular_value_to_one() -> None:
    layer = layers.SpectralNormalization(layers.Dense(5), power_iterations=30)
    x = normal((4, 6))
    _, _, context = draw(layer, x)
    assert np.linalg.norm(context.params["kernel"], 2) == pytest.approx(1, rel=1e-6)
    assert list(layer.variables or {}) == ["kernel", "vector_u", "dense/bias"]


def test_spectral_normalization_leaves_a_zero_kernel_alone() -> None:
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    y, _, _ = draw(layer, normal((4, 3)))
    np.testing.assert_array_equal(y, 0)


def test_flatten_and_reshape_do_not_copy() -> None:
    x = normal((4, 3, 2))
    for layer in (layers.Flatten(), layers.Reshape((6,))):
        assert np.shares_memory(draw(layer, x)[0], x)


def test_rescaling_takes_bytes_to_unit_range() -> None:
    y = draw(layers.Rescaling(1 / 255), np.array([[0.0, 255.0]], np.float32))[0]
    np.testing.assert_allclose(y, [[0, 1]], rtol=1e-6)
    assert y.dtype == np.float32


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        (layers.Dense(3), (), "input_shape: \\[1\\]"),
        (layers.Dense(3), (None,), "must be fixed"),
        (layers.Reshape((5, 2)), (3, 4), "hold 12 numbers, but target_shape \\(5, 2\\) holds 10"),
        (layers.Reshape((-1, 5)), (3, 4), "12 numbers, which is no multiple of 5"),
        (layers.Permute((2, 1)), (3,), "needs rows with 2 axes"),
        (layers.RepeatVector(2), (3, 4), "put Flatten before it"),
        (layers.Cropping1D(3), (6, 2), "takes 6 off an input of 6, and nothing is left"),
        (layers.Cropping2D(2), (8, 4, 3), "takes 4×4 off an input of 8×4"),
        (layers.Cropping2D(1), (8, 4), "Reshape: {target_shape: \\[8, 4, 1\\]}"),
        (layers.ZeroPadding3D(1), (8, 4, 2), "needs rows with 4 axes"),
        (layers.SpatialDropout2D(0.5), (8, 4), "needs rows with 3 axes"),
        (layers.Dropout(0.5, noise_shape=(None, 2)), (3,), "write null or 1 for each axis"),
        (layers.Dropout(0.5, noise_shape=(None,)), (3,), "noise_shape"),
        (layers.AlphaDropout(0.5, noise_shape=(None, 2)), (3,), "noise_shape"),
        (layers.BatchNormalization(axis=3), (4, 2), "axis 3 does not exist in input with 3 axes"),
        (layers.BatchNormalization(axis=0), (4, 2), "is the batch"),
        (layers.BatchNormalization(), (4, None), "must have a fixed length"),
        (layers.LayerNormalization(axis=(1, -2)), (4, 2), "twice"),
        (layers.GroupNormalization(4), (6, 6), "set groups to one of 1, 2, 3, 6"),
        (layers.GroupNormalization(), (28, 28, 3), "3 channels can't be cut into 32 equal groups"),
        (layers.UnitNormalization(axis=2), (4,), "axis 2 does not exist"),
        (layers.SpectralNormalization(layers.Flatten()), (4, 2), "Flatten has no kernel"),
        (layers.PReLU(shared_axes=(3,)), (4, 2), "axis 3 does not exist"),
        (layers.PReLU(), (None, 2), "must have a fixed length"),
        (layers.Softmax(axis=0), (4,), "is the batch"),
        (layers.Rescaling((1.0, 2.0)), (4, 3), "scale has 2 numbers"),
        (layers.Rescaling(1.0, offset=(1.0, 2.0)), (4, 3), "offset has 2 numbers"),
        (layers.Normalization(mean=(1.0, 2.0), variance=(1.0, 1.0)), (4, 3), "shape \\(2,\\)"),
        (layers.Normalization(), (None,), "must have a fixed length"),
        (layers.Normalization(axis=0), (3,), "is the batch"),
        (layers.Input((3, 2)), (3, 3), "states rows of shape \\(3, 2\\), but the data have \\(3, 3\\)"),
    ],
    ids=repr,
)
def test_shapes_that_do_not_fit(layer: Layer, shape: tuple[int | None, ...], says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        layer.output_shape(shape)
        layer.param_specs(shape)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"Dropout": {"rate": 1.5}}, "rate must be a number >= 0 and <= 1, got 1.5"),
        ({"Dropout": {}}, "Dropout needs rate"),
        ({"AlphaDropout": {"rate": 1.0}}, "rate must be a number >= 0 and < 1"),
        ({"GaussianNoise": {"stddev": 2}}, "stddev must be a number >= 0 and <= 1"),
        ({"Reshape": {"target_shape": [-1, -1]}}, "only one axis may be -1"),
        ({"Reshape": {"target_shape": [0, 2]}}, "length 0"),
        ({"Permute": {"dims": [1, 3]}}, "each of 1 to 2 once"),
        ({"RepeatVector": {"n": 0}}, "n must be a whole number > 0"),
        ({"Cropping2D": {"cropping": [1, 2, 3]}}, "cropping must be"),
        ({"ZeroPadding1D": {"padding": -1}}, "padding must be"),
        ({"GroupNormalization": {"groups": 0}}, "groups must be positive, or -1"),
        ({"GroupNormalization": {"groups": -2}}, "groups must be a whole number >= -1"),
        ({"BatchNormalization": {"renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}}, "rmin 2 must not exceed rmax 1"),
        ({"BatchNormalization": {"renorm_clipping": {"dmax": -1.0}}}, "dmax must not be negative"),
        ({"BatchNormalization": {"renorm_clipping": {"max": 1.0}}}, "rmin, rmax or dmax"),
        ({"BatchNormalization": {"epsilon": -1}}, "epsilon must be"),
        ({"Normalization": {"mean": 1.0}}, "give variance too"),
        ({"Normalization": {"variance": 1.0}}, "give mean too"),
        ({"Normalization": {"mean": [1.0], "variance": 1.0}}, "must be alike"),
        ({"Normalization": {"mean": [[1.0]], "variance": [[1.0]]}}, "mean has 2 axes, more than the 1 of axis"),
        ({"Normalization": {"mean": ["a"], "variance": [1.0]}}, "numbers only"),
        ({"Normalization": {"mean": 1.0, "variance": -1.0}}, "must not be negative"),
        ({"SpectralNormalization": {"layer": "Dens"}}, "did you mean Dense"),
        ({"ReLU": {"max_value": -1.0}}, "max_value must be"),
        ({"Flatten": {"data_format": "channels_frist"}}, "did you mean channels_first"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        get(Layer, spec)


def test_masks_that_do_not_fit_are_refused() -> None:
    for layer, shape in ((layers.Softmax(), (5,)), (layers.BatchNormalization(), (5,))):
        _, context = built(layer, shape)
        context.mask = np.ones((4, 3), bool)
        with pytest.raises(ShapeError, match="mask"):
            layer.forward(np.ones((4, 5)), context)


def test_every_layer_is_exported() -> None:
    names = {cls.__name__ for cls in components("layer") if cls.__module__.startswith("seqnet.")}
    assert names <= set(layers.__all__)
    assert layers.__all__ == sorted(layers.__all__)


def test_every_option_has_a_help_text() -> None:
    for name in layers.__all__:
        cls = getattr(layers, name)
        if isinstance(cls, type) and issubclass(cls, Layer):
            assert all(option.help for option in options_of(cls).values()), name
