"""The suite that races seqnet: its networks, its tables, and that an interrupted run keeps what it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as suite
from tests.bench.contestant import seqnet_side
from tests.bench.works import WORKS

# Trained parameters of the same networks built by tests.bench.contestant with Keras 3.15 and PyTorch 2.13.
PARAMETERS = {
    "mlp 784-128-10, batch 32": 101_770,
    "mlp 784-128-10, batch 128": 101_770,
    "tabular 30-64-64-1, batch 32": 6_209,
    "cnn 28×28, batch 128": 34_826,
    "vgg + batch norm 32×32, batch 64": 551_466,
    "residual net 16-32-64, 32×32, batch 64": 175_626,
    "depthwise-separable net, 32×32, batch 64": 138_250,
    "lstm 128 on 28×28, batch 128": 81_674,
    "gru 128 on 28×28, batch 128": 61_962,
    "text conv, 200 steps, batch 64": 369_409,
    "bidirectional lstm 64, 100 steps, batch 64": 386_177,
    "transformer encoder, 64 steps × 128, 2 blocks, batch 64": 397_834,
}


def test_every_work_has_its_count() -> None:
    assert list(PARAMETERS) == list(WORKS)


@pytest.mark.parametrize("name", WORKS)
def test_the_networks_have_the_parameters_of_the_others(name: str) -> None:
    work = WORKS[name]
    x, y = work.data()
    _, predict, count = seqnet_side(work, x[: work.batch], y[: work.batch])
    assert count == PARAMETERS[name]
    assert predict(x[:2]).shape == (2, work.classes)


def measured(seconds: float) -> dict[str, Any]:
    value = {"median": seconds, "low": seconds, "high": seconds, "rounds": 3}
    return {"train": value, "predict_1": value, "predict_256": value, "peak_bytes": {"median": 5e7}}


def test_a_dropped_contestant_is_noted_in_the_table() -> None:
    found = {"mlp": {"seqnet": measured(1.0), "keras-jax": {"dropped": suite.DROPPED}, "torch": measured(2.0)}}
    assert suite.table(found).splitlines()[2] == "| mlp | 1 | > 60 | 2 | **0.50** |"
    assert suite.table(found, "predict_256").splitlines()[2] == "| mlp | 1000 | – | 2000 | **0.50** |"


def test_results_are_kept_beside_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(suite, "README", tmp_path / "README.md")
    suite.README.write_text(f"above\n{suite.START}\nold\n{suite.END}\nbelow\n", encoding="utf-8")
    first, second, *_ = WORKS
    suite.keep(second, {"seqnet": measured(4.0), "torch": measured(2.0)})
    suite.keep(suite.INSTALLED, {"seqnet": {"install_bytes": {"median": 9e7}}})
    suite.keep("no longer raced", {})
    suite.keep(first, {"seqnet": measured(1.0)})
    suite.keep(second, {"seqnet": measured(3.0), "torch": measured(2.0)})
    assert list(json.loads(suite.RESULTS.read_text())) == [first, second, suite.INSTALLED]
    readme = suite.README.read_text(encoding="utf-8")
    assert readme.startswith("above\n") and readme.endswith("\nbelow\n") and "old" not in readme
    assert f"| {second} | 3 | 2 | **1.50** |" in readme
    for title in ("predict one row", "predict 256 rows", "Peak memory", "Size on disk"):
        assert title in readme
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_silent_contestant_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def __init__(self, name: str, python: str) -> None:
            self.name = name

        def ask(self, patience: float | None = None, **command: Any) -> dict[str, Any] | None:
            if "work" in command:
                return {"parameters": 7, "loss": 2.3}
            if self.name == "torch" and patience is not None:
                raise TimeoutError
            return {"bytes": 1} if "peak" in command else {"seconds": 0.5}

        def close(self) -> None: ...

    monkeypatch.setattr(suite, "Contestant", Silent)
    found = suite.race(next(iter(WORKS)), {"seqnet": "python", "torch": "python"}, 2)
    assert found["torch"] == {"dropped": suite.DROPPED}
    assert found["seqnet"]["train"]["rounds"] == 2
