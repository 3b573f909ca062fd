"""The JSON Schema agrees with the checks: what they let through validates, what they refuse does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from seqnet.checkers import REQUIRED
from seqnet.declare import options_of
from seqnet.errors import SpecError
from seqnet.registry import KIND_MODULES, components
from seqnet.spec.reader import dump_yaml, parse_document
from seqnet.spec.run import check_document, load_spec
from seqnet.spec.schema import json_schema
from seqnet.spec.sections import KEYS as SECTIONS
from seqnet.spec.sections import TrainingSection
from tests.specs import files
from tests.test_wrong_input import BASE, FORMS, KEYS, MODELS, NAMES, VALUES

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
SCHEMA = json.loads(json.dumps(json_schema()))  # as an editor reads it
VALIDATOR = Draft202012Validator(SCHEMA)


def objection(data: Any, validator: Draft202012Validator = VALIDATOR) -> str | None:
    """What the schema has against plain data, seen as JSON, in which every key is a text."""
    error = best_match(validator.iter_errors(json.loads(json.dumps(data))))
    return None if error is None else f"{list(error.absolute_path)}: {error.message}"


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    json.dumps(SCHEMA, allow_nan=False)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_example_validates_as_written_and_resolved(config: Path) -> None:
    spec = load_spec(config)
    validator = Draft202012Validator(json_schema()) if spec.plugins else VALIDATOR  # which then knows their components
    assert objection(spec.document.data, validator) is None
    assert objection(spec.resolved(), validator) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_any_valid_file_validates_as_written_and_resolved(plain: dict[str, Any]) -> None:
    assert objection(plain) is None
    assert objection(check_document(parse_document(dump_yaml(plain)), []).resolved()) is None


# Rules between options, which a schema can't say, and values that only look like others to it.
BEYOND = (
    "initial_epoch: 1",
    "{name: a}\n  - Dense: {units: 3, name: a",
    "- Input: {shape: [4]}",
    "name: ..",
    'name: " x"',
    "class_weight: {setosa: 2}",
    "weighted_sampling: balanced",
    "{samples: 3}",
)


@pytest.mark.parametrize("case", [*KEYS, *NAMES, *VALUES, *FORMS], ids=lambda case: " ".join(case[1].split())[:50])
def test_what_the_checks_refuse_does_not_validate(case: tuple[str, ...]) -> None:
    try:
        data = parse_document(BASE.replace(case[0], case[1], 1)).data
    except SpecError:
        return  # not even YAML
    if any(part in case[1] for part in BEYOND) or "name: a" in case[1]:
        return
    assert objection(data) is not None


@pytest.mark.parametrize("text", MODELS, ids=lambda text: " ".join(text.split()))
def test_a_file_without_layers_does_not_validate(text: str) -> None:
    assert objection(parse_document(text).data) is not None or "Input" in text


UNKNOWN: dict[str, Any] = {
    "top": {"model": ["Flatten"], "modle": 1},
    "data": {"model": ["Flatten"], "data": {"dataset": "iris", "x": 1}},
    "dataset": {"model": ["Flatten"], "data": {"dataset": {"moons": {"x": 1}}}},
    "source": {"model": ["Flatten"], "data": {"npz": {"path": "a.npz", "x": 1}}},
    "training": {"model": ["Flatten"], "training": {"x": 1}},
    "layer": {"model": [{"Flatten": {"x": 1}}]},
    "component in a layer": {"model": [{"Dense": {"units": 1, "activation": {"leaky_relu": {"x": 1}}}}]},
    "layer in a layer": {"model": [{"TimeDistributed": {"layer": {"Dense": {"units": 1, "x": 1}}}}]},
    "optimizer": {"model": ["Flatten"], "optimizer": {"Adam": {"x": 1}}},
    "schedule": {
        "model": ["Flatten"],
        "optimizer": {
            "Adam": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 1, "decay_steps": 1, "x": 1}}}
        },
    },
    "loss": {"model": ["Flatten"], "loss": {"Huber": {"x": 1}}},
    "metric": {"model": ["Flatten"], "metrics": [{"Precision": {"x": 1}}]},
    "callback": {"model": ["Flatten"], "callbacks": [{"EarlyStopping": {"x": 1}}]},
}


def known(data: Any) -> Any:
    """The same without the unknown keys."""
    if isinstance(data, dict):
        return {key: known(value) for key, value in data.items() if key not in ("x", "modle")}
    return [known(item) for item in data] if isinstance(data, list) else data


@pytest.mark.parametrize("level", UNKNOWN)
def test_unknown_keys_fail_at_every_level(level: str) -> None:
    assert objection(known(UNKNOWN[level])) is None
    assert objection(UNKNOWN[level]) is not None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"model": ["Dense"]},  # needs units
        {"model": [{"Dense": None}]},
        {"model": [{"Dense": {"units": 1}, "Flatten": {}}]},
        {"model": ["Flatten"], "data": {}},
        {"model": ["Flatten"], "data": {"dataset": "iris", "npz": "a.npz"}},
        {"model": ["Flatten"], "data": {"npz": {}}},
    ],
    ids=str,
)
def test_what_is_missing_or_too_much_fails(data: Any) -> None:
    assert objection(data) is not None


# -- what an editor shows ---------------------------------------------------------------------------------------------


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, schema) of every property."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield f"{path}/{name}", inner
        for key, inner in schema.items():
            yield from properties(inner, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from properties(inner, f"{path}/{index}")


def test_everything_is_described() -> None:
    found = list(properties(SCHEMA))
    assert len(found) > 2000
    assert [path for path, inner in found if not inner.get("description") and "$ref" not in inner] == []


def test_every_section_and_option_is_there_with_its_default() -> None:
    assert list(SCHEMA["properties"]) == list(SECTIONS)
    training = SCHEMA["properties"]["training"]["properties"]
    for name, declared in options_of(TrainingSection).items():
        assert declared.help in training[name]["description"]
        assert training[name]["default"] == declared.default
    dense = SCHEMA["$defs"]["layer"]["anyOf"][1]["properties"]["Dense"]
    assert dense["required"] == ["units"]
    assert dense["properties"]["kernel_initializer"]["default"] == "glorot_uniform"
    assert dense["properties"]["units"]["examples"] == [64]
    assert "y = activation(x @ kernel + bias)" in dense["description"]


@pytest.mark.parametrize("kind", KIND_MODULES)
def test_every_name_of_a_kind_is_completed(kind: str) -> None:
    bare, mapping = SCHEMA["$defs"][kind]["anyOf"]
    for cls in components(kind):
        names = {cls.spec_name, *cls.automatic_aliases(), *cls.aliases}
        assert names <= set(mapping["properties"])
        needs_options = any(declared.default is REQUIRED for declared in options_of(cls).values())
        assert (names <= set(bare["enum"])) != needs_options
