"""Which axes a layer works on: Keras counts them with the batch, from either end."""

from __future__ import annotations

from collections.abc import Sequence

from seqnet.arrays import Shape
from seqnet.errors import ShapeError
from seqnet.layers.base import show_shape


def row_axes(axis: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Axes as a person gives them (batch 0, or from the end) -> sorted axes of an array with rows of `shape`.

    Raises ShapeError for an axis that does not exist, comes twice, or is the batch.
    """
    rank = len(shape) + 1
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    found = set()
    for one in given:
        if not -rank <= one < rank:
            raise ShapeError(
                f"axis {one} does not exist in input with {rank} axes, the batch counted; use -1 for the last"
            )
        if one % rank == 0:
            raise ShapeError(f"axis {one} is the batch; name an axis of the rows {show_shape(shape)}: 1 to {rank - 1}")
        found.add(one % rank)
    if len(found) < len(given):
        raise ShapeError(f"axis {list(given)} names an axis of the rows {show_shape(shape)} twice")
    return tuple(sorted(found))


def known_lengths(axes: Sequence[int], shape: Shape) -> tuple[int, ...]:
    """The lengths of these axes (of an array with rows of `shape`). Raises ShapeError where one is not fixed."""
    lengths = tuple(shape[axis - 1] for axis in axes)
    if None in lengths:
        raise ShapeError(
            f"axis {axes[lengths.index(None)]} must have a fixed length to size the weights, got rows of "
            f"{show_shape(shape)}"
        )
    return tuple(length or 0 for length in lengths)


def beside(axes: Sequence[int], lengths: Sequence[int], rank: int) -> tuple[int, ...]:
    """The shape in which weights of these lengths broadcast against an array with `rank` axes."""
    shape = [1] * rank
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    return tuple(shape)
