"""The rule of the range test on curves whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from seqnet.training.range_test import RangeTest, suggest, two_digits

Loss = Callable[[float, np.random.Generator], float]


def swept(loss: Loss, start: float = 1e-6, end: float = 10.0, steps: int = 200, seed: int = 0) -> RangeTest:
    """A test whose batches have the losses that a function of the rate gives."""
    test, rng = RangeTest(start, end, steps), np.random.default_rng(seed)
    for number in range(steps):
        test.add(loss(start * (end / start) ** (number / (steps - 1)), rng))
        if test.over:
            break
    return test


def valley(bottom: float, noise: float = 0.0, level: float = 2.0, depth: float = 1.0) -> Loss:
    """Flat, then falling to its lowest at `bottom`, then rising without end."""

    def loss(rate: float, rng: np.random.Generator) -> float:
        away = math.log10(rate / bottom)
        value = level - depth * math.exp(-((away / 1.0) ** 2)) if away < 0 else level - depth + 6 * depth * away**2
        return value + noise * float(rng.normal())

    return loss


def test_rates_rise_exponentially() -> None:
    test = swept(lambda rate, rng: 1.0, 1e-4, 1.0, 21)
    np.testing.assert_allclose(test.rates, np.geomspace(1e-4, 1.0, 21), rtol=1e-12)
    assert test.over and test.stopped is None


def test_smoothing_has_no_pull_to_zero() -> None:
    """The bias-corrected average of equal losses is that loss from the first one on; by hand for two different ones."""
    assert swept(lambda rate, rng: 3.0).smoothed == pytest.approx([3.0] * 200)
    test = RangeTest(1e-3, 1.0, 100)
    test.add(1.0)
    test.add(2.0)
    keep = 0.95
    assert test.smoothed == pytest.approx([1.0, ((1 - keep) * keep * 1.0 + (1 - keep) * 2.0) / (1 - keep**2)])


@pytest.mark.parametrize("bottom", [1e-3, 1e-2, 0.1, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("steps", [100, 200, 1000])
def test_a_tenth_of_the_minimum(bottom: float, noise: float, steps: int) -> None:
    found = suggest(swept(valley(bottom, noise), steps=steps))
    assert found.rate is not None and found.lowest is not None and found.steepest is not None
    assert found.rate == two_digits(found.lowest / 10)
    assert bottom / 30 < found.rate < bottom / 2  # the average lags behind, by much less than the ten
    assert found.steepest < found.lowest


def test_steepest_is_where_the_loss_falls_fastest() -> None:
    """A straight fall over one decade of the rate, from 0.01 to 0.1."""

    def loss(rate: float, rng: np.random.Generator) -> float:
        return 2.0 - min(max(math.log10(rate / 0.01), 0.0), 1.0) + max(10 * math.log10(rate), 0.0)

    found = suggest(swept(loss, steps=1000))
    assert found.steepest == pytest.approx(0.1, rel=0.2)  # the average falls fastest at the end of the slope


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, -5.0])
def test_size_and_sign_of_the_loss_do_not_matter(scale: float, shift: float) -> None:
    """Losses below 0, as of a cosine similarity, neither explode at once nor hide the minimum."""
    plain = suggest(swept(valley(0.01), steps=300))
    moved = suggest(swept(lambda rate, rng: scale * (valley(0.01)(rate, rng) + shift), steps=300))
    assert (moved.rate, moved.steepest) == (plain.rate, plain.steepest)


def test_a_loss_that_explodes_ends_the_test() -> None:
    test = swept(lambda rate, rng: 1.0 if rate < 0.01 else 1000.0)
    assert test.stopped == "exploded" and test.rates[-1] == pytest.approx(0.01, rel=0.5)
    assert all(loss == 1.0 for loss in test.losses[:-1])


def test_a_bad_first_batch_is_no_explosion() -> None:
    """Nor is a first batch far below the others."""
    for first in (100.0, 0.001):
        test = RangeTest(1e-6, 10.0, 200)
        for number in range(100):
            test.add(first if number == 0 else 2.0)
        assert test.stopped is None


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_test(lost: float) -> None:
    test = swept(lambda rate, rng: valley(0.1)(rate, rng) if rate < 0.2 else lost)
    assert test.stopped == "not finite" and all(map(math.isfinite, test.losses))
    rate = suggest(test).rate
    assert rate is not None and 0.005 < rate <= 0.02


NONE: dict[str, tuple[Loss, str]] = {
    "flat": (lambda rate, rng: 2.0, "fell at no rate"),
    "noise": (lambda rate, rng: 2.0 + 0.1 * float(rng.normal()), "fell at no rate"),
    "rising": (lambda rate, rng: 1.0 + rate**2 * 1e6, "begin lower, with --start"),
    "lost at once": (lambda rate, rng: math.nan if rate > 2e-6 else 1.0, "lost within"),
    "minimum at the start": (valley(5e-6), "begin lower, with --start"),
}


@pytest.mark.parametrize("name", NONE)
def test_no_suggestion(name: str) -> None:
    loss, says = NONE[name]
    for seed in range(5):
        found = suggest(swept(loss, seed=seed))
        assert found.rate is None and found.steepest is None and says in found.remark


def test_still_falling() -> None:
    found = suggest(swept(lambda rate, rng: 2.0 - rate / 10))
    assert found.rate == 1.0 and "higher --end" in found.remark
