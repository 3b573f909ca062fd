"""Callbacks that change the learning rate, or end a run by the clock or for a loss that is lost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from seqnet.checkers import ComponentOf, Either, NonNegativeFloat, NonNegativeInt, Number, Plain, PositiveFloat
from seqnet.declare import option
from seqnet.errors import TrainingError, UsageError
from seqnet.registry import register
from seqnet.schedules import Schedule
from seqnet.training.callbacks import Callback, Logs, Watching

_FUNCTION = Plain(type(lambda: None), "a function of the epoch and the learning rate", None)
ScheduleOption = Annotated[Any, Either((ComponentOf(Schedule), _FUNCTION))]
Factor = Annotated[float, Number(gt=0, lt=1)]


@register()
class ReduceLROnPlateau(Watching):
    """learning_rate *= factor when a watched value has not improved for `patience` epochs.

    Adds `learning_rate`, as it was during the epoch, to the logs. Raises UsageError where the optimizer follows a
    schedule of its own.
    """

    stateful = ("wait", "cooling", "best")

    monitor: str = option("the logged value to watch", default="val_loss")
    factor: Factor = option("what the learning rate is multiplied by", default=0.1)
    patience: NonNegativeInt = option("epochs without improvement before the rate is lowered", default=10)
    verbose: Literal[0, 1] = option("1 says when it lowers the rate", default=0)
    mode: Literal["auto", "min", "max"] = option("whether lower or higher is better", default="auto")
    min_delta: NonNegativeFloat = option("a smaller change is no improvement", default=1e-4)
    cooldown: NonNegativeInt = option("epochs to wait after lowering before watching again", default=0)
    min_lr: NonNegativeFloat = option("the rate is never lowered below this", default=0.0)

    def setup(self) -> None:
        self.wait = 0
        self.cooling = 0
        self.best: float | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.model.optimizer.learning_rate = self.model.optimizer.learning_rate  # refused while a schedule decides
        self.setup()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.watched(logs)
        if value is None:
            return
        judge = self.judge()
        if self.cooling > 0:
            self.cooling -= 1
            self.wait = 0
        if judge.better(value, judge.worst if self.best is None else self.best):
            self.best = value
            self.wait = 0
        elif self.cooling <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                lowered = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = lowered
                if self.verbose:
                    self.say(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lowered}.")
                self.cooling = self.cooldown
                self.wait = 0


@register()
class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    A named schedule is asked for the epoch (from 0) as its step. In Python, schedule may be a function of the epoch
    and the present rate, or of the epoch alone. Adds `learning_rate` to the logs.
    """

    schedule: ScheduleOption = option(
        "a schedule, counted in epochs",
        example={"ExponentialDecay": {"initial_learning_rate": 0.01, "decay_steps": 10, "decay_rate": 0.5}},
    )
    verbose: Literal[0, 1] = option("1 says the rate of every epoch", default=0)

    def setup(self) -> None:
        self.counted = self.schedule.resolve(1) if isinstance(self.schedule, Schedule) else None  # a step is an epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.model.optimizer.learning_rate = self.model.optimizer.learning_rate  # refused while a schedule decides

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        rate = self._rate(epoch, float(self.model.optimizer.learning_rate))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            self.say(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)

    def _rate(self, epoch: int, rate: float) -> float:
        if self.counted is not None:
            return self.counted(epoch)
        try:
            found = self.schedule(epoch, rate)
        except TypeError:  # Keras allows a function of the epoch alone, too
            found = self.schedule(epoch)
        if not isinstance(found, (int, float)) and not hasattr(found, "dtype"):
            raise UsageError(f"LearningRateScheduler: the schedule must give a number, got {found!r}")
        return float(found)


@register()
class Timer(Callback):
    """Ends the run, after the batch, once it has trained for `max_time` seconds; a resumed run's time counts on."""

    stateful = ("elapsed",)

    max_time: PositiveFloat = option("seconds of training", example=3600)

    def setup(self) -> None:
        self.elapsed = 0.0
        self.started = time.perf_counter()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.setup()

    def state(self) -> dict[str, Any]:
        return {"elapsed": self.elapsed + time.perf_counter() - self.started}

    def load_state(self, state: Any) -> None:
        self.elapsed, self.started = float(state["elapsed"]), time.perf_counter()

    def after_step(self, trainer: Any) -> None:
        if self.elapsed + time.perf_counter() - self.started > self.max_time:
            self.model.stop_training = True


@register()
class TerminateOnNaN(Callback):
    """Ends the run when the running loss is NaN or infinite."""

    raise_error: bool = option("raise an error instead of ending the run", default=False)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise TrainingError(f"the loss is {loss} at batch {batch}")
            self.say(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class LambdaCallback(Callback):
    """Calls the given functions at the hooks of their names, as Keras's does; for Python only."""

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Callable[..., Any] | None,
    ) -> None:
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        for name, function in functions.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                known = ", ".join(hook for hook in dir(Callback) if hook.startswith("on_"))
                raise UsageError(f"LambdaCallback has no hook {name!r}; there are {known}")
            if function is not None and not callable(function):
                raise UsageError(f"LambdaCallback: {name} must be a function, got {function!r}")
            if function is not None:
                setattr(self, name, function)
