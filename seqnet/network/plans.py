"""How the layers of a network are run: rewritten where another order of the same work is cheaper.

No rewrite changes a number beyond rounding, and none touches the network itself: variables, shapes, names and what is
saved stay those of the layers as they were written.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache
from seqnet.layers.base import Context, Layer
from seqnet.losses import Loss
from seqnet.network.network import Network


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


def plan_inference(network: Network) -> Plan:
    """The layers, activations after the pooling."""
    layers, notes = activations_after_pooling([node.layer for node in network.nodes])
    return Plan(tuple(layers), notes=tuple(notes))


def plan_training(network: Network, loss: Loss) -> Plan:
    """The same, and the last activation computed with the loss where the loss knows how."""
    layers, notes = activations_after_pooling([node.layer for node in network.nodes])
    if layers:
        last = layers[-1]
        activation = last.final_activation()
        fused = loss.after(activation) if activation is not None and last.output_penalty() is None else None
        if activation is not None and fused is not None:
            layers[-1] = last.without_final_activation()
            notes.append((len(layers) - 1, f"{activation.spec_name} is computed with the loss"))
            return Plan(tuple(layers), fused, activation, tuple(notes))
    return Plan(tuple(layers), loss, notes=tuple(notes))


def activations_after_pooling(layers: list[Layer]) -> tuple[list[Layer], list[tuple[int, str]]]:
    """Move activations that keep the order of numbers behind a maximum over windows, which leaves fewer of them.

    max f(x) = f(max x) for an f that never falls, and the gradient is the same: where f is level, so that the windows
    differ in which of equal maxima they take, it is zero.
    """
    found: list[Layer] = list(layers)
    notes: list[tuple[int, str]] = []
    for index, (before, pooling) in enumerate(zip(layers, layers[1:], strict=False)):
        activation = found[index].final_activation()
        if activation is None or not (activation.keeps_order and pooling.takes_largest):
            continue
        if before.output_penalty() is None:
            found[index] = found[index].without_final_activation()
            found[index + 1] = Followed(pooling, activation)
            notes.append((index, f"{activation.spec_name} comes after {pooling.name}"))
    return found, notes


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
