"""Where a key belongs that stands in the wrong place: what to say instead of a list of what is allowed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqnet.checkers import written
from seqnet.declare import Component, options_of
from seqnet.errors import Path, nearest, suggestion
from seqnet.registry import components, is_known, lookup
from seqnet.spec.sections import KEYS, DataSection, TrainingSection
from seqnet.spelling import usual_option

_SECTIONS: dict[str, type[Component]] = {"data": DataSection, "training": TrainingSection}
# What others call a section.
_SECTION_NAMES = {
    "layers": "model",
    "network": "model",
    "architecture": "model",
    "stack": "model",
    "inputs": "data",
    "fit": "training",
    "train": "training",
    "trainer": "training",
    "hyperparameters": "training",
    "optim": "optimizer",
    "criterion": "loss",
    "cost": "loss",
    "metric": "metrics",
    "random_seed": "seed",
    "random_state": "seed",
    "experiment": "name",
    "title": "name",
}


def key_hint(name: str, value: Any, given: Mapping[Any, Any], within: str = "") -> str:
    """What to do about the unknown key `name`, holding `value`, in the section `within` ("": the top) of the file
    `given`."""
    known = _known(within)
    near = nearest(name, known)
    if near is not None and near.lower() == name.lower():
        return f"did you mean {near}?"
    if within and name in KEYS:
        return f"{name} belongs at the top of the file, not under {within}"
    return (
        _renamed(name, within)
        or _of_section(name, within)
        or _of_component(name, value, given)
        or suggestion(name, known, limit=20)
    )


def elsewhere(name: str) -> str:
    """Where a key belongs that a component does not know; empty if the file has no place for it either."""
    return _of_section(name, "") or (f"{name} belongs at the top of the file" if name in KEYS else "")


def option_path(place: Path, entry: Any, *options: str) -> Path:
    """The place of the first of these options that a component written at `place` gives, else `place` itself."""
    if not isinstance(entry, Mapping):
        return place
    name, given = next(iter(entry.items()))
    inner: Path = (*place, name)
    if "class_name" in entry:
        inner, given = (*place, "config"), entry.get("config")
    given = given if isinstance(given, Mapping) else {}
    return next(((*inner, option) for option in options if option in given), place)


def split_hint(text: str) -> tuple[str, str]:
    """A message of the form "what is wrong; what to do" in its two parts."""
    message, _, hint = text.rpartition("; ")
    return (message, hint) if message and hint.count("(") == hint.count(")") else (text, "")


def _known(within: str) -> list[str]:
    if not within:
        return list(KEYS)
    names = [name for name in options_of(_SECTIONS[within]) if name != "source"]
    return [*names, *(cls.spec_name for cls in components("source"))] if within == "data" else names


def _renamed(name: str, within: str) -> str:
    meant = usual_option(name, _known(within)) if within else _SECTION_NAMES.get(name)
    return f"did you mean {meant}?" if meant else ""


def _of_section(name: str, within: str) -> str:
    """The section that has an option of this name."""
    for key in _SECTIONS:
        known = _known(key)
        meant = name if name in known else usual_option(name, known)
        if meant is not None and key != within:
            return f"{meant} belongs under {key}"
    return ""


def _of_component(name: str, value: Any, given: Mapping[Any, Any]) -> str:
    """The component of the file, or else a usual one, that has an option of this name."""
    for kind, entry, form in _components(given):
        called, options = _called(kind, entry)
        if not is_known(kind, called):
            continue
        known = [one for one in options_of(lookup(kind, called)) if one != "name"]
        meant = name if name in known else usual_option(name, known)
        if meant is not None:
            example = form.format(f"{called}: {written({**options, meant: value})}")
            return f"{meant} is an option of {called}: write {example}"
    return "layers are listed under model" if is_known("layer", name) else ""


def _components(given: Mapping[Any, Any]) -> Iterator[tuple[str, Any, str]]:
    """(kind, entry, how it is written) of what the file names, then of what most files name."""
    data = given.get("data")
    if isinstance(data, Mapping):
        yield from (("source", {key: data[key]}, "{}") for key in data if isinstance(key, str))
        yield "dataset", data.get("dataset"), "dataset: {{{}}}"
    yield from (("optimizer", entry, "optimizer: {{{}}}") for entry in (given.get("optimizer"), "Adam"))
    callbacks = given.get("callbacks")
    listed = callbacks if isinstance(callbacks, list) else []
    yield from (("callback", entry, "callbacks: [{}]") for entry in [*listed, "EarlyStopping"])
    yield "loss", given.get("loss"), "loss: {{{}}}"
    yield "source", {"npz": "rows.npz"}, "data: {{{}}}"


def _called(kind: str, entry: Any) -> tuple[str, dict[Any, Any]]:
    """The name of a component as the file writes it, and its options."""
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, Mapping) or len(entry) != 1:
        return "", {}
    name, options = next(iter(entry.items()))
    if kind == "source" and isinstance(options, str):
        options = {"path": options}
    return str(name), dict(options) if isinstance(options, Mapping) else {}
