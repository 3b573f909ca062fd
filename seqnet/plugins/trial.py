"""A layer of a plugin tried on a few rows before anything is trained: what it does wrong shows at its own line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.errors import Problem, SeqnetError
from seqnet.initializers import Initializer
from seqnet.layers.base import Layer, ParamSpec, Worker
from seqnet.network.network import Network
from seqnet.network.shard import Shard
from seqnet.plugins.faults import method_line, problem_at
from seqnet.plugins.files import PluginFile
from seqnet.plugins.loading import fault_of, file_of

ROWS = 2
OPEN = 5  # the length that stands for one that is not fixed
MOST = 1_000_000  # variables; a layer with more takes too long to be tried


class Fault(Exception):
    """What a layer does wrong: in which of its methods, and what to do."""

    def __init__(self, method: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.method = method
        self.hint = hint


def trials(network: Network) -> Iterator[Problem]:
    """What is wrong with the layers of plugins in a network, and inside its layers; the first fault of each class."""
    seen: set[tuple[type[Layer], Shape]] = set()
    for node in network.nodes:
        for layer, in_shape in _inside(node.layer, node.in_shape):
            file = file_of(type(layer))
            if file is None or (type(layer), in_shape) in seen:
                continue
            seen.add((type(layer), in_shape))
            problem = _tried(file, layer, in_shape, str(network.dtype))
            if problem is not None:
                yield problem


def shape_faults(layers: Sequence[Layer], in_shape: Shape) -> Iterator[Problem]:
    """What is wrong with what layers of plugins say of shapes and variables, for rows of `in_shape`; the first fault.

    Rules that a layer has about its input are not its faults, and end the search.
    """
    shape = tuple(in_shape)
    for layer in layers:
        try:
            file = file_of(type(layer))
            if file is not None:
                try:
                    _check_shapes(layer, shape)
                except Fault as error:
                    line = method_line(file, getattr(type(layer), error.method), type(layer))
                    yield problem_at(file, line, f"{layer.spec_name}.{error.method} {error}", error.hint)
                    return
            shape = layer.output_shape(shape)
        except SeqnetError:
            return


def _check_shapes(layer: Layer, in_shape: Shape) -> None:
    out: Any = layer.output_shape(in_shape)
    if not isinstance(out, tuple) or not all(n is None or isinstance(n, (int, np.integer)) for n in out):
        hint = "return (self.units,) for rows of one axis; the axis of the rows is left out"
        raise Fault("output_shape", f"returns {_named(out)}, but must return a tuple of lengths", hint)
    specs: Any = layer.param_specs(in_shape)
    if not isinstance(specs, dict) or not all(isinstance(spec, ParamSpec) for spec in specs.values()):
        hint = 'return {"kernel": ParamSpec(shape, initializer)}'
        raise Fault("param_specs", f"returns {_named(specs)}, but must return a dict of ParamSpec", hint)
    for name, spec in specs.items():
        given: Any = spec.shape
        if not isinstance(given, tuple) or not all(isinstance(n, (int, np.integer)) for n in given):
            hint = "where a length is not fixed, raise ShapeError and say which it must be"
            raise Fault(
                "param_specs", f"gives {name} the shape {given!r}, but must give a tuple of whole numbers", hint
            )
        if not isinstance(spec.initializer, Initializer):
            hint = "take one of seqnet.initializers: Zeros(), GlorotUniform()"
            raise Fault("param_specs", f"gives {name} the initializer {_named(spec.initializer)}", hint)


def _inside(layer: Layer, in_shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    yield layer, in_shape
    for child, shape in layer.children(in_shape):
        yield from _inside(child, shape)


def _tried(file: PluginFile, layer: Layer, in_shape: Shape, dtype: str) -> Problem | None:
    try:
        with np.errstate(all="ignore"):
            run_once(layer, in_shape, dtype)
    except Fault as error:
        line = method_line(file, getattr(type(layer), error.method, None), type(layer))
        return problem_at(file, line, f"{layer.spec_name}.{error.method} {error}", error.hint)
    except SeqnetError:  # a rule of the layer about its input; the network has taken the shape, so let it be trained
        return None
    except Exception as error:
        problem = fault_of(error)
        if problem is None:
            raise
        if isinstance(error, ValueError) and "read-only" in str(error) and problem.spot is not None:
            message = f"{layer.spec_name} writes into an array that it was given"
            return Problem((), message, problem.hint, spot=problem.spot)
        return problem
    return None


def run_once(layer: Layer, in_shape: Shape, dtype: str) -> None:
    """Take rows through a copy of a layer, forward and backward, for inference and for training.

    Raises Fault for what comes back in another form than it must, and whatever the layer raises; x and dy can't be
    written into.
    """
    shape = tuple(OPEN if n is None else n for n in in_shape)
    copy = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    copy.name = layer.name or "trial"
    network = Network([copy], shape, initialize=False)
    if network.parameters.theta.size > MOST:
        return
    network.parameters.initialize(np.random.default_rng(0))
    shard = Shard(network, Worker(np.random.default_rng(0)))
    context = shard.contexts[0]
    # Between 0 and 1 lie pictures, probabilities and what a logarithm takes.
    x = np.random.default_rng(1).uniform(0.05, 0.95, (ROWS, *shape)).astype(dtype)
    if layer.takes_integers:
        x = np.zeros(x.shape, np.int32)
    x.flags.writeable = False
    expected = (ROWS, *network.output_shape)
    for training in (False, True):
        shard.worker.rows = ROWS
        context.training, context.mask = training, None
        made: Any = copy.forward(x, context)
        y, cache = checked_output(made, expected, dtype, integers=layer.takes_integers)
        dy = np.ones(y.shape, dtype)
        dy.flags.writeable = False
        for grads in shard.grads:
            grads.start()
        check_slope(copy.backward(dy, cache, context, need_dx=True), x)
        for grads in shard.grads:
            grads.close()


def checked_output(made: Any, expected: Shape, dtype: str, *, integers: bool = False) -> tuple[Array, Any]:
    """What forward returned, as it must be: y of the expected shape and dtype, and a cache. Raises Fault.

    integers: y may hold them too.
    """
    if not isinstance(made, tuple) or len(made) != 2:
        hint = "end with return y, cache; the cache is what backward needs, None where that is nothing"
        raise Fault("forward", f"returns {_named(made)}, but must return y and a cache", hint)
    y, cache = made
    if not isinstance(y, np.ndarray):
        raise Fault("forward", f"returns {_named(y)} as y, but must return an array")
    if len(y.shape) != len(expected) or any(m is not None and n != m for n, m in zip(y.shape, expected, strict=True)):
        rows, said = show_rows(y.shape), show_rows(expected)
        hint = "say in output_shape(self, in_shape) what forward returns; the axis of the rows is left out there"
        raise Fault("forward", f"returns y of shape {rows}, but output_shape says {said}", hint)
    if str(y.dtype) != dtype and not (integers and y.dtype.kind in "iu"):
        hint = "return y.astype(x.dtype, copy=False); np.float64, np.arange and Python lists make float64 of float32"
        raise Fault("forward", f"returns y in {y.dtype}, but the model computes in {dtype}", hint)
    return y, cache


def check_slope(dx: Any, x: Array) -> None:
    """Raise Fault unless dx is what backward must return for an x."""
    if x.dtype.kind != "f":
        return
    if not isinstance(dx, np.ndarray):
        hint = "return d loss / d x, an array like x; None is for need_dx=False alone"
        raise Fault("backward", f"returns {_named(dx)}, but must return an array", hint)
    if dx.shape != x.shape:
        raise Fault("backward", f"returns dx of shape {show_rows(dx.shape)}, but x has {show_rows(x.shape)}")
    if dx.dtype != x.dtype:
        hint = "return dx.astype(dy.dtype, copy=False)"
        raise Fault("backward", f"returns dx in {dx.dtype}, but the model computes in {x.dtype}", hint)


def show_rows(shape: tuple[int | None, ...]) -> str:
    """(N, 3, 4): a shape with the axis of the rows called N."""
    return f"({', '.join(['N', *(str(n) for n in shape[1:])])})" if shape else "()"


def _named(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return "nothing (None)" if value is None else f"{type(value).__name__} {str(value)[:40]}"
