"""NaN and infinity: what is said of them, what is kept, and the way back with half the learning rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.errors import TrainingError
from seqnet.models import Sequential
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import read_snapshot
from seqnet.training.compiled import Compiled, Diverged
from tests.test_runs import StopAt, content, run

# Diverges slowly with the rate 0.5, and learns with 1/16 of it.
ROLLS = """\
name: rolls
data: {dataset: {sine: {samples: 200}}, validation_split: 0.2}
model: [{Rescaling: {scale: 3.0}}, {Dense: {units: 16, activation: relu}}, {Dense: {units: 1}}]
optimizer: {SGD: {learning_rate: 0.5}}
loss: mse
training: {epochs: 4, batch_size: 4, on_nan: rollback}
"""
ROWS = """\
name: rows
data: {npz: rows.npz}
model: [{Dense: {units: 1, use_bias: false, kernel_initializer: {Constant: {value: %s}}}}]
optimizer: {SGD: {learning_rate: %s}}
loss: mse
training: {epochs: 3, batch_size: 4, shuffle: false}
"""


def write(folder: Path, text: str = ROLLS) -> Path:
    (folder / "killed.yaml").write_text(text)
    return folder / "killed.yaml"


def rows(folder: Path, values: dict[int, float], *, kernel: str = "1.0", rate: str = "0.01") -> Path:
    """A file whose ten rows hold 1, but for these."""
    x = np.ones((10, 1), np.float32)
    for row, value in values.items():
        x[row] = value
    np.savez(folder / "rows.npz", x=x, y=np.zeros((10, 1), np.float32))
    return write(folder, ROWS % (kernel, rate))


def failed(path: Path, *overrides: str) -> str:
    with pytest.raises(TrainingError) as caught:
        run(path, *overrides)
    assert caught.value.exit_code == 1
    return str(caught.value).replace(str(path.parent), ".")


def test_an_output_is_named_with_its_rows(tmp_path: Path) -> None:
    # 3e38 * 2 is infinite in float32; row 9 is the second of the third batch
    path = rows(tmp_path, {9: 3e38}, kernel="2.0", rate="1e-9")
    assert failed(path) == (
        "the run ended because its numbers are no longer finite\n"
        "  step 3 (epoch 1, batch 3 of 3): the output of layer dense is infinite in 1 of 2 rows of the batch, "
        "from inputs up to 3e+38 and weights up to 2; training row 9\n"
        "  kept: ./runs/rows/1/last has the state after step 0\n"
        "  to try: a learning rate below 1e-09; inputs that are scaled (they reach 3e+38): Normalization or Rescaling; "
        "clipnorm: 1.0 on the optimizer; -s training.on_nan=rollback, which halves the learning rate by itself"
    )
    summary = json.loads((tmp_path / "runs" / "rows" / "1" / "summary.json").read_text())
    assert summary["state"] == "failed"
    assert read_snapshot(tmp_path / "runs" / "rows" / "1" / "last").data["position"]["step"] == 0


def test_a_loss_is_named_with_its_rows(tmp_path: Path) -> None:
    # (1e25)^2 is infinite, 1e25 is not
    path = rows(tmp_path, {5: 1e25, 6: 1e25}, rate="1e-9")
    assert (
        "step 2 (epoch 1, batch 2 of 3): the loss is inf in 2 of 4 rows of the batch, with outputs up to 1e+25; "
        "training rows 5, 6\n"
    ) in failed(path)


def test_a_gradient_is_named(tmp_path: Path) -> None:
    """The loss is finite, 1e38 / 4; its gradient, 2 * 1e19 * 1e25 / 4, is not; it shows a step later."""
    message = failed(rows(tmp_path, {1: 1e25}, kernel="1.0e-6"))
    assert "step 1 (epoch 1, batch 1 of 3): the gradient of dense/kernel (1 of 1 numbers infinite)" in message
    assert "training rows 0, 1, 2, 3\n" in message


def test_weights_are_named(tmp_path: Path) -> None:
    """The gradient is 2 * 1e10 * 1e10 / 4, the rate makes it more than 3.4e38."""
    message = failed(rows(tmp_path, {2: 1e10}, rate="1e30"))
    assert (
        "step 1 (epoch 1, batch 1 of 3): the update, with the learning rate 1e+30, "
        "made the weights dense/kernel (1 of 1 numbers infinite); training rows 0, 1, 2, 3\n"
    ) in message


def test_the_last_update_of_an_epoch_is_looked_at(tmp_path: Path) -> None:
    """Weights that are not finite are never saved, and no validation is made with them."""
    path = rows(tmp_path, dict.fromkeys(range(9), 0.0) | {9: 1e10}, rate="1e30")
    assert "step 3 (epoch 1, batch 3 of 3): the update" in failed(path)
    weights = read_snapshot(tmp_path / "runs" / "rows" / "1" / "last").part("weights")
    assert all(np.isfinite(array).all() for array in weights.values())


def test_the_first_step_that_went_wrong_is_found_though_it_shows_later(tmp_path: Path) -> None:
    """The steps since the last checkpoint are made again: an epoch that was good is saved, and told of."""
    path = rows(tmp_path, {})
    good = run(path, "training.epochs=2")
    with pytest.raises(TrainingError) as caught:
        run(path, "optimizer.SGD.learning_rate=3e38", resume=str(good.folder))
    assert "kept: " in str(caught.value) and "last has the state after step 6, " in str(caught.value)
    assert "best the weights of epoch 2\n" in str(caught.value)
    state = content(good.folder)
    assert state["last.json"]["position"]["epoch"] == 2
    again = run(path, resume=str(good.folder))  # with the rate of before
    assert len(again.history["loss"]) == 3


def test_a_healthy_step_looks_at_its_loss_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [0]
    real = Compiled.require_finite

    def counted(self: Compiled, *args: Any) -> None:
        calls[0] += 1
        real(self, *args)

    monkeypatch.setattr(Compiled, "require_finite", counted)
    run(write(tmp_path), "training.on_nan=stop", "optimizer.SGD.learning_rate=0.01")
    assert calls[0] <= 2 * 4 + 1  # at the end of each of the 4 epochs of 32 steps, and when it is saved


def test_fit_goes_on_as_keras_does() -> None:
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.array([[1e30], [1.0]], np.float32)
    with np.errstate(all="ignore"):
        history = model.fit(x, x, epochs=2, verbose=0)
    assert not np.isfinite(history.history["loss"]).any()


# -- going back -------------------------------------------------------------------------------------------------------


def rolled(path: Path, *overrides: str, **options: Any) -> tuple[Any, list[str]]:
    notes: list[str] = []
    result = run(
        path, *overrides, on_event=lambda name, found: name == "note" and notes.append(found["text"]), **options
    )
    return result, notes


def test_a_rollback_halves_the_rate_until_it_is_low_enough(tmp_path: Path) -> None:
    result, notes = rolled(write(tmp_path))
    ends = [note.rpartition("\n  ")[2] for note in notes]
    assert ends == [
        "back to step 0, where epoch 1 began, and on with half the learning rate: "
        f"{0.5 / 2**number:.4g} (rollback {number} of 5)"
        for number in range(1, len(notes) + 1)
    ]
    assert 2 < len(notes) < 6
    assert notes[0].startswith("step 4 (epoch 1, batch 4 of 32): the loss is inf in 2 of 4 rows of the batch")
    lines = (result.folder / "metrics.csv").read_text().splitlines()
    assert [float(line.split(",")[-1]) for line in lines[1:]] == [0.5 / 2 ** len(notes)] * 4
    assert np.isfinite(result.history["loss"]).all() and len(result.history["loss"]) == 4


@pytest.mark.parametrize("stops", [[1], [3], [4, 7], [5, 33], [2, 3, 4, 40, 64]], ids=str)
def test_a_run_that_went_back_is_resumed_to_the_byte(stops: list[int], tmp_path: Path) -> None:
    path = write(tmp_path)
    whole, part = run(path), run(path, display=StopAt(stops[0]))
    for stop in [*stops[1:], -1]:
        run(path, resume=str(part.folder), display=StopAt(stop))
    assert content(part.folder) == content(whole.folder)


class Spoil(Callback):
    """Makes a weight NaN after a step, once."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, trainer: Any) -> None:
        if trainer.position.step == self.step:
            self.step = -1
            trainer.compiled.network.parameters.theta[3] = np.nan


GOOD = ("optimizer.SGD.learning_rate=0.04",)


@pytest.mark.parametrize(
    ("step", "begins"), [(33, 32), (64, 32), (65, 64), (70, 64)], ids=["first", "last", "next", "later"]
)
def test_it_goes_back_to_where_the_epoch_began(step: int, begins: int, tmp_path: Path) -> None:
    """Also after the last batch of an epoch, whose state is never taken for good."""
    result, notes = rolled(write(tmp_path), *GOOD, display=Spoil(step))
    assert len(notes) == 1 and f"back to step {begins}, where epoch {begins // 32 + 1} began" in notes[0]
    assert "the weights before it already were: dense/" in notes[0] or "made the weights dense/" in notes[0]
    lines = (result.folder / "metrics.csv").read_text().splitlines()
    rates = [float(line.split(",")[-1]) for line in lines[1:]]
    assert rates == [0.04] * (begins // 32) + [0.02] * (4 - begins // 32)


@pytest.mark.parametrize(
    ("overrides", "rates"),
    [
        (
            ("optimizer.SGD.learning_rate={PiecewiseConstantDecay: {boundaries: [64], values: [0.04, 0.01]}}",),
            [0.04, 0.02, 0.005, 0.005],  # as the first step of the next epoch has it
        ),
        (
            (*GOOD, "callbacks=[ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 9, factor: 0.5}]"),
            [0.04, 0.02, 0.01, 0.005],
        ),
        (
            (
                *GOOD,
                "callbacks=[LearningRateScheduler: "
                "{schedule: {PiecewiseConstantDecay: {boundaries: [1], values: [0.04, 0.01]}}}]",
            ),
            [0.04, 0.02, 0.005, 0.005],
        ),
    ],
    ids=["schedule", "plateau", "scheduler"],
)
def test_half_the_rate_whatever_decides_it(overrides: tuple[str, ...], rates: list[float], tmp_path: Path) -> None:
    result, notes = rolled(write(tmp_path), *overrides, display=Spoil(40))
    assert len(notes) == 1
    lines = (result.folder / "metrics.csv").read_text().splitlines()
    found = [float(line.split(",")[lines[0].split(",").index("learning_rate")]) for line in lines[1:]]
    assert found == pytest.approx(rates, rel=1e-6)


def test_it_gives_up_after_five(tmp_path: Path) -> None:
    message = failed(write(tmp_path), "optimizer.SGD.learning_rate=1e30")
    assert "\n  it happened again after 5 rollbacks\n" in message
    assert "on_nan=rollback" not in message and "a learning rate below 3.125e+28" in message


def test_a_run_that_was_stopped_goes_on_with_another_rate_or_by_going_back(tmp_path: Path) -> None:
    path = write(tmp_path)
    for name, override in (("a", "optimizer.SGD.learning_rate=0.01"), ("b", "training.on_nan=rollback")):
        with pytest.raises(TrainingError):
            run(path, f"name={name}", "training.on_nan=stop")
        again = run(path, f"name={name}", "training.on_nan=stop", override, resume=True)
        assert len(again.history["loss"]) == 4 and np.isfinite(again.history["loss"]).all()


def test_diverged_says_what_and_where() -> None:
    assert str(Diverged("loss", "nan")) == "the loss is nan"
    assert str(Diverged("weights", "dense/kernel (1 of 2 numbers NaN)")) == (
        "the weights of dense/kernel (1 of 2 numbers NaN)"
    )
