"""How much memory a process and its children take together, by what Linux says of them."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType

INTERVAL_S = 0.02


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:  # grows while it is walked through
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
    return found


def proportional_bytes(pid: int) -> int:
    """The bytes of one process; of a page that several have, each is charged its part. 0 where it is no more."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class Peak:
    """Samples a family's memory while a `with` block runs; `bytes` is the most there was.

    A sample stops the process that it looks at for some milliseconds, so nothing is timed meanwhile.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.bytes = max(self.bytes, sum(proportional_bytes(pid) for pid in family(self.pid)))
            if self._over.wait(INTERVAL_S):
                return
