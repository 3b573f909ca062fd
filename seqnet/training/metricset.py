"""The running values of an epoch: the loss and the metrics, by their names in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import UsageError
from seqnet.metrics import Metric

Logs = dict[str, Any]


class MetricSet:
    """Loss and metrics since the last reset.

    The loss is the mean of the batch losses weighted by their rows, as Keras logs it. `metrics` do not see sample
    weights, `weighted` do.
    """

    def __init__(self, metrics: Mapping[str, Metric], weighted: Mapping[str, Metric] | None = None) -> None:
        self.metrics = dict(metrics)
        self.weighted = dict(weighted or {})
        self.names = ["loss", *self.metrics, *self.weighted]
        self._plain = list(self.metrics.values())
        self._weighing = list(self.weighted.values())
        self.reset()

    def reset(self) -> None:
        self.loss_sum = 0.0
        self.rows = 0
        for metric in (*self._plain, *self._weighing):
            metric.reset_state()

    def update(self, loss: float, y: Array, prediction: Array, weight: Array | None, mask: Array | None = None) -> None:
        rows = len(prediction)
        self.loss_sum += loss * rows
        self.rows += rows
        for metric in self._plain:
            metric.update(y, prediction, None, mask)
        for metric in self._weighing:
            metric.update(y, prediction, weight, mask)

    def result(self) -> Logs:
        """The running values, in the order of compile."""
        logs: Logs = {"loss": self.loss_sum / max(self.rows, 1)}
        for name, metric in (*self.metrics.items(), *self.weighted.items()):
            value = metric.result()
            logs[name] = value if isinstance(value, np.ndarray) and value.ndim else float(value)
        return logs

    def state(self) -> dict[str, Array]:
        """Everything since the last reset, exactly."""
        arrays = {"loss": np.array([self.loss_sum, self.rows], np.float64)}
        for name, metric in (*self.metrics.items(), *self.weighted.items()):
            arrays.update({f"{name}/{key}": value for key, value in metric.state().items()})
        return arrays

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        self.loss_sum, rows = (float(value) for value in arrays["loss"])
        self.rows = int(rows)
        for name, metric in (*self.metrics.items(), *self.weighted.items()):
            prefix = f"{name}/"
            found = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
            metric.load_state(found)


def name_metrics(given: Sequence[tuple[str | None, Metric]], taken: Sequence[str] = ()) -> dict[str, Metric]:
    """Metrics under their history names: the string they were given by, else their own name.

    Raises UsageError when two would share a name.
    """
    named: dict[str, Metric] = {}
    for label, metric in given:
        name = str(label or metric.name)
        if name in taken:
            name = f"weighted_{name}"
        if name in named or name == "loss":
            raise UsageError(f"two values would be logged as {name!r}; give one metric another name: name: my_{name}")
        named[name] = metric
    return named
