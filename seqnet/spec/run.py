"""What a file says, checked: the RunSpec, from which models are built and data are loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, NoReturn

import numpy as np

from seqnet.arrays import Shape
from seqnet.checkers import INVALID, TEXT, Number
from seqnet.datasets.base import Data, Dataset, Source, Split
from seqnet.datasets.splits import split_rows, tail_rows
from seqnet.declare import C, check_options, make, options_of
from seqnet.errors import DataError, Problem, SpecError, suggestion
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.models.sequential import Sequential, free_name
from seqnet.network.network import LayerShapeError, trace
from seqnet.optimizers.base import Optimizer
from seqnet.registry import components, snake_case
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.reader import Document, read_document
from seqnet.spec.sections import DataSection, Section, TrainingSection
from seqnet.training.callbacks import Callback
from seqnet.training.trainer import FitOptions
from seqnet.utils import to_categorical

KEYS = {
    "name": "what the run is called; its folder is runs/<name>/<number>",
    "seed": "everything random in the run derives from it",
    "data": "where the rows come from",
    "model": "the layers, in order",
    "optimizer": "how the weights are updated",
    "loss": "what training lowers",
    "metrics": "what is reported beside the loss",
    "training": "epochs, batch size, and the other arguments of Keras's fit",
    "callbacks": "what watches the run",
}
_SEED = Number(whole=True, ge=0)


@dataclass
class RunSpec:
    """A checked file. What it leaves out is None or empty."""

    document: Document
    name: str
    seed: int = 0
    data: DataSection | None = None
    layers: list[Any] = field(default_factory=list)  # as written; every build makes layers of its own
    optimizer: Any = None
    loss: Any = None
    metrics: list[Any] = field(default_factory=list)
    training: TrainingSection = field(default_factory=TrainingSection)
    callback_entries: list[Any] = field(default_factory=list)

    @property
    def callbacks(self) -> list[Callback]:
        """New callbacks, as the file lists them."""
        return [_made(Callback, entry) for entry in self.callback_entries]

    @property
    def folder(self) -> FilePath:
        """What relative paths in the file are relative to."""
        return FilePath(self.document.name).parent if os.path.exists(self.document.name) else FilePath()

    def make_layers(self) -> list[Layer]:
        """New layers, named as a model would name them."""
        layers: list[Layer] = []
        for entry in self.layers:
            layer = _made(Layer, entry)
            if layer.name is None:
                layer.name = free_name(snake_case(layer.spec_name), [other.name for other in layers])
            layers.append(layer)
        return layers

    def stated_input_shape(self) -> Shape | None:
        """The input shape that the first layer states, if it does."""
        layers = self.make_layers()[:1]
        return layers[0].stated_input_shape() if layers else None

    def build_model(self, input_shape: Shape | None = None, *, threads: int | None = None) -> Sequential:
        """The model, compiled where the file says how; built when its input shape is known.

        input_shape: of one row; default: what the first layer states, else that of the data, which are then loaded.
        Raises SpecError for shapes that do not fit, DataError.
        """
        model = Sequential(self.make_layers(), name=self.name, seed=self.seed)
        shape = input_shape or self.stated_input_shape()
        if shape is None and self.data is not None:
            shape = self.load_data().input_shape
        if shape is None:
            self.refuse(
                [Problem(("model",), "the input shape is unknown", "begin the model with Input: {shape: [...]}")]
            )
        problems = trace_problems(model._layers, shape)
        if problems:
            self.refuse(problems)
        if self.optimizer is not None or self.loss is not None:
            model.compile(self.optimizer or "rmsprop", self.loss, metrics=self.metrics, threads=threads)
        model.build((None, *shape))
        return model

    def load_data(self) -> Data:
        """The data, divided as the file says. Raises DataError, SpecError where there is no data section."""
        if self.data is None:
            self.refuse(
                [Problem(("data",), "there is no data section", "add data: {dataset: iris}, or another source")]
            )
        given = self.data.dataset or self.data.source
        data = given.load() if isinstance(given, Dataset) else given.load(self.folder)  # type: ignore[union-attr]
        return divide(data, self.data, self.seed)

    def fit_options(self) -> FitOptions:
        """The training section as the trainer takes it."""
        names = [name for name in FitOptions.__dataclass_fields__ if hasattr(self.training, name)]
        return FitOptions(**{name: getattr(self.training, name) for name in names})

    def resolved(self) -> dict[str, Any]:
        """The file with every default filled in; itself a valid file that means the same."""
        plain: dict[str, Any] = {"name": self.name, "seed": self.seed}
        if self.data is not None:
            plain["data"] = _plain_data(self.data, self.folder)
        if self.layers:
            plain["model"] = [layer.to_spec(full=True) for layer in self.make_layers()]
        for key, base, value in (("optimizer", Optimizer, self.optimizer), ("loss", Loss, self.loss)):
            if value is not None:
                plain[key] = _made(base, value).to_spec(full=True)
        plain["metrics"] = [m if isinstance(m, str) else _made(Metric, m).to_spec(full=True) for m in self.metrics]
        plain["training"] = self.training.get_config()
        plain["callbacks"] = [callback.to_spec(full=True) for callback in self.callbacks]
        return plain

    def refuse(self, problems: Sequence[Problem]) -> NoReturn:
        """Raise a SpecError that shows the problems in the file."""
        raise SpecError(render_problems(problems, self.document), problems)


def load_spec(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> RunSpec:
    """The checked file. Raises SpecError that shows everything wrong with it, with places."""
    document = apply_overrides(read_document(path), overrides)
    problems: list[Problem] = []
    spec = check_document(document, problems)
    if problems:
        raise SpecError(render_problems(problems, document), problems)
    return spec


def check_document(document: Document, problems: list[Problem]) -> RunSpec:
    """What the document says; appends everything that is wrong. Sections with problems are left out."""
    given = document.data
    for key in given:
        if key not in KEYS:
            problems.append(Problem((key,), f"there is no section {key!r}", _misplaced(str(key), KEYS), on_key=True))
    default = FilePath(document.name).stem if document.name and not document.name.startswith("<") else "run"
    spec = RunSpec(document, default)
    if "name" in given:
        spec.name = _name(given["name"], problems) or spec.name
    if "seed" in given:
        seed = _SEED.check(given["seed"], ("seed",), problems)
        spec.seed = 0 if seed is INVALID else seed
    if given.get("data") is not None:
        spec.data = _section(DataSection, _source_named(given["data"], problems), "data", problems)
    if given.get("training") is not None:
        spec.training = _section(TrainingSection, given["training"], "training", problems) or spec.training
    spec.layers = _layers(given.get("model"), "model" in given, problems)
    for key, base in (("optimizer", Optimizer), ("loss", Loss)):
        if given.get(key) is not None and make(base, given[key], (key,), problems) is not INVALID:
            setattr(spec, key, given[key])
    spec.metrics = _list(Metric, given.get("metrics"), "metrics", problems)
    spec.callback_entries = _list(Callback, given.get("callbacks"), "callbacks", problems)
    return spec


def trace_problems(layers: Sequence[Layer], shape: Shape) -> list[Problem]:
    """Where the shapes do not fit."""
    try:
        trace(layers, shape)
    except LayerShapeError as error:
        return [Problem(("model", error.index), str(error))]
    return []


def divide(data: Data, section: DataSection, seed: int) -> Data:
    """Data with the validation and test parts that the section asks for. Raises DataError."""
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x5714,)))
    if section.test_split and data.test is None:
        stays, held = _held(data, section.test_split, section, stream, "test_split")
        data.train, data.test = data.train.take(stays), data.train.take(held)
    if section.validation_split and data.validation is None:
        stays, held = _held(data, section.validation_split, section, stream, "validation_split")
        data.train, data.validation = data.train.take(stays), data.train.take(held)
    if section.one_hot:
        count = data.num_classes
        if count is None:
            raise DataError("data.one_hot needs integer class labels, and the labels of this data are none")
        for split in data.splits.values():
            if split.y is not None and split.y.ndim == 1:
                split.y = to_categorical(split.y, count)
    return data


def _held(data: Data, share: float, section: DataSection, stream: np.random.Generator, what: str) -> Any:
    rows: Split = data.train
    if not section.validation_shuffle:
        return tail_rows(len(rows), share, what)
    labels = None
    if section.stratify is not False and data.num_classes is not None and rows.y is not None:
        labels = rows.y if rows.y.ndim == 1 else np.argmax(rows.y, axis=-1) if rows.y.ndim == 2 else None
    if section.stratify and labels is None:
        raise DataError("data.stratify needs class labels, and the labels of this data are none")
    return split_rows(len(rows), share, stream, labels, what)


# -- sections -------------------------------------------------------------------------------------------------------


def _made(base: type[C], entry: Any) -> C:
    """A component from an entry that has been checked already."""
    problems: list[Problem] = []
    made = make(base, entry, (), problems)
    if problems:
        raise SpecError("; ".join(str(problem) for problem in problems), problems)
    return made


def _name(value: Any, problems: list[Problem]) -> str | None:
    name = TEXT.check(value, ("name",), problems)
    if name is INVALID:
        return None
    if not name.strip() or name in (".", "..") or any(c in '/\\:*?"<>|' or ord(c) < 32 for c in name):
        problems.append(
            Problem(("name",), f"name must do as a folder's name, got {name!r}", 'avoid / \\ : * ? " < > |')
        )
        return None
    return str(name)


def _source_named(given: Any, problems: list[Problem]) -> Any:
    """`npz: data.npz` or `npz: {path: data.npz}` as the option `source`, keeping the name in the path of problems."""
    if not isinstance(given, Mapping):
        return given
    plain = {}
    sources = {cls.spec_name: cls for cls in components("source")}
    for key, value in given.items():
        if key == "source":
            names = ", ".join(sources)
            problems.append(
                Problem(("data", key), "data has no option 'source'", f"name the kind: {names}", on_key=True)
            )
        elif key in sources:
            first = next(iter(options_of(sources[key])))
            options = {first: value} if isinstance(value, str) else value
            made = make(Source, {key: options}, ("data",), problems)
            if "source" in plain:
                problems.append(Problem(("data", key), "data names two sources; keep one", on_key=True))
            plain["source"] = made
        else:
            plain[key] = value
    return plain


def _section(cls: type[Any], given: Any, key: str, problems: list[Problem]) -> Any:
    if not isinstance(given, Mapping):
        example = next(iter(options_of(cls)))
        hint = f"write {key}: {{{example}: ...}}"
        if cls is DataSection and isinstance(given, str):
            hint = f"write data: {{dataset: {given}}}"
        problems.append(Problem((key,), f"{key} must be a mapping of options", hint))
        return None
    before = len(problems)
    invalid = any(value is INVALID for value in given.values())
    found: list[Problem] = []
    values = check_options(cls, {k: v for k, v in given.items() if v is not INVALID}, (key,), found)
    problems.extend(_section_words(problem, key, cls) for problem in found if not (invalid and problem.path == (key,)))
    if len(problems) > before or invalid:
        return None
    section = object.__new__(cls)
    section.__dict__.update(values)
    return section


def _section_words(problem: Problem, key: str, cls: type[Section]) -> Problem:
    """The same problem, speaking of the section by its key instead of its class."""
    message = problem.message.replace(cls.__name__, key)
    hint = problem.hint
    if problem.on_key and len(problem.path) == 2:
        known = [*options_of(cls), *(c.spec_name for c in components("source"))] if key == "data" else options_of(cls)
        hint = _misplaced(str(problem.path[-1]), [name for name in known if name != "source"], within=key)
    return Problem(problem.path, message, hint, problem.on_key)


def _misplaced(name: str, known: Any, within: str = "") -> str:
    """Where an unknown key belongs, or the nearest known one."""
    for key, cls in (("data", DataSection), ("training", TrainingSection)):
        if key != within and name in options_of(cls):
            return f"{name} belongs under {key}"
    if within and name in KEYS:
        return f"{name} belongs at the top of the file, not under {within}"
    return suggestion(name, known, limit=20)


def _layers(given: Any, present: bool, problems: list[Problem]) -> list[Any]:
    if given is None or given == []:
        hint = "list the layers: model: [Flatten, Dense: {units: 10}]"
        problems.append(
            Problem(("model",), "the model has no layers" if present else "there is no model section", hint)
        )
        return []
    if not isinstance(given, list):
        hint = "begin each layer with a dash: - Dense: {units: 64}"
        problems.append(Problem(("model",), "model must be a list of layers", hint))
        return []
    before = len(problems)
    layers = [make(Layer, entry, ("model", index), problems) for index, entry in enumerate(given)]
    seen: dict[str, int] = {}
    for index, layer in enumerate(layers):
        if layer is INVALID:
            continue
        if isinstance(layer, Input) and index:
            problems.append(Problem(("model", index), "an Input can only be the first entry of the model"))
        if layer.name is not None and layer.name in seen:
            message = (
                f"two layers are named {layer.name!r}: entries {seen[layer.name] + 1} and {index + 1} of the model"
            )
            problems.append(Problem(("model", index), message))
        if layer.name is not None:
            seen.setdefault(layer.name, index)
    if all(isinstance(layer, Input) for layer in layers):
        problems.append(Problem(("model",), "the model has no layers besides Input"))
    return list(given) if len(problems) == before else []


def _list(base: type[C], given: Any, key: str, problems: list[Problem]) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        entry = given if isinstance(given, str) else "..."
        problems.append(Problem((key,), f"{key} must be a list", f"write {key}: [{entry}]"))
        return []
    before = len(problems)
    for index, entry in enumerate(given):
        make(base, entry, (key, index), problems)
    return list(given) if len(problems) == before else []


def _plain_data(section: DataSection, folder: FilePath) -> dict[str, Any]:
    plain = section.get_config()
    source = plain.pop("source")
    if source is None:
        return plain
    plain.pop("dataset")
    name, options = next(iter(source.items())) if isinstance(source, dict) else (source, {})
    path = options.get("path")
    if path is not None and not os.path.isabs(path):
        options = {**options, "path": str((folder / path).resolve())}
    return {name: options, **plain}
