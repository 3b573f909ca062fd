"""`seqnet preview`: what the network really sees, row by row and stage by stage."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.base import Data, Split
from seqnet.datasets.labels import class_labels, is_text
from seqnet.datasets.profile import describe
from seqnet.errors import TrainingError, UsageError
from seqnet.layers.augmentation import Augmentation
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.layers.preprocessing import Normalization, Rescaling
from seqnet.layers.reshaping import Flatten, Permute, Reshape
from seqnet.models.sequential import Sequential
from seqnet.network.engine import Engine
from seqnet.report.png import png
from seqnet.runs.folder import require_place
from seqnet.runs.mistakes import is_picture, words
from seqnet.runs.train import Event, adapt_layers, warn_or_refuse
from seqnet.spec.run import RunSpec
from seqnet.training.checkpoint import reason, write_file
from seqnet.training.compiled import prepare
from seqnet.training.mixing import Mixing

MEASURED = 1024  # rows that ranges are taken over
MEASURED_BYTES = 1 << 26
DRAWS = 4  # how often a row is shown where each time is another
MOVERS = (Reshape, Permute, Flatten)
TILE, GAP = 96, 4  # pixels of a sheet: the least side of a picture, and what is between them


@dataclass(frozen=True)
class Stage:
    """Rows on their way into the network: what they went through last, and what they are then.

    shape: of a row. low, high, mean: of the rows looked at; None of texts.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    random: bool = False


@dataclass(frozen=True)
class Sample:
    """One row. row: its number in the split, from 0. seen: what becomes of it, once, or in each of several epochs.

    text: what it says, of a text or of numbers that stand for words.
    """

    row: int
    target: str | None
    given: Array
    seen: list[Array]
    text: str | None = None


@dataclass
class Preview:
    """What there is to see. profile: of the data, as `seqnet data info` tells it. looked_at: rows behind the ranges.

    names: of the columns, as the rows are given. rest: what comes after the stages, the first layer that learns.
    """

    name: str
    split: str
    profile: dict[str, Any]
    stages: list[Stage] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    looked_at: int = 0
    names: tuple[str, ...] | None = None
    rest: str | None = None

    @property
    def pictures(self) -> bool:
        """Whether rows can be drawn, before and after."""
        return bool(self.samples) and all(is_picture(x[None]) for one in self.samples for x in (one.given, *one.seen))

    @property
    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The least and the largest number of the rows, as they are given and as they are seen."""
        return (
            _bounds([one.given for one in self.samples]),
            _bounds([x for one in self.samples for x in one.seen]),
        )


def preview(
    spec: RunSpec,
    *,
    split: str = "train",
    rows: int = 8,
    on_event: Event = lambda name, details: None,
) -> Preview:
    """The data of a file, and rows of a split as they come before the first layer that learns; nothing is written.

    Random layers do to the rows what they would do in training; of the other splits, what they do at inference.
    on_event(name, details): "warning" (problem). Raises SpecError, DataError, UsageError.
    """
    spec.require("a preview", "data")
    data = spec.load_data()
    warn_or_refuse(spec, data, on_event)
    if split not in data.splits:
        raise UsageError(f"{data.name} has no {split} rows; it has {' and '.join(data.splits)}")
    model = spec.build_model(data.input_shape)
    adapt_layers(model, model.network.front(data.train.x))
    found = Preview(spec.name, split, describe(data), names=data.feature_names)
    part = data.splits[split]
    looked_at = _spread(len(part), _affordable(part))
    shown = _spread(len(looked_at), rows)
    sample = part.take(looked_at)
    found.looked_at = len(looked_at)
    passes = [_stages(spec, model, sample, training=split == "train", step=step) for step in range(DRAWS)]
    found.stages = [stage for stage, _ in passes[0]]
    again = any(stage.random for stage in found.stages)
    found.rest = next((_called(layer) for layer in model.layers[_early(model.layers) :]), None)
    seen = [stages[-1][1] for stages in (passes if again else passes[:1])]
    for place in shown.tolist():
        given = [np.asarray(x[place]) for x in seen]
        x = sample.x[place]
        one = Sample(int(looked_at[place]), _target(sample, place, data), x, given, _text(x, data))
        found.samples.append(one)
    return found


def write_sheet(found: Preview, path: Path) -> None:
    """A picture of the rows as a PNG file: each row as it is given, then as the network sees it.

    Raises UsageError where the rows are no pictures, TrainingError where the file can't be written.
    """
    if not found.pictures:
        raise UsageError("only pictures make a sheet, and the rows of this file are none; leave -o out")
    given, seen = found.bounds
    lines = []
    for one in found.samples:
        tiles = [_tile(one.given, given), *(_tile(x, seen) for x in one.seen)]
        lines.append(_beside(tiles, axis=1))
    try:
        write_file(path, png(_beside(lines, axis=0)))
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error


def require_sheet(path: Path) -> None:
    """Raise UsageError where a path can't take a sheet, which is better known before the work."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"the sheet is a PNG picture: end {path} with .png")
    require_place(path)


def pixels(x: Array, low: float, high: float) -> Array:
    """A row as a picture, (H, W, C) uint8 with C = 1, 3 or 4: low … high become 0 … 255."""
    image = x[..., None] if x.ndim == 2 else x
    scaled = np.clip((image.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
    return np.rint(255 * scaled).astype(np.uint8)


def _prepares(layer: Layer) -> bool:
    return layer.prepares or isinstance(layer, (Input, Augmentation, Rescaling, Normalization))


def _early(layers: Sequence[Layer]) -> int:
    """How many layers come before the first that learns, but for those that only move numbers at the end of them."""
    leading = list(itertools.takewhile(lambda layer: _prepares(layer) or isinstance(layer, MOVERS), layers))
    while leading and isinstance(leading[-1], MOVERS):
        leading.pop()
    return len(leading)


def _called(layer: Layer) -> str:
    return f"{layer.name} ({layer.spec_name})"


def _spread(count: int, wanted: int) -> Array:
    """`wanted` of the numbers below `count`, evenly spread, the first among them."""
    wanted = max(1, min(count, wanted))
    return np.arange(wanted) * count // wanted


def _affordable(part: Split) -> int:
    row = np.asarray(part.x[:1])
    return max(8, min(MEASURED, MEASURED_BYTES // max(1, 4 * row.size)))


def _stages(spec: RunSpec, model: Sequential, sample: Split, *, training: bool, step: int) -> list[tuple[Stage, Array]]:
    """The rows as they are given, and after each layer and mixer up to the first layer that learns."""
    network = model.network
    x = sample.x
    made = [(_stage("as given", x), x)]
    front = network.front
    if front.layers:
        x = front(x)[:]
        made.append((_stage(", ".join(_called(layer) for layer in front.layers), x), x))
    x = prepare(network, x)
    mixers = spec.training.augment if training and model.loss is not None else ()
    for place in range(len(mixers)):
        assert model.loss is not None and sample.y is not None
        mixed = Mixing(mixers[: place + 1], network, model.loss).batch(x, sample.y, None, step)
        made.append((_stage(f"{mixers[place].spec_name} of each batch", mixed.x, random=True), mixed.x))
    x = made[-1][1] if mixers else x
    engine = Engine(network)
    engine.draws.batch = step + 1
    layers = [node.layer for node in network.nodes]
    for layer, y in zip(layers[: _early(layers)], _outputs(engine, x, training=training), strict=False):
        if layer not in front.layers and not isinstance(layer, Input):
            made.append((_stage(_called(layer), y, random=training and layer.differs_in_training), y))
    return made


def _outputs(engine: Engine, x: Array, *, training: bool) -> Iterator[Array]:
    """What each layer makes of the rows, in training or at inference."""
    if training:
        yield from (y for y, _ in engine.layer_outputs(x))
        return
    for index in range(1, len(engine.plain.layers) + 1):
        yield engine.outputs_before(index, x)


def _stage(name: str, x: Array, *, random: bool = False) -> Stage:
    if is_text(x):
        return Stage(name, x.shape[1:], "text", random=random)
    return Stage(
        name, x.shape[1:], x.dtype.name, float(x.min()), float(x.max()), float(x.mean(dtype=np.float64)), random
    )


def _text(x: Array, data: Data) -> str | None:
    if is_text(np.asarray(x)):
        return " ".join(map(str, np.ravel(x)))
    return words(x, data.vocabulary) if data.vocabulary is not None and x.ndim == 1 else None


def _target(sample: Split, place: int, data: Data) -> str | None:
    if sample.y is None:
        return None
    labels = class_labels(sample.y, data.task)
    if labels is not None and data.num_classes is not None:
        label = int(labels[place])
        return data.class_names[label] if data.class_names and label < len(data.class_names) else str(label)
    return ", ".join(f"{value:.6g}" for value in np.ravel(sample.y[place])[:6].tolist())


def _bounds(images: Sequence[Array]) -> tuple[float, float]:
    return min(float(x.min()) for x in images), max(float(x.max()) for x in images)


def _tile(x: Array, bounds: tuple[float, float]) -> Array:
    """A picture in colour, small ones enlarged."""
    image = pixels(x, *bounds)[..., :3]
    times = max(1, -(-TILE // max(image.shape[:2])))
    return np.broadcast_to(image, (*image.shape[:2], 3)).repeat(times, axis=0).repeat(times, axis=1)


def _beside(parts: Sequence[Array], axis: int) -> Array:
    """Pictures side by side, or below each other, on white."""
    across = 1 - axis
    size = max(part.shape[across] for part in parts)
    padded: list[Array] = []
    for part in parts:
        widths = [(0, 0)] * 3
        widths[across] = (0, size - part.shape[across])
        widths[axis] = (0, GAP)
        padded.append(np.pad(part, widths, constant_values=255))
    return np.concatenate(padded, axis=axis)


def as_json(found: Preview, numbers: int = 4096) -> dict[str, Any]:
    """Plain data; rows of more than `numbers` numbers are left out (null)."""

    def plain(x: Array) -> Any:
        return np.asarray(x).tolist() if np.size(x) <= numbers else None

    return {
        "name": found.name,
        "split": found.split,
        "data": found.profile,
        "stages": [vars(stage) for stage in found.stages],
        "then": found.rest,
        "samples": [
            {
                "row": one.row,
                "target": one.target,
                "text": one.text,
                "given": plain(one.given),
                "seen": [plain(x) for x in one.seen],
            }
            for one in found.samples
        ],
    }
