"""The end of the stack against the labels and the loss: the mistakes that train silently into nonsense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.datasets.base import Data
from seqnet.datasets.readers import is_number
from seqnet.errors import Path, Problem
from seqnet.layers.base import Layer
from seqnet.losses import Loss
from seqnet.registry import is_built_in
from seqnet.spec.case import Case
from seqnet.spec.placing import option_path, split_hint

# Layers that hand values on, so that the activation before them is still the last.
PASSING = ("Identity", "Reshape", "Flatten", "ActivityRegularization", "Dropout")
NORMALIZING = ("BatchNormalization", "LayerNormalization", "GaussianNoise", "GaussianDropout", "AlphaDropout")
# Options that say how wide a layer's output is.
WIDTHS = ("units", "filters")
# What an activation can give: (least, largest, in words).
RANGES: dict[str, tuple[float, float, str]] = {
    "softmax": (0.0, 1.0, "between 0 and 1, and sum to 1"),
    "sigmoid": (0.0, 1.0, "between 0 and 1"),
    "hard_sigmoid": (0.0, 1.0, "between 0 and 1"),
    "sparsemax": (0.0, 1.0, "between 0 and 1, and sum to 1"),
    "tanh": (-1.0, 1.0, "between -1 and 1"),
    "softsign": (-1.0, 1.0, "between -1 and 1"),
    "relu": (0.0, np.inf, "not below 0"),
    "relu6": (0.0, 6.0, "between 0 and 6"),
    "softplus": (0.0, np.inf, "not below 0"),
    "exponential": (0.0, np.inf, "not below 0"),
}


def lint_output(case: Case) -> Iterator[Problem]:
    """Problems of the last layers with the loss and the labels."""
    loss = case.loss
    if loss is None:
        return
    if loss.reduction == "none":
        message = f"{loss.name} with reduction: none leaves no single number to lower"
        yield Problem(_loss_path(case, "reduction"), message, "leave reduction out")
    if case.labels is not None and case.output is not None and case.data is not None:
        found = list(_labels(case, loss, case.data, case.labels, case.output))
        yield from found
        if any(not problem.warning for problem in found):
            return
    yield from _activation(case, loss)


def _loss_path(case: Case, option: str = "") -> Path:
    return option_path(("loss",), case.spec.loss, option)


# -- labels ---------------------------------------------------------------------------------------------------------


def _labels(case: Case, loss: Loss, data: Data, labels: Array, output: Shape) -> Iterator[Problem]:
    """Labels of the wrong form for the loss, or another number of classes than of outputs."""
    if case.is_regression and loss.labels in ("integer", "one_hot", "binary"):
        message = f"{loss.name} is for classes, but the targets of {data.name} are numbers"
        yield Problem(_loss_path(case), message, "use mse or mae")
        return
    named = _named_classes(case, loss, data, labels)
    if named is not None:
        yield named
        return
    for split in data.splits.values():
        wrong = None if split.y is None else loss.label_problem(split.y, output, data.num_classes)
        if wrong is not None and split.y is not None:
            yield _flattening(case, loss, split.y, output) or _mismatch(case, loss, split.y, output, wrong)
            return
    count, width = data.num_classes, output[-1] if output else None
    if loss.labels == "integer" and loss.expects in ("probabilities", "logits") and count is not None:
        if width is not None and width > count:
            message = f"the last layer has {width} outputs, but the data have {count} classes"
            place = _width_path(case) or ("model", len(case.layers) - 1)
            yield Problem(place, message, "one output for each class is enough", warning=True)


def _named_classes(case: Case, loss: Loss, data: Data, labels: Array) -> Problem | None:
    """Words as targets, whose numbers follow the alphabet, where the loss measures how far numbers are apart."""
    names = data.class_names
    if names is None or loss.labels != "real" or not is_built_in(type(loss)) or labels.shape[1:] not in ((), (1,)):
        return None
    if len(names) < 2 or all(is_number(name) for name in names):
        return None
    index = _last_activation(case.layers)
    if len(names) == 2:
        if index is not None and _name_at(case.layers, index) in ("sigmoid", "hard_sigmoid"):
            return None  # the squared error of a probability, which is a proper score (Brier 1950)
        hint = "use binary_crossentropy with Dense: {units: 1, activation: sigmoid}"
    else:
        hint = f"use sparse_categorical_crossentropy with Dense: {{units: {len(names)}, activation: softmax}}"
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    message = f"{loss.name} is for numbers, but the targets of {data.name} are {len(names)} classes ({shown})"
    return Problem(_loss_path(case), message, hint, warning=len(names) == 2)


def _mismatch(case: Case, loss: Loss, labels: Array, output: Shape, wrong: str) -> Problem:
    width = _width_path(case) if _is_about_width(loss, labels, output) else None
    return Problem(width or _loss_path(case), *split_hint(wrong))


def _flattening(case: Case, loss: Loss, labels: Array, output: Shape) -> Problem | None:
    """What is missing where the labels are one a row, but the outputs still have the axes of the input."""
    own_rules = type(loss).label_problem is not Loss.label_problem  # labels of sequences and of embeddings
    given = labels.shape[1:]
    if own_rules or len(output) < 2 or given not in ((), (1,), (output[-1],)):
        return None
    shown = ", ".join("?" if n is None else str(n) for n in output)
    rows = f"(N, {given[0]})" if given else "(N,)"
    message = f"the model gives (N, {shown}), but the labels are one a row, {rows}: the axes are never flattened"
    index = _where_to_flatten(case)
    if index is None:
        last = len(case.layers) - 1
        return Problem(("model", last), message, "add - Flatten and a Dense layer, or a global pooling, at the end")
    layer = case.layers[index]
    return Problem(("model", index), message, f"add - Flatten before layer {index} ({layer.name}, {layer.spec_name})")


def _where_to_flatten(case: Case) -> int | None:
    """The first Dense of those at the end of the stack that see rows of several axes."""
    found = None
    for index in range(len(case.nodes) - 1, -1, -1):
        node = case.nodes[index]
        if node.layer.spec_name == "Dense" and len(node.in_shape) > 1:
            found = index
        elif node.layer.final_activation() is None and node.layer.spec_name not in (*PASSING, *NORMALIZING):
            break
    return found


def _is_about_width(loss: Loss, labels: Array, output: Shape) -> bool:
    """Whether it is the number of outputs that is wrong, rather than the form of the labels."""
    given, width = labels.shape[1:], output[-1] if output else None
    if loss.labels == "integer":
        fits = given in (tuple(output[:-1]), (*output[:-1], 1))
        return width == 1 or (fits and width is not None and labels.dtype.kind in "iub" and labels.min(initial=0) >= 0)
    if loss.labels == "one_hot" and width in (None, 1):
        return True
    if loss.labels == "real" and not given:
        return True
    return len(given) == len(output) and given[:-1] == tuple(output[:-1]) and given != tuple(output)


def _width_path(case: Case) -> Path | None:
    """The option that says how many outputs there are."""
    for index in range(len(case.layers) - 1, -1, -1):
        layer = case.layers[index]
        if any(hasattr(layer, option) for option in WIDTHS):
            return case.spec.layer_path(index, *WIDTHS)
        if layer.final_activation() is None and layer.spec_name not in PASSING:
            return None
    return None


# -- the last activation --------------------------------------------------------------------------------------------


def _activation(case: Case, loss: Loss) -> Iterator[Problem]:
    """The last activation against what the loss expects."""
    index = _last_activation(case.layers)
    if index is None:
        return
    layer = case.layers[index]
    activation = layer.final_activation()
    assert activation is not None
    name, width = activation.spec_name, _width(case)
    place = case.spec.layer_path(index, "activation")
    if name in ("softmax", "sparsemax") and width == 1:
        message = f"{name} over a single unit is always 1, so nothing can be learned"
        yield Problem(place, message, "use activation: sigmoid, or one unit for each class")
        return
    before = _last_activation(case.layers[:index])
    if name in ("softmax", "sigmoid") and before is not None and _name_at(case.layers, before) == name:
        message = f"{name} is applied twice, here and by layer {before} before it, which flattens the probabilities"
        yield Problem(place, message, "keep one of them", warning=True)
    one_of_many = loss.labels in ("integer", "one_hot")
    if loss.spec_name == "crossentropy":  # not yet told by labels
        one_of_many = width is None or width > 1
    if loss.expects == "probabilities":
        yield from _for_probabilities(place, layer, name, loss, one_of_many, width)
    elif loss.expects == "logits" and name in ("softmax", "sigmoid", "log_softmax", "log_sigmoid", "sparsemax"):
        message = f"{layer.spec_name} ends with {name}, but {loss.name} with from_logits: true applies it itself"
        yield Problem(place, message, "remove the activation, or from_logits", warning=True)
    elif loss.expects in ("values", "margins"):
        yield from _range(case, place, layer, name, loss)


def _for_probabilities(
    place: Path, layer: Layer, name: str, loss: Loss, one_of_many: bool, width: int | None
) -> Iterator[Problem]:
    fitting = "softmax" if one_of_many else "sigmoid"
    logits = ", or from_logits: true on the loss" if hasattr(loss, "from_logits") else ""
    label = f"{layer.spec_name} ends with {name}"
    if name == "linear":
        message = f"the last {layer.spec_name} has no activation, but {loss.name} expects probabilities"
        yield Problem(place, message, f"set activation: {fitting}{logits}", warning=True)
    elif one_of_many and name in ("sigmoid", "hard_sigmoid", "sparse_sigmoid"):
        message = f"{label}, so its outputs do not sum to 1, but {loss.name} expects one distribution a row"
        yield Problem(place, message, "use softmax, or binary_crossentropy for several labels a row", warning=True)
    elif not one_of_many and loss.labels == "binary" and name in ("softmax", "sparsemax"):
        message = f"{label}, whose outputs sum to 1, but {loss.name} treats each output alone"
        yield Problem(place, message, "use sigmoid, or a categorical crossentropy", warning=True)
    elif name not in ("softmax", "sigmoid", "hard_sigmoid", "sparsemax", "sparse_sigmoid"):
        message = f"{label}, which gives no probabilities, but {loss.name} expects them"
        yield Problem(place, message, f"use activation: {fitting}", warning=True)


def _range(case: Case, place: Path, layer: Layer, name: str, loss: Loss) -> Iterator[Problem]:
    """Targets that the last activation can't reach."""
    labels = case.labels
    if labels is None or not labels.size or loss.labels != "real" or name not in RANGES:
        return
    least, largest, words = RANGES[name]
    low, high = float(labels.min()), float(labels.max())
    if low < least or high > largest:
        label = f"{layer.spec_name} ends with {name}, whose outputs lie {words}"
        message = f"{label}, but the targets run from {low:g} to {high:g}"
        yield Problem(place, message, "leave the activation off, or scale the targets", warning=True)


def _last_activation(layers: list[Layer]) -> int | None:
    """The layer whose activation decides what the last of `layers` gives."""
    for index in range(len(layers) - 1, -1, -1):
        if layers[index].final_activation() is not None:
            return index
        if layers[index].spec_name not in PASSING:
            return None
    return None


def _name_at(layers: list[Layer], index: int) -> str:
    activation: Any = layers[index].final_activation()
    return str(activation.spec_name)


def _width(case: Case) -> int | None:
    """How many outputs there are, read off the layers where the input shape is unknown."""
    if case.output is not None:
        return case.output[-1] if case.output else None
    for layer in reversed(case.layers):
        for option in WIDTHS:
            if hasattr(layer, option):
                return int(getattr(layer, option))
        if layer.final_activation() is None and layer.spec_name != "Identity":
            return None
    return None
