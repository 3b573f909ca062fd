"""Learning-rate schedules against Keras and PyTorch (tests/cases_schedules.py); by hand where neither has them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from seqnet import optimizers, schedules
from seqnet.declare import options_of
from seqnet.errors import SpecError, UsageError
from seqnet.registry import components
from seqnet.schedules import Schedule
from tests.cases_schedules import ONLY_HERE, ROWS, Row
from tests.reference import load_reference

NAMES = [cls.spec_name for cls in components("schedule")]
COSINE = {"initial_learning_rate": 0.1, "decay_steps": 10}

# (schedule, options in epochs of 8 steps, the same in steps)
IN_EPOCHS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("ExponentialDecay", {"decay_epochs": 2}, {"decay_steps": 16}),
    ("ExponentialDecay", {"decay_epochs": 0.3}, {"decay_steps": 2.4}),
    ("InverseTimeDecay", {"decay_epochs": 2}, {"decay_steps": 16}),
    ("PiecewiseConstantDecay", {"boundaries_epochs": [1, 2.5]}, {"boundaries": [8, 20]}),
    ("PolynomialDecay", {"decay_epochs": 1.5}, {"decay_steps": 12}),
    ("CosineDecay", {"decay_epochs": 2}, {"decay_steps": 16}),
    (
        "CosineDecay",
        {"decay_epochs": 2, "warmup_epochs": 0.5, "warmup_target": 0.2},
        {"decay_steps": 16, "warmup_steps": 4, "warmup_target": 0.2},
    ),
    (
        "CosineDecay",
        {"decay_steps": 9, "warmup_epochs": 1, "warmup_target": 0.2},
        {"decay_steps": 9, "warmup_steps": 8, "warmup_target": 0.2},
    ),
    ("CosineDecayRestarts", {"first_decay_epochs": 1}, {"first_decay_steps": 8}),
    ("OneCycle", {"total_epochs": 3}, {"total_steps": 24}),
    ("Warmup", {"warmup_epochs": 0.5}, {"warmup_steps": 4}),
    (
        "Warmup",
        {
            "warmup_epochs": 1,
            "learning_rate": {"ExponentialDecay": {"initial_learning_rate": 1, "decay_rate": 0.5, "decay_epochs": 1}},
        },
        {
            "warmup_steps": 8,
            "learning_rate": {"ExponentialDecay": {"initial_learning_rate": 1, "decay_rate": 0.5, "decay_steps": 8}},
        },
    ),
]
# What the schedules above need besides.
FURTHER: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"values": [0.3, 0.2, 0.1]},
    "PolynomialDecay": {"initial_learning_rate": 0.1},
    "CosineDecay": {"initial_learning_rate": 0.1},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1},
    "OneCycle": {"max_learning_rate": 0.1},
    "Warmup": {"learning_rate": 0.1},
}

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("CosineDecay", {"initial_learning_rate": 0.1}, "one of decay_steps and decay_epochs is needed"),
    ("CosineDecay", {**COSINE, "decay_epochs": 1}, "decay_steps and decay_epochs say the same thing"),
    ("CosineDecay", {**COSINE, "decay_steps": 0}, "decay_steps must be a number > 0"),
    ("CosineDecay", {**COSINE, "decay_steps": "long"}, "decay_steps must be a number > 0"),
    ("CosineDecay", {**COSINE, "alpha": 1.5}, "alpha"),
    ("CosineDecay", {**COSINE, "warmup_steps": 5}, "warmup_steps needs warmup_target"),
    ("CosineDecay", {**COSINE, "warmup_epochs": 5}, "warmup_epochs needs warmup_target"),
    (
        "CosineDecay",
        {**COSINE, "warmup_target": 1.0, "warmup_epochs": 5, "warmup_steps": 5},
        "warmup_steps and warmup_epochs say the same thing",
    ),
    ("CosineDecay", {"decay_steps": 10}, "needs initial_learning_rate"),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 1, "t_mul": 0.5}, "t_mul"),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1}, "one of first_decay_steps and first_decay_epochs"),
    ("ExponentialDecay", {**COSINE, "decay_rate": 0.0}, "decay_rate"),
    ("InverseTimeDecay", {**COSINE, "decay_rate": -1.0}, "decay_rate"),
    ("PolynomialDecay", {**COSINE, "power": 0.0}, "power"),
    ("PiecewiseConstantDecay", {"boundaries": [1, 2], "values": [0.1, 0.2]}, "values must be one more than boundaries"),
    (
        "PiecewiseConstantDecay",
        {"boundaries_epochs": [1], "values": [1, 2, 3]},
        "one more than boundaries_epochs, got 3 and 1",
    ),
    ("PiecewiseConstantDecay", {"boundaries": [2, 2], "values": [1, 2, 3]}, "boundaries must rise"),
    ("PiecewiseConstantDecay", {"values": [1, 2]}, "one of boundaries and boundaries_epochs is needed"),
    ("OneCycle", {"max_learning_rate": 0.1}, "one of total_steps and total_epochs"),
    ("OneCycle", {"max_learning_rate": 0.1, "total_steps": 5, "anneal": "cos"}, "anneal must be cosine or linear"),
    ("Warmup", {"learning_rate": 0.1}, "one of warmup_steps and warmup_epochs"),
    (
        "Warmup",
        {"learning_rate": {"CosineDecay": {"decay_steps": 1}}, "warmup_steps": 1},
        "needs initial_learning_rate",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_values(row: Row) -> None:
    schedule = schedules.get({row.name: row.options})
    expected = load_reference("schedules")[row.key]
    values = [schedule(step) for step in row.steps]
    assert all(type(value) is float for value in values)
    # Keras takes pi in single precision.
    np.testing.assert_allclose(values, expected, rtol=0, atol=2e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*ONLY_HERE, "OneCycle")])
def test_options_are_keras_s_in_keras_s_order(name: str) -> None:
    signature = json.loads(str(load_reference("schedules")[f"{name}/signature"]))
    cls = next(c for c in components("schedule") if c.spec_name == name)
    options = options_of(cls)
    assert [o.name for o in options.values() if not o.kw_only] == [argument for argument, _ in signature]
    for argument, default in signature:
        assert default == "required" or options[argument].default == default


def test_every_schedule_has_rows() -> None:
    assert set(NAMES) == {row.name for row in ROWS} | set(ONLY_HERE) == set(FURTHER) == {n for n, _, _ in WRONG}
    assert set(FURTHER) == {name for name, _, _ in IN_EPOCHS}
    assert set(NAMES) <= set(schedules.__all__)


@pytest.mark.parametrize(("name", "epochs", "steps"), IN_EPOCHS)
def test_lengths_in_epochs(name: str, epochs: dict[str, Any], steps: dict[str, Any]) -> None:
    written = schedules.get({name: {**FURTHER[name], **epochs}})
    expected = schedules.get({name: {**FURTHER[name], **steps}})
    with pytest.raises(UsageError, match=r"must be turned into steps .* resolve\(steps_per_epoch\)"):
        written(9)
    resolved = written.resolve(8)
    for step in range(60):
        assert resolved(step) == expected(step)
    assert resolved.get_config() == expected.get_config()
    assert expected.resolve(100).get_config() == expected.get_config()
    assert written.resolve(4)(3) == written.resolve(4)(3)  # resolving leaves the schedule as it was written


@pytest.mark.parametrize(("name", "options", "message"), WRONG)
def test_wrong_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as error:
        schedules.get({name: options})
    assert message in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_configs(name: str) -> None:
    written = {name: {**FURTHER[name], **next(steps for n, _, steps in IN_EPOCHS if n == name)}}
    schedule = schedules.get(written)
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    assert type(schedule).from_config(schedule.get_config())(5) == schedule(5)
    assert schedules.get(schedule) is schedule
    assert schedules.get(schedule.to_spec()).get_config() == schedule.get_config()


def test_whole_lengths_stay_whole() -> None:
    assert schedules.CosineDecay(0.1, 1000).to_spec() == {
        "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 1000}
    }
    assert type(schedules.CosineDecay(0.1, np.int64(3)).get_config()["decay_steps"]) is int
    assert schedules.CosineDecay(0.1, 2.5).decay_steps == 2.5


def test_keras_s_module_name() -> None:
    assert optimizers.schedules.CosineDecay is schedules.CosineDecay
    assert optimizers.schedules.LearningRateSchedule is Schedule
    import seqnet.optimizers.schedules as as_module

    assert as_module.OneCycle is schedules.OneCycle


def test_a_schedule_of_one_s_own() -> None:
    class Steps(schedules.LearningRateSchedule):
        def __init__(self, first: float) -> None:
            self.first = first

        def __call__(self, step: float) -> float:
            return self.first / (step + 1)

    sgd = optimizers.SGD(Steps(0.5))
    sgd.build([optimizers.Segment("a/kernel", 0, 1, (1,))])
    sgd.resolve(3)
    theta = np.zeros(1, np.float32)
    for expected in (-0.5, -0.75):
        sgd.apply(theta, np.ones(1, np.float32))
        assert theta[0] == expected


# -- by hand


def test_warmup_then_a_constant_rate() -> None:
    schedule = schedules.Warmup(0.4, 4)
    assert [schedule(step) for step in range(7)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    assert schedules.Warmup(0.4, 4, 0.2)(1) == pytest.approx(0.25)


def test_warmup_then_another_schedule_from_its_start() -> None:
    after = schedules.ExponentialDecay(0.8, 2, 0.5)
    schedule = schedules.Warmup(after, 4)
    assert [schedule(step) for step in (0, 2, 4, 6, 8)] == pytest.approx([0.0, 0.4, 0.8, 0.4, 0.2])


def test_one_cycle_stays_at_its_end() -> None:
    schedule = schedules.OneCycle(0.1, 10)
    assert schedule(9) == pytest.approx(0.1 / 25 / 1e4)
    assert schedule(10) == schedule(1000) == schedule(9)


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_one_cycle_of_any_length_stays_within_its_bounds(total: int, share: float) -> None:
    schedule = schedules.OneCycle(0.1, total, share)
    values = [schedule(step) for step in range(total + 2)]
    assert all(0 < value <= 0.1 + 1e-12 for value in values)


def test_restarts_happen_at_the_exact_step() -> None:
    # Periods of 10, 30, 90, … steps; the rate is back at its start at steps 10, 40, 130, 400, 1210, …
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=3.0)
    restarts = [sum(10 * 3**i for i in range(n)) for n in range(12)]
    assert [schedule(step) for step in restarts] == [1.0] * 12
    assert all(schedule(step - 1) < 0.1 for step in restarts[1:])


def test_a_growing_rate_does_not_overflow() -> None:
    assert schedules.ExponentialDecay(1.0, 1, 10.0)(400) == math.inf
