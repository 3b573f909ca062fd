"""The JSON Schema of a file, from the same declarations that check it, for completion and checks in an editor."""

from __future__ import annotations

from typing import Any

from seqnet.declare import Component, Option, options_of
from seqnet.registry import KIND_MODULES, components
from seqnet.spec.sections import KEYS, DataSection, TrainingSection


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a seqnet file."""
    data = _options(DataSection)
    source = data["properties"].pop("source")
    del source
    for cls in components("source"):
        first = next(iter(options_of(cls).values()))
        options = {"anyOf": [first.checker.schema(), _options(cls)]}
        data["properties"][cls.spec_name] = {"description": _first_line(cls), **options}
    sections: dict[str, Any] = {
        "name": {"type": "string"},
        "seed": {"type": "integer", "minimum": 0},
        "data": data,
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


def _kind(kind: str) -> dict[str, Any]:
    """A name that needs no options, or one name with its options."""
    classes = list(components(kind))
    names = [name for cls in classes if not _required(cls) for name in _names(cls)]
    mappings = {
        cls.spec_name: {"description": _first_line(cls), "anyOf": [_options(cls), {"type": "null"}]} for cls in classes
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
    schema = {"description": declared.help, **declared.checker.schema()}
    if not declared.required and not isinstance(declared.default, tuple):
        schema["default"] = declared.default
    return schema


def _required(cls: type[Component]) -> list[str]:
    return [name for name, one in options_of(cls).items() if one.required]


def _first_line(cls: type[Component]) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]
