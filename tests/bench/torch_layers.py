"""The networks of works.py in PyTorch, as its users write them; the last activation is left to the loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.bench.works import Work

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


def build(work: Work) -> tuple[nn.Module, bool]:
    """The network, and whether its inputs are images."""
    shape = tuple(work.input_shape)
    images = len(shape) == 3
    made: list[nn.Module] = []
    for name, options in work.layers:
        layer, shape = _layer(name, options, shape)
        made.append(layer)
    return nn.Sequential(*made), images


def _layer(name: str, o: dict[str, Any], shape: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    if name == "Dense":
        return nn.Sequential(nn.Linear(shape[-1], o["units"]), ACTIVATIONS[o["activation"]]()), (o["units"],)
    if name == "Conv2D":
        k, same = o["kernel_size"], o["padding"] == "same"
        h, w = (n if same else n - k + 1 for n in shape[:2])
        conv = nn.Conv2d(shape[2], o["filters"], k, padding="same" if same else 0)
        return nn.Sequential(conv, ACTIVATIONS[o["activation"]]()), (h, w, o["filters"])
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
