"""Files as data: npz and IDX sources, files of input rows, and what is said about each kind of broken file.

IDX files are written here byte by byte from the format's description, npz files by NumPy.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from seqnet.datasets.base import Data, Source
from seqnet.datasets.readers import npz_keys, read_array_file, read_idx, read_npz_arrays
from seqnet.datasets.sources import Idx, Npz
from seqnet.declare import make
from seqnet.errors import DataError, SpecError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.array([0, 1, 2, 0, 1, 2])
FASHION = Path("/usr/share/datasets/fashion-mnist")


def save(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def load(path: Path, **options) -> Data:
    return Npz(path=path.name, **options).load(path.parent)


def refused(call, *words: str) -> str:
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert "\n" not in message
    return message


# ----- npz


def test_npz_reads_every_part(tmp_path):
    path = save(
        tmp_path / "toy.npz",
        x_train=X,
        y_train=Y,
        x_test=X[:2],
        y_test=Y[:2],
        x_val=X[2:5],
        y_val=Y[2:5],
        sample_weight=np.arange(6.0),
        class_names=np.array(["a", "b", "c"]),
        feature_names=np.array(["p", "q", "r", "s"]),
        more=np.zeros(3),
    )
    data = load(path)
    assert data.name == "toy" and data.task is None
    assert np.array_equal(data.train.x, X) and np.array_equal(data.train.y, Y)
    assert data.train.x.dtype == X.dtype and data.train.y.dtype == Y.dtype
    assert np.array_equal(data.train.sample_weight, np.arange(6.0))
    assert len(data.test) == 2 and len(data.validation) == 3 and data.test.sample_weight is None
    assert data.class_names == ("a", "b", "c") and data.feature_names == ("p", "q", "r", "s")


# arrays in the file, options, {split: has targets}
PARTS = [
    ({"x": X, "y": Y}, {}, {"train": True}),
    ({"x": X, "y": Y, "x_test": X, "y_test": Y}, {}, {"train": True, "test": True}),
    ({"x_train": X, "y_train": Y, "x": X[:1], "y": Y[:1]}, {}, {"train": True}),
    ({"inputs": X, "labels": Y}, {"x_train": "inputs", "y_train": "labels"}, {"train": True}),
    ({"x": X}, {"y_train": None}, {"train": False}),
    ({"x": X, "x_test": X}, {"y_train": None}, {"train": False, "test": False}),
    ({"x": X, "y": Y, "x_test": X}, {"y_test": None}, {"train": True, "test": False}),
    ({"x": X, "y": Y, "x_test": X}, {"x_test": None}, {"train": True}),
    (
        {"x": X, "y": Y, "x_valid": X, "y_valid": Y},
        {"x_val": "x_valid", "y_val": "y_valid"},
        {"train": True, "validation": True},
    ),
    ({"x": X, "y": Y, "sample_weight": Y}, {"sample_weight": None}, {"train": True}),
]


@pytest.mark.parametrize("arrays, options, parts", PARTS)
def test_npz_parts(tmp_path, arrays, options, parts):
    data = load(save(tmp_path / "toy.npz", **arrays), **options)
    assert {name: split.y is not None for name, split in data.splits.items()} == parts
    assert len(data.train) == 6 and data.train.sample_weight is None


def test_npz_weights_by_another_name(tmp_path):
    data = load(save(tmp_path / "toy.npz", x=X, y=Y, w=np.ones(6)), sample_weight="w")
    assert data.train.sample_weight.tolist() == [1] * 6


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_npz_compressed_or_not(tmp_path, writer):
    writer(tmp_path / "toy.npz", x=X, y=Y)
    assert np.array_equal(load(tmp_path / "toy.npz").train.x, X)


def test_npz_text_labels(tmp_path):
    names = np.array(["cat", "dog", "ant"])
    data = load(save(tmp_path / "toy.npz", x=X, y=names[Y], x_test=X[:2], y_test=names[Y[:2]]))
    assert data.class_names == ("ant", "cat", "dog") and data.task == "classification"
    assert data.train.y.tolist() == [1, 2, 0, 1, 2, 0] and data.test.y.tolist() == [1, 2]


def test_paths_count_from_the_base_or_are_absolute_or_from_home(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    path = save(tmp_path / "deep/toy.npz", x=X, y=Y)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(Npz("deep/toy.npz").load(tmp_path).train) == 6
    assert len(Npz(path=str(path)).load(Path("/")).train) == 6
    assert len(Npz(path="~/deep/toy.npz").load(Path("/")).train) == 6


def test_sources_are_made_from_yaml_forms():
    problems = []
    made = make(Source, {"npz": {"path": "a.npz"}}, (), problems)
    assert isinstance(made, Npz) and made.to_spec() == {"npz": {"path": "a.npz"}}
    assert isinstance(make(Source, {"idx": {"path": "folder"}}, (), problems), Idx)
    assert not problems
    with pytest.raises(SpecError, match="npz needs path: the npz file"):
        Npz()
    with pytest.raises(SpecError, match="did you mean x_train?"):
        Npz(path="a.npz", x_trian="x")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one good npz and every kind of bad one."""
    save(tmp_path / "good.npz", x_train=X, y_train=Y)
    save(tmp_path / "no_y.npz", x_train=X, labels=Y)
    save(tmp_path / "other_names.npz", X_train=X, Y_train=Y)
    save(tmp_path / "half_test.npz", x=X, y=Y, x_test=X)
    save(tmp_path / "lengths.npz", x=X, y=Y[:5])
    save(tmp_path / "nan.npz", x=np.full((6, 2), np.nan), y=Y)
    save(tmp_path / "names.npz", x=X, y=Y, class_names=np.arange(3))
    save(tmp_path / "nothing.npz")
    np.savez(tmp_path / "pickled.npz", x_train=np.array([[1, 2], [3]], dtype=object), y_train=Y)
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "array_inside.npz").write_bytes((tmp_path / "one.npy").read_bytes())
    (tmp_path / "text.npz").write_text("x,y\n1,2\n")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    np.savez_compressed(tmp_path / "whole.npz", x_train=np.arange(10000.0), y_train=np.arange(10000))
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    broken = bytearray(content)
    broken[2000:2100] = bytes(100)
    (tmp_path / "broken.npz").write_bytes(broken)
    with zipfile.ZipFile(tmp_path / "short.npz", "w") as archive:
        file = io.BytesIO()
        np.save(file, X)
        archive.writestr("x_train.npy", file.getvalue()[:-8])
        archive.writestr("y_train.npy", b"no array at all")
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        header = repr({"descr": "<f8", "fortran_order": False, "shape": (2**50,)}).encode().ljust(117) + b"\n"
        archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        archive.writestr("y_train.npy", b"")
    return tmp_path


# file, words of the message
BAD_NPZ = [
    ("god.npz", ["there is no file", "god.npz", "did you mean good.npz?"]),
    ("zzzzzzzz", ["there is no file"]),
    ("sub/deeper/a.npz", ["there is no file", "the folder", "doesn't exist either"]),
    ("good.npz/inside.npz", ["there is no file"]),
    ("sub", ["sub is a folder; npz needs a file", "idx: {path:"]),
    ("a\0b.npz", ["no usable path"]),
    ("x" * 5000, ["can't be read", "too long"]),
    ("array_inside.npz", ["one npy array, not an npz", "np.savez"]),
    ("text.npz", ["text.npz is not an npz file"]),
    ("empty.npz", ["empty.npz is not an npz file"]),
    ("cut.npz", ["cut.npz is cut off"]),
    ("broken.npz", ["broken.npz: x_train is damaged"]),
    ("short.npz", ["short.npz: x_train is damaged"]),
    ("huge.npz", ["huge.npz: x_train is damaged"]),
    ("pickled.npz", ["pickled.npz: x_train is an array of Python objects", "never loads", "np.savez"]),
    ("no_y.npz", ["no array 'y_train'", "it holds x_train, labels", "y_train: NAME", "y_train: null"]),
    ("other_names.npz", ["no array 'x_train'", "it holds X_train, Y_train", "x_train: X_train"]),
    ("half_test.npz", ["no array 'y_test'", "it holds x, y, x_test", "y_test: null"]),
    ("nothing.npz", ["no array 'x_train'", "it holds no arrays"]),
    ("lengths.npz", ["x_train has 6 rows", "y_train has 5"]),
    ("nan.npz", ["nan: x_train has 12 NaN", "row 0, column 0"]),
    ("names.npz", ["class_names must be a list of names", "int64"]),
]


@pytest.mark.parametrize("name, words", BAD_NPZ, ids=[name[:20].replace("\0", "0") for name, _ in BAD_NPZ])
def test_bad_npz(folder, name, words):
    refused(lambda: Npz(path=name).load(folder), *words)


def test_named_arrays_must_be_there(folder):
    refused(lambda: load(folder / "good.npz", x_test="x_tst"), "no array 'x_tst'", "x_test: NAME")
    refused(
        lambda: load(folder / "good.npz", sample_weight="weights"), "no array 'weights'", "it holds x_train, y_train"
    )


def test_a_home_that_is_unknown_is_said(folder):
    refused(lambda: Npz(path="~nobody-of-that-name/a.npz").load(folder), "no usable path")


def test_an_unreadable_file_is_said(folder, monkeypatch):
    def forbid(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    refused(lambda: load(folder / "good.npz"), "good.npz can't be read: Permission denied")
    refused(lambda: read_array_file("one.npy", folder), "can't be read: Permission denied")
    (folder / "a.csv").touch()
    refused(lambda: read_array_file("a.csv", folder), "a.csv can't be read: Permission denied")


def test_an_unreadable_folder_is_said(folder, monkeypatch):
    def forbid(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbid)
    refused(lambda: Idx(path="sub").load(folder), "sub can't be read: Permission denied")
    assert refused(lambda: Npz(path="god.npz").load(folder)).endswith("god.npz")  # no names to suggest


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    np.savez(tmp_path / "trap.npz", x=np.array([Trap()], dtype=object), y=np.array([0]))
    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object))
    refused(lambda: load(tmp_path / "trap.npz"), "never loads")
    refused(lambda: read_array_file("trap.npy", tmp_path), "never loads")


def test_read_npz_arrays(folder):
    path = folder / "good.npz"
    assert npz_keys(path) == ("x_train", "y_train")
    assert list(read_npz_arrays(path)) == ["x_train", "y_train"]
    assert list(read_npz_arrays(path, ["y_train"])) == ["y_train"]
    refused(lambda: read_npz_arrays(path, ["y_tran"]), "no array 'y_tran'", "did you mean y_train?")


def test_cutting_or_changing_an_npz_anywhere_never_gives_a_traceback(tmp_path):
    path = tmp_path / "toy.npz"
    np.savez_compressed(path, x=X, y=Y)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in range(0, len(content), 7):
        path.write_bytes(content[:cut])
        refused(lambda: load(path))
    for place in rng.integers(0, len(content), 300):
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            data = load(path)
        except DataError:
            continue
        assert np.array_equal(data.train.x, X) and np.array_equal(data.train.y, Y)  # a byte that doesn't matter


# ----- IDX

# code, dtype, values; the codes are those of the MNIST page
IDX_TYPES = [
    (0x08, "u1", [0, 7, 255]),
    (0x09, "i1", [-128, 0, 127]),
    (0x0B, "i2", [-30000, 1, 258]),
    (0x0C, "i4", [-(2**31), 65539, 3]),
    (0x0D, "f4", [0.5, -1e30, 3.0]),
    (0x0E, "f8", [0.1, -1e300, 3.0]),
]
STRUCT = {"u1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}


def idx_bytes(values, shape, code=0x08, kind="u1") -> bytes:
    header = struct.pack(">BBBB", 0, 0, code, len(shape)) + struct.pack(f">{len(shape)}I", *shape)
    return header + struct.pack(f">{len(values)}{STRUCT[kind]}", *values)


@pytest.mark.parametrize("code, kind, values", IDX_TYPES)
@pytest.mark.parametrize("zipped", [False, True])
def test_read_idx_dtypes(tmp_path, code, kind, values, zipped):
    content = idx_bytes(values, (3,), code, kind)
    path = tmp_path / "values"
    path.write_bytes(gzip.compress(content) if zipped else content)
    array = read_idx(path)
    assert array.dtype == np.dtype(kind) and array.dtype.isnative
    assert array.tolist() == pytest.approx(values, rel=1e-7)
    array[0] = 0  # ours to change


def test_read_idx_axes(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(idx_bytes(range(24), (2, 3, 4)))
    assert np.array_equal(read_idx(path), np.arange(24).reshape(2, 3, 4))  # the last axis runs fastest
    path.write_bytes(idx_bytes([], (0, 28, 28)))
    assert read_idx(path).shape == (0, 28, 28)


IMAGES, LABELS = idx_bytes(range(24), (6, 2, 2)), idx_bytes(Y.tolist(), (6,))
GOOD_GZIP = gzip.compress(IMAGES, mtime=0)

# content, words of the message
BAD_IDX = [
    (b"", ["not an IDX file"]),
    (b"\x00\x00", ["not an IDX file"]),
    (b"\x89PNG\r\n\x1a\n", ["not an IDX file", "starts with"]),
    (b"\x01" + IMAGES[1:], ["not an IDX file"]),
    (b"\x00\x00\x0a\x01" + bytes(8), ["IDX knows no dtype 0x0a", "0x8"]),
    (b"\x00\x00\x08\x00" + bytes(8), ["announces 0 axes"]),
    (b"\x00\x00\x08\x03" + bytes(8), ["cut off or broken", "3 axes"]),
    (IMAGES[:-1], ["is cut off", "shape (6, 2, 2) of uint8, 24 bytes, but 23 follow"]),
    (IMAGES + b"\x00", ["has bytes after its end", "24 bytes, but more follow"]),
    (b"\x00\x00\x0e\x03" + b"\xff" * 12 + bytes(100), ["is cut off", "but 100 follow"]),  # 6e29 bytes announced
    (gzip.compress(IMAGES[:-1], mtime=0), ["is cut off"]),
    (gzip.compress(IMAGES + b"\x00", mtime=0), ["has bytes after its end"]),
    (GOOD_GZIP[:30], ["broken gzip", "fetch it again"]),
    (GOOD_GZIP[:-8] + bytes(4) + GOOD_GZIP[-4:], ["broken gzip"]),
    (b"\x1f\x8b" + b"\xff" * 40, ["broken gzip"]),
]


@pytest.mark.parametrize("content, words", BAD_IDX, ids=range(len(BAD_IDX)))
def test_bad_idx(tmp_path, content, words):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    refused(lambda: read_idx(path), str(path), *words)


# file names of a folder: every spelling
SPELLINGS = [
    ("train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte"),
    ("train-{}.idx{}-ubyte", "t10k-{}.idx{}-ubyte"),
    ("train-{}-idx{}-ubyte.gz", "t10k-{}-idx{}-ubyte.gz"),
    ("train-{}.idx{}-ubyte", "test-{}-idx{}-ubyte.gz"),
]


def idx_folder(folder: Path, train: str = SPELLINGS[0][0], test: str | None = SPELLINGS[0][1]) -> Path:
    for name in (train, test):
        for what, axes, content in (("images", 3, IMAGES), ("labels", 1, LABELS)):
            if name:
                file = folder / name.format(what, axes)
                file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return folder


@pytest.mark.parametrize("train, test", SPELLINGS)
def test_idx_folder(tmp_path, train, test):
    folder = idx_folder(tmp_path, train, test)
    data = Idx(path=folder.name).load(folder.parent)
    assert data.name == folder.name and data.task == "classification" and data.num_classes == 3
    for split in (data.train, data.test):
        assert np.array_equal(split.x, np.arange(24).reshape(6, 2, 2)) and split.y.tolist() == Y.tolist()
        assert split.x.dtype == split.y.dtype == np.uint8


def test_idx_folder_without_a_test_part(tmp_path):
    data = Idx(path=str(idx_folder(tmp_path, test=None))).load(Path())
    assert list(data.splits) == ["train"]


def test_idx_prefers_the_unzipped_file(tmp_path):
    idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b broken")
    assert len(Idx(path=str(tmp_path)).load(Path()).train) == 6


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


# change to a good folder, words of the message
BAD_FOLDERS = [
    (remove("train-labels-idx1-ubyte"), ["has train-images-idx3-ubyte but no train-labels-… beside it"]),
    (remove("train-images-idx3-ubyte"), ["has train-labels-idx1-ubyte but no train-images-… beside it"]),
    (remove("t10k-labels-idx1-ubyte"), ["has t10k-images-idx3-ubyte but no t10k-labels-… beside it"]),
    (write("train-labels-idx1-ubyte", idx_bytes([1, 2], (2,))), ["holds 6 images", "2 labels"]),
    (write("train-labels-idx1-ubyte", IMAGES), ["shape (6, 2, 2)", "one number a row"]),
    (write("t10k-images-idx3-ubyte", idx_bytes(range(6), (6, 1, 1))), ["x_test has rows of shape (1, 1)", "(2, 2)"]),
    (write("train-images-idx3-ubyte", b"<html>"), ["not an IDX file"]),
]


@pytest.mark.parametrize("change, words", BAD_FOLDERS)
def test_bad_idx_folder(tmp_path, change, words):
    change(idx_folder(tmp_path))
    refused(lambda: Idx(path=str(tmp_path)).load(Path()), *words)


def test_no_idx_folder(tmp_path):
    (tmp_path / "fashion").mkdir()
    refused(lambda: Idx(path="fashio").load(tmp_path), "there is no folder", "did you mean fashion?")
    refused(lambda: Idx(path="fashion").load(tmp_path), "no file such as train-images-idx3-ubyte", "it holds nothing")
    (tmp_path / "fashion/notes.txt").write_text("")
    refused(lambda: Idx(path="fashion").load(tmp_path), "it holds notes.txt")
    refused(lambda: Idx(path="fashion/notes.txt").load(tmp_path), "is a file; idx needs the folder")


@pytest.mark.slow
@pytest.mark.skipif(
    not FASHION.is_dir(), reason="needs Fashion-MNIST's IDX files (Debian package dataset-fashion-mnist)"
)
def test_the_real_fashion_mnist():
    """Sizes, balance and mean pixel of the published set (mean 0.2860 of 255: a figure widely used to normalise it)."""
    data = Idx(path=str(FASHION)).load(Path())
    assert data.train.x.shape == (60000, 28, 28) and data.test.x.shape == (10000, 28, 28)
    assert np.bincount(data.train.y).tolist() == [6000] * 10 and np.bincount(data.test.y).tolist() == [1000] * 10
    assert data.train.x.dtype == data.train.y.dtype == np.uint8
    assert data.train.x.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert data.train.y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]


# ----- files of input rows


def test_input_rows_from_arrays(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "x.npz", x=X, x_test=X + 1, more=Y)
    np.savez(tmp_path / "test.npz", x_train=X, x_test=X + 1)
    np.savez(tmp_path / "only.npz", whatever=X)
    for name, wanted in (("a.npy", X), ("x.npz", X), ("test.npz", X + 1), ("only.npz", X)):
        assert np.array_equal(read_array_file(name, tmp_path), wanted)
        assert np.array_equal(read_array_file(tmp_path / name), wanted)


TABLE = [[1, 2.5], [-3, 4e2]]

# file name, text, table
TABLES = [
    ("a.csv", "1,2.5\n-3,4e2\n", TABLE),
    ("a.csv", "age,height\n1,2.5\n-3,4e2\n", TABLE),
    ("a.csv", '"age, in years",height\n"1","2.5"\n-3,4e2', TABLE),
    ("a.csv", "\ufeffage,height\r\n1, 2.5\r\n\r\n-3 ,4e2\r\n", TABLE),
    ("a.tsv", "1\t2.5\n-3\t4e2\n", TABLE),
    ("A.CSV", "1\n2\n", [[1], [2]]),
    ("a.csv", "7,8\n", [[7, 8]]),
]


@pytest.mark.parametrize("name, text, table", TABLES)
def test_input_rows_from_tables(tmp_path, name, text, table):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    rows = read_array_file(name, tmp_path)
    assert rows.tolist() == table and rows.dtype == np.float32


def test_a_number_beyond_float32_becomes_infinite(tmp_path):
    (tmp_path / "a.csv").write_text("1e300,0\n")
    assert read_array_file("a.csv", tmp_path).tolist() == [[np.inf, 0]]


# file name, content, words of the message
BAD_INPUT = [
    ("a.csv", b"", ["a.csv has no rows of numbers"]),
    ("a.csv", b"\n\n", ["no rows of numbers"]),
    ("a.csv", b"age,height\n", ["no rows of numbers"]),
    ("a.csv", b"1,2\n3,four\n", ["a.csv, line 2, column 2: 'four' is not a number"]),
    ("a.csv", b"age,height\n1,2\n\n3,?\n", ["line 4, column 2 (height): '?' is not a number"]),
    ("a.csv", b"age,height\n1,2\n3,\n", ["line 3, column 2 (height): the cell is empty"]),
    ("a.csv", b",0,1\n0,5,6\n", ["line 1, column 1: the cell is empty"]),
    ("a.csv", b"1,2\n,\n3,4\n", ["line 2, column 1: the cell is empty"]),
    ("a.csv", b",\n1,2\n", ["line 1, column 1: the cell is empty"]),
    ("a.csv", b"1,2\n3\n", ["line 2: 1 cells, but the first row has 2"]),
    ("a.csv", b"1,2\n3,4,5\n", ["line 2: 3 cells"]),
    ("a.csv", b"a;b\n1;2\n", ["line 2, column 1", "'1;2' is not a number", "parted by commas here, not by ';'"]),
    ("a.csv", b"1;2\n", ["no rows of numbers", "parted by commas here, not by ';'"]),
    ("a.tsv", b"1,2\n", ["no rows of numbers", "parted by tabs here, not by ','"]),
    ("a.csv", b"1\t2\n3\t4\n5\t6\n", ["parted by commas here, not by '\\t'"]),
    ("a.csv", b"\xff\xfe1\x002\x00", ["no csv text in UTF-8"]),
    ("a.csv", b'1,"2\n3,4\n', ["no csv text in UTF-8"]),
    ("a.npy", b"", ["a.npy is not a NumPy array"]),
    ("a.npy", b"\x93NUMPY\x01\x00\x10", ["a.npy is not a NumPy array"]),
    ("a.npy", b"PK\x03\x04", ["a.npy is not a NumPy array"]),
    ("a.npz", b"PK\x03\x04", ["a.npz is cut off"]),
    ("a.parquet", b"", ["no way to read .parquet", ".npz, .npy, .csv or .tsv"]),
    ("a", b"", ["no way to read a file without ending"]),
]


@pytest.mark.parametrize("name, content, words", BAD_INPUT)
def test_bad_input_files(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(lambda: read_array_file(name, tmp_path), *words)


def test_any_csv_is_a_table_or_refused(tmp_path):
    """Whatever the text: a table of as many cells as there are commas, or one clear refusal."""
    rng = np.random.default_rng(0)
    pieces = ["1", "2.5", "-3e4", "nan", "x", "", " ", ",", ",", ",", "\n", "\n", "\r\n", '"', "\t", "\0", "é", ";"]
    tables = 0
    for _ in range(2000):
        text = "".join(rng.choice(pieces[: rng.integers(10, len(pieces) + 1)], rng.integers(0, 12)))
        (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
        try:
            rows = read_array_file("a.csv", tmp_path)
        except DataError:
            continue
        lines = [line for line in text.replace('"', "").splitlines() if line.strip()]
        assert rows.ndim == 2 and rows.dtype == np.float32 and rows.shape[1] == lines[0].count(",") + 1
        tables += 1
    assert tables > 50


def test_bad_input_arrays(tmp_path):
    np.savez(tmp_path / "many.npz", a=X, b=Y)
    np.savez(tmp_path / "none.npz")
    refused(lambda: read_array_file("many.npz", tmp_path), "neither x nor x_test; it holds a, b")
    refused(lambda: read_array_file("none.npz", tmp_path), "it is empty")
    refused(lambda: read_array_file("man.npz", tmp_path), "there is no file", "did you mean many.npz?")
    refused(lambda: read_array_file(tmp_path), "is a folder; input needs a file")
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-4])
    refused(lambda: read_array_file("a.npy", tmp_path), "a.npy is damaged")
