"""`seqnet data list`, `info` and `fetch`, and commands on data that are not fetched yet, on a local server."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seqnet.datasets import fetching
from seqnet.registry import components
from seqnet.spec.run import load_spec
from tests.commands import Run, good, runner
from tests.file_server import FileServer, fill_cache, miniature, point_to, serving
from tests.miniatures import MAKERS

IMDB = """\
data: {dataset: {imdb: {num_words: 30, pad_to: 10}}}
model: [{Embedding: {input_dim: 30, output_dim: 2}}, Flatten, {Dense: {units: 1, activation: sigmoid}}]
optimizer: adam
loss: binary_crossentropy
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "imdb.yaml").write_text(IMDB)
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("SEQNET_OFFLINE", "SEQNET_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetching, "WAITS", (0.0,))
    with serving() as made:
        point_to(made.address, monkeypatch.setattr)
        yield made


def states(run: Run) -> dict[str, tuple[str, int]]:
    found = json.loads(good(run("data", "list", "--json")))
    return {entry["name"]: (entry["state"], entry["bytes"]) for entry in found}


def test_list_says_what_is_here(run: Run, server: FileServer) -> None:
    found = states(run)
    assert found["moons"] == ("generated", 0) and found["iris"] == ("bundled", 2323)
    assert {name for name, (state, _) in found.items() if state == "not fetched"} == set(MAKERS)
    assert found["cifar10"][1] == len(miniature("cifar10")["cifar-10-python.tar.gz"])
    assert list(found)[-len(MAKERS) :] == [name for name in found if name in MAKERS]  # what is bundled comes first
    out = good(run("data", "list"))
    assert " KB to fetch  " in out and "bundled, 2 KB" in out and "generated" in out
    good(run("data", "fetch", "mnist"))
    size = len(miniature("mnist")["mnist.npz"])
    assert states(run)["mnist"] == ("fetched", size)
    assert f"fetched, {size / 1024:.0f} KB" in good(run("data", "list"))


def test_fetch(run: Run, server: FileServer, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "datasets"
    code, out, err = run("data", "fetch", "imdb", "moons", "mnist")
    assert code == 0
    lines = out.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        f"imdb: {folder}/imdb.npz",
        f"imdb: {folder}/imdb_word_index.json",
        "moons is generated: there is nothing to fetch",
        f"mnist: {folder}/mnist.npz",
    ]
    assert err.count("fetching ") == err.count("fetched ") == 3
    code, again, err = run("data", "fetch", "imdb", "--json")
    assert (code, err) == (0, "") and len(server.requests) == 3
    files = json.loads(again)[0]["files"]
    assert [file["path"] for file in files] == [f"{folder}/imdb.npz", f"{folder}/imdb_word_index.json"]


# arguments, exit code, words on stderr
WRONG = [
    (["data", "fetch", "mnist", "mnits"], 2, "there is no dataset named 'mnits'; did you mean mnist?"),
    (["data", "fetch"], 2, "NAME"),
    (["data", "fetch", "--offline", "mnist"], 2, "mnist needs mnist.npz"),
    (["--offline", "data", "fetch", "mnist"], 2, "nothing is fetched while offline"),
    (["train", "imdb.yaml", "--offline"], 2, "imdb.yaml:1:17: error: imdb needs imdb.npz"),
]


@pytest.mark.parametrize("arguments, exit_code, words", WRONG)
def test_what_is_not_fetched(arguments, exit_code, words, run: Run, server: FileServer) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (exit_code, "") and words in err
    assert server.requests == [] and "SEQNET_OFFLINE" not in os.environ


def test_a_fetch_that_fails_is_exit_code_1(run: Run, server: FileServer) -> None:
    server.files.clear()
    code, out, err = run("train", "imdb.yaml")
    assert (code, out) == (1, "") and "HTTP 404" in err
    assert err.startswith("error: imdb.npz of imdb could not be fetched:\n") and "\n  = hint: get http://" in err


def test_offline_does_not_outlast_a_command(run: Run, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQNET_OFFLINE", "0")
    assert run("data", "fetch", "mnist", "--offline")[0] == 2
    assert os.environ["SEQNET_OFFLINE"] == "0" and run("data", "fetch", "mnist")[0] == 0


@pytest.mark.parametrize("name", ["imdb", "imdb.yaml"])
def test_info_of_what_is_not_fetched(name: str, run: Run, server: FileServer) -> None:
    out = good(run("data", "info", name))
    assert f"{server.address}imdb.npz" in out and "25,000 train + 25,000 test" in out
    assert "seqnet data fetch imdb fetches it" in out
    found = json.loads(good(run("data", "info", name, "--json")))
    assert [file["here"] for file in found["files"]] == [False, False] and found["name"] == "imdb"
    assert server.requests == []


def test_info_of_what_is_fetched(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(tmp_path / "home", monkeypatch)
    out = good(run("data", "info", "imdb"))
    assert "200 train, 30 test" in out and "64 numbers stand for words or letters" in out and "column" not in out
    assert json.loads(good(run("data", "info", "mnist", "--json")))["rows"] == {"train": 300, "test": 20}


def test_boston_housing_comes_with_keras_warning(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "this dataset has an ethical problem"
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "empty"))
    assert words in " ".join(good(run("data", "info", "boston_housing")).split())
    fill_cache(tmp_path / "home", monkeypatch)
    assert words in " ".join(good(run("data", "info", "boston_housing")).split())
    assert "Keras warns" in good(run("describe", "boston_housing"))


def test_check_and_summary_fetch_nothing(run: Run, server: FileServer) -> None:
    code, out, _ = run("check", "imdb.yaml")
    assert code == 0 and "imdb.yaml:1:17: warning: the data of imdb are not on this machine yet" in out
    assert "seqnet data fetch imdb" in out
    assert "embedding (Embedding)" in good(run("summary", "imdb.yaml"))
    assert server.requests == []
    good(run("train", "imdb.yaml", "-q"))
    assert [name for name, _ in server.requests] == ["imdb.npz", "imdb_word_index.json"]
    code, out, _ = run("check", "imdb.yaml")
    assert "warning" not in out and "200 train, 30 test rows" in out


def test_every_data_set_has_an_example() -> None:
    """Each trains for a moment, those that are fetched on a miniature, in test_runs.py."""
    folder = Path(__file__).parent.parent / "configs"
    used = {
        spec.data.dataset.spec_name for spec in map(load_spec, folder.glob("*.yaml")) if spec.data and spec.data.dataset
    }
    assert used == {entry.spec_name for entry in components("dataset")}


OWN: dict[str, tuple[list[str], str, list[int]]] = {
    "texts by class": (["texts"], "text", [1]),
    "jsonl": (["rows.jsonl"], "text", [1]),
    "jsonl, gzipped": (["zipped.jsonl.gz", "-s", "column=said", "-s", "target=null"], "text", [1]),
    "images of different sizes": (["photos", "-s", "image_size=[6, 4]"], "uint8", [6, 4, 3]),
    "npz with names of its own": (["rows.npz", "-s", "x_train=data", "-s", "y_train=labels"], "float64", [3]),
    "idx": (["digits"], "uint8", [2, 2]),
}


@pytest.mark.parametrize("case", OWN)
def test_info_of_own_files(case: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    for cls in ("a", "b"):
        (tmp_path / "texts" / cls).mkdir(parents=True)
        (tmp_path / "texts" / cls / "1.txt").write_text(f"about {cls}")
        (tmp_path / "photos" / cls).mkdir(parents=True)
        Image.new("RGB", (3 + ord(cls) % 2, 5)).save(tmp_path / "photos" / cls / "1.png")
        (tmp_path / "photos" / cls / "notes.txt").write_text("no image")
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    (tmp_path / "zipped.jsonl.gz").write_bytes(gzip.compress(b'{"said": "a"}\n'))
    np.savez(tmp_path / "rows.npz", data=np.eye(3), labels=np.arange(3))
    (tmp_path / "digits").mkdir()
    for name, head, content in (
        ("images-idx3", b"\3\0\0\0\1\0\0\0\2\0\0\0\2", b"abcd"),
        ("labels-idx1", b"\1\0\0\0\1", b"\0"),
    ):
        (tmp_path / "digits" / f"train-{name}-ubyte").write_bytes(b"\0\0\x08" + head + content)
    arguments, dtype, shape = OWN[case]
    found = json.loads(good(run("data", "info", *arguments, "--json")))
    assert (found["dtype"], found["input_shape"]) == (dtype, shape)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["iris", "-s", "a=1"], "-s says how a file or a folder is read, and iris is none"),
        (["rows.npz", "-s", "xtrain=data"], "npz has no option 'xtrain'; did you mean x_train?"),
        (["rows.npz", "-s", "x_train"], "-s x_train is no option; write OPTION=VALUE"),
    ],
)
def test_info_refuses_options_that_there_are_not(arguments: list[str], message: str, run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", data=np.eye(3))
    code, out, err = run("data", "info", *arguments)
    assert code == 2 and out == "" and message in err
