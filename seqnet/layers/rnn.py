"""A recurrent layer around any cell, and cells that are one cell together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import INVALID, Checker, ComponentOf, Tuple
from seqnet.declare import option
from seqnet.errors import Path, Problem
from seqnet.layers.base import Layer, layer
from seqnet.layers.inner import flops_of
from seqnet.layers.recurrent_base import Cell, Part, RecurrentLayer, Scan

Cells = Annotated[list[Cell], Tuple(ComponentOf(Cell), minimum=1, mutable=True)]


@layer()
class StackedRNNCells(Cell):
    """Cells one on the other: each takes the output of the one below as its x; y is the last one's.

    x: (N, I) -> y: (N, units of the last). The states are those of all cells, in order; so are the weights.
    """

    cells: Cells = option("the cells, from the lowest", example=[{"LSTMCell": {"units": 64}}])

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        cells = values["cells"]
        for index, cell in enumerate(cells):
            if any(cell is other for other in cells[:index]):
                yield "cells", f"entry {index + 1} of cells is there twice; make a cell for each place"

    def setup(self) -> None:
        self.differs_in_training = any(cell.differs_in_training for cell in self.cells)

    def output_shape(self, in_shape: Shape) -> Shape:
        for cell in self.cells:
            in_shape = cell.output_shape(in_shape)
        return in_shape

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        return tuple(shape for cell, inner in self._steps(in_shape) for shape in cell.state_shapes(inner))

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return list(self._steps(in_shape))

    def flops(self, in_shape: Shape) -> int:
        return flops_of(self.children(in_shape))

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        (part,) = parts
        x, place = part.x, 0
        ends: list[Array] = []
        inner: list[tuple[Part, Cache]] = []
        for index, cell in enumerate(self.cells):
            count = len(cell.state_shapes(x.shape[2:]))
            start = None if part.start is None else part.start[place : place + count]
            one = Part(cell, x, start, part.padding, part.ctx.child(index))
            (scan,), cache = cell.scan([one], last=last and cell is self.cells[-1])
            inner.append((one, cache))
            ends.extend(scan.ends)
            x, place = scan.y, place + count
        return [Scan(x, ends)], inner

    def scan_back(self, parts: Sequence[Part], dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
        (dy,) = dys
        for index in range(len(cache) - 1, -1, -1):
            one, made = cache[index]
            (dy,) = one.cell.scan_back([one], [dy], made, need_dx=need_dx or index > 0)
        return [dy]

    def _steps(self, in_shape: Shape) -> Iterator[tuple[Cell, Shape]]:
        """Each cell with the shape of its x."""
        for cell in self.cells:
            yield cell, in_shape
            in_shape = cell.output_shape(in_shape)


@dataclass(frozen=True)
class _CellOrCells(Checker):
    """A cell; a list of cells stands for StackedRNNCells."""

    one = ComponentOf(Cell)
    many = Tuple(ComponentOf(Cell), minimum=1, mutable=True)

    def matches(self, value: Any) -> bool:
        return isinstance(value, (list, tuple)) or self.one.matches(value)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, (list, tuple)):
            return self.one.check(value, path, problems)
        cells = self.many.check(value, path, problems)
        return INVALID if cells is INVALID else StackedRNNCells(cells)

    def says(self) -> str:
        return "a cell, or a list of cells to be stacked"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.one.schema(), self.many.schema()]}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return self.one.dump(value, full=full)


@layer()
class RNN(RecurrentLayer):
    """Steps of a cell along a sequence; y is the last output, or with return_sequences all of them.

    x: (N, T, I) -> y: (N, units) or (N, T, units). A step that the mask leaves out keeps the states and repeats the
    output before, or gives zeros with zero_output_for_mask.
    """

    cell: Annotated[Cell, _CellOrCells()] = option(
        "what happens in a step; a list of cells is stacked", example={"LSTMCell": {"units": 64}}
    )
    zero_output_for_mask: bool = option("give zeros at steps that the mask leaves out", default=False, last=36)
