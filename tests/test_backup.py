"""BackupAndRestore: a fit that is interrupted goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TensorBoard,
    Timer,
)
from seqnet.errors import CheckpointError, SpecError
from tests.event_reader import scalars

EPOCHS, STEPS = 6, 4


class Interrupt(Callback):
    """Raises, as a power cut would, after so many steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if not self.left:
            raise RuntimeError("interrupted")


def model(units: int = 5) -> seqnet.Sequential:
    made = seqnet.Sequential(
        [seqnet.Input((3,)), seqnet.layers.Dense(units), seqnet.layers.Dropout(0.3), seqnet.layers.Dense(1)], seed=1
    )
    made.compile(seqnet.optimizers.Adam(0.05, use_ema=True), "mse")
    return made


def fit(made: seqnet.Sequential, callbacks: list[Callback], epochs: int = EPOCHS, verbose: int = 0) -> Any:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    return made.fit(
        x, y, epochs=epochs, batch_size=8, verbose=verbose, validation_split=0.2, callbacks=callbacks
    ).history


def weights(made: seqnet.Sequential) -> list[bytes]:
    return [w.tobytes() for w in made.get_weights()]


def others(folder: Path) -> list[Callback]:
    """Callbacks that count and write."""
    return [
        EarlyStopping("val_loss", patience=50, restore_best_weights=True),
        ReduceLROnPlateau("loss", patience=1, min_delta=9, factor=0.9),
        SwapEMAWeights(),
        CSVLogger(folder / "log.csv"),
        TensorBoard(folder / "logs", update_freq=1),
        ModelCheckpoint(folder / "{epoch}.seqnet", save_freq=3),
        Timer(1000),
    ]


@pytest.mark.parametrize("freq", ["epoch", 1, 3])
@pytest.mark.parametrize("stop", [1, STEPS + 1, 2 * STEPS, 2 * STEPS + 3])
def test_an_interrupted_fit_goes_on_exactly(freq: Any, stop: int, tmp_path: Path) -> None:
    whole = model()
    history = fit(whole, others(tmp_path / "whole"))
    backup = tmp_path / "backup"
    with pytest.raises(RuntimeError):
        fit(model(), [*others(tmp_path / "part"), BackupAndRestore(backup, freq), Interrupt(stop)])
    assert backup.exists() == (stop > STEPS or freq == 1 and stop > 1 or freq != "epoch" and stop > freq)
    part = model()
    found = fit(part, [*others(tmp_path / "part"), BackupAndRestore(backup, freq)])
    assert weights(part) == weights(whole)
    count = len(found["loss"])  # of the epochs of this fit, as with Keras
    assert found == {name: values[-count:] for name, values in history.items()}
    assert count >= EPOCHS - (stop - 1) // STEPS
    assert not backup.exists()
    assert (tmp_path / "part" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()
    for side in ("train", "validation"):
        assert scalars(tmp_path / "part" / "logs" / side) == scalars(tmp_path / "whole" / "logs" / side)


def test_keras_s_example(tmp_path: Path) -> None:
    class InterruptingCallback(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 4:
                raise RuntimeError("Interrupting!")

    callback = BackupAndRestore(backup_dir=str(tmp_path / "backup"))
    made = seqnet.models.Sequential([seqnet.layers.Dense(10)])
    made.compile(seqnet.optimizers.SGD(0.001), loss="mse")
    made.build(input_shape=(None, 20))
    x, y = np.arange(100).reshape(5, 20) / 100, np.zeros((5, 10))
    with pytest.raises(RuntimeError):
        made.fit(x, y, epochs=10, batch_size=1, callbacks=[callback, InterruptingCallback()], verbose=0)
    history = made.fit(x, y, epochs=10, batch_size=1, callbacks=[callback], verbose=0)
    # Only 6 more epochs are run, since the first training got interrupted at zero-indexed epoch 4.
    assert len(history.history["loss"]) == 6 and history.epoch == [4, 5, 6, 7, 8, 9]


def test_a_users_callback_sees_the_epoch_begin(tmp_path: Path) -> None:
    seen: list[str] = []

    class Spy(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append("train")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(f"epoch {epoch}")

    halved = LearningRateScheduler(lambda epoch, rate: rate / 2)
    with pytest.raises(RuntimeError):
        fit(model(), [halved, BackupAndRestore(tmp_path, 1), Interrupt(STEPS + 2)])
    made = model()
    fit(made, [halved, BackupAndRestore(tmp_path, 1), Spy()], epochs=3)
    assert seen == ["train", "epoch 1", "epoch 2"]
    assert made.optimizer is not None and float(made.optimizer.learning_rate) == 0.05 / 2**3


def test_the_display_takes_up_in_the_middle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError):
        fit(model(), [BackupAndRestore(tmp_path, 1), Interrupt(STEPS + 2)])
    capsys.readouterr()
    fit(model(), [BackupAndRestore(tmp_path, 1)], epochs=3, verbose=2)
    said = "".join(capsys.readouterr())
    assert "Epoch 2/3" in said and "Epoch 3/3" in said and "Epoch 1/3" not in said


def test_generators_begin_the_epoch_anew(tmp_path: Path) -> None:
    def batches() -> Iterator[Any]:
        while True:
            yield np.ones((4, 3)), np.ones((4, 1))

    def train(*more: Callback) -> Any:
        made = model()
        return made.fit(
            batches(), steps_per_epoch=3, epochs=4, verbose=0, callbacks=[BackupAndRestore(tmp_path, 1), *more]
        )

    with pytest.raises(RuntimeError):
        train(Interrupt(5))
    assert train().epoch == [1, 2, 3]


def test_a_damaged_backup(tmp_path: Path) -> None:
    for double in (False, True):
        backup = tmp_path / str(double)
        with pytest.raises(RuntimeError):
            fit(model(), [BackupAndRestore(backup, double_checkpoint=double), Interrupt(3 * STEPS + 1)])
        (backup / "latest" / "state.json").write_text("{")
        if double:
            assert len(fit(model(), [BackupAndRestore(backup, double_checkpoint=True)])["loss"]) == EPOCHS - 2
            assert not backup.exists()
        else:
            with pytest.raises(CheckpointError, match=r"state.json is damaged: .*; delete .*latest to begin anew"):
                fit(model(), [BackupAndRestore(backup)])


def test_a_backup_of_other_layers(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fit(model(), [BackupAndRestore(tmp_path), Interrupt(STEPS + 1)])
    other = model(7)
    before = weights(other)
    with pytest.raises(CheckpointError, match=r"latest: weight .* has shape .*; delete it to begin anew"):
        fit(other, [BackupAndRestore(tmp_path)])
    assert weights(other) == before


def test_only_what_it_wrote_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    fit(model(), [BackupAndRestore(tmp_path)], epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    fit(model(), [BackupAndRestore(tmp_path, delete_checkpoint=False)], epochs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "mine"]
    assert fit(model(), [BackupAndRestore(tmp_path)], epochs=1) == {}  # it is complete
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_options() -> None:
    with pytest.raises(SpecError, match="backup_dir must name a folder, got ''"):
        BackupAndRestore("")
    with pytest.raises(SpecError, match="save_freq must be epoch or a whole number > 0, got false"):
        BackupAndRestore("x", save_freq=False)
