"""The JSON Schema of a file, from the same declarations that check it, for completion and checks in an editor."""

from __future__ import annotations

import inspect
from typing import Any

from seqnet.declare import Component, Option, options_of
from seqnet.registry import KIND_MODULES, components
from seqnet.spec.sections import KEYS, DataSection, TrainingSection


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a seqnet file."""
    sections: dict[str, Any] = {
        "name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r'^[^/\\:*?"<>|]+$'},
        "seed": {"type": "integer", "minimum": 0},
        "plugins": {"type": "array", "items": {"type": "string", "pattern": r"\.py$"}},
        "data": _data(),
        "model": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/layer"}},
        "optimizer": {"$ref": "#/$defs/optimizer"},
        "loss": {"$ref": "#/$defs/loss"},
        "metrics": {"type": "array", "items": {"$ref": "#/$defs/metric"}},
        "training": _options(TrainingSection),
        "callbacks": {"type": "array", "items": {"$ref": "#/$defs/callback"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seqnet",
        "type": "object",
        "required": ["model"],
        "additionalProperties": False,
        "properties": {key: {"description": help, **sections[key]} for key, help in KEYS.items()},
        "$defs": {kind: _kind(kind) for kind in KIND_MODULES},
    }


def _data() -> dict[str, Any]:
    """The data section, in which each kind of source is an option: its first option alone, or all of them."""
    schema = _options(DataSection)
    del schema["properties"]["source"]
    for cls in components("source"):
        first = next(iter(options_of(cls).values()))
        schema["properties"][cls.spec_name] = {
            "description": _text(cls),
            "anyOf": [first.checker.schema(), _options(cls)],
        }
    return {
        **schema,
        "oneOf": [{"required": [name]} for name in ("dataset", *(c.spec_name for c in components("source")))],
    }


def _kind(kind: str) -> dict[str, Any]:
    """A name that needs no options, or one name with its options."""
    classes = list(components(kind))
    names = [name for cls in classes if not _required(cls) for name in _names(cls)]
    mappings = {}
    for cls in classes:
        options = _options(cls)
        mappings[cls.spec_name] = {
            "description": _text(cls),
            **(options if "required" in options else {"anyOf": [options, {"type": "null"}]}),
        }
    aliases = {a: {"$ref": f"#/$defs/{kind}/anyOf/1/properties/{c.spec_name}"} for c in classes for a in _names(c)[1:]}
    one = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {**mappings, **aliases},
    }
    return {"anyOf": [{"type": "string", "enum": names}, one]}


def _names(cls: type[Component]) -> list[str]:
    return list(dict.fromkeys([cls.spec_name, *cls.automatic_aliases(), *cls.aliases]))


def _options(cls: type[Component]) -> dict[str, Any]:
    declared = options_of(cls)
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _option(one) for name, one in declared.items()},
    }
    required = _required(cls)
    return {**schema, "required": required} if required else schema


def _option(declared: Option) -> dict[str, Any]:
    schema = {"description": f"{declared.help} ({declared.checker.says()})", **declared.checker.schema()}
    if declared.example is not None:
        schema["examples"] = [declared.example]
    if not declared.required and not isinstance(declared.default, tuple):
        schema["default"] = declared.default
    return schema


def _required(cls: type[Component]) -> list[str]:
    return [name for name, one in options_of(cls).items() if one.required]


def _text(cls: type[Component]) -> str:
    return inspect.cleandoc(cls.__doc__ or "")
