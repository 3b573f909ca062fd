"""Write schedules.npz: the values of Keras's schedules on the rows of tests/cases_schedules.py, in double precision.

python -m tests.reference.make_schedules OUTDIR, with KERAS_BACKEND=jax. OneCycle, which Keras lacks, is PyTorch's.
`Name/signature`: the arguments of each schedule in Keras, as JSON: [[name, default], ...], "required" without one.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from tests.cases_schedules import ROWS, Row  # noqa: E402

TORCH_NAMES = {
    "max_learning_rate": "max_lr",
    "warmup_share": "pct_start",
    "start_divisor": "div_factor",
    "final_divisor": "final_div_factor",
}
TORCH_ANNEAL = {"linear": "linear", "cosine": "cos"}


def main(folder: str) -> None:
    keras.config.set_floatx("float64")
    arrays = {row.key: _one_cycle(row) if row.name == "OneCycle" else _keras(row) for row in ROWS}
    for name in sorted({row.name for row in ROWS} - {"OneCycle"}):
        parameters = inspect.signature(getattr(keras.optimizers.schedules, name)).parameters.values()
        found = [[p.name, "required" if p.default is p.empty else p.default] for p in parameters]
        arrays[f"{name}/signature"] = np.array(json.dumps(found))
    np.savez_compressed(Path(folder) / "schedules.npz", **arrays)


def _keras(row: Row) -> np.ndarray:
    schedule = getattr(keras.optimizers.schedules, row.name)(**row.options)
    return np.array([float(schedule(step)) for step in row.steps])


def _one_cycle(row: Row) -> np.ndarray:
    options = {TORCH_NAMES.get(name, name): value for name, value in row.options.items() if name != "anneal"}
    anneal = TORCH_ANNEAL[row.options.get("anneal", "cosine")]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, **options, anneal_strategy=anneal, cycle_momentum=False)
    rates = []
    for _ in range(options["total_steps"]):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        if len(rates) < options["total_steps"]:
            schedule.step()
    return np.array([rates[step] for step in row.steps])


if __name__ == "__main__":
    main(sys.argv[1])
