"""A dense layer that computes with -1, 0 and 1 in place of its weights."""

from __future__ import annotations

import math

import numpy as np

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeFloat, PositiveInt
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels.products import multiplied
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape
from seqnet.regularizers import Regularizer


@layer()
class TernaryDense(Layer):
    """y = activation(s x @ t + bias), where t is 1, 0 or -1 for each number of the kernel.

    t = sign(kernel) where |kernel| > threshold, 0 elsewhere. Without a threshold, it is half the mean of |kernel|, and
    s is that mean; with one, s is 1. Training changes the kernel, which keeps its fractions.

    x: (N, ..., I) -> y: (N, ..., units); kernel: (I, units), bias: (units,).
    Backward: dz = activation'(z) dy, dbias = Σ dz, dx = s dz tᵀ; t counts as if it were the kernel itself (the
    straight-through estimator), so with g = xᵀ dz, dkernel = s g, to which s, where it is the mean, adds
    sign(kernel) Σ(t g) / (I units).

    References: S. Ma et al., The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits, 2024, arXiv:2402.17764;
    Y. Bengio, N. Léonard, A. Courville, Estimating or Propagating Gradients Through Stochastic Neurons for Conditional
    Computation, 2013, arXiv:1308.3432. As in Keras 3.16, where the layer is new.
    """

    supports_masking = True
    activation_is_last = True

    units: PositiveInt = option("width of the output", example=64)
    threshold: NonNegativeFloat | None = option(
        "weights of no more than this size count as 0; null: half the mean size of the weights", default=None
    )
    activation: Activation = option("applied to the output", default="linear")
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
        ternary, scale = self._ternary(ctx.params["kernel"])
        z = multiplied(flat, ternary)  # (rows, units)
        if scale is not None:
            z *= scale
        if self.use_bias:
            z += ctx.params["bias"]
        if x.ndim != 2:
            z = z.reshape(*x.shape[:-1], self.units)
        y, cache = self.activation.forward(z, out=z)
        return y, (flat, x.shape, ternary, scale, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        flat, shape, ternary, scale, activation_cache = cache
        dz = self.activation.backward(dy, activation_cache)
        if dz.ndim != 2:
            dz = dz.reshape(-1, self.units)
        if self.use_bias:
            ctx.grads.add_sum("bias", dz)
        if ctx.grads.wants("kernel"):
            g = flat.T @ dz  # (I, units)
            if scale is None:
                ctx.grads.add("kernel", g)
            else:
                share = float(np.vdot(ternary, g)) / g.size
                ctx.grads.add("kernel", scale * g + share * np.sign(ctx.params["kernel"]))
        if not need_dx:
            return None
        dx: Array = dz @ ternary.T
        if scale is not None:
            dx *= scale
        return dx if dx.shape == shape else dx.reshape(shape)

    def _ternary(self, kernel: Array) -> tuple[Array, float | None]:
        """t, and s where it is not 1."""
        size = np.abs(kernel)
        scale = float(size.mean()) if self.threshold is None else None
        limit = self.threshold if scale is None else 0.5 * scale
        ternary: Array = np.sign(kernel)
        ternary *= size > limit
        return ternary, scale
