"""Layers wired into a network: nodes in order of computation, shapes traced, variables allocated.

A node's inputs are numbers of earlier nodes, so that a graph is the same thing as a stack; a Sequential model is the
straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqnet.arrays import Shape
from seqnet.errors import ShapeError, UsageError
from seqnet.layers.base import Layer
from seqnet.layers.core import Identity, Input
from seqnet.network.front import Front
from seqnet.network.parameters import Parameters
from seqnet.registry import snake_case

INPUT = -1  # the number that stands for the network's input


class LayerShapeError(ShapeError):
    """A ShapeError that knows the layer's place in the list (`index`, from 0)."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer."""

    layer: Layer
    source: int  # the node whose output it takes, INPUT for the network's input
    in_shape: Shape
    out_shape: Shape


class Network:
    """A stack of layers for rows of a known shape, with its variables.

    initialize: draw the starting weights; without them, all zero, a network is good for its description alone.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Shape,
        *,
        seed: int | np.random.SeedSequence = 0,
        initialize: bool = True,
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.dtype = np.dtype(common_dtype(layers))
        self.seed = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        self.nodes = trace(layers, self.input_shape)
        self.output_shape = self.nodes[-1].out_shape if self.nodes else self.input_shape
        self.front = Front(self.nodes, self.dtype)
        self.parameters = Parameters([(node.layer, node.in_shape) for node in self.nodes], self.dtype)
        if initialize:
            self.parameters.initialize(np.random.default_rng(self.stream("initial weights")))

    @property
    def takes_integers(self) -> bool:
        """Whether integer rows stay integers on their way in."""
        real = [layer for layer in self.computed[self.front.count :] if not isinstance(layer, Input)]
        return bool(real) and real[0].takes_integers

    @property
    def computed(self) -> list[Layer]:
        """The layers, one a node, as the engine runs them: those of the front, applied before it, pass x on."""
        layers = [node.layer for node in self.nodes]
        passed = [layer if isinstance(layer, Input) else Identity(name=layer.name) for layer in layers]
        return [*passed[: self.front.count], *layers[self.front.count :]]

    def stream(self, purpose: str, *numbers: int) -> np.random.SeedSequence:
        """A seed of its own for each purpose, so that no random stream depends on how another is used."""
        words = tuple(int.from_bytes(purpose.encode()[i : i + 4], "little") for i in range(0, len(purpose), 4))
        return np.random.SeedSequence(self.seed.entropy, spawn_key=(*self.seed.spawn_key, *words, *numbers))


def trace(layers: Sequence[Layer], input_shape: Shape) -> list[Node]:
    """The nodes of a stack, shapes followed from the first layer to the last. Raises LayerShapeError."""
    shape, nodes = tuple(input_shape), []
    for index, layer in enumerate(layers):
        try:
            out_shape = layer.output_shape(shape)
            layer.param_specs(shape)
        except ShapeError as error:
            label = f"layer {index} ({layer.name or snake_case(layer.spec_name)}, {layer.spec_name})"
            raise LayerShapeError(f"{label}: {error}", index) from error
        nodes.append(Node(layer, index - 1, shape, out_shape))
        shape = out_shape
    return nodes


def common_dtype(layers: Sequence[Layer]) -> str:
    """The precision that the layers ask for. Raises UsageError when they disagree."""
    asked = {layer.dtype for layer in layers if layer.dtype in ("float32", "float64")}
    if len(asked) > 1:
        raise UsageError(f"the layers ask for different dtypes ({', '.join(sorted(asked))}); a model has one")
    return asked.pop() if asked else "float32"
