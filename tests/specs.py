"""Hypothesis strategies for valid files, made from the same declarations that check them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from seqnet import checkers as c
from seqnet.cli.reference import example_options
from seqnet.declare import Component, make, options_of
from seqnet.errors import Problem
from seqnet.layers.base import Layer
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.optimizers.base import Optimizer
from seqnet.registry import components
from seqnet.spec.sections import TrainingSection
from seqnet.training.callbacks import Callback

DEPTH = 2  # components within components
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
SETS = ["iris", "wine", "diabetes", {"moons": {"samples": 20, "noise": 0.5}}, {"xor": {}}, "sine"]
PYTHON_ONLY = ("Mean", "Sum")  # metrics of what is handed to them


def values(checker: c.Checker, depth: int = DEPTH) -> st.SearchStrategy[Any] | None:
    """What a checker accepts, as YAML holds it; None for a checker of another kind, whose option keeps its default."""
    kind = type(checker)
    if kind is c.Number:
        assert isinstance(checker, c.Number)
        return _numbers(checker)
    if kind is c.Plain:
        assert isinstance(checker, c.Plain)
        return {"boolean": st.booleans(), "string": WORDS}.get(checker.json or "", None)
    if kind is c.Choice:
        assert isinstance(checker, c.Choice)
        return st.sampled_from(checker.values)
    if kind is c.Optional:
        assert isinstance(checker, c.Optional)
        inner = values(checker.inner, depth)
        return st.none() if inner is None else st.none() | inner
    if kind is c.Either:
        assert isinstance(checker, c.Either)
        found = [one for one in (values(branch, depth) for branch in checker.branches) if one is not None]
        return st.one_of(found) if found else None
    if kind is c.Tuple:
        assert isinstance(checker, c.Tuple)
        inner = values(checker.inner, depth)
        if inner is None:
            return None
        many = st.lists(inner, min_size=checker.length or checker.minimum, max_size=checker.length or 4)
        return many | inner if checker.spread else many
    if kind is c.MappingOf:
        assert isinstance(checker, c.MappingOf)
        keys, items = values(checker.keys, depth), values(checker.values, depth)
        return st.dictionaries(keys, items, max_size=3) if keys is not None and items is not None else None
    if kind is c.ComponentOf:
        assert isinstance(checker, c.ComponentOf)
        return entries(checker.base, depth - 1) if depth else None
    return None


def _numbers(rule: c.Number) -> st.SearchStrategy[Any]:
    if rule.whole:
        low = int(rule.ge) if rule.ge is not None else int(rule.gt) + 1 if rule.gt is not None else -5
        high = int(rule.le) if rule.le is not None else int(rule.lt) - 1 if rule.lt is not None else low + 12
        return st.integers(low, min(high, low + 40))
    low, high = rule.ge if rule.ge is not None else rule.gt, rule.le if rule.le is not None else rule.lt
    return st.floats(
        low,
        high,
        exclude_min=rule.ge is None and rule.gt is not None,
        exclude_max=rule.le is None and rule.lt is not None,
        allow_nan=False,
        allow_infinity=False,
    ) | st.sampled_from([one for one in (0, 1, 0.5, 1e-3, 1e-07) if _allowed(rule, one)] or [low])


def _allowed(rule: c.Number, value: float) -> bool:
    found: list[Problem] = []
    rule.check(value, (), found)
    return not found


@st.composite
def options(draw: st.DrawFn, cls: type[Component], depth: int = DEPTH) -> dict[str, Any]:
    """Some of the options of a class, those that it needs among them; each valid alone."""
    given: dict[str, Any] = {}
    for name, one in options_of(cls).items():
        if not one.required and draw(st.integers(0, 2)):
            continue
        strategy = values(one.checker, depth)
        if strategy is not None:
            given[name] = draw(strategy)
        elif one.required:
            given[name] = one.example
    return given


@st.composite
def entries(draw: st.DrawFn, base: type[Any], depth: int = DEPTH) -> Any:
    """A component of a kind as YAML names it: a bare name or alias, or a name with options."""
    known = [cls for cls in components(base.kind) if issubclass(cls, base) and cls.spec_name not in PYTHON_ONLY]
    cls = draw(st.sampled_from(known))
    name = draw(st.sampled_from([cls.spec_name, *cls.automatic_aliases(), *cls.aliases]))
    given = draw(options(cls, depth))
    entry = {name: given} if given or draw(st.booleans()) else name
    while (wrong := _wrong(base, entry)) and given:  # rules between options: leave out what breaks them
        optional = [key for key in given if not options_of(cls)[key].required]
        if not optional:
            break
        broken = [key for key in optional if any(key in problem.path for problem in wrong)]
        del given[(broken or optional)[0]]
        entry = {name: given}
    if wrong:
        example = example_options(cls)
        entry = {name: example} if example else name
    return entry


def _wrong(base: type[Any], entry: Any) -> list[Problem]:
    found: list[Problem] = []
    make(base, entry, (), found)
    return found


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A valid file as plain data."""
    training = draw(options(TrainingSection))
    training["epochs"] = training.get("epochs", 1) + training.get("initial_epoch", 0)
    if training.get("weighted_sampling") is not None:  # which leaves nothing for these to say
        training = {key: value for key, value in training.items() if key not in ("class_weight", "shuffle")}
    stack = draw(st.lists(entries(Layer), min_size=1, max_size=4))
    names: set[Any] = set()
    for index, entry in enumerate(stack):
        given = next(iter(entry.values())) if isinstance(entry, dict) else {}
        name = (given or {}).get("name")
        if name in names or isinstance(entry, dict) and next(iter(entry)) in ("Input", "InputLayer") and index:
            stack[index] = "Flatten"
        names.add(name)
    if not any(entry not in ("Input", "InputLayer") and "Input" not in str(entry)[:8] for entry in stack):
        stack.append("Flatten")
    plain: dict[str, Any] = {"model": stack}
    sections: dict[str, st.SearchStrategy[Any]] = {
        "name": st.sampled_from(["x", "a name", "é", "7", "on", "1e3"]),
        "seed": st.integers(0, 2**40),
        "data": _data(),
        "optimizer": entries(Optimizer),
        "loss": entries(Loss),
        "metrics": st.lists(entries(Metric), max_size=3),
        "training": st.just(training),
        "callbacks": st.lists(entries(Callback), max_size=3),
    }
    for key, strategy in sections.items():
        if draw(st.integers(0, 3)):
            plain[key] = draw(strategy)
    return plain


FLAT = ("Dense", "Activation", "Identity", "ActivityRegularization", "ReLU", "LeakyReLU", "ELU", "PReLU", "Dropout",
        "AlphaDropout", "GaussianDropout", "GaussianNoise", "Rescaling", "Normalization", "BatchNormalization",
        "LayerNormalization", "RMSNormalization", "UnitNormalization", "Flatten")  # fmt: skip


@st.composite
def classifiers(draw: st.DrawFn) -> dict[str, Any]:
    """A file that should train: any layers for rows of numbers, any optimizer, callbacks and arguments of fit."""
    plain = draw(files())
    flat = [cls for cls in components("layer") if cls.spec_name in FLAT]
    hidden = st.sampled_from(flat).flatmap(lambda cls: options(cls).map(lambda given: {cls.spec_name: given}))
    middle = [entry for entry in draw(st.lists(hidden, max_size=4)) if not _wrong(Layer, entry)]
    for index, entry in enumerate(middle):
        given = next(iter(entry.values()))
        given.pop("input_shape", None), given.pop("input_dim", None), given.pop("dtype", None)
        if "name" in given:
            given["name"] = f"{given['name']}{index}"
    plain["model"] = ["Normalization", *middle, {"Dense": {"units": 3, "activation": "softmax"}}]
    plain["data"] = {"dataset": "iris", "validation_split": 0.2}
    plain["loss"] = "sparse_categorical_crossentropy"
    plain.setdefault("optimizer", "adam")
    plain["training"] = {**plain.get("training", {}), "steps_per_epoch": 1, "class_weight": None}
    if plain["training"].get("weighted_sampling") is not None:
        plain["training"]["weighted_sampling"] = "balanced"
    plain["training"] |= {"epochs": plain["training"].get("initial_epoch", 0) + 2}
    return plain


def _data() -> st.SearchStrategy[dict[str, Any]]:
    share = st.floats(0, 1, exclude_max=True, allow_nan=False)
    common = {
        "validation_split": share,
        "test_split": share,
        "validation_shuffle": st.booleans(),
        "stratify": st.none() | st.booleans(),
        "one_hot": st.booleans(),
    }
    path = st.sampled_from(["rows.npz", "../a b/rows.npz", "/tmp/é.npz"])
    return st.one_of(
        st.fixed_dictionaries({"dataset": st.sampled_from(SETS)}, optional=common),
        st.fixed_dictionaries({"npz": path}, optional=common),
        st.fixed_dictionaries({"npz": st.fixed_dictionaries({"path": path, "x_train": WORDS})}, optional=common),
        st.fixed_dictionaries({"idx": path}, optional=common),
    )
