"""Callbacks: what they decide from a history that is played to them, and that a resumed run decides the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
    Timer,
)
from seqnet.errors import SpecError, TrainingError, UsageError
from tests.reference import load_reference

# Watched values played to the callbacks; the answers in tests/reference/callbacks.npz are Keras's (make_callbacks.py).
VALUES = [1.0, 0.8, 0.79, 0.795, 0.81, 0.7, 0.71, 0.72, 0.73, 0.6999, 0.74, 0.75, 0.76, 0.77, 0.5, 0.51, 0.52, 0.53]

PLATEAUS: dict[str, dict[str, Any]] = {
    "patience_2": {"patience": 2},
    "patience_0": {"patience": 0},
    "cooldown_2": {"patience": 1, "cooldown": 2, "factor": 0.5},
    "min_delta": {"patience": 2, "min_delta": 0.05},
    "min_lr": {"patience": 1, "min_lr": 0.004, "factor": 0.5},
    "max": {"patience": 2, "mode": "max"},
}
STOPPINGS: dict[str, dict[str, Any]] = {
    "patience_0": {},
    "patience_2": {"patience": 2},
    "patience_3": {"patience": 3},
    "min_delta": {"patience": 2, "min_delta": 0.05},
    "baseline": {"patience": 4, "baseline": 0.6},
    "start_from": {"patience": 1, "start_from_epoch": 6},
    "max": {"patience": 3, "mode": "max"},
}


class FakeModel:
    """As much of a model as the callbacks touch."""

    def __init__(self, optimizer: Any = None) -> None:
        self.stop_training = False
        self.optimizer = optimizer
        self.weights = [np.zeros(1)]

    def get_weights(self) -> list[np.ndarray]:
        return [w.copy() for w in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = [w.copy() for w in weights]


def play(callback: Any, model: FakeModel, values: list[float], start: int = 0) -> int:
    """Epochs played before the callback stops the run."""
    for epoch, value in enumerate(values, start):
        model.weights = [np.array([float(epoch)])]
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            return epoch + 1
    return start + len(values)


def begin(callback: Any, model: FakeModel) -> None:
    callback.set_model(model)
    callback.on_train_begin()


@pytest.mark.parametrize("name", STOPPINGS)
def test_early_stopping_stops_where_keras_does(name: str) -> None:
    callback, model = EarlyStopping(**STOPPINGS[name], restore_best_weights=True), FakeModel()
    begin(callback, model)
    stopped = play(callback, model, VALUES)
    callback.on_train_end()
    reference = load_reference("callbacks")
    assert stopped == int(reference[f"stopping/{name}/epochs"])
    assert model.weights[0][0] == reference[f"stopping/{name}/weight"][0]


def test_a_nan_never_is_the_best() -> None:
    callback, model = EarlyStopping(patience=3), FakeModel()
    begin(callback, model)
    play(callback, model, [float("nan"), 1.0, 0.9])
    assert callback.best == 0.9 and callback.wait == 0


@pytest.mark.parametrize("name", PLATEAUS)
def test_the_rate_falls_where_keras_lowers_it(name: str) -> None:
    callback, model = ReduceLROnPlateau(**PLATEAUS[name]), FakeModel(seqnet.optimizers.SGD(0.01))
    begin(callback, model)
    rates = []
    for epoch, value in enumerate(VALUES):
        logs = {"val_loss": value}
        callback.on_epoch_end(epoch, logs)
        rates.append(model.optimizer.learning_rate)
        assert "learning_rate" in logs
    np.testing.assert_allclose(rates, load_reference("callbacks")[f"plateau/{name}"], rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [lambda: ReduceLROnPlateau(patience=2, cooldown=1), lambda: EarlyStopping(patience=3)],
    ids=["plateau", "stop"],
)
@pytest.mark.parametrize("cut", range(1, 12))
def test_a_resumed_run_decides_the_same(make: Any, cut: int) -> None:
    def run(parts: list[list[float]]) -> tuple[float, int, Any]:
        model, state, done = FakeModel(seqnet.optimizers.SGD(0.01)), None, 0
        for part in parts:
            callback = make()
            begin(callback, model)
            if state is not None:
                callback.load_state(state)
            if not model.stop_training:
                done = play(callback, model, part, done)
            state = callback.state()
        return model.optimizer.learning_rate, done, state

    assert run([VALUES[:cut], VALUES[cut:]]) == run([VALUES])


def test_a_named_schedule_sets_the_rate_of_each_epoch() -> None:
    spec = {"ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 1, "decay_rate": 0.5}}
    callback, model = LearningRateScheduler(spec), FakeModel(seqnet.optimizers.SGD(1.0))
    begin(callback, model)
    rates = []
    for epoch in range(4):
        callback.on_epoch_begin(epoch)
        rates.append(model.optimizer.learning_rate)
    assert rates == pytest.approx([0.1, 0.05, 0.025, 0.0125])


@pytest.mark.parametrize(
    "function", [lambda epoch, rate: rate / 2, lambda epoch: 0.5 ** (epoch + 1)], ids=["two", "one"]
)
def test_a_function_may_be_the_schedule(function: Any) -> None:
    callback, model = LearningRateScheduler(function), FakeModel(seqnet.optimizers.SGD(1.0))
    begin(callback, model)
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
    logs: dict[str, Any] = {}
    callback.on_epoch_end(2, logs)
    assert logs == {"learning_rate": 0.125}


def test_a_schedule_that_gives_no_number_is_told() -> None:
    callback = LearningRateScheduler(lambda epoch, rate: "slow")
    begin(callback, FakeModel(seqnet.optimizers.SGD(1.0)))
    with pytest.raises(UsageError, match="must give a number, got 'slow'"):
        callback.on_epoch_begin(0)


@pytest.mark.parametrize("make", [ReduceLROnPlateau, lambda: LearningRateScheduler(lambda epoch: 0.1)])
def test_two_can_not_set_the_rate(make: Any) -> None:
    rate = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10}}
    with pytest.raises(UsageError, match="schedule CosineDecay decides it"):
        begin(make(), FakeModel(seqnet.optimizers.SGD(rate)))


def fit(callbacks: list[Callback], epochs: int = 3) -> tuple[seqnet.Sequential, dict[str, list[float]]]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=(40, 1)).astype(np.float32)
    model = seqnet.Sequential([seqnet.Input((3,)), seqnet.layers.Dense(1)], seed=1)
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=epochs, batch_size=8, verbose=0, callbacks=callbacks, validation_split=0.2)
    return model, history.history


def test_a_users_callback_sees_the_hooks_in_order() -> None:
    seen: list[str] = []

    class Spy(seqnet.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append("train_begin")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(f"epoch_begin {epoch}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(f"batch {batch} {sorted(logs)}")
            self.model.stop_training = batch == 1

        def on_test_end(self, logs: Any = None) -> None:
            seen.append(f"test {sorted(logs)}")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(f"epoch_end {epoch}")
            logs["mine"] = 7.0

        def on_train_end(self, logs: Any = None) -> None:
            seen.append("train_end")

    _, history = fit([Spy()])
    # stopping inside an epoch still ends it, with its validation, as in Keras
    assert seen == [
        "train_begin",
        "epoch_begin 0",
        "batch 0 ['loss']",
        "batch 1 ['loss']",
        "test ['loss']",
        "epoch_end 0",
        "train_end",
    ]
    assert history["mine"] == [7.0]


def test_functions_may_be_given_instead_of_a_class() -> None:
    losses: list[float] = []
    _, history = fit([LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))])
    assert losses == history["loss"]
    with pytest.raises(UsageError, match="has no hook 'on_epoch'"):
        LambdaCallback(on_epoch=print)


def test_functions_are_called_for_every_batch() -> None:
    seen: list[Any] = []
    fit(
        [
            LambdaCallback(
                None,
                None,
                lambda logs: seen.append("begin"),
                on_train_batch_begin=lambda batch, logs: seen.append(batch),
                on_batch_end=lambda batch, logs: seen.append(sorted(logs)),
                on_train_end=None,
            )
        ]
    )
    assert seen[:3] == ["begin", 0, ["loss"]] and seen[-1] == ["loss"]
    with pytest.raises(UsageError, match="on_epoch_end must be a function, got 3"):
        LambdaCallback(on_epoch_end=3)  # type: ignore[arg-type]


def test_the_older_names_of_the_batch_hooks() -> None:
    class Old(Callback):
        seen: list[Any] = []

        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(sorted(logs))

    fit([Old()])
    assert Old.seen[:2] == [0, ["loss"]]


def test_the_timer_ends_the_run() -> None:
    _, history = fit([Timer(1e-9)], epochs=5)
    assert len(history["loss"]) == 1
    _, history = fit([Timer(1000)], epochs=5)
    assert len(history["loss"]) == 5


def test_the_timer_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("seqnet.training.pacing.time.perf_counter", lambda: clock[0])
    first, second, model = Timer(10), Timer(10), FakeModel()
    begin(first, model)
    clock[0] += 7
    state = first.state()
    assert state == {"elapsed": 7.0}
    clock[0] = 5000.0  # another process, another clock
    begin(second, model)
    second.load_state(state)
    for seconds, stopped in ((2.9, False), (0.2, True)):
        clock[0] += seconds
        second.after_step(None)
        assert model.stop_training == stopped


def test_csv_logger_writes_a_row_an_epoch(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    _, history = fit([CSVLogger(str(file))])
    lines = file.read_text().splitlines()
    assert lines[0] == "epoch,loss,val_loss" and len(lines) == 4
    assert float(lines[2].split(",")[2]) == history["val_loss"][1]
    fit([CSVLogger(str(file), append=True)], epochs=1)
    lines = file.read_text().splitlines()
    assert len(lines) == 5 and lines.count("epoch,loss,val_loss") == 1


def test_model_checkpoint_saves_what_can_be_loaded(tmp_path: Path) -> None:
    model, history = fit([ModelCheckpoint(str(tmp_path / "{epoch:02d}-{val_loss:.3f}.seqnet"))])
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [f"{i + 1:02d}-{value:.3f}.seqnet" for i, value in enumerate(history["val_loss"])]
    loaded = seqnet.load_model(tmp_path / names[-1])
    assert [w.tobytes() for w in loaded.get_weights()] == [w.tobytes() for w in model.get_weights()]


def test_model_checkpoint_keeps_only_the_best(tmp_path: Path) -> None:
    callback, model = ModelCheckpoint("best", save_best_only=True), FakeModel()
    saved: list[str] = []
    model.save = saved.append  # type: ignore[attr-defined]
    begin(callback, model)
    play(callback, model, [1.0, 0.5, 0.7, 0.4])
    assert len(saved) == 3


def test_a_name_that_is_not_logged_is_told_before_training() -> None:
    with pytest.raises(SpecError, match="no value named 'val_los' will be logged.*did you mean val_loss"):
        fit([EarlyStopping(monitor="val_los")])
    with pytest.raises(UsageError, match="can't fill in"):
        fit([ModelCheckpoint("{val_acc:.2f}.seqnet")])


@pytest.mark.parametrize(
    "make",
    [
        EarlyStopping,
        lambda monitor, **options: ModelCheckpoint("best", monitor, save_best_only=True, **options),
        ReduceLROnPlateau,
    ],
    ids=["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau"],
)
def test_monitors_are_checked_before_training(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that will not be there, a direction that is not known, several values: nothing is trained then."""
    monkeypatch.chdir(tmp_path)
    x, y = np.ones((8, 3), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1]]
    model = seqnet.Sequential([seqnet.Input((3,)), seqnet.layers.Dense(3, activation="softmax")], seed=1)
    several = seqnet.metrics.F1Score(name="f1")
    model.compile("sgd", "categorical_crossentropy", metrics=["TruePositives", several, "accuracy"])
    begun: list[str] = []

    class Mine(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            begun.append("training")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["mine"] = 1.0 - epoch

    def fit(callback: Any, *others: Callback, **options: Any) -> Any:
        return model.fit(x, y, epochs=2, verbose=0, callbacks=[*others, callback], **options)

    wrong = {
        "acuracy": "no value named 'acuracy' will be logged .*did you mean accuracy",
        "val_loss": "no value named 'val_loss' will be logged .*there is no validation part",
        "TruePositives": "is a higher or a lower TruePositives better.*set mode",
        "f1": "f1 has several values an epoch.*monitor a single number",
    }
    for monitor, message in wrong.items():
        with pytest.raises(SpecError, match=message):
            fit(make(monitor=monitor))
    with pytest.raises(SpecError, match="validation_freq within the epochs"):
        fit(make(monitor="val_loss"), validation_split=0.5, validation_freq=3)
    # what a callback of one's own logs can't be known beforehand, but which way is better must be
    for monitor in ("TruePositives", "mine", "f1"):
        with pytest.raises(SpecError):
            fit(make(monitor=monitor), Mine())
    assert begun == []
    fit(make(monitor="mine", mode="min"), Mine())
    with pytest.warns(UserWarning, match="no value named 'other' was logged, only "):
        fit(make(monitor="other", mode="min"), Mine())
    with pytest.warns(UserWarning, match="no value named 'val_loss' was logged, only "):
        fit(make(monitor="val_loss"), Mine())
    assert begun == ["training"] * 3


def test_paths_may_be_paths(tmp_path: Path) -> None:
    fit([CSVLogger(tmp_path / "log.csv"), ModelCheckpoint(tmp_path / "{epoch}.seqnet")], epochs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.seqnet", "log.csv"]
    with pytest.raises(SpecError, match="filename must be a path, got 3"):
        CSVLogger(3)


def test_a_loss_that_is_not_a_number_ends_the_run() -> None:
    model = seqnet.Sequential([seqnet.Input((3,)), seqnet.layers.Dense(1)], seed=1)
    model.compile({"SGD": {"learning_rate": 1e30}}, "mse")
    x, y = np.ones((40, 3), np.float32), np.ones((40, 1), np.float32)
    history = model.fit(x, y, epochs=5, verbose=0, callbacks=[TerminateOnNaN()])
    assert len(history.history["loss"]) == 1
    with pytest.raises(TrainingError, match="the loss is"):
        model.fit(x, y, epochs=5, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])
