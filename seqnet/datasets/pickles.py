"""Reads the pickles inside known archives, as plain numbers, bytes, lists, mappings and NumPy arrays, and nothing else.

A pickle is a program that may call anything it can name. Here it can name three things of NumPy, and gets for them
objects of this module that only note what they are given; the arrays are made of that afterwards. Whatever else a
pickle names is refused before it is called.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any, NoReturn

import numpy as np

from seqnet.errors import DataError

# "O" is an array of Python objects: lists, in the files of the catalogue.
_DTYPES = {"u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "b1"}
_UNFINISHED = object()
_WRONG = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    RecursionError,
)


def read_pickle(content: bytes, where: str) -> Any:
    """What a pickle holds: int, float, bool, None, str, bytes, list, tuple, dict, and arrays of numbers; an array of
    objects comes as a list.

    Python 2's texts come as bytes. Raises DataError: it names anything but an array or a dtype of NumPy, is damaged.
    """
    try:
        return _finished(_Reader(io.BytesIO(content), encoding="bytes").load(), {})
    except _Refused as error:
        raise DataError(
            f"{where} is a pickle that asks for {error}, which could run code; only arrays, lists and numbers are read "
            f"from it; the file is not what it should be: remove it and fetch it again"
        ) from None
    except _WRONG as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{where} is damaged, or no pickle of arrays ({reason}); fetch the file again") from None


class _Refused(Exception):
    """A pickle names something that is not for it."""


class _Reader(pickle.Unpickler):
    """pickle's machine, whose only way to anything of Python is `find_class`."""

    def find_class(self, module: str, name: str) -> Any:
        module, name = (part.decode("latin-1") if isinstance(part, bytes) else part for part in (module, name))
        if (module, name) == ("numpy", "ndarray"):
            return "ndarray"
        if (module, name) == ("numpy", "dtype"):
            return _DtypeMaker()
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _ArrayMaker()
        raise _Refused(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise _Refused("an object outside the file")


class _Closed:
    """Without a dictionary, and with a `__setstate__` of its own: pickle can put nothing into it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function is given a state")


class _ArrayMaker(_Closed):
    __slots__ = ()

    def __call__(self, kind: Any, shape: Any, code: Any) -> _Array:
        if kind != "ndarray":
            raise ValueError("an array of another class than numpy.ndarray")
        return _Array()


class _DtypeMaker(_Closed):
    __slots__ = ()

    def __call__(self, code: Any, align: Any = 0, copy: Any = 0) -> _Dtype:
        made = _Dtype()
        made.code = code.decode("latin-1") if isinstance(code, bytes) else str(code)
        return made


class _Dtype:
    __slots__ = ("code", "order")

    def __init__(self) -> None:
        self.code, self.order = "", "|"

    def __setstate__(self, state: Any) -> None:
        """(version, byte order, and what only structured dtypes have)"""
        order = state[1]
        self.order = order.decode("latin-1") if isinstance(order, bytes) else str(order)
        if any(part is not None for part in state[2:5]):
            raise ValueError("a dtype with fields")

    def numpy(self) -> np.dtype[Any] | None:
        """None for objects."""
        if self.code in ("O", "O8", "O4"):
            return None
        if self.code not in _DTYPES or self.order not in ("|", "<", ">", "="):
            raise ValueError(f"a dtype {self.order}{self.code}")
        return np.dtype(self.code).newbyteorder("=" if self.order == "|" else self.order)  # type: ignore[arg-type]


class _Array:
    __slots__ = ("content", "dtype", "fortran", "shape")

    def __init__(self) -> None:
        self.content: Any = None
        self.dtype, self.fortran = _Dtype(), False
        self.shape: tuple[int, ...] = ()

    def __setstate__(self, state: Any) -> None:
        """(version, shape, dtype, whether columns come first, bytes or a list)"""
        _, shape, dtype, self.fortran, self.content = state
        if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
            raise ValueError("an array without shape or dtype")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"an array of shape {shape!r}")
        self.dtype, self.shape = dtype, shape

    def finished(self, made: dict[int, Any]) -> Any:
        dtype = self.dtype.numpy()
        if dtype is None:
            if not isinstance(self.content, list) or self.shape != (len(self.content),):
                raise ValueError("an array of objects that is no plain list")
            return _finished(self.content, made)
        if not isinstance(self.content, bytes):
            raise ValueError("an array without bytes")
        if len(self.content) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError(f"an array of shape {self.shape} with {len(self.content)} bytes")
        array = np.frombuffer(self.content, dtype).reshape(self.shape, order="F" if self.fortran else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)


def _finished(value: Any, made: dict[int, Any]) -> Any:
    """The value with arrays in place of what stands for them. made: what has become of each list, by its id."""
    if isinstance(value, _Array):
        return value.finished(made)
    if isinstance(value, list | tuple) and set(map(type, value)) <= {int}:
        return value  # the millions of words of a text set end here
    if isinstance(value, list | tuple | dict):
        if id(value) not in made:
            made[id(value)] = _UNFINISHED
            if isinstance(value, dict):
                made[id(value)] = {_finished(key, made): _finished(item, made) for key, item in value.items()}
            else:
                made[id(value)] = type(value)(_finished(item, made) for item in value)
        if made[id(value)] is _UNFINISHED:
            raise ValueError("a list within itself")
        return made[id(value)]
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise ValueError(f"a {type(value).__name__}")
