"""A layer of one's own, which plugin_layer.yaml names: copy it, and write another."""

import numpy as np

from seqnet.initializers import RandomNormal
from seqnet.plugins import Array, Cache, Context, Layer, ParamSpec, PositiveFloat, PositiveInt, Shape, layer, option


@layer
class RadialBasis(Layer):
    """y = exp(-gamma |x - c|²) for each center c: how near x is to it (Broomhead and Lowe 1988).

    x: (N, I) -> y: (N, units).
    """

    units: PositiveInt = option("number of centers", example=16)
    gamma: PositiveFloat = option("how fast nearness falls with the distance", default=1.0)

    def output_shape(self, in_shape: Shape) -> Shape:
        return (self.units,)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {"centers": ParamSpec((self.units, *in_shape), RandomNormal(stddev=1.0))}

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        apart = x[:, None, :] - ctx.params["centers"]  # (N, units, I)
        y = np.exp(-self.gamma * np.square(apart).sum(axis=2))
        return y, (apart, y)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        apart, y = cache
        slope = (-2 * self.gamma * dy * y)[:, :, None] * apart  # d loss / d (x - c)
        ctx.grads.add("centers", -slope.sum(axis=0))
        return slope.sum(axis=1)
