"""Checkpoints: nothing that is cut off, damaged or full loses the one before; a resumed run is the same to the byte."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.errors import CheckpointError
from seqnet.models import Sequential
from seqnet.registry import components
from seqnet.training import checkpoint
from seqnet.training.callbacks import Callback, EarlyStopping
from seqnet.training.checkpoint import Snapshot, read_snapshot, write_snapshot
from seqnet.training.state import put_state, take_state
from seqnet.training.trainer import FitOptions, Rows
from tests import cases_schedules


def snapshot(number: int) -> Snapshot:
    return Snapshot(
        {"a/x": np.full(5, number, np.float32), "b": np.arange(3)}, {"number": number, "list": [1, 2.5, None]}
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "last", snapshot(7))
    found = read_snapshot(tmp_path / "last")
    assert found.data == {"number": 7, "list": [1, 2.5, None]}
    assert found.part("a")["x"].tolist() == [7.0] * 5
    assert found.arrays["b"].dtype == np.int64


def test_a_new_checkpoint_replaces_the_old_one_and_leaves_two_files(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_snapshot(tmp_path, snapshot(number))
    assert read_snapshot(tmp_path).data["number"] == 3
    assert len(list(tmp_path.iterdir())) == 2


class PowerCut(BaseException):
    """The machine stops here."""


SYSTEM_CALLS = ("open", "fsync", "replace", "unlink")


def cut_after(calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first `calls` system calls of the writer through and stop at the next one."""
    left = [calls]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(checkpoint.os, "fsync", counted(os.fsync))
    monkeypatch.setattr(checkpoint.os, "replace", counted(os.replace))
    monkeypatch.setattr(checkpoint, "open", counted(open), raising=False)
    monkeypatch.setattr(checkpoint.Path, "unlink", counted(Path.unlink))


@pytest.mark.parametrize("calls", range(12))
def test_every_prefix_of_the_writers_system_calls_leaves_a_loadable_state(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_snapshot(tmp_path, snapshot(1))
    with monkeypatch.context() as patch:
        cut_after(calls, patch)
        try:
            write_snapshot(tmp_path, snapshot(2))
            finished = True
        except PowerCut:
            finished = False
    found = read_snapshot(tmp_path).data["number"]
    assert found in ((2,) if finished else (1, 2))
    write_snapshot(tmp_path, snapshot(3))  # and the next one works, and tidies up
    assert read_snapshot(tmp_path).data["number"] == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_keeps_the_older_checkpoint_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_snapshot(tmp_path, snapshot(1))

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full)
        with pytest.raises(CheckpointError, match="can't write the checkpoint .*: No space left on device"):
            write_snapshot(tmp_path, snapshot(2))
    assert read_snapshot(tmp_path).data["number"] == 1
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder, arrays: (folder / "state.json").unlink(), "there is no checkpoint in"),
        (lambda folder, arrays: (folder / "state.json").write_text("{"), "state.json is damaged"),
        (lambda folder, arrays: (folder / "state.json").write_text("[]"), "state.json is damaged"),
        (lambda folder, arrays: (folder / "state.json").write_text("{}"), "state.json is damaged"),
        (lambda folder, arrays: arrays.write_bytes(arrays.read_bytes()[:-1]), "its checksum does not match"),
        (lambda folder, arrays: arrays.write_bytes(b""), "its checksum does not match"),
        (lambda folder, arrays: arrays.unlink(), "can't read .*arrays"),
        (
            lambda folder, arrays: (folder / "state.json").write_text(
                json.dumps({**json.loads((folder / "state.json").read_text()), "format": 99})
            ),
            "has checkpoint format 99; this seqnet reads format 1",
        ),
    ],
)
def test_damage_is_told_apart(damage: Callable[[Path, Path], None], message: str, tmp_path: Path) -> None:
    write_snapshot(tmp_path, snapshot(1))
    damage(tmp_path, next(tmp_path.glob("*.safetensors")))
    with pytest.raises(CheckpointError, match=message):
        read_snapshot(tmp_path)


# -- resuming --------------------------------------------------------------------------------------------------------


class StopAt(Callback):
    """Interrupts the run after a number of steps, as a signal would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, trainer: Any) -> None:
        trainer.interrupted = trainer.interrupted or trainer.position.step == self.step


def run(
    stops: list[int], options: FitOptions, tmp_path: Path, optimizer: Any
) -> tuple[bytes, dict[str, list[float]], Any]:
    """Train, interrupted at every step of `stops` and resumed in a new process's stead: a new model each time."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(70, 4)).astype(np.float32), rng.integers(0, 3, 70)
    rows, validation = Rows(x[:50], y[:50]), Rows(x[50:], y[50:])
    for attempt, stop in enumerate([*stops, -1]):
        model = Sequential(
            [
                layers.Input((4,)),
                layers.Dense(16, activation="relu"),
                layers.Dropout(0.4),
                layers.Dense(3, activation="softmax"),
            ],
            seed=5,
        )
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], threads=1)
        watching = EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
        trainer = model.trainer(rows, options)
        callbacks = model.prepare_callbacks([watching, StopAt(stop)], trainer, rows, validation, options, 0)
        if attempt:
            put_state(trainer, [watching], read_snapshot(tmp_path / "last"))
        history = trainer.fit(rows, validation, options, callbacks)
        if trainer.interrupted:
            write_snapshot(tmp_path / "last", take_state(trainer, [watching]))
    return b"".join(w.tobytes() for w in model.get_weights()), history.history, watching.state()


OPTIMIZERS = [
    "adam",
    {"SGD": {"learning_rate": 0.05, "momentum": 0.9}},
    {"RMSprop": {"learning_rate": 0.01, "momentum": 0.5, "centered": True}},
    {"AdamW": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.02, "decay_steps": 40}}}},
    {"Adam": {"learning_rate": 0.02, "use_ema": True, "ema_overwrite_frequency": 3}},
    {"Adam": {"learning_rate": 0.02, "gradient_accumulation_steps": 4}},
]


@pytest.mark.parametrize(
    "optimizer", OPTIMIZERS, ids=lambda o: o if isinstance(o, str) else str(list(o.values())[0])[:40]
)
@pytest.mark.parametrize("stops", [[1], [7], [13, 14], [3, 20, 21, 33]], ids=str)
def test_an_interrupted_run_ends_in_the_same_bytes(stops: list[int], optimizer: Any, tmp_path: Path) -> None:
    options = FitOptions(epochs=6, batch_size=8)
    assert run(stops, options, tmp_path, optimizer) == run([], options, tmp_path, optimizer)


@pytest.mark.parametrize(
    "options",
    [
        FitOptions(epochs=5, batch_size=8, steps_per_epoch=3),  # an epoch ends inside a pass over the data
        FitOptions(epochs=4, batch_size=8, shuffle=False),
        FitOptions(epochs=4, batch_size=8, shuffle="batch"),
        FitOptions(epochs=6, batch_size=8, initial_epoch=2, validation_freq=2),
    ],
    ids=["steps_per_epoch", "in_order", "shuffled_in_batches", "initial_epoch"],
)
def test_resuming_follows_the_options_of_fit(options: FitOptions, tmp_path: Path) -> None:
    for stops in ([1], [3], [7, 8]):
        assert run(stops, options, tmp_path, "adam") == run([], options, tmp_path, "adam")


EVERY = sorted({cls.spec_name for cls in components("optimizer")})
RATES = [{row.name: row.options} for row in {row.name: row for row in cases_schedules.ROWS}.values()]
RATES += [{"Warmup": {"warmup_steps": 5, "learning_rate": 0.1}}]


@pytest.mark.parametrize("name", EVERY)
def test_every_optimizer_is_resumed(name: str, tmp_path: Path) -> None:
    options = FitOptions(epochs=3, batch_size=8)
    assert run([2, 9, 16], options, tmp_path, {name: {}}) == run([], options, tmp_path, {name: {}})


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: next(iter(rate)))
def test_every_schedule_is_resumed(rate: dict[str, Any], tmp_path: Path) -> None:
    options = FitOptions(epochs=3, batch_size=8)
    optimizer = {"SGD": {"learning_rate": rate, "momentum": 0.9}}
    assert run([2, 9, 16], options, tmp_path, optimizer) == run([], options, tmp_path, optimizer)


def test_every_schedule_is_among_them() -> None:
    assert {next(iter(rate)) for rate in RATES} == {cls.spec_name for cls in components("schedule")}


def test_states_of_recurrent_layers_are_told_apart_by_name() -> None:
    """Files give arrays in any order: h and c of an LSTM once changed places that way."""
    model = Sequential([layers.Input((4, 2)), layers.LSTM(3, stateful=True)])
    model.predict(np.ones((2, 4, 2), np.float32), batch_size=2, verbose=0)
    carried = model.network.parameters.carried()
    before = [state.tobytes() for state in model.layers[-1].states]
    model.network.parameters.set_carried(dict(reversed(carried.items())))
    assert [state.tobytes() for state in model.layers[-1].states] == before and len(set(before)) == 2


def test_two_folders_share_a_file_of_arrays_where_the_disk_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    saved = Snapshot({"a": np.arange(5.0)}, {"number": 1})
    for linked in (True, False):
        best, last = tmp_path / f"{linked}" / "best", tmp_path / f"{linked}" / "last"
        if not linked:
            monkeypatch.setattr(os, "link", refused)
        write_snapshot(best, saved, last)
        write_snapshot(last, Snapshot({"a": np.zeros(2)}, {"number": 2}))  # which leaves the other alone
        write_snapshot(best, saved, last)
        for folder in (best, last):
            found = read_snapshot(folder)
            assert found.data["number"] == 1
            np.testing.assert_array_equal(found.arrays["a"], np.arange(5.0))
        files = [next(folder.glob("*.safetensors")) for folder in (best, last)]
        assert files[0].samefile(files[1]) is linked
