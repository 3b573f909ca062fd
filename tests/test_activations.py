"""Every activation against Keras and central differences, and the rules of the interface."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from seqnet import activations, layers
from seqnet.activations import Activation
from seqnet.declare import get, options_of
from seqnet.errors import ShapeError, SpecError
from seqnet.registry import components
from tests.cases_activations import KINKS, ROWS, Row, inputs, kinds, upstream
from tests.reference import load_reference

ALL = [pytest.param(row, id=row.key) for row in ROWS]
ALL_KINDS = [pytest.param(row, kind, id=f"{row.key}-{kind}") for row in ROWS for kind in kinds(row)]
DTYPES = [np.float32, np.float64]


def component(row: Row) -> Activation:
    return get(Activation, {row.name: dict(row.options)})


def close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Within the tolerance, relative to the largest magnitude of what is expected, or to 0.1 if that is less."""
    assert got.shape == expected.shape
    scale = max(0.1, float(np.abs(expected).max(initial=0.0)))
    assert float(np.abs(got - expected).max(initial=0.0)) <= tolerance * scale


def test_every_activation_has_a_row() -> None:
    assert {cls.spec_name for cls in components("activation")} == {row.name for row in ROWS}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("row", "kind"), ALL_KINDS)
def test_value_and_gradient_are_keras(row: Row, kind: str, dtype: Any) -> None:
    reference = load_reference("activations")
    expected_y, expected_dx = reference[f"{row.key}/{kind}/y"], reference.get(f"{row.key}/{kind}/dx")
    # Keras computes tanh in float32 whatever it is given.
    is_double = dtype == np.float64 and expected_y.dtype == np.float64
    x = inputs(row, kind).astype(dtype)
    function = component(row)
    y, cache = function.forward(x)
    dx = function.backward(upstream(row, y.shape).astype(dtype), cache)
    assert y.dtype == dx.dtype == dtype
    close(y, expected_y, 1e-12 if is_double else 1e-6)
    if row.name != "sparsemax":  # whose gradient in Keras 3.15 is as wrong as its value
        close(dx, expected_dx, 1e-12 if is_double else 2e-6)


@pytest.mark.parametrize("row", ALL)
def test_gradient_is_that_of_central_differences(row: Row) -> None:
    x, function, h = inputs(row, "moderate"), component(row), 1e-6
    y, cache = function.forward(x)
    dy = upstream(row, y.shape)
    dx = function.backward(dy, cache)
    expected = np.empty_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for step in (h, -h):
            moved = x.copy()
            moved[place] += step
            ends.append(function(moved))
        expected[place] = np.sum((ends[0] - ends[1]) * dy) / (2 * h)
    close(dx, expected, 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", ALL)
def test_in_place_gives_the_same_and_else_nothing_is_touched(row: Row, dtype: Any) -> None:
    x, function = inputs(row, "moderate").astype(dtype), component(row)
    given = x.copy()
    y, cache = function.forward(given)
    np.testing.assert_array_equal(given, x)
    dy = upstream(row, y.shape).astype(dtype)
    given_dy = dy.copy()
    dx = function.backward(given_dy, cache)
    np.testing.assert_array_equal(given_dy, dy)

    y_in_place, cache = function.forward(given, out=given)
    np.testing.assert_array_equal(y_in_place, y)
    if y.shape == x.shape:
        assert np.shares_memory(y_in_place, given)
    else:
        given[...] = np.nan  # the caller's to do with as he likes
    dx_in_place = function.backward(given_dy, cache, out=given_dy)
    np.testing.assert_array_equal(dx_in_place, dx)
    if y.shape == x.shape:
        assert np.shares_memory(dx_in_place, given_dy)

    y_elsewhere, cache = function.forward(x, out=np.full_like(y, 7))
    np.testing.assert_array_equal(y_elsewhere, y)
    np.testing.assert_array_equal(function.backward(dy, cache, out=np.full_like(x, 7)), dx)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", ALL)
def test_strided_and_empty_arrays(row: Row, dtype: Any) -> None:
    x, function = inputs(row, "moderate").astype(dtype), component(row)
    y, cache = function.forward(x)
    dy = upstream(row, y.shape).astype(dtype)
    strided_y, strided_cache = function.forward(np.asfortranarray(x))
    close(strided_y, y, 1e-6)
    close(function.backward(np.asfortranarray(dy), strided_cache), function.backward(dy, cache), 1e-6)
    empty_y, cache = function.forward(x[:0])
    assert empty_y.shape == (0, *y.shape[1:]) and empty_y.dtype == dtype
    empty_dx = function.backward(dy[:0], cache)
    assert empty_dx.shape == (0, *x.shape[1:]) and empty_dx.dtype == dtype


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e300)])
@pytest.mark.parametrize("row", [row for row in ALL if row.values[0].large > 1e3])
def test_huge_inputs_stay_finite(row: Row, dtype: Any, size: float) -> None:
    x, function = np.sign(inputs(row, "moderate")).astype(dtype) * dtype(size), component(row)
    y, cache = function.forward(x)
    dx = function.backward(np.ones_like(y), cache)
    assert np.isfinite(y).all() and np.isfinite(dx).all()


def test_exponential_overflows_to_infinity_in_silence() -> None:
    y = activations.exponential(np.array([1000.0, -1000.0], np.float32))
    np.testing.assert_array_equal(y, [np.inf, 0.0])


@pytest.mark.parametrize(("name", "options", "x", "y", "slopes"), KINKS)
def test_kinks_are_tensorflows(
    name: str, options: dict[str, Any], x: list[float], y: list[float], slopes: list[float]
) -> None:
    function = get(Activation, {name: options})
    got, cache = function.forward(np.array(x, np.float32))
    np.testing.assert_allclose(got, y, atol=1e-6)
    np.testing.assert_allclose(function.backward(np.ones(len(x), np.float32), cache), slopes, atol=1e-6)


def test_celu_has_slope_1_at_0() -> None:
    # By the formula; Keras gives 2, counting the tie in both of its clips.
    function = activations.get({"celu": {"alpha": 0.5}})
    y, cache = function.forward(np.zeros(1))
    np.testing.assert_array_equal(function.backward(np.ones(1), cache), [1.0])


@pytest.mark.parametrize("row", ALL)
def test_output_shape_is_the_shape_of_y(row: Row) -> None:
    function = component(row)
    assert function.output_shape(row.shape[1:]) == function(inputs(row, "moderate")).shape[1:]


@pytest.mark.parametrize("row", ALL)
def test_config_makes_an_equal_activation(row: Row) -> None:
    function = component(row)
    for again in (
        type(function).from_config(function.get_config()),
        get(Activation, function.to_spec()),
        get(Activation, function.to_spec(full=True)),
        activations.deserialize(activations.serialize(function)),
        activations.get({"class_name": row.name, "config": function.get_config()}),
    ):
        assert again.get_config() == function.get_config()
        np.testing.assert_array_equal(again(inputs(row, "moderate")), function(inputs(row, "moderate")))


@pytest.mark.parametrize("cls", list(components("activation")), ids=lambda cls: cls.spec_name)
def test_functions_stand_beside_the_components(cls: type[Activation]) -> None:
    function = getattr(activations, cls.spec_name)
    assert function.__name__ == cls.spec_name and function.component is cls
    assert {cls.spec_name, cls.__name__} <= set(activations.__all__)
    assert list(inspect.signature(function).parameters) == ["x", *options_of(cls)]
    assert all(declared.help for declared in options_of(cls).values())
    assert cls.__doc__ and "y = " in cls.__doc__


# Expected values from the docstrings of keras.activations, or by hand from the formula.
@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (lambda: activations.relu([-10, -5, 0.0, 5, 10]), [0, 0, 0, 5, 10]),
        (lambda: activations.relu([-10, -5, 0.0, 5, 10], negative_slope=0.5), [-5, -2.5, 0, 5, 10]),
        (lambda: activations.relu([-10, -5, 0.0, 5, 10], max_value=5.0), [0, 0, 0, 5, 5]),
        (lambda: activations.relu([-10, -5, 0.0, 5, 10], 0.0, None, 5.0), [0, 0, 0, 0, 10]),
        (lambda: activations.leaky_relu([-10, 10]), [-2, 10]),
        (lambda: activations.threshold([1, 3], 2, -1), [-1, 3]),
        (lambda: activations.glu([[1, 2, 0, 0]]), [[0.5, 1.0]]),
        (lambda: activations.softmax([[0, 0, 0, 0]]), [[0.25, 0.25, 0.25, 0.25]]),
        (lambda: activations.sparsemax([[3, 1, 1]]), [[1, 0, 0]]),
        (lambda: activations.swish([0, 1e3]), [0, 1000]),
        (lambda: activations.hard_swish([-3, 0, 3]), [0, 0, 3]),
        (lambda: activations.get("gelu")(np.float32(0.0)), 0.0),
    ],
)
def test_functions_take_lists_and_keras_arguments(got: Any, expected: Any) -> None:
    y = got()
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, atol=1e-7)


def test_names_and_objects_that_mean_an_activation() -> None:
    for identifier in ("relu", "ReLU", activations.relu, activations.ReLU, activations.ReLU(), {"relu": None}):
        assert type(activations.get(identifier)) is activations.ReLU
    assert type(activations.get(None)) is activations.Linear
    assert activations.get(layers.Activation({"elu": {"alpha": 0.5}})).get_config() == {"alpha": 0.5}
    assert type(activations.get("swish")) is type(activations.get("silu"))
    assert type(activations.get("hard_swish")) is type(activations.get("hard_silu"))
    assert activations.get("softmax").__name__ == "softmax"
    assert activations.serialize(activations.relu) == "relu"
    assert activations.serialize("leaky_relu") == "leaky_relu"
    assert repr(activations.relu) == "<activation relu>"


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("rulu", "did you mean relu"),
        ("LeakyReLU", "did you mean leaky_relu"),
        ({"leaky_relu": {"alpha": 0.1}}, "no option 'alpha'"),
        ({"elu": {"alpha": -1.0}}, "alpha must be a number >= 0, got -1.0"),
        ({"celu": {"alpha": 0.0}}, "alpha must be a number > 0"),
        ({"relu": {"max_value": -1.0}}, "max_value must be a number >= 0"),
        ({"squareplus": {"b": 0}}, "b must be a number > 0"),
        ("threshold", "threshold needs threshold"),
        (3, "must be an? activation name"),
        (lambda x: x, "must be an? activation name"),
    ],
)
def test_wrong_activations_say_what_is_wrong(identifier: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        activations.get(identifier)


def test_axes_are_checked() -> None:
    assert activations.GLU().output_shape((3, 8)) == (3, 4)
    assert activations.GLU(axis=1).output_shape((None, 8)) == (None, 8)
    with pytest.raises(ShapeError, match="length must be even, got 7"):
        activations.GLU().output_shape((7,))
    with pytest.raises(ShapeError, match="length must be even, got 7"):
        activations.glu(np.zeros((2, 7)))
    for cls in (activations.Softmax, activations.LogSoftmax, activations.Sparsemax, activations.GLU):
        with pytest.raises(ShapeError, match="axis 3 does not exist in x with 2 axes"):
            cls(axis=3).output_shape((4,))
        with pytest.raises(ShapeError, match="axis -2 is the batch axis"):
            cls(axis=-2).output_shape((4,))
