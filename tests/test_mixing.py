"""MixUp and CutMix: Keras's batches for Keras's draws, their distribution, and what losses and metrics make of them.

Expected batches come from Keras 3.15 (tests/reference/make_augmentation.py), with the same numbers drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import Sequential, layers, losses
from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import DataError, SpecError, UsageError
from seqnet.kernels.mixing import blend
from seqnet.losses import Loss
from seqnet.network.network import Network
from seqnet.registry import components
from seqnet.training.feed import Rows
from seqnet.training.mixing import CutMix, Mixer, Mixing, MixUp
from seqnet.training.trainer import FitOptions
from tests.cases_augmentation import MIXES
from tests.reference import load_reference

RNG = np.random.default_rng


class Told:
    """In a generator's place: gives the numbers that Keras drew."""

    def __init__(self, stored: dict[str, Array]) -> None:
        self.stored = stored
        self.asked: list[tuple[Any, ...]] = []

    def permutation(self, count: int) -> Array:
        return self.stored["order"]

    def beta(self, a: float, b: float, count: int) -> Array:
        self.asked.append((a, b, count))
        return self.stored["weights"]

    def uniform(self, low: float, high: float) -> float:
        self.asked.append((low, high))
        return 0.5

    def random(self, shape: Any) -> Array:
        return self.stored["draws"]


@pytest.mark.parametrize("case", MIXES)
def test_batches_are_keras(case: str) -> None:
    stored = {k.split("/")[1]: v for k, v in load_reference("augmentation").items() if k.startswith(f"{case}/")}
    mixer, told = get(Mixer, {MIXES[case]["layer"]: MIXES[case]["options"]}), Told(stored)
    x, order, kept = mixer.mix(stored["x"], told)  # type: ignore[arg-type]
    np.testing.assert_allclose(x, stored["y"], rtol=0, atol=1e-4)  # of 255
    np.testing.assert_allclose(blend(stored["labels"], order, kept), stored["mixed"], rtol=0, atol=1e-6)
    if case == "mixup":
        assert told.asked == [(0.2, 0.2, len(x))]
    if case == "cutmix_some":
        assert told.asked[0] == (0.2, 0.5)


def test_every_mixer_is_compared_with_keras() -> None:
    assert {cls.spec_name for cls in components("mixer")} == {row["layer"] for row in MIXES.values()}


def test_kept_shares_have_the_beta_distribution() -> None:
    """Beta(α, α): mean 1/2, variance 1 / (4 (2 α + 1)); and uniform for α = 1, by Kolmogorov and Smirnov's distance."""
    x = np.zeros((20_000, 1), np.float32)
    for alpha in (0.2, 1.0, 3.0):
        _, order, kept = MixUp(alpha=alpha).mix(x, RNG(3))
        assert sorted(order.tolist()) == list(range(len(x)))
        assert kept.mean() == pytest.approx(0.5, abs=0.01)
        assert kept.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
        if alpha == 1.0:
            steps = np.arange(1, len(x) + 1) / len(x)
            assert np.abs(np.sort(kept) - steps).max() * np.sqrt(len(x)) < 1.95


def test_boxes_lie_within_the_picture_and_count_by_their_area() -> None:
    x = np.arange(400, dtype=np.float32).reshape(400, 1, 1, 1) + np.zeros((1, 20, 30, 1), np.float32)
    y, order, kept = CutMix().mix(x, RNG(5))
    own = (y == x).mean(axis=(1, 2, 3))
    moved = order != np.arange(400)
    assert ((y == x) | (y == x[order])).all()
    # whole pixels against the exact area: up to a row and a column of them
    assert np.abs(own - kept)[moved].max() < 1 / 20 + 1 / 30
    assert np.abs(own - kept)[moved].mean() < 0.02
    flat, _, again = CutMix().mix(x[..., 0], RNG(5))
    np.testing.assert_array_equal(flat, y[..., 0])
    first, _, _ = CutMix(data_format="channels_first").mix(np.moveaxis(x, -1, 1), RNG(5))
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), y)


# -- targets ----------------------------------------------------------------------------------------------------------


def mixing(loss: Any, *given: Any, units: int = 3, row: tuple[int, ...] = (4,)) -> Mixing:
    network = Network([layers.Flatten(), layers.Dense(units)], row, seed=2)
    return Mixing([get(Mixer, one) for one in given or ("MixUp",)], network, losses.get(loss))


def test_integer_labels_become_shares() -> None:
    x, y, weight = RNG(0).random((50, 4), np.float32), RNG(1).integers(0, 3, 50), RNG(2).random(50)
    it = mixing("sparse_categorical_crossentropy")
    batch = it.batch(x, y, weight, 7)
    assert batch.y.shape == (50, 3) and batch.y.dtype == np.float32
    np.testing.assert_allclose(batch.y.sum(axis=1), 1, rtol=1e-6)
    assert batch.labels is not None and batch.weight is not None
    shares = batch.y[np.arange(50), batch.labels]
    assert (shares >= 0.5 - 1e-6).all() and (shares < 1).any()
    column = it.batch(x, y[:, None], weight, 7)
    np.testing.assert_array_equal(column.y, batch.y)
    for again, other in ((it.batch(x, y, weight, 7), False), (it.batch(x, y, weight, 8), True)):
        assert np.array_equal(again.x, batch.x) is not other
    seeded = mixing("sparse_categorical_crossentropy", {"MixUp": {"seed": 1}}).batch(x, y, weight, 7)
    assert not np.array_equal(seeded.x, batch.x)


def test_the_loss_of_shares_is_the_mixture_of_losses() -> None:
    """-Σ t log p is linear in t: w CE(y1) + (1 - w) CE(y2)."""
    p = RNG(0).dirichlet(np.ones(5), 20)
    one, two, w = RNG(1).integers(0, 5, 20), RNG(2).integers(0, 5, 20), RNG(3).random(20)
    shares = w[:, None] * np.eye(5)[one] + (1 - w)[:, None] * np.eye(5)[two]
    for options in ({}, {"from_logits": True}, {"reduction": "sum"}):
        sparse = losses.SparseCategoricalCrossentropy(**options)
        soft = sparse.soft_form()
        assert soft is not None and soft.name == sparse.name and soft.reduction == sparse.reduction
        want = w * sparse.values(one, p) + (1 - w) * sparse.values(two, p)
        np.testing.assert_allclose(soft.values(shares, p), want, rtol=1e-6)


def test_targets_that_are_numbers_are_mixed_as_they_are() -> None:
    x, y = RNG(0).random((20, 4), np.float32), RNG(1).random((20, 1))
    batch = mixing("mse", units=1).batch(x, y, None, 1)
    assert batch.labels is None and batch.weight is None
    # the same shares: the inputs say what they were
    slope, _, rank, _ = np.linalg.lstsq(np.c_[x, np.ones(20)], y, rcond=None)
    assert rank == 5
    together = mixing("mse", units=1).batch(np.c_[x[:, :3], y].astype(np.float32), y, None, 1)
    np.testing.assert_allclose(together.x[:, 3:], together.y, rtol=1e-5)


def test_metrics_count_the_larger_share() -> None:
    """A model that has learnt everything is right about most rows of mixed batches, and about all others."""
    x = np.repeat(np.eye(3, dtype=np.float32) * 20, 40, axis=0)
    y = np.repeat(np.arange(3), 40)
    model = Sequential([layers.Input((3,)), layers.Dense(3, activation="softmax", use_bias=False)], seed=1)
    model.set_weights([np.eye(3, dtype=np.float32)])
    model.compile({"SGD": {"learning_rate": 0.0}}, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=1, batch_size=40, verbose=0, augment={"MixUp": {"alpha": 1.0}})
    assert history.history["accuracy"][0] == 1.0
    assert history.history["loss"][0] > 1.0  # of shares; unmixed rows have almost none
    assert model.evaluate(x, y, verbose=0)[0] < 1e-6
    plain = model.fit(x, y, epochs=1, batch_size=40, verbose=0)
    assert plain.history["loss"][0] < 1e-6


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "crossentropy", "kl_divergence", "mse"])
def test_losses_of_rows_take_mixtures(loss: str) -> None:
    x, y = RNG(0).random((40, 4), np.float32), np.eye(3, dtype=np.float32)[RNG(1).integers(0, 3, 40)]
    model = Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")], seed=1)
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(x, y, verbose=0, augment=["MixUp", MixUp(alpha=0.5)])
    assert np.isfinite(history.history["loss"][0])


@pytest.mark.parametrize("threads", [1, 2])
def test_binary_labels(threads: int) -> None:
    x, y = RNG(0).random((64, 4), np.float32), RNG(1).integers(0, 2, 64)
    model = Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")], seed=1)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], threads=threads)
    assert model.fit(x, y, verbose=0, augment="MixUp").history["accuracy"][0] > 0


def test_batches_that_are_fed_are_mixed_too() -> None:
    x, y = RNG(0).random((32, 4), np.float32), RNG(1).integers(0, 3, 32)
    found = []
    for source in ((x, y), ([(x[:16], y[:16]), (x[16:], y[16:])],)):
        model = Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")], seed=1)
        model.compile("sgd", "sparse_categorical_crossentropy")
        given: Any = source if len(source) == 2 else (iter(source[0]),)
        model.fit(*given, batch_size=16 if len(source) == 2 else None, shuffle=False, verbose=0, augment="MixUp")
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(*found)


# -- what can't be mixed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "given", "row", "message"),
    [
        ("sparse_categorical_crossentropy", "CutMix", (4,), "CutMix cuts boxes out of pictures.*use MixUp"),
        ("hinge", "MixUp", (4,), "MixUp mixes targets, and hinge takes no mixtures.*sparse_categorical_crossentropy"),
        ("ctc", "MixUp", (4,), "ctc takes no mixtures"),
        ({"SparseCategoricalCrossentropy": {"ignore_class": 0}}, "MixUp", (4,), "without ignore_class"),
    ],
)
def test_what_cannot_be_mixed_is_refused(loss: Any, given: str, row: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mixing(loss, given, row=row)


def test_every_loss_says_whether_it_takes_mixtures() -> None:
    """Class losses without a form for shares: those that compare labels with each other, or want -1 and 1."""
    refused = {c.spec_name for c in components("loss") if c.__module__.startswith("seqnet.") and _soft(c) is None}
    assert refused == {
        "Circle",
        "CTC",
        "CategoricalGeneralizedCrossEntropy",
        "CategoricalHinge",
        "Hinge",
        "SquaredHinge",
    }


def _soft(cls: Any) -> Loss | None:
    made: Loss = cls()
    return made.soft_form()


def test_labels_outside_the_classes_are_named() -> None:
    it = mixing("sparse_categorical_crossentropy")
    with pytest.raises(DataError, match="there is a label 3, but the model tells 3 classes apart"):
        it.batch(np.zeros((2, 4), np.float32), np.array([0, 3]), None, 0)


def test_tokens_are_refused() -> None:
    network = Network([layers.Embedding(9, 2), layers.Flatten(), layers.Dense(3)], (5,), seed=2)
    with pytest.raises(UsageError, match="MixUp averages inputs, and these are whole numbers"):
        Mixing([MixUp()], network, losses.get("sparse_categorical_crossentropy"))


def test_a_layer_is_no_mixer_and_a_mixer_no_layer() -> None:
    with pytest.raises(SpecError, match="RandomFlip is a layer; its place is model"):
        get(Mixer, "RandomFlip")
    with pytest.raises(SpecError, match=r"MixUp is a mixer; its place is training: \{augment: \[MixUp\]\}"):
        get(layers.Layer, "MixUp")


def test_nothing_is_done_where_nothing_is_asked() -> None:
    x, y = np.zeros((3, 4), np.uint8), np.zeros(3, np.int64)
    network = Network([layers.Dense(3)], (4,), seed=2)
    loss = losses.get("hinge")
    it = Mixing((), network, loss)
    batch = it.batch(x, y, None, 3)
    assert batch.x is x and batch.y is y and batch.labels is None and it.loss is loss
    assert FitOptions().augment == () and len(Rows(x, y)) == 3
