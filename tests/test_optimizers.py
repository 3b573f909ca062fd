"""Optimizers against Keras (tests/cases_optimizers.py), and what every optimizer must do beyond its formula."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

from seqnet import optimizers
from seqnet.declare import options_of
from seqnet.errors import CheckpointError, SpecError, UsageError
from seqnet.optimizers import Optimizer, Segment
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import components
from tests.cases_optimizers import KEPT, ROWS, STEPS, VARIABLES, Row, gradients, start_weights
from tests.reference import load_reference

PRECISIONS = ("float32", "float64")
NAMES = [cls.spec_name for cls in components("optimizer")]
BY_KEY = {row.key: row for row in ROWS}
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
names = pytest.mark.parametrize("name", NAMES)

# Options with which an optimizer finds the lowest point of a parabola in PARABOLA_STEPS steps, where its defaults
# would take longer.
PARABOLA_STEPS = 600
PARABOLA: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.1},
    "Adam": {"learning_rate": 0.1},
    "AdamW": {"learning_rate": 0.1, "weight_decay": 0.0},
    "Adamax": {"learning_rate": 0.1},
    "Nadam": {"learning_rate": 0.1},
    "RMSprop": {"learning_rate": {"ExponentialDecay": [0.1, 20]}},
    "Adagrad": {"learning_rate": 1.0},
    "Adadelta": {"learning_rate": 30.0},
    "Adafactor": {"learning_rate": {"ExponentialDecay": [0.5, 40]}},
    "Ftrl": {"learning_rate": 2.0},
    "Lion": {"learning_rate": {"ExponentialDecay": [0.1, 25]}},
    "Lamb": {"learning_rate": {"ExponentialDecay": [0.1, 30]}},
    "Muon": {"learning_rate": {"ExponentialDecay": [0.3, 30]}, "weight_decay": None, "adam_weight_decay": None},
    "ScheduleFreeAdamW": {"learning_rate": 0.3},
}

# (options, what the message must say)
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("Adam", {"learning_rate": -0.1}, "learning_rate must be a number >= 0"),
    ("Adam", {"learning_rate": "fast"}, "no schedule named 'fast'"),
    ("Adam", {"learning_rate": {"CosinDecay": {}}}, "no schedule named 'CosinDecay'; did you mean"),
    ("Adam", {"learning_rate": True}, "learning_rate must be"),
    ("Adam", {"learning_rate": float("nan")}, "learning_rate must be"),
    ("Adam", {"lr": 0.1}, "has no option 'lr'"),
    ("Adam", {"beta_1": 1.0}, "beta_1 must be a number >= 0 and < 1"),
    ("Adam", {"beta_2": -0.1}, "beta_2"),
    ("Adam", {"epsilon": 0.0}, "epsilon must be a number > 0"),
    ("Adam", {"weight_decay": -0.1}, "weight_decay"),
    ("Adam", {"clipnorm": 0.0}, "clipnorm must be a number > 0"),
    ("Adam", {"clipvalue": -1.0}, "clipvalue"),
    ("Adam", {"global_clipnorm": 0.0}, "global_clipnorm"),
    ("Adam", {"ema_momentum": 1.1}, "ema_momentum"),
    ("Adam", {"ema_overwrite_frequency": 0}, "ema_overwrite_frequency"),
    ("Adam", {"loss_scale_factor": 0.0}, "loss_scale_factor"),
    ("Adam", {"gradient_accumulation_steps": 1}, "a whole number >= 2"),
    ("Adam", {"clipnorm": 1.0, "clipvalue": 1.0}, "only one of clipnorm, clipvalue, global_clipnorm"),
    ("Adam", {"clipnorm": 1.0, "global_clipnorm": 1.0}, "got clipnorm and global_clipnorm"),
    ("Adam", {"weight_decay_exclude": ["bias", "("]}, "'(' is not a regular expression"),
    ("AdamW", {"weight_decay": None}, "weight_decay must be a number"),
    ("SGD", {"momentum": 1.5}, "momentum"),
    ("SGD", {"nesterov": "yes"}, "nesterov must be true or false"),
    ("RMSprop", {"rho": 1.0}, "rho"),
    ("RMSprop", {"momentum": -0.1}, "momentum"),
    ("Adagrad", {"initial_accumulator_value": -1.0}, "initial_accumulator_value"),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 0.0}, "can't both be 0"),
    ("Adadelta", {"rho": 1.0}, "rho"),
    ("Adafactor", {"beta_2_decay": 0.1}, "beta_2_decay"),
    ("Adafactor", {"clip_threshold": 0.0}, "clip_threshold"),
    ("Ftrl", {"learning_rate_power": 0.5}, "learning_rate_power must be a number <= 0"),
    ("Ftrl", {"l1_regularization_strength": -1.0}, "l1_regularization_strength"),
    ("Lion", {"beta_1": 0.0}, "beta_1 must be a number > 0 and <= 1"),
    ("Lamb", {"beta_1": 1.0}, "beta_1"),
    ("Muon", {"ns_steps": 0}, "ns_steps"),
    ("Muon", {"exclude_layers": ["["]}, "'[' is not a regular expression"),
    ("ScheduleFreeAdamW", {"warmup_steps": -1}, "warmup_steps"),
]


def segments(**changes: dict[str, Any]) -> list[Segment]:
    """The variables of the rows; changes: fields of the segment whose name has this word after the slash's left."""
    found, start = [], 0
    for name, shape in VARIABLES.items():
        stop = start + int(np.prod(shape))
        found.append(Segment(name, start, stop, shape, **changes.get(name.split("/")[0], {})))
        start = stop
    return found


def flat(arrays: dict[str, np.ndarray], precision: str) -> np.ndarray:
    return np.concatenate([np.ravel(arrays[name]) for name in VARIABLES]).astype(precision)


def non_negative(w: np.ndarray) -> np.ndarray:
    return np.maximum(w, 0)


def built(row: Row, precision: str = "float32", **changes: dict[str, Any]) -> Optimizer:
    optimizer = optimizers.get({row.name: row.options})
    if row.excluded:
        optimizer.exclude_from_weight_decay(var_names=row.excluded)
    if row.constrained:
        changes[row.constrained.split("/")[0]] = {"constraint": non_negative}
    optimizer.build(segments(**changes), precision)
    return optimizer


def run(optimizer: Optimizer, theta: np.ndarray, first: int = 0, last: int = STEPS) -> np.ndarray:
    """Apply the gradients of the steps first … last - 1 to theta, which it returns."""
    for gradient in gradients()[first:last]:
        optimizer.apply(theta, flat(gradient, str(theta.dtype)))
    return theta


def start(precision: str = "float32") -> np.ndarray:
    return flat(start_weights(), precision)


def same_state(a: Optimizer, b: Optimizer) -> bool:
    one, two = a.state(), b.state()
    return one.keys() == two.keys() and all(one[name].tobytes() == two[name].tobytes() for name in one)


# -- Keras's numbers


@rows
@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_equal_keras(row: Row, precision: str) -> None:
    expected = load_reference("optimizers")[f"{row.key}/{precision}"]
    optimizer, theta = built(row, precision), start(precision)
    begin = theta.copy()
    for step, gradient in enumerate(gradients(), start=1):
        optimizer.apply(theta, flat(gradient, precision))
        if step == STEPS and row.finish:
            optimizer.finish(theta)
        if step not in KEPT:
            continue
        want = expected[KEPT.index(step)]
        # Errors are measured against how far the weights have moved, besides the rounding of the weights themselves.
        # In double precision Keras still takes some numbers (schedules, norms) in single precision.
        moved, size = np.abs(want - begin).max(), np.abs(want).max()
        tolerance = 1e-4 * moved + 2e-7 * size if precision == "float32" else 2e-6 * moved
        np.testing.assert_allclose(theta, want, rtol=0, atol=tolerance)


@rows
def test_variable_count_equals_keras(row: Row) -> None:
    assert built(row).variable_count() == int(load_reference("optimizers")[f"{row.key}/variables"])


@names
def test_options_are_keras_s_in_keras_s_order(name: str) -> None:
    signature = json.loads(str(load_reference("optimizers")[f"{name}/signature"]))
    options = options_of(type(optimizers.get(name)))
    assert [o.name for o in options.values() if not o.kw_only] == [argument for argument, _ in signature]
    assert {argument: options[argument].default for argument, _ in signature} == dict(signature)


def test_state_size_as_in_keras_s_summary() -> None:
    # 13,626 trained parameters with Adam: "Optimizer params: 27,254 (106.46 KB)".
    adam = optimizers.Adam()
    assert (adam.variable_count(), adam.state_bytes()) == (2, 8)
    adam.build([Segment("dense/kernel", 0, 13_626, (13_626,))])
    assert (adam.variable_count(), adam.state_bytes()) == (27_254, 109_016)
    adam.build([Segment("dense/kernel", 0, 13_626, (13_626,))], np.float64)
    assert adam.state_bytes() == 2 * 13_626 * 8 + 8


def test_every_optimizer_has_rows() -> None:
    assert (
        set(NAMES)
        == {row.name for row in ROWS}
        == set(PARABOLA)
        == {name for name, _, _ in WRONG}
        | {
            "Adamax",
            "Nadam",
        }
    )
    assert set(NAMES) <= set(optimizers.__all__)


# -- what every optimizer must do


@names
@pytest.mark.parametrize("precision", PRECISIONS)
def test_reaches_the_lowest_point_of_a_parabola(name: str, precision: str) -> None:
    optimizer = optimizers.get({name: _with_schedule(PARABOLA[name])})
    optimizer.build([Segment("a/kernel", 0, 6, (2, 3)), Segment("a/bias", 6, 8, (2,))], precision)
    lowest = np.array([1.0, -0.5, 0.3, 0.7, -1.2, 0.4, 0.9, -0.8], precision)
    curvature = np.array([1.0, 0.5, 2.0, 1.5, 0.8, 1.0, 1.2, 0.7], precision)
    theta = lowest + np.array([0.5, -0.4, 0.6, 0.3, -0.7, 0.5, -0.6, 0.4], precision)
    before = theta.copy()
    for _ in range(PARABOLA_STEPS):
        optimizer.apply(theta, curvature * (theta - lowest))
    assert theta.dtype == precision
    assert np.abs(theta - lowest).max() < 0.01 < np.abs(before - lowest).min()


@rows
@pytest.mark.parametrize("precision", PRECISIONS)
def test_keeps_the_precision(row: Row, precision: str) -> None:
    optimizer = built(row, precision)
    theta = run(optimizer, start(precision), 0, 3)
    state = optimizer.state()
    assert theta.dtype == precision
    assert {array.dtype.name for name, array in state.items() if name not in ("iterations", "learning_rate")} <= {
        precision
    }


@rows
def test_a_saved_state_goes_on_with_the_same_bytes(row: Row) -> None:
    whole = built(row)
    expected = run(whole, start())
    first = built(row)
    theta = run(first, start(), 0, 10)
    stored = pickle.loads(pickle.dumps(first.state()))
    second = built(row)
    second.load_state(stored)
    run(first, np.ones_like(theta), 0, 1)  # the state is a copy, not a view
    run(second, theta, 10)
    assert theta.tobytes() == expected.tobytes()
    assert same_state(second, whole)


@rows
@pytest.mark.parametrize("length", [1, 7, 30])
def test_blocks_do_not_change_a_bit(row: Row, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = built(row)
    expected = run(whole, start())
    monkeypatch.setattr(Elementwise, "block_bytes", 4 * length)
    cut = built(row)
    assert run(cut, start()).tobytes() == expected.tobytes()
    assert same_state(cut, whole)


@names
def test_zero_gradients_are_harmless(name: str) -> None:
    optimizer, theta = built(Row("", name)), start()
    for _ in range(3):
        optimizer.apply(theta, np.zeros_like(theta))
    assert np.isfinite(theta).all()
    theta = np.zeros_like(theta)
    optimizer.apply(theta, np.zeros_like(theta))
    assert np.isfinite(theta).all()


@rows
def test_zeros_of_a_gradient_stay_unless_it_says_otherwise(row: Row) -> None:
    """The engine clears few rows of a large table where they do."""
    optimizer, theta, spoilt = built(row), start(), False
    for step, arrays in enumerate(gradients()):
        gradient = flat(arrays, "float32")
        zero = (np.arange(len(gradient)) + step) % 3 == 0
        gradient[zero] = 0
        optimizer.apply(theta, gradient)
        spoilt |= bool(gradient[zero].any())
    assert optimizer.spoils_gradient or not spoilt


def test_which_optimizers_keep_the_zeros_of_a_gradient() -> None:
    keeping = {name for name in NAMES if not optimizers.get(name).spoils_gradient}
    assert keeping == {"SGD", "Adam", "AdamW", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lamb"}
    options = {"clipvalue": 0.1, "loss_scale_factor": 2.0, "weight_decay": 0.1}
    assert not optimizers.Adam(**options).spoils_gradient
    for option in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"use_ema": True}, {"gradient_accumulation_steps": 2}):
        assert optimizers.Adam(**option).spoils_gradient


@names
def test_a_learning_rate_of_zero_moves_nothing(name: str) -> None:
    optimizer = built(Row("", name, {"learning_rate": 0.0}))
    assert run(optimizer, start(), 0, 3).tobytes() == start().tobytes()


@names
def test_lr_scale_is_a_learning_rate_of_the_variable(name: str) -> None:
    options = {"learning_rate": 0.02, "weight_decay": 0.1}
    scaled = run(built(Row("", name, options), tall={"lr_scale": 0.5}, vector={"lr_scale": 0.5}), start())
    full = run(built(Row("", name, options)), start())
    half = run(built(Row("", name, {**options, "learning_rate": 0.01})), start())
    for segment in segments():
        part = slice(segment.start, segment.stop)
        expected = half if segment.name in ("tall/kernel", "vector/bias") else full
        assert scaled[part].tobytes() == expected[part].tobytes()


@names
def test_other_arrays_in_other_steps_make_no_difference(name: str) -> None:
    expected = run(built(Row("", name)), start())
    optimizer, theta = built(Row("", name)), start()
    gradient = np.empty_like(theta)
    for step, found in enumerate(gradients()):
        if step % 5 == 0:
            theta, gradient = theta.copy(), gradient.copy()
        gradient[:] = flat(found, "float32")
        optimizer.apply(theta, gradient)
    assert theta.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", [n for n in NAMES if issubclass(type(optimizers.get(n)), Elementwise)])
def test_a_step_allocates_no_vector(name: str) -> None:
    size = 50_000
    optimizer = optimizers.get({name: {"weight_decay": 0.1}})
    optimizer.build([Segment("a/kernel", 0, size, (size,))])
    theta, gradient = np.ones(size, np.float32), np.full(size, 0.1, np.float32)
    optimizer.apply(theta, gradient)
    tracemalloc.start()
    try:
        for _ in range(3):
            optimizer.apply(theta, gradient)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size  # bytes; a vector has 4 * size


@names
def test_copies_are_independent(name: str) -> None:
    optimizer = built(Row("", name))
    theta = run(optimizer, start(), 0, 5)
    expected = run(copy.deepcopy(optimizer), theta.copy(), 5, 10)
    assert run(pickle.loads(pickle.dumps(optimizer)), theta.copy(), 5, 10).tobytes() == expected.tobytes()
    fresh = optimizer.replace(learning_rate=0.5)
    assert not fresh.built and fresh.learning_rate == 0.5 and optimizer.learning_rate != 0.5
    assert run(optimizer, theta.copy(), 5, 10).tobytes() == expected.tobytes()


@names
def test_names_and_configs(name: str) -> None:
    optimizer = optimizers.get(name)
    assert type(optimizers.get(name.lower())) is type(optimizer)
    assert optimizer.get_config() == type(optimizer)().get_config()
    given = type(optimizer)(learning_rate={"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 7}}, clipnorm=2)
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(given))))
    assert type(again) is type(given) and again.get_config() == given.get_config()
    schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 7}}
    assert given.to_spec() == {name: {"learning_rate": schedule, "clipnorm": 2.0}}
    assert optimizers.get(given) is given


def test_get_takes_what_keras_serializes() -> None:
    nested = {
        "module": "keras.optimizers.schedules",
        "class_name": "ExponentialDecay",
        "config": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": False},
        "registered_name": None,
    }
    written = {"module": "keras.optimizers", "class_name": "Adam", "config": {"name": "adam", "learning_rate": nested}}
    assert optimizers.deserialize({**written, "registered_name": None}).learning_rate == 0.1


@pytest.mark.parametrize(("name", "options", "message"), WRONG)
def test_wrong_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as error:
        optimizers.get({name: options})
    assert message in str(error.value)


def test_an_unknown_optimizer_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"there is no optimizer named 'adamm'.*did you mean"):
        optimizers.get("adamm")


# -- the learning rate


def test_learning_rate_reads_and_sets() -> None:
    sgd = optimizers.SGD(1)
    sgd.build(segments())
    assert sgd.learning_rate == 1.0 and isinstance(sgd.learning_rate, float)
    sgd.learning_rate = 0.5
    theta = start()
    sgd.apply(theta, np.ones_like(theta))
    np.testing.assert_array_equal(theta, start() - np.float32(0.5))
    assert sgd.get_config()["learning_rate"] == 0.5
    assert float(sgd.state()["learning_rate"]) == 0.5
    with pytest.raises(SpecError, match="learning_rate must be a number >= 0"):
        sgd.learning_rate = -1.0
    assert sgd.learning_rate == 0.5


def test_a_schedule_decides_the_learning_rate() -> None:
    sgd = optimizers.SGD(optimizers.schedules.ExponentialDecay(1.0, 1, 0.5))
    sgd.build(segments())
    theta = start()
    for expected in (1.0, 0.5, 0.25):
        before = theta.copy()
        assert sgd.learning_rate == expected
        sgd.apply(theta, np.ones_like(theta))
        np.testing.assert_allclose(before - theta, expected, rtol=1e-6)
    assert sgd.learning_rate == 0.125
    assert "learning_rate" not in sgd.state()
    with pytest.raises(UsageError, match="while the schedule ExponentialDecay decides it"):
        sgd.learning_rate = 0.1
    sgd.learning_rate = {"ExponentialDecay": {"initial_learning_rate": 8.0, "decay_steps": 3, "decay_rate": 0.5}}
    assert sgd.learning_rate == 4.0  # the step count goes on


def test_a_schedule_in_epochs_needs_their_length() -> None:
    sgd = optimizers.SGD({"ExponentialDecay": {"initial_learning_rate": 1.0, "decay_epochs": 2, "decay_rate": 0.5}})
    sgd.build(segments())
    with pytest.raises(UsageError, match="decay_epochs must be turned into steps"):
        sgd.apply(start(), start())
    sgd.resolve(1)
    run(sgd, start(), 0, 4)
    assert sgd.learning_rate == 0.25
    sgd.resolve(2)  # another batch size; the schedule is still the one that was written
    assert sgd.learning_rate == 0.5
    assert sgd.get_config()["learning_rate"]["ExponentialDecay"]["decay_epochs"] == 2
    fixed = optimizers.SGD(0.1)
    fixed.resolve(10)
    assert fixed.learning_rate == 0.1


def test_schedules_count_batches_and_iterations_count_updates() -> None:
    sgd = optimizers.SGD(optimizers.schedules.ExponentialDecay(1.0, 1, 0.5), gradient_accumulation_steps=2)
    sgd.build(segments())
    run(sgd, start(), 0, 5)
    assert sgd.learning_rate == 0.5**5
    assert sgd.iterations == 2


# -- clipping, decay, average, constraints


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_huge_gradients_are_clipped_without_overflow(option: str) -> None:
    sgd = optimizers.get({"SGD": {"learning_rate": 1.0, option: 0.5}})
    sgd.build([Segment("a/kernel", 0, 4, (2, 2))])
    theta = np.zeros(4, np.float32)
    sgd.apply(theta, np.array([3e30, 4e30, 0.0, 0.0], np.float32))
    expected = [-0.5, -0.5, 0, 0] if option == "clipvalue" else [-0.3, -0.4, 0, 0]
    np.testing.assert_allclose(theta, expected, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_shows(bad: float) -> None:
    sgd = optimizers.SGD(1.0, global_clipnorm=1.0)
    sgd.build(segments())
    theta, gradient = start(), np.ones_like(start())
    gradient[3] = bad
    sgd.apply(theta, gradient)
    assert np.isnan(theta).all()


def test_short_gradients_are_left_alone() -> None:
    for option in ("clipnorm", "global_clipnorm", "clipvalue"):
        assert (
            run(built(Row("", "SGD", {option: 1e6})), start()).tobytes()
            == run(built(Row("", "SGD")), start()).tobytes()
        )


def test_weight_decay_exclusions() -> None:
    def decayed(**options: Any) -> list[str]:
        sgd = optimizers.SGD(0.1, weight_decay=0.5, **options)
        sgd.build(segments())
        theta = np.ones_like(start())
        sgd.apply(theta, np.zeros_like(theta))
        assert set(np.unique(theta)) <= {np.float32(1.0), np.float32(0.95)}
        return [s.name for s in segments() if (theta[s.start : s.stop] != 1.0).all()]

    assert decayed() == list(VARIABLES)
    assert decayed(weight_decay_exclude=["bias", "gamma"]) == [n for n in VARIABLES if n != "vector/bias"]
    assert decayed(weight_decay_exclude=["^kern"]) == ["vector/bias", "embedding/embeddings"]
    assert decayed(weight_decay_exclude=["tall/", "bias"]) == ["wide/kernel", "conv/kernel", "embedding/embeddings"]
    with pytest.raises(UsageError, match="no trained variable is named like biass, tall; there are vector/bias"):
        decayed(weight_decay_exclude=["biass", "tall"])


def test_exclude_from_weight_decay() -> None:
    sgd = optimizers.SGD(0.1, weight_decay=0.5)
    sgd.exclude_from_weight_decay(var_list=["tall/kernel"], var_names=["bias"])
    with pytest.raises(SpecError, match="not a regular expression"):
        sgd.exclude_from_weight_decay(var_names=["("])
    sgd.build(segments())
    theta = np.ones_like(start())
    sgd.apply(theta, np.zeros_like(theta))
    kept = [s.name for s in segments() if (theta[s.start : s.stop] == 1.0).all()]
    assert kept == ["vector/bias", "tall/kernel"]
    with pytest.raises(UsageError, match="before the optimizer is built"):
        sgd.exclude_from_weight_decay(var_names=["bias"])


def test_moving_average() -> None:
    sgd = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75)
    sgd.build([Segment("a/kernel", 0, 1, (1,))])
    theta = np.array([10.0], np.float32)
    assert sgd.average is None
    sgd.finish(theta)
    assert theta[0] == 10.0  # nothing was averaged yet
    for _ in range(2):
        sgd.apply(theta, np.array([4.0], np.float32))
    assert theta[0] == 2.0
    assert sgd.average is not None and sgd.average[0] == 0.75 * 6.0 + 0.25 * 2.0
    sgd.finish(theta)
    assert theta[0] == 5.0


def test_the_average_holds_weights_from_before_the_constraints() -> None:
    sgd = optimizers.SGD(1.0, use_ema=True)
    sgd.build([Segment("a/kernel", 0, 2, (2,), constraint=non_negative)])  # type: ignore[arg-type]
    theta = np.array([1.0, 1.0], np.float32)
    sgd.apply(theta, np.array([3.0, 0.5], np.float32))
    np.testing.assert_array_equal(theta, [0.0, 0.5])
    assert sgd.average is not None
    np.testing.assert_array_equal(sgd.average, [-2.0, 0.5])


def test_a_constraint_gets_the_variable_s_shape() -> None:
    seen = []

    def watch(w: np.ndarray) -> np.ndarray:
        seen.append(w.shape)
        return w * 0

    optimizer = built(Row("", "Adam"), conv={"constraint": watch})
    theta = run(optimizer, start(), 0, 2)
    assert seen == [VARIABLES["conv/kernel"]] * 2
    zeroed = [s.name for s in segments() if not theta[s.start : s.stop].any()]
    assert zeroed == ["conv/kernel"]


def test_scale_loss() -> None:
    assert optimizers.SGD().scale_loss(3.0) == 3.0
    assert optimizers.SGD(loss_scale_factor=8).scale_loss(3.0) == 24.0


# -- single optimizers


@pytest.mark.parametrize("name", ["Adam", "Lamb"])
def test_what_has_died_out_in_the_slots_becomes_zero(name: str) -> None:
    optimizer, theta = built(Row("", name)), start()
    run(optimizer, theta, 0, 1)
    for _ in range(1024):  # 0.9^1024 = 1e-47, but rounding keeps subnormal numbers from falling below 5e-45
        optimizer.apply(theta, np.zeros_like(theta))
    state = optimizer.state()
    assert not state["momentum"].any()
    assert state["velocity"].any()


def test_a_momentum_that_has_died_out_has_no_sign() -> None:
    lion = optimizers.Lion(0.1, beta_2=0.9)
    lion.build([Segment("a/kernel", 0, 1, (1,))])
    weight = np.ones(1, np.float32)
    lion.apply(weight, np.ones(1, np.float32))
    for _ in range(1024):
        lion.apply(weight, np.zeros(1, np.float32))
    stopped = weight[0]
    lion.apply(weight, np.zeros(1, np.float32))
    assert weight[0] == stopped  # on a subnormal momentum it would go on for ever


def test_a_centered_variance_is_never_negative() -> None:
    rmsprop = optimizers.RMSprop(centered=True)
    rmsprop.build([Segment("a/kernel", 0, 64, (64,))])
    theta = np.zeros(64, np.float32)
    rng = np.random.default_rng(0)
    size = rng.uniform(1e3, 1e4, 64).astype(np.float32)
    for _ in range(200):
        rmsprop.apply(theta, size.copy())  # equal gradients: the variance goes to zero, in sums of 1e8
    assert np.isfinite(theta).all()


def test_nadam_counts_its_product_anew_after_a_jump() -> None:
    one, two = optimizers.Nadam(), optimizers.Nadam()
    following = [one.coefficients(step, 0.1) for step in range(1, 30)]
    assert two.coefficients(20, 0.1) == following[19]
    assert two.coefficients(5, 0.1) == following[4]


def test_ftrl_without_an_accumulator_waits_for_the_first_gradient() -> None:
    ftrl = optimizers.Ftrl(0.5, initial_accumulator_value=0.0)
    ftrl.build([Segment("a/kernel", 0, 2, (2,))])
    theta = np.array([1.0, 1.0], np.float32)
    ftrl.apply(theta, np.array([0.0, 2.0], np.float32))
    # z = 2 - (2 - 0) / 0.5 * 1 = -2, w = 2 / (2 / 0.5)
    np.testing.assert_allclose(theta, [1.0, 0.5])


def test_muon_chooses_adam_s_step() -> None:
    def chosen(**options: Any) -> list[str]:
        muon = optimizers.Muon(**options)
        return [segment.name for segment in segments() if muon.uses_adam(segment)]

    assert chosen() == ["vector/bias", "conv/kernel", "embedding/embeddings"]
    assert chosen(exclude_embeddings=False) == ["vector/bias", "conv/kernel"]
    assert chosen(exclude_layers=["wide"]) == ["vector/bias", "wide/kernel", "conv/kernel", "embedding/embeddings"]


def test_muon_makes_singular_values_equal() -> None:
    muon = optimizers.Muon(learning_rate=1.0, weight_decay=None, rms_rate=None)
    muon.build([Segment("a/kernel", 0, 48, (8, 6))], np.float64)
    theta = np.zeros(48)
    muon.apply(theta, np.random.default_rng(3).standard_normal(48))
    values = np.linalg.svd(theta.reshape(8, 6), compute_uv=False)
    assert 0.6 < values.min() <= values.max() < 1.3


def test_schedule_free_starts_from_the_weights_of_the_first_step() -> None:
    optimizer = built(Row("", "ScheduleFreeAdamW"))
    theta = run(optimizer, start() + 1, 0, 1)
    np.testing.assert_allclose(theta, start() + 1, atol=0.01)


# -- wrong calls


def test_steps_need_a_build_and_the_right_vectors() -> None:
    adam = optimizers.Adam()
    with pytest.raises(UsageError, match="must be built"):
        adam.apply(start(), start())
    with pytest.raises(UsageError, match="must be built before its state"):
        adam.load_state({})
    adam.build(segments())
    size = start().size
    with pytest.raises(UsageError, match=f"the weights must be a contiguous float32 vector of length {size}"):
        adam.apply(start()[1:], start())
    with pytest.raises(UsageError, match=r"the gradient must be .* got float64"):
        adam.apply(start(), start("float64"))
    with pytest.raises(UsageError, match="the gradient must be a contiguous"):
        adam.apply(start(), np.zeros(2 * size, np.float32)[::2])


def test_the_state_of_another_optimizer_is_refused() -> None:
    adam, sgd = built(Row("", "Adam")), built(Row("", "SGD"))
    with pytest.raises(CheckpointError, match="not that of Adam with these options: it lacks momentum, velocity"):
        adam.load_state(sgd.state())
    with pytest.raises(CheckpointError, match="not that of SGD with these options: it has momentum, velocity"):
        sgd.load_state(adam.state())
    other = optimizers.Adam()
    other.build([Segment("a/kernel", 0, 3, (3,))])
    with pytest.raises(CheckpointError, match=r"slot momentum of Adam should be float32 \[81\], the state has .*\[3\]"):
        adam.load_state(other.state())
    double = built(Row("", "Adam"), "float64")
    before = adam.state()
    with pytest.raises(CheckpointError, match="float64"):
        adam.load_state(double.state())
    assert all(before[name].tobytes() == kept.tobytes() for name, kept in adam.state().items())


def test_a_state_brings_its_learning_rate_unless_a_schedule_decides() -> None:
    one, two = built(Row("", "SGD")), built(Row("", "SGD"))
    one.learning_rate = 0.125
    two.load_state(one.state())
    assert two.learning_rate == 0.125 and two.get_config()["learning_rate"] == 0.125
    three = built(Row("", "SGD", {"learning_rate": 0.5}))
    three.load_state({name: array for name, array in one.state().items() if name != "learning_rate"})
    assert three.learning_rate == 0.5
    schedule = {"ExponentialDecay": {"initial_learning_rate": 1.0, "decay_steps": 1, "decay_rate": 0.5}}
    four = built(Row("", "SGD", {"learning_rate": schedule}))
    four.load_state(one.state())
    assert four.learning_rate == 1.0


def test_build_forgets() -> None:
    adam = built(Row("", "Adam"))
    run(adam, start())
    adam.build(segments())
    assert adam.iterations == 0
    assert run(adam, start()).tobytes() == run(built(Row("", "Adam")), start()).tobytes()


def test_a_network_without_trained_variables() -> None:
    for name in NAMES:
        optimizer = optimizers.get({name: {"clipnorm": 1.0, "use_ema": True}})
        optimizer.build([])
        empty = np.zeros(0, np.float32)
        optimizer.apply(empty, empty.copy())
        optimizer.finish(empty)
        assert optimizer.iterations == 1


def _with_schedule(options: dict[str, Any]) -> dict[str, Any]:
    """[rate, steps] stands for a halving of the rate every so many steps."""
    rate = options["learning_rate"]
    if not isinstance(rate, dict):
        return options
    ((name, (first, steps)),) = rate.items()
    schedule = {name: {"initial_learning_rate": first, "decay_steps": steps, "decay_rate": 0.5}}
    return {**options, "learning_rate": schedule}
