"""Data made from a formula and a seed: small problems whose answer can be seen, for examples, tests and teaching.

A fifth of the samples, stratified, is the test part. The same options give the same data.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from seqnet.checkers import NonNegativeFloat, NonNegativeInt, Number
from seqnet.datasets.base import Data, Dataset, Split
from seqnet.datasets.labels import Array
from seqnet.datasets.splits import split_rows
from seqnet.declare import option
from seqnet.registry import register

TEST_SHARE = 0.2

ClassCount = Annotated[int, Number(whole=True, ge=2)]


class Generated(Dataset):
    """Base of the sets made from a formula."""

    licence = "none needed: generated"
    origin = "made by seqnet from a formula, its options and its seed"
    rows = "800 train + 200 test, or as `samples` says"
    bundled = True
    feature_names: tuple[str, ...] = ("x1", "x2")

    samples: Annotated[int, Number(whole=True, ge=10, le=10_000_000)] = option(
        "number of rows, a fifth of them test rows", default=1000
    )
    noise: NonNegativeFloat = option("standard deviation of the noise added to each coordinate", default=0.1)
    seed: NonNegativeInt = option("seed of the random numbers", default=0)

    @classmethod
    def presence(cls) -> tuple[str, int]:
        return "generated", 0

    def load(self) -> Data:
        """Make the data: x (N, features) float32, y (N,) int64 labels or float32 targets."""
        rng = np.random.default_rng(self.seed)
        x, y = self.points(rng)
        order = rng.permutation(self.samples)
        x = x[order].astype(np.float32)
        y = y[order].astype(np.int64 if self.task == "classification" else np.float32)
        train, test = split_rows(self.samples, TEST_SHARE, rng, y if self.task == "classification" else None)
        return Data(
            name=self.spec_name,
            train=Split(x[train], y[train]),
            test=Split(x[test], y[test]),
            task=self.task,
            class_names=self.names(),
            feature_names=self.feature_names,
        )

    @abstractmethod
    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """x (samples, features) and y (samples,), in any order."""

    @abstractmethod
    def names(self) -> tuple[str, ...] | None:
        """The class names."""

    def labels(self, classes: int) -> Array:
        """Labels (samples,), as many of each class as of any other, give or take one."""
        return np.arange(self.samples) % classes

    def blur(self, x: Array, rng: np.random.Generator) -> Array:
        """x with normal noise of the standard deviation `noise`."""
        return np.asarray(x + self.noise * rng.standard_normal(x.shape))


@register(name="xor")
class Xor(Generated):
    """label = a xor b at the four corners (a, b) of the unit square, blurred by noise.

    x (N, 2), y (N,) in 0 … 1. No straight line parts the classes, so one Dense layer fails; `noise: 0` leaves the
    four points of the textbook.
    """

    title = "Exclusive or: the smallest problem that needs a hidden layer"
    task = "classification"

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        corner = self.labels(4)
        a, b = corner // 2, corner % 2
        return self.blur(np.stack([a, b], axis=1), rng), a ^ b

    def names(self) -> tuple[str, ...]:
        return ("equal", "different")


@register(name="moons")
class Moons(Generated):
    """Two half circles of radius 1 that reach into each other: (cos t, sin t) and (1 - cos t, 1/2 - sin t).

    x (N, 2), y (N,) in 0 … 1, t uniform in 0 … pi.
    """

    title = "Two moons: interleaved half circles"
    task = "classification"

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        y = self.labels(2)
        t = math.pi * rng.random(self.samples)
        upper = np.stack([np.cos(t), np.sin(t)], axis=1)
        lower = np.stack([1.0 - np.cos(t), 0.5 - np.sin(t)], axis=1)
        return self.blur(np.where(y[:, None] == 0, upper, lower), rng), y

    def names(self) -> tuple[str, ...]:
        return ("upper", "lower")


@register(name="circles")
class Circles(Generated):
    """A circle of radius 1 (class 0) around one of radius `factor` (class 1).

    x (N, 2), y (N,) in 0 … 1, angles uniform.
    """

    title = "Two circles, one inside the other"
    task = "classification"

    factor: Annotated[float, Number(gt=0, lt=1)] = option(
        "radius of the inner circle, as a share of the outer", default=0.5
    )

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        y = self.labels(2)
        t = 2.0 * math.pi * rng.random(self.samples)
        radius = np.where(y == 0, 1.0, self.factor)
        return self.blur(radius[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1), rng), y

    def names(self) -> tuple[str, ...]:
        return ("outer", "inner")


@register(name="spirals")
class Spirals(Generated):
    """Arms that wind around the origin: r (cos a, sin a) with a = 2 pi (turns r + k / classes), r uniform in 0.05 … 1.

    x (N, 2), y (N,) in 0 … classes - 1. Harder than it looks: a network needs some width and patience.
    """

    title = "Spirals: interleaved arms"
    task = "classification"

    noise: NonNegativeFloat = option("standard deviation of the noise added to each coordinate", default=0.02)
    classes: ClassCount = option("number of arms", default=2)
    turns: Annotated[float, Number(gt=0)] = option("how often an arm goes round", default=1.5)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from _enough_rows(values)

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        y = self.labels(self.classes)
        r = 0.05 + 0.95 * rng.random(self.samples)
        angle = 2.0 * math.pi * (self.turns * r + y / self.classes)
        return self.blur(r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), rng), y

    def names(self) -> tuple[str, ...]:
        return tuple(f"arm {k}" for k in range(self.classes))


@register(name="blobs")
class Blobs(Generated):
    """Normal clouds of standard deviation `noise` around centres in the cube -5 … 5.

    x (N, features), y (N,) in 0 … classes - 1. Each centre is the one of 20 random places that is farthest from the
    centres before it, so that few clouds overlap.
    """

    title = "Blobs: one normal cloud a class"
    task = "classification"

    noise: NonNegativeFloat = option("standard deviation of a cloud in each coordinate", default=1.0)
    classes: ClassCount = option("number of clouds", default=3)
    features: Annotated[int, Number(whole=True, ge=1)] = option("number of coordinates", default=2)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from _enough_rows(values)

    def setup(self) -> None:
        self.feature_names = tuple(f"x{i + 1}" for i in range(self.features))

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        y = self.labels(self.classes)
        centres = rng.uniform(-5.0, 5.0, (1, self.features))
        while len(centres) < self.classes:
            places = rng.uniform(-5.0, 5.0, (20, self.features))
            distances = np.linalg.norm(places[:, None] - centres[None], axis=2).min(axis=1)
            centres = np.concatenate([centres, places[distances.argmax()][None]])
        return self.blur(centres[y], rng), y

    def names(self) -> tuple[str, ...]:
        return tuple(f"blob {k}" for k in range(self.classes))


@register(name="sine")
class Sine(Generated):
    """y = sin(x) + noise, x uniform in -pi … pi.

    x (N, 1), y (N,) float32.
    """

    title = "A sine wave with noise: the smallest regression"
    task = "regression"
    feature_names = ("x",)

    noise: NonNegativeFloat = option("standard deviation of the noise added to y", default=0.1)

    def points(self, rng: np.random.Generator) -> tuple[Array, Array]:
        x = rng.uniform(-math.pi, math.pi, (self.samples, 1))
        return x, self.blur(np.sin(x[:, 0]), rng)

    def names(self) -> None:
        return None


def _enough_rows(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    least = 5 * values["classes"]
    if values["samples"] < least:
        yield "samples", f"samples must be at least {least}, five for each of {values['classes']} classes"
