"""Intersection over union: how much of two areas, of labels and of predictions, is shared."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Number, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.losses.shapes import as_floats, fit_weights
from seqnet.metrics.base import AFTER_DTYPE, Metric, metric
from seqnet.metrics.labels import class_rows

EPSILON = 1e-7

ClassIds = Annotated[tuple[int, ...], Tuple(Number(whole=True, ge=0), minimum=1)]


class IoUMetric(Metric):
    """mean over classes of tp / (tp + fp + fn), from a confusion matrix; classes that never occur leave the mean.

    Weights are cut to whole numbers, as in Keras, unless dtype is a float.
    """

    direction = "max"
    classes: int
    targets: tuple[int, ...]
    ignored: int | None = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p = self.indices(np.asarray(y_true), np.asarray(y_pred))
        weights = np.ones((1,) * t.ndim)
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            weights = weights.reshape(weights.shape + (1,) * (t.ndim - weights.ndim))
            weights = fit_weights(self.name, weights, t.shape)
            if not (self.dtype or "int").startswith("float"):
                if (np.trunc(weights) != weights).any():
                    warnings.warn(
                        f"{self.name} cuts weights to whole numbers; set dtype: float32 to keep them", stacklevel=2
                    )
                weights = np.trunc(weights)
        weights = np.broadcast_to(weights, t.shape).ravel()
        t, p = t.ravel().astype(np.intp), p.ravel().astype(np.intp)
        number = self.classes
        inside = (t >= 0) & (t < number) & (p >= 0) & (p < number)
        if self.ignored is not None:
            inside &= t != self.ignored
        place = t[inside] * number + p[inside]
        self.add("confusion", np.bincount(place, weights[inside], number * number).reshape(number, number))

    @abstractmethod
    def indices(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """(labels, predictions) as class numbers of one shape."""

    def result(self) -> float:
        confusion = np.asarray(self.sums.get("confusion", np.zeros((self.classes, self.classes))))
        hits = np.diag(confusion)
        union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
        hits, union = hits[list(self.targets)], union[list(self.targets)]
        present = union > 1e-9
        return float(np.where(present, hits / (union + EPSILON), 0.0).sum() / (present.sum() + EPSILON))


class ClassIoU(IoUMetric):
    """From class numbers or rows of scores."""

    num_classes: PositiveInt = option("how many classes there are", example=2)
    ignore_class: int | None = option("a label whose entries do not count", default=None, last=AFTER_DTYPE)
    sparse_y_pred: bool = option("y_pred holds class numbers, not scores", default=True, last=AFTER_DTYPE + 2)
    axis: int = option("the class axis of scores and one-hot labels", default=-1, last=AFTER_DTYPE + 3)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        top = max(values.get("target_class_ids", (0,)))
        if top >= values["num_classes"]:
            yield "target_class_ids", f"there is no class {top} among {values['num_classes']}: they count from 0"

    def setup(self) -> None:
        super().setup()
        self.classes, self.ignored = self.num_classes, self.ignore_class
        self.targets = getattr(self, "target_class_ids", tuple(range(self.num_classes)))

    def indices(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        # Of different ranks, the one with an axis more has the class axis; of equal ranks, the options say, unless only
        # scores fit the labels.
        if self.sparse_y_pred and self.fits_scores(y_true, y_pred):
            y_pred = y_pred.argmax(axis=self.axis)
            y_true = np.squeeze(y_true, self.axis) if y_true.shape[self.axis] == 1 else y_true.argmax(axis=self.axis)
        more = y_true.ndim - y_pred.ndim
        scores = more < 0 if more else not self.sparse_y_pred
        alike = scores and y_true.shape == y_pred.shape
        t = self.numbers(y_true, more > 0 if more else alike or not getattr(self, "sparse_y_true", False))
        p = self.numbers(y_pred, scores)
        if t.size != p.size:
            raise ShapeError(
                f"{self.name}: labels of shape {t.shape} do not fit predictions of shape {p.shape} as class numbers;"
                " rows of scores need sparse_y_pred: false"
            )
        return t.reshape(p.shape), p

    def fits_scores(self, y_true: Array, y_pred: Array) -> bool:
        """Whether predictions of the labels' rank can only be scores: for labels (N, 1) or one-hot rows of as many."""
        classes = y_pred.shape[self.axis] if y_pred.ndim > 1 else 0
        if y_pred.dtype.kind != "f" or not 1 < y_pred.ndim == y_true.ndim or not 1 < classes == self.num_classes:
            return False
        if y_true.shape[self.axis] == 1:
            return True
        if y_true.shape != y_pred.shape or not ((y_true == 0) | (y_true == 1)).all():
            return False
        return bool((np.count_nonzero(y_true, axis=self.axis) == 1).all())

    def numbers(self, x: Array, is_rows: bool) -> Array:
        """Class numbers of rows of scores."""
        return x.argmax(axis=self.axis) if is_rows and x.shape[self.axis] != 1 else x


TARGETS = option("the classes whose mean is reported", example=[0])
SPARSE_Y_TRUE = option("y_true holds class numbers, not one-hot rows", default=True, last=AFTER_DTYPE + 1)
SCORES = option("y_pred holds class numbers, not scores", default=False, last=AFTER_DTYPE + 2)


@metric()
class IoU(ClassIoU):
    """mean over target_class_ids of tp / (tp + fp + fn). y_true, y_pred: (N, ...) class numbers, or rows of scores."""

    target_class_ids: ClassIds = TARGETS
    sparse_y_true: bool = SPARSE_Y_TRUE


@metric()
class MeanIoU(ClassIoU):
    """mean over all classes of tp / (tp + fp + fn). y_true, y_pred: (N, ...) class numbers, or rows of scores."""

    sparse_y_true: bool = SPARSE_Y_TRUE


@metric()
class OneHotIoU(ClassIoU):
    """mean over target_class_ids of tp / (tp + fp + fn).

    y_true: (N, ..., K) one-hot or (N, ...) integers, y_pred: (N, ..., K).
    """

    target_class_ids: ClassIds = TARGETS
    sparse_y_pred: bool = SCORES


@metric()
class OneHotMeanIoU(ClassIoU):
    """mean over all classes of tp / (tp + fp + fn). y_true: (N, ..., K) one-hot or (N, ...), y_pred: (N, ..., K)."""

    sparse_y_pred: bool = SCORES


@metric()
class BinaryIoU(IoUMetric):
    """mean over target_class_ids of tp / (tp + fp + fn), a prediction of at least `threshold` being class 1.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1.
    """

    target_class_ids: Annotated[tuple[int, ...], Tuple(Number(whole=True, ge=0, le=1), minimum=1)] = option(
        "the classes whose mean is reported", default=(0, 1)
    )
    threshold: float = option("a prediction of at least this is class 1", default=0.5)

    def setup(self) -> None:
        super().setup()
        self.classes, self.targets = 2, self.target_class_ids

    def indices(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        y_true = class_rows(self.name, y_true, y_pred)
        if y_true.size != y_pred.size:
            raise ShapeError(f"{self.name}: labels of shape {y_true.shape} do not fit predictions of {y_pred.shape}")
        return y_true.reshape(y_pred.shape), as_floats(y_pred) >= self.threshold
