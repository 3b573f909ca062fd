"""seqnet.spec.reader: YAML 1.2 scalars, positions, anchors and merge keys, bounds, files of every kind."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.errors import SpecError
from seqnet.spec import parsing
from seqnet.spec.reader import Document, Mark, dump_yaml, parse_document, read_document

PARSERS = [pytest.param(None, id="python")]
if parsing.CParser is not None:
    PARSERS.append(pytest.param(parsing.CParser, id="libyaml"))

EXAMPLE = """\
# a run
name: fashion-mlp
data:
  dataset: 'fashion_mnist_mini'
  validation_split: 0.1
defaults: &shared {activation: relu, "use_bias": true}
model:
  - Rescaling: {scale: 0.0039}
  - Flatten
  - Dense:
      <<: *shared
      units: &width 128
  - Dense: {units: *width, activation: softmax}
metrics: [accuracy,
   mae]
training: {epochs: 5, class_weight: {0: 1.0, 1: 2}}
callbacks:
notes: |
  some text
    more: text
"""


@pytest.fixture(params=PARSERS, autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every test runs with libyaml's parser and with PyYAML's own."""
    monkeypatch.setattr(parsing, "CParser", request.param)
    return request.param


def refused(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_document(text, "x.yaml")
    return str(caught.value)


# What YAML 1.2.2, section 10.3.2, makes of a text without quotes; NaN is compared by its name.
SCALARS: list[tuple[str, Any]] = [
    ("", None),
    ("~", None),
    ("null", None),
    ("NULL", None),
    ("nULL", "nULL"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("false", False),
    ("FALSE", False),
    ("on", "on"),
    ("off", "off"),
    ("yes", "yes"),
    ("no", "no"),
    ("y", "y"),
    ("n", "n"),
    ("0", 0),
    ("-0", 0),
    ("+1", 1),
    ("-12", -12),
    ("010", 10),
    ("0o17", 15),
    ("0o18", "0o18"),
    ("-0o17", "-0o17"),
    ("0x1F", 31),
    ("0X1F", "0X1F"),
    ("-0x1F", "-0x1F"),
    ("0b101", "0b101"),
    ("1_000", "1_000"),
    ("12:30:45", "12:30:45"),
    ("2026-01-01", "2026-01-01"),
    ("1.", 1.0),
    (".5", 0.5),
    ("-.5", -0.5),
    ("+.5", 0.5),
    (".", "."),
    ("1e-3", 1e-3),
    ("1E5", 1e5),
    ("+1.5e+3", 1500.0),
    ("1e", "1e"),
    ("e1", "e1"),
    ("1.5.2", "1.5.2"),
    ("1e999", math.inf),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("+.Inf", math.inf),
    ("inf", "inf"),
    (".nan", math.nan),
    (".NaN", math.nan),
    ("-.nan", "-.nan"),
    ("nan", "nan"),
    ("\u0661", "\u0661"),  # a digit, but not an ASCII one
    ("'5'", "5"),
    ('"true"', "true"),
    ("''", ""),
    ("'null'", "null"),
    ("!!str 5", "5"),
    ("!!str", ""),
    ("! 5", "5"),
    ('!!int "5"', 5),
    ("!!float 3", 3.0),
    ("!!bool 'true'", True),
    ("!!null ''", None),
    ("!!seq [1]", [1]),
    ("!!map {a: 1}", {"a": 1}),
    ('"a\\tb\\u00e9\\x41\\/"', "a\tb\u00e9A/"),
    ("a\tb", "a\tb"),
    ("x # comment", "x"),
    ("x#no", "x#no"),
    ("a:b", "a:b"),
    ("http://x.y/z", "http://x.y/z"),
    ("C:\\data", "C:\\data"),
]


@pytest.mark.parametrize(("written", "value"), SCALARS)
@pytest.mark.parametrize("layout", ["key: {}\n", "{{key: {}\n }}", "key:\t{}\t\n", "key:\n  {}\n", "key: {}\r\n"])
def test_scalars(written: str, value: Any, layout: str) -> None:
    read = parse_document(layout.format(written)).data["key"]
    assert type(read) is type(value)
    assert read == value or (read != read and value != value)


STRUCTURES: list[tuple[str, Any]] = [
    ("a: 1\nb: [x, {c: 2}, []]\n", {"a": 1, "b": ["x", {"c": 2}, []]}),
    ("a:\n- 1\n- 2\n", {"a": [1, 2]}),
    ("a:\n  - - 1\n    - 2\n  -\n", {"a": [[1, 2], None]}),
    ("{a: 1}", {"a": 1}),
    ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
    ("---\na: 1\n...\n", {"a": 1}),
    ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
    ("a: b\n c\n\n d\n", {"a": "b c\nd"}),
    ('a: "b\n  c"\n', {"a": "b c"}),
    ("a: >-\n  b\n  c\n", {"a": "b c"}),
    ("a: |+\t# keep\n  b\n\n", {"a": "b\n\n"}),
    ("w: {0: 1.0, 1: 2, 0x10: 3}\n", {"w": {0: 1.0, 1: 2, 16: 3}}),
    ("'0': a\n0: b\n", {"0": "a", 0: "b"}),
    ("? a\n: 1\n", {"a": 1}),
    ("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n", {"a": [1], "b": [1], "c": 2, "d": 2}),
    ("&k a: 1\nb: *k\n", {"a": 1, "b": "a"}),
    ("a: &x\nb: *x\n", {"a": None, "b": None}),
    # merge keys: explicit keys win, wherever they stand; of several mappings the first
    ("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x, r: 4}\n", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3, "r": 4}}),
    (
        "a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc: {<<: [*x, *y]}\n",
        {"a": {"p": 1}, "b": {"p": 2, "q": 3}, "c": {"p": 1, "q": 3}},
    ),
    (
        "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}\n",
        {"a": {"p": 1}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 2}},
    ),
    ("a: {<<: {p: 1}}\n", {"a": {"p": 1}}),
    ("a: {'<<': 1}\n", {"a": {"<<": 1}}),
    ("\ufeffa: 1\n", {"a": 1}),
]


@pytest.mark.parametrize(("text", "data"), STRUCTURES)
def test_structures(text: str, data: Any) -> None:
    assert parse_document(text).data == data


def test_merged_keys_keep_their_order() -> None:
    data = parse_document("a: &x {p: 1, q: 2}\nb:\n  r: 0\n  <<: *x\n  q: 5\n").data
    assert list(data["b"].items()) == [("p", 1), ("q", 5), ("r", 0)]


def test_data_of_aliases_are_not_shared() -> None:
    data = parse_document("a: &x [1]\nb: *x\n").data
    data["a"].append(2)
    assert data["b"] == [1]


# Path, on the key?, line and column counted by hand in EXAMPLE.
MARKS: list[tuple[tuple[str | int, ...], bool, int, int]] = [
    ((), False, 2, 1),
    (("name",), False, 2, 7),
    (("name",), True, 2, 1),
    (("data", "dataset"), False, 4, 12),
    (("data",), False, 3, 1),  # a mapping over several lines stands at its key
    (("data", "missing"), False, 3, 1),
    (("data", "missing", "deeper"), True, 3, 1),
    (("absent",), True, 2, 1),
    (("defaults",), False, 6, 19),  # without its anchor
    (("defaults", "use_bias"), True, 6, 38),
    (("defaults", "missing"), False, 6, 1),
    (("model", 0), False, 8, 5),
    (("model", 0, "Rescaling"), False, 8, 16),
    (("model", 0, "Rescaling", "scale"), False, 8, 24),
    (("model", 0, "Rescaling", "offset"), False, 8, 5),
    (("model", 1), False, 9, 5),
    (("model", 1), True, 9, 5),
    (("model", -1), False, 13, 5),
    (("model", 9), False, 7, 1),
    (("model", 2, "Dense"), False, 10, 5),
    (("model", 2, "Dense", "units"), False, 12, 21),
    (("model", 2, "Dense", "activation"), False, 6, 32),  # merged: where it is written
    (("model", 2, "Dense", "activation"), True, 6, 19 + 1),
    (("model", 3, "Dense", "units"), False, 13, 20),  # an alias stands for itself
    (("metrics",), False, 14, 1),
    (("metrics", 1), False, 15, 4),
    (("training", "class_weight", 1), False, 16, 49),
    (("training", "class_weight", 1), True, 16, 46),
    (("callbacks",), False, 17, 1),  # left empty
    (("notes",), False, 18, 8),
    (("name", "below", "a", "text"), False, 2, 7),
]


@pytest.mark.parametrize(("path", "on_key", "line", "column"), MARKS)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_marks(path: tuple[str | int, ...], on_key: bool, line: int, column: int, line_break: str) -> None:
    document = parse_document(EXAMPLE.replace("\n", line_break))
    assert document.mark(path, on_key) == Mark(line, column)


def test_columns_count_characters() -> None:
    document = parse_document("\ufeff{漢字: 'é\U0001f600', b: 2}\n")
    assert document.mark(("漢字",)) == Mark(1, 6)
    assert document.mark(("b",), on_key=True) == Mark(1, 12)


def test_an_empty_entry_stands_at_its_dash() -> None:
    assert parse_document("a:\n  - x\n  - # nothing\n").mark(("a", 1)) == Mark(3, 3)


def test_document_keeps_what_was_given(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(EXAMPLE)
    document = read_document(file)
    assert isinstance(document, Document)
    assert (document.name, document.text) == (str(file), EXAMPLE)
    assert document.data["model"][2] == {"Dense": {"activation": "relu", "use_bias": True, "units": 128}}


# --- bounds -------------------------------------------------------------------------------------------------------


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [" + ", ".join([f"*a{i - 1}"] * 30) + f"], k{i}: 1}}" for i in range(1, levels)]
    return "\n".join(lines)


BOUNDS = [
    ("laughs", laughs(30), "more than 1,000,000 values"),
    ("merged laughs", merges(2000), "more than 1,000,000 values"),
    ("chain of aliases", "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)), "200 levels"),
    ("brackets", "a: " + "[" * 100_000, "nested more than 200 levels deep"),
    ("closed brackets", "a: " + "[" * 100_000 + "]" * 100_000, "nested more than 200 levels deep"),
    ("braces", "a: " + "{a: " * 100_000, "nested more than 200 levels deep"),
    ("dashes", "- " * 100_000, "nested more than 200 levels deep"),
    ("question marks", "? " * 100_000, "nested more than 200 levels deep"),
    ("indentation", "\n".join(" " * i + "a:" for i in range(1000)), "nested more than 200 levels deep"),
    ("endless quote", "a: '" + "x\n" * 200_000, "never closed"),
    ("digits", "a: " + "9" * 1_000_000, "larger than any number"),
    ("hexadecimal digits", "a: 0x" + "f" * 1_000_000, "larger than any number"),
    ("a little too large", "a: " + "9" * 309, "larger than any number"),
    ("equal keys", "a: 1\n" * 50_000, "given twice"),
    ("unknown aliases", "a: [" + ", ".join(f"*a{i}" for i in range(50_000)) + "]", "no anchor"),
    ("bells", "\a" * 1_000_000, "not allowed"),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in BOUNDS], ids=[row[0] for row in BOUNDS])
def test_bounds(text: str, message: str) -> None:
    error = refused(text)
    assert message in error
    assert len(error) < 100_000


def test_depth_and_size_that_are_still_fine() -> None:
    assert parse_document("a: " + "[" * 199 + "]" * 199).data
    data = parse_document("a: " + "9" * 308 + "\nb: 1." + "9" * 5000 + "\n").data
    assert data == {"a": 10**308 - 1, "b": 2.0}
    assert len(parse_document(laughs(5)).data["a4"]) == 10


def test_ten_thousand_layers() -> None:
    document = parse_document("model:\n" + "  - Dense: {units: 10, activation: relu}\n" * 10_000)
    assert len(document.data["model"]) == 10_000
    assert document.mark(("model", 9_999, "Dense", "units")) == Mark(10_001, 20)


# --- mistakes that are no broken syntax; for that see test_syntax.py --------------------------------------------------


def test_a_repeated_key_shows_both_places() -> None:
    error = refused("model:\n  units: 3\n  x: 1\n  'units': 4\n")
    assert error == (
        "x.yaml:4:3: error: the key 'units' is given twice, first in line 2\n"
        "  2 |   units: 3\n"
        "    |   -----\n"
        "  4 |   'units': 4\n"
        "    |   ^^^^^^^\n"
        "  = hint: remove one of them"
    )


def test_keys_are_repeated_by_value() -> None:
    assert "the key 7 is given twice" in refused("{7: a, 0o7: b}")


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_document("a: !foo 1\nb: {c: 1, c: 2}\nd: *e\nf: [\n", "x.yaml")
    places = [line.split(": error")[0] for line in str(caught.value).splitlines() if ": error: " in line]
    assert places == ["x.yaml:1:4", "x.yaml:2:11", "x.yaml:3:4", "x.yaml:4:4"]
    assert str(caught.value).endswith("\n\n4 errors")
    assert len(caught.value.problems) == 4
    assert caught.value.problems[1].path == ("b", "c")


NOT_A_RUN = [
    ("", "x.yaml: error: the file is empty", "`seqnet init`"),
    ("# only\n\n  # comments\n", "x.yaml: error: the file is empty", "`seqnet init`"),
    ("---\n", "x.yaml: error: the file is empty", "`seqnet init`"),
    ("\ufeff", "x.yaml: error: the file is empty", "`seqnet init`"),
    ("- Flatten\n- Dense: {units: 3}\n", "x.yaml:1:1: error: the top of the file must be a mapping", "write model:"),
    ("hello there\n", "got a single value", "`seqnet init`"),
    ("name:x\n", "got a single value", "a space is missing after the colon: write name: x"),
    ("\n\nname = x\n", "x.yaml:3:1: error: the top of the file", "a colon, not with =: write name: x"),
    ("null\n", "got a single value", "`seqnet init`"),
    ("a: 1\n---\nb: 2\n", "x.yaml:2:1: error: a second document begins here", "remove ---"),
    ("a: 1\n---\n", "x.yaml:2:1: error: a second document begins here", "remove ---"),
    ("true: 1\n", "x.yaml:1:1: error: a key must be a text or a whole number, got true", "quotes"),
    ("a: {1.5: 1}\n", "x.yaml:1:5: error: a key must be a text or a whole number, got 1.5", "quotes"),
    ("~: 1\n", "got ~", "quotes"),
    ("? [a, b]\n: 1\n", "x.yaml:1:3: error: a key must be a text or a whole number, not a list", "quotes"),
    ("a: &x [*x]\n", "x.yaml:1:8: error: the anchor &x contains itself here", "write the value out"),
    ("a: &x {b: {<<: *x}}\n", "x.yaml:1:16: error: the anchor &x contains itself here", "write the value out"),
    ("a: &width 1\nb: *with\n", "x.yaml:2:4: error: no anchor &with stands above", "did you mean *width?"),
    ("a: *x\n", "no anchor &x stands above this line", "goes in quotes"),
    ("a: {<<: 3}\n", "x.yaml:1:9: error: << takes a mapping", "write <<: *name"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n", "x.yaml:4:3: error: << is given twice", "<<: [*first, *second]"),
    ("a: !!python/object:os.system x\n", "tags are not used here, got !!python/object:os.system", "remove it"),
    ("!foo\na: 1\n", "x.yaml:1:1: error: tags are not used here, got !foo", "remove it"),
    ("a: &b !foo [1]\n", "x.yaml:1:7: error: tags are not used here, got !foo", "remove it"),
    ("a: !!set {b}\n", "tags are not used here, got !!set", "remove it"),
    ("a: !!seq {b: 1}\n", "tags are not used here, got !!seq", "remove it"),
    ("a: !!int x\n", "x.yaml:1:10: error: this text is no int, as its tag !!int says", "remove the tag"),
    ("a: !!int 1.5\n", "this text is no int", "remove the tag"),
    ("a: \x1b[31m\n", "x.yaml:1:4: error: the invisible character \\x1b is not allowed", "remove it"),
    ("a: 1\n\ufeffb: 2\n", "x.yaml:2:1: error: the invisible character \\ufeff is not allowed", "remove it"),
    ("a: \ud800\n", "the invisible character \\ud800 is not allowed", "remove it"),
    ("a: \0\n", "the invisible character \\x00 is not allowed", "remove it"),
]


@pytest.mark.parametrize(("text", "message", "hint"), NOT_A_RUN)
def test_texts_that_describe_no_run(text: str, message: str, hint: str) -> None:
    error = refused(text)
    assert message in error
    assert hint in error.split("= hint: ")[1]
    assert "\x1b" not in error


# --- files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "configs" / "fashion_mlp.yaml").write_text("a: 1\n")
    (tmp_path / "configs" / "iris.yml").write_text("a: 2\n")
    return tmp_path


def refused_file(name: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_document(name)
    return str(caught.value)


FILES = [
    ("configs/fashon_mlp.yaml", "there is no such file", "did you mean configs/fashion_mlp.yaml?"),
    ("configs/fashion_mlp", "there is no such file", "did you mean configs/fashion_mlp.yaml?"),
    ("configs/iris", "there is no such file", "did you mean configs/iris.yml?"),
    ("configs/iris.yaml", "there is no such file", "did you mean configs/iris.yml?"),
    ("configs/fashin-mlp", "there is no such file", "did you mean configs/fashion_mlp.yaml?"),
    ("configs/Fashion_MLP.YAML", "there is no such file", "did you mean configs/fashion_mlp.yaml?"),
    ("configs/zzz.yaml", "there is no such file", "there are: configs/fashion_mlp.yaml, configs/iris.yml"),
    ("config/iris.yml", "there is no folder config", "did you mean configs/iris.yml?"),
    ("config/other.yml", "there is no folder config", "did you mean configs?"),
    ("empty/x.yaml", "there is no such file", "`seqnet init`"),
    ("configs/iris.yml/x.yaml", "there is no such file", None),
    ("configs", "this is a folder", "give one of its files: configs/fashion_mlp.yaml, configs/iris.yml"),
    ("empty", "this is a folder", "no YAML file in it; `seqnet init`"),
    ("", "there is no such file", "`seqnet init`"),
    ("a\0b", "can't be read: embedded null byte", None),
    ("x" * 5000, "can't be read: file name too long", None),
]


@pytest.mark.parametrize(("name", "message", "hint"), FILES, ids=[row[0][:30].replace("\0", "0") for row in FILES])
def test_files_that_are_not_there(folder: Path, name: str, message: str, hint: str | None) -> None:
    error = refused_file(name)
    assert error.startswith((name or "''").replace("\0", "\\x00") + ": error: ")
    assert message in error
    assert hint is None or hint in error.split("= hint: ")[1]


def test_a_name_with_escape_codes_is_shown_harmlessly(folder: Path) -> None:
    assert "\x1b" not in refused_file("\x1b[2Jx.yaml")


def test_no_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", deny)  # whoever runs the tests as root may read everything
    assert "configs/iris.yml: error: you may not read this file" in refused_file("configs/iris.yml")


def test_too_large(folder: Path) -> None:
    Path("big.yaml").write_bytes(b"#" * 10_000_001)
    error = refused_file("big.yaml")
    assert "the file has 10.0 MB" in error
    assert "at most 10 MB" in error


ENCODED = [
    ("utf-8", "a: é\n".encode()),
    ("utf-8 with BOM", b"\xef\xbb\xbf" + "a: é\n".encode()),
    ("utf-16 little", b"\xff\xfe" + "a: é\n".encode("utf-16-le")),
    ("utf-16 big", b"\xfe\xff" + "a: é\n".encode("utf-16-be")),
]


@pytest.mark.parametrize("content", [row[1] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_encodings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    document = read_document(tmp_path / "x.yaml")
    assert document.data == {"a": "é"}
    assert document.mark(("a",)) == Mark(1, 4)


BINARY = [
    (b"\x93NUMPY\x01\x00v\x00", "this is not a text file: byte offset 0"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "this is not a text file: byte offset 0"),
    (b"PK\x03\x04\x80\x81", "this is not a text file: byte offset 4"),
    ("a: 1".encode("utf-16-le"), "this is not a text file: byte offset 1"),
    (b"\xff\xfe\x00\xd8", "this is not a text file"),
]


@pytest.mark.parametrize(("content", "message"), BINARY)
def test_binary_files(folder: Path, content: bytes, message: str) -> None:
    Path("x.yaml").write_bytes(content)
    error = refused_file("x.yaml")
    assert message in error
    assert "saved as UTF-8" in error


def test_latin_1(folder: Path) -> None:
    Path("x.yaml").write_bytes(b"a: 1\nname: caf\xe9 noir\n")
    assert refused_file("x.yaml") == (
        "x.yaml:2:10: error: the file is not UTF-8: byte 0xe9 at offset 14 is no text\n"
        "  2 | name: caf\\xe9 noir\n"
        "    |          ^^^^\n"
        "  = hint: save it as UTF-8; if it is not a text file, it is not what seqnet reads here"
    )


# --- properties ---------------------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["", " ", "a: b", "- x", "# no", "on", "~", "null", "<<", "=", "*x", "&x", "'", '"', "\\", "a\n b", "\t"]
    ),
)
# Written without quotes by a YAML 1.1 writer, these are numbers to YAML 1.2, or the other way round.
DIFFERS = re.compile(r"[-+.0-9][-+.0-9a-zA-Z_:]*")
COMMON_TEXTS = TEXTS.filter(lambda text: not DIFFERS.fullmatch(text))
LEAVES = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | COMMON_TEXTS


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = st.recursive(
        leaves, lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4), max_leaves=12
    )
    return st.dictionaries(keys, inner, min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(nested(LEAVES, COMMON_TEXTS), st.booleans())
def test_what_pyyaml_writes_is_read_back(data: Any, flow: bool) -> None:
    text = yaml.safe_dump(data, sort_keys=False, default_flow_style=flow)
    assert repr(parse_document(text).data) == repr(data)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["delete", "insert", "replace"]),
        st.integers(0, len(EXAMPLE)),
        st.text(st.sampled_from(":-[]{},'\"#&*!|>%@`\t \n\r?ab1\\~<.\0\a\u00a0\u2028\ufeffé漢"), min_size=1, max_size=3)
        | st.text(max_size=2),
    ),
    min_size=1,
    max_size=4,
)


def mangled(edits: list[tuple[str, int, str]]) -> str:
    text = EXAMPLE
    for kind, at, piece in edits:
        text = text[:at] + ("" if kind == "delete" else piece) + text[at + (0 if kind == "insert" else len(piece)) :]
    return text


def outcome(text: str) -> str:
    try:
        return repr(parse_document(text).data)
    except SpecError as error:
        return str(error)


@settings(max_examples=200, deadline=None)
@given(EDITS)
def test_a_mangled_file_is_read_or_explained(edits: list[tuple[str, int, str]]) -> None:
    found = outcome(mangled(edits))
    assert "this is not YAML" not in found
    assert found.replace("\n", "").isprintable()


@pytest.mark.skipif(len(PARSERS) < 2, reason="PyYAML is built without libyaml")
@settings(max_examples=150, deadline=None)
@given(EDITS)
def test_both_parsers_say_the_same(edits: list[tuple[str, int, str]]) -> None:
    text = mangled(edits)
    outcomes = []
    with pytest.MonkeyPatch.context() as patch:
        for choice in PARSERS:
            patch.setattr(parsing, "CParser", choice.values[0])
            outcomes.append(outcome(text))
    assert outcomes[0] == outcomes[1]


# Found by mangling at random: what the parser in C refuses first is not what the one in Python refuses first.
@pytest.mark.skipif(len(PARSERS) < 2, reason="PyYAML is built without libyaml")
@pytest.mark.parametrize(
    "text",
    [
        "a: {!% 1.0}\n",
        "a: !%pochs: 5\n",
        "- a: 1\n%b  - c: 2\n",
        "a: [?,128\n",
        "a:\n  b: 1\n{*e\n",
        "a: {\u2028[&b: 1}\n",
    ],
)
def test_both_parsers_explain_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for choice in PARSERS:
        monkeypatch.setattr(parsing, "CParser", choice.values[0])
        outcomes.append(outcome(text))
    assert outcomes[0] == outcomes[1] and "error" in outcomes[0]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.integers(0, len(EXAMPLE)))
def test_arbitrary_bytes_are_read_or_explained(tmp_path_factory: pytest.TempPathFactory, piece: bytes, at: int) -> None:
    file = tmp_path_factory.getbasetemp() / f"bytes-{os.getpid()}.yaml"
    for content in (piece, EXAMPLE.encode()[:at] + piece + EXAMPLE.encode()[at:]):
        file.write_bytes(content)
        try:
            assert isinstance(read_document(file).data, dict)
        except SpecError as error:
            assert str(error).startswith(str(file))


def test_dump_yaml_is_here_too() -> None:
    assert parse_document(dump_yaml({"a": [1]})).data == {"a": [1]}
