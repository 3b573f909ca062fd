"""One process at a time in a run folder: two that went on with the same run would write over each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqnet.errors import TrainingError, UsageError
from seqnet.training.checkpoint import reason

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder. Raises UsageError where another process does, TrainingError where the system refuses.

    The system lets go when the process ends, however it ends, so a lock file that is left behind means nothing. The
    lock is the process's own: workers that it forked do not hold it on.
    """
    path = folder / LOCK
    try:
        handle = _open(path)
    except OSError as error:
        advice = "make it writable, or copy the run to where you may write and name that place with --runs FOLDER"
        raise TrainingError(f"can't write in {folder}: {reason(error).lower()}; {advice}") from error
    if handle is None:
        raise UsageError(f"another process is training in {folder}; wait for its end, or stop it first")
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is still held: who waits for it finds that out
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Whether a process is training in this folder now. Not for the process that does: asking would let go."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> int | None:
    """A handle that holds the lock; None where another process does."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _take(handle):
            os.close(handle)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # its holder took the file away in between


def _take(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _take_on_windows(handle)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # file systems that know no locks: better to train than not
        return True
    return True


def _take_on_windows(handle: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
