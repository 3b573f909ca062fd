"""Charts in a terminal: what is drawn where, in braille and in ASCII, and values of every size."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.console import theme
from seqnet.console.chart import COLOURS, Series, chart
from tests.screens import CODES, Terminal


def drawn(*series: Series, width: int = 40, stream: Any = None, title: str = "loss") -> list[str]:
    stream = stream or io.StringIO()
    text = theme.render(*chart(title, series, stream=stream, width=width), stream=stream, width=width)
    return CODES.sub("", text).rstrip("\n").split("\n")


def test_a_line_goes_from_corner_to_corner() -> None:
    lines = drawn(Series("one", [1, 2], [0.0, 11.0]), width=7 + 12)
    assert lines[0] == "loss" and len(lines) == 16
    columns = [[i for i, c in enumerate(line[7:]) if c == "a"] for line in lines[1:13]]
    assert columns[0] == [11] and columns[-1] == [0]
    assert all(row == [11 - place] for place, row in enumerate(columns))
    assert lines[12].startswith("    0 +") and lines[1].strip().startswith(("|", "10 +", "+"))
    assert lines[13] == "      ++----------+" and lines[14] == "epoch  1          2" and lines[15] == "       a one"


def test_letters_and_the_best_epoch() -> None:
    train, validation = (
        Series("train", [1, 2, 3], [3, 2, 1], "t"),
        Series("validation", [1, 2, 3], [3, 1, 2], "v", best=1),
    )
    lines = drawn(train, validation, width=60)
    assert [line.index("*") for line in lines if "*" in line][:1] == [7 + 26]  # half of 53 cells, at the bottom
    assert "*" in lines[12]
    assert lines[-1].strip() == "t train   v validation   * best epoch 2"
    assert [line.strip() for line in drawn(train, validation, width=30)[-2:]] == [
        "t train   v validation",
        "* best epoch 2",
    ]


def test_braille_in_colours() -> None:
    """The dots of U+2800 and on: a line at the top fills the upper dots of its cells, 1 and 4, 0x01 + 0x08."""
    terminal = Terminal()
    lines = drawn(Series("a", [1, 2, 3], [1, 1, 0]), Series("b", [1, 2], [0, 0]), stream=terminal, width=40)
    assert lines[1].startswith("  1.0 ┤⠉⠉⠉⠉")
    assert lines[12].startswith("  0.0 ┤⣀⣀⣀⣀")
    assert lines[-1].strip() == "━ a   ━ b"
    coloured = theme.render(
        *chart("x", [Series("a", [1, 2], [1, 2], best=1)], stream=terminal, width=40), stream=terminal
    )
    assert "\x1b[1;36m★" in coloured


def test_more_curves_than_colours_have_letters() -> None:
    series = [Series(str(i), [1, 2], [i, i + 1]) for i in range(len(COLOURS) + 1)]
    lines = drawn(*series, stream=Terminal(), width=40)
    assert "m 12" in "\n".join(lines) and "⠉" not in "".join(lines)


def test_gaps_are_bridged_and_what_is_none_is_left_out() -> None:
    nan = math.nan
    assert drawn(Series("a", [1, 2, 3], [1.0, nan, 3.0]))[1:13] == drawn(Series("a", [1, 3], [1.0, 3.0]))[1:13]
    assert drawn(Series("a", [1, 2], [nan, math.inf]))[0] == "loss  no values to draw"
    assert drawn()[0] == "loss  no values to draw"


def test_powers_of_ten() -> None:
    lines = drawn(Series("a", [1, 2, 3, 4, 5], [1000.0, 100.0, 10.0, 1.0, 0.1]))
    assert lines[0] == "loss  (powers of ten)"
    rows = [line.index("a", 8) if "a" in line[8:] else None for line in lines[1:13]]
    steps = [row for row in rows if row is not None]
    assert steps == sorted(steps) and len(steps) >= 11  # evenly down
    assert any(line.startswith("  1000 +") or line.strip().startswith("1000 +") for line in lines)
    assert drawn(Series("a", [1, 2], [99.0, 1.0]))[0] == "loss"


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, ["1"]), (2, ["1", "2"]), (10, ["2", "4", "6", "8", "10"]), (1000, ["200", "400", "600", "800", "1000"])],
)
def test_epochs_are_whole_numbers(epochs: int, expected: list[str]) -> None:
    lines = drawn(Series("a", range(1, epochs + 1), [float(i) for i in range(epochs)]), width=52)
    assert lines[14].split()[0] == "epoch"
    found = lines[14].split()[1:]
    assert set(expected) & set(found) and all(label.isdigit() for label in found)
    for label in found:  # each stands below its mark
        place = lines[14].index(f" {label}") + 1 + len(label) // 2
        assert "+" in lines[13][place - 1 : place + 2]


def test_a_logarithmic_axis_and_signs() -> None:
    """Three decades on three times as many cells: a step of the axis each; signs stand where their points are."""
    curve = Series("a", [1e-3, 1e-2, 0.1, 1.0], [0.0, 1.0, 2.0, 3.0], "o", marks={1: "★", 2: "×"})
    lines = [line.plain for line in chart("x", [curve], stream=io.StringIO(), width=47, x_name="rate", log_x=True)]
    places = [i for i, c in enumerate(lines[13]) if c == "+"][1:]
    assert lines[14].split() == ["rate", "0.001", "0.01", "0.1", "1"] and len(places) == 4
    assert [b - a for a, b in zip(places, places[1:], strict=False)] == [13, 13, 13]
    assert "".join(line.ljust(47)[places[1]] for line in lines[1:13]).strip() == "★"
    assert "".join(line.ljust(47)[places[2]] for line in lines[1:13]).strip() == "×"


def test_names_are_harmless_and_cut() -> None:
    lines = drawn(Series("\x1b[31m" + "x" * 90, [1], [1.0]), title="a\x1b[2J", width=30)
    assert "\x1b" not in "".join(lines) and max(map(len, lines)) <= 30


FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.lists(FLOATS, min_size=1, max_size=6), min_size=1, max_size=3), st.integers(1, 120), st.booleans())
def test_whatever_the_values_a_chart_fits(columns: list[list[float]], width: int, colours: bool) -> None:
    series = [Series(f"run {i}", range(1, len(ys) + 1), ys, best=len(ys) - 1) for i, ys in enumerate(columns)]
    stream = Terminal() if colours else io.StringIO()
    made = chart("loss", series, stream=stream, width=width)
    assert len(made) == 1 or 16 <= len(made) <= 20
    assert all(line.cell_len <= max(width, 36) for line in made)
