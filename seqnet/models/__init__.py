"""Models as a person uses them: Keras's Sequential, its summary, saving and loading."""

from __future__ import annotations

from seqnet.models.saving import load_model, save_model
from seqnet.models.sequential import Sequential

__all__ = ["Sequential", "load_model", "save_model"]
