"""What layers over one to three spatial axes share: channel order, lengths of outputs, and how they refuse."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.errors import ShapeError
from seqnet.kernels.windows import Windows, triple
from seqnet.layers.base import require_rank, show_shape

DataFormat = Literal["channels_last", "channels_first"] | None
Padding = Literal["valid", "same"]
Lengths = tuple[int | None, ...]

DATA_FORMAT_HELP = "channels_last: (N, …, C), the default; channels_first: (N, C, …)"
AXES = {1: "time", 2: "height, width", 3: "depth, height, width"}


def split_shape(in_shape: Shape, rank: int, data_format: str | None) -> tuple[Lengths, int | None]:
    """The spatial lengths and the channels of one row. Raises ShapeError when the row has another rank."""
    first = data_format == "channels_first"
    axes = f"channels, {AXES[rank]}" if first else f"{AXES[rank]}, channels"
    hint = ""
    if len(in_shape) == rank and None not in in_shape:
        target = [1, *in_shape] if first else [*in_shape, 1]
        hint = f"for one channel, put Reshape: {{target_shape: {target}}} before it"
    require_rank(in_shape, rank + 1, axes, hint=hint)
    return (in_shape[1:], in_shape[0]) if first else (in_shape[:-1], in_shape[-1])


def require_channels(in_shape: Shape, channels: int | None) -> int:
    """The channels, which size the kernel. Raises ShapeError when they are not fixed."""
    if channels is None:
        raise ShapeError(f"the channel axis must be fixed to size the kernel, got {show_shape(in_shape)}")
    return channels


def join_shape(lengths: Lengths, channels: int | None, data_format: str | None) -> Shape:
    """The inverse of split_shape."""
    return (channels, *lengths) if data_format == "channels_first" else (*lengths, channels)


def to_last(x: Array, data_format: str | None) -> Array:
    """x with its channels last, contiguous; the array itself where it is that already."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1) if data_format == "channels_first" else x)


def from_last(y: Array, data_format: str | None) -> Array:
    """A channels-last array in the layer's own order, contiguous."""
    return np.ascontiguousarray(view_last(y, data_format))


def view_last(y: Array, data_format: str | None) -> Array:
    """As from_last, without a copy: channels first are a view, which to_last undoes at no cost."""
    return np.moveaxis(y, -1, 1) if data_format == "channels_first" else y


def by(lengths: Lengths) -> str:
    """(5, 5) -> "5×5"."""
    return "×".join("?" if n is None else str(n) for n in lengths)


def output_lengths(
    lengths: Lengths,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
    what: str,
) -> Lengths:
    """How many windows of `size` fit along each axis. Raises ShapeError when none does; `what` names the option."""
    out: list[int | None] = []
    fits = True
    for n, k, s, d in zip(lengths, size, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        if n is None:
            out.append(None)
        elif padding == "valid":
            fits = fits and n >= reach
            out.append((n - reach) // s + 1)
        else:
            fits = fits and n > 0
            out.append(-(-n // s))
    if not fits:
        raise ShapeError(_does_not_fit(lengths, size, dilation, what))
    return tuple(out)


def _does_not_fit(lengths: Lengths, size: tuple[int, ...], dilation: tuple[int, ...], what: str) -> str:
    name = what.split("_")[0]
    given = f"the {by(lengths)} input" if len(lengths) > 1 else f"an input of {by(lengths)} steps"
    if max(dilation) == 1:
        window = f"{name} {by(size)}" if len(size) > 1 else f"a {name} of {by(size)}"
        return f"{window} does not fit {given}: lower {what} or use padding: same"
    span = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    window = f"{name} {by(size)}" if len(size) > 1 else f"a {name} of {by(size)}"
    return (
        f"{window} with dilation_rate {by(dilation)} spans {by(span)}, which does not fit {given}: "
        f"lower {what} or dilation_rate, or use padding: same"
    )


@lru_cache(maxsize=256)
def windows_of(
    lengths: tuple[int, ...],
    size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
    what: str,
) -> Windows:
    """The windows over an image of known size, along three axes. Raises ShapeError when none fits.

    Padding "same" puts half of what the last window lacks in front, rounded down; "causal" puts all of it there.
    """
    out = output_lengths(lengths, size, strides, dilation, padding, what)
    before = []
    for n, o, k, s, d in zip(lengths, out, size, strides, dilation, strict=True):
        assert o is not None
        lack = max(0, (o - 1) * s + (k - 1) * d + 1 - n)
        before.append({"valid": 0, "same": lack // 2, "causal": (k - 1) * d}[padding])
    counts = tuple(o or 0 for o in out)
    return Windows(
        triple(lengths), triple(counts), triple(size), triple(strides), triple(dilation), triple(tuple(before), 0)
    )
