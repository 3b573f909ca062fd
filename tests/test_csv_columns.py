"""No cell of a table is taken for another: words stay as written, numbers as meant, and what is doubtful is asked."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.datasets import csv_format
from seqnet.datasets.base import Data, Source
from seqnet.datasets.csv_format import Format
from seqnet.datasets.csv_reader import CsvFile
from seqnet.datasets.preparation import restored, saved
from seqnet.datasets.table import Coded
from seqnet.declare import get
from seqnet.errors import DataError, SpecError
from seqnet.runs.predict import Predictor, predict
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from tests.commands import Run, runner
from tests.reference import load_reference

run = pytest.fixture(runner)

ROOT = Path(__file__).parent.parent
REFERENCE = load_reference("tables")
NAN = float("nan")


def loaded(tmp_path: Path, text: str | bytes, name: str = "t.csv", rows: int | None = None, **options: Any) -> Data:
    """The prepared data of a table; rows: so many of the first train, the others validate."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    data = get(Source, {"csv": {"path": name, **options}}).load(tmp_path)
    if rows is not None:
        every = np.arange(len(data.train))
        data.train, data.validation = data.train.take(every[:rows]), data.train.take(every[rows:])
    data.prepare()
    data.check()
    return data


def refused(tmp_path: Path, text: str | bytes, *words: str, **options: Any) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, text, **options)
    for word in ("t.csv", *words):
        assert word in str(caught.value), str(caught.value)


# -- the same numbers as scikit-learn's ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["standardize", "minmax"])
def test_columns_are_those_of_scikit_learn(scale: str, tmp_path: Path) -> None:
    """tests/reference/make_tables.py made the expected numbers."""
    rows = [["a", "b", "word"]]
    for numbers, (word,) in zip(REFERENCE["numbers"].tolist(), REFERENCE["words"].tolist(), strict=True):
        rows.append([*("" if np.isnan(one) else repr(one) for one in numbers), word])
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    data = loaded(tmp_path, (tmp_path / "t.csv").read_bytes(), rows=int(REFERENCE["fitted"]), scale=scale)
    assert data.validation is not None
    x = np.concatenate([data.train.x, data.validation.x])
    np.testing.assert_allclose(x[:, :2], REFERENCE[scale], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(x[:, 2:], REFERENCE["one_hot"])
    assert data.warnings == ["column word: 1 of 40 rows have a category that no training row had ('grey')"]


# -- what columns are does not depend on rows that are not for training ----------------------------------------------


def test_kinds_are_those_of_the_training_rows(tmp_path: Path) -> None:
    """40 rows of two words, then 60 of a word each: not text without repetition; and the state is the same."""
    head = "a,b,c,y\n" + "".join(f"{i},{'xy'[i % 2]},{'no' if i % 3 else 'yes'},{i % 2}\n" for i in range(40))
    tail = "".join(f"{i * 7},w{i},maybe{i},{i % 2}\n" for i in range(60))
    few = loaded(tmp_path, head, target="y")
    (tmp_path / "t.csv").write_text(head + tail)
    source = get(Source, {"csv": {"path": "t.csv", "target": "y", "columns": {"c": "categorical"}}})
    data = source.load(tmp_path)
    data.train, data.validation = data.train.take(np.arange(40)), data.train.take(np.arange(40, 100))
    data.prepare()
    assert data.feature_names == ("b=x", "b=y", "c=no", "c=yes") and few.feature_names == ("b=x", "b=y", "c")
    np.testing.assert_array_equal(data.train.x[:, :2], few.train.x[:, :2])
    assert [line.split(":")[0] for line in data.warnings] == ["column b", "column c"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("abc,1,2024-01-01", "column 'n' holds numbers but for 'abc' (line 32)"),
        ("1,maybe,2024-01-01", "line 32: column 'm' holds 'maybe', which is neither true nor false"),
        ("1,yes,2024-13-01", "line 32: column 'd' holds '2024-13-01', which is no date in ISO 8601"),
    ],
)
def test_a_bad_cell_of_a_validation_row_is_told(bad: str, message: str, tmp_path: Path) -> None:
    lines = "".join(f"{i * i},{'yes' if i % 2 else 'no'},2024-01-{i + 1:02}\n" for i in range(30))
    with pytest.raises(DataError, match=re.escape(message)):
        loaded(tmp_path, f"n,m,d\n{lines}{bad}\n", rows=20)
    assert loaded(tmp_path, f"n,m,d\n{lines}", rows=20).feature_names is not None


BITS = "".join(f"{i % 2},{i},{i % 2}\n" for i in range(20))


@pytest.mark.parametrize("other", ["2", "0.5", "-1"])
def test_training_rows_that_happen_to_be_bits_do_not_make_a_column_boolean(tmp_path: Path, other: str) -> None:
    data = loaded(tmp_path, f"b,n,y\n{BITS}{other},3,1\n", target="y", rows=20)
    assert data.validation is not None
    assert data.validation.x[0, 0] == pytest.approx(
        (float(other) - 0.5) / 0.5
    )  # standardized by 0 and 1, equally often
    assert any(line.startswith("numeric") and "b" in line for line in data.remarks)
    assert any(line == "boolean: b" for line in loaded(tmp_path, f"b,n,y\n{BITS}", target="y", rows=19).remarks)
    stated = {"target": "y", "columns": {"b": "boolean"}, "rows": 20}
    with pytest.raises(DataError, match="line 22: column 'b' holds"):
        loaded(tmp_path, f"b,n,y\n{BITS}{other},3,1\n", **stated)


def test_another_file_with_more_than_bits_is_told_how_to_state_the_kind(tmp_path: Path) -> None:
    data = loaded(tmp_path, f"b,n,y\n{BITS}", target="y")
    (tmp_path / "new.csv").write_text("b,n\n1,3\n2,4\n")
    assert data.preparation is not None
    with pytest.raises(
        DataError, match=r"new.csv, line 3: column 'b' holds '2', .* train with columns: \{b: numeric\}"
    ):
        list(data.preparation.read(tmp_path / "new.csv", 100))


# -- doubtful cells --------------------------------------------------------------------------------------------------

MANY = "".join(f"{i * 0.5},{i % 2}\n" for i in range(30))

DOUBTFUL: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    (f"x,y\n{MANY}n.a.,1\n", {"target": "y"}, ("column 'x' holds numbers but for 'n.a.' (line 32)",)),
    (f"y,x\n{MANY}sold,1\n", {"target": "y"}, ("column 'y' holds numbers but for 'sold' (line 32)", "classification")),
    ("y,x\n1,2\ninf,3\n", {"target": "y"}, ("the target 'y' is infinite in line 3",)),
    ("y,z,x\n1,2,2\n1,-inf,3\n", {"target": ["y", "z"]}, ("the target 'z' is infinite in line 3",)),
    ("y,z,x\n1,2,2\n1,0,3\n", {"target": ["y", "z"], "task": "classification"}, ("must be 0 or 1",)),
    ("y,z,x\n1,2,2\n1,big,3\n", {"target": ["y", "z"]}, ("column 'z' holds 'big' in line 3",)),
    ("x,y\ninf,1\n2,3\n", {"target": "y"}, ("line 2: column 'x' holds infinity",)),
    ("x,y\n-3,1\n2,3\n", {"target": "y", "scale": "log"}, ("line 2: column 'x' holds -3, which has no log",)),
    ("x,y\n1e300,1\n-1e300,3\n", {"target": "y"}, ("column 'x' holds numbers as large as 1e+300, too large",)),
    ("x,y\n1,1e300\n2,1e200\n", {"target": "y"}, ("the target 'y' is too large, 1e+300, in lines 2, 3",)),
    ('x,y\n"1,234",1\n"5,678",2\n', {"target": "y"}, ("holds '1,234'; write thousands: \",\"", 'decimal: ","')),
    ("x;y\n1.200,5;1\n900,25;2\n", {"target": "y"}, ("holds '1.200,5'; write thousands: \".\" and decimal",)),
    ("y;x\n1.200,5;1\n900,25;2\n", {"target": "y"}, ("holds '1.200,5'; write thousands", "or task: classification")),
    ("x;y\n1 200;1\n900;2\n", {"target": "y"}, ("holds '1 200'; write thousands: \" \" where that",)),
    ("x,y\na,1\nb,2\n", {"target": "y", "features": []}, ("no column to predict from",)),
    ("x;y\n1,5;1\n2,5;2\nx;3\n" + "3,5;1\n" * 30, {"target": "y"}, ("but for 'x' (line 4)",)),
    ("a,b\r1,2\n3,4\n", {"target": "b"}, ("line 1: a line ends in \\r alone",)),
    ("a,b\n1,2\n", {"encoding": "utf-16"}, ("UTF-16",)),
]


@pytest.mark.parametrize(("text", "options", "words"), DOUBTFUL, ids=[case[2][0][-30:] for case in DOUBTFUL])
def test_what_is_doubtful_is_an_error(
    text: str, options: dict[str, Any], words: tuple[str, ...], tmp_path: Path
) -> None:
    refused(tmp_path, text, *words, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "\n"}, "which ends a line"),
        ({"quote": "\r"}, "which ends a line"),
        ({"quote": ";", "delimiter": ";"}, "can't both be ';'"),
        ({"thousands": "."}, 'state decimal: "," too'),
        ({"thousands": "1"}, "a sign that numbers do not hold"),
        ({"columns": {"a": {"numeric": {"scale": "log", "missing": "constant", "fill": -1}}}}, "a fill over -1"),
    ],
)
def test_signs_that_can_not_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        get(Source, {"csv": {"path": "t.csv", **options}})
    assert message in str(caught.value)


def test_words_stay_as_they_are_written(tmp_path: Path) -> None:
    """Leading zeros, numbers that floats can't hold, days before months."""
    first, other = "01234,9007199254740993,01022026", "1234,9007199254740992,10022026"
    text = f"zip,id,day,y\n{first},1\n{other},2\n{first},1\n"
    stated = {"zip": "categorical", "id": "categorical", "day": {"date": {"format": "%d%m%Y", "parts": ["day"]}}}
    data = loaded(tmp_path, text, target="y", columns=stated)
    assert data.feature_names == ("zip=01234", "zip=1234", "id=9007199254740992", "id=9007199254740993", "day day")
    np.testing.assert_array_equal(data.train.x[:, :4], [[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]])
    offset = data.preparation.learned["day"]["offset"]  # type: ignore[union-attr]
    assert offset == [pytest.approx((1 + 10 + 1) / 3)]


def test_a_constant_column_stays_zero_whatever_rounding_says(tmp_path: Path) -> None:
    """The mean of 0.1 ten times is not 0.1 for a computer, so that the standard deviation is not 0."""
    for scale in ("standardize", "minmax"):
        data = loaded(tmp_path, "x,z,y\n" + "0.1,1,1\n" * 9 + "0.1,2,1\n", target="y", features=["x"], scale=scale)
        assert np.abs(data.train.x).max() < 1e-6
        (tmp_path / "new.csv").write_text("x\n0.3\n")
        (x,) = data.preparation.read(tmp_path / "new.csv", 8)  # type: ignore[union-attr]
        np.testing.assert_allclose(x, [[0.2]], rtol=1e-6)


def test_missing_cells_with_decimal_commas_and_underscores(tmp_path: Path) -> None:
    data = loaded(
        tmp_path,
        "x;y\n1,5;1\nN.A.;2\nn_a;3\n2,5;4\n",
        target="y",
        missing_values=["N.A.", "n_a"],
        columns={"x": {"numeric": {"scale": "none"}}},
    )
    np.testing.assert_array_equal(data.train.x, [[1.5], [2.0], [2.0], [2.5]])


def test_many_categories_leave_the_rare_ones_unknown(tmp_path: Path) -> None:
    options = {"columns": {"x": {"categorical": {"max_categories": 2, "missing": "constant", "fill": "none"}}}}
    data = loaded(tmp_path, "x,y\na,1\na,1\nb,1\nb,2\nc,3\n,4\n", target="y", **options)
    assert data.feature_names == ("x=a", "x=b", "x=none")
    np.testing.assert_array_equal(data.train.x[-2:], [[0, 0, 0], [0, 0, 1]])
    assert "categorical: x (3 categories, 1 rare ones unknown)" in data.remarks and not data.warnings


# -- how files are written -------------------------------------------------------------------------------------------


def test_an_encoding_that_can_not_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no encoding"):
        loaded(tmp_path, "a,b\n1,2\n", encoding="utf\0")


def test_a_header_wider_than_the_sample_is_read(tmp_path: Path) -> None:
    names = [f"column_number_{i}" for i in range(6000)]  # over 64 KB
    path = tmp_path / "wide.csv"
    path.write_text(";".join(names) + "\n" + ";".join(["1,5"] * 6000) + "\n")
    table = CsvFile.open(path, Format()).read()
    assert list(table.columns) == names and table.columns[names[-1]].tolist() == [1.5]  # type: ignore[union-attr]


def test_a_sample_that_ends_within_a_cell_tells_the_delimiter(tmp_path: Path) -> None:
    text = "a;b\n" + '1,5;"x\n\n\ny"\n' * 60
    path = tmp_path / "t.csv"
    path.write_text(text)
    table = CsvFile.open(path, Format()).read()
    assert list(table.columns) == ["a", "b"] and table.columns["a"].tolist() == [1.5] * 60  # type: ignore[union-attr]


def test_utf_16_with_line_feeds_within_characters(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\r1,\u0a0d\u0d0a\r2,x\r".encode("utf-16"))
    table = CsvFile.open(path, Format()).read()
    assert table.column("b").tolist() == ["\u0a0d\u0d0a", "x"]


def test_a_file_of_many_blocks_is_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "BLOCK", 512)
    lines = [f"{i / 7!r},w{i % 5},{'' if i % 3 else i},{'0' if i % 2 else ' NA '}" for i in range(300)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,c,d", *lines]) + "\n")
    table = CsvFile.open(path, Format()).read()
    np.testing.assert_array_equal(table.columns["a"], [i / 7 for i in range(300)])
    assert table.column("b").tolist() == [f"w{i % 5}" for i in range(300)]
    np.testing.assert_array_equal(table.columns["c"], [NAN if i % 3 else i for i in range(300)])
    np.testing.assert_array_equal(table.columns["d"], [0.0 if i % 2 else NAN for i in range(300)])
    assert table.lines is not None and table.lines.tolist() == list(range(2, 302))


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import datetime

    import pyarrow.parquet as parquet

    day = datetime.datetime(2024, 2, 29, 12, 30)
    columns = {
        "n": [1.5, None, 3.0],
        "big": [2**60, 1, None],
        "w": ["x", None, " y "],
        "t": [True, False, None],
        "d": arrow.array([day, day, None], arrow.timestamp("ns")),
        "coded": arrow.array(["p", "q", "p"]).dictionary_encode(),
        "nothing": arrow.nulls(3),
        "y": [0, 1, 0],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    data = get(Source, {"csv": {"path": "t.parquet", "target": "y"}}).load(tmp_path)
    raw = data.train.raw
    assert raw is not None
    np.testing.assert_array_equal(raw.columns["n"], [1.5, NAN, 3.0])
    np.testing.assert_array_equal(raw.columns["big"], [2.0**60, 1.0, NAN])
    for name, want in {
        "w": ["x", "", "y"],
        "t": ["true", "false", ""],
        "d": ["2024-02-29T12:30:00"] * 2 + [""],
    }.items():
        assert raw.column(name).tolist() == want
    assert raw.column("coded").tolist() == ["p", "q", "p"] and np.isnan(raw.column("nothing")).all()
    data.prepare()
    (x,) = data.preparation.read(tmp_path / "t.parquet", 100)  # type: ignore[union-attr]
    np.testing.assert_array_equal(x, data.train.x)
    parquet.write_table(arrow.table({"y": [1], "l": [[1, 2]]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 'l' holds list"):
        get(Source, {"csv": {"path": "t.parquet", "target": "y"}}).load(tmp_path)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="can't be read as parquet"):
        get(Source, {"csv": {"path": "t.parquet", "target": "y"}}).load(tmp_path)


# -- new rows --------------------------------------------------------------------------------------------------------

RUN = """\
name: table
data: {csv: {path: rows.csv, target: kind}, validation_split: 0.2}
model: [{Dense: {units: 2, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
training: {epochs: 1}
"""


def trained(tmp_path: Path, text: str | None = None, source: str = "") -> Path:
    lines = [f"{i % 7 - 3},{i % 2},{'red' if i % 3 else 'blue'},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "rows.csv").write_text(text or "\n".join(["size,flag,colour,kind", *lines]) + "\n")
    (tmp_path / "c.yaml").write_text(RUN.replace("target: kind", source or "target: kind"))
    return train(load_spec(tmp_path / "c.yaml"), runs=tmp_path / "runs").folder


def test_predicting_raw_rows(tmp_path: Path) -> None:
    run = trained(tmp_path)
    whole = predict(run, tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    turned = [",".join(line.split(",")[2::-1]) for line in lines]  # colour, flag, size, no kind
    (tmp_path / "new.csv").write_text("\n".join(turned) + "\n")
    again = predict(run, tmp_path / "new.csv")
    np.testing.assert_array_equal(whole.outputs, again.outputs)
    assert not again.warnings
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress((tmp_path / "new.csv").read_bytes()))
    np.testing.assert_array_equal(predict(run, tmp_path / "new.csv.gz").outputs, whole.outputs)
    (tmp_path / "semi.csv").write_text("\n".join(turned).replace(",", ";") + "\n")
    np.testing.assert_array_equal(predict(run, tmp_path / "semi.csv").outputs, whole.outputs)


def test_new_rows_that_differ_are_told(tmp_path: Path) -> None:
    run = trained(tmp_path)
    new = tmp_path / "new.csv"
    new.write_text("size,flag,colour\n1,1,pink\n2,0,red\n3,1,pink\n4,0,grey\n")
    predictor = Predictor(run)
    list(predictor.pieces(new))
    assert predictor.warnings == [
        "column colour: 3 of 4 rows have a category that no training row had ('pink', 'grey')"
    ]
    for text, words in {
        "sizes,flag,colour\n1,1,red\n": ("has no column 'size'", "did you mean sizes?"),
        "size,colour\n1,red\n": ("has no column 'flag'",),
        "size,flag,colour\n1,1,red\nbig,1,red\n": (
            "column 'size' holds numbers but for 'big' (line 3); mend them or leave them empty; to the training",
        ),
        "size,flag,colour\n1,1,red\n2,7,red\n": ("line 3: column 'flag' holds '7', which is neither",),
        "size,flag,colour\n1,1,red\n2,7\n": ("line 3: 2 cells",),
        "size,flag,colour\n": ("a header but no rows",),
        "": ("is empty",),
    }.items():
        new.write_text(text)
        with pytest.raises(DataError) as caught:
            predict(run, new)
        for word in (str(new), *words):
            assert word in str(caught.value)


def test_rows_without_a_header_are_told_apart_by_their_number_of_columns(tmp_path: Path) -> None:
    lines = "".join(f"{'ab'[i % 2]},{i % 7},{i * i % 5}\n" for i in range(40))
    run = trained(tmp_path, lines, "target: column_1, header: false")
    (tmp_path / "new.csv").write_text(",2,3\n,4,1\n")
    assert len(predict(run, tmp_path / "new.csv").outputs) == 2
    (tmp_path / "new.csv").write_text("2,3\n4,1\n")
    with pytest.raises(DataError, match="has 2 columns, but the training file had 3"):
        predict(run, tmp_path / "new.csv")


def test_flags_with_decimal_commas_can_be_read_again(tmp_path: Path) -> None:
    lines = "x;f;y\n" + "".join(f"{i % 7},5;{i % 2},0;{i % 2}\n" for i in range(30))
    data = loaded(tmp_path, lines, target="y")
    assert "boolean: f" in data.remarks
    (x,) = data.preparation.read(tmp_path / "t.csv", 100)  # type: ignore[union-attr]
    np.testing.assert_array_equal(x, data.train.x)


CELLS = st.sampled_from(["", "NA", "1", "2.5", "-3e2", "x", "yes", "no", "2024-02-29", "0", "1.0", "007", "é", "x y"])


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=4, max_size=30),
    st.sampled_from(["one_hot", "integer"]),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["numeric", "categorical", "boolean", "date"]), max_size=2),
)
def test_reading_a_file_again_gives_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encode: str, columns: dict[str, str]
) -> None:
    """What training made of raw rows, a preparation that went through JSON makes of the file; else a DataError."""
    folder = tmp_path_factory.getbasetemp()
    with (folder / "again.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b", "c"], *rows])
    try:
        data = get(Source, {"csv": {"path": "again.csv", "encode": encode, "columns": columns}}).load(folder)
        data.prepare()
    except DataError as error:
        assert "again.csv" in str(error)
        return
    preparation = restored(json.loads(json.dumps(saved(data.preparation))))  # type: ignore[arg-type]
    x = np.concatenate(list(preparation.read(folder / "again.csv", 7)))
    assert x.dtype == data.train.x.dtype and data.feature_names is not None and x.shape[1] == len(data.feature_names)
    np.testing.assert_array_equal(x, data.train.x)


MANGLED = "size,flag,colour,kind\n" + "".join(f"{i},{i % 2},{'red' if i % 3 else ''},{'ab'[i % 2]}\n" for i in range(8))
PIECES = st.sampled_from(
    [b",", b"\n", b'"', b"\r", b";", b"NA", b"1e999", b"-", b"\xff", b"\0", b"2024-01-01", b".", b"_"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(MANGLED)), PIECES, st.integers(0, 4)), min_size=1, max_size=4))
def test_mangled_tables_are_prepared_or_explained(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes, int]]
) -> None:
    """As a table to learn from, and as new rows for a preparation that was fitted to the table as it was."""
    folder = tmp_path_factory.getbasetemp()
    content = MANGLED.encode()
    (folder / "whole.csv").write_bytes(content)
    whole = get(Source, {"csv": {"path": "whole.csv", "target": "kind"}}).load(folder)
    whole.prepare()
    for at, piece, gone in edits:
        content = content[:at] + piece + content[at + gone :]
    (folder / "mangled.csv").write_bytes(content)
    try:
        data = get(Source, {"csv": {"path": "mangled.csv", "target": "kind"}}).load(folder)
        data.prepare()
        data.check()
    except DataError as error:
        assert "mangled" in str(error)
    try:
        for x in whole.preparation.read(folder / "mangled.csv", 5):  # type: ignore[union-attr]
            assert x.shape[1] == whole.train.x.shape[1]
    except DataError as error:
        assert "mangled.csv" in str(error)


# -- screens ---------------------------------------------------------------------------------------------------------


def test_what_columns_are_taken_for_is_shown(tmp_path: Path, run: Run) -> None:
    trained(tmp_path)
    config = str(tmp_path / "c.yaml")
    lines = ("numeric (standardize): size", "boolean: flag", "categorical: colour (2 categories)")
    code, out, err = run("check", config)
    assert code == 0 and all(line in err and line not in out for line in lines)
    assert json.loads(run("check", config, "--json")[1])["ok"]
    code, out, err = run("train", config)
    assert code == 0 and all(line in err for line in lines) and "INPUT.csv" in out + err
    assert json.loads(run("train", config, "--json")[1])["run"]


def test_the_readmes_table_is_right(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("**Tables.**")[1].split("```\n")[1]
    (tmp_path / "c.yaml").write_text(text + "model: [Flatten]\n", encoding="utf-8")
    source = load_spec(tmp_path / "c.yaml").data.source  # type: ignore[union-attr]
    assert source is not None and list(source.columns) == ["rooms", "has_*", "zip", "sold", "remarks", "area"]  # type: ignore[attr-defined]


def test_words_that_no_row_has_are_forgotten() -> None:
    column = Coded(np.array([2, -1, 0, 2], np.int32), ["a", "b", "c"]).used()
    assert column.words == ("a", "c") and column.texts().tolist() == ["c", "", "a", "c"]
    assert Coded(np.array([-1], np.int32), ["a"]).used().words == ()
