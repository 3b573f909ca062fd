"""Division by group, time, column and file, its record in the run folder, and `seqnet cv`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.console.cross_validation import FoldsDisplay
from seqnet.datasets.folds import group_folds, random_folds, time_folds
from seqnet.datasets.keys import group_codes, named_rows, time_codes
from seqnet.datasets.splits import latest_rows, split_groups
from seqnet.errors import CheckpointError, DataError, SpecError, UsageError
from seqnet.runs.cross_validation import cross_validate, mean_and_deviation
from seqnet.runs.evaluate import evaluate
from seqnet.runs.folder import FOLDS_RECORD
from seqnet.runs.records import find_records
from seqnet.runs.splits import FILE, read_splits
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from seqnet.training.callbacks import Callback
from tests.commands import good, runner
from tests.screens import CODES, Terminal

ROWS = 60
MODEL = """
model: [{Dense: {units: 4, activation: tanh}}, {Dense: {units: 3, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 3, batch_size: 8}
"""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def arrays(rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    made = rng(seed)
    return {
        "x": made.normal(size=(rows, 3)).astype(np.float32),
        "y": np.arange(rows) % 3,
        "patient": made.permutation(np.arange(rows) // 4),
        "date": np.array([f"2024-{1 + row % 12:02d}-01" for row in range(rows)]),
        "part": np.array(["train", "train", "Val", "test", "train"])[np.arange(rows) % 5],
    }


def file_of(folder: Path, data: str, **changes: Any) -> Path:
    np.savez(folder / "rows.npz", **{**arrays(), **changes})
    path = folder / "rows.yaml"
    path.write_text(f"data: {{npz: rows.npz, {data}}}{MODEL}")
    return path


groups_and_labels = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 9), min_size=n, max_size=n), st.lists(st.integers(0, 3), min_size=n, max_size=n)
    )
)


@given(groups_and_labels, st.floats(0.05, 0.9), st.integers(0, 3), st.booleans())
def test_no_group_is_on_both_sides(rows, fraction, seed, labelled):
    groups, labels = map(np.array, rows)
    if len(set(groups)) < 2:
        with pytest.raises(DataError, match="all .* rows are of one"):
            split_groups(groups, fraction, rng(seed))
        return
    stay, held = split_groups(groups, fraction, rng(seed), labels if labelled else None)
    assert np.array_equal(np.sort(np.concatenate([stay, held])), np.arange(len(groups)))
    assert len(stay) and len(held) and not set(groups[stay]) & set(groups[held])
    again = split_groups(groups, fraction, rng(seed), labels if labelled else None)
    assert np.array_equal(again[1], held)


@given(groups_and_labels, st.integers(2, 6), st.integers(0, 3))
def test_folds_hold_every_row_back_once(rows, folds, seed):
    groups, labels = map(np.array, rows)
    made = []
    if folds <= len(groups):
        made.append(random_folds(len(groups), folds, rng(seed), labels))
        for label in np.unique(labels):
            counts = [int((labels[held] == label).sum()) for _, held in made[0]]
            assert max(counts) - min(counts) <= 1
        sizes = [len(held) for _, held in made[0]]
        assert max(sizes) - min(sizes) <= 1
    if folds <= len(set(groups)):
        made.append(group_folds(groups, folds, rng(seed), labels))
        assert all(len(held) and not set(groups[stay]) & set(groups[held]) for stay, held in made[-1])
    for one in made:
        assert np.array_equal(np.sort(np.concatenate([held for _, held in one])), np.arange(len(groups)))
        assert all(np.array_equal(np.sort(np.concatenate(pair)), np.arange(len(groups))) for pair in one)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60), st.floats(0.05, 0.9), st.integers(2, 5))
def test_what_is_held_back_is_later(times, fraction, folds):
    times = np.array(times)
    if len(set(times.tolist())) < 2:
        with pytest.raises(DataError, match="of one moment"):
            latest_rows(times, fraction)
    else:
        stay, held = latest_rows(times, fraction)
        assert times[stay].max() < times[held].min() and len(stay) + len(held) == len(times)
    if len(set(times.tolist())) < folds + 1:
        with pytest.raises(DataError, match="different moments"):
            time_folds(times, folds)
        return
    pairs = time_folds(times, folds)
    assert all(times[stay].max() < times[held].min() for stay, held in pairs)
    assert all(set(first[0]) | set(first[1]) == set(then[0]) for first, then in zip(pairs, pairs[1:], strict=False))


def test_equal_groups_are_held_back_to_the_row_and_stratified():
    groups, labels = np.repeat(np.arange(20), 5), np.repeat(np.arange(20) % 2, 5)
    _, held = split_groups(groups, 0.2, rng(), labels)
    assert np.bincount(labels[held]).tolist() == [10, 10]
    assert [np.bincount(labels[held]).tolist() for _, held in group_folds(groups, 5, rng(), labels)] == [[10, 10]] * 5


# a column, the order of its rows
TIMES = [
    (["2024-03-01", "2023-12-31", "2024-03-01"], [1, 0, 1]),
    (["10", "9", "100"], [1, 0, 2]),
    (["2024-03", "2024-02-28T23:59:59"], [1, 0]),
    (["2024-01-01T00:00:00+02:00", "2023-12-31T23:00:00Z"], [0, 1]),
    (["2024/03/01", "2024-02-01"], [1, 0]),
    (np.array(["2024-03-01", "2023-12-31"], "datetime64[D]"), [1, 0]),
    ([3, 1, 2], [2, 0, 1]),
]


@pytest.mark.parametrize(("column", "order"), TIMES)
def test_time_codes(column, order):
    assert time_codes(np.asarray(column), "t").tolist() == order


# function, column, words of the message
BAD = [
    (
        time_codes,
        ["2024-03-01", "March 3"],
        "'March 3' in row 1 (counted from 0), which is neither a number nor a date",
    ),
    (time_codes, ["2024-03-01", "2024-03-01T00:00Z"], "only one has a time zone"),
    (time_codes, [1.0, np.nan], "no value in row 1"),
    (group_codes, ["a", "", " "], "no value in row 1 (counted from 0) and in 1 more"),
    (group_codes, [[1, 2], [3, 4]], "has shape (2, 2)"),
    (named_rows, ["train", "tset"], "'tset' in row 1 (counted from 0); did you mean test?"),
    (named_rows, ["test", "val"], "names no training row"),
]


@pytest.mark.parametrize(("read", "column", "words"), BAD)
def test_bad_columns_are_named(read, column, words):
    with pytest.raises(DataError) as caught:
        read(np.asarray(column), "t")
    assert words in str(caught.value)


def test_a_file_divides_by_group_time_and_column(tmp_path: Path) -> None:
    given_rows = arrays()
    both = "validation_split: 0.2, test_split: 0.2"
    parts = load_spec(file_of(tmp_path, f"{both}, group_by: patient")).load_data().rows
    sets = [set(given_rows["patient"][rows]) for rows in parts.values()]
    assert len(parts) == 3 and sum(map(len, sets)) == len(set.union(*sets))
    parts = load_spec(file_of(tmp_path, f"{both}, order_by: date")).load_data().rows
    dates = [given_rows["date"][parts[name]] for name in ("train", "validation", "test")]
    assert max(dates[0]) < min(dates[1]) and max(dates[1]) < min(dates[2])
    parts = load_spec(file_of(tmp_path, "split_column: part")).load_data().rows
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 36, "validation": 12, "test": 12}


def test_other_files_are_numbered_like_the_first(tmp_path: Path) -> None:
    path = file_of(tmp_path, "test_file: test.npz", y=np.array(["a", "b", "c"])[np.arange(ROWS) % 3])
    np.savez(tmp_path / "test.npz", x=np.zeros((2, 3), np.float32), y=np.array(["c", "b"]))
    data = load_spec(path).load_data()
    assert data.test is not None and data.test.y is not None and data.test.y.tolist() == [2, 1]
    np.savez(tmp_path / "test.npz", x=np.zeros((1, 4), np.float32), y=np.array(["c"]))
    with pytest.raises(DataError, match=r"rows of shape \(4,\)"):
        load_spec(path).load_data()


# options of data, words of the message
CONTRADICTIONS = [
    ("validation_split: 0.2, validation_file: a.npz", "both say which rows are for validation"),
    ("test_split: 0.2, test_file: a.npz", "both say which rows are for test"),
    ("group_by: patient, order_by: date", "can't both be done"),
    ("order_by: date, stratify: true", "leave stratify out"),
    ("group_by: patient, validation_shuffle: false", "tear a group"),
    ("group_by: part, split_column: part", "name the same column"),
    ("split_column: part, validation_split: 0.2", "names validation rows already"),
    ("group_by: patinet, validation_split: 0.2", "did you mean patient?"),
    ("group_by: patient, split_column: part", "has rows in"),
    ("group_by: x, validation_split: 0.2", "has shape (60, 3)"),
]


@pytest.mark.parametrize(("options", "words"), CONTRADICTIONS)
def test_contradictions_are_said_at_their_place(options: str, words: str, tmp_path: Path) -> None:
    with pytest.raises((SpecError, DataError)) as caught:
        load_spec(file_of(tmp_path, options)).load_data()
    assert words in str(caught.value) and "rows.yaml:1:" in str(caught.value)


def test_a_run_records_its_rows_and_goes_on_with_no_others(tmp_path: Path) -> None:
    path = file_of(tmp_path, "validation_split: 0.2, group_by: patient")
    first = train(load_spec(path), runs=tmp_path / "runs", threads=1)
    recorded = read_splits(first.folder)
    expected = load_spec(path).load_data().rows
    assert recorded is not None and recorded[1] == ROWS
    assert {name: rows.tolist() for name, rows in recorded[0].items()} == {k: v.tolist() for k, v in expected.items()}
    # What was recorded is what is evaluated, whatever would be drawn now.
    masks = {name: np.isin(np.arange(ROWS), [0] if name == "validation" else range(1, ROWS)) for name in recorded[0]}
    np.savez(first.folder / FILE, **masks)
    assert evaluate(first.folder, split="validation").rows == 1
    with pytest.raises(UsageError, match="begun with other rows"):
        train(load_spec(path, ["training.epochs=4"]), runs=tmp_path / "runs", threads=1, resume=True)


class StopAfter(Callback):
    def __init__(self, folds: int) -> None:
        self.left = folds

    def after_step(self, trainer: Any) -> None:
        if trainer.position.step == 1:
            self.left -= 1
            trainer.interrupted = self.left < 0


def told(report: dict[str, Any]) -> Any:
    return [{k: v for k, v in one.items() if k != "seconds"} for one in report["results"]], report["mean"]


@pytest.mark.parametrize("options", ["test_split: 0.2", "group_by: patient", "order_by: date", "split_column: part"])
def test_cv_is_reproducible_and_leaves_a_record(options: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, options)
    found, again = (cross_validate(load_spec(path), folds=3, runs=tmp_path / "runs", threads=1) for _ in range(2))
    assert told(found.report) == told(again.report)
    assert [found.folder.name, again.folder.name] == ["cv-1", "cv-2"]
    written = json.loads((found.folder / FOLDS_RECORD).read_text())
    assert written["state"] == "finished" and written["results"] == found.report["results"]
    held: list[int] = []
    for number in (1, 2, 3):
        recorded = read_splits(found.folder / f"fold-{number}")
        assert recorded is not None and (found.folder / f"fold-{number}" / "metrics.csv").exists()
        held += recorded[0]["validation"].tolist()
    assert len(held) == len(set(held))
    if "order_by" not in options:
        assert len(held) == ROWS - found.report["data"]["test"]
    losses = [one["best"]["val_loss"] for one in found.report["results"]]
    assert found.report["mean"]["val_loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    assert found.report["std"]["val_loss"] == pytest.approx(np.std(losses, ddof=1), rel=1e-12)


def test_an_interrupted_cv_keeps_the_folds_that_are_done(tmp_path: Path) -> None:
    path = file_of(tmp_path, "stratify: true")
    found = cross_validate(load_spec(path), folds=3, runs=tmp_path / "runs", threads=1, display=StopAfter(2))
    assert found.interrupted and len(found.report["results"]) == 2
    assert sorted(p.name for p in found.folder.iterdir()) == ["cv.json", "fold-1", "fold-2", "spec.yaml"]
    found = cross_validate(load_spec(path), folds=3, runs=tmp_path / "runs", threads=1, display=StopAfter(0))
    assert found.interrupted and not found.folder.exists()


def test_an_interrupted_cv_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    path, runs = file_of(tmp_path, "stratify: true"), tmp_path / "runs"
    counts = {"folds": 3, "repeats": 2}
    whole = cross_validate(load_spec(path), **counts, runs=tmp_path / "whole", threads=1)
    for folds in (2, 1):
        begun = cross_validate(
            load_spec(path), **counts, runs=runs, threads=1, display=StopAfter(folds), resume=folds == 1
        )
        assert begun.interrupted
    assert len(begun.report["results"]) == 3
    (begun.folder / "repeat-2-fold-1").mkdir()  # as a killed process leaves it
    (begun.folder / "repeat-2-fold-1" / "metrics.csv").write_text("half")
    again = cross_validate(load_spec(path), runs=runs, threads=1, resume=True)  # the number of folds is its own
    assert again.folder == begun.folder and told(again.report) == told(whole.report)
    assert again.report["started"] == begun.report["started"] and again.report["state"] == "finished"
    assert sorted(p.name for p in again.folder.iterdir()) == sorted(p.name for p in whole.folder.iterdir())
    with pytest.raises(UsageError, match="cv-1 is finished"):
        cross_validate(load_spec(path), runs=runs, threads=1, resume=True)


# what has changed: (overrides, folds, changed arrays), words of the message
CHANGES: list[tuple[list[str], int | None, bool, str]] = [
    (["training.epochs=4"], None, False, "training.epochs: 3 → 4"),
    (["seed=1"], None, False, "seed: 0 → 1"),
    ([], 4, False, "folds: 3 → 4"),
    ([], None, True, "data.fingerprint: "),
]


@pytest.mark.parametrize(("overrides", "folds", "changed", "words"), CHANGES)
def test_a_changed_cv_does_not_go_on(
    overrides: list[str], folds: int | None, changed: bool, words: str, tmp_path: Path
) -> None:
    path, runs = file_of(tmp_path, "stratify: true"), tmp_path / "runs"
    begun = cross_validate(load_spec(path), folds=3, runs=runs, threads=1, display=StopAfter(1))
    before = (begun.folder / FOLDS_RECORD).read_bytes()
    if changed:
        file_of(tmp_path, "stratify: true", x=arrays(seed=1)["x"])
    with pytest.raises(UsageError) as caught:
        cross_validate(load_spec(path, overrides), folds=folds, runs=runs, threads=1, resume=True)
    assert words in str(caught.value) and "cv-1 was begun with" in str(caught.value)
    assert (begun.folder / FOLDS_RECORD).read_bytes() == before


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    path, runs = file_of(tmp_path, "stratify: true"), tmp_path / "runs"
    with pytest.raises(UsageError, match="there is no cross-validation in"):
        cross_validate(load_spec(path), runs=runs, resume=True)
    begun = cross_validate(load_spec(path), folds=3, runs=runs, threads=1, display=StopAfter(1))
    for text in ("{", "[]", '{"folds": 3}', '{"folds": 3, "repeats": 1, "results": [{"fold": 1}]}'):
        (begun.folder / FOLDS_RECORD).write_text(text)
        with pytest.raises(CheckpointError, match=r"cv\.json is damaged"):
            cross_validate(load_spec(path), runs=runs, resume=True)


@pytest.mark.parametrize("columns", [20, 30, 50, 80, 200])
def test_the_line_of_a_fold_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    best = {"val_loss": 0.5, "val_accuracy": 0.75, "val_top_k_categorical_accuracy": 0.9, "loss": 0.1}
    result = {"epochs": 12, "best_epoch": 7, "seconds": 3.0, "best": best}
    for stream in (Terminal(), io.StringIO()):
        display = FoldsDisplay(10, 20, stream=stream)
        display.begin(12, 10)
        display.end(result, "val_accuracy")
        lines = CODES.sub("", stream.getvalue()).splitlines()
        assert len(lines) == 1 and lines[0].startswith("repeat 12/20, fold"[:columns])
        if isinstance(stream, Terminal):
            assert len(lines[0]) <= columns
            assert ("val_accuracy: 0.7500" in lines[0]) == (columns >= 50)
        else:
            assert all(name in lines[0] for name in best if name != "loss")


def test_runs_lists_cross_validations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, runs = file_of(tmp_path, "stratify: true"), tmp_path / "runs"
    begun = cross_validate(load_spec(path), folds=3, runs=runs, threads=1, display=StopAfter(2))
    (record,) = find_records(runs)
    assert (record.label, record.state, record.folds, record.planned_folds) == ("rows/cv-1", "interrupted", 2, 3)
    assert record.best["val_loss"] == pytest.approx(begun.report["mean"]["val_loss"]) and record.monitor == "val_loss"
    assert find_records(begun.folder) == [record]
    run = runner(tmp_path, monkeypatch, capsys)
    assert "2/3 folds" in good(run("runs", "runs"))
    report = json.loads((begun.folder / FOLDS_RECORD).read_text())
    for changes, state in (
        ({"state": "running"}, "interrupted"),
        ({"results": 1}, "damaged"),
        ({"mean": 1}, "damaged"),
    ):
        (begun.folder / FOLDS_RECORD).write_text(json.dumps({**report, **changes}))
        assert [one.state for one in find_records(runs)] == [state]


def test_mean_and_deviation_of_a_sample() -> None:
    assert mean_and_deviation([{"a": 1.0}, {"a": 3.0}]) == ({"a": 2.0}, {"a": 2.0**0.5})
    assert mean_and_deviation([{"a": [1.0, 2.0]}]) == ({"a": [1.0, 2.0]}, {"a": None})


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(tmp_path, monkeypatch, capsys)
    out = good(run("cv", "moons.yaml", "--folds", "3"))
    assert [line.split()[0] for line in out.splitlines()[2:7]] == ["1", "2", "3", "mean", "±"]
    told = json.loads(good(run("cv", "moons.yaml", "--folds", "2", "--repeats", "2", "--json")))
    assert (len(told["results"]), told["ddof"], told["folder"]) == (4, 1, "runs/moons/cv-2")
    assert run("cv", "moons.yaml", "--folds", "1000")[0] == 2 and not (tmp_path / "runs/moons/cv-3").exists()
