"""The moving average of the weights, where the weights are looked at: in validation, checkpoints, predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seqnet.declare import option
from seqnet.errors import UsageError
from seqnet.registry import register
from seqnet.training.callbacks import Callback, Logs

NEEDS_EMA = "SwapEMAWeights needs an optimizer that keeps a moving average"


@register()
class SwapEMAWeights(Callback):
    """Puts the optimizer's moving average in the place of the weights while the model is validated.

    For optimizers with `use_ema: true`. With swap_on_epoch the average also is in the model from the end of an epoch
    to the beginning of the next one, so that callbacks listed after this one (ModelCheckpoint) save it. Training goes
    on from the weights themselves. In `seqnet train`, `best/` holds the weights that were validated: the average.
    Raises UsageError for an optimizer without use_ema.
    Differs from Keras: the weights come back after predict, too, and a fit that is ended early with swap_on_epoch ends
    with the average, as any other.
    """

    swap_on_epoch: bool = option(
        "leave the average in the model between epochs, for callbacks that save it", default=False
    )

    def setup(self) -> None:
        self._own = False  # whether this callback made the swap that is to be undone

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._optimizer()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self.swap(True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._own = self.swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._own:
            self.swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self.on_test_begin()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self.on_test_end()

    def swap(self, averaged: bool) -> bool:
        """Have the average in the model, or the weights themselves; whether that took a swap."""
        optimizer = self._optimizer()
        if optimizer.swapped == averaged:
            return False
        optimizer.swap_average(self.model.network.parameters.theta)
        return bool(optimizer.swapped == averaged)

    def _optimizer(self) -> Any:
        optimizer = self.model.optimizer
        if optimizer is None or not optimizer.use_ema:
            name = "none" if optimizer is None else optimizer.spec_name
            raise UsageError(f"{NEEDS_EMA}, got {name}; set use_ema: {name}(use_ema=True)")
        return optimizer


@contextmanager
def as_validated(callbacks: Sequence[Callback]) -> Iterator[bool]:
    """While it lasts, the model has the weights that its validation took; whether these are there for so long only."""
    swapper = next((callback for callback in callbacks if isinstance(callback, SwapEMAWeights)), None)
    swapped = swapper is not None and swapper.swap(True)
    try:
        yield swapped
    finally:
        if swapper is not None and swapped:
            swapper.swap(False)
