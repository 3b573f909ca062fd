"""Numbers as people read them, and text that can't harm a terminal or fail on one."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest

from seqnet.console import format, theme
from seqnet.console.messages import message, show_error, show_warning
from tests.screens import Terminal


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.85123, "0.8512"),
        (0, "0.0000"),
        (0.001, "0.0010"),
        (0.00099, "9.90e-04"),
        (-12.5, "-12.5000"),
        (1234.56, "1234.6"),
        (123456.0, "1.23e+05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (None, "-"),
        (np.float32(0.5), "0.5000"),
        (np.array([0.0, 1.0]), "0.5000"),
    ],
)
def test_metric(value: object, shown: str) -> None:
    assert format.metric(value) == shown


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        (format.seconds, 0.004, "0.00s"),
        (format.seconds, 9.994, "9.99s"),
        (format.seconds, 9.996, "10.0s"),
        (format.seconds, 99.96, "1m40s"),
        (format.seconds, 3599.6, "1h00m"),
        (format.seconds, 7325, "2h02m"),
        (format.clock, 0.0, "0:00"),
        (format.clock, 3.2, "0:04"),
        (format.clock, 3661, "1:01:01"),
        (format.clock, math.inf, "-:--"),
        (format.clock, math.nan, "-:--"),
        (format.memory, 0, "0.00 B"),
        (format.memory, 1023, "1023.00 B"),
        (format.memory, 163_584, "159.75 KB"),  # of Keras's own summary
        (format.memory, 2**50, "1.00 PB"),
        (format.short, 0, "0"),
        (format.short, 999, "999"),
        (format.short, 1000, "1K"),
        (format.short, 12_345, "12.3K"),
        (format.short, 99_960, "100K"),
        (format.short, 999_499, "999K"),
        (format.short, 999_999, "1M"),
        (format.short, 4.56e9, "4.6G"),
        (format.learning_rate, 0.001, "0.001"),
        (format.learning_rate, 4.8324e-4, "0.0004832"),
        (format.learning_rate, 2.5e-5, "2.5e-05"),
        (format.shape, (None, 28, 28), "(None, 28, 28)"),
        (format.shape, (None,), "(None)"),  # as Keras writes it
        (format.shape, None, "?"),
    ],
)
def test_formats(function: object, value: object, shown: str) -> None:
    assert function(value) == shown  # type: ignore[operator]


def test_plural() -> None:
    assert [format.plural(n, "row") for n in (0, 1, 1438)] == ["0 rows", "1 row", "1,438 rows"]
    assert format.plural(2, "class", "classes") == "2 classes"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("short", 5, "short"), ("longer", 5, "lon.."), ("longer", 2, ".."), ("longer", 1, "."), ("日本語", 5, "日..")],
)
def test_cut(text: str, width: int, shown: str) -> None:
    assert format.cut(text, width) == shown


def test_encodable_keeps_meaning() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert theme.encodable("★ Σ x² → 5 × 5 … ü", stream) == "* sum x^2 -> 5 x 5 ... \\xfc"
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert theme.encodable("★ ü", latin) == "* ü"


def test_every_sign_has_one_cell() -> None:
    assert {len(likeness) for likeness in theme._ASCII.values()} == {1}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, 80), ({"COLUMNS": "33"}, 33), ({"COLUMNS": "0"}, 80), ({"COLUMNS": "many"}, 80)],
)
def test_columns(environment: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert theme.columns(io.StringIO()) == theme.columns(Terminal()) == expected


def test_a_closed_stream_is_no_terminal() -> None:
    stream = Terminal()
    stream.close()
    assert not theme.is_terminal(io.TextIOWrapper(io.BytesIO()))
    assert not theme.is_live(io.StringIO())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("there is no run x", "error: there is no run x\n"),
        ("a.yaml:3:5: error: no such key", "a.yaml:3:5: error: no such key\n"),
        ("first\nsecond \x1b[31m", "error: first\nsecond \\x1b[31m\n"),
        ("it can't be: [red]markup[/red]", "error: it can't be: [red]markup[/red]\n"),
    ],
)
def test_errors_are_labelled_once(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_error(text)
    assert capsys.readouterr() == ("", shown)


def test_a_long_line_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    show_warning("x" * 500 + " y" * 100)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_diagnostic_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    text = "a.yaml:3:5: error: no key 'x'\n  3 | x: 1\n    | ^\n  = hint: did you mean y?\nb.yaml:1:1: warning: odd"
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    show_error(text)
    lines = stream.getvalue().split("\n")
    assert lines[0] == "\x1b[1ma.yaml:3:5\x1b[0m: \x1b[1;31merror\x1b[0m: no key 'x'"
    assert lines[1] == "  3 | x: 1"
    assert lines[2] == "\x1b[1;31m    | ^\x1b[0m"
    assert lines[3] == "\x1b[36m  = hint:\x1b[0m did you mean y?"
    assert "\x1b[33mwarning\x1b[0m" in lines[4]
    assert message(text).plain == text
