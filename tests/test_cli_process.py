"""The command line in processes of its own: exit codes, pipes, signals, terminals, encodings, start-up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.screens import CODES, Screen, environment, on_terminal, seqnet

CONFIG = """\
name: moons
data: {dataset: {moons: {samples: 200}}, validation_split: 0.2}
model:
  - Dense: {units: 16, activation: tanh}
  - Dense: {units: 2, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 4, batch_size: 8}
"""

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX terminals and signals")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "moons.yaml").write_text(CONFIG)
    return tmp_path


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command imports."""
    script = (
        "import sys\nfrom seqnet.cli.main import run\n"
        f"code = run({list(arguments)!r})\n"
        "print(*sorted(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("train", "--help"), ("describe", "-h"), ("data", "info", "-h"), ("--version",)],
    ids=" ".join,
)
def test_help_imports_next_to_nothing(arguments: tuple[str, ...], folder: Path) -> None:
    # what makes `seqnet --help` answer in a tenth of a second
    assert not imported_by(folder, *arguments) & {"numpy", "rich", "yaml", "safetensors", "seqnet.declare"}


def test_summary_imports_no_training_run(folder: Path) -> None:
    heavy = {"seqnet.runs.train", "seqnet.runs.recorder", "rich.live", "rich.markdown", "asyncio", "unittest"}
    assert not imported_by(folder, "summary", "moons.yaml") & heavy


def test_exit_codes(folder: Path) -> None:
    assert seqnet("check", "moons.yaml", cwd=folder).returncode == 0
    assert seqnet("check", "nix.yaml", cwd=folder).returncode == 2
    assert seqnet("frobnicate", cwd=folder).returncode == 2
    (folder / "runs").write_text("not a folder")
    done = seqnet("train", "moons.yaml", cwd=folder)
    assert done.returncode == 2 and "--runs" in done.stderr and "Traceback" not in done.stderr
    (folder / "model.seqnet").write_text("not a model")
    done = seqnet("evaluate", "model.seqnet", cwd=folder)
    assert done.returncode == 1 and "model.seqnet" in done.stderr and "Traceback" not in done.stderr


def test_results_go_to_stdout_and_progress_to_stderr(folder: Path) -> None:
    done = seqnet("train", "moons.yaml", "--json", cwd=folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["run"] == "runs/moons/1"
    assert len(re.findall("(?m)^Epoch ", done.stderr)) == 4
    for text in (done.stdout, done.stderr):
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)


def test_a_line_is_readable_as_soon_as_its_epoch_is_over(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "seqnet.cli.main", "train", "moons.yaml", "-s", "training.epochs=100000"],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Epoch 2/100000 - "):
            break
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with: seqnet train moons.yaml -s training.epochs=100000 --resume runs/moons/1" in err
    assert "Traceback" not in err and "val_loss" in out
    state = json.loads((folder / "runs/moons/1/last/state.json").read_text())
    epochs = len(state["history"]["epoch"])
    more = seqnet("train", "moons.yaml", "-q", "--json", "--resume", "-s", f"training.epochs={epochs + 1}", cwd=folder)
    assert len(json.loads(more.stdout)["history"]["loss"]) == epochs + 1


@posix
def test_ctrl_c_before_training_ends_quietly(folder: Path) -> None:
    code = "import os, signal, seqnet.spec.run as r; r.load_spec = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)"
    script = f"{code}\nfrom seqnet.cli.main import main\nmain(['summary', 'moons.yaml'])"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert "interrupted" in done.stderr and "Traceback" not in done.stderr


@posix
@pytest.mark.parametrize(
    "arguments", ["list layers", "describe Dense", "schema", "--help", "summary moons.yaml --json"]
)
def test_a_reader_may_leave(arguments: str, folder: Path) -> None:
    command = f"{sys.executable} -m seqnet.cli.main {arguments} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")  # 0 where everything was written before the reader left


@posix
def test_training_goes_on_when_its_log_is_no_longer_read(folder: Path) -> None:
    command = f"{sys.executable} -m seqnet.cli.main train moons.yaml 2>&1 >/dev/null | head -1"
    subprocess.run(["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, timeout=60)
    assert json.loads((folder / "runs/moons/1/summary.json").read_text())["state"] == "finished"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = seqnet("schema", cwd=folder, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and "No space left on device" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("change", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}], ids=str)
def test_ascii_only_locales(change: dict[str, str], folder: Path) -> None:
    (folder / "größe.yaml").write_text(CONFIG.replace("moons\n", "größe\n", 1), encoding="utf-8")
    for arguments in (
        ["train", "größe.yaml"],
        ["describe", "Dense"],
        ["train", "größe.yaml", "-s", "trainüng=1"],
    ):
        done = seqnet(*arguments, cwd=folder, env=change)
        assert done.returncode == (2 if "trainüng=1" in arguments else 0), done.stderr
        assert (done.stdout + done.stderr).isascii()
        assert "Traceback" not in done.stderr
        if arguments[0] == "train" and done.returncode == 0:
            assert re.search(r"(?m)^Epoch 1/4 .* \*$", done.stderr)
            assert "+----" in done.stderr


@posix
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_on_a_terminal(columns: int, folder: Path) -> None:
    code, written = on_terminal("train", "moons.yaml", cwd=folder, columns=columns)
    assert code == 0
    before, _, after = written.partition("Next ")  # commands to copy may be longer than the terminal is wide
    screen = Screen(columns).feed(before)
    assert screen.wrapped == 0
    text = screen.text
    assert "━" in text and "ETA" not in text and "validating" not in text  # what was live is gone
    lines = [line for line in text.splitlines() if re.match(r" *\d/4 ", line)]
    assert [line.split()[0] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]
    assert any(line.endswith("★") for line in lines)
    assert "seqnet evaluate runs/moons/1" in CODES.sub("", after).replace("\r\n", "")
    assert "ETA" in written and written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")


@posix
def test_no_color_on_a_terminal(folder: Path) -> None:
    code, written = on_terminal("train", "moons.yaml", cwd=folder, columns=80, env={"NO_COLOR": "1"})
    assert code == 0 and not re.search(r"\x1b\[[0-9;]*m", written)
    code, written = on_terminal("summary", "moons.yaml", cwd=folder, columns=80, env={"NO_COLOR": "1"})
    assert code == 0 and "\x1b" not in written
    assert "\x1b[" in on_terminal("summary", "moons.yaml", cwd=folder, columns=80)[1]


@posix
@pytest.mark.parametrize("change", [{"TERM": "dumb"}, {"CI": "true"}], ids=str)
def test_nothing_moves_where_it_can_not(change: dict[str, str], folder: Path) -> None:
    code, written = on_terminal("train", "moons.yaml", cwd=folder, columns=200, env=change)
    assert code == 0
    assert "\r" not in written.replace("\r\n", "\n") and "\x1b[?25l" not in written and "\x1b[1A" not in written
    assert len(re.findall(r"(?m)^Epoch \d/4 - ", CODES.sub("", written))) == 4


@posix
def test_predictions_are_a_table_on_a_terminal(folder: Path) -> None:
    import numpy as np

    assert seqnet("train", "moons.yaml", "-q", cwd=folder).returncode == 0
    np.savez(folder / "x.npz", x=np.zeros((30, 2), np.float32))
    code, written = on_terminal("predict", "moons", "x.npz", cwd=folder, columns=40)
    screen = Screen(40).feed(written)
    assert code == 0 and screen.wrapped == 0
    assert screen.text.splitlines()[0].split() == ["row", "class", "probability"] and "10 more rows" in screen.text


@posix
@pytest.mark.slow
def test_start_up_is_quick(folder: Path) -> None:
    """The bars of process time: help 0.15 s, summary 0.6 s; the best of a few."""
    import resource

    def best(*arguments: str) -> float:
        took = []
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            assert seqnet(*arguments, cwd=folder, env={"PYTHONDONTWRITEBYTECODE": ""}).returncode == 0
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(took)

    assert best("--help") < 0.15
    assert best("summary", "moons.yaml") < 0.6
