"""Ask Keras on TensorFlow what the layers that take texts give: python -m tests.reference.make_text OUTDIR

Writes OUTDIR/text.npz with `case/y`, and `facts`, a JSON text with vocabularies, texts that came out, and signatures.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tests.cases_text import BINS, ROWS, bin_rows


def main(folder: str) -> None:
    import keras

    from tests.reference.make_layers import signature

    arrays: dict[str, Any] = {}
    facts: dict[str, Any] = {"cases": {}, "signatures": {}}
    for row in ROWS:
        cls = getattr(keras.layers, row["layer"])
        options = {name: tuple(value) if name == "ngrams" and isinstance(value, list) else value
                   for name, value in row["options"].items()}  # fmt: skip
        layer = cls(**options)
        if "adapt" in row:
            layer.adapt(np.array(row["adapt"]))
        if "set" in row:
            layer.set_vocabulary(*row["set"])
        y = np.asarray(layer(np.array(row["input"])))
        told: dict[str, Any] = {}
        if hasattr(layer, "get_vocabulary"):
            told["vocabulary"] = [str(token) for token in layer.get_vocabulary()]
            told["size"] = int(layer.vocabulary_size())
        if y.dtype == object:
            told["texts"] = np.vectorize(lambda token: token.decode(), otypes=[object])(y).tolist()
        else:
            arrays[f"{row['case']}/y"] = y
        facts["cases"][row["case"]] = told
        facts["signatures"][row["layer"]] = signature(cls)
    for case, options, shape, seed in BINS:
        layer = keras.layers.Discretization(**options)
        x = bin_rows(shape, seed)
        layer.adapt(x)
        arrays[f"{case}/edges"] = np.array(layer.bin_boundaries)
        layer.adapt([x[: len(x) // 2], x[len(x) // 2 :]])
        arrays[f"{case}/edges_by_halves"] = np.array(layer.bin_boundaries)
    np.savez_compressed(f"{folder}/text.npz", facts=json.dumps(facts), **arrays)
    print(f"text: {len(facts['cases'])} cases")


if __name__ == "__main__":
    main(sys.argv[1])
