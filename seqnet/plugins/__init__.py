"""Components of one's own: everything that a plugin file needs, under one name.

    from seqnet.plugins import Array, Cache, Context, Layer, PositiveFloat, layer, option

    @layer
    class Scale(Layer):
        \"\"\"y = factor * x.\"\"\"

        factor: PositiveFloat = option("what the input is multiplied by", default=2.0)

        def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
            return x * self.factor, None

        def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
            return dy * self.factor

A YAML file names it with `plugins: [my_layers.py]`, a command with `--plugin my_layers.py`, a script imports the file
as any other. `seqnet.testing.check_layer` checks a layer's shapes, gradients and manners.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqnet.activations.base import Activation
    from seqnet.arrays import Array, Cache, Shape
    from seqnet.checkers import (
        Fraction,
        NonNegativeFloat,
        NonNegativeInt,
        PathText,
        PositiveFloat,
        PositiveInt,
        ShapeOption,
        Share,
    )
    from seqnet.constraints import Constraint
    from seqnet.datasets.base import Data, Dataset, Source, Split
    from seqnet.declare import Component, option
    from seqnet.errors import DataError, ShapeError, SpecError, UsageError
    from seqnet.initializers import Initializer
    from seqnet.layers.base import Context, Layer, ParamSpec
    from seqnet.losses.base import Linearized, Loss
    from seqnet.metrics.base import Metric
    from seqnet.optimizers.base import Optimizer
    from seqnet.registry import register
    from seqnet.regularizers import Regularizer
    from seqnet.schedules import Schedule
    from seqnet.training.callbacks import Callback

    activation = callback = constraint = dataset = initializer = layer = loss = register
    metric = optimizer = regularizer = schedule = source = register

_DECORATORS = (
    "activation",
    "callback",
    "constraint",
    "dataset",
    "initializer",
    "layer",
    "loss",
    "metric",
    "optimizer",
    "regularizer",
    "schedule",
    "source",
)
_MODULES = {
    "seqnet.activations.base": ("Activation",),
    "seqnet.arrays": ("Array", "Cache", "Shape"),
    "seqnet.checkers": (
        "Fraction",
        "NonNegativeFloat",
        "NonNegativeInt",
        "PathText",
        "PositiveFloat",
        "PositiveInt",
        "ShapeOption",
        "Share",
    ),
    "seqnet.constraints": ("Constraint",),
    "seqnet.datasets.base": ("Data", "Dataset", "Source", "Split"),
    "seqnet.declare": ("Component", "option"),
    "seqnet.errors": ("DataError", "ShapeError", "SpecError", "UsageError"),
    "seqnet.initializers": ("Initializer",),
    "seqnet.layers.base": ("Context", "Layer", "ParamSpec"),
    "seqnet.losses.base": ("Linearized", "Loss"),
    "seqnet.metrics.base": ("Metric",),
    "seqnet.optimizers.base": ("Optimizer",),
    "seqnet.regularizers": ("Regularizer",),
    "seqnet.schedules": ("Schedule",),
    "seqnet.training.callbacks": ("Callback",),
}
_NAMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Activation",
    "Array",
    "Cache",
    "Callback",
    "Component",
    "Constraint",
    "Context",
    "Data",
    "DataError",
    "Dataset",
    "Fraction",
    "Initializer",
    "Layer",
    "Linearized",
    "Loss",
    "Metric",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Optimizer",
    "ParamSpec",
    "PathText",
    "PositiveFloat",
    "PositiveInt",
    "Regularizer",
    "Schedule",
    "Shape",
    "ShapeError",
    "ShapeOption",
    "Share",
    "Source",
    "SpecError",
    "Split",
    "UsageError",
    "activation",
    "callback",
    "constraint",
    "dataset",
    "initializer",
    "layer",
    "loss",
    "metric",
    "optimizer",
    "option",
    "regularizer",
    "schedule",
    "source",
]


def __getattr__(name: str) -> Any:
    if name in _DECORATORS:
        from seqnet.registry import register

        return register
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'seqnet.plugins' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
