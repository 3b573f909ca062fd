"""Circle loss: embeddings of one class together, of different classes apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import sigmoid, softplus
from seqnet.losses.base import Linearized, Loss, Weights, like, loss, spread
from seqnet.losses.labels import embedding_problem
from seqnet.losses.shapes import as_floats, whole_numbers


@loss()
class Circle(Loss):
    """values = log(1 + sum over positives of exp(g (d^2 - m^2)) * sum over negatives of exp(g (1 + m - d)(1 - m - d))).

    d = max(1 - cosine, 0) between a row and another; positives have the row's label, negatives another one; g = gamma,
    m = margin; a negative further than 1 + m counts with weight 0. Rows with value 0 do not count in a mean.
    y_true: (N,) or (N, 1) integers, y_pred: (N, D) rows of length 1 (end in UnitNormalization) -> values: (N,).
    The rows of a batch are compared with each other, so a batch is never cut into shards.
    Reference: Y. Sun et al., Circle loss: a unified perspective of pair similarity optimization, 2020,
    arXiv:2002.10857.
    """

    labels = "integer"
    whole_batch = True

    gamma: float = option("scale of the similarities", default=80.0)
    margin: float = option("relaxation: how far from perfect a pair still counts as good", default=0.4)
    remove_diagonal: bool = option("leave out the pair of a row with itself", default=True)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given = as_floats(y_pred)
        p = given if self.dtype is None else given.astype(self.dtype, copy=False)
        labels = whole_numbers(self.name, np.asarray(y_true))
        if p.ndim != 2 or labels.shape not in ((len(p),), (len(p), 1)):
            raise ShapeError(
                f"{self.name}: needs embeddings (N, D) and labels (N,), got {p.shape} and {labels.shape};"
                " end the model in Flatten or a Dense layer"
            )
        labels = labels.ravel()
        values, slope = self.compare(labels, p, labels, p)

        def pullback(weights: Weights) -> Array:
            by_cosine = slope() * spread(weights, values.shape, -1)  # (N, N)
            return like(given, (by_cosine + by_cosine.T) @ p)

        return Linearized(values, pullback, values > 0)

    def compare(self, labels: Array, p: Array, other_labels: Array, others: Array) -> tuple[Array, Callable[[], Array]]:
        """Values of rows p (N, D) against others (M, D), and a function giving d values / d cosine (N, M)."""
        gamma, margin = self.gamma, self.margin
        cosine = p @ others.T
        d = np.maximum(1 - cosine, 0)
        positive: Array = labels[:, None] == other_labels
        negative = ~positive
        if self.remove_diagonal:
            np.fill_diagonal(positive, False)
        near, far = np.maximum(margin + d, 0), np.maximum(1 + margin - d, 0)
        p_total, p_share = log_sum_exp(-gamma * near * (margin - d), positive)
        n_total, n_share = log_sum_exp(gamma * far * (1 - margin - d), negative)
        # A row without positives or without negatives has nothing to separate: its value is softplus(-inf) = 0.
        whole = positive.any(axis=1) & negative.any(axis=1)
        both = np.where(whole, p_total + n_total, 0)
        values = np.where(whole, softplus(both), 0).astype(p.dtype)

        def slope() -> Array:
            by_d = p_share * (2 * gamma) * d * (near > 0) + n_share * (2 * gamma) * (d - 1) * (far > 0)
            by_cosine: Array = by_d * -(cosine <= 1).astype(p.dtype)
            by_cosine *= (sigmoid(both) * whole)[:, None]
            return by_cosine

        return values, slope

    def label_problem(self, y_true: Array, y_pred_shape: Shape, num_classes: int | None = None) -> str | None:
        return embedding_problem("circle", np.asarray(y_true), y_pred_shape)


def log_sum_exp(x: Array, chosen: Array) -> tuple[Array, Array]:
    """log of the sum of exp(x) over the chosen of each row (0 if none are), and each entry's share of that sum."""
    top = np.max(x, axis=1, keepdims=True, where=chosen, initial=-np.inf)
    top = np.where(top == -np.inf, 0, top)
    exps = np.where(chosen, np.exp(np.where(chosen, x - top, 0)), 0)
    total = exps.sum(axis=1, keepdims=True)
    total = np.where(total > 0, total, 1)
    return (np.log(total) + top)[:, 0], exps / total
