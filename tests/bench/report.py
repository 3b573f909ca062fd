"""The results: a file that keeps what was measured, and the README's tables that are made from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bench.race import EPOCHS, PATIENCE, PEERS
from tests.bench.works import WORKS

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parents[2] / "README.md"
STARTUP = "start to the end of 3 epochs"
INSTALLED = "installed, with all it needs"
SCALING = "scaling"
BENCH, GROWTH = "bench", "scaling"  # the marks in the README
INTRO = """\
Medians over {measurements}; the last column is seqnet's divided by the best of the others. Measured by
`make bench` on two cores of an x86-64 server, each contestant in a process of its own with its recommended way of
feeding arrays, rounds going around the contestants in turn."""

Results = dict[str, Any]


def names_in(results: Results) -> list[str]:
    """The contestants that there are results of, in order."""
    return [n for n in ("seqnet", *PEERS) if any(n in found for found in results.values())]


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" if line[0] != "---" else "|---" * len(line) + "|" for line in lines)


def table(results: Results, key: str = "train", unit: float = 1.0) -> str:
    """Medians times `unit`, and seqnet's divided by the best of the others."""
    names = names_in(results)
    rows = []
    for work, found in results.items():
        medians = {n: found[n][key]["median"] for n in names if key in found.get(n, {})}
        others = [median for n, median in medians.items() if n != "seqnet"]
        ratio = f"**{medians['seqnet'] / min(others):.2f}**" if others and "seqnet" in medians else "–"
        late = f"> {PATIENCE:.0f}" if key == "train" else "–"
        cells = [
            number(medians[n] * unit) if n in medians else late if "dropped" in found.get(n, {}) else "–" for n in names
        ]
        rows.append([work, *cells, ratio])
    return markdown(["work", *names, "ratio"], rows)


def spread_table(results: Results, key: str = "train") -> str:
    """The lowest and the highest of what the medians of `table` are of."""
    names = names_in(results)

    def cell(values: dict[str, Any]) -> str:
        return f"{number(values[key]['low'])}–{number(values[key]['high'])}" if key in values else "–"

    rows = ([work, *(cell(found.get(n, {})) for n in names)] for work, found in results.items())
    return markdown(["work", *names], rows)


def limit_table(results: Results) -> str:
    """Milliseconds of the limit of a step on all cores, and the share of it that each contestant's epochs reach."""
    known = {work: found for work, found in results.items() if "limit" in found}
    names = names_in(known)
    rows = []
    for work, found in known.items():
        limit, steps = found["limit"], math.ceil(WORKS[work].rows / WORKS[work].batch)
        least = (limit["products_s"] + limit["bytes_s"]) * steps
        shares = [f"{least / found[n]['train']['median']:.1%}" if "train" in found.get(n, {}) else "–" for n in names]
        rows.append([work, number(1e3 * limit["products_s"]), number(1e3 * limit["bytes_s"]), *shares])
    return markdown(["work", "products, ms", "bytes, ms", *names], rows)


def scaling_tables(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Titles and tables of what tests.bench.scaling measured."""
    growth, samples = [], []
    factors = list(next(iter(found.values()))["rows"])
    batches = list(next(iter(next(iter(found.values()))["batch"].values())))
    for work, measured in found.items():
        epochs = [measured["rows"][factor]["median"] for factor in factors]
        growth.append([work, *map(number, epochs), f"{epochs[-1] / epochs[0] / float(factors[-1]):.2f}"])
        for threads, by_batch in measured["batch"].items():
            cells = [number(1e6 * by_batch[batch]["median"] / measured["sample_rows"]) for batch in batches]
            samples.append([f"{work.split(',')[0]}, {threads} thread{'s' * (threads != '1')}", *cells])
    last = f"a row at ×{factors[-1]} against ×1"
    by_rows = markdown(["work", *(f"×{factor}" for factor in factors), last], growth)
    by_batch = markdown(["network", *batches], samples)
    return [
        ("Seconds for an epoch of seqnet when there are more rows", by_rows),
        ("Microseconds a sample of seqnet's training, by batch size", by_batch),
    ]


def number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def sections(results: Results) -> list[tuple[str, str]]:
    """Titles and tables of all that was measured."""
    works = {work: found for work, found in results.items() if work in WORKS}
    start = {"imports": {n: {"train": v["import"]} for n, v in results.get(STARTUP, {}).items() if "import" in v}}
    start[STARTUP] = results.get(STARTUP, {})
    start = {row: found for row, found in start.items() if found}
    size = {work: found for work, found in results.items() if work == INSTALLED}

    def having(key: str) -> Results:
        return {work: found for work, found in works.items() if any(key in values for values in found.values())}

    all_there_are = [
        (
            f"Seconds for an epoch of the rows in `tests/bench/works.py`, within a fit of {EPOCHS}",
            having("train"),
            lambda found: table(found),
        ),
        ("Of these, the lowest and the highest", having("train"), lambda found: spread_table(found)),
        (
            "The least milliseconds of a step on all cores (its matrix products alone at the rate that one large "
            "product reaches, plus the bytes it can't avoid to write at the rate of a copy), and the share of it that "
            "each reaches; a convolution computed with fewer operations than it has on paper may pass it",
            {work: found for work, found in works.items() if "limit" in found},
            limit_table,
        ),
        ("Milliseconds to predict one row", having("predict_1"), lambda found: table(found, "predict_1", 1e3)),
        ("Milliseconds to predict 256 rows", having("predict_256"), lambda found: table(found, "predict_256", 1e3)),
        (
            "Peak memory in training, MB, of all processes of a contestant, pages that they share counted once",
            having("peak_family_bytes"),
            lambda found: table(found, "peak_family_bytes", 1e-6),
        ),
        ("Seconds from the start of a process, mlp 784-128-10, batch 32", start, lambda found: table(found)),
        ("Size on disk, MB", size, lambda found: table(found, "install_bytes", 1e-6)),
    ]
    return [(title, make(found)) for title, found, make in all_there_are if found]


def options_line(results: Results) -> str:
    """How many measurements there were."""
    counts = {found["seqnet"]["train"]["rounds"] for found in results.values() if "train" in found.get("seqnet", {})}
    return f"{' or '.join(str(int(c)) for c in sorted(counts))} epochs or calls"


def write_readme(results: Results) -> None:
    """Replace what is between the README's marks."""
    intro = INTRO.format(measurements=options_line(results))
    text = README.read_text(encoding="utf-8")
    text = _between(text, BENCH, [intro, *(f"{title}:\n\n{rows}" for title, rows in sections(results))])
    grown = scaling_tables(results[SCALING]) if SCALING in results else []
    text = _between(text, GROWTH, [f"{title}:\n\n{rows}" for title, rows in grown])
    README.write_text(text, encoding="utf-8")


def _between(text: str, mark: str, parts: list[str]) -> str:
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = text.split(start, 1)
    after = rest.split(end, 1)[1]
    return "\n\n".join([before + start, *parts, end + after])


def keep(name: str, found: dict[str, Any]) -> None:
    """Put the results of a work in place of older ones, in the file and in the README."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    stored[name] = found
    stored = {work: stored[work] for work in (*WORKS, STARTUP, INSTALLED, SCALING) if work in stored}
    whole = RESULTS.with_suffix(".part")
    whole.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    whole.replace(RESULTS)  # in one go: an interrupted run leaves the file as it was or as it should be
    write_readme(stored)
