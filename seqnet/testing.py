"""The checks that every layer of this package passes, for layers of one's own.

from my_layers import Gain
from seqnet.testing import check_layer

def test_gain():
    check_layer(Gain(start=2.0), (4,))
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import get
from seqnet.layers.base import Layer, Worker
from seqnet.losses import MeanSquaredError
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.network.shard import Shard
from seqnet.plugins.trial import OPEN, Fault, run_once

__all__ = ["CheckFailed", "Report", "check_layer"]

STEP = 1e-5  # of the difference quotients, in float64
MOST = 200  # numbers of x, and of the variables, whose slopes are looked at one by one
DIFFERENCES, SINGLE, ROUNDING = 1e-6, 1e-4, 1e-9


class CheckFailed(AssertionError):
    """A layer does not hold what every layer must; the message says which check, where, and by how much."""


@dataclass
class Report:
    """The names of the checks that a layer passed, and why others do not apply to it."""

    passed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def check_layer(
    layer: Layer, input_shape: Shape, *, x: Any = None, rows: int = 4, seed: int = 0, skip: Collection[str] = ()
) -> Report:
    """Check a layer: form, gradients, manners. Raises CheckFailed, and whatever the layer raises.

    input_shape: of one row, as layers count it: (4,), (28, 28, 1); None for a length that is not fixed.
    x: rows to check it on, (N, *input_shape); default: `rows` of them, drawn from the normal distribution with `seed`,
    or zeros and ones for a layer that takes integers. Give some where the layer takes no others, or to stay away from
    kinks, at which no difference quotient is right. skip: names of checks to leave out.

    The checks, by name:
    form: y, dx and their dtypes are what they must be, and x and dy are only read, in float32 and float64;
    description: get_config holds plain data from which the same layer is made again;
    memory: a call leaves nothing on the layer;
    repeats: the same variables and random stream give the same bytes;
    gradients, gradients in training: d loss / d x and of every variable against central differences in float64;
    used twice: two calls before their backwards do not disturb each other, and their gradients add up;
    need_dx: without dx the gradients of the variables are the same;
    rows: a batch is its rows one by one (unless couples_rows);
    shards: a batch that two workers share gives what one gives (not where training is random);
    frozen: trainable=False is heeded; strides: views that lie otherwise in memory are fine;
    single precision: float32 is close to float64.
    """
    shape: tuple[int, ...] = tuple(OPEN if n is None else n for n in input_shape)
    report, bench = Report(), _Bench(layer, shape, x, rows, seed)
    unknown = set(skip) - set(_CHECKS)
    if unknown:
        raise ValueError(f"there is no check {sorted(unknown)[0]!r}; there are {', '.join(_CHECKS)}")
    with np.errstate(all="ignore"):
        for name, check in _CHECKS.items():
            if name in skip:
                report.skipped[name] = "left out"
                continue
            try:
                check(bench)
            except _NotApplicable as reason:
                report.skipped[name] = str(reason)
            except Fault as fault:
                raise CheckFailed(f"{name}: {bench.place(fault.method)} {fault}; {fault.hint}".rstrip("; ")) from None
            else:
                report.passed.append(name)
    return report


class _NotApplicable(Exception):
    """Why a check says nothing about a layer."""


class _Bench:
    """A layer with variables and rows, on which every call starts from the same state."""

    def __init__(
        self, layer: Layer, shape: tuple[int, ...], x: Any, rows: int, seed: int, dtype: str = "float64"
    ) -> None:
        self.given, self.shape, self.rows, self.seed, self.dtype = layer, shape, rows, seed, dtype
        self.layer = remade(layer, dtype)
        rng = np.random.default_rng(seed)
        if x is not None:
            self.x = np.array(x) if layer.takes_integers else np.array(x, dtype)
        elif layer.takes_integers:
            self.x = rng.integers(0, 2, (rows, *shape)).astype(np.int32)
        else:
            self.x = rng.standard_normal((rows, *shape)).astype(np.float32).astype(dtype)
        self.network = Network([self.layer], shape, seed=seed)
        parameters = self.network.parameters
        if parameters.theta.size:  # away from zeros and ones, which hide mistakes
            parameters.theta += 0.1 * np.random.default_rng([seed, 1]).standard_normal(parameters.theta.size).astype(
                np.float32
            )
        self.start = parameters.theta.copy(), parameters.frozen.copy()
        self.shard = Shard(self.network, Worker(np.random.default_rng(seed)))
        self.state = self.shard.worker.rng.bit_generator.state

    def place(self, method: str) -> str:
        """Gain.backward (my_layers.py:24)"""
        cls = type(self.given)
        code = getattr(getattr(cls, method, None), "__code__", None)
        where = f" ({os.path.relpath(code.co_filename)}:{code.co_firstlineno})" if code is not None else ""
        return f"{cls.__name__}.{method}{where}"

    def restore(self, theta: Array | None = None, stream: int | None = None) -> None:
        parameters = self.network.parameters
        parameters.theta[...] = self.start[0] if theta is None else theta
        parameters.frozen[...] = self.start[1]
        self.shard.worker.rng.bit_generator.state = (
            self.state if stream is None else np.random.default_rng(stream).bit_generator.state
        )
        self.shard.worker.draws.batch = stream or 0

    def forward(
        self, x: Array | None = None, *, training: bool, theta: Array | None = None, stream: int | None = None
    ) -> tuple[Array, Cache]:
        x = self.x if x is None else x
        self.restore(theta, stream)
        self.shard.worker.rows = len(x)
        context = self.shard.contexts[0]
        context.training, context.mask = training, None
        return self.layer.forward(x, context)

    def backward(self, dy: Array, cache: Cache, *, need_dx: bool = True) -> Array | None:
        return self.layer.backward(dy, cache, self.shard.contexts[0], need_dx=need_dx)

    def begin(self) -> None:
        for grads in self.shard.grads:
            grads.start()

    def gradient(self) -> Array:
        for grads in self.shard.grads:
            grads.close()
        return self.shard.gradient.copy()

    def run(self, x: Array | None = None, *, training: bool, need_dx: bool = True) -> tuple[Array, Array | None, Array]:
        """y, dx and the gradient of sum(direction * y)."""
        y, cache = self.forward(x, training=training)
        self.begin()
        dx = self.backward(direction(y), cache, need_dx=need_dx)
        return y, dx, self.gradient()

    @property
    def is_random(self) -> bool:
        """Whether training draws random numbers."""
        return not np.array_equal(self.forward(training=True)[0], self.forward(training=True, stream=99)[0])


def remade(layer: Layer, dtype: str, **options: Any) -> Layer:
    """The same layer by its description, without its variables."""
    made = type(layer).from_config({**layer.get_config(), "dtype": dtype, **options})
    made.name = layer.name or "layer"
    return made


def direction(y: Array) -> Array:
    """A fixed dy: the number whose slopes are looked at is sum(dy * y)."""
    drawn: Array = np.asarray(np.random.default_rng(3).standard_normal(y.shape), y.dtype)
    return drawn


def _close(bench: _Bench, method: str, what: str, got: Any, expected: Any, bound: float, other: str) -> None:
    """Raise CheckFailed unless two arrays differ by less than `bound`, relative to the largest expected number."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    if got.shape != expected.shape:
        raise Fault(method, f"{what} has shape {got.shape}, {other} {expected.shape}")
    if not expected.size:
        return
    gap = np.abs(got - expected)
    gap[~np.isfinite(got) | ~np.isfinite(expected)] = np.inf
    gap[got == expected] = 0.0
    worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
    if not gap[worst] <= bound * max(float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)), 1e-3):
        index = ", ".join(str(int(i)) for i in worst)
        raise Fault(method, f"{what}[{index}] is {got[worst]:.7g}, {other} {expected[worst]:.7g}")


# -- the checks -------------------------------------------------------------------------------------------------------


def _form(bench: _Bench) -> None:
    for dtype in ("float32", "float64"):
        try:
            run_once(bench.layer, bench.shape, dtype)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise Fault(_method_of(error), f"writes into an array that it was given ({error})") from error


def _method_of(error: BaseException) -> str:
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return "backward" if "backward" in names else "forward"


def _description(bench: _Bench) -> None:
    config = bench.given.get_config()
    if json.loads(json.dumps(config)) != config:
        raise Fault("get_config", f"holds what JSON can't: {config}")
    expected = bench.forward(training=False)[0]
    cls = type(bench.given)
    known = [get(Layer, bench.layer.to_spec()), get(Layer, bench.layer.to_spec(full=True))]
    for again in (cls.from_config(config), *known):
        if type(again) is not cls:
            raise Fault("get_config", f"names {type(again).__name__}; is another layer registered under the name?")
        if {**again.get_config(), "dtype": None, "name": None} != {**config, "dtype": None, "name": None}:
            raise Fault("get_config", f"changes on its way through a file: {again.get_config()}, was {config}")
        other = _Bench(again, bench.shape, bench.x, bench.rows, bench.seed)
        _close(
            bench, "get_config", "y of the layer made from it", other.forward(training=False)[0], expected, 0, "y is"
        )


def _memory(bench: _Bench) -> None:
    if bench.layer.prepares:
        raise _NotApplicable("the layer prepares rows, keeps what it has learned of them, and has no backward")
    fresh = _Bench(bench.given, bench.shape, bench.x, bench.rows, bench.seed)
    before = dict(vars(fresh.layer))
    fresh.run(training=True)
    after = vars(fresh.layer)
    for name in after:
        if name not in before or after[name] is not before[name]:
            raise Fault("forward", f"leaves self.{name}; what backward needs goes into the cache that forward returns")


def _repeats(bench: _Bench) -> None:
    for training in (False, True):
        first, again = (bench.forward(training=training)[0] for _ in range(2))
        _close(bench, "forward", "y of the same rows again", again, first, 0, "at first")


def _gradients(training: bool) -> Callable[[_Bench], None]:
    def check(bench: _Bench) -> None:
        if not training and bench.layer.differs_in_training:
            raise _NotApplicable("the layer has no backward outside of training")
        y, dx, gradient = bench.run(training=training)
        dy, theta = direction(y), bench.start[0].copy()

        def value(x: Array, theta: Array) -> float:
            return float(np.vdot(dy, bench.forward(x, training=training, theta=theta)[0]))

        def slopes(at: Array, of: Callable[[Array], float]) -> tuple[Array, Array]:
            flat = at.copy().reshape(-1)
            chosen = np.arange(flat.size)
            if flat.size > MOST:
                chosen = np.sort(np.random.default_rng(5).choice(flat.size, MOST, replace=False))
            found = np.zeros(len(chosen))
            for place, index in enumerate(chosen):
                start = flat[index]
                flat[index] = start + STEP
                up = of(flat.reshape(at.shape))
                flat[index] = start - STEP
                found[place] = (up - of(flat.reshape(at.shape))) / (2 * STEP)
                flat[index] = start
            return chosen, found

        if bench.x.dtype.kind == "f" and dx is not None:
            chosen, expected = slopes(bench.x, lambda x: value(x, theta))
            where = "d loss / d x (counted along all of x)"
            _close(bench, "backward", where, dx.reshape(-1)[chosen], expected, DIFFERENCES, "central differences give")
        for variable in bench.network.parameters.variables:
            if not variable.trainable:
                continue
            begin, end = variable.start, variable.start + variable.view.size

            def of(part: Array, begin: int = begin, end: int = end) -> float:
                changed = theta.copy()
                changed[begin:end] = part
                return value(bench.x, changed)

            chosen, expected = slopes(theta[begin:end], of)
            name = variable.path.partition("/")[2]
            got = gradient[begin:end][chosen]
            _close(bench, "backward", f"d loss / d {name}", got, expected, DIFFERENCES, "central differences give")

    return check


def _used_twice(bench: _Bench) -> None:
    other = np.roll(bench.x, 1, axis=0) if bench.x.dtype.kind != "f" else 0.5 * bench.x[::-1].copy()
    alone = [bench.run(x, training=True) for x in (bench.x, other)]
    y1, cache1 = bench.forward(bench.x, training=True)
    y2, cache2 = bench.forward(other, training=True)
    bench.begin()
    dx2, dx1 = bench.backward(direction(y2), cache2), bench.backward(direction(y1), cache1)
    gradient = bench.gradient()
    _close(
        bench, "backward", "the gradient of two calls", gradient, alone[0][2] + alone[1][2], ROUNDING, "their sum is"
    )
    for got, (_, expected, _) in zip((dx1, dx2), alone, strict=True):
        if got is not None and expected is not None:
            _close(bench, "backward", "dx of one of two calls", got, expected, ROUNDING, "alone")


def _need_dx(bench: _Bench) -> None:
    expected = bench.run(training=True)[2]
    got = bench.run(training=True, need_dx=False)[2]
    _close(bench, "backward", "the gradient with need_dx=False", got, expected, ROUNDING, "with dx")


def _rows(bench: _Bench) -> None:
    if bench.layer.couples_rows:
        raise _NotApplicable("the layer couples rows")
    for training in (False,) if bench.is_random else (False, True):
        whole = bench.forward(training=training)[0]
        for i in range(len(bench.x)):
            one = bench.forward(bench.x[i : i + 1].copy(), training=training)[0]
            said = "in the whole batch (set couples_rows = True where that is meant)"
            _close(bench, "forward", f"y of row {i} alone", one, whole[i : i + 1], ROUNDING, said)


def _shards(bench: _Bench) -> None:
    if bench.layer.prepares:
        raise _NotApplicable("the layer prepares rows before any worker has them")
    if bench.is_random:
        raise _NotApplicable("training draws random numbers, and each worker its own")
    found = []
    for threads in (1, 2):
        network = Network([remade(bench.layer, bench.dtype)], bench.shape, seed=bench.seed)
        network.parameters.theta[...] = bench.start[0]
        engine = Engine(network, MeanSquaredError(), threads=threads)
        try:
            target = np.zeros_like(bench.forward(training=False)[0])
            loss, y, _ = engine.train_step(bench.x, target)
            found.append((loss, y, engine.gradient.copy(), network.parameters.frozen.copy()))
        finally:
            engine.close()
    names = ("the loss", "y", "the gradient", "what is not trained")
    for what, one, two in zip(names, *found, strict=True):
        said = "one worker's is; sums over the batch go through ctx.all_reduce"
        _close(bench, "forward", f"{what} of two workers", np.atleast_1d(two), np.atleast_1d(one), ROUNDING, said)


def _frozen(bench: _Bench) -> None:
    frozen = _Bench(remade(bench.given, bench.dtype, trainable=False), bench.shape, bench.x, bench.rows, bench.seed)
    if frozen.network.parameters.theta.size:
        raise Fault("param_specs", "has variables that are trained although the layer is frozen")
    before = [v.view.copy() for v in frozen.network.parameters.variables if v.spec.trainable]
    frozen.run(training=True)
    after = [v.view for v in frozen.network.parameters.variables if v.spec.trainable]
    for got, expected in zip(after, before, strict=True):
        _close(bench, "backward", "a frozen variable", got, expected, 0, "it was")


def _strides(bench: _Bench) -> None:
    wide = np.zeros((*bench.x.shape[::-1], 2), bench.x.dtype)
    view = wide[..., 0].T
    view[...] = bench.x
    expected, got = bench.run(training=True), bench.run(view, training=True)
    for what, one, other in zip(("y", "dx", "the gradient"), got, expected, strict=True):
        if one is not None and other is not None:
            _close(bench, "forward", f"{what} of rows that lie otherwise in memory", one, other, ROUNDING, "it is")


def _single(bench: _Bench) -> None:
    rough = _Bench(bench.given, bench.shape, bench.x, bench.rows, bench.seed, "float32")
    theta, frozen = bench.start
    rough.start = theta.astype(np.float32), frozen.astype(np.float32)
    if bench.is_random:
        raise _NotApplicable("training draws random numbers, of each precision others")
    expected, got = bench.run(training=True), rough.run(training=True)
    for what, one, other in zip(("y", "dx", "the gradient"), got, expected, strict=True):
        if one is not None and other is not None:
            _close(bench, "forward", f"{what} in float32", one, other, SINGLE, "in float64")


_CHECKS: dict[str, Callable[[_Bench], None]] = {
    "form": _form,
    "description": _description,
    "memory": _memory,
    "repeats": _repeats,
    "gradients": _gradients(False),
    "gradients in training": _gradients(True),
    "used twice": _used_twice,
    "need_dx": _need_dx,
    "rows": _rows,
    "shards": _shards,
    "frozen": _frozen,
    "strides": _strides,
    "single precision": _single,
}
