"""`seqnet data info` of tables, and of the rows that two splits share."""

from __future__ import annotations

import csv
import gzip
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.datasets import column_stats, table_profile
from seqnet.datasets.base import Data, Split
from seqnet.datasets.column_stats import ColumnStats, Moments
from seqnet.datasets.csv_source import Csv
from seqnet.datasets.overlap import overlaps
from seqnet.datasets.table import Coded
from seqnet.datasets.table_profile import profile_table
from tests.commands import Run, good, runner

N = 120
Columns = dict[str, list[Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def profiled(folder: Path, columns: Columns, target: str | None = None) -> dict[str, Any]:
    path = folder / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return profile_table(Csv(str(path), target=target))


def one(folder: Path, cells: list[Any]) -> dict[str, Any]:
    """The profile of a column."""
    return dict(profiled(folder, {"c": cells, "other": [i * 7 % 11 for i in range(len(cells))]})["columns"][0])


# Cells, and what the profile is to say of them.
COLUMNS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "numbers": ([1.5, 2, "", -4], {"type": "numeric", "missing": 1, "share": 0.25, "distinct": 3, "min": -4, "max": 2}),
    "flags": ([0, 1, 1, 0], {"type": "boolean", "distinct": 2, "mean": 0.5}),
    "truth": (["yes", "no", "NA", "no"], {"type": "boolean", "missing": 1}),
    "words": (["b", "a", "b", "b"], {"type": "categorical", "distinct": 2}),
    "dates": (["2026-03-01", "2025-12-31"], {"type": "date", "last": "2026-03-01"}),
    "german": (["1.3.2026", "31.12.2025"], {"type": "date", "formats": ["%d.%m.%Y"], "first": "31.12.2025"}),
    "either way": (["01/02/2026", "03/04/2026"], {"type": "date", "formats": ["%d/%m/%Y", "%m/%d/%Y"]}),
    "text": ([f"t {i}" for i in range(30)], {"type": "text", "distinct": 30}),
    "nothing": (["", "NA", "", ""], {"type": "empty", "missing": 4, "distinct": 0}),
    "mistakes": ([*range(40), "n.a.", "n.a."], {"type": "numeric", "mistaken": 2, "max": 39, "distinct": 41,
                                                "mistakes": [{"word": "n.a.", "row": 40}]}),
    "infinite": ([1, 2, "inf", 4], {"type": "numeric", "infinite": 1, "max": 4}),
    "half words": ([1, "x", 2, "y"], {"type": "categorical", "distinct": 4}),
}  # fmt: skip


@pytest.mark.parametrize("case", COLUMNS)
def test_columns(case: str, tmp_path: Path) -> None:
    cells, expected = COLUMNS[case]
    found = one(tmp_path, cells)
    assert {key: found.get(key) for key in expected} == expected


def varied() -> Columns:
    rng = np.random.default_rng(3)
    y = rng.normal(size=N).round(4).tolist()
    return {
        "id": list(range(N)),
        "a": rng.normal(size=N).round(4).tolist(),
        "group": [int(value > 0) for value in y],
        "y": y,
    }


def test_suspicions(tmp_path: Path) -> None:
    columns = varied()
    columns |= {
        "again": columns["a"],
        "less": [-2 * value + 1 for value in columns["y"]],
        "same": [5] * N,
        "none": [""] * N,
    }
    columns |= {"code": [f"k{i:04d}" for i in range(N)], "user_id": [i * 7919 % 100_003 for i in range(N)]}
    found = profiled(tmp_path, columns, "y")
    assert found["constant"] == ["same"] and found["empty"] == ["none"] and found["duplicates"] == [["a", "again"]]
    assert {entry["column"] for entry in found["ids"]} == {"id", "code", "user_id"}
    assert found["leaks"] == [{"column": "less", "why": "has correlation -1 with y", "sure": True}]
    assert found["classes"] is None
    found = profiled(tmp_path, {**columns, "word": [("low", "high")[n] for n in columns["group"]]}, "group")
    assert [leak["column"] for leak in found["leaks"]] == ["word"] and found["leaks"][0]["sure"]
    ups = sum(columns["group"])
    assert sorted(found["classes"], key=lambda entry: entry["name"]) == [
        {"name": "0", "rows": N - ups},
        {"name": "1", "rows": ups},
    ]


def test_a_column_that_determines_the_target_or_equals_it(tmp_path: Path) -> None:
    kinds = [i * 7 % 6 for i in range(N)]
    columns: Columns = {"kind": kinds, "x": [i * 31 % 17 for i in range(N)], "y": ["ab"[k % 2] for k in kinds]}
    leaks = profiled(tmp_path, {**columns, "y2": columns["y"]}, "y")["leaks"]
    assert {leak["column"]: leak["sure"] for leak in leaks} == {"y2": True, "kind": False}


def test_equal_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns: Columns = {"x": [1, 2, 1, 1, -0.0, 0], "y": ["a", "b", "a", "b", "", ""]}
    assert profiled(tmp_path, columns)["equal_rows"] == {"count": 2, "among": 6}
    monkeypatch.setattr(table_profile, "ROWS", 2)
    assert profiled(tmp_path, columns)["equal_rows"] == {"count": 0, "among": 2}


def test_blocks_add_up() -> None:
    """Statistics of blocks against NumPy's of the whole; numbers in one block, words in another."""
    rng = np.random.default_rng(0)
    x, y = 1e6 + rng.normal(size=1000), rng.normal(size=1000)
    y += 0.5 * x
    moments, stats = Moments(), ColumnStats("x")
    for start in range(0, 1000, 77):
        moments.add(x[start : start + 77], y[start : start + 77])
        stats.add(x[start : start + 77])
    assert moments.correlation == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)
    assert (stats.moments.x, stats.deviation) == pytest.approx((x.mean(), x.std()), rel=1e-9)
    assert (stats.low, stats.high, stats.distinct, stats.rows) == (x.min(), x.max(), 1000, 1000)
    first = stats.add(np.array([7.0, np.nan]))
    second = stats.add(Coded(np.array([0, -1, 1], np.int32), ["7", "seven"]))
    assert first[0] == second[0] and first[1] == second[1] and len({*second.tolist()}) == 3
    assert (stats.gaps, stats.worded, stats.distinct) == (2, 1, 1002)


def test_distinct_counts_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_stats, "BOUND", 50)
    monkeypatch.setattr(table_profile, "BOUND", 50)
    monkeypatch.setattr(column_stats, "FREQUENT", 10)
    columns: Columns = {
        "n": [i / 8 for i in range(N)],
        "w": [f"w {i}" for i in range(N)],
        "few": [i % 50 for i in range(N)],
    }
    found = profiled(tmp_path, columns)["columns"]
    assert [(entry["distinct"], entry["more_than"]) for entry in found] == [(None, 50), (None, 50), (50, None)]
    assert [entry["type"] for entry in found] == ["numeric", "text", "numeric"]


def test_the_page_and_the_document(run: Run, tmp_path: Path) -> None:
    profiled(tmp_path, {**varied(), "na\x1bme": ["a [b]"] * N})
    out = good(run("data", "info", "t.csv", "--target", "group"))
    assert "120, 5 columns" in out and "id numbers the rows" in out and "class of group" in out
    assert "\x1b" not in out and "a [b] 120" in out
    assert json.loads(good(run("data", "info", "t.csv", "--json")))["rows"] == N
    with gzip.open(tmp_path / "z.tsv.gz", "wt") as file:
        file.write("a\tb\n1\tx\n2\ty\n")
    assert [entry["type"] for entry in json.loads(good(run("data", "info", "z.tsv.gz", "--json")))["columns"]] == [
        "numeric",
        "categorical",
    ]
    (tmp_path / "h.csv").write_text("1;2,5\n3;4,5\n")
    found = json.loads(good(run("data", "info", "h.csv", "--json", "-s", "header=false", "-s", "delimiter=;")))
    assert [entry["mean"] for entry in found["columns"]] == [2, 3.5]


WRONG = {
    "no file": (["none.csv"], "none.csv"),
    "no column": (["t.csv", "--target", "grup"], "did you mean group?"),
    "no table": (["iris", "--target", "x"], "--target is for a table"),
    "no option": (["t.csv", "-s", "header"], "write OPTION=VALUE"),
    "header only": (["e.csv"], "no rows"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong(case: str, run: Run, tmp_path: Path) -> None:
    profiled(tmp_path, varied())
    (tmp_path / "e.csv").write_text("a,b\n")
    arguments, message = WRONG[case]
    code, out, err = run("data", "info", *arguments)
    assert code in (1, 2) and out == "" and message in err and "Traceback" not in err


# -- rows in two splits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (8, 8), (28, 28, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64])
def test_overlap(shape: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(2)
    x = (200 * rng.random((40, *shape))).astype(dtype)
    x.reshape(40, -1)[:, 0] = np.arange(40)  # all different
    test = np.concatenate([x[[3, 7]], (x[:5] + 100).astype(dtype)])
    found = overlaps(Data("d", Split(x[:20]), Split(x[18:22]), Split(test)))
    assert [(entry["splits"], entry["rows"], entry["of"], entry["examples"]) for entry in found] == [
        (["train", "validation"], 2, 4, [[0, 18], [1, 19]]),
        (["train", "test"], 2, 7, [[0, 3], [1, 7]]),
        (["validation", "test"], 0, 7, []),
    ]


def test_overlap_of_texts_and_of_zeros() -> None:
    texts = Data("d", Split(np.array(["a", "b"], object)), test=Split(np.array(["c", "b"], object)))
    assert overlaps(texts)[0]["examples"] == [[1, 1]]
    zeros = Data("d", Split(np.array([[0.0], [1.0]])), test=Split(np.array([[-0.0]])))
    assert overlaps(zeros)[0]["rows"] == 1


def test_overlap_is_shown(run: Run, tmp_path: Path) -> None:
    rows = [f"{i},{i * 3 % 7},{'pq'[i % 2]}\n" for i in range(20)] * 2
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(rows))
    (tmp_path / "t.yaml").write_text(
        "data: {csv: {path: t.csv, target: y}, validation_split: 0.25}\nmodel: [{Dense: {units: 2}}]\n"
    )
    out = good(run("data", "info", "t.yaml"))
    found = json.loads(good(run("data", "info", "t.yaml", "--json")))["overlap"][0]
    assert found["splits"] == ["train", "validation"] and 0 < found["rows"] <= found["of"] == 10
    assert f"{found['rows']:,} of 10 validation rows" in out


# -- memory -----------------------------------------------------------------------------------------------------------

MEASURED = """
import resource, sys
from seqnet.datasets.csv_source import Csv
from seqnet.datasets.table_profile import profile_table
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small = profile_table(Csv(sys.argv[1], target="y"))
before = peak()
found = profile_table(Csv(sys.argv[2], target="y"))
print(found["rows"], peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts kilobytes on Linux")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A fiftieth of the 2 GB of the requirement: 40 MB may add no more than a fiftieth of 1 GB to what 10 MB take,
    beyond the distinct values that are kept up to a bound, and 8 bytes a row."""
    rng = np.random.default_rng(0)
    sizes = {"small.csv": 200_000, "large.csv": 800_000}
    for name, count in sizes.items():
        values = rng.integers(0, 90_000, (count, 6)).tolist()
        with (tmp_path / name).open("w") as file:
            file.write("a,b,c,d,e,w,y\n")
            file.writelines(f"{','.join(map(str, row))},{'pq'[row[0] % 2]}\n" for row in values)
    found = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "small.csv"), str(tmp_path / "large.csv")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows, grown = found.stdout.split()
    kept = 8 * 3 * sizes["large.csv"] / 2**20  # the hashes of the rows, joined and sorted
    assert int(rows) == sizes["large.csv"] and float(grown) < 1024 / 50 + kept
    assert not math.isnan(float(grown))


def test_parted_thousands_are_told(run: Run, tmp_path: Path) -> None:
    prices = [f"{1 + i % 9},{i + 100}.50" for i in range(40)]
    (tmp_path / "p.csv").write_text(
        "size,price\n" + "".join(f'{i * i % 17},"{price}"\n' for i, price in enumerate(prices))
    )
    said = " ".join(good(run("data", "info", "p.csv")).split())
    assert "price holds '1,100.50': read it with thousands: \",\" where that is a number (-s OPTION=VALUE)" in said
    assert "tells rows apart" not in said
    code, _, err = run("init", "--data", "p.csv", "--target", "price")
    assert code == 2 and 'or read it with thousands: ","' in err
    good(run("init", "--data", "p.csv", "--target", "price", "-s", "thousands=,"))
    assert "thousands: ','" in (tmp_path / "p.yaml").read_text()
