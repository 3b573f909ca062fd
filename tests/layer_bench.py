"""One layer on the bench: built for a row of the table, weights set, run forward and backward by hand.

Every run starts from the same variables and the same random state, so that a layer is a pure function of x.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import get
from seqnet.initializers import Ones
from seqnet.layers import Context, Layer, ParamSpec
from seqnet.layers.base import Worker, assign
from seqnet.losses import MeanSquaredError
from seqnet.network.engine import Engine, Shard
from seqnet.network.network import Network
from seqnet.plugins.files import read_plugin
from seqnet.plugins.loading import load
from seqnet.training.compiled import prepare
from tests.layer_rows import MARK, Row, is_whole, make_input, make_mask, make_target, make_weights, needs_mask_in_front
from tests.reference import load_reference

ROOT = Path(__file__).parent.parent


class MarkPadding(Layer):
    """y = x, with a mask: False where the first number of a step is the mark."""

    makes_mask = True

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return x.reshape(*x.shape[:2], -1)[..., 0] != MARK


class Weigh(Layer):
    """y = w x with a weight for each number of a row: in front of a layer, its gradient shows what dx was."""

    supports_masking = True

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {"w": ParamSpec(tuple(n or 0 for n in in_shape), Ones())}

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x * ctx.params["w"], x

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        ctx.grads.add("w", (dy * cache).sum(axis=0))
        return dy * ctx.params["w"]


@dataclass
class Run:
    """What one pass left."""

    y: Array
    dx: Array | None
    gradient: Array  # flat, like theta
    cache: Cache


class Bench:
    """A layer, built, with a context of its own."""

    def __init__(self, row: Row, dtype: str = "float64", layer: Layer | None = None, **options: Any) -> None:
        self.row = row
        self.layer = layer or make_layer(row, dtype=dtype, **options)
        self.x = make_input(row) if is_whole(row) else make_input(row).astype(dtype)
        self.mask = make_mask(row) if needs_mask_in_front(row) else None
        self.network = Network([self.layer], self.x.shape[1:])
        load_start(self.network, row)
        self.shard = Shard(self.network, Worker(np.random.default_rng(7)))
        self.context = self.shard.contexts[0]
        parameters = self.network.parameters
        self._start = parameters.theta.copy(), parameters.frozen.copy(), self.shard.worker.rng.bit_generator.state

    @property
    def theta(self) -> Array:
        return self.network.parameters.theta

    def direction(self, y: Array) -> Array:
        """A fixed dy: the scalar under test is sum(dy * y)."""
        return np.random.RandomState(3).standard_normal(y.shape).astype(y.dtype)

    def restore(self) -> None:
        """Variables and random state as they were at first."""
        theta, frozen, state = self._start
        self.theta[...] = theta
        self.network.parameters.frozen[...] = frozen
        self.shard.worker.rng.bit_generator.state = state

    def forward(
        self, x: Array | None = None, mask: Array | None = None, *, training: bool = False, theta: Array | None = None
    ) -> tuple[Array, Cache]:
        x = self.x if x is None else x
        self.restore()
        if theta is not None:
            self.theta[...] = theta
        self.shard.worker.rows = len(x)
        self.context.training = training
        self.context.mask = self.mask if mask is None else mask
        return self.layer.forward(x, self.context)

    def start_gradient(self) -> None:
        for grads in self.shard.grads:
            grads.start()

    def end_gradient(self) -> Array:
        for grads in self.shard.grads:
            grads.close()
        return self.shard.gradient.copy()

    def run(
        self, x: Array | None = None, mask: Array | None = None, *, training: bool = False, need_dx: bool = True
    ) -> Run:
        """Forward and backward of sum(direction * y)."""
        y, cache = self.forward(x, mask, training=training)
        self.start_gradient()
        dx = self.layer.backward(self.direction(y), cache, self.context, need_dx=need_dx)
        return Run(y, dx, self.end_gradient(), cache)


def make_layer(row: Row, **options: Any) -> Layer:
    if "plugin" in row:
        load([read_plugin(ROOT / row["plugin"])])
    given = {"name": "it", **row.get("options", {}), **options}
    return get(Layer, {row["layer"]: given})


def load_start(network: Network, row: Row) -> None:
    """Give the last layer of a network the weights the row starts from."""
    last = network.parameters.tree[id(network.nodes[-1].layer)]
    variables = {v.path: v.view for v in last.all()}
    initial = [view.copy() for view in variables.values()]
    assign(variables, make_weights(row, initial), row["case"])


class Trainer:
    """Plain gradient descent on the mean squared error through the engine, as the reference values were made."""

    def __init__(
        self, row: Row, dtype: str = "float32", *, threads: int = 1, weigh: bool = False, **options: Any
    ) -> None:
        self.row = row
        layer = make_layer(row, dtype=dtype, **options)
        front: list[Layer] = [MarkPadding(name="mark")] if needs_mask_in_front(row) else []
        if weigh and not is_whole(row):
            front.append(Weigh(name="weigh"))
        x = make_input(row)
        self.network = Network([*front, layer], x.shape[1:], seed=11)
        self.x = prepare(self.network, self.network.front(x))
        load_start(self.network, row)
        self.engine = Engine(self.network, MeanSquaredError(), threads=threads)
        self.target: Array | None = None

    def step(self) -> tuple[float, Array]:
        if self.target is None:
            width = self.network.output_shape
            self.target = make_target(self.row, (len(self.x), *(n or 0 for n in width)))
        loss, y, _ = self.engine.train_step(self.x, self.target)
        parameters = self.network.parameters
        parameters.theta -= self.row.get("rate", 0.5) * self.engine.gradient
        for variable in parameters.variables:
            if variable.trainable and variable.spec.constraint is not None:
                variable.view[...] = variable.spec.constraint(variable.view)
        return loss, y

    def weights(self) -> Array:
        """All of them, flat, in Keras's order."""
        parts = [variable.view.reshape(-1) for variable in self.network.parameters.variables]
        return np.concatenate(parts) if parts else np.zeros(0, self.network.dtype)


def reference(family: str, row: Row) -> dict[str, Any]:
    """What Keras says about a row: arrays by name, and the facts."""
    stored = load_reference(family)
    prefix = f"{row['case']}/"
    facts = json.loads(str(stored["facts"]))["cases"].get(row["case"])
    assert facts is not None, (
        f"{family}.npz has no values for {row['case']}: python -m tests.reference.make_layers tests/reference {family}"
    )
    return facts | {key.removeprefix(prefix): value for key, value in stored.items() if key.startswith(prefix)}


def error(got: Any, expected: Any) -> float:
    """The largest difference, relative to the largest expected magnitude."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    if not expected.size:
        return 0.0
    scale = float(np.abs(expected).max())
    return float(np.abs(got - expected).max()) / max(scale, 1e-12)
