"""`seqnet find-lr`: what it finds, what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import importlib.util
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.declare import get
from seqnet.optimizers.base import Optimizer
from seqnet.registry import components
from seqnet.runs.find_lr import find_lr
from seqnet.runs.train import adapt_layers, training_rows
from seqnet.schedules import ExponentialDecay
from seqnet.spec.run import RunSpec, load_spec
from tests.commands import Run, good, runner
from tests.screens import Screen, on_terminal

CONFIGS = Path(__file__).parent.parent / "configs"
MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def report(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run("find-lr", *arguments, "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, err) == (0 if found["suggestion"] is not None else 1, "")
    return found


# -- what is tested --------------------------------------------------------------------------------------------------


def losses_of_training(spec: RunSpec, start: float, end: float, steps: int) -> list[float]:
    """Losses of a training as train would do it, with the schedule in the place of the file's."""
    data = spec.load_data()
    model = spec.build_model(data.input_shape)
    assert model.optimizer is not None
    model.optimizer.learning_rate = ExponentialDecay(start, decay_steps=steps - 1, decay_rate=end / start)
    rows = training_rows(spec, data)
    options = replace(spec.fit_options(), epochs=1 + steps // math.ceil(len(rows) / spec.training.batch_size))
    trainer = model.trainer(rows, options)
    adapt_layers(model, data.train.x)
    losses: list[float] = []
    step = trainer.compiled.train_batch
    trainer.compiled.train_batch = lambda x, y, w: losses.append(step(x, y, w)) or losses[-1]  # type: ignore[method-assign]
    trainer.fit(rows, None, options)
    return losses[:steps]


@pytest.mark.parametrize("shuffle", ["true", "false", "batch"])
def test_the_batches_are_those_of_a_run(shuffle: str, run: Run) -> None:
    """Six batches an epoch and 50 of them: the same rows in the same order as in training, to the last bit."""
    spec = load_spec("moons.yaml", [f"training.shuffle={shuffle}"])
    found = find_lr(spec, start=1e-4, end=0.1, steps=50)
    assert found["losses"] == losses_of_training(spec, 1e-4, 0.1, 50)
    np.testing.assert_allclose(found["rates"], np.geomspace(1e-4, 0.1, 50))
    assert len(found["smoothed"]) == 50 and found["stopped"] is None


def test_json_and_the_seed(run: Run, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = report(run, "moons.yaml")
    assert found == report(run, "moons.yaml")
    assert found["losses"] != report(run, "moons.yaml", "-s", "seed=1")["losses"]
    assert sorted(tmp_path.rglob("*")) == before  # no run folder, no file
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert {key: found[key] for key in ("name", "data", "rows", "batch_size", "optimizer", "current", "steps")} == {
        "name": "moons", "data": "moons", "rows": 64, "batch_size": 16, "optimizer": "Adam", "current": 0.001,
        "steps": 200,
    }  # fmt: skip
    assert found["override"] == f"optimizer.Adam.learning_rate={found['suggestion']:g}"


def test_class_weights_and_callbacks_of_the_file(run: Run) -> None:
    """Weights count as in training; callbacks do nothing here, though they would stop or slow a run."""
    callbacks = "callbacks=[{EarlyStopping: {monitor: loss, patience: 1}}, {ReduceLROnPlateau: {monitor: loss}}]"
    assert report(run, "moons.yaml", "-s", callbacks)["losses"] == report(run, "moons.yaml")["losses"]
    weighted = report(run, "moons.yaml", "-s", "training.class_weight={0: 3.0}")
    assert weighted["losses"] != report(run, "moons.yaml")["losses"]


@pytest.mark.parametrize("optimizer", sorted(cls.spec_name for cls in components("optimizer")))
def test_every_optimizer(optimizer: str, run: Run) -> None:
    found = report(run, "moons.yaml", "-s", f"optimizer={optimizer}", "--end", "1000")
    assert found["current"] == get(Optimizer, optimizer).learning_rate
    assert found["override"].startswith(f"optimizer.{optimizer}.learning_rate=")


# -- how to follow it ------------------------------------------------------------------------------------------------

FOLLOWED = [
    ("adam", "Adam.learning_rate", []),
    ("{adam: {beta_1: 0.8}}", "adam.learning_rate", []),
    ("{SGD: {learning_rate: 0.1, momentum: 0.9}}", "SGD.learning_rate", []),
    (
        "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0.01, decay_epochs: 5}}}}",
        "Adam.learning_rate.CosineDecay.initial_learning_rate",
        ["CosineDecay"],
    ),
    (
        "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0, decay_steps: 9, warmup_target: 0.01, "
        "warmup_steps: 3}}}}",
        "Adam.learning_rate.CosineDecay.warmup_target",
        ["CosineDecay"],
    ),
    (
        "{Adam: {learning_rate: {OneCycle: {max_learning_rate: 0.01, total_epochs: 5}}}}",
        "Adam.learning_rate.OneCycle.max_learning_rate",
        ["OneCycle"],
    ),
    (
        "{Adam: {learning_rate: {Warmup: {learning_rate: 0.01, warmup_epochs: 1}}}}",
        "Adam.learning_rate.Warmup.learning_rate",
        ["Warmup"],
    ),
    (
        "{Adam: {learning_rate: {Warmup: {warmup_epochs: 1, learning_rate: {ExponentialDecay: "
        "{initial_learning_rate: 0.01, decay_epochs: 1, decay_rate: 0.9}}}}}}",
        "Adam.learning_rate.Warmup.learning_rate.ExponentialDecay.initial_learning_rate",
        ["Warmup"],
    ),
    (
        "{Adam: {learning_rate: {PiecewiseConstantDecay: {boundaries: [9], values: [0.1, 0.01]}}}}",
        "Adam.learning_rate",
        ["PiecewiseConstantDecay"],
    ),
    ("{ScheduleFreeAdamW: {warmup_steps: 20}}", "ScheduleFreeAdamW.learning_rate", ["warmup_steps 20"]),
]


@pytest.mark.parametrize(("optimizer", "path", "set_aside"), FOLLOWED, ids=[p for _, p, _ in FOLLOWED])
def test_the_override_and_the_lines_for_the_file(
    optimizer: str, path: str, set_aside: list[str], run: Run, tmp_path: Path
) -> None:
    """A schedule is set aside, and gets its highest rate from the test; both ways mean the same file."""
    found = report(run, "moons.yaml", "-s", f"optimizer={optimizer}", "--end", "100")
    assert found["set_aside"] == set_aside
    assert found["override"] == f"optimizer.{path}={found['suggestion']:g}"
    now = load_spec("moons.yaml", [f"optimizer={optimizer}", found["override"]]).resolved()
    text = (tmp_path / "moons.yaml").read_text().replace("optimizer: adam", found["yaml"])
    (tmp_path / "other.yaml").write_text(text)
    assert load_spec("other.yaml").resolved() == now
    plain = load_spec("moons.yaml", [f"optimizer={optimizer}"]).resolved()
    assert now["optimizer"] != plain["optimizer"]


def test_a_schedule_does_not_change_the_test(run: Run) -> None:
    schedule = "optimizer={Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 9.0, decay_steps: 3}}}}"
    assert report(run, "moons.yaml", "-s", schedule)["losses"] == report(run, "moons.yaml")["losses"]
    out = good(run("find-lr", "moons.yaml", "-s", schedule))
    assert "CosineDecay, for the test alone" in out


# -- what is shown ---------------------------------------------------------------------------------------------------


def test_screen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run("find-lr", "moons.yaml", "-s", "training.batch_size=8")
    found = report(run, "moons.yaml", "-s", "training.batch_size=8")
    assert (code, err) == (0, "trying 200 learning rates on moons\n")
    assert "\x1b" not in out
    assert f"★ {found['suggestion']:.4g}, a tenth of the rate with the lowest loss" in out
    assert f"× {found['steepest']:.4g}, where the loss falls fastest" in out
    assert "Now            0.001" in out
    followed = f"seqnet train moons.yaml -s training.batch_size=8 -s {found['override']}"
    assert followed in out.splitlines()[-4] and out.splitlines()[-1].strip().startswith("Adam: {learning_rate: ")
    assert out.count("★") == 2 and out.count("×") == 2  # on the curve, and in front of what it stands for
    assert max(map(len, out.splitlines())) <= 100


def test_ascii(run: Run, tmp_path: Path) -> None:
    code, written = on_terminal("find-lr", "moons.yaml", cwd=tmp_path, columns=70, env={"LC_ALL": "C"})
    screen = Screen(70).feed(written)
    assert code == 0 and screen.text.isascii()
    assert "oooo" in screen.text and "* 0." in screen.text and "x 0." in screen.text


@pytest.mark.parametrize("columns", [30, 44, 80, 200])
def test_narrow_and_wide_terminals(columns: int, run: Run, tmp_path: Path) -> None:
    """Only the command to copy may run over the edge."""
    code, written = on_terminal("find-lr", "moons.yaml", cwd=tmp_path, columns=columns)
    screen = Screen(columns).feed(written)
    assert code == 0 and "└" in screen.text and "★" in screen.text
    assert screen.wrapped <= math.ceil(150 / columns)
    assert "batch " not in screen.text  # the line that was drawn over is gone


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--start", "1", "--end", "2"], "begin lower, with --start"),
        (["--end", "1e-6"], "try a higher --end"),
    ],
)
def test_no_suggestion(arguments: list[str], says: str, run: Run) -> None:
    """The run failed to find one: exit code 1, with the curve and the reason."""
    code, out, _ = run("find-lr", "moons.yaml", *arguments)
    assert code == 1 and says in " ".join(out.split()) and "ooo" in out and "Try it" not in out
    found = report(run, "moons.yaml", *arguments)
    assert found["suggestion"] is found["override"] is found["yaml"] is None and says in found["remark"]


def test_a_loss_that_is_lost_at_once(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "huge.npz", x=np.full((40, 2), 1e38, np.float32), y=np.zeros((40, 1), np.float32))
    text = "data: {npz: huge.npz}\nmodel: [{Dense: {units: 8}}, {Dense: {units: 1}}]\noptimizer: sgd\nloss: mse\n"
    (tmp_path / "huge.yaml").write_text(text)
    code, out, err = run("find-lr", "huge.yaml")
    assert code == 1 and out == "" and "the loss of the first batch is not a number" in err and "Traceback" not in err


WRONG: list[tuple[list[str], list[str]]] = [
    (["mons.yaml"], ["mons.yaml: error:", "did you mean moons.yaml?"]),
    ([], ["CONFIG"]),
    (["moons.yaml", "-s", "optimizer=null"], ["training needs optimizer"]),
    (["moons.yaml", "-s", "model.0.Dense.unit=3"], ["-s model.0.Dense.unit=3", "did you mean units?"]),
    (["moons.yaml", "-s", "model.1.Dense.units=1"], ["-s model.1.Dense.units=1: error:", "one output for each class"]),
    (["moons.yaml", "--start", "0"], ["--start"]),
    (["moons.yaml", "--start", "nan"], ["--start"]),
    (["moons.yaml", "--start", "1", "--end", "0.1"], ["--start must be below --end, got 1 and 0.1"]),
    (["moons.yaml", "--steps", "3"], ["--steps"]),
    (["moons.yaml", "--plot", "x.txt"], ["end it with .png or .svg"]),
    (["moons.yaml", "--plot", "no/x.png"], ["the folder no does not exist"]),
    (["moons.yaml", "--lr", "1"], ["-s optimizer.Adam.learning_rate=VALUE"]),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_input(arguments: list[str], said: list[str], run: Run) -> None:
    code, out, err = run("find-lr", *arguments)
    assert code == 2 and out == "" and "Traceback" not in err
    assert all(text in err for text in said), err


@pytest.mark.skipif(MATPLOTLIB, reason="matplotlib is here")
def test_a_plot_without_matplotlib(run: Run, tmp_path: Path) -> None:
    code, out, err = run("find-lr", "moons.yaml", "--plot", "x.png")
    assert (code, out) == (2, "") and "pip install 'seqnet[plot]'" in err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.skipif(not MATPLOTLIB, reason="needs matplotlib")
@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.SVG", b"<?xml")])
def test_plot(name: str, begins: bytes, run: Run, tmp_path: Path) -> None:
    code, _, err = run("find-lr", "moons.yaml", "--plot", name)
    assert code == 0 and f"the curve is in {name}" in err
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_interrupted(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends it after the batch, with nothing left."""
    import signal

    from seqnet.training.range_test import RangeTest

    add = RangeTest.add

    def interrupt(test: RangeTest, loss: float) -> None:
        add(test, loss)
        if len(test.losses) == 30:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RangeTest, "add", interrupt)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run("find-lr", "moons.yaml")
    assert code == 130 and out == "" and "interrupted" in err
    assert sorted(tmp_path.rglob("*")) == before


# -- does it train well? ---------------------------------------------------------------------------------------------


def loss_after_an_epoch(path: Path, overrides: list[str], rate: float) -> float:
    spec = load_spec(path, [*overrides, f"{overrides[-1].split('=')[0]}={rate}"])
    data = spec.load_data()
    model = spec.build_model(data.input_shape)
    adapt_layers(model, data.train.x)
    rows = training_rows(spec, data)
    model.fit(rows.x, rows.y, spec.training.batch_size, 1, 0)
    return float(model.evaluate(rows.x, rows.y, 256, 0, return_dict=True)["loss"])


@pytest.mark.parametrize(
    ("config", "rate"),
    [
        ("fashion_mlp.yaml", "optimizer.Adam.learning_rate"),
        ("fashion_mlp.yaml", "optimizer.SGD.learning_rate"),
        ("digits_transformer.yaml", "optimizer.Adam.learning_rate"),
        ("iris.yaml", "optimizer.Adam.learning_rate"),
        ("diabetes_regression.yaml", "optimizer.Adam.learning_rate"),
    ],
)
def test_the_suggestion_trains_well(config: str, rate: str) -> None:
    """On real data an epoch at the suggested rate ends lower than at ten times and at a thirtieth of it."""
    path, overrides = CONFIGS / config, [f"{rate}=0.001"]
    suggested = find_lr(load_spec(path, overrides))["suggestion"]
    loss, higher, lower = (loss_after_an_epoch(path, overrides, suggested * factor) for factor in (1, 10, 1 / 30))
    assert loss < higher and loss < lower
