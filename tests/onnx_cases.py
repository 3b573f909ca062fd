"""ONNX's own tests, as tests/reference/onnx_tests.py stores them, and a layer that is run for them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.layers import Layer
from seqnet.layers.base import Worker
from seqnet.network.engine import Shard
from seqnet.network.network import Network
from tests.reference import load_reference

TOLERANCE = 2e-5


@dataclass(frozen=True)
class Case:
    """One test of ONNX. inputs, outputs: by their place in ONNX's description of the operator, None where left out."""

    name: str
    operator: str
    opset: int
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]

    @property
    def x(self) -> Array:
        first: Array = self.inputs[0]
        return first

    @property
    def y(self) -> Array:
        first: Array = self.outputs[0]
        return first

    def slots(self, count: int) -> list[Any]:
        """That many inputs, None for those that are not there."""
        return [*self.inputs, *[None] * count][:count]


def load_cases(family: str) -> list[Case]:
    stored = load_reference(family)
    numbers, start = stored["numbers"], 0

    def take(described: Any) -> Any:
        nonlocal start
        if described is None:
            return None
        dtype, shape = described
        stop = start + math.prod(shape)
        array = numbers[start:stop].reshape(shape).astype(dtype)
        start = stop
        return array

    cases = []
    for name, facts in json.loads(str(stored["facts"])).items():
        arrays = {slots: [take(one) for one in facts[slots]] for slots in ("inputs", "outputs")}
        cases.append(Case(name, facts["operator"], facts["opset"], facts["attributes"], **arrays))
    assert start == len(numbers)
    return cases


def run(spec: Any, x: Array, weights: list[Array], *, training: bool = False) -> tuple[Array, Layer]:
    """What a layer with these weights makes of x, and the layer afterwards."""
    layer = get(Layer, spec)
    layer.name = "it"
    network = Network([layer], x.shape[1:])
    layer.set_weights(weights)
    shard = Shard(network, Worker(np.random.default_rng(0)))
    shard.worker.rows = len(x)
    return shard.forward([layer], x, training=training, keep=False).y, layer


def close(got: Array, expected: Array) -> bool:
    return got.shape == expected.shape and bool(np.abs(got - expected).max() <= TOLERANCE * np.abs(expected).max())
