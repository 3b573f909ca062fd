"""A power cut at any moment: what was written without being flushed may be lost, in any combination.

The system calls of the writer are recorded and played into a file system that is a model of the pessimistic reading of
POSIX: a file's bytes are sure once the file was flushed, its name once its folder was. At a power cut every change of
a name that was not made sure may have happened or not, whatever became of the others, and of bytes that were not made
sure there may be all, half or none.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.errors import CheckpointError
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from seqnet.training import checkpoint
from seqnet.training.checkpoint import Snapshot, read_snapshot, write_snapshot

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the names of handles in /proc")

Call = tuple[Any, ...]


class Recorder:
    """The calls that a writer makes, in order, with the bytes of each flushed file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Call] = []
        real_fsync, real_replace, real_link, real_open = os.fsync, os.replace, os.link, open
        real_unlink, real_mkdir = Path.unlink, Path.mkdir

        def fsync(handle: int) -> None:
            path = Path(os.readlink(f"/proc/self/fd/{handle}"))
            if path.is_dir():
                self.calls.append(("flush folder", path))
            else:
                self.calls += [("write", path, path.read_bytes()), ("flush", path)]
            real_fsync(handle)

        def replace(old: Path, new: Path) -> None:
            real_replace(old, new)
            self.calls.append(("rename", Path(old), Path(new)))

        def opened(path: Path, mode: str) -> Any:
            file = real_open(path, mode)
            self.calls.append(("create", path))
            return file

        def link(old: Path, new: Path) -> None:
            real_link(old, new)
            self.calls.append(("link", Path(old), Path(new)))

        def unlink(path: Path, missing_ok: bool = False) -> None:
            there = path.exists()
            real_unlink(path, missing_ok=missing_ok)
            if there and path.name != ".lock":
                self.calls.append(("unlink", path))

        def mkdir(path: Path, *args: Any, **options: Any) -> None:
            there = path.exists()
            real_mkdir(path, *args, **options)
            if not there:
                self.calls.append(("mkdir", path))

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(os, "link", link)
        monkeypatch.setattr(checkpoint, "open", opened, raising=False)
        monkeypatch.setattr(Path, "unlink", unlink)
        monkeypatch.setattr(Path, "mkdir", mkdir)


class File:
    """Bytes on the disk, and those still on their way."""

    def __init__(self) -> None:
        self.sure = b""
        self.written = b""


Name = tuple[Path, File | None]  # a name and what it stands for: a file, None for nothing; a folder is a File too


class Disk:
    """Names that are sure, and changes of names that are not, by the folder they are in."""

    def __init__(self) -> None:
        self.sure: dict[Path, File] = {}
        self.now: dict[Path, File] = {}
        self.pending: dict[Path, list[list[Name]]] = {}  # changes; one may set several names at once

    def play(self, call: Call) -> None:
        what, path = call[0], call[1]
        if what in ("create", "mkdir"):
            self._change(path.parent, (path, File()))
        elif what == "write":
            self.now[path].written = call[2]
        elif what == "flush":
            self.now[path].sure = self.now[path].written
        elif what == "rename":
            self._change(path.parent, (call[2], self.now[path]), (path, None))
        elif what == "link":
            self._change(call[2].parent, (call[2], self.now[path]))
        elif what == "unlink":
            self._change(path.parent, (path, None))
        else:
            for change in self.pending.pop(path, []):
                _apply(self.sure, change)

    def _change(self, folder: Path, *names: Name) -> None:
        _apply(self.now, list(names))
        self.pending.setdefault(folder, []).append(list(names))

    def after_a_cut(self) -> Iterator[dict[Path, bytes | None]]:
        """Every state that a power cut now may leave: the bytes of each file, None for folders."""
        changes = [change for changes in self.pending.values() for change in changes]
        folders = {path for path in self.now if any(other.parent == path for other in self.now)}
        for kept in itertools.product((True, False), repeat=len(changes)):
            names = dict(self.sure)
            for change, keep in zip(changes, kept, strict=True):
                if keep:
                    _apply(names, change)
            unsure = [path for path, file in names.items() if file.written != file.sure]
            for parts in itertools.product((0, 1, 2), repeat=len(unsure)):
                found: dict[Path, bytes | None] = {}
                for path, file in names.items():
                    part = parts[unsure.index(path)] if path in unsure else 2
                    found[path] = file.written[: len(file.written) * part // 2] if path in unsure else file.sure
                    if path in folders or (not path.suffix and not file.written):
                        found[path] = None
                yield found


def _apply(names: dict[Path, File], change: list[Name]) -> None:
    for path, file in change:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def lay_out(found: dict[Path, bytes | None], root: Path, top: Path) -> Path:
    """Make such a state of `root` below `top`; what lies in a folder whose name was lost is lost with it."""
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir()
    for path in sorted(found, key=lambda path: len(path.parts)):
        data, place = found[path], top / path.relative_to(root)
        if not place.parent.is_dir():
            continue
        if data is None:
            place.mkdir()
        else:
            place.write_bytes(data)
    return top


def snapshot(number: int) -> Snapshot:
    return Snapshot({"a": np.full(50, number, np.float32)}, {"number": number})


def test_a_power_cut_leaves_the_old_or_the_new_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "disk" / "last"
    folder.parent.mkdir()
    disk, states = Disk(), 0
    for number in (1, 2, 3):
        with pytest.MonkeyPatch.context() as patch:
            recorder = Recorder(patch)
            write_snapshot(folder, snapshot(number))
        for call in recorder.calls:
            disk.play(call)
            for found in disk.after_a_cut():
                states += 1
                top = lay_out(found, tmp_path / "disk", tmp_path / "after")
                if number == 1 and not (top / "last" / "state.json").exists():
                    continue
                assert read_snapshot(top / "last").data["number"] in (number, max(number - 1, 1)), (call, found)
        for found in disk.after_a_cut():  # once it has returned, it is the new one
            top = lay_out(found, tmp_path / "disk", tmp_path / "after")
            assert read_snapshot(top / "last").data["number"] == number
    assert states > 60


def test_a_power_cut_leaves_both_of_two_folders_that_share_a_file(tmp_path: Path) -> None:
    best, last = tmp_path / "disk" / "best", tmp_path / "disk" / "last"
    best.parent.mkdir()
    disk = Disk()
    for number in (1, 2):
        with pytest.MonkeyPatch.context() as patch:
            recorder = Recorder(patch)
            write_snapshot(best, snapshot(number), last)
        assert any(call[0] == "link" for call in recorder.calls)
        for call in recorder.calls:
            disk.play(call)
            for found in disk.after_a_cut():
                top = lay_out(found, tmp_path / "disk", tmp_path / "after")
                for name in ("best", "last"):
                    if number > 1 or (top / name / "state.json").exists():
                        assert read_snapshot(top / name).data["number"] in (number, max(number - 1, 1)), (call, found)
    for found in disk.after_a_cut():
        top = lay_out(found, tmp_path / "disk", tmp_path / "after")
        assert [read_snapshot(top / name).data["number"] for name in ("best", "last")] == [2, 2]


def test_the_model_of_a_disk_finds_what_a_careless_writer_loses(tmp_path: Path) -> None:
    """A writer that does not flush before it renames, or not the folder, is caught: so the test above can fail."""
    folder = tmp_path / "disk" / "last"
    folder.parent.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        for number in (1, 2):
            write_snapshot(folder, snapshot(number))
    for left_out in ("flush", "flush folder"):
        disk, lost = Disk(), 0
        for call in recorder.calls:
            if call[0] != left_out:
                disk.play(call)
        for found in itertools.islice(disk.after_a_cut(), 400):
            top = lay_out(found, tmp_path / "disk", tmp_path / "after")
            try:
                lost += read_snapshot(top / "last").data["number"] != 2
            except CheckpointError:
                lost += 1
        assert lost


RUN = """\
name: cut
data: {dataset: iris, validation_split: 0.2}
model: [Normalization, {Dense: {units: 3, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
training: {epochs: 3, batch_size: 16}
"""


def test_a_power_cut_leaves_a_run_to_go_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the moment, there is no run yet or one with a state that loads, not older than what was promised."""
    (tmp_path / "cut.yaml").write_text(RUN)
    root = tmp_path / "disk"
    root.mkdir()
    promised: list[tuple[int, int]] = []  # calls made, and the epoch that is saved by then
    from seqnet.runs.recorder import RunRecorder

    with monkeypatch.context() as patch:
        recorder = Recorder(patch)
        real = RunRecorder.save

        def save(self: RunRecorder, trainer: Any) -> None:
            real(self, trainer)
            promised.append((len(recorder.calls), trainer.position.epoch))

        patch.setattr(RunRecorder, "save", save)
        train(load_spec(tmp_path / "cut.yaml"), runs=root, threads=1)
    disk, folder = Disk(), tmp_path / "after" / "cut" / "1"
    for number, call in enumerate(recorder.calls, start=1):
        disk.play(call)
        at_least = max((epoch for calls, epoch in promised if calls <= number), default=None)
        for found in disk.after_a_cut():
            lay_out(found, root, tmp_path / "after")
            if at_least is None and not (folder / "last" / "state.json").exists():
                continue
            assert read_snapshot(folder / "last").data["position"]["epoch"] >= (at_least or 0)
            for name in ("summary.json", "best/state.json"):
                if (folder / name).exists():
                    json.loads((folder / name).read_text())
            if at_least:
                assert read_snapshot(folder / "best").data["history"]["epoch"]
                assert load_spec(folder / "resolved.yaml").name == "cut"
    assert [epoch for _, epoch in promised] == sorted(epoch for _, epoch in promised) and len(promised) > 2
