"""Every constraint against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import constraints
from seqnet.constraints import Constraint
from seqnet.declare import get
from seqnet.errors import ShapeError, SpecError
from seqnet.registry import components
from tests.cases_constraints import ROWS, weights
from tests.reference import load_reference

ALL = [pytest.param(*row, id=row[0]) for row in ROWS]


def test_every_constraint_has_a_row() -> None:
    assert {cls.spec_name for cls in components("constraint")} == {name for _, name, _, _ in ROWS}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_weights_are_keras(key: str, name: str, options: dict[str, Any], shape: tuple[int, ...], dtype: Any) -> None:
    expected = load_reference("constraints")[f"{key}/value"]
    w = weights(key, shape).astype(dtype)
    before = w.copy()
    projected = get(Constraint, {name: options})(w)
    np.testing.assert_array_equal(w, before)
    assert projected is not w and projected.dtype == dtype
    np.testing.assert_allclose(projected, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_config_makes_an_equal_constraint(key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    constraint, w = get(Constraint, {name: options}), weights(key, shape)
    for again in (
        constraints.deserialize(constraints.serialize(constraint)),
        constraints.get(constraint.to_spec()),
        constraints.get(constraint.to_spec(full=True)),
    ):
        assert type(again) is type(constraint)
        np.testing.assert_array_equal(again(w), constraint(w))


def test_norms_obey() -> None:
    w = np.random.default_rng(3).normal(size=(5, 100))
    norms = np.linalg.norm(constraints.MaxNorm(1.5)(w), axis=0)
    assert norms.max() <= 1.5 and (norms < 1.4).any()
    norms = np.linalg.norm(constraints.MinMaxNorm(1.0, 1.5)(w), axis=0)
    assert norms.max() <= 1.5 and norms.min() >= 1.0 - 1e-6
    np.testing.assert_allclose(np.linalg.norm(constraints.UnitNorm()(w), axis=0), 1.0, rtol=1e-6)


def test_keras_names_and_positions() -> None:
    assert constraints.max_norm(3).max_value == 3.0 and constraints.MaxNorm(3, [0, 1]).axis == (0, 1)
    assert constraints.min_max_norm(0.5, 2.0, 0.7, 1).rate == 0.7
    for name in ("max_norm", "maxnorm", "MaxNorm", constraints.MaxNorm, constraints.max_norm):
        assert type(constraints.get(name)) is constraints.MaxNorm
    assert type(constraints.get("non_neg")) is constraints.NonNeg
    assert type(constraints.get("unit_norm")) is constraints.UnitNorm
    assert constraints.get(None) is None


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("max_nrom", "did you mean MaxNorm|did you mean max_norm"),
        ({"MaxNorm": {"max_value": -1}}, "max_value must be a number >= 0"),
        ({"MinMaxNorm": {"min_value": 3.0}}, "min_value 3 must not exceed max_value 1"),
        ({"MinMaxNorm": {"rate": 1.5}}, "rate must be a number >= 0 and <= 1"),
        (2.0, "must be a constraint name"),
    ],
)
def test_wrong_constraints_say_what_is_wrong(identifier: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        constraints.get(identifier)


def test_an_axis_that_the_weight_lacks() -> None:
    with pytest.raises(ShapeError, match=r"MaxNorm: axis 2 does not exist in a weight of shape \(3, 4\)"):
        constraints.MaxNorm(axis=[0, 2])(np.ones((3, 4)))
