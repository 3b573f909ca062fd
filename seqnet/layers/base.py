"""What a layer is: options, a shape rule, parameters, a forward and a backward.

A layer holds no state of a call. What forward leaves for backward travels in the cache, everything else in the
Context, so a layer used twice, inside a block, or by several threads at once is right by construction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from seqnet.activations import Activation, Linear
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import PositiveInt, ShapeOption
from seqnet.constraints import Constraint
from seqnet.declare import Component, option
from seqnet.errors import CheckpointError, ShapeError, UsageError
from seqnet.initializers import Initializer
from seqnet.kernels.draws import Draws
from seqnet.kernels.products import multiply
from seqnet.layers.symbolic import SymbolicTensor
from seqnet.registry import register
from seqnet.regularizers import Regularizer

layer = register


@dataclass(frozen=True)
class ParamSpec:
    """One variable of a layer: its shape, how it starts, and what acts on it."""

    shape: tuple[int, ...]
    initializer: Initializer
    trainable: bool = True
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None


class Deferral(Protocol):
    """Makes products of matrices later, by those who need the result."""

    def take(self, view: Array, a: Array, b: Array) -> bool:
        """Whether it promises to have view = a @ b when the step is over; a and b may change after this call."""

    def settle(self, view: Array) -> None:
        """Make now what was promised for this view, if anything was."""


class Grads:
    """One layer's gradients in one shard: views into the shard's flat vector.

    The first addition of a step overwrites, so nothing has to be zeroed beforehand; names of frozen variables are
    ignored. private: where this object left zeros between two steps there are zeros still, so that it need not write
    them again. penalized: a regularizer adds to one of the views, all over, beside this object. deferral: who
    may put off the first product of a step.
    """

    __slots__ = ("views", "pending", "private", "penalized", "touched", "deferral")

    def __init__(self, views: dict[str, Array], *, private: bool = False, penalized: bool = False) -> None:
        self.views = views
        self.pending: set[str] = set(views)
        self.private = private
        self.penalized = penalized
        self.touched: dict[str, list[Array]] = {}  # rows that are not zero, of variables that add_rows alone wrote
        self.deferral: Deferral | None = None

    def wants(self, name: str) -> bool:
        """Whether anyone will use this gradient."""
        return name in self.views

    def add(self, name: str, value: Array) -> None:
        view = self.views.get(name)
        if view is None:
            return
        if self.touched:
            self.touched.pop(name, None)
        if name in self.pending:
            self.pending.discard(name)
            np.copyto(view, value)
        else:
            self._settled(view)
            view += value

    def add_product(self, name: str, a: Array, b: Array) -> None:
        """Add the matrix product a @ b, written straight into the vector where it is the first."""
        view = self.views.get(name)
        if view is None:
            return
        if self.touched:
            self.touched.pop(name, None)
        if name in self.pending:
            self.pending.discard(name)
            if self.deferral is None or not self.deferral.take(view, a, b):
                multiply(a, b, view)
        else:
            self._settled(view)
            view += a @ b

    def add_sum(self, name: str, value: Array) -> None:
        """Add the sum of value over its first axis."""
        view = self.views.get(name)
        if view is None:
            return
        if self.touched:
            self.touched.pop(name, None)
        if name in self.pending:
            self.pending.discard(name)
            np.add.reduce(value, axis=0, out=view)
        else:
            self._settled(view)
            view += np.add.reduce(value, axis=0)

    def add_rows(self, name: str, indices: Array, rows: Array) -> None:
        """Add rows[i] to row indices[i] of the gradient, for tables of which a batch touches a few rows.

        indices: (M,) without repetitions, rows: (M, D).
        """
        view = self.views.get(name)
        if view is None:
            return
        if name not in self.pending:
            if name in self.touched:  # said before it is done, so that an interrupt leaves no row unmentioned
                self.touched[name].append(indices)
            self._settled(view)
            view[indices] += rows
            return
        self.pending.discard(name)
        old = self.touched.pop(name, None)
        if old is None:
            view.fill(0.0)
        for stale in old or ():
            view[stale] = 0.0
        view[indices] = rows
        if self.private:
            self.touched[name] = [indices]

    def add_all(self, other: Grads) -> None:
        """Add the gradients of another shard, whose step is over, as is this one's."""
        for name, view in self.views.items():
            rows, theirs = other.touched.get(name), other.views[name]
            if rows is None:
                self.touched.pop(name, None)
                view += theirs
                continue
            indices = np.concatenate(rows)  # a row may come twice: each is written once all the same
            if name in self.touched:
                self.touched[name].append(indices)
            view[indices] += theirs[indices]

    def set_private(self, private: bool) -> None:
        """Change whether it may rely on its zeros, from the next step on."""
        self.private = private
        self.touched.clear()

    def view(self, name: str) -> Array:
        """The gradient itself, to be added to in place."""
        view = self.views[name]
        self.touched.pop(name, None)
        if name in self.pending:
            self.pending.discard(name)
            view.fill(0.0)
        else:
            self._settled(view)
        return view

    def _settled(self, view: Array) -> None:
        if self.deferral is not None:
            self.deferral.settle(view)

    def start(self) -> None:
        """A new step begins: what is there is stale."""
        self.pending.update(self.views)

    def close(self) -> None:
        """The step is over: variables that no one touched have gradient zero."""
        for name in self.pending:
            self.touched.pop(name, None)
            self.views[name].fill(0.0)
        self.pending.clear()


class Worker:
    """What the layers of one shard share: random streams, scratch memory, and the meeting point of the shards.

    rng: a stream of the shard's own. draws: numbers that belong to the rows, whoever has them.
    """

    __slots__ = ("index", "count", "rng", "draws", "rows", "first", "penalty", "exchange", "_scratch")

    def __init__(self, rng: np.random.Generator, index: int = 0, count: int = 1, draws: Draws | None = None) -> None:
        self.index = index
        self.count = count
        self.rng = rng
        self.draws = Draws(np.zeros(2, np.uint64)) if draws is None else draws
        self.rows = 0  # of the whole batch
        self.first = 0  # the row of the batch that x begins with, in rows as the layer sees them
        self.penalty = 0.0  # what outputs of layers inside layers add to the loss, of the pass under way
        self.exchange: Callable[[int, Array], Array] | None = None
        self._scratch = np.empty(0, np.uint8)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if self._scratch.size < size:
            self._scratch = np.empty(size, np.uint8)
        block: Array = self._scratch[:size].view(dtype)
        return block.reshape(shape)


class Context:
    """Everything a layer may need in a call beside x: parameters, gradients, randomness, the mask, the shard."""

    __slots__ = ("params", "grads", "children", "worker", "carried", "number", "training", "mask")

    def __init__(
        self,
        params: dict[str, Array],
        grads: Grads,
        worker: Worker,
        children: tuple[Context, ...] = (),
        carried: dict[str, Array] | None = None,
    ) -> None:
        self.params = params
        self.grads = grads
        self.worker = worker
        self.children = children  # of the layers inside this one, in the order of Layer.children
        # What a layer with carries_state takes from one batch to the next; the network's, so every shard has the same.
        self.carried = {} if carried is None else carried
        self.number = 0  # of this place among all in the network, layers within layers counted
        self.training = False
        self.mask: Array | None = None  # (N, T), False where a step is padding

    @property
    def rng(self) -> np.random.Generator:
        """This shard's random stream."""
        return self.worker.rng

    def uniform(self, rows: int, count: int, seed: int | None) -> Array:
        """(count, rows) numbers in [0, 1), float64: the same for a row however the batch is cut and shared out."""
        worker = self.worker
        return worker.draws.uniform(self.number, seed, worker.first, rows, count)

    def stream_of(self, row: int, seed: int | None) -> np.random.Generator:
        """A random stream of row `row` of x alone, the same however the batch is cut and shared out."""
        worker = self.worker
        return worker.draws.of_row(self.number, seed, worker.first + row)

    @property
    def rows(self) -> int:
        """Rows of the whole batch, over all shards."""
        return self.worker.rows

    @property
    def first_row(self) -> int:
        """Where in the batch x begins."""
        return self.worker.first

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Uninitialized memory, valid until the next request in this shard."""
        return self.worker.scratch(shape, dtype)

    def all_reduce(self, value: Array) -> Array:
        """The sum of `value` over the shards of the batch, added in shard order. Every shard must call it."""
        worker = self.worker
        return value if worker.exchange is None else worker.exchange(worker.index, value)

    def update(self, name: str, value: Array) -> None:
        """Set a variable that is not trained (a moving average). All shards call it with the same value."""
        if self.worker.index == 0:
            np.copyto(self.params[name], value)

    def child(self, index: int, mask: Array | None = None) -> Context:
        """The context of an inner layer, ready for a call with this `mask`."""
        inner = self.children[index]
        inner.training = self.training
        inner.mask = mask
        return inner


@dataclass
class Tally:
    """How many tokens were looked up, and how many of them are in no vocabulary."""

    tokens: int = 0
    unknown: int = 0

    @property
    def share(self) -> float:
        """Of the tokens, those out of vocabulary; 0 where there are none."""
        return self.unknown / self.tokens if self.tokens else 0.0


class Layer(Component):
    """Base of all layers. x: (N, ...) -> y: (N, ...); shapes in options and methods leave the batch axis out."""

    kind = "layer"
    # Facts about the class; layers that hold others set those that depend on them in setup.
    # False: an input mask ends here, as in Keras's layers without mask support.
    supports_masking: bool = False
    # The layer makes a mask from its input (Embedding, Masking), so output_mask is called without one too.
    makes_mask: bool = False
    # False: training and inference compute the same (nothing random, no batch statistics).
    differs_in_training: bool = False
    # True: integers reach the layer as they are instead of being cast to floats.
    takes_integers: bool = False
    # True: the option `activation` is the last thing that happens to the output.
    activation_is_last: ClassVar[bool] = False
    # The variable that makes the output's channels, its last axes counting them: y = x · variable + bias, whatever the
    # product. None where there is no such one.
    channels_from: ClassVar[str | None] = None
    # True: at inference the layer does nothing but scale and shift each channel, by what `affine` says.
    scales_channels: ClassVar[bool] = False
    # True: the layer couples the rows of a batch (batch statistics).
    couples_rows: bool = False
    # True: y holds some of the numbers of x, the largest of each window, and nothing else.
    takes_largest: ClassVar[bool] = False
    # True: the layer takes statistics from the training rows with adapt(data).
    adapts: ClassVar[bool] = False
    # True: `encode` computes y from x and what the layer itself knows, without variables. Such layers in front of a
    # stack, where no gradient is needed, are applied to all rows once, before the engine sees any.
    prepares: ClassVar[bool] = False
    # True: x may be texts; encode makes numbers of them.
    takes_text: bool = False
    # True: a batch starts where the one before ended (ctx.carried), so it is neither shared out nor cut.
    carries_state: bool = False
    # True: the layer walks along the steps of a sequence, so that each cut of a batch costs it a walk.
    walks_steps: bool = False

    name: str | None = option("a name of its own; default: the layer's type and a number", default=None, kw_only=True)
    trainable: bool = option("false freezes the layer's weights", default=True, kw_only=True)
    activity_regularizer: Regularizer | None = option(
        "penalty on the output, added to the loss as its mean over the batch", default=None, kw_only=True
    )
    input_shape: ShapeOption | None = option(
        "shape of one input row, on the first layer only; the same as an Input before it", default=None, kw_only=True
    )
    input_dim: PositiveInt | None = option("short for input_shape: [input_dim]", default=None, kw_only=True)
    dtype: Literal["float32", "float64"] | None = option(
        "precision of the computation; the whole model has one", default=None, kw_only=True
    )

    # Set when a model builds the layer: name -> view into the model's parameters, in Keras's order.
    variables: dict[str, Array] | None = None
    # What makes the variables when someone asks for them early; set by the model that holds the layer.
    build_on_demand: Callable[[], None] | None = None
    # Which of them training changes, unless the layer is frozen.
    trained: Set[str] = frozenset()
    # What goes in and what comes out, set when a model is wired.
    wired: tuple[SymbolicTensor, SymbolicTensor] | None = None
    # Likewise what carries_state speaks of, by name; empty before the first batch.
    carried: dict[str, Array] | None = None

    @classmethod
    def automatic_aliases(cls) -> tuple[str, ...]:
        return ()

    # -- the contract -----------------------------------------------------------------------------------------------

    def output_shape(self, in_shape: Shape) -> Shape:
        """The shape of one output row. Raises ShapeError (rule, what came, what to do)."""
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        """The layer's own variables in Keras's order."""
        return {}

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        """Layers inside this one, with the shape each is built for, in the order of their weights."""
        return []

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        """y and what backward needs. Never writes into x."""
        raise NotImplementedError

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        """Add the gradients of the variables to ctx.grads; return d loss / d x, or None if not needed.

        Never writes into dy.
        """
        raise NotImplementedError

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        """The mask beside y."""
        return mask if self.supports_masking else None

    def flops(self, in_shape: Shape) -> int:
        """Floating-point operations of one row's forward pass; a multiply and an add count as two."""
        return 0

    @property
    def adapted(self) -> bool:
        """False while the layer still has to take statistics from the training rows."""
        return True

    def adapt(self, data: Any) -> None:
        """Take statistics from rows as they reach the layer: an array or an iterable of batches. Raises UsageError."""
        raise UsageError(f"{self.spec_name} has nothing to adapt")

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        """y of a layer that `prepares`, in the smallest dtype that holds it. tally: counts what is out of vocabulary.

        Raises DataError for values the layer can't take, UsageError before it is adapted.
        """
        raise NotImplementedError

    def state(self) -> dict[str, Any] | None:
        """What adapt took that is in no variable, as plain data fit for JSON; None where there is no such thing."""
        return None

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`. Raises CheckpointError."""
        raise CheckpointError(f"{self.spec_name} keeps no state, but the file has some for {self.name}")

    def place_files(self, folder: Path) -> None:
        """Take relative paths among the options as relative to this folder."""

    def affine(self, params: Mapping[str, Array]) -> tuple[Array, Array]:
        """Of a layer that scales_channels: scale and shift, each (C,) in float64, of y = scale x + shift."""
        raise NotImplementedError

    def output_penalty(self) -> Regularizer | None:
        """What the output adds to the loss, as its mean over the batch."""
        return self.activity_regularizer

    # -- for people -------------------------------------------------------------------------------------------------

    def stated_input_shape(self) -> Shape | None:
        """The input shape that the layer itself states, if any."""
        if self.input_shape is not None:
            return self.input_shape
        return None if self.input_dim is None else (self.input_dim,)

    def final_activation(self) -> Activation | None:
        """The activation the layer ends with, where it has one (for computing it together with a loss)."""
        return getattr(self, "activation", None) if self.activation_is_last else None

    def without_final_activation(self) -> Layer:
        """The same layer, same variables, ending before its activation."""
        return self.replace(activation=Linear())

    def fuses(self, activation: Activation) -> bool:
        """Whether the layer can apply `activation` to its output, in the array that it makes anyway."""
        return self.ends_with_product

    @property
    def ends_with_product(self) -> bool:
        """Whether y is what channels_from speaks of, with no activation behind it."""
        return self.channels_from is not None and isinstance(self.final_activation(), Linear)

    def with_final_activation(self, activation: Activation) -> Layer:
        """The same layer, same variables, ending with `activation`, where it fuses that."""
        return self.replace(activation=activation)

    @property
    def built(self) -> bool:
        return self.variables is not None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raises UsageError: a layer alone has no weights to compute with."""
        raise UsageError(
            f"{self.spec_name} can't be called: layers work within a model here, so list them: "
            "model = Sequential([Input(shape), ...]); then model(x) gives the outputs of a batch"
        )

    if not TYPE_CHECKING:  # for people alone: our own code goes through the context

        def __getattr__(self, name: str) -> Any:
            """The variables by name, as views: `dense.kernel`."""
            variables = None if name.startswith("_") else self._existing()
            if variables is None or name not in variables:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return variables[name]

    @property
    def weights(self) -> list[Array]:
        """The layer's variables, as views: writing into them changes the model."""
        return list(self._bound().values())

    def get_weights(self) -> list[Array]:
        """Copies of the layer's variables in Keras's order; [] before the layer is built."""
        return [value.copy() for value in (self._existing() or {}).values()]

    def set_weights(self, weights: list[Any]) -> None:
        """Overwrite the layer's variables. Raises UsageError when counts differ, ShapeError when shapes do."""
        assign(self._bound(), weights, f"layer {self.name}")

    @property
    def trainable_weights(self) -> list[Array]:
        """The variables that training changes, as views; none of a frozen layer."""
        existing = self._existing() or {}
        return [view for name, view in existing.items() if self.trainable and name in self.trained]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """The variables that training leaves alone, as views."""
        existing = self._existing() or {}
        return [view for name, view in existing.items() if not (self.trainable and name in self.trained)]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def input(self) -> SymbolicTensor:
        """What goes in: shape with the batch axis (None), dtype. Raises UsageError before a model knows it."""
        return self._wires()[0]

    @property
    def output(self) -> SymbolicTensor:
        """What comes out: shape with the batch axis (None), dtype. Raises UsageError before a model knows it."""
        return self._wires()[1]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Shape:
        """The shape of the output for inputs of a shape, both with the batch axis. Raises ShapeError."""
        return (input_shape[0], *self.output_shape(tuple(input_shape)[1:]))

    def count_params(self) -> int:
        """How many numbers the layer's variables hold. Raises UsageError before the layer is built."""
        return sum(value.size for value in self._bound().values())

    def _existing(self) -> dict[str, Array] | None:
        if self.variables is None and self.build_on_demand is not None:
            self.build_on_demand()
        return self.variables

    def _wires(self) -> tuple[SymbolicTensor, SymbolicTensor]:
        if self.build_on_demand is not None:
            self.build_on_demand()
        if self.wired is None:
            raise UsageError(
                f"layer {self.name or self.spec_name} has no input and output yet: put it into a model whose input "
                "shape is known, by an Input, model.build(input_shape), or fit"
            )
        return self.wired

    def _bound(self) -> dict[str, Array]:
        variables = self._existing()
        if variables is None:
            raise UsageError(
                f"layer {self.name or self.spec_name} is not built yet, so it has no weights: "
                "give the model an Input, call model.build(input_shape), or fit it"
            )
        return variables


def assign(variables: dict[str, Array], weights: list[Any], whose: str) -> None:
    """Copy `weights` into `variables` in order, checking everything before anything is written."""
    if len(weights) != len(variables):
        listed = ", ".join(f"{name} {value.shape}" for name, value in variables.items())
        raise UsageError(f"{whose} has {len(variables)} weights ({listed}), got {len(weights)}")
    arrays = [np.asarray(weight) for weight in weights]
    for (name, variable), array in zip(variables.items(), arrays, strict=True):
        if array.shape != variable.shape:
            raise ShapeError(f"{whose}: weight {name} has shape {variable.shape}, got {array.shape}")
    for variable, array in zip(variables.values(), arrays, strict=True):
        np.copyto(variable, array, casting="same_kind" if array.dtype.kind == "f" else "unsafe")


def require_rank(shape: Shape, rank: int, axes: str, *, hint: str = "") -> None:
    """Raise ShapeError unless a row has `rank` axes; `axes` names them, for instance "height, width, channels"."""
    if len(shape) != rank:
        advice = f"; {hint}" if hint else ""
        raise ShapeError(f"needs rows with {rank} axes ({axes}), got {show_shape(shape)}{advice}")


def require_known(shape: Shape, axes: tuple[int, ...], why: str) -> None:
    """Raise ShapeError where a length that must be known is None."""
    for axis in axes:
        if shape[axis] is None:
            raise ShapeError(f"{why}, but axis {axis % len(shape) + 1} of {show_shape(shape)} is not fixed")


def show_shape(shape: Shape) -> str:
    """(28, 28, 1) -> "(28, 28, 1)", (None, 3) -> "(None, 3)", () -> "()"."""
    return str(tuple(shape))
