"""What a checked file will do wrong when it runs: read off the shapes, the labels and the names, before any training.

What can't train right is an error; what is only suspicious is a warning that says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.datasets.base import Data
from seqnet.declare import get
from seqnet.errors import Problem, SeqnetError
from seqnet.layers.base import Layer
from seqnet.losses import Loss, resolve_loss
from seqnet.metrics import Metric, resolve_metric
from seqnet.network.network import trace
from seqnet.spec.run import RunSpec, trace_problems
from seqnet.training.metricset import name_metrics

# Inputs beyond this are worth scaling: with the usual initializers activations then saturate or explode.
LARGE_INPUT = 10.0
SCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "UnitNormalization", "Embedding")


def lint(spec: RunSpec, data: Data | None) -> list[Problem]:
    """Everything suspicious or wrong about the run, with the places in the file."""
    layers = spec.make_layers()
    shape = spec.stated_input_shape() or (data.input_shape if data is not None else None)
    if not layers or shape is None:
        return []
    if data is not None:
        unfit = trace_problems(layers, data.input_shape)
        if unfit:
            return unfit
        shape = data.input_shape
    problems = trace_problems(layers, shape)
    if problems:
        return problems
    output = trace(layers, shape)[-1].out_shape
    problems = list(_steps(spec, data))
    if spec.loss is None:
        return [*problems, *_scale(layers, data)]
    labels = None if data is None or data.train.y is None else data.train.y
    loss = get(Loss, spec.loss)
    if labels is not None:
        loss = resolve_loss(loss, labels.shape[1:], output)
        problems += _labels(loss, data, labels, output)  # type: ignore[arg-type]
    problems += _activation(layers, loss, output)
    problems += _metrics(spec, labels, output)
    problems += _monitors(spec, labels, output, data)
    return [*problems, *_scale(layers, data)]


def _last(layers: list[Layer]) -> tuple[str, ...] | tuple[str, int]:
    return ("model", len(layers) - 1)


def _labels(loss: Loss, data: Data, labels: Array, output: Shape) -> Iterator[Problem]:
    """Labels of the wrong form for the loss, or more classes than outputs."""
    parts = [split.y for split in data.splits.values() if split.y is not None]
    for part in parts:
        wrong = loss.label_problem(part, output, data.num_classes)
        if wrong is not None:
            yield Problem(("loss",), wrong)
            return
    count = data.num_classes
    if loss.labels == "integer" and count is not None and output and output[-1] is not None and output[-1] > count:
        message = f"the last layer has {output[-1]} outputs for {count} classes"
        yield Problem(("loss",), message, "one unit a class is enough", warning=True)


def _activation(layers: list[Layer], loss: Loss, output: Shape) -> Iterator[Problem]:
    """The last activation against what the loss expects."""
    place = _last(layers)
    last = layers[-1]
    activation = last.final_activation()
    name = activation.spec_name if activation is not None else None
    if name == "softmax" and output and output[-1] == 1:
        message = "softmax over a single unit is always 1, so nothing can be learned"
        yield Problem(place, message, "use activation: sigmoid, or one unit a class")
        return
    if name is None:
        return
    label = f"{last.spec_name} ends with {name}"
    one_of_many = loss.labels in ("integer", "one_hot")
    if loss.expects == "probabilities":
        fitting = "softmax" if one_of_many else "sigmoid"
        if name == "linear":
            message = f"the last {last.spec_name} has no activation, but {loss.name} expects probabilities"
            hint = f"set activation: {fitting}, or from_logits: true on the loss"
            yield Problem(place, message, hint, warning=True)
        elif one_of_many and name == "sigmoid":
            message = f"{label}, so its outputs do not sum to 1, but {loss.name} expects one distribution a row"
            yield Problem(place, message, "use softmax, or binary_crossentropy for several labels a row", warning=True)
        elif not one_of_many and name == "softmax" and loss.labels == "binary":
            message = f"{label}, whose outputs sum to 1, but {loss.name} treats each output alone"
            yield Problem(place, message, "use sigmoid, or a categorical crossentropy", warning=True)
        elif name not in ("softmax", "sigmoid", "hard_sigmoid", "sparsemax", "sparse_sigmoid"):
            message = f"{label}, which is no probability, but {loss.name} expects probabilities"
            yield Problem(place, message, f"use activation: {fitting}", warning=True)
    elif loss.expects == "logits" and name in ("softmax", "sigmoid", "log_softmax", "log_sigmoid"):
        message = f"{label}, but {loss.name} with from_logits: true applies it itself"
        yield Problem(place, message, "remove the activation, or from_logits", warning=True)
    elif loss.expects == "values" and name in ("softmax", "sigmoid", "relu") and loss.labels == "real":
        limits = {"softmax": "between 0 and 1, summing to 1", "sigmoid": "between 0 and 1", "relu": "not below 0"}
        message = f"{label}, so its outputs lie {limits[name]}; {loss.name} is for any real number"
        yield Problem(place, message, "leave the activation off unless the targets lie there too", warning=True)


def _metrics(spec: RunSpec, labels: Array | None, output: Shape) -> Iterator[Problem]:
    """Metrics that can't be computed on these labels."""
    if labels is None:
        return
    for index, entry in enumerate(spec.metrics):
        try:
            metric = resolve_metric(get(Metric, entry), labels.shape[1:], output)
            sample = labels[:1]
            metric.update_state(sample, np.full((1, *(n or 1 for n in output)), 0.5, np.float32))
        except SeqnetError as error:
            yield Problem(("metrics", index), str(error))
            continue
        if "accuracy" in metric.name and labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels)):
            message = f"{metric.name} counts equal labels, but the targets are real numbers"
            yield Problem(("metrics", index), message, "use mae or r2_score", warning=True)


def _monitors(spec: RunSpec, labels: Array | None, output: Shape, data: Data | None) -> Iterator[Problem]:
    """Callbacks that watch what will not be logged."""
    shape = () if labels is None else labels.shape[1:]
    try:
        named = name_metrics(
            [(e if isinstance(e, str) else None, resolve_metric(get(Metric, e), shape, output)) for e in spec.metrics]
        )
    except SeqnetError as error:
        yield Problem(("metrics",), str(error))
        return
    ways: dict[str, str | None] = {"loss": "min", **{name: metric.direction for name, metric in named.items()}}
    validated = data.validation is not None if data is not None else bool(spec.data and spec.data.validation_split)
    if validated:
        ways.update({f"val_{name}": way for name, way in list(ways.items())})
    for index, callback in enumerate(spec.callbacks):
        problem = callback.check_monitor(ways)
        if problem is not None:
            path = ("callbacks", index, callback.spec_name, *problem.path)
            yield Problem(path, problem.message, problem.hint)


def _steps(spec: RunSpec, data: Data | None) -> Iterator[Problem]:
    """Batches against rows."""
    if data is None:
        return
    rows, size = len(data.train), spec.training.batch_size
    if rows < size:
        message = f"batch_size {size} is more than the {rows} training rows, so an epoch is a single step"
        yield Problem(("training", "batch_size"), message, f"at most {rows} makes sense", warning=True)
    steps = spec.training.steps_per_epoch
    if steps is not None and steps > math.ceil(rows / size):
        message = f"steps_per_epoch {steps} is more than the {math.ceil(rows / size)} batches of {size} in {rows} rows"
        yield Problem(("training", "steps_per_epoch"), message, "leave it out to use all rows")
    if isinstance(spec.training.class_weight, dict) and data.num_classes is not None:
        for label in spec.training.class_weight:
            if not 0 <= label < data.num_classes:
                message = f"class_weight names class {label}, but the classes are 0..{data.num_classes - 1}"
                yield Problem(("training", "class_weight", label), message, on_key=True)


def _scale(layers: list[Layer], data: Data | None) -> Iterator[Problem]:
    """Inputs far from the range that the usual initializers are made for."""
    if data is None or data.train.x.size == 0:
        return
    for node in trace(layers, data.input_shape):
        if node.layer.spec_name in SCALING:
            return
        if node.layer.param_specs(node.in_shape):
            break
    x = data.train.x
    largest = float(max(abs(float(x.max())), abs(float(x.min()))))
    if largest > LARGE_INPUT:
        hint = "begin the model with Rescaling: {scale: 0.00392156862745098}" if x.dtype == np.uint8 else ""
        message = f"the inputs reach {largest:g} and nothing scales them, which slows or stops training"
        yield Problem(("model", 0), message, hint or "begin the model with Normalization", warning=True)
