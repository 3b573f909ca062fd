"""`seqnet check`: everything that is wrong or suspicious about a file, at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seqnet.arrays import Shape
from seqnet.datasets.base import Data
from seqnet.errors import Problem, SeqnetError, SpecError
from seqnet.models.summary import SummaryTable, summarize
from seqnet.network.parameters import InitializerError
from seqnet.plugins.loading import fault_of
from seqnet.spec.division import PlacedDataError
from seqnet.spec.lint import data_path, lint
from seqnet.spec.overrides import apply_overrides
from seqnet.spec.reader import Document, read_document
from seqnet.spec.run import RunSpec, check_document
from seqnet.spec.sections import NEEDED

# So many can be drawn in no time, to see whether every initializer can make its weight.
FEW_PARAMETERS = 1_000_000


@dataclass
class CheckResult:
    """What was found. document: None where the file can't be read; `unreadable` then says why."""

    document: Document | None
    problems: list[Problem] = field(default_factory=list)
    summary: SummaryTable | None = None
    unreadable: SpecError | None = None
    spec: RunSpec | None = None
    data: Data | None = None

    @property
    def errors(self) -> int:
        if self.unreadable is not None:
            return max(1, sum(not problem.warning for problem in self.unreadable.problems))
        return sum(not problem.warning for problem in self.problems)

    @property
    def warnings(self) -> int:
        return sum(problem.warning for problem in self.problems)


def check_file(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    *,
    with_data: bool = True,
    plugins: Sequence[str] = (),
    trust_plugins: bool | None = None,
) -> CheckResult:
    """Check a file as far as it goes; never raises for what is wrong with it, or with the plugins that it names.

    plugins, trust_plugins: as load_spec takes them. Raises UsageError where one of these is no file, or a stranger's.
    """
    try:
        document = apply_overrides(read_document(path), overrides)
    except SpecError as error:
        return CheckResult(None, unreadable=error)
    return check_parsed(document, with_data=with_data, plugins=plugins, trust_plugins=trust_plugins)


def check_parsed(
    document: Document,
    *,
    with_data: bool = True,
    plugins: Sequence[str] = (),
    trust_plugins: bool | None = None,
) -> CheckResult:
    """The same for a file that is read already, or not written yet."""
    problems: list[Problem] = []
    result = CheckResult(document, problems)
    try:
        _check(result, document, plugins, trust_plugins, with_data)
    except Exception as error:
        fault = fault_of(error)
        if fault is None or isinstance(error, SeqnetError):
            raise
        problems.append(fault)
    return result


def _check(
    result: CheckResult, document: Document, plugins: Sequence[str], trust_plugins: bool | None, with_data: bool
) -> None:
    result.spec = check_document(document, result.problems, plugins=plugins, trust_plugins=trust_plugins)
    for key, hint in NEEDED.items():
        if document.data.get(key) is None:
            message = f"there is no {key} section, so this file can be summarized but not trained"
            result.problems.append(Problem((), message, hint, warning=True))
    if not result.errors:
        with np.errstate(all="ignore"):  # extreme options are for the lint to judge
            check_run(result, with_data=with_data)


def check_run(result: CheckResult, *, with_data: bool = True) -> None:
    """The static lint of a file without errors; adds problems, the data, and the summary."""
    spec = result.spec
    assert spec is not None
    if with_data and spec.unfetched is not None:  # a look at a file is no reason to fetch 160 MB
        message = f"the data of {spec.unfetched.spec_name} are not on this machine yet, so they are not looked at"
        hint = f"seqnet data fetch {spec.unfetched.spec_name} fetches them; seqnet train does so by itself"
        result.problems.append(Problem(data_path(spec), message, hint, warning=True))
    elif with_data and spec.data is not None:
        try:
            result.data = spec.load_data()
        except PlacedDataError as error:
            result.problems.extend(error.problems)
        except SeqnetError as error:
            result.problems.append(Problem(data_path(spec), str(error)))
    result.problems.extend(lint(spec, result.data))
    shape = result.data.input_shape if result.data is not None else spec.stated_input_shape()
    known = result.data is not None or shape is None or spec.knows_widths(shape)
    if not result.errors and shape is not None and known:
        _build(result, spec, shape)


def _build(result: CheckResult, spec: RunSpec, shape: Shape) -> None:
    """The model, for its summary, and what only building it shows."""
    try:
        model = spec.build_model(shape, initialize=False)
    except SpecError as error:
        result.problems.extend(error.problems)
        return
    parameters = model.network.parameters
    if model.count_params() <= FEW_PARAMETERS:
        try:
            parameters.initialize(np.random.default_rng(0))
        except InitializerError as error:
            result.problems.append(spec.initializer_problem(model, error))
            return
    result.summary = summarize(model, batch_size=spec.training.batch_size)
