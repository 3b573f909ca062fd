"""Disks that are full or can't be written, and several processes in one folder: real ones, where the system allows it.

A full disk is simulated by the limit that the system sets on the size of files (it gives EFBIG instead of ENOSPC), or
by a small file system in memory where mounting is allowed; a folder that can't be written, by one mounted read-only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqnet.training.checkpoint import read_snapshot
from tests.screens import environment
from tests.test_kills import CASES, latest, start, state, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's limits and mounts")

CONFIG = """\
name: killed
data: {dataset: digits, validation_split: 0.2}
model: [Flatten, {Dense: {units: 128, activation: relu}}, {Dense: {units: 10, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
training: {epochs: 2, batch_size: 64}
"""


def train(folder: Path, *arguments: str, before: str = "") -> tuple[int, str]:
    """`seqnet train` in a process, after lines of Python that change what the process may do."""
    script = f"import os, resource, signal\n{before}\nfrom seqnet.cli.main import main\n"
    script += f"main(['train', 'killed.yaml', '--threads', '1', '-q', *{list(arguments)!r}])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "killed.yaml").write_text(CONFIG)
    return tmp_path


def limited(size: int) -> str:
    return f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"


def test_no_room_for_the_first_checkpoint(folder: Path) -> None:
    code, errors = train(folder, before=limited(10_000))
    assert code == 1 and "can't write the checkpoint" in errors and "File too large" in errors
    assert "nothing was trained; mend that, or choose another place with --runs FOLDER" in errors
    assert not (folder / "runs" / "killed" / "1").exists()


def test_no_room_for_a_later_checkpoint(folder: Path) -> None:
    assert train(folder)[0] == 0
    run = folder / "runs" / "killed" / "1"
    before = {path: path.read_bytes() for path in run.rglob("*.safetensors")}
    code, errors = train(folder, "--resume", "-s", "training.epochs=4", before=limited(10_000))
    assert code == 1 and "what was saved before is intact; once that is mended, go on with --resume" in errors
    assert {path: path.read_bytes() for path in run.rglob("*.safetensors")} == before
    assert read_snapshot(run / "last").data["position"]["epoch"] == 2
    assert train(folder, "--resume", "-s", "training.epochs=4")[0] == 0
    assert read_snapshot(run / "last").data["position"]["epoch"] == 4


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder to mount something on; taken off again in the end."""
    place = tmp_path / "mounted"
    place.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("may not mount")
    return place


def mount(*arguments: str) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True).returncode != 0:
        pytest.skip("may not mount")


@pytest.mark.slow
def test_a_small_disk(folder: Path, mounted: Path) -> None:
    mount("-t", "tmpfs", "-o", "size=700k", "tmpfs", str(mounted))
    try:
        filler = mounted / "filler"
        assert train(folder, "--runs", str(mounted / "runs"), "-s", "training.epochs=1")[0] == 0
        run = mounted / "runs" / "killed" / "1"
        filler.write_bytes(bytes(shutil.disk_usage(mounted).free - 8192))
        code, errors = train(folder, "--runs", str(mounted / "runs"), "--resume", "-s", "training.epochs=3")
        assert code == 1 and "No space left on device" in errors and "go on with --resume" in errors
        assert read_snapshot(run / "last").data["position"]["epoch"] == 1
        code, errors = train(folder, "--runs", str(mounted / "runs"))
        assert code == 1 and "No space left on device" in errors
        assert read_snapshot(run / "last").data["position"]["epoch"] == 1
        filler.unlink()
        assert train(folder, "--runs", str(mounted / "runs"), "--resume", "-s", "training.epochs=3")[0] == 0
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_a_folder_that_can_only_be_read(folder: Path, mounted: Path) -> None:
    assert train(folder, "--runs", str(mounted / "runs"))[0] == 0
    mount("--bind", str(mounted), str(mounted))
    try:
        mount("-o", "remount,ro,bind", str(mounted))
        for arguments in ([], ["--resume", "-s", "training.epochs=4"]):
            code, errors = train(folder, "--runs", str(mounted / "runs"), *arguments)
            assert code == 1 and "read-only file system" in errors.lower() and "--runs" in errors, errors
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
    assert read_snapshot(mounted / "runs" / "killed" / "1" / "last").data["position"]["epoch"] == 2


# -- several processes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_processes_at_the_same_moment(folder: Path) -> None:
    processes = [start(folder, "", "-s", "training.epochs=1") for _ in range(6)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    runs = sorted(path.name for path in (folder / "runs" / "killed").iterdir())
    assert runs == ["1", "2", "3", "4", "5", "6"]
    weights = [read_snapshot(folder / "runs" / "killed" / run / "last").part("weights") for run in runs]
    for each in weights:
        assert {name: array.tobytes() for name, array in each.items()} == {
            name: array.tobytes() for name, array in weights[0].items()
        }


@pytest.mark.slow
def test_a_run_is_gone_on_with_by_one_process(tmp_path: Path) -> None:
    (tmp_path / "killed.yaml").write_text(CASES["workers"])
    first = start(tmp_path, "workers", "-s", "training.epochs=100000")
    until(lambda: latest(tmp_path) or first.poll() is not None, "no checkpoint")
    run = latest(tmp_path)
    assert run is not None
    code, errors = train(tmp_path, "--resume", "-s", "training.epochs=100000")
    assert code == 2
    assert "another process is training in runs/killed/1; wait for its end, or stop it first" in errors
    assert first.poll() is None
    first.kill()
    first.communicate(timeout=60)
    epochs = str(len(json.loads((run / "last" / "state.json").read_text())["history"]["epoch"]) + 1)
    racing = [start(tmp_path, "workers", "--resume", "-s", f"training.epochs={epochs}") for _ in range(5)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in racing]
    # Whoever comes while another trains is told so; whoever comes later finds the run finished.
    assert [code for _, code in ended].count(0) == 1, ended
    for errors, code in ended:
        assert code == 0 or (code == 2 and ("another process" in errors or "is finished" in errors)), errors
    assert state(run) == "finished" and not (run / ".lock").exists()
