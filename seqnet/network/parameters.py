"""The variables of a network: two flat vectors, trained and not trained, of which the layers hold views.

One vector makes an optimizer step, a clipping by norm, a checkpoint or a reduction over shards one operation instead
of one a variable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape, shared
from seqnet.errors import ShapeError
from seqnet.layers.base import Context, Grads, Layer, ParamSpec, Worker
from seqnet.layers.inner import names_of
from seqnet.optimizers.base import Segment


@dataclass
class Variable:
    """One array of one layer, and where it lives."""

    path: str  # "dense/kernel"
    spec: ParamSpec
    trainable: bool
    start: int = 0
    view: Array = field(default_factory=lambda: np.empty(0))


@dataclass
class LayerVariables:
    """A layer's own variables and those of the layers inside it."""

    layer: Layer
    path: str
    own: dict[str, Variable]
    children: list[LayerVariables]
    carried: dict[str, Array] = field(default_factory=dict)  # by layers with carries_state, from batch to batch

    def branches(self) -> Iterator[LayerVariables]:
        """This layer and those inside it."""
        yield self
        for child in self.children:
            yield from child.branches()

    def all(self) -> Iterator[Variable]:
        """Keras's order: own variables, trainable ones first (frozen or not), then inner layer by inner layer."""
        yield from sorted(self.own.values(), key=lambda v: not v.spec.trainable)
        for child in self.children:
            yield from child.all()


class InitializerError(ShapeError):
    """A ShapeError that knows the variable's path."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class Parameters:
    """The variables of the layers, each layer once, however often it is used."""

    def __init__(self, layers: Sequence[tuple[Layer, Shape]], dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.tree: dict[int, LayerVariables] = {}
        for layer, in_shape in layers:
            if id(layer) not in self.tree:
                self.tree[id(layer)] = _collect(layer, in_shape, str(layer.name), layer.trainable)
        self.theta, self.frozen = self._allocate()
        self._bind()

    @property
    def variables(self) -> list[Variable]:
        """All of them, in Keras's get_weights order."""
        return [variable for branch in self.tree.values() for variable in branch.all()]

    def layers(self) -> Iterator[Layer]:
        """Every layer and every layer inside one, each once."""
        for branch in self._branches():
            yield branch.layer

    @property
    def segments(self) -> list[Segment]:
        """Where each trained variable lies in theta."""
        trained = (v for v in self.variables if v.trainable)
        return [Segment(v.path, v.start, v.start + v.view.size, v.view.shape, v.spec.constraint) for v in trained]

    def carried(self) -> dict[str, Array]:
        """What layers take from one batch to the next, by path; not part of the weights."""
        return {f"{branch.path}/{name}": value for branch in self._branches() for name, value in branch.carried.items()}

    def set_carried(self, values: Mapping[str, Array]) -> None:
        """The inverse of `carried`."""
        for branch in self._branches():
            prefix = f"{branch.path}/"
            own = {path.removeprefix(prefix): value for path, value in values.items() if path.startswith(prefix)}
            branch.carried.clear()
            branch.carried.update({name: value.copy() for name, value in own.items() if "/" not in name})

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw every variable's start, in Keras's order. Raises InitializerError where one can't make the shape."""
        for variable in self.variables:
            try:
                np.copyto(variable.view, variable.spec.initializer.make(variable.view.shape, rng, self.dtype))
            except ShapeError as error:
                raise InitializerError(f"{variable.path}: {error}", variable.path) from error

    def refreeze(self) -> None:
        """Follow changes of `layer.trainable`; the values stay."""
        variables = self.variables
        before = [variable.trainable for variable in variables]
        for branch in self.tree.values():
            _refreeze(branch, branch.layer.trainable)
        if [variable.trainable for variable in variables] == before:
            return
        values = [variable.view.copy() for variable in variables]
        self.theta, self.frozen = self._allocate()
        for variable, value in zip(variables, values, strict=True):
            np.copyto(variable.view, value)
        self._bind()

    def penalties(self) -> list[Variable]:
        """The trained variables that a regularizer watches."""
        return [v for v in self.variables if v.trainable and v.spec.regularizer is not None]

    def context(self, layer: Layer, gradient: Array | None, worker: Worker) -> Context:
        """What `layer` needs to run in one shard; `gradient` is that shard's flat vector, like theta."""
        return self._context(self.tree[id(layer)], gradient, worker)

    def _context(self, branch: LayerVariables, gradient: Array | None, worker: Worker) -> Context:
        views = {}
        if gradient is not None:
            for name, variable in branch.own.items():
                if variable.trainable:
                    part = gradient[variable.start : variable.start + variable.view.size]
                    views[name] = part.reshape(variable.view.shape)
        params = {name: variable.view for name, variable in branch.own.items()}
        children = tuple(self._context(child, gradient, worker) for child in branch.children)
        penalized = any(branch.own[name].spec.regularizer is not None for name in views)
        return Context(params, Grads(views, penalized=penalized), worker, children, branch.carried)

    def _allocate(self) -> tuple[Array, Array]:
        sizes = {True: 0, False: 0}
        variables = self.variables
        for variable in variables:
            variable.start = sizes[variable.trainable]
            sizes[variable.trainable] += int(np.prod(variable.spec.shape))
        theta, frozen = shared(sizes[True], self.dtype), shared(sizes[False], self.dtype)
        for variable in variables:
            vector = theta if variable.trainable else frozen
            stop = variable.start + int(np.prod(variable.spec.shape))
            variable.view = vector[variable.start : stop].reshape(variable.spec.shape)
        return theta, frozen

    def _branches(self) -> Iterator[LayerVariables]:
        for branch in self.tree.values():
            yield from branch.branches()

    def _bind(self) -> None:
        for branch in self.tree.values():
            _bind(branch)


def _collect(layer: Layer, in_shape: Shape, path: str, trainable: bool) -> LayerVariables:
    own = {
        name: Variable(f"{path}/{name}", spec, spec.trainable and trainable)
        for name, spec in layer.param_specs(in_shape).items()
    }
    children, inside = [], layer.children(in_shape)
    for (child, shape), name in zip(inside, names_of([child for child, _ in inside]), strict=True):
        children.append(_collect(child, shape, f"{path}/{name}", trainable and child.trainable))
    return LayerVariables(layer, path, own, children)


def _refreeze(branch: LayerVariables, trainable: bool) -> None:
    for variable in branch.own.values():
        variable.trainable = variable.spec.trainable and trainable
    for child in branch.children:
        _refreeze(child, trainable and child.layer.trainable)


def _bind(branch: LayerVariables) -> None:
    branch.layer.variables = {v.path.removeprefix(f"{branch.path}/"): v.view for v in branch.all()}
    branch.layer.carried = branch.carried
    for child in branch.children:
        _bind(child)
    own = {v.path.removeprefix(f"{branch.path}/") for v in branch.own.values() if v.spec.trainable}
    inner = {id(view) for child in branch.children for view in child.layer.trainable_weights}
    branch.layer.trained = own | {name for name, view in branch.layer.variables.items() if id(view) in inner}
