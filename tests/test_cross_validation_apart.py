"""`seqnet cv`: what is held back changes nothing that is learned, and every ending leaves a whole record."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.errors import TrainingError
from seqnet.runs.cross_validation import cross_validate
from seqnet.runs.folder import FOLDS_RECORD
from seqnet.runs.splits import read_splits
from seqnet.spec.run import load_spec
from tests.screens import environment
from tests.test_cli_process import posix
from tests.test_cross_validation import StopAfter, told

ROWS, FOLDS = 48, 3
MODEL = """
model: [Normalization, {Dense: {units: 4, activation: tanh}}, {Dense: {units: 2, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
training: {epochs: 3, batch_size: 8}
"""
SOURCES = {"npz": "npz: rows.npz", "csv": "csv: {path: rows.csv, target: y}"}


def file_of(folder: Path, kind: str, x: Any, options: str = "test_split: 0.25", more: str = MODEL) -> Path:
    labels = np.arange(ROWS) % 2
    np.savez(folder / "rows.npz", x=x, y=labels)
    with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
        written = csv.writer(file)
        written.writerow(["a", "b", "y"])
        written.writerows(
            [*map(repr, row), "no" if label else "yes"] for row, label in zip(x.tolist(), labels, strict=True)
        )
    path = folder / "rows.yaml"
    path.write_text(f"data: {{{SOURCES[kind]}, {options}}}{more}")
    return path


def features() -> Any:
    return np.random.default_rng(0).normal(size=(ROWS, 2)).astype(np.float32)


def validate(path: Path, **options: Any) -> Any:
    return cross_validate(load_spec(path), folds=FOLDS, runs=path.parent / "runs", threads=1, **options)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_rows_of_a_fold_change_nothing_that_is_learned_for_it(kind: str, tmp_path: Path) -> None:
    before = validate(file_of(tmp_path, kind, features()))
    recorded = read_splits(before.folder / "fold-2")
    assert recorded is not None
    held = recorded[0]["validation"]
    x = features()
    x[held] = 1000 * x[held] + 500  # a mean or a deviation that saw them would be another
    after = validate(file_of(tmp_path, kind, x))
    losses = [
        [one["final"][name] for one in found.report["results"]]
        for name in ("loss", "val_loss")
        for found in (before, after)
    ]
    same = [was == now for was, now in zip(losses[0], losses[1], strict=True)]
    assert same == [False, True, False]  # the other folds train on these rows
    assert losses[2][1] != losses[3][1]


@pytest.mark.parametrize("kind", SOURCES)
def test_rows_for_testing_change_nothing(kind: str, tmp_path: Path) -> None:
    before = validate(file_of(tmp_path, kind, features()))
    recorded = read_splits(before.folder / "fold-1")
    assert recorded is not None and len(recorded[0]["test"]) == before.report["data"]["test"] == ROWS // 4
    tested = load_spec(tmp_path / "rows.yaml").load_data().rows["test"]  # those that a training holds out too
    assert recorded[0]["test"].tolist() == tested.tolist()
    x = features()
    x[tested] = 1000 * x[tested] + 500
    assert told(validate(file_of(tmp_path, kind, x)).report) == told(before.report)


def test_repeats_are_trainings_with_the_next_seeds(tmp_path: Path) -> None:
    path = file_of(tmp_path, "npz", features(), "stratify: true")
    both = validate(path, repeats=2)
    first = validate(path)
    assert [(one["repeat"], one["fold"]) for one in both.report["results"]] == [
        (r, f) for r in (1, 2) for f in (1, 2, 3)
    ]
    best = [one["best"] for one in both.report["results"]]
    assert best[:FOLDS] == [one["best"] for one in first.report["results"]] and best[:FOLDS] != best[FOLDS:]
    held = [read_splits(both.folder / f"repeat-{r}-fold-1")[0]["validation"].tolist() for r in (1, 2)]  # type: ignore[index]
    assert held[0] != held[1]


def test_a_fold_that_fails_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    class Fails(StopAfter):
        def after_step(self, trainer: Any) -> None:
            super().after_step(trainer)
            if self.left < 0:
                raise TrainingError("no more")

    path = file_of(tmp_path, "npz", features())
    with pytest.raises(TrainingError, match="fold 2: no more"):
        validate(path, display=Fails(1))
    folder = tmp_path / "runs/rows/cv-1"
    report = json.loads((folder / FOLDS_RECORD).read_text())
    assert (report["state"], len(report["results"]), report["error"]) == ("failed", 1, "fold 2: no more")
    assert sorted(p.name for p in folder.iterdir()) == ["cv.json", "fold-1", "spec.yaml"]
    with pytest.raises(TrainingError, match="fold 1"):
        validate(path, display=Fails(0))
    assert not (tmp_path / "runs/rows/cv-2").exists()


@posix
def test_ctrl_c_shows_the_folds_that_are_done(tmp_path: Path) -> None:
    # The signal comes from the command itself, in the third fold's first step.
    script = (
        "import os, signal, sys\n"
        "from seqnet.cli.main import run\n"
        "from seqnet.console.cross_validation import FoldsDisplay\n"
        "def after_step(self, trainer):\n"
        "    if self._label == 'fold 3/3': os.kill(os.getpid(), signal.SIGINT)\n"
        "FoldsDisplay.after_step = after_step\n"
        "sys.exit(run(['cv', 'rows.yaml', '--folds', '3', '--threads', '1', *sys.argv[1:]]))"
    )
    file_of(tmp_path, "npz", features())
    for number, arguments in enumerate(([], ["--json"]), start=1):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment(),
        )  # fmt: skip
        assert done.returncode == 128 + signal.SIGINT, done.stderr
        assert f"interrupted; runs/rows/cv-{number} holds the folds that are done" in done.stderr
        if arguments:
            report = json.loads(done.stdout)
            assert (report["state"], len(report["results"])) == ("interrupted", 2)
        else:
            assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == ["1", "2", "mean"]
            assert "2 of 3 folds" in done.stdout
