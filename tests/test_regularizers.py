"""Every regularizer against Keras and central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import regularizers
from seqnet.declare import get
from seqnet.errors import ShapeError, SpecError
from seqnet.registry import components
from seqnet.regularizers import Regularizer
from tests.cases_regularizers import ROWS, weights
from tests.reference import load_reference

ALL = [pytest.param(*row, id=row[0]) for row in ROWS]


def gradient(regularizer: Regularizer, w: np.ndarray) -> np.ndarray:
    dw = np.zeros_like(w)
    regularizer.add_gradient(w, dw)
    return dw


def test_every_regularizer_has_a_row() -> None:
    assert {cls.spec_name for cls in components("regularizer")} == {name for _, name, _, _ in ROWS}


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_value_and_gradient_are_keras(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...], dtype: Any, tolerance: float
) -> None:
    reference = load_reference("regularizers")
    regularizer, w = get(Regularizer, {name: options}), weights(key, shape).astype(dtype)
    value = regularizer(w)
    assert type(value) is float
    assert value == pytest.approx(float(reference[f"{key}/value"]), rel=tolerance, abs=0.0)
    dw = gradient(regularizer, w)
    assert dw.dtype == dtype
    expected = reference[f"{key}/dw"]
    np.testing.assert_allclose(dw, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_gradient_is_that_of_central_differences(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    regularizer, w, h = get(Regularizer, {name: options}), weights(key, shape), 1e-6
    expected = np.empty_like(w)
    for place in np.ndindex(shape):
        moved = w.copy()
        moved[place] += h
        above = regularizer(moved)
        moved[place] -= 2 * h
        expected[place] = (above - regularizer(moved)) / (2 * h)
    np.testing.assert_allclose(
        gradient(regularizer, w), expected, rtol=0, atol=1e-6 * max(1e-3, np.abs(expected).max())
    )


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_gradients_add_and_weights_are_left_alone(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    regularizer, w = get(Regularizer, {name: options}), weights(key, shape)
    before, dw = w.copy(), np.full(shape, 3.0)
    regularizer.add_gradient(w, dw)
    regularizer(w)
    np.testing.assert_array_equal(w, before)
    np.testing.assert_allclose(dw, 3.0 + gradient(regularizer, w), rtol=1e-15)
    np.testing.assert_allclose(regularizer(np.asfortranarray(w)), regularizer(w), rtol=1e-14)


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_config_makes_an_equal_regularizer(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    regularizer, w = get(Regularizer, {name: options}), weights(key, shape)
    for again in (
        regularizers.deserialize(regularizers.serialize(regularizer)),
        regularizers.get(regularizer.to_spec()),
        regularizers.get(regularizer.to_spec(full=True)),
    ):
        assert type(again) is type(regularizer) and again(w) == regularizer(w)


def test_l1_leaves_zeros_where_they_are() -> None:
    # As Keras on TensorFlow; Keras on JAX gives +l1 at 0.
    np.testing.assert_array_equal(gradient(regularizers.L1(), np.zeros(3)), 0.0)


def test_orthogonal_regularizer_where_keras_gives_nan() -> None:
    for w in (np.ones((1, 4)), np.zeros((3, 4))):
        regularizer = regularizers.OrthogonalRegularizer()
        assert regularizer(w) == 0.0
        np.testing.assert_array_equal(gradient(regularizer, w), 0.0)


def test_keras_names_and_positions() -> None:
    assert regularizers.l2(0.5).l2 == 0.5
    assert regularizers.l1(0.5).l1 == 0.5
    assert regularizers.l1_l2(l1=0.1, l2=0.2)(np.ones(2)) == pytest.approx(0.6)
    assert regularizers.orthogonal_regularizer(0.1, "columns").mode == "columns"
    for name, cls in {"l1": "L1", "l2": "L2", "l1l2": "L1L2", "l1_l2": "L1L2", "L2": "L2"}.items():
        assert type(regularizers.get(name)) is getattr(regularizers, cls)
    assert type(regularizers.get("orthogonal_regularizer")) is regularizers.OrthogonalRegularizer
    assert type(regularizers.get(regularizers.L2)) is regularizers.L2
    assert regularizers.get(None) is None


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("l3", "no regularizer named 'l3'"),
        ({"L2": {"l2": -1.0}}, "l2 must be a number >= 0, got -1.0"),
        ({"L2": 0.01}, "must be a mapping"),
        ({"L2": {"l1": 0.1}}, "no option 'l1'; (did you mean|known:) l2"),
        ({"OrthogonalRegularizer": {"mode": "row"}}, "did you mean rows"),
        (0.01, "must be a regularizer name"),
    ],
)
def test_wrong_regularizers_say_what_is_wrong(identifier: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        regularizers.get(identifier)


def test_orthogonal_regularizer_needs_a_matrix() -> None:
    with pytest.raises(ShapeError, match=r"two axes, got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
