"""`python -m tests.bench [--peers PYTHON] [--rounds N] [--only WORD]`: race, print the table, write it down.

Every contestant runs in a process of its own; rounds go around the contestants in turn, so that what else the machine
does meets all alike. Reported are medians, their spread, and the ratio to the best of the others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.works import WORKS

PEERS = ("keras-jax", "keras-tf", "keras-torch", "torch", "sklearn")
RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[2] / "README.md"
EPOCHS = 3  # of one fit, in a round
STARTUP = "start to the end of 3 epochs"
START, END = "<!-- bench -->", "<!-- /bench -->"

SCRIPT = """
import numpy as np
{imports}
x = np.random.default_rng(0).random((60000, 784), dtype=np.float32)
y = np.random.default_rng(1).integers(0, 10, 60000)
model = Sequential([Input((784,)), Dense(128, activation="relu"), Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
"""
IMPORTS = {
    "seqnet": "from seqnet.models import Sequential\nfrom seqnet.layers import Dense, Input",
    "keras": "from keras import Sequential\nfrom keras.layers import Dense, Input",
}
BACKENDS = {"keras-jax": "jax", "keras-tf": "tensorflow", "keras-torch": "torch"}


class Contestant:
    """A running process that answers commands."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        command = [python, "-m", "tests.bench.contestant", name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, **command: Any) -> dict[str, Any] | None:
        """The answer, or None when the contestant can't do this."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def race(name: str, contestants: dict[str, str], rounds: int) -> dict[str, Any]:
    """Medians of every contestant at one work."""
    running = []
    for contestant, python in contestants.items():
        process = Contestant(contestant, python)
        if process.ask(work=name) is None:
            process.close()
            continue
        running.append(process)
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
    found: dict[str, Any] = {}
    for process in running:
        answer = process.ask(peak=1)
        found[process.name] = {key: _summary(values) for key, values in times[process.name].items() if values}
        if answer is not None:
            found[process.name]["peak_bytes"] = {"median": answer["bytes"]}
        process.close()
    return found


def startup(contestants: dict[str, str], rounds: int) -> dict[str, Any]:
    """Seconds from the start of a process to the end of three epochs of the first network."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, python in contestants.items():
            if name not in BACKENDS and name != "seqnet":
                continue
            code = SCRIPT.format(imports=IMPORTS["seqnet" if name == "seqnet" else "keras"])
            environment = {**os.environ, "KERAS_BACKEND": BACKENDS.get(name, ""), "TF_CPP_MIN_LOG_LEVEL": "3"}
            started = time.perf_counter()
            subprocess.run([python, "-c", code], env=environment, check=True, capture_output=True)
            times.setdefault(name, []).append(time.perf_counter() - started)
    return {name: {"train": _summary(values)} for name, values in times.items()}


def _summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": len(values)}


def table(results: dict[str, Any], key: str = "train") -> str:
    """A Markdown table of medians in seconds, and the ratio to the best of the others."""
    names = [n for n in ("seqnet", *PEERS) if any(n in found for found in results.values())]
    lines = ["| work | " + " | ".join(names) + " | ratio |", "|---" * (len(names) + 2) + "|"]
    for work, found in results.items():
        medians = {n: found[n][key]["median"] for n in names if n in found and key in found[n]}
        others = [seconds for n, seconds in medians.items() if n != "seqnet"]
        ratio = f"**{medians['seqnet'] / min(others):.2f}**" if others and "seqnet" in medians else "–"
        unit = {"train": 1.0, "peak_bytes": 1e-6}.get(key, 1e3)
        cells = [f"{medians[n] * unit:.3g}" if n in medians else "–" for n in names]
        lines.append(f"| {work} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def write_readme(results: dict[str, Any]) -> None:
    """Replace the tables between the README's bench marks."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    train = table(results)
    single = table({work: found for work, found in results.items() if "start" not in work}, "predict_1")
    many = table({work: found for work, found in results.items() if "start" not in work}, "predict_256")
    peak = table({work: found for work, found in results.items() if "start" not in work}, "peak_bytes")
    body = f"""
Medians over {options_line(results)}; the last column is seqnet's time divided by the best of the others. Measured by
`make bench` on two cores of an x86-64 server, each contestant in a process of its own with its recommended way of
feeding arrays, rounds going around the contestants in turn.

Seconds for an epoch of the rows in `tests/bench/works.py`, within a fit of {EPOCHS}:

{train}

Milliseconds to predict one row:

{single}

Milliseconds to predict 256 rows:

{many}

Peak memory, MB, of the process that was started; seqnet's further ones share its pages:

{peak}
"""
    README.write_text(f"{before}{START}\n{body}\n{END}{after}", encoding="utf-8")


def keep(name: str, found: dict[str, Any]) -> None:
    """Put the results of a work in place of older ones, in the file and in the README."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored[name] = found
    stored = {work: stored[work] for work in (*WORKS, STARTUP) if work in stored}
    RESULTS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    write_readme(stored)


def options_line(results: dict[str, Any]) -> str:
    """How many measurements there were."""
    counts = {found["seqnet"]["train"]["rounds"] for found in results.values() if "seqnet" in found}
    return f"{' or '.join(str(int(c)) for c in sorted(counts))} epochs or calls"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="a Python that has Keras, JAX, TensorFlow, PyTorch and scikit-learn")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="works whose name holds one of these words, parted by |")
    parser.add_argument("--contestants", default=",".join(("seqnet", *PEERS)))
    parser.add_argument("--write", action="store_true", help="write the results to tests/bench/results.json")
    options = parser.parse_args()
    wanted = options.contestants.split(",")
    contestants = {
        n: sys.executable if n == "seqnet" else options.peers for n in wanted if n == "seqnet" or options.peers
    }
    results: dict[str, Any] = {}
    for name in (*WORKS, STARTUP):
        if any(word in name for word in options.only.split("|")):
            if name == STARTUP:
                results[name] = startup(contestants, min(options.rounds, 3))
            else:
                results[name] = race(name, contestants, options.rounds)
            print(table({name: results[name]}), flush=True)
            if options.write:
                keep(name, results[name])
    print("\nseconds a round of training\n" + table(results))
    for key, title in (("predict_1", "milliseconds a prediction of 1 row"), ("predict_256", "… of 256 rows")):
        print(f"\n{title}\n" + table({w: f for w, f in results.items() if "start" not in w}, key))


if __name__ == "__main__":
    main()
