"""The layers every stack starts with: Input, Dense, Activation and their like."""

from __future__ import annotations

import math
from typing import Literal

from seqnet.activations import Activation as ActivationFunction
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeFloat, PositiveInt, ShapeOption
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels.products import multiplied
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape
from seqnet.regularizers import L1L2, Regularizer


@layer("InputLayer")
class Input(Layer):
    """y = x. States the shape of one input row; it must agree with the data.

    x: (N, *shape) -> y: (N, *shape).
    """

    supports_masking = True
    takes_integers = True

    shape: ShapeOption = option("shape of one row, without the batch axis; null for any length", example=[28, 28])
    batch_size: PositiveInt | None = option("a fixed batch size, needed by stateful layers only", default=None)
    dtype: Literal["float32", "float64", "int32", "int64", "string"] | None = option(  # type: ignore[assignment]
        "float64 makes the whole model compute in double precision; string says that rows are texts, which the layer "
        "after it decides, as integers are taken where it takes them",
        default=None,
        kw_only=True,
    )

    def stated_input_shape(self) -> Shape | None:
        return self.shape

    def output_shape(self, in_shape: Shape) -> Shape:
        fits = len(in_shape) == len(self.shape) and all(
            want is None or got is None or want == got for want, got in zip(self.shape, in_shape, strict=True)
        )
        if not fits:
            raise ShapeError(f"states rows of shape {show_shape(self.shape)}, but the data have {show_shape(in_shape)}")
        return tuple(want if got is None else got for want, got in zip(self.shape, in_shape, strict=True))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy


@layer()
class Dense(Layer):
    """y = activation(x @ kernel + bias), over the last axis.

    x: (N, ..., I) -> y: (N, ..., units); kernel: (I, units), bias: (units,).
    Backward: dz = activation'(z) dy, dkernel = xᵀ dz, dbias = Σ dz, dx = dz kernelᵀ.
    """

    supports_masking = True
    activation_is_last = True
    channels_from = "kernel"

    units: PositiveInt = option("width of the output", example=64)
    activation: ActivationFunction = option("applied to the output", default="linear")
    use_bias: bool = option("add a bias", default=True)
    kernel_initializer: Initializer = option("how the kernel starts", default="glorot_uniform")
    bias_initializer: Initializer = option("how the bias starts", default="zeros")
    kernel_regularizer: Regularizer | None = option("penalty on the kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None)
    kernel_constraint: Constraint | None = option("applied to the kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        if not in_shape:
            raise ShapeError(
                "needs rows with at least one axis, got rows that are single numbers; use input_shape: [1]"
            )
        if in_shape[-1] is None:
            raise ShapeError(f"the last axis must be fixed to size the kernel, got {show_shape(in_shape)}")
        return self.activation.output_shape((*in_shape[:-1], self.units))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        width = in_shape[-1]
        assert width is not None
        specs = {
            "kernel": ParamSpec(
                (width, self.units),
                self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        }
        if self.use_bias:
            specs["bias"] = ParamSpec(
                (self.units,), self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint
            )
        return specs

    def flops(self, in_shape: Shape) -> int:
        rows = math.prod(n or 1 for n in in_shape[:-1])
        return rows * self.units * (2 * (in_shape[-1] or 1) + self.use_bias)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        flat = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])  # (rows, I)
        z = multiplied(flat, ctx.params["kernel"])  # (rows, units)
        if self.use_bias:
            z += ctx.params["bias"]
        if x.ndim != 2:
            z = z.reshape(*x.shape[:-1], self.units)
        y, cache = self.activation.forward(z, out=z)
        return y, (flat, x.shape, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        flat, shape, activation_cache = cache
        dz = self.activation.backward(dy, activation_cache)
        if dz.ndim != 2:
            dz = dz.reshape(-1, self.units)
        ctx.grads.add_product("kernel", flat.T, dz)
        if self.use_bias:
            ctx.grads.add_sum("bias", dz)
        if not need_dx:
            return None
        dx = dz @ ctx.params["kernel"].T
        return dx if dx.shape == shape else dx.reshape(shape)


class Elementwise(Layer):
    """A layer that is nothing but an activation function."""

    supports_masking = True
    function: ActivationFunction  # made in setup from the options

    def final_activation(self) -> ActivationFunction | None:
        return self.function

    def without_final_activation(self) -> Layer:
        return Identity(name=self.name)

    def output_shape(self, in_shape: Shape) -> Shape:
        return self.function.output_shape(in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return self.function.forward(x)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return self.function.backward(dy, cache)


@layer()
class Activation(Elementwise):
    """y = activation(x).

    x: (N, ...) -> y: (N, ...).
    """

    activation: ActivationFunction = option("the function", example="relu")

    def setup(self) -> None:
        self.function = self.activation


@layer()
class Identity(Layer):
    """y = x.

    x: (N, ...) -> y: (N, ...).
    """

    supports_masking = True

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy


@layer()
class ActivityRegularization(Layer):
    """y = x, with l1 Σ|x| + l2 Σx² added to the loss, as its mean over the batch.

    x: (N, ...) -> y: (N, ...).
    """

    supports_masking = True

    l1: NonNegativeFloat = option("weight of the sum of absolute values", default=0.0)
    l2: NonNegativeFloat = option("weight of the sum of squares", default=0.0)

    def output_penalty(self) -> Regularizer | None:
        return L1L2(l1=self.l1, l2=self.l2)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy
