"""Crossentropies: the losses of classifiers, from probabilities or, more exactly, from logits.

From probabilities Keras's rule holds: rows are divided by their sum, clipped to [1e-7, 1 - 1e-7], and outside the clip
the gradient is 0. From logits nothing is clipped. Training replaces a softmax or sigmoid before the loss by the form
from logits (`after`), which is the same function wherever the clip does not act.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Share
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import _largest as largest
from seqnet.kernels.elementwise import _total as total
from seqnet.kernels.elementwise import sigmoid
from seqnet.losses.base import EPSILON, ElementwiseLoss, Linearized, Loss, Pullback, Weights, like, loss, paired, spread
from seqnet.losses.shapes import as_floats, class_labels, hide_masked, row_starts

if TYPE_CHECKING:
    from seqnet.activations import Activation


@loss("bce", "BCE")
class BinaryCrossentropy(ElementwiseLoss):
    """values = mean over axis of -(t log p + (1 - t) log(1 - p)), p = y_pred or sigmoid(y_pred).

    y_true, y_pred: (N, ..., C) -> values: (N, ...). t = y_true (1 - s) + s / 2 with s = label_smoothing.
    Differs from PyTorch: BCELoss clips the logarithm at -100 where this clips p at 1e-7.
    """

    labels = "binary"
    scores = "probabilities"

    from_logits: bool = option("y_pred are logits, before a sigmoid", default=False)
    label_smoothing: Share = option("share of each label moved to 0.5", default=0.0)
    axis: int = option("the axis that is averaged", default=-1)

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        t = smooth(t, self.label_smoothing, 2)
        return binary_from_logits(t, p) if self.from_logits else binary_from_probabilities(t, p)

    def after(self, activation: Activation) -> Loss | None:
        if self.from_logits or activation.spec_name != "sigmoid":
            return None
        return self.replace(from_logits=True)


@loss()
class CategoricalCrossentropy(Loss):
    """values = -sum over classes of t log p, p = y_pred / sum(y_pred) or softmax(y_pred).

    y_true, y_pred: (N, ..., K) -> values: (N, ...). t = y_true (1 - s) + s / K with s = label_smoothing.
    Raises ShapeError where labels are not rows of K, as integer labels are.
    """

    labels = "one_hot"
    scores = "probabilities"
    integer_form = "sparse_categorical_crossentropy"

    from_logits: bool = option("y_pred are logits, before a softmax", default=False)
    label_smoothing: Share = option("share of each label spread evenly over the classes", default=0.0)
    axis: int = option("the class axis", default=-1)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        t = smooth(t, self.label_smoothing, p.shape[self.axis])
        values, slope = log_likelihood(t, p, self.axis, self.from_logits)

        def pullback(weights: Weights) -> Array:
            gradient = slope()
            gradient *= spread(weights, values.shape, self.axis)
            return like(given, gradient)

        return Linearized(values, pullback)

    def after(self, activation: Activation) -> Loss | None:
        return self.replace(from_logits=True) if not self.from_logits and is_softmax(activation, self.axis) else None


class IntegerLabelsLoss(Loss):
    """A loss of class probabilities whose labels are integers (N, ...) or (N, ..., 1)."""

    labels = "integer"
    scores = "probabilities"
    axis: int = -1

    def split(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """(y_true without its class axis, y_pred with its class axis last), shapes checked."""
        y_true = np.asarray(y_true)
        p = y_pred if self.axis == -1 else np.moveaxis(y_pred, self.axis, -1)
        if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[self.axis] == 1:
            y_true = np.squeeze(y_true, self.axis)
        if y_true.shape != p.shape[:-1]:
            hint = f"give one integer for each row of {p.shape[-1]} scores" if p.ndim else "y_pred has no class axis"
            if y_true.shape == p.shape:
                hint = "one-hot labels are for categorical_crossentropy; or give the integers (argmax of each row)"
            raise ShapeError(
                f"{self.name}: labels of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}; {hint}"
            )
        return y_true, p

    def unmasked(self, y_true: Array, mask: Array) -> Array:
        return hide_masked(y_true, mask)


@loss()
class SparseCategoricalCrossentropy(IntegerLabelsLoss):
    """values = -log p[y_true], p = y_pred / sum(y_pred) or softmax(y_pred).

    y_true: (N, ...) or (N, ..., 1) integers, y_pred: (N, ..., K) -> values: (N, ...).
    Raises DataError for a label outside 0..K-1 (Keras on JAX counts such a row as 0).
    """

    from_logits: bool = option("y_pred are logits, before a softmax", default=False)
    ignore_class: int | None = option("a label whose entries do not count", default=None)
    axis: int = option("the class axis", default=-1, last=15)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given = as_floats(y_pred)
        labels, p = self.split(y_true, as_floats(given, self.dtype))
        valid = None
        if self.ignore_class is not None:
            valid = labels != self.ignore_class
            labels = np.where(valid, labels, 0)
        width = p.shape[-1]
        labels = class_labels(self.name, labels, width)
        index = row_starts(labels.size, width) + labels.ravel()
        values, pull = (self._logits if self.from_logits else self._probabilities)(p.reshape(-1, width), index)
        values = values.reshape(labels.shape)
        if valid is not None:
            values *= valid

        def pullback(weights: Weights) -> Array:
            if valid is not None:
                weights = weights * valid
            if not isinstance(weights, float):
                weights = np.broadcast_to(weights, labels.shape).reshape(-1)
            gradient = pull(weights).reshape(p.shape)
            if self.axis != -1:
                gradient = np.moveaxis(gradient, -1, self.axis)
            return gradient.astype(given.dtype, copy=False)

        return Linearized(values, pullback, valid)

    @staticmethod
    def _logits(x: Array, index: Array) -> tuple[Array, Pullback]:
        z = x - largest(x, -1)
        picked = z.ravel().take(index)
        exps = np.exp(z, out=z)
        sums = total(exps, -1)
        values = np.log(sums).ravel() - picked

        def pull(weights: Weights) -> Array:
            # d/dx of (log sum exp x - x[y]) is softmax(x) - one_hot(y)
            gradient: Array = exps * ((weights if isinstance(weights, float) else weights[:, None]) / sums)
            gradient.ravel()[index] -= weights
            return gradient

        return values, pull

    @staticmethod
    def _probabilities(p: Array, index: Array) -> tuple[Array, Pullback]:
        sums = total(p, -1)
        picked = p.ravel().take(index) / sums.ravel()
        clipped = np.clip(picked, EPSILON, 1.0 - EPSILON)

        def pull(weights: Weights) -> Array:
            # With q = p[y] / S: d(-log q)/dp_j = 1/S - [j = y] / (q S)
            inside = weights * ((picked >= EPSILON) & (picked <= 1.0 - EPSILON)) / sums.ravel()
            inside = inside.astype(p.dtype, copy=False)
            gradient = np.empty(p.shape, p.dtype)
            gradient[...] = (inside * picked / clipped)[:, None]
            gradient.ravel()[index] -= inside / clipped
            return gradient

        return -np.log(clipped), pull

    @property
    def couples_rows(self) -> bool:
        return self.ignore_class is not None or self.reduction == "mean_with_sample_weight"

    def soft_form(self) -> Loss | None:
        if self.ignore_class is not None or self.axis != -1:
            return None
        return CategoricalCrossentropy(
            from_logits=self.from_logits, reduction=self.reduction, name=self.name, dtype=self.dtype
        )

    def after(self, activation: Activation) -> Loss | None:
        return self.replace(from_logits=True) if not self.from_logits and is_softmax(activation, self.axis) else None


# -- shared by the losses and metrics of classes ---------------------------------------------------------------------


def smooth(t: Array, share: float, classes: int) -> Array:
    """Labels with a share moved to the uniform distribution over the classes."""
    return t * (1.0 - share) + share / classes if share else t


def is_softmax(activation: Activation, axis: int) -> bool:
    """Whether an activation is the softmax over the loss's class axis."""
    return activation.spec_name == "softmax" and getattr(activation, "axis", -1) == axis


def binary_from_logits(t: Array, x: Array) -> tuple[Array, Callable[[], Array]]:
    """-(t log s(x) + (1 - t) log(1 - s(x))) = max(x, 0) - t x + log(1 + exp(-|x|)), and its slope s(x) - t."""
    small = np.exp(-np.abs(x))
    losses = np.maximum(x, 0)
    losses -= t * x
    losses += np.log1p(small)

    def slope() -> Array:
        gradient = sigmoid(x)
        gradient -= t
        return gradient

    return losses, slope


def binary_from_probabilities(t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
    """-(t log c + (1 - t) log(1 - c)) with c = p clipped, and its slope (c - t) / (c (1 - c)), 0 outside the clip."""
    c = np.clip(p, EPSILON, 1.0 - EPSILON)
    losses = -(t * np.log(c) + (1 - t) * np.log(1 - c))

    def slope() -> Array:
        gradient: Array = (c - t) / (c * (1 - c))
        gradient *= c == p
        return gradient

    return losses, slope


def log_likelihood(t: Array, p: Array, axis: int, from_logits: bool) -> tuple[Array, Callable[[], Array]]:
    """-sum of t log p over the class axis, and its gradient."""
    if from_logits:
        z = p - largest(p, axis)
        exps = np.exp(z)
        sums = total(exps, axis)
        z -= np.log(sums)
        z *= t
        values = -np.squeeze(total(z, axis), axis)

        def slope() -> Array:
            # softmax(x) sum(t) - t, where smoothed or soft labels need not add up to 1
            gradient: Array = exps * (total(t, axis) / sums)
            gradient -= t
            return gradient

        return values, slope
    q = p / total(p, axis)
    c = np.clip(q, EPSILON, 1.0 - EPSILON)
    values = -np.squeeze(total(t * np.log(c), axis), axis)
    return values, lambda: through_sum(-t / c * (c == q), p, q, axis)


def through_sum(gradient: Array, p: Array, q: Array, axis: int) -> Array:
    """From d/dq to d/dp of q = p / sum(p): (g - sum(g q)) / sum(p)."""
    through: Array = (gradient - total(gradient * q, axis)) / total(p, axis)
    return through
