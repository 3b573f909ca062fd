"""The screen of `seqnet preview`: splits and labels, what rows go through, and the rows themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.style import Style
from rich.text import Text

from seqnet.arrays import Array
from seqnet.console import theme
from seqnet.console.format import cut, metric, plural, shape
from seqnet.console.tables import Cell, listing
from seqnet.printable import printable

_CLASSES = 20  # that are listed
_COLUMNS = 12  # of a table's row
_DRAWN = 4  # rows that are drawn in the terminal
_WIDEST = 40  # signs across that a picture takes
_GREYS = " .:-=+*#%@"


def show_preview(found: Any, pixels: Any) -> None:
    """found: a runs.preview.Preview; pixels(x, low, high): a row as a picture."""
    profile = found.profile
    head = Text.assemble((printable(found.name), theme.TITLE), (f"  {printable(profile['name'])}", theme.FAINT))
    theme.show(head, "", *_splits(profile), "", *_stages(found), width=None if theme.is_terminal(sys.stdout) else 120)
    if found.pictures:
        parts = _drawn(found, pixels)
    elif found.samples[0].text is not None:
        parts = _texts(found)
    else:
        parts = _tables(found)
    theme.show("", *parts, width=None if theme.is_terminal(sys.stdout) else 160)


def _splits(profile: dict[str, Any]) -> Iterator[Any]:
    """Rows and labels of each split."""
    splits = list(profile["rows"])
    rows: list[list[Cell]] = [["rows", *(f"{profile['rows'][split]:,}" for split in splits)]]
    classes = profile["classes"] or []
    for one in classes[:_CLASSES]:
        name = Text(printable(str(one["name"])), theme.KEY)
        counts = [one["rows"].get(split, 0) for split in splits]
        cells: list[Cell] = [Text(f"{count:,}", "" if count else theme.WARNING) for count in counts]
        rows.append([name, *cells])
    yield listing(["", *splits], rows, right=range(1, 1 + len(splits)))
    if len(classes) > _CLASSES:
        yield f"and {plural(len(classes) - _CLASSES, 'more class', 'more classes')}; --json has all of them."


def _stages(found: Any) -> Iterator[Any]:
    """What a row is, from stage to stage."""
    rows: list[list[Cell]] = []
    for stage in found.stages:
        spread = ["", "", ""] if stage.low is None else [metric(x) for x in (stage.low, stage.high, stage.mean)]
        name = Text(printable(stage.name), theme.KEY).append(" random" if stage.random else "", theme.FAINT)
        rows.append([name, f"{shape([None, *stage.shape])} {stage.dtype}", *spread])
    yield listing(["stage", "rows", "min", "max", "mean"], rows, right=range(2, 5))
    then = f"Then comes {printable(found.rest)}." if found.rest else ""
    yield Text(f"Ranges of {plural(found.looked_at, found.split + ' row')}. {then}".strip(), theme.FAINT)


def _title(one: Any) -> Text:
    title = Text(f"row {one.row:,}", theme.FAINT)
    return title if one.target is None else title.append(f"  {printable(one.target)}", theme.KEY)


def _texts(found: Any) -> Iterator[Any]:
    """Each text with the numbers that its tokens become."""
    room = max(40, theme.columns(sys.stdout) if theme.is_terminal(sys.stdout) else 160) - 1
    for one in found.samples:
        numbers = np.ravel(one.seen[0])
        used = numbers[: int(np.flatnonzero(numbers)[-1]) + 1] if numbers.any() else numbers[:1]
        yield _title(one)
        yield Text(cut(f"  {printable(one.text)}", room))
        yield Text(cut(f"  {' '.join(_number(value) for value in used.tolist())}", room), theme.FAINT)


def _tables(found: Any) -> Iterator[Any]:
    """The rows as numbers, as they are given and as the network sees them."""
    shown = [("As given", [one.given for one in found.samples])]
    if len(found.stages) > 1:
        shown.append(("As the network sees them", [one.seen[0] for one in found.samples]))
    for caption, rows in shown:
        flat = [np.ravel(x) for x in rows]
        width = len(flat[0])
        named = found.names is not None and len(found.names) == width
        heads = [str(found.names[i]) if named else str(i) for i in range(min(width, _COLUMNS))]
        cells: list[list[Cell]] = [
            [f"{one.row:,}", "" if one.target is None else one.target, *map(_number, row[:_COLUMNS].tolist())]
            for one, row in zip(found.samples, flat, strict=True)
        ]
        yield Text(caption, theme.TITLE)
        yield listing(["row", "target", *heads], cells, right=[0, *range(2, 2 + len(heads))])
        if width > _COLUMNS:
            yield Text(f"and {plural(width - _COLUMNS, 'more number')} a row; --json has them.", theme.FAINT)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else metric(value)


def _drawn(found: Any, pixels: Any) -> Iterator[Any]:
    """Pictures in the terminal: each row as it is given, then as the network sees it."""
    bounds = found.bounds
    colour = theme.has_colour(sys.stdout) and not theme.is_ascii(sys.stdout)
    whole = (theme.columns(sys.stdout) if theme.is_terminal(sys.stdout) else 120) - 1
    for one in found.samples[:_DRAWN]:
        tiles = [pixels(one.given, *bounds[0]), *(pixels(x, *bounds[1]) for x in one.seen)]
        width = min(_WIDEST, max(8, whole // len(tiles) - 2))
        lines = [
            _blocks(tile, width) if colour else _greys(tile, width) for tile in tiles[: max(1, whole // (width + 2))]
        ]
        yield _title(one)
        for parts in zip(*lines, strict=True):
            yield Text("  ").join(parts)
    if len(found.samples) > _DRAWN:
        yield Text(f"-o sheet.png draws all {len(found.samples)} rows.", theme.FAINT)


def _shrunk(tile: Array, width: int, tall: float) -> Array:
    """A picture as `width` columns at most, each cell the mean of what it covers; tall: height of a cell's width."""
    height, across = tile.shape[:2]
    columns = min(width, across)
    rows = max(1, round(height * columns / across / tall))
    edges = [np.arange(n) * size // n for n, size in ((min(rows, height), height), (columns, across))]
    sums: Array = np.add.reduceat(np.add.reduceat(tile.astype(np.float64), edges[0], axis=0), edges[1], axis=1)
    ones = np.ones(tile.shape[:2])[..., None]
    return sums / np.add.reduceat(np.add.reduceat(ones, edges[0], axis=0), edges[1], axis=1)


def _blocks(tile: Array, width: int) -> Sequence[Text]:
    """Two pixels in each sign, the upper one as its colour and the lower one as what is behind it."""
    small = np.rint(_shrunk(tile, width, 1.0)).astype(int)
    small = np.broadcast_to(small, (*small.shape[:2], 3)) if small.shape[2] == 1 else small[..., :3]
    if len(small) % 2:
        small = np.concatenate([small, np.zeros_like(small[:1])])
    lines = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        line = Text()
        for front, back in zip(upper, lower, strict=True):
            line.append("▀", Style(color=_hex(front), bgcolor=_hex(back)))
        lines.append(line)
    return lines


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _greys(tile: Array, width: int) -> Sequence[Text]:
    """Signs that are the denser the brighter a pixel is."""
    small = _shrunk(tile[..., :3].mean(axis=2, keepdims=True), width, 2.0)[..., 0]
    steps = np.minimum((small / 256 * len(_GREYS)).astype(int), len(_GREYS) - 1)
    return [Text("".join(_GREYS[i] for i in line).ljust(min(width, len(line)))) for line in steps.tolist()]
