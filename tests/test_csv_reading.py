"""Cells of csv files, however they are written, come into the right columns, or an error says where."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.arrays import Array
from seqnet.datasets import csv_bytes, csv_format
from seqnet.datasets.csv_format import Format
from seqnet.datasets.csv_reader import MISSING, CsvFile
from seqnet.datasets.table import Coded, Table
from seqnet.errors import DataError

NAN = float("nan")


def table_of(content: bytes | str, tmp_path: Path, name: str = "t.csv", **form: Any) -> Table:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CsvFile.open(path, Format(**form)).read()


def cells(table: Table) -> dict[str, list[Any]]:
    return {
        name: column.texts().tolist() if isinstance(column, Coded) else column.tolist()
        for name, column in table.columns.items()
    }


# What a file holds, how it is said to be written, and its columns.
READ: dict[str, tuple[bytes | str, dict[str, Any], dict[str, list[Any]]]] = {
    "plain": ("a,b\n1,x\n2.5,y\n", {}, {"a": [1.0, 2.5], "b": ["x", "y"]}),
    "no end of line": ("a,b\n1,x\n2,y", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "windows": ("a,b\r\n1,x\r\n2,y\r\n", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "old mac": ("a,b\r1,x\r2,y\r", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,x\n", {}, {"a": [1.0], "b": ["x"]}),
    "utf-16": ("a,b\n1,\u00e9\n".encode("utf-16"), {}, {"a": [1.0], "b": ["\u00e9"]}),
    "utf-8": ("größe,b\n1,漢\n", {}, {"größe": [1.0], "b": ["漢"]}),
    "cp1252": ("a,b\n1,\u00e9\n".encode("cp1252"), {"encoding": "cp1252"}, {"a": [1.0], "b": ["\u00e9"]}),
    "gzip": (gzip.compress(b"a,b\n1,x\n"), {}, {"a": [1.0], "b": ["x"]}),
    "semicolons": ("a;b\n1;x\n2;y\n", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "tabs": ("a\tb\n1\tx, y\n", {}, {"a": [1.0], "b": ["x, y"]}),
    "bars": ("a|b\n1|x\n", {}, {"a": [1.0], "b": ["x"]}),
    "decimal comma": ("a;b\n1,5;x\n-2,25;y\n", {}, {"a": [1.5, -2.25], "b": ["x", "y"]}),
    "decimal comma, one column of whole": ("a;b\n1,5;3\n2,5;4\n", {}, {"a": [1.5, 2.5], "b": [3.0, 4.0]}),
    "thousands": ('a,b\n"1,234.5",x\n"12,000",y\n7,z\n', {"thousands": ","}, {"a": [1234.5, 12000.0, 7.0]}),
    "thousands with points": ("a;b\n1.234,5;x\n7;y\n", {"thousands": ".", "decimal": ","}, {"a": [1234.5, 7.0]}),
    "quotes": ('a,b\n1,"x, ""y"""\n2,z\n', {}, {"a": [1.0, 2.0], "b": ['x, "y"', "z"]}),
    "quoted line break": ('a,b\n1,"x\ny"\n2,z\n', {}, {"a": [1.0, 2.0], "b": ["x\ny", "z"]}),
    "quoted numbers": ('a,b\n"1","2"\n"3",4\n', {}, {"a": [1.0, 3.0], "b": [2.0, 4.0]}),
    "other quotes": ("a,b\n1,'x, y'\n", {"quote": "'"}, {"a": [1.0], "b": ["x, y"]}),
    "empty lines": ("a,b\n\n1,x\n\n\n2,y\n\n", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "blanks around": ("a, b\n 1 , x \n2,  y\n", {}, {"a": [1.0, 2.0], "b": ["x", "y"]}),
    "gaps": ("a,b\n,x\nNA,\n3,?\n", {}, {"a": [NAN, NAN, 3.0], "b": ["x", "", ""]}),
    "all gaps": ("a,b\n,1\nNA,2\n", {}, {"a": [NAN, NAN], "b": [1.0, 2.0]}),
    "signs and powers": ("a,b\n+1e3,x\n-.5,y\n2.,z\n", {}, {"a": [1000.0, -0.5, 2.0]}),
    "underscores are no numbers": ("a,b\n1_000,1\n2,2\n", {}, {"a": ["1_000", "2"], "b": [1.0, 2.0]}),
    "no header": ("1,x\n2,y\n", {"header": False}, {"column_1": [1.0, 2.0], "column_2": ["x", "y"]}),
    "names that are numbers": ("2019,2020\n1,2\n", {"header": True}, {"2019": [1.0], "2020": [2.0]}),
    "a column without a name": (",b\n1,x\n", {}, {"column_1": [1.0], "b": ["x"]}),
    "one column": ("a\n1\n2\n", {}, {"a": [1.0, 2.0]}),
    "one column with an empty line": ("a\n1\n\n2\n", {}, {"a": [1.0, 2.0]}),
    "one column of sentences": ('a\nhello\n"x, y"\n', {}, {"a": ["hello", "x, y"]}),
    "numbers, then words": ("a,b\n1,1\n2,2\nx,3\n", {}, {"a": ["1", "2", "x"], "b": [1.0, 2.0, 3.0]}),
    "large and small": ("a,b\n1e308,x\n0.1234567890123456789,y\n", {}, {"a": [1e308, 0.1234567890123456789]}),
}


@pytest.mark.parametrize("name", READ)
def test_cells_are_read(name: str, tmp_path: Path) -> None:
    content, form, want = READ[name]
    got = cells(table_of(content, tmp_path, "t.tsv" if name == "tabs" else "t.csv", **form))
    if len(want) > 1 or name.startswith("one column"):
        assert list(got) == list(want)
    for column, values in want.items():
        np.testing.assert_array_equal(got[column], values)


@pytest.mark.parametrize("block", [1, 7, 16, 64])
@pytest.mark.parametrize("name", READ)
def test_blocks_of_any_size_are_read_alike(
    name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, form, _ = READ[name]
    if name == "old mac":
        block = 64  # the first block shows that lines end in \r alone
    whole = cells(table_of(content, tmp_path, **form))
    monkeypatch.setattr(csv_format, "BLOCK", max(block, 4))
    again = cells(table_of(content, tmp_path, **form))
    assert list(whole) == list(again)
    for column, values in whole.items():
        np.testing.assert_array_equal(again[column], values)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    assert table_of("a,b\n1,x\n2,y\n", tmp_path).lines.tolist() == [2, 3]  # type: ignore[union-attr]
    assert table_of('a,b\n\n1,"x\ny"\n\n2,y\n', tmp_path).lines.tolist() == [4, 6]  # type: ignore[union-attr]
    assert table_of("1,x\n2,y\n", tmp_path, header=False).lines.tolist() == [1, 2]  # type: ignore[union-attr]


WRONG: dict[str, tuple[bytes | str, dict[str, Any], str]] = {
    "empty": ("", {}, "t.csv is empty"),
    "blank": ("\n\n  \n", {}, "t.csv is empty"),
    "short row": ("a,b,c\n1,2,3\n4,5\n", {}, "line 3: 2 cells, but the first row has 3 (a, b, c)"),
    "long row": ("a,b\n1,2\n4,5,6\n", {}, "line 3: 3 cells, but the first row has 2 (a, b)"),
    "other delimiter": ("a,b\n1;2\n", {"delimiter": ","}, "parted by commas here, not by semicolons"),
    "names twice": ("a,b,a\n1,2,3\n", {}, "two columns named 'a'"),
    "numbers first": ("1,2\n3,4\n", {}, "the first line holds only numbers; write header: false"),
    "a number among names": ("a,2020\n1,2\n", {}, "the first line holds the number 2020 beside text"),
    "open quote": ('a,b\n1,"x\n2,y\n', {}, "line 2: a quote that is opened is never closed"),
    "open quote, late": ('a,b\n1,x\n\n"1\n",y\n3,"y\n4,z\n5,z\n', {}, "line 6: a quote that is opened is never closed"),
    "latin": ("a,b\n1,\u00e9\n".encode("latin-1"), {}, "line 2: byte 0xe9 is no UTF-8 text; as cp1252 it reads '1,é'"),
    "no encoding": ("a\n1\n", {"encoding": "utf8x"}, "there is no encoding 'utf8x'"),
    "npy": (b"\x93NUMPY\x01\x00", {}, "is a NumPy array"),
    "excel": (b"PK\x03\x04abc", {}, "is a zip or Excel file"),
    "broken gzip": (gzip.compress(b"a,b\n1,2\n" * 100)[:-12], {}, "is a broken gzip file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_table_is_explained(name: str, tmp_path: Path) -> None:
    content, form, message = WRONG[name]
    with pytest.raises(DataError) as caught:
        table_of(content, tmp_path, **form)
    assert message in str(caught.value) and "t.csv" in str(caught.value) or name == "no encoding"


def test_missing_cells_are_those_that_are_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n-9,none\n1,NA\n")
    table = CsvFile.open(tmp_path / "t.csv", Format(), ["-9", "none"]).read()
    np.testing.assert_array_equal(cells(table)["a"], [NAN, 1.0])
    assert cells(table)["b"] == ["", "NA"]
    assert "NA" in MISSING and "-" not in MISSING


def test_a_column_that_has_words_later_is_words_throughout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "BLOCK", 64)
    lines = [f"{i},{i}" for i in range(200)] + ["x,1"]
    table = table_of("a,b\n" + "\n".join(lines) + "\n", tmp_path)
    assert cells(table)["a"] == [str(i) for i in range(200)] + ["x"]
    assert isinstance(table.columns["b"], np.ndarray)


def test_rows_are_taken_from_a_table() -> None:
    table = Table({"a": np.arange(5.0), "b": Coded(np.array([0, 1, -1, 0, 1], np.int32), ["x", "y"])}, np.arange(2, 7))
    some = table[np.array([4, 2])]
    assert cells(some) == {"a": [4.0, 2.0], "b": ["y", ""]} and some.places(np.array([0, 1])) == "lines 6, 4"
    assert cells(table[1:3]) == {"a": [1.0, 2.0], "b": ["y", ""]}
    assert table.places(np.arange(5)) == "lines 2, 3, 4 and 2 more"
    with pytest.raises(DataError, match="no column 'c'"):
        table.column("c")


# -- whatever there is ------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9).map(float)
FOUND = st.one_of(
    st.lists(NUMBERS | st.just(NAN), min_size=1, max_size=1).map(lambda _: "numbers"),
    st.just("numbers"),
    st.just("words"),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], list[list[Any]], dict[str, Any]]:
    """Names, the cells as written by column, what they mean, and a dialect of the csv module."""
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    names = [f"c{i} {draw(WORDS)}".strip() for i in range(width)]
    written, meant = [], []
    for _ in range(width):
        if draw(FOUND) == "numbers":
            values = draw(st.lists(NUMBERS, min_size=height, max_size=height))
            gaps = draw(st.lists(st.booleans(), min_size=height, max_size=height))
            gaps = gaps if width > 1 else [False] * height  # an empty line is no row
            written.append(["" if gap else repr(v) for v, gap in zip(values, gaps, strict=True)])
            meant.append([NAN if gap else v for v, gap in zip(values, gaps, strict=True)])
        else:
            words = draw(st.lists(WORDS.map(lambda w: f"w{w}".strip()), min_size=height, max_size=height))
            written.append(words)
            meant.append(list(words))
    dialect = {
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
    }
    return names, written, meant, dialect


def outcome(path: Path, form: Format = Format(), by_numpy: bool = True) -> dict[str, Any] | str:  # noqa: B008
    """The table in a file down to its bits, or the error; read by NumPy where it can be, or by the csv module."""
    with pytest.MonkeyPatch.context() as patch:
        if not by_numpy:
            patch.setattr(csv_bytes, "split", lambda *_: None)
        try:
            table = CsvFile.open(path, form).read()
        except DataError as error:
            return str(error)
    assert table.lines is not None
    columns = {
        name: (column.codes.tolist(), column.words) if isinstance(column, Coded) else column.tobytes()
        for name, column in table.columns.items()
    }
    return {"lines": table.lines.tolist(), **columns}


@pytest.mark.parametrize("name", [*READ, *WRONG])
def test_numpy_and_the_csv_module_read_the_same(name: str, tmp_path: Path) -> None:
    content, form, _ = {**READ, **WRONG}[name]
    path = tmp_path / ("t.tsv" if name == "tabs" else "t.csv")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert outcome(path, Format(**form)) == outcome(path, Format(**form), by_numpy=False)


# Rows and whether they are for NumPy: the rest is read by the csv module.
SPLIT: dict[str, tuple[bytes, bool]] = {
    "plain": (b"1,x\n2,y\n", True),
    "windows": (b"1,x\r\n2,y\r\n", True),
    "quotes around cells": (b'"1","x, y"\n2,"line\nbreak"\n', True),
    "windows, quotes": (b'1,"x"\r\n', True),
    "empty cells": (b',\n"",\n', True),
    "quote within a cell": (b'1,"a ""b"" c"\n', False),
    "quote in mid-cell": (b'1,a"b"\n', False),
    "open quote": (b'1,"x\n', False),
    "windows, a line break in quotes": (b'1,"x\r\ny"\r\n', False),
    "empty line": (b"1,x\n\n2,y\n", False),
    "ragged": (b"1,x\n2\n3,y,z\n", False),
    "carriage return in a cell": (b"1,x\ry\n", False),
    "a long quoted cell": (b'1,"' + b"x" * 140_000 + b'"\n', False),
}


@pytest.mark.parametrize("name", SPLIT)
def test_plain_rows_are_cut_by_numpy(name: str) -> None:
    text, plain = SPLIT[name]
    found = csv_bytes.split(text, Format(), 2, 0)
    assert (found is not None) is plain
    if found is not None:
        columns = zip(*csv.reader(io.StringIO(text.decode(), newline="")), strict=True)
        assert [[cell.decode() for cell in found.texts(place)] for place in range(2)] == [list(c) for c in columns]


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from([40, 1 << 20]), st.booleans())
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[Any, ...], block: int, by_numpy: bool
) -> None:
    names, written, meant, dialect = made
    text = io.StringIO(newline="")
    writer = csv.writer(text, **dialect)
    writer.writerow(names)
    writer.writerows(zip(*written, strict=True))
    path = tmp_path_factory.getbasetemp() / "random.csv"
    path.write_bytes(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_format, "BLOCK", block)
        if not by_numpy:
            patch.setattr(csv_bytes, "split", lambda *_: None)
        table = CsvFile.open(path, Format(delimiter=dialect["delimiter"], header=True, decimal=".")).read()
    assert list(table.columns) == [name.strip() for name in names]
    for name, values in zip(names, meant, strict=True):
        got: Array | list[str] = cells(table)[name.strip()]
        if all(isinstance(value, float) for value in values):
            np.testing.assert_array_equal(got, values)
        else:
            assert got == [value.strip() for value in values]


EXAMPLE = b'name,size,when\n"a, b",1.5,2026-01-02\nc,NA,2026-01-03\n"d ""e""",-3e2,2026-02-01\n'


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(EXAMPLE)), st.binary(max_size=3), st.booleans()), min_size=1, max_size=4),
    st.booleans(),
)
def test_mangled_files_are_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes, bool]], plain: bool
) -> None:
    content = EXAMPLE.replace(b'"', b"") if plain else EXAMPLE
    for at, piece, insert in edits:
        content = content[:at] + piece + content[at + (0 if insert else len(piece) + 1) :]
    path = tmp_path_factory.getbasetemp() / "mangled.csv"
    path.write_bytes(content)
    found = outcome(path)
    assert found == outcome(path, by_numpy=False)
    if isinstance(found, str):
        assert found.startswith(str(path)) or "encoding" in found


@settings(max_examples=500, deadline=None)
@given(st.text('0123456789.,\n\r"-+e_ ax\u00e9\0', max_size=80), st.integers(1, 3), st.sampled_from([None, ",", "."]))
def test_any_text_is_read_by_numpy_as_by_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory, text: str, width: int, thousands: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(",".join("abc"[:width]) + "\n" + text, newline="")
    form = Format(delimiter=",", header=True, thousands=thousands, decimal="," if thousands == "." else ".")
    assert outcome(path, form) == outcome(path, form, by_numpy=False)


# -- numbers ----------------------------------------------------------------------------------------------------------

SPELLINGS = (
    "0 -0 -0.0 +1 1 .5 5. -.5 +5. 00012 1e5 1E-5 -2.5e+10 1e400 1e-400 5e-324 2.2250738585072014e-308 inf -inf nan "
    "12345678 123456789 1234567.8 12345678.9 0.1234567 0.12345678 .123456789012345 9007199254740992 9007199254740993 "
    "9007199254740993.0 -123456.7890123456 0.1000000000000000055511151231257827 179769313486231580793728971405301 "
    "1234567812345678 12345678.12345678 -1234567.12345678 00000000.1 0000000000000000.5 1. 12345678. 1234567812345678. "
    "1.5e-07 -2.5E+05 12345678901234567e-05 1e+22 1e+23 9007199254740993e+01 -1e-22 1e-23 .5e-10 5.e-10 1e-05 0e-99 "
    "0.1234567890123456789012 123456789012345678901234 99999999999999999 899999999999999999.5 0.30000000000000004 "
    "9007199254740993.5 4503599627370497.5 4503599627370496.25 0.000000000000000000000123 1.7976931348623157e+308"
).split()
NO_NUMBERS = (
    "- + . -. +- 1-2 1/2 1.2.3 1,2 --1 +-1 1a a 1.a .a 12345678a a2345678 1..2 12345678.1.2 1.2345678.9 1:2 ;1 0x1 1e "
    "e5 \u0663 ,1 1\u00b2 12345678- -12345678- /1 1! $1 1% e-05 -e-05 .e-05 1.5e-0x 1f-05 1e*05 1e-05e-05 "
    "1234567.8.1234567 1.23456781234567.1 \xff"
).split()


def read_numbers(texts: list[str], point: str = ".") -> Array | None:
    """Cells as NumPy reads them, with Python's help for those that are written in another way."""
    text = "".join(f"{one};\n" for one in texts).encode()
    found = csv_bytes.split(text, Format(delimiter=";"), 2, 0)
    assert found is not None
    return found.numbers([0], point, lambda cells: np.array([float(cell.replace(b",", b".")) for cell in cells]))[0]


def bits(values: Any) -> list[int]:
    return np.asarray(values, np.float64).view(np.uint64).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("text", [*SPELLINGS, " 1 ", "\t2"])
def test_numbers_are_those_of_float(text: str) -> None:
    assert bits(read_numbers([text])) == bits([float(text)])
    assert bits(read_numbers(["1.5", text, "-2"])) == bits([1.5, float(text), -2.0])


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_left_to_float(text: str) -> None:
    cells: list[bytes] = []
    found = csv_bytes.split(f"{text}\t\n1.5\t\n".encode(), Format(delimiter="\t"), 2, 0)
    assert found is not None and found.numbers([0], ".", lambda left: cells.extend(left)) == [None]
    assert cells == [text.encode()]


def test_numbers_with_a_decimal_comma() -> None:
    assert bits(read_numbers(["1,5", "-12345678,25", ",5"], ",")) == bits([1.5, -12345678.25, 0.5])


DIGITS = st.text("0123456789", max_size=18)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(lambda sign, whole, part: f"{sign}{whole or '0'}{part}", st.sampled_from(["", "-", "+"]), DIGITS,
                  st.just("") | DIGITS.map(lambda digits: f".{digits}"))
        | st.floats(allow_nan=False).map(repr)
        | st.integers(-(2**70), 2**70).map(str)
        | st.tuples(st.floats(-1e9, 1e9), st.integers(0, 9)).map(lambda pair: f"{pair[0]:.{pair[1]}f}"),
        min_size=1,
        max_size=30,
    )
)  # fmt: skip
def test_any_number_is_that_of_float(texts: list[str]) -> None:
    assert bits(read_numbers(texts)) == bits([float(text) for text in texts])


def test_words_that_share_a_slot_are_told_apart() -> None:
    words = [f"{i:x}" + "." * (i % 30) for i in range(3000)]  # of so many some do
    texts = words * 2
    found = csv_bytes.split("".join(f"{word},\n" for word in texts).encode(), Format(), 2, 0)
    assert found is not None
    codes, distinct = found.coded(0)
    assert [distinct[code].decode() for code in codes] == texts and distinct == [word.encode() for word in words]
