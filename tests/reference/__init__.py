"""Values made by real Keras, and some by ONNX, and how tests read them.

`make_<family>.py OUTDIR` (run in an environment with Keras 3 on JAX, and ONNX) writes OUTDIR/<family>.npz. The tests
read the files beside this module; `make parity` makes them anew in a temporary folder, names it in SEQNET_REFERENCE,
and runs the same tests against it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np


@lru_cache(maxsize=None)
def load_reference(family: str) -> dict[str, np.ndarray]:
    """The arrays of one family, by key `case/value`."""
    folder = Path(os.environ.get("SEQNET_REFERENCE") or Path(__file__).parent)
    with np.load(folder / f"{family}.npz", allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}
