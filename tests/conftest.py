"""For every test: a floating-point error that is not an underflow raises, and there is no network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import seqnet.datasets.sources  # noqa: F401 (all sources in the order of the reference, whatever a test imports first)


@pytest.fixture(autouse=True)
def strict_arithmetic() -> Iterator[None]:
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is fetched, and what has been fetched on this machine is not used."""
    monkeypatch.setenv("SEQNET_OFFLINE", "1")
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path_factory.getbasetemp() / "no-home"))
