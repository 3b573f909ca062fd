"""What a summary says of a model, as data; seqnet.console draws it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqnet.errors import UsageError
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.layers.inner import names_of
from seqnet.layers.lookup import Vocabular
from seqnet.losses import Loss
from seqnet.network.network import Network, Node
from seqnet.network.plans import plan_inference, plan_training

if TYPE_CHECKING:
    from seqnet.models.sequential import Sequential


@dataclass(frozen=True)
class SummaryRow:
    """One layer. `output_shape` begins with the batch axis (None); None and `params` None before it is built."""

    name: str
    type: str
    output_shape: tuple[int | None, ...] | None
    params: int | None
    trainable: str  # "Y", "N", or "-" for a layer without variables
    level: int = 0
    flops: int = 0  # of one row's forward pass
    activation_bytes: int = 0  # of one row's output
    share: float = 0.0  # of all parameters
    notes: str = ""  # what is computed in another place than the layer's own; a learning rate of its own


@dataclass(frozen=True)
class SummaryTable:
    """The layers and the totals. `total` holds the optimizer's variables once it has any, as Keras counts."""

    name: str
    rows: list[SummaryRow] = field(default_factory=list)
    built: bool = True
    total: int = 0
    total_bytes: int = 0
    trainable: int = 0
    trainable_bytes: int = 0
    non_trainable: int = 0
    non_trainable_bytes: int = 0
    optimizer: int = 0
    optimizer_bytes: int = 0
    batch_size: int | None = None


def summarize(
    model: Sequential,
    *,
    expand_nested: bool = False,
    layer_range: Sequence[str] | None = None,
    batch_size: int | None = None,
) -> SummaryTable:
    """The summary of a model, built or not. layer_range: regular expressions of the first and last layer to show.

    Raises UsageError when layer_range fits no layer.
    """
    if not model.built:
        rows = [SummaryRow(str(layer.name), layer.spec_name, None, None, "-") for layer in model.layers]
        return SummaryTable(model.name, _within(rows, layer_range), built=False, batch_size=batch_size)
    network = model.network
    model._follow_trainable()
    total = sum(v.view.size for v in network.parameters.variables)
    notes_of = _notes(network, model.loss)
    rates = _rates(model)
    rows = []
    for index, node in enumerate(network.nodes):
        notes = [*notes_of.get(index, ()), *rates.get(str(node.layer.name), ()), *_vocabulary(node.layer)]
        rows += _rows(network, node, total, expand_nested, "; ".join(notes))
    item = network.dtype.itemsize
    trained, fixed = network.parameters.theta.size, network.parameters.frozen.size
    optimizer, optimizer_bytes = 0, 0
    if model.optimizer is not None and model._compiled is not None:
        optimizer, optimizer_bytes = model.optimizer.variable_count(), model.optimizer.state_bytes()
    return SummaryTable(
        model.name,
        _within(rows, layer_range),
        total=trained + fixed + optimizer,
        total_bytes=(trained + fixed) * item + optimizer_bytes,
        trainable=trained,
        trainable_bytes=trained * item,
        non_trainable=fixed,
        non_trainable_bytes=fixed * item,
        optimizer=optimizer,
        optimizer_bytes=optimizer_bytes,
        batch_size=batch_size,
    )


def _vocabulary(layer: Layer) -> list[str]:
    """How many entries the vocabulary of a layer has, where it has one and knows it."""
    if not isinstance(layer, Vocabular) or not layer.adapted:
        return []
    return [f"vocabulary of {layer.vocabulary_size():,}"]


def _rates(model: Sequential) -> dict[str, list[str]]:
    """What is special about the learning rates of a layer, by its name.

    Raises UsageError when what the optimizer names is not there.
    """
    if model.optimizer is None or not model.optimizer.learning_rate_multipliers:
        return {}
    names = [segment.name for segment in model.network.parameters.segments]
    found: dict[str, dict[str, float]] = {}
    for name, factor in zip(names, model.optimizer.check_names(names), strict=True):
        layer, _, own = name.partition("/")
        found.setdefault(layer, {})[own] = factor
    return {layer: _said(factors) for layer, factors in found.items()}


def _said(factors: dict[str, float]) -> list[str]:
    if len(set(factors.values())) == 1:
        return [f"learning rate × {factor:g}" for factor in set(factors.values()) - {1.0}]
    return [f"learning rate of {name} × {factor:g}" for name, factor in factors.items() if factor != 1.0]


def _notes(network: Network, loss: Loss | None) -> dict[int, list[str]]:
    """What is computed in another place than the layer's own, by number of the node."""
    inference = plan_inference(network, loss).notes
    always = inference if loss is None else plan_training(network, loss).notes
    found: dict[int, list[str]] = {}
    for place, how in always:
        found.setdefault(place, []).append(how)
    told = set(found)
    for place, how in inference:
        if place not in told:
            found.setdefault(place, []).append(f"{how} at inference")
    return found


def _rows(network: Network, node: Node, total: int, nested: bool, notes: str) -> list[SummaryRow]:
    if isinstance(node.layer, Input):
        return []
    count = sum(v.view.size for v in network.parameters.tree[id(node.layer)].all())
    row = SummaryRow(
        str(node.layer.name),
        node.layer.spec_name,
        (None, *node.out_shape),
        count,
        _trainable(node.layer, count),
        flops=node.layer.flops(node.in_shape),
        activation_bytes=network.dtype.itemsize * math.prod(n or 1 for n in node.out_shape),
        share=count / total if total else 0.0,
        notes=notes,
    )
    return [row, *(_inner(node.layer, node.in_shape, 1, total, node.layer.trainable) if nested else [])]


def _inner(layer: Layer, in_shape: tuple[int | None, ...], level: int, total: int, trainable: bool) -> list[SummaryRow]:
    rows, inside = [], layer.children(in_shape)
    for (child, shape), name in zip(inside, names_of([child for child, _ in inside]), strict=True):
        count = sum(view.size for view in (child.variables or {}).values())
        out = (None, *child.output_shape(shape))
        share = count / total if total else 0.0
        shown = _trainable(child, count) if trainable or not count else "N"
        rows.append(SummaryRow(name, child.spec_name, out, count, shown, level, child.flops(shape), share=share))
        rows.extend(_inner(child, shape, level + 1, total, trainable and child.trainable))
    return rows


def _trainable(layer: Layer, count: int) -> str:
    return "-" if not count else "Y" if layer.trainable else "N"


def _within(rows: list[SummaryRow], layer_range: Sequence[str] | None) -> list[SummaryRow]:
    if layer_range is None:
        return rows
    if len(layer_range) != 2:
        raise UsageError(f"layer_range takes two names, got {list(layer_range)}")
    places = [[i for i, row in enumerate(rows) if re.match(pattern, row.name)] for pattern in layer_range]
    for pattern, found in zip(layer_range, places, strict=True):
        if not found:
            raise UsageError(f"layer_range: no layer's name matches {pattern!r}")
    first, last = min(places[0]), max(places[1])
    return rows[min(first, last) : max(first, last) + 1]
