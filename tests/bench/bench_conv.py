"""Convolution and pooling beside PyTorch: python -m tests.bench.bench_conv [--rounds 15] [--only conv]

Run in an environment that has PyTorch. Each case is one layer, forward and backward on 16 images (a piece of a batch,
as the engine hands it to a worker) on one thread, PyTorch in channels-last; rounds alternate between the two. The ratio
is that of the medians, `best` that of the fastest rounds, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

ROWS = 16
# layer, options, input shape, whether the gradient of the input is asked for
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...], bool]] = {
    "conv 28x28x1-32 3x3": ("Conv2D", {"filters": 32, "kernel_size": 3}, (28, 28, 1), False),
    "conv 13x13x32-64 3x3": ("Conv2D", {"filters": 64, "kernel_size": 3}, (13, 13, 32), True),
    "conv 32x32x3-32 3x3 same": ("Conv2D", {"filters": 32, "kernel_size": 3, "padding": "same"}, (32, 32, 3), False),
    "conv 32x32x32-32 3x3 same": ("Conv2D", {"filters": 32, "kernel_size": 3, "padding": "same"}, (32, 32, 32), True),
    "conv 16x16x64-64 3x3 same": ("Conv2D", {"filters": 64, "kernel_size": 3, "padding": "same"}, (16, 16, 64), True),
    "conv 8x8x128-128 3x3 same": ("Conv2D", {"filters": 128, "kernel_size": 3, "padding": "same"}, (8, 8, 128), True),
    "conv 4x4x256-256 3x3 same": ("Conv2D", {"filters": 256, "kernel_size": 3, "padding": "same"}, (4, 4, 256), True),
    "conv 32x32x16-16 3x3 same": ("Conv2D", {"filters": 16, "kernel_size": 3, "padding": "same"}, (32, 32, 16), True),
    "conv 16x16x64-64 5x5 same": ("Conv2D", {"filters": 64, "kernel_size": 5, "padding": "same"}, (16, 16, 64), True),
    "conv 32x32x32-64 3x3 /2": ("Conv2D", {"filters": 64, "kernel_size": 3, "strides": 2}, (33, 33, 32), True),
    "conv 16x16x64-128 3x3 /2": ("Conv2D", {"filters": 128, "kernel_size": 3, "strides": 2}, (17, 17, 64), True),
    "conv 32x32x16-32 1x1 /2": ("Conv2D", {"filters": 32, "kernel_size": 1, "strides": 2}, (32, 32, 16), True),
    "conv 32x32x32-64 1x1": ("Conv2D", {"filters": 64, "kernel_size": 1}, (32, 32, 32), True),
    "conv 16x16x64-128 1x1": ("Conv2D", {"filters": 128, "kernel_size": 1}, (16, 16, 64), True),
    "conv 28x28x1-6 5x5 same": ("Conv2D", {"filters": 6, "kernel_size": 5, "padding": "same"}, (28, 28, 1), False),
    "conv 14x14x6-16 5x5": ("Conv2D", {"filters": 16, "kernel_size": 5}, (14, 14, 6), True),
    "conv 32x32x32-32 3x3 dilated": (
        "Conv2D",
        {"filters": 32, "kernel_size": 3, "dilation_rate": 2},
        (36, 36, 32),
        True,
    ),
    "conv 32x32x32-32 3x3 4 groups": ("Conv2D", {"filters": 32, "kernel_size": 3, "groups": 4}, (34, 34, 32), True),
    "conv1d 200x64-128 5": ("Conv1D", {"filters": 128, "kernel_size": 5}, (200, 64), True),
    "conv1d 100x32-32 3 same": ("Conv1D", {"filters": 32, "kernel_size": 3, "padding": "same"}, (100, 32), True),
    "conv3d 8x16x16x16-32 3x3x3": ("Conv3D", {"filters": 32, "kernel_size": 3}, (8, 16, 16, 16), True),
    "transposed 16x16x64-32 3x3 x2": (
        "Conv2DTranspose",
        {"filters": 32, "kernel_size": 3, "strides": 2},
        (16, 16, 64),
        True,
    ),
    "depthwise 32x32x32 3x3": ("DepthwiseConv2D", {"kernel_size": 3}, (34, 34, 32), True),
    "depthwise 16x16x64 3x3": ("DepthwiseConv2D", {"kernel_size": 3}, (18, 18, 64), True),
    "depthwise 8x8x128 3x3": ("DepthwiseConv2D", {"kernel_size": 3}, (10, 10, 128), True),
    "depthwise 32x32x32 3x3 /2": ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2}, (33, 33, 32), True),
    "max pool 26x26x32 2x2": ("MaxPooling2D", {}, (26, 26, 32), True),
    "max pool 32x32x32 2x2": ("MaxPooling2D", {}, (32, 32, 32), True),
    "max pool 16x16x64 2x2": ("MaxPooling2D", {}, (16, 16, 64), True),
    "max pool 33x33x32 3x3 /2": ("MaxPooling2D", {"pool_size": 3, "strides": 2}, (33, 33, 32), True),
    "average pool 32x32x32 2x2": ("AveragePooling2D", {"pool_size": 2}, (32, 32, 32), True),
    "global average 8x8x128": ("GlobalAveragePooling2D", {}, (8, 8, 128), True),
    "global max 200x128": ("GlobalMaxPooling1D", {}, (200, 128), True),
    "upsampling 16x16x64 x2": ("UpSampling2D", {}, (16, 16, 64), True),
}


def ours(layer: str, options: dict[str, Any], shape: tuple[int, ...], need_dx: bool) -> Callable[[], None]:
    """One forward and backward pass."""
    import numpy as np

    from seqnet.declare import get
    from seqnet.layers import Layer
    from seqnet.layers.base import Worker
    from seqnet.network.engine import Shard
    from seqnet.network.network import Network

    it = get(Layer, {layer: {"name": "it", **options}})
    network = Network([it], shape)
    shard = Shard(network, Worker(np.random.default_rng(0)))
    context = shard.contexts[0]
    context.training = True
    shard.worker.rows = ROWS
    rng = np.random.default_rng(1)
    x = rng.standard_normal((ROWS, *shape), np.float32)
    dy = rng.standard_normal((ROWS, *(n or 0 for n in network.output_shape)), np.float32)

    def run() -> None:
        for grads in shard.grads:
            grads.start()
        _, cache = it.forward(x, context)
        it.backward(dy, cache, context, need_dx=need_dx)

    return run


def theirs(layer: str, options: dict[str, Any], shape: tuple[int, ...], need_dx: bool) -> Callable[[], None]:
    """The same in PyTorch."""
    import torch
    from torch import nn

    channels, rank = shape[-1], len(shape) - 1
    k, s = options.get("kernel_size", options.get("pool_size", 2)), options.get("strides", 1)
    padding = k // 2 if options.get("padding") == "same" else 0
    common = {"stride": s, "padding": padding}
    made: Any
    if layer.endswith("Transpose"):
        made = nn.ConvTranspose2d(channels, options["filters"], k, stride=s)
    elif layer.startswith("Conv"):
        kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
        extra = {"dilation": options.get("dilation_rate", 1), "groups": options.get("groups", 1)}
        made = kind(channels, options["filters"], k, **common, **extra)
    elif layer.startswith("Depthwise"):
        made = nn.Conv2d(channels, channels, k, groups=channels, **common)
    elif layer.startswith("MaxPooling"):
        made = nn.MaxPool2d(k, options.get("strides"))
    elif layer.startswith("AveragePooling"):
        made = nn.AvgPool2d(k)
    elif layer == "GlobalAveragePooling2D":
        made = nn.AdaptiveAvgPool2d(1)
    elif layer == "GlobalMaxPooling1D":
        made = nn.AdaptiveMaxPool1d(1)
    else:
        made = nn.Upsample(scale_factor=2)
    form = {4: torch.channels_last, 5: torch.channels_last_3d}.get(len(shape) + 1, torch.contiguous_format)
    made = made.to(memory_format=form)
    x = torch.randn(ROWS, channels, *shape[:-1]).to(memory_format=form).requires_grad_(need_dx)
    dy = torch.randn_like(made(x)).to(memory_format=form)

    def run() -> None:
        x.grad = None
        for parameter in made.parameters():
            parameter.grad = None
        made(x).backward(dy)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    given = parser.parse_args()
    import torch
    from threadpoolctl import threadpool_limits

    from seqnet.network.memory import keep_memory

    keep_memory()  # as the engine does
    torch.set_num_threads(1)
    print(f"{'ms, median of ' + str(given.rounds):34} {'seqnet':>8} {'torch':>8} {'ratio':>6} {'best':>6}")
    with threadpool_limits(1):
        for name, case in CASES.items():
            if given.only not in name:
                continue
            runs = ours(*case), theirs(*case)
            times: tuple[list[float], list[float]] = [], []
            for run in (*runs, *runs):
                run()
            for _ in range(given.rounds):
                for run, spent in zip(runs, times, strict=True):
                    run()  # its own data back into the cache
                    start = time.perf_counter()
                    run()
                    run()
                    spent.append((time.perf_counter() - start) / 2)
            us, them = (statistics.median(spent) * 1e3 for spent in times)
            best = min(times[0]) / min(times[1])
            print(f"{name:34} {us:8.3f} {them:8.3f} {us / them:6.2f} {best:6.2f}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
