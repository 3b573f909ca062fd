"""What a checked file will do wrong when it runs: read off the shapes, the labels and the names, before any training.

What can't train right is an error; what is only suspicious is a warning that says why. Whatever the file alone
decides is found without the data too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape, machine_memory
from seqnet.datasets.base import Data
from seqnet.datasets.lazy import LazyRows
from seqnet.declare import get
from seqnet.errors import Path, Problem, SeqnetError, SpecError
from seqnet.metrics import Metric, resolve_metric
from seqnet.metrics.trial import tried
from seqnet.network.front import leading
from seqnet.network.network import Node, common_dtype
from seqnet.spec.case import FIRST, Case
from seqnet.spec.lint_callbacks import lint_callbacks
from seqnet.spec.lint_output import lint_output
from seqnet.spec.lint_pictures import lint_pictures
from seqnet.spec.lint_text import lint_places, lint_vocabulary, told_length
from seqnet.spec.lint_weights import lint_weights
from seqnet.spec.placing import option_path, split_hint
from seqnet.spec.run import RunSpec
from seqnet.training.mixing import mixing_problem

# Inputs beyond this are worth scaling: with the usual initializers activations then saturate or explode.
LARGE_INPUT = 10.0
SCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "UnitNormalization", "Embedding")


def lint(spec: RunSpec, data: Data | None) -> list[Problem]:
    """Everything suspicious or wrong about the run, with the places in the file."""
    layers = spec.checked_layers
    if not layers:
        return []
    shape = data.input_shape if data is not None else spec.stated_input_shape()
    case = Case(spec, data, layers, shape)
    problems = [*_dtypes(case), *_stated_shape(case), *lint_places(case)]
    if data is not None and all(problem.warning for problem in problems):
        try:
            spec.adapt(data)
        except SpecError as error:
            problems += error.problems
    elif shape is not None and not spec.knows_widths(shape):
        case.shape = shape = None  # only the rows would tell
    if shape is not None and all(problem.warning for problem in problems):
        problems += [told_length(case, problem) for problem in spec.shape_problems(layers, shape)]
    if any(not problem.warning for problem in problems):
        return [*problems, *lint_callbacks(case, known_output=False)]
    problems += [*_rows(case), *_memory(case)]
    problems += lint_vocabulary(case)
    if any(not problem.warning for problem in problems):
        return [*problems, *lint_callbacks(case, known_output=False)]
    outputs = list(lint_output(case))
    problems += [*outputs, *_metrics(case, fits=all(problem.warning for problem in outputs))]
    problems += [*lint_callbacks(case), *_mixing(case)]
    return [*problems, *_scale(case), *lint_pictures(case)]


def _dtypes(case: Case) -> Iterator[Problem]:
    """Layers that ask for different precisions."""
    try:
        common_dtype(case.layers)
    except SeqnetError as error:
        first = next(layer.dtype for layer in case.layers if layer.dtype is not None)
        other = next(i for i, layer in enumerate(case.layers) if layer.dtype not in (None, first))
        yield Problem(case.spec.layer_path(other, "dtype"), *split_hint(str(error)))


def _stated_shape(case: Case) -> Iterator[Problem]:
    """Input shapes that layers state against the data, and where nothing reads them."""
    for index, layer in enumerate(case.layers):
        stated = layer.stated_input_shape()
        if stated is None or layer.spec_name == "Input":
            continue
        place = case.spec.layer_path(index, "input_shape", "input_dim")
        if index:
            message = f"only the first layer can state the shape of the input; here, in layer {index}, it has no effect"
            yield Problem(place, message, "remove it", warning=True)
        elif case.data is not None and not _agrees(stated, case.data.input_shape):
            message = f"the rows of {case.data.name} have shape {case.data.input_shape}, not {stated}"
            yield Problem(place, message, f"write {list(case.data.input_shape)}, or leave it out")


def _agrees(stated: Shape, given: Shape) -> bool:
    return len(stated) == len(given) and all(want in (None, got) for want, got in zip(stated, given, strict=True))


def _rows(case: Case) -> Iterator[Problem]:
    """Rows against batches, targets and weights."""
    spec, data = case.spec, case.data
    if data is None:
        return
    for warning in data.warnings:
        yield Problem(data_path(spec), warning, warning=True)
    rows, size, training = len(data.train), spec.training.batch_size, spec.training
    if case.labels is None and spec.loss is not None:
        message = f"the training rows of {data.name} have no targets, so there is nothing to learn"
        source = spec.data.source if spec.data is not None else None
        yield Problem(data_path(spec), message, source.targets_hint if source is not None else "")
    for name, split in data.splits.items():
        if split.y is None and case.labels is not None and (name == "validation" or spec.loss is None):
            message = f"the {name} rows of {data.name} have no targets"
            yield Problem(data_path(spec), message, "add them, or leave these rows out")
    section = spec.data
    for option in ("group_by", "order_by"):
        if section is not None and getattr(section, option) is not None and len(data.rows) == 1:
            message = f"{option} divides nothing here: no rows are held back for validation or testing"
            yield Problem(("data", option), message, "add validation_split: 0.2; seqnet cv needs none", warning=True)
    if rows < size:
        message = f"batch_size {size} is more than the {rows} training rows, so an epoch is a single step"
        yield Problem(("training", "batch_size"), message, f"at most {rows} makes sense", warning=True)
    steps, batches = training.steps_per_epoch, math.ceil(rows / size)
    if steps is not None and steps > batches:
        message = f"steps_per_epoch {steps} is more than the {batches} batches of {size} in {rows} rows"
        yield Problem(("training", "steps_per_epoch"), message, "leave it out to use all rows")
    yield from lint_weights(training, data)


def _mixing(case: Case) -> Iterator[Problem]:
    """What augment mixes against the rows and the loss."""
    mixers, shape, loss = case.spec.training.augment, case.shape, case.loss
    if not mixers or shape is None or loss is None:
        return
    first = next((layer for layer in case.layers if layer.spec_name != "Input"), None)
    problem = mixing_problem(mixers, shape, first is not None and first.takes_integers, loss)
    if problem is not None:
        yield Problem(("training", "augment"), *split_hint(problem))


def _memory(case: Case) -> Iterator[Problem]:
    """Weights, or the output of one layer for one batch, beyond what the machine has."""
    available = machine_memory()
    if available is None:
        return
    rows = (
        case.spec.training.batch_size if case.data is None else min(case.spec.training.batch_size, len(case.data.train))
    )
    item = np.dtype(common_dtype(case.layers)).itemsize
    for index, node in enumerate(case.nodes):
        numbers = sum(math.prod(spec.shape) for spec in node.layer.param_specs(node.in_shape).values())
        for words, needed in (
            (f"{numbers:,} parameters, which with gradients and optimizer take", 4 * numbers * item),
            (f"an output of shape {node.out_shape}, which for a batch of {rows} takes", rows * _size(node) * item),
        ):
            if needed > available:
                layer = f"layer {index} ({node.layer.name}, {node.layer.spec_name})"
                message = f"{layer} has {words} {needed / 1e9:,.0f} GB; this machine has {available / 1e9:,.0f} GB"
                place = case.spec.layer_path(index, "units", "filters", "output_dim", "target_shape", "n", "size")
                yield Problem(
                    place, message, "make it smaller, or the batch" if "batch" in words else "make it smaller"
                )
                return


def _size(node: Node) -> int:
    return math.prod(length or 1 for length in node.out_shape)


def data_path(spec: RunSpec) -> Path:
    """The place that names the rows."""
    if spec.data is None or spec.data.source is None:
        return ("data", "dataset")
    return ("data", spec.data.source.spec_name, type(spec.data.source).paths[0])


def _metrics(case: Case, *, fits: bool) -> Iterator[Problem]:
    """Metrics that can't be computed on these labels, and values that would be logged under one name.

    fits: the labels fit the outputs; where they do not, every metric would only repeat it.
    """
    taken = {"loss"}
    for index, entry in enumerate(case.spec.metrics):
        place: Path = ("metrics", index)
        metric = get(Metric, entry)
        if metric.name in taken:
            message = f"two values would be logged as {metric.name!r}"
            hint = f"give this one another name: {metric.spec_name}: {{name: my_{metric.name}}}"
            yield Problem(option_path(place, entry, "name"), message, hint)
        taken.add(metric.name)
        if not fits or case.labels is None or case.output is None or not len(case.labels):
            continue
        broken = _computed(entry, case.labels, case.output)
        if broken is not None:
            yield Problem(place, *split_hint(broken))
        elif "accuracy" in metric.name and (case.is_regression or not _whole(case.labels)):
            message = f"{metric.name} counts equal labels, but the targets are real numbers"
            yield Problem(place, message, "use mae or root_mean_squared_error", warning=True)


def _computed(entry: Any, labels: Array, output: Shape) -> str | None:
    """What a metric says when it is tried on the first labels."""
    try:
        tried(resolve_metric(get(Metric, entry), labels.shape[1:], output), labels, output)
    except SeqnetError as error:
        return str(error)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        name = entry if isinstance(entry, str) else next(iter(entry))
        shapes = f"labels (N, {', '.join(map(str, labels.shape[1:]))}) and outputs (N, {', '.join(map(str, output))})"
        return f"{name} can't be computed from {shapes.replace('(N, )', '(N,)')}; leave it out"
    return None


def _whole(labels: Array) -> bool:
    return labels.dtype.kind != "f" or np.array_equal(labels, np.rint(labels))


def _scale(case: Case) -> Iterator[Problem]:
    """Inputs far from the range that the usual initializers are made for."""
    data = case.data
    if data is None or data.train.x.size == 0 or leading(case.layers):
        return
    if data.preparation is not None and data.preparation.scales_inputs:
        return
    for node in case.nodes:
        if node.layer.spec_name in SCALING:
            return
        if node.layer.param_specs(node.in_shape):
            break
    x = data.train.x[:FIRST] if isinstance(data.train.x, LazyRows) else data.train.x
    largest = float(max(abs(float(x.max())), abs(float(x.min()))))
    if largest > LARGE_INPUT:
        fix = "Normalization, which learns mean and variance from the training rows"
        if x.dtype == np.uint8:
            fix = "Rescaling: {scale: 0.00392156862745098}, which is 1 / 255"
        message = f"the inputs reach {largest:g} and nothing scales them, which slows or stops training"
        after = "after Input add" if case.layers[0].spec_name == "Input" else "begin the model with"
        yield Problem(("model", 0), message, f"{after} {fix}", warning=True)
