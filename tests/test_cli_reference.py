"""What one looks things up with: `seqnet list`, `describe` and `data`, over everything that is registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.registry import KIND_MODULES, components
from tests.commands import Run, good, runner
from tests.file_server import fill_cache


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def test_list_kinds(run: Run) -> None:
    counts = json.loads(good(run("list", "--json")))
    assert counts["layers"] == len(list(components("layer"))) and len(counts) == len(KIND_MODULES)
    out = good(run("list"))
    assert all(f"{kind} " in out for kind in counts)


@pytest.mark.parametrize("kind", KIND_MODULES)
def test_list_names_everything(kind: str, run: Run) -> None:
    from seqnet.cli.reference import plural

    out = good(run("list", plural(kind)))
    assert out == good(run("list", kind))
    for cls in components(kind):
        assert any(line.split()[:1] == [cls.spec_name] for line in out.splitlines()), cls
    assert {row["name"] for row in json.loads(good(run("list", kind, "--json")))} == {
        cls.spec_name for cls in components(kind)
    }


EVERYTHING = [(kind, cls.spec_name) for kind in KIND_MODULES for cls in components(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERYTHING, ids=lambda value: value)
def test_describe_explains_every_option(kind: str, name: str, run: Run) -> None:
    from seqnet.declare import options_of
    from seqnet.registry import lookup

    out = good(run("describe", name, "--kind", kind))
    for option in options_of(lookup(kind, name)).values():
        assert option.name in out and option.help in out and option.checker.says() in out
    assert "In a file" in out
    found = json.loads(good(run("describe", name, "--kind", kind, "--json")))
    assert (found["kind"], found["name"]) == (kind, name)
    assert {option["name"] for option in found["options"]} == set(options_of(lookup(kind, name)))


@pytest.mark.parametrize(
    ("kind", "name"), [pair for pair in EVERYTHING if pair[0] != "source"], ids=lambda value: value
)
def test_the_example_of_describe_is_valid(kind: str, name: str, run: Run, tmp_path: Path) -> None:
    example = json.loads(good(run("describe", name, "--kind", kind, "--json")))["example"]
    (tmp_path / "example.yaml").write_text(
        example if "model:" in example else f"model: [{{Dense: {{units: 1}}}}]\n{example}"
    )
    from seqnet.spec.reader import read_document
    from seqnet.spec.run import check_document

    problems: list[Any] = []
    check_document(read_document(str(tmp_path / "example.yaml")), problems)
    assert problems == []


def test_describe_dense(run: Run) -> None:
    out = good(run("describe", "Dense"))
    for text in (
        "y = activation(x @ kernel + bias)",
        "width of the output\n",
        "a whole number > 0; required",
        "default glorot_uniform",
        "- Dense: {units: 64}",
        "kernel (16, 64), starts as GlorotUniform",
        "1,088 parameters",
        "Options of every layer",
    ):
        assert text in out


def test_describe_says_when_a_name_is_used_twice(run: Run) -> None:
    out = good(run("describe", "mse"))
    assert out.startswith("MeanSquaredError  loss\n") and "seqnet describe MeanSquaredError --kind metric" in out
    assert good(run("describe", "mse", "--kind", "metrics")).startswith("MeanSquaredError  metric\n")
    assert json.loads(good(run("describe", "relu", "--json")))["others"] == [{"kind": "layer", "name": "ReLU"}]
    assert good(run("describe", "dense")).startswith("Dense  layer\n")


@pytest.mark.parametrize(("section", "option"), [("data", "validation_split"), ("training", "batch_size")])
def test_describe_sections(section: str, option: str, run: Run) -> None:
    out = good(run("describe", section))
    assert out.startswith(f"{section}  section\n") and option in out


def test_data_list(run: Run) -> None:
    out = good(run("data", "list"))
    found = json.loads(good(run("data", "list", "--json")))
    assert {row["name"] for row in found} == {cls.spec_name for cls in components("dataset")}
    assert all(row["name"] in out and row["title"] in out for row in found)


@pytest.mark.parametrize("name", [cls.spec_name for cls in components("dataset")])
def test_data_info(name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(tmp_path / "home", monkeypatch)
    out = good(run("data", "info", name))
    found = json.loads(good(run("data", "info", name, "--json")))
    assert found["licence"] in " ".join(out.split()) and found["origin"] and len(found["fingerprint"]) == 64
    assert f"{found['rows']['train']:,} train" in out


def test_data_info_of_own_files(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 1]))
    assert json.loads(good(run("data", "info", "own.npz", "--json")))["rows"] == {"train": 3}
    assert "64 train, 16 validation, 20 test" in good(run("data", "info", "moons.yaml"))
