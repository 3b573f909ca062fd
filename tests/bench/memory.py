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


def own_and_file_bytes(pid: int) -> tuple[int, int]:
    """The bytes of one process: its part of the pages that it has to itself or shares by forking, and those of files.

    (0, 0) where the process is no more.
    """
    with contextlib.suppress(OSError):
        facts = {}
        for name in ("smaps_rollup", "status"):
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                key, _, value = line.partition(":")
                if value.endswith(" kB"):
                    facts[key] = int(value.split()[0]) * 1024
        return facts.get("Pss_Anon", 0) + facts.get("Pss_Shmem", 0), facts.get("RssFile", 0)
    return 0, 0


def family_bytes(pid: int) -> int:
    """The bytes of a process and all its descendants, every page once.

    Of memory that was shared by forking, each process is charged its part. Pages of files, mostly libraries, are the
    same ones in all of a family; their proportional size would be smaller when strangers use the same libraries, as
    other contestants do.
    """
    sizes = [own_and_file_bytes(member) for member in family(pid)]
    return sum(own for own, _ in sizes) + max(file for _, file in sizes)


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
            self.bytes = max(self.bytes, family_bytes(self.pid))
            if self._over.wait(INTERVAL_S):
                return
