"""The list of runs: what a folder says of its run, in every state and damage; order, filters, and the screens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqnet.errors import UsageError
from seqnet.runs import process, records
from seqnet.runs.process import SILENCE, is_alive, this_process
from seqnet.runs.records import filter_records, find_records, read_record, sort_records
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from seqnet.training.callbacks import Callback
from tests.commands import MOONS, Run, good, runner
from tests.run_folders import age, make_run
from tests.screens import CODES, environment, on_terminal


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


# -- states -----------------------------------------------------------------------------------------------------------

HERE = {**this_process()}
GONE = {**this_process(), "began": 1}
ELSEWHERE = {**this_process(), "host": "another-machine"}
STATES: dict[str, tuple[str, dict[str, Any], str]] = {
    "finished": ("finished", {}, "finished"),
    "stopped early": ("finished", {"planned_epochs": 50}, "stopped-early"),
    "without a plan": ("finished", {"planned_epochs": None}, "finished"),
    "interrupted": ("interrupted", {"planned_epochs": 50}, "interrupted"),
    "failed": ("failed", {"error": "no space"}, "failed"),
    "running": ("running", {"process": HERE}, "running"),
    "killed": ("running", {"process": GONE}, "interrupted"),
    "killed while testing": ("trained", {"process": GONE}, "interrupted"),
    "testing": ("trained", {"process": HERE}, "running"),
    "running elsewhere": ("running", {"process": ELSEWHERE}, "running"),
    "unknown process": ("running", {}, "interrupted"),
    "no process": ("running", {"process": 7}, "interrupted"),
    "strange number": ("running", {"process": {**HERE, "pid": 10**30}}, "interrupted"),
    "no number": ("running", {"process": {**HERE, "pid": "x"}}, "interrupted"),
}


@pytest.mark.parametrize("name", STATES)
def test_the_state_of_a_run(name: str, tmp_path: Path) -> None:
    state, changes, expected = STATES[name]
    record = read_record(make_run(tmp_path / "a" / "1", state, **changes))
    assert record.state == expected
    # What was logged is known whoever could write it down last.
    assert (record.epochs, record.best_epoch, record.best["val_loss"]) == (3, 2, 1.0)
    assert record.final["val_accuracy"] == 0.7 and record.monitor == "val_loss" and record.mode == "min"
    assert record.problem == ("no space" if state == "failed" else None)


def test_a_run_elsewhere_that_is_silent_for_long_is_over(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a" / "1", "running", process=ELSEWHERE)
    age(folder, SILENCE - 60)
    assert read_record(folder).state == "running"
    age(folder, 120)
    assert read_record(folder).state == "interrupted"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the last sign of life decides")
def test_a_process_is_told_from_one_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    its = {**this_process(), "pid": child.pid, "began": process._began(child.pid)}
    assert is_alive(its, time.time())
    if its["began"] is not None:
        assert not is_alive({**its, "began": its["began"] - 1}, time.time())
    child.kill()
    deadline = time.monotonic() + 10
    while its["began"] is not None and is_alive(its, time.time()) and time.monotonic() < deadline:
        time.sleep(0.01)  # it is gone before anybody has waited for it
    assert its["began"] is None or not is_alive(its, time.time())
    child.communicate()
    assert not is_alive(its, time.time())
    monkeypatch.setattr(process, "_began", lambda pid: None)  # without /proc
    assert not is_alive(its, time.time())
    assert is_alive(this_process(), time.time()) and not is_alive(this_process(), time.time() - SILENCE - 1)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_a_killed_training_reads_interrupted(tmp_path: Path) -> None:
    (tmp_path / "moons.yaml").write_text(MOONS)
    command = [sys.executable, "-m", "seqnet.cli.main", "train", "moons.yaml", "-s", "training.epochs=1000000"]
    child = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL)
    folder = tmp_path / "runs" / "moons" / "1"
    try:
        deadline = time.monotonic() + 60
        while not (folder / "best" / "state.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        record = read_record(folder)
        assert record.state == "running" and record.epochs > 0 and record.planned_epochs == 1_000_000
        assert record.seconds is not None and 0 < record.seconds < 60
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert read_record(folder).state == "interrupted"


def test_a_training_that_fails_says_why(tmp_path: Path) -> None:
    class Broken(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise MemoryError

    (tmp_path / "moons.yaml").write_text(MOONS)
    with pytest.raises(MemoryError):
        train(load_spec(tmp_path / "moons.yaml"), runs=tmp_path / "runs", display=Broken())
    record = read_record(tmp_path / "runs" / "moons" / "1")
    assert (record.state, record.problem) == ("failed", "MemoryError")


# -- damage -----------------------------------------------------------------------------------------------------------


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda folder: void((folder / name).write_bytes(content if isinstance(content, bytes) else content.encode()))


def void(_: object) -> None:
    """Nothing."""


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (emptied, "it is empty"),
    "no resolved": (without("resolved.yaml"), "resolved.yaml is missing"),
    "empty resolved": (text("resolved.yaml", ""), "resolved.yaml is empty"),
    "no summary": (without("summary.json"), "summary.json is missing"),
    "cut": (text("summary.json", '{"state": "fini'), "summary.json is damaged: Unterminated string"),
    "list": (text("summary.json", "[]"), "summary.json is damaged: it holds no mapping"),
    "bytes": (text("summary.json", b"\xff\x00"), "summary.json is damaged: 'utf-8' codec can't decode"),
    "deep": (text("summary.json", "[" * 100_000), "summary.json is damaged: "),
    "state": (text("summary.json", '{"state": "dancing"}'), "summary.json is damaged: it names no state of a run"),
    "best": (text("summary.json", '{"state": "finished", "best": 3}'), "its best is no mapping"),
    "metrics": (text("metrics.jsonl", '{"epoch": 1}\n{"ep'), "metrics.jsonl is damaged: line 2 is no JSON"),
    "row": (text("metrics.jsonl", "[]\n"), "metrics.jsonl is damaged: line 1 is no epoch's row"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_said_and_no_more(name: str, run: Run) -> None:
    damage, expected = DAMAGE[name]
    make_run(Path("runs/a/1"))
    damage(make_run(Path("runs/a/2"), "running"))
    record = read_record(Path("runs/a/2"))
    assert record.state == "damaged" and record.problem is not None and expected in record.problem
    code, out, err = run("runs", "--sort", "name")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["run", "a/1", "a/2"]
    assert f"warning: runs/a/2 is damaged: {record.problem}\n" == err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["summary.json", "metrics.jsonl"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a" / "1", "running")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert read_record(folder).problem == f"{name} is no file"


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "a" / "1"), make_run(tmp_path / "b" / "1")
    real = Path.iterdir

    def iterdir(self: Path) -> Any:
        if self == refused:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    refused = tmp_path / "a"
    found = {record.label: record.problem for record in find_records(tmp_path)}
    assert found == {"b/1": None, f"{tmp_path.name}/a": "can't be read: Permission denied"}
    refused = tmp_path
    with pytest.raises(UsageError, match="can't look into .*: Permission denied"):
        find_records(tmp_path)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_the_files_there_is_a_record(data: st.DataObject, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "1"
    if not folder.exists():
        make_run(folder)
        (tmp_path / "whole.json").write_text((folder / "summary.json").read_text())
    summary = json.loads((tmp_path / "whole.json").read_text())
    summary["state"] = data.draw(st.sampled_from(["running", "finished", "failed"]))
    for key in data.draw(st.sets(st.sampled_from(sorted(summary)), max_size=3)):
        summary[key] = data.draw(PLAIN)
    (folder / "summary.json").write_text(json.dumps(summary))
    row = {"epoch": data.draw(st.integers(-5, 10**20)), "loss": data.draw(PLAIN), "val_loss": data.draw(PLAIN)}
    (folder / "metrics.jsonl").write_text(json.dumps(row))
    record = read_record(folder)
    assert record.state in records.STATES
    assert (record.state == "damaged") <= bool(record.problem)
    from seqnet.console.runs import show_runs

    show_runs([record.as_json()])


# -- which folders, in which order ----------------------------------------------------------------------------------


def labels(found: list[Any]) -> list[str]:
    return [record.label for record in found]


def test_runs_are_found_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    for name in ("a/1", "a/kept", "7/1", ".hidden/1"):
        make_run(runs / name)
    (runs / "notes.txt").touch()
    (runs / "pictures" / "holidays").mkdir(parents=True)
    (runs / "pictures" / "2024").mkdir()
    (runs / "12").mkdir()
    found = {record.label: record.state for record in find_records(runs)}
    damaged = {"pictures/2024": "damaged", "runs/12": "damaged"}
    assert found == {"a/1": "finished", "a/kept": "finished", "7/1": "finished", **damaged}
    assert set(labels(find_records(runs / "a"))) == {"a/1", "a/kept"}
    assert labels(find_records(runs / "a" / "1")) == ["a/1"]
    monkeypatch.chdir(runs / "a")
    assert set(labels(find_records(Path()))) == {"a/1", "a/kept"}
    monkeypatch.chdir(runs / "a" / "1")
    assert labels(find_records(Path())) == ["a/1"]
    assert find_records(tmp_path / "nowhere") == []
    with pytest.raises(UsageError, match="is a file; name the folder of the run folders"):
        find_records(runs / "notes.txt")


def test_order_and_filters(tmp_path: Path) -> None:
    make_run(tmp_path / "b" / "2", losses=(0.9, 0.2, 0.3), started="2026-01-05T00:00:00+00:00")
    make_run(tmp_path / "b" / "10", "interrupted", losses=(0.9, 0.1), started="2026-01-04T23:30:00-02:00")
    make_run(tmp_path / "a" / "1", "failed", losses=(), started="2026-01-03T00:00:00+00:00")
    make_run(tmp_path / "a" / "2", losses=(None, None, None), started="2026-01-01T00:00:00+00:00")
    found = find_records(tmp_path)
    orders = {
        "when": ["b/10", "b/2", "a/1", "a/2"],
        "name": ["a/1", "a/2", "b/2", "b/10"],
        "state": ["a/2", "b/2", "b/10", "a/1"],
        "epochs": ["a/2", "b/2", "b/10", "a/1"],
        "time": ["a/2", "b/2", "b/10", "a/1"],
        "val_loss": ["b/10", "b/2", "a/1", "a/2"],  # those without a number last
        "val_accuracy": ["b/2", "b/10", "a/2", "a/1"],  # the larger the better
    }
    assert {key: labels(sort_records(found, key)) for key in orders} == orders
    with pytest.raises(UsageError, match="there is nothing named 'val_los' to sort the runs by; did you mean val_loss"):
        sort_records(found, "val_los")
    assert labels(filter_records(found, names=["a"])) == ["a/1", "a/2"]
    assert labels(filter_records(found, names=["b/1?", "a/1"])) == ["b/10", "a/1"]
    assert labels(filter_records(found, names=["?"], states=["finished"])) == ["b/2", "a/2"]
    assert filter_records(found, names=["c"]) == []


# -- screens ----------------------------------------------------------------------------------------------------------


def three_runs() -> None:
    make_run(Path("runs/moons/9"), started="2026-01-01T10:00:00+00:00")
    make_run(Path("runs/moons/10"), "interrupted", losses=(0.9,), started="2026-01-02T10:00:00+00:00")
    make_run(Path("runs/a name/1"), planned_epochs=50, parameters=None, started="2026-01-03T10:00:00+00:00")


PIPED = """\
run       when              state          epochs  monitor     best  at   time
a name/1  2026-01-03 10:00  stopped-early    3/50  val_loss  1.0000   2  1.50s
moons/10  2026-01-02 10:00  interrupted       1/3  val_loss  1.8000   1  0.50s
moons/9   2026-01-01 10:00  finished          3/3  val_loss  1.0000   2  1.50s
"""


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone can't be set here")
def test_in_a_pipe_all_columns_stand(run: Run, monkeypatch: pytest.MonkeyPatch, utc: None) -> None:
    three_runs()
    for columns in ("20", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run("runs") == (0, PIPED, "")
    assert good(run("runs", "--reverse", "-n", "1")).splitlines()[1].split() == PIPED.splitlines()[3].split()
    sorted_by = good(run("runs", "moons", "--sort", "accuracy", "-n", "1")).splitlines()
    assert re.split("  +", sorted_by[1])[:7] == "moons/9|2026-01-01 10:00|finished|3/3|accuracy|0.7500|2".split("|")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no terminal to run on")
@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        (100, ["run", "when", "state", "epochs", "val_loss", "at", "time"]),
        (60, ["run", "state", "epochs", "val_loss", "at"]),
        (38, ["run", "state", "val_loss"]),
        (26, ["run", "state"]),
    ],
)
def test_on_a_terminal_what_fits_stands(columns: int, heads: list[str], run: Run, tmp_path: Path) -> None:
    three_runs()
    code, shown = on_terminal("runs", cwd=tmp_path, columns=columns)
    assert code == 0 and "\x1b[36mmoons/9" in shown
    lines = CODES.sub("", shown).replace("\r", "").splitlines()
    assert len(lines) == 4 and max(map(len, lines)) <= columns
    assert lines[0].split() == heads
    assert "stopped-early" in lines[1]


def test_as_json(run: Run) -> None:
    three_runs()
    make_run(Path("runs/moons/11")).joinpath("summary.json").unlink()
    found = json.loads(good(run("runs", "--json", "--name", "moons", "--sort", "name", "--state", "damaged")))
    assert [(one["run"], one["problem"]) for one in found] == [("moons/11", "summary.json is missing")]
    found = json.loads(good(run("runs", "--json", "--sort", "name")))
    assert [one["run"] for one in found] == ["a name/1", "moons/9", "moons/10", "moons/11"]
    assert all(one.keys() == found[0].keys() for one in found)
    assert found[1]["when"] == "2026-01-01T10:00:00+00:00" and found[1]["number"] == 9
    assert found[1]["best"] == {"loss": 0.5, "accuracy": 0.75, "val_loss": 1.0, "val_accuracy": 0.75}


def test_nothing_to_list(run: Run) -> None:
    assert run("runs") == (0, "", "there is no folder runs; a run makes one: seqnet train CONFIG\n")
    assert run("runs", "--json")[:2] == (0, "[]\n")
    assert "there is no folder rnus" in run("runs", "rnus")[2]
    Path("runs").mkdir()
    assert run("runs") == (0, "", "there are no runs in runs; make one with: seqnet train CONFIG\n")
    three_runs()
    assert run("runs", "--name", "mons")[2] == "none of the 3 runs in runs is such a one; did you mean moons?\n"
    assert run("runs", "--name", "mons", "--json")[1] == "[]\n"


def test_wrong_input(run: Run) -> None:
    three_runs()
    for arguments, said in [
        (["moons.yaml"], "moons.yaml is a file; name the folder of the run folders"),
        (["--sort", "los"], "there is nothing named 'los' to sort the runs by; did you mean loss?"),
        (["--state", "finshed"], "--state can't be 'finshed'; did you mean finished?"),
        (["--limit", "-1"], "--limit"),
    ]:
        code, out, err = run("runs", *arguments)
        assert code == 2 and out == "" and said in err, err


def test_every_state_can_be_asked_for_and_has_a_colour() -> None:
    from seqnet.cli.runs import _STATES
    from seqnet.console.runs import _STYLES

    assert _STATES == records.STATES == tuple(_STYLES)


def test_hundreds_of_runs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them in a pipe, those of interest on a terminal; no file is read that grows with the run."""
    for number in range(1, 301):
        make_run(Path(f"runs/moons/{number}"))
    monkeypatch.setattr(records, "read_curves", lambda folder: pytest.fail("the metrics are not needed"))
    assert len(good(run("runs")).splitlines()) == 301
    found = json.loads(good(run("runs", "--json", "-n", "3")))
    assert [one["number"] for one in found] == [300, 299, 298]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, err = run("runs")
    assert len(out.splitlines()) == 21 and err == "20 of 300 runs; --limit 0 shows all\n"
    assert len(run("runs", "--limit", "0")[1].splitlines()) == 301
