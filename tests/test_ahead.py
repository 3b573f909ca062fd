"""Gathering ahead: only where it pays, always the same batches, and no fault is lost in the thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from seqnet import Sequential, layers
from seqnet.arrays import Array
from seqnet.training import ahead
from seqnet.training.ahead import WATCHED, Ahead, same_rows

SLICES = [slice(i, i + 2) for i in range(0, 40, 2)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still unless someone moves it on."""
    now = [0.0]
    monkeypatch.setattr(ahead.time, "perf_counter", lambda: now[0])
    return now


class Slow:
    """Gathers rows of 0, 1, 2, …, and knows which thread asked for which."""

    def __init__(self, clock: list[float], seconds: float = 0.002) -> None:
        self.clock, self.seconds = clock, seconds
        self.threads: list[str] = []

    def __call__(self, rows: slice | Array) -> Array:
        self.clock[0] += self.seconds
        self.threads.append(threading.current_thread().name)
        return np.arange(40)[rows]


def pass_over(gathering: Ahead[Array]) -> list[Array]:
    return [gathering.get(a, b) for a, b in zip(SLICES, [*SLICES[1:], None], strict=True)]


def test_slow_rows_are_gathered_in_a_thread_from_the_fifth_batch_on(clock: list[float]) -> None:
    slow = Slow(clock)
    gathering = Ahead(slow)
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(pass_over(gathering)), np.arange(40))
    assert gathering.works
    gathering.close()
    assert not gathering.works
    own = [name for name in slow.threads if name == threading.current_thread().name]
    assert len(own) == WATCHED + 2  # those watched, the one that starts the thread, and the first of the second pass
    assert len(slow.threads) == 2 * len(SLICES)  # nothing is gathered twice


@pytest.mark.parametrize(
    ("gathering_s", "step_s"), [(0.0004, 0.0), (0.001, 0.06)], ids=["fast gathering", "gathering beside a long step"]
)
def test_where_it_does_not_pay_there_is_no_thread(clock: list[float], gathering_s: float, step_s: float) -> None:
    slow = Slow(clock, gathering_s)
    gathering = Ahead(slow)
    for a, b in zip(SLICES[:8], SLICES[1:9], strict=True):
        gathering.get(a, b)
        clock[0] += step_s
    assert not gathering.works and set(slow.threads) == {threading.current_thread().name}


def test_another_batch_than_was_foretold_is_gathered_anew(clock: list[float]) -> None:
    gathering = Ahead(Slow(clock))
    pass_over(gathering)
    gathering.get(SLICES[0], SLICES[1])
    np.testing.assert_array_equal(gathering.get(SLICES[5], SLICES[6]), [10, 11])
    np.testing.assert_array_equal(gathering.get(SLICES[6], None), [12, 13])
    gathering.close()


def test_an_error_of_the_thread_is_raised_where_its_batch_is_asked_for(clock: list[float]) -> None:
    def gather(rows: slice | Array) -> Array:
        clock[0] += 0.002
        if isinstance(rows, slice) and rows.start == 20:
            raise OSError("the disk is gone")
        return np.arange(40)[rows]

    gathering = Ahead(gather)
    got: list[Array] = []
    with pytest.raises(OSError, match="the disk is gone"):
        for a, b in zip(SLICES, [*SLICES[1:], None], strict=True):
            got.append(gathering.get(a, b))
    assert gathering.works and len(got) == 10
    gathering.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (slice(0, 2), slice(0, 2), True),
        (slice(0, 2), slice(0, 3), False),
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 2]), np.array([2, 1]), False),
        (np.array([0, 1]), slice(0, 2), False),
    ],
)
def test_same_rows(one: Any, other: Any, same: bool) -> None:
    assert same_rows(one, other) is same


def test_training_comes_to_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((96, 6), dtype=np.float32)
    y = (x.sum(axis=1) > 3).astype(np.float32)

    def trained() -> tuple[list[Array], list[float]]:
        model = Sequential([layers.Input((6,)), layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")], seed=1)
        model.compile("adam", "binary_crossentropy")
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, sample_weight=np.linspace(0.5, 1.5, 96))
        return model.get_weights(), history.history["loss"]

    plain = trained()
    monkeypatch.setattr(ahead, "WORTH_S", 0.0)
    monkeypatch.setattr(ahead, "WORTH_SHARE", 0.0)
    started: list[int] = []
    pool = ahead.ThreadPoolExecutor

    def counted(*args: Any) -> Any:
        started.append(1)
        return pool(*args)

    monkeypatch.setattr(ahead, "ThreadPoolExecutor", counted)
    others = trained()
    assert started == [1] and plain[1] == others[1]
    for a, b in zip(plain[0], others[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("seqnet-gather")]
