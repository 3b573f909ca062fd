"""Processes that carry the shards of a training step, where threads would wait for the interpreter's lock.

They are forked from this process for the time of a fit, so they have its network, loss and optimizer as they are, and
share the memory of the variables, the gradients and the optimizer's slots. A batch goes to them, and their predictions
come back, through memory that is shared as well. Between two steps they spin for a moment, which wakes them within a
microsecond or so, then leave the core to others for ever longer, and finally sleep on a pipe.

Shards are cut and gradients added as with threads, so that results are the same numbers to the bit, and a crew can be
given up at any time: when others want the cores, its members wait for each other more than they work, and one process
alone is faster.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import platform
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqnet.arrays import Array, shared
from seqnet.errors import TrainingError

SPINS = 3_000  # looks at a cell, 0.1 ms or so, before the core is left to others between looks
YIELDS_S = 0.002  # seconds after which a waiting member begins to sleep between looks
NAP_S = 0.001  # the longest of these naps
PARKED_S = 0.2  # seconds after which a member without work sleeps on its pipe
LINE = 8  # numbers in a line of the cache, so that no two processes write into one line
MOST_AXES = 6
JUDGED_S = 0.2  # seconds over which waiting and working are compared

# Orders.
STEP, UPDATE, RANDOM, END = 1, 2, 3, 4


class Broken(Exception):
    """Another member failed and says why."""


class Result(NamedTuple):
    """What one shard adds to a step: its share of the loss, its predictions, and the mask beside them."""

    value: float
    prediction: Array
    mask: Array | None


def possible() -> bool:
    """Whether this system can fork, and keeps the order of what one process writes for those that read it."""
    ordered = platform.machine().lower() in ("x86_64", "amd64")
    return hasattr(os, "fork") and sys.platform.startswith("linux") and ordered


class Window:
    """Shared memory that one process puts an array into and others read it from."""

    def __init__(self, like: Array | None, rows: int) -> None:
        """like: an array with the dtype and the row shape of what will come; None where nothing will."""
        self.facts = shared(LINE, np.int64)  # 1 where there is an array, how many axes, and their lengths
        self.present = like is not None
        if like is not None:
            self.dtype, self.row = like.dtype, like.shape[1:]
            self.memory = shared(max(rows * int(np.prod(self.row, dtype=np.int64)), 1), like.dtype)

    def takes(self, array: Array | None) -> bool:
        """Whether it has room for this array."""
        if array is None or not self.present:
            return array is None
        same = array.dtype == self.dtype and array.shape[1:] == self.row and array.ndim <= MOST_AXES
        return same and array.size <= self.memory.size

    def put(self, array: Array | None) -> None:
        """Copy an array in."""
        if array is None:
            self.facts[0] = 0
            return
        self.facts[:2] = 1, array.ndim
        self.facts[2 : 2 + array.ndim] = array.shape
        self.memory[: array.size].reshape(array.shape)[...] = array

    def get(self) -> Array | None:
        """A view of the array, good until the next is put in."""
        there, axes, *lengths = self.facts.tolist()
        if not there:
            return None
        shape = tuple(lengths[:axes])
        return self.memory[: int(np.prod(shape, dtype=np.int64))].reshape(shape)


class Crew:
    """`count` members: this process is member 0.

    step(index, x, y, weight) -> Result and update(index, number, learning_rate) are what the members do; random(index)
    is the state of a member's random stream. slot: bytes that an exchange may take.
    """

    def __init__(
        self,
        count: int,
        batch: tuple[Array, Array, Array | None],
        like: Result,
        slot: int,
        step: Callable[[int, Array, Array, Array | None], Result],
        update: Callable[[int, int, float], None],
        random: Callable[[int], Any],
    ) -> None:
        """batch: the largest that will come; like: what the shards of one give, whole."""
        self.count = count
        self._do_step, self._do_update, self._random = step, update, random
        rows = len(batch[0])
        self._batch = [Window(array, rows) for array in batch]
        self._results = [[Window(like.prediction, rows), Window(like.mask, rows)] for _ in range(count)]
        self._orders: Any = shared(LINE, np.int64).data  # the number of the last order, and what it is
        self._numbers: Any = shared(count * LINE, np.int64).data
        self._values: Any = shared((count + 1) * LINE, np.float64).data
        self._slots = [[shared(slot, np.uint8) for _ in range(2)] for _ in range(count)]
        self._exchanges = 0
        self._index = 0
        self._sent = 0
        self._waited = self._worked = 0.0
        self.crowded = self.tried = False  # tried: judged at least once
        self._pipes: list[tuple[int, int]] = []  # of each other member: to send it bytes, to receive its
        self._pids: list[int] = []
        self._parent = os.getpid()

    # Cells of member i in _numbers: DONE, the last order it has carried out; FAILED, whether that failed; MET, how many
    # exchanges it has come to; PARKED, whether it sleeps on its pipe. In member 0's line FAILED says that it gave up.
    DONE, FAILED, MET, PARKED = 0, 1, 2, 3

    # -- what the engine calls --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Fork the processes."""
        for index in range(1, self.count):
            self._fork(index)

    def fits(self, x: Array, y: Array, weight: Array | None) -> bool:
        """Whether there is room for this batch."""
        return all(window.takes(array) for window, array in zip(self._batch, (x, y, weight), strict=True))

    def step(self, x: Array, y: Array, weight: Array | None) -> list[Result]:
        """The results of all members, good until the next step. Raises what the first failing member raised."""
        for window, array in zip(self._batch, (x, y, weight), strict=True):
            window.put(array)
        started = time.perf_counter()
        self._send(STEP)
        mine = self._together(lambda: self._do_step(0, x, y, weight))
        worked = time.perf_counter()
        self._wait_for_all()
        self._judge(worked - started, time.perf_counter() - worked)
        results = [mine]
        for index in range(1, self.count):
            prediction, mask = (window.get() for window in self._results[index])
            assert prediction is not None
            results.append(Result(self._values[(index + 1) * LINE], prediction, mask))
        return results

    def update(self, number: int, learning_rate: float) -> None:
        """Every member updates its stretch of the variables."""
        self._values[0], self._values[1] = float(number), learning_rate
        started = time.perf_counter()
        self._send(UPDATE)
        self._together(lambda: self._do_update(0, number, learning_rate))
        worked = time.perf_counter()
        self._wait_for_all()
        self._judge(worked - started, time.perf_counter() - worked)

    def random_states(self) -> list[Any]:
        """The states of the other members' random streams."""
        self._send(RANDOM)
        states = [self._receive(index) for index in range(1, self.count)]
        self._wait_for_all()
        return states

    def exchange(self, index: int, value: Array) -> Array:
        """The sum of every member's `value`, added in member order; a fresh array."""
        raw = np.ascontiguousarray(value)
        turn = self._exchanges % 2  # the others may still read the values of the exchange before
        slots = [slots[turn][: raw.nbytes].view(raw.dtype).reshape(raw.shape) for slots in self._slots]
        slots[index][...] = raw
        self._exchanges += 1
        self._numbers[index * LINE + self.MET] = self._exchanges
        for other in range(self.count):
            if other != index:
                self._await(other * LINE + self.MET, self._exchanges, meeting=True)
        total: Array = slots[0] + slots[1]
        for slot in slots[2:]:
            total += slot
        return total

    def close(self) -> None:
        """End the processes."""
        if self._index or os.getpid() != self._parent:
            return
        with contextlib.suppress(OSError):
            self._send(END)
        for down, up in self._pipes:
            for end in (down, up):
                with contextlib.suppress(OSError):
                    os.close(end)
        self._pipes = []
        for pid in self._pids:
            _reap(pid)
        self._pids = []

    # -- this process -----------------------------------------------------------------------------------------------

    def _send(self, order: int) -> None:
        self._sent += 1
        self._numbers[self.FAILED] = 0
        self._exchanges = 0
        for index in range(self.count):
            self._numbers[index * LINE + self.MET] = 0
        self._orders[1] = order
        self._orders[0] = self._sent
        for index in range(1, self.count):
            if self._numbers[index * LINE + self.PARKED]:
                os.write(self._pipes[index - 1][0], b"!")

    def _together(self, work: Callable[[], Any]) -> Any:
        """This process's part of an order; where it fails, the others are told not to wait for it."""
        try:
            return work()
        except Broken:
            self._wait_for_all()
            raise AssertionError("no member says what broke the exchange") from None
        except BaseException:
            self._numbers[self.FAILED] = 1
            with contextlib.suppress(Exception):
                self._wait_for_all()
            raise

    def _wait_for_all(self) -> None:
        for index in range(1, self.count):
            self._await(index * LINE + self.DONE, self._sent)
        failed = [i for i in range(1, self.count) if self._numbers[i * LINE + self.FAILED]]
        errors = [self._receive(index) for index in failed]
        real = [error for error in errors if not isinstance(error, Broken)]
        if real:
            raise real[0]

    def _judge(self, worked: float, waited: float) -> None:
        """Notice when the members wait for each other longer than they work."""
        self._worked += worked
        self._waited += waited
        if self._worked + self._waited >= JUDGED_S:
            self.crowded = self._waited > self._worked
            self.tried = True
            self._worked = self._waited = 0.0

    def _receive(self, index: int) -> Any:
        up = self._pipes[index - 1][1]
        size = int.from_bytes(self._read(index, up, 8), "little")
        return pickle.loads(self._read(index, up, size))  # from our own fork

    def _read(self, index: int, up: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = os.read(up, size - len(data))
            if not part:
                raise TrainingError(f"worker process {index} ended without a word; --threads 1 does without")
            data += part
        return data

    # -- the others -------------------------------------------------------------------------------------------------

    def _fork(self, index: int) -> None:
        down, up = os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        try:
            with warnings.catch_warnings():
                # That other threads run matters where the child needs their locks: ours only computes.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                self._live(index, down, up)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(down[0])
        os.close(up[1])
        self._pipes.append((down[1], up[0]))
        self._pids.append(pid)

    def _live(self, index: int, down: tuple[int, int], up: tuple[int, int]) -> None:
        """A member's life; it ends here, so that nothing of what the parent has planned for its own end runs twice."""
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # they reach the whole group of a terminal
                signal.signal(number, signal.SIG_IGN)  # or a job; the parent decides, and its end is theirs
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.close(down[1])
            os.close(up[0])
            for ends in self._pipes:
                for end in ends:
                    os.close(end)
            self._index, self._pids = index, []
            self._inbox, self._outbox = down[0], up[1]
            with np.errstate(all="ignore"):
                while (order := self._next_order()) != END:
                    self._obey(order)
        finally:
            os._exit(0)

    def _next_order(self) -> int:
        cell, wanted = self._orders, self._sent + 1
        for _ in range(SPINS):
            if cell[0] >= wanted:
                break
        else:
            started = time.monotonic()
            while cell[0] < wanted:
                idle = time.monotonic() - started
                if idle > PARKED_S:
                    self._park(wanted)
                elif idle < YIELDS_S:
                    os.sched_yield()
                else:
                    time.sleep(NAP_S / 10)
                if os.getppid() != self._parent:
                    return END
        self._sent = wanted
        return int(self._orders[1])

    def _park(self, wanted: int) -> None:
        cell = self._index * LINE + self.PARKED
        self._numbers[cell] = 1
        if self._orders[0] < wanted:
            select.select([self._inbox], [], [], 1.0)
        self._numbers[cell] = 0
        while select.select([self._inbox], [], [], 0)[0]:
            if not os.read(self._inbox, 64):
                os._exit(0)  # the parent is gone

    def _obey(self, order: int) -> None:
        index = self._index
        base = index * LINE
        self._numbers[base + self.FAILED] = 0
        self._exchanges = 0
        try:
            if order == STEP:
                x, y, weight = (window.get() for window in self._batch)
                assert x is not None and y is not None
                result = self._do_step(index, x, y, weight)
                self._values[(index + 1) * LINE] = result.value
                for window, array in zip(self._results[index], (result.prediction, result.mask), strict=True):
                    window.put(array)
            elif order == UPDATE:
                self._do_update(index, int(self._values[0]), self._values[1])
            elif order == RANDOM:
                self._post(self._random(index))
        except BaseException as error:
            self._numbers[base + self.FAILED] = 1
            self._numbers[base + self.DONE] = self._sent
            self._post(error)
        else:
            self._numbers[base + self.DONE] = self._sent

    def _post(self, value: Any) -> None:
        try:
            data = pickle.dumps(value)
        except Exception:
            data = pickle.dumps(RuntimeError(f"{type(value).__name__}: {value}"))
        data = len(data).to_bytes(8, "little") + data
        while data:
            data = data[os.write(self._outbox, data) :]

    # -- both -------------------------------------------------------------------------------------------------------

    def _await(self, cell: int, wanted: int, *, meeting: bool = False) -> None:
        """Until a cell has reached a number. meeting: in an exchange, to which a member that failed won't come."""
        numbers = self._numbers
        for _ in range(SPINS):
            if numbers[cell] >= wanted:
                return
        started = time.monotonic()
        while numbers[cell] < wanted:
            if meeting and any(numbers[index * LINE + self.FAILED] for index in range(self.count)):
                raise Broken
            if time.monotonic() - started < YIELDS_S:
                os.sched_yield()
                continue
            time.sleep(NAP_S / 10)
            self._look_after(cell // LINE)

    def _look_after(self, index: int) -> None:
        """Raise where the member waited for is no more."""
        if self._index:
            if os.getppid() != self._parent:
                os._exit(0)
        elif index and _has_ended(self._pids[index - 1]):
            raise TrainingError(
                f"worker process {index} has ended: it was killed, perhaps for want of memory; --threads 1 does without"
            )


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _reap(pid: int) -> None:
    """Wait for a process that was told to end; kill it where it does not."""
    until = time.monotonic() + 1.0
    while not _has_ended(pid):
        if time.monotonic() > until:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            return
        time.sleep(NAP_S / 5)
