"""Rows that stay in their files: the same numbers as in memory, whoever asks for them and however."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.cli.main import main
from seqnet.datasets import lazy
from seqnet.datasets.base import Data, Split
from seqnet.datasets.lazy import LazyRows, Mapped, RowView, as_rows, blocks, mapped_file, rows_of, spooled
from seqnet.datasets.profile import describe
from seqnet.datasets.sources import Hdf5, Idx, Npy, Npz
from seqnet.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 3, 2)).astype(np.float32)
IMAGES = RNG.integers(0, 256, (50, 5, 4), dtype=np.uint8)
Y = RNG.integers(0, 3, 50)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def mapped(folder: Path, array: np.ndarray, offset: int = 3) -> Mapped:
    """The array behind `offset` bytes, so that it begins at no multiple of its numbers."""
    path = folder / "rows.bin"
    path.write_bytes(bytes(offset) + array.tobytes())
    return mapped_file(path, array.dtype, array.shape, offset)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Mapped:
    return mapped(tmp_path_factory.mktemp("rows"), X)


# ----- rows


rows = st.integers(-50, 49)
keys = st.one_of(
    rows,
    st.slices(50),
    st.lists(rows, max_size=60).map(lambda numbers: np.array(numbers, dtype=np.int64)),
    st.lists(st.booleans(), min_size=50, max_size=50).map(np.array),
    st.tuples(st.slices(50), st.integers(0, 2)),
    st.tuples(rows, st.slices(3)),
)


@given(keys)
def test_rows_are_those_of_an_array(stored, key):
    view = RowView(X, np.arange(50)[::-1])
    for found, array in ((stored, X), (view, X[::-1])):
        assert np.array_equal(found[key], array[key]) and found[key].dtype == array.dtype


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">i2", "u1", "<f8", "?"])
def test_numbers_come_in_the_machines_order(tmp_path, dtype):
    array = np.arange(24).reshape(6, 4).astype(dtype)
    found = mapped(tmp_path, array)
    assert found.dtype == array.dtype.newbyteorder("=") and found[:].dtype.isnative
    assert np.array_equal(found[:], array) and np.array_equal(found.take([5, 0]), array[[5, 0]])
    assert (found.shape, found.ndim, found.size, found.nbytes, len(found)) == ((6, 4), 2, 24, array.nbytes, 6)
    assert np.array_equal(np.asarray(found), array) and found.min() == array.min() and found.max() == array.max()


def test_rows_out_of_range(stored):
    for key in (50, -51, np.array([50])):
        with pytest.raises(IndexError):
            stored[key]
    with pytest.raises(IndexError, match="axis 0"):
        stored.take([0], axis=1)


@pytest.mark.parametrize("resident, window", [(1, 1), (1 << 28, 100), (1 << 28, 1 << 20)])
def test_rows_ahead_are_the_same(tmp_path, monkeypatch, resident, window):
    monkeypatch.setattr(lazy, "RESIDENT", resident)
    monkeypatch.setattr(lazy, "WINDOW", window)
    chosen = np.sort(RNG.permutation(50)[:40])
    for found, array in ((mapped(tmp_path, X), X), (RowView(as_rows(mapped(tmp_path, X)), chosen), X[chosen])):
        order = RNG.permutation(len(array))
        found.expect(order)
        for start in (0, 7, 14, 35, 3, 21):  # also back, as a run that is resumed
            rows = order[start : start + 7]
            assert np.array_equal(found.take(rows, axis=0), array[rows])
        other = RNG.permutation(len(array))[:9]  # no part of the order
        assert np.array_equal(found.take(other, axis=0), array[other])


@pytest.mark.parametrize("dtype", [">f4", "u1"])
def test_one_memory_serves_all_orders(tmp_path, dtype):
    array = X.astype(dtype)
    found = mapped(tmp_path, array)
    memories = set()
    for _ in range(3):
        order = RNG.permutation(50)
        found.expect(order)
        for start in range(0, 50, 7):
            taken = found.take(order[start : start + 7])
            assert np.array_equal(taken, array[order[start : start + 7]]) and taken.dtype.isnative
            memories.add(id(found._ahead.rows))
    assert len(memories) == 1


def test_few_rows_are_copied_many_are_looked_up(stored, monkeypatch):
    half = np.arange(0, 50, 2)
    assert type(rows_of(X, half)) is np.ndarray
    view = rows_of(as_rows(stored), half)
    assert isinstance(view, RowView) and np.array_equal(view[:], X[half])
    again = rows_of(view, np.array([3, 1]))
    assert isinstance(again, RowView) and again.array is stored and np.array_equal(again[:], X[half][[3, 1]])
    monkeypatch.setattr(lazy, "COPIED", 100)
    assert isinstance(rows_of(X, half), RowView)
    assert type(rows_of(np.arange(50), half)) is np.ndarray  # labels stay arrays


def test_blocks_are_all_rows(monkeypatch, stored):
    monkeypatch.setattr(lazy, "BLOCK", 42)  # seven rows
    found = list(blocks(stored))
    assert [start for start, _ in found] == list(range(0, 50, 7))
    assert np.array_equal(np.concatenate([part for _, part in found]), X)


def test_checks_fingerprint_and_profile_go_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(lazy, "BLOCK", 20)
    found = Data("d", Split(as_rows(mapped(tmp_path, X)), Y))
    whole = Data("d", Split(X, Y))
    found.check()
    assert found.fingerprint() == whole.fingerprint()
    assert describe(found) == {**describe(whole), "range": pytest.approx(describe(whole)["range"])}
    bad = X.copy()
    bad[41, 2, 1] = np.nan
    with pytest.raises(DataError, match=r"x_train has 1 NaN .*row 41, position \[2, 1\]"):
        Data("d", Split(as_rows(mapped(tmp_path, bad)), Y)).check()


def test_a_column_of_a_table_is_profiled(tmp_path):
    data = Data("d", Split(as_rows(mapped(tmp_path, X[:, 0])), Y))
    assert describe(data)["features"][1] == {
        "name": "1",
        "min": X[:, 0, 1].min(),
        "max": X[:, 0, 1].max(),
        "mean": pytest.approx(float(X[:, 0, 1].mean()), rel=1e-6),
    }


@pytest.mark.parametrize("parts, word", [([b"123"], "5 fewer"), ([b"1234", b"5678", b"9"], "more")])
def test_packed_rows_of_another_length(parts, word):
    with pytest.raises(DataError, match=f"{word} bytes"):
        spooled(parts, np.dtype("u1"), (2, 4), "a.npz: x")


def test_packed_rows_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="name another folder in SEQNET_HOME"):
        spooled([bytes(8)], np.dtype("u1"), (2, 4), "a.npz: x")


# ----- files


def idx(array: np.ndarray, code: int) -> bytes:
    """IDX by its description: two zero bytes, the dtype's code, the axes, big-endian numbers."""
    axes = struct.pack(f">{array.ndim}I", *array.shape)
    return b"\0\0" + bytes([code, array.ndim]) + axes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def as_npz(folder: Path, array: np.ndarray):
    np.savez(folder / "a.npz", x_train=array, y_train=Y)
    return Npz(path="a.npz", memory_limit_mb=0)


def as_compressed_npz(folder: Path, array: np.ndarray):
    np.savez_compressed(folder / "a.npz", x_train=array, y_train=Y)
    return Npz(path="a.npz", memory_limit_mb=0)


def as_npy(folder: Path, array: np.ndarray):
    np.save(folder / "x.npy", array)
    np.save(folder / "y.npy", Y)
    return Npy(x="x.npy", y="y.npy", memory_limit_mb=0)


def as_hdf5(folder: Path, array: np.ndarray):
    with h5py.File(folder / "a.h5", "w") as file:
        file["deep/x"], file["y_train"] = array, Y
    return Hdf5(path="a.h5", x_train="deep/x", memory_limit_mb=0)


def as_chunked_hdf5(folder: Path, array: np.ndarray):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("x_train", data=array, compression="gzip", chunks=(7, *array.shape[1:]))
        file["y_train"] = Y
    return Hdf5(path="a.h5", memory_limit_mb=0)


def as_big_endian_hdf5(folder: Path, array: np.ndarray):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("x_train", data=array.astype(array.dtype.newbyteorder(">")))
        file["y_train"] = Y
    return Hdf5(path="a.h5", memory_limit_mb=0)


def as_idx(folder: Path, array: np.ndarray, pack=bytes, ending=""):
    (folder / f"train-images-idx3-ubyte{ending}").write_bytes(pack(idx(array, 0x0D if array.dtype == "f4" else 0x08)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(Y.astype(np.uint8), 0x08))
    return Idx(path=".", memory_limit_mb=0)


def as_zipped_idx(folder: Path, array: np.ndarray):
    return as_idx(folder, array, gzip.compress, ".gz")


FORMS = [as_npz, as_compressed_npz, as_npy, as_hdf5, as_chunked_hdf5, as_big_endian_hdf5, as_idx, as_zipped_idx]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("array", [X, IMAGES], ids=["float32", "uint8"])
def test_every_file_read_lazily(tmp_path, form, array):
    data = form(tmp_path, array).load(tmp_path)
    assert isinstance(data.train.x, LazyRows) and data.train.x.dtype == array.dtype
    assert np.array_equal(data.train.x[:], array) and np.array_equal(data.train.y, Y)
    held = data.train.take(np.array([4, 40, 9]))
    assert isinstance(held.x, RowView) and np.array_equal(held.x[:], array[[4, 40, 9]])
    assert data.num_classes == 3


@pytest.mark.parametrize("form", FORMS)
def test_within_the_limit_they_are_arrays(tmp_path, form):
    source = form(tmp_path, X)
    source.memory_limit_mb = 512.0
    assert type(source.load(tmp_path).train.x) is np.ndarray
    assert not list((tmp_path / "home").rglob("*"))  # and nothing is written


def test_the_largest_stay_in_the_file(tmp_path):
    np.savez(
        tmp_path / "a.npz", x_train=np.zeros((9000, 6)), y_train=np.zeros(9000), x_test=X[:, 0].repeat(3, 1), y_test=Y
    )
    data = Npz(path="a.npz", memory_limit_mb=0.1).load(tmp_path)
    assert isinstance(data.train.x, Mapped) and type(data.test.x) is np.ndarray and type(data.train.y) is np.ndarray


def test_text_labels_and_names_in_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x_train"], file["y_train"] = X, [f"class {label}" for label in Y]
        file["feature_names"] = ["a", "ö"]
    data = Hdf5(path="a.h5").load(tmp_path)
    assert data.class_names == ("class 0", "class 1", "class 2") and np.array_equal(data.train.y, Y)
    assert data.feature_names == ("a", "ö")


# file, how it is made, words of the message
def _fortran(path: Path) -> None:
    np.savez(path, x_train=np.asfortranarray(X[:, :, 0]), y_train=Y)


def _flipped(path: Path) -> None:
    np.savez(path, x_train=X, y_train=Y)
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    path.write_bytes(content)


def _short(path: Path) -> None:
    np.save(path, X)
    path.write_bytes(path.read_bytes()[:-4])


def _objects(path: Path) -> None:
    np.save(path, np.array([{}], dtype=object))


def _compound(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x_train"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
        file["y_train"] = Y


BAD = [
    ("a.npz", _fortran, ["Fortran", "np.ascontiguousarray", "memory_limit_mb"]),
    ("a.npz", _flipped, ["x_train is damaged", "CRC-32"]),
    ("a.npy", _short, ["is cut off"]),
    ("a.npy", _objects, ["Python objects", "pickle"]),
    ("a.npy", lambda path: path.write_text("x"), ["is not a NumPy array"]),
    ("a.h5", lambda path: path.write_text("x"), ["is not an HDF5 file"]),
    ("a.h5", _compound, ["x_train has dtype", "numbers or of text"]),
]


@pytest.mark.parametrize("name, make, words", BAD)
def test_broken_files(tmp_path, name, make, words):
    make(tmp_path / name)
    source = {".npz": Npz, ".npy": Npy, ".h5": Hdf5}[Path(name).suffix](name, memory_limit_mb=0)
    with pytest.raises(DataError) as caught:
        source.load(tmp_path)
    assert all(word in str(caught.value) for word in [*words, name]), str(caught.value)


def test_hdf5_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "a.h5").write_text("x")
    with pytest.raises(DataError, match=r"pip install 'seqnet\[hdf5\]'"):
        Hdf5(path="a.h5").load(tmp_path)


# options, words of the message
NPY = [
    ({"x": "x.npy", "y_test": "y.npy"}, ["has y_test but no x_test"]),
    ({"x": "x.npy", "y": "y.npy", "x_val": "x.npy"}, ["has x_val but no y_val"]),
    ({"x": "z.npy"}, ["there is no file"]),
    ({"x": "x.npy", "y": "short.npy"}, ["50 rows", "y_train has 20"]),
]


@pytest.mark.parametrize("options, words", NPY)
def test_npy_files_that_do_not_go_together(tmp_path, options, words):
    for name, array in (("x", X), ("y", Y), ("short", Y[:20])):
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DataError) as caught:
        Npy(**options).load(tmp_path)
    assert all(word in str(caught.value) for word in words)


# ----- commands

TRAIN = """
data: {{npz: {{path: rows.npz, memory_limit_mb: {limit}}}, validation_split: 0.2, test_split: 0.1{more}}}
model: [Normalization, Flatten, Dense: {{units: 8, activation: relu}}, Dense: {{units: {units}}}]
optimizer: sgd
loss: {loss}
training: {{epochs: 2, batch_size: 8}}
"""


def run(capsys, *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    return out


@pytest.mark.parametrize("kind", ["classes", "images of images"])
def test_a_run_is_the_same_to_the_byte(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    classes = kind == "classes"
    y = Y if classes else X.reshape(50, 6)
    np.savez("rows.npz", x=X, y=y)
    options = {"units": 3, "loss": "sparse_categorical_crossentropy"} if classes else {"units": 6, "loss": "mse"}
    for name, limit in (("memory", 100), ("file", 0)):
        Path(f"{name}.yaml").write_text(TRAIN.format(limit=limit, more="", **options))
        run(capsys, "train", f"{name}.yaml")
        run(capsys, "check", f"{name}.yaml")
        run(capsys, "report", f"{name}/1")
    one, other = (Path("runs", name, "1/best/weights.safetensors") for name in ("memory", "file"))
    files = sorted(path.name for path in Path("runs/memory/1/best").iterdir() if path.suffix == ".safetensors")
    assert files and all(
        Path("runs/memory/1/best", name).read_bytes() == Path("runs/file/1/best", name).read_bytes() for name in files
    ), (one, other)
    assert run(capsys, "evaluate", "memory/1", "--json").replace("memory", "file") == run(
        capsys, "evaluate", "file/1", "--json"
    )


def test_one_hot_of_lazily_read_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("rows.npz", x=X, y=Y)
    text = TRAIN.format(limit=0, more=", one_hot: true", units=3, loss="categorical_crossentropy")
    Path("a.yaml").write_text(text)
    run(capsys, "train", "a.yaml")
    assert "50" not in run(capsys, "data", "info", "a.yaml").split("input")[0]


SCALE = 16  # times smaller than 10 GB and the 1 GB that it may take


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured on Linux")
def test_a_file_larger_than_memory_trains_in_little(tmp_path):
    """10 GB within 1 GB of resident memory, pages of the file among it, both scaled down by SCALE."""
    count = 10_000_000_000 // SCALE // 64**2
    for name, rows in (("small", 100), ("large", count)):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((rows, 64, 64), np.uint8), y=np.zeros(rows, np.uint8))
        (tmp_path / f"{name}.yaml").write_text(
            textwrap.dedent(f"""
            data: {{npz: {{path: {name}.npz, memory_limit_mb: {512 / SCALE}}}, validation_split: 0.05}}
            model: [Flatten, Dense: {{units: 2, activation: softmax}}]
            optimizer: sgd
            loss: sparse_categorical_crossentropy
            training: {{epochs: 1, batch_size: 64, verbose: 0}}
            """)
        )
    code = f"""
        from seqnet.cli.main import main
        from seqnet.datasets import lazy
        def train(name):
            try:
                main(["train", name])
            except SystemExit as ended:
                assert ended.code == 0
        def memory(name):
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
        lazy.RESIDENT //= {SCALE}
        lazy.WINDOW //= {SCALE}
        lazy.COPIED //= {SCALE}
        train("small.yaml")  # imports everything
        before = memory("VmRSS")
        train("large.yaml")
        print("took", (memory("VmHWM") - before) * 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    took = int(done.stdout.rpartition("took")[2])
    assert took < 1_000_000_000 / SCALE, f"{took:,} bytes"
