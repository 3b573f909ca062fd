"""Runs side by side: where their files differ, which value is best, the screens, and what can't be compared."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.errors import UsageError
from seqnet.runs.compare import best_of, compare
from seqnet.runs.differences import differences
from tests.commands import Run, good, runner
from tests.run_folders import make_run
from tests.screens import CODES, on_terminal


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def rows(*files: Any) -> dict[str, tuple[Any, ...]]:
    return {one.key: one.values for one in differences(files)}


def dense(units: int, **options: Any) -> dict[str, Any]:
    return {"Dense": {"units": units, "activation": "linear", **options}}


COSINE = {"CosineDecay": {"initial_learning_rate": 1.0, "decay_steps": 5}}
DROPOUT = {"Dropout": {"rate": 0.5, "seed": None}}

# (files, what differs)
CASES: dict[str, tuple[list[Any], dict[str, tuple[Any, ...]]]] = {
    "nothing": ([{"seed": 1, "metrics": ["a"]}] * 3, {}),
    "plain": ([{"seed": 1}, {"seed": 2}, {"seed": 1}], {"seed": (1, 2, 1)}),
    "nested": ([{"training": {"epochs": 1, "x": 2}}, {"training": {"epochs": 3, "x": 2}}], {"training.epochs": (1, 3)}),
    "absent": ([{"a": {"b": 1}}, {"a": {}}, {}], {"a": ({"b": 1}, {}, None)}),
    "true is not one": ([{"a": True}, {"a": 1}], {"a": (True, 1)}),
    "1 is 1.0": ([{"a": 1}, {"a": 1.0}], {}),
    "lists": ([{"metrics": ["a"]}, {"metrics": ["a", "b"]}], {"metrics": (["a"], ["a", "b"])}),
    "option of a layer": ([{"model": [dense(4)]}, {"model": [dense(8)]}], {"model.0.Dense.units": (4, 8)}),
    "one layer more": (
        [{"model": [dense(4), dense(2)]}, {"model": [dense(4), DROPOUT, dense(2)]}],
        {"model.1": (None, {"Dropout": {"rate": 0.5}})},  # without the seed, which is the default
    ),
    "one layer less, in the third": (
        [{"model": [dense(4), dense(2)]}, {"model": [dense(4), dense(3)]}, {"model": [dense(3)]}],
        {"model.0": ({"Dense": {"units": 4}}, {"Dense": {"units": 4}}, None), "model.1.Dense.units": (2, 3, 3)},
    ),
    "another layer": (
        [{"model": [dense(4), "Flatten"]}, {"model": [dense(4), {"Dropout": {"rate": 0.1}}]}],
        {"model.1": (None, {"Dropout": {"rate": 0.1}})},  # two rows of this key, the last is kept here
    ),
    "names nobody chose": (
        [
            {"model": [dense(4, name="dense"), dense(2, name="dense_1")]},
            {"model": [dense(4, name="dense"), dense(3, name="dense_1"), dense(2, name="dense_2")]},
        ],
        {"model.1": (None, {"Dense": {"units": 3}})},
    ),
    "names somebody chose": (
        [{"model": [dense(4, name="dense")]}, {"model": [dense(4, name="first")]}],
        {"model.0.Dense.name": ("dense", "first")},
    ),
    "another optimizer": (
        [{"optimizer": {"Adam": {"learning_rate": 0.1}}}, {"optimizer": {"SGD": {"learning_rate": 0.01}}}],
        {"optimizer": ({"Adam": {"learning_rate": 0.1}}, "SGD")},  # 0.01 is SGD's default
    ),
    "a schedule for a number": (
        [{"optimizer": {"SGD": {"learning_rate": COSINE}}}, {"optimizer": {"SGD": {"learning_rate": 0.1}}}],
        {"optimizer.SGD.learning_rate": (COSINE, 0.1)},
    ),
    "unknown component": (
        [{"loss": {"Old": {"a": 1}}}, {"loss": {"Older": {"a": 1}}}],
        {"loss": ({"Old": {"a": 1}}, {"Older": {"a": 1}})},
    ),
    "no mapping": ([[1], [2]], {"": ([1], [2])}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_differences(name: str) -> None:
    files, expected = CASES[name]
    assert rows(*files) == expected


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "Dense", "x.y", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "Dense", "name", "model"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(PLAIN, min_size=2, max_size=3))
def test_there_are_differences_exactly_where_files_are_not_equal(files: list[Any]) -> None:
    """Of any plain data; as JSON it tells true from 1."""
    texts = {json.dumps(file, sort_keys=True) for file in files}
    found = list(differences(files))
    if len(texts) == 1:
        assert not found
    elif '"name"' not in "".join(texts):  # names that nobody chose are left out
        assert found
    assert not list(differences([files[0]] * 3))


@pytest.mark.parametrize(
    ("values", "direction", "expected"),
    [
        ([3.0, 1.0, 2.0], "min", [1]),
        ([3.0, 1.0, 3.0], "max", [0, 2]),
        ([float("nan"), None, 2.0], "min", []),  # alone, it is better than nothing
        ([float("nan"), 1.0, 2.0], "min", [1]),
        ([1.0, 1.0], "max", []),
        ([1.0, 2.0], None, []),
    ],
)
def test_the_best(values: list[float | None], direction: str | None, expected: list[int]) -> None:
    assert best_of(values, direction) == expected


def two_runs() -> tuple[Path, Path]:
    return make_run(Path("runs/a/1")), make_run(Path("runs/a/2"), units=16, losses=(0.9, 0.4), planned_epochs=2)


SCREEN = """\
                        a/1       a/2
differs
model.0.Dense.units       8        16

state              finished  finished
epochs                  3/3       2/2
best epoch                2         2
time                  1.50s     1.00s
parameters               42        42

in the best epoch
loss               0.5000    0.4000 ★
val_loss           1.0000    0.8000 ★
accuracy             0.7500    0.7500
val_accuracy         0.7500    0.7500
"""


def test_in_a_pipe(run: Run) -> None:
    two_runs()
    out = good(run("compare", "a/1", "a/2"))
    words = [line.split() for line in out.splitlines()]
    for line in SCREEN.splitlines():
        assert line.split() in words, line
    assert len({line.index("finished") for line in out.splitlines() if line.startswith("state")}) == 1
    assert ["loss", "0.7000", "0.4000", "★"] in words  # in the last epoch
    chart = out[out.index("val_loss\n") :]
    assert chart.count("\n") == 16 and "a a/1   b a/2" in chart and chart.isascii()
    assert all(len(line) <= 80 for line in chart.splitlines())
    assert "\x1b" not in out
    assert good(run("compare")) == out  # the latest two
    drawn = good(run("compare", "--metric", "accuracy")).rstrip().splitlines()
    assert "accuracy" in drawn and "val_loss" not in drawn


@pytest.mark.skipif(os.name == "nt", reason="Windows has no terminal to run on")
@pytest.mark.parametrize("columns", [24, 40, 80, 140])
def test_on_a_terminal(columns: int, run: Run, tmp_path: Path) -> None:
    two_runs()
    make_run(Path("runs/a rather long name of a run/1"), units=123456789)
    code, shown = on_terminal("compare", "a/1", "a/2", "a rather long name of a run", cwd=tmp_path, columns=columns)
    text = CODES.sub("", shown).replace("\r", "")
    assert code == 0 and max(map(len, text.splitlines())) <= columns
    assert "\x1b[1;32m0.4000 ★" in shown
    assert any(0x2800 < ord(c) < 0x2900 for c in text)  # braille
    plain = on_terminal("compare", "a/1", "a/2", cwd=tmp_path, columns=columns, env={"NO_COLOR": "1"})[1]
    assert not any(0x2800 < ord(c) < 0x2900 for c in plain) and "b a/2" in plain
    ascii_only = on_terminal("compare", "a/1", "a/2", cwd=tmp_path, columns=columns, env={"LC_ALL": "C"})[1]
    assert ascii_only.isascii() and "b a/2" in ascii_only and "0.4000 *" in ascii_only


def test_as_json(run: Run) -> None:
    two_runs()
    found = json.loads(good(run("compare", "a/1", "runs/a/2", "--json")))
    assert found["differences"] == [{"key": "model.0.Dense.units", "values": [8, 16]}]
    assert [one["run"] for one in found["runs"]] == ["a/1", "a/2"]
    assert found["runs"][1]["history"]["val_loss"] == [1.8, 0.8] and found["metric"] == "val_loss"
    assert found["directions"]["val_accuracy"] == "max"


def test_runs_may_differ_in_everything(run: Run) -> None:
    """Other metrics, no epoch yet, values that are none, a folder of the same name elsewhere."""
    two_runs()
    make_run(Path("elsewhere/a/1"), losses=(None, None, None))
    make_run(Path("runs/b/1"), "running", losses=())
    other = make_run(Path("runs/c/1"), final={"loss": 1.0, "val_f1": [0.5, 0.7]}, best={})
    (other / "metrics.jsonl").write_text('{"epoch": 1, "loss": 1.0, "val_f1": [0.5, 0.7]}\n')
    out = good(run("compare", "a/1", "elsewhere/a/1", "b", "c"))
    assert "runs/a/1" in out.splitlines()[0] and "elsewhere/a/1" in out.splitlines()[0]
    assert ["val_f1", "-", "-", "-", "0.6000"] in [line.split() for line in out.splitlines()]
    assert "b elsewhere/a/1" not in out  # it has nothing to draw
    out = good(run("compare", "b", "c", "--metric", "val_f1"))
    assert "a c/1" in out
    make_run(Path("runs/b/2"), "running", losses=())
    assert "epoch" in good(run("compare", "b/1", "b/2"))


def test_wrong_input(run: Run) -> None:
    assert "comparing takes two runs" in run("compare")[2]
    two_runs()
    for arguments, code, said in [
        (["a/1"], 2, "comparing takes two runs at the least; seqnet runs lists those there are"),
        (["a/1", "runs/a/1"], 2, "runs/a/1 is named twice"),
        (["a/1", "a/9"], 2, "there is no run a/9; did you mean a/"),
        (["--metric", "val_los"], 2, "no value named 'val_los' was logged by these runs; did you mean val_loss?"),
        (["a/1", "a/2", "--metrik", "x"], 2, "did you mean --metric?"),
    ]:
        found, out, err = run("compare", *arguments)
        assert (found, out) == (code, "") and said in err, err
    (Path("runs/a/2") / "summary.json").write_text("{")
    code, out, err = run("compare", "a/1", "a/2")
    assert (code, out) == (1, "") and "runs/a/2 is damaged: summary.json is damaged" in err
    make_run(Path("runs/a/3")).joinpath("resolved.yaml").write_text("a: [")
    code, out, err = run("compare", "a/1", "a/3")
    assert (code, out) == (1, "") and "runs/a/3/resolved.yaml is damaged" in err
    make_run(Path("runs/a/4")).joinpath("metrics.jsonl").write_text("no")
    code, out, err = run("compare", "a/1", "a/4")
    assert (code, out) == (1, "") and "metrics.jsonl is damaged: line 1 is no JSON" in err
    with pytest.raises(UsageError, match="none of them has finished an epoch"):
        compare([make_run(Path("runs/b/1"), losses=()), make_run(Path("runs/b/2"), losses=())], metric="loss")
