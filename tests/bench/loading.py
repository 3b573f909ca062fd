"""What share of a step the loading of its rows takes, from a file that stays on the disk and from memory.

    python -m tests.bench.loading [--megabytes 1000] [--dtype float32] [--batch 32] [--rounds 5]

The network is 784-128-10, whose steps are the shortest of those that are raced. Loading is all that is done to have
a batch: the rows are gathered, converted and put in order. Its share is that time over the epoch's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import seqnet
from seqnet.datasets.arrayfiles import open_npy
from seqnet.training.ahead import Ahead

PIXELS = 784


def write(path: Path, megabytes: int, dtype: np.dtype[Any]) -> None:
    """Random rows, in a file of about so many megabytes."""
    rng = np.random.default_rng(0)
    rows = megabytes * 1_000_000 // (PIXELS * dtype.itemsize)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(rows, PIXELS))
    for start in range(0, rows, 10_000):
        part = file[start : start + 10_000]
        part[:] = rng.random(part.shape) if dtype.kind == "f" else rng.integers(0, 256, part.shape)
    file.flush()


def share(x: Any, batch: int, steps: int) -> tuple[float, float]:
    """The share of loading, and milliseconds of a step."""
    spent = 0.0
    get = Ahead.get

    def timed(self: Any, rows: Any, then: Any) -> Any:
        nonlocal spent
        started = time.perf_counter()
        found = get(self, rows, then)
        spent += time.perf_counter() - started
        return found

    layers = seqnet.layers
    model = seqnet.Sequential(
        [layers.Input((PIXELS,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    y = np.random.default_rng(1).integers(0, 10, len(x))
    model.fit(x, y, batch_size=batch, epochs=1, steps_per_epoch=200, verbose=0)
    Ahead.get = timed  # type: ignore[method-assign]
    try:
        started = time.perf_counter()
        model.fit(x, y, batch_size=batch, epochs=1, steps_per_epoch=steps, verbose=0)
        whole = time.perf_counter() - started
    finally:
        Ahead.get = get  # type: ignore[method-assign]
    return spent / whole, whole / steps * 1e3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        write(path, chosen.megabytes, np.dtype(chosen.dtype))
        mapped = open_npy(path, 0)
        steps = len(mapped) // chosen.batch
        memory = mapped[:]
        found: dict[str, list[tuple[float, float]]] = {"mapped": [], "memory": []}
        for _ in range(chosen.rounds):
            for name, x in (("mapped", mapped), ("memory", memory)):
                found[name].append(share(x, chosen.batch, steps))
    for name, rounds in found.items():
        shares, times = zip(*rounds, strict=True)
        print(
            f"{name}: loading {statistics.median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%}) of a step of "
            f"{statistics.median(times):.3f} ms"
        )


if __name__ == "__main__":
    sys.exit(main())
