"""Running the layers inside a layer, as the engine runs those of the stack: masks, and penalties on outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.initializers import Initializer
from seqnet.layers.base import Context, Layer
from seqnet.registry import snake_case


def run(inner: Layer, x: Array, ctx: Context, index: int, mask: Array | None) -> tuple[Array, Array | None, Cache]:
    """y, the mask beside it, and what run_back needs; `index` is the layer's place in `children`."""
    y, cache = inner.forward(x, ctx.child(index, mask))
    if mask is not None or inner.makes_mask:
        mask = inner.output_mask(x, mask)
    penalty = inner.output_penalty()
    if penalty is None:
        return y, mask, (cache, None)
    ctx.worker.penalty += penalty(y) / ctx.rows
    return y, mask, (cache, y)


def run_back(inner: Layer, dy: Array, cache: Cache, ctx: Context, index: int, *, need_dx: bool = True) -> Array | None:
    """d loss / d x of `run`, or None where it is not needed."""
    cache, y = cache
    penalty = inner.output_penalty()
    if penalty is not None:
        slope = np.zeros_like(dy)
        penalty.add_gradient(y, slope)
        slope /= ctx.rows
        slope += dy
        dy = slope
    return inner.backward(dy, cache, ctx.children[index], need_dx=need_dx)


def run_all(
    layers: Sequence[Layer], x: Array, ctx: Context, mask: Array | None, first: int = 0
) -> tuple[Array, Array | None, list[Cache]]:
    """One layer after the other; `first` is the place of layers[0] in `children`."""
    caches = []
    for index, inner in enumerate(layers):
        x, mask, cache = run(inner, x, ctx, first + index, mask)
        caches.append(cache)
    return x, mask, caches


def run_all_back(
    layers: Sequence[Layer], dy: Array, caches: list[Cache], ctx: Context, first: int = 0, *, need_dx: bool = True
) -> Array | None:
    """d loss / d x of `run_all`; empties `caches` on the way, which frees their memory early."""
    dx: Array | None = dy
    for index in range(len(layers) - 1, -1, -1):
        assert dx is not None
        dx = run_back(layers[index], dx, caches.pop(), ctx, first + index, need_dx=need_dx or index > 0)
    return dx


def mask_after(layers: Sequence[Layer], x: Array, mask: Array | None) -> Array | None:
    """The mask behind layers of which none makes one from its input."""
    for inner in layers:
        mask = None if mask is None else inner.output_mask(x, mask)
    return mask


def names_of(layers: Sequence[Layer]) -> list[str]:
    """A name for each layer inside a layer, no two alike: its own, else its type, numbered from the second on."""
    names: list[str] = []
    for inner in layers:
        usual = inner.name or snake_case(inner.spec_name)
        numbered = (f"{usual}_{i}" for i in range(1, len(layers) + 1))
        names.append(usual if usual not in names else next(name for name in numbered if name not in names))
    return names


def flops_of(children: Sequence[tuple[Layer, Shape]]) -> int:
    """Those of the layers inside, together."""
    return sum(inner.flops(shape) for inner, shape in children)


def with_axes(initializer: Initializer, into: tuple[int, ...], out: tuple[int, ...]) -> Initializer:
    """The initializer, told which axes of a kernel count as inputs and outputs, where that matters to it."""
    if getattr(initializer, "input_axes", ()) is None or getattr(initializer, "output_axes", ()) is None:
        return initializer.replace(input_axes=into, output_axes=out)
    return initializer
