"""How far the decoding of images is: nothing of what is short, a line that fits the terminal, lines elsewhere."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seqnet.console.decoding import DecodingDisplay
from seqnet.datasets.imagecache import quiet_decoding
from seqnet.datasets.sources import Images
from tests.screens import CODES, Screen, Terminal, allow_colour


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time that goes by an eighth of a second whenever it is asked for."""
    allow_colour(monkeypatch)
    made = SimpleNamespace(now=100.0)

    def tick() -> float:
        made.now += 0.125
        return float(made.now)

    made.perf_counter = tick
    monkeypatch.setattr("seqnet.console.decoding.time", made)
    monkeypatch.setattr("seqnet.console.progress.time", made)
    return made


def test_elsewhere_a_line_every_ten_seconds() -> None:
    stream = io.StringIO()
    display = DecodingDisplay(2500, stream)
    for done in range(1, 251):
        display.advance(done * 10)
    display.close()
    assert stream.getvalue().splitlines() == [
        "decoded 800 of 2,500 images, 32 %",
        "decoded 1,600 of 2,500 images, 64 %",
        "decoded 2,400 of 2,500 images, 96 %",
    ]


@pytest.mark.parametrize("columns", [20, 32, 40, 80, 200])
def test_on_a_terminal_one_line_that_fits_and_goes(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    display = DecodingDisplay(50_000, stream)
    for done in range(1, 6):
        display.advance(done)
    assert stream.getvalue() == ""  # of what is done in a moment nothing is shown
    for done in range(1000, 20_000, 1000):
        display.advance(done)
    assert "19,000 of 50,000"[: columns - 8] in CODES.sub("", stream.getvalue().split("\r")[-1])
    display.close()
    screen = Screen(columns).feed(stream.getvalue())
    assert screen.wrapped == 0 and "".join(char for char, _ in screen.cells[0]).strip() == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_a_folder_shows_it_once(
    quiet: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: SimpleNamespace
) -> None:
    pillow = pytest.importorskip("PIL.Image")
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(60):
            pillow.fromarray(np.full((4, 4, 3), number, np.uint8)).save(tmp_path / "photos" / name / f"{number}.png")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for expected in ([] if quiet else ["decoded 80 of 120 images, 66 %"], []):  # then they are kept
        sys.stderr.seek(0)
        sys.stderr.truncate()
        with quiet_decoding(quiet):
            assert len(Images(path="photos").load(tmp_path).train.x) == 120
        assert sys.stderr.getvalue().splitlines() == expected  # type: ignore[attr-defined]
