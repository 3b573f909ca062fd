"""Layers and activations against ONNX's own tests, made by make_onnx_layers.py, where the definitions coincide.

A function an operator says a case in Keras's words; LEFT_OUT says why a case can't be said so. ONNX's first axis is
most often the batch. Where an operator works along it too, the whole input is one row.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from tests.onnx_cases import Case, close, load_cases, run

# Patterns of names, and how Keras differs there.
LEFT_OUT = {
    "test_attention_*softcap": "Keras's attention has no bound for the scores",
    "test_attention_bidirectional_window": "Keras's sliding window reaches as far forwards as backwards",
    "test_causal_conv_with_state_with*past_state": "Keras's causal convolution starts from zeros",
    "test_causal_conv_with_state_silu_with_past_state": "Keras's causal convolution starts from zeros",
    "test_causal_conv_with_state_decode_step": "Keras's causal convolution starts from zeros",
    "test_center_crop_pad_crop_a*": "crops one axis and pads another, which is two layers",
    "test_center_crop_pad_crop_negative_axes_hwc": "crops one axis and pads another, which is two layers",
    "test_clip_inbounds": "no activation has the bounds -5 and 5",
    "test_clip_outbounds": "no activation has the bounds -5 and 5",
    "test_clip_splitbounds": "no activation has the bounds -5 and 5",
    "test_clip_min_greater_than_max": "no activation has bounds the wrong way round",
    "test_clip_default_max": "no activation has a bound above and none below",
    "test_operator_clip": "no activation has the bounds -1/2 and 1/2",
    "test_training_dropout": "which numbers are dropped is drawn",
    "test_training_dropout_mask": "which numbers are dropped is drawn",
    "test_training_dropout_default*": "which numbers are dropped is drawn",
    "test_gather_1": "Embedding looks up along the table's first axis",
    "test_gather_2d_indices": "Embedding looks up along the table's first axis",
    "test_gather_negative_indices": "Embedding takes a number below 0 for a mistake",
    "test_gemm_default_matrix_bias": "Dense has the same bias for all rows",
    "test_hardsigmoid*": "Keras's hard_sigmoid has slope 1/6",
    "test_l1normalization_*": "UnitNormalization divides by the Euclidean length",
    "test_lstm_with_peepholes": "Keras's gates do not see the carry",
    "test_constant_pad*": "ZeroPadding2D pads with zeros",
    "test_ConstantPad2d": "ZeroPadding2D pads with zeros",
    "test_ReflectionPad2d": "ZeroPadding2D pads with zeros",
    "test_ReplicationPad2d": "ZeroPadding2D pads with zeros",
    "test_operator_pad": "ZeroPadding2D pads with zeros",
    "test_reshape_zero*": "Keras's target_shape has no 0 for an axis that stays",
    "test_reshape_allowzero_reordered": "Keras's target_shape has no axis of length 0",
    "test_resize_downsample_*": "UpSampling2D only enlarges",
    "test_resize_upsample_sizes_nearest": "UpSampling2D has whole factors",
    "test_resize_upsample_sizes_nearest_axes_*": "UpSampling2D has whole factors",
    "test_resize_upsample_sizes_nearest_not_larger": "UpSampling2D has whole factors",
    "test_resize_upsample_sizes_cubic": "UpSampling2D has whole factors",
    "test_resize_upsample_scales_linear_half_pixel_symmetric": "UpSampling2D has whole factors",
    "test_resize_upsample_*align_corners": "UpSampling2D puts pixel centres at half-integers",
    "test_resize_upsample_*asymmetric": "UpSampling2D puts pixel centres at half-integers",
    "test_resize_upsample_sizes_nearest_ceil_half_pixel": "UpSampling2D takes the nearest pixel, not the next",
    "test_resize_upsample_scales_cubic": "UpSampling2D has the Keys kernel with a = -1/2, here -3/4",
    "test_resize_tf_crop_and_resize*": "UpSampling2D takes the whole image",
    "test_selu": "Keras's selu has fixed constants",
    "test_selu_example": "Keras's selu has fixed constants",
    "test_slice_neg_steps": "Cropping3D keeps the order",
    "test_slice_start_out_of_bounds": "Cropping3D leaves something",
}


@dataclass(frozen=True)
class Trial:
    """Layers that all make y of x."""

    specs: Sequence[Any]
    x: Array
    y: Array
    weights: Sequence[Array] = ()
    training: bool = False
    left: Sequence[Array] | None = None  # the weights afterwards
    steps: int | None = None  # how many of the layer's steps y has, where not all


# -- activations ------------------------------------------------------------------------------------------------------


def function(name: str, **options: Any) -> Any:
    return {"Activation": {"activation": {name: options} if options else name}}


def clip_function(case: Case) -> Any:
    _, low, high = case.slots(3)
    names = {(-1.0, 1.0): "hard_tanh", (0.0, None): "relu", (None, None): "linear"}
    return function(names[None if low is None else float(low), None if high is None else float(high)])


def shrink_function(case: Case) -> Any:
    size, bias = case.attributes["lambd"], case.attributes.get("bias", 0.0)
    assert bias in (0.0, size)
    return function("soft_shrink" if bias else "hard_shrink", threshold=size)


ELEMENTWISE: dict[str, Callable[[Case, float], list[Any]]] = {  # alpha: the attribute, or ONNX's default
    "Abs+Add+Div": lambda case, alpha: [function("softsign")],
    "Celu": lambda case, alpha: [function("celu", alpha=alpha)],
    "Clip": lambda case, alpha: [clip_function(case)],
    "Elu": lambda case, alpha: [function("elu", alpha=alpha), {"ELU": {"alpha": alpha}}],
    "Exp": lambda case, alpha: [function("exponential")],
    "Gelu": lambda case, alpha: [function("gelu", approximate=case.attributes.get("approximate") == "tanh")],
    "HardSigmoid": lambda case, alpha: [function("hard_sigmoid")],
    "HardSwish": lambda case, alpha: [function("hard_swish")],
    "Identity": lambda case, alpha: [function("linear"), "Identity"],
    "LeakyRelu": lambda case, alpha: [
        function("leaky_relu", negative_slope=alpha),
        {"LeakyReLU": {"negative_slope": alpha}},
        {"ReLU": {"negative_slope": alpha}},
    ],
    "Mish": lambda case, alpha: [function("mish")],
    "Relu": lambda case, alpha: [function("relu"), "ReLU"],
    "Selu": lambda case, alpha: [function("selu")],
    "Shrink": lambda case, alpha: [shrink_function(case)],
    "Sigmoid": lambda case, alpha: [function("sigmoid")],
    "Softplus": lambda case, alpha: [function("softplus")],
    "Softsign": lambda case, alpha: [function("softsign")],
    "Split+Sigmoid+Mul": lambda case, alpha: [function("glu", axis=case.attributes["axis"])],
    "Swish": lambda case, alpha: [function("swish")],
    "Tanh": lambda case, alpha: [function("tanh")],
    "ThresholdedRelu": lambda case, alpha: [
        function("threshold", threshold=alpha, default_value=0.0),
        {"ReLU": {"threshold": alpha}},
    ],
}


def elementwise(case: Case) -> list[Trial]:
    alpha = case.attributes.get("alpha", 0.01 if case.operator == "LeakyRelu" else 1.0)
    return [Trial(ELEMENTWISE[case.operator](case, alpha), case.x, case.y)]


def in_rows(case: Case, axis: int) -> tuple[Array, Array, list[int]]:
    """x and y with a batch axis in front of `axis`, and all axes from this one on."""
    axis %= case.x.ndim
    x, y = (case.x, case.y) if axis else (case.x[None], case.y[None])
    return x, y, list(range(axis or 1, x.ndim))


def softmax(case: Case) -> list[Trial]:
    """Before version 13 all axes from the one given on were one."""
    alone = case.opset >= 13
    x, y, axes = in_rows(case, case.attributes.get("axis", -1 if alone else 1))
    axis = axes[0] if alone else axes
    if case.operator == "LogSoftmax":
        return [Trial([function("log_softmax", axis=axis)], x, y)]
    return [Trial([function("softmax", axis=axis), {"Softmax": {"axis": axis}}], x, y)]


def prelu(case: Case) -> list[Trial]:
    """Before version 7 a vector of slopes was one a channel, the second axis."""
    x, slope = case.inputs
    if case.opset < 7 and slope.size > 1:
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
    slope = slope.reshape(*[1] * (x.ndim - slope.ndim), *slope.shape)
    y = case.y
    if len(slope) == 1:
        slope = slope[0]
    else:
        x, y = x[None], y[None]
    shared = [axis for axis, length in enumerate(slope.shape, 1) if length == 1]
    return [Trial([{"PReLU": {"shared_axes": shared or None}}], x, y, [slope])]


# -- normalisation ----------------------------------------------------------------------------------------------------


def batch_normalization(case: Case) -> list[Trial]:
    x, gamma, beta, mean, variance = case.inputs
    options = {
        "axis": 1,
        "epsilon": case.attributes.get("epsilon", 1e-5),
        "momentum": case.attributes.get("momentum", 0.9),
    }
    training = bool(case.attributes.get("training_mode"))
    left = [gamma, beta, *(case.outputs[1:] if training else (mean, variance))]
    return [Trial([{"BatchNormalization": options}], x, case.y, [gamma, beta, mean, variance], training, left)]


def mean_variance(case: Case) -> list[Trial]:
    """Over all axes but the second; the 1e-9 that ONNX adds to the deviation is too little to be seen."""
    options = {"axis": 1, "epsilon": 0.0, "scale": False, "center": False}
    start = [np.zeros(case.x.shape[1], np.float32), np.ones(case.x.shape[1], np.float32)]
    return [Trial([{"BatchNormalization": options}], case.x, case.y, start, training=True)]


def over_axes(case: Case) -> list[Trial]:
    x, y, axes = in_rows(case, case.attributes.get("axis", -1))
    options = {"axis": axes, "epsilon": case.attributes.get("epsilon", 1e-5)}
    return [Trial([{case.operator: options}], x, y, case.inputs[1:])]


def group_normalization(case: Case) -> list[Trial]:
    options = {
        "groups": case.attributes.get("num_groups", -1),  # InstanceNormalization has a group for each channel
        "axis": 1,
        "epsilon": case.attributes.get("epsilon", 1e-5),
    }
    return [Trial([{"GroupNormalization": options}], case.x, case.y, case.inputs[1:])]


def unit_normalization(case: Case) -> list[Trial]:
    x, y, axes = in_rows(case, case.attributes.get("axis", -1))
    return [Trial([{"UnitNormalization": {"axis": axes[0]}}], x, y)]


# -- recurrent layers -------------------------------------------------------------------------------------------------

# Keras's layer, and the places of its gates among ONNX's: of i, f, c, o in i, o, f, c; of z, r, h in z, r, h.
RECURRENT = {"LSTM": ("LSTM", (0, 2, 3, 1)), "GRU": ("GRU", (0, 1, 2)), "RNN": ("SimpleRNN", (0,))}


def recurrent(case: Case, order: Sequence[int] | None = None) -> list[Trial]:
    """The last step's output, and all steps'. order: of the gates, if not the right one."""
    x, w, r, b = case.slots(4)
    y, y_h = (*case.outputs, None)[:2]
    if not case.attributes.get("layout"):  # steps first
        x = x.swapaxes(0, 1)
        y = None if y is None else y.transpose(2, 0, 1, 3)
        y_h = y_h.swapaxes(0, 1)
    kind, places = RECURRENT[case.operator]
    direction = case.attributes.get("direction", "forward")
    options = {"units": case.attributes["hidden_size"], "use_bias": b is not None}
    if kind == "GRU":
        options["reset_after"] = bool(case.attributes.get("linear_before_reset"))
    weights: list[Array] = []
    for one in range(len(w)):
        weights += [gates(part[one], order or places).T for part in (w, r)]
        if b is not None:
            biases = [gates(part, order or places) for part in np.split(b[one], 2)]
            weights.append(np.stack(biases) if options.get("reset_after") else biases[0] + biases[1])

    def spec(sequences: bool) -> Any:
        given = {**options, "return_sequences": sequences, "go_backwards": direction == "reverse"}
        return {"Bidirectional": {"layer": {kind: given}}} if direction == "bidirectional" else {kind: given}

    trials = [Trial([spec(False)], x, y_h.reshape(len(x), -1), weights)]
    if y is not None:
        steps = y.reshape(*y.shape[:2], -1)  # both directions' features side by side
        # ONNX has outputs in the order of time, Keras in that of reading.
        trials.append(Trial([spec(True)], x, steps[:, ::-1] if direction == "reverse" else steps, weights))
    return trials


def gates(rows: Array, order: Sequence[int]) -> Array:
    parts = np.split(rows, len(order))
    return np.concatenate([parts[place] for place in order])


# -- products ---------------------------------------------------------------------------------------------------------


def gemm(case: Case) -> list[Trial]:
    """y = alpha a b + beta c, the factors taken into kernel and bias."""
    a, b, c = case.slots(3)
    attributes = case.attributes
    x = a.T if attributes.get("transA") else a
    kernel = attributes.get("alpha", 1.0) * (b.T if attributes.get("transB") else b)
    weights, units = [kernel], kernel.shape[1]
    if c is not None:
        weights.append(attributes.get("beta", 1.0) * np.broadcast_to(c.reshape(-1), units))
    return [Trial([{"Dense": {"units": units, "use_bias": c is not None}}], x, case.y, weights)]


def transposed_product(case: Case) -> list[Trial]:
    x, b = case.inputs
    return [Trial([{"Dense": {"units": len(b), "use_bias": False}}], x, case.y, [b.T])]


# An equation, whose first letter is the batch, and the shapes that it needs of ONNX's two factors.
PRODUCTS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "test_matmul_2d": ("ab,bc->ac", (3, 4), (4, 3)),
    "test_matmul_3d": ("abcd,bde->abce", (1, 2, 3, 4), (2, 4, 3)),
    "test_matmul_4d": ("abcd,bde->abce", (1, 2, 3, 4), (2, 4, 3)),
    "test_matmul_bcast": ("acd,bde->abce", (3, 3, 4), (2, 4, 2)),
    "test_matmul_1d_3d": ("ad,bde->abe", (1, 4), (2, 4, 1)),
    "test_matmul_4d_1d": ("abcd,d->abc", (1, 2, 4, 3), (3,)),
    "test_matmul_1d_1d": ("ad,d->a", (1, 3), (3,)),
}


def product(case: Case) -> list[Trial]:
    equation, x_shape, kernel_shape = PRODUCTS[case.name]
    x, kernel = case.x.reshape(x_shape), case.inputs[1].reshape(kernel_shape)
    lengths = dict(zip(equation.replace(",", "").split("->")[0], (*x_shape, *kernel_shape), strict=True))
    y = case.y.reshape([lengths[letter] for letter in equation.split("->")[1]])
    return [Trial([{"EinsumDense": {"equation": equation, "output_shape": list(y.shape[1:])}}], x, y, [kernel])]


def attention(case: Case) -> list[Trial]:
    """SelfAttention of queries, keys and values side by side: its kernels take them apart, and change nothing.

    Where there are fewer queries than keys, queries of zeros are added behind, and what they get is left out.
    """
    q, k, v = (_by_head(array, count) for array, count in zip(case.inputs, _heads(case), strict=True))
    y = _by_head(case.y, q.shape[1])  # (N, heads, T, width)
    heads, steps, width = q.shape[1], k.shape[2], q.shape[3]
    more = steps - q.shape[2]
    x = np.concatenate([_side_by_side(np.pad(q, [(0, 0), (0, 0), (0, more), (0, 0)])), *map(_side_by_side, (k, v))], -1)
    scale = case.attributes.get("scale", 1 / math.sqrt(width)) * math.sqrt(width)
    starts = np.cumsum([0, q.shape[1] * width, k.shape[1] * width])
    kernels = [
        _chosen(x.shape[-1], start, part.shape[1], heads, part.shape[3])
        for start, part in zip(starts, (q, k, v), strict=True)
    ]
    kernels[0] *= scale
    out = np.eye(heads * v.shape[3], dtype=np.float32).reshape(heads, v.shape[3], -1)
    causal, reach = bool(case.attributes.get("is_causal")), case.attributes.get("left_window_size", -1)
    assert reach == -1 or causal
    options = {
        "num_heads": heads,
        "key_dim": width,
        "value_dim": v.shape[3],
        "use_bias": False,
        "output_shape": out.shape[-1],
        "causal": causal,
        "sliding_window": None if reach == -1 else reach + 1,
    }
    return [Trial([{"SelfAttention": options}], x, _side_by_side(y), [*kernels, out], steps=y.shape[2])]


def _heads(case: Case) -> list[int]:
    """How many heads queries, keys and values have."""
    if case.x.ndim == 4:
        return [array.shape[1] for array in case.inputs]
    return [case.attributes["q_num_heads"], *[case.attributes["kv_num_heads"]] * 2]


def _by_head(array: Array, heads: int) -> Array:
    """(N, heads, T, width), whether the heads are an axis or lie side by side."""
    return array if array.ndim == 4 else array.reshape(*array.shape[:2], heads, -1).swapaxes(1, 2)


def _side_by_side(array: Array) -> Array:
    return array.swapaxes(1, 2).reshape(len(array), array.shape[2], -1)


def _chosen(total: int, start: int, there: int, heads: int, width: int) -> Array:
    """A kernel (C, heads, width) that takes the heads that are there from `start` on; neighbours may share one."""
    kernel = np.zeros((total, heads, width), np.float32)
    for head in range(heads):
        first = start + head * there // heads * width
        kernel[first : first + width, head] = np.eye(width)
    return kernel


def causal_convolution(case: Case) -> list[Trial]:
    """A group for each channel. Kernels: ONNX's (C, 1, T), Keras's (T, 1, C)."""
    x, kernel, bias = case.slots(3)
    options = {
        "filters": len(kernel),
        "kernel_size": kernel.shape[2],
        "groups": len(kernel),
        "padding": "causal",
        "data_format": "channels_first",
        "activation": case.attributes.get("activation", "linear"),
        "use_bias": bias is not None,
    }
    weights = [kernel.transpose(2, 1, 0), *([] if bias is None else [bias])]
    return [Trial([{"Conv1D": options}], x, case.y, weights)]


# -- numbers moved about ----------------------------------------------------------------------------------------------


def dropout(case: Case) -> list[Trial]:
    x, rate, training = case.slots(3)
    rate = case.attributes.get("ratio", 0.5) if rate is None else float(rate)
    return [Trial([{"Dropout": {"rate": rate}}], x, case.y, training=bool(training))]


def embedding(case: Case) -> list[Trial]:
    table, indices = case.inputs
    table = table.reshape(len(table), -1)
    options = {"input_dim": table.shape[0], "output_dim": table.shape[1]}
    return [Trial([{"Embedding": options}], indices, case.y.reshape(*indices.shape, -1), [table])]


def flatten(case: Case) -> list[Trial]:
    """All axes before the one given make the batch."""
    axis = case.attributes.get("axis", 1)
    x = case.x.reshape(math.prod(case.x.shape[:axis]), *case.x.shape[axis:])
    return [Trial(["Flatten"], x, case.y)]


def permute(case: Case) -> list[Trial]:
    order = case.attributes.get("perm", reversed(range(case.x.ndim)))
    return [Trial([{"Permute": {"dims": [axis + 1 for axis in order]}}], case.x[None], case.y[None])]


def reshape(case: Case) -> list[Trial]:
    return [Trial([{"Reshape": {"target_shape": case.inputs[1].tolist()}}], case.x[None], case.y[None])]


def upsampling(case: Case) -> list[Trial]:
    mode = case.attributes["mode"]
    sizes = [new / old for new, old in zip(case.y.shape[2:], case.x.shape[2:], strict=True)]
    assert all(size == int(size) for size in sizes)
    options = {
        "size": [int(size) for size in sizes],
        "data_format": "channels_first",
        "interpolation": {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}[mode],
    }
    return [Trial([{"UpSampling2D": options}], case.x, case.y)]


def zero_padding(case: Case) -> list[Trial]:
    pads = case.attributes["pads"] if case.opset < 11 else case.inputs[1]
    (*_, top, left), (*_, bottom, right) = np.split(np.array(pads), 2)
    options = {"padding": [[int(top), int(bottom)], [int(left), int(right)]], "data_format": "channels_first"}
    return [Trial([{"ZeroPadding2D": options}], case.x, case.y)]


def in_the_middle(case: Case) -> list[Trial]:
    """The odd one of what is cut or added is at the end."""
    more = np.array(case.y.shape) - case.x.shape
    edges = [[int(n) // 2, int(n) - int(n) // 2] for n in np.abs(more)]
    if (more >= 0).all():
        return _volume(case, {"ZeroPadding3D": {"padding": edges}})
    assert (more <= 0).all()
    return _volume(case, {"Cropping3D": {"cropping": edges}})


def cropping(case: Case) -> list[Trial]:
    x, starts, ends, axes, _ = case.slots(5)
    edges = [[0, 0] for _ in x.shape]
    for axis, start, end in zip(range(len(starts)) if axes is None else axes, starts, ends, strict=True):
        first, behind, _ = slice(int(start), int(end)).indices(x.shape[axis])
        edges[axis] = [first, x.shape[axis] - behind]
    return _volume(case, {"Cropping3D": {"cropping": edges}})


def _volume(case: Case, spec: Any) -> list[Trial]:
    """x as one volume of one channel."""
    return [Trial([spec], case.x[None, ..., None], case.y[None, ..., None])]


TABLE: dict[str, Callable[[Case], list[Trial]]] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "Attention": attention,
    "BatchNormalization": batch_normalization,
    "CausalConvWithState": causal_convolution,
    "CenterCropPad": in_the_middle,
    "Dropout": dropout,
    "Flatten": flatten,
    "GRU": recurrent,
    "Gather": embedding,
    "Gemm": gemm,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": group_normalization,
    "LSTM": recurrent,
    "LayerNormalization": over_axes,
    "LogSoftmax": softmax,
    "LpNormalization": unit_normalization,
    "MatMul": product,
    "MeanVarianceNormalization": mean_variance,
    "PRelu": prelu,
    "Pad": zero_padding,
    "RMSNormalization": over_axes,
    "RNN": recurrent,
    "Reshape": reshape,
    "Resize": upsampling,
    "Slice": cropping,
    "Softmax": softmax,
    "Transpose": permute,
    "Transpose+MatMul": transposed_product,
    "Upsample": upsampling,
}

CASES = load_cases("onnx_layers")


def reasons(case: Case) -> list[str]:
    return [reason for pattern, reason in LEFT_OUT.items() if fnmatchcase(case.name, pattern)]


RUN = [case for case in CASES if not reasons(case)]


def agrees(trial: Trial, spec: Any) -> bool:
    y, layer = run(spec, trial.x, list(trial.weights), training=trial.training)
    if trial.left is not None:
        if not all(close(got, expected) for got, expected in zip(layer.get_weights(), trial.left, strict=True)):
            return False
    return close(y if trial.steps is None else y[:, : trial.steps], trial.y)


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_layers_compute_what_onnx_says(case: Case) -> None:
    for trial in TABLE[case.operator](case):
        for spec in trial.specs:
            assert agrees(trial, spec), spec


@pytest.mark.parametrize("case", [case for case in CASES if reasons(case)], ids=lambda case: case.name)
def test_what_is_left_out_is_otherwise(case: Case) -> None:
    """The layer that comes nearest can't be made for it, or computes something else."""
    try:
        same = [agrees(trial, spec) for trial in TABLE[case.operator](case) for spec in trial.specs]
    except CANT_BE_SAID:
        return
    assert not any(same)


CANT_BE_SAID = (KeyError, AssertionError, ValueError)  # of the functions above, and of layers that refuse an option


def test_every_case_is_run_or_has_one_reason() -> None:
    """None falls out unseen: the counts are those of onnx 1.23."""
    for pattern in LEFT_OUT:
        assert any(fnmatchcase(case.name, pattern) for case in CASES), f"{pattern} leaves nothing out"
    assert [case.name for case in CASES if len(reasons(case)) > 1] == []
    assert Counter(case.operator for case in RUN) == COUNTS


COUNTS = {
    "Abs+Add+Div": 1,
    "Attention": 22,
    "BatchNormalization": 9,
    "CausalConvWithState": 7,
    "Celu": 1,
    "CenterCropPad": 2,
    "Clip": 4,
    "Dropout": 8,
    "Elu": 4,
    "Exp": 3,
    "Flatten": 11,
    "GRU": 18,
    "Gather": 3,
    "Gelu": 4,
    "Gemm": 12,
    "GroupNormalization": 2,
    "HardSwish": 1,
    "Identity": 1,
    "InstanceNormalization": 2,
    "LSTM": 11,
    "LayerNormalization": 19,
    "LeakyRelu": 5,
    "LogSoftmax": 10,
    "LpNormalization": 3,
    "MatMul": 7,
    "MeanVarianceNormalization": 1,
    "Mish": 1,
    "PRelu": 8,
    "Pad": 1,
    "RMSNormalization": 19,
    "RNN": 12,
    "Relu": 2,
    "Reshape": 7,
    "Resize": 6,
    "Selu": 3,
    "Shrink": 2,
    "Sigmoid": 3,
    "Slice": 6,
    "Softmax": 10,
    "Softplus": 3,
    "Softsign": 2,
    "Split+Sigmoid+Mul": 2,
    "Swish": 1,
    "Tanh": 3,
    "ThresholdedRelu": 3,
    "Transpose": 8,
    "Transpose+MatMul": 1,
    "Upsample": 1,
}

RANDOM = [case for case in CASES if case.name.startswith("reference_")]


@pytest.mark.parametrize("case", [case for case in RANDOM if case.operator != "RNN"], ids=lambda case: case.name)
def test_gates_are_told_apart(case: Case) -> None:
    """With gates in any other order no output agrees, so that the cases show that the order is right."""
    right = RECURRENT[case.operator][1]
    for order in permutations(range(len(right))):
        for trial in recurrent(case, order):
            assert agrees(trial, trial.specs[0]) == (order == right)


@pytest.mark.parametrize("case", [case for case in RANDOM if case.operator == "GRU"], ids=lambda case: case.name)
def test_places_of_the_reset_gate_are_told_apart(case: Case) -> None:
    changed = {**case.attributes, "linear_before_reset": 1 - case.attributes["linear_before_reset"]}
    for trial in recurrent(replace(case, attributes=changed)):
        assert not agrees(trial, trial.specs[0])
