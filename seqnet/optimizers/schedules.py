"""Learning-rate schedules under the module name that Keras users know."""

from __future__ import annotations

from seqnet.schedules import *  # noqa: F403
from seqnet.schedules import __all__ as __all__
