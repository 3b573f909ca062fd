"""Losses under Keras's names, as components (`MeanSquaredError`) and as functions that give the per-row values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.arrays import Shape
from seqnet.losses.automatic import AutoCrossentropy
from seqnet.losses.base import Linearized, Loss, loss
from seqnet.losses.circle import Circle
from seqnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from seqnet.losses.ctc import CTC
from seqnet.losses.divergence import CategoricalGeneralizedCrossEntropy, KLDivergence, Poisson
from seqnet.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from seqnet.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    circle,
    cosine_similarity,
    ctc,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from seqnet.losses.hinge import CategoricalHinge, Hinge, SquaredHinge
from seqnet.losses.overlap import Dice, Tversky
from seqnet.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)
from seqnet.registry import scope


def get(identifier: Any) -> Loss | None:
    """A loss from its name, `{Name: {options}}`, Keras's `{class_name, config}`, a class or an instance."""
    return None if identifier is None else declare.get(Loss, identifier)


def resolve_loss(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Loss:
    """The loss a model is trained with: as `get`, with `crossentropy` chosen by shapes (without the batch axis)."""
    found = declare.get(Loss, identifier)
    return found.resolve(y_true_shape, y_pred_shape) if isinstance(found, AutoCrossentropy) else found


def serialize(loss: Loss) -> dict[str, Any]:
    """Keras's form: {"class_name": …, "config": {…}}."""
    return {"class_name": loss.spec_name, "config": loss.get_config()}


def deserialize(name: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Loss:
    """The inverse of serialize; a name stands for that loss with its defaults. custom_objects: classes of
    one's own by name, where they are not registered."""
    with scope(custom_objects):
        return declare.get(Loss, name)


__all__ = [
    "AutoCrossentropy",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CTC",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "Linearized",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "loss",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve_loss",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]
