"""A layer of a plugin passes what every layer passes; for how rows are written see tests/layer_rows.py."""

from __future__ import annotations

from typing import Any

FILE = "configs/my_layers.py"

ROWS: list[dict[str, Any]] = [
    {
        "case": "radial_basis",
        "layer": "RadialBasis",
        "plugin": FILE,
        "keras": "radial_basis",
        "options": {"units": 3, "gamma": 0.5},
        "input": (6, 2),
    },
]
