"""Blocks that keep a stack one readable list: a shortcut around layers, and layers repeated."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import ComponentOf, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.layers.base import Context, Layer, layer, show_shape
from seqnet.layers.convolution import Conv1D, Conv2D, Conv3D
from seqnet.layers.core import Dense, Input
from seqnet.layers.fusing import ends_with_its_own, fused, makes_its_own
from seqnet.layers.inner import flops_of, mask_after, run, run_all, run_all_back, run_back
from seqnet.registry import snake_case

LayerList = Annotated[list[Layer], Tuple(ComponentOf(Layer), minimum=1, mutable=True)]
CONVOLUTIONS: dict[int, type[Layer]] = {2: Conv1D, 3: Conv2D, 4: Conv3D}
PROBE = 5040  # a length that many strides divide


class Block(Layer):
    """A layer that runs a list of layers."""

    @property
    def sequence(self) -> Sequence[Layer]:
        """The layers inside, in the order in which they run; the first of `children`."""
        raise NotImplementedError

    def run_as(self, layers: Sequence[Layer]) -> Self:
        """The same block, same variables, with other layers of the same effect in the places of its own."""
        other = copy.copy(self)
        other._run(layers)
        return other

    def _run(self, layers: Sequence[Layer]) -> None:
        self._running, _ = fused(layers)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for index, inner in enumerate(values["layers"]):
            what = f"entry {index + 1} of layers, {inner.spec_name},"
            if isinstance(inner, Input) or inner.adapts:
                yield "layers", f"{what} must stand in the model's own list, before the {cls.spec_name}"
            elif inner.makes_mask:
                yield "layers", f"{what} makes a mask, so it must stand before the {cls.spec_name}"
            elif any(inner is other for other in values["layers"][:index]):
                yield "layers", f"{what} is there twice; make a layer for each place"

    def adopt(self, inner: Sequence[Layer]) -> None:
        """Take over what follows from the layers inside."""
        self.supports_masking = True
        self.couples_rows = any(one.couples_rows for one in inner)
        self.differs_in_training = any(one.differs_in_training for one in inner)


@layer()
class Residual(Block):
    """y = activation(f(x) + s(x)), f the layers one after the other, s the shortcut around them.

    x: (N, ...) -> y: the shape of f(x). shortcut: identity is s(x) = x, which asks f to keep the shape; projection is
    a convolution of size 1 with f's strides where x has positions (and rows more than two axes, or f shortens them),
    else a Dense over the last axis. Weights: those of the layers, then the projection's.

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, 2015, arXiv:1512.03385.
    """

    activation_is_last = True

    layers: LayerList = option("the layers that the shortcut goes around", example=[{"Dense": {"units": 64}}])
    shortcut: Literal["identity", "projection"] = option(
        "what is added: x itself, or x brought to the shape of what the layers give", default="identity"
    )
    activation: Activation = option("applied to the sum", default="linear")

    def setup(self) -> None:
        self.adopt(self.layers)
        self._run(self.layers)
        self._projections: dict[Shape, Layer] = {}

    @property
    def sequence(self) -> Sequence[Layer]:
        return self.layers

    def output_shape(self, in_shape: Shape) -> Shape:
        *_, out_shape = _shapes(self.layers, in_shape)
        if self.shortcut == "identity" and out_shape != in_shape:
            raise ShapeError(
                f"the layers inside make {show_shape(out_shape)} of {show_shape(in_shape)}, which can't be added to "
                "the input; use shortcut: projection"
            )
        if self.shortcut == "projection":
            self._projection(in_shape)
        return self.activation.output_shape(out_shape)

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        inner = list(zip(self.layers, _shapes(self.layers, in_shape)[:-1], strict=True))
        return [*inner, (self._projection(in_shape), in_shape)] if self.shortcut == "projection" else inner

    def flops(self, in_shape: Shape) -> int:
        *_, out_shape = _shapes(self.layers, in_shape)
        return flops_of(self.children(in_shape)) + math.prod(n or 1 for n in out_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        inner, _, caches = run_all(self._running, x, ctx, ctx.mask)
        around, projected = x, None
        if self.shortcut == "projection":
            around, _, projected = run(self._projection(x.shape[1:]), x, ctx, len(self.layers), ctx.mask)
        z = np.add(inner, around, out=inner if ends_with_its_own(self._running) else None)
        y, activated = self.activation.forward(z, out=z)
        return y, (caches, projected, activated, x.shape[1:])

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        caches, projected, activated, in_shape = cache
        dz = self.activation.backward(dy, activated)
        around: Array | None = dz
        if self.shortcut == "projection":
            projection = self._projection(in_shape)
            around = run_back(projection, dz, projected, ctx, len(self.layers), need_dx=need_dx)
        dx = run_all_back(self._running, dz, caches, ctx, need_dx=need_dx)
        if dx is None or around is None or not need_dx:
            return None
        return np.add(dx, around, out=dx if makes_its_own(self._running[0]) else None)

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        """Keras's Add: a step is real where one of the summands says so, and unknown where one says nothing."""
        inner = mask_after(self.layers, x, mask)
        around = mask
        if self.shortcut == "projection":
            around = mask_after([self._projection(x.shape[1:])], x, mask)
        return None if inner is None or around is None or inner.shape != around.shape else inner | around

    def _projection(self, in_shape: Shape) -> Layer:
        """The layer of the shortcut, for rows of this shape; the same one at every call."""
        if in_shape not in self._projections:
            self._projections[in_shape] = self._made_projection(in_shape)
        return self._projections[in_shape]

    def _made_projection(self, in_shape: Shape) -> Layer:
        *_, out_shape = _shapes(self.layers, in_shape)
        if len(out_shape) != len(in_shape) or not in_shape or out_shape[-1] is None:
            raise ShapeError(
                f"the layers inside make {show_shape(out_shape)} of {show_shape(in_shape)}; a projection keeps the "
                "number of axes"
            )
        positions, reached = in_shape[:-1], out_shape[:-1]
        if len(in_shape) not in CONVOLUTIONS or (len(in_shape) == 2 and positions == reached):
            if positions != reached:
                raise ShapeError(
                    f"the layers inside make {show_shape(out_shape)} of {show_shape(in_shape)}; a projection of such "
                    "rows changes the last axis alone"
                )
            return Dense(out_shape[-1], name="projection")
        strides = self._strides(in_shape, reached)
        for length, stride, want in zip(positions, strides, reached, strict=True):
            if length is not None and -(-length // stride) != want:
                raise ShapeError(
                    f"the layers inside make {show_shape(out_shape)} of {show_shape(in_shape)}; no stride makes {want} "
                    f"positions of {length} as they do: use padding: same inside"
                )
        convolution = CONVOLUTIONS[len(in_shape)]
        return convolution(out_shape[-1], 1, strides=list(strides), padding="same", name="projection")

    def _strides(self, in_shape: Shape, reached: Shape) -> tuple[int, ...]:
        """The strides of the layers inside, all taken together."""
        try:
            far = _shapes(self.layers, (*(PROBE for _ in reached), in_shape[-1]))[-1][:-1]
        except ShapeError:  # they fit this input alone
            far = reached
            return tuple(-(-(n or 1) // (m or 1)) for n, m in zip(in_shape, far, strict=False))
        return tuple(max(1, round(PROBE / (m or PROBE))) for m in far)


@layer()
class Repeat(Block):
    """The layers, `times` times one after the other, each time with weights of their own.

    x: (N, ...) -> y: the shape that comes out in the end. `copies` holds the layers as they run.
    """

    times: PositiveInt = option("how often", example=3)
    layers: LayerList = option("what is repeated", example=[{"Dense": {"units": 64, "activation": "relu"}}])

    def setup(self) -> None:
        self.adopt(self.layers)
        self.takes_integers = self.layers[0].takes_integers
        self.copies = [type(one).from_config(one.get_config()) for _ in range(self.times) for one in self.layers]
        self._run(self.copies)

    @property
    def sequence(self) -> Sequence[Layer]:
        return self.copies

    def output_shape(self, in_shape: Shape) -> Shape:
        return _shapes(self.copies, in_shape)[-1]

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return list(zip(self.copies, _shapes(self.copies, in_shape)[:-1], strict=True))

    def flops(self, in_shape: Shape) -> int:
        return flops_of(self.children(in_shape))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y, _, caches = run_all(self._running, x, ctx, ctx.mask)
        return y, caches

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return run_all_back(self._running, dy, cache, ctx, need_dx=need_dx)

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask_after(self.copies, x, mask)


def _shapes(layers: Sequence[Layer], in_shape: Shape) -> list[Shape]:
    """The shape before each layer, and the one behind the last. Raises ShapeError that names the layer inside."""
    shapes = [tuple(in_shape)]
    for index, inner in enumerate(layers):
        try:
            shapes.append(inner.output_shape(shapes[-1]))
            inner.param_specs(shapes[-2])
        except ShapeError as error:
            name = inner.name or snake_case(inner.spec_name)
            raise ShapeError(f"layer {index} inside ({name}, {inner.spec_name}): {error}") from error
    return shapes
