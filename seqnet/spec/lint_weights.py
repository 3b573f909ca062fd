"""Whether the weights of classes and rows that a file asks for can be given to its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seqnet.datasets.base import Data
from seqnet.errors import Path, Problem, SeqnetError
from seqnet.spec.sections import SAMPLE_WEIGHT, TrainingSection
from seqnet.training.weighting import class_weights, sampling_weights


def lint_weights(training: TrainingSection, data: Data) -> Iterator[Problem]:
    """What is wrong with class_weight and weighted_sampling."""
    if training.class_weight is not None:
        yield from _of_classes("class_weight", training.class_weight, data)
    if training.weighted_sampling is not None:
        yield from _sampling(training.weighted_sampling, data)


def _sampling(weights: Mapping[int, float] | str, data: Data) -> Iterator[Problem]:
    place: Path = ("training", "weighted_sampling")
    if weights == SAMPLE_WEIGHT and data.train.sampling_weight is None:
        message = f"weighted_sampling: sample_weight needs weights, and the training rows of {data.name} have none"
        yield Problem(place, message, "give the file an array sample_weight, or write balanced")
        return
    if weights != SAMPLE_WEIGHT:
        problems = list(_of_classes("weighted_sampling", weights, data))
        yield from problems
        if problems or data.train.y is None:
            return
    try:
        if weights == SAMPLE_WEIGHT:
            assert data.train.sampling_weight is not None
            sampling_weights(data.train.sampling_weight)
        else:
            assert data.train.y is not None
            sampling_weights(class_weights(weights, data.train.y, "weighted_sampling"))
    except SeqnetError as error:
        yield Problem(place, str(error), "the weights say how often a row is drawn, relative to the others")


def _of_classes(option: str, weights: Mapping[int, float] | str, data: Data) -> Iterator[Problem]:
    place: Path = ("training", option)
    count, names = data.num_classes, data.class_names
    if count is None:
        message = f"{option} weighs classes, but the targets of {data.name} are none"
        yield Problem(place, message, "leave it out, or give rows weights of their own (sample_weight)")
    elif option == "class_weight" and data.train.sample_weight is not None:
        yield Problem(
            place, "class_weight can't be combined with the sample_weight of the data", "leave one of them out"
        )
    elif isinstance(weights, Mapping):
        listed = "" if names is None else ": " + ", ".join(f"{i} {name}" for i, name in enumerate(names[:12]))
        for label in weights:
            if not 0 <= label < count:
                message = f"{option} names class {label}, but the classes are 0 to {count - 1}"
                hint = f"the classes of {data.name} are numbered{listed}" if listed else "classes are counted from 0"
                yield Problem((*place, label), message, hint, on_key=True)
