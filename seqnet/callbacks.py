"""Every callback, under the name that Keras scripts import."""

from __future__ import annotations

from seqnet.training.averaging import SwapEMAWeights
from seqnet.training.backup import BackupAndRestore
from seqnet.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
)
from seqnet.training.pacing import LambdaCallback, LearningRateScheduler, ReduceLROnPlateau, TerminateOnNaN, Timer
from seqnet.training.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "Timer",
]
