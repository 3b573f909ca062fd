"""What stands where Keras has a symbolic tensor: the shape and the precision of what goes into or out of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from seqnet.arrays import Shape
from seqnet.errors import UsageError


@dataclass(frozen=True)
class SymbolicTensor:
    """`layer.output`: its shape begins with the batch axis, None. There is nothing in it to compute with."""

    shape: Shape
    dtype: str
    name: str

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def numpy(self, *others: Any) -> NoReturn:
        """Raises UsageError: there are no values."""
        raise UsageError(
            f"{self.name} is a shape without values; the values of a batch x are model(x), and those of an inner layer "
            "Sequential(model.layers[:n])(x)"
        )

    __array__ = __iter__ = __getitem__ = __add__ = __mul__ = __matmul__ = numpy
