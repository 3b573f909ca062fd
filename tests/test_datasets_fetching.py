"""Downloads against a server that cuts, lies, refuses, is slow; processes that want the same file; no network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet.datasets
from seqnet.datasets import fetching
from seqnet.errors import DataError, DownloadError
from tests.file_server import FileServer, Manner, miniature, point_to, serving

ROOT = Path(__file__).parent.parent
MNIST = miniature("mnist")["mnist.npz"]
SIXTH = len(MNIST) // 6 + 1
SIZE = f"{len(MNIST) / 1024:.2f} KB"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server of all miniatures, an empty cache, and no patience."""
    for name in ("SEQNET_OFFLINE", "SEQNET_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetching, "WAITS", (0.0,))
    monkeypatch.setattr(fetching, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(fetching, "BLOCK", 256)
    with serving() as made:
        point_to(made.address, monkeypatch.setattr)
        yield made


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    return tmp_path / "datasets" / "mnist.npz"


def load() -> np.ndarray:
    return seqnet.datasets.mnist.load_data()[0][0]


def leftovers(cached: Path) -> list[str]:
    return sorted(path.name for path in cached.parent.iterdir())


def test_a_file_is_fetched_once(server: FileServer, cached: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = load()
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]
    assert np.array_equal(load(), first) and server.requests == [("mnist.npz", None)]
    out, err = capsys.readouterr()
    begun, done = err.splitlines()
    assert out == "" and begun == f"fetching mnist.npz ({SIZE}) from {server.address}mnist.npz"
    assert done.startswith(f"fetched mnist.npz: {SIZE} in 0.")


def test_several_files_and_a_folder(server: FileServer, cached: Path) -> None:
    entry = seqnet.datasets.fashion_mnist
    assert entry.presence() == ("not fetched", sum(map(len, miniature("fashion_mnist").values())))
    entry.load_data()
    for file, content in miniature("fashion_mnist").items():
        assert (cached.parent / file).read_bytes() == content
    assert entry.presence()[0] == "fetched" and len(server.requests) == 4


def test_texts_come_with_their_words(server: FileServer, cached: Path) -> None:
    data = seqnet.datasets.imdb().load()
    assert data.vocabulary is not None and [name for name, _ in server.requests] == ["imdb.npz", "imdb_word_index.json"]
    (cached.parent / "imdb_word_index.json").unlink()
    assert seqnet.datasets.imdb().load().vocabulary is None  # they are not needed, so nothing is fetched for them
    assert len(server.requests) == 2 and seqnet.datasets.imdb.get_word_index()["word1"] == 1


# how the server misbehaves, and from where the requests then begin
MENDED: dict[str, tuple[Manner, list[int | None]]] = {
    "cut": (Manner(cut=SIXTH), [None, *range(SIXTH, len(MNIST), SIXTH)]),
    "cut once": (Manner(cut=500, times=1), [None, 500]),
    "cut by a server without ranges": (Manner(cut=500, ranges=False, times=2), [None, 500, 500]),
    "closed at once": (Manner(cut=0, times=3), [None] * 4),
    "busy": (Manner(status=503, times=3), [None] * 4),
    "too many requests": (Manner(status=429, times=1), [None] * 2),
    "an error within": (Manner(status=500, times=2), [None] * 3),
    "more announced than sent": (Manner(announced=1000), [None]),
    "more announced, then a range": (Manner(announced=1000, cut=20_000, times=1), [None, 20_000]),
    "less announced, then all": (Manner(announced=-1000, times=1), [None]),
}


@pytest.mark.parametrize("what", MENDED)
def test_what_can_be_mended_is(what: str, server: FileServer, cached: Path) -> None:
    server.manner, starts = MENDED[what]
    if what == "less announced, then all":
        with pytest.raises(DownloadError, match=rf"mnist.npz gives another file: {len(MNIST) - 1000:,} bytes"):
            load()
        assert not cached.exists()
    load()
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]
    if what == "less announced, then all":
        assert server.requests == [("mnist.npz", None)] * 2
    else:
        assert [start for _, start in server.requests] == starts


# how it misbehaves for good, words of the message, how many requests there are
GIVEN_UP: dict[str, tuple[Manner, str, int]] = {
    "not there": (Manner(status=404), "mnist.npz: HTTP 404 Not Found", 1),
    "forbidden": (Manner(status=403), "mnist.npz: HTTP 403 Forbidden", 1),
    "busy": (Manner(status=503), "HTTP 503 Service Unavailable, 4 times in a row", 4),
    "closed": (Manner(cut=0), "the connection ended too early, 4 times in a row", 4),
    "cut without ranges": (Manner(cut=900, ranges=False), "the connection ended too early, 4 times in a row", 4),
    "less announced": (Manner(announced=-10), f"gives another file: {len(MNIST) - 10:,} bytes of application/", 1),
    "far more announced": (Manner(announced=5_000_000), f"it announces {len(MNIST) + 5_000_000:,} bytes", 1),
    "another range": (Manner(cut=700, shift=3), "the server sends another part than was asked for", 2),
}


@pytest.mark.parametrize("what", GIVEN_UP)
def test_what_cannot_be_mended_is_said(what: str, server: FileServer, cached: Path) -> None:
    server.manner, words, requests = GIVEN_UP[what]
    with pytest.raises(DownloadError) as caught:
        load()
    assert words in str(caught.value) and len(server.requests) == requests
    assert str(caught.value).startswith("mnist.npz of mnist could not be fetched:")
    assert f"put it at {cached}, or use dataset: digits meanwhile" in str(caught.value)
    assert not cached.exists() and caught.value.exit_code == 1
    assert ("goes on where this broke off" in str(caught.value)) == (what in ("cut without ranges", "another range"))


@pytest.mark.parametrize("wrong", [b"<html>sign in</html>", MNIST[:-1] + b"x", MNIST + b"x", b""])
def test_another_file_is_never_used(wrong: bytes, server: FileServer, cached: Path) -> None:
    server.files["mnist.npz"] = wrong
    with pytest.raises(DownloadError, match="gives another file: |ended too early|ended after"):
        load()
    assert not cached.exists()
    server.files["mnist.npz"] = MNIST
    load()
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]


def test_another_file_that_comes_in_pieces_is_not_used(server: FileServer, cached: Path) -> None:
    server.files["mnist.npz"] = bytes(len(MNIST))
    server.manner = Manner(cut=SIXTH)
    with pytest.raises(DownloadError, match=rf"mnist.npz gives another file: {len(MNIST):,} bytes of application"):
        load()
    assert not cached.exists() and [start for _, start in server.requests].count(None) == 2


def test_what_was_there_and_does_not_fit_is_begun_anew(
    server: FileServer, cached: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = cached.with_name("mnist.npz.part") / "content"
    for before in (b"x" * 700, b"x" * len(MNIST), b"x" * (len(MNIST) + 9)):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(before)
        server.requests.clear()
        load()
        assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]
        assert [start for _, start in server.requests] == [len(before), None]
        assert "what was there of mnist.npz did not fit to the rest; beginning anew" in capsys.readouterr().err
        cached.unlink()


def test_a_part_that_is_whole_is_used(server: FileServer, cached: Path) -> None:
    part = cached.with_name("mnist.npz.part") / "content"
    part.parent.mkdir(parents=True)
    part.write_bytes(MNIST)
    load()
    assert cached.read_bytes() == MNIST and server.requests == [("mnist.npz", len(MNIST))]


def test_a_server_that_says_nothing(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "READ_SECONDS", 0.05)
    monkeypatch.setattr(fetching, "TRIES", 2)
    server.manner = Manner(slow=0.5)
    with pytest.raises(DownloadError, match=r"no answer for 0.05 s, 2 times in a row"):
        load()


def test_a_server_that_drips(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.02)
    monkeypatch.setattr(fetching, "SLOWEST", 10_000_000)
    monkeypatch.setattr(fetching, "TRIES", 1)
    server.manner = Manner(slow=0.01)
    with pytest.raises(DownloadError, match=r"no more than [\d,]+ bytes came in 0 s"):
        load()


def test_a_body_without_an_end(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the file has, and no length announced."""
    server.files["mnist.npz"] = bytes(4_000_000)
    with pytest.raises(DownloadError, match=f"it announces 4,000,000 bytes, where the file has {len(MNIST):,}"):
        load()


def test_nobody_listens(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to("http://127.0.0.1:9/", monkeypatch.setattr)
    with pytest.raises(DownloadError, match="127.0.0.1:9/mnist.npz: connection refused, 4 times in a row"):
        load()


def test_the_addresses_are_tried_in_turn(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = seqnet.datasets.mnist
    good = entry.files[0]
    file = replace(good, address=f"{server.address}gone/none.npz", mirrors=(f"{server.address}b/mnist.npz",))
    monkeypatch.setattr(entry, "files", (file,))
    monkeypatch.setenv("SEQNET_MIRROR", f"{server.address}my/mirror/")
    load()
    assert [name for name, _ in server.requests] == ["none.npz", "none.npz", "mnist.npz"]
    assert file.addresses[0] == f"{server.address}my/mirror/none.npz"
    monkeypatch.setenv("SEQNET_MIRROR", "nonsense")
    cached.unlink()
    load()
    monkeypatch.setattr(entry, "files", (replace(file, mirrors=()),))
    cached.unlink()
    with pytest.raises(DownloadError) as caught:
        load()
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  nonsense/none.npz: Invalid URL") and "HTTP 404" in lines[2] and len(lines) == 4


def test_redirections_are_followed(server: FileServer, cached: Path) -> None:
    server.manner = Manner(redirect=f"{server.address}there/", times=1)
    load()
    assert cached.read_bytes() == MNIST


def test_a_damaged_file_in_the_cache_is_replaced(
    server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    cached.write_bytes(MNIST[:100])
    load()
    assert cached.read_bytes() == MNIST and len(server.requests) == 2
    cached.write_bytes(MNIST[:100])
    monkeypatch.setenv("SEQNET_OFFLINE", "1")
    with pytest.raises(DataError, match="is not the mnist.npz that mnist needs, or is damaged.*nothing is fetched"):
        load()
    assert cached.read_bytes() == MNIST[:100]


# -- without network, without pooch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value, offline", [("1", True), ("true", True), ("0", False), ("", False), ("no", False)])
def test_what_counts_as_offline(value: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQNET_OFFLINE", value)
    assert fetching.is_offline() is offline


def test_offline_the_error_says_what_to_do(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQNET_OFFLINE", "1")
    with pytest.raises(DataError) as caught:
        load()
    assert str(caught.value) == (
        f"mnist needs mnist.npz ({len(MNIST) / 2**10:.1f} KB), which is not on this machine yet, and "
        "nothing is fetched while offline "
        f"(--offline, SEQNET_OFFLINE); get {server.address}mnist.npz in another way and put it at {cached}, or use "
        "dataset: digits meanwhile, which is bundled"
    )
    assert server.requests == [] and not cached.parent.exists() and caught.value.exit_code == 2
    cached.parent.mkdir(parents=True)
    cached.write_bytes(MNIST)  # as it says
    load()


def test_without_pooch(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"takes pooch, which is not installed; pip install 'seqnet\[data\]'"):
        load()
    cached.parent.mkdir(parents=True)
    cached.write_bytes(MNIST)
    load()


def test_the_cache_folder_is_poochs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pooch

    monkeypatch.delenv("SEQNET_HOME", raising=False)
    assert fetching.cache_folder() == Path(pooch.os_cache("seqnet")) / "datasets"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert fetching.cache_folder() == Path(pooch.os_cache("seqnet")) / "datasets" == tmp_path / "seqnet/datasets"
    monkeypatch.setenv("SEQNET_HOME", "~/mine")
    assert fetching.cache_folder() == Path.home() / "mine/datasets"


def test_the_cache_folders_of_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """platformdirs.user_cache_dir("seqnet") of its modules for them."""
    from platformdirs.macos import MacOS

    monkeypatch.delenv("SEQNET_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert fetching.cache_folder() == Path(MacOS("seqnet").user_cache_dir) / "datasets"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/C/Users/me/AppData/Local")
    assert fetching.cache_folder() == Path("/C/Users/me/AppData/Local/seqnet/seqnet/Cache/datasets")


def test_a_folder_that_cannot_be_written(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQNET_HOME", str(cached.parent.parent / "file"))
    (cached.parent.parent / "file").write_bytes(b"")
    with pytest.raises(
        DownloadError, match="mnist.npz of mnist can't be read or kept: .*Not a directory; make room or make"
    ):
        load()


def test_a_disk_that_is_full(server: FileServer, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *error: Any) -> None:
            self.inner.close()

        def write(self, block: bytes) -> int:
            raise OSError(28, "No space left on device")

    whole = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **k: Full(whole(path, mode)) if mode == "wb" else whole(path, mode, **k)
    )
    with pytest.raises(DownloadError, match="can't be read or kept: .*No space left on device; make room"):
        load()
    assert len(server.requests) == 1


# -- several processes, and Ctrl-C ------------------------------------------------------------------------------------

SCRIPT = """\
import sys
import seqnet.datasets
from seqnet.cli.main import run
from seqnet.datasets import fetching
from tests.file_server import point_to
fetching.BLOCK, fetching.POLL_SECONDS, fetching.WAITS = 256, 0.01, (0.01,)
point_to(sys.argv[1])
print("ready", flush=True)
sys.exit(run(sys.argv[2:]))
"""


def start(server: FileServer, home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SEQNET_HOME": str(home), "PYTHONPATH": str(ROOT), "no_proxy": "*"}
    command = [sys.executable, "-c", SCRIPT, server.address, *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_two_processes_fetch_a_file_once(server: FileServer, cached: Path, tmp_path: Path) -> None:
    server.manner = Manner(slow=0.02)
    both = [start(server, tmp_path, "data", "fetch", "mnist") for _ in range(2)]
    errors = []
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert f"mnist: {cached} ({SIZE})" in out
        errors.append(err)
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]
    assert server.requests == [("mnist.npz", None)]
    if any("waiting" in err for err in errors):  # else the second came when all was done
        assert sum("waiting for another process that fetches mnist.npz" in err for err in errors) == 1


@pytest.mark.parametrize("arguments", [("data", "fetch", "mnist"), ("train", "{config}")], ids=["fetch", "train"])
def test_ctrl_c_leaves_a_part_to_go_on_with(
    arguments: tuple[str, ...], server: FileServer, cached: Path, tmp_path: Path
) -> None:
    config = tmp_path / "m.yaml"
    config.write_text(
        "data: {dataset: mnist}\nmodel: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "optimizer: adam\nloss: sparse_categorical_crossentropy\n"
    )
    server.manner = Manner(slow=0.1)
    process = start(server, tmp_path, *(argument.format(config=config) for argument in arguments))
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    part = cached.with_name("mnist.npz.part") / "content"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == ""
    assert err.splitlines()[-1] == "error: interrupted"
    assert leftovers(cached) == ["mnist.npz.part"]
    kept = part.stat().st_size
    assert f"{kept:,} bytes of mnist.npz are kept; the next fetch goes on there" in err
    assert 0 < kept < len(MNIST)
    server.manner = Manner()
    again = start(server, tmp_path, "data", "fetch", "mnist")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0 and f"going on with mnist.npz at {kept / 1024:.2f} KB of {SIZE}" in err
    assert server.requests == [("mnist.npz", None), ("mnist.npz", kept)]
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]


def test_killed_at_any_time_a_fetch_goes_on(server: FileServer, cached: Path, tmp_path: Path) -> None:
    server.manner = Manner(slow=0.1)
    process = start(server, tmp_path, "data", "fetch", "mnist")
    part = cached.with_name("mnist.npz.part") / "content"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 3000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=30)
    assert part.stat().st_size > 0
    server.manner = Manner()
    load()
    assert cached.read_bytes() == MNIST and leftovers(cached) == ["mnist.npz"]
    assert server.requests[-1][1] is not None
