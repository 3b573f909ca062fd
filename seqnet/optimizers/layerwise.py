"""Optimizers whose rule sees a whole variable: its norm, its rows and columns, its matrix."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from seqnet.arrays import Array, empty, zeros
from seqnet.optimizers.base import Optimizer, Segment


class Part(NamedTuple):
    """One variable with all that a step needs of it, each in its own shape; views of the flat vectors."""

    segment: Segment
    w: Array
    g: Array
    slots: dict[str, Array]
    scratch: Array  # shaped as w
    decay: float | None


class Layerwise(Optimizer):
    """Base of the optimizers that treat each variable as one thing."""

    @abstractmethod
    def slot_shapes(self, segment: Segment) -> dict[str, tuple[int, ...]]:
        """The slots that a variable has, and their shapes. They start as zeros."""

    @abstractmethod
    def update(self, part: Part, step: int, lr: float) -> None:
        """The rule, in place, on one variable. May overwrite part.g and part.scratch."""

    def allocate(self) -> dict[str, Array]:
        sizes: dict[str, int] = {}
        for segment in self.segments:
            for name, shape in self.slot_shapes(segment).items():
                sizes[name] = sizes.get(name, 0) + math.prod(shape)
        return {name: zeros(size, self.dtype) for name, size in sizes.items()}

    def bind(self, theta: Array, grad: Array) -> None:
        scratch = empty(max((s.stop - s.start for s in self.segments), default=0), self.dtype)
        used = dict.fromkeys(self._slots, 0)
        self._views: list[Part] = []
        for segment, decays in zip(self.segments, self._decayed, strict=True):
            slots = {}
            for name, shape in self.slot_shapes(segment).items():
                stop = used[name] + math.prod(shape)
                slots[name] = self._slots[name][used[name] : stop].reshape(shape)
                used[name] = stop
            w, g = (vector[segment.start : segment.stop].reshape(segment.shape) for vector in (theta, grad))
            decay = self.decay_of(segment) if decays else None
            self._views.append(Part(segment, w, g, slots, scratch[: w.size].reshape(segment.shape), decay))

    def step(self, number: int, learning_rate: float) -> None:
        for part in self._views:
            if part.segment.lr_scale == 0.0:
                continue
            lr = learning_rate * part.segment.lr_scale
            if part.decay:
                np.multiply(part.w, 1.0 - lr * part.decay, out=part.w)
            self.update(part, number, lr)
