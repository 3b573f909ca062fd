"""Every callback, under the name that Keras scripts import."""

from __future__ import annotations

from seqnet.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    TerminateOnNaN,
)
from seqnet.training.pacing import LambdaCallback, LearningRateScheduler, ReduceLROnPlateau, Timer

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "Timer",
]
