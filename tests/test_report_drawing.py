"""The pieces of a report: axes, lines, pictures, colours."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.report.axes import around, round_values
from seqnet.report.charts import curve, histogram, scatter, thinned
from seqnet.report.content import Curve, Fit
from seqnet.report.html import details, key, number, paragraph, part, table, text
from seqnet.report.png import png
from tests.pages import Page

NAN = math.nan
CSS = (Path(__file__).parent.parent / "seqnet" / "assets" / "report.css").read_text(encoding="utf-8")

# -- axes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (0.0, 1.0, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.37, 0.78, 5, ["0.4", "0.5", "0.6", "0.7"]),
        (-3.0, 3.0, 5, ["-2", "0", "2"]),
        (1.0, 2000.0, 5, ["500", "1,000", "1,500", "2,000"]),
        (0.9512, 0.9538, 5, ["0.952", "0.953"]),
        (1e-6, 4e-6, 5, ["1e-06", "2e-06", "3e-06", "4e-06"]),
        (0.0, 3e6, 5, ["0", "1e+06", "2e+06", "3e+06"]),
    ],
)
def test_round_values(low: float, high: float, most: int, labels: list[str]) -> None:
    assert [label for _, label in round_values(low, high, most)] == labels


@pytest.mark.parametrize(
    ("high", "labels"), [(1.05, ["0", "1"]), (3.15, ["0", "1", "2", "3"]), (12.6, ["0", "5", "10"])]
)
def test_counts_have_whole_ticks(high: float, labels: Sequence[str]) -> None:
    assert [label for _, label in round_values(0.0, high, 5, whole=True)] == list(labels)


def test_decades_are_drawn_by_their_logarithms() -> None:
    axis = around([0.002, 3.0, 40.0], 186, 18, log=True)
    assert axis.log and (axis.low, axis.high) == (0.001, 100)
    assert [label for _, label in axis.ticks()] == ["0.001", "0.01", "0.1", "1", "10", "100"]
    assert axis(0.001) == 186 and axis(100) == 18 and axis(0.1) == pytest.approx(186 - 168 * 2 / 5)
    assert [label for _, label in around([1e-9, 1e20], 0, 1, log=True).ticks()][::2] == ["10⁻⁹", "1,000", "10¹⁵"]
    for values in ([0.0, 1000.0], [-1.0, 1000.0], [1.0, 99.0]):
        assert not around(values, 0, 1, log=True).log


@given(
    st.lists(st.floats(-1e299, 1e299), min_size=1, max_size=5),
    st.booleans(),
)
def test_every_value_has_a_place_and_the_axis_has_ticks(values: list[float], log: bool) -> None:
    axis = around(values, 0.0, 100.0, log=log)
    places = [axis(value) for value in values]
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in places)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 7
    assert all(-1e-6 <= axis(value) <= 100 + 1e-6 for value, _ in ticks)


# -- lines ------------------------------------------------------------------------------------------------------------


def path(drawing: str, kind: str) -> str:
    return Page(drawing).one("path", class_=f"line {kind}").attributes["d"]


def test_a_curve_is_drawn_where_it_is() -> None:
    drawn = curve(Curve("loss", [1, 2, 3], [3.0, 2.0, 1.0], [2.0, NAN, 2.0]), 3)
    # 50 … 350 are epochs 1 … 3; 0.9 … 3.1 are 186 … 18, so that 3, 2 and 1 stand at 18 + 168 * (0.1, 1.1, 2.1) / 2.2
    assert path(drawn, "training") == "M50 25.6L200 102L350 178.4"
    assert path(drawn, "validation") == "M50 102h0M350 102h0"
    titles = [one.text for one in Page(drawn).all("title")]
    assert titles == [
        "epoch 1: training 3.0000, validation 2.0000",
        "epoch 2: training 2.0000, validation nan",
        "epoch 3: training 1.0000, validation 2.0000",
    ]
    assert "best: epoch 3" in [one.text for one in Page(drawn).all("text")]


@pytest.mark.parametrize("values", [[], [NAN], [math.inf, -math.inf]])
def test_without_numbers_there_is_no_drawing(values: list[float]) -> None:
    assert curve(Curve("loss", list(range(1, len(values) + 1)), values), 1) == ""


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e6, 1e6)), min_size=1, max_size=900), st.integers(10, 300))
def test_thinned_lines_keep_ends_and_extremes(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert kept == sorted(set(kept)) and len(kept) <= max(most, 2)
    assert kept[0] == 0 and kept[-1] == len(values) - 1
    finite = [value for value in values if not math.isnan(value)]
    if finite:
        there = [values[i] for i in kept if not math.isnan(values[i])]
        assert (min(there), max(there)) == (min(finite), max(finite))


def test_many_dots_are_thinned_and_errors_named() -> None:
    true = np.linspace(0, 1, 9000)
    predicted = true.copy()
    predicted[4321] = 5.0
    fit = Fit("size", np.arange(9000), true, predicted)
    page = Page(scatter(fit))
    assert page.one("path", class_="dots").attributes["d"].count("M") == 1800
    assert page.all("title")[0].text == "row 4321: true 0.4802, predicted 5.0000"
    assert page.faults == [] and Page(histogram(fit)).faults == []


@pytest.mark.parametrize("values", [[0.0], [3.0, 3.0], [-1e149, 1e149], [1e-300, 2e-300]])
def test_drawings_of_few_and_of_strange_numbers(values: list[float]) -> None:
    array = np.array(values)
    fit = Fit("x", np.arange(len(values)), array, array[::-1].copy())
    for drawn in (scatter(fit), histogram(fit), curve(Curve("x", list(range(1, len(values) + 1)), values), 1)):
        assert Page(drawn).faults == [] and not re.search(r'[ "MLHV](nan|inf)', drawn)


# -- pieces -----------------------------------------------------------------------------------------------------------


@given(st.text())
def test_whatever_the_words_are_they_stay_words(words: str) -> None:
    made = [
        text(words),
        f'<p title="{text(words)}"></p>',
        paragraph(text(words)),
        table(words, [text(words)], [[text(words)]]),
        details(words, key(words)),
        part("x", words, text(words)).markup(),
        curve(Curve(words, [1], [1.0]), 1),
    ]
    page = Page("".join(made))
    assert page.faults == [] and not {"script", "img", "b"} & {one.tag for one in page.elements}
    "".join(made).encode("utf-8")  # not even halves of pairs are left
    if words.isprintable():
        assert page.all("p")[0].attributes["title"] == words


def test_numbers_carry_all_their_digits() -> None:
    assert number(0.1 + 0.2) == '<data value="0.30000000000000004">0.3000</data>'
    assert number(np.float32(0.1)) == '<data value="0.10000000149011612">0.1000</data>'


@pytest.mark.parametrize(("shape", "kind"), [((3, 5), 0), ((3, 5, 1), 0), ((2, 2, 3), 2), ((4, 1, 4), 6)])
def test_png(shape: tuple[int, ...], kind: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    content = png(pixels)
    assert content[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])  # https://www.w3.org/TR/png/#5PNG-file-signature
    chunks, at = {}, 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        name, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        assert struct.unpack(">I", content[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + data),)
        chunks[name] = data
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    height, width = shape[:2]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (width, height, 8, kind, 0, 0, 0)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert (lines[:, 0] == 0).all() and (lines[:, 1:].ravel() == pixels.ravel()).all()


# -- colours ----------------------------------------------------------------------------------------------------------


def colours(dark: bool) -> dict[str, str]:
    light, _, rest = CSS.partition("@media screen and (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--(\w+): (#\w{6});", light))
    return found | (dict(re.findall(r"--(\w+): (#\w{6});", rest)) if dark else {})


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("dark", [False, True])
def test_words_can_be_read_on_their_ground(dark: bool) -> None:
    found = colours(dark)
    assert len(found) == 17
    for words in ("text", "soft", "good", "bad", "training", "validation"):
        for ground in ("page", "surface"):
            assert contrast(found[words], found[ground]) >= 4.5, (words, ground)
    for ground in (f"{kind}{level}" for kind in ("hit", "miss") for level in (1, 2, 3, 4)):
        assert contrast(found["text"], found[ground]) >= 4.5, ground
