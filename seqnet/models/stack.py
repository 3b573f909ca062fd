"""A stack of layers and its weights: what a model is before anyone says how it learns."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from typing import Any, Self

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.declare import make
from seqnet.errors import Problem, UsageError
from seqnet.layers.base import Layer, assign
from seqnet.layers.core import Input
from seqnet.layers.symbolic import SymbolicTensor
from seqnet.network.network import Network
from seqnet.registry import scope, snake_case
from seqnet.utils import next_seed


class Stack(ABC):
    """The layers of a model in order; the network that wires them is made when the input shape is known."""

    def __init__(
        self,
        layers: Sequence[Layer | Stack] | None = None,
        trainable: bool = True,
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        self.name = name or "sequential"
        self.trainable = trainable
        self._seed = np.random.SeedSequence(seed) if seed is not None else next_seed()
        self._layers: list[Layer] = []
        self._names: set[str] = set()
        self._input_shape: Shape | None = None
        self._network: Network | None = None
        self._initialize = True  # draw the weights when the network is made
        for layer in layers or ():
            self.add(layer)

    @abstractmethod
    def _forget(self) -> None:
        """The stack, or which of its weights are trained, has changed: what was made for it is worth nothing now."""

    # -- the stack --------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input, as in Keras."""
        return [layer for layer in self._layers if not isinstance(layer, Input)]

    def add(self, layer: Layer | Stack) -> None:
        """Put a layer on top, or copies of the layers of a model, with its weights.

        Raises UsageError when it is no layer or its name is taken.
        """
        if isinstance(layer, Stack):
            self._add_copies(layer)
            return
        if not isinstance(layer, Layer):
            hint = "; did you mean to call it, with ()?" if isinstance(layer, type) else ""
            raise UsageError(f"add takes a layer, got {type(layer).__name__} {layer!r}{hint}")
        if layer.name is None:
            layer.name = free_name(snake_case(layer.spec_name), self._names)
        elif layer.name in self._names and all(other is not layer for other in self._layers):
            raise UsageError(f"two layers are named {layer.name!r}; layer names must differ within a model")
        if isinstance(layer, Input) and self._layers:
            raise UsageError(f"an Input must come first; {self.name} already has {len(self.layers)} layers")
        stated = layer.stated_input_shape()
        if not self._layers and stated is not None:
            self._input_shape = stated
        layer.build_on_demand = self._build_if_possible
        self._layers.append(layer)
        self._names.add(layer.name)
        self._changed()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off and return it; the others keep their weights. Compile again before training."""
        if not self._layers:
            raise UsageError("there are no layers to pop")
        layer = self._layers.pop()
        layer.build_on_demand = layer.wired = None
        self._names = {str(other.name) for other in self._layers}
        self._changed()
        if not self._layers:
            self._input_shape = None
        return layer

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its number (from 0). Raises UsageError."""
        if (name is None) == (index is None):
            raise UsageError("get_layer takes a name or an index")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise UsageError(f"there is no layer {index}; the model has {len(self.layers)} layers")
            return self.layers[index]
        found = next((layer for layer in self.layers if layer.name == name), None)
        if found is None:
            raise UsageError(f"no layer is named {name!r}; there are {', '.join(str(x.name) for x in self.layers)}")
        return found

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the weights. input_shape: with the batch axis first, as in Keras: (None, 784)."""
        if input_shape is not None:
            rows = tuple(input_shape)[1:]
            if self._network is not None and self._network.input_shape != rows:
                raise UsageError(f"the model is already built for rows of shape {self._network.input_shape}")
            self._input_shape = rows
        if self._input_shape is None:
            raise UsageError("build needs the input shape: model.build((None, features)), or an Input as first layer")
        self._require_network()

    @property
    def built(self) -> bool:
        return self._network is not None or self._buildable()

    @property
    def input_shape(self) -> Shape:
        """With the batch axis: (None, ...). Raises UsageError before the model is built."""
        return (None, *self._require_network().input_shape)

    @property
    def output_shape(self) -> Shape:
        """With the batch axis: (None, ...). Raises UsageError before the model is built."""
        return (None, *self._require_network().output_shape)

    @property
    def input(self) -> SymbolicTensor:
        """What goes in: shape and dtype. Raises UsageError before the model is built."""
        return SymbolicTensor(self.input_shape, str(self._require_network().dtype), f"{self.name}.input")

    @property
    def output(self) -> SymbolicTensor:
        """What comes out: shape and dtype. Raises UsageError before the model is built."""
        return SymbolicTensor(self.output_shape, str(self._require_network().dtype), f"{self.name}.output")

    @property
    def inputs(self) -> list[SymbolicTensor]:
        return [self.input]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        return [self.output]

    @property
    def network(self) -> Network:
        """The layers wired together. Raises UsageError before the input shape is known."""
        return self._require_network()

    # -- weights ----------------------------------------------------------------------------------------------------

    def get_weights(self) -> list[Array]:
        """Copies of all variables in Keras's order; [] before the model is built."""
        return [view.copy() for view in self._variables().values()] if self.built else []

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all variables, in the order of get_weights. Raises UsageError or ShapeError."""
        self._require_network()
        assign(self._variables(), list(weights), f"model {self.name}")

    def count_params(self) -> int:
        """How many numbers the variables hold. Raises UsageError before the model is built."""
        self._require_network()
        return sum(view.size for view in self._variables().values())

    @property
    def weights(self) -> list[Array]:
        """All variables, as views."""
        return list(self._variables().values()) if self.built else []

    @property
    def trainable_weights(self) -> list[Array]:
        self._follow_trainable()
        return [v.view for v in self._require_network().parameters.variables if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Array]:
        self._follow_trainable()
        return [v.view for v in self._require_network().parameters.variables if not v.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def _variables(self) -> dict[str, Array]:
        return {v.path: v.view for v in self._require_network().parameters.variables}

    # -- description ------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The stack as plain data."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "input_shape": None if self._input_shape is None else list(self._input_shape),
            "layers": [layer.to_spec(full=True) for layer in self._layers],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The inverse of get_config; the weights are new. custom_objects: classes of one's own by name, where they are
        not registered. Raises UsageError."""
        if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
            raise UsageError("from_config takes what get_config gave: a mapping with name, input_shape and layers")
        problems: list[Problem] = []
        with scope(custom_objects):
            made = [make(Layer, entry, ("layers", i), problems) for i, entry in enumerate(config["layers"])]
        if problems:
            raise UsageError("; ".join(str(problem) for problem in problems))
        model = cls(made, bool(config.get("trainable", True)), config.get("name"))
        if config.get("input_shape") is not None:
            model._input_shape = tuple(config["input_shape"])
        return model

    def to_json(self, **kwargs: Any) -> str:
        """The stack as JSON, for `seqnet.models.model_from_json`; kwargs go to json.dumps."""
        return json.dumps({"class_name": "Sequential", "config": self.get_config()}, **kwargs)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _add_copies(self, model: Stack) -> None:
        """The layers of a model as layers of this one. Differs from Keras, where both models share the weights."""
        if not self._layers:
            self._input_shape = model._input_shape
        model._build_if_possible()
        copies: dict[int, Layer] = {}
        for layer in model._layers:
            if isinstance(layer, Input) and self._layers:
                continue
            if id(layer) not in copies:
                copy = copies[id(layer)] = type(layer).from_config(layer.get_config())
                stem = snake_case(layer.spec_name)
                numbered = re.fullmatch(rf"{stem}(_\d+)?", str(layer.name)) is not None
                copy.name = free_name(stem if numbered else str(layer.name), self._names)
                if (state := layer.state()) is not None:
                    copy.restore(state)
                if layer.variables is not None:
                    copy.variables = {name: view.copy() for name, view in layer.variables.items()}
            self.add(copies[id(layer)])

    def _changed(self) -> None:
        self._network = None
        self._forget()

    def _buildable(self) -> bool:
        return self._input_shape is not None and bool(self._layers)

    def _build_if_possible(self) -> None:
        if self._buildable():
            self._require_network()

    def _require_network(self) -> Network:
        if self._network is None:
            if not self._layers:
                raise UsageError(f"model {self.name} has no layers; add some")
            if self._input_shape is None:
                raise UsageError(
                    f"model {self.name} is not built yet: its input shape is unknown. Put Input(shape) first, "
                    "call model.build((None, ...)), or fit it"
                )
            kept = {id(layer): layer.get_weights() for layer in self._layers if layer.variables}
            if not self.trainable:
                for layer in self._layers:
                    layer.trainable = False
            self._network = Network(self._layers, self._input_shape, seed=self._seed, initialize=self._initialize)
            self._wire(self._network)
            for layer in self._layers:
                old = kept.get(id(layer))
                if old is not None and [w.shape for w in old] == [w.shape for w in layer.weights]:
                    layer.set_weights(old)
        return self._network

    def _wire(self, network: Network) -> None:
        """Tell each layer what goes in and what comes out."""
        dtype = str(network.dtype)
        seen: set[int] = set()
        for node in network.nodes:
            ends = [
                SymbolicTensor((None, *shape), dtype, f"{node.layer.name}.{end}")
                for end, shape in (("input", node.in_shape), ("output", node.out_shape))
            ]
            if id(node.layer) not in seen:  # of a layer used twice, the first use
                node.layer.wired = (ends[0], ends[1])
            seen.add(id(node.layer))

    def _adopt_shape(self, x: Any) -> None:
        if self._input_shape is None and self._layers:
            shape = np.shape(x)
            self._input_shape = (1,) if len(shape) == 1 else shape[1:]

    def _follow_trainable(self, *, force: bool = False) -> None:
        network = self._network
        if network is None:
            return
        before = [v.trainable for v in network.parameters.variables]
        network.parameters.refreeze()
        if force or before != [v.trainable for v in network.parameters.variables]:
            self._forget()


def free_name(stem: str, taken: Set[str]) -> str:
    """stem, stem_1, stem_2, …: the first that is free, as Keras numbers layers."""
    if stem not in taken:
        return stem
    return next(name for i in range(1, len(taken) + 2) if (name := f"{stem}_{i}") not in taken)
