"""The command line as a function, on two small files, for the tests of its commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqnet.cli import main as entry

MOONS = """\
name: moons
data: {dataset: {moons: {samples: 100}}, validation_split: 0.2}
model:
  - Dense: {units: 8, activation: tanh}
  - Dense: {units: 2, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 3, batch_size: 16}
"""
SINE = """\
data: {dataset: {sine: {samples: 50}}}
model: [{Dense: {units: 4, activation: tanh}}, {Dense: {units: 1}}]
optimizer: sgd
loss: mse
"""

Run = Callable[..., tuple[int, str, str]]


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `seqnet ARGUMENTS` in a folder with two files: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "moons.yaml").write_text(MOONS)
    (tmp_path / "sine.yaml").write_text(SINE)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = entry.run(arguments)
        written = capsys.readouterr()
        return code, written.out, written.err

    return call


def good(found: tuple[int, str, str]) -> str:
    """The stdout of a command that must end well."""
    code, out, err = found
    assert code == 0, err
    return out
