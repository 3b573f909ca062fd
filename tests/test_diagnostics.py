"""seqnet.spec.diagnostics: problems shown like a compiler's, harmless to the terminal, and located for machines."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.errors import Problem, SpecError
from seqnet.spec.diagnostics import locate, render_problems
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.reader import parse_document

TEXT = """\
name: x
data:
  dataset: iris
model:
  - Dense: &d {units: many, activation: relu}
  - Dense:
      <<: *d
      bias:
  - Dropot
training: {epochs: 5,
  batch_size: 0}
"""


def render(text: str, *problems: Problem) -> str:
    return render_problems(problems, parse_document(text, "configs/x.yaml"))


def test_one_problem() -> None:
    problem = Problem(("model", 0, "Dense", "units"), "units must be a whole number > 0, got 'many'", "write a number")
    assert render(TEXT, problem) == (
        "configs/x.yaml:5:23: error: units must be a whole number > 0, got 'many'\n"
        "  5 |   - Dense: &d {units: many, activation: relu}\n"
        "    |                       ^^^^\n"
        "  = hint: write a number\n"
        "\n"
        "1 error"
    )


def test_problems_come_by_line_and_are_counted() -> None:
    problems = [
        Problem(("training", "batch_size"), "three"),
        Problem(("name",), "one", warning=True),
        Problem(("data", "dataset"), "two", warning=True),
        Problem((), "whole"),
        Problem(("training", "epochs"), "between"),
    ]
    lines = render(TEXT, *problems).splitlines()
    assert [line for line in lines if line.startswith("configs/")] == [
        "configs/x.yaml:1:1: error: whole",
        "configs/x.yaml:1:7: warning: one",
        "configs/x.yaml:3:12: warning: two",
        "configs/x.yaml:10:20: error: between",
        "configs/x.yaml:11:15: error: three",
    ]
    assert lines[-1] == "3 errors, 2 warnings"
    assert "  11 |   batch_size: 0}" in lines


COUNTS = [(0, 0, ""), (1, 0, "1 error"), (0, 1, "1 warning"), (2, 0, "2 errors"), (1, 2, "1 error, 2 warnings")]


@pytest.mark.parametrize(("errors", "warnings", "line"), COUNTS)
def test_counts(errors: int, warnings: int, line: str) -> None:
    problems = [Problem((), f"e{i}") for i in range(errors)] + [
        Problem((), f"w{i}", warning=True) for i in range(warnings)
    ]
    assert render(TEXT, *problems).split("\n")[-1] == line


# Path, on the key?, the excerpt.
EXCERPTS: list[tuple[tuple[str | int, ...], bool, list[str]]] = [
    ((), False, []),
    (("absent",), True, []),
    (("name",), True, ["  1 | name: x", "    | ^^^^"]),
    (("data",), False, ["  2 | data:", "    | ^^^^"]),
    (("data", "absent"), False, ["  2 | data:", "    | ^^^^"]),
    (("model", 0), False, ["  5 |   - Dense: &d {units: many, activation: relu}", "    |     ^^^^^"]),
    (
        ("model", 0, "Dense"),
        False,
        ["  5 |   - Dense: &d {units: many, activation: relu}", "    |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"],
    ),
    (
        ("model", 0, "Dense", "absent"),
        False,
        ["  5 |   - Dense: &d {units: many, activation: relu}", "    |     ^^^^^"],
    ),
    (("model", 1, "Dense", "bias"), False, ["  8 |       bias:", "    |       ^^^^"]),
    (("model", 2), False, ["  9 |   - Dropot", "    |     ^^^^^^"]),
    (("training",), False, ["  10 | training: {epochs: 5,", "     | ^^^^^^^^"]),
]


@pytest.mark.parametrize(("path", "on_key", "excerpt"), EXCERPTS)
def test_excerpts(path: tuple[str | int, ...], on_key: bool, excerpt: list[str]) -> None:
    assert render(TEXT, Problem(path, "wrong", on_key=on_key)).splitlines()[1:-2] == excerpt


def test_a_mistake_in_an_anchor_is_told_once() -> None:
    problems = [Problem(("model", i, "Dense", "units"), "units must be a whole number") for i in (0, 1)]
    assert render(TEXT, *problems).endswith("\n\n1 error")
    other = Problem(("model", 1, "Dense", "units"), "another message")
    assert render(TEXT, *problems, other).endswith("\n\n2 errors")


def cells(text: str) -> int:
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


# The value of `b` is what must be underlined.
ALIGNED = [
    ("a: {x: '漢字かな', b: wrong}", "wrong", 5),
    ("a: {x: '\U0001f600\U0001f600', b: 漢字}", "漢字", 4),
    ("a: {x: 'e\u0301e\u0301', b: wrong}", "wrong", 5),
    ("a: {x:\t1,\t\tb:\twrong\t}", "wrong", 5),
    ("a: {x: 'no\u00a0break \u202e\u200d', b: wrong}", "wrong", 5),
    ("a: {x: 1, b: 'wr\u00a0ng'}", "'wr\\xa0ng'", 10),
    ("a: {x: '\u2028', b: wrong}", "wrong", 5),
]


@pytest.mark.parametrize(("text", "shown", "length"), ALIGNED)
def test_the_caret_is_aligned(text: str, shown: str, length: int) -> None:
    _, line, carets, *_ = render(text, Problem(("a", "b"), "wrong")).splitlines()
    assert carets.count("^") == length == cells(shown)
    before = line[: line.index(shown)]
    assert cells(before) == carets.index("^")
    assert line.replace(" ", "").isprintable()


@pytest.mark.parametrize("before", [0, 5, 60, 80, 95, 200, 5000])
@pytest.mark.parametrize("after", [0, 50, 500])
def test_long_lines_are_cut_around_the_caret(before: int, after: int) -> None:
    text = "a: {x: '" + "-" * before + "', b: wrong, y: '" + "-" * after + "'}"
    head, line, carets, *_ = render(text, Problem(("a", "b"), "message")).splitlines()
    assert head == f"configs/x.yaml:1:{before + 15}: error: message"
    assert len(line) <= 100
    assert line[carets.index("^") : carets.rindex("^") + 1] == "wrong"
    assert ("..." in line) == (len(text) > 94)


def test_a_value_longer_than_the_screen() -> None:
    _, line, carets, *_ = render("b: " + "x" * 1000, Problem(("b",), "message")).splitlines()
    assert line == "  1 | b: " + "x" * 85 + "..."
    assert carets == "    |    " + "^" * 85


def test_ten_megabytes_in_one_line_with_many_problems() -> None:
    document = parse_document("a: '" + "x" * 9_000_000 + "'\nb: [" + ", ".join(f"{i}" for i in range(1000)) + "]\n")
    problems = [Problem(("b", i), f"no {i}") for i in range(1000)] + [Problem(("a",), "long")]
    rendered = render_problems(problems, document)
    assert rendered.endswith("1001 errors")
    assert len(rendered) < 400_000


def test_nothing_reaches_the_terminal_raw() -> None:
    document = parse_document('a: "\\x1b[31m"\n"\\x1b]0;k\\a": 1\n', "x\x1b[2J.yaml")
    problems = [
        Problem(("a",), "got \x1b[31m\r\n\u202e", "write \x9b\u200bx\nand more"),
        Problem(("\x1b]0;k\a",), "unknown \x1b]0;k\a", on_key=True),
    ]
    rendered = render_problems(problems, document)
    assert rendered.replace("\n", "").isprintable()
    assert "x\\x1b[2J.yaml:1:4: error: got \\x1b[31m\\r\\n\\u202e\n" in rendered
    assert "  = hint: write \\x9b\\u200bx\n    and more\n" in rendered


def test_a_text_over_several_lines_is_underlined_on_its_first() -> None:
    _, line, carets, *_ = render("a: 'b\n  c'\n", Problem(("a",), "wrong")).splitlines()
    assert (line, carets) == ("  1 | a: 'b", "    |    ^^")


# A text where something else was meant: what is wrong with it is added to whatever is reported there.
ADVICE = [
    ("training:\n  epochs:5\n", ("training",), False, "a space is missing after the colon: write epochs: 5; known"),
    ("model: [{Dense: {units:64}}]\n", ("model", 0, "Dense", "units:64"), True, "write units: 64; known"),
    (
        "model:\n  - Dense:{units: 64}\n",
        ("model", 0, "Dense:{units"),
        True,
        "missing after the colon: write Dense: {units",
    ),
    ("model:\n  -Flatten\n  -Dense\n", ("model",), False, "a space is missing after the dash: write - Flatten; known"),
    ("training:\n\u00a0\u00a0epochs: 5\n", ("\u00a0\u00a0epochs",), True, "the space in it is the character U+00A0"),
    ("activation: \u201crelu\u201d\n", ("activation",), False, "\u201c is no quote to YAML, type \" or ' in its place"),
    ("time: 12:30\n", ("time",), False, "= hint: known"),
    ("path: C:\\data\n", ("path",), False, "= hint: known"),
    ("url: https://x\n", ("url",), False, "= hint: known"),
]


@pytest.mark.parametrize(("text", "path", "on_key", "hint"), ADVICE)
def test_advice(text: str, path: tuple[str | int, ...], on_key: bool, hint: str) -> None:
    assert hint in render(text, Problem(path, "wrong", "known: all", on_key=on_key))


def test_locate() -> None:
    document = apply_overrides(parse_document(TEXT, "configs/x.yaml"), ["training.epochs=abc"])
    problem = Problem(("model", 0, "Dense", "units"), "message", "hint")
    assert locate(problem, document) == {
        "file": "configs/x.yaml",
        "line": 5,
        "column": 23,
        "severity": "error",
        "message": "message",
        "hint": "hint",
        "path": ["model", 0, "Dense", "units"],
    }
    assert locate(Problem(("training", "epochs"), "m", warning=True), document) == {
        "file": "-s training.epochs=abc",
        "line": 1,
        "column": 17,
        "severity": "warning",
        "message": "m",
        "hint": "",
        "path": ["training", "epochs"],
    }
    assert locate(Problem((), "m"), document)["line"] == 1


def test_errors_of_the_reader_are_located_too() -> None:
    with pytest.raises(SpecError) as caught:
        parse_document("a: 1\nb: {c: 1, c: 2}\n", "x.yaml")
    [found] = json.loads(json.dumps(caught.value.located))  # type: ignore[attr-defined]
    assert (found["file"], found["line"], found["column"], found["path"]) == ("x.yaml", 2, 11, ["b", "c"])
    with pytest.raises(SpecError) as caught:
        parse_document("", "x.yaml")
    assert caught.value.located[0]["line"] is None  # type: ignore[attr-defined]


PATHS = st.lists(
    st.sampled_from(["model", "Dense", "units", 0, 1, 2, 9, -1, "training", "epochs", "x", ""]), max_size=5
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(Problem, PATHS.map(tuple), st.text(max_size=9), st.text(max_size=9), st.booleans()), max_size=4)
)
def test_any_problem_can_be_shown(problems: list[Problem]) -> None:
    document = parse_document(TEXT)
    rendered = render_problems(problems, document)
    assert rendered.replace("\n", "").isprintable()
    for problem in problems:
        assert locate(problem, document)["line"] >= 1
