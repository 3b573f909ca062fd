"""A dense layer over whichever axes an equation names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import PositiveInt, ShapeOption
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape
from seqnet.layers.inner import with_axes
from seqnet.regularizers import Regularizer

FORMS = "ab,bc->ac, ...b,bc->...c or ab...,bc->ac..."


@dataclass(frozen=True)
class Equation:
    """The parts of "...ab,bc->...ac"; `elided` says on which side x and y have axes without a letter."""

    x: str
    kernel: str
    y: str
    elided: str  # "", "left" or "right"

    @classmethod
    def parse(cls, text: str) -> Equation | None:
        """The parts, or None where the text has not one of the three forms."""
        match = re.fullmatch(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?", text)
        if match is None:
            return None
        left, x, right, kernel, left_too, y, right_too = match.groups()
        if bool(left) != bool(left_too) or bool(right) != bool(right_too) or (left and right):
            return None
        if not left and len(x) < 2 and right:
            return None
        return cls(x, kernel, y, "left" if left else "right" if right else "")

    def problems(self) -> Iterator[str]:
        """Rules that the letters break."""
        for part in (self.x, self.kernel, self.y):
            if len(set(part)) < len(part):
                yield f"{part!r} has a letter twice"
        for letter in sorted(set(self.y) - set(self.x) - set(self.kernel)):
            yield f"{letter!r} of the output is neither in the input nor in the kernel"
        for letter in sorted(set(self.kernel) - set(self.x) - set(self.y)):
            yield f"{letter!r} of the kernel is neither in the input nor in the output"
        for letter in sorted(set(self.x) - set(self.kernel) - set(self.y)):
            yield f"{letter!r} of the input is neither in the kernel nor in the output"
        if not self.elided and self.x[0] != self.y[0]:
            yield f"the batch axis must stay first, but {self.x[0]!r} begins the input and {self.y[0]!r} the output"
        if not self.elided and self.x[0] in self.kernel:
            yield f"the batch axis {self.x[0]!r} can't be an axis of the kernel"


@layer()
class EinsumDense(Layer):
    """y = activation(einsum(equation, x, kernel) + bias).

    x: (N, ...) -> y: (N, *output_shape). The equation names the axes, the batch's first: "ab,bc->ac" is Dense;
    "abc,cde->abde" makes heads of features; with "...", further axes pass through. output_shape leaves the batch out,
    and the axes behind "..."; null in it takes over the input's length. bias_axes: the letters of the axes that the
    bias has; null for no bias.
    Backward: dkernel and dx are the einsum of the other two, dbias the sum of dy over the axes it lacks.
    """

    activation_is_last = True

    equation: str = option("how input and kernel make the output, as for einsum", example="abc,cd->abd")
    given_shape: PositiveInt | ShapeOption = option(
        "shape of the output, without batch and axes behind '...'", example=[None, 64], name="output_shape"
    )
    activation: Activation = option("applied to the output", default="linear")
    bias_axes: str | None = option("letters of the output's axes that the bias has; null for no bias", default=None)
    kernel_initializer: Initializer = option("how the kernel starts", default="glorot_uniform")
    bias_initializer: Initializer = option("how the bias starts", default="zeros")
    kernel_regularizer: Regularizer | None = option("penalty on the kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None)
    kernel_constraint: Constraint | None = option("applied to the kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        equation = Equation.parse(values["equation"])
        if equation is None:
            yield "equation", f"equation must look like {FORMS}, got {values['equation']!r}"
            return
        for problem in equation.problems():
            yield "equation", f"equation {values['equation']!r}: {problem}"
        named = len(equation.y) - (equation.elided != "left")
        given = len(_listed(values["output_shape"]))
        if given != named:
            yield (
                "output_shape",
                f"equation {values['equation']!r} names {named} axes of the output beside the batch, but output_shape "
                f"has {given}",
            )
        for letter in values["bias_axes"] or "":
            if letter not in equation.y:
                yield "bias_axes", f"{letter!r} of bias_axes is not an axis of the output {equation.y!r}"

    def setup(self) -> None:
        parsed = Equation.parse(self.equation)
        assert parsed is not None
        self.parts = parsed
        self.reached = _listed(self.given_shape)

    def output_shape(self, in_shape: Shape) -> Shape:
        return self.activation.output_shape(self._full(in_shape)[1:])

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        parts, full = self.parts, self._full(in_shape)
        lengths = self._lengths((None, *in_shape), parts.x) | self._lengths(full, parts.y)
        for letter in parts.kernel:
            if lengths[letter] is None:
                raise ShapeError(
                    f"axis {letter!r} of {self.equation!r} sizes the kernel, so it must be fixed, but rows are "
                    f"{show_shape(in_shape)} and output_shape is {list(self.reached)}"
                )
        shape = tuple(lengths[letter] or 0 for letter in parts.kernel)
        out = tuple(i for i, letter in enumerate(parts.kernel) if letter in parts.y)
        into = tuple(i for i in range(len(shape)) if i not in out)
        specs = {
            "kernel": ParamSpec(
                shape,
                with_axes(self.kernel_initializer, into, out),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        }
        if self.bias_axes:
            specs["bias"] = ParamSpec(
                self._bias_shape(full, in_shape),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        return specs

    def flops(self, in_shape: Shape) -> int:
        parts, full = self.parts, self._full(in_shape)
        lengths = self._lengths((None, *in_shape), parts.x) | self._lengths(full, parts.y)
        summed = math.prod(lengths[letter] or 1 for letter in parts.x if letter not in parts.y)
        return math.prod(n or 1 for n in full[1:]) * (2 * summed + bool(self.bias_axes))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        kernel, ways = ctx.params["kernel"], self._equations(x.ndim)
        z = np.ascontiguousarray(_product(ways[0], x, kernel))
        if self.bias_axes:
            z += ctx.params["bias"]
        y, cache = self.activation.forward(z, out=z)
        return y, (x, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, activated = cache
        dz = self.activation.backward(dy, activated)
        _, into_kernel, into_x = self._equations(x.ndim)
        if ctx.grads.wants("kernel"):
            ctx.grads.add("kernel", _product(into_kernel, x, dz))
        if self.bias_axes and ctx.grads.wants("bias"):
            shape = ctx.params["bias"].shape
            rest = dz.ndim - len(shape)
            axes = (*range(rest), *(rest + i for i, n in enumerate(shape) if n == 1))
            ctx.grads.add("bias", dz.sum(axis=axes).reshape(shape))
        return np.ascontiguousarray(_product(into_x, dz, ctx.params["kernel"])) if need_dx else None

    def _full(self, in_shape: Shape) -> Shape:
        """The output's shape with the batch axis, before the activation. Raises ShapeError."""
        parts, whole = self.parts, (None, *in_shape)
        extra = len(whole) - len(parts.x)
        if extra < 0 or (extra > 0 and not parts.elided) or (parts.elided == "left" and not extra):
            axes = len(parts.x) - (parts.elided != "left")
            least = "at least " if parts.elided else ""
            raise ShapeError(
                f"equation {self.equation!r} takes rows with {least}{axes} axes, got {show_shape(in_shape)}"
            )
        given: tuple[int | None, ...] = self.reached
        if parts.elided == "left":
            full = (*whole[:extra], *given)
        elif parts.elided == "right":
            full = (None, *given, *whole[len(whole) - extra :])
        else:
            full = (None, *given)
        from_x, lengths = self._lengths(whole, parts.x), self._lengths(full, parts.y)
        for letter, length in lengths.items():
            if letter in from_x and length is not None and length != from_x[letter]:
                raise ShapeError(
                    f"axis {letter!r} of {self.equation!r} is {from_x[letter]} long in the input, but {length} in "
                    f"output_shape {list(self.reached)}; write null there to take over the input's length"
                )
        start = extra if parts.elided == "left" else 0
        named = {start + i: letter for i, letter in enumerate(parts.y)}
        return tuple(from_x.get(named[i]) if n is None and i and i in named else n for i, n in enumerate(full))

    def _lengths(self, shape: Shape, letters: str) -> dict[str, int | None]:
        """The length of each named axis; shape with the batch axis."""
        start = len(shape) - len(letters) if self.parts.elided == "left" else 0
        return {letter: shape[start + i] for i, letter in enumerate(letters)}

    def _bias_shape(self, full: Shape, in_shape: Shape) -> tuple[int, ...]:
        """From the first axis of bias_axes on, 1 where the bias lacks an axis."""
        parts, axes = self.parts, self.bias_axes or ""
        lengths = self._lengths(full, parts.y)
        first = min(parts.y.find(letter) for letter in axes)
        shape = []
        for letter in parts.y[first:]:
            length = lengths[letter] if letter in axes else 1
            if length is None:
                raise ShapeError(
                    f"axis {letter!r} of {self.equation!r} sizes the bias, so it must be fixed, but rows are "
                    f"{show_shape(in_shape)} and output_shape is {list(self.reached)}"
                )
            shape.append(length)
        more = len(in_shape) + 1 - len(parts.x) if parts.elided == "right" else 0
        return (*shape, *(1 for _ in range(more)))

    def _equations(self, rank: int) -> tuple[str, str, str]:
        """For np.einsum, without dots: y from x and kernel, dkernel from x and dy, dx from dy and kernel."""
        return _spelled(self.parts, rank)


def _listed(shape: int | Shape) -> Shape:
    return (shape,) if isinstance(shape, int) else tuple(shape)


@lru_cache(maxsize=128)
def _spelled(parts: Equation, rank: int) -> tuple[str, str, str]:
    used = {*parts.x, *parts.kernel, *parts.y}
    free = [letter for letter in map(chr, (*range(97, 123), *range(65, 91))) if letter not in used]
    more = "".join(free[: rank - len(parts.x)])
    x, y = (more + parts.x, more + parts.y) if parts.elided == "left" else (parts.x + more, parts.y + more)
    return f"{x},{parts.kernel}->{y}", f"{x},{y}->{parts.kernel}", f"{y},{parts.kernel}->{x}"


def _product(equation: str, a: Array, b: Array) -> Array:
    """einsum of two arrays, as a product of matrices where it is one."""
    result: Array = np.einsum(equation, a, b, optimize=_path(equation, a.shape, b.shape))
    return result


@lru_cache(maxsize=256)
def _path(equation: str, a: tuple[int, ...], b: tuple[int, ...]) -> Any:
    return np.einsum_path(equation, np.broadcast_to(0.0, a), np.broadcast_to(0.0, b), optimize="greedy")[0]
