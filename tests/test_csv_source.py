"""Tables become numbers as the file says, by what training rows say; and what is wrong is told with line and column."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.columns import Boolean, Categorical, ColumnKind, Date, Numeric
from seqnet.datasets.preparation import restored, saved
from seqnet.datasets.table import Coded
from seqnet.datasets.text_columns import Words
from seqnet.declare import get
from seqnet.errors import CheckpointError, DataError, SpecError
from seqnet.layers import TextVectorization
from seqnet.runs.evaluate import evaluate
from seqnet.runs.predict import predict
from seqnet.runs.train import train
from seqnet.spec.run import load_spec

NAN = float("nan")
TABLE = """\
age,city,member,joined,price,kind
30,Bern,yes,2024-01-01,10.5,a
,Bern,no,2024-02-29,20.5,b
50,Rome,yes,2025-07-04,30.5,a
40,,no,2026-12-31,40.5,b
"""


def loaded(tmp_path: Path, text: str = TABLE, **options: Any) -> Data:
    (tmp_path / "t.csv").write_text(text)
    source = get(Source, {"csv": {"path": "t.csv", **options}})
    data = source.load(tmp_path)
    data.prepare()
    return data


# -- kinds of columns: options, values, what the network gets; the expected numbers are worked out by hand -----------

X = np.array([1.0, NAN, 3.0, 8.0])  # mean 4, median 3, standard deviation sqrt(26 / 3)
STD = math.sqrt(26 / 3)
WORDS = Coded(np.array([0, 1, -1, 0, 2], np.int32), ["red", "blue", "green"])
TEXTS = Coded(np.array([0, 1, 2, -1], np.int32), ["A, a b!", "a", "B"])
KINDS: dict[str, tuple[ColumnKind, Any, list[list[float]], list[str]]] = {
    "standardize": (Numeric(), X, [[-3 / STD], [0.0], [-1 / STD], [4 / STD]], ["c"]),
    "minmax": (Numeric(scale="minmax"), X, [[0.0], [3 / 7], [2 / 7], [1.0]], ["c"]),
    "none": (Numeric(scale="none"), X, [[1.0], [4.0], [3.0], [8.0]], ["c"]),
    "median": (Numeric(scale="none", missing="median"), X, [[1.0], [3.0], [3.0], [8.0]], ["c"]),
    "mode": (
        Numeric(scale="none", missing="mode"),
        np.array([2.0, 2.0, 5.0, NAN]),
        [[2.0], [2.0], [5.0], [2.0]],
        ["c"],
    ),
    "constant": (Numeric(scale="none", missing="constant", fill=-1.0), X, [[1.0], [-1.0], [3.0], [8.0]], ["c"]),
    "indicator": (
        Numeric(scale="none", missing="indicator"),
        X,
        [[1.0, 0.0], [4.0, 1.0], [3.0, 0.0], [8.0, 0.0]],
        ["c", "c missing"],
    ),
    "log": (Numeric(scale="log"), np.array([0.0, math.e**2 - 1]), [[-1.0], [1.0]], ["c"]),
    "a constant column": (Numeric(), np.array([5.0, 5.0]), [[0.0], [0.0]], ["c"]),
    "one hot": (
        Categorical(),
        WORDS,
        [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]],
        ["c=blue", "c=green", "c=red"],
    ),
    "integer": (Categorical(encode="integer"), WORDS, [[3], [1], [0], [3], [2]], ["c"]),
    "the most frequent": (Categorical(max_categories=1), WORDS, [[1], [0], [0], [1], [0]], ["c=red"]),
    "mode of words": (Categorical(encode="integer", missing="mode"), WORDS, [[3], [1], [3], [3], [2]], ["c"]),
    "constant word": (
        Categorical(encode="integer", missing="constant", fill="unknown"),
        WORDS,
        [[3], [1], [4], [3], [2]],
        ["c"],
    ),
    "numbers that are names": (Categorical(), np.array([10.0, 2.0, NAN]), [[0, 1], [1, 0], [0, 0]], ["c=2", "c=10"]),
    "boolean words": (
        Boolean(),
        Coded(np.array([0, 1, 0, -1], np.int32), ["Yes", "no"]),
        [[1], [0], [1], [1]],
        ["c"],
    ),
    "boolean numbers": (Boolean(), np.array([1.0, 0.0]), [[1], [0]], ["c"]),
    "boolean with a mark": (
        Boolean(missing="indicator"),
        np.array([1.0, NAN]),
        [[1, 0], [1, 1]],
        ["c", "c missing"],
    ),
    "date": (  # 2024-02-29 is a Thursday, 2026-03-02 a Monday
        Date(parts=["year", "weekday"]),
        Coded(np.array([0, 1, -1], np.int32), ["2024-02-29", "2026-03-02"]),
        [[-1, 1], [1, -1], [0, 0]],
        ["c year", "c weekday"],
    ),
    "time": (
        Date(parts=["hour", "timestamp"]),
        Coded(np.array([0, 1], np.int32), ["1970-01-01T06:00", "1970-01-02 18:00"]),
        [[-1, -1], [1, 1]],
        ["c hour", "c timestamp"],
    ),
    "words of a text": (  # a: 3 times in 2 of 4 rows, b: 2 in 2
        Words(),
        TEXTS,
        [[1, 1], [1, 0], [0, 1], [0, 0]],
        ["c: a", "c: b"],
    ),
    "how often": (Words(output_mode="count"), TEXTS, [[2, 1], [1, 0], [0, 1], [0, 0]], ["c: a", "c: b"]),
    "words by how rare": (
        Words(output_mode="tf_idf", max_words=1),
        TEXTS,
        [[2 * math.log(1 + 4 / 3)], [math.log(1 + 4 / 3)], [0], [0]],
        ["c: a"],
    ),
    "date in a format": (
        Date(parts=["month"], format="%d.%m.%Y"),
        Coded(np.array([0, 1], np.int32), ["31.01.2020", "1.3.2020"]),
        [[-1], [1]],
        ["c month"],
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_column_becomes_numbers(name: str) -> None:
    kind, column, want, features = KINDS[name]
    learned = kind.fit(column, "c")
    got, found = kind.apply(column, "c", json.loads(json.dumps(learned)))
    np.testing.assert_allclose(got, want, rtol=1e-12 if got.dtype == np.float64 else 1e-6, atol=1e-12)
    assert kind.features("c", learned) == features and got.shape[1] == len(features)
    gaps = column.codes < 0 if isinstance(column, Coded) else np.isnan(column)
    np.testing.assert_array_equal(found.gaps, gaps)
    assert isinstance(kind.summary(learned), str)


REFUSED: list[tuple[ColumnKind, Any, str]] = [
    (Numeric(), np.array([NAN, NAN]), "no value in any training row"),
    (Numeric(), np.array([1.0, math.inf]), "holds infinity"),
    (Numeric(scale="log"), np.array([1.0, -2.0]), "holds -2, which has no log(1 + x)"),
    (Categorical(), Coded(np.array([-1], np.int32), []), "no value in any training row"),
    (Words(), Coded(np.array([0, -1], np.int32), ["!"]), "no word in any training row"),
    (Boolean(), np.array([0.0, 2.0]), "holds '2', which is neither true nor false"),
    (Date(), Coded(np.array([0], np.int32), ["soon"]), "holds 'soon', which is no date in ISO 8601"),
    (Date(format="%Y"), Coded(np.array([0], np.int32), ["soon"]), "no date written as %Y"),
]


@pytest.mark.parametrize(("kind", "column", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_columns_that_do_not_fit_their_kind(kind: ColumnKind, column: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        kind.fit(column, "c")
    assert message in str(caught.value) and "'c'" in str(caught.value)


def test_unknown_words_are_counted() -> None:
    kind = Categorical()
    learned = kind.fit(WORDS, "c")
    new = Coded(np.array([0, 1, 1, 2], np.int32), ["red", "pink", "blue"])
    got, found = kind.apply(new, "c", learned)
    np.testing.assert_array_equal(got, [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert found.unknown == {"pink": 2}


def test_rows_with_unknown_words_in_their_text_are_counted_once() -> None:
    learned = Words().fit(TEXTS, "c")
    new = Coded(np.array([0, 1, 1, 2], np.int32), ["b", "c d", "a c e"])
    assert Words().apply(new, "c", learned)[1].unknown == {"c": 3}
    learned = Words(max_words=1).fit(TEXTS, "c")  # which leaves b out, so that new words can't be told
    assert Words(max_words=1).apply(new, "c", learned)[1].unknown == {}


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_a_text_column_is_as_the_layer_has_it(mode: Any) -> None:
    texts = ["The film, the end.", "a film!", "end of THE story", "film film"]
    layer = TextVectorization(output_mode=mode)
    layer.adapt(np.array(texts))
    order = layer.get_vocabulary()[1:]  # the first is for unknown words
    kind = Words(output_mode=mode)
    column = Coded(np.arange(4, dtype=np.int32), texts)
    learned = kind.fit(column, "c")
    got = kind.apply(column, "c", learned)[0][:, [learned["words"].index(word) for word in order]]
    np.testing.assert_allclose(got, np.asarray(layer(np.array(texts)))[:, 1:], rtol=1e-6)


def test_text_beside_numbers_in_a_run(tmp_path: Path) -> None:
    lines = [f'{i % 5},"{"good" if i % 2 else "bad"}, no. {i}\n",{i % 2}' for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["size,said,y", *lines]) + "\n")
    (tmp_path / "t.yaml").write_text(
        "data: {csv: {path: t.csv, target: y, columns: {said: {text: {max_words: 3}}}}, validation_split: 0.25}\n"
        "model: [{Dense: {units: 2, activation: softmax}}]\noptimizer: adam\nloss: sparse_categorical_crossentropy\n"
    )
    spec = load_spec(tmp_path / "t.yaml")
    data = spec.load_data()
    assert data.feature_names == ("size", "said: no", "said: bad", "said: good")
    assert any("said (3 words, 30 rare ones left out, multi_hot)" in remark for remark in data.remarks)
    run = train(spec, runs=tmp_path / "runs").folder
    (tmp_path / "new.csv").write_text("said,size\nGOOD,1\n,2\n")
    assert predict(run, tmp_path / "new.csv").outputs.shape == (2, 2)


# -- the source -------------------------------------------------------------------------------------------------------


def test_a_table_as_it_is(tmp_path: Path) -> None:
    data = loaded(tmp_path, target="price")
    assert data.feature_names == (
        "age",
        "city=Bern",
        "city=Rome",
        "member",
        "joined year",
        "joined month",
        "joined day",
        "joined weekday",
        "kind=a",
        "kind=b",
    )
    assert data.train.x.dtype == np.float32 and data.task == "regression"
    np.testing.assert_array_equal(data.train.y, np.float32([10.5, 20.5, 30.5, 40.5]))
    np.testing.assert_allclose(data.train.x[:, 0], np.array([-10, 0, 10, 0]) / math.sqrt(200 / 3), rtol=1e-6)
    np.testing.assert_array_equal(data.train.x[:, 1:4], [[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert any("numeric (standardize): age" in line for line in data.remarks)
    assert any("age 1 (mean), city 1 (unknown)" in line for line in data.remarks)


def test_what_the_file_says_of_its_columns(tmp_path: Path) -> None:
    columns = {"age": {"numeric": {"missing": "indicator", "scale": "none"}}, "jo*": {"date": {"parts": ["year"]}}}
    data = loaded(tmp_path, target="price", drop=["kind"], columns=columns, encode="integer")
    assert data.feature_names == ("age", "age missing", "city", "member", "joined year")
    np.testing.assert_array_equal(data.train.x[:, :3], [[30, 0, 1], [40, 1, 1], [50, 0, 2], [40, 0, 0]])
    data = loaded(tmp_path, target="price", features=["city", "age"], columns={"*": "categorical"}, encode="integer")
    assert data.feature_names == ("city=Bern", "city=Rome", "age=30", "age=40", "age=50")


def test_whole_numbers_for_an_embedding(tmp_path: Path) -> None:
    data = loaded(tmp_path, target="price", features=["city", "kind"], encode="integer")
    assert data.train.x.dtype == np.int32
    np.testing.assert_array_equal(data.train.x, [[1, 1], [1, 2], [2, 1], [0, 2]])


TARGETS: dict[str, tuple[str, dict[str, Any], Any, str | None, tuple[str, ...] | None]] = {
    "words": ("x,y\n1,no\n2,yes\n3,no\n", {}, [0, 1, 0], "classification", ("no", "yes")),
    "floats": ("x,y\n1,0.5\n2,1\n3,2\n", {}, [0.5, 1, 2], "regression", None),
    "whole numbers": ("x,y\n1,0\n2,1\n3,2\n", {}, [0, 1, 2], None, None),
    "classes from 0": ("x,y\n1,0\n2,1\n3,1\n", {"task": "classification"}, [0, 1, 1], "classification", None),
    "classes from 1": ("x,y\n1,1\n2,2\n3,2\n", {"task": "classification"}, [0, 1, 1], "classification", ("1", "2")),
    "counts": ("x,y\n1,1\n2,7\n3,2\n", {"task": "regression"}, [1, 7, 2], "regression", None),
    "truth": ("x,y\n1,true\n2,false\n3,true\n", {}, [1, 0, 1], "classification", ("false", "true")),
    "several labels": (
        "x,y,z\n1,0,1\n2,1,1\n3,0,0\n",
        {"target": ["y", "z"]},
        [[0, 1], [1, 1], [0, 0]],
        None,
        ("y", "z"),
    ),
    "several truths": ("x,y,z\n1,no,yes\n2,yes,yes\n", {"target": ["y", "z"]}, [[0, 1], [1, 1]], None, ("y", "z")),
    "several numbers": ("x,y,z\n1,0.5,1\n2,1,7\n", {"target": ["y", "z"]}, [[0.5, 1], [1, 7]], "regression", None),
    "rows without one": ("x,y\n1,a\n2,\n3,b\n", {"target_missing": "drop"}, [0, 1], "classification", ("a", "b")),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name: str, tmp_path: Path) -> None:
    text, options, want, task, classes = TARGETS[name]
    data = loaded(tmp_path, text, **{"target": "y", "features": ["x"], **options})
    assert data.train.y is not None
    np.testing.assert_array_equal(data.train.y, want)
    assert (data.task, data.class_names) == (task, classes) and len(data.train.x) == len(want)


def test_weights_stand_beside_the_rows(tmp_path: Path) -> None:
    data = loaded(tmp_path, "x,w,y\n1,1,a\n2,0.5,b\n3,2,a\n", target="y", sample_weight="w")
    assert data.feature_names == ("x",)
    np.testing.assert_array_equal(data.train.sample_weight, np.float32([1, 0.5, 2]))


def test_rows_with_gaps_are_dropped_with_all_that_is_theirs(tmp_path: Path) -> None:
    columns = {"x": {"numeric": {"missing": "drop", "scale": "none"}}}
    data = loaded(tmp_path, "x,w,y\n1,1,a\n,2,b\n3,3,a\n", target="y", sample_weight="w", columns=columns)
    np.testing.assert_array_equal(data.train.x, [[1], [3]])
    np.testing.assert_array_equal(data.train.y, [0, 0])
    np.testing.assert_array_equal(data.train.sample_weight, [1, 3])


def test_columns_that_say_nothing_are_left_out_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{i},same,note {i},{i % 3},{i % 2}\n" for i in range(1, 31))
    data = loaded(tmp_path, f"id,all,note,x,y\n{rows}", target="y")
    assert data.feature_names == ("x",)
    told = "\n".join(data.remarks)
    for line in (
        "id, which numbers the rows",
        "all, which is the same in every row",
        "note, in which nearly every row",
    ):
        assert f"left out: {line}" in told
    data = loaded(tmp_path, f"id,all,note,x,y\n{rows}", target="y", columns={"id": "numeric"}, drop=["note"])
    assert data.feature_names == ("id", "x")


BAD: list[tuple[str, dict[str, Any], str]] = [
    (TABLE, {"target": "prize"}, "has no column 'prize', which is the target; did you mean price?"),
    (TABLE, {"target": "price", "features": ["agee"]}, "has no column 'agee', which is to be a feature"),
    (TABLE, {"target": "price", "drop": ["x", "y"]}, "has no column 'x' (nor 'y'), which is to be dropped"),
    (TABLE, {"target": "price", "columns": {"agee": "numeric"}}, "columns names 'agee'"),
    (
        TABLE,
        {"target": "price", "columns": {"city": "numeric"}},
        "holds numbers but for 'Bern' (line 2), 'Bern' (line 3)",
    ),
    (TABLE, {"target": "city"}, "1 of 4 rows have no target: column 'city' is empty in line 5"),
    (TABLE, {"target": "price", "columns": {"age": {"numeric": {"missing": "error"}}}}, "has no value in line 3"),
    (
        TABLE,
        {"target": "price", "columns": {"city": {"categorical": {"missing": "error"}}}},
        "say what stands for none: columns: {city: {categorical: {missing: unknown}}}",
    ),
    ("x,y\n", {"target": "y"}, "has a header but no rows"),
    ("x,y\n1,\n", {"target": "y", "target_missing": "drop"}, "no row has a target"),
    ("x,w,y\n1,-1,a\n", {"target": "y", "sample_weight": "w"}, "column 'w' holds -1 in line 2"),
    ("x,w,y\n1,,a\n", {"target": "y", "sample_weight": "w"}, "column 'w' holds no weight in line 2"),
    ("x,w,y\n1,no,a\n", {"target": "y", "sample_weight": "w"}, "is to hold weights, but holds 'no'"),
    ("x,y\n1,a\n2,3\n", {"target": "y", "task": "regression"}, "must hold numbers, got 'a' in line 2"),
    ("x,y,z\n1,0,red\n", {"target": ["y", "z"]}, "several targets must be numbers, but column 'z' holds 'red'"),
    (
        "x,y\n" + "".join(f"{i},a\n" for i in range(30)) + "3o,b\n",
        {"target": "y"},
        "'x' holds numbers but for '3o' (line 32)",
    ),
    ("note,y\n" + "".join(f"n {i},a\n" for i in range(30)), {"target": "y"}, "write text: {path: t.csv, column: note}"),
]


@pytest.mark.parametrize(("text", "options", "message"), BAD, ids=[message[:40] for _, _, message in BAD])
def test_what_is_wrong_is_told_with_its_place(text: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, text, **options)
    assert message in str(caught.value) and "t.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": ["a", "a"]}, "names 'a' twice"),
        ({"target": "a", "features": ["a"]}, "it can be no feature"),
        ({"target": "a", "sample_weight": "a"}, "it can be no weight"),
        ({"features": ["a"], "drop": ["a"]}, "keep one of them"),
        ({"delimiter": ";;"}, "a single character"),
        ({"thousands": ",", "decimal": ","}, "can't be the same sign"),
        ({"columns": {"a": "numbr"}}, "did you mean numeric?"),
        ({"columns": {"a": {"date": {"parts": ["era"]}}}}, "no part 'era'"),
    ],
)
def test_options_that_contradict(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        get(Source, {"csv": {"path": "t.csv", **options}})
    assert message in str(caught.value)


# -- fitted to training rows alone, and kept --------------------------------------------------------------------------

FILE = """\
name: table
data: {csv: {path: rows.csv, target: y}, validation_split: 0.3, test_split: 0.2}
model: [{Dense: {units: 4, activation: relu}}, {Dense: {units: 2, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 3, batch_size: 8}
"""


def made(tmp_path: Path, count: int = 60) -> Path:
    rng = np.random.default_rng(0)
    lines = ["a,b,colour,y"]
    for _ in range(count):
        a, b = rng.normal(size=2)
        gap = "" if rng.random() < 0.1 else f"{b:.3f}"
        lines.append(f"{a:.3f},{gap},{rng.choice(['red', 'blue', 'green'])},{'up' if a > 0 else 'down'}")
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "c.yaml").write_text(FILE)
    return tmp_path / "c.yaml"


def test_statistics_are_those_of_the_training_rows(tmp_path: Path) -> None:
    data = load_spec(made(tmp_path)).load_data()
    assert data.validation is not None and data.test is not None
    numbers = data.train.x[:, :1].astype(np.float64)
    assert abs(numbers.mean()) < 1e-6 and abs(numbers.std() - 1) < 1e-6
    assert abs(data.validation.x[:, 0].mean()) > 1e-3  # the others are scaled by the same
    names = data.feature_names
    assert names is not None and names[0] == "a"


def test_a_category_that_only_other_rows_have_is_unknown(tmp_path: Path) -> None:
    rows = "".join(f"{i / 7},{'odd' if i == 19 else 'even'},{i % 2}\n" for i in range(20))
    (tmp_path / "rows.csv").write_text(f"a,kind,y\n{rows}")
    text = FILE.replace("validation_split: 0.3, test_split: 0.2", "validation_split: 0.3, validation_shuffle: false")
    (tmp_path / "c.yaml").write_text(text.replace("target: y", "target: y, features: [a, kind]"))
    data = load_spec(tmp_path / "c.yaml").load_data()
    assert data.feature_names == ("a", "kind=even") and data.validation is not None
    np.testing.assert_array_equal(data.validation.x[:, 1], [1, 1, 1, 1, 1, 0])
    assert any("column kind: 1 of 20 rows have a category that no training row had ('odd')" in w for w in data.warnings)


def test_what_was_learned_comes_back_from_its_state(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    source = get(Source, {"csv": {"path": "t.csv", "target": "price"}})
    data = source.load(tmp_path)
    assert data.preparation is not None
    data.prepare()
    again = restored(json.loads(json.dumps(saved(data.preparation))))
    (tmp_path / "new.csv").write_text("kind,joined,member,city,age,more\na,2024-01-01,yes,Bern,30,1\nb,,no,Paris,,2\n")
    (x,) = again.read(tmp_path / "new.csv", 100)
    np.testing.assert_array_equal(x[0], data.train.x[0])
    assert again.warnings() == ["column city: 1 of 2 rows have a category that no training row had ('Paris')"]
    assert again.warnings() == []
    parts = list(again.read(tmp_path / "new.csv", 1))
    assert len(parts) == 2
    np.testing.assert_array_equal(np.concatenate(parts), x)
    for broken in ({"kind": "table"}, {**saved(data.preparation), "columns": [{"name": 1}]}):
        with pytest.raises(CheckpointError, match="damaged"):
            restored(broken)


def test_numbers_that_are_names_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zip,y\n10,1\n20,2\n10,3\n")
    data = get(Source, {"csv": {"path": "t.csv", "target": "y", "columns": {"zip": "categorical"}}}).load(tmp_path)
    data.prepare()
    assert data.preparation is not None and data.feature_names == ("zip=10", "zip=20")
    (tmp_path / "new.csv").write_text("zip\n20.0\n10\nx\n")
    (x,) = data.preparation.read(tmp_path / "new.csv", 10)
    np.testing.assert_array_equal(x, [[0, 1], [1, 0], [0, 0]])


def test_a_run_on_a_table(tmp_path: Path) -> None:
    result = train(load_spec(made(tmp_path)), runs=tmp_path / "runs")
    found = evaluate(result.folder, split="validation")
    assert found.classes == ("down", "up")
    assert found.values["loss"] == min(result.history["val_loss"])
    first, second = (
        train(load_spec(tmp_path / "c.yaml", [f"training.epochs={n}"]), runs=tmp_path / "two") for n in (3, 1)
    )
    train(load_spec(tmp_path / "c.yaml"), runs=tmp_path / "two", resume=str(second.folder))
    weights = [next((run.folder / "last").glob("*.safetensors")).read_bytes() for run in (first, second)]
    assert weights[0] == weights[1]


def test_other_rows_are_prepared_as_in_training(tmp_path: Path) -> None:
    run = train(load_spec(made(tmp_path)), runs=tmp_path / "runs").folder
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    few = [line for line in lines[1:] if line.endswith("up")][:7]  # one class alone, of other means
    (tmp_path / "few.csv").write_text("\n".join([lines[0], *few]) + "\n")
    (tmp_path / "few.yaml").write_text("data: {csv: {path: few.csv, target: y}}\nmodel: [{Dense: {units: 2}}]\n")
    found = evaluate(run, data=str(tmp_path / "few.csv"))
    again = evaluate(run, data=str(tmp_path / "few.yaml"))
    assert found.values == again.values and found.rows == 7
    predicted = predict(run, tmp_path / "few.csv")
    assert found.values["accuracy"] == pytest.approx(np.mean([label == "up" for label in predicted.labels or []]))
    assert predicted.probabilities is not None
    assert found.values["loss"] == pytest.approx(-np.log(predicted.probabilities[:, 1]).mean(), rel=1e-5)


def test_a_changed_file_is_prepared_as_in_training_too(tmp_path: Path) -> None:
    run = train(load_spec(made(tmp_path)), runs=tmp_path / "runs").folder
    before = evaluate(run, split="test")
    text = (tmp_path / "rows.csv").read_text().splitlines()
    numbers = np.load(run / "splits.npz")["train"]
    rows = [
        f"9e3,9e3,red,{line.rsplit(',')[-1]}" if used else line for line, used in zip(text[1:], numbers, strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join([text[0], *rows]) + "\n")
    after = evaluate(run, split="test")
    assert after.values == before.values and any("has changed" in one for one in after.warnings)


def test_split_rows_keep_their_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    data = get(Source, {"csv": {"path": "t.csv", "target": "price"}}).load(tmp_path)
    some = data.train.take(np.array([2, 0]))
    assert isinstance(some, Split) and some.raw is not None and len(some) == 2
    assert some.raw.column("city").tolist() == ["Rome", "Bern"]
