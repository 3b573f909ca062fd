"""Connectionist temporal classification: sequences of labels without their timing."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.errors import DataError, ShapeError
from seqnet.kernels.elementwise import log_softmax
from seqnet.losses.base import Linearized, Loss, Weights, like, loss
from seqnet.losses.labels import sequence_problem
from seqnet.losses.shapes import as_floats, class_labels

BLANK = 0


@loss()
class CTC(Loss):
    """values = -log of the probability of all paths of length T that read as the label when repeats and blanks go.

    y_true: (N, L) integers 1..K-1, filled with 0 at the end; y_pred: (N, T, K) logits, class 0 being the blank
    -> values: (N,). Every row uses all T steps. Not divided by the length of the label.
    Raises DataError for a label that T steps can't hold: its length plus one for each immediate repeat (Keras gives
    such rows a value of about 1e5).
    Reference: A. Graves et al., Connectionist temporal classification: labelling unsegmented sequence data with
    recurrent neural networks, 2006.
    """

    labels = "integer"
    scores = "logits"

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given = as_floats(y_pred)
        y_true = np.asarray(y_true)
        if y_true.ndim != 2 or given.ndim != 3 or len(y_true) != len(given):
            raise ShapeError(
                f"{self.name}: needs labels (N, L) and logits (N, T, classes), got {y_true.shape} and {given.shape}"
            )
        labels = class_labels(self.name, y_true, given.shape[-1])
        lengths = label_lengths(self.name, labels, given.shape[1])
        # Sums over thousands of paths and steps: float64 throughout, whatever the network computes in.
        log_p = log_softmax(given.astype(np.float64))
        lattice = Lattice(labels, lengths, log_p)
        alpha = lattice.forward()
        log_likelihood = lattice.at_end(alpha[-1])

        def pullback(weights: Weights) -> Array:
            # d(-log P)/d logit = softmax - the posterior of each class at each step
            gradient = np.exp(log_p) - lattice.posterior(alpha, log_likelihood)
            gradient *= np.broadcast_to(np.asarray(weights, np.float64), lengths.shape)[:, None, None]
            return like(given, gradient)

        return Linearized((-log_likelihood).astype(self.dtype or given.dtype, copy=False), pullback)

    def label_problem(self, y_true: Array, y_pred_shape: Shape, num_classes: int | None = None) -> str | None:
        return sequence_problem("ctc", np.asarray(y_true), y_pred_shape)


class Lattice:
    """The states a path can be in: blank, label 1, blank, label 2, …, blank (S = 2 L + 1), step by step.

    A path stays, moves to the next state, or leaves out the blank between two different labels.
    """

    def __init__(self, labels: Array, lengths: Array, log_p: Array) -> None:
        rows, width = labels.shape
        self.states = np.full((rows, 2 * width + 1), BLANK)
        self.states[:, 1::2] = labels
        self.last = 2 * lengths  # the final blank
        states = self.states
        self.jumps = np.zeros(states.shape, bool)
        self.jumps[:, 2:] = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
        index = np.broadcast_to(states[:, None, :], (rows, log_p.shape[1], states.shape[1]))
        self.emit = np.moveaxis(np.take_along_axis(log_p, index, axis=2), 1, 0)  # (T, N, S)
        self.classes = log_p.shape[2]

    def forward(self) -> Array:
        """alpha[t, n, s]: log probability of the steps 0..t of all paths that are in s at t."""
        alpha = np.full(self.emit.shape, -np.inf)
        alpha[0, :, :2] = self.emit[0, :, :2]
        for t in range(1, len(alpha)):
            before, now = alpha[t - 1], alpha[t]
            now[...] = before
            add_logs(now[:, 1:], before[:, :-1])
            add_logs(now[:, 2:], np.where(self.jumps[:, 2:], before[:, :-2], -np.inf))
            now += self.emit[t]
        return alpha

    def at_end(self, alpha: Array) -> Array:
        """Log probability of the paths in the last label or the blank behind it. alpha: (N, S) -> (N,)."""
        rows = np.arange(len(alpha))
        label = np.where(self.last > 0, alpha[rows, np.maximum(self.last - 1, 0)], -np.inf)
        return add_logs(alpha[rows, self.last], label)

    def posterior(self, alpha: Array, log_likelihood: Array) -> Array:
        """(N, T, K): the share of the label's paths that are in each class at each step."""
        steps, rows, width = alpha.shape
        n = np.arange(rows)
        after = np.full((rows, width), -np.inf)  # log probability of the steps behind t, from each state
        after[n, self.last] = 0.0
        after[n, np.maximum(self.last - 1, 0)] = 0.0
        share = np.zeros((steps, rows, self.classes))
        for t in range(steps - 1, -1, -1):
            weight = np.exp(alpha[t] + after - log_likelihood[:, None])
            for s in range(width):
                share[t, n, self.states[:, s]] += weight[:, s]
            ahead = after + self.emit[t]
            after = ahead.copy()
            add_logs(after[:, :-1], ahead[:, 1:])
            add_logs(after[:, :-2], np.where(self.jumps[:, 2:], ahead[:, 2:], -np.inf))
        return np.moveaxis(share, 0, 1)


def add_logs(a: Array, b: Array) -> Array:
    """log(exp(a) + exp(b)) into a; NaN stays NaN without a word."""
    with np.errstate(invalid="ignore"):
        total: Array = np.logaddexp(a, b, out=a)
    return total


def label_lengths(name: str, labels: Array, steps: int) -> Array:
    """(N, L) labels -> (N,) lengths. Raises DataError for a 0 inside a label and for labels too long for the steps."""
    real = labels != BLANK
    holes = real[:, 1:] & ~real[:, :-1]
    if holes.any():
        row = int(np.argwhere(holes)[0][0])
        raise DataError(f"{name}: label row {row} has a 0 before its end; 0 is the blank and only fills up the end")
    lengths: Array = np.count_nonzero(real, axis=1)
    needed = lengths + np.count_nonzero(real[:, 1:] & (labels[:, 1:] == labels[:, :-1]), axis=1)
    if (needed > steps).any():
        row = int(np.argmax(needed > steps))
        raise DataError(
            f"{name}: label row {row} needs {needed[row]} time steps (its {lengths[row]} classes, and a blank between"
            f" equal neighbours), but the predictions have {steps}; shorten the label or keep more steps"
        )
    return lengths
