"""A local HTTP server of files that misbehaves as told, and the catalogue made to fetch its miniatures from there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import seqnet.datasets
from seqnet.datasets.downloaded import Downloaded
from tests.miniatures import MAKERS


@dataclass
class Manner:
    """How the server answers. Numbers of bytes count what is sent after the headers.

    ranges: whether it knows Range; status: what it answers instead of a file; cut: after so many bytes the connection
    ends; announced: what is added to Content-Length; slow: seconds before each block; shift: what is added to the start
    of a range; times: the first so many requests only, after which it behaves.
    """

    ranges: bool = True
    status: int = 200
    cut: int | None = None
    announced: int = 0
    slow: float = 0.0
    shift: int = 0
    times: int = 1_000_000
    redirect: str = ""


@dataclass
class FileServer:
    """files: content by the last part of the path; requests: (path, start of the range or None), as they came."""

    files: dict[str, bytes]
    manner: Manner = field(default_factory=Manner)
    requests: list[tuple[str, int | None]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else None
        name = handler.path.rpartition("/")[2]
        self.requests.append((name, start))
        manner = self.manner if len(self.requests) <= self.manner.times else Manner()
        content = self.files.get(name)
        if manner.redirect:
            handler.send_response(302)
            handler.send_header("Location", f"{manner.redirect}{name}")
            handler.end_headers()
            return
        if content is None or manner.status != 200:
            handler.send_error(manner.status if manner.status != 200 else 404)
            return
        if start is not None and manner.ranges:
            start += manner.shift
            if start >= len(content):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) + manner.announced))
        handler.send_header("Content-Type", "application/octet-stream")
        handler.end_headers()
        content = content if manner.cut is None else content[: manner.cut]
        block = max(len(content) // 20, 1) if manner.slow else len(content) or 1
        for place in range(0, len(content), block):
            time.sleep(manner.slow)
            handler.wfile.write(content[place : place + block])
            handler.wfile.flush()


@contextmanager
def serving(files: dict[str, bytes] | None = None) -> Iterator[FileServer]:
    """A server of the given files, or of all miniatures, while the block runs."""
    server = FileServer(all_miniatures() if files is None else files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the other side has had enough

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server.address = f"http://127.0.0.1:{listener.server_address[1]}/"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


_made: dict[str, dict[str, bytes]] = {}


def miniature(name: str) -> dict[str, bytes]:
    """The files of a data set by their names in the cache, made once."""
    if name not in _made:
        _made[name] = MAKERS[name]()
    return _made[name]


def all_miniatures() -> dict[str, bytes]:
    return {file.rpartition("/")[2]: content for name in MAKERS for file, content in miniature(name).items()}


def point_to(address: str, assign: Callable[[type[Downloaded], str, Any], None] = setattr) -> None:
    """Make the catalogue expect the miniatures, from this address."""
    for name in MAKERS:
        entry = getattr(seqnet.datasets, name)
        files = []
        for file in entry.files:
            content = miniature(name)[file.name]
            algorithm = file.digest.partition(":")[0]
            digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
            there = f"{address}{file.name.rpartition('/')[2]}"
            files.append(replace(file, address=there, mirrors=(), digest=digest, size=len(content)))
        assign(entry, "files", tuple(files))


def fill_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that has every miniature, which the catalogue takes for the real files, and no network."""
    monkeypatch.setenv("SEQNET_HOME", str(home))
    monkeypatch.setenv("SEQNET_OFFLINE", "1")
    point_to("http://nowhere.invalid/", monkeypatch.setattr)
    folder = home / "datasets"
    for name in MAKERS:
        for file, content in miniature(name).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
    return folder
