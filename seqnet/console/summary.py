"""The table of layers: Keras 3's, character for character, with what Keras lacks as further columns."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

from rich.box import HEAVY_HEAD, SIMPLE_HEAD, Box
from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import memory, shape, short
from seqnet.errors import UsageError
from seqnet.printable import printable

if TYPE_CHECKING:
    from seqnet.models.summary import SummaryRow, SummaryTable

Format = Literal["table", "json", "markdown"]

_WIDEST, _WIDEST_DETAILED, _WITH_TRAINABLE = 88, 110, 12
_LEAST = 32  # narrower tables could only be guessed at
_STACKED, _ROOMY = 62, 92  # from how many columns on the details have columns of their own, and boxes


def print_summary(
    table: SummaryTable,
    *,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[..., Any] | None = None,
    show_trainable: bool = False,
    detail: bool = False,
    format: Format = "table",
    stream: IO[str] | None = None,
) -> None:
    """Print a summary to `stream` (default: stdout), or hand it to print_fn as one text without colours.

    line_length: width of the table; default: the terminal's less 4, at most 88. positions: where the columns end, as
    shares of the width. Raises UsageError when a column would be narrower than 4.
    """
    stream = stream or sys.stdout
    screen = theme.columns(stream)
    width = line_length or max(min(screen - 4, _limit(show_trainable, detail)), _LEAST)
    if format == "table":
        body = _grid(table, width, positions, show_trainable, detail, ascii=theme.is_ascii(stream))
        parts = (_title(table), body, *_footer(table, detail))
        text = theme.render(*parts, stream=stream, width=max(screen, width), colour=print_fn is None)
    else:
        text = summary_text(table, format, detail=detail, show_trainable=show_trainable)
    if print_fn is not None:
        print_fn(text)
    else:
        theme.write(text, stream)


def summary_text(
    table: SummaryTable,
    format: Format = "table",
    *,
    width: int = 76,
    detail: bool = False,
    show_trainable: bool = False,
) -> str:
    """The summary as plain text, a table of so many columns; json always holds every detail."""
    if format == "json":
        return json.dumps(summary_data(table), indent=2) + "\n"
    if format == "markdown":
        return _markdown(table, show_trainable, detail)
    body = _grid(table, width, None, show_trainable, detail)
    return theme.render(_title(table), body, *_footer(table, detail), stream=io.StringIO(), width=max(width, 40))


def _limit(show_trainable: bool, detail: bool) -> int:
    return (_WIDEST_DETAILED if detail else _WIDEST) + (_WITH_TRAINABLE if show_trainable else 0)


def _title(table: SummaryTable) -> Text:
    return Text(f'Model: "{printable(table.name)}"', theme.TITLE)


def _grid(
    table: SummaryTable,
    width: int,
    positions: Sequence[float] | None,
    show_trainable: bool,
    detail: bool,
    *,
    ascii: bool = False,
) -> Table:
    if detail and positions is None:
        return _detailed(table, width, show_trainable)
    grid = _as_keras(table, width, positions, show_trainable)
    return _folding(table, width, show_trainable) if _truncates(grid, headers=ascii) else grid


def _as_keras(table: SummaryTable, width: int, positions: Sequence[float] | None, show_trainable: bool) -> Table:
    """Columns that end at fixed shares of the width, as Keras sets them."""
    ends = list(positions or (0.45, 0.80, 1.0))
    heads: list[tuple[str, Any]] = [("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right")]
    if show_trainable:
        ends = [end * 0.90 for end in ends] + [1.0]
        heads.append(("Trainable", "center"))
    if len(ends) != len(heads):
        raise UsageError(f"positions must have {len(heads)} entries, one a column, got {list(positions or ())}")
    widths, current = [], 0
    for end in ends:
        widths.append(int(end * width) - current)
        current += widths[-1]
        if widths[-1] < 4:
            raise UsageError(f"Insufficient console width to print summary: {width} columns leave {widths[-1]} to one")
    made = [Column(name, justify=side, width=size) for (name, side), size in zip(heads, widths, strict=True)]
    grid = Table(*made, width=width, show_lines=True)
    for row in table.rows:
        grid.add_row(*_cells(row, show_trainable))
    return grid


def _truncates(grid: Table, *, headers: bool) -> bool:
    """Whether rich would cut a word off to fit its column; headers: whether theirs count."""
    probe = Table(*(Column(width=column.width) for column in grid.columns), width=grid.width, show_header=False)
    probe.add_row()
    line = theme.render(probe, stream=io.StringIO(), width=grid.width).splitlines()[1]
    rooms = [len(cell) - 2 for cell in line.split("│")[1:-1]]
    for column, room in zip(grid.columns, rooms, strict=True):
        texts = [*column.cells, *([column.header] if headers else [])]
        if any(cell_len(word) > room for text in texts for word in str(text).split()):
            return True
    return False


def _folding(table: SummaryTable, width: int, show_trainable: bool) -> Table:
    """For narrow screens and long names: counts stay whole, everything else is folded rather than cut off."""
    heads = [Column("Param #", justify="right")]
    if show_trainable:
        heads.append(Column("Trainable", justify="center"))
    rows = [_cells(row, show_trainable) for row in table.rows]
    return _fitted(heads, rows, width, box=HEAVY_HEAD)


def _detailed(table: SummaryTable, width: int, show_trainable: bool) -> Table:
    """Keras's columns, then share of the parameters, FLOPs, memory and notes.

    Where boxes would leave no room they go; on narrow screens the details stand below the layer's name.
    """
    batch = table.batch_size or 1
    stacked, roomy = width < _STACKED, width >= _ROOMY
    heads, rows = [Column("Param #", justify="right")], []
    if not stacked:
        heads += [Column(name, justify="right") for name in ("Share", "FLOPs", "Memory")]
    if show_trainable:
        heads.append(Column("Trainable", justify="center"))
    noted = roomy and any(row.notes for row in table.rows)
    if noted:
        heads.append(Column("Notes", width=20))
    for row in table.rows:
        name, output, params, *trainable = _cells(row, show_trainable)
        facts = [_share(row), short(row.flops), memory(row.activation_bytes * batch)]
        if stacked:
            below = [facts[0], f"{facts[1]} FLOPs", facts[2], row.notes]
            name.append("".join(f"\n {printable(fact)}" for fact in below if fact), theme.FAINT)
            facts = []
        elif row.notes and not noted:
            name.append(f"\n {printable(row.notes)}", theme.FAINT)
        texts = [Text(fact, theme.NUMBER) for fact in facts]
        rows.append([name, output, params, *texts, *trainable, *([Text(printable(row.notes))] if noted else [])])
    return _fitted(heads, rows, width, box=HEAVY_HEAD if stacked or roomy else SIMPLE_HEAD)


def _fitted(heads: Sequence[Column], rows: Sequence[Sequence[Text]], width: int, *, box: Box) -> Table:
    """Layer, shape, and `heads`, which are never cut; layers and shapes share the room that is left."""
    boxed = box is HEAVY_HEAD
    for place, head in enumerate(heads, start=2):
        head.no_wrap = head.width is None
        head.width = head.width or max(len(str(head.header)), *(cell_len(str(row[place])) for row in rows), 0)
    count = len(heads) + 2
    edges = 3 * count + 1 if boxed else 2 * count - 1  # what is between and around the columns
    room = max(width - edges - sum(head.width or 0 for head in heads), 15)
    widest = [max((cell_len(line) for row in rows for line in str(row[i]).split("\n")), default=0) for i in (0, 1)]
    longest = max((cell_len(word) for row in rows for word in str(row[0]).split()), default=0)
    shapes = min(max(widest[1], 12), max(room * 2 // 5, room - longest))
    names = min(max(widest[0], 24), room - shapes)
    columns = [
        Column("Layer (type)", width=names, overflow="fold"),
        Column("Output Shape", width=shapes, overflow="fold"),
    ]
    sides = (0, 1) if boxed else (0, 0, 0, 1)
    grid = Table(*columns, *heads, show_lines=boxed, show_edge=boxed, box=box, padding=sides, pad_edge=True)
    for name, output, *others in rows:
        grid.add_row(_softened(name, names), output, *others)
    return grid


def _softened(name: Text, room: int) -> Text:
    """`name` with breaks where a long word may be parted: behind _ and before capitals; rich knows spaces only."""
    parts: list[str] = []
    for word in re.split(r"(\s)", str(name)):
        while cell_len(word) > room:
            ends = [m.end() for m in re.finditer(r"_|[a-z](?=[A-Z])", word) if 2 < m.end() <= room]
            end = ends[-1] if ends else max(room, 1)
            parts += [word[:end], "\n"]
            word = word[end:]
        parts.append(word)
    broken = Text("".join(parts))
    offset, places = 0, []  # where each character of the name went
    plain = str(broken)
    for character in str(name):
        while plain[offset] != character:
            offset += 1
        places.append(offset)
        offset += 1
    for span in name.spans:
        if span.start < span.end:
            broken.stylize(span.style, places[span.start], places[span.end - 1] + 1)
    return broken


def _cells(row: SummaryRow, show_trainable: bool) -> list[Text]:
    indent = "   " * row.level + "└ " if row.level else ""
    name = Text.assemble(f"{indent}{printable(row.name)} (", (printable(row.type), theme.TYPE), ")")
    output = Text("?")
    if row.output_shape is not None:
        output = Text("(")
        for place, size in enumerate(row.output_shape):
            output.append(", " if place else "").append(str(size), theme.UNKNOWN if size is None else theme.NUMBER)
        output.append(")")
    params = Text.assemble(("0", theme.NUMBER), " (unbuilt)")
    if row.params is not None:
        params = Text.assemble((f"{row.params:,}", theme.NUMBER))
    cells = [name, output, params]
    if show_trainable:
        style = {"Y": theme.YES, "N": theme.NO}.get(row.trainable, theme.TITLE)
        cells.append(Text(row.trainable, style))
    return cells


def _footer(table: SummaryTable, detail: bool) -> list[Text]:
    counts = [
        ("Total", table.total, table.total_bytes),
        ("Trainable", table.trainable, table.trainable_bytes),
        ("Non-trainable", table.non_trainable, table.non_trainable_bytes),
    ]
    if table.optimizer:
        counts.append(("Optimizer", table.optimizer, table.optimizer_bytes))
    lines = [
        Text.assemble((f" {name} params: ", theme.TITLE), (f"{count:,}", theme.NUMBER), f" ({memory(size)})")
        for name, count, size in counts
    ]
    if detail:
        top = [row for row in table.rows if not row.level]
        batch = table.batch_size or 1
        flops, held = sum(row.flops for row in top), sum(row.activation_bytes for row in top) * batch
        lines.append(Text.assemble((" FLOPs of one row forward: ", theme.TITLE), (f"{flops:,}", theme.NUMBER)))
        of = f" (batch of {batch:,})" if table.batch_size else " (one row)"
        lines.append(Text.assemble((" Activations: ", theme.TITLE), (memory(held), theme.NUMBER), of))
    return lines


def _share(row: SummaryRow) -> str:
    return f"{100 * row.share:.1f}%" if row.params else "-"


def summary_data(table: SummaryTable) -> dict[str, Any]:
    """The summary as `--format json` writes it; activation_bytes of one row, trainable null without variables."""
    rows = [
        {
            "name": row.name,
            "type": row.type,
            "level": row.level,
            "output_shape": None if row.output_shape is None else list(row.output_shape),
            "params": row.params,
            "trainable": {"Y": True, "N": False}.get(row.trainable),
            "flops": row.flops,
            "activation_bytes": row.activation_bytes,
            "share": row.share,
            "notes": row.notes,
        }
        for row in table.rows
    ]
    return {
        "name": table.name,
        "built": table.built,
        "layers": rows,
        "total_params": table.total,
        "total_bytes": table.total_bytes,
        "trainable_params": table.trainable,
        "trainable_bytes": table.trainable_bytes,
        "non_trainable_params": table.non_trainable,
        "non_trainable_bytes": table.non_trainable_bytes,
        "optimizer_params": table.optimizer,
        "optimizer_bytes": table.optimizer_bytes,
        "batch_size": table.batch_size,
    }


def _markdown(table: SummaryTable, show_trainable: bool, detail: bool) -> str:
    heads = ["Layer (type)", "Output Shape", "Param #"]
    sides = ["---", "---", "---:"]
    if detail:
        heads += ["Share", "FLOPs", "Memory", "Notes"]
        sides += ["---:", "---:", "---:", "---"]
    if show_trainable:
        heads.append("Trainable")
        sides.append(":---:")
    lines = [f"**{_escaped(table.name)}**", "", _line(heads), _line(sides)]
    for row in table.rows:
        indent = "&nbsp;" * 3 * row.level
        cells = [f"{indent}{_escaped(row.name)} ({_escaped(row.type)})", shape(row.output_shape)]
        cells.append("0 (unbuilt)" if row.params is None else f"{row.params:,}")
        if detail:
            size = memory(row.activation_bytes * (table.batch_size or 1))
            cells += [_share(row), short(row.flops), size, _escaped(row.notes)]
        if show_trainable:
            cells.append(row.trainable)
        lines.append(_line(cells))
    return "\n".join([*lines, "", *(f"-{line}" for line in _footer(table, detail))]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\|*_`<>[]" else c for c in printable(text))
