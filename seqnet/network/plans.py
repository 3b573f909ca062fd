"""How the layers of a network are run: rewritten where another order of the same work is cheaper.

No rewrite changes a number beyond rounding, and none touches the network itself: variables, shapes, names and what is
saved stay those of the layers as they were written.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.layers.base import Context, Layer
from seqnet.layers.blocks import Block
from seqnet.layers.core import Identity
from seqnet.layers.fusing import fused, ours, plain
from seqnet.losses import Loss
from seqnet.network.network import Network
from seqnet.network.parameters import LayerVariables, Variable
from seqnet.registry import snake_case


@dataclass(frozen=True)
class Plan:
    """The layers as they are run, one a node, the loss that belongs to them, and what was rewritten (node, how).

    Where the last activation and the loss are better computed together (softmax and crossentropy), the activation is
    taken off the last layer, `loss` takes what comes before it, and `finish` makes the predictions from that.
    """

    layers: tuple[Layer, ...]
    loss: Loss | None = None
    finish: Activation | None = None
    notes: tuple[tuple[int, str], ...] = ()


Notes = list[tuple[int, str]]


def plan_inference(network: Network, loss: Loss | None = None) -> Plan:
    """The layers as they predict, or are tested: normalizations folded into the weights before them, activations fused
    and after the pooling, and the last activation with the loss."""
    layers, notes = network.computed, Notes()
    variables = [network.parameters.tree[id(node.layer)] for node in network.nodes]
    fold_normalizations(layers, [node.in_shape for node in network.nodes], variables, notes)
    return _finished(layers, loss, notes)


def plan_training(network: Network, loss: Loss) -> Plan:
    """The same without the folding: training normalizes by the batch."""
    return _finished(network.computed, loss, Notes())


def _finished(layers: list[Layer], loss: Loss | None, notes: Notes) -> Plan:
    activations_after_pooling(layers, notes)
    fuse_activations(layers, notes)
    finish = None
    if layers and loss is not None:
        last = layers[-1]
        activation = last.final_activation()
        fused = loss.after(activation) if activation is not None and last.output_penalty() is None else None
        if activation is not None and fused is not None:
            layers[-1] = last.without_final_activation()
            notes.append((len(layers) - 1, f"{activation.spec_name} is computed with the loss"))
            loss, finish = fused, activation
    return Plan(tuple(layers), loss, finish, tuple(sorted(notes)))


def fold_normalizations(
    layers: list[Layer], in_shapes: Sequence[Shape], variables: Sequence[LayerVariables], notes: Notes
) -> None:
    """Let a layer that multiplies by weights do the scaling and shifting of the batch normalization behind it, also
    within blocks. in_shapes, variables: of each of the layers."""
    for index, (layer, norm) in enumerate(itertools.pairwise(layers[:])):
        if not (norm.scales_channels and layer.ends_with_product and plain(layer) and ours(norm)):
            continue
        axes = len(layer.output_shape(in_shapes[index])) + 1
        channels = 1 if getattr(layer, "data_format", None) == "channels_first" else axes - 1
        if getattr(norm, "axis", -1) % axes == channels:
            layers[index] = Folded(layer.replace(use_bias=True), norm, variables[index + 1].own)
            layers[index + 1] = Identity(name=norm.name, activity_regularizer=norm.activity_regularizer)
            notes.append((index, f"{norm.name or snake_case(norm.spec_name)} is part of its weights"))
    for index, block in enumerate(layers[:]):
        if not (isinstance(block, Block) and ours(block)):
            continue
        found, inner = Notes(), list(block.sequence)
        shapes = [shape for _, shape in block.children(in_shapes[index])]
        fold_normalizations(inner, shapes, variables[index].children, found)
        if found:
            layers[index] = block.run_as(inner)
            notes.append((index, "inside, " + ", ".join(f"{inner[i].name or i}: {note}" for i, note in found)))


def fuse_activations(layers: list[Layer], notes: Notes) -> None:
    """Let a layer that makes an array of its own apply the activation behind it, in that array."""
    layers[:], takers = fused(layers)
    notes += [(index, f"{maker.name} applies it to its output") for index, maker in takers.items()]


def activations_after_pooling(layers: list[Layer], notes: Notes) -> None:
    """Move activations that keep the order of numbers behind a maximum over windows, which leaves fewer of them.

    max f(x) = f(max x) for an f that never falls, and the gradient is the same: where f is level, so that the windows
    differ in which of equal maxima they take, it is zero.
    """
    for index, (before, pooling) in enumerate(itertools.pairwise(layers[:])):
        activation = before.final_activation()
        if activation is None or not (activation.keeps_order and pooling.takes_largest):
            continue
        if before.output_penalty() is None:
            layers[index] = layers[index].without_final_activation()
            layers[index + 1] = Followed(pooling, activation)
            notes.append((index, f"{activation.spec_name} comes after {pooling.name}"))


class Folded(Layer):
    """A layer and the batch normalization behind it, at inference:

    scale (x · kernel + bias) + shift = x · (scale kernel) + (scale bias + shift)

    The weights are made anew for every call, because they may have changed: they are few beside the outputs.
    """

    def __init__(self, layer: Layer, norm: Layer, variables: Mapping[str, Variable]) -> None:
        self.layer = layer
        self.norm = norm
        self.variables_of_norm = variables
        self.name, self.activity_regularizer = layer.name, None
        self.makes_mask = layer.makes_mask
        self.channels_from = layer.channels_from  # type: ignore[misc]

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        assert self.layer.channels_from is not None
        scale, shift = self.norm.affine({name: variable.view for name, variable in self.variables_of_norm.items()})
        kernel, bias = ctx.params[self.layer.channels_from], ctx.params.get("bias")
        if bias is not None:
            shift += bias * scale
        scaled = (kernel.reshape(-1, len(scale)) * scale.astype(kernel.dtype)).reshape(kernel.shape)
        params = {**ctx.params, self.layer.channels_from: scaled, "bias": shift.astype(kernel.dtype)}
        inner = Context(params, ctx.grads, ctx.worker, ctx.children, ctx.carried)
        inner.mask = ctx.mask
        return self.layer.forward(x, inner)

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return self.layer.output_mask(x, mask)

    def final_activation(self) -> Activation | None:
        return self.layer.final_activation()

    def without_final_activation(self) -> Layer:
        return Folded(self.layer.without_final_activation(), self.norm, self.variables_of_norm)

    def with_final_activation(self, activation: Activation) -> Layer:
        return Folded(self.layer.with_final_activation(activation), self.norm, self.variables_of_norm)


class Followed(Layer):
    """A layer and an activation behind it; the variables, masks and shapes are the layer's."""

    def __init__(self, layer: Layer, activation: Activation) -> None:
        self.layer = layer
        self.activation = activation
        self.makes_mask = layer.makes_mask

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y, cache = self.layer.forward(x, ctx)
        y, activated = self.activation.forward(y)  # the cache may hold y itself
        return y, (cache, activated)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        inner, activated = cache
        return self.layer.backward(self.activation.backward(dy, activated), inner, ctx, need_dx=need_dx)

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return self.layer.output_mask(x, mask)
