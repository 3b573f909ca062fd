"""The suite that races seqnet: its networks, its tables, and that an interrupted run keeps what it has."""

from __future__ import annotations

import json
import math
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.spec.run import load_spec
from tests.bench import race, report
from tests.bench.contestant import loss, seqnet_side
from tests.bench.installed import installed, startup
from tests.bench.limit import as_yaml
from tests.bench.memory import Peak, family, family_bytes, own_and_file_bytes
from tests.bench.scaling import BATCHES, FACTORS, THREADS
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


@pytest.mark.parametrize("name", WORKS)
def test_a_work_as_a_file_is_the_same_network(name: str, tmp_path: Path) -> None:
    (tmp_path / "work.yaml").write_text(as_yaml(WORKS[name]))
    spec = load_spec(tmp_path / "work.yaml")
    model = spec.build_model(initialize=False)
    assert model.network.parameters.theta.size == PARAMETERS[name]
    assert spec.training.batch_size == WORKS[name].batch


def measured(seconds: float) -> dict[str, Any]:
    value = {"median": seconds, "low": seconds / 2, "high": 2 * seconds, "rounds": 3}
    return {"train": value, "predict_1": value, "predict_256": value, "peak_family_bytes": {"median": 5e7}}


def test_a_dropped_contestant_is_noted_in_the_table() -> None:
    found = {"mlp": {"seqnet": measured(1.0), "keras-jax": {"dropped": race.DROPPED}, "torch": measured(2.0)}}
    assert report.table(found).splitlines()[2] == "| mlp | 1 | > 60 | 2 | **0.50** |"
    assert report.table(found, "predict_256", 1e3).splitlines()[2] == "| mlp | 1000 | – | 2000 | **0.50** |"
    assert report.spread_table(found).splitlines()[2] == "| mlp | 0.5–2 | – | 1–4 |"


def test_the_share_of_the_limit() -> None:
    work = "tabular 30-64-64-1, batch 32"  # 625 steps an epoch
    limit = {"products_s": 1e-4, "bytes_s": 6e-5, "product_gflops": 100.0, "copy_gb_per_s": 10.0, "cores": 2}
    found = {work: {"seqnet": measured(0.2), "keras-jax": {"dropped": race.DROPPED}, "limit": limit}}
    assert report.limit_table(found).splitlines() == [
        "| work | products, ms | bytes, ms | seqnet | keras-jax |",
        "|---|---|---|---|---|",
        f"| {work} | 0.1 | 0.06 | 50.0% | – |",
    ]


def test_the_tables_of_scaling() -> None:
    found = {
        "cnn 28×28, batch 128": {
            "rows": {str(factor): measured(0.9 * factor)["train"] for factor in FACTORS},
            "batch": {str(t): {str(b): measured(12.8 / t / b)["train"] for b in BATCHES} for t in THREADS},
            "sample_rows": 1000,
        }
    }
    (_, rows), (_, batches) = report.scaling_tables(found)
    assert rows.splitlines()[2] == "| cnn 28×28, batch 128 | 0.9 | 1.8 | 3.6 | 1.00 |"
    assert batches.splitlines() == [
        "| network | 128 | 256 | 512 | 1024 |",
        "|---|---|---|---|---|",
        "| cnn 28×28, 1 thread | 100 | 50 | 25 | 12.5 |",
        "| cnn 28×28, 2 threads | 50 | 25 | 12.5 | 6.25 |",
    ]


def test_results_are_kept_beside_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "README", tmp_path / "README.md")
    marks = "above\n<!-- bench -->\nold\n<!-- /bench -->\nbetween\n<!-- scaling -->\n<!-- /scaling -->\nbelow\n"
    report.README.write_text(marks, encoding="utf-8")
    first, second, *_ = WORKS
    report.keep(second, {"seqnet": measured(4.0), "torch": measured(2.0)})
    report.keep(report.INSTALLED, {"seqnet": {"install_bytes": {"median": 9e7}}})
    report.keep("no longer raced", {})
    report.keep(report.STARTUP, {"seqnet": {"import": measured(0.1)["train"], "train": measured(2.0)["train"]}})
    report.keep(first, {"seqnet": measured(1.0)})
    report.keep(second, {"seqnet": measured(3.0), "torch": measured(2.0)})
    assert list(json.loads(report.RESULTS.read_text())) == [first, second, report.STARTUP, report.INSTALLED]
    readme = report.README.read_text(encoding="utf-8")
    assert readme.startswith("above\n") and readme.endswith("\nbelow\n") and "old" not in readme
    assert f"| {second} | 3 | 2 | **1.50** |" in readme and f"| {second} | 1.5–6 | 1–4 |" in readme
    for title in ("predict one row", "predict 256 rows", "Peak memory", "Size on disk", "the start of a process"):
        assert title in readme
    assert "limit" not in readme  # of which there is no result
    assert not list(tmp_path.glob("*.part"))


def test_the_stored_results_make_tables() -> None:
    assert report.sections(json.loads(report.RESULTS.read_text(encoding="utf-8")))


class Player:
    """A contestant that answers at once, but torch not while it is waited for with patience."""

    answers: dict[str, Any] = {"parameters": 7, "loss": 2.3}

    def __init__(self, name: str, python: str) -> None:
        self.name = name

    def ask(self, patience: float | None = None, **command: Any) -> dict[str, Any] | None:
        return dict(self.answers) if "work" in command else {"seconds": 0.5}

    def train_watched(self, patience: float | None = None) -> int | None:
        if self.name == "torch" and patience is not None:
            raise TimeoutError
        return 30 if patience is None else 40

    def last_words(self) -> str:
        return "no"

    def close(self) -> None: ...


def test_a_silent_contestant_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "Contestant", Player)
    found = race.race(next(iter(WORKS)), {"seqnet": "python", "torch": "python"}, 2)
    assert found["torch"] == {"dropped": race.DROPPED}
    assert found["seqnet"]["train"]["rounds"] == 2
    assert found["seqnet"]["peak_family_bytes"] == {"median": 40}


@pytest.mark.parametrize(
    ("other", "said"), [({"parameters": 8}, "differ in their parameters"), ({"loss": 9.0}, "2.30")]
)
def test_unequal_networks_do_not_race(other: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Player):
        def __init__(self, name: str, python: str) -> None:
            super().__init__(name, python)
            if name == "keras-jax":
                self.answers = {**Player.answers, **other}

    monkeypatch.setattr(race, "Contestant", Odd)
    with pytest.raises(SystemExit, match=said):
        race.race(next(iter(WORKS)), {"seqnet": "python", "keras-jax": "python"}, 1)


def test_a_contestant_takes_commands() -> None:
    player = race.Contestant("seqnet", sys.executable)
    try:
        built = player.ask(work="tabular 30-64-64-1, batch 32", rows=300, batch=100, threads=1)
        assert built is not None and built["parameters"] == 6_209 and 0.5 < built["loss"] < 1.0
        trained = player.ask(train=2)
        assert trained is not None and len(trained["seconds"]) == 2
        assert (player.train_watched() or 0) > 1e7  # more than a bare Python takes
    finally:
        player.close()


def test_the_loss_of_predictions() -> None:
    tabular, mlp = WORKS["tabular 30-64-64-1, batch 32"], WORKS["mlp 784-128-10, batch 32"]
    y = np.array([0.0, 1.0])
    expected = -(math.log(0.8) + math.log(0.3)) / 2
    p = np.array([[0.2], [0.3]])
    assert loss(tabular, p, y, logits=False) == pytest.approx(expected)
    assert loss(tabular, np.log(p / (1 - p)), y, logits=True) == pytest.approx(expected)
    ten = np.full((2, 10), 0.1)
    assert loss(mlp, ten, y, logits=False) == loss(mlp, ten, y, logits=True) == pytest.approx(math.log(10))


def test_what_is_installed_has_a_size() -> None:
    size = installed({"seqnet": sys.executable})["seqnet"]["install_bytes"]["median"]
    assert size > sum(path.stat().st_size for path in Path(np.__file__).parent.rglob("*.so"))


def test_who_cannot_start_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(name: str, python: str, code: str) -> float:
        if name == "torch":
            raise subprocess.CalledProcessError(1, python, stderr=b"Traceback:\nModuleNotFoundError: no torch\n")
        if name == "sklearn" and "fit(" in code:
            raise subprocess.TimeoutExpired(python, 180.0)
        return 0.5

    monkeypatch.setattr("tests.bench.installed._run", run)
    found = startup(dict.fromkeys(["seqnet", "torch", "sklearn"], "python"), 2)
    value = {"median": 0.5, "low": 0.5, "high": 0.5, "rounds": 2}
    assert found == {"seqnet": {"import": value, "train": value}}
    assert capsys.readouterr().err.splitlines() == [
        "start: torch is out: ModuleNotFoundError: no torch",
        "start: sklearn is out: it took more than 180 s",
    ]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child only waits
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
def test_memory_counts_children_and_shared_pages_once() -> None:
    size = 64 << 20
    shared = mmap.mmap(-1, size)
    shared.write(b"\1" * size)
    before = own_and_file_bytes(os.getpid())[0]
    together = family_bytes(os.getpid())
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sum(shared[::4096])  # touches every page: half of each is this process's from now on
            os.write(tell, b"!")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    try:
        os.read(ready, 1)
        assert family(os.getpid())[:1] == [os.getpid()] and child in family(os.getpid())
        with Peak(os.getpid()) as peak:
            pass
        assert own_and_file_bytes(os.getpid())[0] < before - 0.4 * size
        assert 0.9 * together < peak.bytes < together + 0.5 * size
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(tell)
        shared.close()
    assert own_and_file_bytes(child) == (0, 0)
