"""Initializers: Keras's fans, the law of each draw beside Keras's own draw, orthogonality, seeds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seqnet import initializers
from seqnet.declare import get, options_of
from seqnet.errors import ShapeError, SpecError
from seqnet.initializers import Initializer
from seqnet.registry import components
from tests.cases_initializers import FANS, LAWS
from tests.reference import load_reference

ALL = [pytest.param(*row, id=row[0]) for row in LAWS]
# (name, options, shape) -> (lower end, upper end), by hand from the formulas of the papers; shape (300, 400) has
# fan_in 300, fan_out 400. A truncated normal is cut at 2 deviations, and its deviation is sqrt(variance) / 0.8796.
ENDS = [
    ("RandomUniform", {}, (300, 400), 0.05),
    ("GlorotUniform", {}, (300, 400), math.sqrt(6 / 700)),
    ("HeUniform", {}, (300, 400), math.sqrt(6 / 300)),
    ("LecunUniform", {}, (300, 400), math.sqrt(3 / 300)),
    ("HeUniform", {}, (3, 3, 100, 100), math.sqrt(6 / 900)),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}, (300, 400), math.sqrt(6 / 400)),
    ("TruncatedNormal", {}, (300, 400), 0.1),
    ("HeNormal", {}, (300, 400), 2 * math.sqrt(2 / 300) / 0.87962566103423978),
    ("GlorotNormal", {}, (300, 400), 2 * math.sqrt(2 / 700) / 0.87962566103423978),
    ("LecunNormal", {}, (300, 400), 2 * math.sqrt(1 / 300) / 0.87962566103423978),
]


def component(name: str, options: dict[str, Any]) -> Initializer:
    return get(Initializer, {name: dict(options)})


def rng() -> np.random.Generator:
    return np.random.default_rng(17)


def test_every_initializer_has_a_row() -> None:
    assert {cls.spec_name for cls in components("initializer")} == {name for _, name, _, _ in LAWS}


def test_fans_are_keras() -> None:
    expected = load_reference("initializers")["fans"]
    assert [initializers.compute_fans(*row) for row in FANS] == [tuple(pair) for pair in expected.tolist()]
    with pytest.raises(ShapeError, match=r"axis 3 does not exist in a weight of shape \(4, 5\)"):
        initializers.compute_fans((4, 5), (0,), (3,))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_draws_obey_the_law_that_keras_draws_obey(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...], dtype: Any
) -> None:
    mean, deviation, low, high = load_reference("initializers")[f"{key}/statistics"]
    values = component(name, options).make(shape, rng(), dtype)
    assert values.shape == shape and values.dtype == dtype
    # Both sides are samples; five standard errors of a mean, and as much for a deviation, hold for n values.
    margin = 5 * math.sqrt(2) * deviation / math.sqrt(math.prod(shape)) + 1e-6
    assert float(values.mean()) == pytest.approx(mean, abs=margin)
    assert float(values.std()) == pytest.approx(deviation, abs=margin)
    if name in ("RandomNormal", "Orthogonal") or options.get("distribution") == "untruncated_normal":
        assert float(values.max() - values.min()) == pytest.approx(high - low, rel=0.25)
    else:
        assert float(values.min()) == pytest.approx(low, abs=0.01 * (high - low) + 1e-6)
        assert float(values.max()) == pytest.approx(high, abs=0.01 * (high - low) + 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options", "shape", "end"), ENDS)
def test_draws_fill_their_interval_and_stay_inside(
    name: str, options: dict[str, Any], shape: tuple[int, ...], end: float, dtype: Any
) -> None:
    values = component(name, options).make(shape, rng(), dtype)
    assert 0.99 * end < np.abs(values).max() <= end * (1 + 1e-6)


def test_truncated_normal_has_the_shape_of_the_cut_bell() -> None:
    # P(|z| < 1 given |z| < 2) = 0.6826894921 / 0.9544997361 = 0.7152328, for a standard normal z.
    values = initializers.TruncatedNormal(stddev=1.0).make((400, 500), rng())
    assert np.mean(np.abs(values) < 1) == pytest.approx(0.7152328, abs=0.005)
    assert values.std() == pytest.approx(0.87962566, abs=0.005)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (3, 3, 2, 5), (2, 2, 40)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = initializers.Orthogonal(gain=2.0).make(shape, rng(), np.float64).reshape(-1, shape[-1])
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4.0 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_is_uniform_over_rotations_and_reflections() -> None:
    # Without the signs of R's diagonal, LAPACK's Q has a first entry that is never positive.
    drawn = rng()
    firsts = [initializers.Orthogonal().make((3, 3), drawn)[0, 0] for _ in range(300)]
    assert 0.4 < np.mean(np.array(firsts) > 0) < 0.6


def test_identity_and_constants() -> None:
    np.testing.assert_array_equal(initializers.Identity(3)((2, 3)), [[3, 0, 0], [0, 3, 0]])
    np.testing.assert_array_equal(initializers.Constant(7)((2, 1)), [[7], [7]])
    np.testing.assert_array_equal(initializers.Zeros()((2,)), [0, 0])
    np.testing.assert_array_equal(initializers.Ones()((2,)), [1, 1])


@pytest.mark.parametrize("given", [np.arange(6.0).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]])
def test_constant_arrays(given: Any) -> None:
    constant = initializers.Constant(given)
    np.testing.assert_array_equal(constant((2, 3)), [[0, 1, 2], [3, 4, 5]])
    assert constant.get_config() == {"value": [[0, 1, 2], [3, 4, 5]]}
    first = constant((2, 3))
    first += 1
    np.testing.assert_array_equal(constant((2, 3)), [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ShapeError, match=r"array of shape \(2, 3\), the weight has \(3, 2\)"):
        constant((3, 2))
    np.testing.assert_array_equal(initializers.get(np.ones((2, 2)))((2, 2)), 1.0)


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_seeds(key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    is_random = "seed" in options_of(type(component(name, options)))
    free = component(name, options)
    stream = rng()
    first, second = free.make(shape, stream), free.make(shape, stream)
    np.testing.assert_array_equal(first, free.make(shape, rng()))  # the same generator, the same array
    assert np.array_equal(first, second) is not is_random  # the generator goes on
    np.testing.assert_array_equal(free(shape), free(shape))  # called without a generator: as Keras, the same again
    if is_random:
        seeded = component(name, {**options, "seed": 3})
        np.testing.assert_array_equal(seeded.make(shape, rng()), seeded(shape))
        assert not np.array_equal(seeded(shape), component(name, {**options, "seed": 4})(shape))
        assert not np.array_equal(free(shape), component(name, options)(shape))


@pytest.mark.parametrize(("key", "name", "options", "shape"), ALL)
def test_config_makes_an_equal_initializer(
    key: str, name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    initializer = component(name, options)
    for again in (
        initializers.deserialize(initializers.serialize(initializer)),
        initializers.get(initializer.to_spec()),
        initializers.get(initializer.to_spec(full=True)),
    ):
        assert type(again) is type(initializer)
        np.testing.assert_array_equal(again.make(shape, rng()), initializer.make(shape, rng()))


@pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal", "RandomUniform", "GlorotUniform", "Orthogonal"])
def test_other_dtypes_and_odd_shapes(name: str) -> None:
    assert component(name, {})((4, 5), "float16").dtype == np.float16
    assert component(name, {}).make((3, 0), rng()).shape == (3, 0)
    if name != "Orthogonal":
        assert component(name, {})(()).shape == ()


def test_keras_names_and_positions() -> None:
    assert initializers.RandomNormal(0.5, 0.2, 7).get_config() == {"mean": 0.5, "stddev": 0.2, "seed": 7}
    scaling = initializers.VarianceScaling(2.0, "fan_out", "uniform", 7, [0], [1])
    assert (scaling.scale, scaling.mode, scaling.seed, scaling.input_axes) == (2.0, "fan_out", 7, (0,))
    assert initializers.GlorotUniform(7).seed == 7 and initializers.Orthogonal(2.0, 7).gain == 2.0
    names = {
        "zeros": "Zeros",
        "zero": "Zeros",
        "ones": "Ones",
        "one": "Ones",
        "normal": "RandomNormal",
        "random_normal": "RandomNormal",
        "uniform": "RandomUniform",
        "truncated_normal": "TruncatedNormal",
        "glorot_uniform": "GlorotUniform",
        "he_normal": "HeNormal",
        "lecun_uniform": "LecunUniform",
        "variance_scaling": "VarianceScaling",
        "orthogonal": "Orthogonal",
        "OrthogonalInitializer": "Orthogonal",
        "identity": "Identity",
        "IdentityInitializer": "Identity",
    }
    for name, cls in names.items():
        assert type(initializers.get(name)) is getattr(initializers, cls)
    for name in ("constant", "glorot_normal", "he_uniform", "lecun_normal", "random_uniform"):
        assert type(initializers.get(name)) is getattr(initializers, name)
    assert type(initializers.get(initializers.HeNormal)) is initializers.HeNormal
    assert initializers.get(None) is None
    assert initializers.VarianceScaling(distribution="normal").distribution == "truncated_normal"


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("glorot_unifrom", "did you mean glorot_uniform"),
        ({"HeNormal": {"sead": 1}}, "no option 'sead'; did you mean seed"),
        ({"RandomNormal": {"stddev": -1.0}}, "stddev must be a number >= 0"),
        ({"RandomUniform": {"minval": 1.0}}, "minval 1 must not exceed maxval 0.05"),
        ({"VarianceScaling": {"scale": 0}}, "scale must be a number > 0"),
        ({"VarianceScaling": {"mode": "fan"}}, "mode must be fan_in, fan_out or fan_avg"),
        ({"Constant": {"value": "a"}}, "value must be a number, or nested lists of numbers"),
        ({"Constant": {"value": [[1, 2], [3]]}}, "value must be a number, or nested lists of numbers"),
        (0.5, "must be an? initializer name"),
    ],
)
def test_wrong_initializers_say_what_is_wrong(identifier: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        initializers.get(identifier)


def test_shapes_an_initializer_cannot_make() -> None:
    with pytest.raises(ShapeError, match=r"Identity needs a weight with two axes, got shape \(3,\)"):
        initializers.Identity()((3,))
    with pytest.raises(ShapeError, match=r"Orthogonal needs a weight with two axes or more, got shape \(3,\)"):
        initializers.Orthogonal()((3,))
