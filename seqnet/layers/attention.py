"""Attention over the steps of one sequence, and the blocks that Transformers are stacked of."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from seqnet.activations import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels.attention import attend, attend_back
from seqnet.kernels.noise import keep
from seqnet.layers.base import Context, Layer, ParamSpec, layer, require_known, require_rank, show_shape
from seqnet.layers.core import Dense
from seqnet.layers.inner import flops_of, run, run_back, with_axes
from seqnet.layers.normalization import LayerNormalization
from seqnet.layers.regularization import SEED_HELP, Dropout
from seqnet.regularizers import Regularizer

AXES = "steps, features"


@layer()
class SelfAttention(Layer):
    """Every step looks at all steps: y = Σ over the heads of softmax(q kᵀ / sqrt(key_dim)) v · out + bias.

    q, k, v = x · query, x · key, x · value (+ biases), for each head its own. x: (N, T, C) -> y: (N, T, C), or
    (N, T, output_shape). Weights: query and key (C, heads, key_dim), value (C, heads, value_dim), each followed by
    its bias without the C, then attention_output (heads, value_dim, C) and its bias. Steps that the mask calls padding
    are not looked at; what they themselves get has no meaning. causal: a step sees itself and those before it.

    Equal to Keras's MultiHeadAttention called on one input, whose weights drop in; activity_regularizer acts on the
    output alone.

    Reference: A. Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.
    """

    supports_masking = True

    num_heads: PositiveInt = option("number of heads", example=4)
    key_dim: PositiveInt = option("width of queries and keys, for each head", example=32)
    value_dim: PositiveInt | None = option("width of the values, for each head; default: key_dim", default=None)
    dropout: Fraction = option("share of the attention weights that training drops", default=0.0)
    use_bias: bool = option("add biases", default=True)
    output_dim: PositiveInt | None = option(
        "width of the output; default: the input's", default=None, name="output_shape"
    )
    sliding_window: PositiveInt | None = option(
        "a step sees only steps fewer than this many away from it", default=None
    )
    kernel_initializer: Initializer = option("how the kernels start", default="glorot_uniform")
    bias_initializer: Initializer = option("how the biases start", default="zeros")
    kernel_regularizer: Regularizer | None = option("penalty on each kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on each bias", default=None)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None)
    kernel_constraint: Constraint | None = option("applied to each kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to each bias after each update", default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    causal: bool = option("no step sees later ones", default=False)

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0
        self.values = self.value_dim or self.key_dim

    def output_shape(self, in_shape: Shape) -> Shape:
        _check_steps(in_shape)
        return (in_shape[0], self.output_dim or in_shape[1])

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        width, out_width = in_shape[1], self.output_shape(in_shape)[1]
        assert width is not None and out_width is not None
        heads, narrow = self.num_heads, self.key_dim
        shapes = {
            "query": (width, heads, narrow),
            "key": (width, heads, narrow),
            "value": (width, heads, self.values),
            "attention_output": (heads, self.values, out_width),
        }
        specs = {}
        for name, shape in shapes.items():
            into = (0,) if name != "attention_output" else (0, 1)
            specs[f"{name}/kernel"] = ParamSpec(
                shape,
                with_axes(self.kernel_initializer, into, tuple(range(len(into), 3))),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
            if self.use_bias:
                specs[f"{name}/bias"] = ParamSpec(
                    shape[len(into) :],
                    self.bias_initializer,
                    regularizer=self.bias_regularizer,
                    constraint=self.bias_constraint,
                )
        return specs

    def flops(self, in_shape: Shape) -> int:
        steps, width = in_shape[0] or 1, in_shape[1] or 1
        wide = 2 * self.key_dim + self.values
        out_width = self.output_dim or width
        products = width * wide + self.values * out_width + steps * (self.key_dim + self.values)
        return steps * self.num_heads * (2 * products + 5 * steps)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        batch, steps, width = x.shape
        flat = x.reshape(-1, width)
        kernel, bias = self._fused(ctx)
        fused = flat @ kernel  # (N T, heads (2 key_dim + value_dim))
        if bias is not None:
            fused += bias
        kept = None
        if ctx.training and self.dropout:
            kept = keep(self._rng(ctx), (batch, self.num_heads, steps, steps), self.dropout)
        mask = ctx.mask
        done = attend(
            *self._split(fused, batch, steps),
            mask=mask,
            pattern=_pattern(steps, self.causal, self.sliding_window),
            kept=kept,
            rate=self.dropout if kept is not None else 0.0,
            uniform=not self.dropout,
        )
        out = ctx.params["attention_output/kernel"]
        y = done.output.reshape(batch * steps, -1) @ out.reshape(-1, out.shape[2])
        if self.use_bias:
            y += ctx.params["attention_output/bias"]
        return y.reshape(batch, steps, -1), (flat, kernel, fused, done, mask)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        flat, kernel, fused, done, mask = cache
        batch, steps, out_width = dy.shape
        dy = dy.reshape(-1, out_width)
        out = ctx.params["attention_output/kernel"]
        if ctx.grads.wants("attention_output/kernel"):
            ctx.grads.add("attention_output/kernel", (done.output.reshape(len(dy), -1).T @ dy).reshape(out.shape))
        if self.use_bias:
            ctx.grads.add_sum("attention_output/bias", dy)
        slope = (dy @ out.reshape(-1, out_width).T).reshape(done.output.shape)
        dfused = np.empty_like(fused)
        parts = self._split(fused, batch, steps)
        attend_back(slope, done, *parts, *self._split(dfused, batch, steps), mask=mask)
        self._add_gradients(flat, dfused, ctx)
        return (dfused @ kernel.T).reshape(batch, steps, -1) if need_dx else None

    def _fused(self, ctx: Context) -> tuple[Array, Array | None]:
        """Query, key and value as one kernel (C, …) and one bias, the queries already divided by sqrt(key_dim)."""
        width = len(ctx.params["query/kernel"])
        kernel = np.concatenate([ctx.params[f"{name}/kernel"].reshape(width, -1) for name in QKV], axis=1)
        kernel[:, : self.num_heads * self.key_dim] *= self._scale
        if not self.use_bias:
            return kernel, None
        bias = np.concatenate([ctx.params[f"{name}/bias"].reshape(-1) for name in QKV])
        bias[: self.num_heads * self.key_dim] *= self._scale
        return kernel, bias

    def _add_gradients(self, flat: Array, dfused: Array, ctx: Context) -> None:
        dkernel = flat.T @ dfused
        dbias = np.ones(len(dfused), dfused.dtype) @ dfused
        start = 0
        for name in QKV:
            shape = ctx.params[f"{name}/kernel"].shape
            stop = start + shape[1] * shape[2]
            factor = self._scale if name == "query" else 1.0
            ctx.grads.add(f"{name}/kernel", (dkernel[:, start:stop] * factor).reshape(shape))
            ctx.grads.add(f"{name}/bias", (dbias[start:stop] * factor).reshape(shape[1:]))
            start = stop

    def _split(self, fused: Array, batch: int, steps: int) -> tuple[Array, Array, Array]:
        """Queries, keys and values, (N, T, heads, width) each, as views."""
        narrow = self.num_heads * self.key_dim
        whole = fused.reshape(batch, steps, -1)
        parts = whole[..., :narrow], whole[..., narrow : 2 * narrow], whole[..., 2 * narrow :]
        q, k, v = (part.reshape(batch, steps, self.num_heads, -1) for part in parts)
        return q, k, v

    @property
    def _scale(self) -> float:
        return 1.0 / math.sqrt(self.key_dim)

    def _rng(self, ctx: Context) -> np.random.Generator:
        if self.seed is None:
            return ctx.rng
        return np.random.default_rng([self.seed, int(ctx.rng.integers(2**63))])


QKV = ("query", "key", "value")


@layer()
class PositionalEmbedding(Layer):
    """y = x + p, p (T, C) telling the steps apart: learned, or waves of C lengths.

    x: (N, T, C) -> y: (N, T, C). learned: embeddings (length, C), of which the first T rows are used; their gradient
    is the sum of dy over the batch. sinusoidal: with f(c) = max_wavelength^(-2 ⌊c / 2⌋ / C), p[t, c] = sin(t f(c)) for
    even c, cos(t f(c)) for odd c; no weights.

    Reference: A. Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.
    """

    supports_masking = True

    length: PositiveInt | None = option("longest sequence; default: the length of the input", default=None)
    source: Literal["learned", "sinusoidal"] = option("learned, or sinusoidal waves", default="learned", name="kind")
    initializer: Initializer = option("how the learned positions start", default="glorot_uniform")
    max_wavelength: PositiveFloat = option("2 π times this is the longest wave", default=10000.0)

    def output_shape(self, in_shape: Shape) -> Shape:
        _check_steps(in_shape)
        if self.source == "learned":
            length = self._length(in_shape)
            if in_shape[0] is not None and in_shape[0] > length:
                raise ShapeError(_too_long(in_shape[0], length))
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        if self.source != "learned":
            return {}
        assert in_shape[1] is not None
        return {"embeddings": ParamSpec((self._length(in_shape), in_shape[1]), self.initializer)}

    def flops(self, in_shape: Shape) -> int:
        return math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        steps = x.shape[1]
        if self.source == "sinusoidal":
            return x + _waves(steps, x.shape[2], self.max_wavelength, x.dtype.str), None
        table = ctx.params["embeddings"]
        if steps > len(table):
            raise ShapeError(f"{self.name or self.spec_name}: {_too_long(steps, len(table))}")
        return x + table[:steps], None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if ctx.grads.wants("embeddings"):
            steps = dy.shape[1]
            if steps == len(ctx.params["embeddings"]):
                ctx.grads.add_sum("embeddings", dy)
            else:
                ctx.grads.view("embeddings")[:steps] += dy.sum(axis=0)
        return dy if need_dx else None

    def _length(self, in_shape: Shape) -> int:
        length = self.length or in_shape[0]
        if length is None:
            raise ShapeError(
                f"learned positions need a length, but rows are {show_shape(in_shape)}; set length to the longest "
                "sequence, or kind: sinusoidal"
            )
        return length


@layer()
class TransformerEncoder(Layer):
    """Self-attention, then two Dense layers for each step, each with a shortcut and a layer normalisation.

    h = norm(x + attention(x)), y = norm(h + Dense(Dense(h))), the first Dense with `activation` and intermediate_dim
    units, the second as wide as x; with normalize_first h = x + attention(norm(x)), y = h + Dense(Dense(norm(h))).
    x: (N, T, C) -> y: (N, T, C). Heads are C / num_heads wide. Dropout acts on the attention weights and before each
    shortcut is added. Weights: attention, its norm, the norm of the Dense layers, the Dense layers; as in KerasHub's
    layer of this name, whose numbers it has.

    Reference: A. Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.
    """

    supports_masking = True

    intermediate_dim: PositiveInt = option("width between the two Dense layers", example=256)
    num_heads: PositiveInt = option("number of heads; C is a multiple of it", example=4)
    dropout: Fraction = option("share of values that training drops", default=0.0)
    activation: Activation = option("between the two Dense layers", default="relu")
    layer_norm_epsilon: NonNegativeFloat = option("added to the variances", default=1e-5)
    kernel_initializer: Initializer = option("how the kernels start", default="glorot_uniform")
    bias_initializer: Initializer = option("how the biases start", default="zeros")
    normalize_first: bool = option("normalise what goes in, not what comes out", default=False)
    causal: bool = option("no step sees later ones", default=False)

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0
        self._made: dict[int, dict[str, Layer]] = {}

    def output_shape(self, in_shape: Shape) -> Shape:
        _check_steps(in_shape)
        width = in_shape[1] or 0
        if width % self.num_heads:
            divisors = ", ".join(str(n) for n in range(1, width + 1) if width % n == 0)
            raise ShapeError(
                f"{width} features can't be shared out among {self.num_heads} heads; set num_heads to one of {divisors}"
            )
        return in_shape

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        wide = (in_shape[0], self.intermediate_dim)
        inner = self._layers(in_shape[1] or 0)
        return [(one, wide if name == "feedforward_output" else in_shape) for name, one in inner.items()]

    def flops(self, in_shape: Shape) -> int:
        return flops_of(self.children(in_shape)) + 2 * math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        inner, mask = self._layers(x.shape[2]), ctx.mask
        places = {name: place for place, name in enumerate(inner)}
        caches: dict[str, Cache] = {}

        def call(name: str, value: Array) -> Array:
            y, _, caches[name] = run(inner[name], value, ctx, places[name], mask)
            return y

        for norm, chain in HALVES:
            value = call(norm, x) if self.normalize_first else x
            for name in chain:
                value = call(name, value) if name in inner else value
            value += x  # the last of the chain made it, and needs it no more
            x = value if self.normalize_first else call(norm, value)
        return x, caches

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        inner = self._layers(dy.shape[2])
        places = {name: place for place, name in enumerate(inner)}

        def back(name: str, slope: Array, need: bool = True) -> Array | None:
            return run_back(inner[name], slope, cache.pop(name), ctx, places[name], need_dx=need)

        for half, (norm, chain) in reversed(list(enumerate(HALVES))):
            need = need_dx or half > 0
            around = dy if self.normalize_first else back(norm, dy)
            assert around is not None
            dx: Array | None = around
            for name in reversed([name for name in chain if name in inner]):
                assert dx is not None
                dx = back(name, dx, need or self.normalize_first or name != chain[0])
            if self.normalize_first and dx is not None:
                dx = back(norm, dx, need)
            if dx is None:
                return None
            dx += around
            dy = dx
        return dy

    def _layers(self, width: int) -> dict[str, Layer]:
        """The layers inside, for rows of so many features; the same ones at every call."""
        if width in self._made:
            return self._made[width]
        starts: dict[str, Any] = {
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
        }

        def norm(name: str) -> Layer:
            return LayerNormalization(epsilon=self.layer_norm_epsilon, name=name)

        def dropout(name: str) -> dict[str, Layer]:
            return {name: Dropout(self.dropout, name=name)} if self.dropout else {}

        narrow = max(1, width // self.num_heads)
        self._made[width] = {
            "attention": SelfAttention(
                self.num_heads, narrow, dropout=self.dropout, causal=self.causal, name="attention", **starts
            ),
            "attention_norm": norm("attention_norm"),
            **dropout("attention_dropout"),
            "feedforward_norm": norm("feedforward_norm"),
            "feedforward_hidden": Dense(
                self.intermediate_dim, activation=self.activation, name="feedforward_hidden", **starts
            ),
            "feedforward_output": Dense(width, name="feedforward_output", **starts),
            **dropout("feedforward_dropout"),
        }
        return self._made[width]


# The norm of each half, and the layers that the shortcut goes around.
HALVES = (
    ("attention_norm", ("attention", "attention_dropout")),
    ("feedforward_norm", ("feedforward_hidden", "feedforward_output", "feedforward_dropout")),
)


def _check_steps(shape: Shape) -> None:
    require_rank(shape, 2, AXES, hint="use Reshape to make steps of what comes")
    require_known(shape, (1,), "the number of features must be fixed")


def _too_long(steps: int, length: int) -> str:
    return f"there are {steps} steps, but positions for {length}; set length to at least {steps}"


@lru_cache(maxsize=64)
def _pattern(steps: int, causal: bool, window: int | None) -> Array | None:
    """(T, T), False where a step (row) may not look; None where every step sees all."""
    if not causal and (window is None or window >= steps):
        return None
    step = np.arange(steps)
    distance = step[:, None] - step
    seen: Array = np.ones((steps, steps), bool)
    if causal:
        seen &= distance >= 0
    if window is not None:
        seen &= np.abs(distance) < window
    return seen


@lru_cache(maxsize=64)
def _waves(steps: int, width: int, longest: float, dtype: str) -> Array:
    """(T, C): the positions as sines and cosines."""
    pair = np.arange(width) // 2
    angles = np.arange(steps)[:, None] * longest ** (-2.0 * pair / width)
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(dtype)
