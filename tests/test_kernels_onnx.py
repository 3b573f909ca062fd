"""Convolution and pooling against ONNX's own test data, made by make_onnx_conv.py, where the definitions coincide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.kernels import convolution, pooling
from seqnet.kernels.windows import Windows, add_bias, in_three, triple
from tests.onnx_cases import Case, close, load_cases, run


class WindowCase(Case):
    """inputs: x (N, C, …), kernel (filters, channels / group, …), bias; y: (N, C, …)."""

    @property
    def rank(self) -> int:
        return self.y.ndim - 2

    def get(self, name: str, default: int) -> tuple[int, ...]:
        return tuple(self.attributes.get(name) or (default,) * self.rank)

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(self.attributes["kernel_shape"]) if "kernel_shape" in self.attributes else self.inputs[1].shape[2:]

    @property
    def group(self) -> int:
        return int(self.attributes.get("group", 1))

    def windows(self) -> Windows:
        """From the larger side to the smaller: of a transposed convolution, from its output to its input."""
        large, small = self.inputs[0].shape[2:], self.y.shape[2:]
        if self.operator == "ConvTranspose":
            large, small = small, large
        strides, dilation = self.get("strides", 1), self.get("dilations", 1)
        before = list(self.get("pads", 0)[: self.rank])
        if "auto_pad" in self.attributes or "output_shape" in self.attributes:
            for i in range(self.rank):
                lack = max(0, (small[i] - 1) * strides[i] + (self.size[i] - 1) * dilation[i] + 1 - large[i])
                before[i] = (lack + (self.attributes.get("auto_pad") != "SAME_UPPER")) // 2
        return Windows(
            triple(large), triple(small), triple(self.size), triple(strides), triple(dilation), triple(tuple(before), 0)
        )


def scratch(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.empty(shape, dtype)


def last(x: Array) -> Array:
    return in_three(np.ascontiguousarray(np.moveaxis(x, 1, -1)))


def first(y: Array, rank: int) -> Array:
    return np.moveaxis(y.reshape(len(y), *y.shape[4 - rank :]), -1, 1)


def kernel_of(weights: Array, order: tuple[int, int]) -> Array:
    """With its spatial axes first, three of them."""
    kernel = np.ascontiguousarray(np.moveaxis(weights, order, (-2, -1)))
    return kernel.reshape((1,) * (5 - kernel.ndim) + kernel.shape)


def compute(case: WindowCase) -> Array:
    x, *rest = case.inputs
    windows = case.windows()
    if case.operator == "Conv":
        bias = rest[1] if len(rest) > 1 else None
        y = convolution.convolve(last(x), kernel_of(rest[0], (1, 0)), bias, windows, case.group, scratch)
    elif case.operator == "ConvTranspose":
        y = convolution.input_gradient(last(x), kernel_of(rest[0], (1, 0)), windows, case.group, scratch)
        add_bias(y, rest[1] if len(rest) > 1 else None)
    elif case.operator == "MaxPool":
        y, _ = pooling.max_pool(last(x), windows, False)
    else:
        y = pooling.average_pool(last(x), windows)
    return first(y, case.rank)


def coincides(case: WindowCase) -> bool:
    """Keras's pooling has no dilation and never counts the padding."""
    pools = case.operator in ("MaxPool", "AveragePool")
    return not (pools and (set(case.get("dilations", 1)) != {1} or case.attributes.get("count_include_pad")))


CASES = [WindowCase(**vars(case)) for case in load_cases("onnx_conv")]
WINDOWED = [case for case in CASES if not case.operator.startswith("Global") and coincides(case)]


@pytest.mark.parametrize("case", WINDOWED, ids=lambda case: case.name)
def test_kernels_compute_what_onnx_says(case: WindowCase) -> None:
    assert close(compute(case), case.y)


def as_layer(case: WindowCase) -> dict[str, Any] | None:
    """The layer that says the same, or None where Keras can't say it."""
    same = case.windows() == _padded_alike(case) and case.operator != "ConvTranspose"
    padding = "same" if same else "valid"
    if not same and (set(case.get("pads", 0)) != {0} or "auto_pad" in case.attributes):
        return None
    options: dict[str, Any] = {"data_format": "channels_first", "padding": padding}
    strides, dilation = list(case.get("strides", 1)), list(case.get("dilations", 1))
    if case.operator in ("MaxPool", "AveragePool"):
        if case.attributes.get("ceil_mode"):
            return None
        kind = {"MaxPool": "MaxPooling", "AveragePool": "AveragePooling"}[case.operator]
        return {f"{kind}{case.rank}D": {**options, "pool_size": list(case.size), "strides": strides}}
    if max(strides) > 1 and max(dilation) > 1 or "output_shape" in case.attributes:
        return None
    options |= {"kernel_size": list(case.size), "strides": strides, "dilation_rate": dilation}
    options["use_bias"] = len(case.inputs) > 2
    if case.operator == "Conv":
        return {f"Conv{case.rank}D": {**options, "filters": case.inputs[1].shape[0], "groups": case.group}}
    if case.group > 1 or max(strides) > min(case.size):
        return None
    extra = case.attributes.get("output_padding")
    return {f"Conv{case.rank}DTranspose": {**options, "filters": case.inputs[1].shape[1], "output_padding": extra}}


def _padded_alike(case: WindowCase) -> Windows:
    from seqnet.layers.spatial import windows_of

    strides, dilation = case.get("strides", 1), case.get("dilations", 1)
    return windows_of(case.inputs[0].shape[2:], case.size, strides, dilation, "same", "kernel_size")


LAYERS = [case for case in WINDOWED if as_layer(case) is not None]


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_layers_compute_what_onnx_says(case: WindowCase) -> None:
    x, *rest = case.inputs
    y, _ = run(as_layer(case), x, [_weights(rest[0]), *rest[1:]] if rest else [])
    assert close(y, case.y)


def _weights(onnx: Array) -> Array:
    return np.moveaxis(onnx, (1, 0), (-2, -1))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.operator.startswith("Global")], ids=lambda case: case.name
)
def test_global_pooling_computes_what_onnx_says(case: WindowCase) -> None:
    kind = {"GlobalAveragePool": "GlobalAveragePooling2D", "GlobalMaxPool": "GlobalMaxPooling2D"}[case.operator]
    y, _ = run({kind: {"data_format": "channels_first", "keepdims": True}}, case.inputs[0], [])
    assert close(y, case.y)


def test_enough_cases_remain() -> None:
    """None falls out unseen: the counts are those of onnx 1.23."""
    operators = [case.operator for case in WINDOWED]
    assert {name: operators.count(name) for name in sorted(set(operators))} == COUNTS
    assert len(LAYERS) >= 35


COUNTS = {"AveragePool": 11, "Conv": 32, "ConvTranspose": 14, "MaxPool": 13}
