"""What the lint looks at: a checked file with all that is known of its run before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from seqnet.arrays import Array, Shape
from seqnet.datasets.base import Data
from seqnet.datasets.lazy import LazyRows
from seqnet.declare import get
from seqnet.layers.base import Layer
from seqnet.losses import Loss, resolve_loss
from seqnet.network.network import Node, trace
from seqnet.spec.run import RunSpec

FIRST = 1024  # rows of a large file that are looked at


@dataclass
class Case:
    """A file with what is known of its run. shape: of one input row, None where only the data would tell."""

    spec: RunSpec
    data: Data | None
    layers: list[Layer]
    shape: Shape | None

    @cached_property
    def nodes(self) -> list[Node]:
        """The layers with their shapes; empty where the input shape is unknown."""
        return [] if self.shape is None else trace(self.layers, self.shape)

    @property
    def output(self) -> Shape | None:
        """The shape of one output row, where it is known."""
        return self.nodes[-1].out_shape if self.nodes else None

    @cached_property
    def labels(self) -> Array | None:
        """The targets of the training rows; the first of them where they are read lazily."""
        y = None if self.data is None else self.data.train.y
        return y[:FIRST] if isinstance(y, LazyRows) else y

    @cached_property
    def loss(self) -> Loss | None:
        """The loss as the run will use it."""
        if self.spec.loss is None:
            return None
        loss = get(Loss, self.spec.loss)
        if self.labels is None or self.output is None:
            return loss
        return resolve_loss(loss, self.labels.shape[1:], self.output)

    @property
    def is_regression(self) -> bool:
        """Whether the data are known to have numbers for targets, not classes."""
        return self.data is not None and self.data.task == "regression"
