"""The learning rate as `optimizer.learning_rate` gives it: a number that scripts for Keras can treat as a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from seqnet.optimizers.base import Optimizer


class Rate(float):
    """The rate of the next step. `assign` changes it in the optimizer; this number itself stays."""

    __slots__ = ("_optimizer",)

    _optimizer: Optimizer

    def __new__(cls, value: float, optimizer: Optimizer) -> Rate:
        made = super().__new__(cls, value)
        made._optimizer = optimizer
        return made

    def numpy(self) -> np.float32:
        """The value in Keras's precision."""
        return np.float32(self)

    def assign(self, value: Any) -> None:
        """The same as `optimizer.learning_rate = value`."""
        self._optimizer.learning_rate = value

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)  # a copy is a number only
