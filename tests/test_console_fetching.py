"""What a download shows: a line that is drawn over again on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from seqnet.console.fetching import FetchDisplay
from tests.screens import CODES, Screen, Terminal, allow_colour

MB = 2**20


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time that goes only when it is told to."""
    allow_colour(monkeypatch)
    made = SimpleNamespace(now=100.0)
    made.monotonic = lambda: made.now
    monkeypatch.setattr("seqnet.console.fetching.time", made)
    return made


def download(
    stream: io.StringIO, clock: SimpleNamespace, *, to: int = 10, size: int = 10, begin: int = 0
) -> FetchDisplay:
    """Up to `to` of `size` MB, one a second."""
    display = FetchDisplay(stream)
    display.begin("mnist.npz", size * MB, begin * MB, "https://a.b/mnist.npz")
    for done in range(begin + 1, to + 1):
        clock.now += 1
        display.advance(done * MB, size * MB)
    return display


def test_elsewhere_a_line_every_ten_seconds(clock: SimpleNamespace) -> None:
    stream = io.StringIO()
    download(stream, clock, to=25, size=25).end(25 * MB)
    assert stream.getvalue().splitlines() == [
        "fetching mnist.npz (25.00 MB) from https://a.b/mnist.npz",
        "mnist.npz: 10.00 MB of 25.00 MB, 40 %, 1.00 MB/s",
        "mnist.npz: 20.00 MB of 25.00 MB, 80 %, 1.00 MB/s",
        "fetched mnist.npz: 25.00 MB in 25.0s",
    ]


def test_what_goes_on_says_so_and_what_broke_off_does_not_say_fetched(clock: SimpleNamespace) -> None:
    stream = io.StringIO()
    display = download(stream, clock, begin=4, to=6)
    display.end(6 * MB)
    display.note("trying again")
    assert stream.getvalue().splitlines() == [
        "going on with mnist.npz at 4.00 MB of 10.00 MB from https://a.b/mnist.npz",
        "trying again",
    ]


@pytest.mark.parametrize("columns", [100, 72, 60, 44, 30, 20, 10])
def test_on_a_terminal_one_line_is_drawn_over(
    columns: int, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    display = download(stream, clock, to=4)
    screen = Screen(500).feed(stream.getvalue())
    first, line = screen.text.splitlines()[:2]
    assert first == "fetching mnist.npz (10.00 MB) from https://a.b/mnist.npz" and len(screen.text.splitlines()) == 2
    assert len(line) < columns and line.startswith("mnist"[: columns - 4]) and ("━" in line) == (columns >= 20)
    assert ("4.00 MB of 10.00 MB" in line) == (columns >= 44)
    assert ("ETA 0:06" in line) == (columns >= 60)
    assert ("1.00 MB/s" in line) == (columns >= 72)
    display.end(10 * MB)
    assert Screen(500).feed(stream.getvalue()).text.splitlines()[1] == "fetched mnist.npz: 10.00 MB in 4.00s"


def test_a_note_takes_the_line_away(clock: SimpleNamespace) -> None:
    stream = Terminal()
    download(stream, clock, to=4).note("waiting")
    assert Screen(500).feed(stream.getvalue()).text.splitlines()[1:2] == ["waiting"]


def test_it_is_not_drawn_more_often_than_can_be_seen(clock: SimpleNamespace) -> None:
    stream = Terminal()
    display = download(stream, clock, to=0)
    for done in range(1000):
        display.advance(done, 10 * MB)
    assert len(stream.getvalue().splitlines()) == 1
    clock.now += 0.2
    display.advance(1000, 10 * MB)
    assert "1000.00 B of 10.00 MB" in CODES.sub("", stream.getvalue())


def test_nobody_reads_any_more(clock: SimpleNamespace) -> None:
    class Closed(io.StringIO):
        closes = False

        def write(self, text: str) -> int:
            if self.closes:
                raise BrokenPipeError
            return super().write(text)

    stream = Closed()
    display = FetchDisplay(stream)
    display.begin("a", 100, 0, "https://a.b/a")
    stream.closes = True
    for _ in range(3):
        clock.now += 20
        display.advance(50, 100)
    display.note("more")
    display.end(100)


def test_an_unknown_size_and_more_than_announced(clock: SimpleNamespace) -> None:
    for stream in (io.StringIO(), Terminal()):
        display = FetchDisplay(stream)
        display.begin("a", 0, 0, "https://a.b/a")
        clock.now += 20
        display.advance(50, 0)
        display.advance(500, 10)
        display.end(500)
