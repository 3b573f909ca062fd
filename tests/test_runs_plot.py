"""Curves of one run, in the terminal and as a picture, which is what matplotlib is for where it is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from seqnet.runs.curves import Curves
from seqnet.runs.figure import Picture, _figure, draw
from tests.commands import MOONS, Run, good, runner
from tests.run_folders import make_run
from tests.screens import CODES, on_terminal


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


# -- in the terminal --------------------------------------------------------------------------------------------------


def test_every_metric_has_a_chart(run: Run) -> None:
    make_run(Path("runs/a/1"))
    out = good(run("plot"))
    lines = out.splitlines()
    assert [line for line in lines if line and not line.startswith((" ", "epoch"))] == ["loss", "accuracy"]
    assert [line.strip() for line in lines].count("t train   v validation   * best epoch 2") == 2
    assert out.isascii() and len(lines) == 32 and max(map(len, lines)) <= 80
    only = good(run("plot", "a/1", "--metric", "val_accuracy"))
    assert only.splitlines() == lines[16:]
    assert good(run("plot", "runs/a/1", "--metric", "loss", "--metric", "val_loss")).splitlines() == lines[:16]


def test_a_run_without_validation_marks_the_training(run: Run) -> None:
    folder = make_run(Path("runs/a/1"), monitor={"name": "loss", "mode": "min"}, best={"epoch": 3, "loss": 1.0})
    (folder / "metrics.jsonl").write_text("".join(f'{{"epoch": {i}, "loss": {4 - i}}}\n' for i in (1, 2, 3)))
    out = good(run("plot"))
    assert "t train   * best epoch 3" in out and out.splitlines()[12].rstrip().endswith("*")


def test_a_running_run_is_drawn_as_far_as_it_is(run: Run) -> None:
    make_run(Path("runs/a/1"), "running")
    assert "* best epoch 2" in good(run("plot"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no terminal to run on")
@pytest.mark.parametrize("columns", [26, 100])
def test_on_a_terminal(columns: int, run: Run, tmp_path: Path) -> None:
    make_run(Path("runs/a/1"))
    code, shown = on_terminal("plot", cwd=tmp_path, columns=columns)
    lines = CODES.sub("", shown).replace("\r", "").splitlines()
    assert code == 0 and max(map(len, lines)) <= columns
    assert "★" in shown and "\x1b[33m" in shown and any(0x2800 < ord(c) < 0x2900 for c in shown)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"LC_ALL": "C"}):
        code, plain = on_terminal("plot", cwd=tmp_path, columns=columns, env=env)
        assert code == 0 and CODES.sub("", plain).isascii() and "v validation" in plain, env


def test_wrong_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there are no runs in runs" in run("plot")[2]
    make_run(Path("runs/a/1"))
    make_run(Path("runs/b/1"), "running", losses=())
    for arguments, code, said in [
        (["a/2"], 2, "there is no run a/2; did you mean a/1?"),
        (["a/1", "--metric", "acuracy"], 2, "runs/a/1 has logged no 'acuracy'; did you mean accuracy?"),
        (["b"], 2, "runs/b/1 has finished no epoch, so there is nothing to draw yet"),
        (["a/1", "-o", "x.pdf"], 2, "can't tell the format of x.pdf: end it with .png or .svg"),
        (["a/1", "-o", "no/x.png"], 2, "can't write no/x.png: the folder no does not exist"),
        (["a/1", "-o", "moons.yaml/x.svg"], 2, "can't write moons.yaml/x.svg: the folder moons.yaml is a file"),
        (["a/1", "-o", "runs.png"], 2, "can't write runs.png: it is a folder"),
    ]:
        (tmp_path / "runs.png").mkdir(exist_ok=True)
        found, out, err = run("plot", *arguments)
        assert (found, out) == (code, "") and said in err, err
    (Path("runs/a/1") / "metrics.jsonl").unlink()
    assert run("plot", "a/1")[0] == 1


def test_without_matplotlib_it_says_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(Path("runs/a/1"))
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "matplotlib" else real(name, *rest)
    )
    code, out, err = run("plot", "a/1", "-o", "a.png")
    assert (code, out) == (2, "") and "pip install 'seqnet[plot]'" in err and "in the terminal" in err
    assert not Path("a.png").exists()
    assert "best epoch 2" in good(run("plot", "a/1"))


# -- as a picture -----------------------------------------------------------------------------------------------------


CURVES = Curves(
    [1, 2, 3],
    {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.0, float("nan")], "$f1": [0.1, 0.2, 0.3], "learning_rate": [1.0] * 3},
)


def test_a_picture_holds_every_curve(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = Picture("a/1", CURVES, ["loss", "$f1"], 1, ["no $", "$x^"], [[5, 1], [0, 4]], "10 test rows")
    loss, f1, confusion, bar = _figure(picture).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()}
    assert drawn["train"] == [3.0, 2.0, 1.0] and drawn["validation"] == [3.0, 1.0]
    assert list(loss.get_lines()[2].get_xdata()) == [2, 2] and drawn["best epoch 2"] == [0, 1]
    assert list(loss.get_lines()[3].get_ydata()) == [1.0]  # the star
    assert loss.get_yscale() == "linear" and f1.get_title() == "$f1"
    assert confusion.get_images()[0].get_array().tolist() == [[5 / 6, 1 / 6], [0, 1]]
    assert [text.get_text() for text in confusion.texts] == ["5", "1", "0", "4"]
    assert (confusion.get_xlabel(), confusion.get_ylabel()) == ("predicted", "true")
    wide = Curves([1, 2], {"loss": [1000.0, 1.0]})
    assert _figure(Picture("x", wide, ["loss"])).axes[0].get_yscale() == "log"


def test_pictures_are_files_of_their_kind_and_the_same_each_time() -> None:
    pytest.importorskip("matplotlib")
    many = [f"class {i} \u4e2d\x07" for i in range(50)]
    pictures: list[dict[str, Any]] = [
        {"classes": ["$", "b_{"], "confusion": [[0, 0], [0, 0]], "best": 2},
        {"classes": many, "confusion": [[1] * 50] * 50},
        {"curves": Curves([1], {"loss": [float("nan")]})},
    ]
    drawn = []
    for changes in pictures:
        picture = Picture(**{"title": "a/1 $", "curves": CURVES, "metrics": ["loss"], **changes})
        drawn.append(draw(picture, "svg"))
        assert ET.fromstring(drawn[-1]).tag.endswith("svg")
    png = draw(picture, "png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert (draw(picture, "png"), draw(picture, "svg")) == (png, drawn[-1])


def test_a_run_is_drawn_with_its_confusions(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    good(run("train", "moons.yaml", "-q"))
    code, out, err = run("plot", "-o", "moons.svg")
    assert (code, out, err) == (0, "", "wrote moons.svg\n")
    text = Path("moons.svg").read_text()
    comments = re.findall("<!-- (.*?) -->", text)  # of every text that is drawn as a path
    assert {"moons/1", "loss", "accuracy", "upper", "lower", "predicted"} <= set(comments)
    assert any("test rows, best weights" in one for one in comments)
    good(run("train", "sine.yaml", "-q"))
    code, _, err = run("plot", "sine", "-o", "sine.png")
    assert code == 0 and Path("sine.png").stat().st_size > 5000


def test_without_its_data_the_curves_are_there(run: Run) -> None:
    pytest.importorskip("matplotlib")
    import numpy as np

    rng = np.random.default_rng(0)
    np.savez("rows.npz", x=rng.random((40, 2)), y=rng.integers(0, 2, 40))
    text = MOONS.replace("{dataset: {moons: {samples: 100}}, validation_split: 0.2}", "{npz: rows.npz}")
    Path("own.yaml").write_text(text.replace("name: moons", "name: own"))
    good(run("train", "own.yaml", "-q"))
    Path("rows.npz").unlink()
    code, _, err = run("plot", "own", "-o", "own.png")
    assert code == 0 and "warning: the picture has no confusion matrix:\n" in err and Path("own.png").exists()
    code, _, err = run("plot", "own", "-o", "own.png", "--split", "train")
    assert code == 2 and "rows.npz" in err
