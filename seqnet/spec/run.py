"""What a file says, checked: the RunSpec, from which models are built and data are loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, NoReturn, TypeVar

from seqnet.arrays import Shape
from seqnet.checkers import INVALID, TEXT, Number, show, written
from seqnet.datasets.base import Data, Dataset, Source
from seqnet.datasets.preparation import Preparation
from seqnet.declare import C, check_options, make, options_of
from seqnet.errors import Path, Problem, SeqnetError, SpecError, UsageError, cause_of
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.models.saving import put_states, take_states
from seqnet.models.sequential import Sequential
from seqnet.network.front import adapt_front, leading
from seqnet.network.network import LayerShapeError, common_dtype, trace
from seqnet.network.parameters import InitializerError
from seqnet.optimizers.base import Optimizer
from seqnet.plugins.files import PluginFile
from seqnet.plugins.trial import shape_faults, trials
from seqnet.registry import components, is_known, snake_case
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.division import Division, Parts
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.placing import elsewhere, key_hint, option_path, split_hint
from seqnet.spec.plugins import load_plugins, without_consequences
from seqnet.spec.reader import Document, read_document
from seqnet.spec.sections import KEYS, NEEDED, RESOLVED, SAMPLE_WEIGHT, DataSection, Section, TrainingSection
from seqnet.training.callbacks import Callback
from seqnet.training.trainer import FitOptions

_SEED = Number(whole=True, ge=0)
_FORBIDDEN = '/\\:*?"<>|'
S = TypeVar("S", bound=Section)


@dataclass
class RunSpec:
    """A checked file. What it leaves out is None or empty."""

    document: Document
    name: str
    seed: int = 0
    data: DataSection | None = None
    layers: list[Any] = field(default_factory=list)  # as written; every build makes layers of its own
    checked_layers: list[Layer] = field(default_factory=list)  # made to check them; only to be looked at
    optimizer: Any = None
    loss: Any = None
    metrics: list[Any] = field(default_factory=list)
    training: TrainingSection = field(default_factory=TrainingSection)
    callback_entries: list[Any] = field(default_factory=list)
    overrides: tuple[str, ...] = ()  # as the command line gave them
    adapted: dict[str, Any] = field(default_factory=dict)  # what layers in front learned, by their names
    plugins: list[PluginFile] = field(default_factory=list)  # of the file and of the command line; they have been run

    @property
    def callbacks(self) -> list[Callback]:
        """New callbacks, as the file lists them."""
        return [_made(Callback, entry) for entry in self.callback_entries]

    @property
    def folder(self) -> FilePath:
        """What relative paths in the file are relative to."""
        return _folder_of(self.document)

    def make_layers(self) -> list[Layer]:
        """New layers, named as a model would name them."""
        layers = [_made(Layer, entry) for entry in self.layers]
        name_layers(layers)
        for layer in layers:
            layer.place_files(self.folder)
        put_states(layers, self.adapted)
        return layers

    def adapt(self, data: Data) -> None:
        """Let the layers in front that still have to (TextVectorization) learn from the training rows.

        Layers that are made later know what they learned. Raises SpecError with the layer's place.
        """
        layers = self.checked_layers
        front = layers[: leading(layers)]
        for index in range(len(front)):
            try:
                layers[index].state()  # reads the file of a vocabulary
                adapt_front(layers[: index + 1], data.train.x, common_dtype(layers))
            except SeqnetError as error:
                path = self.layer_path(index, "vocabulary")
                self.refuse([Problem(path, *split_hint(f"layer {index} ({layers[index].name}): {error}"))])
        self.adapted = take_states(front)

    def know(self, states: Mapping[str, Any]) -> None:
        """Let the layers know what those of an earlier run learned, by their names. Raises CheckpointError."""
        put_states(self.checked_layers, states)
        self.adapted = dict(states)

    def knows_widths(self, shape: Shape) -> bool:
        """Whether the layers in front can say what they make of rows of a shape, before they have seen any."""
        try:
            trace(self.checked_layers[: leading(self.checked_layers)], shape)
        except LayerShapeError:
            return False
        return True

    def stated_input_shape(self) -> Shape | None:
        """The input shape that the first layer states, if it does, or of a data set that is still to be fetched."""
        stated = self.checked_layers[0].stated_input_shape() if self.checked_layers else None
        dataset = self.unfetched
        return dataset.known_shape if stated is None and dataset is not None else stated

    @property
    def unfetched(self) -> Dataset | None:
        """The data set of the file, where it is one whose files are not all on this machine."""
        dataset = self.data.dataset if self.data is not None else None
        return dataset if dataset is not None and dataset.missing else None

    def build_model(
        self, input_shape: Shape | None = None, *, threads: int | None = None, initialize: bool = True
    ) -> Sequential:
        """The model, built, and compiled where the file says how.

        input_shape: of one row; default: what the first layer states, else that of the data, which are then loaded.
        initialize: draw the weights; without them the model is good for its summary alone, and made in no time.
        Raises SpecError for shapes that do not fit, DataError.
        """
        shape = input_shape if input_shape is not None else self.stated_input_shape()
        if self.data is not None and (shape is None or not self.knows_widths(shape)):
            data = self.load_data()
            self.adapt(data)
            shape = data.input_shape
        model = Sequential(self.make_layers(), name=self.name, seed=self.seed)
        if shape is None:
            hint = "begin the model with Input: {shape: [4]}, the shape of one row, or add a data section"
            self.refuse([Problem(("model",), "the input shape is unknown", hint)])
        problems = self.shape_problems(model._layers, shape)
        if problems:
            self.refuse(problems)
        if self.optimizer is not None or self.loss is not None:
            model.compile(self.optimizer or "rmsprop", self.loss, metrics=self.metrics, threads=threads)
        model._initialize = initialize
        try:
            model.build((None, *shape))
        except InitializerError as error:
            self.refuse([self.initializer_problem(model, error)])
        if self.optimizer is not None:
            self._check_names(model)
        faults = list(trials(model.network)) if self.plugins else []
        if faults:
            self.refuse(faults)
        return model

    def divisible(self) -> Division:
        """The data, read but not divided yet. Raises DataError; SpecError without a data section."""
        if self.data is None:
            self.refuse([Problem((), "there is no data section", NEEDED["data"])])
        return Division(self.data, self.folder, self.document)

    def load_data(
        self, division: Division | None = None, parts: Parts | None = None, fitted: Preparation | None = None
    ) -> Data:
        """The data, checked and divided as the file says. Raises DataError; SpecError without a data section.

        division: where they are read already. parts: the row numbers of each split, where they are known. fitted:
        what prepares the rows, where a run has fitted that already.
        """
        division = division or self.divisible()
        data = division.take(division.parts(self.seed) if parts is None else parts, fitted)
        if self.training.weighted_sampling == SAMPLE_WEIGHT:  # then they say how often rows are drawn, and no more
            for name, split in data.splits.items():
                setattr(data, name, replace(split, sampling_weight=split.sample_weight, sample_weight=None))
        return data

    def _check_names(self, model: Sequential) -> None:
        """Refuse options of the optimizer that name variables which are not there."""
        try:
            _made(Optimizer, self.optimizer).check_names([s.name for s in model.network.parameters.segments])
        except UsageError as error:
            place = option_path(("optimizer",), self.optimizer, str(error).partition(":")[0])
            self.refuse([Problem(place, *split_hint(str(error)))])

    def initializer_problem(self, model: Sequential, error: InitializerError) -> Problem:
        """The same, at the option that names the initializer."""
        name, _, inner = error.path.partition("/")
        index = next(i for i, layer in enumerate(model._layers) if layer.name == name)
        place = self.layer_path(index, f"{inner}_initializer", f"{inner}s_initializer")
        return Problem(place, *split_hint(f"layer {index} ({name}, {model._layers[index].spec_name}): {error}"))

    def shape_problems(self, layers: Sequence[Layer], shape: Shape) -> list[Problem]:
        """Where the shapes do not fit when rows of `shape` go through the layers of this file."""
        faults = list(shape_faults(layers, shape)) if self.plugins else []
        if faults:
            return faults
        try:
            trace(layers, shape)
        except LayerShapeError as error:
            return [Problem(self.layer_path(error.index, "shape"), *split_hint(str(error)))]
        return []

    def layer_path(self, index: int, *options: str) -> Path:
        """The place of the first of these options that a layer's entry gives, else of the entry."""
        return option_path(("model", index), self.layers[index], *options)

    def fit_options(self) -> FitOptions:
        """The training section as the trainer takes it."""
        names = [name for name in FitOptions.__dataclass_fields__ if hasattr(self.training, name)]
        return FitOptions(**{name: getattr(self.training, name) for name in names})

    def resolved(self) -> dict[str, Any]:
        """The file with every default filled in; itself a valid file that means the same."""
        plain: dict[str, Any] = {"name": self.name, "seed": self.seed}
        if self.plugins:
            plain["plugins"] = [str((file.origin or FilePath(file.path)).absolute()) for file in self.plugins]
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

    def require(self, purpose: str, *sections: str) -> None:
        """Raise SpecError unless the file has these sections, of those that it can do without."""
        missing = [key for key in sections if getattr(self, key) is None]
        if missing:
            told = f"{purpose} needs {{0}}, and this file has no {{0}} section"
            self.refuse([Problem((), told.format(key), NEEDED[key]) for key in missing])

    def refuse(self, problems: Sequence[Problem]) -> NoReturn:
        """Raise a SpecError that shows the problems in the file."""
        raise SpecError(render_problems(problems, self.document), problems) from cause_of(problems)


def load_spec(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    *,
    plugins: Sequence[str | os.PathLike[str]] = (),
    trust_plugins: bool | None = None,
) -> RunSpec:
    """The checked file. Raises SpecError that shows everything wrong with it, with places.

    The Python files that it names under `plugins` are run, and those that `plugins` adds: who names a file means what
    it says. trust_plugins: False runs the file's own only if they were used here before, and raises UsageError
    otherwise; default: that for the resolved.yaml of a run folder, which others may have made.
    """
    document = apply_overrides(read_document(path), overrides)
    problems: list[Problem] = []
    spec = check_document(document, problems, plugins=plugins, trust_plugins=trust_plugins)
    if problems:
        raise SpecError(render_problems(problems, document), problems) from cause_of(problems)
    spec.overrides = tuple(overrides)
    return spec


def check_document(
    document: Document,
    problems: list[Problem],
    *,
    plugins: Sequence[str | os.PathLike[str]] = (),
    trust_plugins: bool | None = None,
) -> RunSpec:
    """What the document says; appends everything that is wrong. Sections with problems are left out."""
    given, before = document.data, len(problems)
    trusted = FilePath(document.name).name != RESOLVED if trust_plugins is None else trust_plugins
    folder, owner = _folder_of(document), document.name
    loaded = load_plugins(given.get("plugins"), folder, plugins, problems, owner=owner, trusted=trusted)
    unloaded = len(problems) > before
    for key in given:
        if key not in KEYS:
            hint = key_hint(str(key), given[key], given)
            problems.append(Problem((key,), f"there is no section {show(key)}", hint, on_key=True))
    spec = RunSpec(document, _name_of_file(document.name), plugins=loaded)
    if "name" in given:
        spec.name = _name(given["name"], problems) or spec.name
    if "seed" in given:
        seed = _SEED.check(given["seed"], ("seed",), problems)
        spec.seed = 0 if seed is INVALID else seed
    if given.get("data") is not None:
        spec.data = _data(given["data"], given, problems)
    if given.get("training") is not None:
        training = _section(TrainingSection, "training", given["training"], given, problems)
        spec.training = training or spec.training
    renamed = any(problem.hint == "did you mean model?" for problem in problems)  # it is there, under another name
    if "model" in given or not renamed:
        spec.checked_layers = _layers(given.get("model"), "model" in given, problems)
        spec.layers = list(given["model"]) if spec.checked_layers else []
        name_layers(spec.checked_layers)
        for layer in spec.checked_layers:
            layer.place_files(spec.folder)
    for key, base in (("optimizer", Optimizer), ("loss", Loss)):
        if given.get(key) is not None and make(base, given[key], (key,), problems) is not INVALID:
            setattr(spec, key, given[key])
    spec.metrics = _list(Metric, given.get("metrics"), "metrics", problems)
    spec.callback_entries = _list(Callback, given.get("callbacks"), "callbacks", problems)
    found = [_told_where(problem) for problem in problems[before:]]
    problems[before:] = without_consequences(found) if unloaded else found
    return spec


# -- sections -------------------------------------------------------------------------------------------------------


def name_layers(layers: Sequence[Layer]) -> None:
    """Give the layers without a name the first free of dense, dense_1, …, as Keras numbers them."""
    taken = {layer.name for layer in layers}
    numbers: dict[str, int] = {}
    for layer in layers:
        if layer.name is not None:
            continue
        stem = snake_case(layer.spec_name)
        number = numbers.get(stem, 0)
        while (name := f"{stem}_{number}" if number else stem) in taken:
            number += 1
        layer.name = name
        numbers[stem] = number + 1


def _folder_of(document: Document) -> FilePath:
    return FilePath(document.name).parent if os.path.exists(document.name) else FilePath()


def _made(base: type[C], entry: Any) -> C:
    """A component from an entry that has been checked already."""
    problems: list[Problem] = []
    made = make(base, entry, (), problems)
    if problems:
        raise SpecError("; ".join(str(problem) for problem in problems), problems)
    return made


def _name_of_file(path: str) -> str:
    """The stem of a file's name, made fit for a folder."""
    if not path or path.startswith("<"):
        return "run"
    fit = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in FilePath(path).stem)
    return fit.strip(" .-").encode()[:100].decode(errors="ignore").strip() or "run"


def _name(value: Any, problems: list[Problem]) -> str | None:
    name = TEXT.check(value, ("name",), problems)
    if name is INVALID:
        return None
    hint = ""
    if not name.strip() or name in (".", ".."):
        hint = "use letters and digits"
    elif any(c in _FORBIDDEN or not c.isprintable() for c in name):
        hint = f"avoid {' '.join(_FORBIDDEN)} and signs that can't be seen"
    elif name != name.strip() or name.startswith("-") or name.endswith("."):
        hint = "begin and end it with a letter or a digit"
    elif len(name.encode("utf-8", "surrogatepass")) > 100:
        hint = "use at most 100 characters"
    if hint:
        problems.append(Problem(("name",), f"name must do as the name of a folder, got {show(name)}", hint))
        return None
    return str(name)


def _data(given: Any, whole: Mapping[Any, Any], problems: list[Problem]) -> DataSection | None:
    """The data section, in which a source stands under its own name: `npz: data.npz` or `npz: {path: data.npz}`."""
    if not isinstance(given, Mapping):
        return _section(DataSection, "data", given, whole, problems)
    sources = {cls.spec_name: cls for cls in components("source")}
    plain: dict[Any, Any] = {key: value for key, value in given.items() if key not in sources and key != "source"}
    if "source" in given:
        hint = f"name the kind of the files: {', '.join(sources)}"
        problems.append(Problem(("data", "source"), "data has no option 'source'", hint, on_key=True))
    named = [key for key in given if key in sources]
    for key in named[1:]:
        message = f"data names two sources, {named[0]} and {key}"
        problems.append(Problem(("data", key), message, "keep one of them", on_key=True))
    for key in named:
        value = given[key]
        options = {next(iter(options_of(sources[key]))): value} if isinstance(value, str) else value
        plain["source"] = make(Source, {key: options}, ("data",), problems)
    return _section(DataSection, "data", plain, whole, problems)


def _section(cls: type[S], key: str, given: Any, whole: Mapping[Any, Any], problems: list[Problem]) -> S | None:
    if not isinstance(given, Mapping):
        problems.append(
            Problem((key,), f"{key} must be a mapping of options, got {show(given)}", _as_section(key, given))
        )
        return None
    refused = any(value is INVALID for value in given.values())
    found: list[Problem] = []
    values = check_options(cls, {k: v for k, v in given.items() if v is not INVALID}, (key,), found)
    for problem in found:
        message, hint = problem.message.replace(f"{cls.__name__}: ", "").replace(cls.__name__, key), problem.hint
        if problem.on_key and len(problem.path) == 2:
            name = problem.path[-1]
            hint = key_hint(str(name), given[name], whole, within=key)
        elif refused and not problem.on_key and problem.path == (key,):
            continue  # nothing names rows, but only because what names them is wrong, which has been said
        elif not hint:
            message, hint = split_hint(message)
        problems.append(Problem(problem.path, message, hint, problem.on_key))
    if found or refused:
        return None
    section = object.__new__(cls)
    section.__dict__.update(values)
    return section


def _as_section(key: str, given: Any) -> str:
    """How a section that is no mapping is to be written."""
    if key == "data":
        known = isinstance(given, str) and is_known("dataset", given)
        return f"write data: {{dataset: {given if known else 'iris'}}}"
    whole = isinstance(given, int) and not isinstance(given, bool)
    return f"write training: {{epochs: {given if whole else 5}}}"


def _layers(given: Any, present: bool, problems: list[Problem]) -> list[Layer]:
    if given is None or given == [] or given == {}:
        hint = "list the layers: model: [Flatten, Dense: {units: 10}]"
        place, message = (("model",), "the model has no layers") if present else ((), "there is no model section")
        problems.append(Problem(place, message, hint))
        return []
    if not isinstance(given, list):
        hint = "begin each layer with a dash: - Dense: {units: 64}"
        if isinstance(given, Mapping) and len(given) == 1 and isinstance(next(iter(given.values())), list):
            hint = f"put the layers directly under model, without {next(iter(given))}"
        problems.append(Problem(("model",), f"model must be a list of layers, got {show(given)}", hint))
        return []
    before = len(problems)
    layers = [make(Layer, entry, ("model", index), problems) for index, entry in enumerate(given)]
    seen: dict[str, int] = {}
    for index, layer in enumerate(layers):
        if layer is INVALID:
            continue
        if isinstance(layer, Input) and index:
            problems.append(_beside(index, "an Input can only be the first entry of the model", "move it to the top"))
        if layer.name is not None:
            first = seen.setdefault(layer.name, index)
            if first != index:
                message = f"layers {first} and {index} are both named {layer.name!r}"
                problems.append(_beside(index, message, "give one another name, or none"))
    if all(isinstance(layer, Input) for layer in layers):
        problems.append(Problem(("model",), "the model has no layers besides Input", "add one: - Dense: {units: 10}"))
    return layers if len(problems) == before else []


def _beside(index: int, message: str, hint: str) -> Problem:
    return Problem(("model", index), message, hint)


def _list(base: type[C], given: Any, key: str, problems: list[Problem]) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        hint = f"write {key}: [{written(given)}]"
        if isinstance(given, Mapping) and all(is_known(base.kind, str(name)) for name in given):
            entries = [str(name) if item in (None, True) else written({name: item}) for name, item in given.items()]
            hint = f"write {key}: [{', '.join(entries)}]"
        problems.append(Problem((key,), f"{key} must be a list, got {show(given)}", hint))
        return []
    before = len(problems)
    for index, entry in enumerate(given):
        make(base, entry, (key, index), problems)
    return list(given) if len(problems) == before else []


def _told_where(problem: Problem) -> Problem:
    """An unknown option of a component that has its place elsewhere in the file says so."""
    if problem.on_key and problem.hint.startswith(("known: ", "it has no options")) and "no option" in problem.message:
        place = elsewhere(str(problem.path[-1]))
        return replace(problem, hint=place) if place else problem
    return problem


def _plain_data(section: DataSection, folder: FilePath) -> dict[str, Any]:
    plain = section.get_config()
    source = plain.pop("source")
    if source is None:
        return plain
    plain.pop("dataset")
    name, options = next(iter(source.items())) if isinstance(source, dict) else (source, {})
    options = dict(options)
    paths = type(section.source).paths if section.source is not None else ()
    named = [(options, key) for key in paths] + [(plain, "validation_file"), (plain, "test_file")]
    for given, key in named:
        if given.get(key) is not None:
            given[key] = str((folder / FilePath(given[key]).expanduser()).resolve())
    return {name: options, **plain}
