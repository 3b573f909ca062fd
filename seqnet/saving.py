"""Saving and loading, under the names that Keras scripts import."""

from __future__ import annotations

from seqnet.models.saving import load_model, load_weights, save_model, save_weights
from seqnet.utils import CustomObjectScope, custom_object_scope, get_custom_objects, register_keras_serializable

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_custom_objects",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
]
