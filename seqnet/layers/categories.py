"""Layers that turn numbers and categories into bins and vectors: by range, by hash, by their own value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import Either, Number, Plain, PositiveInt
from seqnet.datasets.labels import is_text
from seqnet.declare import option
from seqnet.errors import CheckpointError, DataError, UsageError
from seqnet.layers.base import Tally, layer
from seqnet.layers.lookup import SALT_HELP, Salt, hash_under
from seqnet.layers.preparing import (
    MODE_HELP,
    SPARSE,
    SPARSE_HELP,
    Mode,
    Preparing,
    as_array,
    encoded,
    encoded_shape,
    texts_of,
)
from seqnet.layers.vocabulary import out_of_bins

VALUES_AT_ONCE = 1 << 26  # numbers that Discretization sorts together; of longer arrays it merges summaries
MaskValue = Annotated[Any, Either((Number(whole=True), Plain(str, "a text", "string")))]


@layer()
class CategoryEncoding(Preparing):
    """y = whole numbers from 0 to num_tokens - 1 as vectors.

    x: (N,) or (N, k) -> y: (N, num_tokens); one_hot of several numbers a row: (N, k, num_tokens).

    Raises DataError for a number out of range; Keras's JAX and TensorFlow backends leave it out without a word.
    """

    num_tokens: PositiveInt | None = option(
        "how many categories there are: the largest number plus 1", default=None, example=10
    )
    output_mode: Literal["one_hot", "multi_hot", "count"] = option(
        "one_hot: a vector for each number; multi_hot: one vector for all of a row, 1 where a number occurs; count: "
        "how often it occurs",
        default="multi_hot",
    )
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["num_tokens"] is None:
            yield "num_tokens", "num_tokens is needed: how many categories there are; IntegerLookup learns it from data"
        if values["sparse"]:
            yield "sparse", SPARSE

    def output_shape(self, in_shape: Shape) -> Shape:
        return encoded_shape(in_shape, self.output_mode, self._depth)

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        if x.dtype.kind not in "biuf":
            raise DataError(f"CategoryEncoding takes whole numbers, got {x.dtype}; for texts use StringLookup")
        numbers = x.astype(np.int64)
        bad = (numbers < 0) | (numbers >= self._depth)
        if bad.any():
            place = np.argwhere(bad)[0]
            raise DataError(
                f"{self.name or self.spec_name} takes whole numbers from 0 to {self._depth - 1}, but row {place[0]} of "
                f"the batch holds {x[tuple(place)]:g}; raise num_tokens, or let IntegerLookup number the values"
            )
        return encoded(numbers, self.output_mode, self._depth)

    @property
    def _depth(self) -> int:
        assert self.num_tokens is not None  # or cross_check would have refused it
        return self.num_tokens


@layer()
class Hashing(Preparing):
    """y = hash(x) mod num_bins: categories as numbers without any vocabulary.

    x: (N, ...) texts or whole numbers, which count as their decimal digits -> y: (N, ...), or vectors as output_mode
    says. The hash is FarmHash's Fingerprint64, with salt SipHash-2-4: the same bins as Keras's, on every machine.
    With mask_value, bin 0 is for that value and the others share the rest.
    """

    takes_text = True

    num_bins: PositiveInt = option("how many bins there are, that of mask_value counted", example=1000)
    mask_value: MaskValue | None = option("the value that means nothing: it goes into bin 0", default=None)
    salt: Salt | None = option(SALT_HELP, default=None)
    output_mode: Mode = option(MODE_HELP, default="int")
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["sparse"]:
            yield "sparse", SPARSE

    def output_shape(self, in_shape: Shape) -> Shape:
        return encoded_shape(in_shape, self.output_mode, self.num_bins)

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        values: list[Any] = texts_of(x) if is_text(x) else x.reshape(-1).astype(np.int64, copy=False).tolist()
        masked = self.mask_value is not None and self.num_bins > 1
        bins = out_of_bins(values, self.num_bins - masked, hash_under(self.salt))
        if masked:
            bins = [0 if value == self.mask_value else found + 1 for value, found in zip(values, bins, strict=True)]
        return encoded(np.array(bins, np.int32).reshape(x.shape), self.output_mode, self.num_bins)


@layer()
class Discretization(Preparing):
    """y = the number of the range that x lies in: 0 below the first boundary, x on a boundary belongs above it.

    x: (N, ...) -> y: (N, ...), or vectors as output_mode says. The boundaries are given, or taken from data by `adapt`
    such that num_bins ranges hold about the same share of all values: training from a YAML file does that with the
    training rows.
    """

    adapts = True
    takes_integers = False

    bin_boundaries: tuple[float, ...] | None = option("where one range ends and the next begins, rising", default=None)
    num_bins: PositiveInt | None = option(
        "how many ranges to make of the training rows, instead", default=None, example=10
    )
    epsilon: Annotated[float, Number(gt=0, lt=1)] = option(
        "how exact the shares are: values are sampled such that each stands for this share", default=0.01
    )
    output_mode: Mode = option(MODE_HELP, default="int")
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)

    _taken: tuple[float, ...] | None = None  # boundaries from adapt

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        boundaries = values["bin_boundaries"]
        if (boundaries is None) == (values["num_bins"] is None):
            yield "num_bins", "give bin_boundaries, or num_bins to take them from the training rows"
        if boundaries is not None and any(a >= b for a, b in zip(boundaries, boundaries[1:], strict=False)):
            yield "bin_boundaries", "bin_boundaries must rise"
        if values["sparse"]:
            yield "sparse", SPARSE

    @property
    def adapted(self) -> bool:
        return self.bin_boundaries is not None or self._taken is not None

    def output_shape(self, in_shape: Shape) -> Shape:
        return encoded_shape(in_shape, self.output_mode, self._bins)

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        edges = self.bin_boundaries if self.bin_boundaries is not None else self._taken
        if edges is None:
            raise UsageError(
                f"{self.name or 'Discretization'} has no boundaries yet: call adapt(rows) on it with the training rows "
                "first, or give bin_boundaries"
            )
        if x.dtype.kind not in "biuf":
            raise DataError(f"Discretization takes numbers, got {x.dtype}")
        numbers = np.searchsorted(np.array(edges, np.float32), x.astype(np.float32, copy=False), side="right")
        return encoded(numbers.astype(np.int32), self.output_mode, self._bins)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the boundaries from data in one pass; what was adapted before is forgotten.

        data: an array (N, ...), or an iterable of such batches, whose summaries are merged; steps: of those, how many.
        Raises UsageError when the boundaries are given, DataError when there are no rows or they hold NaN.
        """
        if self.num_bins is None:
            raise UsageError(f"{self.name or self.spec_name} has bin_boundaries given: there is nothing to adapt")
        summary = np.zeros((2, 0), np.float32)
        for number, values in enumerate(_values_of(data)):
            if steps is not None and number >= steps:
                break
            if np.isnan(values).any():
                raise DataError("the data to adapt to hold NaN: remove or replace them first")
            summary = _merged(_summary(values, self.epsilon), summary, self.epsilon)
        if not summary.size:
            raise DataError("there are no rows to adapt to")
        edges = _compressed(summary, 1.0 / self.num_bins)[0, :-1]
        self._taken = tuple(float(edge) for edge in edges)

    def state(self) -> dict[str, Any] | None:
        return None if self._taken is None else {"bin_boundaries": list(self._taken)}

    def restore(self, state: Mapping[str, Any]) -> None:
        try:
            self._taken = tuple(float(edge) for edge in state["bin_boundaries"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the saved boundaries of {self.name} are damaged: {error}") from error

    @property
    def _bins(self) -> int:
        edges = self.bin_boundaries if self.bin_boundaries is not None else self._taken
        return len(edges) + 1 if edges is not None else self.num_bins or 1


def _values_of(data: Any) -> Iterator[Array]:
    """All numbers of an array at once where it is not too long, or of each batch, as float32."""
    written = isinstance(data, (list, tuple)) and not any(hasattr(item, "shape") for item in data)
    if written or (hasattr(data, "shape") and hasattr(data, "dtype")):
        rows = as_array(data) if written else data
        if not rows.shape:
            raise DataError("adapt needs rows, got a single value")
        step = max(1, VALUES_AT_ONCE // max(1, math.prod(rows.shape[1:])))
        batches: Any = (rows[start : start + step] for start in range(0, len(rows), step))
    else:
        batches = data
    for batch in batches:
        array = np.asarray(batch[0] if isinstance(batch, tuple) else batch)
        if array.dtype.kind not in "biuf":
            raise DataError(f"Discretization takes numbers, got {array.dtype}")
        yield array.astype(np.float32).reshape(-1)


def _summary(values: Array, epsilon: float) -> Array:
    """(2, S): values at equal shares of the sorted ones, and how many each stands for; Keras's `summarize`."""
    values = np.sort(values)
    step = max(values.size * epsilon, 1.0)
    samples = values[int(step - 1) :: int(step)]
    return np.stack([samples, np.full_like(samples, step)])


def _merged(first: Array, second: Array, epsilon: float) -> Array:
    """One summary of two."""
    both = np.concatenate((first, second), axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def _compressed(summary: Array, epsilon: float) -> Array:
    """A summary whose entries stand for the share epsilon each, by interpolation between those given."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    sums = summary[1].cumsum()
    values = np.interp(shares, sums / sums[-1], summary[0])
    reached = np.interp(shares, sums / sums[-1], sums)
    return np.stack((values, np.diff(reached, prepend=0.0))).astype(np.float32)
