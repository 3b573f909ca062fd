"""Recurrent layers beside PyTorch: python -m tests.bench.bench_recurrent [--peers PYTHON] [--threads 1 2] [--rounds 15]

Each case is one layer in training: forward, mean squared error, backward, on one thread or on two. Either side runs in
a process of its own, PyTorch's with the Python named by --peers; rounds alternate. The ratio is that of the medians,
`best` that of the fastest rounds, `work` that of the processor time of all threads together (PyTorch's waiting
threads count too); other work on the machine disturbs these least.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

# layer, options, rows, shape of a row, whether the gradient of the input is asked for
CASES: dict[str, tuple[str, dict[str, Any], int, tuple[int, int], bool]] = {
    "lstm 128 on 28x28, batch 128": ("LSTM", {"units": 128}, 128, (28, 28), False),
    "gru 128 on 28x28, batch 128": ("GRU", {"units": 128}, 128, (28, 28), False),
    "rnn 128 on 28x28, batch 128": ("SimpleRNN", {"units": 128}, 128, (28, 28), False),
    "two-way lstm 64 on 100x64, batch 64": ("Bidirectional LSTM", {"units": 64}, 64, (100, 64), True),
    "two-way gru 64 on 100x64, batch 64": ("Bidirectional GRU", {"units": 64}, 64, (100, 64), True),
    "lstm 128 on 50x128, sequences, batch 64": (
        "LSTM",
        {"units": 128, "return_sequences": True},
        64,
        (50, 128),
        True,
    ),
    "lstm 32 on 20x8, batch 32": ("LSTM", {"units": 32}, 32, (20, 8), False),
    "gru 32 on 20x8, batch 32": ("GRU", {"units": 32}, 32, (20, 8), False),
    "lstm 256 on 30x64, batch 128": ("LSTM", {"units": 256}, 128, (30, 64), True),
}


def ours(
    layer: str, options: dict[str, Any], rows: int, shape: tuple[int, int], need_dx: bool, threads: int
) -> Callable[[], Any]:
    """One step."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from seqnet.declare import get
    from seqnet.layers import Layer
    from seqnet.losses import MeanSquaredError
    from seqnet.network.engine import Engine
    from seqnet.network.network import Network

    threadpool_limits(1)
    *outer, inner = layer.split()
    value: Any = {inner: {"name": "it", **options}}
    it = get(Layer, {outer[0]: {"name": "it", "layer": value}} if outer else value)
    network = Network([it], shape)
    engine = Engine(network, MeanSquaredError(), threads=threads)
    if need_dx:  # as in the middle of a stack
        back = it.backward
        it.backward = lambda *given, need_dx: back(*given, need_dx=True)  # type: ignore[method-assign]
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, *shape), np.float32)
    y = rng.standard_normal((rows, *(n or 0 for n in network.output_shape)), np.float32)
    return lambda: engine.train_step(x, y)


def theirs(
    layer: str, options: dict[str, Any], rows: int, shape: tuple[int, int], need_dx: bool, threads: int
) -> Callable[[], Any]:
    """The same in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    *outer, inner = layer.split()
    kind = {"SimpleRNN": "RNN"}.get(inner, inner)
    made = getattr(nn, kind)(shape[1], options["units"], batch_first=True, bidirectional=bool(outer))
    x = torch.randn(rows, *shape, requires_grad=need_dx)

    def output() -> torch.Tensor:
        whole, state = made(x)
        if options.get("return_sequences"):
            return whole
        return torch.cat(list(state[0] if isinstance(state, tuple) else state), dim=1)

    y = torch.randn_like(output())

    def run() -> None:
        x.grad = None
        for parameter in made.parameters():
            parameter.grad = None
        nn.functional.mse_loss(output(), y).backward()

    return run


def serve(side: str) -> None:
    """Answer each line, [case, threads], with the seconds and the processor seconds of one step."""
    runs: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        name, threads = json.loads(line)
        if line not in runs:
            runs[line] = {"ours": ours, "theirs": theirs}[side](*CASES[name], threads)
            runs[line]()
        run = runs[line]
        run()  # its own data back into the cache
        start, work = time.perf_counter(), time.process_time()
        run()
        run()
        print(json.dumps([(time.perf_counter() - start) / 2, (time.process_time() - work) / 2]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="the Python that has PyTorch")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.serve)
    print(f"{'ms, median of ' + str(given.rounds):46} {'seqnet':>8} {'torch':>8} {'ratio':>6} {'best':>6} {'work':>6}")
    for name in CASES:
        for threads in given.threads:
            if given.only in name:
                print(
                    f"{name + f', {threads} threads':46} {race(name, threads, given.rounds, given.peers)}", flush=True
                )


def race(name: str, threads: int, rounds: int, peers: str) -> str:
    """One line of the table."""
    sides = []
    for side, python in (("ours", sys.executable), ("theirs", peers)):
        command = [python, "-m", "tests.bench.bench_recurrent", "--serve", side]
        pipe = subprocess.PIPE
        sides.append(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, "PYTHONPATH": "."})
        )
    times: list[list[tuple[float, float]]] = [[], []]
    for turn in range(rounds + 1):
        for process, spent in zip(sides, times, strict=True):
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps([name, threads]) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            if turn:
                spent.append(answer)
    for process in sides:
        process.communicate()
    us, them = (statistics.median(clock for clock, _ in spent) * 1e3 for spent in times)
    best, best_of_them = (min(clock for clock, _ in spent) for spent in times)
    work, work_of_them = (min(work for _, work in spent) for spent in times)
    return f"{us:8.2f} {them:8.2f} {us / them:6.2f} {best / best_of_them:6.2f} {work / work_of_them:6.2f}"


if __name__ == "__main__":
    main()
