"""What scripts ask of `keras.backend`: here there is one backend, NumPy, and nothing global to clear."""

from __future__ import annotations

from seqnet.utils import clear_session

__all__ = ["clear_session", "epsilon", "floatx", "image_data_format"]


def epsilon() -> float:
    """What losses and metrics keep away from zero by."""
    return 1e-7


def floatx() -> str:
    """The precision of a model whose layers ask for no other."""
    return "float32"


def image_data_format() -> str:
    """Where the channels of an image stand: in the last axis."""
    return "channels_last"
