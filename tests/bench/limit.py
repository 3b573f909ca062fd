"""The least time that a step of a work can take on this machine, as `seqnet bench` finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.bench.works import Work


def as_yaml(work: Work) -> str:
    """The file of a work; it has no data, for which rows are generated."""

    def entry(value: Any) -> Any:
        if isinstance(value, tuple) and isinstance(value[0], str):
            return {value[0]: {key: entry(option) for key, option in value[1].items()}}
        return [entry(item) for item in value] if isinstance(value, list) else value

    model = [{"Input": {"shape": list(work.input_shape)}}, *(entry(layer) for layer in work.layers)]
    sections = {"model": model, "optimizer": "adam", "loss": work.loss, "metrics": ["accuracy"]}
    return yaml.safe_dump({**sections, "training": {"batch_size": work.batch}}, sort_keys=False)


def limit(work: Work, seconds: float = 1.0) -> dict[str, float]:
    """Seconds of a step on all cores: of its matrix products, and of the bytes it can't avoid; the rates of a core."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.yaml"
        path.write_text(as_yaml(work), encoding="utf-8")
        command = [sys.executable, "-m", "seqnet.cli.main", "bench", str(path), "--json", "--seconds", str(seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    report = json.loads(done.stdout)
    cores = len(os.sched_getaffinity(0))
    by_all = report["threads"] / cores / 1e3  # the report's are milliseconds, on the threads that the steps had
    return {
        "products_s": report["limit"]["products_ms"] * by_all,
        "bytes_s": report["limit"]["bytes_ms"] * by_all,
        "product_gflops": report["machine"]["product_gflops"],
        "copy_gb_per_s": report["machine"]["copy_gb_per_s"],
        "cores": cores,
    }
