"""The frame of a drawing: axes with ticks, lines of a grid, and shapes that say what they are when pointed at."""

from __future__ import annotations

from collections.abc import Sequence

from seqnet.report.axes import Axis
from seqnet.report.html import text

# The drawing's own units, as many as a phone is wide in pixels, so that letters are as large there as in the text.
WIDTH, HEIGHT = 360, 224
LEFT, RIGHT, TOP, BOTTOM = 50, 350, 18, 186


def drawing(label: str, *shapes: str) -> str:
    """label: what there is to see, for those who don't."""
    body = "\n".join(shape for shape in shapes if shape)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}">\n{body}\n</svg>'


def frame(x: Axis, y: Axis, across: str, up: str = "") -> str:
    """Grid and ticks. across, up: what the axes are, in plain text."""
    parts = []
    for value, label in y.ticks():
        place = at(y(value))
        parts.append(f'<path class="grid" d="M{LEFT} {place}H{RIGHT}"/>')
        parts.append(words(LEFT - 6, y(value) + 4, label, "end"))
    for value, label in x.ticks():
        parts.append(f'<path class="tick" d="M{at(x(value))} {BOTTOM}v4"/>')
        parts.append(words(x(value), BOTTOM + 16, label))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>')
    parts.append(words((LEFT + RIGHT) / 2, HEIGHT - 5, across))
    if up:
        parts.append(words(LEFT - 44, TOP - 6, up, "start"))
    return "\n".join(parts)


def words(x: float, y: float, content: str, anchor: str = "middle", kind: str = "") -> str:
    """Plain text at a place."""
    return f'<text x="{at(x)}" y="{at(y)}" text-anchor="{anchor}"{_class(kind)}>{text(content)}</text>'


def line(points: Sequence[tuple[float, float] | None], kind: str) -> str:
    """A line through places; None leaves a gap. A place between two gaps becomes a dot."""
    path, pen = [], "M"
    for before, point, after in zip([None, *points[:-1]], points, [*points[1:], None], strict=True):
        if point is None:
            pen = "M"
            continue
        path.append(f"{pen}{at(point[0])} {at(point[1])}")
        if before is None and after is None:
            path.append("h0")
        pen = "L"
    return f'<path class="line {kind}" d="{"".join(path)}"/>' if path else ""


def dots(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Many dots as one shape."""
    path = "".join(f"M{at(x)} {at(y)}h0" for x, y in points)
    return f'<path class="{kind}" d="{path}"/>' if path else ""


def dot(x: float, y: float, kind: str, title: str = "") -> str:
    return f'<circle cx="{at(x)}" cy="{at(y)}" r="4"{_class(kind)}>{_title(title)}</circle>'


def box(left: float, top: float, right: float, bottom: float, kind: str, title: str) -> str:
    width, height = at(max(right - left, 0.0)), at(max(bottom - top, 0.0))
    return f'<rect x="{at(left)}" y="{at(top)}" width="{width}" height="{height}"{_class(kind)}>{_title(title)}</rect>'


def at(place: float) -> str:
    """A coordinate, to a tenth of a unit."""
    return f"{place:.1f}".removesuffix(".0")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _title(title: str) -> str:
    return f"<title>{text(title)}</title>" if title else ""
