"""Who watches a model at work: its callbacks, the display, and the model itself where a callback says stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqnet.errors import UsageError
from seqnet.training.callbacks import Callback, Logs
from seqnet.training.compiled import Compiled
from seqnet.training.feed import Batch, Feed, Rows
from seqnet.training.trainer import FitOptions, Trainer

if TYPE_CHECKING:
    from seqnet.models.sequential import Sequential

Source = Rows | Feed[Batch]


class ModelTrainer(Trainer):
    """A trainer that obeys `model.stop_training`, which is where Keras's callbacks set it."""

    def __init__(self, model: Sequential, compiled: Compiled, order: np.random.Generator) -> None:
        self._model = model
        super().__init__(compiled, order)

    @property
    def stop_training(self) -> bool:
        return self._model.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._model.stop_training = value


def known_to(model: Sequential, callbacks: Any, **params: Any) -> list[Callback]:
    """Callbacks, or a single one as Keras takes it, that know the model and, where given, the run's parameters."""
    several = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
    for callback in several:
        if not isinstance(callback, Callback):
            hint = "; did you mean to call it, with ()?" if isinstance(callback, type) else ""
            raise UsageError(f"callbacks must be seqnet callbacks, got {type(callback).__name__}{hint}")
        callback.set_model(model)
        if params:
            callback.set_params(params)
    return several


def steps_in(source: Source, options: FitOptions) -> int | None:
    """How many batches an epoch has, None where that is not known."""
    asked = options.steps_per_epoch
    if isinstance(source, Feed):
        return asked or source.length
    there = -(-len(source) // options.batch_size)
    return min(asked or there, there)


def listed(logs: Logs) -> Any:
    """Values as Keras returns them: in a list, or alone."""
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def shown(verbose: Any) -> bool:
    """Whether anything is to be shown. Raises UsageError."""
    if verbose not in ("auto", 0, 1, 2, None):
        raise UsageError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    return verbose not in (0, None)


def display(verbose: Any) -> Callback | None:
    """What shows the progress of a fit."""
    if not shown(verbose):
        return None
    from seqnet.console.progress import keras_display

    return keras_display(2 if verbose == 2 else 1)


def say_result(verbose: Any, logs: Logs, steps: int) -> None:
    """Show what came of an evaluation."""
    if not shown(verbose):
        return
    from seqnet.console.progress import say_result

    say_result(logs, steps)
