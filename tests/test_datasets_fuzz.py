"""Files of arrays with bytes that are wrong, missing or too many: data or a DataError, never anything else."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from seqnet.datasets.base import Source
from seqnet.datasets.images import Images
from seqnet.datasets.series import Series
from seqnet.datasets.sources import Hdf5, Idx, Npy, Npz
from seqnet.errors import DataError

X = np.random.default_rng(0).integers(0, 9, (20, 4, 3)).astype(np.float32)
Y = np.arange(20) % 4


def npz(save: Callable = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, x=X, y=Y)
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, X)
    return file.getvalue()


def idx(array: np.ndarray) -> bytes:
    return (
        b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()
    )


def hdf5(**options) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("x", data=X, **options)
        opened["y"] = Y
    return file.getvalue()


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(108, dtype=np.uint8).reshape(6, 6, 3)).save(file, "PNG")
    return file.getvalue()


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(108, dtype=np.uint8).reshape(6, 6, 3)).save(file, "JPEG")
    return file.getvalue()


SERIES = b"day,a\n" + b"".join(b"2024-01-%02d,%d\n" % (day, day * day) for day in range(1, 29))

# what is broken: its name in the folder, its bytes, and what reads it
FILES: dict[str, tuple[str, bytes, Callable[[float], Source]]] = {
    "npz": ("a.npz", npz(), lambda limit: Npz("a.npz", memory_limit_mb=limit)),
    "compressed npz": ("a.npz", npz(np.savez_compressed), lambda limit: Npz("a.npz", memory_limit_mb=limit)),
    "npy": ("a.npy", npy(), lambda limit: Npy("a.npy", "y.npy", memory_limit_mb=limit)),
    "idx": ("train-images-idx3-ubyte", idx(X), lambda limit: Idx(".", memory_limit_mb=limit)),
    "hdf5": ("a.h5", hdf5(), lambda limit: Hdf5("a.h5", memory_limit_mb=limit)),
    "chunked hdf5": (
        "a.h5",
        hdf5(chunks=(3, 4, 2), compression="gzip"),
        lambda limit: Hdf5("a.h5", memory_limit_mb=limit),
    ),
    "png": ("cat/a.png", png(), lambda limit: Images(".", memory_limit_mb=limit)),
    "jpeg": ("cat/a.jpg", jpeg(), lambda limit: Images(".", memory_limit_mb=limit)),
    "series": ("a.csv", SERIES, lambda limit: Series("a.csv", time="day", lookback=3, missing="interpolate")),
}

change = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))
near_the_beginning = st.tuples(st.floats(0, 0.05), st.integers(0, 255))


@pytest.mark.parametrize("kind", FILES)
@given(
    changes=st.lists(st.one_of(change, near_the_beginning), min_size=1, max_size=4),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
    more=st.sampled_from([b"", b"\0", b"1,2\n"]),
    limit=st.sampled_from([0.0, 512.0]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_broken_files_are_data_or_refused(tmp_path, monkeypatch, kind, changes, kept, more, limit):
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    name, content, source = FILES[kind]
    broken = bytearray(content)
    for place, value in changes:
        broken[int(place * len(broken))] = value
    (tmp_path / "cat").mkdir(exist_ok=True)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(Y))
    (tmp_path / name).write_bytes(bytes(broken[: int(kept * len(broken))]) + more)
    try:
        data = source(limit).load(tmp_path)
        data.prepare()
        data.check()
        data.fingerprint()
    except DataError as error:
        assert "\n" not in str(error)


def test_whole_files_are_data(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(Y))
    (tmp_path / "cat").mkdir()
    for name, content, source in FILES.values():
        (tmp_path / name).write_bytes(content)
        data = source(0.0).load(tmp_path)
        data.prepare()
        data.check()
        (tmp_path / name).unlink()
