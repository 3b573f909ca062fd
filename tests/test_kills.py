"""Runs in processes of their own that are killed again and again: they end in the bytes of a run that never was.

A kill is SIGKILL at a random moment, from the start of Python to the last write. Where workers were forked, none of
them may outlive its parent.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.screens import environment
from tests.test_runs import content

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

HEAD = """\
name: killed
seed: 7
data: {dataset: %s, validation_split: 0.2}
"""
TAIL = """\
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: %d, batch_size: 16, checkpoint_seconds: 0.02%s}
"""
IMAGES = HEAD % "digits" + "model:\n"
# Layers, optimizer with its schedule, callbacks and the epochs that take a second or so: everything that keeps a state.
CASES = {
    "mlp": (
        HEAD % "iris"
        + """\
model: [Normalization, {Dense: {units: 16, activation: relu}}, BatchNormalization, {Dropout: {rate: 0.3}},
  {GaussianNoise: {stddev: 0.1}}, {Dense: {units: 3, activation: softmax}}]
optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.02, decay_steps: 50, decay_rate: 0.9}}}}
callbacks:
  - EarlyStopping: {monitor: val_accuracy, patience: 900, restore_best_weights: true}
  - CSVLogger: {filename: log.csv}
  - ModelCheckpoint: {filepath: best.seqnet, monitor: val_loss, save_best_only: true}
"""
        + TAIL % (250, "")
    ),
    "convolution": (
        IMAGES
        + """\
  - Rescaling: {scale: 0.0625}
  - Reshape: {target_shape: [8, 8, 1]}
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
  - MaxPooling2D
  - SpatialDropout2D: {rate: 0.2}
  - Flatten
  - Dense: {units: 10, activation: softmax}
optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}
callbacks:
  - ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 9, factor: 0.8}
"""
        + TAIL % (6, "")
    ),
    "pictures": (
        IMAGES
        + """\
  - Reshape: {target_shape: [8, 8, 1]}
  - RandomFlip: {mode: horizontal}
  - RandomTranslation: {height_factor: 0.2, width_factor: 0.2, fill_mode: constant}
  - RandomErasing: {value_range: [0, 16]}
  - Rescaling: {scale: 0.0625}
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
  - Flatten
  - Dense: {units: 10, activation: softmax}
optimizer: adam
"""
        + TAIL.replace("batch_size: 16", "batch_size: 64") % (20, ", augment: [MixUp, CutMix]")
    ),
    "stateful": (
        HEAD % "{sine: {samples: 400}}"
        + """\
model:
  - Reshape: {target_shape: [1, 1]}
  - LSTM: {units: 6, stateful: true, return_sequences: true, dropout: 0.1, recurrent_dropout: 0.1}
  - GRU: {units: 4, stateful: true}
  - Dense: {units: 1}
optimizer: {RMSprop: {learning_rate: 0.01, momentum: 0.5, centered: true}}
loss: mse
training: {epochs: 40, batch_size: 8, shuffle: false, checkpoint_seconds: 0.02, steps_per_epoch: 30}
"""
    ),
    "averaged": (
        HEAD % "wine"
        + """\
model: [Normalization, {Dense: {units: 8, activation: tanh}}, {AlphaDropout: {rate: 0.1}},
  {Dense: {units: 3, activation: softmax}}]
optimizer: {AdamW: {learning_rate: 0.003, use_ema: true, gradient_accumulation_steps: 3, clipnorm: 1.0}}
callbacks:
  - LearningRateScheduler: {schedule: {CosineDecay: {initial_learning_rate: 0.01, decay_steps: 100}}}
"""
        + TAIL % (300, ", shuffle: batch, steps_per_epoch: 5")
    ),
    "rolled_back": (
        HEAD % "{sine: {samples: 200}}"
        + """\
model: [{Rescaling: {scale: 3.0}}, {Dense: {units: 16, activation: relu}}, {Dense: {units: 1}}]
optimizer: {SGD: {learning_rate: 0.5}}
loss: mse
training: {epochs: 100, batch_size: 4, checkpoint_seconds: 0.02, on_nan: rollback}
"""
    ),
    "workers": (
        IMAGES
        + """\
  - Rescaling: {scale: 0.0625}
  - Flatten
  - Dense: {units: 128, activation: relu}
  - BatchNormalization
  - Dropout: {rate: 0.3}
  - Dense: {units: 10, activation: softmax}
optimizer: {Nadam: {learning_rate: 0.002}}
"""
        + TAIL.replace("batch_size: 16", "batch_size: 128") % (40, "")
    ),
}
KILLS = {name: 6 for name in CASES}
THREADS = {"workers": 2, "pictures": 2}


def start(folder: Path, case: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "seqnet.cli.main", "train", "killed.yaml", "-q", *arguments]
        + ["--threads", str(THREADS.get(case, 1))],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> set[int]:
    """The processes that a process has forked."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return set()
    return {int(child) for child in text.split()}


def is_there(pid: int) -> bool:
    """Whether a process lives; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Any, what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def latest(folder: Path) -> Path | None:
    """The run with something to go on from."""
    found = [path.parent.parent for path in folder.glob("runs/killed/*/last/state.json")]
    return max(found, key=lambda path: int(path.name), default=None)


def state(run: Path) -> Any:
    return json.loads((run / "summary.json").read_text())["state"]


def undisturbed(case: str, folder: Path) -> tuple[dict[str, Any], float]:
    """What a run ends in, and the seconds it takes."""
    folder.mkdir()
    (folder / "killed.yaml").write_text(CASES[case])
    started = time.monotonic()
    process = start(folder, case)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return content(folder / "runs" / "killed" / "1"), time.monotonic() - started


def killed(case: str, folder: Path, took: float, kills: int, seed: int) -> tuple[dict[str, Any], int]:
    """The same of a run that is killed as often, where it lasts so long; and how many of the kills had workers."""
    folder.mkdir()
    (folder / "killed.yaml").write_text(CASES[case])
    draw, with_workers = random.Random(seed), 0
    for number in range(kills + 1):
        run = latest(folder)
        if run is not None and state(run) == "finished":
            break
        process = start(folder, case, *([] if run is None else ["--resume"]))
        if number == kills:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            break
        try:
            # The later kills come later on average, so that the run gets on.
            process.wait(timeout=draw.uniform(0.1, took * (0.5 + 0.1 * number)))
        except subprocess.TimeoutExpired:
            workers = children(process.pid)
            process.send_signal(signal.SIGKILL)
        else:
            workers = set()
        assert "Traceback" not in process.communicate(timeout=60)[1]
        assert process.returncode in (0, -signal.SIGKILL)
        with_workers += bool(workers)
        until(lambda left=workers: not any(map(is_there, left)), "a worker outlives its parent")
    run = latest(folder)
    assert run is not None and state(run) == "finished"
    return content(run), with_workers


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_again_and_again_ends_in_the_same_bytes(case: str, tmp_path: Path) -> None:
    whole, took = undisturbed(case, tmp_path / "whole")
    found, _ = killed(case, tmp_path / "killed", took, KILLS[case], seed=len(case))
    for part in whole:
        assert found[part] == whole[part], part


@pytest.mark.parametrize("case", ["stateful", "rolled_back"])
def test_a_run_killed_once_ends_in_the_same_bytes(case: str, tmp_path: Path) -> None:
    whole, took = undisturbed(case, tmp_path / "whole")
    found, _ = killed(case, tmp_path / "killed", 2 * took, 1, seed=5)
    assert found == whole


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "killed.yaml").write_text(CASES["workers"])
    process = start(tmp_path, "workers", "-s", "training.epochs=100000")
    until(lambda: children(process.pid) or process.poll() is not None, "no workers were forked")
    workers = children(process.pid)
    assert workers, process.communicate()
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not any(map(is_there, workers)), "a worker outlives its parent", 10)
