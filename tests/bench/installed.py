"""What it takes to get going: seconds from the start of a process, and bytes of what has to be installed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.race import BACKENDS, summary

PACKAGE = Path(__file__).parents[2] / "seqnet"
EPOCHS = 3
STARTUP_PATIENCE = 180.0  # seconds

DATA = """
import numpy as np
x = np.random.default_rng(0).random((60000, 784), dtype=np.float32)
y = np.random.default_rng(1).integers(0, 10, 60000)
"""
SEQUENTIAL = """
model = Sequential([Input((784,)), Dense(128, activation="relu"), Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs={epochs}, verbose=0)
"""
TORCH = """
model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
x, y = torch.from_numpy(x), torch.from_numpy(y)
for epoch in range({epochs}):
    for rows in torch.randperm(len(x)).split(32):
        optimizer.zero_grad()
        loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
"""
SKLEARN = """
import warnings
warnings.simplefilter("ignore")  # that it has not converged
MLPClassifier((128,), batch_size=32, max_iter={epochs}, alpha=0).fit(x, y)
"""
# What is imported, and what trains the first network.
KERAS = ("from keras import Sequential\nfrom keras.layers import Dense, Input", SEQUENTIAL)
SCRIPTS = {
    "seqnet": ("from seqnet.models import Sequential\nfrom seqnet.layers import Dense, Input", SEQUENTIAL),
    **dict.fromkeys(BACKENDS, KERAS),
    "torch": ("import torch", TORCH),
    "sklearn": ("from sklearn.neural_network import MLPClassifier", SKLEARN),
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


def startup(contestants: dict[str, str], rounds: int) -> dict[str, Any]:
    """Seconds from the start of a process to the end of its imports, and to the end of training a first network."""
    times: dict[str, dict[str, list[float]]] = {name: {"import": [], "train": []} for name in contestants}
    out: dict[str, str] = {}
    for _ in range(rounds):
        for name in [name for name in contestants if name not in out]:
            imports, training = SCRIPTS[name]
            codes = {"import": imports, "train": imports + DATA + training.format(epochs=EPOCHS)}
            try:
                for key, code in codes.items():
                    times[name][key].append(_run(name, contestants[name], code))
            except subprocess.TimeoutExpired:
                out[name] = f"it took more than {STARTUP_PATIENCE:.0f} s"
            except subprocess.CalledProcessError as error:
                words = (error.stderr.decode(errors="replace").strip() or "without a word").splitlines()
                out[name] = words[-1]
            if name in out:
                print(f"start: {name} is out: {out[name]}", file=sys.stderr)
    measured = {name: taken for name, taken in times.items() if name not in out}
    return {name: {key: summary(values) for key, values in taken.items()} for name, taken in measured.items()}


def _run(name: str, python: str, code: str) -> float:
    environment = {**os.environ, "KERAS_BACKEND": BACKENDS.get(name, ""), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    subprocess.run([python, "-c", code], env=environment, check=True, capture_output=True, timeout=STARTUP_PATIENCE)
    return time.perf_counter() - started


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
