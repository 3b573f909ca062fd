"""For every test: a floating-point error that is not an underflow raises, and there is no network."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqnet.datasets.sources  # noqa: F401 (all sources in the order of the reference, whatever a test imports first)

_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def strict_arithmetic() -> Iterator[None]:
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture(autouse=True)
def ctrl_c() -> None:
    """Ctrl-C interrupts, also where tests run in the background of a shell, or after a test of `main`, which ignores
    it once its work is done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is fetched, and what has been fetched on this machine is not used."""
    monkeypatch.setenv("SEQNET_OFFLINE", "1")
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path_factory.getbasetemp() / "no-home"))


@pytest.fixture(autouse=True)
def settings_of_nobody(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test has a person's settings of its own, in a folder that is not made yet, and knows no plugin."""
    number = next(_NUMBERS)
    folder = tmp_path_factory.getbasetemp() / "settings" / str(number)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    yield folder
    for module in ("loading", "trust"):
        if f"seqnet.plugins.{module}" in sys.modules:
            sys.modules[f"seqnet.plugins.{module}"].forget()
