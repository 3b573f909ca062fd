"""Numbers, times and sizes as people read them; always plain text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.cells import cell_len, set_cell_size

from seqnet.printable import printable


def scalar(value: Any) -> float | None:
    """A logged value as one number; of several (one a class) the mean, as Keras shows it. None for what is none."""
    if value is None:
        return None
    array = np.asarray(value, np.float64)
    return float(array.mean()) if array.size else None


def metric(value: Any, *, short: bool = False) -> str:
    """A loss or metric in about six characters: 0.8512, 12.3457, 3.12e-05; short: at most seven."""
    number = scalar(value)
    if number is None:
        return "-"
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    size = abs(number)
    if number == 0 or 1e-3 <= size < 1000:
        return f"{number:.{4 if size < 100 or not short else 2}f}"
    return f"{number:.1f}" if 1000 <= size < 1e5 else f"{number:.{1 if short else 2}e}"


def keras_metric(value: Any) -> str:
    """A loss or metric as Keras's progress bar writes it."""
    number = scalar(value)
    if number is None:
        return "-"
    return f"{number:.4f}" if abs(number) > 1e-3 else f"{number:.4e}"


def learning_rate(value: float) -> str:
    """0.001, 0.0004832, 2.5e-05"""
    return f"{value:.4g}"


def seconds(value: float) -> str:
    """0.42s, 12.3s, 3m05s, 1h02m"""
    if value < 9.995:
        return f"{value:.2f}s"
    if value < 99.95:
        return f"{value:.1f}s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def clock(value: float) -> str:
    """A time that is left: 0:04, 12:30, 1:02:03."""
    if not math.isfinite(value) or value > 359_999:
        return "-:--"
    whole = math.ceil(value)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def memory(size: float) -> str:
    """Bytes as Keras writes them: 159.75 KB, counted in 1024s."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


def short(number: float) -> str:
    """A count in at most five characters: 950, 12.3K, 4.5M."""
    for unit in ("", "K", "M", "G", "T"):
        if abs(number) < 999.5:
            digits = 1 if unit and abs(number) < 99.95 else 0
            return f"{number:.{digits}f}".removesuffix(".0") + unit
        number /= 1000
    return f"{number:.1f}P"


def plural(count: int, word: str, words: str | None = None) -> str:
    """1 row, 2 rows, 1,438 rows"""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def shape(sizes: Any) -> str:
    """A shape as Keras's summary writes it: (None, 28, 28), and (None) without a comma."""
    return "?" if sizes is None else f"({', '.join(str(size) for size in sizes)})"


def cut(text: str, width: int) -> str:
    """`text` on one line in at most `width` cells of a terminal."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 2, 0)).rstrip() + ".."[: max(width, 0)]
