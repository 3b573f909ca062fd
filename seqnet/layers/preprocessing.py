"""Layers that bring data into a range that trains well: by fixed numbers, or by statistics of the training rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import ANYTHING, Either, Number, Tuple
from seqnet.declare import option
from seqnet.errors import DataError, ShapeError, UsageError
from seqnet.initializers import Initializer, Ones, Zeros
from seqnet.kernels.columns import scale_and_shift
from seqnet.layers.axes import beside, known_lengths, row_axes
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape

EPSILON = 1e-7  # the smallest standard deviation that Normalization divides by, as in Keras
ROWS_AT_ONCE = 4096  # rows of an array whose statistics are taken together, to bound the memory that takes

# A number, or nested lists of numbers.
Numbers = Annotated[Any, Either((Number(), Tuple(ANYTHING)))]


@layer()
class Rescaling(Layer):
    """y = x scale + offset.

    x: (N, ...) -> y: (N, ...). scale and offset may be lists, one number for each channel (the last axis).
    """

    supports_masking = True

    scale: float | tuple[float, ...] = option("what to multiply by: 1/255 brings bytes into 0 to 1", example=1 / 255)
    offset: float | tuple[float, ...] = option("what to add afterwards", default=0.0)

    def output_shape(self, in_shape: Shape) -> Shape:
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(value, tuple) and (not in_shape or len(value) not in (1, in_shape[-1])):
                raise ShapeError(
                    f"{name} has {len(value)} numbers, but the last axis of rows {show_shape(in_shape)} has "
                    f"{in_shape[-1] if in_shape else 'none'}: give one number, or one for each channel"
                )
        return in_shape

    def flops(self, in_shape: Shape) -> int:
        return 2 * math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if isinstance(self.scale, tuple) or isinstance(self.offset, tuple):
            return _by_channel(x, self.scale, self.offset), None
        y: Array = x * self.scale
        if self.offset:
            y += self.offset
        return y, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        return _by_channel(dy, self.scale, 0.0) if isinstance(self.scale, tuple) else dy * self.scale


def _by_channel(x: Array, scale: float | tuple[float, ...], offset: float | tuple[float, ...]) -> Array:
    """x scale + offset, with a number for each index of the last axis."""
    channels = x.shape[-1]
    vectors = [np.broadcast_to(np.array(value, x.dtype), channels) for value in (scale, offset)]
    columns = np.ascontiguousarray(x).reshape(-1, channels)
    return scale_and_shift(columns, vectors[0], vectors[1] if offset else None).reshape(x.shape)


class _Stored(Initializer):
    """A variable that starts as statistics that were taken before it existed."""

    def __init__(self, value: Array) -> None:
        self.value = value

    def make(self, shape: Any, rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        if tuple(shape) != self.value.shape:
            raise ShapeError(
                f"adapt() saw data whose statistics have shape {show_shape(self.value.shape)}, but the layer is built "
                f"for {show_shape(tuple(shape))}: adapt it to the data it will get"
            )
        return self.value.astype(dtype)


@layer()
class Normalization(Layer):
    """y = (x - mean) / sqrt(variance), with statistics of the training rows; `invert` undoes it.

    x: (N, ...) -> y: (N, ...). Each index of `axis` has a mean and a variance of its own: [C] for the last axis, one
    of each for axis: null. They are given as options, or taken from data by `adapt`: training from a YAML file does
    that with the training rows. A standard deviation below 1e-7 counts as 1e-7.
    """

    supports_masking = True
    adapts = True

    axis: int | tuple[int, ...] | None = option(
        "axes that keep a statistic for each index, the batch counted as 0; null for one mean and one variance",
        default=-1,
    )
    mean: Numbers | None = option("the mean, where it is known: a number, or one for each index", default=None)
    variance: Numbers | None = option("the variance, where it is known; goes with mean", default=None)
    invert: bool = option("compute y = x sqrt(variance) + mean instead", default=False)

    _taken: tuple[Array, Array] | None = None  # mean and variance from adapt()

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        given = {name: values[name] for name in ("mean", "variance") if values[name] is not None}
        if len(given) == 1:
            (name,) = given
            other = "variance" if name == "mean" else "mean"
            yield name, f"mean and variance go together: give {other} too, or neither to take both from the data"
        if len(given) < 2:
            return
        arrays = {}
        for name, value in given.items():
            try:
                arrays[name] = np.array(value, np.float64)
            except (TypeError, ValueError):
                yield name, f"{name} must hold numbers only, in lists of equal lengths"
                return
        mean, variance = arrays["mean"], arrays["variance"]
        axes = 0 if values["axis"] is None else np.size(values["axis"])
        if mean.shape != variance.shape:
            yield "variance", f"mean has shape {mean.shape} and variance {variance.shape}; they must be alike"
        elif mean.ndim > axes:
            yield "mean", f"mean has {mean.ndim} axes, more than the {axes} of axis; give a number, or name the axes"
        elif (variance < 0).any():
            yield "variance", "variance must not be negative"

    def setup(self) -> None:
        for name in ("mean", "variance"):
            if isinstance(self.__dict__[name], (list, tuple, np.ndarray)):
                self.__dict__[name] = np.array(self.__dict__[name], np.float64).tolist()

    # -- the contract -----------------------------------------------------------------------------------------------

    def output_shape(self, in_shape: Shape) -> Shape:
        axes, lengths = self._kept(in_shape)
        if self.mean is not None:
            self._given(axes, lengths)
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        if self.mean is not None:
            return {}
        _, lengths = self._kept(in_shape)
        mean, variance = (Zeros(), Ones()) if self._taken is None else (_Stored(value) for value in self._taken)
        return {
            "mean": ParamSpec(lengths, mean, trainable=False),
            "variance": ParamSpec(lengths, variance, trainable=False),
            # Keras keeps this number, which is always 0, for the sake of its older files.
            "count": ParamSpec((), Zeros(), trainable=False),
        }

    def flops(self, in_shape: Shape) -> int:
        return 2 * math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        axes, lengths = self._kept(x.shape[1:])
        if self.mean is not None:
            mean, variance = self._given(axes, lengths)
        else:
            mean, variance = (ctx.params[name].astype(np.float64) for name in ("mean", "variance"))
        deviation = np.maximum(np.sqrt(variance), EPSILON)
        shape = beside(axes, lengths, x.ndim)
        mean = mean.reshape(shape)
        factor = (deviation if self.invert else 1.0 / deviation).reshape(shape).astype(x.dtype)
        if axes == (x.ndim - 1,):
            flat = mean.reshape(-1).astype(x.dtype)
            shift, centre = (flat, None) if self.invert else (None, flat)
            columns = np.ascontiguousarray(x).reshape(-1, lengths[0])
            return scale_and_shift(columns, factor.reshape(-1), shift, centre).reshape(x.shape), factor
        if self.invert:
            y = x * factor
            y += mean.astype(x.dtype)
        else:
            y = x - mean.astype(x.dtype)
            y *= factor
        return y, factor

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy * cache if need_dx else None

    # -- statistics -------------------------------------------------------------------------------------------------

    @property
    def adapted(self) -> bool:
        """Whether the statistics are known: given, taken from data, or loaded with the weights."""
        if self.mean is not None or self._taken is not None:
            return True
        if self.variables is None:
            return False
        return bool((self.variables["mean"] != 0).any() or (self.variables["variance"] != 1).any())

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data in one pass; what was adapted before is forgotten.

        data: an array (N, ...) as it reaches this layer, or an iterable of such batches (or of tuples that begin with
        one). Raises UsageError when the statistics are given as options, DataError when there are no rows or they
        hold NaN or infinity, ShapeError when they do not fit the layer.
        """
        if self.mean is not None:
            raise UsageError(
                f"{self.name or self.spec_name} has mean and variance as options: there is nothing to adapt"
            )
        moments = _Moments()
        for batch in _batches(data):
            axes, _ = self._kept(batch.shape[1:])
            moments.add(batch, axes)
        mean, variance = moments.result()
        if self.variables is not None and mean.shape != self.variables["mean"].shape:
            built = show_shape(self.variables["mean"].shape)
            raise ShapeError(
                f"{self.name} is built for statistics of shape {built}, but the data give {show_shape(mean.shape)}"
            )
        self._taken = (mean, variance)  # also for a network that is built from this layer later
        if self.variables is not None:
            self.variables["mean"][...] = mean
            self.variables["variance"][...] = variance

    def _kept(self, in_shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes that keep a statistic for each index, and their lengths."""
        axes = () if self.axis is None else row_axes(self.axis, in_shape)
        return axes, known_lengths(axes, in_shape)

    def _given(self, axes: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[Array, Array]:
        """The statistics of the options, one for each index. Raises ShapeError where they do not fit."""
        arrays = np.array(self.mean, np.float64), np.array(self.variance, np.float64)
        try:
            mean, variance = (np.broadcast_to(array, lengths) for array in arrays)
        except ValueError:
            raise ShapeError(
                f"mean and variance have shape {show_shape(arrays[0].shape)}, but axis {list(axes)} of the input has "
                f"{show_shape(lengths)}"
            ) from None
        return mean, variance


class _Moments:
    """Mean and variance of everything added, merged batch by batch (Chan, Golub, LeVeque 1983), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Array = np.zeros(())
        self.squares: Array = np.zeros(())  # Σ (x - mean)²

    def add(self, batch: Array, kept: tuple[int, ...]) -> None:
        reduced = tuple(axis for axis in range(batch.ndim) if axis not in kept)
        count = math.prod(batch.shape[axis] for axis in reduced)
        if not count:
            return
        if not np.isfinite(batch).all():
            raise DataError("the data to adapt to hold NaN or infinity: remove or replace them first")
        exact = batch.astype(np.float64)
        mean = exact.mean(axis=reduced, keepdims=True)
        exact -= mean
        squares = np.square(exact, out=exact).sum(axis=reduced)
        mean = mean.reshape(squares.shape)
        if self.count and mean.shape != self.mean.shape:
            raise ShapeError(
                f"a batch to adapt to has {show_shape(mean.shape)} features, earlier ones {self.mean.shape}"
            )
        gap = mean - self.mean
        total = self.count + count
        self.mean = self.mean + gap * (count / total)
        self.squares = self.squares + squares + gap * gap * (self.count * count / total)
        self.count = total

    def result(self) -> tuple[Array, Array]:
        if not self.count:
            raise DataError("there are no rows to adapt to")
        return self.mean, self.squares / self.count


def _batches(data: Any) -> Iterator[Array]:
    """An array in slices of rows, or the batches of an iterable, as arrays."""
    if isinstance(data, (list, tuple)) and not any(hasattr(item, "shape") or isinstance(item, tuple) for item in data):
        data = np.array(data, np.float64)  # rows written out as numbers
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        array = np.asarray(data)
        if not array.ndim:
            raise DataError("adapt needs rows, got a single number")
        yield from (array[start : start + ROWS_AT_ONCE] for start in range(0, len(array), ROWS_AT_ONCE))
        return
    if not isinstance(data, Iterable):
        raise DataError(f"adapt takes an array or an iterable of batches, got {type(data).__name__}")
    for batch in data:
        yield np.asarray(batch[0] if isinstance(batch, tuple) else batch)
