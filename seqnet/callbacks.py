"""The callbacks under the name that Keras scripts import."""

from __future__ import annotations

from seqnet.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    TerminateOnNaN,
)

__all__ = ["CSVLogger", "Callback", "EarlyStopping", "History", "ModelCheckpoint", "TerminateOnNaN"]
