"""What the battery does not ask of Embedding, Masking, positions and EinsumDense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import DataError, ShapeError, SpecError
from seqnet.kernels.scatter import ROUNDS, sum_by_index
from seqnet.layers import Dense, EinsumDense, Embedding, Flatten, Layer, Masking, PositionalEmbedding
from seqnet.layers.base import Grads
from seqnet.losses import MeanSquaredError
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.optimizers import Optimizer
from seqnet.training.compiled import Compiled


def engine_of(*layers: Layer, shape: tuple[int | None, ...], threads: int = 1) -> Engine:
    for index, layer in enumerate(layers):
        layer.name = f"{layer.spec_name.lower()}_{index}"
    return Engine(Network(layers, shape), MeanSquaredError(), threads=threads)


# -- sums of rows that belong together --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "below"), [(0, 5), (1, 5), (40, 5), (40, 1), (7 * ROUNDS, 3), (300, 100)], ids=lambda n: str(n)
)
def test_sum_by_index_is_add_at(count: int, below: int) -> None:
    rng = np.random.RandomState(count)
    indices, rows = rng.randint(0, below, count), rng.standard_normal((count, 3))
    expected = np.zeros((below, 3))
    np.add.at(expected, indices, rows)
    found, sums = sum_by_index(indices, rows)
    np.testing.assert_array_equal(found, np.unique(indices))
    got = np.zeros((below, 3))
    got[found] = sums
    np.testing.assert_allclose(got, expected, atol=1e-13)


def rows_of(*indices: int) -> tuple[Array, Array]:
    return np.array(indices, np.intp), np.full((len(indices), 2), 1.0)


@pytest.mark.parametrize("private", [False, True])
def test_add_rows_follows_every_other_writer(private: bool) -> None:
    """Steps of all kinds, one after the other, against a gradient that is zeroed each time."""
    view, whole = np.full((6, 2), 9.0), np.arange(12.0).reshape(6, 2)
    grads = Grads({"table": view}, private=private)
    steps: list[list[Any]] = [
        [rows_of(0, 2)],
        [rows_of(3), rows_of(2, 3)],
        [],
        [rows_of(1)],
        [whole],
        [rows_of(4)],
        [rows_of(4), whole],
        [rows_of(5)],
        ["view"],
        [rows_of(0)],
    ]
    for step in steps:
        expected = np.zeros_like(view)
        grads.start()
        for part in step:
            if isinstance(part, str):
                grads.view("table")[...] += whole
                expected += whole
            elif isinstance(part, tuple):
                grads.add_rows("table", *part)
                np.add.at(expected, part[0], part[1])
            else:
                grads.add("table", part)
                expected += part
        grads.close()
        np.testing.assert_array_equal(view, expected)


def test_a_private_table_is_not_passed_over() -> None:
    view = np.zeros((6, 2))
    grads = Grads({"table": view}, private=True)
    grads.add_rows("table", *rows_of(0, 1))
    grads.start()
    view[5] = 7.0  # a trace in a row that no one touched
    grads.add_rows("table", *rows_of(1))
    np.testing.assert_array_equal(view[:, 0], [0, 1, 0, 0, 0, 7])


def test_add_rows_ignores_frozen_tables() -> None:
    Grads({}).add_rows("table", *rows_of(0))


def test_shards_agree_over_many_batches() -> None:
    """Rows touched in one step are zero again in the next, in every shard."""
    rng = np.random.RandomState(0)
    batches = [rng.randint(0, 30, (8, 3)) for _ in range(4)]
    gradients = []
    for threads in (1, 2):
        engine = engine_of(Embedding(30, 2, dtype="float64"), shape=(3,), threads=threads)
        for x in batches:
            engine.train_step(x, np.ones((8, 3, 2)))
            gradients.append(engine.gradient.copy())
            engine.gradient.fill(np.nan)  # optimizers use it as scratch
        engine.close()
    for alone, shared in zip(gradients[:4], gradients[4:], strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-12)


def trained(optimizer: Any, options: dict[str, Any], threads: int, *, trusting: bool) -> tuple[Compiled, Array]:
    """Eight batches, each in pieces, with words that come back after a while."""
    network = Network([Embedding(40, 3, **options), Flatten(), Dense(1)], (4,))
    network.parameters.initialize(np.random.default_rng(5))
    compiled = Compiled(network, get(Optimizer, optimizer), MeanSquaredError(), {}, threads=threads)
    compiled.engine.piece = 2
    if not trusting:
        for shard in compiled.engine.shards:
            for grads in shard.grads:
                grads.set_private(False)
    rng = np.random.RandomState(1)
    for step in range(8):
        x = rng.randint(0, 12, (8, 4)) + step % 3 * 14
        compiled.train_batch(x, rng.standard_normal((8, 1)).astype(np.float32))
    compiled.engine.close()
    return compiled, network.parameters.theta


OPTIMIZERS: list[Any] = [
    "sgd",
    {"SGD": {"momentum": 0.9, "weight_decay": 0.01}},
    "adam",
    {"Adam": {"clipnorm": 0.01}},
    {"Adam": {"global_clipnorm": 0.01}},
    {"Adam": {"clipvalue": 0.001}},
    {"Adam": {"use_ema": True, "ema_overwrite_frequency": 2}},
    {"Adam": {"loss_scale_factor": 8.0}},
    {"Adam": {"gradient_accumulation_steps": 2}},
    *("nadam", "rmsprop", "adagrad", "adadelta", "ftrl", "lion", "lamb", "adamax", "muon"),
]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("options", [{}, {"embeddings_regularizer": "l2"}], ids=["free", "regularized"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_clearing_few_rows_changes_no_bit(optimizer: Any, options: dict[str, Any], threads: int) -> None:
    _, expected = trained(optimizer, options, threads, trusting=False)
    _, theta = trained(optimizer, options, threads, trusting=True)
    np.testing.assert_array_equal(theta, expected)
    assert np.isfinite(theta).all() and len(np.unique(theta)) > 100


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("optimizer", "options", "passed_over"),
    [
        ("sgd", {}, False),
        ("adam", {}, False),
        ("nadam", {}, True),
        ({"Adam": {"use_ema": True}}, {}, True),
        ("adam", {"embeddings_regularizer": "l2"}, True),
    ],
    ids=str,
)
def test_a_step_passes_over_a_table_only_where_it_must(
    optimizer: Any, options: dict[str, Any], passed_over: bool, threads: int
) -> None:
    """A trace in a row that no batch touched stays, in the vector of every shard, unless all of it is cleared."""
    network = Network([Embedding(40, 3, **options), Flatten(), Dense(1)], (4,))
    compiled = Compiled(network, get(Optimizer, optimizer), MeanSquaredError(), {}, threads=threads)
    engine, x, y = compiled.engine, np.arange(32).reshape(8, 4), np.zeros((8, 1), np.float32)
    engine.train_step(x, y)
    for shard in engine.shards:
        shard.gradient[39 * 3] = 1024.0
    engine.train_step(x, y)
    assert (engine.gradient[39 * 3] < 1024.0) == passed_over
    assert all(shard.gradient[39 * 3] == 1024.0 for shard in engine.shards[1:])
    engine.close()


# -- Embedding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "says", "advice"),
    [
        (7, "got 7 (row 2 of the batch, position 1)", "set input_dim to at least 8"),
        (-1, "got -1 (row 2 of the batch, position 1)", "begin with 0"),
        (5.0, "got 5 (row 2 of the batch, position 1)", "set input_dim to at least 6"),
        (math.nan, "got nan (row 2 of the batch, position 1)", "begin with 0"),
        (math.inf, "got inf (row 2 of the batch, position 1)", "begin with 0"),
    ],
    ids=lambda value: str(value)[:8],
)
def test_numbers_outside_the_table(value: float, says: str, advice: str) -> None:
    engine = engine_of(Embedding(5, 2), shape=(3,))
    x = np.zeros((4, 3), np.float32 if isinstance(value, float) else np.int64)
    x[2, 1] = value
    with pytest.raises(DataError) as error:
        engine.predict(x)
    for part in ("embedding_0", says, "input_dim: 5", "from 0 to 4", advice):
        assert part in str(error.value)


def test_the_row_is_that_of_the_batch_in_every_shard() -> None:
    engine = engine_of(Embedding(5, 2), shape=(), threads=2)
    x = np.zeros(8, np.int64)
    x[6] = 9
    with pytest.raises(DataError, match="row 6 of the batch"):
        engine.predict(x)
    engine.close()


def test_floats_lose_their_fraction() -> None:
    engine = engine_of(Embedding(3, 2), shape=(4,))
    x = np.array([[0.0, 0.9, 1.99, -0.5]], np.float32)
    np.testing.assert_array_equal(engine.predict(x), engine.predict(np.array([[0, 0, 1, 0]])))


def test_a_table_to_start_with() -> None:
    table = np.arange(6.0).reshape(3, 2)
    for given in (table, table.tolist(), [table]):
        layer = Embedding(3, 2, weights=given)
        engine = engine_of(layer, shape=(1,))
        np.testing.assert_array_equal(layer.get_weights()[0], table)
        np.testing.assert_array_equal(engine.predict(np.array([[2]]))[0, 0], [4, 5])
    assert layer.get_config()["weights"] is None  # as in Keras


@pytest.mark.parametrize("given", [[[1, 2], [3, 4]], [[1, 2], [3]], [1, 2], "zeros"])
def test_tables_that_do_not_fit(given: Any) -> None:
    with pytest.raises(SpecError, match="weights"):
        Embedding(3, 2, weights=given)


def test_only_a_padded_embedding_makes_a_mask() -> None:
    x = np.array([[1, 0, 2]])
    assert Embedding(3, 2).output_mask(x, None) is None and not Embedding(3, 2).makes_mask
    np.testing.assert_array_equal(Embedding(3, 2, mask_zero=True).output_mask(x, None), [[True, False, True]])


# -- Masking and positions --------------------------------------------------------------------------------------------


def test_masking_needs_features() -> None:
    with pytest.raises(ShapeError, match="steps and features"):
        Masking().output_shape(())


def test_waves_by_hand() -> None:
    engine = engine_of(PositionalEmbedding(kind="sinusoidal", dtype="float64"), shape=(None, 4))
    y = engine.predict(np.zeros((1, 3, 4)))[0]
    expected = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    np.testing.assert_allclose(y, expected, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "shape", "says"),
    [
        ({}, (None, 4), "set length to the longest sequence, or kind: sinusoidal"),
        ({"length": 3}, (5, 4), "there are 5 steps, but positions for 3; set length to at least 5"),
        ({}, (4,), "needs rows with 2 axes (steps, features), got (4,)"),
        ({}, (4, None), "the number of features must be fixed"),
    ],
)
def test_positions_that_do_not_fit(options: dict[str, Any], shape: tuple[int | None, ...], says: str) -> None:
    with pytest.raises(ShapeError) as error:
        PositionalEmbedding(**options).output_shape(shape)
    assert says in str(error.value)


def test_sequences_longer_than_the_positions() -> None:
    engine = engine_of(PositionalEmbedding(length=3), shape=(None, 2))
    assert engine.predict(np.zeros((1, 2, 2), np.float32)).shape == (1, 2, 2)
    with pytest.raises(ShapeError, match="there are 4 steps, but positions for 3"):
        engine.predict(np.zeros((1, 4, 2), np.float32))


# -- EinsumDense ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"equation": "ab,bc", "output_shape": 3}, "equation must look like"),
        ({"equation": "...ab,bc->ac", "output_shape": 3}, "equation must look like"),
        ({"equation": "ab,bc->ad", "output_shape": 3}, "'d' of the output is neither in the input nor in the kernel"),
        ({"equation": "ab,bcd->ac", "output_shape": 3}, "'d' of the kernel is neither in the input nor in the output"),
        ({"equation": "abc,cd->ad", "output_shape": 3}, "'b' of the input is neither in the kernel nor in the output"),
        ({"equation": "aab,bc->ac", "output_shape": 3}, "has a letter twice"),
        ({"equation": "ab,bc->ca", "output_shape": 3}, "the batch axis must stay first"),
        ({"equation": "ab,abc->ac", "output_shape": 3}, "can't be an axis of the kernel"),
        ({"equation": "abc,cd->abd", "output_shape": 3}, "names 2 axes of the output beside the batch"),
        ({"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "b"}, "'b' of bias_axes is not an axis"),
    ],
)
def test_equations_that_make_no_sense(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError) as error:
        EinsumDense(**options)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "shape", "says"),
    [
        ({"equation": "abc,cd->abd", "output_shape": [4, 2]}, (5, 3), "5 long in the input, but 4 in output_shape"),
        ({"equation": "abc,cd->abd", "output_shape": [None, 2]}, (3,), "takes rows with 2 axes, got (3,)"),
        ({"equation": "...bc,cd->...bd", "output_shape": [None, 2]}, (3,), "takes rows with at least 2 axes"),
        ({"equation": "ab,bc->ac", "output_shape": 3}, (None,), "axis 'b' of 'ab,bc->ac' sizes the kernel"),
        ({"equation": "ab,bc->ac", "output_shape": [None]}, (3,), "axis 'c' of 'ab,bc->ac' sizes the kernel"),
        (
            {"equation": "abc,cd->abd", "output_shape": [None, 2], "bias_axes": "bd"},
            (None, 3),
            "axis 'b' of 'abc,cd->abd' sizes the bias",
        ),
    ],
)
def test_einsum_shapes_that_do_not_fit(options: dict[str, Any], shape: tuple[int | None, ...], says: str) -> None:
    layer = EinsumDense(**options)
    with pytest.raises(ShapeError) as error:
        layer.output_shape(shape)
        layer.param_specs(shape)
    assert says in str(error.value)


def test_null_takes_over_the_input_length() -> None:
    layer = EinsumDense("abc,cd->abd", [None, 2])
    assert layer.output_shape((5, 3)) == (5, 2)
    assert layer.output_shape((None, 3)) == (None, 2)


def test_elided_axes_keep_their_order() -> None:
    """Keras gives their lengths in reverse; np.einsum, and so the output itself, does not."""
    engine = engine_of(EinsumDense("...x,xy->...y", 4, dtype="float64"), shape=(2, 3, 5))
    x = np.random.RandomState(0).standard_normal((4, 2, 3, 5))
    assert engine.network.output_shape == (2, 3, 4)
    np.testing.assert_allclose(engine.predict(x), x @ engine.network.nodes[0].layer.get_weights()[0], rtol=1e-12)


def test_kernels_start_by_the_axes_of_the_equation() -> None:
    """glorot_uniform with fan_in 5 and fan_out 6; by the last two axes alone it would be 5 · 2 and 5 · 3."""
    layer = get(Layer, {"EinsumDense": {"equation": "abc,cde->abde", "output_shape": [None, 20, 30]}})
    spec = layer.param_specs((3, 5))["kernel"]
    kernel = spec.initializer.make(spec.shape, np.random.default_rng(0), np.float64)
    limit = math.sqrt(6 / (5 + 600))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
