"""The race at one work: every contestant in a process of its own, rounds going around the contestants in turn."""

from __future__ import annotations

import json
import math
import select
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from tests.bench.memory import Peak
from tests.bench.works import WORKS

BACKENDS = {"keras-jax": "jax", "keras-tf": "tensorflow", "keras-torch": "torch"}
PEERS = (*BACKENDS, "torch", "sklearn")
EPOCHS = 3  # of one fit, in a round
PATIENCE = 60.0  # seconds for a first round, compiling included
DROPPED = f"its first round took more than {PATIENCE:.0f} s"
FIRST_LOSS = (0.9, 2.0)  # times that of guessing; random outputs of standard deviation s add about s² / 2 to it


class Contestant:
    """A running process that answers commands."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        command = [python, "-m", "tests.bench.contestant", name]
        self.complaints = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True
        )

    def ask(self, patience: float | None = None, **command: Any) -> dict[str, Any] | None:
        """The answer, or None when the contestant can't do this. Raises TimeoutError after `patience` seconds."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        if not select.select([self.process.stdout], [], [], patience)[0]:
            raise TimeoutError
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def train_watched(self, patience: float | None = None) -> int | None:
        """The most bytes that it and its children took together while it trained an epoch; None when it can't.

        Raises TimeoutError after `patience` seconds.
        """
        with Peak(self.process.pid) as peak:
            answer = self.ask(patience, train=1)
        return None if answer is None else peak.bytes

    def last_words(self) -> str:
        """The last line that it wrote to stderr."""
        self.complaints.seek(0)
        return (self.complaints.read().strip() or "without a word").splitlines()[-1]

    def close(self) -> None:
        self.process.kill()
        with self.process:  # waits, and closes what it was talked to through
            self.complaints.close()


def race(name: str, contestants: dict[str, str], rounds: int) -> dict[str, Any]:
    """Medians of every contestant at one work. Raises SystemExit where they do not train the same network."""
    found: dict[str, Any] = {}
    running, peaks = _lined_up(name, contestants, found)
    times: dict[str, dict[str, list[float]]] = {
        p.name: {"train": [], "predict_1": [], "predict_256": []} for p in running
    }
    for _ in range(rounds):
        for process in running:
            for key, command in (
                ("train", {"train": EPOCHS}),
                ("predict_1", {"predict": 1}),
                ("predict_256", {"predict": 256}),
            ):
                answer = process.ask(**command)
                if answer is not None:
                    seconds = answer["seconds"]
                    times[process.name][key] += seconds if isinstance(seconds, list) else [seconds]
    for process in running:
        found[process.name] = {key: summary(values) for key, values in times[process.name].items() if values}
        last = process.train_watched()
        if last is not None:
            found[process.name]["peak_family_bytes"] = {"median": max(peaks[process.name], last)}
        else:
            print(f"{name}: {process.name} ended: {process.last_words()}", file=sys.stderr)
        process.close()
    return found


def _lined_up(name: str, contestants: dict[str, str], found: dict[str, Any]) -> tuple[list[Contestant], dict[str, int]]:
    """Those that have built the network and trained an epoch, which compiles what there is, and their memory then.

    Who is too slow is noted in `found`; who can't play is left out.
    """
    running: list[Contestant] = []
    peaks: dict[str, int] = {}
    counts: dict[str, int] = {}
    losses: dict[str, float] = {}
    for contestant, python in contestants.items():
        process = Contestant(contestant, python)
        built = process.ask(work=name)
        try:
            peak = None if built is None else process.train_watched(PATIENCE)
        except TimeoutError:
            found[contestant] = {"dropped": DROPPED}
            peak = None
        if built is None or peak is None:
            reason = DROPPED if contestant in found else process.last_words()
            print(f"{name}: {contestant} is out: {reason}", file=sys.stderr)
            process.close()
            continue
        if built["parameters"] is not None:
            counts[contestant] = built["parameters"]
            losses[contestant] = built["loss"]
        peaks[contestant] = peak
        running.append(process)
    guess = math.log(max(WORKS[name].classes, 2))  # the loss of one who knows nothing
    wrong = ""
    if len(set(counts.values())) > 1:
        wrong = f"the networks differ in their parameters: {counts}"
    elif not all(FIRST_LOSS[0] < loss / guess < FIRST_LOSS[1] for loss in losses.values()):
        wrong = f"before training the loss should be about {guess:.2f}: {losses}"
    if wrong:
        for process in running:
            process.close()
        raise SystemExit(f"{name}: {wrong}")
    return running, peaks


def summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": len(values)}
