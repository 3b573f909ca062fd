"""The networks of works.py in PyTorch, as its users write them; the last activation is left to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tests.bench.works import Layer, Work

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "linear": nn.Identity, "softmax": nn.Identity, "sigmoid": nn.Identity}


class Last(nn.Module):
    """The output of a recurrent layer at its last step, both directions side by side."""

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, state = self.recurrent(x)
        hidden = state[0] if isinstance(state, tuple) else state
        return torch.cat(list(hidden), dim=1)


class TimeLast(nn.Module):
    """A layer over (N, C, T) for rows that come as (N, T, C)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x.transpose(1, 2))


class MaxOverTime(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax(dim=-1)


class Mean(nn.Module):
    """The mean over the positions of images (N, C, H, W), or over the steps of sequences (N, T, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3) if x.dim() == 4 else 1)


class Residual(nn.Module):
    def __init__(self, inner: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.inner, self.shortcut, self.activation = inner, shortcut, activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.inner(x) + self.shortcut(x))


def count_parameters(model: nn.Module) -> int:
    """The trained numbers, without the second bias of nn.LSTM, which does what the first one does."""
    again = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.LSTM)
        for name, parameter in module.named_parameters()
        if name.startswith("bias_hh")
    }
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in again)


def build(work: Work) -> tuple[nn.Module, bool]:
    """The network, and whether its inputs are images."""
    shape = tuple(work.input_shape)
    images = len(shape) == 3
    return _chain(work.layers, shape)[0], images


def _chain(layers: Sequence[Layer], shape: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    made: list[nn.Module] = []
    for name, options in layers:
        layer, shape = _layer(name, options, shape)
        made.append(layer)
    return nn.Sequential(*made), shape


def _windows(o: dict[str, Any], shape: tuple[int, ...]) -> tuple[dict[str, Any], int, int]:
    """Options of a convolution, and the height and width it gives. Of odd windows, padding "same" is half a window."""
    k, stride, same = o["kernel_size"], o.get("strides", 1), o["padding"] == "same"
    h, w = (-(-n // stride) if same else (n - k) // stride + 1 for n in shape[:2])
    return {"kernel_size": k, "stride": stride, "padding": k // 2 if same else 0}, h, w


def _layer(name: str, o: dict[str, Any], shape: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    if name == "Dense":
        return nn.Sequential(nn.Linear(shape[-1], o["units"]), ACTIVATIONS[o["activation"]]()), (o["units"],)
    if name == "Conv2D":
        windows, h, w = _windows(o, shape)
        conv = nn.Conv2d(shape[2], o["filters"], **windows)
        return nn.Sequential(conv, ACTIVATIONS[o["activation"]]()), (h, w, o["filters"])
    if name == "DepthwiseConv2D":
        windows, h, w = _windows(o, shape)
        return nn.Conv2d(shape[2], shape[2], groups=shape[2], **windows), (h, w, shape[2])
    if name == "Residual":
        inner, reached = _chain(o["layers"], shape)
        shortcut: nn.Module = nn.Identity()
        if o["shortcut"] == "projection":
            shortcut = nn.Conv2d(shape[2], reached[2], 1, stride=shape[0] // reached[0])
        return Residual(inner, shortcut, ACTIVATIONS[o["activation"]]()), reached
    if name == "TransformerEncoder":
        block = nn.TransformerEncoderLayer(
            shape[-1], o["num_heads"], o["intermediate_dim"], dropout=0.0, batch_first=True
        )
        return block, shape
    if name in ("GlobalAveragePooling1D", "GlobalAveragePooling2D"):
        return Mean(), (shape[-1],)
    if name == "MaxPooling2D":
        return nn.MaxPool2d(o["pool_size"]), (shape[0] // 2, shape[1] // 2, shape[2])
    if name == "BatchNormalization":
        return nn.BatchNorm2d(shape[-1], eps=1e-3, momentum=0.01), shape
    if name == "Flatten":
        size = 1
        for n in shape:
            size *= n
        return nn.Flatten(), (size,)
    if name == "Dropout":
        return nn.Dropout(o["rate"]), shape
    if name == "ReLU":
        return nn.ReLU(), shape
    if name in ("LSTM", "GRU"):
        return Last(getattr(nn, name)(shape[-1], o["units"], batch_first=True)), (o["units"],)
    if name == "Bidirectional":
        kind, inner = o["layer"]
        recurrent = getattr(nn, kind)(shape[-1], inner["units"], batch_first=True, bidirectional=True)
        return Last(recurrent), (2 * inner["units"],)
    if name == "Embedding":
        return nn.Embedding(o["input_dim"], o["output_dim"]), (*shape, o["output_dim"])
    if name == "Conv1D":
        conv = nn.Conv1d(shape[-1], o["filters"], o["kernel_size"])
        return nn.Sequential(TimeLast(conv), ACTIVATIONS[o["activation"]]()), (
            shape[0] - o["kernel_size"] + 1,
            o["filters"],
        )
    if name == "GlobalMaxPooling1D":
        return MaxOverTime(), (shape[-1],)
    raise ValueError(f"no PyTorch layer for {name}")
