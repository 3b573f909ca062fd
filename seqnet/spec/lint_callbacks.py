"""What callbacks will do wrong: watch what is not logged, write where nothing can be, or get in each other's way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from seqnet.declare import get
from seqnet.errors import Path, Problem, SeqnetError
from seqnet.metrics import Metric, resolve_metric
from seqnet.metrics.trial import direction_of
from seqnet.optimizers.base import Optimizer
from seqnet.schedules import Schedule
from seqnet.spec.case import Case
from seqnet.spec.placing import option_path
from seqnet.training.averaging import SwapEMAWeights
from seqnet.training.backup import BackupAndRestore
from seqnet.training.callbacks import Callback, ModelCheckpoint
from seqnet.training.pacing import LearningRateScheduler, ReduceLROnPlateau
from seqnet.training.tensorboard import TensorBoard


def lint_callbacks(case: Case, *, known_output: bool = True) -> Iterator[Problem]:
    """known_output: the layers fit together, so that metrics can be tried on their output."""
    ways = _ways(case, known_output)
    optimizer = None if case.spec.optimizer is None else get(Optimizer, case.spec.optimizer)
    for index, (callback, entry) in enumerate(zip(case.spec.callbacks, case.spec.callback_entries, strict=True)):
        place: Path = ("callbacks", index)
        for problem in (*_alone(callback, ways), *_with_others(callback, optimizer, case)):
            option = str(problem.path[-1]) if problem.path else ""
            yield Problem(option_path(place, entry, option), problem.message, problem.hint, warning=problem.warning)
    if optimizer is not None:
        yield from _unseen_average(case, optimizer)


def _ways(case: Case, known_output: bool) -> dict[str, str | None]:
    """What will be logged, and which way is better."""
    ways: dict[str, str | None] = {"loss": "min"}
    shape = () if case.labels is None else case.labels.shape[1:]
    for entry in case.spec.metrics:
        metric = get(Metric, entry)
        output = case.output if known_output else None
        if output is not None and case.labels is not None:
            try:
                metric = resolve_metric(metric, shape, output)
            except SeqnetError:
                pass  # said of the metric itself
        ways[str(metric.name)] = direction_of(metric, case.labels, output)
    if _validated(case):
        ways.update({f"val_{name}": way for name, way in list(ways.items())})
    return ways


def _validated(case: Case) -> bool:
    """Whether there will be a validation, or may be one, as far as the file tells."""
    if not case.spec.fit_options().ever_validates():
        return False
    if case.data is not None:
        return case.data.validation is not None
    section = case.spec.data
    return section is None or section.source is not None or section.validation_split > 0


def _alone(callback: Callback, ways: Mapping[str, str | None]) -> Iterator[Problem]:
    """What is wrong with a callback whatever the rest of the file says; the path is the option."""
    problem = callback.check_monitor(ways)
    if problem is not None:
        yield problem
    if isinstance(callback, ModelCheckpoint):
        yield from _file_name(callback, ways)
    for option, kind, example in (
        ("filename", "file", "log.csv"),
        ("filepath", "file", "best.seqnet"),
        ("log_dir", "folder", "logs"),
    ):
        path = getattr(callback, option, example)
        named = os.path.basename(path) if kind == "file" else path
        if not named or "\0" in path:
            yield Problem((option,), f"{option} must name a {kind}, got {path!r}", f"for instance {example}")


def _with_others(callback: Callback, optimizer: Optimizer | None, case: Case) -> Iterator[Problem]:
    """What does not go together with other parts of the file."""
    name = callback.spec_name
    if isinstance(callback, BackupAndRestore):
        message = f"{name} has nothing to do here: in a run checkpoints are always on, in last/"
        yield Problem((), message, "leave it out; seqnet train --resume goes on exactly", warning=True)
    if optimizer is not None and isinstance(callback, (LearningRateScheduler, ReduceLROnPlateau)):
        if isinstance(optimizer.__dict__["learning_rate"], Schedule):
            message = f"{name} sets the learning rate, but the schedule of the optimizer does so too"
            yield Problem((), message, "keep one of them")
    if optimizer is not None and isinstance(callback, SwapEMAWeights) and not optimizer.use_ema:
        message = f"{name} needs an optimizer that keeps a moving average of the weights"
        yield Problem((), message, f"write optimizer: {optimizer.spec_name}: {{use_ema: true}}")
    if isinstance(callback, TensorBoard):
        layers = [str(layer.name) for layer in case.layers if layer.spec_name == "Embedding"]
        problem = callback.labels_problem(layers, case.spec.folder)
        if problem is not None:
            yield problem


def _unseen_average(case: Case, optimizer: Optimizer) -> Iterator[Problem]:
    """A moving average that no validation and no checkpoint of the run would ever see."""
    if not optimizer.use_ema or optimizer.ema_overwrite_frequency is not None:
        return
    if not any(isinstance(callback, SwapEMAWeights) for callback in case.spec.callbacks):
        message = "use_ema keeps a moving average of the weights, but nothing that this run keeps has it"
        hint = "add SwapEMAWeights to the callbacks: validation and best/ then take the average"
        yield Problem(option_path(("optimizer",), case.spec.optimizer, "use_ema"), message, hint, warning=True)


def _file_name(callback: ModelCheckpoint, ways: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        callback.filepath.format(epoch=1, **dict.fromkeys(ways, 0.5))
    except KeyError as error:
        message = f"{callback.spec_name}: no value named {error.args[0]!r} will be logged"
        hint = f"the path may use {', '.join(f'{{{name}}}' for name in ('epoch', *ways))}"
        yield Problem(("filepath",), message, hint)
    except (ValueError, IndexError, AttributeError) as error:
        message = f"{callback.spec_name}: the path {callback.filepath!r} can't be filled in: {error}"
        yield Problem(("filepath",), message, "write values as {epoch:02d} or {val_loss:.3f}")
