"""ONNX's own backend tests, which make_onnx_conv.py and make_onnx_layers.py store; needs the package onnx.

These are the node tests, and those that PyTorch's modules and operators were converted to. A stored file has `numbers`,
every array of every case one after the other in single precision, and `facts`, a JSON text with operator, version of
the operator set, attributes, and kind and shape of the arrays of each case; tests/onnx_cases.py reads it. One array a
file entry would take as much room again for names and headers.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Slots = list["np.ndarray | None"]


@dataclass(frozen=True)
class Test:
    """One test. inputs, outputs: by their place in ONNX's description of the operator, None where left out."""

    name: str
    operator: str  # of a chain of nodes, all of them: Split+Sigmoid+Mul
    opset: int  # version of the operator set
    attributes: dict[str, Any]
    inputs: Slots
    outputs: Slots

    @property
    def arrays(self) -> list[np.ndarray]:
        return [array for array in (*self.inputs, *self.outputs) if array is not None]


def collect(operators: Iterable[str]) -> Iterator[Test]:
    """The tests of these operators whose results are in single precision."""
    warnings.filterwarnings("ignore")
    wanted = set(operators)
    for test in (*_node_tests(wanted), *_converted_tests(wanted)):
        singles = [output is None or output.dtype == np.float32 for output in test.outputs]
        usable = all(array.dtype == np.float32 or array.dtype.kind in "iub" for array in test.arrays)
        if usable and singles[0] and any(output is not None for output in test.outputs):
            outputs = [output if single else None for output, single in zip(test.outputs, singles, strict=True)]
            yield Test(test.name, test.operator, test.opset, test.attributes, test.inputs, outputs)


def write(file: Path, tests: Iterable[Test], largest: int) -> None:
    """Store the tests that have no array of more than `largest` numbers, the first of each name."""
    facts: dict[str, Any] = {}
    numbers: list[np.ndarray] = []
    for test in tests:
        if test.name in facts or max(array.size for array in test.arrays) > largest:
            continue
        facts[test.name] = {
            "operator": test.operator,
            "opset": test.opset,
            "attributes": test.attributes,
            "inputs": [_described(array) for array in test.inputs],
            "outputs": [_described(array) for array in test.outputs],
        }
        for array in test.arrays:
            single = array.astype(np.float32)
            assert (single == array).all(), f"{test.name}: {array.dtype} does not fit into single precision"
            numbers.append(single.reshape(-1))
    np.savez_compressed(file, facts=json.dumps(facts), numbers=np.concatenate(numbers))
    print(f"{file.stem}: {len(facts)} cases")


def _described(array: np.ndarray | None) -> Any:
    return None if array is None else [array.dtype.name, list(array.shape)]


def _node_tests(wanted: set[str]) -> Iterator[Test]:
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        nodes = case.model.graph.node if case.kind == "node" else ()
        # Expanded tests are others again, with the operator written as several.
        if len(nodes) != 1 or nodes[0].op_type not in wanted or "_expanded" in case.name:
            continue
        (node,), ((inputs, outputs), *_) = nodes, case.data_sets
        if any(isinstance(value, list) for value in (*inputs, *outputs)):
            continue  # sequences of arrays
        yield Test(
            case.name,
            node.op_type,
            case.model.opset_import[0].version,
            _attributes(node),
            _slots(node.input, inputs),
            _slots(node.output, outputs),
        )


def _slots(names: Iterable[str], values: Iterable[Any]) -> Slots:
    """Values of those that have a name, in their places."""
    rest = iter(values)
    return [np.asarray(next(rest)) if name else None for name in names]


def _converted_tests(wanted: set[str]) -> Iterator[Test]:
    import onnx
    from onnx import numpy_helper

    folder = Path(onnx.__file__).parent / "backend/test/data"
    for path in sorted((*folder.glob("pytorch-converted/*"), *folder.glob("pytorch-operator/*"))):
        model = onnx.load(path / "model.onnx")
        graph = model.graph
        nodes = [node for node in graph.node if node.op_type != "Constant"]
        operator = "+".join(node.op_type for node in nodes)
        if operator not in wanted:
            continue
        (data,) = path.glob("test_data_set_0")
        read = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        given = [i.name for i in graph.input if i.name not in read]
        for number, name in enumerate(given):
            read[name] = numpy_helper.to_array(onnx.load_tensor(str(data / f"input_{number}.pb")))
        names = [i.name for i in graph.input]
        if len(nodes) == 1:
            names = [name for name in nodes[0].input if name in read]  # without constants, which take no part
        y = numpy_helper.to_array(onnx.load_tensor(str(data / "output_0.pb")))
        attributes: dict[str, Any] = {}
        for node in nodes:
            attributes |= _attributes(node)
        opset = model.opset_import[0].version
        yield Test(path.name, operator, opset, attributes, [read[name] for name in names], [y])


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
