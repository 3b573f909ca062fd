"""`seqnet bench`: how fast a file trains, where its time goes, and how far that is from what the machine can do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.declare import get
from seqnet.errors import Problem
from seqnet.losses import Loss
from seqnet.models.sequential import Sequential
from seqnet.network.blas import running
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.network.profile import LayerCost, Machine, Profile, measure_machine, profile_layers
from seqnet.runs.train import adapt_layers, prepared, training_rows, warn_or_refuse
from seqnet.spec.run import RunSpec
from seqnet.training.callbacks import Callback
from seqnet.training.compiled import prepare
from seqnet.training.trainer import FitOptions, Rows

GENERATED = "generated"
_BATCHES = 64  # of the data's first rows; more would show the same
_LEAST = 5  # steps that are timed, however long they take


@dataclass(frozen=True)
class StepTimes:
    """Seconds of one step as the trainer runs it, and of the parts of it that can be told apart from outside."""

    whole: float
    network: float  # forward, loss and backward
    optimizer: float


def bench(
    spec: RunSpec,
    *,
    threads: int | None = None,
    seconds: float = 3.0,
    batch_size: int | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Train for so many seconds on the data's first rows, then time every layer in one thread; nothing is written.

    Without data, rows of the shape that the model states are generated. Returns plain data. step_ms: the median, and
    what 8 of 10 steps lie between; shares: of the steps' time; layers, profile: of a batch in one thread; limit: on
    the threads of the steps. on_start() is called when everything that can be wrong is known to be right.
    Raises SpecError, DataError.
    """
    spec.require("timing a step", "optimizer", "loss")
    size = batch_size or spec.training.batch_size
    name, rows, model = _prepared(spec, threads, size)
    size = min(size, len(rows))
    count = min(len(rows) // size, _BATCHES) * size
    rows = Rows(rows.x[:count], rows.y[:count], None if rows.weight is None else rows.weight[:count])
    on_start()
    adapt_layers(model, rows.x)
    with running():
        machine = measure_machine(model.network.dtype)
    steps, used = _timed_steps(spec, model, rows, size, seconds)
    profile = _profiled(model, rows, size, seconds / 2)
    report = {
        "file": spec.document.name,
        "name": spec.name,
        "data": name,
        "rows": count,
        "batch_size": size,
        "threads": used,
        "seed": spec.seed,
        "dtype": model.network.dtype.name,
    }
    return {**report, **_report(model, machine, steps, profile, size, used)}


def _prepared(spec: RunSpec, threads: int | None, size: int) -> tuple[str, Rows, Sequential]:
    """The name of the data, the training rows (generated ones: a few batches of `size`), and the model."""
    data = spec.load_data() if spec.data is not None else None
    warn_or_refuse(spec, data, lambda name, details: None)  # what trains badly is as fast
    if data is not None:
        model = spec.build_model(data.input_shape, threads=threads)
        return data.name, prepared(model, training_rows(spec, data)), model
    model = spec.build_model(threads=threads)
    if model.network.front.takes_text:
        spec.refuse([Problem(("model", 0), "there are no data, and texts can't be generated", "add a data section")])
    if None in model.network.input_shape:
        hint = "give data, or state every length, as in -s 'model.0={Input: {shape: [200]}}'"
        message = f"there are no data, and rows of shape {list(model.network.input_shape)} can't be generated"
        spec.refuse([Problem(("model", 0), message, hint)])
    return GENERATED, _generated(model.network, get(Loss, spec.loss), 4 * size), model


def _generated(network: Network, loss: Loss, count: int) -> Rows:
    """Random rows of the network's input shape with labels of the form that the loss takes."""
    rng = np.random.default_rng(network.stream("rows for timing"))
    first = next((layer for layer in network.computed[network.front.count :] if layer.takes_integers), None)
    shape = (count, *(n or 1 for n in (network.front.shape if network.front.count else network.input_shape)))
    x: Array = rng.random(shape, dtype=np.float32)
    if network.takes_integers and first is not None:
        x = rng.integers(0, getattr(first, "input_dim", None) or 2, shape).astype(np.int32)
    return Rows(x, _labels(rng, loss, count, network.output_shape))


def _labels(rng: np.random.Generator, loss: Loss, count: int, output: Shape) -> Array:
    shape = (count, *(n or 1 for n in output))
    if loss.labels == "integer" and output:
        return rng.integers(0, shape[-1], shape[:-1])
    if loss.labels == "one_hot" and output:
        return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], shape[:-1])]
    if loss.labels == "binary":
        return rng.integers(0, 2, shape).astype(np.float32)
    return rng.random(shape, dtype=np.float32)


class _Clocked:
    """Stands for another object and adds up the seconds of one of its methods.

    So the very code that trains is timed, wherever it calls the method, instead of a loop that is like it.
    """

    def __init__(self, inner: Any, method: str) -> None:
        self._inner = inner
        self._seconds = 0.0
        called = getattr(inner, method)

        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return called(*arguments, **options)
            finally:
                self._seconds += time.perf_counter() - began

        setattr(self, method, timed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def take_seconds(self) -> float:
        """The seconds since the last time this was called."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


class _StepClock(Callback):
    """Notes the times of every step, and ends the training when there are enough of them."""

    def __init__(self, engine: _Clocked, optimizer: _Clocked, seconds: float) -> None:
        self.engine = engine
        self.optimizer = optimizer
        self.seconds = seconds
        self.steps: list[StepTimes] = []
        self.started = self.before = time.perf_counter()

    def after_step(self, trainer: Any) -> None:
        now = time.perf_counter()
        began = max(self.before, trainer.epoch_started)  # what lies between two epochs belongs to no step
        self.steps.append(StepTimes(now - began, self.engine.take_seconds(), self.optimizer.take_seconds()))
        # The first steps allocate memory and wake the workers.
        if now - self.started > self.seconds and len(self.steps) >= _LEAST + _warm_up(len(self.steps)):
            trainer.stop_training = True
        self.before = time.perf_counter()


def _warm_up(steps: int) -> int:
    """How many of the first steps do not count."""
    return max(1, steps // 10)


def _timed_steps(
    spec: RunSpec, model: Sequential, rows: Rows, size: int, seconds: float
) -> tuple[list[StepTimes], int]:
    """The times of the steps that count, and the number of workers that made them."""
    options = FitOptions(epochs=10**9, batch_size=size, shuffle=spec.training.shuffle)
    trainer = model.trainer(rows, options)
    compiled: Any = trainer.compiled
    engine, optimizer = compiled.engine, compiled.optimizer
    compiled.engine, compiled.optimizer = _Clocked(engine, "train_shards"), _Clocked(optimizer, "apply")
    clock = _StepClock(compiled.engine, compiled.optimizer, seconds)
    try:
        trainer.fit(rows, None, options, [clock])
    finally:
        compiled.engine, compiled.optimizer = engine, optimizer
    return clock.steps[_warm_up(len(clock.steps)) :], len(engine.workers)


def _profiled(model: Sequential, rows: Rows, size: int, seconds: float) -> Profile:
    compiled = model._compiled
    assert compiled is not None
    engine = Engine(model.network, compiled.loss, threads=1)
    engine.keep_zeros(not compiled.optimizer.spoils_gradient)
    engine.wants_probabilities = compiled.engine.wants_probabilities
    weight = None if rows.weight is None else rows.weight[:size]
    with running():
        x = prepare(model.network, rows.x[:size])
        return profile_layers(engine, x, rows.y[:size], weight, seconds=seconds)


def _report(
    model: Sequential, machine: Machine, steps: list[StepTimes], profile: Profile, size: int, threads: int
) -> dict[str, Any]:
    whole = [step.whole for step in steps]
    step = statistics.median(whole)
    low, *_, high = statistics.quantiles(whole, n=10)
    parameters, optimizer = model.network.parameters, model.optimizer
    assert optimizer is not None
    flops = sum(layer.flops for layer in profile.layers)
    products = sum(layer.product_flops for layer in profile.layers)
    # The rows are gathered, and the optimizer writes the weights and its own state.
    gathered = size * model.network.dtype.itemsize * int(np.prod([n or 1 for n in model.network.input_shape]))
    moved = sum(layer.moved_bytes for layer in profile.layers)
    moved += gathered + parameters.theta.nbytes + optimizer.state_bytes()
    limit = machine.limit(products, moved) / threads
    return {
        "machine": {"product_gflops": machine.products / 1e9, "copy_gb_per_s": machine.copies / 1e9, "threads": 1},
        "steps": len(steps),
        "samples_per_s": size / step,
        "step_ms": {"median": 1e3 * step, "p10": 1e3 * low, "p90": 1e3 * high},
        "shares": _shares(steps, profile),
        "flops": flops,
        "gflops": flops / step / 1e9,
        "activation_bytes": sum(layer.activation_bytes for layer in profile.layers),
        "limit": {
            "ms": 1e3 * limit,
            "products_ms": 1e3 * products / machine.products / threads,
            "bytes_ms": 1e3 * moved / machine.copies / threads,
            "bytes": moved,
            "share": limit / step,
        },
        "layers": [_layer(layer, machine, profile) for layer in profile.layers],
        "profile": {
            "threads": 1,
            "passes": profile.passes,
            "ms": 1e3 * profile.total,
            "loss_ms": 1e3 * profile.loss,
            "loss_share": profile.loss / profile.total,
        },
    }


def _shares(steps: list[StepTimes], profile: Profile) -> dict[str, float]:
    """Of the time of all steps. Forward and backward share the network's part as they do in one thread."""
    whole = sum(step.whole for step in steps)
    network = sum(step.network for step in steps) / whole
    optimizer = sum(step.optimizer for step in steps) / whole
    forward = network * profile.forward / profile.total
    backward = network * profile.backward / profile.total
    rest = 1.0 - forward - backward - optimizer
    return {"forward": forward, "backward": backward, "optimizer": optimizer, "rest": rest}


def _layer(layer: LayerCost, machine: Machine, profile: Profile) -> dict[str, Any]:
    took = layer.forward + layer.backward
    limit = machine.limit(layer.product_flops, layer.moved_bytes)
    return {
        "name": layer.name,
        "type": layer.type,
        "forward_ms": 1e3 * layer.forward,
        "backward_ms": 1e3 * layer.backward,
        "share": took / profile.total,
        "flops": layer.flops,
        "gflops": layer.flops / took / 1e9 if took else 0.0,
        "activation_bytes": layer.activation_bytes,
        "limit_ms": 1e3 * limit,
        "limit_share": limit / took if took else 0.0,
    }
