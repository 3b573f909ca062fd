"""The types that every room shares."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Cache = Any  # what a forward leaves for its backward; only the layer that made it looks inside
Shape = tuple[int | None, ...]  # without the batch axis; None = any length
