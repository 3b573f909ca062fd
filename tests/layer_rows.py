"""The table of layer cases, gathered from every tests/cases_layers*.py, and the arrays a row stands for.

Read by the tests and by the script that asks Keras, so it imports NumPy alone. RandomState is the one generator whose
numbers NumPy promises never to change.

A row is a dict:
  case      a name of its own; layer: the Keras name; options: as in YAML (nested components as {Name: {options}})
  input     shape with the batch axis; at least 4 rows, so that two shards have something to do
  values    "normal" (default), "positive", "images" (0 to 255, whole), "colours" (0 to 255) or ["below", k] for whole
            numbers
  lengths   how many steps of each row are real; the others are masked by a layer in front, which knows them by their
            first number, 2.5. padding: "zeros" makes them zero instead and puts nothing in front, for layers that make
            the mask themselves
  weights   how each weight is drawn, in order: "normal" (default), "positive" or "keep" (what Keras starts with)
  random    True: training draws random numbers, so only inference is compared with Keras
  rate      the learning rate of the five SGD steps (default 0.5); seed: of all arrays of the row (default 0)
  keras     a function of tests/reference/keras_layers.py that builds what Keras has no layer for
  backend   where Keras computes it: "jax" (default) or "tensorflow"
  plugin    the file that the layer is in, from the root of the repository, where it is none of ours
  open      a shape with None in it, for output_shape
  exempt    {check: why}; the checks are those of CHECKS
"""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from typing import Any

import numpy as np

CHECKS = (
    "keras",  # inference, shapes, counts
    "keras_training",  # training forward, loss, weights after 1 and 5 steps
    "differences",  # central differences, inference mode
    "differences_training",  # central differences, training mode
    "rows",  # a batch of n is n batches of one
    "sharded",  # two shards compute what one does
    "frozen",  # trainable=False changes nothing
    "steady",  # the same step computed anew gives the same bytes
)
KEYS = {
    "case", "layer", "options", "input", "values", "lengths", "padding", "weights", "random", "rate", "seed", "keras",
    "backend", "plugin", "open", "exempt",
}  # fmt: skip
MARK = 2.5

Row = dict[str, Any]


def families() -> list[str]:
    """layers, layers_conv, …: one for each table."""
    return sorted(path.stem.removeprefix("cases_") for path in Path(__file__).parent.glob("cases_layers*.py"))


def rows_of(family: str) -> list[Row]:
    """The rows of one table, checked for slips of the pen."""
    rows: list[Row] = importlib.import_module(f"tests.cases_{family}").ROWS
    for row in rows:
        unknown = row.keys() - KEYS | row.get("exempt", {}).keys() - set(CHECKS)
        assert not unknown, f"{row['case']}: {unknown}"
        assert row["input"][0] >= 4, f"{row['case']}: at least 4 rows"
    names = [row["case"] for row in rows]
    assert len(set(names)) == len(names), f"{family}: a case is named twice"
    return rows


def generator(row: Row, purpose: str) -> np.random.RandomState:
    return np.random.RandomState([row.get("seed", 0), zlib.crc32(f"{row['case']}/{purpose}".encode())])


def is_whole(row: Row) -> bool:
    """Whether the input is made of whole numbers."""
    return isinstance(row.get("values"), (list, tuple))


def make_input(row: Row) -> np.ndarray:
    """x: (N, ...), float64 or int32."""
    rng, shape, values = generator(row, "input"), row["input"], row.get("values", "normal")
    x: np.ndarray
    if is_whole(row):
        x = rng.randint(0, values[1], shape).astype(np.int32)
    elif values == "images":
        x = rng.randint(0, 256, shape).astype(np.float64)
    elif values == "colours":
        x = rng.uniform(0, 255, shape).astype(np.float32).astype(np.float64)
    else:
        x = {"normal": rng.standard_normal, "positive": lambda s: rng.uniform(0.5, 2.0, s)}[values](shape)
        x = x.astype(np.float32).astype(np.float64)  # the same numbers in both precisions
    if "lengths" in row:
        padded = ~make_mask(row)
        if row.get("padding") == "zeros":
            x[padded] = 0
        else:
            x.reshape(*shape[:2], -1)[..., 0][padded] = MARK
    return x


def make_mask(row: Row) -> np.ndarray:
    """(N, T), False where a step is padding."""
    return np.arange(row["input"][1]) < np.array(row["lengths"])[:, None]


def needs_mask_in_front(row: Row) -> bool:
    return "lengths" in row and row.get("padding") != "zeros"


def make_weights(row: Row, initial: list[np.ndarray]) -> list[np.ndarray]:
    """Weights to start from, for variables that start as `initial`."""
    rng, how = generator(row, "weights"), row.get("weights", "normal")
    kinds = [how] * len(initial) if isinstance(how, str) else list(how)
    assert len(kinds) == len(initial), f"{row['case']}: {len(initial)} weights {[w.shape for w in initial]}"
    made = []
    for kind, start in zip(kinds, initial, strict=True):
        if kind == "keep" or start.shape == ():
            made.append(np.asarray(start))
        elif kind == "positive":
            made.append(rng.uniform(0.5, 1.5, start.shape).astype(np.float32))
        else:
            made.append((0.5 * rng.standard_normal(start.shape)).astype(np.float32))
    return made


def make_target(row: Row, shape: tuple[int, ...]) -> np.ndarray:
    """What the five steps of SGD on the mean squared error aim at; shape with the batch axis."""
    return generator(row, "target").standard_normal(shape).astype(np.float32)
