"""What an activation is, and the callable that stands for it in Python."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import Component, get


class Activation(Component):
    """A function of an array, and its derivative.

    forward: (N, ...) -> (N, ...). Adding one: a class with forward and backward, a row in tests/cases_activations.py.
    """

    kind = "activation"
    # True: of two numbers the larger one has the larger y, or both have the same; exactly, rounding included.
    keeps_order: bool = False

    @classmethod
    def automatic_aliases(cls) -> tuple[str, ...]:
        return ()  # Keras's names are complete; LeakyReLU is the layer's name, with another default slope

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """None is linear; a function object of this package or a class stands for its defaults, and a layer that is
        nothing but a function, as Keras scripts pass LeakyReLU(), for that function."""
        if value is None:
            return get(cls, "linear")
        if isinstance(value, ActivationFunction):
            value = value.component
        if isinstance(value, type):
            return value() if issubclass(value, cls) else None
        function = getattr(value, "function", None)
        return function if isinstance(function, cls) else None

    @property
    def __name__(self) -> str:
        """The name Keras gives the function."""
        return self.spec_name

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        """y and what backward needs. `out` may be x, which is then overwritten; otherwise x is left as it was, and
        must stay so until backward. y is the returned array, which may be x where nothing had to be computed."""
        raise NotImplementedError

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """d loss / d x, given d loss / d y. `out` may be dy; otherwise dy is left as it was."""
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one row of y, given that of x. Raises ShapeError where the function can't take it."""
        return shape

    def __call__(self, x: Any) -> Array:
        """y for an array or nested lists of numbers; whole numbers and lists are computed in float32."""
        array = np.asarray(x)
        if array is not x or not np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float32)
        y, _ = self.forward(np.atleast_1d(array))
        return y.reshape(()) if array.ndim == 0 else y


class ActivationFunction:
    """A Keras-style function: `relu(x, max_value=6)`, or itself where an activation is asked for."""

    component: type[Activation]

    def __init__(self, component: type[Activation]) -> None:
        self.component = component
        self.__name__ = self.__qualname__ = component.spec_name
        self.__doc__ = component.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        options = inspect.signature(self.component).parameters.values()
        return inspect.Signature([inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD), *options])

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Array:
        return self.component(*args, **kwargs)(x)

    def __repr__(self) -> str:
        return f"<activation {self.__name__}>"


def times(dy: Array, derivative: Array, out: Array | None) -> Array:
    """dy · derivative, written over the derivative, which nobody needs any more, where no `out` is given."""
    dx: Array = np.multiply(dy, derivative, out=derivative if out is None else out)
    return dx


def fresh(x: Array, out: Array | None) -> Array:
    """x as a cache may keep it: itself, or a copy where `out` will overwrite it."""
    return x.copy() if out is not None and np.may_share_memory(x, out) else x
