"""Result tables, evaluation reports and pages: what stands in them, and that they fit."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from seqnet.console import pages, results
from seqnet.models.summary import SummaryRow, SummaryTable
from tests.screens import CODES, Terminal

RUN: dict[str, Any] = {
    "folder": "runs/net/3",
    "final": {"accuracy": 0.9, "loss": 0.31, "val_accuracy": 0.8, "val_loss": 0.5},
    "best": {"epoch": 4, "monitor": "val_loss", "accuracy": 0.85, "loss": 0.35, "val_accuracy": 0.83, "val_loss": 0.45},
    "test": {"loss": 0.48, "accuracy": 0.82},
    "epochs": (5, 5),
    "took": 1.5,
    "hints": ["seqnet evaluate runs/net/3"],
}


def test_run_table(capsys: pytest.CaptureFixture[str]) -> None:
    results.show_run(**RUN)
    lines = capsys.readouterr().out.split("\n")
    assert [line.split() for line in lines[1:3]] == [["final", "best", "test"], ["epoch", "5", "epoch", "4", "(best)"]]
    assert [line.split() for line in lines[4:8]] == [
        ["loss", "0.3100", "0.3500", "0.4800"],
        ["accuracy", "0.9000", "0.8500", "0.8200"],
        ["val_loss", "0.5000", "0.4500", "-"],
        ["val_accuracy", "0.8000", "0.8300", "-"],
    ]
    assert lines[9:] == ["Trained  5 epochs in 1.50s", "Run      runs/net/3", "Next     seqnet evaluate runs/net/3", ""]


def test_run_that_ended_early_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    results.show_run(**{**RUN, "epochs": (5, 20), "test": None, "took": None})
    out = capsys.readouterr().out
    assert "Trained  5 of 20 epochs\n" in out and "test" not in out


def evaluation(classes: int, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    confusion = np.diag(np.full(classes, 90)) + rng.integers(0, 3, (classes, classes))
    confusion[1, 0] = 77
    per_class = [
        {"class": f"class {i}", "precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": int(confusion[i].sum())}
        for i in range(classes)
    ]
    values = {"loss": 0.5, "accuracy": 0.75, "f1": [0.25, 0.5]}
    base = {"values": values, "split": "test", "rows": 1000, "run": "runs/net/3", "checkpoint": "best"}
    return {**base, "per_class": per_class, "confusion": confusion.tolist(), **changes}


def test_evaluation_of_a_regression(capsys: pytest.CaptureFixture[str]) -> None:
    results.show_evaluation(**evaluation(2, per_class=None, confusion=None))
    out = capsys.readouterr().out
    assert out.startswith("Run      runs/net/3, best weights\nRows     1,000 test\n\n")
    assert [line.split() for line in out.splitlines()[5:8]] == [
        ["loss", "0.5000"],
        ["accuracy", "0.7500"],
        ["f1", "0.2500", "0.5000"],
    ]
    assert "class" not in out


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("classes", [2, 3, 10, 25, 100])
def test_evaluation_fits(
    classes: int, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    results.show_evaluation(**evaluation(classes))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert "macro" in out and "77" in out
    if classes > 2 and columns >= 60:
        assert ["77", "class", "1", "class", "0"] in [
            [w for w in line.split() if not w.endswith("%")] for line in out.splitlines()
        ]


def test_confusion_matrix_of_ten_classes_is_whole_in_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    case = evaluation(10)
    case["confusion"][9][9] = 123_456
    results.show_evaluation(**case)
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("true \\ predicted"))
    rows = [line.split()[3:] for line in lines if line[:1].isdigit() and " class " in line and "%" not in line]
    header = next(line for line in lines[start:] if line.split()[-3:] == ["7", "8", "9"])
    assert [int(word) for word in header.replace("true \\ predicted", "").split()] == list(range(10))
    assert [[0 if cell == "·" else int(cell) for cell in row] for row in rows] == case["confusion"]


def test_averages_are_macro_and_weighted(capsys: pytest.CaptureFixture[str]) -> None:
    # by hand: macro (0.5 + 1) / 2, weighted (0.5 * 30 + 1 * 10) / 40
    per_class = [
        {"class": "a", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 30},
        {"class": "b", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 10},
    ]
    results.show_evaluation(**evaluation(2, per_class=per_class, confusion=[[15, 15], [0, 10]]))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["macro", "avg", "0.7500", "0.7500", "0.7500", "40"] in lines
    assert ["weighted", "avg", "0.6250", "0.6250", "0.6250", "40"] in lines


def test_predictions_of_a_classifier(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"class": "b", "p_a": 0.25, "p_b": 0.7, "p_c": 0.05}] * 25
    results.show_predictions(rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["row", "class", "probability", "next", "probability"]
    assert lines[2].split() == ["0", "b", "0.7000", "a", "0.2500"]
    assert lines[21].split()[0] == "19"
    assert lines[-1] == "5 more rows; -o FILE writes all of them."


def test_predictions_of_values_show_what_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    results.show_predictions([{f"value_{i}": float(i) for i in range(10)}])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40 and "7 more" in " ".join(" ".join(lines).split())
    results.show_predictions([])
    assert capsys.readouterr().out == "There are no rows.\n"


@pytest.mark.parametrize(("warnings", "verdict"), [(0, "is fine"), (2, "can be used")])
def test_checked(warnings: int, verdict: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = SummaryTable("n", [SummaryRow("d", "Dense", (None, 1), 2, "Y")], trainable=1_000, non_trainable=2)
    results.show_checked("a.yaml", table, {"train": 8_000, "test": 10}, warnings=warnings)
    expected = f"a.yaml {verdict}: 1 layer, 1,002 parameters; 8,000 train, 10 test rows\n"
    assert capsys.readouterr().out == expected
    results.show_checked("a.yaml", None, None, warnings=warnings)
    assert capsys.readouterr().out == f"a.yaml {verdict}\n"


def test_lists_are_whole_in_a_pipe_and_cut_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"name": "MeanSquaredError", "aliases": ["mse"], "short": ["mse"], "summary": "the mean " * 40}]
    pages.show_list(rows)
    assert "the mean " * 39 in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    pages.show_list(rows)
    lines = CODES.sub("", stream.getvalue()).splitlines()
    assert len(lines) == 2 and lines[1].endswith("..") and max(map(len, lines)) < 60


def test_data_page_of_many_columns_and_classes(capsys: pytest.CaptureFixture[str]) -> None:
    spread = {"min": 0, "max": 255, "mean": 72.94}
    profile = {
        "name": "evil\x1b[31m",
        "task": None,
        "rows": {"train": 9_000},
        "input_shape": [100],
        "dtype": "uint8",
        "range": spread,
        "features": [{"name": f"f{i}", **spread} for i in range(100)],
        "target": {"shape": [], "dtype": "int64"},
        "classes": [{"label": i, "name": f"c{i}", "rows": {"train": 90}} for i in range(100)],
        "sample_weight": True,
    }
    pages.show_data(profile)
    out = capsys.readouterr().out
    assert out.startswith("evil\\x1b[31m\n") and "\x1b" not in out
    assert "input    (None, 100) uint8, 0 … 255, mean 72.94" in out
    assert "and 70 more columns" in out and "and 60 more classes" in out
