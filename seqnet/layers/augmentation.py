"""What the layers share that change pictures at random, in training alone, each row by draws of its own.

The draws belong to the row's place in the run (ctx.uniform), so that a seed gives the same pictures whatever the
number of workers, and after a resume. As in Keras, pixels are floats here: bytes that come in are cast before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Either, Number, Tuple
from seqnet.errors import ShapeError
from seqnet.layers.base import Context, Layer, show_shape
from seqnet.layers.spatial import DataFormat, from_last, split_shape, to_last

SEED_HELP = "mixed into the run's random numbers: with the run's seed the same, another seed draws other changes"
RANGE_HELP = "the least and the greatest value of a pixel"


def _factor(low: float, high: float) -> Either:
    number = Number(ge=low, le=high)
    return Either((number, Tuple(number, length=2)))


# A number f, which stands for a range, or the range itself as a pair.
Signed = Annotated[float | tuple[float, float], _factor(-1, 1)]
Unsigned = Annotated[float | tuple[float, float], _factor(0, 1)]
ValueRange = Annotated[tuple[float, float], Tuple(Number(), length=2)]


def interval(factor: float | tuple[float, float], least: float = -1.0) -> tuple[float, float]:
    """The range that an option stands for: f means from -|f|, or `least` where that is more, to |f|."""
    if isinstance(factor, tuple):
        low, high = sorted(factor)
        return low, high
    return max(-abs(factor), least), abs(factor)


def between(uniform: Array, bounds: tuple[float, float]) -> Array:
    """Draws from [0, 1) spread over a range."""
    return bounds[0] + uniform * (bounds[1] - bounds[0])


class Augmentation(Layer):
    """y = x at inference; in training what `change` makes of it, images (N, H, W, C)."""

    differs_in_training = True
    # The channels that the layer works on, where it cannot take any number.
    channels: ClassVar[tuple[int, ...]] = ()

    seed: int | None = None
    data_format: DataFormat = None

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        given = values.get("value_range")
        if given is not None and given[0] == given[1]:
            yield "value_range", f"value_range holds {given[0]:g} twice: give the least and the greatest value"

    def setup(self) -> None:
        if "value_range" in self.__dict__:
            self.__dict__["value_range"] = tuple(sorted(self.__dict__["value_range"]))

    def output_shape(self, in_shape: Shape) -> Shape:
        _, channels = split_shape(in_shape, 2, self.data_format)
        if self.channels and channels not in self.channels:
            wanted = " or ".join(str(n) for n in self.channels)
            raise ShapeError(
                f"needs images with {wanted} channels (red, green, blue), got {show_shape(in_shape)}; "
                "for grey ones leave the layer out"
            )
        return in_shape

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        """y, and what change_back needs, never None. Never writes into x."""
        raise NotImplementedError

    def change_back(self, dy: Array, cache: Cache) -> Array:
        """d loss / d x. Never writes into dy."""
        raise NotImplementedError

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training:
            return x, None
        y, cache = self.change(to_last(x, self.data_format), ctx)
        return from_last(y, self.data_format), cache

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if cache is None or not need_dx:
            return dy if need_dx else None
        return from_last(self.change_back(to_last(dy, self.data_format), cache), self.data_format)

    def draw(self, x: Array, ctx: Context, count: int = 1) -> Array:
        """(count, N) numbers in [0, 1)."""
        return ctx.uniform(len(x), count, self.seed)


def chosen(draws: Array, factor: float | tuple[float, float]) -> Array:
    """Which images are changed, (N,), from draws (2, N): those with a probability that is itself drawn from a range."""
    probability = between(draws[0], interval(factor, 0.0))
    return np.asarray(draws[1] < probability)
