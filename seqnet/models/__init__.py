"""Models as a person uses them: Keras's Sequential, its summary, saving and loading."""

from __future__ import annotations

from typing import Any

from seqnet.models.cloning import clone_model, model_from_json
from seqnet.models.saving import load_model, save_model
from seqnet.models.sequential import Sequential

__all__ = ["Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def __getattr__(name: str) -> Any:
    if name in ("Model", "Functional"):
        from seqnet.errors import UsageError

        raise UsageError(
            f"there is no {name} here: a network is one stack of layers, Sequential([...]); several inputs or outputs, "
            "branches and subclassed models need Keras. For the outputs of an inner layer: Sequential(model.layers[:n])"
        )
    raise AttributeError(f"module 'seqnet.models' has no attribute {name!r}")
