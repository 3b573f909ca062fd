"""Run folders: what is in them, that nothing is lost when a run is cut off, and that going on changes no byte."""

from __future__ import annotations

import csv
import errno
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqnet.errors import CheckpointError, DataError, SeqnetError, SpecError, TrainingError, UsageError
from seqnet.runs.evaluate import evaluate
from seqnet.runs.folder import create_run, find_run, latest_run, list_runs
from seqnet.runs.predict import predict, write_predictions
from seqnet.runs.train import RunResult, train
from seqnet.spec.check import check_file
from seqnet.spec.run import load_spec
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import read_snapshot
from tests.event_reader import events
from tests.file_server import fill_cache

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
FILES = {"best", "last", "metrics.csv", "metrics.jsonl", "resolved.yaml", "spec.yaml", "splits.npz", "summary.json"}

# Everything that has a state: dropout, batch statistics, data order, momentum, callbacks that count and write.
TEXT = """\
name: flowers
seed: 3
data: {dataset: iris, validation_split: 0.2}
model:
  - Normalization
  - Dense: {units: 8, activation: relu}
  - BatchNormalization
  - Dropout: {rate: 0.3}
  - Dense: {units: 3, activation: softmax}
optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.02, decay_steps: 5, decay_rate: 0.9}}}}
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 4, batch_size: 16}
callbacks:
  - EarlyStopping: {monitor: val_accuracy, patience: 9, restore_best_weights: true}
  - CSVLogger: {filename: log.csv}
  - ModelCheckpoint: {filepath: 'epoch-{epoch}.seqnet', monitor: val_loss, save_best_only: true}
"""
STEPS = 6  # batches of 16 in the 96 training rows
PLAIN = TEXT[: TEXT.index("callbacks:")]


def write(folder: Path, text: str = TEXT, name: str = "flowers.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path, *overrides: str, **options: Any) -> RunResult:
    return train(load_spec(path, overrides), runs=path.parent / "runs", threads=1, **options)


def content(folder: Path) -> dict[str, Any]:
    """Everything in a run folder that must not depend on how often it was interrupted."""
    found: dict[str, Any] = {}
    for which in ("best", "last"):
        snapshot = read_snapshot(folder / which)
        found[which] = {name: (array.dtype, array.tobytes()) for name, array in snapshot.arrays.items()}
        for callback in snapshot.data["callbacks"]:
            for told_by_clock in ("seconds", "elapsed", "files"):
                callback["state"].pop(told_by_clock, None)
        found[f"{which}.json"] = snapshot.data
    for name in ("metrics.csv", "metrics.jsonl", "log.csv"):
        found[name] = (folder / name).read_text() if (folder / name).exists() else None
    summary = json.loads((folder / "summary.json").read_text())
    found["summary"] = {key: value for key, value in summary.items() if key not in ("seconds", "started")}
    found["events"] = {part: events(folder / "board" / part) for part in ("train", "validation")}
    found["models"] = {path.name: path.read_bytes() for path in folder.glob("*.seqnet")}
    return found


def no_constants(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")


class StopAt(Callback):
    """Interrupts the run after a number of steps, as Ctrl-C would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, trainer: Any) -> None:
        trainer.interrupted = trainer.interrupted or trainer.position.step == self.step


# -- what a run folder holds ------------------------------------------------------------------------------------------


def test_a_run_folder_holds_exactly_this(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    result = run(path, "training.epochs=3")
    folder = tmp_path / "runs" / "flowers" / "1"
    assert result.folder == folder
    assert {p.name for p in folder.iterdir()} == FILES
    assert (folder / "spec.yaml").read_text() == PLAIN
    for which in ("best", "last"):
        assert sorted(p.suffix for p in (folder / which).iterdir()) == [".json", ".safetensors"]
    resolved = load_spec(folder / "resolved.yaml")
    assert resolved.resolved() == load_spec(path, ["training.epochs=3"]).resolved()
    assert resolved.training.epochs == 3


def test_metrics_have_one_row_an_epoch_and_stable_columns(tmp_path: Path) -> None:
    result = run(write(tmp_path, PLAIN), "training.validation_freq=2")
    with open(result.folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (result.folder / "metrics.jsonl").read_text().splitlines()]
    columns = ["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]
    assert [list(row) for row in rows] == [columns] * 4
    assert [list(line) for line in lines] == [columns] * 4
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["val_loss"] == "" for row in rows] == [True, False, True, False]
    assert [line["val_loss"] is None for line in lines] == [True, False, True, False]
    # Every digit is there: the text reads back as the number that was logged.
    assert [float(row["loss"]) for row in rows] == result.history["loss"] == [line["loss"] for line in lines]
    assert [float(row["val_loss"]) for row in rows if row["val_loss"]] == result.history["val_loss"]


def test_the_summary_says_what_the_run_came_to(tmp_path: Path) -> None:
    result = run(write(tmp_path, PLAIN))
    summary = json.loads((result.folder / "summary.json").read_text(), parse_constant=no_constants)
    assert summary == json.loads(json.dumps(result.summary))
    assert summary["state"] == "finished"
    assert summary["final"] == {name: values[-1] for name, values in result.history.items()}
    best = min(range(4), key=lambda epoch: result.history["val_loss"][epoch])
    assert summary["best"] == {
        "epoch": best + 1,
        "monitor": "val_loss",
        **{name: values[best] for name, values in result.history.items()},
    }
    assert summary["test"].keys() == {"loss", "accuracy"}
    assert summary["epochs"] == len(summary["seconds"]["epochs"]) == 4
    assert summary["seconds"]["total"] >= sum(summary["seconds"]["epochs"]) > 0
    assert summary["planned_epochs"] == 4 and summary["monitor"] == {"name": "val_loss", "mode": "min"}
    ways = {"loss": "min", "accuracy": "max"}
    assert summary["directions"] == {**ways, **{f"val_{name}": way for name, way in ways.items()}}
    assert abs(datetime.now(UTC) - datetime.fromisoformat(summary["started"])) < timedelta(minutes=10)
    assert "process" not in summary
    assert summary["seed"] == 3
    assert summary["data"]["rows"] == {"train": 96, "validation": 24, "test": 30}
    assert re.fullmatch("[0-9a-f]{64}", summary["data"]["fingerprint"])
    assert summary["versions"].keys() == {"seqnet", "numpy", "python"}


def test_nan_is_null_in_json(tmp_path: Path) -> None:
    """A value that is NaN must not make files that no other program reads."""

    class Extra(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["extra"] = float("nan")

    result = run(write(tmp_path, PLAIN), display=Extra())
    for line in (result.folder / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=no_constants)
    summary = json.loads((result.folder / "summary.json").read_text(), parse_constant=no_constants)
    assert summary["final"]["extra"] is None
    assert (result.folder / "metrics.csv").read_text().splitlines()[-1].split(",")[-1] == "nan"


def test_the_best_epoch_is_what_early_stopping_watches(tmp_path: Path) -> None:
    result = run(write(tmp_path))
    values = result.history["val_accuracy"]
    assert result.best["monitor"] == "val_accuracy"
    assert result.best["epoch"] == values.index(max(values)) + 1


def test_callbacks_write_into_the_run_folder(tmp_path: Path) -> None:
    result = run(write(tmp_path))
    assert {p.name for p in result.folder.iterdir()} - FILES >= {"log.csv", "epoch-1.seqnet"}
    assert len((result.folder / "log.csv").read_text().splitlines()) == 5


def test_events_come_in_order(tmp_path: Path) -> None:
    seen: list[tuple[str, set[str]]] = []
    path = write(tmp_path, PLAIN.replace("  - Normalization\n", "").replace("iris", "wine"))
    run(path, on_event=lambda name, details: seen.append((name, set(details))))
    assert seen == [
        ("warning", {"problem"}),  # nothing scales the inputs
        ("data", {"data"}),
        ("model", {"model"}),
        ("start", {"folder", "resumed", "epoch", "monitor", "mode", "best", "vocabulary", "changes"}),
    ]


# -- numbers --------------------------------------------------------------------------------------------------------


def test_numbers_go_up_and_are_never_used_again(tmp_path: Path) -> None:
    for number in (1, 2):
        assert create_run(tmp_path, "a") == tmp_path / "a" / str(number)
    (tmp_path / "a" / "7").mkdir()
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "a" / "\u00b2").mkdir()  # a digit, but no number
    assert create_run(tmp_path, "a").name == "8"
    assert create_run(tmp_path, "b").name == "1"


def _create(runs: Path, start: Any, found: Any) -> None:
    start.wait()
    found.put([str(create_run(runs, "a")) for _ in range(20)])


def test_two_processes_at_the_same_moment_get_two_folders(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, found = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_create, args=(tmp_path, start, found)) for _ in range(2)]
    for worker in workers:
        worker.start()
    folders = found.get(timeout=60) + found.get(timeout=60)
    for worker in workers:
        worker.join()
    assert len(set(folders)) == 40


def test_the_latest_run_is_the_one_worked_on_last(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    runs = tmp_path / "runs"
    for name in ("b", "a"):
        run(path, f"name={name}", "training.epochs=1")
    assert latest_run(runs) == runs / "a" / "1"
    time.sleep(0.02)
    run(path, "name=b", "training.epochs=2", resume=True)
    assert latest_run(runs) == runs / "b" / "1"
    assert [str(p.relative_to(runs)) for p in list_runs(runs)] == ["a/1", "b/1"]
    (runs / "c" / "1").mkdir(parents=True)  # not a run: nothing in it
    assert latest_run(runs) == runs / "b" / "1"


@pytest.mark.parametrize("text", ["a/2", "a", "runs/a/2", "runs/a"])
def test_a_run_is_found_by_its_name(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in ("1", "2"):
        (tmp_path / "runs" / "a" / number).mkdir(parents=True)
        (tmp_path / "runs" / "a" / number / "resolved.yaml").touch()
    assert find_run(text, Path("runs")) == Path("runs/a/2")


def test_a_run_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there are no runs in .*; make one with: seqnet train CONFIG"):
        latest_run(tmp_path)
    (tmp_path / "moons" / "1").mkdir(parents=True)
    (tmp_path / "moons" / "1" / "resolved.yaml").touch()
    with pytest.raises(UsageError, match=r"there is no run mons/1; did you mean moons/1\?"):
        find_run("mons/1", tmp_path)


def test_runs_are_listed_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        folder = tmp_path / "moons" / str(number)
        folder.mkdir(parents=True)
        (folder / "resolved.yaml").touch()
        os.utime(folder / "resolved.yaml", ns=(5, 5))  # copied at one moment
    assert [p.name for p in list_runs(tmp_path)] == ["1", "2", "10"]
    assert latest_run(tmp_path).name == "10" and find_run("moons", tmp_path).name == "10"
    with pytest.raises(UsageError, match="there is no run flowers/7; known: moons/1, moons/2, moons/10$"):
        find_run("flowers/7", tmp_path)


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    for ask in (latest_run, lambda runs: find_run("moons", runs), lambda runs: create_run(runs, "moons")):
        with pytest.raises(UsageError, match="is a file.*--runs"):
            ask(tmp_path / "runs")


# -- the same seed --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    path = write(tmp_path)
    first, second, other = run(path), run(path), run(path, "seed=4")
    assert content(first.folder) == content(second.folder)
    mine, theirs = (read_snapshot(r.folder / "last").part("weights") for r in (first, other))
    kernels = [name for name in mine if name.endswith("kernel")]
    assert kernels and all(not np.array_equal(mine[name], theirs[name]) for name in kernels)


# -- interrupted and resumed ------------------------------------------------------------------------------------------

VARIANTS = {
    "plain": (),
    "steps_per_epoch": ("training.steps_per_epoch=4",),
    "in_order": ("training.shuffle=false",),
    "shuffled_in_batches": ("training.shuffle=batch",),
    "initial_epoch": ("training.initial_epoch=1",),
    "rare_validation": ("training.validation_freq=[2, 4]",),
    "average": ("optimizer={Adam: {use_ema: true, gradient_accumulation_steps: 3}}",),
    "changing_rate": (
        "optimizer=sgd",
        "callbacks=[ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 9, factor: 0.5}]",
    ),
    "given_rate": (
        "optimizer=sgd",
        "callbacks=[LearningRateScheduler: {schedule: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 4}}}]",
    ),
    "no_validation": ("data.validation_split=0", "callbacks=[CSVLogger: {filename: log.csv}]"),
    "swapped_average": (
        "optimizer={SGD: {momentum: 0.9, use_ema: true, ema_momentum: 0.9}}",
        "callbacks=[SwapEMAWeights: {swap_on_epoch: true}, ModelCheckpoint: {filepath: 'epoch-{epoch}.seqnet'}]",
    ),
    "validated_average": ("optimizer={SGD: {use_ema: true}}", "callbacks=[SwapEMAWeights, {Timer: {max_time: 999}}]"),
    "events": ("callbacks=[TensorBoard: {update_freq: 2, histogram_freq: 2, log_dir: board}]",),
    "batch_checkpoints": (
        "callbacks=[ModelCheckpoint: {filepath: 'epoch-{epoch}.seqnet', save_freq: 4}, TerminateOnNaN]",
    ),
    "multipliers": ("optimizer={Adam: {learning_rate_multipliers: {dense: 0.1, '.*/bias': 0, 'batch.*': 2}}}",),
    "class_weight": ("training.class_weight=balanced", "data.one_hot=true", "loss=categorical_crossentropy"),
    "mixed": ("training.augment=[MixUp: {alpha: 0.4}]",),
    "weighted_sampling": ("training.weighted_sampling={0: 0, 2: 3.0}", "training.steps_per_epoch=4"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_run_is_the_same_to_the_byte(variant: str, tmp_path: Path) -> None:
    path, overrides = write(tmp_path), VARIANTS[variant]
    whole = run(path, *overrides)
    for stops in ([1], [STEPS], [2, 3, STEPS + 1, 14]):
        part = run(path, *overrides, display=StopAt(stops[0]))
        assert part.interrupted
        assert json.loads((part.folder / "summary.json").read_text())["state"] == "interrupted"
        for stop in [*stops[1:], -1]:
            result = run(path, *overrides, resume=str(part.folder), display=StopAt(stop))
        assert result.folder == part.folder and not result.interrupted
        assert content(part.folder) == content(whole.folder)
        assert (result.history, result.best, result.final, result.test) == (
            whole.history,
            whole.best,
            whole.final,
            whole.test,
        )


def test_a_second_ctrl_c_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    class Twice(Callback):
        def after_step(self, trainer: Any) -> None:
            if trainer.position.step == STEPS + 2:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    path = write(tmp_path)
    whole = run(path)
    part = run(path, display=Twice())
    assert part.interrupted and part.summary["state"] == "interrupted"
    assert read_snapshot(part.folder / "last").data["position"]["step"] == STEPS  # of the end of the epoch before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert content(run(path, resume=True).folder) == content(whole.folder)


def test_a_run_in_a_thread_leaves_signals_alone(tmp_path: Path) -> None:
    import threading

    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(run(write(tmp_path, PLAIN), "training.epochs=1")))
    thread.start()
    thread.join()
    assert not results[0].interrupted


def test_a_run_can_be_extended(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole, part = run(path), run(path, "training.epochs=2")
    longer = run(path, resume=str(part.folder))
    assert content(longer.folder) == content(whole.folder)
    assert load_spec(part.folder / "resolved.yaml").training.epochs == 4


def test_a_run_interrupted_after_its_last_batch_can_be_ended(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole, part = run(path), run(path, display=StopAt(4 * STEPS))
    assert part.interrupted and len(part.history["loss"]) == 4
    assert content(run(path, resume=True).folder) == content(whole.folder)


def test_a_state_inside_an_epoch_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long epoch is saved on the way: killed later, the run goes on from there."""
    path = write(tmp_path)
    whole = run(path)
    monkeypatch.setattr("seqnet.runs.recorder.RunRecorder.after_step", lambda self, trainer: self.save(trainer))

    class Killed(Callback):
        def after_step(self, trainer: Any) -> None:
            if trainer.position.step == STEPS + 3:
                raise SystemExit  # as if the power was cut: nothing is saved at the end

    with pytest.raises(SystemExit):
        run(path, display=Killed())
    folder = tmp_path / "runs" / "flowers" / "2"
    assert read_snapshot(folder / "last").data["position"]["batch"] == 2
    assert content(run(path, resume=True).folder) == content(whole.folder)


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "seqnet.cli.main", "train", path.name, "--threads", "1", *arguments]
    return subprocess.Popen(
        command, cwd=path.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


LONG = (
    TEXT.replace("epochs: 4", "epochs: 150").replace("patience: 9", "patience: 150"),
    0.5,
)  # seconds of training, about


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = write(tmp_path_factory.mktemp("long"), LONG[0])
    return path, content(run(path).folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl_c", "kill"])
def test_a_process_stopped_at_any_moment_goes_on_to_the_same_bytes(
    number: signal.Signals, seed: int, long_run: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    _, whole = long_run
    path, folder = write(tmp_path, LONG[0]), tmp_path / "runs" / "flowers" / "1"
    process = start(path)
    while not (folder / "last" / "state.json").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0, LONG[1]))
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if process.returncode != 0:  # it may have been done before
        assert "Traceback" not in errors
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert "--resume" in errors and "runs/flowers/1" in errors, errors[-300:]
        read_snapshot(folder / "last")
        if json.loads((folder / "summary.json").read_text())["state"] != "finished":
            process = start(path, "--resume")
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
    assert content(folder) == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_ctrl_c_while_starting_ends_quietly(delay: float, tmp_path: Path) -> None:
    process = start(write(tmp_path, LONG[0]))
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # Before Python has looked at the first line of seqnet it ends as any program does: by the signal.
    early = process.returncode == 1 and "seqnet/cli/main.py" not in errors
    assert process.returncode in (130, -signal.SIGINT, 0) or early, errors
    if process.returncode == 130:
        assert "Traceback" not in errors
    folder = tmp_path / "runs" / "flowers" / "1"
    if folder.exists():
        read_snapshot(folder / "last")  # a folder that is there can be gone on with


# -- what can't be gone on with ---------------------------------------------------------------------------------------


def resumed(path: Path, *overrides: str, resume: str | bool = True) -> str:
    """The message that going on ends with."""
    before = sorted(str(p) for p in path.parent.rglob("*"))
    with pytest.raises(SeqnetError) as caught:
        run(path, *overrides, resume=resume)
    assert sorted(str(p) for p in path.parent.rglob("*")) == before
    return str(caught.value).replace(str(path.parent), ".")


def test_there_is_no_run_to_go_on_with(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    nothing = "there is no run named flowers in ./runs to go on with; train without --resume first"
    assert resumed(path) == nothing
    run(path, "name=flowerz", "training.epochs=1")
    assert resumed(path) == nothing
    assert resumed(path, resume="flowers/1") == "there is no run flowers/1; did you mean flowerz/1?"


def test_a_run_without_a_checkpoint(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    folder = run(path, "training.epochs=1").folder
    remove(folder / "last")
    assert resumed(path) == "./runs/flowers/1 has no checkpoint to go on from; train anew, without --resume"


def test_a_finished_run(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path)
    assert resumed(path) == (
        "./runs/flowers/1 is finished: it has trained 4 epochs, and the file asks for 4; "
        "for more, raise training.epochs: -s training.epochs=8"
    )
    assert "it has trained 4 epochs, and the file asks for 2" in resumed(path, "training.epochs=2")


def test_a_run_that_a_callback_ended(tmp_path: Path) -> None:
    patience = "callbacks=[EarlyStopping: {monitor: val_loss, min_delta: 10.0, patience: %d}]"
    path = write(tmp_path, PLAIN)
    result = run(path, "training.epochs=9", patience % 2)
    assert len(result.history["loss"]) == 3
    assert resumed(path, "training.epochs=9", patience % 2) == (
        "./runs/flowers/1 is finished: a callback ended it after epoch 3 of 9; "
        "to go on, change that callback (more patience, say), or train anew, without --resume"
    )
    assert len(run(path, "training.epochs=9", patience % 5, resume=True).history["loss"]) == 6


CHANGES = [
    (["model.1.Dense.units=16"], ["model.1.Dense.units: 8 → 16"]),
    (["model.1.Dense.activation=tanh"], ["model.1.Dense.activation: relu → tanh"]),
    (["model=[Dense: {units: 3, activation: softmax}]"], ["model: 5 layers → 1"]),
    (["loss={SparseCategoricalCrossentropy: {ignore_class: 7}}"], ["ignore_class: none → 7"]),
    (["optimizer=sgd"], ["optimizer: Adam → SGD"]),
    (["seed=5", "data.validation_split=0.3"], ["seed: 3 → 5", "data.validation_split: 0.2 → 0.3"]),
    (["data.dataset=wine"], ["data.dataset"]),
    (["metrics=[]"], ["metrics"]),
]


@pytest.mark.parametrize(("overrides", "parts"), CHANGES, ids=lambda value: value[0][:40])
def test_another_run_than_it_was(overrides: list[str], parts: list[str], tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path, "training.epochs=1")
    message = resumed(path, *overrides)
    assert message.startswith("./runs/flowers/1 was trained otherwise than this file says")
    assert "undo that, or train anew, without --resume; what may change are epochs, the learning rate" in message
    for part in parts:
        assert part in message


def test_a_run_that_a_callback_ended_and_that_was_cut_off_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it was to end is part of the state: it trains no further epoch, and only what was missing is done."""
    callbacks = "callbacks=[EarlyStopping: {monitor: val_loss, min_delta: 10.0, patience: 2}]"
    path = write(tmp_path, PLAIN)
    whole = run(path, callbacks)
    monkeypatch.setattr("seqnet.runs.train._test", lambda *args: sys.exit("power cut"))
    with pytest.raises(SystemExit):
        run(path, callbacks)
    monkeypatch.undo()
    assert content(run(path, callbacks, resume=True).folder) == content(whole.folder)


def test_batches_can_change_between_epochs_only(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path, display=StopAt(2))
    assert resumed(path, "training.batch_size=8") == (
        "./runs/flowers/1 was stopped in the middle of an epoch, so this can't change here:\n"
        "  training.batch_size: 16 → 8\nfirst end the epoch as it was begun: -s training.epochs=1"
    )
    assert "  training.weighted_sampling: none → balanced\n" in resumed(path, "training.weighted_sampling=balanced")
    run(path, "training.epochs=1", resume=True)
    assert len(run(path, "training.batch_size=8", resume=True).history["loss"]) == 4


RATE = "optimizer={SGD: {learning_rate: 0.1, momentum: %s}}"
PLATEAU = "callbacks=[ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 9, factor: 0.5}]"


def rates(result: RunResult) -> list[float]:
    with open(result.folder / "metrics.csv", newline="") as file:
        return [float(row["learning_rate"]) for row in csv.DictReader(file)]


def test_a_new_learning_rate_is_taken_and_an_old_one_left_as_it_became(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path, RATE % 0.9, PLATEAU, "training.epochs=3")
    # The callback lowers it after epochs 2 and 3; the file still says 0.1.
    kept = run(path, RATE % 0.5, PLATEAU, "training.epochs=4", resume=True)
    assert rates(kept) == [0.1, 0.1, 0.05, 0.025]
    new = run(path, RATE % 0.5, "optimizer.SGD.learning_rate=0.3", PLATEAU, "training.epochs=5", resume=True)
    assert rates(new) == [0.1, 0.1, 0.05, 0.025, 0.3]
    schedule = "optimizer.SGD.learning_rate={CosineDecay: {initial_learning_rate: 0.2, decay_steps: 600}}"
    run(path, RATE % 0.5, schedule, "training.epochs=6", resume=True)
    back = run(path, RATE % 0.5, "training.epochs=7", resume=True)
    assert 0.19 < rates(back)[5] < 0.2 and rates(back)[6] == 0.1


def test_what_changed_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path, "training.epochs=2")
    seen: list[Any] = []
    run(
        path,
        "training.batch_size=8",
        "optimizer.Adam.clipnorm=1.0",
        "optimizer.Adam.learning_rate=0.01",
        "callbacks=[TerminateOnNaN]",
        resume=True,
        on_event=lambda name, details: name == "start" and seen.extend(details["changes"]),
    )
    assert seen == [
        "optimizer.Adam.learning_rate: {ExponentialDecay: {initial_learning_rate: 0.02, decay_st... → 0.01",
        "optimizer.Adam.clipnorm: none → 1.0",
        "training.epochs: 2 → 4",
        "training.batch_size: 16 → 8",
        "callbacks: [] → [{TerminateOnNaN: {raise_error: false}}]",
    ]


def test_options_of_the_optimizer_that_need_another_state(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    run(path, "training.epochs=1")
    assert resumed(path, "optimizer.Adam.amsgrad=true") == (
        "./runs/flowers/1 can't go on with these options of the optimizer:\n"
        "  optimizer.Adam.amsgrad: false → true\n"
        "the state is not that of Adam with these options: it lacks velocity_hat"
    )


def test_other_data_than_it_was_trained_on_are_mentioned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(40, 3)).astype(np.float32), "y": rng.integers(0, 3, 40)}
    np.savez(tmp_path / "rows.npz", **arrays)
    path = write(tmp_path, PLAIN.replace("dataset: iris", "npz: rows.npz"))
    first = run(path, "training.epochs=1")
    arrays["x"][0] += 1
    np.savez(tmp_path / "rows.npz", **arrays)
    seen: list[str] = []
    run(path, resume=True, on_event=lambda name, found: name == "warning" and seen.append(found["problem"].message))
    assert seen == [f"the data have changed since {first.folder} was begun, so it does not go on as it would have"]
    arrays["x"][0] += 1
    np.savez(tmp_path / "rows.npz", **arrays)
    assert evaluate(first.folder).warnings == [
        "rows has changed since this run was trained, so rows it trained on may be among these"
    ]


# -- a full disk, and folders that can't be written -------------------------------------------------------------------


class FullDisk:
    """Lets a number of flushes to the disk through; from then on there is no space left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.left = room
        self.real = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, handle: int) -> None:
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some file")
        self.left -= 1
        self.real(handle)


def test_a_full_disk_at_every_write(tmp_path: Path) -> None:
    """Wherever the disk fills up: a message, no traceback, and with space again the run ends in the same bytes."""
    path = write(tmp_path)
    overrides = ("training.epochs=2",)
    whole = content(run(path, *overrides).folder)
    room, without_folder = 0, 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            FullDisk(patch, room)
            try:
                run(path, *overrides)
                break
            except SeqnetError as error:
                assert isinstance(error, (TrainingError, CheckpointError)) and error.exit_code == 1
                message = str(error)
        assert "no space left on device" in message.lower()
        folder = tmp_path / "runs" / "flowers" / "2"
        if folder.exists():
            assert f"what was saved before is intact; once that is mended, go on with --resume {folder}" in message
            assert read_snapshot(folder / "last").data["position"]["epoch"] <= 2
            if json.loads((folder / "summary.json").read_text())["state"] != "finished":
                run(path, *overrides, resume=True)
            assert content(folder)["last"] == whole["last"]
            assert content(folder)["metrics.csv"] == whole["metrics.csv"]
            remove(folder)
        else:
            assert "choose another place with --runs FOLDER" in message
            without_folder += 1
        room += 1
    assert room > 30 and without_folder > 4


def remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_disk_that_can_no_longer_be_written(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path)
    folder = tmp_path / "runs" / "flowers" / "1"

    class Broken(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                error = OSError(errno.EROFS, os.strerror(errno.EROFS), "some file")

                def refuse(*args: Any, **kwargs: Any) -> NoReturn:
                    raise error

                from seqnet.training import callbacks, checkpoint

                if call == "replace":
                    monkeypatch.setattr(os, "replace", refuse)
                else:
                    for module in (callbacks, checkpoint):
                        monkeypatch.setattr(module, "open", refuse, raising=False)

    with pytest.raises(TrainingError, match="Read-only file system.*go on with --resume"):
        run(path, display=Broken())
    assert read_snapshot(folder / "last").data["position"]["epoch"] == 1


def test_event_files_that_can_not_be_written(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "taken").write_text("a file")
    callbacks = f"callbacks=[TensorBoard: {{log_dir: {tmp_path / 'taken'}}}]"
    with pytest.raises(
        TrainingError, match="can't write .*taken/train/events.*: Not a directory; .* go on with --resume"
    ):
        run(path, callbacks)
    (tmp_path / "taken").unlink()
    assert not run(path, callbacks, resume=True).interrupted
    assert [step for step, tag, _ in events(tmp_path / "taken" / "train") if tag == "epoch_loss"] == [0, 1, 2, 3]


def test_what_verbose_callbacks_say_is_told_and_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def listen(name: str, details: dict[str, Any]) -> None:
        if name == "note":
            said.append(details["text"])

    callbacks = "[EarlyStopping: {patience: 0, min_delta: 9, verbose: 1}, ModelCheckpoint: {filepath: a, verbose: 1}]"
    run(write(tmp_path), f"callbacks={callbacks}", on_event=listen)
    saved = tmp_path / "runs" / "flowers" / "1" / "a"
    assert said == [f"Epoch {i}: saving model to {saved}" for i in (1, 2)] + ["Epoch 2: early stopping"]
    assert capsys.readouterr().out == ""


def test_runs_is_a_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError) as caught:
        run(path)
    expected = "can't make a run folder in ./runs/flowers: ./runs is a file; choose another place with --runs FOLDER"
    assert str(caught.value).replace(str(tmp_path), ".") == expected


def test_the_name_is_a_file_within_runs(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "flowers").touch()
    with pytest.raises(UsageError, match=r"runs.flowers is a file; choose another place with --runs FOLDER"):
        run(path)


def test_runs_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: Any, **kwargs: Any) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    path = write(tmp_path)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(TrainingError, match="permission denied; choose another place with --runs FOLDER"):
        run(path)
    assert not (tmp_path / "runs").exists()


WRONG = {
    "unknown": ("model.1.Dense.units=many", SpecError),
    "units": ("model.4.Dense.units=2", SpecError),
    "labels": ("loss=categorical_crossentropy", SpecError),
    "monitor": ("callbacks=[EarlyStopping: {monitor: val_los}]", SpecError),
    "file_name": ("callbacks=[ModelCheckpoint: {filepath: '{val_acc}.seqnet'}]", SpecError),
    "shapes": ("model.1={Reshape: {target_shape: [3, 3]}}", SpecError),
    "metrics": ("metrics=[accuracy, accuracy]", SpecError),
    "steps": ("training.steps_per_epoch=100", SpecError),
    "class_weight": ("training.class_weight={7: 1}", SpecError),
    "reduction": ("loss={SparseCategoricalCrossentropy: {reduction: none}}", SpecError),
    "dtypes": ("model.1={Dense: {units: 8, dtype: float64}}", SpecError),
    "data": ("data={npz: nothing.npz}", DataError),
    "split": ("data.validation_split=0.9999", DataError),
    "no_loss": ("loss=null", SpecError),
    "no_optimizer": ("optimizer=null", SpecError),
    "no_data": ("data=null", SpecError),
    "no_model": ("model=[]", SpecError),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_never_leaves_a_run_folder(name: str, tmp_path: Path) -> None:
    override, kind = WRONG[name]
    path = write(tmp_path)
    if name == "dtypes":
        path = write(tmp_path, TEXT.replace("rate: 0.3", "rate: 0.3, dtype: float32"))
    with pytest.raises(kind) as caught:
        run(path, override)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "runs").exists()


# -- damage ---------------------------------------------------------------------------------------------------------


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = next(folder.glob(name))
        path.write_bytes(change(path.read_bytes()))

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: next(folder.glob(name)).unlink()


def state(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Damage to the meaning of last/state.json and best/state.json."""

    def damage(folder: Path) -> None:
        for path in folder.glob("*/state.json"):
            data = json.loads(path.read_text())
            data = change(data) or data
            path.write_text(json.dumps(data))

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "state is no JSON": (edit("last/state.json", lambda b: b[: len(b) // 2]), "state.json is damaged"),
    "state is empty": (edit("last/state.json", lambda b: b""), "state.json is damaged"),
    "state is a list": (edit("last/state.json", lambda b: b"[1, 2]"), "state.json is damaged"),
    "state is binary": (edit("last/state.json", lambda b: bytes(range(256))), "state.json is damaged"),
    "state is of another version": (state(lambda d: d | {"format": 99}), "has checkpoint format 99"),
    "state names no arrays": (state(lambda d: {"format": 1}), "state.json is damaged"),
    "state is gone": (without("last/state.json"), "no checkpoint"),
    "arrays are cut": (edit("last/*.safetensors", lambda b: b[:-5]), "is damaged: its checksum"),
    "arrays are changed": (
        edit("last/*.safetensors", lambda b: b[:-1] + bytes([b[-1] ^ 1])),
        "is damaged: its checksum",
    ),
    "arrays are gone": (without("last/*.safetensors"), "can't read .*safetensors"),
    "a weight is missing": (state(lambda d: d["model"]["model"]["layers"].pop() and d), "belong to another stack"),
    "no model": (state(lambda d: d.pop("model") and d), "holds no model|does not fit|damaged"),
    "an unknown layer": (state(lambda d: d["model"]["model"].update(layers=["Nonsense"])), "no layer named 'Nonsense'"),
    "layers are a number": (state(lambda d: d["model"]["model"].update(layers=3)), "damaged"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(write(tmp_path_factory.mktemp("finished"), PLAIN), "training.epochs=2").folder


def copy(folder: Path, to: Path) -> Path:
    import shutil

    (to / "runs" / "flowers").mkdir(parents=True)
    return Path(shutil.copytree(folder, to / "runs" / "flowers" / "1"))


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_checkpoint_is_refused_with_a_message(name: str, finished: Path, tmp_path: Path) -> None:
    damage, message = DAMAGE[name]
    folder = copy(finished, tmp_path)
    rows = tmp_path / "rows.npy"
    np.save(rows, np.zeros((2, 4), np.float32))
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        evaluate(folder, checkpoint="last")
    assert str(folder) in str(caught.value)
    with pytest.raises(CheckpointError, match=message):
        predict(folder, rows, checkpoint="last")
    if "model" not in name and "layer" not in name and "weight" not in name:  # going on takes these from the file
        with pytest.raises(CheckpointError, match=message):
            run(write(tmp_path, PLAIN), resume=True)


@pytest.mark.parametrize("text", ["", "model: [", "model: [Dense]\n", "- 1\n", "\x00\x01\x02", "name: 3\n"])
def test_a_damaged_resolved_file_is_refused(text: str, finished: Path, tmp_path: Path) -> None:
    folder = copy(finished, tmp_path)
    (folder / "resolved.yaml").write_text(text)
    for use in (lambda: evaluate(folder), lambda: run(write(tmp_path, PLAIN), resume=True)):
        with pytest.raises(CheckpointError, match="resolved.yaml is damaged, or was changed by hand") as caught:
            use()
        assert "resolved.yaml" in str(caught.value).splitlines()[1]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"data": 3}', "\x00"])
def test_a_damaged_summary_is_mentioned_and_no_more(text: str, finished: Path, tmp_path: Path) -> None:
    folder = copy(finished, tmp_path)
    (folder / "summary.json").write_text(text)
    found = evaluate(folder)
    assert found.values == evaluate(finished).values
    assert "can't be told" in found.warnings[0]
    assert len(run(write(tmp_path, PLAIN), resume=True).history["loss"]) == 4


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab1", max_size=3)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text("ab", max_size=2), SCALARS, max_size=2)


def mangle(data: Any, draw: Any) -> Any:
    """Change one place of nested plain data."""
    if isinstance(data, dict) and data and draw(st.integers(0, 7)):
        key = draw(st.sampled_from(sorted(data)))
        if not draw(st.integers(0, 9)):
            return {k: v for k, v in data.items() if k != key}
        return {**data, key: mangle(data[key], draw)}
    if isinstance(data, list) and data and draw(st.integers(0, 7)):
        index = draw(st.integers(0, len(data) - 1))
        return [*data[:index], mangle(data[index], draw), *data[index + 1 :]]
    return draw(VALUES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mangled_state_never_yields_a_traceback(data: st.DataObject, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "flowers" / "1"
    if not folder.exists():
        copy(finished, tmp_path)
    path = folder / "last" / "state.json"
    good = json.loads((finished / "last" / "state.json").read_text())
    path.write_text(json.dumps(mangle(good, data.draw)))
    for use in (
        lambda: evaluate(folder, checkpoint="last"),
        lambda: run(write(tmp_path, PLAIN), "training.epochs=2", resume=True),
    ):
        try:
            use()
        except SeqnetError as error:
            assert str(error)


# -- evaluate and predict -------------------------------------------------------------------------------------------

EVALUATED = {
    "classes": (),
    "one_hot": ("data.one_hot=true", "loss=categorical_crossentropy"),
    "logits": ("model.4.Dense.activation=linear", "loss={SparseCategoricalCrossentropy: {from_logits: true}}"),
    "validation_batches": ("training.validation_batch_size=7",),
    "binary": ("data.dataset=breast_cancer", "model.4={Dense: {units: 1, activation: sigmoid}}", "loss=bce"),
    "regression": (
        "data.dataset=diabetes",
        "model.4={Dense: {units: 1}}",
        "loss={Huber: {delta: 50.0}}",
        "metrics=[mae, root_mean_squared_error]",
    ),
}


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_evaluate_gives_the_values_of_training_to_the_last_digit(name: str, checkpoint: str, tmp_path: Path) -> None:
    result = run(write(tmp_path, PLAIN), *EVALUATED[name])
    logged = result.best if checkpoint == "best" else result.final
    expected = {key.removeprefix("val_"): value for key, value in logged.items() if key.startswith("val_")}
    found = evaluate(result.folder, split="validation", checkpoint=checkpoint)
    assert found.values == expected
    assert not found.warnings
    if checkpoint == "best":
        assert evaluate(result.folder).values == result.test


@pytest.mark.parametrize("threads", [1, 2])
def test_evaluate_gives_the_values_of_training_for_any_number_of_workers(threads: int, tmp_path: Path) -> None:
    text = PLAIN.replace("iris", "digits").replace("- Normalization", "- Flatten").replace("units: 3,", "units: 10,")
    text = text.replace("- Flatten", "- Rescaling: {scale: 0.0625}\n  - Flatten").replace("size: 16", "size: 96")
    result = train(load_spec(write(tmp_path, text)), runs=tmp_path / "runs", threads=threads)
    for checkpoint, logged in (("best", result.best), ("last", result.final)):
        found = evaluate(result.folder, split="validation", checkpoint=checkpoint)
        assert {f"val_{name}": value for name, value in found.values.items()} == {
            name: value for name, value in logged.items() if name.startswith("val_")
        }
    assert evaluate(result.folder).values == result.test
    # The training rows can be measured too: what was logged of them is a mean over weights that changed.
    assert evaluate(result.folder, split="train").values["loss"] < result.history["loss"][0]


def test_evaluate_counts_class_by_class(finished: Path) -> None:
    """Precision, recall and F1 by their definitions, from the matrix; the matrix from predict."""
    found = evaluate(finished, split="train")
    assert found.classes == ("setosa", "versicolor", "virginica")
    assert found.confusion is not None and found.per_class is not None
    matrix = np.array(found.confusion)
    assert matrix.sum() == found.rows == 96
    assert np.trace(matrix) / 96 == pytest.approx(found.values["accuracy"], abs=1e-12)
    for index, row in enumerate(found.per_class):
        hit = matrix[index, index]
        precision = hit / matrix[:, index].sum() if matrix[:, index].sum() else 0.0
        recall = hit / matrix[index].sum()
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        values = [row["precision"], row["recall"], row["f1"], row["support"]]
        assert values == pytest.approx([precision, recall, f1, matrix[index].sum()])


def test_evaluate_on_other_rows(finished: Path, tmp_path: Path) -> None:
    """Text labels are matched by name, also where some classes do not occur."""
    data = load_spec(finished / "resolved.yaml").load_data().test
    assert data is not None and data.y is not None and data.x is not None
    names = np.array(["setosa", "versicolor", "virginica"])
    np.savez(tmp_path / "all.npz", x=data.x, y=names[data.y])
    np.savez(tmp_path / "some.npz", x=data.x[data.y > 0], y=names[data.y[data.y > 0]])
    np.savez(tmp_path / "strange.npz", x=data.x, y=np.where(data.y > 0, "rose", "setosa"))
    np.savez(tmp_path / "many.npz", x=data.x, y=data.y + 5)
    np.savez(tmp_path / "wide.npz", x=np.zeros((3, 9)), y=np.zeros(3, int))
    assert evaluate(finished, data=str(tmp_path / "all.npz")).values == evaluate(finished).values
    some = evaluate(finished, data=str(tmp_path / "some.npz"))
    whole = np.array(evaluate(finished).confusion)
    assert np.array(some.confusion).tolist() == [[0, 0, 0], *whole[1:].tolist()]
    config = write(tmp_path, "data: {dataset: iris}\nmodel: [Flatten]\n", "other.yaml")
    assert evaluate(finished, data=str(config)).values == evaluate(finished).values
    for name, message in [
        ("strange", "has the class 'rose', which the model does not know: setosa, versicolor, virginica"),
        ("many", "do not fit the model: .*outputs but the largest label is 7"),
        ("wide", r"the model takes rows of shape \(4,\), but x has shape \(3, 9\)"),
    ]:
        with pytest.raises((DataError, ValueError), match=message):
            evaluate(finished, data=str(tmp_path / f"{name}.npz"))
    with pytest.raises(UsageError, match="--data takes a YAML file with a data section, .* not rows.txt"):
        evaluate(finished, data="rows.txt")


def test_evaluate_on_other_rows_with_one_hot_labels(tmp_path: Path) -> None:
    """Rows of the classes that occur become rows of all classes, by name."""
    folder = run(write(tmp_path, PLAIN), "data.one_hot=true", "loss=categorical_crossentropy").folder
    data = load_spec(folder / "resolved.yaml").load_data().test
    assert data is not None and data.y is not None
    names = np.array(["setosa", "versicolor", "virginica"])
    some = data.y[:, 0] == 0
    np.savez(tmp_path / "rows.npz", x=data.x[some], y=names[data.y[some].argmax(axis=1)])
    config = write(tmp_path, "data: {npz: rows.npz, one_hot: true}\nmodel: [Flatten]\n", "other.yaml")
    found, whole = evaluate(folder, data=str(config)), evaluate(folder)
    assert found.confusion is not None and whole.confusion is not None
    assert found.confusion == [[0, 0, 0], *whole.confusion[1:]]


def test_evaluate_and_predict_with_a_model_file(finished: Path, tmp_path: Path) -> None:
    from seqnet.models.saving import load_model

    data = load_spec(finished / "resolved.yaml").load_data().test
    assert data is not None and data.y is not None
    np.savez(tmp_path / "rows.npz", x=data.x, y=data.y)
    np.savez(tmp_path / "no_targets.npz", x=data.x)
    config = write(tmp_path, "data: {npz: {path: no_targets.npz, y_train: null}}\nmodel: [Flatten]\n", "n.yaml")
    model = load_model(finished)
    model.save(tmp_path / "model.seqnet")
    found = evaluate(tmp_path / "model.seqnet", data=str(tmp_path / "rows.npz"))
    assert found.checkpoint == "-" and found.classes == ("0", "1", "2")
    assert found.values == pytest.approx(evaluate(finished).values, rel=1e-6)
    assert predict(tmp_path / "model.seqnet", tmp_path / "rows.npz").classes == ["0", "1", "2"]
    with pytest.raises(UsageError, match="is a model without data; say on what to evaluate it: --data FILE.npz"):
        evaluate(tmp_path / "model.seqnet")
    with pytest.raises(DataError, match="the train rows of no_targets have no targets to evaluate against"):
        evaluate(tmp_path / "model.seqnet", data=str(config))
    with pytest.raises(UsageError, match="rows has no test rows; it has train"):
        evaluate(tmp_path / "model.seqnet", data=str(tmp_path / "rows.npz"), split="test")
    model.loss = None
    model.save(tmp_path / "bare.seqnet")
    with pytest.raises(UsageError, match="was saved without a loss; compile it in Python and save it again"):
        evaluate(tmp_path / "bare.seqnet", data=str(tmp_path / "rows.npz"))


def test_a_split_that_is_not_there(finished: Path) -> None:
    with pytest.raises(UsageError, match="there is no split 'dev'; choose train, validation or test"):
        evaluate(finished, split="dev")
    with pytest.raises(UsageError, match="checkpoints best and last, not 'newest'"):
        evaluate(finished, checkpoint="newest")


def test_a_run_without_a_finished_epoch_is_evaluated_as_it_is(tmp_path: Path) -> None:
    folder = run(write(tmp_path, PLAIN), display=StopAt(2)).folder
    found = evaluate(folder)
    assert found.checkpoint == "last" and "has not finished an epoch" in found.warnings[0]


@pytest.mark.parametrize("suffix", ["npz", "npy", "csv"])
def test_predict_reads_all_kinds_of_files(suffix: str, finished: Path, tmp_path: Path) -> None:
    data = load_spec(finished / "resolved.yaml").load_data().train
    path = tmp_path / f"rows.{suffix}"
    if suffix == "npz":
        np.savez(path, x=data.x[:5])
    elif suffix == "npy":
        np.save(path, data.x[:5])
    else:
        rows = "\n".join(",".join(repr(float(v)) for v in row) for row in data.x[:5])
        path.write_text(f"a,b,c,d\n{rows}\n")
    found = predict(finished, path)
    assert found.outputs.shape == (5, 3) and found.classes == ["setosa", "versicolor", "virginica"]
    assert found.labels == [found.classes[i] for i in found.outputs.argmax(axis=1)]
    rows_found = found.rows()
    assert list(rows_found[0]) == ["class", "p_setosa", "p_versicolor", "p_virginica"]
    assert sum(value for key, value in rows_found[0].items() if key != "class") == pytest.approx(1, abs=1e-6)


def test_predict_turns_logits_into_probabilities(tmp_path: Path) -> None:
    rows = tmp_path / "rows.npy"
    for name in ("logits", "binary_logits"):
        overrides = EVALUATED["logits"]
        if name == "binary_logits":
            overrides = (
                *EVALUATED["binary"][:1],
                "model.4={Dense: {units: 1}}",
                "loss={BinaryCrossentropy: {from_logits: true}}",
            )
        folder = run(write(tmp_path, PLAIN), *overrides).folder
        data = load_spec(folder / "resolved.yaml").load_data().train
        np.save(rows, data.x[:40])
        found = predict(folder, rows)
        assert found.probabilities is not None and found.classes is not None and found.labels is not None
        z = found.outputs.astype(np.float64)
        if name == "binary_logits":
            z = np.concatenate([np.zeros_like(z), z], axis=1)  # softmax over (0, z) is (1 - sigmoid(z), sigmoid(z))
        expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        assert found.labels == [found.classes[i] for i in expected.argmax(axis=1)]


def test_predict_gives_values_where_there_are_no_classes(tmp_path: Path) -> None:
    folder = run(write(tmp_path, PLAIN), *EVALUATED["regression"]).folder
    np.save(tmp_path / "rows.npy", load_spec(folder / "resolved.yaml").load_data().train.x[:3])
    found = predict(folder, tmp_path / "rows.npy")
    assert found.labels is None
    assert found.rows() == [{"value": value} for value in found.outputs[:, 0].tolist()]


def test_a_single_row_needs_no_batch_axis(finished: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "row.npy", np.ones(4))
    assert predict(finished, tmp_path / "row.npy").outputs.shape == (1, 3)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 5)), r"takes rows of shape \(4,\), but x has shape \(2, 5\)"),
        (np.full((2, 4), np.nan), "8 NaN"),
        (np.ones((0, 4)), "no rows"),
        (np.array([["a"] * 4]), "holds text"),
    ],
    ids=["shape", "nan", "empty", "text"],
)
def test_rows_that_can_not_be_predicted(array: Any, message: str, finished: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", array)
    with pytest.raises(SeqnetError, match=message) as caught:
        predict(finished, tmp_path / "rows.npy")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "npz", "npy"])
def test_predictions_are_written(suffix: str, finished: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.ones((3, 4)))
    found, path = predict(finished, tmp_path / "rows.npy"), tmp_path / f"out.{suffix}"
    write_predictions(found, path)
    if suffix == "csv":
        with open(path, newline="") as file:
            read = [{k: v if k == "class" else float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        assert read == found.rows()
    elif suffix == "json":
        assert json.loads(path.read_text()) == found.rows()
    elif suffix == "jsonl":
        assert [json.loads(line) for line in path.read_text().splitlines()] == found.rows()
    else:
        stored = np.load(path)
        np.testing.assert_array_equal(stored if suffix == "npy" else stored["outputs"], found.outputs)


def test_predictions_need_a_known_ending_and_a_place(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "rows.npy", np.ones((3, 4)))
    found = predict(finished, tmp_path / "rows.npy")
    with pytest.raises(UsageError, match="end it with .csv, .json, .jsonl, .npz or .npy"):
        write_predictions(found, tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match="can't write .*out.csv: the folder .*nowhere does not exist"):
        write_predictions(found, tmp_path / "nowhere" / "out.csv")

    def full(*args: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("seqnet.runs.predict.write_file", full)
    with pytest.raises(TrainingError, match="can't write .*out.csv: No space left"):
        write_predictions(found, tmp_path / "out.csv")


# -- the examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_example_is_checked_and_trains(
    config: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_cache(tmp_path_factory.mktemp("home"), monkeypatch)
    checked = check_file(config)
    assert (checked.problems, checked.unreadable) == ([], None)
    assert checked.summary is not None and checked.data is not None
    spec = load_spec(config, ["training.epochs=1", "training.steps_per_epoch=2"])
    result = train(spec, runs=tmp_path, threads=1)
    assert result.folder == tmp_path / spec.name / "1"
    assert np.isfinite(result.final["loss"])
    assert evaluate(result.folder).values == result.test
