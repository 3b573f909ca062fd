"""seqnet.spec.overrides: what each `-s` does to a document, and what is said of those that can't be done."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.errors import Problem, SpecError
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.reader import Document, Mark, parse_document

TEXT = """\
name: fashion-mlp
seed: 42
data: {dataset: iris}
shared: &shared {activation: relu}
model:
  - Rescaling: {scale: 0.5}
  - Flatten
  - Dense:
      <<: *shared
      units: 128
  - Dense: {units: 10, activation: softmax}
optimizer: adam
loss: {Huber: {delta: 1.0}}
training: {epochs: 5, class_weight: {0: 1.0}}
callbacks:
empty: {}
bare: [Dense, Flatten]
"""


@pytest.fixture(scope="module")
def document() -> Document:
    return parse_document(TEXT, "x.yaml")


# Overrides, then where in the data to look, and what is there.
APPLIED: list[tuple[list[str], tuple[str | int, ...], Any]] = [
    (["training.epochs=10"], ("training",), {"epochs": 10, "class_weight": {0: 1.0}}),
    (["training.epochs=10", "training.epochs=20"], ("training", "epochs"), 20),
    (["training={epochs: 1}", "training.batch_size=8"], ("training",), {"epochs": 1, "batch_size": 8}),
    (["data.validation_split=0.1"], ("data",), {"dataset": "iris", "validation_split": 0.1}),
    (["new.a.b.c=1"], ("new",), {"a": {"b": {"c": 1}}}),
    (["empty.a=1"], ("empty",), {"a": 1}),
    (["empty.0=1"], ("empty",), {0: 1}),
    (["callbacks.a=1"], ("callbacks",), {"a": 1}),
    # values are YAML 1.2
    (["name=on"], ("name",), "on"),
    (["name="], ("name",), None),
    (["name='5'"], ("name",), "5"),
    (["name=a=b"], ("name",), "a=b"),
    (["seed=1e-3"], ("seed",), 0.001),
    ([" seed = 7 "], ("seed",), 7),
    (["seed=# comment"], ("seed",), None),
    (["metrics=[accuracy, mae]"], ("metrics",), ["accuracy", "mae"]),
    (["optimizer={SGD: {learning_rate: 0.1}}"], ("optimizer",), {"SGD": {"learning_rate": 0.1}}),
    (["optimizer=SGD: {learning_rate: 0.1}"], ("optimizer",), {"SGD": {"learning_rate": 0.1}}),
    (["training=epochs: 1\nbatch_size: 2"], ("training",), {"epochs": 1, "batch_size": 2}),
    (["a=[&x 1, *x]"], ("a",), [1, 1]),
    # lists
    (["model.2.Dense.units=64"], ("model", 2), {"Dense": {"activation": "relu", "units": 64}}),
    (["model.-1.Dense.units=64"], ("model", 3), {"Dense": {"units": 64, "activation": "softmax"}}),
    (["model.0=Flatten"], ("model", 0), "Flatten"),
    (["model.-4=Flatten"], ("model", 0), "Flatten"),
    (["model.4=Softmax"], ("model", 4), "Softmax"),
    (["model.4.Dense.units=3"], ("model", 4), {"Dense": {"units": 3}}),
    (["model.4=A", "model.5=B", "model.-1=C"], ("model", 5), "C"),
    (["callbacks.0=TerminateOnNaN"], ("callbacks",), ["TerminateOnNaN"]),
    (
        ["new.0.EarlyStopping.patience=3", "new.0.EarlyStopping.monitor=loss", "new.1=X"],
        ("new",),
        [{"EarlyStopping": {"patience": 3, "monitor": "loss"}}, "X"],
    ),
    (["training.class_weight.0=2"], ("training", "class_weight"), {0: 2}),
    (["training.class_weight.1=2"], ("training", "class_weight"), {0: 1.0, 1: 2}),
    # components written as a bare name
    (["optimizer.Adam.learning_rate=0.01"], ("optimizer",), {"Adam": {"learning_rate": 0.01}}),
    (["optimizer.adam.learning_rate=0.01"], ("optimizer",), {"adam": {"learning_rate": 0.01}}),
    (["optimizer.Adam={learning_rate: 0.01}"], ("optimizer",), {"Adam": {"learning_rate": 0.01}}),
    (["optimizer.Adam="], ("optimizer",), {"Adam": None}),
    (
        ["optimizer.Adam.learning_rate=1", "optimizer.Adam.beta_1=2"],
        ("optimizer", "Adam"),
        {"learning_rate": 1, "beta_1": 2},
    ),
    (
        ["optimizer.Adam.learning_rate.ExponentialDecay.rate=1"],
        ("optimizer", "Adam", "learning_rate"),
        {"ExponentialDecay": {"rate": 1}},
    ),
    (["model.1.Flatten.data_format=x"], ("model", 1), {"Flatten": {"data_format": "x"}}),
    (["model.1.flatten.data_format=x"], ("model", 1), {"flatten": {"data_format": "x"}}),
    # another component than the file has
    (["optimizer.SGD.momentum=0.9"], ("optimizer",), {"SGD": {"momentum": 0.9}}),
    (["optimizer.sgd.momentum=0.9"], ("optimizer",), {"sgd": {"momentum": 0.9}}),
    (["optimizer.RMSprop="], ("optimizer",), {"RMSprop": None}),
    (["loss.MeanSquaredError.reduction=sum"], ("loss",), {"MeanSquaredError": {"reduction": "sum"}}),
    # the same under another spelling
    (["loss.Huber.delta=2"], ("loss",), {"Huber": {"delta": 2}}),
    (["loss.huber.delta=2"], ("loss",), {"Huber": {"delta": 2}}),
    (["model.3.dense.units=3"], ("model", 3), {"Dense": {"units": 3, "activation": "softmax"}}),
]


@pytest.mark.parametrize(("overrides", "path", "expected"), APPLIED, ids=[" ".join(row[0])[:60] for row in APPLIED])
def test_applied(document: Document, overrides: list[str], path: tuple[str | int, ...], expected: Any) -> None:
    before = copy.deepcopy(document.data)
    found = apply_overrides(document, overrides).data
    for key in path:
        found = found[key]
    assert found == expected
    assert list(found) == list(expected) if isinstance(expected, dict) else type(found) is type(expected)
    assert document.data == before


def test_nothing_to_apply(document: Document) -> None:
    assert apply_overrides(document, []).data == document.data


def test_an_alias_is_changed_in_one_place_only(document: Document) -> None:
    data = apply_overrides(document, ["model.2.Dense.activation=tanh", "shared.activation=elu"]).data
    assert data["model"][2]["Dense"]["activation"] == "tanh"
    assert data["shared"] == {"activation": "elu"}
    aliased = parse_document("a: &x {b: 1}\nc: *x\n")
    assert apply_overrides(aliased, ["c.b=2"]).data == {"a": {"b": 1}, "c": {"b": 2}}


# Override, the part that is underlined, message, hint.
REFUSED: list[tuple[str, str, str, str]] = [
    ("training.epochs", "training.epochs", "there is no = in it", "write key.path=value, for instance"),
    ("training.epochs: 5", "training.epochs: 5", "there is no = in it", "write = in place of the colon"),
    ("", "", "there is no = in it", "write key.path=value"),
    ("=5", "=", "the path before = is empty", "write key.path=value"),
    (".=5", ".", "the path before = is empty", "write key.path=value"),
    ("a..b=5", ".", "a name is missing between the dots", "write key.path=value"),
    ("a.=5", "=", "a name is missing between the dots", "write key.path=value"),
    ("model[2].Dense.units=5", "model[2]", "a list entry is named by a dot, not by [2]", "write model.2.Dense.units"),
    ("model.5=x", "5", "model has 4 entries, there is no entry 5", "they are 0 to 3, and 4 appends"),
    ("model.-5=x", "-5", "model has 4 entries, there is no entry -5", "they are 0 to 3"),
    ("new.1=x", "1", "new is not there yet, so it has no entry 1", "the first entry has index 0"),
    ("callbacks.-1=x", "-1", "callbacks is not there yet, so it has no entry -1", "the first entry has index 0"),
    ("model.Dense.units=5", "Dense", "model is a list", "did you mean model.2.Dense.units?"),
    ("model.dens.units=5", "dens", "model is a list", "did you mean model.2.Dense.units?"),
    ("model.x=5", "x", "model is a list", "its entries: 0 Rescaling, 1 Flatten, 2 Dense, 3 Dense"),
    ("bare.Flatten=5", "Flatten", "bare is a list", "did you mean bare.1.Flatten?"),
    ("seed.x=5", "x", "seed is 42, not a mapping or a list", ""),
    ("seed.0=5", "0", "seed is 42, not a mapping or a list", ""),
    ("name.0=5", "0", "name is fashion-mlp, not a mapping or a list", ""),
    ("optimizer.learning_rate=5", "learning_rate", "optimizer is adam, not a", "optimizer.adam.learning_rate=..."),
    (
        "optimizer.learning_rate.Decay.rate=5",
        "learning_rate",
        "optimizer is adam, not a",
        "optimizer.adam.learning_rate.",
    ),
    ("optimizer.adam=5", "adam", "optimizer is adam, not a mapping", "optimizer.adam.OPTION=..."),
    ("model.1.units=5", "units", "model.1 is Flatten, not a mapping", "model.1.Flatten.units=..."),
    ("loss.delta=5", "delta", "loss is Huber; its options are set below that name", "write loss.Huber.delta=..."),
    ("model.0.Dense.units=5", "Dense", "model.0 is Rescaling, not Dense", "model.0={Dense: {...}}"),
    ("model.1.Dense.units=5", "Dense", "model.1 is Flatten, not Dense", "model.1={Dense: {...}}"),
    ("a=[1,", "[", "the [ that opens here is never closed", "close it with ]"),
    ("a='b", "'b", "the quote that opens here is never closed", "end the text with '"),
    ("a={b: 1, b: 2}", "b", "the key 'b' is given twice", "remove one of them"),
    ("a=!!python/name:os.system", "!!python/name:os.system", "tags are not used here", "remove it"),
    ("a=1\n---\n2", "---", "a second document begins here", "remove ---"),
    ("a=" + "[" * 250 + "]" * 250, "[", "values are nested more than 200 levels deep", ""),
    (".".join("a" * 300) + "=1", "a", "values are nested more than 200 levels deep", ""),
    (".".join("a" * 150) + "=" + "[" * 100 + "]" * 100, "a", "values are nested more than 200 levels deep", ""),
]


@pytest.mark.parametrize(("override", "marked", "message", "hint"), REFUSED, ids=[row[0][:40] for row in REFUSED])
def test_refused(document: Document, override: str, marked: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        apply_overrides(document, [override])
    head, line, carets, *rest = str(caught.value).splitlines()
    assert head.startswith("-s " + override.replace("\n", "\\n")[:60])
    assert f": error: {message}" in head
    start, length = carets.index("^"), carets.count("^")
    assert line[start : start + length] == marked or (not marked.strip("=") and length == 1)
    assert hint in "".join(rest)


def test_every_wrong_override_is_told_and_none_applied(document: Document) -> None:
    with pytest.raises(SpecError) as caught:
        apply_overrides(document, ["seed.x=1", "training.epochs=3", "a"])
    text = str(caught.value)
    assert [line for line in text.splitlines() if ": error: " in line] == [
        "-s seed.x=1: error: seed is 42, not a mapping or a list; nothing can be set below it",
        "-s a: error: there is no = in it",
    ]
    assert text.endswith("2 errors")


def test_problems_in_overridden_values_point_at_the_command_line(document: Document) -> None:
    changed = apply_overrides(document, ["training.epochs=abc", "optimizer.Adam.lr=1", "training.seed=1"])
    problems = [
        Problem(("training", "epochs"), "epochs must be a whole number > 0, got 'abc'", "write 5"),
        Problem(("optimizer", "Adam", "lr"), "Adam has no option 'lr'", on_key=True),
        Problem(("training", "seed"), "training has no option 'seed'", on_key=True),
        Problem(("seed",), "seed is odd", warning=True),
    ]
    assert render_problems(problems, changed) == (
        "x.yaml:2:7: warning: seed is odd\n"
        "  2 | seed: 42\n"
        "    |       ^^\n"
        "\n"
        "-s training.epochs=abc: error: epochs must be a whole number > 0, got 'abc'\n"
        "  -s training.epochs=abc\n"
        "                     ^^^\n"
        "  = hint: write 5\n"
        "\n"
        "-s optimizer.Adam.lr=1: error: Adam has no option 'lr'\n"
        "  -s optimizer.Adam.lr=1\n"
        "                    ^^\n"
        "\n"
        "-s training.seed=1: error: training has no option 'seed'\n"
        "  -s training.seed=1\n"
        "              ^^^^\n"
        "\n"
        "3 errors, 1 warning"
    )


def test_marks_of_overridden_values(document: Document) -> None:
    changed = apply_overrides(document, ["training.epochs=[1,\n 2]", "a="])
    assert changed.mark(("training", "epochs", 0)) == Mark(1, 18)
    assert changed.mark(("training", "epochs", 1)) == Mark(2, 2)
    assert changed.mark(("a",)) == Mark(1, 1)
    assert changed.mark(("training",)) == Mark(14, 11)


WORDS = st.sampled_from(["model", "training", "optimizer", "Adam", "epochs", "0", "-1", "4", "x", "", "name", " ", "["])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.lists(WORDS, max_size=4).map(".".join), st.text(max_size=8)).map("=".join), max_size=3))
def test_any_override_is_applied_or_explained(overrides: list[str]) -> None:
    document = parse_document(TEXT)
    before = copy.deepcopy(document.data)
    try:
        changed = apply_overrides(document, overrides)
    except SpecError as error:
        assert str(error).startswith("-s ")
    else:
        assert isinstance(changed.data, dict)
    assert document.data == before
