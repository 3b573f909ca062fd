"""What the complete state of a run is: taken from a trainer, and put back into one.

Weights, optimizer slots, every random stream, the order of the data and the place in it, the sums of the running
metrics, the callbacks' counters, the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seqnet.errors import CheckpointError
from seqnet.network.network import Network
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import Snapshot
from seqnet.training.trainer import Position, Trainer


def take_weights(network: Network) -> Snapshot:
    """The variables alone."""
    snapshot = Snapshot()
    snapshot.put("weights", {variable.path: variable.view for variable in network.parameters.variables})
    return snapshot


def put_weights(network: Network, snapshot: Snapshot) -> None:
    """Set the variables. Raises CheckpointError when names or shapes differ; nothing is written then."""
    stored = snapshot.part("weights")
    variables = network.parameters.variables
    expected = {variable.path for variable in variables}
    if expected != set(stored):
        missing, extra = sorted(expected - set(stored)), sorted(set(stored) - expected)
        raise CheckpointError(
            "the weights belong to another stack of layers: "
            + "; ".join(
                f"{what} {', '.join(names)}" for what, names in (("missing", missing), ("extra", extra)) if names
            )
        )
    for variable in variables:
        if stored[variable.path].shape != variable.view.shape:
            got = stored[variable.path].shape
            raise CheckpointError(f"weight {variable.path} has shape {got} in the file, {variable.view.shape} here")
    for variable in variables:
        np.copyto(variable.view, stored[variable.path])


def take_state(trainer: Trainer, callbacks: Sequence[Callback]) -> Snapshot:
    """Everything that a resumed run needs to go on as if nothing had happened.

    The arrays are views of what goes on changing, for which there is Snapshot.copied; the data is this moment's. It is
    taken after every epoch, which may take a millisecond, so it costs no more than to copy lists.
    """
    compiled = trainer.compiled
    snapshot = take_weights(compiled.network)
    snapshot.put("carried", compiled.network.parameters.carried())
    snapshot.put("optimizer", compiled.optimizer.state(copy=False))
    snapshot.put("running", compiled.running.state())
    for index, callback in enumerate(callbacks):
        kept = callback.arrays() if hasattr(callback, "arrays") else []
        snapshot.put(f"callback-{index}", {str(i): array for i, array in enumerate(kept)})
    snapshot.data = {
        "position": asdict(trainer.position),
        "stopped": bool(trainer.stop_training),
        "order": trainer.order.bit_generator.state,
        "layers": compiled.engine.random_state(),
        "batch": compiled.engine.draws.batch,
        "callbacks": [{"type": type(callback).__name__, "state": callback.state()} for callback in callbacks],
        "history": {
            "epoch": list(trainer.history.epoch),
            "values": {name: list(values) for name, values in trainer.history.history.items()},
        },
    }
    return snapshot


def put_state(trainer: Trainer, callbacks: Sequence[Callback], snapshot: Snapshot) -> None:
    """The inverse of take_state; the next `fit` goes on where the snapshot was taken."""
    compiled, data = trainer.compiled, snapshot.data
    put_weights(compiled.network, snapshot)
    compiled.network.parameters.set_carried(snapshot.part("carried"))
    try:
        compiled.optimizer.load_state(snapshot.part("optimizer"))
        compiled.running.load_state(snapshot.part("running"))
        trainer.position = Position(**data["position"])
        trainer.stop_training = bool(data.get("stopped"))
        trainer.order.bit_generator.state = data["order"]
        compiled.engine.set_random_state(data["layers"])
        compiled.engine.draws.batch = int(data.get("batch", trainer.position.step))  # older ones have none
        trainer.history.epoch = list(data["history"]["epoch"])
        trainer.history.history = {name: list(values) for name, values in data["history"]["values"].items()}
        _put_callbacks(callbacks, data["callbacks"], snapshot)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise CheckpointError(f"the checkpoint does not fit this run: {error}") from error
    trainer.resumed = True


def _put_callbacks(callbacks: Sequence[Callback], stored: list[dict[str, Any]], snapshot: Snapshot) -> None:
    """Counters go back to callbacks of the same type, in order; those that are new, or keep nothing, start fresh."""
    left = list(enumerate(stored))
    for callback in callbacks:
        found = next(((i, item) for i, item in left if item["type"] == type(callback).__name__), None)
        if found is None:
            callback.on_train_begin({})
            continue
        left.remove(found)
        index, item = found
        if not item["state"]:
            callback.on_train_begin({})
            continue
        callback.load_state(item["state"])
        kept = snapshot.part(f"callback-{index}")
        if kept and hasattr(callback, "load_arrays"):
            callback.load_arrays([kept[str(i)] for i in range(len(kept))])
