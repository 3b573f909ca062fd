"""One process at a time in a run folder: two that went on with the same run would write over each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqnet.errors import TrainingError, UsageError
from seqnet.locking import hold, release, take
from seqnet.training.checkpoint import reason

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder. Raises UsageError where another process does, TrainingError where the system refuses.

    A lock file that is left behind means nothing.
    """
    path = folder / LOCK
    try:
        handle = hold(path)
    except OSError as error:
        advice = "make it writable, or copy the run to where you may write and name that place with --runs FOLDER"
        raise TrainingError(f"can't write in {folder}: {reason(error).lower()}; {advice}") from error
    if handle is None:
        raise UsageError(f"another process is training in {folder}; wait for its end, or stop it first")
    try:
        yield
    finally:
        release(handle, path)


def is_locked(folder: Path) -> bool:
    """Whether a process is training in this folder now. Not for the process that does: asking would let go."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not take(handle)
    finally:
        os.close(handle)
