"""`seqnet init --data` for images, texts and arrays: the file checks clean and trains, whatever the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seqnet.spec.check import check_file
from tests.commands import Run, good, runner

ROWS = 60
RNG = np.random.default_rng(3)
LABELS = np.arange(ROWS) % 3
WORDS = ("good", "bad", "fine", "poor", "film", "plot", "music", "end")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    return runner(tmp_path, monkeypatch, capsys)


def arrays(x: Any, y: Any, **more: Any) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        np.savez(folder / "rows.npz", x=x, y=y, **more)
        return "rows.npz"

    return write


def images(*sizes: tuple[int, int]) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        pillow = pytest.importorskip("PIL.Image")
        for index in range(30):
            place = folder / "photos" / ("cat", "dog")[index % 2]
            place.mkdir(parents=True, exist_ok=True)
            height, width = sizes[index % len(sizes)]
            pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
            pillow.fromarray(pixels).save(place / f"{index}.png")
        return "photos"

    return write


def sentence(index: int) -> str:
    return " ".join(WORDS[(index * step) % len(WORDS)] for step in range(1, 6))


def texts(folder: Path) -> str:
    for index in range(40):
        place = folder / "reviews" / ("neg", "pos")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.txt").write_text(sentence(index))
    return "reviews"


def json_lines(text: str, target: str, labels: list[Any]) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        lines = [json.dumps({target: label, text: sentence(index)}) for index, label in enumerate(labels)]
        (folder / "lines.jsonl").write_text("\n".join(lines) + "\n")
        return "lines.jsonl"

    return write


X, SMALL = RNG.normal(size=(ROWS, 5)) * 50, RNG.integers(0, 256, (ROWS, 12, 12), dtype=np.uint8)
SOFTMAX, SIGMOID = {"units": 3, "activation": "softmax"}, {"units": 1, "activation": "sigmoid"}
CE = "sparse_categorical_crossentropy"

# what writes the data, arguments; the first layer, the last Dense, the loss
CASES: dict[str, tuple[Callable[[Path], str], list[str], Any, Any, str]] = {
    "images of one size": (images((20, 24)), [], "Rescaling", SIGMOID, "binary_crossentropy"),
    "images of several sizes": (images((20, 24), (200, 120)), [], "Rescaling", SIGMOID, "binary_crossentropy"),
    "tiny images": (images((4, 4)), [], "Rescaling", SIGMOID, "binary_crossentropy"),
    "a folder of texts": (texts, [], "TextVectorization", SIGMOID, "binary_crossentropy"),
    "json lines": (json_lines("text", "label", list("abc" * 20)), [], "TextVectorization", SOFTMAX, CE),
    "json lines by other names": (
        json_lines("body", "stars", [i % 3 for i in range(ROWS)]), ["--target", "stars"],
        "TextVectorization", SOFTMAX, CE,
    ),
    "json lines to numbers": (
        json_lines("body", "price", [i * 1.5 + 100 for i in range(ROWS)]), [], "TextVectorization", {"units": 1}, "mse"
    ),
    "classes": (arrays(X, LABELS), [], "Normalization", SOFTMAX, CE),
    "names": (arrays(X, np.array(["a", "b", "c"])[LABELS]), [], "Normalization", SOFTMAX, CE),
    "two classes": (arrays(X, LABELS % 2), [], "Normalization", SIGMOID, "binary_crossentropy"),
    "one-hot": (arrays(X, np.eye(3)[LABELS]), [], "Normalization", SOFTMAX, "categorical_crossentropy"),
    "several labels": (
        arrays(X, (RNG.random((ROWS, 4)) < 0.5).astype(int)), [], "Normalization",
        {"units": 4, "activation": "sigmoid"}, "binary_crossentropy",
    ),
    "numbers": (arrays(X, X[:, 0] * 9), [], "Normalization", {"units": 1}, "mse"),
    "whole numbers, many": (arrays(X, np.arange(ROWS) * 1000), [], "Normalization", {"units": 1}, "mse"),
    "several numbers": (arrays(X, X[:, :2]), [], "Normalization", {"units": 2}, "mse"),
    "grey pictures": (arrays(SMALL, LABELS), [], "Rescaling", SOFTMAX, CE),
    "coloured pictures": (arrays(SMALL[..., None].repeat(3, -1), LABELS), [], "Rescaling", SOFTMAX, CE),
    "pictures of real numbers": (arrays(SMALL[..., None] / 255.0, LABELS), [], "Conv2D", SOFTMAX, CE),
    "steps": (arrays(RNG.normal(size=(ROWS, 7, 2)), LABELS), [], "Normalization", SOFTMAX, CE),
    "volumes": (arrays(RNG.normal(size=(ROWS, 2, 3, 2, 2)), LABELS), [], "Normalization", SOFTMAX, CE),
    "parts of their own": (
        arrays(X, LABELS, x_val=X[:9], y_val=LABELS[:9], x_test=X[:6], y_test=LABELS[:6]), [],
        "Normalization", SOFTMAX, CE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_file_checks_clean_and_trains(case: str, run: Run, tmp_path: Path) -> None:
    write, arguments, first, last, loss = CASES[case]
    name = write(tmp_path)
    good(run("init", "mine", "--data", name, *arguments))
    result = check_file("mine.yaml")
    assert result.problems == [], [problem.message for problem in result.problems]
    found = yaml.safe_load((tmp_path / "mine.yaml").read_text(encoding="utf-8"))
    kinds = [layer if isinstance(layer, str) else next(iter(layer)) for layer in found["model"]]
    denses = [layer["Dense"] for layer in found["model"] if isinstance(layer, dict) and "Dense" in layer]
    assert (kinds[0], denses[-1], found["loss"]) == (first, last, loss)
    source = next(options for options in found["data"].values() if isinstance(options, dict))
    assert source["path"] == name
    assert ("validation_split" in found["data"]) == (case != "parts of their own")
    code, _, err = run("train", "mine.yaml", "-s", "training.epochs=1")
    assert code == 0, err


def empty(folder: Path) -> str:
    (folder / "nothing").mkdir()
    return "nothing"


def lines_of(text: str) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / "l.jsonl").write_text(text)
        return "l.jsonl"

    return write


REFUSED: dict[str, tuple[Callable[[Path], str], list[str], str]] = {
    "no labels": (lambda folder: np.savez(folder / "x.npz", x=X) or "x.npz", [], "no targets"),  # type: ignore[func-returns-value]
    "many targets a place": (arrays(SMALL, SMALL), [], "several numbers in each of several places"),
    "an empty folder": (empty, [], "holds neither images nor a folder of texts"),
    "no json": (lines_of("{\n"), [], "line 1: must be a JSON object"),
    "no text": (lines_of('{"a": 1}\n'), [], "line 1: has no text; it has a"),
    "a text alone": (lines_of('{"a": "b"}\n'), [], "no second key"),
    "nothing": (lines_of("\n"), [], "holds no texts"),
    "a target of arrays": (arrays(X, LABELS), ["--target", "y"], "not in columns"),
    "how arrays are read": (arrays(X, LABELS), ["-s", "header=false"], "-s says how a table is read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, run: Run, tmp_path: Path) -> None:
    write, arguments, message = REFUSED[case]
    code, out, err = run("init", "mine", "--data", write(tmp_path), *arguments)
    assert (code, out) == (2, "") and message in err, err
    assert not (tmp_path / "mine.yaml").exists()
