"""What is raced: networks, data and batch sizes as plain data, the same for every contestant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Layer = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Work:
    """One network and how it is trained; `rows` make one timed round."""

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    classes: int  # 1: one sigmoid output
    batch: int
    rows: int
    tokens: int = 0  # inputs are token ids below this; 0: floats

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        if self.tokens:
            x = rng.integers(1, self.tokens, (self.rows, *self.input_shape)).astype(np.int32)
        else:
            x = rng.random((self.rows, *self.input_shape), dtype=np.float32)
        if self.classes == 1:
            return x, rng.integers(0, 2, self.rows).astype(np.float32)
        return x, rng.integers(0, self.classes, self.rows)

    @property
    def loss(self) -> str:
        return "binary_crossentropy" if self.classes == 1 else "sparse_categorical_crossentropy"


def dense(units: int, activation: str = "relu") -> Layer:
    return "Dense", {"units": units, "activation": activation}


def conv(
    filters: int, activation: str = "relu", padding: str = "valid", kernel_size: int = 3, strides: int = 1
) -> Layer:
    options = {"filters": filters, "kernel_size": kernel_size, "activation": activation, "padding": padding}
    return "Conv2D", {**options, "strides": strides} if strides > 1 else options


POOL: Layer = ("MaxPooling2D", {"pool_size": 2})
FLAT: Layer = ("Flatten", {})
NORM: Layer = ("BatchNormalization", {})
RELU: Layer = ("ReLU", {})
MEAN: Layer = ("GlobalAveragePooling2D", {})
OUT: Layer = dense(10, "softmax")


def vgg_block(filters: int) -> tuple[Layer, ...]:
    one = (conv(filters, "linear", "same"), NORM, RELU)
    return (*one, *one, POOL)


def residual(filters: int, strides: int = 1) -> Layer:
    """The block of He et al. 2015 for small images; where it strides, the shortcut is a convolution of size 1."""
    inner = [conv(filters, "linear", "same", strides=strides), NORM, RELU, conv(filters, "linear", "same"), NORM]
    shortcut = "projection" if strides > 1 else "identity"
    return "Residual", {"layers": inner, "shortcut": shortcut, "activation": "relu"}


def separable(filters: int, strides: int = 1) -> tuple[Layer, ...]:
    """The block of MobileNet (Howard et al. 2017): each channel for itself, then across the channels."""
    depthwise = ("DepthwiseConv2D", {"kernel_size": 3, "strides": strides, "padding": "same"})
    return depthwise, NORM, RELU, conv(filters, "linear", "same", kernel_size=1), NORM, RELU


WORKS: dict[str, Work] = {
    "mlp 784-128-10, batch 32": Work((dense(128), OUT), (784,), 10, 32, 60_000),
    "mlp 784-128-10, batch 128": Work((dense(128), OUT), (784,), 10, 128, 60_000),
    "tabular 30-64-64-1, batch 32": Work((dense(64), dense(64), dense(1, "sigmoid")), (30,), 1, 32, 20_000),
    "cnn 28×28, batch 128": Work(
        (conv(32), POOL, conv(64), POOL, FLAT, ("Dropout", {"rate": 0.5}), OUT), (28, 28, 1), 10, 128, 5_120
    ),
    "vgg + batch norm 32×32, batch 64": Work(
        (*vgg_block(32), *vgg_block(64), *vgg_block(128), FLAT, dense(128), OUT), (32, 32, 3), 10, 64, 1_024
    ),
    "residual net 16-32-64, 32×32, batch 64": Work(
        (
            *(conv(16, "linear", "same"), NORM, RELU),
            *(residual(16), residual(16)),
            *(residual(32, strides=2), residual(32)),
            *(residual(64, strides=2), residual(64)),
            *(MEAN, OUT),
        ),
        (32, 32, 3),
        10,
        64,
        1_024,
    ),
    "depthwise-separable net, 32×32, batch 64": Work(
        (
            *(conv(32, "linear", "same"), NORM, RELU),
            *separable(64),
            *separable(128, strides=2),
            *separable(128),
            *separable(256, strides=2),
            *separable(256),
            *(MEAN, OUT),
        ),
        (32, 32, 3),
        10,
        64,
        1_024,
    ),
    "lstm 128 on 28×28, batch 128": Work((("LSTM", {"units": 128}), OUT), (28, 28), 10, 128, 6_400),
    "gru 128 on 28×28, batch 128": Work((("GRU", {"units": 128}), OUT), (28, 28), 10, 128, 6_400),
    "text conv, 200 steps, batch 64": Work(
        (
            ("Embedding", {"input_dim": 5000, "output_dim": 64}),
            ("Conv1D", {"filters": 128, "kernel_size": 5, "activation": "relu"}),
            ("GlobalMaxPooling1D", {}),
            dense(64),
            dense(1, "sigmoid"),
        ),
        (200,),
        1,
        64,
        3_200,
        tokens=5000,
    ),
    "bidirectional lstm 64, 100 steps, batch 64": Work(
        (
            ("Embedding", {"input_dim": 5000, "output_dim": 64}),
            ("Bidirectional", {"layer": ("LSTM", {"units": 64})}),
            dense(1, "sigmoid"),
        ),
        (100,),
        1,
        64,
        1_920,
        tokens=5000,
    ),
    "transformer encoder, 64 steps × 128, 2 blocks, batch 64": Work(
        (
            ("TransformerEncoder", {"intermediate_dim": 512, "num_heads": 4}),
            ("TransformerEncoder", {"intermediate_dim": 512, "num_heads": 4}),
            ("GlobalAveragePooling1D", {}),
            OUT,
        ),
        (64, 128),
        10,
        64,
        1_280,
    ),
}
