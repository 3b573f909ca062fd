"""A series of numbers in a csv file, cut into windows: so many steps to look back on, so many to forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seqnet.checkers import TEXT, Either, PathText, PositiveInt, Tuple
from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.csv_format import Format
from seqnet.datasets.labels import Array
from seqnet.datasets.lazy import LazyRows, as_rows
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import existing_file
from seqnet.datasets.seriesfile import Steps, filled, read_steps
from seqnet.datasets.table import Table, listed
from seqnet.declare import option
from seqnet.errors import CheckpointError, DataError
from seqnet.registry import register

STEP = "\0step"  # the column of step numbers, by a name that no file has
Names = Annotated[Any, Either((TEXT, Tuple(TEXT, minimum=1)))]
Scaling = Literal["standardize", "minmax", "none"]
Missing = Literal["error", "interpolate", "forward"]
FORMAT = ("encoding", "delimiter", "decimal")  # what may be stated of how a file is written


@register(name="series")
class Series(Source):
    """Columns of numbers in a csv file, a row a step in time, as windows that a network forecasts from.

    x (N, lookback, columns) float32: the steps up to now; y (N, horizon): the target in the steps to come, with
    several targets (N, horizon, targets), or (N, targets) where horizon is 1. The steps are divided in order of time,
    the last for testing, before windows are made, so that no two parts share a step. Columns are scaled by what the
    training steps are like; losses and metrics are those of scaled targets, predictions come in the file's units.
    """

    path: PathText = option("the csv or tsv file, with a header", example="co2.csv")
    target: Names | None = option("the column to forecast, or a list; null: the columns looked at", default=None)
    columns: Names | None = option(
        "the columns to look at; null: the target, or where none is named all columns of numbers", default=None
    )
    time: str | None = option(
        "the column of dates or numbers that rows are in the order of; null: every row is a step after the one before",
        default=None,
    )
    lookback: PositiveInt = option("steps that a forecast is made from", example=24)
    horizon: PositiveInt = option("steps that are forecast", default=1)
    stride: PositiveInt = option("steps from the beginning of a window to that of the next", default=1)
    scaling: Scaling = option(
        "standardize: (x - mean) / standard deviation; minmax: (x - min) / (max - min); of the training steps",
        default="standardize",
    )
    missing: Missing = option(
        "where a value or a step is missing: end; put it on the line between its neighbours; or repeat the last one",
        default="error",
    )
    delimiter: str | None = option("the sign between cells; null: found out", default=None)
    decimal: Literal[".", ","] | None = option("the decimal mark; null: found out", default=None)
    encoding: str | None = option(
        "how the file writes characters as bytes; null: utf-8 or as its mark says", default=None
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        delimiter = values["delimiter"]
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
            yield "delimiter", f"delimiter must be one sign that parts cells, such as ';', got {delimiter!r}"
        elif delimiter is not None and delimiter == values["decimal"]:
            yield "decimal", f"delimiter and decimal can't both be {delimiter!r}"

    def load(self, base: Path) -> Data:
        """Read the columns. Raises DataError with line and column."""
        path = existing_file(self.path, base, "series")
        target = listed(self.target)
        form = Format(encoding=self.encoding, delimiter=self.delimiter, decimal=self.decimal)
        steps = read_steps(path, listed(self.columns) or target, target, self.time, form)
        if self.missing == "error":
            steps.require_complete(path)
        count = len(steps)
        least = self.lookback + self.horizon
        if count < least:
            raise DataError(
                f"{path} has {count} steps, but a window takes {least}: lookback {self.lookback} and horizon "
                f"{self.horizon}"
            )
        values = {name: steps.values[:, place] for place, name in enumerate(steps.names)}
        preparation = SeriesPreparation(
            steps.columns,
            steps.targets,
            self.time,
            self.lookback,
            self.horizon,
            self.stride,
            self.scaling,
            self.missing,
            form,
        )
        return Data(
            name=path.stem,
            train=Split(
                np.empty((0, self.lookback, len(steps.columns)), np.float32),
                raw=Table({STEP: np.arange(count), **values}),
            ),
            task="regression",
            feature_names=tuple(steps.columns),
            preparation=preparation,
            times=np.arange(count),
        )


class Windows(LazyRows):
    """Windows (N, length, columns) of a series (T, columns), which stays one array."""

    def __init__(self, series: Array, count: int, length: int, stride: int) -> None:
        # (T - length + 1, columns, length) -> (N, length, columns)
        self._view = np.moveaxis(sliding_window_view(series, length, axis=0), 2, 1)[::stride][:count]
        self._series = series
        self.shape = self._view.shape
        self.dtype = series.dtype
        self.finite = bool(np.isfinite(series).all())

    def stretch(self, start: int, stop: int) -> Array:
        return self._view[start:stop].copy()

    def gather(self, rows: Array) -> Array:
        return self._view[rows]

    def expect(self, order: Array) -> None:
        """Nothing to read ahead: the series is in memory."""


class SeriesPreparation(Preparation):
    """Fills gaps, scales and cuts windows, in each part of a series by itself."""

    kind = "series"
    example = "INPUT.csv"
    scales_targets = True

    def __init__(
        self,
        columns: Sequence[str],
        targets: Sequence[str],
        time: str | None,
        lookback: int,
        horizon: int,
        stride: int,
        scaling: Scaling,
        missing: Missing,
        form: Format = Format(),  # noqa: B008 (frozen)
    ) -> None:
        """form: how files are written, as far as it is stated."""
        self.columns, self.targets, self.time = list(columns), list(targets), time
        self.lookback, self.horizon, self.stride = lookback, horizon, stride
        self.scaling, self.missing = scaling, missing
        self.form = form
        self.scales: dict[str, tuple[float, float]] = {}  # by column: what is taken off, and what that is divided by
        self._read: Steps | None = None

    def fit(self, train: Split) -> None:
        """The scale of each column. Raises DataError."""
        steps = self._part(train)
        for name in dict.fromkeys([*self.columns, *self.targets]):
            values = steps[name]
            offset, factor = 0.0, 1.0
            if self.scaling == "standardize":
                offset, factor = float(values.mean()), float(values.std())
            elif self.scaling == "minmax":
                offset, factor = float(values.min()), float(values.max() - values.min())
            self.scales[name] = offset, factor if factor > 0 else 1.0  # a constant column becomes 0

    def apply(self, split: Split) -> Split:
        """The windows of a part. Raises DataError: it is too short, or rows are missing from within it."""
        steps = self._part(split)
        count = len(next(iter(steps.values())))
        windows = (count - self.lookback - self.horizon) // self.stride + 1
        if count < self.lookback + self.horizon:
            raise DataError(
                f"a part of the series has {count} steps, but a window takes {self.lookback + self.horizon}: lookback "
                f"{self.lookback} and horizon {self.horizon}; hold back a larger share, or look back on less"
            )
        inputs = np.stack([self._scaled(name, steps[name]) for name in self.columns], axis=1)
        wanted = np.stack([self._scaled(name, steps[name]) for name in self.targets], axis=1)[self.lookback :]
        # (…, targets, horizon) -> (N, horizon, targets)
        y = np.moveaxis(sliding_window_view(wanted, self.horizon, axis=0), 2, 1)[:: self.stride][:windows]
        if len(self.targets) == 1:
            y = y[:, :, 0]
        elif self.horizon == 1:
            y = y[:, 0]
        x = Windows(inputs, windows, self.lookback, self.stride)
        return Split(as_rows(x), np.ascontiguousarray(y))

    def finish(self, data: Data) -> None:
        """Nothing: the source has said it."""

    def state(self) -> dict[str, Any]:
        names = ("columns", "targets", "time", "lookback", "horizon", "stride", "scaling", "missing")
        scales = {name: list(scale) for name, scale in self.scales.items()}
        return {
            **{name: getattr(self, name) for name in names},
            "format": {name: getattr(self.form, name) for name in FORMAT},
            "scales": scales,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        try:
            options = dict(state)
            scales, given = options.pop("scales"), options.pop("format", {})
            if not {*given} <= {*FORMAT} or not all(isinstance(one, (str, NoneType)) for one in given.values()):
                raise ValueError(f"format {given}")
            made = cls(**options, form=Format(**given))
            made.scales = {str(name): (float(scale[0]), float(scale[1])) for name, scale in scales.items()}
            if not {*made.columns, *made.targets} <= {*made.scales}:
                raise ValueError("a column has no scale")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CheckpointError(f"how the checkpoint prepares series is damaged: {error}") from None
        return made

    def read(self, path: Path, rows: int) -> Iterator[Array]:
        """One window, the last steps of a file. Raises DataError."""
        full = existing_file(path, Path(), "a series")
        steps = read_steps(full, self.columns, [], self.time, self.form)
        if self.missing == "error":
            steps.require_complete(full, last=self.lookback)
        if len(steps) < self.lookback:
            raise DataError(f"{full} has {len(steps)} steps, but a forecast is made from the last {self.lookback}")
        self._read = steps
        last = [
            self._scaled(name, filled(steps.values[:, place], self.missing, name)[-self.lookback :])
            for place, name in enumerate(steps.names)
        ]
        yield np.stack(last, axis=1)[None]

    def unscaled(self, outputs: Array) -> Array:
        """Outputs or targets, (N, horizon), (N, targets) or (N, horizon, targets), in the units of the file."""
        offsets, factors = (np.array([self.scales[name][i] for name in self.targets]) for i in (0, 1))
        if len(self.targets) > 1 and outputs.shape[-1] != len(self.targets):
            return outputs
        found: Array = outputs * factors + offsets
        return found

    def forecast(self, outputs: Array) -> list[dict[str, Any]] | None:
        """One row a step to come: its number, its moment where the file has moments, the value of each target."""
        if self._read is None or len(outputs) != 1 or outputs.size != self.horizon * len(self.targets):
            return None
        values = outputs.reshape(self.horizon, len(self.targets)).tolist()
        return [
            {"step": step, **self._read.moment(step), **dict(zip(self.targets, row, strict=True))}
            for step, row in enumerate(values, 1)
        ]

    def _part(self, split: Split) -> dict[str, Array]:
        """The columns of a part without gaps."""
        assert split.raw is not None, "a series is prepared once"
        numbers = split.raw.column(STEP)
        if len(numbers) and not np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
            raise DataError(
                "a series is divided in order of time, but rows from between others were held back; leave out what "
                "divides it otherwise"
            )
        names = dict.fromkeys([*self.columns, *self.targets])
        return {name: filled(split.raw.column(name), self.missing, name) for name in names}

    def _scaled(self, name: str, values: Array) -> Array:
        offset, factor = self.scales[name]
        found: Array = ((values - offset) / factor).astype(np.float32)
        return found
