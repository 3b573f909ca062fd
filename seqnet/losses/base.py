"""What a loss is: one value a row, its gradient, and how rows become the number that training lowers.

A loss computes on whatever rows it is given; `value_and_gradient` gives one shard's share, so that the shares of a
batch add up to the batch's loss however it was cut.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import TEXT, Optional
from seqnet.datasets.lazy import LazyRows, blocks
from seqnet.declare import Component, option
from seqnet.errors import DataError, SpecError, UsageError
from seqnet.losses.labels import label_problem
from seqnet.losses.shapes import align, as_floats, check_same_shape, fit_weights
from seqnet.registry import register, snake_case

if TYPE_CHECKING:
    from seqnet.activations import Activation

loss = register

EPSILON = 1e-7  # Keras's epsilon: what probabilities are clipped by

Reduction = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]
Weights = Array | float
Pullback = Callable[[Weights], Array]
AllReduce = Callable[[Array], Array]
Labels = Literal["integer", "one_hot", "binary", "real"]
Scores = Literal["probabilities", "logits", "values", "margins"]


class Linearized(NamedTuple):
    """A loss at one point.

    values: the per-row losses. pullback: weights, broadcastable to values -> d sum(weights * values) / d y_pred.
    valid: None, or a boolean array like values that is False where an entry does not count at all.
    """

    values: Array
    pullback: Pullback
    valid: Array | None = None


class Loss(Component):
    """loss = reduction over rows of values(y_true, y_pred) * weights.

    To write one, subclass and give `values` and `vjp`:

        @seqnet.losses.loss()
        class Quartic(seqnet.losses.Loss):
            def values(self, y_true, y_pred):
                return ((y_pred - y_true) ** 4).mean(axis=-1)

            def vjp(self, y_true, y_pred, weights):
                return 4 * (y_pred - y_true) ** 3 / y_pred.shape[-1] * weights[..., None]

    or `linearize`, where values and gradient share work.
    """

    kind = "loss"
    default_name: ClassVar[str] = ""  # Keras's name where it is not the class name in snake_case
    labels: ClassVar[Labels] = "real"  # the form of y_true that the loss expects
    scores: ClassVar[Scores] = "values"  # what y_pred is, `from_logits` aside
    least_label: ClassVar[float | None] = None  # labels below it make no sense for the loss
    integer_form: ClassVar[str] = ""  # the name of the loss that does the same with integer labels
    elementwise: ClassVar[bool] = False  # a vector of predictions is N rows of one value
    whole_batch: bool = False  # the value is no sum over rows: a batch can't be cut into shards

    reduction: Reduction | None = option(
        "how per-row losses become one number: `sum_over_batch_size` and `mean` divide the sum by their count, "
        "`mean_with_sample_weight` by the sum of the weights, `none` keeps them",
        default="sum_over_batch_size",
        last=10,
    )
    name: Annotated[str, Optional(TEXT)] = option("what reports call the loss", default=None, last=20)
    dtype: Literal["float16", "float32", "float64"] | None = option(
        "precision of the computation; null: that of the predictions", default=None, last=30
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__dict__.get("default_name") or snake_case(cls.__name__)
        cls.name = option("what reports call the loss", default=name, last=20)

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A loss class stands for itself with its defaults, a function of this package for its class."""
        made = value if isinstance(value, type) else getattr(value, "component", None)
        if isinstance(made, type) and issubclass(made, cls):
            return made()
        if callable(value):
            raise SpecError(
                f"{getattr(value, '__name__', value)}: a plain function can't be a loss, because training needs its "
                "gradient too; subclass seqnet.losses.Loss with values(y_true, y_pred) and "
                "vjp(y_true, y_pred, weights)"
            )
        return None

    def setup(self) -> None:
        cls = type(self)
        self.reduction = self.reduction or "none"
        if self.name is None:
            self.name = cls.default_name or snake_case(cls.__name__)
        if cls.linearize is Loss.linearize and (cls.values is Loss.values or cls.vjp is Loss.vjp):
            raise UsageError(
                f"{cls.__name__} must define values(y_true, y_pred) and vjp(y_true, y_pred, weights): "
                "training needs the gradient of sum(weights * values) with respect to y_pred"
            )

    # -- the mathematics --------------------------------------------------------------------------------------------

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The per-row losses (N, …), unreduced: what Keras's `call` gives."""
        return self.linearize(y_true, y_pred).values

    def vjp(self, y_true: Array, y_pred: Array, weights: Weights) -> Array:
        """d sum(weights * values) / d y_pred; weights: one for each value, or what broadcasts to that."""
        return self.linearize(y_true, y_pred).pullback(weights)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        """Values and pullback in one, for losses whose forward and backward share work."""
        values = np.asarray(self.values(y_true, y_pred))

        def pullback(weights: Weights) -> Array:  # vjp gets one for each value, so that weights[..., None] is right
            return self.vjp(y_true, y_pred, np.broadcast_to(np.asarray(weights, values.dtype), values.shape))

        return Linearized(values, pullback)

    def after(self, activation: Activation) -> Loss | None:
        """An equal loss that takes what comes before `activation`, where the pair is better computed together."""
        return None

    def soft_form(self) -> Loss | None:
        """An equal loss for targets that are mixtures: classes become rows of shares. None where there is none."""
        return None if self.labels == "integer" or self.scores == "margins" else self

    def unmasked(self, y_true: Array, mask: Array) -> Array:
        """y_true with a harmless label wherever the mask is False."""
        return y_true

    # -- the number -------------------------------------------------------------------------------------------------

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch: a float, or with `reduction: none` the weighted per-row losses.

        Raises ShapeError where labels, predictions and weights do not fit, DataError for labels out of range.
        """
        if self.reduction != "none":
            return self.value_and_gradient(y_true, y_pred, sample_weight, need_gradient=False)[0]
        values, _, valid = self.linearize(y_true, y_pred)
        for what, factor in (("sample_weight", sample_weight), ("mask", valid)):
            if factor is not None:
                values = values * fit_weights(self.name, np.asarray(factor, values.dtype), values.shape, what)
        return values

    @property
    def couples_rows(self) -> bool:
        """Whether a shard must know of the others (`all_reduce`) even without a mask."""
        return self.reduction == "mean_with_sample_weight"

    def value_and_gradient(
        self,
        y_true: Array,
        y_pred: Array,
        sample_weight: Array | None = None,
        mask: Array | None = None,
        *,
        rows: int | None = None,
        all_reduce: AllReduce | None = None,
        need_gradient: bool = True,
    ) -> tuple[float, Array | None]:
        """A shard's share of the batch's loss, and the gradient of the batch's loss with respect to its y_pred.

        The shares of all shards add up to the batch's loss. A mask (N, T, …) takes entries out of a mean:
        sum(values * weights * mask) / sum(mask), which is Keras's rule.

        rows: rows of the whole batch (default: the rows given). all_reduce: sums a small array over all shards
        (default: there are no others). Returns (share, gradient in y_pred's shape and dtype, or None).
        """
        if self.reduction == "none":
            raise SpecError(f"{self.name}: reduction none leaves no single number to train on; use sum_over_batch_size")
        y_pred = as_floats(y_pred)
        shape = y_pred.shape
        if self.elementwise and len(shape) == 1:
            y_pred = y_pred[:, None]
        if mask is not None:
            y_true = self.unmasked(np.asarray(y_true), np.asarray(mask, bool))
        values, pullback, valid = self.linearize(y_true, y_pred)
        share = 1.0 if rows is None or self.whole_batch or not values.ndim else rows / max(len(values), 1)
        weights: Weights
        if sample_weight is None and mask is None and valid is None:
            weights = 1.0 if self.reduction == "sum" else _inverse(values.size * share)
            value = float(np.add.reduce(values, axis=None)) * weights
        else:
            weights = self._weights(values, sample_weight, mask, valid, share, all_reduce)
            value = float(np.add.reduce(values * weights, axis=None))
        return value, pullback(weights).reshape(shape) if need_gradient else None

    def _weights(
        self,
        values: Array,
        sample_weight: Array | None,
        mask: Array | None,
        valid: Array | None,
        share: float,
        all_reduce: AllReduce | None,
    ) -> Array:
        """What multiplies each value so that the sum is this shard's share."""

        def total(number: float) -> float:
            return number if all_reduce is None else float(all_reduce(np.array([number]))[0])

        dtype, mean = values.dtype, self.reduction in ("sum_over_batch_size", "mean")
        weights = np.ones((), dtype) if sample_weight is None else np.asarray(sample_weight).astype(dtype, copy=False)
        if valid is not None:
            mask = valid if mask is None else fit_weights(self.name, np.asarray(mask), valid.shape, "mask") & valid
        counted = 1.0
        if mask is not None:
            flags = np.asarray(mask, bool)
            if mean:
                counted = total(float(np.count_nonzero(flags))) / max(flags.size * share, 1.0)
            if weights.ndim:
                weights = fit_weights(self.name, weights, flags.shape) if flags.ndim else weights
            weights = weights * flags
        if self.reduction == "sum":
            divisor = 1.0
        elif mean or (sample_weight is None and mask is None):
            # Values without axes, which stand for the whole batch, count as often as there are weights.
            divisor = (values.size if values.ndim else weights.size) * share * counted
        else:
            divisor = total(float(np.add.reduce(weights, axis=None)))
        if not values.ndim and weights.ndim:
            return np.asarray(float(np.add.reduce(weights, axis=None)) * _inverse(divisor), dtype)
        what = "mask" if sample_weight is None else "sample_weight"
        return fit_weights(self.name, weights, values.shape, what) * _inverse(divisor)

    # -- for `seqnet check` -----------------------------------------------------------------------------------------

    @property
    def expects(self) -> Scores:
        """What the predictions must be."""
        return "logits" if getattr(self, "from_logits", False) else self.scores

    def label_problem(self, y_true: Array, y_pred_shape: Shape, num_classes: int | None = None) -> str | None:
        """What is wrong with these labels for this loss and what to do, in plain words; None if nothing is.

        Only for what can't train right; labels are looked at all together, before training.

        y_true: (N, …). y_pred_shape: of the predictions, without the batch axis. num_classes: of the data, if known.
        """
        parts = (rows for _, rows in blocks(y_true)) if isinstance(y_true, LazyRows) else [np.asarray(y_true)]
        found = (label_problem(self, part, y_pred_shape, num_classes) for part in parts)
        return next((problem for problem in found if problem is not None), None)

    def check_labels(self, y_true: Array, y_pred_shape: Shape, num_classes: int | None = None) -> None:
        """Raise DataError with what `label_problem` says."""
        problem = self.label_problem(y_true, y_pred_shape, num_classes)
        if problem is not None:
            raise DataError(problem)


class ElementwiseLoss(Loss):
    """values = mean over `axis` of a function of each pair (y_true, y_pred)."""

    elementwise = True
    axis: int = -1

    @abstractmethod
    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        """The loss of each pair, and a function that makes d loss / d p in a new array."""

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        losses, slope = self.elements(t, p)
        width = losses.shape[self.axis] if losses.ndim else 1
        values = np.add.reduce(losses, axis=self.axis) * _inverse(width) if losses.ndim else losses

        def pullback(weights: Weights) -> Array:
            gradient = slope()
            gradient *= spread(weights, values.shape, self.axis) * (1.0 / width)
            return like(given, gradient)

        return Linearized(values, pullback)


def paired(loss: Loss, y_true: Array, y_pred: Array) -> tuple[Array, Array, Array]:
    """(y_pred as an array, t, p): labels and predictions of one shape and dtype. Raises ShapeError."""
    given = as_floats(y_pred)
    t, p = align(np.asarray(y_true), given if loss.dtype is None else given.astype(loss.dtype, copy=False))
    if t.shape != p.shape:
        hint = ""
        integers = t.ndim < p.ndim or (t.ndim == p.ndim and t.shape[-1] == 1 != p.shape[-1])
        if integers and loss.labels == "one_hot":
            hint = "integer labels must become one-hot rows (data.one_hot: true)"
            if loss.integer_form:
                hint = f"integer labels are for {loss.integer_form}; or give one-hot rows (data.one_hot: true)"
        check_same_shape(loss.name, t, p, hint)
    return given, t.astype(p.dtype, copy=False), p


def like(given: Array, gradient: Array) -> Array:
    """A gradient in the shape and dtype of the predictions that were given."""
    return gradient.reshape(given.shape).astype(given.dtype, copy=False)


def spread(weights: Weights, shape: tuple[int, ...], axis: int) -> Weights:
    """Weights of values of `shape`, ready to multiply arrays that have one axis more, at `axis`."""
    if isinstance(weights, float):
        return weights
    weights = np.asarray(weights)
    if not weights.ndim:
        return weights
    return np.expand_dims(np.broadcast_to(weights, shape), axis)


def _inverse(count: float) -> float:
    """1 / count, and 0 for nothing: an empty or wholly masked batch has loss 0."""
    return 1.0 / count if count else 0.0
