"""The command line: every command on small files, in this process."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from seqnet import layers
from seqnet.cli.app import COMMANDS, app
from seqnet.models import Sequential
from tests.commands import MOONS, Run, good, runner


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


# -- help -------------------------------------------------------------------------------------------------------------


def commands() -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(app)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in COMMANDS:
        command = app.get_command(context, name)
        assert command is not None
        found.append(((name,), command))
        if isinstance(command, click.Group):
            found += [((name, sub), inner) for sub, inner in command.commands.items()]
    return found


@pytest.mark.parametrize(
    ("path", "command"), commands(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_has_help(path: tuple[str, ...], command: click.Command, run: Run) -> None:
    assert command.help and command.get_short_help_str(100)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
    for flag in ("-h", "--help"):
        out = good(run(*path, flag))
        assert out.startswith(f"Usage: seqnet {' '.join(path)} ")
        assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"seqnet {name}" in readme


def test_without_arguments_there_is_help(run: Run) -> None:
    out = good(run())
    assert out == good(run("--help"))
    assert all(f"  {name}" in out for name in COMMANDS)
    assert "_SEQNET_COMPLETE=bash_source" in out
    assert good(run("data")).startswith("Usage: seqnet data ")


def test_version(run: Run) -> None:
    from seqnet.version import __version__

    assert good(run("--version")) == f"seqnet {__version__}\n"


# -- what is mistyped -------------------------------------------------------------------------------------------------

MISTYPED: list[tuple[list[str], list[str]]] = [
    (["trian", "moons.yaml"], ["there is no command 'trian'; did you mean train?"]),
    (["data", "lst"], ["there is no command 'lst'; did you mean list?"]),
    (["moons.yaml"], ["seqnet train moons.yaml"]),
    (["frobnicate"], ["there is no command 'frobnicate'; known: bench, check, compare, cv, data,", "summary, train\n"]),
    (["train", "moons.yaml", "--quite"], ["there is no option --quite; did you mean --quiet?"]),
    (["train", "moons.yaml", "--epochs", "3"], ["-s training.epochs=VALUE"]),
    (["train", "moons.yaml", "--lr=0.1"], ["-s optimizer.Adam.learning_rate=VALUE"]),
    (["train", "moons.yaml", "--zzz"], ["there is no option --zzz; known: --help, --json,"]),
    (["train"], ["CONFIG is missing"]),
    (["train", "moons.yaml", "--threads", "0"], ["--threads"]),
    (["summary", "moons.yaml", "--format", "tabel"], ["--format can't be 'tabel'; did you mean table?"]),
    (["evaluate", "--split", "tets"], ["did you mean test?"]),
    (["init", "x", "--template", "imag"], ["did you mean image?"]),
    (["predict"], ["RUN|MODEL is missing"]),
    (["predict", "a", "b", "c"], ["arguments too many: c\n"]),
    (["train", "moons.yaml", "-s", "optimizer={SGD:", "{}}"], ["arguments too many: {}}; a value with blanks needs"]),
    (["describe"], ["NAME is missing"]),
    (["describe", "Dens"], ["there is no component named 'Dens'; did you mean Dense?"]),
    (["describe", "Dense", "--kind", "los"], ["there is no kind 'los'; did you mean loss"]),
    (["describe", "qqqqqq"], ["seqnet list"]),
    (["list", "layrs"], ["there is no kind 'layrs'; did you mean layers?"]),
    (["data", "info", "iriss"], ["there is no dataset named 'iriss'; did you mean iris?"]),
    (["data", "info", "none.npz"], ["none.npz"]),
    (["train", "mons.yaml"], ["mons.yaml: error:", "did you mean moons.yaml?"]),
    (["evaluate"], ["there are no runs in runs", "seqnet train"]),
    (["evaluate", "nix"], ["there is no run nix"]),
    (["train", "moons.yaml", "--resume"], ["there is no run named moons", "--resume"]),
    (["train", "moons.yaml", "--resume", "runs/moons/7"], ["there is no run runs/moons/7"]),
    (["train", "moons.yaml", "-s", "modle=3"], ["-s modle=3: error:", "did you mean model?"]),
    (["schema", "-o", "no/where/x.json"], ["can't write no/where/x.json"]),
]


@pytest.mark.parametrize(("arguments", "said"), MISTYPED, ids=[" ".join(a) for a, _ in MISTYPED])
def test_mistyped(arguments: list[str], said: list[str], run: Run, tmp_path: Path) -> None:
    code, out, err = run(*arguments)
    assert code == 2 and out == ""
    assert all(text in err for text in said), err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_debug_shows_the_traceback_and_works_anywhere(run: Run) -> None:
    for arguments in (("--debug", "evaluate", "nix"), ("evaluate", "nix", "--debug"), ("evaluate", "--debug", "nix")):
        code, _, err = run(*arguments)
        assert code == 2 and "Traceback" in err and err.rstrip().endswith("there are no runs in runs")


def test_an_error_of_its_own_is_short(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("inside")

    monkeypatch.setattr("seqnet.spec.schema.json_schema", broken)
    code, _, err = run("schema")
    assert code == 1 and "Traceback" not in err
    assert "error of its own: KeyError: 'inside'" in err and "--debug" in err
    assert "Traceback" in run("schema", "--debug")[2]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "batch_size"),
        (PermissionError(13, "Permission denied", "x.json"), 1, "x.json: Permission denied"),
        (EOFError(), 130, "interrupted"),
    ],
)
def test_what_python_raises(
    error: BaseException, code: int, said: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("seqnet.spec.schema.json_schema", broken)
    found, _, err = run("schema")
    assert found == code and said in err and "Traceback" not in err


# -- train, evaluate, predict -----------------------------------------------------------------------------------------


def test_train_shows_everything_and_tells_what_next(run: Run, tmp_path: Path) -> None:
    code, out, err = run("train", "moons.yaml")
    assert code == 0
    assert " Total params: 42 " in err  # 2 * 8 + 8 + 8 * 2 + 2, by hand
    assert "64 train, 16 validation, 20 test rows" in err
    lines = [line for line in err.splitlines() if line.startswith("Epoch ")]
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    for value in ("loss: ", "accuracy: ", "val_loss: ", "val_accuracy: ", "lr: 0.001"):
        assert all(value in line for line in lines)
    assert (
        "Run      runs/moons/1" in out
        and "seqnet evaluate runs/moons/1" in out
        and "seqnet predict runs/moons/1" in out
    )
    assert (tmp_path / "runs/moons/1/resolved.yaml").exists()
    assert "\x1b" not in out + err and "\r" not in out + err


def test_quiet_training_says_only_the_result(run: Run) -> None:
    code, out, err = run("train", "moons.yaml", "-q")
    assert (code, err) == (0, "")
    assert "val_loss" in out and "Run      runs/moons/1" in out and "seqnet evaluate" not in out


def test_training_verbose_is_honoured(run: Run) -> None:
    assert run("train", "moons.yaml", "-s", "training.verbose=0")[2] == ""


def test_train_as_json(run: Run) -> None:
    found = json.loads(good(run("train", "moons.yaml", "--json", "-q", "-s", "training.epochs=2")))
    assert found["run"] == "runs/moons/1"
    assert sorted(found["history"]) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 2 for values in found["history"].values())
    assert found["final"]["loss"] == found["history"]["loss"][-1]
    assert found["best"]["epoch"] in (1, 2)
    assert set(found["test"]) == {"loss", "accuracy"} and found["interrupted"] is False


def test_overrides_and_run_folder(run: Run, tmp_path: Path) -> None:
    arguments = ["-s", "model.0.Dense.units=4", "-s", "name=small", "--runs", "elsewhere", "--threads", "1", "-q"]
    assert "elsewhere/small/1" in good(run("train", "moons.yaml", *arguments))
    assert "units: 4" in (tmp_path / "elsewhere/small/1/resolved.yaml").read_text()


def test_warnings_go_to_stderr_with_their_place(run: Run) -> None:
    code, out, err = run("train", "moons.yaml", "-q", "-s", "training.batch_size=512")
    assert code == 0 and "warning: batch_size 512 is more than the 64 training rows" in err
    assert "warning" not in out and "1 warning" not in err


def test_resume_extends_a_run(run: Run) -> None:
    good(run("train", "moons.yaml", "-q"))
    whole = json.loads(good(run("train", "moons.yaml", "-q", "--json", "-s", "training.epochs=5", "--runs", "other")))
    longer = json.loads(good(run("train", "moons.yaml", "-q", "--json", "-s", "training.epochs=5", "--resume")))
    assert longer["run"] == "runs/moons/1"
    assert longer["history"] == whole["history"]


def test_resume_may_stand_before_the_file_or_alone(run: Run) -> None:
    good(run("train", "moons.yaml", "-q"))
    more = ["-q", "--json", "-s", "training.epochs=4"]
    assert len(json.loads(good(run("train", "--resume", "moons.yaml", *more)))["history"]["loss"]) == 4
    more[-1] = "training.epochs=6"
    assert len(json.loads(good(run("train", "--resume", "runs/moons/1", *more)))["history"]["loss"]) == 6


def test_a_finished_run_says_that_nothing_is_left(run: Run) -> None:
    good(run("train", "moons.yaml", "-q"))
    code, _, err = run("train", "moons.yaml", "-q", "--resume")
    assert code == 2 and "runs/moons/1" in err and "3" in err and "-s training.epochs=" in err


def test_interrupted_training_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqnet.training.trainer import Trainer

    plain = Trainer._batch

    def stopping(trainer: Any, *arguments: Any) -> None:
        plain(trainer, *arguments)
        trainer.interrupted = trainer.position.step == 6  # what the first Ctrl-C does

    monkeypatch.setattr(Trainer, "_batch", stopping)
    code, out, err = run("train", "moons.yaml", "-s", "seed=1", "-s", "name=my run")
    assert code == 130
    assert "interrupted; runs/my run/1 holds everything so far" in err
    command = "seqnet train moons.yaml -s seed=1 -s 'name=my run' --resume 'runs/my run/1'"
    assert f"go on with: {command}" in err
    assert "seqnet evaluate" not in out
    monkeypatch.undo()


def test_a_second_ctrl_c_still_names_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqnet.runs.train._fit", stopped)
    code, _, err = run("train", "moons.yaml")
    assert code == 130 and "runs/moons/1" in err and "Traceback" not in err
    assert "seqnet train moons.yaml" in err


def test_a_loss_that_is_lost_is_said(run: Run) -> None:
    code, out, err = run(
        "train", "sine.yaml", "-q", "-s", "optimizer.SGD.learning_rate=1e30", "-s", "training.epochs=3"
    )
    assert code == 1 and not out
    assert "error: the run ended because its numbers are no longer finite\n  step 2 (epoch 1, batch 2 of 2): " in err
    assert "to try: a learning rate below 1e+30; " in err
    assert not run("train", "sine.yaml", "-q")[2]


def test_evaluate_the_latest_run(run: Run) -> None:
    good(run("train", "moons.yaml", "-q"))
    out = good(run("evaluate"))
    for text in (
        "runs/moons/1, best weights",
        "20 test",
        "loss",
        "accuracy",
        "upper",
        "lower",
        "macro avg",
        "true \\ pre",
    ):
        assert text in out


def test_evaluate_as_json_is_flat(run: Run) -> None:
    trained = json.loads(good(run("train", "moons.yaml", "-q", "--json")))
    found = json.loads(good(run("evaluate", "runs/moons/1", "--split", "test", "--json")))
    assert found["loss"] == pytest.approx(trained["test"]["loss"], rel=1e-5)
    assert found["accuracy"] == pytest.approx(trained["test"]["accuracy"])
    assert (found["split"], found["rows"], found["run"]) == ("test", 20, "runs/moons/1")
    assert found["checkpoint"] == "best" and found["classes"] == ["upper", "lower"]
    assert np.sum(found["confusion_matrix"]) == 20 and len(found["per_class"]) == 2
    correct = np.trace(found["confusion_matrix"])
    assert correct / 20 == pytest.approx(found["accuracy"])


@pytest.mark.parametrize("which", ["moons", "moons/1", "runs/moons", "runs/moons/1", "runs/moons/1/last"])
def test_evaluate_finds_runs_by_any_name(which: str, run: Run) -> None:
    good(run("train", "moons.yaml", "-q"))
    if which.endswith("last"):
        pytest.importorskip("seqnet.runs.evaluate")
        code, _, err = run("evaluate", which)
        assert code == 2 and "--data" in err
        return
    found = json.loads(good(run("evaluate", which, "--split", "validation", "--checkpoint", "last", "--json")))
    assert (found["split"], found["rows"], found["checkpoint"]) == ("validation", 16, "last")


def test_evaluate_a_regression_on_other_data(run: Run, tmp_path: Path) -> None:
    good(run("train", "sine.yaml", "-q"))
    x = np.linspace(-1, 1, 7, dtype=np.float32)[:, None]
    np.savez(tmp_path / "rows.npz", x=x, y=np.sin(x[:, 0]))
    found = json.loads(good(run("evaluate", "--data", "rows.npz", "--json")))
    assert found["rows"] == 7 and found["per_class"] is None
    assert "precision" not in good(run("evaluate", "--data", "sine.yaml"))


def test_evaluate_a_model_file(run: Run, tmp_path: Path) -> None:
    from seqnet import Sequential, layers

    model = Sequential([layers.Input((2,)), layers.Dense(2, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 2)).astype(np.float32), rng.integers(0, 2, 9)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.seqnet")
    np.savez(tmp_path / "rows.npz", x=x, y=y)
    found = json.loads(good(run("evaluate", "model.seqnet", "--data", "rows.npz", "--json")))
    assert found["loss"] == pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-6)
    assert good(run("predict", "model.seqnet", "rows.npz")).count("\n") == 10


def test_predict_writes_csv(run: Run, tmp_path: Path) -> None:
    good(run("train", "moons.yaml", "-q"))
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b", comments="")
    piped = good(run("predict", "moons", "x.npz"))
    rows = list(csv.DictReader(piped.splitlines()))
    assert list(rows[0]) == ["class", "p_upper", "p_lower"] and len(rows) == 5
    for row in rows:
        assert float(row["p_upper"]) + float(row["p_lower"]) == pytest.approx(1, abs=1e-5)
        assert row["class"] == ("upper" if float(row["p_upper"]) > 0.5 else "lower")
    again = list(csv.DictReader(good(run("predict", "moons", "x.csv")).splitlines()))
    assert [row["class"] for row in again] == [row["class"] for row in rows]
    code, out, err = run("predict", "moons", "x.npz", "-o", "out.csv")
    assert (code, out) == (0, "") and "wrote 5 rows to out.csv" in err
    assert (tmp_path / "out.csv").read_text() == piped
    found = json.loads(good(run("predict", "moons", "x.npz", "--json")))
    assert found["classes"] == ["upper", "lower"] and len(found["predictions"]) == 5


@pytest.mark.parametrize("name", ["out.json", "out.jsonl", "out.npz", "out.npy"])
def test_predict_writes_other_formats(name: str, run: Run, tmp_path: Path) -> None:
    good(run("train", "sine.yaml", "-q"))
    np.save(tmp_path / "x.npy", np.zeros((3, 1), np.float32))
    good(run("predict", "sine", "x.npy", "-o", name))
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.npy", None])
def test_predict_writes_no_outputs_that_are_no_numbers(name: str | None, run: Run, tmp_path: Path) -> None:
    model = Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    model.set_weights([np.full((1, 1), 1e30), np.zeros(1)])
    model.save(tmp_path / "steep.seqnet")
    np.save(tmp_path / "x.npy", np.array([[1], [2], [1e30], [3], [-1e30]], np.float32))
    if name is not None:
        (tmp_path / name).write_text("before")
    code, out, err = run("predict", "steep.seqnet", "x.npy", *([] if name is None else ["-o", name]))
    assert (code, out) == (1, "") and "the outputs of 2 of 5 rows are NaN or infinite" in err
    assert "row 2 (counted from 0)" in err and "nothing was written; the numbers in these rows are too large" in err
    assert name is None or (tmp_path / name).read_text() == "before"
    assert "Warning" not in err and not list(tmp_path.glob(".*"))


def test_predict_says_that_the_weights_are_lost(run: Run, tmp_path: Path) -> None:
    model = Sequential([layers.Input((1,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.set_weights([np.full((1, 2), np.nan), np.zeros(2)])
    model.save(tmp_path / "lost.seqnet")
    np.save(tmp_path / "x.npy", np.zeros((3, 1), np.float32))
    for more in ([], ["--json"], ["-o", "out.csv"]):
        code, out, err = run("predict", "lost.seqnet", "x.npy", *more)
        assert (code, out) == (1, "") and "3 of 3 rows" in err and "the weights of lost.seqnet are not finite" in err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "moons", "nix.npz"], "nix.npz"),
        (["predict", "moons", "wide.npy"], "(2,)"),
        (["predict", "moons", "moons.yaml"], "no way to read .yaml"),
        (["predict", "moons", "x.npy", "-o", "out.txt"], "out.txt"),
        (["predict", "moons", "x.npy", "-o", "nowhere/out.csv"], "the folder nowhere does not exist; make it"),
        (["predict", "moons", "x.npy", "-o", "moons.yaml/out.csv"], "the folder moons.yaml is a file"),
        (["predict", "moons", "x.npy", "-o", "folder.csv"], "folder.csv: it is a folder"),
        (["predict", "moons", "x.npy", "--runs", "moons.yaml"], "moons.yaml is a file; --runs takes the folder"),
        (["evaluate", "--runs", "moons.yaml"], "moons.yaml is a file; --runs takes the folder"),
        (["train", "moons.yaml", "-q", "--runs", "moons.yaml"], "moons.yaml is a file; choose another place"),
        (["train", "moons.yaml", "-q", "--runs", "moons.yaml/deep"], "moons.yaml is a file; choose another place"),
        (["train", "moons.yaml", "--runs", "moons.yaml", "--resume"], "moons.yaml is a file; --runs takes the folder"),
        (["evaluate", "moons", "--data", "x.npy"], "--data takes"),
        (["evaluate", "--split", "train", "--data", "sine.yaml"], "sine"),
    ],
)
def test_wrong_input_to_a_run(arguments: list[str], said: str, run: Run, tmp_path: Path) -> None:
    good(run("train", "moons.yaml", "-q"))
    np.save(tmp_path / "wide.npy", np.zeros((3, 7), np.float32))
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.float32))
    (tmp_path / "folder.csv").mkdir()
    code, out, err = run(*arguments)
    assert code == 2 and out == "" and said in err and "Traceback" not in err


# -- summary, check, schema -------------------------------------------------------------------------------------------


def test_summary(run: Run) -> None:
    out = good(run("summary", "moons.yaml"))
    assert out.startswith('Model: "moons"\n') and " Total params: 42 (168.00 B)\n" in out and "FLOPs" not in out
    assert " FLOPs of one row forward: " in good(run("summary", "moons.yaml", "--detail"))
    assert good(run("summary", "moons.yaml", "--trainable")).splitlines()[4].endswith("│   Y   │")
    found = json.loads(good(run("summary", "moons.yaml", "--json", "--batch-size", "7")))
    assert found["total_params"] == 42 and found["batch_size"] == 7
    assert found == json.loads(good(run("summary", "moons.yaml", "--format", "json", "--batch-size", "7")))
    assert json.loads(good(run("summary", "moons.yaml", "--json")))["batch_size"] == 16
    assert "| dense (Dense) | (None, 8) | 24 |" in good(run("summary", "moons.yaml", "--format", "markdown"))


def test_summary_needs_neither_data_nor_loss(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("model: [{Input: {shape: [28, 28]}}, Flatten, {Dense: {units: 10}}]")
    assert " Total params: 7,850 " in good(run("summary", "bare.yaml"))


def test_check_of_a_fine_file(run: Run) -> None:
    assert good(run("check", "moons.yaml")) == (
        "moons.yaml is fine: 2 layers, 42 parameters; 64 train, 16 validation, 20 test rows\n"
    )
    found = json.loads(good(run("check", "moons.yaml", "--json")))
    assert found["ok"] and found["problems"] == [] and found["summary"]["total_params"] == 42
    assert found["data"] == {"name": "moons", "rows": {"train": 64, "validation": 16, "test": 20}}


def test_check_lists_every_problem_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(MOONS.replace("units: 8", "unit: 8").replace("loss:", "los:"))
    code, out, _ = run("check", "bad.yaml")
    assert code == 2 and "bad.yaml:4:" in out and "bad.yaml:7:1" in out and "2 errors" in out
    code, out, err = run("check", "bad.yaml", "--json")
    found = json.loads(out)
    assert code == 2 and err == "" and not found["ok"] and found["errors"] == 2
    assert {problem["line"] for problem in found["problems"]} >= {4, 7}
    assert all({"file", "line", "column", "severity", "message", "hint"} <= set(p) for p in found["problems"])


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"model: [", b"a: 1\na: 2\n", b"\tmodel: 3"])
def test_check_of_an_unreadable_file(content: bytes, run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    code, out, err = run("check", "bad.yaml")
    assert code == 2 and err == "" and out.startswith("bad.yaml") and ": error: " in out
    code, out, _ = run("check", "bad.yaml", "--json")
    found = json.loads(out)
    assert code == 2 and found["errors"] >= 1 and found["problems"][0]["severity"] == "error"


def test_check_warns_without_failing(run: Run) -> None:
    out = good(run("check", "moons.yaml", "-s", "training.batch_size=512"))
    assert "warning:" in out and "1 warning" in out and "moons.yaml can be used: " in out


def test_check_without_data(run: Run) -> None:
    assert good(run("check", "moons.yaml", "--no-data")).startswith("moons.yaml is fine")


def test_schema(run: Run, tmp_path: Path) -> None:
    found = json.loads(good(run("schema")))
    assert found["properties"]["model"] and found["$schema"].startswith("https://json-schema.org/")
    code, out, err = run("schema", "-o", "seqnet.schema.json")
    assert (code, out) == (0, "") and "yaml-language-server: $schema=seqnet.schema.json" in err
    assert json.loads((tmp_path / "seqnet.schema.json").read_text()) == found


# -- init -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["classifier", "regressor", "image"])
def test_a_starter_file_is_fine_and_trains(template: str, run: Run, tmp_path: Path) -> None:
    out = good(run("init", "first", "--template", template))
    assert out == "seqnet check first.yaml\nseqnet train first.yaml\n"
    text = (tmp_path / "first.yaml").read_text()
    assert "{name}" not in text and "{file}" not in text and "seqnet train first.yaml" in text
    assert good(run("check", "first.yaml")).startswith("first.yaml is fine")
    trained = json.loads(good(run("train", "first.yaml", "--json", "-q", "-s", "training.epochs=2")))
    assert trained["run"] == "runs/first/1" and trained["test"]


def test_init_never_overwrites(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine")
    code, _, err = run("init", "mine")
    assert code == 2 and "--force" in err
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    good(run("init", "mine", "--force"))
    assert "model:" in (tmp_path / "mine.yaml").read_text()


def test_commands_are_shown_as_they_can_be_typed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "bin" / "seqnet"
    here.parent.mkdir()
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(here)])
    assert f"{here} train a.yaml\n" in good(run("init", "a"))  # as make train calls it
    monkeypatch.setenv("PATH", str(here.parent))
    assert "\nseqnet train b.yaml\n" in good(run("init", "b"))
    assert "Next     seqnet evaluate" in good(run("train", "moons.yaml"))


@pytest.mark.parametrize(
    ("name", "file", "called"),
    [
        ("a.yaml", "a.yaml", "a"),
        ("b.yml", "b.yml", "b"),
        ("sub/folder/c", "sub/folder/c.yaml", "c"),
        ("no", "no.yaml", "no"),
        ("7", "7.yaml", "7"),
        ("it's", "it's.yaml", "it's"),
        ("größe", "größe.yaml", "größe"),
    ],
)
def test_init_names(name: str, file: str, called: str, run: Run, tmp_path: Path) -> None:
    from seqnet.spec.run import load_spec

    good(run("init", name))
    assert load_spec(str(tmp_path / file)).name == called


@pytest.mark.parametrize("name", ["a:b", "x{y", ".hidden", " ", "a\nb"])
def test_init_refuses_odd_names(name: str, run: Run) -> None:
    code, _, err = run("init", name)
    assert code == 2 and "does not do as the name of a file" in err


def test_init_asks_only_on_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good(run("init"))
    assert (tmp_path / "model.yaml").exists()
    answers = iter(["asked", "regressor"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", lambda *_, **__: next(answers))
    good(run("init"))
    assert "diabetes" in (tmp_path / "asked.yaml").read_text()


# -- completion -------------------------------------------------------------------------------------------------------


def test_completion(run: Run) -> None:
    from click.shell_completion import ShellComplete

    good(run("train", "moons.yaml", "-q"))

    def complete(words: list[str], begun: str) -> list[str]:
        found = ShellComplete(app, {}, "seqnet", "_SEQNET_COMPLETE").get_completions(words, begun)
        return [item.value for item in found]

    assert complete([], "tr") == ["train"]
    assert complete(["data"], "in") == ["info"]
    assert complete(["describe"], "dens") == ["Dense"]
    assert complete(["evaluate"], "runs/") == ["runs/moons/1"]
    assert complete(["data", "info"], "moo") == ["moons"]
    assert complete(["init", "--template"], "im") == ["image"]
