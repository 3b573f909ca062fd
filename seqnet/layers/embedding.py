"""Layers in front of sequences: numbers for words, and which steps are real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import INVALID, Checker, PositiveInt
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import DataError, Path, Problem, ShapeError
from seqnet.initializers import Constant, Initializer
from seqnet.kernels.scatter import sum_by_index
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape
from seqnet.regularizers import Regularizer


@dataclass(frozen=True)
class _Table(Checker):
    """A matrix of numbers; a list with one matrix in it, as Keras also takes, stands for the matrix."""

    def matches(self, value: Any) -> bool:
        return isinstance(value, (list, tuple, np.ndarray))

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        try:
            table = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            table = np.empty(0)
        table = table[0] if table.ndim == 3 and len(table) == 1 else table
        if not self.matches(value) or table.ndim != 2:
            self.refuse(value, path, problems)
            return INVALID
        return table

    def says(self) -> str:
        return "a list of lists of numbers, one a row of the table"

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}

    def dump(self, value: Any, *, full: bool = True) -> Any:
        return None  # a start, which a saved model has no more use for, and too large for a file of options


@layer()
class Embedding(Layer):
    """y = embeddings[x]: a learned vector for each whole number from 0 to input_dim - 1.

    x: (N, ...) whole numbers -> y: (N, ..., output_dim); embeddings: (input_dim, output_dim). Floats lose their
    fraction. With mask_zero, the steps where x is 0 are padding, which later layers skip.
    Backward: dembeddings[i] = Σ dy over the places where x = i; only the rows that occur are touched.

    Raises DataError for a number outside the table; Keras gives NaN or the last row there.
    """

    takes_integers = True

    input_dim: PositiveInt = option("rows of the table: the largest number in the data, plus 1", example=10000)
    output_dim: PositiveInt = option("length of the vectors", example=64)
    embeddings_initializer: Initializer = option("how the table starts", default="uniform")
    embeddings_regularizer: Regularizer | None = option("penalty on the table", default=None)
    embeddings_constraint: Constraint | None = option("applied to the table after each update", default=None)
    mask_zero: bool = option("0 is padding: make a mask of it", default=False)
    table: Annotated[Any, _Table()] | None = option(
        "the table to start with, instead of embeddings_initializer", default=None, name="weights"
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        table, expected = values["weights"], (values["input_dim"], values["output_dim"])
        if table is not None and table.shape != expected:
            yield "weights", f"weights must have shape {expected}, [input_dim, output_dim], got {table.shape}"

    def setup(self) -> None:
        self.makes_mask = self.supports_masking = self.mask_zero

    def stated_input_shape(self) -> Shape | None:
        return self.input_shape

    def output_shape(self, in_shape: Shape) -> Shape:
        return (*in_shape, self.output_dim)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {
            "embeddings": ParamSpec(
                (self.input_dim, self.output_dim),
                self.embeddings_initializer if self.table is None else Constant(self.table),
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )
        }

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        table = ctx.params["embeddings"]
        indices = self._indices(x, ctx)
        return table.take(indices, axis=0), indices

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        indices = cache
        if ctx.grads.wants("embeddings"):
            ctx.grads.add_rows("embeddings", *sum_by_index(indices.reshape(-1), dy.reshape(-1, self.output_dim)))
        return np.zeros(indices.shape, dy.dtype) if need_dx else None

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return x != 0 if self.mask_zero else None

    def _indices(self, x: Array, ctx: Context) -> Array:
        """x as whole numbers of the table."""
        if not x.size:
            return x.astype(np.intp)
        low, high = x.min(), x.max()  # NaN is neither
        if low > -1 and high < self.input_dim:
            return x.astype(np.intp, copy=False)
        at = np.unravel_index(int(np.argmin((x > -1) & (x < self.input_dim))), x.shape)
        place = f"row {ctx.first_row + int(at[0])} of the batch"
        if len(at) > 1:
            place += f", position {', '.join(str(int(i)) for i in at[1:])}"
        value = x[at].item()
        raise DataError(
            f"{self.name or self.spec_name}: got {value:g} ({place}), but input_dim: {self.input_dim} makes a table "
            f"for whole numbers from 0 to {self.input_dim - 1}; {_advice(value, float(high))}"
        )


def _advice(value: float, highest: float) -> str:
    if value >= 0 and highest < 1e9:
        return f"set input_dim to at least {int(highest) + 1}, the largest number of this batch plus 1"
    return "the numbers of words or codes begin with 0"


@layer()
class Masking(Layer):
    """y = x, but 0 in the steps whose numbers all equal mask_value; these become padding, which later layers skip.

    x: (N, T, ...) -> y: (N, T, ...). Mask (N, T): False for padding. Backward: dx = dy at the real steps, 0 elsewhere.
    """

    supports_masking = True
    makes_mask = True

    mask_value: float = option("what padding is filled with", default=0.0)

    def output_shape(self, in_shape: Shape) -> Shape:
        if not in_shape:
            raise ShapeError(f"needs rows with steps and features, got {show_shape(in_shape)}")
        return in_shape

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        real = self._real(x)
        return np.where(real, x, x.dtype.type(0)), real

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return np.where(cache, dy, dy.dtype.type(0)) if need_dx else None

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return self._real(x)[..., 0]

    def _real(self, x: Array) -> Array:
        """(N, ..., 1), False where every number of the last axis is the mask value."""
        real: Array = np.any(x != self.mask_value, axis=-1, keepdims=True)
        return real
