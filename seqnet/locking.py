"""A file that one process at a time can hold. The system lets go when the process ends, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def hold(path: Path) -> int | None:
    """A handle that holds the file at `path`, made where there is none; None while another process holds it.

    To let go: `release`. The lock is the process's own: children that it forked do not hold it on, and threads of one
    process do not keep each other out. Raises OSError.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not take(handle):
            os.close(handle)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # its holder took the file away in between


def release(handle: int, path: Path) -> None:
    """Let go, and take the file away."""
    with suppress(OSError):
        path.unlink()  # while it is still held: who waits for it finds that out
    os.close(handle)


def take(handle: int) -> bool:
    """Whether the open file could be locked without waiting."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _take_on_windows(handle)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # file systems that know no locks: better to go on than not
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
