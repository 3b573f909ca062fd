"""Processes that share a step: the same bytes as threads, nobody left behind, and no hang when one of them goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet import Sequential, layers, optimizers
from seqnet.arrays import Array, shared
from seqnet.callbacks import LambdaCallback
from seqnet.errors import DataError, TrainingError
from seqnet.kernels import products
from seqnet.kernels.products import multiply
from seqnet.layers.base import Grads
from seqnet.losses import SparseCategoricalCrossentropy
from seqnet.network import crew, engine, sizing
from seqnet.network.crew import Crew, Result, Window
from seqnet.network.deferred import Deferred

pytestmark = pytest.mark.skipif(not crew.possible(), reason="needs a system that forks")

RNG = np.random.default_rng
ROWS = 54  # 3 batches of 16 and a short one
IMAGES = RNG(1).standard_normal((ROWS, 6, 6, 2)).astype(np.float32)
TOKENS = RNG(2).integers(0, 9, (ROWS, 5)).astype(np.int32)
FLAT = RNG(3).standard_normal((ROWS, 7)).astype(np.float32)
LABELS = RNG(4).integers(0, 3, ROWS)

STACKS: dict[str, tuple[Array, list[Any]]] = {
    "dense": (FLAT, [{"Dense": {"units": 300, "activation": "relu"}}, {"Dropout": {"rate": 0.5}}]),
    "batch statistics": (FLAT, [{"Dense": {"units": 8}}, "BatchNormalization", "ReLU"]),
    "penalties": (
        FLAT,
        [
            {
                "Dense": {
                    "units": 8,
                    "kernel_regularizer": "l2",
                    "activity_regularizer": "l2",
                    "kernel_constraint": "UnitNorm",
                }
            }
        ],
    ),
    "convolution": (
        IMAGES,
        [{"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}}, "MaxPooling2D", "Flatten"],
    ),
    "pictures": (
        IMAGES,
        [
            "RandomFlip",
            {"RandomRotation": {"factor": 0.2}},
            {"RandomErasing": {"value_range": [-3, 3]}},
            {"Conv2D": {"filters": 4, "kernel_size": 3}},
            "Flatten",
        ],
    ),
    "masked": (
        TOKENS,
        [{"Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True}}, {"LSTM": {"units": 5, "dropout": 0.3}}],
    ),
    "spectral": (FLAT, [{"SpectralNormalization": {"layer": {"Dense": {"units": 8}}}}]),
}
OPTIMIZERS: dict[str, Any] = {
    "adam": "adam",
    "sgd": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
    "nadam": "nadam",
    "adamw, clipped": {"AdamW": {"global_clipnorm": 0.1}},
    "average of weights": {"Adam": {"use_ema": True}},
    "accumulating": {"Adam": {"gradient_accumulation_steps": 2}},
    "scaled loss": {"Adam": {"loss_scale_factor": 8.0}},
    "schedule": {
        "SGD": {
            "learning_rate": {"ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}}
        }
    },
    "lamb": "lamb",
    "muon": "muon",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork at the second step, however short the fit is."""
    monkeypatch.setattr(engine, "ALONE_S", 0.0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the processes that were forked; at the end none may be left."""
    pids: list[int] = []
    start = Crew.start

    def watched(self: Crew) -> None:
        start(self)
        pids.extend(self._pids)

    monkeypatch.setattr(Crew, "start", watched)
    yield pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def model_of(stack: str, optimizer: Any = "adam", threads: int | None = 2) -> Sequential:
    x, listed = STACKS[stack]
    made = [_layer(one) for one in listed]
    model = Sequential([layers.Input(x.shape[1:]), *made, layers.Dense(3, activation="softmax")], seed=5)
    optimizer, loss = optimizers.get(optimizer), "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], threads=threads)
    return model


def _layer(one: Any) -> Any:
    name, options = (one, {}) if isinstance(one, str) else next(iter(one.items()))
    return getattr(layers, name)(**options)


def fitted(
    stack: str, optimizer: Any = "adam", threads: int | None = 2, **options: Any
) -> tuple[Sequential, dict[str, Any]]:
    """A model after three epochs, and everything that may not depend on who did the work."""
    model = model_of(stack, optimizer, threads)
    x = STACKS[stack][0]
    history = model.fit(x, LABELS, epochs=3, batch_size=16, verbose=0, **options)
    compiled = model._compiled
    assert compiled is not None
    found: dict[str, Any] = dict(history.history)
    found |= {f"weight {i}": w for i, w in enumerate(model.get_weights())}
    found |= {f"optimizer {name}": value for name, value in compiled.optimizer.state().items()}
    found["random"] = repr(compiled.engine.random_state())
    return model, found


def same(got: dict[str, Any], want: dict[str, Any]) -> None:
    assert got.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("stack", "optimizer", "threads", "options"),
    [
        *((stack, "adam", 2, {}) for stack in STACKS),
        *(("dense", optimizer, 2, {}) for optimizer in OPTIMIZERS),
        ("dense", "adam", 3, {}),
        ("pictures", "adam", 3, {"augment": ["MixUp", "CutMix"]}),
        ("batch statistics", "adam", 3, {}),
        ("masked", "sgd", 3, {}),
        ("masked", "adam", 2, {"sample_weight": RNG(5).uniform(0, 2, ROWS)}),
        ("dense", "adam", 2, {"validation_split": 0.3, "class_weight": {0: 2.0}}),
    ],
)
def test_processes_give_the_bytes_that_threads_give(
    stack: str,
    optimizer: str,
    threads: int,
    options: dict[str, Any],
    started: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, got = fitted(stack, OPTIMIZERS[optimizer], threads, **options)
    assert len(started) == threads - 1
    monkeypatch.setattr(crew, "possible", lambda: False)
    _, want = fitted(stack, OPTIMIZERS[optimizer], threads, **options)
    assert len(started) == threads - 1
    same(got, want)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam", "average of weights", "schedule"])
def test_one_worker_gets_help_with_the_update(
    optimizer: str, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "SHARED_UPDATE", 1000)
    monkeypatch.setattr(sizing, "cores", lambda: 3)
    wide = [{"Dense": {"units": 300, "activation": "relu"}}, {"Dropout": {"rate": 0.5}}]
    monkeypatch.setitem(STACKS, "dense", (FLAT, wide))
    _, got = fitted("dense", OPTIMIZERS[optimizer], None)
    assert len(started) == 2
    _, want = fitted("dense", OPTIMIZERS[optimizer], 1)
    assert len(started) == 2  # who asks for one worker gets one
    same(got, want)


# Dense kernels of 900 x 150 numbers and more, whose gradients are cut into pieces for the small kernels of the BLAS.
WIDE = RNG(6).standard_normal((ROWS, 900)).astype(np.float32)
DEFERRED: dict[str, list[Any]] = {
    "one": [layers.Dense(150, activation="relu")],
    "two": [layers.Dense(150, activation="relu"), layers.Dense(900), layers.BatchNormalization()],
    "dropout": [layers.Dropout(0.5), layers.Dense(150), layers.Dense(300, activation="tanh")],
    "penalty and constraint": [
        layers.Dense(150, kernel_regularizer="l2"),
        layers.Dense(900, kernel_constraint="UnitNorm"),
    ],
    "frozen": [layers.Dense(150, trainable=False), layers.Dense(900)],
    "twice": [layers.Dense(900)],
}


@pytest.mark.parametrize("cores", [2, 3])
@pytest.mark.parametrize("stack", DEFERRED)
def test_large_products_are_made_by_those_who_update_them(
    stack: str, cores: int, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "SHARED_UPDATE", 1000)
    monkeypatch.setattr(sizing, "cores", lambda: cores)
    monkeypatch.setattr(sizing, "CREW_S", 1e6)  # one worker does the rest
    taken = 0
    take = Deferred.take

    def counting(self: Deferred, view: Array, a: Array, b: Array) -> bool:
        nonlocal taken
        found = take(self, view, a, b)
        taken += found
        return found

    monkeypatch.setattr(Deferred, "take", counting)

    def fit(threads: int | None) -> dict[str, Any]:
        made = [one.replace() for one in DEFERRED[stack]]
        made = made * 2 if stack == "twice" else made
        model = Sequential([layers.Input((900,)), *made, layers.Dense(3, activation="softmax")], seed=5)
        model.compile("adam", "sparse_categorical_crossentropy", threads=threads)
        history = model.fit(WIDE, LABELS, epochs=3, batch_size=16, verbose=0)
        assert model._compiled is not None
        slots = {f"optimizer {name}": value for name, value in model._compiled.optimizer.state().items()}
        weights = {f"weight {i}": w for i, w in enumerate(model.get_weights())}
        return dict(history.history) | slots | weights

    got = fit(None)
    assert len(started) == cores - 1
    if products.SMALL_KERNELS:  # else nothing is cut into pieces
        assert taken > 0
    before = taken
    same(got, fit(1))
    assert taken == before


def test_a_step_that_nobody_updates_has_its_whole_gradient(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "SHARED_UPDATE", 1000)
    monkeypatch.setattr(sizing, "cores", lambda: 2)
    monkeypatch.setattr(sizing, "CREW_S", 1e6)
    model = Sequential([layers.Input((900,)), layers.Dense(150), layers.Dense(3)], seed=5)
    model.compile("sgd", SparseCategoricalCrossentropy(from_logits=True))
    model.build()
    model.fit(WIDE[:16], LABELS[:16], verbose=0)
    compiled = model._compiled
    assert compiled is not None
    want = compiled.engine.train_step(WIDE[:16], LABELS[:16]), compiled.engine.gradient.copy()
    with compiled.processes():
        for _ in range(3):
            got = compiled.engine.train_step(WIDE[:16], LABELS[:16]), compiled.engine.gradient.copy()
        assert compiled.engine.crew is not None
    assert got[0].loss == want[0].loss
    np.testing.assert_array_equal(got[1], want[1])


@pytest.mark.skipif(not products.SMALL_KERNELS, reason="only products in pieces are put off")
def test_a_second_product_for_the_same_variable_waits_for_the_first() -> None:
    gradient = shared(900 * 150 + 7, np.float32)
    view = gradient[: 900 * 150].reshape(900, 150)
    rng = RNG(0)
    a, b = rng.standard_normal((16, 900)).astype(np.float32), rng.standard_normal((16, 150)).astype(np.float32)
    grads, deferred = Grads({"kernel": view}), Deferred(gradient)
    grads.deferral = deferred
    want = a.T @ b
    for add in ("add_product", "add", "add_sum", "view"):
        for _ in range(2):  # the first time it is only noted
            grads.start()
            deferred.begin()
            grads.add_product("kernel", a.T, b)
            deferred.prepare()
        assert not np.array_equal(view, want) or add == "add_product"
        view.fill(0.0)
        if add == "add_product":
            grads.add_product("kernel", a.T, b)
        elif add == "add":
            grads.add("kernel", want)
        elif add == "add_sum":
            grads.add_sum("kernel", want[None])
        else:
            grads.view("kernel")[...] += want
        deferred.make_all()  # has nothing left to do
        np.testing.assert_allclose(view, 2 * want, rtol=1e-4, atol=1e-4)
        view.fill(0.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 1200), st.integers(1, 90)), min_size=1, max_size=3),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_stretches_of_products_are_those_of_the_whole(
    shapes: list[tuple[int, int]], rows: int, count: int, gap: int
) -> None:
    """However the vector is cut, the pieces together are what one multiplication makes, to the bit."""
    rng, size = RNG(0), sum(i * u + gap for i, u in shapes)
    gradient, at, views = shared(size, np.float32), 0, []
    for i, u in shapes:
        views.append(gradient[at : at + i * u].reshape(i, u))
        at += i * u + gap
    factors = [
        (rng.standard_normal((rows, i)).astype(np.float32), rng.standard_normal((rows, u)).astype(np.float32))
        for i, u in shapes
    ]
    deferred = Deferred(gradient)
    for _ in range(2):
        taken = [deferred.take(view, a.T, b) for view, (a, b) in zip(views, factors, strict=True)]
        deferred.prepare()
    edges = deferred.edges(count)
    assert edges[0] == 0 and edges[-1] == size and edges == sorted(edges) and len(edges) == count + 1
    for start, stop in reversed(list(zip(edges, edges[1:], strict=False))):
        deferred.make(start, stop)
    for view, (a, b), done in zip(views, factors, taken, strict=True):
        want = np.zeros_like(view)
        if done:
            multiply(a.T, b, want)
        np.testing.assert_array_equal(view, want)


def test_help_with_the_update_leaves_known_zeros_known(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a table still costs the touched rows alone, and the weights are the same bytes."""
    monkeypatch.setattr(sizing, "SHARED_UPDATE", 1000)
    monkeypatch.setattr(sizing, "cores", lambda: 2)
    table = [{"Embedding": {"input_dim": 900, "output_dim": 4}}, "Flatten"]
    monkeypatch.setitem(STACKS, "table", (TOKENS, table))
    model, got = fitted("table", "adam", None)
    assert len(started) == 1 and model._compiled is not None
    same(got, fitted("table", "adam", 1)[1])
    compiled, seen = model._compiled, []
    with compiled.processes():
        for _ in range(4):
            compiled.train_batch(TOKENS[:16], LABELS[:16])
            seen.append(any(grads.touched for grads in compiled.engine.shards[0].grads))
        assert compiled.engine.crew is not None
    assert all(seen)


@pytest.mark.parametrize("optimizer", ["lamb", "adamw, clipped", "accumulating"])
def test_what_needs_the_whole_gradient_gets_no_help(
    optimizer: str, started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "SHARED_UPDATE", 1000)
    fitted("dense", OPTIMIZERS[optimizer], None)
    assert not started


def test_a_step_without_meetings_may_be_done_one_shard_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "possible", lambda: False)
    monkeypatch.setattr(engine, "THREAD_S", 0.0)
    _, by_threads = fitted("convolution")
    monkeypatch.setattr(engine, "THREAD_S", 1e9)
    monkeypatch.setattr(engine, "Team", None)
    _, one_by_one = fitted("convolution")
    same(one_by_one, by_threads)


def test_a_crowded_crew_is_given_up_and_formed_again(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever changes hands in the middle, the numbers stay."""
    _, want = fitted("dense")
    judge, judged = Crew._judge, [0]

    def crowd(self: Crew, worked: float, waited: float) -> None:
        judge(self, worked, waited)
        judged[0] += 1
        self.crowded = judged[0] in (2, 5)

    monkeypatch.setattr(Crew, "_judge", crowd)
    monkeypatch.setattr(engine, "REST_S", 0.0)
    _, got = fitted("dense")
    assert len(started) == 1 + 3
    same(got, want)


def test_waiting_longer_than_working_is_crowded() -> None:
    judged = object.__new__(Crew)
    judged._worked = judged._waited = 0.0
    judged.crowded = judged.tried = False
    part = crew.JUDGED_S / 10
    judged._judge(part, 8 * part)
    assert not judged.tried and not judged.crowded  # too short to tell
    judged._judge(8 * part, 0.0)
    assert judged.tried and not judged.crowded
    judged._judge(4 * part, 6.1 * part)
    assert judged.crowded


@pytest.mark.parametrize("place", [1, 12])
def test_what_is_wrong_in_one_shard_is_said_as_ever(place: int, started: list[int]) -> None:
    """Batch statistics: the other shard stands at a meeting when it happens, or has been there."""
    model = model_of("batch statistics")
    labels = LABELS[:48].copy()
    labels[32 + place] = 7
    with pytest.raises(DataError, match="label 7 in row"):
        model.fit(STACKS["batch statistics"][0][:48], labels, batch_size=16, shuffle=False, verbose=0)
    assert started
    model.fit(STACKS["batch statistics"][0], LABELS, batch_size=16, verbose=0)


def test_an_interrupt_ends_the_processes(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("batch statistics")
    wait, left = Crew._await, [9]

    def interrupted(self: Crew, *args: Any, **kwargs: Any) -> None:
        if self._index == 0:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        wait(self, *args, **kwargs)

    monkeypatch.setattr(Crew, "_await", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(STACKS["batch statistics"][0], LABELS, epochs=5, batch_size=16, verbose=0)
    assert started


def test_a_process_that_is_killed_ends_the_run_with_a_reason(started: list[int]) -> None:
    model = model_of("batch statistics")
    kill = LambdaCallback(on_epoch_end=lambda epoch, logs: os.kill(started[0], signal.SIGKILL))
    with pytest.raises(TrainingError, match=r"worker process 1 .*ended.*--threads 1"):
        model.fit(STACKS["batch statistics"][0], LABELS, epochs=5, batch_size=16, verbose=0, callbacks=[kill])


def test_no_process_outlives_the_one_that_forked_it(tmp_path: Path) -> None:
    script = """
        import time, numpy as np
        from seqnet import Sequential, layers
        from seqnet.network import engine
        from seqnet.callbacks import LambdaCallback
        engine.ALONE_S = 0.0
        model = Sequential([layers.Input((4,)), layers.Dense(3)])
        model.compile("sgd", "mse", threads=2)
        def tell(epoch, logs):
            if epoch == 1:
                print(*model._compiled.engine.crew._pids, flush=True)
                time.sleep(60)
        tell = LambdaCallback(on_epoch_end=tell)
        model.fit(np.zeros((64, 4)), np.zeros((64, 3)), epochs=9, verbose=0, callbacks=[tell])
    """
    for parked in (False, True):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        ) as parent:
            assert parent.stdout is not None
            (pid,) = map(int, parent.stdout.readline().split())
            os.kill(pid, 0)
            time.sleep(2 * crew.PARKED_S if parked else 0)
            parent.kill()
        until = time.monotonic() + 10
        while time.monotonic() < until and Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
            time.sleep(0.01)
        assert not Path(f"/proc/{pid}").exists() or _state(pid) == "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_sleeping_members_wake_up(started: list[int]) -> None:
    model = model_of("dense")
    nap = LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(2 * crew.PARKED_S if epoch == 0 else 0))
    model.fit(FLAT, LABELS, epochs=3, batch_size=16, verbose=0, callbacks=[nap])
    _, want = fitted("dense")
    for got, expected in zip(model.get_weights(), [want[f"weight {i}"] for i in range(4)], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_other_batches_make_another_crew(started: list[int]) -> None:
    """A batch that is larger, or of other numbers, than what the shared memory was made for."""
    model = model_of("dense")
    model.fit(FLAT[:2], LABELS[:2], verbose=0)
    compiled = model._compiled
    assert compiled is not None
    with compiled.processes():
        for rows, dtype in ((8, "f4"), (8, "f4"), (8, "f4"), (4, "f4"), (30, "f4"), (30, "f4"), (30, "f8")):
            compiled.train_batch(FLAT[:rows].astype(dtype), LABELS[:rows])
        assert len(started) == 2 and compiled.engine.crew is None
    model.train_on_batch(FLAT, LABELS)
    assert len(started) == 2


class Own(layers.Dense):
    """A layer from outside, which may keep anything anywhere."""


def test_layers_of_others_stay_in_this_process(started: list[int]) -> None:
    model = Sequential([layers.Input((7,)), Own(4), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", threads=2)
    model.fit(FLAT, LABELS, epochs=2, batch_size=16, verbose=0)
    assert not started


def test_where_no_process_can_be_made_threads_do_the_work(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    _, got = fitted("dense")
    assert not started
    monkeypatch.setattr(crew, "possible", lambda: False)
    same(got, fitted("dense")[1])


def test_streams_are_read_from_where_they_are(started: list[int]) -> None:
    """A checkpoint in the middle of a fit has the random states of the processes."""
    states: dict[bool, list[str]] = {}
    for forked in (True, False):
        seen = states[forked] = []
        model = model_of("dense")
        look = LambdaCallback(
            on_train_batch_end=lambda batch, logs, model=model, seen=seen: seen.append(
                repr(model._compiled.engine.random_state())
            )
        )
        model.fit(FLAT, LABELS, epochs=2, batch_size=16, verbose=0, callbacks=[look])
        engine.ALONE_S = 1e9  # put back by the fixture
    assert len(started) == 1 and len(states[True]) == 8
    assert states[True] == states[False]


@pytest.mark.parametrize("count", [2, 3])
def test_exchange_adds_in_member_order(count: int) -> None:
    """1 + 1e-16 + 1e-16 depends on the order; with (1 + 1e-16) + 1e-16 both small numbers are lost."""

    def step(index: int, x: Array, y: Array, weight: Array | None) -> Result:
        time.sleep(0.002 * (count - index))
        sums = [float(made.exchange(index, np.array([value * k]))[0]) for k in (1, 2, 3)]
        return Result(sums[0], np.array([sums]), None)

    value = 1.0
    batch = (np.zeros((2, 1)), np.zeros(2), None)
    made = Crew(
        count,
        batch,
        Result(0.0, np.zeros((2, 3)), None),
        64,
        lambda i, *a: step(i, *a),
        lambda *a: None,
        lambda i: None,
    )
    made.start()
    for _ in range(3):
        results = made.step(*batch)
        assert [result.value for result in results] == [float(count)] * count
        for result in results:
            np.testing.assert_array_equal(result.prediction, [[count, 2 * count, 3 * count]])
    made.close()


def test_a_window_says_what_fits() -> None:
    window = Window(np.zeros((4, 3), np.float32), 4)
    assert window.get() is None
    small = np.arange(6, dtype=np.float32).reshape(2, 3)
    window.put(small)
    np.testing.assert_array_equal(window.get(), small)
    assert (
        window.takes(small) and not window.takes(small.astype(np.float64)) and not window.takes(np.zeros((5, 3), "f4"))
    )
    assert window.takes(None) and Window(None, 4).takes(None) and not Window(None, 4).takes(small)
    assert not window.takes(np.zeros((2, 4), "f4"))
