"""Every layer, under its Keras name."""

from __future__ import annotations

from seqnet.layers.base import Context, Layer, ParamSpec
from seqnet.layers.core import Activation, ActivityRegularization, Dense, Identity, Input

InputLayer = Input

__all__ = [
    "Activation",
    "ActivityRegularization",
    "Context",
    "Dense",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "ParamSpec",
]
