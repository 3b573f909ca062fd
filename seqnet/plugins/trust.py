"""Whose code it is: a file that came with a run folder or a model is run only if this person has used it before.

What counts is the SHA-256 of the file, never its name or place. `seqnet train` writes the hashes of the plugins it is
told to use into a list in the person's own settings; a stranger's folder can't bring such a list along.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from seqnet.errors import UsageError
from seqnet.plugins.files import PluginFile
from seqnet.plugins.loading import is_loaded

_allowed: set[str] = set()  # for this process


class UntrustedPlugin(UsageError):
    """A run folder or a model brings code that was never used here; `files` are those."""

    def __init__(self, owner: str, files: Sequence[PluginFile]) -> None:
        listed = "\n".join(f"  {file.path}  SHA-256 {file.sha256}" for file in files)
        super().__init__(
            f"{owner} brings code of its own that you have not used before, so it is not run:\n{listed}\n"
            "it could do whatever you can; read it, and if it is good, allow it with --trust-plugins "
            "(in Python: trust_plugins=True)"
        )
        self.files = tuple(files)


def record_path() -> Path | None:
    """The list of the hashes this person has used; None where there is no home to keep it in."""
    base = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if os.name == "nt" else "")
    try:
        folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    return folder / "seqnet" / "plugins-used.txt"


def strangers(files: Iterable[PluginFile]) -> list[PluginFile]:
    """Those of the files that this person has not used before."""
    used: set[str] | None = None
    found = []
    for file in files:
        if file.sha256 in _allowed or is_loaded(file.sha256):
            continue
        used = _recorded() if used is None else used
        if file.sha256 not in used:
            found.append(file)
    return found


def require_known(owner: str, files: Iterable[PluginFile]) -> None:
    """Raise UntrustedPlugin where any of the files was never used here. owner: what brings them, for the message."""
    unknown = strangers(files)
    if unknown:
        raise UntrustedPlugin(owner, unknown)


def allow(files: Iterable[PluginFile]) -> None:
    """Let these files be run by this process."""
    _allowed.update(file.sha256 for file in files)


def forget() -> None:
    """Take back what `allow` let this process do."""
    _allowed.clear()


def remember(files: Iterable[PluginFile]) -> None:
    """Note for later commands that this person uses these files. Raises OSError where that can't be written."""
    files = list(files)
    allow(files)
    path = record_path()
    new = {file.sha256: file for file in files if file.sha256 not in _recorded()}
    if path is None or not new:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = [(sha, str((file.origin or Path(file.path)).absolute())) for sha, file in new.items()]
    lines = "".join(f"{sha}  {ascii(place)[1:-1]}\n" for sha, place in places)
    # One write at the end of the file: two commands at once do not get in each other's way.
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(number, lines.encode())
    finally:
        os.close(number)


def _recorded() -> set[str]:
    path = record_path()
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path is not None and path.is_file() else ""
    except OSError:
        return set()
    return {line.split(" ", 1)[0] for line in text.splitlines()}
