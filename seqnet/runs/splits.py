"""Which rows were in each split of a run: written down when it begins, taken again by whatever looks at it later."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.base import Data
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import npz_keys, read_npz_arrays
from seqnet.errors import CheckpointError, DataError, TrainingError, UsageError
from seqnet.spec.division import SPLITS, Parts
from seqnet.spec.run import RunSpec
from seqnet.training.checkpoint import reason, write_file

FILE = "splits.npz"


def write_splits(folder: Path, parts: Mapping[str, Array], rows: int) -> None:
    """Write `splits.npz`: for each split, which of the `rows` rows that the source read for training it has.

    One array of booleans a split, (rows,), in the order of the source. Raises TrainingError.
    """
    masks = {}
    for name, numbers in parts.items():
        masks[name] = np.zeros(rows, dtype=bool)
        masks[name][numbers] = True
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **masks)
    try:
        write_file(folder / FILE, packed.getvalue())
    except OSError as error:
        raise TrainingError(f"can't write {folder / FILE}: {reason(error)}") from error


def read_splits(folder: Path) -> tuple[Parts, int] | None:
    """The row numbers of each split of a run, and how many rows there were; None where they were not recorded.

    Raises CheckpointError where the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    advice = "take it away, and the rows are divided anew"
    try:
        masks = read_npz_arrays(path, [name for name in npz_keys(path) if name in SPLITS])
    except DataError as error:
        raise CheckpointError(f"{error}; {advice}") from error
    train = masks.get("train")
    whole = train is not None and all(one.dtype == bool and one.shape == (train.size,) for one in masks.values())
    if train is None or not whole or not train.any() or np.sum(list(masks.values()), axis=0).max() > 1:
        raise CheckpointError(f"{path} is damaged: it does not divide rows; {advice}")
    return {name: np.flatnonzero(mask) for name, mask in masks.items()}, train.size


def rows_of(data: Data) -> int:
    """How many rows the source read for training, before they were divided."""
    return sum(len(numbers) for numbers in data.rows.values())


def data_of_run(run: Path, spec: RunSpec, fitted: Preparation | None) -> Data:
    """The data of a run, divided as it divided them; anew where there now are more rows, or fewer.

    fitted: what prepares the rows, as the run's checkpoint has it.

    Raises SpecError, DataError, CheckpointError.
    """
    division, recorded = spec.divisible(), read_splits(run)
    if recorded is None or recorded[1] != len(division.data.train):
        return spec.load_data(division, fitted=fitted)
    return spec.load_data(division, recorded[0], fitted)


def require_same_rows(run: Path, data: Data) -> None:
    """Raise UsageError where the rows of a split are not those that a run was begun with; CheckpointError."""
    recorded = read_splits(run)
    if recorded is None:
        return
    before, count = recorded
    parts, rows = data.rows, rows_of(data)
    if count == rows and before.keys() == parts.keys() and all(np.array_equal(before[k], parts[k]) for k in before):
        return
    told = " → ".join(
        f"{', '.join(f'{len(one):,} {name}' for name, one in split.items())} of {total:,}"
        for split, total in ((before, count), (parts, rows))
    )
    raise UsageError(
        f"{run} was begun with other rows than the data now give, so it can't go on with them:\n  rows: {told}\n"
        "put the data back as they were, or train anew, without --resume"
    )
