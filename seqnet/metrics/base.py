"""What a metric is: sums over rows, and a number made of them.

Every metric keeps plain sums in float64, so that feeding the rows whole or in batches gives the same number, and a
checkpoint can store and restore them exactly.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import TEXT, Checker, Optional, show
from seqnet.declare import Component, get, option
from seqnet.errors import Path, Problem
from seqnet.losses import Loss
from seqnet.losses.shapes import fit_weights, hide_masked
from seqnet.registry import UnknownName, lookup, register, snake_case

metric = register

Direction = Literal["max", "min"]

AFTER_DTYPE = 40  # rank of the options that Keras puts behind name and dtype


class Metric(Component):
    """A number over many rows: `update_state` for each batch, then `result`, then `reset_state`.

    To write one, subclass; keep sums with `add` and read them in `result` from `self.sums`, where a name that was never
    added to counts as 0.0:

        @seqnet.metrics.metric()
        class Bias(seqnet.metrics.Metric):
            def update_state(self, y_true, y_pred, sample_weight=None):
                self.add("total", float((y_pred - y_true).sum()))
                self.add("count", y_true.size)

            def result(self):
                return self.ratio("total", "count")
    """

    kind = "metric"
    default_name: ClassVar[str] = ""  # Keras's name where it is not the class name in snake_case
    direction: Direction | None = None  # whether a monitor takes more or less for better
    ranks_only: ClassVar[bool] = False  # sees only the order of a row's outputs, so logits do as well as softmax's
    sums: dict[str, Any]  # floats and float64 arrays

    name: Annotated[str, Optional(TEXT)] = option("the metric's key in the history", default=None, last=20)
    dtype: Literal["float16", "float32", "float64", "int", "int32", "int64"] | None = option(
        "Keras's precision of the sums; here they are always float64", default=None, last=30
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__dict__.get("default_name") or snake_case(cls.__name__)
        cls.name = option("the metric's key in the history", default=name, last=20)

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A class stands for itself with its defaults, a function for the mean of what it returns a row."""
        if isinstance(value, type):
            return value() if issubclass(value, cls) else None
        if isinstance(value, Component) and not isinstance(value, Loss) or not callable(value):
            return None
        made: Metric
        if getattr(value, "component", None) is not None and _is_metric(value.__name__):
            made = get(Metric, value.__name__)  # a function of this package: the class that goes by its name
        else:
            made = MeanMetricWrapper(value)
        return made if isinstance(made, cls) else None

    def setup(self) -> None:
        self.sums = {}
        if self.name is None:
            self.name = type(self).default_name or snake_case(type(self).__name__)

    def called(self, name: str) -> None:
        """A metric named by a string goes by that string, as in Keras: `mse`, not mean_squared_error."""
        self.name = name

    def to_spec(self, *, full: bool = False) -> Any:
        if full:
            return super().to_spec(full=True)
        given = self.given_config()
        if not given.keys() - {"name"} and _is_metric(self.name) and lookup("metric", self.name) is type(self):
            return self.name  # as a string it gets this name again
        return {self.spec_name: given}

    # -- Keras's methods --------------------------------------------------------------------------------------------

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch. Raises ShapeError where labels, predictions and weights do not fit."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self) -> float | Array:
        """The number over everything since reset_state."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forget everything."""
        self.sums.clear()

    def __call__(self, *args: Any, **kwargs: Any) -> float | Array:
        """update_state, then result."""
        self.update_state(*args, **kwargs)
        return self.result()

    # -- beyond Keras -----------------------------------------------------------------------------------------------

    def update(
        self, y_true: Array, y_pred: Array, sample_weight: Array | None = None, mask: Array | None = None
    ) -> None:
        """update_state where some entries do not count: a mask (N, T, …) becomes weights of 0 and 1.

        Labels under the mask may be anything.
        """
        if mask is not None:
            y_true = hide_masked(y_true, np.asarray(mask, bool))
            weights = np.asarray(mask, np.float32)
            if sample_weight is not None:
                weights = weights * fit_weights(self.name, np.asarray(sample_weight, np.float32), weights.shape)
            sample_weight = weights
        self.update_state(y_true, y_pred, sample_weight)

    def state(self) -> dict[str, Array]:
        """The sums, exactly, for a checkpoint."""
        return {name: np.array(value, np.float64) for name, value in self.sums.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """The inverse of state."""
        self.sums = {k: np.array(value, np.float64) if np.ndim(value) else float(value) for k, value in state.items()}

    def output_problem(self, y_pred_shape: Shape) -> str | None:
        """What is suspicious about outputs of this shape (without N) for this metric, in plain words, for `check`."""
        return None

    # -- for subclasses ---------------------------------------------------------------------------------------------

    def add(self, name: str, value: Any) -> None:
        """Add to a sum."""
        self.sums[name] = self.sums.get(name, 0.0) + value

    def sum(self, name: str) -> Any:
        """A sum, 0.0 before the first addition."""
        return self.sums.get(name, 0.0)

    def ratio(self, numerator: str, denominator: str) -> float:
        """The quotient of two sums, 0.0 where the denominator is 0."""
        divisor = self.sum(denominator)
        return float(self.sum(numerator) / divisor) if divisor else 0.0


class MeanMetric(Metric):
    """The weighted mean of a value a row: sum(w v) / sum(w); axes after the first are averaged within the row."""

    @abstractmethod
    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The values (N, …); booleans count as 0 and 1."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        add_to_mean(self, self.values(np.asarray(y_true), np.asarray(y_pred)), sample_weight)

    def result(self) -> float:
        return self.ratio("total", "count")


@metric()
class Mean(Metric):
    """The weighted mean of the values it is handed: update_state(values, sample_weight=None)."""

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        add_to_mean(self, np.asarray(values), sample_weight)

    def result(self) -> float:
        return self.ratio("total", "count")


@metric()
class Sum(Metric):
    """The weighted sum of the values it is handed: update_state(values, sample_weight=None)."""

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        values = np.asarray(values, np.float64)
        if sample_weight is not None:
            weights, values = row_weights(self.name, np.asarray(sample_weight, np.float64), values, np.sum)
            values = values * weights
        self.add("total", float(np.add.reduce(values, axis=None)))

    def result(self) -> float:
        return float(self.sum("total"))


@dataclass(frozen=True)
class Function(Checker):
    """A Python function; written down, only its name remains."""

    def matches(self, value: Any) -> bool:
        return callable(value)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if callable(value):
            return value
        problems.append(Problem(path, f"fn must be {self.says()}, got {show(value)}", "functions only exist in Python"))
        return None

    def says(self) -> str:
        return "a Python function of (y_true, y_pred)"

    def schema(self) -> dict[str, Any]:
        return {"not": {}}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return getattr(value, "__name__", None) or getattr(value, "name", None) or type(value).__name__


class MeanMetricWrapper(MeanMetric):
    """The mean of fn(y_true, y_pred, **arguments), which gives one value a row, or one a batch.

    A Loss as `fn` gives its per-row values, unreduced (Keras averages the batches' reduced losses).
    """

    fn: Annotated[Callable[..., Any], Function()] = option("function of (y_true, y_pred)", example="my_function")
    arguments: dict[str, Any] = option("further arguments of fn", default={}, kw_only=True)

    def __init__(self, fn: Any, name: str | None = None, dtype: str | None = None, **arguments: Any) -> None:
        if name is None:
            name = getattr(fn, "name", None) or getattr(fn, "__name__", None) or snake_case(type(fn).__name__)
        super().__init__(fn=fn, name=name, dtype=dtype, arguments=arguments)
        if isinstance(fn, Loss):
            self.direction = "min"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        compute = self.fn.values if isinstance(self.fn, Loss) else self.fn
        return np.asarray(compute(y_true, y_pred, **self.arguments))


def _is_metric(name: str) -> bool:
    try:
        lookup("metric", name)
    except UnknownName:
        return False
    return True


def add_to_mean(metric: Metric, values: Array, sample_weight: Any = None) -> None:
    """Add a batch's values to the sums `total` and `count`, as Keras's Mean does."""
    if sample_weight is None:
        if not values.ndim:
            total, count = float(values), 1.0
        else:
            count = float(len(values))
            each = values.size // len(values) if count else 1
            if values.dtype == np.bool_:
                total = np.count_nonzero(values) / each
            else:
                total = float(np.add.reduce(values, axis=None, dtype=np.float64)) / each
    else:
        values = values.astype(np.float64, copy=False)
        weights, values = row_weights(metric.name, np.asarray(sample_weight, np.float64), values)
        weights = np.broadcast_to(weights, values.shape)
        each = values.size // len(values) if values.ndim and len(values) else 1
        total = float(np.add.reduce(values * weights, axis=None)) / each
        count = float(np.add.reduce(weights, axis=None)) / each
    metric.add("total", total)
    metric.add("count", count)


def row_weights(name: str, weights: Array, values: Array, reduce: Callable[..., Any] = np.mean) -> tuple[Array, Array]:
    """Weights and values brought together: values lose, by averaging, the axes that weights do not have."""
    if weights.ndim < values.ndim and not (weights.ndim + 1 == values.ndim and values.shape[-1] == 1):
        values = np.asarray(reduce(values, axis=tuple(range(weights.ndim, values.ndim))))
    return fit_weights(name, weights, values.shape), values
