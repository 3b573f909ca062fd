"""The callback that writes what TensorBoard shows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeInt, PathText, PositiveInt
from seqnet.declare import option
from seqnet.errors import Problem, UsageError, suggestion
from seqnet.registry import register
from seqnet.training.callbacks import Callback, Logs
from seqnet.training.events import EventFile, histogram, image, keras_model, scalar

_PICTURES = 3  # of one variable; as many as TensorFlow writes
_PROJECTOR = "projector_config.pbtxt"


@register()
class TensorBoard(Callback):
    """Writes event files for TensorBoard: `tensorboard --logdir runs`. Neither it nor TensorFlow is needed to write.

    With Keras's names, in log_dir/train and log_dir/validation: epoch_loss, each metric and epoch_learning_rate by
    epoch (from 0); batch_loss by batch (from 1) with update_freq; evaluation_loss_vs_iterations; histograms and
    pictures of every variable; the layers, in the graph view under "Conceptual graph". A metric with several values is
    written value by value: epoch_f1_score/0. In `seqnet train`, log_dir lies in the run's folder; a resumed run goes on
    in the same files, without the events of steps that it makes again.
    Differs from Keras: no profiler; pictures show each variable from its smallest number (black) to its largest
    (white), where Keras cuts off what is not between 0 and 1; the rate at which steps are made
    (write_steps_per_second) is the mean since the last event.
    """

    log_dir: PathText = option("the folder of the event files", default="logs")
    histogram_freq: NonNegativeInt = option("epochs between two histograms of the weights; 0: none", default=0)
    write_graph: bool = option("show the layers in the graph view", default=True)
    write_images: bool = option("show the weights as pictures, whenever there are histograms", default=False)
    write_steps_per_second: bool = option("write the training steps made in a second", default=False)
    update_freq: Literal["epoch", "batch"] | PositiveInt = option(
        "when values are written: after every epoch alone, or after every so many batches (batch: 1) too",
        default="epoch",
    )
    profile_batch: Any = option("0: there is no profiler here; seqnet bench times each layer", default=0)
    embeddings_freq: NonNegativeInt = option(
        "epochs between two writings of the Embedding layers for the projector; 0: none", default=0
    )
    embeddings_metadata: dict[str, str] | str | None = option(
        "file with a label for each row of the Embedding layer, or such files by the layers' names", default=None
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["profile_batch"] not in (0, None, "0", "", [0, 0], (0, 0)):
            yield "profile_batch", "there is no profiler here, so it must be 0; seqnet bench times each layer"

    def setup(self) -> None:
        self.batches = 0  # of this fit
        freq = self.update_freq
        self._every = freq if isinstance(freq, int) else int(freq == "batch")  # batches between two events; 0: none
        self._files: dict[str, EventFile] = {}
        self._training = False
        self._since = (0, 0, 0.0, 0.0)  # batches at the last event and at the last epoch, and their times

    # -- hooks -----------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs | None = None) -> None:
        named = {part: file for part, file in self._files.items() if not file.size and not file.waiting}
        self.setup()
        self._files = named  # by a checkpoint from before the first step
        self._begin()
        if self.write_graph:
            self._file("train").add(0, [keras_model("keras", _described(self.model))])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        now = time.perf_counter()
        self._since = (self.batches, self.batches, now, now)

    def after_step(self, trainer: Any) -> None:
        self.batches += 1
        if not self._every or self.batches % self._every:
            return
        values = [scalar(f"batch_{name}", value) for name, value in _numbers(trainer.running_logs())]
        if self.write_steps_per_second:
            batches, epoch, then, began = self._since
            now = time.perf_counter()
            values.append(scalar("batch_steps_per_second", (self.batches - batches) / max(now - then, 1e-9)))
            self._since = (self.batches, epoch, now, began)
        self._file("train").add(self.batches, values)

    def on_test_end(self, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None:
            values = [scalar(f"evaluation_{name}_vs_iterations", value) for name, value in _numbers(logs or {})]
            self._file("validation").add(optimizer.iterations, values)
        if not self._training:  # an evaluation alone
            self._flush()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        own = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        validated = {name[4:]: value for name, value in (logs or {}).items() if name.startswith("val_")}
        own["learning_rate"] = float(self.model.optimizer.effective_learning_rate)
        if self.write_steps_per_second:
            _, batches, _, began = self._since
            own["steps_per_second"] = (self.batches - batches) / max(time.perf_counter() - began, 1e-9)
        self._file("train").add(epoch, [scalar(f"epoch_{name}", value) for name, value in _numbers(own)])
        if validated:
            values = [scalar(f"epoch_{name}", value) for name, value in _numbers(validated)]
            self._file("validation").add(epoch, values)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.network.parameters.variables:
                self._file("train").add(epoch, self._pictures(variable.path, variable.view))
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._project()
        self._flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._flush()
        self._training = False

    # -- state -------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        for part in ("train", "validation"):
            self._file(part)  # so that every checkpoint knows its name
        self._flush()
        files = {part: {"name": file.name, "size": file.size} for part, file in self._files.items()}
        return {"batches": self.batches, "files": files}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on in the same files, without events that the checkpoint does not know of."""
        self.setup()
        self._begin()
        self.batches = state["batches"]
        for part, known in state["files"].items():
            self._files[part] = EventFile(Path(self.log_dir) / part, known["name"], known["size"])

    # -- parts -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._training = True
        now = time.perf_counter()
        self._since = (0, 0, now, now)
        problem = self.labels_problem([str(layer.name) for layer in self._embeddings()])
        if problem is not None:
            raise UsageError(f"TensorBoard: {problem}")

    def labels(self, folder: Path = Path()) -> dict[str, Path]:
        """The files of embeddings_metadata by layer, "" for every layer; folder: what they are relative to."""
        given = self.embeddings_metadata or {}
        return {name: folder / path for name, path in ({"": given} if isinstance(given, str) else given).items()}

    def labels_problem(self, layers: Sequence[str], folder: Path = Path()) -> Problem | None:
        """What is wrong with embeddings_metadata, given the names of the Embedding layers."""
        for name, path in self.labels(folder).items() if self.embeddings_freq else ():
            if name and name not in layers:
                hint = suggestion(name, layers) if layers else "leave it out"
                return Problem(("embeddings_metadata",), f"there is no Embedding layer {name!r}", hint)
            if not path.is_file():
                hint = "it holds a label for each row, one a line"
                return Problem(("embeddings_metadata",), f"embeddings_metadata: there is no file {path}", hint)
        return None

    def _file(self, part: str) -> EventFile:
        if part not in self._files:
            self._files[part] = EventFile(Path(self.log_dir) / part)
        return self._files[part]

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def _pictures(self, path: str, values: Array) -> list[bytes]:
        found = [histogram(f"{path}/histogram", values)]
        if self.write_images:
            pictures = list(_greys(values))[:_PICTURES]
            numbered = len(pictures) > 1
            found += [image(f"{path}/image" + f"/{i}" * numbered, one) for i, one in enumerate(pictures)]
        return found

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model.layers if layer.spec_name == "Embedding"]

    def _project(self) -> None:
        """The embeddings as tables, and the file that tells TensorBoard's projector of them."""
        folder = Path(self.log_dir) / "train"
        folder.mkdir(parents=True, exist_ok=True)
        entries, labels = [], self.labels()
        for layer in self._embeddings():
            np.savetxt(folder / f"{layer.name}.tsv", layer.weights[0], fmt="%.7g", delimiter="\t")
            lines = [f'tensor_name: "{layer.name}/embeddings"', f'tensor_path: "{layer.name}.tsv"']
            path = labels.get(layer.name, labels.get(""))
            if path is not None:  # a copy: TensorBoard reads nothing outside of this folder
                shutil.copyfile(path, folder / f"{layer.name}_labels.tsv")
                lines.append(f'metadata_path: "{layer.name}_labels.tsv"')
            entries.append("embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n")
        (folder / _PROJECTOR).write_text("".join(entries), encoding="utf-8")


def _described(model: Any) -> str:
    """The layers in a row as Keras's to_json names them; a block is one layer."""
    dtype = model.network.dtype.name
    layers = [
        {"class_name": "InputLayer" if layer.spec_name == "Input" else layer.spec_name, "config": config}
        for layer in model.layers
        for config in [{"name": str(layer.name), "dtype": dtype}]
    ]
    return json.dumps({"class_name": "Sequential", "config": {"name": model.name, "layers": layers}})


def _numbers(logs: Logs) -> Iterator[tuple[str, float]]:
    """Names and single numbers of what is logged."""
    for name, value in logs.items():
        if isinstance(value, np.ndarray) and value.ndim:
            yield from ((f"{name}/{i}", float(one)) for i, one in enumerate(value.ravel()))
        elif isinstance(value, (int, float, np.number, np.ndarray)):  # a callback of the user's may log anything
            yield name, float(value)


def _greys(values: Array) -> Iterator[Array]:
    """Pictures of a variable: (C,) as a row, (I, O) lying on its longer side, further axes picture by picture."""
    values = np.squeeze(values)
    if values.ndim < 2:
        values = values.reshape(1, -1)
    if values.ndim == 2 and values.shape[0] > values.shape[1]:
        values = values.T
    finite = values[np.isfinite(values)]
    low = float(finite.min()) if finite.size else 0.0
    span = float(finite.max()) - low if finite.size else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        shares = np.nan_to_num((values - low) / (span or 1.0), posinf=1.0, neginf=0.0)
    pixels = np.round(255 * shares).astype(np.uint8)
    yield from np.moveaxis(pixels.reshape(*pixels.shape[:2], -1), -1, 0)  # (H, W, ...), as kernels of convolutions are
