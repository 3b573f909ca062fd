"""Store ONNX's own test data for convolution and pooling: python -m tests.reference.make_onnx_conv OUTDIR

Writes OUTDIR/onnx_conv.npz, arrays channels first. Needs the package onnx.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.reference.onnx_tests import Test, collect, write

OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
LARGEST = 3_000  # numbers in an array; larger cases are left out


def is_plain(test: Test) -> bool:
    """Whether it has one output (of pooling not the places of the maxima too), and numbers throughout."""
    return len(test.outputs) == 1 and all(array.dtype == np.float32 for array in test.arrays)


def main() -> None:
    write(Path(sys.argv[1]) / "onnx_conv.npz", filter(is_plain, collect(OPERATORS)), LARGEST)


if __name__ == "__main__":
    main()
