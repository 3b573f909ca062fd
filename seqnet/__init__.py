"""seqnet trains Keras-style Sequential networks from one YAML file, on NumPy.

`import seqnet` is cheap; what a name needs is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from seqnet.version import __version__

if TYPE_CHECKING:
    from seqnet import (
        activations,
        backend,
        callbacks,
        constraints,
        datasets,
        initializers,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        plugins,
        regularizers,
        saving,
        testing,
        utils,
    )
    from seqnet.errors import SeqnetError
    from seqnet.layers import Input
    from seqnet.models import Sequential, load_model
    from seqnet.spec.run import RunSpec, load_spec

_MODULES = (
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plugins",
    "regularizers",
    "saving",
    "testing",
    "utils",
)
_NAMES = {
    "Input": "seqnet.layers",
    "RunSpec": "seqnet.spec.run",
    "SeqnetError": "seqnet.errors",
    "Sequential": "seqnet.models",
    "load_model": "seqnet.models",
    "load_spec": "seqnet.spec.run",
}

__all__ = [
    "Input",
    "RunSpec",
    "SeqnetError",
    "Sequential",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "load_model",
    "load_spec",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plugins",
    "regularizers",
    "saving",
    "testing",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name == "Model":
        from seqnet import models

        return models.Model  # which says why there is none
    if name in _MODULES:
        return importlib.import_module(f"seqnet.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'seqnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
