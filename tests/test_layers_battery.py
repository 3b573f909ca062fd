"""Every check a layer must pass, over every row of tests/cases_layers*.py.

Expected values come from Keras 3 (tests/reference/make_layers.py) and from central differences in float64.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.checkers import INVALID
from seqnet.declare import get, options_of
from seqnet.layers import Layer
from seqnet.registry import components, lookup
from tests.cases_text import ROWS as TEXT_ROWS
from tests.layer_bench import Bench, MarkPadding, Trainer, error, load_start, make_layer, reference
from tests.layer_rows import Row, families, is_whole, needs_mask_in_front, rows_of
from tests.reference import load_reference

FORWARD, AFTER_FIVE, DIFFERENCES, ROUNDING = 2e-5, 2e-4, 1e-6, 1e-10
TABLE: list[tuple[str, Row]] = [(family, row) for family in families() for row in rows_of(family)]
# Options of Keras that make no sense in NumPy and YAML.
FOREIGN = {
    "lora_rank",
    "lora_alpha",
    "quantization_config",
    "gptq_unpacked_column_size",
    "sparse",
    "ragged",
    "batch_shape",
    "input_tensor",
    "optional",
}


def over(check: str = "", *, when: Any = lambda row: True) -> Any:
    """Parametrize with the rows that are not exempt from `check`."""
    chosen = [(family, row) for family, row in TABLE if check not in row.get("exempt", {}) and when(row)]
    return pytest.mark.parametrize(("family", "row"), chosen, ids=[row["case"] for _, row in chosen])


@lru_cache(maxsize=None)
def _bench(case: str, dtype: str) -> Bench:
    return Bench(next(row for _, row in TABLE if row["case"] == case), dtype)


def bench(row: Row, dtype: str = "float64") -> Bench:
    """Benches are pure, so the checks share them."""
    return _bench(row["case"], dtype)


def is_random(row: Row) -> bool:
    return bool(row.get("random"))


# -- Keras's numbers --------------------------------------------------------------------------------------------------


@over("keras")
def test_forward_is_keras(family: str, row: Row) -> None:
    expected, it = reference(family, row), bench(row, "float32")
    y, _ = it.forward()
    assert error(y, expected["y"]) < FORWARD
    assert list(y.shape[1:]) == expected["output_shape"]
    assert list(it.network.output_shape) == expected["output_shape"]


@over("keras")
def test_weights_are_keras(family: str, row: Row) -> None:
    expected, it = reference(family, row), bench(row, "float32")
    weights = it.layer.get_weights()
    assert [list(weight.shape) for weight in weights] == expected["weight_shapes"]
    assert it.layer.count_params() == expected["count_params"]
    it.layer.set_weights(weights)
    it.restore()
    np.testing.assert_array_equal(np.concatenate([w.reshape(-1) for w in (*weights, np.zeros(0))]), expected["weights"])


@over("keras_training", when=lambda row: not is_random(row) and "keras" not in row.get("exempt", {}))
def test_training_is_keras(family: str, row: Row) -> None:
    expected, trainer = reference(family, row), Trainer(row)
    losses = []
    for step in range(1, 6):
        loss, y = trainer.step()
        losses.append(loss)
        if step == 1:
            assert error(y, expected["y_training"]) < FORWARD
            assert error(trainer.weights(), expected["weights_1"]) < FORWARD
    assert error(trainer.weights(), expected["weights_5"]) < AFTER_FIVE
    assert error(losses, expected["losses"]) < AFTER_FIVE


@over("keras", when=lambda row: "lengths" in row)
def test_mask_is_keras(family: str, row: Row) -> None:
    expected, it = reference(family, row), bench(row)
    mask = it.layer.output_mask(it.x, it.mask) if it.mask is not None or it.layer.makes_mask else None
    if "mask" in expected:
        np.testing.assert_array_equal(mask, expected["mask"])
    else:
        assert mask is None


@over("keras", when=lambda row: "open" in row)
def test_open_shape_is_keras(family: str, row: Row) -> None:
    layer = make_layer(row)
    assert list(layer.output_shape(tuple(row["open"]))) == reference(family, row)["open_output_shape"]


# -- gradients --------------------------------------------------------------------------------------------------------


def central(it: Bench, *, training: bool) -> tuple[Array, Array]:
    """d sum(direction * y) / d x and / d theta, element by element."""
    y, _ = it.forward(training=training)
    dy, step = it.direction(y), 1e-5
    theta = it.theta.copy()

    def value(x: Array, theta: Array) -> float:
        return float(np.vdot(dy, it.forward(x, training=training, theta=theta)[0]))

    def slopes(at: Array, of: Any) -> Array:
        result, work = np.zeros(at.shape), at.copy()
        for index in np.ndindex(at.shape):
            work[index] = at[index] + step
            up = of(work)
            work[index] = at[index] - step
            result[index] = (up - of(work)) / (2 * step)
            work[index] = at[index]
        return result

    dx = np.zeros(0) if is_whole(it.row) else slopes(it.x, lambda x: value(x, theta))
    return dx, slopes(theta, lambda changed: value(it.x, changed))


def check_differences(row: Row, *, training: bool) -> None:
    it = bench(row)
    run = it.run(training=training)
    dx, gradient = central(it, training=training)
    if not is_whole(row):
        assert run.dx is not None and error(run.dx, dx) < DIFFERENCES
    assert error(run.gradient, gradient) < DIFFERENCES
    without = it.run(training=training, need_dx=False)
    np.testing.assert_allclose(without.gradient, run.gradient, rtol=ROUNDING, atol=1e-12)


@over("differences")
def test_gradients(family: str, row: Row) -> None:
    if not bench(row).layer.differs_in_training:  # else inference has no backward
        check_differences(row, training=False)


@over("differences_training")
def test_gradients_in_training(family: str, row: Row) -> None:
    check_differences(row, training=True)


@over()
def test_gradients_of_two_calls_add(family: str, row: Row) -> None:
    """One layer, two calls under way at once: neither disturbs the other."""
    it = bench(row)
    training = not it.layer.differs_in_training or not is_random(row)
    first, second = it.x, it.x[::-1].copy()
    masks = it.mask, None if it.mask is None else it.mask[::-1].copy()
    one, two = it.run(first, masks[0], training=training), it.run(second, masks[1], training=training)
    y1, cache1 = it.forward(first, masks[0], training=training)
    y2, cache2 = it.forward(second, masks[1], training=training)
    it.start_gradient()
    dx1 = it.layer.backward(it.direction(y1), cache1, it.context)
    dx2 = it.layer.backward(it.direction(y2), cache2, it.context)
    np.testing.assert_allclose(it.end_gradient(), one.gradient + two.gradient, rtol=ROUNDING, atol=1e-12)
    for got, expected in ((y1, one.y), (y2, two.y), (dx1, one.dx), (dx2, two.dx)):
        np.testing.assert_array_equal(got, expected)


def fits_twice(row: Row) -> bool:
    it = bench(row)
    return it.network.output_shape == it.x.shape[1:] and it.theta.size > 0 and not is_whole(row)


@over("differences_training", when=lambda row: "lengths" not in row and not is_random(row))
def test_gradients_of_a_layer_used_twice(family: str, row: Row) -> None:
    """The same layer at two places of one network, against the difference quotient along a random direction."""
    if not fits_twice(row):
        return
    twice = Trainer(row, "float64")
    layer = twice.network.nodes[-1].layer
    network = type(twice.network)([layer, layer], twice.x.shape[1:])
    load_start(network, row)
    engine = type(twice.engine)(network, twice.engine.loss)
    theta, frozen = network.parameters.theta, network.parameters.frozen
    start, still = theta.copy(), frozen.copy()
    target = np.random.RandomState(5).standard_normal(twice.x.shape)
    way = np.random.RandomState(6).standard_normal(theta.shape)

    def loss(step: float) -> float:
        theta[...], frozen[...] = start + step * way, still
        return engine.train_step(twice.x, target)[0]

    quotient = (loss(1e-5) - loss(-1e-5)) / 2e-5
    loss(0.0)
    assert np.vdot(engine.gradient, way) == pytest.approx(quotient, rel=DIFFERENCES, abs=1e-9)


# -- arrays -----------------------------------------------------------------------------------------------------------


@over()
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_are_respected(family: str, row: Row, dtype: str) -> None:
    """x and dy untouched, y untouched by backward, dtypes kept, y ready to use."""
    it = bench(row, dtype)
    for training in (False, True):
        x = it.x.copy()
        x.flags.writeable = False
        y, cache = it.forward(x, training=training)
        assert y.dtype == dtype
        before, dy = y.copy(), it.direction(y)
        dy.flags.writeable = False
        it.start_gradient()
        if training or not it.layer.differs_in_training:
            dx = it.layer.backward(dy, cache, it.context)
            if not is_whole(row):
                assert dx is not None and dx.dtype == dtype and dx.shape == x.shape
        np.testing.assert_array_equal(x, it.x)
        np.testing.assert_array_equal(y, before)
        np.testing.assert_array_equal(dy, it.direction(y))


@over()
def test_strides_make_no_difference(family: str, row: Row) -> None:
    """x and dy may be views of arrays laid out otherwise."""
    it = bench(row)
    training = not is_random(row) or not it.layer.differs_in_training
    y, cache = it.forward(training=training)
    again, cache_again = it.forward(_laid_out_otherwise(it.x), training=training)
    np.testing.assert_allclose(again, y, rtol=ROUNDING, atol=1e-12)
    if training or not it.layer.differs_in_training:
        dy, found = it.direction(y), []
        for slope, left in ((dy, cache), (_laid_out_otherwise(dy), cache_again)):
            it.start_gradient()
            dx = it.layer.backward(slope, left, it.context)
            found.append((it.end_gradient(), np.zeros(0) if dx is None else dx))
        for got, expected in zip(found[1], found[0], strict=True):
            np.testing.assert_allclose(got, expected, rtol=ROUNDING, atol=1e-12)


def _laid_out_otherwise(x: Array) -> Array:
    """The same numbers, the last axis outermost in memory and with gaps."""
    wide = np.zeros((*x.shape[::-1], 2), x.dtype)
    view = wide[..., 0].T
    view[...] = x
    return view


@over()
def test_layers_remember_nothing(family: str, row: Row) -> None:
    """A call leaves no trace on the layer: what backward needs is in the cache."""
    it = bench(row)
    before = dict(it.layer.__dict__)
    it.run(training=True)
    assert it.layer.__dict__.keys() == before.keys()
    assert all(it.layer.__dict__[name] is value for name, value in before.items())


@over(when=lambda row: not is_random(row))
def test_single_precision_is_close(family: str, row: Row) -> None:
    for training in (False, True):
        rough, exact = bench(row, "float32").run(training=training), bench(row).run(training=training)
        assert error(rough.y, exact.y) < FORWARD
        assert error(rough.gradient, exact.gradient) < FORWARD
        if rough.dx is not None:
            assert error(rough.dx, exact.dx) < FORWARD


@over("rows")
def test_batch_is_rows(family: str, row: Row) -> None:
    it = bench(row)
    trains = not it.layer.couples_rows and not (is_random(row) and it.layer.differs_in_training)
    for training in (False, True) if trains else (False,):
        if it.layer.differs_in_training and not training:
            y, _ = it.forward()
            parts = [it.forward(it.x[i : i + 1], _part(it.mask, i))[0] for i in range(len(it.x))]
            np.testing.assert_allclose(np.concatenate(parts), y, rtol=ROUNDING, atol=1e-12)
            continue
        y, cache = it.forward(training=training)
        dy = it.direction(y)
        it.start_gradient()
        dx = it.layer.backward(dy, cache, it.context)
        gradient = it.end_gradient()
        it.start_gradient()
        for i in range(len(it.x)):
            y_i, cache_i = it.forward(it.x[i : i + 1], _part(it.mask, i), training=training)
            dx_i = it.layer.backward(dy[i : i + 1].copy(), cache_i, it.context)
            np.testing.assert_allclose(y_i[0], y[i], rtol=ROUNDING, atol=1e-12)
            if dx is not None and dx_i is not None:
                np.testing.assert_allclose(dx_i[0], dx[i], rtol=ROUNDING, atol=1e-12)
        np.testing.assert_allclose(it.end_gradient(), gradient, rtol=ROUNDING, atol=1e-12)


def _part(mask: Array | None, i: int) -> Array | None:
    return None if mask is None else mask[i : i + 1]


# -- in the engine ----------------------------------------------------------------------------------------------------


def trained(row: Row, threads: int) -> tuple[float, Array, Array, Array]:
    trainer = Trainer(row, "float64", threads=threads, weigh=True)
    try:
        loss, y = trainer.step()
        return loss, y, trainer.engine.gradient.copy(), trainer.weights()
    finally:
        trainer.engine.close()


@over("sharded", when=lambda row: not is_random(row))
def test_sharded_is_whole(family: str, row: Row) -> None:
    for got, expected in zip(trained(row, 2), trained(row, 1), strict=True):
        np.testing.assert_allclose(got, expected, rtol=ROUNDING, atol=1e-12)


@over("steady")
def test_steps_repeat_to_the_byte(family: str, row: Row) -> None:
    for threads in (1, 2):
        for got, expected in zip(trained(row, threads), trained(row, threads), strict=True):
            np.testing.assert_array_equal(got, expected)


@over("frozen")
def test_frozen_layers_stay(family: str, row: Row) -> None:
    trainer = Trainer(row, trainable=False)
    before = trainer.weights()
    trainer.step()
    assert trainer.network.parameters.theta.size == 0
    np.testing.assert_array_equal(trainer.weights(), before)


# -- the declaration --------------------------------------------------------------------------------------------------


@over()
def test_configurations_survive(family: str, row: Row) -> None:
    layer = make_layer(row)
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    for again in (type(layer).from_config(config), get(Layer, layer.to_spec()), get(Layer, layer.to_spec(full=True))):
        assert type(again) is type(layer)
        assert again.get_config() == config
    y, _ = bench(row).forward()
    again = type(layer).from_config(bench(row).layer.get_config())
    np.testing.assert_array_equal(Bench(row, layer=again).forward()[0], y)


def first_rows() -> list[tuple[str, Row]]:
    return list({row["layer"]: (family, row) for family, row in reversed(TABLE) if "keras" not in row}.values())


@pytest.mark.parametrize(("family", "row"), first_rows(), ids=[row["layer"] for _, row in first_rows()])
def test_signature_is_keras(family: str, row: Row) -> None:
    """The same options in the same positional order with the same defaults."""
    cls = lookup("layer", row["layer"])
    signatures = json.loads(str(load_reference(family)["facts"]))["signatures"]
    if row["layer"] not in signatures:
        assert "keras" in row.get("exempt", {}), f"{row['layer']}: make the reference values anew"
        return
    declared = options_of(cls)
    theirs = [entry for entry in signatures[row["layer"]] if entry[0] not in FOREIGN]
    positional = [name for name, option in declared.items() if not option.kw_only]
    names = [entry[0] for entry in theirs if entry[0] not in ("name", "dtype", "activity_regularizer")]
    assert [name for name in positional if name != "activity_regularizer"][: len(names)] == names
    for name, *default in theirs:
        option = declared[name]
        assert option.required == (not default), name
        if default and default[0] is not None:  # None is "whatever the default is" in Keras
            problems: list[Any] = []
            value = option.checker.check(default[0], (name,), problems)
            assert value is not INVALID, problems
            ours = option.checker.check(option.default, (name,), [])
            assert option.checker.dump(value) == option.checker.dump(ours), name


def test_every_layer_has_a_row() -> None:
    known = {cls.spec_name for cls in components("layer") if cls.__module__.startswith("seqnet.")}
    assert known == {row["layer"] for _, row in TABLE if "plugin" not in row} | {row["layer"] for row in TEXT_ROWS}


def test_mask_in_front_marks_what_the_row_says() -> None:
    row = next(row for _, row in TABLE if needs_mask_in_front(row))
    it = bench(row)
    np.testing.assert_array_equal(MarkPadding().output_mask(it.x, None), it.mask)
