"""Rows that are in two splits of data: what was seen in training tells nothing when it is tested again."""

from __future__ import annotations

import hashlib
from itertools import combinations
from typing import Any

import numpy as np

from seqnet.datasets.base import Data
from seqnet.datasets.labels import Array
from seqnet.datasets.lazy import blocks

SHOWN = 3  # pairs of rows that are named


def overlaps(data: Data) -> list[dict[str, Any]]:
    """For each two splits, the rows of the second whose inputs are those of a row of the first.

    splits (two names), rows (how many of the second), of (its rows), examples: [row of the second, row of the first],
    counted from 0 within their splits. Eight bytes a row are kept, whatever a row holds.
    """
    names = {name: _digests(split.x) for name, split in data.splits.items()}
    found = []
    for one, other in combinations(names, 2):
        first, second = names[one], names[other]
        order = np.argsort(first, kind="stable")
        ordered = first[order]
        places = np.minimum(np.searchsorted(ordered, second), len(ordered) - 1)
        same = np.flatnonzero(ordered[places] == second)
        examples = [[int(row), int(order[places[row]])] for row in same[:SHOWN]]
        found.append({"splits": [one, other], "rows": len(same), "of": len(second), "examples": examples})
    return found


def _digests(x: Array) -> Array:
    """A number for each row, (N,) uint64, equal for equal rows."""
    found = np.empty(len(x), np.uint64)
    for start, rows in blocks(x):
        for place, row in enumerate(rows):
            if rows.dtype.hasobject:
                raw = "\0".join(str(text) for text in np.ravel(np.asarray(row, object))).encode(
                    "utf-8", "surrogatepass"
                )
            else:
                raw = np.ascontiguousarray(row + 0 if rows.dtype.kind == "f" else row).tobytes()  # -0 is 0
            digest = hashlib.blake2b(raw, digest_size=8).digest()
            found[start + place] = int.from_bytes(digest, "little")
    return found
