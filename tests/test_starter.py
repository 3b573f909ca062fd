"""`seqnet init --data`: the file written for a table checks clean and trains, whatever the table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqnet.datasets.csv_source import Csv
from seqnet.datasets.table_profile import profile_table
from seqnet.errors import SeqnetError
from seqnet.runs.train import train
from seqnet.spec.check import check_file
from seqnet.spec.run import load_spec
from seqnet.spec.starter import likely_target
from seqnet.spec.starter_check import checked_text
from tests.commands import Run, good, runner

ROWS = 240


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def write(path: Path, columns: dict[str, list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def features(rows: int = ROWS) -> dict[str, list[Any]]:
    rng = np.random.default_rng(5)
    return {
        "id": list(range(1, rows + 1)),
        "age": ["" if i % 9 == 0 else int(rng.integers(18, 80)) for i in range(rows)],
        "city": [["Rome", "Oslo", "Paris"][int(rng.integers(3))] for _ in range(rows)],
        "day": [f"2026-{i % 12 + 1:02d}-{i % 27 + 1:02d}" for i in range(rows)],
        "zip_code": [int(rng.integers(3)) + 10 for _ in range(rows)],
        "same": [1] * rows,
        "note": [f"remark {i} of many" for i in range(rows)],
        "income": [f"{np.exp(4 * rng.normal()):.3f}" for _ in range(rows)],
    }


def written(run: Run, tmp_path: Path, columns: dict[str, list[Any]], *arguments: str) -> dict[str, Any]:
    """The file for a table, which checks clean and trains."""
    write(tmp_path / "t.csv", columns)
    good(run("init", "--data", "t.csv", *arguments))
    result = check_file("t.yaml")
    assert result.problems == [], [problem.message for problem in result.problems]
    code, _, err = run("train", "t.yaml", "-s", "training.epochs=1")
    assert code == 0, err
    found: dict[str, Any] = yaml.safe_load((tmp_path / "t.yaml").read_text(encoding="utf-8"))
    return found


# The target, then: the last Dense, the loss, the metrics, whether classes are weighed.
TARGETS: dict[str, tuple[list[Any], dict[str, Any], Any, list[str], bool]] = {
    "words": ([("no", "yes")[i % 2] for i in range(ROWS)], {"units": 1, "activation": "sigmoid"},
              "binary_crossentropy", ["accuracy"], False),
    "flags": ([i % 3 % 2 for i in range(ROWS)], {"units": 1, "activation": "sigmoid"},
              "binary_crossentropy", ["accuracy"], False),
    "skewed": ([int(i % 11 == 0) for i in range(ROWS)], {"units": 1, "activation": "sigmoid"},
               "binary_crossentropy", ["accuracy", "balanced_accuracy"], True),
    "one and two": ([i % 2 + 1 for i in range(ROWS)], {"units": 1, "activation": "sigmoid"},
                    "binary_crossentropy", ["accuracy"], False),
    "three words": (["abc"[i % 3] for i in range(ROWS)], {"units": 3, "activation": "softmax"},
                    "sparse_categorical_crossentropy", ["accuracy"], False),
    "grades": ([i % 5 + 3 for i in range(ROWS)], {"units": 5, "activation": "softmax"},
               "sparse_categorical_crossentropy", ["accuracy"], False),
    "numbers": ([f"{(i * 37 % 101) / 7:.3f}" for i in range(ROWS)], {"units": 1}, "mse", ["mae", "r2_score"], False),
    "counts": ([i * 37 % 101 for i in range(ROWS)], {"units": 1}, "mse", ["mae", "r2_score"], False),
    "far out": ([f"{(i * 37 % 101) / 7 + 1000 * (i == 5):.3f}" for i in range(ROWS)], {"units": 1},
                {"Huber"}, ["mae", "r2_score"], False),
}  # fmt: skip


@pytest.mark.parametrize("kind", TARGETS)
def test_targets(kind: str, run: Run, tmp_path: Path) -> None:
    values, last, loss, metrics, weighed = TARGETS[kind]
    found = written(run, tmp_path, {**features(), "y": values}, "--target", "y")
    dense = [layer["Dense"] for layer in found["model"] if "Dense" in layer][-1]
    assert dense == last
    assert (set(found["loss"]) if isinstance(loss, set) else found["loss"]) == loss
    assert found["metrics"] == metrics
    assert found["training"].get("class_weight") == ("balanced" if weighed else None)
    assert found["callbacks"][0]["EarlyStopping"]["restore_best_weights"] is True
    assert found["data"]["validation_split"] and found["data"]["test_split"]


def test_columns_are_stated_and_left_out(run: Run, tmp_path: Path) -> None:
    y = [i * 37 % 101 / 7 for i in range(ROWS)]
    found = written(run, tmp_path, {**features(), "double": [2 * n for n in y], "y": y}, "--target", "y")
    source = found["data"]["csv"]
    assert source["path"] == "t.csv" and source["target"] == "y"
    assert set(source["drop"]) == {"id", "same", "note", "double"}
    assert source["columns"] == {
        "age": {"numeric": {"missing": "indicator"}},
        "city": "categorical",
        "day": {"date": {"parts": ["year", "month", "day", "weekday"]}},
        "zip_code": "categorical",
        "income": {"numeric": {"scale": "log"}},
    }
    text = (tmp_path / "t.yaml").read_text()
    assert "- double  # has correlation 1 with y" in text and "- id  # numbers the rows" in text


def test_several_flags_are_labels(run: Run, tmp_path: Path) -> None:
    flags: dict[str, list[Any]] = {"rain": [i % 2 for i in range(ROWS)], "wind": [i // 2 % 2 for i in range(ROWS)]}
    found = written(run, tmp_path, {**features(), **flags}, "--target", "rain", "--target", "wind")
    assert found["model"][-1] == {"Dense": {"units": 2, "activation": "sigmoid"}}
    assert (found["loss"], found["metrics"]) == ("binary_crossentropy", ["binary_accuracy"])


def test_several_numbers_are_scaled_each(run: Run, tmp_path: Path) -> None:
    sizes: dict[str, list[Any]] = {
        "a": [1000 + i * 37 % 101 for i in range(ROWS)],
        "b": [(i * 53 % 103) / 9 for i in range(ROWS)],
    }
    found = written(run, tmp_path, {**features(), **sizes}, "--target", "a", "--target", "b")
    scaling = found["model"][-1]["Rescaling"]
    assert len(scaling["scale"]) == len(scaling["offset"]) == 2 and scaling["offset"][0] == 1000.0


def test_truth_beside_a_number_is_a_number(run: Run, tmp_path: Path) -> None:
    both: dict[str, list[Any]] = {
        "a": [i * 37 % 101 for i in range(ROWS)],
        "b": [["no", "yes"][i % 2] for i in range(ROWS)],
    }
    found = written(run, tmp_path, {**features(), **both}, "--target", "a", "--target", "b")
    assert found["loss"] == "mse" and len(found["model"][-1]["Rescaling"]["scale"]) == 2


ODD = [
    "a: b",
    "# x",
    "yes",
    "[1]",
    "x*",
    "{k}",
    'it\'s "so"',
    "-",
    "ünïcode ☃",
    "1st",
    "null",
    "a,b",
    "tab\there",
    "x" * 200,
]


@pytest.mark.parametrize("name", ODD)
def test_odd_names(name: str, run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    columns: dict[str, list[Any]] = {
        name: ["uvw"[int(rng.integers(3))] for _ in range(60)],
        "xx": [i * 7 % 13 / 2 for i in range(60)],
    }
    found = written(run, tmp_path, {**columns, f"{name} ?": ["pq"[i % 2] for i in range(60)]}, "--target", f"{name} ?")
    assert found["data"]["csv"]["target"] == f"{name} ?"
    spec = load_spec(str(tmp_path / "t.yaml"))
    assert set(spec.load_data().feature_names or ()) == {f"{name}=u", f"{name}=v", f"{name}=w", "xx"}


def test_guessed_target(run: Run, tmp_path: Path) -> None:
    assert likely_target(["a", "Class", "b"]) == "Class" and likely_target(["a", "b"]) == "b"
    write(tmp_path / "t.csv", {"x": [i * 7 % 23 / 3 for i in range(60)], "price": [i * 3 % 47 / 2 for i in range(60)]})
    code, _, err = run("init", "--data", "t.csv")
    assert code == 0 and "the target is taken to be price" in err and "--target" in err


def test_a_column_that_names_the_splits(run: Run, tmp_path: Path) -> None:
    columns = {**features(), "y": [i % 2 for i in range(ROWS)], "split": ["train"] * 200 + ["test"] * 40}
    found = written(run, tmp_path, columns)
    data = found["data"]
    assert data["csv"]["target"] == "y" and "split" not in data["csv"]["columns"]
    assert (data["split_column"], data["validation_split"], data.get("test_split")) == ("split", 0.15, None)


@pytest.mark.parametrize(("scale", "warned"), [("none", True), ("standardize", False)])
def test_far_out_values_of_a_scaled_table_are_no_fault(scale: str, warned: bool, run: Run, tmp_path: Path) -> None:
    far = [1e6 if i == 9 else i * 37 % 101 / 7 for i in range(ROWS)]
    write(tmp_path / "t.csv", {"x": far, "y": [i % 2 for i in range(ROWS)]})
    good(
        run("init", "--data", "t.csv", "-s", f"scale={scale}", "-s", f"columns={{x: {{numeric: {{scale: {scale}}}}}}}")
    )
    problems = [problem.message for problem in check_file("t.yaml", ["data.test_split=0"]).problems]
    assert any("nothing scales them" in message for message in problems) == warned, problems


def test_words_among_numbers_and_rows_without_a_target(run: Run, tmp_path: Path) -> None:
    columns = {**features(), "y": [i * 37 % 101 / 7 for i in range(ROWS)]}
    columns["age"] = ["unsure" if i == 7 else 20 + i * 31 % 60 for i in range(ROWS)]
    columns["y"][3] = ""
    found = written(run, tmp_path, columns, "--target", "y")
    assert found["data"]["csv"]["target_missing"] == "drop"
    assert found["data"]["csv"]["missing_values"][-1] == "unsure"


def test_reading_options_are_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("".join(f"{i * 7 % 29 / 4};{'pq'[i % 2]}\n".replace(".", ",") for i in range(60)))
    good(run("init", "--data", "t.csv", "-s", "header=false", "-s", "delimiter=;", "-s", "decimal=,"))
    assert check_file("t.yaml").problems == []
    source = yaml.safe_load((tmp_path / "t.yaml").read_text())["data"]["csv"]
    assert source == {
        "path": "t.csv", "target": "column_2", "header": False, "delimiter": ";", "decimal": ","
    }  # fmt: skip


REFUSED: dict[str, tuple[dict[str, list[Any]], list[str], str]] = {
    "no column": ({"x": [1, 2, 3, 4]}, ["--target", "z"], "no column 'z'"),
    "one value": ({"x": [1, 2, 3, 4], "y": [1] * 4}, [], "is the same in every row"),
    "no value": ({"x": [1, 2, 3, 4], "y": [""] * 4}, [], "holds nothing"),
    "too few": ({"x": [1, 2], "y": [1, 2]}, [], "has 2 rows with a target"),
    "no feature": ({"y": ["a", "b"] * 10}, [], "no column to predict"),
    "texts": ({"x": [i * 7 % 5 for i in range(40)], "y": [f"t {i}" for i in range(40)]}, [], "40 different words"),
    "two words for it": ({"x": [1, 2, 3, 4], "y": [1, 2, 3, 5]}, ["--template", "image"], "--template and --data"),
    "unknown option": ({"x": [1, 2, 3, 4], "y": [1, 2, 3, 5]}, ["-s", "heder=1"], "header"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, run: Run, tmp_path: Path) -> None:
    columns, arguments, message = REFUSED[case]
    write(tmp_path / "t.csv", columns)
    code, out, err = run("init", "--data", "t.csv", *arguments)
    assert (code, out) == (2, "") and message in err
    assert not (tmp_path / "t.yaml").exists()


def test_never_overwrites(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "t.csv", {**features(), "y": [i % 2 for i in range(ROWS)]})
    (tmp_path / "t.yaml").write_text("mine")
    code, _, err = run("init", "--data", "t.csv")
    assert code == 2 and "exists already" in err and (tmp_path / "t.yaml").read_text() == "mine"
    good(run("init", "--data", "t.csv", "--force"))
    assert check_file("t.yaml").problems == []
    for arguments in (["--target", "y"], ["-s", "header=true"]):
        code, _, err = run("init", "other", *arguments)
        assert code == 2 and "needs --data" in err


NAMES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"], blacklist_characters='"'), min_size=1, max_size=8
)
CELLS = {
    "numbers": st.floats(-1e6, 1e6).map(lambda value: f"{value:.4g}"),
    "whole": st.integers(0, 12).map(str),
    "flags": st.sampled_from(["0", "1"]),
    "words": st.sampled_from(["red", "green", "blue", "teal"]),
    "truth": st.sampled_from(["yes", "no"]),
    "gaps": st.sampled_from(["", "3.5", "4.25", "NA", "7"]),
    "dates": st.dates().map(lambda day: day.isoformat()),
    "many": st.integers(0, 30).map(lambda number: f"w{number}"),
    "mixed": st.sampled_from(["1", "2", "x", "yes", "2026-01-01"]),
    "rare": st.sampled_from(["0"] * 30 + ["1"] * 20 + ["2"]),
}


@st.composite
def tables(draw: Any) -> dict[str, list[str]]:
    rows = draw(st.integers(24, 90))
    names = draw(st.lists(NAMES.map(str.strip).filter(lambda name: name and not name[0].isdigit()),
                          min_size=2, max_size=6, unique_by=str))  # fmt: skip
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(list(CELLS)))
        columns[name] = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
    return columns


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns=tables())
def test_any_table_gives_a_file_that_checks_clean_or_a_reason(
    columns: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write(folder / "t.csv", columns)
    source = Csv(str(folder / "t.csv"), target=list(columns)[-1], header=True, delimiter=",")
    path = folder / "t.yaml"
    try:
        text, remarks = checked_text(profile_table(source), source, path)
    except SeqnetError as error:
        assert "\n" not in str(error) and any(
            reason in str(error)
            for reason in ("nothing to learn", "to predict", "different", "infinity", "two columns", "with a target")
        ), error
        return
    assert remarks == []
    path.write_text(text, encoding="utf-8")
    assert check_file(path).problems == []
    train(load_spec(path, ["training.epochs=1"]), runs=folder / "runs")
