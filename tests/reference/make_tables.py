"""What scikit-learn makes of a table's columns: `python -m tests.reference.make_tables OUTDIR`.

Fitted to the first rows and applied to all, as tests/test_csv_columns.py does: SimpleImputer's mean before
MinMaxScaler and none before StandardScaler (which leaves NaN out of its statistics), OneHotEncoder for words.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

ROWS, FITTED = 40, 25


def main(folder: str) -> None:
    draw = np.random.default_rng(7)
    numbers = draw.normal(100, 30, (ROWS, 2)).round(3)
    numbers[draw.random(numbers.shape) < 0.15] = np.nan
    words = draw.choice(["red", "green", "blue", "sky blue"], (ROWS, 1))
    words[-1] = "grey"  # which no fitted row has
    mean = SimpleImputer().fit(numbers[:FITTED])
    scaled = StandardScaler().fit(numbers[:FITTED]).transform(numbers)
    arrays = {
        "numbers": numbers,
        "words": words,
        "fitted": np.array(FITTED),
        "standardize": np.nan_to_num(scaled),  # a gap is the mean, which becomes 0
        "minmax": MinMaxScaler().fit(numbers[:FITTED]).transform(mean.transform(numbers)),
        "one_hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(words[:FITTED]).transform(words),
    }
    np.savez_compressed(Path(folder) / "tables.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
