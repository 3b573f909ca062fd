"""The curves of a run, and what its classifier takes for what, as a picture; by matplotlib, which is optional."""

from __future__ import annotations

import importlib.util
import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqnet.errors import TrainingError, UsageError
from seqnet.runs.curves import Curves
from seqnet.runs.folder import require_place
from seqnet.training.checkpoint import reason, write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
_WIDTH, _HEIGHT = 5.6, 3.8  # inches of one chart
_NUMBERED, _NAMED = 20, 40  # up to so many classes the counts, the names of all classes are written
_SPREAD = 100.0  # from how many times the smallest value on powers of ten are even steps
# Names with $ are no mathematics, and the same run gives the same bytes.
_SETTINGS: Any = {"text.parse_math": False, "text.usetex": False, "svg.hashsalt": "seqnet", "font.size": 9.0}


@dataclass(frozen=True)
class Picture:
    """What is drawn. metrics: names without val_. best: index of the best epoch. confusion: (K, K), true by predicted,
    of the rows that `rows` names."""

    title: str
    curves: Curves
    metrics: Sequence[str]
    best: int | None = None
    classes: Sequence[str] = ()
    confusion: Sequence[Sequence[int]] | None = None
    rows: str = ""


def require_drawable(path: Path) -> None:
    """Raise UsageError where no picture can be written to a path, or where matplotlib is not installed."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"can't tell the format of {path}: end it with {' or '.join(FORMATS)}")
    require_place(path)
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            f"drawing {path} needs matplotlib, which is not installed: pip install 'seqnet[plot]', or "
            "pip install matplotlib; without it the curves are drawn in the terminal alone"
        )


def write_picture(picture: Picture, path: Path) -> None:
    """Draw, and replace the file in one step. Raises UsageError, TrainingError."""
    write_figure(lambda: _figure(picture), path)


def write_figure(make: Callable[[], Figure], path: Path) -> None:
    """Draw what is made, and replace the file in one step. Raises UsageError, TrainingError."""
    require_drawable(path)
    content = rendered(make, path.suffix.lower().removeprefix("."))
    try:
        write_file(path, content)
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error


def draw(picture: Picture, format: str) -> bytes:
    """The picture as a png or svg file."""
    return rendered(lambda: _figure(picture), format)


def rendered(make: Callable[[], Figure], format: str) -> bytes:
    """What is made as a png or svg file; the same input gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        make().savefig(buffer, format=format, dpi=120, metadata=metadata)
    return buffer.getvalue()


def _figure(picture: Picture) -> Figure:
    from matplotlib.figure import Figure

    charts = len(picture.metrics) + (picture.confusion is not None)
    across = charts if charts <= 3 else math.ceil(math.sqrt(charts))
    down = math.ceil(charts / across)
    large = 1.0 if picture.confusion is None else min(max(len(picture.classes) / 12, 1.0), 3.0)
    size = (_WIDTH * across * large, _HEIGHT * down * large + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(picture.title)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for place, name in zip(axes, picture.metrics, strict=False):
        _draw_curves(place, picture, name)
    if picture.confusion is not None:
        _draw_confusion(axes[charts - 1], picture)
    for empty in axes[charts:]:
        empty.set_axis_off()
    return figure


def _draw_curves(axes: Axes, picture: Picture, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs, logged = picture.curves.epochs, picture.curves.values
    values = []
    for key, label, colour in ((name, "train", "C0"), (f"val_{name}", "validation", "C1")):
        points = [(x, y) for x, y in zip(epochs, logged.get(key, ()), strict=False) if math.isfinite(y)]
        if not points:
            continue
        values += [y for _, y in points]
        style: dict[str, Any] = {"marker": "o", "markersize": 3} if len(points) < 30 else {}
        axes.plot(*zip(*points, strict=True), color=colour, label=label, linewidth=1.6, **style)
    if picture.best is not None:
        epoch = epochs[picture.best]
        axes.axvline(epoch, color="0.5", linestyle=":", linewidth=1.2, label=f"best epoch {epoch}")
        judged = logged.get(f"val_{name}", logged.get(name, []))
        if judged and math.isfinite(judged[picture.best]):
            axes.plot([epoch], [judged[picture.best]], "*", color="0.2", markersize=10)
    if values and min(values) > 0 and max(values) / min(values) >= _SPREAD:
        axes.set_yscale("log")
    axes.set_title(name)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if values or picture.best is not None:
        axes.legend(frameon=False)


def _draw_confusion(axes: Axes, picture: Picture) -> None:
    """Coloured by the share of each true class, so that small classes are seen beside large ones."""
    counts = np.asarray(picture.confusion, np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.figure.colorbar(image, ax=axes, label="share of the true class")
    if len(counts) <= _NUMBERED:
        for (i, j), count in np.ndenumerate(counts):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=8)
    places = range(0, len(counts), math.ceil(len(counts) / _NAMED))
    names = [_short(picture.classes[place]) for place in places]
    axes.set_xticks(places, names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(places, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"confusion, {picture.rows}")


def _short(name: str) -> str:
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= 20 else f"{name[:18]}.."
