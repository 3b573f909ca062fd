"""Every error that seqnet shows a person, in one tree.

SeqnetError                 exit 1   something seqnet can explain went wrong
├── SpecError               exit 2   the YAML file or an option is wrong (also a ValueError)
│   └── PluginError         exit 2   a file of a person's own components is wrong (in seqnet.plugins.faults)
├── ShapeError              exit 2   shapes do not fit together           (also a ValueError)
├── DataError               exit 2   the data are wrong                   (also a ValueError)
├── UsageError              exit 2   a command or a method was called wrongly (also a ValueError)
├── DownloadError           exit 1   a file of the catalogue could not be fetched
├── CheckpointError         exit 1   a run folder or saved model can't be read or written
└── TrainingError           exit 1   the run failed: NaN, full disk, …

A message says where, the rule, what was received, and what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Spot:
    """A line of a file of code. file: as messages show it. text: all of it. line, column: from 1; column 0: no one.
    cause: the exception that came from there, for those who want its traceback."""

    file: str
    text: str
    line: int
    column: int = 0
    cause: BaseException | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, at a place inside a document of nested mappings and lists.

    path: keys and list indices from the top of the document to the place.
    message: the rule and what was received, one sentence without a full stop.
    hint: what to do, or the nearest name; may be empty.
    on_key: the key itself is wrong, not its value.
    warning: only suspicious; does not stop a command.
    spot: the place, where that is in a file of code rather than in the document.
    """

    path: Path
    message: str
    hint: str = ""
    on_key: bool = False
    warning: bool = False
    spot: Spot | None = None

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class SeqnetError(Exception):
    """Something seqnet can explain; `exit_code` is what the command line ends with."""

    exit_code = 1


class SpecError(SeqnetError, ValueError):
    """A YAML file or an option is wrong; `problems` lists all of it."""

    exit_code = 2

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class ShapeError(SeqnetError, ValueError):
    """Shapes do not fit together."""

    exit_code = 2


class DataError(SeqnetError, ValueError):
    """The data are wrong: missing, broken, of another form than the model needs."""

    exit_code = 2


class UsageError(SeqnetError, ValueError):
    """A command or a method was called in a way that can't work."""

    exit_code = 2


class DownloadError(SeqnetError):
    """A file of the catalogue could not be fetched, or not be kept."""


class CheckpointError(SeqnetError):
    """A run folder, a checkpoint or a saved model can't be read or written."""


class TrainingError(SeqnetError):
    """A run could not go on."""


def cause_of(problems: Iterable[Problem]) -> BaseException | None:
    """The first exception of a person's own code behind the problems."""
    return next((p.spot.cause for p in problems if p.spot is not None and p.spot.cause is not None), None)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None if none is near.

    Of names that differ in capitals alone, the one that is written in lower case or not, as `name` is.
    """
    table: dict[str, str] = {}
    for candidate in sorted(known, key=lambda candidate: candidate.islower() == name.islower()):
        table[candidate.lower()] = candidate
    wanted = name.lower()
    found = difflib.get_close_matches(wanted, table, n=1, cutoff=0.6)
    if found and difflib.SequenceMatcher(None, found[0], wanted).ratio() >= 0.75:
        return table[found[0]]
    # A whole name within a longer one (fashion in fashion_mnist) says more than a few letters in common.
    around = [candidate for candidate in table if len(wanted) > 3 and wanted in candidate]
    if around:
        return table[min(around, key=lambda one: (table[one].islower() != name.islower(), len(one)))]
    return table[found[0]] if found else None


def suggestion(name: str, known: Iterable[str], *, limit: int = 12) -> str:
    """ "did you mean …?" where a name is near, else the list of what is allowed, numbers in their order."""
    names = sorted(known, key=by_number)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean {near}?"
    shown = ", ".join(names[:limit])
    return f"known: {shown}, …" if len(names) > limit else f"known: {shown}"


def by_number(name: str) -> list[tuple[int, str]]:
    """A key that sorts moons/2 before moons/10: text and numbers in turn."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
