"""Ending a run by a signal, with everything saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seqnet.training.trainer import Trainer


@dataclass
class Stop:
    """The number of the signal that ended a run; None while there was none."""

    number: int | None = None


@contextmanager
def interruptible(trainer: Trainer) -> Iterator[Stop]:
    """Let the first Ctrl-C (or SIGTERM, SIGHUP) end the run after the batch, and the second one at once."""
    came = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, frame: Any) -> None:
        came.number = came.number or number
        if trainer.interrupted:
            raise KeyboardInterrupt
        trainer.interrupted = True

    watched = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in watched}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
