"""`python -m tests.bench.csv_loading [--peers PYTHON] [--rounds N]`: how long a csv of 100,000 rows takes to become
arrays, here and with pandas.

10 columns of numbers and 3 of categories, some cells empty. pandas: read_csv, fillna with the means, standardize,
get_dummies, float32. Each side runs in processes of its own, in turn; a round is one load in a process that has
loaded the file once before. PYTHON has pandas.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROWS, NUMBERS, CATEGORIES = 100_000, 10, (5, 12, 40)

OURS = """
from pathlib import Path
from seqnet.datasets.csv_source import Csv
def load(path):
    data = Csv(path=path, target="y").load(Path())
    data.prepare()
    return data.train.x
"""
PANDAS = """
import numpy as np, pandas as pd
def load(path):
    table = pd.read_csv(path)
    y = table.pop("y").to_numpy(np.float32)
    numbers = table.select_dtypes("number")
    numbers = numbers.fillna(numbers.mean())
    numbers = (numbers - numbers.mean()) / numbers.std(ddof=0)
    words = pd.get_dummies(table.select_dtypes(exclude="number"))
    return pd.concat([numbers, words], axis=1).to_numpy(np.float32)
"""
LOOP = """
import sys, time
load(sys.argv[1])
for _ in range(3):
    start = time.perf_counter()
    x = load(sys.argv[1])
    print(time.perf_counter() - start, x.shape, float(abs(x).sum(dtype="float64")), sep=";")
"""


def write(path: Path) -> None:
    """The table; the same one each time."""
    draw = np.random.default_rng(0)
    columns = [np.char.mod("%.6g", draw.normal(3, 2, ROWS)) for _ in range(NUMBERS)]
    columns += [np.char.add("kind_", draw.integers(0, count, ROWS).astype(str)) for count in CATEGORIES]
    for column in columns:
        column[draw.random(ROWS) < 0.02] = ""
    columns.append(np.char.mod("%.4f", draw.normal(size=ROWS)))
    names = [f"n{i}" for i in range(NUMBERS)] + [f"c{i}" for i in range(len(CATEGORIES))] + ["y"]
    path.write_text("\n".join(map(",".join, [names, *zip(*columns, strict=True)])) + "\n")


def timed(python: str, script: str, path: Path) -> tuple[list[float], str]:
    done = subprocess.run([python, "-c", script + LOOP, str(path)], capture_output=True, text=True, check=True)
    lines = [line.split(";", 1) for line in done.stdout.splitlines()]
    return [float(line[0]) for line in lines], lines[0][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="a Python that has pandas")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sides = {"seqnet": (sys.executable, OURS)}
    if options.peers:
        sides["pandas"] = (options.peers, PANDAS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path)
        taken: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side, (python, script) in sides.items():
                seconds, got = timed(python, script, path)
                taken[side] += [statistics.median(seconds)]
                print(f"{side}: {taken[side][-1] * 1000:.0f} ms, {got.replace(';', ', sum ')}", flush=True)
    for side, seconds in taken.items():
        print(f"{side}: median {statistics.median(seconds) * 1000:.0f} ms of {len(seconds)} rounds")


if __name__ == "__main__":
    main()
