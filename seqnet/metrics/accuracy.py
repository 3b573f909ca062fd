"""The accuracy family: the share of predictions that hit."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import PositiveInt
from seqnet.declare import option
from seqnet.losses.shapes import align, check_same_shape, class_labels, kind_of_labels
from seqnet.metrics.base import AFTER_DTYPE, MeanMetric, Metric, metric
from seqnet.metrics.labels import class_indices, class_rows


@metric()
class Accuracy(MeanMetric):
    """The share of y_true == y_pred, exactly. For class scores see `accuracy`.

    y_true, y_pred: (N, ...).
    """

    direction = "max"
    by_string = False  # compile and YAML take the bare word `Accuracy` for `accuracy`, as Keras's compile does

    def called(self, name: str) -> None:
        super().called(name)
        self.by_string = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = align(y_true, y_pred)
        check_same_shape(self.name, y_true, y_pred, "for class scores use the metric accuracy")
        equal: Array = y_true == y_pred
        return equal

    def output_problem(self, y_pred_shape: Shape) -> str | None:
        return "Accuracy counts predictions that equal the label exactly, which scores never do; use accuracy"


@metric()
class BinaryAccuracy(MeanMetric):
    """The share of y_true == (y_pred > threshold), element by element.

    y_true: (N, ..., C) of 0 and 1, or integer classes (N, ...); y_pred: (N, ..., C).
    """

    direction = "max"

    threshold: float = option("a prediction above it counts as 1", default=0.5, last=AFTER_DTYPE)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return binary_hits(self.name, y_true, y_pred, self.threshold)


@metric()
class CategoricalAccuracy(MeanMetric):
    """The share of rows whose largest score is at the label.

    y_true: (N, ..., K) one-hot or (N, ...) integers, y_pred: (N, ..., K).
    """

    direction = "max"
    ranks_only = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        if y_true.shape == y_pred.shape and y_true.ndim:
            y_true = y_true.argmax(axis=-1)
        return class_hits(self.name, y_true, y_pred)


@metric()
class SparseCategoricalAccuracy(MeanMetric):
    """The share of rows whose largest score is at the label.

    y_true: (N, ...) or (N, ..., 1) integers or (N, ..., K) one-hot, y_pred: (N, ..., K).
    """

    direction = "max"
    ranks_only = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return class_hits(self.name, y_true, y_pred)


@metric()
class SparseTopKCategoricalAccuracy(MeanMetric):
    """The share of rows whose label is among the k largest scores; ties all count.

    y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K) scores, or (N, ..., k) class numbers from the
    likeliest on with from_sorted_ids.
    """

    direction = "max"
    ranks_only = True

    k: PositiveInt = option("how many of the largest scores count", default=5)
    from_sorted_ids: bool = option("y_pred holds class numbers, likeliest first", default=False, last=AFTER_DTYPE)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        if not self.from_sorted_ids:
            return in_top_k(self.name, y_true, y_pred, self.k)
        labels = y_true[..., 0] if y_true.ndim == y_pred.ndim else y_true
        hit: Array = (labels[..., None] == y_pred[..., : self.k]).any(axis=-1)
        return hit


@metric()
class TopKCategoricalAccuracy(MeanMetric):
    """The share of rows whose label is among the k largest scores; ties all count.

    y_true: (N, ..., K) one-hot or (N, ...) integers, y_pred: (N, ..., K).
    """

    direction = "max"
    ranks_only = True

    k: PositiveInt = option("how many of the largest scores count", default=5)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        return in_top_k(self.name, y_true, y_pred, self.k)


@metric("acc", "Acc", "ACC", name="accuracy")
class AutoAccuracy(MeanMetric):
    """The accuracy that fits the shapes: binary for one output, else by the largest score.

    y_pred (N, ..., 1) -> BinaryAccuracy at 0.5; labels of lower rank or (N, ..., 1) -> SparseCategoricalAccuracy;
    labels like the predictions -> CategoricalAccuracy. The loss plays no part in the choice, as in Keras: a model with
    several sigmoid outputs needs binary_accuracy by name.
    """

    default_name = "accuracy"
    direction = "max"

    @classmethod
    def automatic_aliases(cls) -> tuple[str, ...]:
        return ()

    def resolve(self, y_true_shape: Shape, y_pred_shape: Shape) -> Metric:
        """The accuracy for shapes without the batch axis, under the same name."""
        return CHOICES[kind_of_labels(y_true_shape, y_pred_shape)](name=self.name, dtype=self.dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        if kind_of_labels(y_true.shape[1:], y_pred.shape[1:]) == "binary":
            return binary_hits(self.name, y_true, y_pred, 0.5)
        return class_hits(self.name, y_true, y_pred)


CHOICES: dict[str, type[MeanMetric]] = {
    "binary": BinaryAccuracy,
    "sparse": SparseCategoricalAccuracy,
    "categorical": CategoricalAccuracy,
}


def binary_hits(name: str, y_true: Array, y_pred: Array, threshold: float) -> Array:
    """Where a thresholded prediction is the label."""
    y_true, y_pred = align(class_rows(name, y_true, y_pred), y_pred)
    check_same_shape(name, y_true, y_pred)
    equal: Array = (y_pred > threshold) == y_true
    return equal


def class_hits(name: str, y_true: Array, y_pred: Array) -> Array:
    """Where the largest score is at the label."""
    equal: Array = class_indices(name, y_true, y_pred) == y_pred.argmax(axis=-1)
    return equal


def in_top_k(name: str, y_true: Array, y_pred: Array, k: int) -> Array:
    """Whether fewer than k scores are above the label's; a label whose score is NaN never counts."""
    labels = class_labels(name, class_indices(name, y_true, y_pred), y_pred.shape[-1])
    own = np.take_along_axis(y_pred, labels[..., None], axis=-1)
    hit: Array = (np.count_nonzero(y_pred > own, axis=-1) < k) & ~np.isnan(own[..., 0])
    return hit
