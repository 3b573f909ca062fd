"""Models in one file: a zip of config.json (the stack and what compile was told), weights and optimizer state.

Arrays are in safetensors; nothing is pickled. Plugins that the model needs are in it too, as source, and are run only
where they were used before or the caller trusts them; so a file from a stranger can't run code by itself.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqnet.errors import CheckpointError, SeqnetError, SpecError, UsageError
from seqnet.layers.base import Layer
from seqnet.models.sequential import Sequential
from seqnet.plugins.files import FOLDER, PluginFile, copies, read_plugin, require_name
from seqnet.plugins.loading import fault_of, used_in
from seqnet.plugins.loading import load as load_plugins
from seqnet.plugins.trust import require_known
from seqnet.registry import scope
from seqnet.training.checkpoint import Snapshot, read_snapshot, reason, write_file
from seqnet.training.state import put_weights, take_weights
from seqnet.version import __version__

FORMAT = 1
# What plain data of the wrong form make a reader stumble over.
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, AssertionError)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes


def save_model(model: Sequential, filepath: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write stack, weights, optimizer state and what compile was told. Raises CheckpointError, UsageError."""
    config = {"format": FORMAT, "seqnet": __version__, **describe_model(model)}
    members = {"config.json": json.dumps(config, indent=1).encode()}
    used = copies(used_in([config["model"], config["compile"]]))
    members |= {f"{FOLDER}/{name}": file.content for name, file in used.items()}
    if model.built:
        members["weights.safetensors"] = save(take_weights(model.network).arrays)
    if model._compiled is not None and model.optimizer is not None:
        members["optimizer.safetensors"] = save(dict(model.optimizer.state()))
    _write_zip(Path(filepath), members, overwrite=overwrite)


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    trust_plugins: bool = False,
) -> Sequential:
    """The model that save_model wrote, or that a run folder or one of its checkpoints holds.

    custom_objects: classes of one's own by the names that the file calls them by, as in Keras; those that were
    registered are known without. trust_plugins: run the plugin files that the run or the model brings along, even if
    they were never used here; otherwise UsageError is raised for those. safe_mode is taken for Keras's sake: nothing
    else in a file can run code. Raises CheckpointError when it can't be read.
    """
    path = Path(filepath)
    with scope(custom_objects):
        if path.is_dir():
            folder = path / "best" if (path / "best").is_dir() else path
            return _load_checkpoint(folder, compile=compile, trust_plugins=trust_plugins)
        return _load_file(path, compile=compile, trust_plugins=trust_plugins)


def plugins_of_model(path: Path) -> list[PluginFile]:
    """The plugins that a model file brings along, not run; none where it can't be read as one."""
    try:
        return _plugins_in(path, _read_zip(path)) if zipfile.is_zipfile(path) else []
    except (CheckpointError, OSError):
        return []


def _plugins_in(path: Path, members: Mapping[str, bytes]) -> list[PluginFile]:
    names = [name for name in members if name.startswith(f"{FOLDER}/") and name.endswith(".py")]
    return [PluginFile(f"{path}/{name}", members[name]) for name in names]


def _use_plugins(files: Sequence[PluginFile], owner: str, trusted: bool) -> None:
    if not trusted:
        require_known(owner, files)
    load_plugins(files)


def _load_file(path: Path, *, compile: bool, trust_plugins: bool) -> Sequential:
    members = _read_zip(path)
    if "config.json" not in members:
        hint = ""
        if "model.weights.h5" in members:
            hint = ": it was written by Keras, which keeps its weights in HDF5"
        raise CheckpointError(f"{path} is no seqnet model{hint}")
    _use_plugins(_plugins_in(path, members), str(path), trust_plugins)
    try:
        config = json.loads(members["config.json"])
        if "model" not in config:
            raise CheckpointError(f"{path} is no seqnet model: it was written by Keras")
        model = rebuild(config, compile=compile)
        if "weights.safetensors" in members:
            put_weights(model.network, Snapshot(load(members["weights.safetensors"])))
        if compile and "optimizer.safetensors" in members:
            model._pending_optimizer = load(members["optimizer.safetensors"])
    except (*_BROKEN, SafetensorError) as error:
        raise _explained(path, error) from error
    return model


def _explained(path: Path, error: Exception) -> CheckpointError:
    """An unknown name is that of a class of one's own; anything else is damage. Raises what a plugin did wrong."""
    if fault_of(error) is not None:
        raise error
    if isinstance(error, SeqnetError) and " named " in str(error) and "there is no" in str(error):
        return CheckpointError(
            f"{path} needs a class that is not known here: {error}; import the file that registers it first, or pass "
            "custom_objects={'Name': Class}"
        )
    return CheckpointError(f"{path} is damaged: {error}")


def save_weights(model: Sequential, filepath: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write the weights alone. Raises CheckpointError, UsageError."""
    _write_zip(Path(filepath), {"weights.safetensors": save(take_weights(model.network).arrays)}, overwrite=overwrite)


def load_weights(model: Sequential, filepath: str | os.PathLike[str], *, skip_mismatch: bool = False) -> None:
    """Set the weights from a file of save_weights or save, or from a checkpoint. Raises CheckpointError.

    skip_mismatch: leave out what has no weight of its name and shape in the model, instead of refusing the file.
    """
    path = Path(filepath)
    snapshot = read_snapshot(path) if path.is_dir() else _read_weights(path)
    if skip_mismatch:
        own = take_weights(model.network).arrays
        found = snapshot.arrays
        fits = {name for name, array in own.items() if name in found and found[name].shape == array.shape}
        snapshot = Snapshot({name: found[name] if name in fits else array for name, array in own.items()})
    put_weights(model.network, snapshot)


def _read_weights(path: Path) -> Snapshot:
    members = _read_zip(path)
    if "weights.safetensors" not in members:
        raise CheckpointError(f"{path} holds no seqnet weights")
    try:
        return Snapshot(load(members["weights.safetensors"]))
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def rebuild(described: Mapping[str, Any], *, compile: bool = True) -> Sequential:
    """A model from what describe_model gave, compiled where that says how."""
    model = Sequential.from_config(dict(described["model"]))
    put_states(model.layers, described.get("adapted", {}))
    compiled = described["compile"] if compile else None
    if compiled:
        try:
            model.compile(**compiled)
        except SpecError as error:
            raise CheckpointError(f"the model can't be compiled: {error}") from error
    return model


def describe_model(model: Sequential) -> dict[str, Any]:
    """What `rebuild` needs, as plain data. adapted: what layers learned that is in no variable, by their names."""
    return {"model": model.get_config(), "compile": _compile_config(model), "adapted": take_states(model.layers)}


def take_states(layers: Sequence[Layer]) -> dict[str, Any]:
    """The state of every layer that has one, by the layer's name."""
    found = {str(layer.name): layer.state() for layer in layers}
    return {name: state for name, state in found.items() if state is not None}


def put_states(layers: Sequence[Layer], states: Mapping[str, Any]) -> None:
    """The inverse of take_states. Raises CheckpointError."""
    for layer in layers:
        if str(layer.name) in states:
            layer.restore(states[str(layer.name)])


def _load_checkpoint(folder: Path, *, compile: bool, trust_plugins: bool) -> Sequential:
    snapshot = read_snapshot(folder)
    if "model" not in snapshot.data:
        raise CheckpointError(f"{folder} holds no model")
    named = snapshot.data.get("plugins")
    if isinstance(named, list) and named:
        kept = (folder.parent if folder.name else folder.absolute().parent) / FOLDER
        files = [read_plugin(kept / require_name(name)) for name in named]
        _use_plugins(files, str(folder), trust_plugins)
    try:
        described = snapshot.data["model"]
        model = rebuild(described, compile=compile)
        put_weights(model.network, snapshot)
    except (SeqnetError, *_BROKEN) as error:
        raise _explained(folder, error) from error
    return model


def _compile_config(model: Sequential) -> dict[str, Any] | None:
    if model.optimizer is None or model.loss is None:
        return None
    try:
        return {
            "optimizer": model.optimizer.to_spec(full=True),
            "loss": model.loss.to_spec(full=True),
            "metrics": [label or metric.to_spec(full=True) for label, metric in model._metrics],
            "weighted_metrics": [label or metric.to_spec(full=True) for label, metric in model._weighted],
        }
    except TypeError:  # a metric made from a Python function has no description
        return None


def _write_zip(path: Path, members: Mapping[str, bytes], *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; pass overwrite=True to replace it")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    except OSError as error:
        raise CheckpointError(f"can't write {path}: {reason(error)}") from error


def _read_zip(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {reason(error)}") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(f"{path} is no seqnet model, or is damaged: {error}") from error
