"""Ctrl-C, SIGTERM and SIGHUP to real processes, to one or to its whole group, at every moment of a run.

A hook in the process holds it at the moment that is meant, says so, and lets it go on when the signals were sent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seqnet.training.checkpoint import read_snapshot
from tests.screens import environment
from tests.test_kills import CASES, children, is_there, until
from tests.test_runs import content

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

CONFIG = """\
name: killed
seed: 7
data: {dataset: iris, validation_split: 0.2}
model: [Normalization, {Dense: {units: 8, activation: relu}}, {Dropout: {rate: 0.2}},
  {Dense: {units: 3, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 6, batch_size: 16}
"""
# Where the process is held: before the call of a function, counted from 1.
MOMENTS = {
    "import": "numpy",
    "data": ("seqnet.spec.run", "RunSpec.load_data", 1),
    "before the first batch": ("seqnet.training.compiled", "Compiled.train_batch", 1),
    "batch": ("seqnet.training.compiled", "Compiled.train_batch", 9),
    "validation": ("seqnet.training.compiled", "Compiled.evaluate", 2),
    "checkpoint": ("seqnet.training.checkpoint", "write_file", 9),
    "flush": ("os", "fsync", 12),
    "metrics": ("seqnet.runs.folder", "MetricsFiles.write", 3),
    "final evaluation": ("seqnet.runs.train", "_test", 1),
}
HOLD = """
import importlib, sys, time
def hold():
    print("HERE", flush=True)
    sys.stdin.readline()
moment = {moment!r}
if isinstance(moment, str):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == moment:
                sys.meta_path.remove(self)
                hold()
    sys.meta_path.insert(0, Finder())
else:
    module, name, number = moment
    place = importlib.import_module(module)
    *outer, name = name.split(".")
    for part in outer:
        place = getattr(place, part)
    real, calls = getattr(place, name), [0]
    def held(*args, **options):
        calls[0] += 1
        if calls[0] == number:
            hold()
        return real(*args, **options)
    setattr(place, name, held)
from seqnet.cli.main import main
main(["train", "killed.yaml", "--threads", "{threads}", *{arguments!r}])
"""


class Held:
    """A training that stands still at a moment."""

    def __init__(self, folder: Path, moment: str, *arguments: str, threads: int = 1) -> None:
        self.folder = folder
        script = HOLD.format(moment=MOMENTS[moment], threads=threads, arguments=list(arguments))
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "HERE\n", self.process.communicate()

    def send(self, signals: Sequence[int], *, group: bool = False) -> tuple[int, str]:
        """Send signals, let it go on; the exit code and what it wrote to stderr."""
        for number in signals:
            if group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
            time.sleep(0.05)
        assert self.process.stdin is not None
        try:
            _, errors = self.process.communicate("\n", timeout=60)
        except BrokenPipeError:
            _, errors = self.process.communicate(timeout=60)
        assert "Traceback" not in errors and "Exception ignored" not in errors, errors
        return self.process.returncode, errors


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    (folder / "killed.yaml").write_text(CONFIG)
    assert go_on(folder, resume=False)[0] == 0
    return content(folder / "runs" / "killed" / "1")


def go_on(folder: Path, *arguments: str, resume: bool = True) -> tuple[int, str]:
    command = [sys.executable, "-m", "seqnet.cli.main", "train", "killed.yaml", "--threads", "1"]
    command += ["--resume"] if resume else []
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


EARLY = ("import", "data")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SIGNALS = {
    "ctrl_c": ([signal.SIGINT], False),
    "term": ([signal.SIGTERM], True),
    "hup": ([signal.SIGHUP], True),
    "twice": ([signal.SIGINT, signal.SIGINT], True),
}
QUICK = {("batch", "ctrl_c"), ("checkpoint", "term"), ("validation", "twice"), ("final evaluation", "ctrl_c")}
EVERY = [
    pytest.param(
        moment, *SIGNALS[name], id=f"{moment}-{name}", marks=[] if (moment, name) in QUICK else pytest.mark.slow
    )
    for moment in MOMENTS
    for name in SIGNALS
]


@pytest.mark.parametrize(("moment", "signals", "group"), EVERY)
def test_a_signal_at_any_moment(
    moment: str, signals: list[int], group: bool, whole: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "killed.yaml").write_text(CONFIG)
    code, errors = Held(tmp_path, moment).send(signals, group=group)
    run = tmp_path / "runs" / "killed" / "1"
    if moment in EARLY or (moment == "final evaluation" and signals[0] != signal.SIGINT):
        # Nothing there, or nothing left, to save: the signal does what it always does.
        assert code == (130 if signals[0] == signal.SIGINT else -signals[0])
        assert run.exists() == (moment not in EARLY)
    else:
        assert code == CODES[signal.Signals(signals[0])], errors
    if code == 130:
        assert "interrupted" in errors
    if moment in EARLY:
        return
    if not run.exists():  # stopped at once before there was a state to keep
        assert moment == "flush" and len(signals) == 2
        return
    if code > 0:
        assert "go on with: seqnet train killed.yaml --resume runs/killed/1" in errors
    assert json.loads((run / "summary.json").read_text())["state"] in ("interrupted", "trained")
    read_snapshot(run / "last")
    assert not list(run.rglob("*.tmp")) and not (run / ".lock").exists() or code < 0
    assert go_on(tmp_path)[0] == 0
    assert content(run) == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_a_group_with_workers(number: signal.Signals, tmp_path: Path) -> None:
    """What a terminal or a batch system sends, it sends to the workers too."""
    if not sys.platform.startswith("linux"):
        pytest.skip("looks for processes in /proc")
    (tmp_path / "killed.yaml").write_text(CASES["workers"])
    process = subprocess.Popen(
        [sys.executable, "-m", "seqnet.cli.main", "train", "killed.yaml", "--threads", "2"]
        + ["-s", "training.epochs=100000"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: children(process.pid) or process.poll() is not None, "no workers were forked")
    workers = children(process.pid)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == CODES[number], errors
    assert "go on with" in errors and "Traceback" not in errors
    until(lambda: not any(map(is_there, workers)), "a worker outlives its parent")


def test_ctrl_c_measures_the_best_weights(tmp_path: Path) -> None:
    """Ctrl-C ends, saves and evaluates; SIGTERM is for those who have no time for that."""
    (tmp_path / "killed.yaml").write_text(CONFIG)
    _, errors = Held(tmp_path, "validation", "--json").send([signal.SIGINT])
    assert "saved; measuring the best weights on the test rows" in errors
    summary = json.loads((tmp_path / "runs/killed/1/summary.json").read_text())
    assert summary["state"] == "interrupted" and summary["test"].keys() == {"accuracy", "loss"}
    _, errors = Held(tmp_path, "validation").send([signal.SIGTERM])
    assert "measuring" not in errors
    assert json.loads((tmp_path / "runs/killed/2/summary.json").read_text())["test"] is None
