"""What Keras has no layer for, written with its layers: `keras` in a row names a function of this module.

Each gives the output for a symbolic input. The blocks are layers that hold layers, so that get_weights goes through
them in the order in which they are assigned.
"""

from __future__ import annotations

from typing import Any

import keras

from tests.reference.make_layers import plain_to_keras


def self_attention(x: Any, *, causal: bool = False, **options: Any) -> Any:
    layer = keras.layers.MultiHeadAttention(**plain_to_keras(options))
    return layer(x, x, use_causal_mask=causal)


def self_attention_scored(x: Any, *, causal: bool = False, **options: Any) -> Any:
    """With the scores as a second result, which keeps Keras from its fused attention."""
    layer = keras.layers.MultiHeadAttention(**plain_to_keras(options))
    return layer(x, x, use_causal_mask=causal, return_attention_scores=True)[0]


class Ternary(keras.layers.Layer):
    """TernaryDense, which Keras has from 3.16 on, with operations that Keras differentiates; the variables in its
    order."""

    def __init__(self, units: int, threshold: float | None, dense: dict[str, Any]) -> None:
        super().__init__()
        self.supports_masking = True
        self.dense, self.threshold = keras.layers.Dense(units, **dense), threshold

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        ops, kernel = keras.ops, self.dense.kernel
        size = ops.mean(ops.abs(kernel))
        limit = 0.5 * size if self.threshold is None else self.threshold
        ternary = ops.where(ops.abs(kernel) > limit, ops.sign(kernel), 0.0)
        y = x @ (kernel - ops.stop_gradient(kernel - ternary)) * (size if self.threshold is None else 1.0)
        return self.dense.activation(y if self.dense.bias is None else y + self.dense.bias)

    def compute_output_shape(self, shape: Any) -> Any:
        return self.dense.compute_output_shape(shape)


def ternary_dense(x: Any, *, units: int, threshold: float | None = None, **dense: Any) -> Any:
    if hasattr(keras.layers, "TernaryDense"):
        return keras.layers.TernaryDense(units, threshold, **plain_to_keras(dense))(x)
    return Ternary(units, threshold, plain_to_keras(dense))(x)


class RadialBasis(keras.layers.Layer):
    """configs/my_layers.py in Keras's operations, which it differentiates by itself."""

    def __init__(self, units: int, gamma: float) -> None:
        super().__init__()
        self.units, self.gamma = units, gamma

    def build(self, shape: Any) -> None:
        self.centers = self.add_weight(shape=(self.units, shape[-1]), name="centers")

    def call(self, x: Any) -> Any:
        ops = keras.ops
        return ops.exp(-self.gamma * ops.sum(ops.square(x[:, None, :] - self.centers), axis=2))


def radial_basis(x: Any, *, units: int, gamma: float) -> Any:
    return RadialBasis(units, gamma)(x)


class Block(keras.layers.Layer):
    """A layer whose mask goes through."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def compute_output_shape(self, shape: Any) -> Any:
        return keras.ops.shape(self(keras.KerasTensor(shape)))


class Encoder(Block):
    """KerasHub's TransformerEncoder, as its documentation describes it; the sublayers in its order."""

    def __init__(
        self, width: int, intermediate_dim: int, num_heads: int, activation: str, first: bool, causal: bool
    ) -> None:
        super().__init__()
        layers = keras.layers
        self.attention = layers.MultiHeadAttention(num_heads, width // num_heads)
        self.attention_norm = layers.LayerNormalization(epsilon=1e-5)
        self.feedforward_norm = layers.LayerNormalization(epsilon=1e-5)
        self.hidden = layers.Dense(intermediate_dim, activation=activation)
        self.out = layers.Dense(width)
        self.first, self.causal = first, causal

    def call(self, x: Any, mask: Any = None) -> Any:
        h = self.attention_norm(x) if self.first else x
        h = x + self.attention(h, h, query_mask=mask, value_mask=mask, use_causal_mask=self.causal)
        h = h if self.first else self.attention_norm(h)
        y = self.feedforward_norm(h) if self.first else h
        y = h + self.out(self.hidden(y))
        return y if self.first else self.feedforward_norm(y)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def transformer_encoder(
    x: Any,
    *,
    intermediate_dim: int,
    num_heads: int,
    activation: str = "relu",
    normalize_first: bool = False,
    causal: bool = False,
) -> Any:
    return Encoder(x.shape[-1], intermediate_dim, num_heads, activation, normalize_first, causal)(x)


class Positions(Block):
    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(self.length, shape[-1]), initializer="glorot_uniform", name="embeddings")

    def call(self, x: Any) -> Any:
        return x + self.table[: x.shape[1]]

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def positions(x: Any, *, length: int | None = None) -> Any:
    return Positions(length or x.shape[1])(x)


class Waves(Block):
    """Written out one number at a time, from the formula of the paper."""

    def call(self, x: Any) -> Any:
        steps, width = x.shape[1:]
        table = [
            [
                (keras.ops.sin if c % 2 == 0 else keras.ops.cos)(t / 10000.0 ** (2 * (c // 2) / width))
                for c in range(width)
            ]
            for t in range(steps)
        ]
        return x + keras.ops.convert_to_tensor(table, "float32")

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def waves(x: Any, *, kind: str) -> Any:
    assert kind == "sinusoidal"
    return Waves()(x)


class Around(Block):
    def __init__(self, inner: list[Any], projection: Any, activation: str) -> None:
        super().__init__()
        self.inner, self.projection = inner, projection
        self.add, self.activation = keras.layers.Add(), keras.layers.Activation(activation)

    def build(self, shape: Any) -> None:
        if self.projection is not None:
            self.projection.build(shape)
        for layer in self.inner:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        super().build(shape)

    def call(self, x: Any) -> Any:
        y = x
        for layer in self.inner:
            y = layer(y)
        return self.activation(self.add([y, x if self.projection is None else self.projection(x)]))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return mask if all(layer.supports_masking for layer in self.inner) else None

    def compute_output_shape(self, shape: Any) -> Any:
        for layer in self.inner:
            shape = layer.compute_output_shape(shape)
        return shape


def residual_of(shape: Any, *, layers: list[Any], shortcut: str = "identity", activation: str = "linear") -> Any:
    inner = made(layers, shape)
    projection = None
    if shortcut == "projection":
        out = tuple(shape)
        for layer in inner:
            out = layer.compute_output_shape(out)
        positions, reached = shape[1:-1], out[1:-1]
        if len(shape) < 4 and positions == reached:
            projection = keras.layers.Dense(out[-1])
        else:
            strides = [-(-n // m) for n, m in zip(positions, reached, strict=True)]
            kind = getattr(keras.layers, f"Conv{len(positions)}D")
            projection = kind(out[-1], 1, strides=strides, padding="same")
        inner = made(layers, shape)  # anew, not built yet
    return Around(inner, projection, activation)


def made(layers: list[Any], shape: Any) -> list[Any]:
    """Keras's layers for a list as in YAML, blocks among them."""
    result = []
    for item in layers:
        ((name, options),) = item.items()
        options = options or {}
        if name == "Residual":
            layer = residual_of(shape, **options)
        elif name == "SelfAttention":
            layer = SelfAttention(options)
        else:
            layer = plain_to_keras({name: options})
        result.append(layer)
        shape = layer.compute_output_shape(shape)
    return result


class SelfAttention(Block):
    """MultiHeadAttention as a layer of one input."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.attention = keras.layers.MultiHeadAttention(**options)

    def build(self, shape: Any) -> None:
        self.attention.build(shape, shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        return self.attention(x, x, query_mask=mask, value_mask=mask)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def residual(x: Any, **options: Any) -> Any:
    return residual_of(x.shape, **options)(x)


def repeat(x: Any, *, times: int, layers: list[Any]) -> Any:
    for _ in range(times):
        for layer in made(layers, x.shape):
            x = layer(x)
    return x
