"""Models made from models, or from their description, with weights of their own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from seqnet.errors import UsageError
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.models.sequential import Sequential


def clone_model(
    model: Sequential,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Sequential:
    """The same stack with weights drawn anew, compiled as the model is, with an optimizer that has seen nothing.

    clone_function: makes a layer from a layer; default: of the same class and options. Raises UsageError.
    """
    if not isinstance(model, Sequential):
        raise UsageError(f"clone_model takes a Sequential, got {type(model).__name__}")
    if input_tensors is not None or call_function is not None or recursive:
        raise UsageError("input_tensors, call_function and recursive need models of several parts; this is one stack")
    made: dict[int, Layer] = {}
    for layer in model._layers:
        if id(layer) not in made:
            own = clone_function is None or isinstance(layer, Input)
            made[id(layer)] = type(layer).from_config(layer.get_config()) if own else clone_function(layer)  # type: ignore[misc]
            if not isinstance(made[id(layer)], Layer):
                raise UsageError(f"clone_function must give a layer, got {made[id(layer)]!r} for {layer.name}")
    clone = type(model)([made[id(layer)] for layer in model._layers], model.trainable, model.name)
    if model._input_shape is not None:
        clone._input_shape = model._input_shape
    if model.optimizer is not None:
        optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
        clone.compile(
            optimizer, model.loss, None, _fresh(model._metrics), _fresh(model._weighted), threads=model._threads
        )
    return clone


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """The stack that `model.to_json()` described; the weights are new. custom_objects: classes of one's own by name,
    where they are not registered. Raises UsageError."""
    try:
        described = json.loads(json_string)
    except (TypeError, ValueError) as error:
        raise UsageError(f"model_from_json takes what to_json gave, and this is no JSON: {error}") from error
    if isinstance(described, Mapping) and "module" in described:
        raise UsageError(
            "this JSON was written by Keras; give both models the same layers in Python, and then "
            "model.set_weights(keras_model.get_weights())"
        )
    if not isinstance(described, Mapping) or described.get("class_name") != "Sequential":
        raise UsageError("model_from_json takes what to_json gave: class_name Sequential and its config")
    return Sequential.from_config(described.get("config", {}), custom_objects)


def _fresh(metrics: Any) -> list[Any]:
    """Metrics as compile takes them, sharing no sums with the ones given."""
    return [label or copy.deepcopy(metric) for label, metric in metrics]
