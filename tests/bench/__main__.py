"""`python -m tests.bench [--peers PYTHON] [--rounds N] [--only WORD]`: race, print the table, write it down.

Every contestant runs in a process of its own; rounds go around the contestants in turn, so that what else the machine
does meets all alike. Reported are medians, their spread, and the ratio to the best of the others. A contestant whose
first round at a work takes more than a minute is out of that work. With --write every work is in the results as soon
as it is over, beside those of earlier runs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.works import WORKS

PEERS = ("keras-jax", "keras-tf", "keras-torch", "torch", "sklearn")
RESULTS = Path(__file__).parent / "results.json"
PACKAGE = Path(__file__).parents[2] / "seqnet"
README = Path(__file__).parents[2] / "README.md"
EPOCHS = 3  # of one fit, in a round
STARTUP = "start to the end of 3 epochs"
START, END = "<!-- bench -->", "<!-- /bench -->"
PATIENCE = 60.0  # seconds for a first round, compiling included
FIRST_LOSS = (0.9, 2.0)  # times that of guessing; random outputs of standard deviation s add about s² / 2 to it
DROPPED = f"its first round took more than {PATIENCE:.0f} s"
INSTALLED = "installed, with all it needs"

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
# What is installed to run a contestant; the distributions that these require come along.
ROOTS = {
    "seqnet": ["seqnet"],
    "keras-jax": ["keras", "jax", "jaxlib"],
    "keras-tf": ["keras", "tensorflow-cpu"],
    "keras-torch": ["keras", "torch"],
    "torch": ["torch"],
    "sklearn": ["scikit-learn"],
}
SIZE_SCRIPT = """
import re, sys
from importlib import metadata
seen, total, waiting = set(), 0, sys.argv[1:]
while waiting:
    name = re.sub("[-_.]+", "-", waiting.pop()).lower()
    if name in seen:
        continue
    seen.add(name)
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another system
        if name in sys.argv[1:]:
            sys.exit(1)
        continue
    total += sum(p.stat().st_size for p in map(found.locate_file, found.files or []) if p.is_file())
    waiting += [re.match("[A-Za-z0-9._-]+", r)[0] for r in found.requires or [] if "extra ==" not in r]
print(total)
"""
BACKENDS = {"keras-jax": "jax", "keras-tf": "tensorflow", "keras-torch": "torch"}


class Contestant:
    """A running process that answers commands."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        command = [python, "-m", "tests.bench.contestant", name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
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

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def race(name: str, contestants: dict[str, str], rounds: int) -> dict[str, Any]:
    """Medians of every contestant at one work."""
    running: list[Contestant] = []
    found: dict[str, Any] = {}
    counts: dict[str, int] = {}
    losses: dict[str, float] = {}
    for contestant, python in contestants.items():
        process = Contestant(contestant, python)
        built = process.ask(work=name)
        try:
            warmed = None if built is None else process.ask(PATIENCE, train=1)
        except TimeoutError:
            found[contestant] = {"dropped": DROPPED}
            warmed = None
        if built is None or warmed is None:
            process.close()
            continue
        if built["parameters"] is not None:
            counts[contestant] = built["parameters"]
            losses[contestant] = built["loss"]
        running.append(process)
    if len(set(counts.values())) > 1:
        raise SystemExit(f"{name}: the networks differ in their parameters: {counts}")
    guess = math.log(max(WORKS[name].classes, 2))  # the loss of one who knows nothing
    if not all(FIRST_LOSS[0] < loss / guess < FIRST_LOSS[1] for loss in losses.values()):
        raise SystemExit(f"{name}: before training the loss should be about {guess:.2f}: {losses}")
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


def installed(contestants: dict[str, str]) -> dict[str, Any]:
    """Bytes of what has to be installed for each contestant."""
    sizes = {}
    for name, python in contestants.items():
        done = subprocess.run([python, "-c", SIZE_SCRIPT, *ROOTS[name]], capture_output=True, text=True)
        if done.returncode == 0:
            size = int(done.stdout)
            if name == "seqnet":  # installed as a link to its folder
                size += sum(path.stat().st_size for path in PACKAGE.rglob("*") if path.is_file())
            sizes[name] = {"install_bytes": {"median": size}}
    return sizes


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
        unit = {"train": 1.0, "peak_bytes": 1e-6, "install_bytes": 1e-6}.get(key, 1e3)
        cells = [_cell(found.get(n, {}), medians.get(n), unit, key) for n in names]
        lines.append(f"| {work} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def _cell(found: dict[str, Any], median: float | None, unit: float, key: str) -> str:
    if median is not None:
        return f"{median * unit:.3g}" if median * unit < 1000 else f"{median * unit:.0f}"
    return f"> {PATIENCE:.0f}" if "dropped" in found and key == "train" else "–"


def write_readme(results: dict[str, Any]) -> None:
    """Replace the tables between the README's bench marks."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    works = {name: found for name, found in results.items() if name in WORKS}
    train = table({name: found for name, found in results.items() if name != INSTALLED})
    single, many, peak = (table(works, key) for key in ("predict_1", "predict_256", "peak_bytes"))
    size = {name: found for name, found in results.items() if name == INSTALLED}
    sizes = f"\nSize on disk, MB:\n\n{table(size, 'install_bytes')}\n" if size else ""
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
{sizes}"""
    README.write_text(f"{before}{START}\n{body}\n{END}{after}", encoding="utf-8")


def keep(name: str, found: dict[str, Any]) -> None:
    """Put the results of a work in place of older ones, in the file and in the README."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored[name] = found
    stored = {work: stored[work] for work in (*WORKS, STARTUP, INSTALLED) if work in stored}
    whole = RESULTS.with_suffix(".part")
    whole.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    whole.replace(RESULTS)  # in one go: an interrupted run leaves the file as it was or as it should be
    write_readme(stored)


def options_line(results: dict[str, Any]) -> str:
    """How many measurements there were."""
    counts = {found["seqnet"]["train"]["rounds"] for found in results.values() if "train" in found.get("seqnet", {})}
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

    def take(name: str, found: dict[str, Any]) -> None:
        results[name] = found
        if options.write:
            keep(name, found)

    def asked(name: str) -> bool:
        return any(word in name for word in options.only.split("|"))

    for name in filter(asked, WORKS):
        take(name, race(name, contestants, options.rounds))
        print(table({name: results[name]}), flush=True)
    if asked(STARTUP):
        take(STARTUP, startup(contestants, min(options.rounds, 3)))
    if asked(INSTALLED):
        take(INSTALLED, installed(contestants))
    print("\nseconds an epoch\n" + table({w: f for w, f in results.items() if w != INSTALLED}))
    for key, title in (
        ("predict_1", "milliseconds a prediction of 1 row"),
        ("predict_256", "… of 256 rows"),
        ("peak_bytes", "peak memory, MB"),
        ("install_bytes", "size on disk, MB"),
    ):
        measured = {w: f for w, f in results.items() if any(key in values for values in f.values())}
        if measured:
            print(f"\n{title}\n" + table(measured, key))


if __name__ == "__main__":
    main()
