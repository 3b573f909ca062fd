"""What every optimizer has: its options, and the order in which a step does its work.

Weights, gradients and slots are flat vectors; where a variable lies in them is said by a Segment. The two families
derive from here: module elementwise (rules that see one number at a time) and module layerwise (rules that see a
whole variable).
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from seqnet.arrays import Array, zeros
from seqnet.checkers import (
    ComponentOf,
    Either,
    NonNegativeFloat,
    Number,
    PositiveFloat,
    PositiveInt,
    Share,
)
from seqnet.declare import Component, Option, option, options_of
from seqnet.errors import CheckpointError, Problem, SpecError, UsageError
from seqnet.optimizers.rate import Rate
from seqnet.schedules import Schedule

if TYPE_CHECKING:
    from seqnet.constraints import Constraint

Stepper = Callable[[int, float], None]  # given the number of the step, from 1, and the learning rate
LearningRate = Annotated[float, Either((Number(ge=0), ComponentOf(Schedule)))]
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
FLUSH_EVERY = 256  # updates


@dataclass(frozen=True)
class Segment:
    """One variable's place in the flat vectors: elements start … stop - 1, in the order of a C array of `shape`.

    name: "layer/variable", as "dense/kernel". lr_scale multiplies the learning rate for this variable.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    constraint: Constraint | None = None
    lr_scale: float = 1.0


class _LearningRate(Option):
    """The option `learning_rate`, which reads as the value that the next step uses, whatever schedule gives it."""

    __slots__ = ()

    def __get__(self, instance: Optimizer | None, owner: type[Optimizer]) -> Any:
        return self if instance is None else Rate(instance.current_learning_rate(), instance)

    def __set__(self, instance: Optimizer, value: Any) -> None:
        instance.change_learning_rate(value)


def rate(default: float) -> Any:
    """Declare `learning_rate`; every optimizer does, because its default is its own."""
    return _LearningRate("size of a step, or a schedule that gives it for each step", default)


class Optimizer(Component, ABC):
    """A rule that turns gradients into new weights.

    A step, in Keras's order: gradient / loss_scale_factor; accumulation; clipping; weight decay
    (w -= learning_rate * weight_decay * w, on every variable that is not excluded); the rule itself; the moving
    average; constraints; iterations + 1. So the moving average holds weights from before the constraints.

    theta, gradient: (P,), contiguous, both of the precision given to `build`. Slots are of the same precision.
    Every option but learning_rate is fixed once `build` was called.

    Raises SpecError for wrong options.
    """

    kind = "optimizer"
    # False: where a gradient is zero, the rule leaves it zero, though it may use the rest as scratch.
    spoils_zeros: ClassVar[bool] = True
    extra_scalars = 0  # numbers besides slots that Keras counts as variables of this optimizer

    learning_rate: LearningRate = rate(0.001)
    weight_decay: NonNegativeFloat | None = option(
        "share of each weight, times the learning rate, taken off it before a step", default=None, last=1
    )
    clipnorm: PositiveFloat | None = option(
        "longest that the gradient of one variable may be; longer ones are shortened", default=None, last=1
    )
    clipvalue: PositiveFloat | None = option(
        "largest size of one number in the gradient; larger ones are cut", default=None, last=1
    )
    global_clipnorm: PositiveFloat | None = option(
        "longest that the gradient of all variables together may be; a longer one is shortened", default=None, last=1
    )
    use_ema: bool = option(
        "keep a moving average of the weights, which the model gets in the end", default=False, last=1
    )
    ema_momentum: Share = option("share of the old moving average in the new one", default=0.99, last=1)
    ema_overwrite_frequency: PositiveInt | None = option(
        "after every so many steps the weights are replaced by their moving average", default=None, last=1
    )
    loss_scale_factor: PositiveFloat | None = option(
        "the loss is multiplied by it before the gradient is taken, and the gradient divided by it",
        default=None,
        last=1,
    )
    gradient_accumulation_steps: Annotated[int, Number(whole=True, ge=2)] | None = option(
        "number of batches whose mean gradient makes one step", default=None, last=1
    )
    name: str | None = option("name of the optimizer", default=None, last=1)
    weight_decay_exclude: tuple[str, ...] = option(
        "variables without weight decay: regular expressions, searched in the variable's name (bias), or, "
        "if they hold a slash, in layer and name (dense_1/kernel)",
        default=(),
        example=["bias", "gamma", "beta"],
        kw_only=True,
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        given = [name for name in CLIPS if values[name] is not None]
        if len(given) > 1:
            yield given[1], f"only one of {', '.join(CLIPS)} may be set, got {' and '.join(given)}"
        for pattern in values["weight_decay_exclude"]:
            if (rule := regex_problem(pattern)) is not None:
                yield "weight_decay_exclude", rule

    def setup(self) -> None:
        declared = self.__dict__["learning_rate"]
        self._schedule: Schedule | None = declared if isinstance(declared, Schedule) else None
        self._rate = 0.0 if self._schedule else float(declared)
        self._excluded: tuple[str, ...] = ()
        self._iterations = 0
        self.rate_scale = 1.0  # of every step; lowered when training goes back from NaN
        self._every = self.gradient_accumulation_steps or 1
        self._clips = any(getattr(self, name) is not None for name in CLIPS)
        self._plain = not (self._clips or self._every > 1 or self.loss_scale_factor)
        self._slots: dict[str, Array] = {}
        self.built = False
        self._unbind()

    # -- the rule, which each family and each optimizer writes

    @abstractmethod
    def allocate(self) -> dict[str, Array]:
        """The slots by name, as they are before the first step; self.segments, size and dtype are set."""

    @abstractmethod
    def bind(self, theta: Array, grad: Array) -> None:
        """Get ready for steps on these two vectors: make the views of them, and of the slots, that `step` uses."""

    @abstractmethod
    def step(self, number: int, learning_rate: float) -> None:
        """Weight decay and the rule, on the bound vectors. number: 1 for the first update."""

    @abstractmethod
    def counted(self, segment: Segment) -> int:
        """How many scalars Keras's optimizer of this name keeps for a variable."""

    def start(self, theta: Array) -> None:  # noqa: B027 (most optimizers have nothing to do here)
        """Called before the first step, for slots that begin as the weights."""

    # -- what the trainer calls

    def build(self, segments: Sequence[Segment], dtype: Any = np.float32) -> None:
        """Make the slots for the variables of one network; anything learned before is forgotten.

        Raises UsageError when no variable is left for a pattern of weight_decay_exclude to match.
        """
        self.segments = tuple(segments)
        self.dtype = np.dtype(dtype)
        self.size = max((segment.stop for segment in self.segments), default=0)
        self._decayed = [self._decays(segment) for segment in self.segments]
        if self.weight_decay_exclude and self.segments and all(self._decayed):
            names = ", ".join(segment.name for segment in self.segments[:8])
            patterns = ", ".join(self.weight_decay_exclude)
            raise UsageError(f"weight_decay_exclude: no trained variable is named like {patterns}; there are {names}")
        self._iterations = 0
        self.rate_scale = 1.0
        self._slots = self.allocate()
        if self.use_ema:
            self._slots["average"] = zeros(self.size, self.dtype)
        if self._every > 1:
            self._slots["gradient_accumulator"] = zeros(self.size, self.dtype)
        self._unbind()
        self.built = True

    def apply(self, theta: Array, grad: Array, step: Stepper | None = None) -> None:
        """One step. Overwrites theta and the slots, and uses grad as scratch. theta, grad: (P,).

        step: what takes the place of the method `step`, where `takes_parts` allows it.
        Raises UsageError when build was not called or the vectors do not fit what it was told.
        """
        if theta is not self._theta or grad is not self._grad:
            self._check_vectors(theta, grad)
            self._bind(theta, grad)
        done = self._iterations
        if done == 0:
            self.start(theta)
        if self._plain or self._gradient_ready(grad):
            learning_rate = (self._rate if self._schedule is None else self._schedule(done)) * self.rate_scale
            number = done // self._every + 1
            (step or self.step)(number, learning_rate)
            if number % FLUSH_EVERY == 0:
                self._flush()
        if self.use_ema:
            self._update_average(theta, grad)
        for view, constraint in self._constrained:
            np.copyto(view, constraint(view))
        self._iterations = done + 1

    def finish(self, theta: Array) -> None:
        """The end of a fit: with use_ema, the weights become their moving average."""
        if self.use_ema and self._iterations:
            np.copyto(theta, self._slots["average"])

    def resolve(self, steps_per_epoch: int) -> None:
        """Tell the schedule how many batches an epoch has, so that what it has in epochs becomes steps."""
        declared = self.__dict__["learning_rate"]
        if isinstance(declared, Schedule):
            self._schedule = declared.resolve(steps_per_epoch)

    def scale_loss(self, loss: float) -> float:
        """The loss whose gradient `apply` expects."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # -- what one may look at and change

    @property
    def iterations(self) -> int:
        """Updates done: batches seen, divided by gradient_accumulation_steps."""
        return self._iterations // self._every

    @property
    def takes_parts(self) -> bool:
        """Whether the gradient may reach `apply` in parts that are added up by what takes the place of `step`."""
        return self._plain

    @property
    def spoils_gradient(self) -> bool:
        """Whether `apply` may leave something else than zero where the gradient was zero."""
        norms = self.clipnorm is not None or self.global_clipnorm is not None  # NaN all over when one is not finite
        return self.spoils_zeros or self.use_ema or self._every > 1 or norms

    @property
    def average(self) -> Array | None:
        """The moving average of the weights, (P,), as it is kept; None without use_ema or before the first step."""
        return self._slots["average"] if self.use_ema and self._iterations else None

    def current_learning_rate(self) -> float:
        """What the next step uses; reading `learning_rate` gives it."""
        return self._rate if self._schedule is None else self._schedule(self._iterations)

    @property
    def effective_learning_rate(self) -> float:
        """What the next step uses: `learning_rate`, which callbacks see and set, times rate_scale."""
        return self.current_learning_rate() * self.rate_scale

    def change_learning_rate(self, value: Any) -> None:
        """Assigning to `learning_rate` does this. Raises UsageError for a number where a schedule decides."""
        problems: list[Problem] = []
        value = options_of(type(self))["learning_rate"].checker.check(value, ("learning_rate",), problems)
        if problems:
            raise SpecError("\n".join(f"{self.spec_name}: {problem}" for problem in problems), problems)
        if isinstance(value, Schedule):
            self._schedule = value
        elif self._schedule is not None:
            raise UsageError(
                f"{self.spec_name}: learning_rate can't be set to {value:g} while the schedule "
                f"{self._schedule.spec_name} decides it; give the optimizer a number as learning_rate instead"
            )
        else:
            self._rate = value = float(value)
        self.__dict__["learning_rate"] = value

    def exclude_from_weight_decay(
        self, var_list: Sequence[str] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave variables out of weight decay; to be called before the model is built.

        var_list: whole names, as "dense/kernel". var_names: regular expressions, as in weight_decay_exclude.
        Raises UsageError after `build`, SpecError for a pattern that is not a regular expression.
        """
        if self.built:
            raise UsageError("exclude_from_weight_decay must be called before the optimizer is built")
        for pattern in var_names or ():
            if (rule := regex_problem(pattern)) is not None:
                raise SpecError(f"{self.spec_name}: {rule}")
        self._excluded = (*(f"^{re.escape(name)}$" for name in var_list or ()), *(var_names or ()))

    # -- its state, for checkpoints

    def state(self, *, copy: bool = True) -> dict[str, Array]:
        """All that steps have changed: loaded into an equal optimizer, the next steps give the same bytes.

        copy: False gives the slots themselves, which go on changing.
        """
        kept = {"iterations": np.array(self._iterations, np.int64)}
        if self._schedule is None:
            kept["learning_rate"] = np.array(self._rate, np.float64)
        if self.rate_scale != 1.0:
            kept["rate_scale"] = np.array(self.rate_scale, np.float64)
        return kept | {name: slot.copy() if copy else slot for name, slot in self._slots.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`. A learning rate that is missing, or that a schedule decides now, is left alone.

        Raises UsageError before `build`, CheckpointError when the state is that of another optimizer or network.
        """
        if not self.built:
            raise UsageError("the optimizer must be built before its state is loaded")
        expected = {"iterations", *self._slots}
        found = set(state) - {"learning_rate", "rate_scale"}
        if found != expected:
            missing = ", ".join(sorted(expected - found))
            surplus = ", ".join(sorted(found - expected))
            parts = [f"{what} {names}" for what, names in (("it lacks", missing), ("it has", surplus)) if names]
            raise CheckpointError(f"the state is not that of {self.spec_name} with these options: {'; '.join(parts)}")
        for name, slot in self._slots.items():
            if state[name].shape != slot.shape or state[name].dtype != slot.dtype:
                got, want = (f"{a.dtype} {list(a.shape)}" for a in (state[name], slot))
                raise CheckpointError(f"slot {name} of {self.spec_name} should be {want}, the state has {got}")
        for name, slot in self._slots.items():
            np.copyto(slot, state[name])
        self._iterations = int(state["iterations"])
        self.rate_scale = float(state["rate_scale"]) if "rate_scale" in state else 1.0
        if self._schedule is None and "learning_rate" in state:
            self._rate = self.__dict__["learning_rate"] = float(state["learning_rate"])

    def variable_count(self) -> int:
        """How many scalars the optimizer holds as Keras counts them: slots, the step count, the learning rate."""
        own = 1 if self._schedule is not None else 2
        return self._counted_slots() + own

    def state_bytes(self) -> int:
        """The size of these scalars as Keras prints it: the step count and the learning rate take 4 bytes each."""
        slots = self._counted_slots()
        return slots * self.dtype.itemsize + 4 * (self.variable_count() - slots) if self.built else 8

    def plain_option(self, declared: Option, *, full: bool) -> Any:
        """As plain data; a schedule as `{Name: {options}}`, though learning_rate reads as a number."""
        if declared.name == "learning_rate":
            return self._declared_rate(full=full)
        return super().plain_option(declared, full=full)

    def __getstate__(self) -> dict[str, Any]:
        # A copied view would no longer be a view, so a copy makes its own.
        return {name: value for name, value in self.__dict__.items() if name not in self._unbound()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._unbind()

    # -- parts of a step

    def decay_of(self, segment: Segment) -> float | None:
        """The weight decay of a variable that is not excluded."""
        return self.weight_decay

    def _gradient_ready(self, grad: Array) -> bool:
        """Unscale, accumulate and clip; False while batches are still being accumulated."""
        if self.loss_scale_factor:
            np.divide(grad, self.loss_scale_factor, out=grad)
        if self._every > 1:
            total = self._slots["gradient_accumulator"]
            if (self._iterations + 1) % self._every:
                np.add(total, grad, out=total)
                return False
            np.add(grad, total, out=grad)
            np.divide(grad, self._every, out=grad)
            total.fill(0)
        if self.clipnorm is not None:
            for part in self._gradients:
                _shorten(part, self.clipnorm)
        elif self.global_clipnorm is not None:
            _shorten(grad, self.global_clipnorm)
        elif self.clipvalue is not None:
            np.clip(grad, -self.clipvalue, self.clipvalue, out=grad)
        return True

    def _update_average(self, theta: Array, grad: Array) -> None:
        """average = momentum * average + (1 - momentum) * w, and the weights themselves at the first update."""
        average = self._slots["average"]
        updates = self.iterations
        if updates == 0:
            np.copyto(average, theta)
        else:
            np.subtract(theta, average, out=grad)
            np.multiply(grad, 1.0 - self.ema_momentum, out=grad)
            np.add(average, grad, out=average)
        frequency = self.ema_overwrite_frequency
        if frequency is not None and (updates + 1) % frequency == 0:
            np.copyto(theta, average)

    def _flush(self) -> None:
        """Set to zero what has all but died out in the slots.

        Sums that decay without new gradients (dead units, words not seen) end as subnormal numbers, with which
        arithmetic is many times slower on common processors, and which rounding keeps from ever reaching zero. The
        limit lies far below what changes a weight.
        """
        limit = 1e-30 if self.dtype == np.float32 else 1e-280
        for slot in self._slots.values():
            for start in range(0, slot.size, 1 << 16):
                part = slot[start : start + (1 << 16)]
                np.copyto(part, 0, where=np.abs(part) < limit)

    def _decays(self, segment: Segment) -> bool:
        own_name = segment.name.rpartition("/")[2]
        patterns = (*self.weight_decay_exclude, *self._excluded)
        return not any(re.search(p, segment.name if "/" in p else own_name) for p in patterns)

    def _bind(self, theta: Array, grad: Array) -> None:
        self._gradients = [grad[segment.start : segment.stop] for segment in self.segments]
        self._constrained = [
            (theta[segment.start : segment.stop].reshape(segment.shape), segment.constraint)
            for segment in self.segments
            if segment.constraint is not None
        ]
        self.bind(theta, grad)
        self._theta, self._grad = theta, grad

    def _unbind(self) -> None:
        self.__dict__.update(self._unbound())

    @staticmethod
    def _unbound() -> dict[str, Any]:
        """What holds views, with its value when there are none; families keep their views in `_views`."""
        return {"_theta": None, "_grad": None, "_gradients": [], "_constrained": [], "_views": []}

    def _check_vectors(self, theta: Array, grad: Array) -> None:
        if not self.built:
            raise UsageError("the optimizer must be built for a network before it can make a step")
        for name, vector in (("the weights", theta), ("the gradient", grad)):
            if vector.shape != (self.size,) or vector.dtype != self.dtype or not vector.flags.c_contiguous:
                raise UsageError(
                    f"{name} must be a contiguous {self.dtype} vector of length {self.size}, "
                    f"got {vector.dtype} {list(vector.shape)}"
                )

    def _counted_slots(self) -> int:
        if not self.built:
            return 0
        vectors = int(self.use_ema) + int(self._every > 1)
        return sum(map(self.counted, self.segments)) + vectors * self.size + self.extra_scalars

    def _declared_rate(self, *, full: bool) -> Any:
        declared = self.__dict__["learning_rate"]
        return declared.to_spec(full=full) if isinstance(declared, Schedule) else declared


def norm(x: Array) -> float:
    """The length of a vector: sqrt(sum x^2), right also where x^2 would overflow. x: (P,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        length = math.sqrt(float(np.dot(x, x)))
    if math.isfinite(length) or not x.size:
        return length
    largest = float(np.max(np.abs(x)))
    return largest * math.sqrt(float(np.sum(np.square(x / largest)))) if math.isfinite(largest) else largest


def _shorten(gradient: Array, limit: float) -> None:
    """Scale down to the length `limit`; a gradient that is not finite becomes NaN all over, as in Keras."""
    length = norm(gradient)
    if not math.isfinite(length):
        gradient.fill(math.nan)
    elif length > limit:
        np.multiply(gradient, limit / length, out=gradient)


def regex_problem(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is not a regular expression: {error}"
    return None
