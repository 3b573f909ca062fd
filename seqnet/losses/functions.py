"""The losses as functions with Keras's signatures: per-row values, unreduced.

Each stands for its class wherever a loss or a metric is asked for: compile(loss=seqnet.losses.mean_squared_error).
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.declare import Option, options_of
from seqnet.errors import SpecError
from seqnet.losses.circle import Circle
from seqnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from seqnet.losses.ctc import CTC
from seqnet.losses.divergence import CategoricalGeneralizedCrossEntropy, KLDivergence, Poisson
from seqnet.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
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
from seqnet.losses.shapes import as_floats, whole_numbers


class ValuesFunction:
    """`huber(y_true, y_pred, delta=1.0)`: the per-row values of a loss or metric, with the options of its class."""

    def __init__(self, name: str, component: Any) -> None:
        self.component = component
        self.__name__ = self.__qualname__ = name
        self.__doc__ = component.__doc__

    @property
    def options(self) -> list[Option]:
        """Those that concern the values."""
        return [o for o in options_of(self.component).values() if o.name not in ("reduction", "name", "dtype")]

    @property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in ("y_true", "y_pred")]
        return inspect.Signature(
            [*parameters, *(inspect.Parameter(o.name, kind, default=o.default) for o in self.options)]
        )

    def __call__(self, y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Array:
        names = [o.name for o in self.options]
        if len(args) > len(names) or kwargs.keys() & set(names[: len(args)]):
            raise SpecError(f"{self.__name__} takes y_true, y_pred and {names}, each once, got {len(args)} by position")
        p = as_floats(y_pred)
        component = self.component(**dict(zip(names, args, strict=False)), **kwargs)
        values: Array = component.values(np.asarray(y_true), p)
        return values.astype(p.dtype, copy=False)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class CircleFunction(ValuesFunction):
    """`circle`: as the loss, or against other rows (`ref_labels`, `ref_embeddings`), with the order of Keras."""

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__call__)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        ref_labels: Any = None,
        ref_embeddings: Any = None,
        remove_diagonal: bool = True,
        gamma: float = 80,
        margin: float = 0.4,
    ) -> Array:
        loss = Circle(gamma, margin, remove_diagonal)
        if ref_labels is None and ref_embeddings is None:
            return loss.values(y_true, y_pred)
        labels, rows = whole_numbers(loss.name, np.asarray(y_true)).ravel(), as_floats(y_pred)
        others = rows if ref_embeddings is None else as_floats(ref_embeddings)
        other_labels = labels if ref_labels is None else whole_numbers(loss.name, np.asarray(ref_labels)).ravel()
        return loss.compare(labels, rows, other_labels, others)[0]


binary_crossentropy = ValuesFunction("binary_crossentropy", BinaryCrossentropy)
binary_focal_crossentropy = ValuesFunction("binary_focal_crossentropy", BinaryFocalCrossentropy)
categorical_crossentropy = ValuesFunction("categorical_crossentropy", CategoricalCrossentropy)
categorical_focal_crossentropy = ValuesFunction("categorical_focal_crossentropy", CategoricalFocalCrossentropy)
categorical_generalized_cross_entropy = ValuesFunction(
    "categorical_generalized_cross_entropy", CategoricalGeneralizedCrossEntropy
)
categorical_hinge = ValuesFunction("categorical_hinge", CategoricalHinge)
circle = CircleFunction("circle", Circle)
cosine_similarity = ValuesFunction("cosine_similarity", CosineSimilarity)
ctc = ValuesFunction("ctc", CTC)
dice = ValuesFunction("dice", Dice)
hinge = ValuesFunction("hinge", Hinge)
huber = ValuesFunction("huber", Huber)
kl_divergence = ValuesFunction("kl_divergence", KLDivergence)
log_cosh = ValuesFunction("log_cosh", LogCosh)
mean_absolute_error = ValuesFunction("mean_absolute_error", MeanAbsoluteError)
mean_absolute_percentage_error = ValuesFunction("mean_absolute_percentage_error", MeanAbsolutePercentageError)
mean_squared_error = ValuesFunction("mean_squared_error", MeanSquaredError)
mean_squared_logarithmic_error = ValuesFunction("mean_squared_logarithmic_error", MeanSquaredLogarithmicError)
poisson = ValuesFunction("poisson", Poisson)
sparse_categorical_crossentropy = ValuesFunction("sparse_categorical_crossentropy", SparseCategoricalCrossentropy)
squared_hinge = ValuesFunction("squared_hinge", SquaredHinge)
tversky = ValuesFunction("tversky", Tversky)
