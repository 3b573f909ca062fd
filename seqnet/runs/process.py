"""Which process works on a run, and whether it still does: a process that was killed can't say so itself."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A run writes its state at least twice a minute, or after a step, or after its validation, if those take longer. Where
# its process can't be looked at, it counts as gone after so many seconds without a word.
SILENCE = 3600.0


def this_process() -> dict[str, Any]:
    """What tells this process from every other: the host, its number, and where the system says it when it began,
    since numbers are used again."""
    return {"host": platform.node(), "pid": os.getpid(), "began": _began(os.getpid())}


def is_alive(process: Any, heard: float) -> bool:
    """Whether the process that `this_process` described still runs. heard: its last sign of life, seconds since 1970.

    Of a process on another machine, or on a system that does not tell, the last sign of life decides.
    """
    if not isinstance(process, Mapping):
        return False
    pid, recent = process.get("pid"), time.time() - heard < SILENCE
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return False
    if process.get("host") != platform.node():
        return recent
    if _began(os.getpid()) is not None:
        return process.get("began") == _began(pid) is not None
    return _exists(pid) and recent


def _began(pid: int) -> int | None:
    """When a process began, in the system's ticks since it started; None where it is gone or Linux is not there."""
    try:
        # The name of the program is in brackets, and may hold brackets and blanks itself; the state follows.
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if state in (b"Z", b"X") else int(fields[18])
    except (OSError, ValueError, IndexError):
        return None


def _exists(pid: int) -> bool:
    if os.name != "posix":  # elsewhere, to ask with a signal would end the process
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
