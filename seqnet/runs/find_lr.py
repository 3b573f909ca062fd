"""`seqnet find-lr`: which learning rate a file should train with, from a range test that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqnet.declare import get
from seqnet.errors import TrainingError
from seqnet.models.sequential import Sequential
from seqnet.optimizers.base import Optimizer
from seqnet.runs.figure import write_figure
from seqnet.runs.signals import interruptible
from seqnet.runs.train import Event, adapt_layers, prepared, training_rows, warn_or_refuse
from seqnet.schedules import Schedule
from seqnet.schedules import get as get_schedule
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.run import RunSpec
from seqnet.spec.sections import NEEDED
from seqnet.spec.writer import dump_yaml
from seqnet.training.callbacks import Callback
from seqnet.training.range_test import RangeTest, Suggestion, Sweep, suggest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Setting:
    """The learning rate of a file: where it stands for `-s`, what it is, what was left out of the test for its sake."""

    path: str
    value: float | None
    set_aside: list[str]


def find_lr(
    spec: RunSpec,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 200,
    threads: int | None = None,
    display: Callback | None = None,
    on_event: Event = lambda name, details: None,
) -> dict[str, Any]:
    """Train new weights for `steps` batches while the rate rises from start to end; nothing is written.

    The batches are those that `seqnet train` would begin with, in the same order and from the same weights; where an
    epoch has fewer, the next one follows. The callbacks of the file and its validation stay out of it. Returns plain
    data; suggestion is None where the test speaks for no rate, and remark says why.
    on_event(name, details): "warning" (problem), "start" ().
    Raises SpecError, DataError, UsageError; TrainingError where the first loss is not a number; KeyboardInterrupt.
    """
    spec.require("training", *NEEDED)
    data = spec.load_data()
    warn_or_refuse(spec, data, on_event)
    model = spec.build_model(data.input_shape, threads=threads)
    setting = _setting(spec)
    test = RangeTest(start, end, steps)
    _prepare(model, test)
    rows = prepared(model, training_rows(spec, data))
    options = replace(
        spec.fit_options(), initial_epoch=0, epochs=steps, on_nan=None
    )  # NaN ends the test, and is no error
    trainer = model.trainer(rows, options)
    adapt_layers(model, rows.x)
    on_event("start", {})
    with interruptible(trainer):
        trainer.fit(rows, None, options, [Sweep(test), *([display] if display is not None else [])])
    if trainer.interrupted:
        raise KeyboardInterrupt
    if not test.losses:
        raise TrainingError(
            "the loss of the first batch is not a number, before any training; look for extreme values in the data "
            "and the options"
        )
    optimizer = next(iter(_entry(spec)))
    return {
        "file": spec.document.name,
        "name": spec.name,
        "data": data.name,
        "rows": len(rows),
        "batch_size": options.batch_size,
        "seed": spec.seed,
        "optimizer": optimizer,
        "start": start,
        "end": end,
        "steps": steps,
        "stopped": test.stopped,
        "set_aside": setting.set_aside,
        "current": setting.value,
        **_told(spec, setting, suggest(test)),
        "rates": test.rates,
        "losses": test.losses,
        "smoothed": test.smoothed,
    }


def _prepare(model: Sequential, test: RangeTest) -> None:
    """Give the model's optimizer the rates of the test, whatever decided them before."""
    assert model.optimizer is not None
    if getattr(model.optimizer, "warmup_steps", 0):
        model.optimizer = model.optimizer.replace(warmup_steps=0)
    model.optimizer.change_learning_rate(test.schedule)


def _entry(spec: RunSpec) -> dict[str, dict[str, Any]]:
    """The optimizer as `{Name: {options}}`, the name spelled as in the file."""
    given = spec.optimizer
    if isinstance(given, str):
        return {get(Optimizer, given).spec_name: {}}
    name, options = next(iter(given.items()))
    return {name: dict(options or {})}


def _setting(spec: RunSpec) -> Setting:
    name = next(iter(_entry(spec)))
    optimizer = get(Optimizer, spec.optimizer)
    path, set_aside = f"optimizer.{name}.learning_rate", []
    warmup = getattr(optimizer, "warmup_steps", 0)
    if warmup:
        set_aside.append(f"warmup_steps {warmup}")
    value = optimizer.get_config()["learning_rate"]
    if isinstance(value, (int, float)):
        return Setting(path, float(value), set_aside)
    schedule: Schedule = get_schedule(value)
    set_aside.insert(0, schedule.spec_name)
    inner = schedule.highest_option
    if inner is None:
        return Setting(path, None, set_aside)
    for key in inner.split("."):
        value = value[key]
    return Setting(f"{path}.{inner}", float(value), set_aside)


def _told(spec: RunSpec, setting: Setting, found: Suggestion) -> dict[str, Any]:
    """The suggestion, and how to follow it."""
    told: dict[str, Any] = {
        "suggestion": found.rate,
        "lowest": found.lowest,
        "steepest": found.steepest,
        "remark": found.remark,
        "override": None,
        "yaml": None,
    }
    if found.rate is not None:
        told["override"] = f"{setting.path}={found.rate:g}"
        changed = apply_overrides(spec.document, [told["override"]])
        told["yaml"] = dump_yaml({"optimizer": changed.data["optimizer"]}).rstrip("\n")
    return told


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Draw the losses of a report over the rates. Raises UsageError, TrainingError."""
    write_figure(lambda: _figure(report), path)


def _figure(report: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(report["rates"], report["losses"], color="0.8", label="loss of a batch")
    axes.plot(report["rates"], report["smoothed"], label="smoothed")
    for name, style in (("suggestion", "--"), ("steepest", ":")):
        if report[name] is not None:
            axes.axvline(report[name], linestyle=style, color="0.3", label=f"{name} {report[name]:g}")
    first, low = max(report["smoothed"][: len(report["smoothed"]) // 2 + 1]), min(report["losses"])
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss", title=f"{report['name']}, {report['optimizer']}")
    if first > low:
        axes.set_ylim(low - 0.1 * (first - low), first + 0.3 * (first - low))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
