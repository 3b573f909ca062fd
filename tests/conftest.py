"""Strict arithmetic for every test: a floating-point error that is not an underflow raises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import seqnet.datasets.sources  # noqa: F401 (all sources in the order of the reference, whatever a test imports first)


@pytest.fixture(autouse=True)
def strict_arithmetic() -> Iterator[None]:
    with np.errstate(all="raise", under="ignore"):
        yield
