"""Losses under Keras's names, as components (`MeanSquaredError`) and as functions that give the per-row values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.losses.base import Linearized, Loss, loss
from seqnet.losses.crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from seqnet.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError


def get(identifier: Any) -> Loss | None:
    """A loss from its name, `{Name: {options}}`, Keras's `{class_name, config}`, a class or an instance."""
    return None if identifier is None else declare.get(Loss, identifier)


def serialize(loss: Loss) -> dict[str, Any]:
    """Keras's form: {"class_name": …, "config": {…}}."""
    return {"class_name": loss.spec_name, "config": loss.get_config()}


def deserialize(name: str | Mapping[str, Any]) -> Loss:
    """The inverse of serialize; a name stands for that loss with its defaults."""
    return declare.get(Loss, name)


__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "Linearized",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "deserialize",
    "get",
    "loss",
    "serialize",
]
