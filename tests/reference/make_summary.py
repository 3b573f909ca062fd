"""Write summary.npz: what Keras's summary() prints for every row of tests/cases_summary.py.

python -m tests.reference.make_summary OUTDIR, with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tests.cases_summary import CASES


def main(folder: str) -> None:
    texts = {}
    for case, (layers, shape, columns, arguments, fitted) in CASES.items():
        keras.utils.clear_session()
        os.environ["COLUMNS"] = str(columns)
        made: list[Any] = [getattr(keras.layers, name)(**options) for name, options in layers]
        model = keras.Sequential([*([] if shape is None else [keras.Input(shape)]), *made], name="net")
        if fitted:
            model.compile(optimizer="adam", loss="mse")
            x = np.zeros((2, *shape), np.float32)
            model.fit(x, model.predict(x, verbose=0), verbose=0)
        lines: list[str] = []
        model.summary(print_fn=lines.append, **arguments)
        texts[case] = np.array("".join(lines))
    np.savez_compressed(Path(folder) / "summary.npz", **texts)


if __name__ == "__main__":
    main(sys.argv[1])
