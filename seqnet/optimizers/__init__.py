"""Optimizers: what turns gradients into new weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.optimizers import schedules
from seqnet.optimizers.adafactor import Adafactor
from seqnet.optimizers.adagrad import Adadelta, Adagrad, Ftrl
from seqnet.optimizers.adam import Adam, Adamax, AdamW, Nadam
from seqnet.optimizers.base import Optimizer, Segment
from seqnet.optimizers.lamb import Lamb
from seqnet.optimizers.lion import Lion
from seqnet.optimizers.muon import Muon
from seqnet.optimizers.rmsprop import RMSprop
from seqnet.optimizers.schedule_free import ScheduleFreeAdamW
from seqnet.optimizers.sgd import SGD
from seqnet.registry import scope

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
    "Segment",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]


def get(identifier: str | Mapping[str, Any] | Optimizer) -> Optimizer:
    """An optimizer by its name, `{Name: {options}}`, what `serialize` wrote, or itself. Raises SpecError."""
    return declare.get(Optimizer, identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's class and options, in Keras's form; not its state."""
    return {"class_name": optimizer.spec_name, "config": optimizer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The inverse of `serialize`; custom_objects: classes of one's own by name. Raises SpecError."""
    with scope(custom_objects):
        return get(config)
