"""Recurrent layers: a cell says what happens in one step, a layer takes a sequence through it.

A cell gets whole sequences at once, and several of them where two cells are alike (both directions of a
Bidirectional), so that it can run on a kernel made for that; module recurrent_steps goes step by step for the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeInt, Share
from seqnet.constraints import Constraint
from seqnet.declare import option, options_of
from seqnet.errors import ShapeError, UsageError
from seqnet.initializers import Initializer
from seqnet.kernels.noise import keep
from seqnet.layers.base import Context, Layer, ParamSpec, show_shape
from seqnet.layers.regularization import SEED_HELP
from seqnet.regularizers import Regularizer

RETURN_STATE = "return_state: true gives several outputs, which needs a graph of layers; a stack passes on one"


class CellOptions(Layer):
    """The options that cells and the layers made of them share; `last` numbers Keras's positional order."""

    activation: Activation = option("applied to the new state", default="tanh", last=10)
    use_bias: bool = option("add a bias", default=True, last=12)
    kernel_initializer: Initializer = option(
        "how the kernel, which x is multiplied with, starts", default="glorot_uniform", last=13
    )
    recurrent_initializer: Initializer = option(
        "how the recurrent kernel, which the state is multiplied with, starts", default="orthogonal", last=14
    )
    bias_initializer: Initializer = option("how the bias starts", default="zeros", last=15)
    kernel_regularizer: Regularizer | None = option("penalty on the kernel", default=None, last=17)
    recurrent_regularizer: Regularizer | None = option("penalty on the recurrent kernel", default=None, last=18)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None, last=19)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None, last=20)
    kernel_constraint: Constraint | None = option("applied to the kernel after each update", default=None, last=21)
    recurrent_constraint: Constraint | None = option(
        "applied to the recurrent kernel after each update", default=None, last=22
    )
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None, last=23)
    dropout: Share = option(
        "share of x that is dropped in training; the same at every step of a batch", default=0.0, last=24
    )
    recurrent_dropout: Share = option(
        "share of the state that is dropped in training where it is multiplied with the recurrent kernel; the same at "
        "every step of a batch, another for each gate",
        default=0.0,
        last=25,
    )
    seed: NonNegativeInt | None = option(SEED_HELP, default=None, last=27)

    def specs(
        self, kernel: tuple[int, ...], recurrent: tuple[int, ...], bias: tuple[int, ...], start: Initializer
    ) -> dict[str, ParamSpec]:
        """The variables of a cell, from their shapes and how the bias starts."""
        specs = {
            "kernel": ParamSpec(
                kernel,
                self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            ),
            "recurrent_kernel": ParamSpec(
                recurrent,
                self.recurrent_initializer,
                regularizer=self.recurrent_regularizer,
                constraint=self.recurrent_constraint,
            ),
        }
        if self.use_bias:
            specs["bias"] = ParamSpec(bias, start, regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        return specs

    def kept(self, ctx: Context, rate: float, count: int, shape: tuple[int, ...], dtype: Any) -> Array | None:
        """What x or the state is multiplied with so as to drop a share of it: (count, *shape), or None for nothing."""
        if not ctx.training or rate == 0:
            return None
        rng = ctx.rng if self.seed is None else np.random.default_rng([self.seed, int(ctx.rng.integers(2**63))])
        kept: Array = keep(rng, (count, *shape), rate).astype(dtype)
        kept *= 1 / (1 - rate) if rate < 1 else 0.0
        return kept


def width_of(in_shape: Shape) -> int:
    """The number of features in a step whose shape was checked. Raises ShapeError."""
    if len(in_shape) != 1 or in_shape[0] is None:
        raise ShapeError(f"a step must be a vector of a fixed number of features, got {show_shape(in_shape)}")
    return in_shape[0]


class ForgetBias(Initializer):
    """A bias whose second of four quarters, the forget gate's, starts at 1, so that a fresh carry lasts."""

    def __init__(self, inner: Initializer) -> None:
        self.inner = inner

    def to_spec(self, *, full: bool = False) -> Any:
        return f"{self.inner.to_spec(full=full)}, ones for the forget gate"

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        quarter = shape[0] // 4
        first, rest = self.inner.make((quarter,), rng, dtype), self.inner.make((2 * quarter,), rng, dtype)
        return np.concatenate([first, np.ones(quarter, dtype), rest])


@dataclass(frozen=True)
class Part:
    """A sequence for a cell. x: (T, N, ...), in the order in which it is read.

    start: the states before the first step, None for zeros. padding: (T, N), True where the states stay as they are.
    """

    cell: Cell
    x: Array
    start: Sequence[Array] | None
    padding: Array | None
    ctx: Context


@dataclass(frozen=True)
class Scan:
    """What a cell made of a part. y: (T, N, ...), or where only that was asked for, the last step's, (N, ...).

    ends: the states after the last step; they may share memory with what backward will use.
    """

    y: Array
    ends: Sequence[Array]


class Cell(Layer):
    """One step of a recurrent layer: from x and the states before to the states after, of which the first is y.

    As `RNN: {cell: {LSTMCell: {units: 8}}}`. Shapes are those of one step: (I,) -> (units,).
    """

    kind = "cell"

    activity_regularizer: Regularizer | None = option(
        "must be null: the layer around the cell has the output", default=None, kw_only=True
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["activity_regularizer"] is not None:
            yield "activity_regularizer", "activity_regularizer belongs to the layer around the cell"

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        """The shapes of the states, for rows of x of this shape in one step."""
        raise NotImplementedError

    def joins(self, other: Cell, training: bool) -> bool:
        """Whether scan can take a part of each of the two cells at once."""
        return False

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        """Take each part through all of its steps; `last`: only the last step's y is wanted."""
        raise NotImplementedError

    def scan_back(self, parts: Sequence[Part], dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
        """dx of each part, (T, N, ...) or None; adds the gradients. dys: as the y of scan."""
        raise NotImplementedError

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        raise UsageError(
            f"{self.spec_name} is one step of a recurrent layer, not a layer by itself: wrap it, "
            f"RNN({self.spec_name}(...))"
        )


class RecurrentLayer(Layer):
    """What all recurrent layers share: reading a sequence through a cell."""

    supports_masking = True
    walks_steps = True

    return_sequences: bool = option("give the output of every step instead of the last one's", default=False, last=30)
    return_state: bool = option("must be false: several outputs need a graph of layers", default=False, last=31)
    go_backwards: bool = option(
        "read from the last step to the first, and give the outputs in that order", default=False, last=32
    )
    stateful: bool = option(
        "start each batch with the states in which the same rows of the batch before ended, until reset_states()",
        default=False,
        last=33,
    )
    unroll: bool = option("accepted for Keras's sake; changes nothing", default=False, last=34)

    cell: Cell
    zero_output_for_mask: bool = False

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["return_state"]:
            yield "return_state", RETURN_STATE

    def setup(self) -> None:
        self.differs_in_training = self.cell.differs_in_training
        self.carries_state = self.stateful

    def made_of(self, cls: type[Cell]) -> Cell:
        """A cell with this layer's options."""
        mine = options_of(type(self))
        names = [name for name in options_of(cls) if name in mine and name not in options_of(Layer)]
        return cls(**{name: getattr(self, name) for name in names})

    def output_shape(self, in_shape: Shape) -> Shape:
        step = self.cell.output_shape(self._step_shape(in_shape))
        return (in_shape[0], *step) if self.return_sequences else step

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return [(self.cell, self._step_shape(in_shape))]

    def flops(self, in_shape: Shape) -> int:
        return (in_shape[0] or 1) * self.cell.flops(self._step_shape(in_shape))

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask if self.return_sequences else None

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        ys, cache = read_all([self], x, [ctx])
        return ys[0], cache

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        dx: Array | None = read_all_back([dy], cache, need_dx=need_dx)[0]
        return dx

    # -- stateful layers --------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Array]:
        """The states that the next batch starts with; [] for zeros."""
        return _in_order(self.carried or {})

    def reset_states(self) -> None:
        """Start the next batch from zeros; it may have another number of rows."""
        if self.carried is not None:
            self.carried.clear()

    def reset_state(self) -> None:
        """The same as reset_states."""
        self.reset_states()

    def part(self, x: Array, ctx: Context) -> Part:
        """x as the cell reads it. x: (N, T, ...)."""
        steps, padding = x.swapaxes(0, 1), None
        if ctx.mask is not None and not ctx.mask.all():
            padding = ~ctx.mask.T
        if self.go_backwards:
            steps, padding = steps[::-1], None if padding is None else padding[::-1]
        start = None
        if self.stateful and ctx.carried:
            start = _in_order(ctx.carried)
            if len(start[0]) != len(x):
                raise ShapeError(
                    f"stateful: this batch has {len(x)} rows, but the states are those of a batch of {len(start[0])}; "
                    "take a batch size that divides the number of rows, or call reset_states() in between"
                )
        return Part(self.cell, steps, start, padding, ctx.child(0))

    def keep_states(self, ends: Sequence[Array], ctx: Context) -> None:
        """Let the next batch start where this one ended."""
        if self.stateful:
            ctx.carried.update({f"state_{index}": end.copy() for index, end in enumerate(ends)})

    def _step_shape(self, in_shape: Shape) -> Shape:
        """The shape of one step. Raises ShapeError where rows are no sequences for this layer."""
        if len(in_shape) != 2:
            raise ShapeError(
                f"needs rows with 2 axes (time, features), got {show_shape(in_shape)}{_reshape_hint(in_shape)}"
            )
        if in_shape[1] is None:
            raise ShapeError(f"the number of features must be fixed to size the kernel, got {show_shape(in_shape)}")
        return in_shape[1:]


def _in_order(carried: Mapping[str, Array]) -> list[Array]:
    """The states by their numbers; what was read from a file may stand in any order."""
    return [carried[f"state_{index}"] for index in range(len(carried))]


def _reshape_hint(in_shape: Shape) -> str:
    """How rows with another number of axes become sequences of vectors."""
    lengths = [n for n in in_shape if n is not None]
    if not lengths or len(lengths) < len(in_shape):
        return ""
    side = math.isqrt(lengths[0])
    if len(lengths) > 1:
        target = [lengths[0], math.prod(lengths[1:])]
    else:
        target = [side, side] if side * side == lengths[0] and side > 1 else [lengths[0], 1]
    return f": reshape with Reshape: {{target_shape: {target}}}"


def read_all(layers: Sequence[RecurrentLayer], x: Array, contexts: Sequence[Context]) -> tuple[list[Array], Cache]:
    """What each of the layers makes of x. Layers whose cells are alike run side by side. x: (N, T, ...)."""
    parts = [one.part(x, ctx) for one, ctx in zip(layers, contexts, strict=True)]
    first = layers[0]
    together = [parts]
    if any(not one.cell.joins(first.cell, contexts[0].training) for one in layers[1:]):
        together = [[part] for part in parts]
    scans: list[Scan] = []
    caches: list[Cache] = []
    for group in together:
        made, cache = group[0].cell.scan(group, last=not first.return_sequences)
        scans.extend(made)
        caches.append(cache)
    ys = []
    for one, part, scan, ctx in zip(layers, parts, scans, contexts, strict=True):
        one.keep_states(scan.ends, ctx)
        y = scan.y
        if _zeroes(one, part):
            y = np.where(_padded(one, part, y), 0.0, y)
        ys.append(y.swapaxes(0, 1) if one.return_sequences else y)
    return ys, (layers, together, caches)


def read_all_back(dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
    """dx of each layer, (N, T, ...) or None; adds the gradients."""
    layers, together, caches = cache
    dxs = []
    place = 0
    for group, made in zip(together, caches, strict=True):
        ready = []
        for part in group:
            one, dy = layers[place], dys[place]
            place += 1
            dy = dy.swapaxes(0, 1) if one.return_sequences else dy
            ready.append(np.where(_padded(one, part, dy), 0.0, dy) if _zeroes(one, part) else dy)
        dxs.extend(group[0].cell.scan_back(group, ready, made, need_dx=need_dx))
    backwards = [
        None if dx is None else (dx[::-1] if one.go_backwards else dx).swapaxes(0, 1)
        for one, dx in zip(layers, dxs, strict=True)
    ]
    return backwards


def _zeroes(one: RecurrentLayer, part: Part) -> bool:
    return one.zero_output_for_mask and part.padding is not None


def _padded(one: RecurrentLayer, part: Part, y: Array) -> Array:
    """The padding, to be spread over y."""
    assert part.padding is not None
    padding = part.padding if one.return_sequences else part.padding[-1]
    return padding.reshape(*padding.shape, *(1,) * (y.ndim - padding.ndim))
