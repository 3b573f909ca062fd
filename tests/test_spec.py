"""From a file to a RunSpec and back: nothing is lost or changed, and nothing that is mangled yields a traceback."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqnet.errors import DataError, Problem, SeqnetError, SpecError
from seqnet.models import Sequential
from seqnet.runs.evaluate import evaluate
from seqnet.runs.train import train
from seqnet.spec.check import check_file
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.reader import dump_yaml, parse_document
from seqnet.spec.run import RunSpec, check_document, load_spec
from tests.specs import classifiers, files

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))


def spec_of(text: str) -> RunSpec:
    problems: list[Problem] = []
    document = parse_document(text)
    spec = check_document(document, problems)
    assert problems == [], render_problems(problems, document)
    return spec


# -- there and back -------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_a_valid_file_survives_being_resolved(plain: dict[str, Any]) -> None:
    """spec -> resolved -> YAML -> spec -> resolved: the same to the type of every number."""
    resolved = spec_of(dump_yaml(plain)).resolved()
    text = dump_yaml(resolved)
    again = spec_of(text)
    assert repr(again.resolved()) == repr(resolved)
    assert dump_yaml(again.resolved()) == text
    assert repr(yaml.safe_load(text)) == repr(resolved)  # PyYAML, which reads YAML 1.1, reads it the same


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_examples_survive_being_resolved(config: Path, tmp_path: Path) -> None:
    resolved = load_spec(config).resolved()
    path = tmp_path / "resolved.yaml"
    path.write_text(dump_yaml(resolved), encoding="utf-8")
    assert load_spec(path).resolved() == resolved


def test_what_is_resolved_says_every_default(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text("data: {dataset: iris}\nmodel: [Dense: {units: 3}]\noptimizer: sgd\nloss: mse\n")
    resolved = load_spec(path).resolved()
    assert list(resolved) == ["name", "seed", "data", "model", "optimizer", "loss", "metrics", "training", "callbacks"]
    assert (resolved["name"], resolved["seed"]) == ("tiny", 0)
    assert resolved["data"] == {
        "dataset": "iris",
        "validation_split": 0.0,
        "validation_shuffle": True,
        "stratify": None,
        "test_split": 0.0,
        "group_by": None,
        "order_by": None,
        "split_column": None,
        "validation_file": None,
        "test_file": None,
        "one_hot": False,
    }
    dense = resolved["model"][0]["Dense"]
    assert (dense["name"], dense["units"], dense["activation"]) == ("dense", 3, "linear")
    assert resolved["optimizer"]["SGD"]["learning_rate"] == 0.01
    assert next(iter(resolved["loss"])) == "MeanSquaredError"
    assert resolved["training"]["epochs"] == 1


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("iris.yaml", "iris"),
        ("a b.yml", "a b"),
        ("-x:y?.yaml", "x_y_"),
        ("... .yaml", "run"),
        ("é" * 60 + ".yaml", "é" * 50),
    ],
)
def test_the_name_of_the_file_is_made_fit_for_a_folder(file: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_text("model: [Flatten]\n")
    spec = load_spec(path)
    assert spec.name == name
    assert spec_of(dump_yaml(spec.resolved())).name == name


def test_paths_count_from_the_file_and_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "x.yaml"
    path.write_text("data: {npz: ../rows.npz}\nmodel: [Flatten]\n")
    assert load_spec(path).resolved()["data"]["npz"]["path"] == str(tmp_path / "rows.npz")


def test_a_spec_of_overrides(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("model: [Flatten, Dense: {units: 3}]\ntraining: {epochs: 3}\n")
    spec = load_spec(path, ["model.1.Dense.units=5", "training.epochs=7", "optimizer=adam"])
    assert spec.layers == ["Flatten", {"Dense": {"units": 5}}]
    assert spec.overrides == ("model.1.Dense.units=5", "training.epochs=7", "optimizer=adam")
    assert (spec.training.epochs, spec.optimizer) == (7, "adam")


# -- building ---------------------------------------------------------------------------------------------------------


def test_layers_are_numbered_as_keras_does_around_the_names_given() -> None:
    spec = spec_of(
        "model: [Flatten, Dense: {units: 3}, Dense: {units: 3, name: dense_1}, Dense: {units: 3}, LeakyReLU]\n"
    )
    assert [layer.name for layer in spec.make_layers()] == ["flatten", "dense", "dense_1", "dense_2", "leaky_re_lu"]


def test_every_build_makes_its_own_layers() -> None:
    spec = spec_of("model: [Input: {shape: [4]}, Dense: {units: 3}]\n")
    first, second = spec.build_model(), spec.build_model()
    assert isinstance(first, Sequential) and first.layers[0] is not second.layers[0]
    assert [w.tolist() for w in first.get_weights()] == [w.tolist() for w in second.get_weights()]
    first.set_weights([w + 1 for w in first.get_weights()])
    assert first.get_weights()[0].tolist() != second.get_weights()[0].tolist()


def test_a_model_without_weights_is_for_its_summary() -> None:
    spec = spec_of("model: [Input: {shape: [4]}, Dense: {units: 3}]\n")
    assert spec.build_model(initialize=False).count_params() == 15
    assert not spec.build_model(initialize=False).get_weights()[0].any()


def test_no_more_is_asked_for_than_is_needed() -> None:
    assert spec_of("model: [Input: {shape: [4]}, Dense: {units: 3}]\n").build_model().output_shape == (None, 3)
    assert spec_of("model: [Dense: {units: 3}]\n").build_model((4,)).output_shape == (None, 3)
    assert spec_of("data: {dataset: iris}\nmodel: [Dense: {units: 3}]\n").build_model().input_shape == (None, 4)
    with pytest.raises(SpecError, match="the input shape is unknown"):
        spec_of("model: [Dense: {units: 3}]\n").build_model()
    with pytest.raises(SpecError, match="there is no data section"):
        spec_of("model: [Dense: {units: 3}]\n").load_data()


# -- divided data -----------------------------------------------------------------------------------------------------


def load(text: str, seed: int = 1) -> Any:
    return spec_of(f"seed: {seed}\ndata: {text}\nmodel: [Flatten]\n").load_data()


def test_rows_are_divided_by_the_seed_and_each_class_gets_its_share() -> None:
    first, again, other = (load("{dataset: iris, validation_split: 0.25}", seed) for seed in (1, 1, 2))
    assert first.validation.x.tobytes() == again.validation.x.tobytes() != other.validation.x.tobytes()
    assert [len(split) for split in first.splits.values()] == [90, 30, 30]
    assert [int((first.validation.y == label).sum()) for label in range(3)] == [10, 10, 10]


def test_the_last_rows_as_keras_takes_them() -> None:
    whole, cut = load("{dataset: iris}"), load("{dataset: iris, validation_split: 0.25, validation_shuffle: false}")
    assert cut.validation.x.tobytes() == whole.train.x[90:].tobytes()
    assert cut.train.x.tobytes() == whole.train.x[:90].tobytes()


def test_one_hot_labels_of_every_part() -> None:
    data = load("{dataset: iris, validation_split: 0.2, one_hot: true}")
    assert {split.y.shape[1:] for split in data.splits.values()} == {(3,)}
    assert all((split.y.sum(axis=1) == 1).all() for split in data.splits.values())


def test_what_needs_classes_says_so() -> None:
    for option in ("one_hot", "stratify"):
        with pytest.raises(DataError, match=f"{option} needs .*class labels, and the targets of this data are none"):
            load(f"{{dataset: diabetes, validation_split: 0.2, {option}: true}}")
    for option in ("false", "null"):
        assert len(load(f"{{dataset: diabetes, validation_split: 0.2, stratify: {option}}}").validation) == 71


# -- mangled files ----------------------------------------------------------------------------------------------------

VALID = """\
name: x
seed: 3
data:
  dataset: iris
  validation_split: 0.2
model:
  - Normalization
  - Dense: {units: 16, activation: {leaky_relu: {negative_slope: 0.1}}, kernel_regularizer: l2}
  - Dropout: {rate: 0.5}
  - Dense: {units: 3, activation: softmax}
optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.1, decay_steps: 9, decay_rate: 0.9}}}}
loss: sparse_categorical_crossentropy
metrics: [accuracy, {SparseTopKCategoricalAccuracy: {k: 2}}]
training: {epochs: 2, batch_size: 16, class_weight: {0: 1.0, 1: 2.5}, validation_freq: [1, 2]}
callbacks:
  - EarlyStopping: {monitor: val_loss, patience: 3}
  - ModelCheckpoint: {filepath: 'a-{epoch}.seqnet'}
"""
WORDS = ["\n  ", "- ", ": ", "null", "true", "~", "1e9", "-1", "x", "é", "\ufeff", "<<: ", "&a ", "*a"]
PIECES = st.sampled_from([*"{}[]:,-#&*!|>'\"% \n\t0159.eE+", *WORDS])


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail where the block takes longer (where the system can tell)."""

    def late(number: int, frame: Any) -> None:
        raise AssertionError(f"takes more than {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def examine(text: str, path: Path) -> None:
    """Neither the check nor the reader may fail with anything but a message."""
    path.write_text(text, encoding="utf-8", newline="")
    with within(20):
        for with_data in (False, True):
            checked = check_file(path, with_data=with_data)
            if checked.document is not None:
                assert isinstance(render_problems(checked.problems, checked.document), str)
        try:
            spec = load_spec(path)
        except SpecError as error:
            assert str(error)
            assert checked.errors
            return
        assert spec.resolved()
        if not checked.errors and checked.data is not None:
            spec.build_model(checked.data.input_shape)


QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(edits=st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 9), PIECES), min_size=1, max_size=4))
def test_mangled_characters(edits: list[tuple[int, int, str]], tmp_path: Path) -> None:
    text = VALID
    for at, removed, piece in edits:
        text = text[:at] + piece + text[at + removed :]
    examine(text, tmp_path / "x.yaml")


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 40),
    st.integers(10**9, 10**12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "x", "Dense", "relu", "iris", "loss", "none", "{", "{epoch}", "1e3", "\x00\x1b", "é" * 50]),
    st.just([]),
    st.just({}),
)
KEYS = st.sampled_from(["units", "Dense", "name", "epochs", "data", "class_name", "config", "x", "", 0, 7, "source"])


def anywhere(data: Any, draw: st.DrawFn) -> Any:
    """Change the structure in one place: delete, double or rename a key, move a part, swap a type."""
    if isinstance(data, dict) and data and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(list(data)))
        change = draw(st.integers(0, 9))
        if change == 0:
            return {name: value for name, value in data.items() if name != key}
        if change == 1:
            return {draw(KEYS) if name == key else name: value for name, value in data.items()}
        if change == 2:
            return {**data, draw(KEYS): data[key]}
        if change == 3:
            return data[key]
        return {**data, key: anywhere(data[key], draw)}
    if isinstance(data, list) and data and draw(st.integers(0, 4)):
        index = draw(st.integers(0, len(data) - 1))
        change = draw(st.integers(0, 9))
        if change == 0:
            return data[:index] + data[index + 1 :]
        if change == 1:
            return [*data, data[index]]
        if change == 2:
            return data[index]
        if change == 3:
            return dict(enumerate(data))
        return [*data[:index], anywhere(data[index], draw), *data[index + 1 :]]
    leaf, key = draw(LEAVES), draw(KEYS)
    return draw(st.sampled_from([leaf, [leaf], {key: leaf}, [data], {key: data}]))


@st.composite
def restructured(draw: st.DrawFn) -> str:
    data = yaml.safe_load(VALID)
    for _ in range(draw(st.integers(1, 3))):
        data = anywhere(data, draw)
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


@QUICK
@given(text=restructured())
def test_mangled_structure(text: str, tmp_path: Path) -> None:
    examine(text, tmp_path / "x.yaml")


@QUICK
@given(plain=files())
def test_any_valid_file_can_be_checked(plain: dict[str, Any], tmp_path: Path) -> None:
    """Valid files whose layers do not fit, whose metrics can't be computed, whose data are not there."""
    path = tmp_path / "x.yaml"
    path.write_text(dump_yaml(plain), encoding="utf-8")
    with within(20):
        for with_data in (False, True):
            checked = check_file(path, with_data=with_data)
            assert checked.document is not None
            assert isinstance(render_problems(checked.problems, checked.document), str)
        if checked.data is not None and not checked.errors:
            try:
                load_spec(path).build_model(checked.data.input_shape)
            except SeqnetError as error:
                pytest.fail(f"checked, but can't be built: {error}")


@QUICK
@given(plain=classifiers())
def test_what_the_check_lets_through_trains(plain: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(dump_yaml(plain), encoding="utf-8")
    if check_file(path).errors:
        return
    with within(20), np.errstate(all="ignore"), tempfile.TemporaryDirectory() as runs:
        try:
            result = train(load_spec(path), runs=Path(runs), threads=1)
        except SeqnetError as error:  # numbers that nobody uses: a learning rate of 1e300, or the loss that it makes
            left = [json.loads(path.read_text()) for path in Path(runs).glob("*/*/summary.json")]
            assert str(error) and [summary["state"] for summary in left] in ([], ["failed"])
            return
        assert load_spec(result.folder / "resolved.yaml").resolved() == load_spec(path).resolved()
        assert evaluate(result.folder, checkpoint="last", split="validation").values.keys() >= {"loss"}
