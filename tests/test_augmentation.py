"""The random image layers: Keras's pictures for Keras's draws, and draws that belong to the rows alone.

Expected pictures come from Keras 3.15 (tests/reference/make_augmentation.py), with the same numbers drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.kernels import warp
from seqnet.kernels.draws import Draws
from seqnet.layers import Dense, Flatten, Layer, RandomCrop, RandomErasing
from seqnet.layers.base import Context, Grads, Worker
from seqnet.losses import MeanSquaredError
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from tests.cases_augmentation import CASES
from tests.reference import load_reference

# Of 255: Keras computes in float32 too, in another order.
TOLERANCE = 2e-6
KEY = np.array([3, 4], np.uint64)


class Told(Context):
    """A context whose draws are given."""

    def __init__(self, draws: Array | None) -> None:
        super().__init__({}, Grads({}), Worker(np.random.default_rng(0)))
        self.told = draws
        self.training = True

    def uniform(self, rows: int, count: int, seed: int | None) -> Array:
        assert self.told is not None and self.told.shape == (count, rows)
        return self.told


def reference(case: str) -> dict[str, Array]:
    stored = load_reference("augmentation")
    return {key.removeprefix(f"{case}/"): value for key, value in stored.items() if key.startswith(f"{case}/")}


def made(row: dict[str, Any]) -> Layer:
    return get(Layer, {row["layer"]: row["options"]})


@pytest.mark.parametrize("case", CASES)
def test_pictures_are_keras(case: str) -> None:
    expected = reference(case)
    layer, draws = made(CASES[case]), expected.get("draws")
    if case == "zoom" or case == "zoom_nearest":  # Keras draws no second factor
        draws = np.stack([draws[0], draws[0]]) if draws is not None else None
    y, _ = layer.forward(expected["x"], Told(draws))
    scale = max(float(np.abs(expected["y"]).max()), 1.0)
    assert y.dtype == np.float32 and y.shape == expected["y"].shape
    wrong = np.abs(y - expected["y"]) > TOLERANCE * scale
    if case == "equalization_bins":  # a table entry of 42.5 is rounded to even here; JAX's division gives 42.500004
        assert wrong.mean() < 0.02 and np.abs(y - expected["y"]).max() == 1.0
        return
    assert not wrong.any(), np.abs(y - expected["y"]).max()


@pytest.mark.parametrize(("case", "size"), [("resized", (4, 4)), ("resized_larger", (8, 10))])
def test_crop_at_inference_is_the_largest_window_resized(case: str, size: tuple[int, int]) -> None:
    """What Keras's documentation of RandomCrop says, which its smart_resize does."""
    expected = reference(case)
    layer = RandomCrop(*size)
    context = Told(None)
    for training in (False, True) if case == "resized_larger" else (False,):
        context.training = training
        y, _ = layer.forward(expected["x"], context)
        np.testing.assert_allclose(y, expected["y"], rtol=0, atol=255 * TOLERANCE)


# -- the draws --------------------------------------------------------------------------------------------------------


def distance(sample: Array) -> float:
    """Kolmogorov and Smirnov's distance of a sample from the uniform distribution, times √n."""
    n, ordered = sample.size, np.sort(sample, axis=None)
    steps = np.arange(n + 1) / n
    return max(float((steps[1:] - ordered).max()), float((ordered - steps[:-1]).max())) * math.sqrt(n)


def test_draws_are_uniform_and_independent() -> None:
    """1.95 is passed once in a thousand times (Kolmogorov's distribution); the seed is fixed."""
    draws = Draws(KEY)
    table = []
    for step in range(200):
        draws.batch = step
        table.append(draws.uniform(2, None, 0, 64, 3))
    sample = np.stack(table)  # (steps, 3, rows)
    assert distance(sample) < 1.95
    for one in (sample[:, 0], sample[:, 2], sample[:, :, 5], sample[7]):
        assert distance(one) < 1.95
    # Neighbours in any direction have nothing to do with each other: r √n is normal.
    for a, b in (
        (sample[1:], sample[:-1]),
        (sample[:, 1:], sample[:, :-1]),
        (sample[..., 1:], sample[..., :-1]),
    ):
        r = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(r) * math.sqrt(a.size) < 3.3


def test_other_place_other_draws() -> None:
    draws = Draws(KEY)
    found = [draws.uniform(layer, seed, 0, 8, 2) for layer in (0, 1) for seed in (None, 0, 7)]
    draws.batch = 1
    found.append(draws.uniform(0, None, 0, 8, 2))
    found.append(Draws(KEY + np.uint64(1)).uniform(0, None, 0, 8, 2))
    assert len({array.tobytes() for array in found}) == len(found)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_draws_belong_to_rows(count: int) -> None:
    draws = Draws(KEY)
    whole = draws.uniform(1, 3, 0, 20, count)
    assert whole.shape == (count, 20)
    parts = [draws.uniform(1, 3, first, rows, count) for first, rows in ((0, 1), (1, 12), (13, 7))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    streams = {draws.of_row(1, 3, row).random() for row in range(20)}
    assert len(streams) == 20 and not streams & set(whole.ravel())


def test_noise_of_erased_boxes_is_normal() -> None:
    """Normal noise times 255, clipped to 0 to 255: half is 0, and 15.87 % (the normal distribution beyond 1) is 255."""
    layer = RandomErasing(factor=(1.0, 1.0), scale=(0.9, 1.0))
    context = Context({}, Grads({}), Worker(np.random.default_rng(0), draws=Draws(KEY)))
    context.training = True
    y, boxes = layer.forward(np.full((64, 32, 32, 1), -1, np.float32), context)
    filled = y[y != -1]
    assert len(boxes) == 64 and filled.size > 50_000
    error = 3.3 / math.sqrt(filled.size)
    assert (filled == 0).mean() == pytest.approx(0.5, abs=error / 2)
    assert (filled == 255).mean() == pytest.approx(0.158655, abs=error / 2)
    # the mean of max(0, min(1, z)): φ(0) - φ(1) + 1 - Φ(1)
    assert filled.mean() / 255 == pytest.approx(0.398942 - 0.241971 + 0.158655, abs=error)


def test_fill_values_of_channels() -> None:
    layer = RandomErasing(factor=(1.0, 1.0), scale=0.9, fill_value=(1, 2, 3))
    context = Told(np.full((6, 2), 0.5))
    y, _ = layer.forward(np.full((2, 4, 4, 3), 9, np.float32), context)
    # a side of √0.45 of 4 pixels, 2.68, from (4 - 2.68) / 2 = 0.66: pixels 1 to 3
    np.testing.assert_array_equal(
        y[:, 1:, 1:] if y[0, 3, 3, 0] != 9 else y[:, 1:4, 1:4], np.full((2, 3, 3, 3), [1, 2, 3])
    )
    assert (y == 9).sum() == 2 * 3 * (16 - 9)


# -- in the engine ----------------------------------------------------------------------------------------------------

RANDOM = [
    {"RandomFlip": {}},
    {"RandomRotation": {"factor": 0.2}},
    {"RandomErasing": {}},
    {"RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2, "seed": 5}},
    {"RandomBrightness": {"factor": 0.2}},
    {"TimeDistributed": {"layer": {"RandomFlip": {"mode": "horizontal"}}}},
]


def network_of(item: dict[str, Any], dtype: str = "float32") -> Network:
    shape = (2, 8, 8, 3) if "TimeDistributed" in item else (8, 8, 3)
    layers = [get(Layer, item), Flatten(), Dense(2, dtype=dtype)]
    return Network(layers, shape, seed=4)


def pictures_seen(item: dict[str, Any], threads: int, piece: int, steps: int = 2) -> Array:
    """The input of Dense in every step, whatever the shards: its kernel's gradient for one row after the other."""
    network = network_of(item)
    engine = Engine(network, MeanSquaredError(), threads=threads)
    engine.piece = engine.inference_piece = piece
    x = np.random.default_rng(1).uniform(0, 255, (14, *network.input_shape)).astype(np.float32)
    seen = []
    for layers in (engine.plain.layers[:1],):
        for _ in range(steps):
            engine.draws.batch += 1
            parts = []
            shards = engine._shards_for(len(x))
            for index in range(len(shards)):
                start, stop = len(x) * index // len(shards), len(x) * (index + 1) // len(shards)
                for first in range(start, stop, piece or len(x)):
                    shards[index].worker.first, shards[index].worker.rows = first, len(x)
                    rows = slice(first, min(first + (piece or len(x)), stop))
                    parts.append(shards[index].forward(layers, x[rows], training=True, keep=False).y)
            seen.append(np.concatenate(parts))
    engine.close()
    return np.stack(seen)


@pytest.mark.parametrize("item", RANDOM, ids=[next(iter(item)) for item in RANDOM])
def test_same_pictures_however_the_batch_is_cut(item: dict[str, Any]) -> None:
    whole = pictures_seen(item, 1, 0)
    assert not np.array_equal(whole[0], whole[1])
    for threads, piece in ((1, 3), (2, 0), (3, 2)):
        np.testing.assert_array_equal(pictures_seen(item, threads, piece), whole)


def test_same_predictions_in_training_whatever_the_threads() -> None:
    """Through the public way: a model called with training=True draws by rows as well."""
    x = np.random.default_rng(1).uniform(0, 255, (40, 8, 8, 3)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        engine = Engine(network_of(RANDOM[1]), threads=threads)
        found.append([engine.predict(x, training=True) for _ in range(2)])
        engine.close()
    assert not np.array_equal(found[0][0], found[0][1])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-5, atol=1e-4)


# -- the maps ---------------------------------------------------------------------------------------------------------

MAPS = st.lists(st.floats(-40, 40, width=32), min_size=6, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(MAPS, min_size=3, max_size=3),
    mode=st.sampled_from(["reflect", "wrap", "constant", "nearest"]),
    interpolation=st.sampled_from(["bilinear", "nearest"]),
    scale=st.sampled_from([0.05, 1.0, 5e3]),
)
def test_maps_are_linear_and_backward_is_their_transpose(
    numbers: list[list[float]], mode: Any, interpolation: Any, scale: float
) -> None:
    """<A x, dy> = <x, Aᵀ dy>, wherever a map may look, and however far away."""
    maps, rng = np.array(numbers) * scale, np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 3, 5, 4, 2))
    places = warp.affine_places(maps, x.shape, x.dtype, mode, interpolation)
    y, dx = warp.look_up(x, places), warp.look_up_backward(dy, places)
    assert np.abs(y).max() <= np.abs(x).max() * (1 + 1e-9)  # weights are shares
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, dx), rel=1e-9, abs=1e-9)
    if mode != "constant":  # a picture of one colour stays what it is
        np.testing.assert_allclose(warp.look_up(np.ones_like(x), places), 1, rtol=1e-12)
    # Each picture for itself: what the others are has no say in it.
    alone = warp.affine_places(maps[1:2], (1, 5, 4, 2), x.dtype, mode, interpolation)
    np.testing.assert_array_equal(warp.look_up(x[1:2], alone), y[1:2])


@pytest.mark.parametrize("mode", ["reflect", "wrap", "constant", "nearest"])
def test_maps_that_do_nothing(mode: Any) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3)).astype(np.float32)
    zero, one = np.zeros(2), np.ones(2)
    none = (warp.rotation(zero, 5, 4), warp.zoom(one, one, 5, 4), warp.translation(zero, zero), warp.shear(zero, zero))
    for maps in none:
        places = warp.affine_places(maps, x.shape, x.dtype, mode, "bilinear")
        np.testing.assert_allclose(warp.look_up(x, places, 9.0), x, rtol=1e-6, atol=1e-6)


def test_directions() -> None:
    """A quarter turn counter-clockwise, half the size, and one pixel down and two to the right, by hand."""
    x = np.arange(9.0).reshape(1, 3, 3, 1)

    def seen(maps: Array) -> list[list[float]]:
        places = warp.affine_places(maps, x.shape, x.dtype, "constant", "nearest")
        return np.asarray(warp.look_up(x, places, -1.0)[0, :, :, 0]).tolist()

    assert seen(warp.rotation(np.array([np.pi / 2]), 3, 3)) == np.rot90(x[0, :, :, 0]).tolist()
    assert seen(warp.zoom(np.array([2.0]), np.array([2.0]), 3, 3)) == [[-1, -1, -1], [-1, 4, -1], [-1, -1, -1]]
    assert seen(warp.translation(np.array([2.0]), np.array([1.0]))) == [[-1, -1, -1], [-1, -1, 0], [-1, -1, 3]]
