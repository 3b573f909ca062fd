"""Files of the catalogue that are fetched when first asked for, through pooch, and kept in a folder of the user.

A file is used only if its hash is the known one. What has come of a broken download is kept and gone on with; one
process at a time fetches a file, others wait for it. Environment: SEQNET_HOME (in place of the cache folder of the
platform), SEQNET_OFFLINE (fetch nothing), SEQNET_MIRROR (an address to try before the official ones).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seqnet.errors import DataError, DownloadError
from seqnet.locking import hold, release

BLOCK = 1 << 14
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
TRIES = 4  # requests in a row of which the last three brought nothing
WAITS = (0.5, 2.0, 5.0)  # seconds before the next of them
POLL_SECONDS = 0.1  # of a process that waits for another
SLOWEST, PATIENCE = 100, 60.0  # bytes a second over so many seconds; below it is no download any more
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
PART = ".part"

_one_thread = threading.Lock()  # locks of files keep out other processes, not threads of this one


@dataclass(frozen=True)
class RemoteFile:
    """name: in the cache folder; address: where it is fetched from; digest: algorithm:hex; size: bytes."""

    name: str
    address: str
    digest: str
    size: int
    mirrors: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All places to try, in this order."""
        own = os.environ.get("SEQNET_MIRROR", "")
        first = (f"{own.rstrip('/')}/{self.address.rpartition('/')[2]}",) if own else ()
        return (*first, self.address, *self.mirrors)


@dataclass(frozen=True)
class Asked:
    """Who asks for a file: name of the data set, and what to use while it can't be had."""

    dataset: str
    meanwhile: str


class Watcher(Protocol):
    """What is told how a download goes on; module seqnet.console.fetching shows it."""

    def begin(self, name: str, size: int, done: int, address: str) -> None: ...
    def advance(self, done: int, size: int) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, done: int) -> None: ...


def cache_folder() -> Path:
    """Where fetched files are kept: $SEQNET_HOME/datasets, else the platform's folder for caches.

    Linux: $XDG_CACHE_HOME or ~/.cache, macOS: ~/Library/Caches, Windows: %LOCALAPPDATA%; the same as
    pooch.os_cache("seqnet"), which need not be installed to use what is already there.
    """
    home = os.environ.get("SEQNET_HOME")
    if home:
        return Path(home).expanduser() / "datasets"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(local) / "seqnet" / "seqnet" / "Cache" / "datasets"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqnet" / "datasets"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqnet" / "datasets"


def is_offline() -> bool:
    """Whether nothing may be fetched."""
    return os.environ.get("SEQNET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def digest(path: Path, algorithm: str) -> str:
    """ "sha256:…" of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def is_right(path: Path, file: RemoteFile) -> bool:
    """Whether the file at `path` is the one that is meant, to the byte. Raises OSError."""
    return digest(path, file.digest.partition(":")[0]) == file.digest


def fetch(file: RemoteFile, asked: Asked, path: Path | None = None) -> Path:
    """The path of a file with the right content, fetched if it is not there yet.

    path: where it is kept, by default in the cache folder; elsewhere a file that is not the right one is left alone.
    Raises DataError: not there and not to be fetched (offline, without pooch), another file in its place;
    DownloadError: no address gives it, or it can't be written.
    """
    mine = path is None
    path = cache_folder() / file.name if path is None else path
    try:
        with _one_thread:
            if path.is_file():
                if is_right(path, file):
                    return path
                _refuse_to_replace(file, asked, path, mine)
            _require_means(file, asked, path)
            path.parent.mkdir(parents=True, exist_ok=True)
            watcher = _watcher()
            with _alone(path, watcher):
                if path.is_file() and is_right(path, file):  # another process has fetched it in the meantime
                    return path
                _download(file, asked, path, watcher)
    except OSError as error:
        where = error.filename or path
        raise DownloadError(
            f"{file.name} of {asked.dataset} can't be read or kept: {where}: {error.strerror or error}; make room or "
            f"make the folder writable, or name another with the environment variable SEQNET_HOME"
        ) from error
    return path


def _by_hand(file: RemoteFile, asked: Asked, path: Path) -> str:
    """What to do where a file can't be fetched, without a semicolon."""
    return (
        f"get {file.address} in another way and put it at {path}, or use {asked.meanwhile} meanwhile, which is bundled"
    )


def _refuse_to_replace(file: RemoteFile, asked: Asked, path: Path, mine: bool) -> None:
    """Raise DataError unless the wrong file at `path` may be fetched anew."""
    if mine and not is_offline():
        return
    found = f"{path} is not the {file.name} that {asked.dataset} needs, or is damaged: its hash is not {file.digest}"
    if mine:
        raise DataError(f"{found}, and nothing is fetched while offline; {_by_hand(file, asked, path)}")
    raise DataError(f"{found}; remove it to have it fetched, or name another path")


def _require_means(file: RemoteFile, asked: Asked, path: Path) -> None:
    size = f"{file.size / 2**20:.1f} MB" if file.size >= 2**20 else f"{file.size / 2**10:.1f} KB"
    needs = f"{asked.dataset} needs {file.name} ({size}), which is not on this machine yet"
    if is_offline():
        raise DataError(
            f"{needs}, and nothing is fetched while offline (--offline, SEQNET_OFFLINE); {_by_hand(file, asked, path)}"
        )
    if importlib.util.find_spec("pooch") is None:
        raise DataError(
            f"{needs}, and to fetch it takes pooch, which is not installed; pip install 'seqnet[data]' or pip install "
            f"pooch, or {_by_hand(file, asked, path)}"
        )


def _watcher() -> Watcher:
    from seqnet.console.fetching import FetchDisplay

    return FetchDisplay()


@contextmanager
def _alone(path: Path, watcher: Watcher) -> Iterator[None]:
    """Keep other processes from fetching the same file; wait while one does."""
    lock = path.with_name(f".{path.name}.lock")
    handle = hold(lock)
    if handle is None:
        watcher.note(f"waiting for another process that fetches {path.name}")
    while handle is None:
        time.sleep(POLL_SECONDS)
        handle = hold(lock)
    try:
        yield
    finally:
        release(handle, lock)


def _download(file: RemoteFile, asked: Asked, path: Path, watcher: Watcher) -> None:
    """Put the file at `path`, from the first address that gives it. Raises DownloadError, OSError."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # the watcher says more
    # All that is unfinished stands in one folder, of which nothing is left in the end.
    folder = path.with_name(path.name + PART)
    problems = []
    for address in file.addresses:
        for last in (False, True):
            loader = _Resuming(file, folder / "content", watcher)
            try:
                pooch.retrieve(address, known_hash=file.digest, fname=path.name, path=folder, downloader=loader)
            except (requests.RequestException, _Refused) as error:
                problems.append(f"{address}: {_words(error)}")
            except ValueError:  # the hash is another one; pooch has thrown the bytes away
                if loader.resumed and not last:
                    watcher.note(f"what was there of {file.name} did not fit to the rest; beginning anew")
                    continue
                problems.append(f"{address} gives another file: {loader.what_came}")
            else:
                os.replace(folder / path.name, path)
                shutil.rmtree(folder, ignore_errors=True)
                return
            break
    found = "\n  ".join(problems)
    rest = ""
    if (folder / "content").exists() and (folder / "content").stat().st_size:
        rest = "try again later, which goes on where this broke off, or "
    raise DownloadError(
        f"{file.name} of {asked.dataset} could not be fetched:\n  {found}\n"
        f"  = hint: {rest}{_by_hand(file, asked, path)}"
    )


class _Refused(Exception):
    """An address that does not give the file, in words."""


class _Resuming:
    """A downloader for pooch that goes on where an earlier one broke off, and tries again where that may help."""

    def __init__(self, file: RemoteFile, part: Path, watcher: Watcher) -> None:
        self.file, self.part, self.watcher = file, part, watcher
        self.resumed = False
        self.what_came = "nothing"

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        try:
            self._fetch(url)
        except KeyboardInterrupt:
            if self._size():
                self.watcher.note(f"{self._size():,} bytes of {self.file.name} are kept; the next fetch goes on there")
            raise
        os.replace(self.part, output_file)

    def _fetch(self, url: str) -> None:
        tries, most = 0, self._size()
        while True:
            try:
                self._get(url)
            except _Again as again:
                most, progress = max(most, self._size()), self._size() > most
                if most >= self.file.size and is_right(self.part, self.file):
                    return  # it is whole, whatever the server announced
                tries = 1 if progress else tries + 1
                if tries >= TRIES:
                    raise _Refused(f"{again}, {TRIES} times in a row") from None
                wait = WAITS[min(tries, len(WAITS)) - 1]
                self.watcher.note(f"{self.file.name}: {again}; trying again in {wait:g} s")
                time.sleep(wait)
            else:
                return

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _get(self, url: str) -> None:
        """One request, appended to the part. Raises _Again where another may do better, _Refused, OSError."""
        import requests
        import urllib3

        start = self._size()
        # Identity: the hash is that of the bytes as they are, and only these can be gone on with.
        headers = {"Accept-Encoding": "identity", "User-Agent": "seqnet"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
                if response.status_code == 416:  # there is nothing behind what is here: it is whole, or of another file
                    self.resumed, self.what_came = True, "no more than was here already"
                    return
                if response.status_code in TRANSIENT:
                    raise _Again(f"HTTP {response.status_code} {response.reason}")
                response.raise_for_status()
                begins = _range_start(response.headers.get("Content-Range", "")) if response.status_code == 206 else 0
                if begins != start:
                    start = 0  # the server sends all of it, whatever was asked
                    if begins:
                        raise _Refused("the server sends another part than was asked for")
                self.resumed = start > 0
                self._receive(response, start, url)
        except requests.HTTPError:
            raise _Refused(f"HTTP {response.status_code} {response.reason}") from None
        except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
            raise _Again(_words(error)) from None

    def _receive(self, response: Any, start: int, url: str) -> None:
        announced = response.headers.get("Content-Length", "")
        size = start + int(announced) if announced.isdecimal() else self.file.size
        if size > 2 * self.file.size + 1_000_000:
            raise _Refused(f"it announces {size:,} bytes, where the file has {self.file.size:,}")
        self.watcher.begin(self.file.name, size, start, url)
        done = mark = start
        since = time.monotonic()
        try:
            with self.part.open("ab" if start else "wb") as part:
                while block := response.raw.read(BLOCK, decode_content=False):
                    part.write(block)
                    done += len(block)
                    self.watcher.advance(done, size)
                    now = time.monotonic()
                    if now - since > PATIENCE:
                        if done - mark < SLOWEST * (now - since):
                            raise _Again(f"no more than {done - mark:,} bytes came in {now - since:.0f} s")
                        mark, since = done, now
                    if done > 2 * self.file.size + 1_000_000:
                        raise _Refused(f"it sends more than the {self.file.size:,} bytes that the file has")
        finally:
            self.watcher.end(done)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        self.what_came = f"{done:,} bytes" + (f" of {kind}" if kind else "")
        if done < size:
            raise _Again(f"the connection ended after {done:,} of {size:,} bytes")


class _Again(Exception):
    """A request that failed in a way that may be over soon."""


def _range_start(header: str) -> int:
    """The first byte of "bytes 100-199/200"; -1 where it can't be read."""
    first = header.removeprefix("bytes").strip().partition("-")[0]
    return int(first) if first.isdecimal() else -1


def _words(error: BaseException) -> str:
    """What a network error means, without the names of classes that urllib3 puts around it."""
    import requests
    import urllib3

    text = str(error)
    if isinstance(error, _Refused):
        return text
    if isinstance(error, (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError)):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)) or "timed out" in text:
        return f"no answer for {READ_SECONDS:g} s"
    for sign, words in (
        ("Connection refused", "connection refused"),
        ("Failed to resolve", "the name of the server is unknown, or there is no network"),
        ("NameResolution", "the name of the server is unknown, or there is no network"),
        ("Network is unreachable", "there is no network"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate can't be trusted"),
        ("IncompleteRead", "the connection ended too early"),
        ("RemoteDisconnected", "the server closed the connection"),
        ("Connection reset", "the connection was reset"),
    ):
        if sign in text:
            return words
    return " ".join(text.split())[:160] or type(error).__name__
