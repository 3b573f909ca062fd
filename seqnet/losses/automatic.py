"""The loss `crossentropy`: the crossentropy that fits the shapes."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.declare import option
from seqnet.losses.base import Linearized, Loss, loss
from seqnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from seqnet.losses.shapes import kind_of_labels

CHOICES = {
    "binary": BinaryCrossentropy,
    "sparse": SparseCategoricalCrossentropy,
    "categorical": CategoricalCrossentropy,
}


@loss("ce", "CE", "Crossentropy", name="crossentropy")
class AutoCrossentropy(Loss):
    """The crossentropy that fits the shapes: binary, sparse categorical or categorical.

    y_pred (N, ..., 1) -> BinaryCrossentropy; labels of lower rank or (N, ..., 1) -> SparseCategoricalCrossentropy;
    labels like the predictions -> CategoricalCrossentropy.
    """

    default_name = "crossentropy"
    scores = "probabilities"

    from_logits: bool = option("y_pred are logits, before a softmax or sigmoid", default=False)

    @classmethod
    def automatic_aliases(cls) -> tuple[str, ...]:
        return ()

    def resolve(self, y_true_shape: Shape, y_pred_shape: Shape) -> Loss:
        """The crossentropy for shapes without the batch axis."""
        choice = CHOICES[kind_of_labels(y_true_shape, y_pred_shape)]
        return choice(from_logits=self.from_logits, reduction=self.reduction, name=self.name, dtype=self.dtype)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        return self.resolve(np.shape(y_true)[1:], np.shape(y_pred)[1:]).linearize(y_true, y_pred)

    def label_problem(self, y_true: Array, y_pred_shape: Shape, num_classes: int | None = None) -> str | None:
        return self.resolve(np.shape(y_true)[1:], y_pred_shape).label_problem(y_true, y_pred_shape, num_classes)
