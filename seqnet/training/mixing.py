"""MixUp and CutMix: what is done to a batch as a whole, inputs and targets, before a training step.

The draws belong to the number of the step, so that a resumed run makes the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import ComponentOf, Either, NonNegativeInt, Number, Tuple
from seqnet.declare import Component, option
from seqnet.errors import DataError, UsageError
from seqnet.kernels.draws import Draws
from seqnet.kernels.mixing import blend, boxes_of, paste
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, from_last, to_last
from seqnet.losses import Loss
from seqnet.network.network import Network
from seqnet.registry import register, snake_case

SEED_HELP = "mixed into the run's random numbers: with the run's seed the same, another seed mixes otherwise"
Share = Number(ge=0, le=1)
Alpha = Annotated[float, Number(gt=0)]
Factor = Annotated[float | tuple[float, float], Either((Share, Tuple(Share, length=2)))]


class Mixer(Component):
    """Mixes each row of a batch with another one: training alone."""

    kind = "mixer"

    seed: int | None = None

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A class stands for its defaults."""
        return value() if isinstance(value, type) and issubclass(value, cls) else None

    def problem(self, row: Shape) -> str | None:
        """Why rows of this shape can't be mixed, and what to do; None where they can."""
        return None

    def mix(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """The mixed rows, the order of the other rows (N,), and how much of its own each row keeps (N,)."""
        raise NotImplementedError


@register()
class MixUp(Mixer):
    """x' = w x + (1 - w) x of another row of the batch, and targets likewise; w from the beta distribution (α, α).

    x: (N, ...) -> (N, ...), for pictures, tables and sequences of numbers. Each row has a w of its own.

    Reference: H. Zhang et al., mixup: beyond empirical risk minimization, 2017, arXiv:1710.09412.
    """

    alpha: Alpha = option("small numbers mix little: w is near 0 or 1; 1 makes every w alike", default=0.2)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def mix(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        order = rng.permutation(len(x))
        weight = rng.beta(self.alpha, self.alpha, len(x))
        return blend(x, order, weight), order, weight


@register()
class CutMix(Mixer):
    """A box of another picture of the batch takes the place of what x shows there, and targets mix by its area.

    x: (N, H, W, C) or (N, H, W) -> the same. The box covers about 1 - w of the picture, w from the beta
    distribution (α, α) for each row and α uniform in `factor` for each batch, as in Keras.

    Reference: S. Yun et al., CutMix: regularization strategy to train strong classifiers with localizable features,
    2019, arXiv:1905.04899.
    """

    factor: Factor = option("the range of α: f stands for 0 to f", default=1.0)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def problem(self, row: Shape) -> str | None:
        if len(row) in (2, 3):
            return None
        return f"CutMix cuts boxes out of pictures, (height, width, channels), but the rows have shape {row}; use MixUp"

    def mix(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        images = x[..., None] if x.ndim == 3 else to_last(x, self.data_format)
        n, height, width, _ = images.shape
        low, high = sorted(self.factor) if isinstance(self.factor, tuple) else (0.0, self.factor)
        alpha = rng.uniform(low, high) + 1e-6
        share = 1 - np.asarray(rng.beta(alpha, alpha, n))
        across, down = rng.random((2, n))
        boxes = boxes_of(share, across, down, height, width)
        order = rng.permutation(n)
        y = paste(images, order, boxes)
        y = y.reshape(x.shape) if x.ndim == 3 else from_last(y, self.data_format)
        return y, order, boxes.outside(height, width)


# What the option `augment` takes: one mixer, or a list of them.
AUGMENT = Tuple(ComponentOf(Mixer), spread=True)


@dataclass(frozen=True)
class Mixed:
    """A batch as a step takes it. labels: what the metrics count as true, where that is not y."""

    x: Array
    y: Array
    weight: Array | None
    labels: Array | None = None


class Mixing:
    """Mixers at work in one fit, one after the other, on the batches of a network with its loss.

    Raises UsageError where the inputs can't be mixed, or the loss takes no shares of classes.
    """

    def __init__(self, mixers: Sequence[Mixer], network: Network, loss: Loss) -> None:
        problem = mixing_problem(mixers, network.input_shape, network.takes_integers, loss)
        if problem is not None:
            raise UsageError(problem)
        self.mixers = tuple(mixers)
        self.loss = (loss.soft_form() or loss) if mixers else loss  # that training steps lower
        self._classes = loss.labels
        self._out = network.output_shape
        self._dtype = network.dtype
        self._draws = Draws(network.stream("mixing").generate_state(2, np.uint64))

    def batch(self, x: Array, y: Array, weight: Array | None, step: int) -> Mixed:
        """The batch of training step number `step`. x: (N, ...) floats, y: (N, ...), weight: None or (N, ...)."""
        if not self.mixers:
            return Mixed(x, y, weight)
        labels, self._draws.batch = y, step
        y = self._shares(y)
        for place, mixer in enumerate(self.mixers):
            x, order, kept = mixer.mix(x, self._draws.of_row(place, mixer.seed, 0))
            y = blend(y, order, kept)
            weight = None if weight is None else blend(weight.astype(self._dtype), order, kept)
            own = (kept >= 0.5).reshape(-1, *([1] * (labels.ndim - 1)))
            labels = np.where(own, labels, labels.take(order, axis=0))
        return Mixed(x, y, weight, None if self._classes == "real" else labels)

    def _shares(self, y: Array) -> Array:
        """Targets as floats; integer labels as rows with a 1 at the place of the class."""
        if self._classes != "integer":
            return y.astype(self._dtype)
        width = (self._out[-1] if self._out else None) or 1
        labels = y[..., 0] if y.ndim == len(self._out) + 1 and y.shape[-1] == 1 else y
        wrong = (labels < 0) | (labels >= width)
        if wrong.any():
            raise DataError(f"there is a label {labels[wrong][0]}, but the model tells {width} classes apart, from 0")
        made: Array = np.eye(width, dtype=self._dtype)[labels.astype(np.intp)]
        return made


def mixing_problem(mixers: Sequence[Mixer], row: Shape, integers: bool, loss: Loss) -> str | None:
    """Why these mixers can't work on rows of this shape with this loss, and what to do; None where they can."""
    for mixer in mixers:
        name = mixer.spec_name
        if integers:
            return f"{name} averages inputs, and these are whole numbers that stand for something else; leave it out"
        problem = mixer.problem(row)
        if problem is not None:
            return problem
        if loss.soft_form() is None:
            return (
                f"{name} mixes targets, and {snake_case(type(loss).__name__)} takes no mixtures of classes; use "
                "sparse_categorical_crossentropy (without ignore_class), categorical_crossentropy or "
                "binary_crossentropy"
            )
    return None
