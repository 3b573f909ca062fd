"""How long a table of 100,000 rows takes to load and prepare, beside pandas.

    python -m tests.bench.csv_loading [--peer PYTHON] [--rounds 7]

Ten columns of numbers, three of categories, 1 % of the cells empty: gaps filled with means, numbers standardized,
categories one-hot. PYTHON is one that has pandas; without it, seqnet alone is timed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS = 100_000
PANDAS = """
import sys, time
import numpy as np, pandas as pd
path, rounds = sys.argv[1], int(sys.argv[2])
for _ in range(rounds):
    started = time.perf_counter()
    table = pd.read_csv(path)
    y = table.pop("y").to_numpy(np.float32)
    numbers = table.select_dtypes("number")
    numbers = numbers.fillna(numbers.mean())
    numbers = (numbers - numbers.mean()) / numbers.std(ddof=0)
    words = pd.get_dummies(table.select_dtypes(exclude="number"), dtype="float32")
    x = np.concatenate([numbers.to_numpy(np.float32), words.to_numpy(np.float32)], axis=1)
    print(time.perf_counter() - started, x.shape[1], flush=True)
"""


def write(path: Path) -> None:
    """The table."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(100, 30, (ROWS, 10))
    words = [
        np.array(kinds)[rng.integers(0, len(kinds), ROWS)] for kinds in (("red", "green", "blue"), CITIES, ("a", "b"))
    ]
    gaps = rng.random((ROWS, 13)) < 0.01
    with path.open("w") as file:
        file.write(",".join([*(f"n{i}" for i in range(10)), "colour", "city", "side", "y"]) + "\n")
        for i in range(ROWS):
            cells = [f"{v:.4f}" for v in numbers[i]] + [column[i] for column in words]
            file.write(",".join("" if gap else cell for cell, gap in zip(cells, gaps[i], strict=True)))
            file.write(f",{numbers[i, 0]:.3f}\n")


CITIES = tuple(f"city {i}" for i in range(40))


def ours(path: Path, rounds: int) -> list[float]:
    """Seconds of each round."""
    from seqnet.datasets.base import Source
    from seqnet.declare import get

    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        data = get(Source, {"csv": {"path": str(path), "target": "y"}}).load(Path())
        data.prepare()
        times.append(time.perf_counter() - started)
        assert data.train.x.shape == (ROWS, 10 + 3 + len(CITIES) + 2)
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path)
        mine, theirs = [], []
        for _ in range(chosen.rounds):
            mine += ours(path, 1)
            if chosen.peer:
                done = subprocess.run(
                    [chosen.peer, "-c", PANDAS, str(path), "1"], capture_output=True, text=True, check=True
                )
                theirs.append(float(done.stdout.split()[0]))
    print(f"seqnet {statistics.median(mine):.3f} s ({min(mine):.3f} to {max(mine):.3f})")
    if theirs:
        print(f"pandas {statistics.median(theirs):.3f} s ({min(theirs):.3f} to {max(theirs):.3f})")
        print(f"ratio  {statistics.median(mine) / statistics.median(theirs):.2f}")


if __name__ == "__main__":
    sys.exit(main())
