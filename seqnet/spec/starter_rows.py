"""A first file for what is no table: folders of images or texts, json lines, files of arrays."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.base import Data, Source
from seqnet.datasets.imagefiles import images_under, require_pillow
from seqnet.datasets.labels import has_class_columns
from seqnet.datasets.lazy import LazyRows, blocks
from seqnet.datasets.sources import guessed
from seqnet.datasets.text_files import JSON_LINES, lines_of
from seqnet.declare import get
from seqnet.errors import DataError
from seqnet.spec.starter import SEVERAL, comment_lines, likely_target, shown, yaml_lines

LOOKED_AT = 1000  # images whose size, and rows whose words, are looked at
LARGEST = 96  # pixels a side that images keep; others are brought to SIDE
SIDE = 64
WORDS = 10_000  # that a network for texts knows
LAYERS = 3  # of convolutions


def describes(path: Path) -> bool:
    """Whether a first file can be written for a file or folder that is no table."""
    return path.suffix.lower() in (".npz", ".h5", ".hdf5", *JSON_LINES) or path.is_dir()


def source_for(path: Path, target: str | None) -> dict[str, Any]:
    """The source that reads it, as YAML names it: {kind: options}; the path as it is given. Raises DataError."""
    if path.suffix.lower() in JSON_LINES:
        return {"text": {"path": str(path), **_keys(path, target)}}
    if path.is_dir():
        images, others = images_under(path)
        if images:
            return {"images": {"path": str(path), **_sizes(path, images)}}
        if not any("idx" in other.name for other in others):  # as MNIST's files are called
            if any(other.parent != path for other in others):
                return {"text": {"path": str(path)}}
            raise DataError(
                f"{path} holds neither images nor a folder of texts for each class, so no file can be written for it"
            )
    found = guessed(path)
    assert found is not None
    return {type(found).spec_name: {"path": str(path)}}


def _keys(path: Path, target: str | None) -> dict[str, Any]:
    """The keys of the text and of the target, by the first line of a file of json lines."""
    for number, line in lines_of(path, "utf-8"):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise DataError(f'{path}, line {number}: must be a JSON object such as {{"text": "…", "label": 1}}')
        texts = [key for key, value in found.items() if isinstance(value, str) and key != target]
        if not texts:
            raise DataError(f"{path}, line {number}: has no text; it has {', '.join(found) or 'nothing'}")
        column = "text" if "text" in texts else max(texts, key=lambda key: len(found[key]))
        others = [key for key in found if key != column]
        if not others:
            raise DataError(f"{path}, line {number}: has a text, but no second key that is the target")
        return {"column": column, "target": likely_target(others) if target is None else target}
    raise DataError(f"{path} holds no texts")


def _sizes(root: Path, images: Sequence[Path]) -> dict[str, Any]:
    """image_size, and how images are brought to it, by the sizes of some of them."""
    require_pillow(str(root))
    from PIL import Image

    sizes: set[tuple[int, int]] = set()
    for path in images[:: math.ceil(len(images) / LOOKED_AT)]:
        try:
            with Image.open(path) as image:
                sizes.add((image.height, image.width))
        except Exception:  # what can't be read is told when it is decoded
            continue
    if len(sizes) == 1 and max(one := next(iter(sizes))) <= LARGEST:
        return {"image_size": list(one)}
    return {"image_size": [SIDE, SIDE], "crop_to_aspect_ratio": True}


def load(source: Mapping[str, Any]) -> Data:
    """The rows, which decide what the file says. Raises DataError."""
    data = get(Source, source).load(Path())
    data.prepare()
    if data.train.y is None:
        raise DataError(f"{data.name} has no targets, so there is nothing to learn; add an array y_train")
    if data.train.y.ndim > 2:
        raise DataError(
            f"{data.name} has targets of shape {data.train.y.shape}, several numbers in each of several places a row; "
            f"such a file is begun by hand: seqnet init, then change its data, last layer and loss"
        )
    return data


@dataclass
class RowsStarter:
    """The choices. source: {kind: options} with the path as the file is to name it."""

    data: Data
    source: dict[str, Any]

    @property
    def kind(self) -> str:
        return next(iter(self.source))

    @property
    def rows(self) -> int:
        return len(self.data.train)

    @property
    def labels(self) -> Any:
        assert self.data.train.y is not None
        return self.data.train.y

    @property
    def task(self) -> str:
        """binary, classes, one_hot, labels (several a row) or numbers."""
        y, count = self.labels, self.data.num_classes
        if y.ndim == 2 and y.shape[1] > 1:
            if self.data.task != "regression" and has_class_columns(y):
                return "one_hot" if bool((y.sum(axis=1) == 1).all()) else "labels"
            return "numbers"
        if count is None or count > SEVERAL or count < 2 or y.dtype.kind == "f" or y.min() < 0:
            return "numbers"
        return "binary" if count == 2 else "classes"

    @property
    def outputs(self) -> int:
        if self.labels.ndim == 2 and self.labels.shape[1] > 1:
            return int(self.labels.shape[1])
        return int(self.data.num_classes or 1) if self.task == "classes" else 1

    def text(self, name: str, file: str) -> str:
        """The file. file: what the commands in its head call it."""
        what = {"binary": "which of two classes", "labels": "which labels", "numbers": "how much"}
        rows = f"the {self.rows:,} training rows of {self.data.name}"
        told = f"Predicts {what.get(self.task, 'which class')}, as learned from {rows}."
        head = [
            *comment_lines(told),
            "#",
            f"#   seqnet check {shown(file)}       everything that is wrong or suspicious about this file",
            f"#   seqnet train {shown(file)}       train it; every run gets a folder of its own under runs/",
            "",
            *yaml_lines({"name": name, "seed": 0}),
        ]
        parts = [head, list(self._data()), list(self._model()), list(self._learning()), list(self._training())]
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    def _data(self) -> Iterator[str]:
        yield "data:"
        yield from yaml_lines(self.source, 2)
        if self.data.validation is None:
            share = 0.25 if self.rows < 200 else 0.15
            yield f"  validation_split: {share}   # rows that training never sees, which say when to stop"
        if self.data.test is None and self.rows >= 200:
            yield "  test_split: 0.15         # rows that nothing is chosen by, for the final number"

    # -- the network ------------------------------------------------------------------------------------------------

    def _model(self) -> Iterator[str]:
        yield "model:"
        yield from self._texts() if self.kind == "text" else self._arrays()
        yield from self._output()

    def _texts(self) -> Iterator[str]:
        lengths = [len(str(text).split()) for text in self.data.train.x[:LOOKED_AT].reshape(-1)]
        length = int(min(max(np.percentile(lengths, 95), 4), 400))
        yield from comment_lines("words become numbers; the most frequent ones of the training rows are known", 2)
        yield f"  - TextVectorization: {{max_tokens: {WORDS}, output_sequence_length: {length}}}"
        yield f"  - Embedding: {{input_dim: {WORDS}, output_dim: 32, mask_zero: true}}   # a row of 32 numbers a word"
        yield "  - GlobalAveragePooling1D                # their mean: which words there are, not in which order"
        yield "  - Dropout: {rate: 0.3}"

    def _arrays(self) -> Iterator[str]:
        shape, picture = self.data.input_shape, self.data.train.x.dtype == np.uint8
        if picture:
            yield "  - Rescaling: {scale: 0.00392156862745098}   # bytes 0 ... 255 become 0 ... 1"
        flat = len(shape) not in (2, 3) or min(shape[:2]) < 6
        image = len(shape) == 3 or (len(shape) == 2 and picture)
        if image and not flat:
            yield from self._pictures(shape)
            return
        if not picture:
            yield "  - Normalization                             # mean 0 and deviation 1, by the training rows"
        if len(shape) == 2 and not picture:
            yield "  - LSTM: {units: 32}                         # reads the steps of a row one after the other"
            return
        if len(shape) > 1:
            yield "  - Flatten"
        for units in (32,) if self.rows < 2000 else (128, 64):
            yield f"  - Dense: {{units: {units}, activation: relu}}"
        yield "  - Dropout: {rate: 0.2}   # numbers left out at random, against learning by heart"

    def _pictures(self, shape: tuple[int, ...]) -> Iterator[str]:
        if len(shape) == 2:
            yield f"  - Reshape: {{target_shape: [{shape[0]}, {shape[1]}, 1]}}   # one colour"
        if self.data.train.x.dtype != np.uint8 and _largest(self.data.train.x) > 10:
            yield "  - Normalization                             # mean 0 and deviation 1, by the training rows"
        side = min(shape[:2])
        for filters in itertools.islice((16, 32, 64), LAYERS):
            if side < 6:
                break
            yield f"  - Conv2D: {{filters: {filters}, kernel_size: 3, padding: same, activation: relu}}"
            yield "  - MaxPooling2D"
            side //= 2
        yield "  - Flatten"
        yield "  - Dropout: {rate: 0.3}   # numbers left out at random, against learning by heart"

    def _output(self) -> Iterator[str]:
        names = self.data.class_names
        if self.task == "binary":
            second = shown(names[1]) if names else "class 1"
            yield f"  - Dense: {{units: 1, activation: sigmoid}}   # the probability of {second}"
        elif self.task in ("classes", "one_hot"):
            yield f"  - Dense: {{units: {self.outputs}, activation: softmax}}   # a probability for each class"
        elif self.task == "labels":
            yield f"  - Dense: {{units: {self.outputs}, activation: sigmoid}}   # a probability for each label"
        else:
            yield f"  - Dense: {{units: {self.outputs}}}   # without an activation: any number can come out"
            y = np.asarray(self.labels, np.float64)
            mean, std = float(y.mean()), float(y.std())
            if not (0.3 < std < 3 and abs(mean) < 3) and std > 0:
                yield from comment_lines("brings it to the size of the targets: standard deviation and mean", 2)
                yield f"  - Rescaling: {{scale: {float(f'{std:.2g}')!r}, offset: {float(f'{mean:.2g}')!r}}}"

    # -- the training -----------------------------------------------------------------------------------------------

    def _learning(self) -> Iterator[str]:
        yield "optimizer:"
        rate = 0.003 if self.rows < 2000 else 0.001
        yield f"  Adam: {{learning_rate: {rate}}}   # seqnet find-lr looks for a better one"
        yield ""
        losses = {
            "binary": ("binary_crossentropy", "[accuracy]"),
            "classes": ("sparse_categorical_crossentropy", "[accuracy]"),
            "one_hot": ("categorical_crossentropy", "[accuracy]"),
            "labels": ("binary_crossentropy", "[binary_accuracy]"),
            "numbers": ("mse", "[mae, r2_score]"),
        }
        loss, metrics = losses[self.task]
        yield f"loss: {loss}"
        yield f"metrics: {metrics}"

    def _training(self) -> Iterator[str]:
        size = next(size for limit, size in ((500, 16), (5000, 32), (math.inf, 64)) if self.rows < limit)
        patience = 20 if self.rows < 2000 else 5
        yield "training:"
        yield f"  epochs: {100 if self.rows < 2000 else 30}   # at most; EarlyStopping ends it before"
        yield f"  batch_size: {max(1, min(size, self.rows // 3))}"
        yield ""
        yield "callbacks:"
        yield from comment_lines(f"ends when {patience} epochs brought nothing, and takes the best weights back", 2)
        yield f"  - EarlyStopping: {{monitor: val_loss, patience: {patience}, restore_best_weights: true}}"


def _largest(x: Any) -> float:
    if isinstance(x, LazyRows):
        x = x[:LOOKED_AT]
    return max(float(np.abs(block).max()) for _, block in blocks(x))
