"""A metric tried on two rows, to learn what it will give before there is anything to give."""

from __future__ import annotations

import copy

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.metrics.base import Metric

SEVERAL = "several"  # in the place of a direction: the metric has more than one value


def tried(metric: Metric, labels: Array, output: Shape) -> float | Array:
    """What a metric gives for the first labels and predictions of 0.5. Raises whatever the metric raises."""
    sample, metric = labels[:2], copy.deepcopy(metric)
    metric.reset_state()
    metric.update_state(sample, np.full((len(sample), *(n or 1 for n in output)), 0.5, np.float32))
    return metric.result()


def direction_of(metric: Metric, labels: Array | None, output: Shape | None) -> str | None:
    """Which way is better: "min", "max", None where that is not known, SEVERAL where there is no single value."""
    if labels is None or output is None or not len(labels):
        return metric.direction
    try:
        several = np.size(tried(metric, labels, output)) > 1
    except Exception:  # a metric of one's own may raise anything; what is wrong will show when it counts
        return metric.direction
    return SEVERAL if several else metric.direction
