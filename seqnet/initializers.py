"""How weights start: constants, distributions, and distributions scaled by the size of the weight."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np

from seqnet import declare
from seqnet.arrays import Array
from seqnet.checkers import Checker, NonNegativeFloat, NonNegativeInt, Number, PositiveFloat
from seqnet.declare import Component, option
from seqnet.errors import Path, Problem, ShapeError
from seqnet.registry import register, scope

# Standard deviation of the standard normal distribution once it is cut at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978
CUT = 2.0


class Initializer(Component):
    """The first values of a weight."""

    kind = "initializer"

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A class stands for its defaults, an array for itself."""
        if isinstance(value, type) and issubclass(value, cls):
            return value()
        if isinstance(value, np.ndarray) and issubclass(Constant, cls):
            return typing.cast(Self, Constant(value))
        return None

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        """An array of `shape`; what is random comes from the initializer's own seed if it has one, else from `rng`.

        Raises ShapeError where the initializer can't make that shape.
        """
        raise NotImplementedError

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Array:
        """An array of `shape` (float32 unless told otherwise), without a generator.

        As in Keras, an initializer called twice gives the same array, whether it has a seed or not.
        """
        if not hasattr(self, "_entropy"):
            self._entropy = np.random.SeedSequence().entropy
        return self.make(shape, np.random.default_rng(self._entropy), np.float32 if dtype is None else dtype)


@dataclass(frozen=True)
class _NumberOrArray(Checker):
    """A number, or nested lists or an array of them."""

    number = Number()

    def matches(self, value: Any) -> bool:
        return isinstance(value, (list, tuple, np.ndarray)) or self.number.matches(value)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if self.number.matches(value):
            return self.number.check(value, path, problems)
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            return self.refuse(value, path, problems)
        if not self.matches(value) or not np.isfinite(array).all():
            return self.refuse(value, path, problems)
        return array

    def says(self) -> str:
        return "a number, or nested lists of numbers that fit the weight"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.number.schema(), {"type": "array"}]}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return value.tolist() if isinstance(value, np.ndarray) else value


@register("zero")
class Zeros(Initializer):
    """All 0."""

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        return np.zeros(shape, dtype)


@register("one")
class Ones(Initializer):
    """All 1."""

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        return np.ones(shape, dtype)


@register()
class Constant(Initializer):
    """All `value`; or an array, such as ready-made embeddings, broadcast to the shape of the weight."""

    value: Annotated[Any, _NumberOrArray()] = option("the value, or an array of them", default=0.0)

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        if isinstance(self.value, np.ndarray):
            try:
                return np.broadcast_to(self.value, tuple(shape)).astype(dtype)
            except ValueError:
                given = self.value.shape
                raise ShapeError(f"Constant holds an array of shape {given}, the weight has {tuple(shape)}") from None
        return np.full(shape, self.value, dtype)


@register("IdentityInitializer")
class Identity(Initializer):
    """gain · the identity matrix; for weights with two axes."""

    gain: float = option("factor", default=1.0)

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        if len(shape) != 2:
            raise ShapeError(
                f"Identity needs a weight with two axes, got shape {tuple(shape)}; use Orthogonal or Zeros"
            )
        matrix: Array = np.eye(*shape, dtype=dtype)
        matrix *= self.gain
        return matrix


class _Random(Initializer):
    """An initializer that draws."""

    seed: NonNegativeInt | None = option(
        "makes the draw independent of the run's seed; null to follow it", default=None, last=True
    )

    def make(self, shape: Sequence[int], rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        if self.seed is not None:
            rng = np.random.default_rng(self.seed)
        return self.draw(tuple(shape), rng, np.dtype(dtype))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """The array, from this generator."""
        raise NotImplementedError


@register("normal")
class RandomNormal(_Random):
    """Normal distribution N(mean, stddev²)."""

    mean: float = option("mean", default=0.0)
    stddev: NonNegativeFloat = option("standard deviation", default=0.05)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return _scaled(_normal(rng, shape, dtype), self.stddev, self.mean, dtype)


@register("uniform")
class RandomUniform(_Random):
    """Uniform distribution on [minval, maxval)."""

    minval: float = option("lower bound", default=-0.05)
    maxval: float = option("upper bound", default=0.05)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["minval"] > values["maxval"]:
            yield "minval", f"minval {values['minval']:g} must not exceed maxval {values['maxval']:g}"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return _uniform(rng, shape, self.minval, self.maxval, dtype)


@register()
class TruncatedNormal(_Random):
    """Normal distribution N(mean, stddev²) of which values beyond two deviations are drawn again."""

    mean: float = option("mean", default=0.0)
    stddev: NonNegativeFloat = option("standard deviation before the cut", default=0.05)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return _scaled(_truncated_normal(rng, shape, dtype), self.stddev, self.mean, dtype)


@register("OrthogonalInitializer")
class Orthogonal(_Random):
    """gain · an orthogonal matrix, uniform over all of them; axes before the last are taken as one.

    The shorter of rows and columns are orthonormal. Q of the QR decomposition of a normal matrix, each column with
    the sign of R's diagonal, without which the distribution would not be uniform.

    Reference: A. Saxe, J. McClelland, S. Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks, 2013, arXiv:1312.6120.
    """

    gain: float = option("factor", default=1.0)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        if len(shape) < 2:
            raise ShapeError(
                f"Orthogonal needs a weight with two axes or more, got shape {shape}; use Zeros for a bias"
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.where(np.diag(r) < 0, -self.gain, self.gain)
        matrix: Array = q.T if rows < columns else q
        return matrix.reshape(shape).astype(dtype)


Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["truncated_normal", "untruncated_normal", "uniform", "normal"]


class _FanScaled(_Random):
    """An initializer whose spread follows the number of inputs or outputs of the weight."""

    law: tuple[float, str, str]  # scale, mode, distribution

    input_axes: tuple[int, ...] | None = option(
        "axes whose sizes multiply to fan_in; null for Keras's rule", default=None, last=True
    )
    output_axes: tuple[int, ...] | None = option(
        "axes whose sizes multiply to fan_out; null for Keras's rule", default=None, last=True
    )

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        scale, mode, distribution = self.law
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        variance = scale / max(1.0, fan)
        if distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _uniform(rng, shape, -limit, limit, dtype)
        if distribution == "untruncated_normal":
            return _scaled(_normal(rng, shape, dtype), math.sqrt(variance), 0.0, dtype)
        return _scaled(_truncated_normal(rng, shape, dtype), math.sqrt(variance) / TRUNCATED_STDDEV, 0.0, dtype)


@register()
class VarianceScaling(_FanScaled):
    """Mean 0 and variance scale / n, n being fan_in, fan_out or their mean.

    truncated_normal is cut at two deviations and has that variance after the cut; uniform is on
    [-sqrt(3 scale / n), sqrt(3 scale / n)). The fans are those of `compute_fans`.
    """

    scale: PositiveFloat = option("factor of the variance", default=1.0)
    mode: Mode = option("what n is", default="fan_in")
    distribution: Distribution = option("distribution; normal means truncated_normal", default="truncated_normal")

    def setup(self) -> None:
        if self.distribution == "normal":
            self.distribution = "truncated_normal"
        self.law = (self.scale, self.mode, self.distribution)


@register()
class GlorotUniform(_FanScaled):
    """Uniform on [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)).

    Reference: X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks,
    AISTATS 2010.
    """

    law = (1.0, "fan_avg", "uniform")


@register()
class GlorotNormal(_FanScaled):
    """Truncated normal with mean 0 and variance 2 / (fan_in + fan_out).

    Reference: X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks,
    AISTATS 2010.
    """

    law = (1.0, "fan_avg", "truncated_normal")


@register()
class HeUniform(_FanScaled):
    """Uniform on [-limit, limit), limit = sqrt(6 / fan_in).

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, 2015, arXiv:1502.01852.
    """

    law = (2.0, "fan_in", "uniform")


@register()
class HeNormal(_FanScaled):
    """Truncated normal with mean 0 and variance 2 / fan_in.

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, 2015, arXiv:1502.01852.
    """

    law = (2.0, "fan_in", "truncated_normal")


@register()
class LecunUniform(_FanScaled):
    """Uniform on [-limit, limit), limit = sqrt(3 / fan_in).

    Reference: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, Self-normalizing neural networks, 2017,
    arXiv:1706.02515.
    """

    law = (1.0, "fan_in", "uniform")


@register()
class LecunNormal(_FanScaled):
    """Truncated normal with mean 0 and variance 1 / fan_in.

    Reference: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, Self-normalizing neural networks, 2017,
    arXiv:1706.02515.
    """

    law = (1.0, "fan_in", "truncated_normal")


constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight, by Keras's rule.

    With both axes given, the products of their sizes. Else (n,): n, n; (I, O): I, O; (..., I, O): both times the
    product of the axes before them. Raises ShapeError for an axis that does not exist.
    """
    if input_axes is not None and output_axes is not None:
        for axis in (*input_axes, *output_axes):
            if not -len(shape) <= axis < len(shape):
                raise ShapeError(f"axis {axis} does not exist in a weight of shape {tuple(shape)}")
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        count = math.prod(shape)
        return count, count
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


def get(identifier: Any) -> Initializer | None:
    """The initializer for a name, `{Name: {options}}`, a class, an array or an instance; None stays None.

    Raises SpecError, with the nearest name, for anything else.
    """
    return None if identifier is None else declare.get(Initializer, identifier)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """An initializer as plain data, in Keras's form."""
    return {"class_name": initializer.spec_name, "config": initializer.get_config()}


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Initializer | None:
    """The inverse of `serialize`; custom_objects: classes of one's own by name."""
    with scope(custom_objects):
        return get(config)


def _drawable(dtype: np.dtype[Any]) -> Any:
    """The dtype in which NumPy can draw."""
    return dtype if dtype in (np.float32, np.float64) else np.float32


def _normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return rng.standard_normal(shape, dtype=_drawable(dtype))


def _truncated_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Standard normal values, those beyond the cut drawn again until none is left (each round leaves 1 in 22)."""
    values = _normal(rng, shape, dtype).reshape(-1)
    outside = np.flatnonzero(np.abs(values) > CUT)
    while outside.size:
        values[outside] = _normal(rng, outside.shape, dtype)
        outside = outside[np.abs(values[outside]) > CUT]
    return values.reshape(shape)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float, dtype: np.dtype[Any]) -> Array:
    return _scaled(rng.random(shape, dtype=_drawable(dtype)), high - low, low, dtype)


def _scaled(values: Array, scale: float, offset: float, dtype: np.dtype[Any]) -> Array:
    values *= scale
    values += offset
    return values.astype(dtype, copy=False)
