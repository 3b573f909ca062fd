"""Store ONNX's own test data for other layers and activations: python -m tests.reference.make_onnx_layers OUTDIR

Writes OUTDIR/onnx_layers.npz. Needs the package onnx. The published tests of recurrent layers mostly have one step, or
the same number in every weight, so that they can't tell one gate from another. RECURRENT therefore adds cases with
random weights, whose results are those of ONNX's reference implementation, onnx.reference.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.onnx_tests import Test, collect, write

NORMALIZATIONS = (
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "LpNormalization",
    "MeanVarianceNormalization",
    "RMSNormalization",
)
ELEMENTWISE = (
    "Abs+Add+Div",  # softsign
    "Celu",
    "Clip",
    "Elu",
    "Exp",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Mish",
    "Relu",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
)
OTHERS = (
    "Attention",
    "CausalConvWithState",
    "CenterCropPad",
    "Dropout",
    "Flatten",
    "GRU",
    "Gather",
    "Gemm",
    "Identity",
    "LSTM",
    "LogSoftmax",
    "MatMul",
    "PRelu",
    "Pad",
    "RNN",
    "Reshape",
    "Resize",
    "Slice",
    "Softmax",
    "Split+Sigmoid+Mul",  # a gated linear unit
    "Transpose",
    "Transpose+MatMul",  # a dense layer without bias
    "Upsample",
)
LARGEST = 1_000  # numbers in an array; larger cases are left out

# Operator, how many gates it has, and its attributes.
RECURRENT: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("LSTM", 4, {}),
    ("GRU", 3, {"linear_before_reset": 0}),
    ("GRU", 3, {"linear_before_reset": 1}),
    ("RNN", 1, {}),
)
STEPS, ROWS, WIDTH, UNITS = 5, 3, 2, 4


def main() -> None:
    published = (thinned(test) for test in collect((*NORMALIZATIONS, *ELEMENTWISE, *OTHERS)) if is_wanted(test))
    write(Path(sys.argv[1]) / "onnx_layers.npz", (*published, *recurrent_cases()), LARGEST)


def is_wanted(test: Test) -> bool:
    """All but two thirds of the tests of attention, which have masks, caches or second results beside q, k and v."""
    return test.operator != "Attention" or (len(test.inputs) == 3 and len(test.outputs) == 1)


def thinned(test: Test) -> Test:
    """An elementwise test of one long row with evenly chosen numbers of it."""
    (x, *rest), y = test.inputs, test.outputs[0]
    if test.operator not in ELEMENTWISE or rest or x.ndim > 1 or x.size <= LARGEST:
        return test
    step = -(-x.size // LARGEST)
    return replace(test, inputs=[x[::step]], outputs=[y[::step]])


def recurrent_cases() -> Iterator[Test]:
    rng = np.random.default_rng(0)
    for (operator, gates, options), direction in product(RECURRENT, ("forward", "reverse", "bidirectional")):
        for has_bias in (True, False):
            directions = 2 if direction == "bidirectional" else 1
            shapes = {
                "X": (STEPS, ROWS, WIDTH),
                "W": (directions, gates * UNITS, WIDTH),
                "R": (directions, gates * UNITS, UNITS),
                "B": (directions, 2 * gates * UNITS),
            }
            given = {name: rng.standard_normal(shapes[name]).astype(np.float32) for name in "XWRB"[: 3 + has_bias]}
            attributes = {"hidden_size": UNITS, "direction": direction, **options}
            words = [operator.lower(), *(f"{key}_{value}" for key, value in options.items()), direction]
            name = "_".join(["reference", *words, *(["bias"] if has_bias else [])])
            yield Test(name, operator, 22, attributes, list(given.values()), evaluate(operator, attributes, given))


def evaluate(operator: str, attributes: dict[str, Any], given: dict[str, np.ndarray]) -> list[np.ndarray | None]:
    """What onnx.reference computes: Y, all steps' outputs, and Y_h, the last one's."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    def stated(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    node = helper.make_node(operator, list(given), ["Y", "Y_h"], **attributes)
    graph = helper.make_graph([node], operator, [stated(name) for name in given], [stated("Y"), stated("Y_h")])
    model = helper.make_model(graph, opset_imports=[helper.make_operatorsetid("", 22)])
    return list(ReferenceEvaluator(model).run(None, given))


if __name__ == "__main__":
    main()
