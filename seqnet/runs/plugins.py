"""The plugins of a run: copied into its folder, found there again, and held against the file that they were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqnet.errors import Problem, SeqnetError, SpecError, TrainingError, UsageError
from seqnet.models.saving import plugins_of_model
from seqnet.plugins.files import FOLDER, PluginFile, copies, read_plugin
from seqnet.runs import folder as folders
from seqnet.spec.plugins import named_plugins
from seqnet.spec.reader import read_document
from seqnet.training.checkpoint import make_folder, reason, write_file


def keep_plugins(run: Path, files: Sequence[PluginFile]) -> None:
    """Copy the files into a run folder. Raises TrainingError."""
    if not files:
        return
    try:
        make_folder(run / FOLDER)
        for name, file in copies(list(files)).items():
            write_file(run / FOLDER / name, file.content)
    except OSError as error:
        raise TrainingError(f"can't write {run / FOLDER}: {reason(error)}") from error


def kept_names(files: Sequence[PluginFile]) -> list[str]:
    """What the copies are called."""
    return list(copies(list(files)))


def record_of(files: Sequence[PluginFile]) -> list[dict[str, Any]]:
    """What summary.json says of them: the copy, its hash, and the file that it was made of."""
    return [
        {
            "file": f"{FOLDER}/{name}",
            "sha256": file.sha256,
            "origin": str((file.origin or Path(file.path)).absolute()),
        }
        for name, file in copies(list(files)).items()
    ]


def plugins_of(path: Path) -> list[PluginFile]:
    """The plugins that a run folder, a checkpoint in one, or a model file brings along, not run.

    Nothing is said here of folders and files that can't be read; those who open them say it.
    """
    if path.is_file():
        return plugins_of_model(path)
    for run in (path, path.parent):
        if (run / folders.RESOLVED).is_file():
            try:
                found: list[Problem] = []
                return named_plugins(read_document(run / folders.RESOLVED).data.get("plugins"), run, found)
            except SpecError:
                return []
    return []


def recorded_plugins(run: Path) -> list[dict[str, Any]]:
    """What record_of wrote into a run's summary; nothing where that can't be read."""
    try:
        recorded = folders.read_json(run / folders.SUMMARY).get("plugins")
    except SeqnetError:
        return []
    entries = recorded if isinstance(recorded, list) else []
    keys = ("file", "sha256", "origin")
    return [dict(e) for e in entries if isinstance(e, Mapping) and all(isinstance(e.get(key), str) for key in keys)]


def changed_plugins(run: Path) -> list[str]:
    """What to say of plugins that were changed since a run was begun: the file they came from, or the run's copy."""
    said = []
    for entry in recorded_plugins(run):
        copy, origin = run / entry["file"], Path(entry["origin"])
        if _hash(copy) not in (None, entry["sha256"]):
            said.append(f"{copy} was changed after {run} was trained with it")
        elif _hash(origin) not in (None, entry["sha256"]):
            said.append(f"{origin} has changed since {run} was trained; the run's own copy is used, {copy}")
    return said


def _hash(path: Path) -> str | None:
    try:
        return read_plugin(path).sha256 if path.is_file() else None
    except (UsageError, OSError):
        return None
