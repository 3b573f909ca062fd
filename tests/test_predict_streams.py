"""Predictions of large files: read, made and written piece by piece, whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from seqnet.errors import DataError
from seqnet.runs import predict as predicting
from seqnet.runs.predict import Predictor, joined, predict, write_pieces, write_predictions
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from tests.commands import Run, good, runner

FILE = """\
name: table
data: {csv: {path: rows.csv, target: kind}}
model: [{Dense: {units: 2, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
"""


def rows(path: Path, count: int, bad: int | None = None) -> Path:
    """a, b and colour of each row, with the class that they follow from."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "colour", "kind"])
        for i in range(count):
            a = "?!" if i == bad else f"{i % 7}.5"
            writer.writerow([a, ("red", "blue")[i % 2], ("yes", "no")[i % 2]])
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    call = runner(tmp_path, monkeypatch, capsys)
    rows(tmp_path / "rows.csv", 40)
    (tmp_path / "table.yaml").write_text(FILE)
    train(load_spec("table.yaml"), runs=tmp_path / "runs")
    return call


@pytest.fixture
def folder(tmp_path: Path, run: Run) -> Path:
    return tmp_path / "runs" / "table" / "1"


def test_pieces_are_what_the_whole_is(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predict(folder, rows(tmp_path / "new.csv", 25))
    monkeypatch.setattr(predicting, "ROWS", 4)
    pieces = list(Predictor(folder).pieces(tmp_path / "new.csv"))
    assert [len(piece.outputs) for piece in pieces] == [4] * 6 + [1]
    again = joined(pieces)
    np.testing.assert_allclose(again.outputs, whole.outputs, rtol=1e-6)
    assert again.labels == whole.labels and again.classes == whole.classes == ["no", "yes"]
    for ending in (".csv", ".jsonl"):
        assert write_pieces(iter(pieces), tmp_path / f"pieces{ending}") == 25
        write_predictions(again, tmp_path / f"whole{ending}")
        assert (tmp_path / f"pieces{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()


def test_a_row_that_fails_leaves_the_file_as_it_was(
    folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "ROWS", 4)
    rows(tmp_path / "new.csv", 25, bad=17)
    (tmp_path / "out.csv").write_text("older")
    before = sorted(tmp_path.iterdir())
    code, _, err = run("predict", "table", "new.csv", "-o", "out.csv")
    assert code == 2 and "'?!' (line 19)" in err and "'a'" in err
    assert (tmp_path / "out.csv").read_text() == "older" and sorted(tmp_path.iterdir()) == before


def test_what_comes_out_of_a_pipe_has_one_header(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "ROWS", 3)
    rows(tmp_path / "new.csv", 10)
    lines = good(run("predict", "table", "new.csv")).splitlines()
    assert lines[0] == "class,p_no,p_yes" and len(lines) == 11 and len(set(lines)) > 2
    found = json.loads(good(run("predict", "table", "new.csv", "--json")))
    assert [row["class"] for row in found["predictions"]] == [line.split(",")[0] for line in lines[1:]]


def test_only_some_rows_are_in_memory_at_a_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "ROWS", 10)
    alive: list[int] = []

    def counted() -> object:
        for piece in Predictor(folder).pieces(rows(tmp_path / "new.csv", 200)):
            alive.append(len(piece.outputs))
            yield piece

    assert write_pieces(counted(), tmp_path / "out.csv") == 200  # type: ignore[arg-type]
    assert max(alive) == 10 and len((tmp_path / "out.csv").read_text().splitlines()) == 201


def test_unknown_categories_are_told_after_all_rows(tmp_path: Path, run: Run) -> None:
    (tmp_path / "new.csv").write_text("colour,a\ngreen,1\nred,2\ngreen,3\n")
    code, out, err = run("predict", "table", "new.csv")
    assert code == 0 and len(out.splitlines()) == 4
    assert "column colour: 2 of 3 rows have a category that no training row had ('green')" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,color\n1,red\n", "has no column 'colour', which the model was trained on; did you mean color?"),
        ("a,colour\n", "has a header but no rows"),
        ("a,colour\n1,red\n2\n", "line 3: 1 cell, but the first row has 2"),
    ],
)
def test_files_that_do_not_fit(text: str, message: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        predict(folder, tmp_path / "new.csv")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "heads"),
    [
        ("target: [red, blue]}}, loss: binary_crossentropy, act: sigmoid", "p_red,p_blue"),
        ("target: [red, blue]}}, loss: {BinaryCrossentropy: {from_logits: true}}, act: linear", "p_red,p_blue"),
        ("target: [a, b]}}, loss: mse, act: linear", "a,b"),
    ],
    ids=["labels", "logits", "numbers"],
)
def test_several_outputs_have_the_names_of_their_columns(section: str, heads: str, tmp_path: Path, run: Run) -> None:
    data, _, rest = section.partition("}}, ")
    loss, _, activation = rest.removeprefix("loss: ").rpartition(", act: ")
    (tmp_path / "several.csv").write_text(
        "a,b,c,red,blue\n" + "".join(f"{i}.5,{i},{i % 3},{i % 2},1\n" for i in range(12))
    )
    (tmp_path / "several.yaml").write_text(
        f"data: {{csv: {{path: several.csv, {data}}}}}\nmodel: [{{Dense: {{units: 2, activation: {activation}}}}}]\n"
        f"optimizer: adam\nloss: {loss}\n"
    )
    good(run("train", "several.yaml", "-q"))
    lines = good(run("predict", "several", "several.csv")).splitlines()
    assert lines[0] == heads and len(lines) == 13
    found = json.loads(good(run("predict", "several", "several.csv", "--json")))
    assert list(found["predictions"][0]) == heads.split(",")
    good(run("predict", "several", "several.csv", "-o", "out.npz"))
    with np.load(tmp_path / "out.npz") as arrays:
        values = np.array([list(row.values()) for row in found["predictions"]])
        if heads == "a,b":
            assert arrays["names"].tolist() == ["a", "b"]
            np.testing.assert_allclose(arrays["outputs"], values, rtol=1e-6)
        else:
            assert arrays["classes"].tolist() == ["red", "blue"] and found["classes"] == ["red", "blue"]
            np.testing.assert_allclose(arrays["probabilities"], values, rtol=1e-6)
            assert ((values > 0) & (values < 1)).all()


def test_npz_has_the_classes_and_their_probabilities(folder: Path, tmp_path: Path) -> None:
    found = predict(folder, rows(tmp_path / "new.csv", 5))
    write_predictions(found, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:
        assert sorted(arrays.files) == ["classes", "labels", "outputs", "probabilities"]
        assert arrays["classes"].tolist() == ["no", "yes"]
        np.testing.assert_array_equal(arrays["probabilities"], found.probabilities)
