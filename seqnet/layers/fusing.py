"""Layers that take over the work of the one behind them, where they have the numbers at hand."""

from __future__ import annotations

from collections.abc import Sequence

from seqnet.layers.base import Layer
from seqnet.layers.core import Elementwise, Identity


def fused(layers: Sequence[Layer]) -> tuple[list[Layer], dict[int, Layer]]:
    """The same layers, activations applied by the layer before where that makes the array, with Identity in their
    place; and by place who took them over."""
    found, takers = list(layers), {}
    at = 0  # the layer that made what comes to the next one
    for index, layer in enumerate(layers[1:], 1):
        if isinstance(layer, Identity) and layer.output_penalty() is None:
            continue
        maker, activation = found[at], layer.final_activation()
        if isinstance(layer, Elementwise) and activation is not None and plain(maker, layer):
            if maker.fuses(activation):
                found[at] = maker.with_final_activation(activation)
                found[index] = layer.without_final_activation()
                takers[index] = maker
        at = index
    return found, takers


def plain(*layers: Layer) -> bool:
    """Whether nobody watches what these layers put out, or has changed what they do."""
    return ours(*layers) and all(layer.output_penalty() is None for layer in layers)


def ours(*layers: Layer) -> bool:
    """Whether these are layers of this package, whose ways are known."""
    return all(type(layer).__module__.startswith("seqnet.") for layer in layers)


def makes_its_own(layer: Layer) -> bool:
    """Whether y is an array that nobody else has, nor the layer's backward needs; then so is dx."""
    return plain(layer) and (layer.ends_with_product or layer.scales_channels)


def ends_with_its_own(layers: Sequence[Layer]) -> bool:
    """Whether what these layers put out, one after the other, is such an array."""
    makers = [layer for layer in layers if not (isinstance(layer, Identity) and plain(layer))]
    return bool(makers) and makes_its_own(makers[-1])
