"""How many workers a step is worth, and how many rows at a time."""

from __future__ import annotations

import math
import os

from seqnet.network import crew
from seqnet.network.network import Network

CREW_S = 0.4e-3  # of work in a step that a process is worth: waking it, meeting it and moving numbers to its cache
SHARED_UPDATE = 40_000  # variables whose update is worth a process
THREAD_S = 0.5e-3  # and a thread, for which the same takes 0.1 ms
PIECE_S = 15e-3  # of work in a piece of a prediction


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def helpers_for(network: Network) -> int:
    """How many processes share the optimizer's part of a step that is otherwise one worker's."""
    return max(1, min(cores(), network.parameters.theta.size // SHARED_UPDATE)) if crew.possible() else 1


def choose_threads(network: Network, batch_size: int) -> int:
    """How many workers share a step; below twice the work that one is worth, there is one."""
    worth = CREW_S if crew.possible() else THREAD_S
    seconds = step_seconds(network, batch_size) + network.parameters.theta.size / 7e8  # the optimizer's part
    return max(1, min(cores(), batch_size // 8, int(seconds / worth)))


def step_seconds(network: Network, rows: int) -> float:
    """A guess at what a step takes one worker: forward and two backward products at 50 GFLOP/s, three passes over the
    outputs at 2 G/s."""
    return rows * (3 * _flops(network) / 5e10 + 3 * _outputs(network) / 2e9)


def prediction_seconds(network: Network, rows: int) -> float:
    """A guess at what predicting takes one worker: its products at 120 GFLOP/s, one pass over the outputs at 2 G/s."""
    return rows * (_flops(network) / 1.2e11 + _outputs(network) / 2e9)


def prediction_rows(network: Network) -> int:
    """Rows that are predicted together where nobody minds: many enough for the products, few enough for the memory."""
    return min(1024, 2**25 // (network.dtype.itemsize * max(_outputs(network), 1)))


def piece_rows(network: Network, *, training: bool = True) -> int:
    """Rows whose activations stay in a core's second-level cache; 0 = a shard in one piece.

    A small stack is one piece: its activations fit anyway, and every piece costs a walk over the layers. At inference
    a piece is also some work: shards are threads then, which wait for each other at every call.
    """
    bytes_per_row = network.dtype.itemsize * _outputs(network)
    if bytes_per_row < 32_768:
        return 0
    fitting = max(4, 2**22 // bytes_per_row)
    return fitting if training else max(fitting, int(PIECE_S / prediction_seconds(network, 1)))


def _outputs(network: Network) -> int:
    """Numbers that all layers put out for one row."""
    return sum(math.prod(n or 1 for n in node.out_shape) for node in network.nodes)


def _flops(network: Network) -> int:
    """Floating-point operations of one row's forward pass."""
    return sum(node.layer.flops(node.in_shape) for node in network.nodes)
