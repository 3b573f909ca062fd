"""One step over shards and pieces: the same numbers however the batch is cut, and nobody left waiting."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.arrays import Array, Cache
from seqnet.layers import Context, Layer
from seqnet.losses import MeanSquaredError, SparseCategoricalCrossentropy
from seqnet.network.engine import Engine, choose_threads
from seqnet.network.network import LayerShapeError, Network
from seqnet.network.team import Team
from tests.layer_bench import MarkPadding
from tests.layer_rows import MARK

RNG = np.random.RandomState
X, Y = RNG(1).standard_normal((23, 6)), RNG(2).standard_normal((23, 2))
WEIGHT = RNG(3).uniform(0, 2, 23)


def stack() -> list[Layer]:
    """Batch statistics, a penalty on an output, a penalty on weights."""
    regularized: dict[str, Any] = {"kernel_regularizer": "l2", "activity_regularizer": {"L2": {"l2": 0.1}}}
    return [
        layers.Dense(8, activation="tanh", name="one", dtype="float64", **regularized),
        layers.BatchNormalization(name="two"),
        layers.Dense(2, name="three"),
    ]


def step(stack: list[Layer], *, threads: int = 1, piece: int | None = None, weight: Array | None = None) -> list[Any]:
    engine = Engine(Network(stack, X.shape[1:], seed=4), MeanSquaredError(), threads=threads)
    if piece is not None:
        engine.piece = piece
    try:
        loss, y, *_ = engine.train_step(X, Y, weight)
        return [loss, y, engine.gradient.copy(), engine.parameters.frozen.copy()]
    finally:
        engine.close()


def difference(engine: Engine, x: Array, y: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """The gradient of a step, and the central differences of its loss."""
    theta, frozen = engine.parameters.theta, engine.parameters.frozen
    still = frozen.copy()
    slopes = np.zeros_like(theta)
    for i in range(theta.size):
        start = theta[i]
        ends = []
        for offset in (1e-5, -1e-5):
            theta[i], frozen[...] = start + offset, still
            ends.append(engine.train_step(x, y, weight)[0])
        theta[i] = start
        slopes[i] = (ends[0] - ends[1]) / 2e-5
    frozen[...] = still
    engine.train_step(x, y, weight)
    return engine.gradient, slopes


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_gradient_of_a_stack_is_the_difference_quotient(weight: Array | None) -> None:
    engine = Engine(Network(stack(), X.shape[1:], seed=4), MeanSquaredError())
    got, expected = difference(engine, X, Y, weight)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("threads", [2, 3])
def test_shards_make_no_difference(threads: int, weight: Array | None) -> None:
    for got, expected in zip(step(stack(), threads=threads, weight=weight), step(stack(), weight=weight), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("piece", [1, 4, 100])
def test_pieces_make_no_difference(threads: int, piece: int) -> None:
    alone = [stack()[0], stack()[2]]
    cut = step(alone, threads=threads, piece=piece, weight=WEIGHT)
    for got, expected in zip(cut, step(alone, weight=WEIGHT), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13)


def test_long_stacks_are_cut_and_batch_statistics_are_not() -> None:
    wide = layers.Dense(9000, name="wide")
    assert Engine(Network([wide], (6,))).piece > 0
    assert Engine(Network([wide, layers.BatchNormalization(name="it")], (6,))).piece == 0
    assert Engine(Network([MarkPadding(name="mark"), wide], (3, 6))).piece == 0


class Around(Layer):
    """A layer with another inside."""

    def __init__(self, inner: Layer) -> None:
        super().__init__(name="around")
        self.inner = inner

    def children(self, in_shape: Any) -> list[tuple[Layer, Any]]:
        return [(self.inner, in_shape)]

    def output_shape(self, in_shape: Any) -> Any:
        return self.inner.output_shape(in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return self.inner.forward(x, ctx.child(0, ctx.mask))

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return self.inner.backward(dy, cache, ctx.children[0], need_dx=need_dx)


def test_what_inner_layers_need_counts() -> None:
    """Batch statistics inside another layer keep the batch whole, and their variables are trained."""
    inner = [layers.Dense(9000, name="wide"), Around(layers.BatchNormalization(name="it"))]
    engine = Engine(Network(inner, (6,)), MeanSquaredError())
    assert engine.piece == 0
    assert [v.path for v in engine.parameters.variables][2:4] == ["around/it/gamma", "around/it/beta"]
    plain, wrapped = (step([*stack()[:1], wrap, stack()[2]], threads=2) for wrap in (stack()[1], Around(stack()[1])))
    for got, expected in zip(wrapped, plain, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_small_batches_take_one_worker() -> None:
    engine = Engine(Network(stack(), (6,)), MeanSquaredError(), threads=2)
    seen: list[str] = []
    inner = engine.shards[1].forward
    engine.shards[1].forward = lambda *a, **k: (seen.append("used"), inner(*a, **k))[1]  # type: ignore[method-assign]
    engine.train_step(X[:3], Y[:3])
    assert not seen
    engine.train_step(X[:4], Y[:4])
    assert seen
    engine.close()


def test_test_step_and_predict_use_inference() -> None:
    engine = Engine(Network(stack(), (6,), seed=4), MeanSquaredError(), threads=2)
    y = engine.predict(X)
    loss, again, *_ = engine.test_step(X, Y)
    np.testing.assert_array_equal(again, y)
    first = engine.network.nodes[0].layer
    assert first.variables is not None
    hidden = np.tanh(X @ first.variables["kernel"] + first.variables["bias"])
    expected = ((y - Y) ** 2).mean() + 0.1 * (hidden**2).sum() / 23 + 0.01 * (first.variables["kernel"] ** 2).sum()
    assert loss == pytest.approx(expected, rel=1e-12)
    engine.close()


def test_the_last_softmax_is_computed_with_the_loss() -> None:
    """Predictions are probabilities, and the numbers those of the softmax before the loss."""
    last = layers.Dense(3, activation="softmax", name="it", dtype="float64")
    engine = Engine(Network([last], (6,), seed=4), SparseCategoricalCrossentropy())
    assert engine.training is not None and engine.training.finish is not None
    labels = np.arange(23) % 3
    loss, y, *_ = engine.train_step(X, labels)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)
    assert loss == pytest.approx(-np.log(y[np.arange(23), labels]).mean(), rel=1e-12)
    got, expected = difference(engine, X, labels)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-8)


class Spy(Layer):
    """y = 2 x, and a list of what happened."""

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__(name=name)
        self.log = log

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        self.log.append(f"{self.name} forward{'' if ctx.mask is None else ' masked'}")
        return 2 * x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        self.log.append(f"{self.name} backward")
        return 2 * dy


def test_nothing_runs_backward_below_the_lowest_trained_layer() -> None:
    log: list[str] = []
    frozen = layers.Dense(6, name="frozen", trainable=False)
    net = [Spy("a", log), frozen, Spy("b", log), layers.Dense(2, name="it"), Spy("c", log)]
    Engine(Network(net, (6,)), MeanSquaredError()).train_step(X.astype(np.float32), Y)
    assert log == ["a forward", "b forward", "c forward", "c backward"]


def test_a_network_without_trained_layers_steps_all_the_same() -> None:
    engine = Engine(Network([layers.Dense(2, name="it", trainable=False)], (6,)), MeanSquaredError(), threads=2)
    loss, *_ = engine.train_step(X.astype(np.float32), Y)
    assert loss > 0 and engine.gradient.size == 0
    engine.close()


def test_masks_travel_until_a_layer_ends_them() -> None:
    log: list[str] = []
    passing = Spy("b", log)
    type(passing).supports_masking = True
    ending = layers.Flatten(name="flat")
    net = [MarkPadding(name="mark"), layers.Dense(2, name="it"), passing, ending, Spy("c", log)]
    x = RNG(1).standard_normal((4, 3, 2)).astype(np.float32)
    x[:, 2, 0] = MARK
    Engine(Network(net, (3, 2))).predict(x)
    type(passing).supports_masking = False
    assert log == ["b forward masked", "c forward"]


def test_a_masked_loss_is_the_same_in_shards() -> None:
    x = RNG(1).standard_normal((12, 4, 3))
    x.reshape(12, 4, 3)[np.arange(4) >= RNG(2).randint(1, 5, (12, 1)), 0] = MARK
    target = RNG(3).standard_normal((12, 4, 2))
    results = []
    for threads in (1, 2):
        net = [MarkPadding(name="mark"), layers.Dense(2, name="it", dtype="float64")]
        engine = Engine(Network(net, (4, 3), seed=1), MeanSquaredError(), threads=threads)
        loss, *_ = engine.train_step(x, target)
        results.append([loss, *engine.gradient])
        engine.close()
    np.testing.assert_allclose(results[0], results[1], rtol=1e-11)


def test_freezing_keeps_values_and_shrinks_the_vector() -> None:
    net = stack()
    network = Network(net, (6,), seed=4)
    before = [variable.view.copy() for variable in network.parameters.variables]
    size = network.parameters.theta.size
    net[0].trainable = False
    network.parameters.refreeze()
    assert network.parameters.theta.size == size - 7 * 8
    for variable, value in zip(network.parameters.variables, before, strict=True):
        np.testing.assert_array_equal(variable.view, value)
    assert net[0].variables is not None and np.shares_memory(net[0].variables["kernel"], network.parameters.frozen)
    engine = Engine(network, MeanSquaredError())
    engine.train_step(X, Y)
    assert engine.gradient.size == network.parameters.theta.size
    net[0].trainable = True
    network.parameters.refreeze()
    assert network.parameters.theta.size == size


def test_random_state_comes_back() -> None:
    net = [layers.Dropout(0.5, name="drop"), layers.Dense(2, name="it")]
    engine = Engine(Network(net, (6,), seed=4), MeanSquaredError(), threads=2)
    x = X.astype(np.float32)
    engine.train_step(x, Y)
    state = engine.random_state()
    second = engine.train_step(x, Y)[1]
    assert (engine.train_step(x, Y)[1] != second).any()
    engine.set_random_state(state)
    np.testing.assert_array_equal(engine.train_step(x, Y)[1], second)
    engine.close()


def test_a_wrong_shape_names_the_layer() -> None:
    with pytest.raises(LayerShapeError, match=r"layer 1 \(conv, Cropping2D\): .*nothing is left") as caught:
        Network([layers.Dense(2, name="it"), layers.Cropping2D(2, name="conv")], (4, 4, 3))
    assert caught.value.index == 1


# -- the team ----------------------------------------------------------------------------------------------------------


class Failing(Layer):
    """Raises in one shard, in forward or in backward."""

    def __init__(self, shard: int, place: str, error: BaseException) -> None:
        super().__init__(name="failing")
        self.shard, self.place, self.error = shard, place, error

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if self.place == "forward" and ctx.worker.index == self.shard:
            raise self.error
        return x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if self.place == "backward" and ctx.worker.index == self.shard:
            raise self.error
        return dy


@pytest.mark.parametrize("place", ["forward", "backward"])
@pytest.mark.parametrize("shard", [0, 1])
@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_failing_shard_says_why_and_leaves_the_team_ready(shard: int, place: str, error: BaseException) -> None:
    """The others stand at the barrier of a batch normalization when it happens."""
    failing = Failing(shard, place, error)
    net = [layers.Dense(4, name="it"), failing, layers.BatchNormalization(name="norm"), layers.Dense(2, name="out")]
    engine = Engine(Network(net, (6,)), MeanSquaredError(), threads=2)
    x = X.astype(np.float32)
    for _ in range(3):
        with pytest.raises(type(error)):
            engine.train_step(x, Y)
    failing.place = "nowhere"
    engine.train_step(x, Y)
    engine.close()


def test_an_interrupt_while_waiting_for_the_others_leaves_the_team_ready() -> None:
    team = Team(2)
    done: list[int] = []
    release = threading.Event()

    def work(index: int) -> None:
        if index:
            release.wait(5)
        done.append(index)

    class Interrupted:
        """The queue of results, broken into once, as Ctrl-C does."""

        def __init__(self, inner: Any) -> None:
            self.inner, self.left = inner, 1

        def put(self, item: Any) -> None:
            self.inner.put(item)

        def get(self) -> Any:
            if self.left:
                self.left -= 1
                threading.Timer(0.05, release.set).start()
                raise KeyboardInterrupt
            return self.inner.get()

    team._done = Interrupted(team._done)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        team.run(work)
    assert sorted(done) == [0, 1]
    team.run(lambda index: done.append(index + 10))
    assert sorted(done) == [0, 1, 10, 11]
    team.close()


@pytest.mark.parametrize("count", [2, 3])
def test_exchange_adds_in_worker_order(count: int) -> None:
    """1 + 1e-16 + 1e-16 depends on the order; with (1 + 1e-16) + 1e-16 both small numbers are lost."""
    team = Team(count)
    values, sums = [np.array([value]) for value in (1.0, 1e-16, 1e-16)][:count], [0.0] * count

    def work(index: int) -> None:
        time.sleep(0.01 * (count - index))
        sums[index] = float(team.exchange(index, values[index])[0])

    for _ in range(3):
        team.run(work)
        assert sums == [1.0] * count
    team.close()


def test_closing_ends_the_threads() -> None:
    before = set(threading.enumerate())
    team = Team(3)
    others = set(threading.enumerate()) - before
    assert len(others) == 2
    team.close()
    for thread in others:
        thread.join(5)
        assert not thread.is_alive()


def test_threads_are_worth_it_for_large_steps_only() -> None:
    small = Network([layers.Dense(10, name="it")], (784,))
    large = Network([layers.Dense(2048, name="it")], (4096,))
    assert choose_threads(small, 32) == 1
    assert choose_threads(large, 8) == 1
    assert choose_threads(large, 256) >= min(2, choose_threads(large, 4096))
