"""Texts and categories against the layers that take them: where they come first, and what must follow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seqnet.datasets.labels import is_text
from seqnet.errors import Problem
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.layers.embedding import Embedding
from seqnet.layers.lookup import Vocabular
from seqnet.network.front import leading
from seqnet.spec.case import Case

NUMBERING = ("TextVectorization", "StringLookup", "IntegerLookup", "Hashing")  # their numbers are names, not amounts
FOLLOWED = "TextVectorization: {output_sequence_length: 100}, then Embedding: {input_dim: 10000, output_dim: 64}"


def lint_places(case: Case) -> Iterator[Problem]:
    """Texts where a layer takes numbers, and numbers or the work of other layers where it takes texts."""
    layers, front = case.layers, leading(case.layers)
    real = [index for index, layer in enumerate(layers) if not isinstance(layer, Input)]
    for index in real:
        if _needs_text(layers[index]) and index > (front and real[0]):
            message = f"{_called(case, index)} takes texts, but what reaches it are the numbers of the layers before it"
            yield Problem(("model", index), message, "make it the first layer")
    if case.data is None or not real:
        return
    first, name = real[0], case.data.name
    if is_text(case.data.train.x):
        if not layers[first].takes_text:
            message = f"the rows of {name} are texts, but {_called(case, first)} takes numbers"
            yield Problem(("model", first), message, f"begin the model with {FOLLOWED}")
    elif _needs_text(layers[first]):
        message = f"{_called(case, first)} takes texts, but the rows of {name} are numbers ({case.data.train.x.dtype})"
        fix = "use the text source, or a data set's as_text"
        if layers[first].spec_name == "StringLookup":
            fix = "use IntegerLookup for whole numbers"
        yield Problem(("model", first), message, fix)


def lint_vocabulary(case: Case) -> Iterator[Problem]:
    """What follows the numbers of a vocabulary."""
    layers, front = case.layers, leading(case.layers)
    if not front or front >= len(layers):
        return
    numbering, follower = layers[front - 1], layers[front]
    if numbering.spec_name not in NUMBERING or getattr(numbering, "output_mode", "") != "int":
        return
    if isinstance(follower, Embedding):
        size = _size(numbering)
        if size is not None and size > follower.input_dim:
            message = (
                f"{_called(case, front)} has input_dim {follower.input_dim}, but {numbering.name} gives numbers up to "
                f"{size - 1}"
            )
            yield Problem(case.spec.layer_path(front, "input_dim"), message, f"write input_dim: {size}")
    elif case.nodes and follower.param_specs(case.nodes[front].in_shape):
        message = f"{_called(case, front)} takes the numbers of {numbering.name}, names, as if they were amounts"
        fix = "put Embedding: {input_dim: …, output_dim: 64} between them, or give it output_mode: multi_hot"
        size = _size(numbering)
        yield Problem(("model", front), message, fix.replace("…", str(size or 10000)), warning=True)


def told_length(case: Case, problem: Problem) -> Problem:
    """A complaint about a length that is not fixed, with the option that would fix it."""
    open_ended = [layer for layer in case.layers if getattr(layer, "output_sequence_length", 0) is None]
    if problem.hint or not open_ended or "fixed" not in problem.message:
        return problem
    hint = f"give {open_ended[0].name} an output_sequence_length, the tokens of each row"
    return replace(problem, hint=hint)


def _needs_text(layer: Layer) -> bool:
    return layer.takes_text and layer.spec_name != "Hashing"


def _size(layer: Layer) -> int | None:
    """How many numbers a layer gives, where it is known."""
    if isinstance(layer, Vocabular):
        return layer.vocabulary_size() if layer.adapted else None
    return getattr(layer, "num_bins", None)


def _called(case: Case, index: int) -> str:
    layer = case.layers[index]
    return f"layer {index} ({layer.name}, {layer.spec_name})"
