"""Learning rates that change from step to step.

A schedule is a function of the step alone, so it has no state that a checkpoint would have to keep. Lengths are in
steps (batches), or in epochs, which `resolve` turns into steps once the number of batches in an epoch is known.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np

from seqnet import declare
from seqnet.checkers import INVALID, ComponentOf, Either, NonNegativeFloat, Number, PositiveFloat, Share, Tuple
from seqnet.declare import Component, option
from seqnet.errors import Path, Problem, UsageError
from seqnet.registry import register, scope

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "Schedule",
    "Warmup",
    "deserialize",
    "get",
    "serialize",
]


@dataclass(frozen=True)
class _Length(Number):
    """A number that is kept whole where it was given whole, so that 1000 steps are not written 1000.0."""

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        checked = super().check(value, path, problems)
        return int(value) if checked is not INVALID and isinstance(value, (int, np.integer)) else checked


Length = Annotated[float, _Length(gt=0)]
LengthOrZero = Annotated[float, _Length(ge=0)]


class Lengths(NamedTuple):
    """Two options that say the same, one in steps and one in epochs; one is given, or none where they are optional."""

    steps: str
    epochs: str
    optional: bool = False


class Schedule(Component, ABC):
    """schedule(step) -> learning rate, for step = 0, 1, 2, …: the number of batches trained on before.

    Names, options and values are Keras's; computed in double precision.
    Raises SpecError for wrong options, UsageError when called while a length is still in epochs.
    """

    kind = "schedule"
    lengths: ClassVar[tuple[Lengths, ...]] = ()
    highest: ClassVar[str] = "initial_learning_rate"  # the option that holds the highest rate

    @abstractmethod
    def __call__(self, step: float) -> float:
        """The learning rate of the step."""

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for steps, epochs, optional in cls.lengths:
            if values[steps] and values[epochs]:
                yield epochs, f"{steps} and {epochs} say the same thing; give only one of them"
            elif not (values[steps] or values[epochs] or optional):
                yield steps, f"one of {steps} and {epochs} is needed"

    @property
    def highest_option(self) -> str | None:
        """The option that says how high the rate gets, as a path: `Name.option`. None where no single one does."""
        return f"{self.spec_name}.{self.highest}" if hasattr(self, self.highest) else None

    def resolve(self, steps_per_epoch: int) -> Schedule:
        """This schedule with every length in steps; itself if it has none in epochs."""
        changes: dict[str, Any] = {}
        for steps, epochs, _ in self.lengths:
            if given := getattr(self, epochs):
                changes |= {steps: _in_steps(given, steps_per_epoch), epochs: None}
        return self.replace(**changes) if changes else self

    def known(self, steps: str) -> Any:
        """The value of an option in steps. Raises UsageError while it is only given in epochs."""
        for name, epochs, _ in self.lengths:
            if name == steps and getattr(self, epochs):
                raise UsageError(
                    f"{self.spec_name}: {epochs} must be turned into steps before the schedule is used: "
                    f"call resolve(steps_per_epoch), as training does, or give {steps}"
                )
        return getattr(self, steps)


LearningRateSchedule = Schedule  # Keras's name
Rate = Annotated[float | Schedule, Either((Number(ge=0), ComponentOf(Schedule)))]


@register()
class ExponentialDecay(Schedule):
    """initial_learning_rate * decay_rate^(step / decay_steps); it never ends."""

    lengths = (Lengths("decay_steps", "decay_epochs"),)

    initial_learning_rate: NonNegativeFloat = option("rate of the first step", example=0.01)
    decay_steps: Length | None = option("steps in which the rate is multiplied by decay_rate once", default=None)
    decay_rate: PositiveFloat = option("factor", example=0.9)
    staircase: bool = option("change only every decay_steps, at once", default=False)
    name: str = option("name of the schedule", default="ExponentialDecay")
    decay_epochs: PositiveFloat | None = option("decay_steps in epochs", default=None, example=1, kw_only=True)

    def __call__(self, step: float) -> float:
        periods = _periods(step, self.known("decay_steps"), self.staircase)
        try:
            return float(self.initial_learning_rate * self.decay_rate**periods)
        except OverflowError:  # a growing rate, as in a range test
            return math.inf


@register()
class InverseTimeDecay(Schedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); it never ends."""

    lengths = (Lengths("decay_steps", "decay_epochs"),)

    initial_learning_rate: NonNegativeFloat = option("rate of the first step", example=0.01)
    decay_steps: Length | None = option("steps in which the divisor grows by decay_rate", default=None)
    decay_rate: NonNegativeFloat = option("growth of the divisor", example=0.5)
    staircase: bool = option("change only every decay_steps, at once", default=False)
    name: str = option("name of the schedule", default="InverseTimeDecay")
    decay_epochs: PositiveFloat | None = option("decay_steps in epochs", default=None, example=1, kw_only=True)

    def __call__(self, step: float) -> float:
        periods = _periods(step, self.known("decay_steps"), self.staircase)
        return float(self.initial_learning_rate / (1.0 + self.decay_rate * periods))


@register()
class PiecewiseConstantDecay(Schedule):
    """values[0] up to and including step boundaries[0], then values[1] up to boundaries[1], …, then the last value."""

    lengths = (Lengths("boundaries", "boundaries_epochs"),)

    boundaries: Annotated[tuple[float, ...], Tuple(_Length(ge=0), minimum=1)] | None = option(
        "last step of each value but the last", default=None
    )
    values: Annotated[tuple[float, ...], Tuple(Number(ge=0), minimum=2)] = option(
        "learning rates, one more than boundaries", example=[0.01, 0.001]
    )
    name: str = option("name of the schedule", default="PiecewiseConstant")
    boundaries_epochs: Annotated[tuple[float, ...], Tuple(Number(gt=0), minimum=1)] | None = option(
        "boundaries in epochs", default=None, example=[10], kw_only=True
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        name = "boundaries" if values["boundaries"] else "boundaries_epochs"
        ends = values[name] or ()
        if ends and len(ends) != len(values["values"]) - 1:
            yield "values", f"values must be one more than {name}, got {len(values['values'])} and {len(ends)}"
        if any(later <= earlier for earlier, later in zip(ends, ends[1:], strict=False)):
            yield name, f"{name} must rise from entry to entry"

    def __call__(self, step: float) -> float:
        return self.values[bisect_left(self.known("boundaries"), step)]


@register()
class PolynomialDecay(Schedule):
    """(initial - end) * (1 - step / decay_steps)^power + end, and end_learning_rate after decay_steps.

    With cycle, decay_steps grows to its next multiple whenever it is over, so that the rate jumps up again.
    """

    lengths = (Lengths("decay_steps", "decay_epochs"),)

    initial_learning_rate: NonNegativeFloat = option("rate of the first step", example=0.01)
    decay_steps: Length | None = option("steps until the end rate", default=None)
    end_learning_rate: NonNegativeFloat = option("the end rate", default=0.0001)
    power: PositiveFloat = option("power of the polynomial; 1 is a straight line", default=1.0)
    cycle: bool = option("start again after decay_steps", default=False)
    name: str = option("name of the schedule", default="PolynomialDecay")
    decay_epochs: PositiveFloat | None = option("decay_steps in epochs", default=None, example=10, kw_only=True)

    def __call__(self, step: float) -> float:
        length = self.known("decay_steps")
        if self.cycle:
            length *= max(1, math.ceil(step / length))
        left = 1.0 - min(step / length, 1.0)
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


@register()
class CosineDecay(Schedule):
    """start * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha), and alpha * start after decay_steps.

    start is initial_learning_rate. With warmup_target, the rate first rises in a straight line from
    initial_learning_rate to warmup_target during warmup_steps, and then falls from there during decay_steps.
    References: Loshchilov, Hutter, SGDR: Stochastic gradient descent with warm restarts, 2016, arXiv 1608.03983.
    """

    lengths = (Lengths("decay_steps", "decay_epochs"), Lengths("warmup_steps", "warmup_epochs", optional=True))

    initial_learning_rate: NonNegativeFloat = option("rate of the first step", example=0.001)
    decay_steps: Length | None = option("steps from the highest rate to the lowest, warm-up not counted", default=None)
    alpha: Share = option("lowest rate, as a share of the highest", default=0.0)
    name: str = option("name of the schedule", default="CosineDecay")
    warmup_target: NonNegativeFloat | None = option("rate at the end of the warm-up; null: no warm-up", default=None)
    warmup_steps: LengthOrZero = option("steps of the warm-up", default=0)
    decay_epochs: PositiveFloat | None = option("decay_steps in epochs", default=None, example=10, kw_only=True)
    warmup_epochs: NonNegativeFloat | None = option("warmup_steps in epochs", default=None, kw_only=True)

    @property
    def highest_option(self) -> str | None:
        return super().highest_option if self.warmup_target is None else "CosineDecay.warmup_target"

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        for name in ("warmup_steps", "warmup_epochs"):
            if values[name] and values["warmup_target"] is None:
                yield name, f"{name} needs warmup_target, the rate at the end of the warm-up"

    def __call__(self, step: float) -> float:
        highest, warmup = self.initial_learning_rate, 0.0
        if self.warmup_target is not None:
            warmup = float(self.known("warmup_steps"))
            if step < warmup:
                return highest + (self.warmup_target - highest) * (step / warmup)
            highest = self.warmup_target
        done = min((step - warmup) / self.known("decay_steps"), 1.0)
        return highest * _cosine(done, self.alpha)


@register()
class CosineDecayRestarts(Schedule):
    """CosineDecay that starts again after first_decay_steps, each period t_mul times as long as the one before.

    In period i: initial * ((1 - alpha) * m_mul^i * (1 + cos(pi * share of the period)) / 2 + alpha).
    References: Loshchilov, Hutter, SGDR: Stochastic gradient descent with warm restarts, 2016, arXiv 1608.03983.
    """

    lengths = (Lengths("first_decay_steps", "first_decay_epochs"),)

    initial_learning_rate: NonNegativeFloat = option("rate of the first step", example=0.001)
    first_decay_steps: Length | None = option("steps of the first period", default=None)
    t_mul: Annotated[float, Number(ge=1)] = option("length of a period over that of the one before", default=2.0)
    m_mul: PositiveFloat = option("highest rate of a period over that of the one before", default=1.0)
    alpha: Share = option("lowest rate, as a share of initial_learning_rate", default=0.0)
    name: str = option("name of the schedule", default="SGDRDecay")
    first_decay_epochs: PositiveFloat | None = option(
        "first_decay_steps in epochs", default=None, example=10, kw_only=True
    )

    def __call__(self, step: float) -> float:
        period, done = self._period(step / self.known("first_decay_steps"))
        return self.initial_learning_rate * _cosine(done, self.alpha, self.m_mul**period)

    def _period(self, time: float) -> tuple[int, float]:
        """The number of the period and the share of it that is over; time: in first periods."""
        if self.t_mul == 1.0:
            return math.floor(time), time % 1.0
        growth = self.t_mul - 1.0
        # The logarithm may miss by one at a restart, so the bounds of the period decide.
        period = max(0, round(math.log1p(time * growth) / math.log(self.t_mul)) - 1)
        while time >= (self.t_mul ** (period + 1) - 1.0) / growth:
            period += 1
        return period, (time - (self.t_mul**period - 1.0) / growth) / self.t_mul**period


@register()
class OneCycle(Schedule):
    """Up from max / start_divisor to max_learning_rate, then down to start / final_divisor, within total_steps.

    Not in Keras; equal to PyTorch's OneCycleLR with two phases. The rate is highest at step
    warmup_share * total_steps - 1 and lowest at step total_steps - 1, where it stays.
    References: Smith, Topin, Super-convergence: Very fast training of neural networks using large learning rates, 2017,
    arXiv 1708.07120.
    """

    lengths = (Lengths("total_steps", "total_epochs"),)
    highest = "max_learning_rate"

    max_learning_rate: PositiveFloat = option("highest rate", example=0.01)
    total_steps: Length | None = option("steps of the whole cycle", default=None)
    warmup_share: Share = option("share of the steps in which the rate rises", default=0.3)
    start_divisor: PositiveFloat = option("highest rate over that of the first step", default=25.0)
    final_divisor: PositiveFloat = option("rate of the first step over that of the last", default=10_000.0)
    anneal: Literal["cosine", "linear"] = option("shape of the rise and of the fall", default="cosine")
    total_epochs: PositiveFloat | None = option("total_steps in epochs", default=None, example=10, kw_only=True)

    def __call__(self, step: float) -> float:
        total = self.known("total_steps")
        start = self.max_learning_rate / self.start_divisor
        peak, end = self.warmup_share * total - 1.0, total - 1.0
        if step <= peak and peak > 0:
            return self._between(start, self.max_learning_rate, step / peak)
        done = min((step - peak) / (end - peak), 1.0) if end > peak else 1.0
        return self._between(self.max_learning_rate, start / self.final_divisor, done)

    def _between(self, first: float, last: float, done: float) -> float:
        if self.anneal == "linear":
            return first + (last - first) * done
        return last + (first - last) * _cosine(done)


@register()
class Warmup(Schedule):
    """A straight rise to the first rate of another schedule, which then runs from its own step 0. Not in Keras."""

    lengths = (Lengths("warmup_steps", "warmup_epochs"),)

    learning_rate: Rate = option("the rate, or the schedule, that follows", example=0.001)
    warmup_steps: Length | None = option("steps of the rise", default=None)
    initial_learning_rate: NonNegativeFloat = option("rate of the first step", default=0.0)
    warmup_epochs: PositiveFloat | None = option("warmup_steps in epochs", default=None, example=1, kw_only=True)

    def __call__(self, step: float) -> float:
        length: float = self.known("warmup_steps")
        later = (
            self.learning_rate(max(step - length, 0))
            if isinstance(self.learning_rate, Schedule)
            else self.learning_rate
        )
        if step >= length:
            return later
        return self.initial_learning_rate + (later - self.initial_learning_rate) * (step / length)

    @property
    def highest_option(self) -> str | None:
        later = self.learning_rate
        if not isinstance(later, Schedule):
            return "Warmup.learning_rate"
        return None if later.highest_option is None else f"Warmup.learning_rate.{later.highest_option}"

    def resolve(self, steps_per_epoch: int) -> Schedule:
        own = super().resolve(steps_per_epoch)
        if not isinstance(self.learning_rate, Schedule):
            return own
        return own.replace(learning_rate=self.learning_rate.resolve(steps_per_epoch))


def get(identifier: str | Mapping[str, Any] | Schedule) -> Schedule:
    """A schedule by `{Name: {options}}`, what `serialize` wrote, or itself. Raises SpecError."""
    return declare.get(Schedule, identifier)


def serialize(learning_rate_schedule: Schedule) -> dict[str, Any]:
    """The schedule's class and options, in Keras's form."""
    return {"class_name": learning_rate_schedule.spec_name, "config": learning_rate_schedule.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Schedule:
    """The inverse of `serialize`; custom_objects: classes of one's own by name. Raises SpecError."""
    with scope(custom_objects):
        return get(config)


def _in_steps(epochs: float | tuple[float, ...], steps_per_epoch: int) -> Any:
    if isinstance(epochs, tuple):
        return tuple(_in_steps(one, steps_per_epoch) for one in epochs)
    steps = epochs * steps_per_epoch
    return int(steps) if steps == int(steps) else steps


def _periods(step: float, length: float, whole: bool) -> float:
    return math.floor(step / length) if whole else step / length


def _cosine(done: float, floor: float = 0.0, height: float = 1.0) -> float:
    """(1 - floor) * height * (1 + cos(pi * done)) / 2 + floor."""
    return (1.0 - floor) * height * 0.5 * (1.0 + math.cos(math.pi * done)) + floor
