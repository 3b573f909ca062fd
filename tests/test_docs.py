"""What the documents say is so: the reference is current, the README names every command and runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import seqnet
from seqnet.cli.app import COMMANDS
from seqnet.spec.check import check_file
from seqnet.spec.reference import reference_markdown
from seqnet.spec.run import load_spec
from tests.file_server import fill_cache

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_the_reference_is_current() -> None:
    stored = (ROOT / "seqnet" / "assets" / "reference.md").read_text(encoding="utf-8")
    assert stored == reference_markdown(), "make docs writes it anew"


def test_the_readme_names_every_command() -> None:
    for name in COMMANDS:
        assert f"seqnet {name}" in README, name


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_readmes_file_is_right(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(tmp_path / "home", monkeypatch)
    file = tmp_path / "readme.yaml"
    file.write_text(text, encoding="utf-8")
    result = check_file(file)
    assert result.unreadable is None and result.problems == []


@pytest.mark.parametrize("line", re.findall(r"^data: .*", README.split("## Your own files")[1], re.M))
def test_the_readmes_ways_to_name_files_are_right(line: str, tmp_path: Path) -> None:
    file = tmp_path / "readme.yaml"
    file.write_text(f"{line}\nmodel: [Flatten]\n", encoding="utf-8")
    load_spec(file)


@pytest.mark.parametrize("text", blocks("python"))
def test_the_readmes_script_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seqnet.utils.set_random_seed(0)
    names: dict[str, Any] = {}
    exec(compile(text.replace("epochs=5", "epochs=1"), "README.md", "exec"), names)
    assert (tmp_path / "clothes.seqnet").exists()
    assert seqnet.load_model(tmp_path / "clothes.seqnet").count_params() == 101_770


def test_the_readmes_plugin_works_and_is_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [code], [text] = blocks("py"), blocks("yml")
    example = (ROOT / "configs" / "my_layers.py").read_text(encoding="utf-8")
    for line in code.splitlines():
        assert line in example or '"""' in line, line
    Path("my_layers.py").write_text(code, encoding="utf-8")
    rest = "data: {dataset: moons}\noptimizer: adam\nloss: sparse_categorical_crossentropy\n"
    Path("x.yaml").write_text(text + rest)
    result = check_file("x.yaml")
    assert result.problems == [] and result.summary is not None
    shown = README.split("```\nmy_layers.py", 1)[1].split("```", 1)[0]
    wrong = code.replace("        apart = x[:, None, :] - ctx", "        x -= ctx", 1)
    wrong = wrong.replace('ctx.params["centers"]  # (N, units, I)', 'ctx.params["centers"][0]')
    Path("my_layers.py").write_text(wrong, encoding="utf-8")
    result = check_file("x.yaml")
    assert result.document is not None
    from seqnet.spec.diagnostics import render_problems

    assert f"my_layers.py{shown}".strip() in render_problems(result.problems, result.document)


def test_the_readmes_mistake_looks_like_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = README.split("```\nflowers.yaml", 1)[1].split("```", 1)[0]
    lines = ["data: {dataset: iris}", "optimizer: adam", "loss: sparse_categorical_crossentropy", "", "model:"]
    text = "\n".join(
        [*lines, "  - Dense: {unit: 16, activation: relu}", "  - Dense: {units: 3, activation: softmax}", ""]
    )
    Path("flowers.yaml").write_text(text, encoding="utf-8")
    from seqnet.spec.diagnostics import render_problems

    result = check_file("flowers.yaml")
    assert result.document is not None
    assert f"flowers.yaml{shown}".strip() in render_problems(result.problems, result.document)


def test_every_name_that_the_package_offers_is_there() -> None:
    for name in seqnet.__all__:
        assert getattr(seqnet, name) is not None
