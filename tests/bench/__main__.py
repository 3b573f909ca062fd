"""`python -m tests.bench [--peers PYTHON] [--rounds N] [--only WORD]`: race, print the tables, write them down.

Every contestant runs in a process of its own; rounds go around the contestants in turn, so that what else the machine
does meets all alike. Reported are medians, their spread, and the ratio to the best of the others. A contestant whose
first round at a work takes more than a minute is out of that work. With --write every work is in the results as soon
as it is over, beside those of earlier runs.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tests.bench.installed import installed, startup
from tests.bench.limit import limit
from tests.bench.race import PEERS, race
from tests.bench.report import INSTALLED, STARTUP, keep, sections, table
from tests.bench.works import WORKS


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
        take(name, {**race(name, contestants, options.rounds), "limit": limit(WORKS[name])})
        print(table({name: results[name]}), flush=True)
    if asked(STARTUP):
        take(STARTUP, startup(contestants, min(options.rounds, 3)))
    if asked(INSTALLED):
        take(INSTALLED, installed(contestants))
    for title, rows in sections(results):
        print(f"\n{title}:\n\n{rows}")


if __name__ == "__main__":
    main()
