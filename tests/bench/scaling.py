"""`python -m tests.bench.scaling [--rounds N] [--write]`: how seqnet's epochs grow with rows, batch size and threads.

Every setting trains in a process of its own, rounds going around the settings in turn. With --write the results are
put beside those of the race, and into the README.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tests.bench.race import EPOCHS, Contestant, summary
from tests.bench.report import SCALING, keep, scaling_tables
from tests.bench.works import WORKS

RACED = ("mlp 784-128-10, batch 128", "cnn 28×28, batch 128")
FACTORS = (1, 2, 4)  # times the rows of the work
BATCHES = (128, 256, 512, 1024)
THREADS = (1, 2)


def scaling(name: str, rounds: int) -> dict[str, Any]:
    """Seconds an epoch of a work for more rows, and by threads and batch size."""
    rows = WORKS[name].rows
    by_rows = _epochs(name, [{"rows": factor * rows} for factor in FACTORS], rounds)
    settings = [{"batch": batch, "threads": threads} for threads in THREADS for batch in BATCHES]
    by_batch = iter(_epochs(name, settings, rounds))
    return {
        "rows": {str(factor): found for factor, found in zip(FACTORS, by_rows, strict=True)},
        "batch": {str(threads): {str(batch): next(by_batch) for batch in BATCHES} for threads in THREADS},
        "sample_rows": rows,
    }


def _epochs(name: str, settings: list[dict[str, int]], rounds: int) -> list[dict[str, float]]:
    running = [Contestant("seqnet", sys.executable) for _ in settings]
    times: list[list[float]] = [[] for _ in settings]
    try:
        for process, setting in zip(running, settings, strict=True):
            _answer(process, work=name, **setting)
            _answer(process, train=1)
        for _ in range(rounds):
            for process, taken in zip(running, times, strict=True):
                taken += _answer(process, train=EPOCHS)["seconds"]
    finally:
        for process in running:
            process.close()
    return [summary(taken) for taken in times]


def _answer(process: Contestant, **command: Any) -> dict[str, Any]:
    answer = process.ask(**command)
    if answer is None:
        raise SystemExit(f"seqnet gave up at {command}")
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the results to tests/bench/results.json")
    options = parser.parse_args()
    found = {name: scaling(name, options.rounds) for name in RACED}
    if options.write:
        keep(SCALING, found)
    for title, rows in scaling_tables(found):
        print(f"\n{title}:\n\n{rows}")


if __name__ == "__main__":
    main()
