"""Store ONNX's own test data for convolution and pooling: python -m tests.reference.make_onnx_conv OUTDIR

Needs the package onnx, whose backend tests these are: the node tests, and those that PyTorch's modules were converted
to. Writes OUTDIR/onnx_conv.npz with `case/0`, `case/1`, … (inputs, channels first), `case/y`, and `facts`, a JSON text
with the operator and attributes of each case.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
LARGEST = 3_000  # numbers in an array; larger cases are left out


def main() -> None:
    warnings.filterwarnings("ignore")
    arrays: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for name, node, inputs, y in (*node_tests(), *converted_tests()):
        if name in facts or max(array.size for array in (*inputs, y)) > LARGEST:
            continue
        facts[name] = {"operator": node.op_type, **attributes(node)}
        arrays |= {f"{name}/{i}": array for i, array in enumerate(inputs)} | {f"{name}/y": y}
    np.savez_compressed(Path(sys.argv[1]) / "onnx_conv.npz", facts=json.dumps(facts), **arrays)
    print(f"onnx_conv: {len(facts)} cases")


def node_tests() -> Iterator[tuple[str, Any, list[np.ndarray], np.ndarray]]:
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        nodes = case.model.graph.node if case.kind == "node" else ()
        if len(nodes) == 1 and nodes[0].op_type in OPERATORS and len(nodes[0].output) == 1:
            inputs, outputs = case.data_sets[0]
            if all(isinstance(array, np.ndarray) and array.dtype == np.float32 for array in (*inputs, *outputs)):
                yield case.name, nodes[0], list(inputs), outputs[0]


def converted_tests() -> Iterator[tuple[str, Any, list[np.ndarray], np.ndarray]]:
    import onnx
    from onnx import numpy_helper

    folder = Path(onnx.__file__).parent / "backend/test/data"
    for path in sorted((*folder.glob("pytorch-converted/*"), *folder.glob("pytorch-operator/*"))):
        graph = onnx.load(path / "model.onnx").graph
        if len(graph.node) != 1 or graph.node[0].op_type not in OPERATORS:
            continue
        (data,) = path.glob("test_data_set_0")
        read = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        given = [i.name for i in graph.input if i.name not in read]
        for number, name in enumerate(given):
            read[name] = numpy_helper.to_array(onnx.load_tensor(str(data / f"input_{number}.pb")))
        y = numpy_helper.to_array(onnx.load_tensor(str(data / "output_0.pb")))
        yield path.name, graph.node[0], [read[name] for name in graph.node[0].input], y


def attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


if __name__ == "__main__":
    main()
