"""The drawings of a page: curves over the epochs, predicted against true, how the errors are spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from seqnet.arrays import Array
from seqnet.console.format import metric, plural
from seqnet.report.axes import Axis, around
from seqnet.report.content import Curve, Fit
from seqnet.report.svg import BOTTOM, LEFT, RIGHT, TOP, box, dot, dots, drawing, frame, line, words

POINTS = 300  # of a line, about as many as a drawing is units wide
BANDS = 100  # places over which a curve says its values
DOTS = 2000  # of predicted against true
MARKED = 10  # of them, those with the largest errors
LARGEST = 1e300  # of what is drawn: beyond it the distance of two numbers may be no number
TRAIN, VALIDATION = "training", "validation"


def curve(curve: Curve, best_epoch: int | None) -> str:
    """Training and validation over the epochs, the best epoch marked; long runs keep the extremes of each stretch."""
    lines = {TRAIN: curve.train, **({VALIDATION: curve.validation} if curve.validation is not None else {})}
    shown = [value for values in lines.values() for value in values if _drawable(value)]
    if not shown:
        return ""
    epochs = list(curve.epochs)
    x, y = _epoch_axis(epochs), around(shown, BOTTOM, TOP, log=True)
    best = epochs.index(best_epoch) if best_epoch in epochs else None
    shapes = [frame(x, y, "epoch", "log scale" if y.log else "")]
    if best is not None:
        place = x(epochs[best])
        side = "start" if place < LEFT + 45 else "end" if place > RIGHT - 45 else "middle"
        shapes.append(f'<path class="best" d="M{place:.1f} {TOP}V{BOTTOM}"/>')
        shapes.append(words(min(place + 2, RIGHT), TOP - 6, f"best: epoch {best_epoch}", side, "mark"))
    for kind, values in lines.items():
        kept = thinned(values, POINTS)
        shapes.append(line([(x(epochs[i]), y(values[i])) if _drawable(values[i]) else None for i in kept], kind))
    if best is not None:
        places = [(kind, values[best]) for kind, values in lines.items() if _drawable(values[best])]
        shapes += [dot(x(epochs[best]), y(value), f"dot {kind}") for kind, value in places]
    shapes += _bands(lines, epochs, best, x)
    return drawing(f"{curve.name} over {plural(len(epochs), 'epoch')}, {' and '.join(lines)}", *shapes)


def scatter(fit: Fit) -> str:
    """Predicted against true, on axes of one range, with the line where they are equal; the largest errors say their
    row when pointed at."""
    true, predicted = fit.true.tolist(), fit.predicted.tolist()
    both = [min(true), max(true), min(predicted), max(predicted)]
    x, y = around(both, LEFT, RIGHT), around(both, BOTTOM, TOP)
    every = max(1, math.ceil(len(true) / DOTS))
    pairs = zip(true[::every], predicted[::every], strict=True)
    worst = np.argsort(-abs(fit.residuals), kind="stable")[:MARKED]
    return drawing(
        f"predicted against true {fit.name}, {plural(len(true), fit.counted)}",
        frame(x, y, "true", "predicted"),
        line([(x(x.low), y(x.low)), (x(x.high), y(x.high))], "equal"),
        dots([(x(one), y(other)) for one, other in pairs], "dots"),
        *(
            dot(
                x(true[i]),
                y(predicted[i]),
                "worst",
                f"row {fit.rows[i]}: true {metric(true[i])}, predicted {metric(predicted[i])}",
            )
            for i in worst
        ),
    )


def histogram(fit: Fit) -> str:
    """How many rows have which residual, predicted - true."""
    residuals = fit.residuals
    counts, edges = np.histogram(residuals, _bins(residuals))
    x = around(edges.tolist(), LEFT, RIGHT)
    y = around([float(counts.max())], BOTTOM, TOP, zero=True, whole=True)
    bars = []
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        said = f"{metric(left)} to {metric(right)}: {plural(count, fit.counted)}"
        bars.append(box(x(left), y(count), x(right) - 0.6, BOTTOM, "bar", said))
    zero = f'<path class="equal" d="M{x(0.0):.1f} {TOP}V{BOTTOM}"/>' if x.low < 0 < x.high else ""
    label = f"how the residuals of {fit.name} are spread, {plural(len(residuals), fit.counted)}"
    return drawing(label, frame(x, y, "predicted − true", f"{fit.counted}s"), *bars, zero)


def thinned(values: Sequence[float], most: int) -> list[int]:
    """The places of at most `most` values that show the same line: the lowest and highest of each stretch, the ends,
    and gaps."""
    if len(values) <= most:
        return list(range(len(values)))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), most // 2 - 1):
        there = [int(i) for i in part if _drawable(values[i])] or [int(part[0])]
        kept |= {min(there, key=lambda i: values[i]), max(there, key=lambda i: values[i])}
    return sorted(kept)


def _epoch_axis(epochs: Sequence[int]) -> Axis:
    first, last = float(min(epochs)), float(max(epochs))
    alone = 0.5 if first == last else 0.0
    return Axis(first - alone, last + alone, LEFT, RIGHT, whole=True)


def _bands(lines: Mapping[str, Sequence[float]], epochs: Sequence[int], best: int | None, x: Axis) -> list[str]:
    """Stretches of the drawing that say, when pointed at, the values of an epoch: of their last, or of the best."""
    parts = np.array_split(np.arange(len(epochs)), min(BANDS, len(epochs)))
    ends = [int(part[-1]) for part in parts]
    edges = [LEFT, *((x(epochs[i]) + x(epochs[i + 1])) / 2 for i in ends[:-1]), RIGHT]
    made = []
    for part, left, right in zip(parts, edges, edges[1:], strict=False):
        index = best if best is not None and best in part else int(part[-1])
        said = ", ".join(f"{kind} {metric(values[index])}" for kind, values in lines.items())
        made.append(box(left, TOP, right, BOTTOM, "band", f"epoch {epochs[index]}: {said}"))
    return made


def _bins(values: Array) -> int:
    """How many bars: twice the root of the rows, 5 to 30."""
    return int(np.clip(2 * math.sqrt(len(values)), 5, 30))


def _drawable(value: float) -> bool:
    return abs(value) < LARGEST  # not so for NaN
