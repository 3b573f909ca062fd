"""What is made of the files of the fetched data sets: the arrays that Keras gives for them, and rows for a network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.datasets.base import Dataset
from seqnet.datasets.downloaded import CLOTHES, Downloaded
from seqnet.datasets.pickles import read_pickle
from seqnet.declare import options_of
from seqnet.errors import DataError, SpecError
from seqnet.registry import components
from seqnet.utils import pad_sequences
from tests import file_server
from tests.cases_datasets import CASES, PARTS, label
from tests.file_server import miniature, point_to
from tests.miniatures import MAKERS, WORDS, python2_pickle, tar_gz
from tests.reference import load_reference

NAMES = list(MAKERS)


def entry(name: str) -> Any:
    return getattr(seqnet.datasets, name)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return file_server.fill_cache(tmp_path, monkeypatch)


def put(cache: Path, name: str, contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Other files, which the catalogue takes for the right ones."""
    monkeypatch.setitem(file_server._made, name, {**miniature(name), **contents})
    point_to("http://nowhere.invalid/", monkeypatch.setattr)
    for file, content in contents.items():
        (cache / file).write_bytes(content)


def checksums(array: np.ndarray) -> np.ndarray:
    """As tests/reference/make_datasets.py stores images."""
    flat = array.reshape(len(array), -1).astype(np.int64)
    steps = np.arange(flat.shape[1])
    return np.stack([flat.sum(axis=1), (flat * steps).sum(axis=1), (flat * (steps % 97)).sum(axis=1)], axis=1)


# -- as Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=label)
def test_load_data_gives_the_arrays_of_keras(case: tuple[str, list[Any], dict[str, Any]]) -> None:
    name, arguments, options = case
    (x, y), (x_test, y_test) = entry(name).load_data(*arguments, **options)
    for part, got in zip(PARTS, (x, y, x_test, y_test), strict=True):
        wanted = load_reference("datasets")[f"{label(case)} {part}"]
        if wanted.dtype.kind == "U":
            assert got.dtype == object and [list(text) for text in got] == json.loads(str(wanted))
            assert all(type(word) is int for text in got for word in text)
        else:
            assert (got.ndim > 2) == (case[0] in ("mnist", "fashion_mnist", "cifar100") and part[0] == "x")
            got = checksums(got) if got.ndim > 2 else got
            assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_stand_in_the_order_of_keras(name: str) -> None:
    options = [one for one in options_of(entry(name)).values() if not one.kw_only]
    said = ", ".join(f"{one.name}={one.default!r}" for one in options)
    assert said == str(load_reference("datasets")[f"{name} signature"])


def test_words_and_topics_are_those_of_keras() -> None:
    assert entry("reuters").get_label_names() == tuple(load_reference("datasets")["reuters topics"])
    for name in ("imdb", "reuters"):
        wanted = json.loads(str(load_reference("datasets")[f"{name} words"]))
        assert entry(name).get_word_index() == wanted
        assert entry(name).get_word_index(path=f"{name}_word_index.json") == wanted


def test_cifar10() -> None:
    """Batch after batch in the order of their numbers, whatever their order in the archive; channels last."""
    (x, y), (x_test, y_test) = entry("cifar10").load_data()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((120, 32, 32, 3), np.uint8, (120, 1), np.uint8)
    assert (x_test.shape, x_test.dtype, y_test.shape, y_test.dtype) == ((24, 32, 32, 3), np.uint8, (24, 1), np.uint8)
    seeds = [5, 3, 2, 0, 4]  # of tests.miniatures.cifar10: data_batch_1 … data_batch_5
    for batch, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        rows = slice(24 * batch, 24 * batch + 24)
        assert np.array_equal(y[rows, 0], rng.integers(0, 10, 24))
        planes = np.random.default_rng(seed).integers(0, 256, (24, 3072), dtype=np.uint8)
        assert np.array_equal(x[rows][..., 1].reshape(24, -1), planes[:, 1024:2048])  # green is the second third
        assert np.array_equal(x[rows][:, 3, 5], planes[:, 3 * 32 + 5 :: 1024])


# -- for a network ----------------------------------------------------------------------------------------------------

# name, options, shape of a row, dtype of x, of y, rows, test rows, classes
READY = [
    ("mnist", {}, (28, 28), "uint8", "uint8", 300, 20, 10),
    ("fashion_mnist", {}, (28, 28), "uint8", "uint8", 60, 20, 10),
    ("cifar10", {}, (32, 32, 3), "uint8", "uint8", 120, 24, 10),
    ("cifar100", {}, (32, 32, 3), "uint8", "int64", 200, 20, 100),
    ("cifar100", {"label_mode": "coarse"}, (32, 32, 3), "uint8", "int64", 200, 20, 20),
    ("california_housing", {}, (8,), "float32", "float32", 560, 140, None),
    ("california_housing", {"version": "small", "test_split": 0.0}, (8,), "float32", "float32", 600, None, None),
    ("boston_housing", {}, (13,), "float32", "float32", 80, 21, None),
    ("imdb", {}, (200,), "int32", "int64", 200, 30, 2),
    ("imdb", {"pad_to": 9, "num_words": 30}, (9,), "int32", "int64", 200, 30, 2),
    ("reuters", {"pad_to": 12}, (12,), "int32", "int64", 73, 19, 46),
]


@pytest.mark.parametrize("name, options, shape, x_dtype, y_dtype, train, test, classes", READY)
def test_rows_for_a_network(name, options, shape, x_dtype, y_dtype, train, test, classes):
    made = entry(name)(**options)
    data = made.load()
    data.check()
    assert data.input_shape == shape == made.known_shape and data.name == name
    assert (len(data.train), data.test and len(data.test)) == (train, test)
    assert data.train.x.dtype == x_dtype and data.train.y.dtype == y_dtype and data.train.y.ndim == 1
    assert data.num_classes == classes and data.task == made.task
    assert (data.class_names is None) == (classes is None)
    if data.task == "regression":
        assert len(data.feature_names) == shape[0]
    (x, y), _ = entry(name).load_data(**{k: v for k, v in options.items() if k != "pad_to"})
    assert np.array_equal(y.reshape(-1).astype(y_dtype), data.train.y)
    if x.dtype != object:
        assert np.array_equal(x.astype(x_dtype), data.train.x)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("length", [1, 7, 100])
def test_texts_are_padded_as_pad_sequences_does(padding: str, truncating: str, length: int) -> None:
    options = {"num_words": 20, "oov_char": None}  # which leaves some texts without any word but the start
    (x, _), (x_test, _) = entry("imdb").load_data(**options)
    data = entry("imdb")(**options, pad_to=length, padding=padding, truncating=truncating).load()
    for got, texts in ((data.train.x, x), (data.test.x, x_test)):
        wanted = pad_sequences(texts, length, padding=padding, truncating=truncating)
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


def test_a_text_of_which_nothing_is_left_is_padding_alone() -> None:
    data = entry("imdb")(num_words=1, oov_char=None, pad_to=5).load()
    assert not data.train.x.any()


def test_class_names() -> None:
    assert entry("fashion_mnist")().load().class_names == CLOTHES == entry("fashion_mnist_mini")().load().class_names
    assert entry("cifar10")().load().class_names[3] == "thing 3"
    assert entry("cifar100")("coarse").load().class_names[19] == "group 19"
    assert entry("reuters")().load().class_names[:4] == ("cocoa", "grain", "veg-oil", "earn")


def test_the_vocabulary_says_the_words() -> None:
    data = entry("imdb")(pad_to=30, padding="post").load()
    index = entry("imdb").get_word_index()
    (x, _), _ = entry("imdb").load_data()
    assert data.vocabulary[:5] == ("", "[START]", "[OOV]", "[3]", "word1")
    assert len(data.vocabulary) == WORDS + 4
    assert all(data.vocabulary[number + 3] == word for word, number in index.items())
    assert [data.vocabulary[number] for number in data.train.x[0] if number] == [data.vocabulary[w] for w in x[0]]
    assert len(entry("imdb")(num_words=20).load().vocabulary) == 20
    assert entry("imdb")(start_char=None, oov_char=None, index_from=0).load().vocabulary[:2] == ("", "word1")


def test_without_the_list_of_words_there_is_no_vocabulary(cache: Path) -> None:
    (cache / "imdb_word_index.json").unlink()
    assert entry("imdb")().load().vocabulary is None and entry("imdb")().missing == 0


def test_a_path_of_ones_own(cache: Path, tmp_path: Path) -> None:
    """In the cache folder under another name, or anywhere."""
    wanted = entry("mnist").load_data()[0][0]
    for path in ("other.npz", str(tmp_path / "elsewhere.npz"), tmp_path / "a path.npz"):
        (cache / path).write_bytes(miniature("mnist")["mnist.npz"])
        assert np.array_equal(entry("mnist").load_data(path)[0][0], wanted)
    (tmp_path / "elsewhere.npz").write_bytes(b"mine")
    with pytest.raises(DataError, match="elsewhere.npz is not the mnist.npz that mnist needs.*remove it"):
        entry("mnist").load_data(str(tmp_path / "elsewhere.npz"))
    assert (tmp_path / "elsewhere.npz").read_bytes() == b"mine"


@pytest.mark.parametrize("name", NAMES)
def test_entries_say_where_they_come_from(name: str) -> None:
    cls = entry(name)
    assert issubclass(cls, Downloaded) and cls.bundled is False
    for text in (cls.title, cls.licence, cls.origin, cls.rows, cls.__doc__):
        assert len(text) > 10
    assert entry(cls.meanwhile).bundled and entry(cls.meanwhile).task == cls.task


def test_the_catalogue_has_no_other_fetched_set() -> None:
    fetched = {cls.spec_name for cls in components("dataset") if issubclass(cls, Dataset) and not cls.bundled}
    assert fetched == set(NAMES)


# The addresses and hashes of Keras 3.16 (keras/src/datasets), of Zalando's README and the sums TensorFlow Datasets has
# of these files. The rest of the tests replaces them.
def test_addresses_and_hashes_of_the_real_files() -> None:
    text = Path(seqnet.datasets.__file__).with_name("downloaded.py").read_text()
    text += Path(seqnet.datasets.__file__).with_name("reviews.py").read_text()
    for digest in (
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
        "bfafd718b763782e994055a2d397834f",
        "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
        "4d44cc38712099c9e383dc6e5f11a921",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ):
        assert text.count(digest) == 1
    assert set(re.findall(r'"(https?://[^"]+)"', text)) == {
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://www.cs.toronto.edu/~kriz/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    }


# -- what is refused --------------------------------------------------------------------------------------------------

# name, options, words of the message
WRONG = [
    ("imdb", {"num_words": 0}, "num_words must be a whole number > 0"),
    ("imdb", {"padding": "left"}, "padding must be pre or post"),
    ("imdb", {"num_word": 5}, "did you mean num_words?"),
    ("cifar100", {"label_mode": "medium"}, "label_mode must be fine or coarse"),
    ("california_housing", {"version": "huge"}, "version must be large or small"),
    ("boston_housing", {"test_split": 1.0}, "test_split must be a number >= 0 and < 1"),
    ("mnist", {"path": "~no-such-user/mnist.npz"}, "path '~no-such-user/mnist.npz' can't be used; leave it out"),
    ("mnist", {"path": ""}, "path '' can't be used"),
    ("imdb", {"path": "a\0b"}, "can't be used"),
    ("boston_housing", {"path": 3}, "path must be a path, got 3"),
    ("reuters", {"seed": 2**32}, "seed must be a whole number >= 0 and <= 4294967295"),
]


@pytest.mark.parametrize("name, options, words", WRONG)
def test_wrong_options(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        entry(name).load_data(**options)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_a_length_that_no_text_is_below(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} has no text of fewer than maxlen: 1 words; raise maxlen"):
        entry(name).load_data(maxlen=1)


class Explosive:
    def __reduce__(self) -> Any:
        return print, ("the pickle ran",)


class Sneaky:
    """Calls one of the three allowed names with what they never get."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return self.arguments


def packed(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value, protocol=4)


LOOP: list[Any] = []
LOOP.append(LOOP)
reconstruct = np.zeros(1).__reduce__()[0]
# content of the pickle, words of the message
REFUSED: dict[str, tuple[bytes, str]] = {
    "a function": (packed(Explosive()), "asks for builtins.print, which could run code"),
    "within lists": (packed([1, {"a": (2, [Explosive()])}]), "asks for builtins.print"),
    "os.system": (b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
    "by number": (b"\x80\x02\x82\x01.", "damaged, or no pickle of arrays"),
    "an object outside": (b"Pabc\n.", "asks for an object outside the file"),
    "another function of numpy": (b"cnumpy\nload\n(S'x.npy'\ntR.", "asks for numpy.load"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x94\x8c\x0endarray.tofile\x94\x93.", "asks for numpy.ndarray.tofile"),
    "a set": (packed({1, 2}), "(a set)"),
    "a complex array": (packed(np.zeros(2, complex)), "(a dtype <c16)"),
    "a structured array": (packed(np.zeros(2, [("a", "i4")])), "(a dtype with fields)"),
    "a loop": (packed(LOOP), "a list within itself"),
    "a loop in an array": (
        packed(Sneaky(reconstruct, (np.ndarray, (0,), b"b"), (1, (1,), np.dtype("O"), False, LOOP))),
        "a list within itself",
    ),  # fmt: skip
    "too few bytes": (
        packed(Sneaky(reconstruct, (np.ndarray, (0,), b"b"), (1, (10**12,), np.dtype("u1"), False, b"abc"))),
        "an array of shape (1000000000000,) with 3 bytes",
    ),
    "a negative shape": (
        packed(Sneaky(reconstruct, (np.ndarray, (0,), b"b"), (1, (-1,), np.dtype("u1"), False, b"abc"))),
        "an array of shape (-1,)",
    ),
    "another class of array": (packed(Sneaky(reconstruct, (np.dtype, (0,), b"b"))), "damaged, or no pickle of arrays"),
    "a state for a function": (b"cnumpy.core.multiarray\n_reconstruct\n}S'a'\nI1\nsb.", "a function is given a state"),
    "a state for a name": (b"cnumpy\nndarray\n}S'a'\nI1\nsb.", "damaged, or no pickle of arrays"),
    "cut off": (packed([1, 2, 3])[:-4], "damaged, or no pickle of arrays"),
    "no pickle": (b"<html>not found</html>", "damaged, or no pickle of arrays"),
    "nothing": (b"", "damaged, or no pickle of arrays"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_pickles_of_anything_else_are_refused(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = REFUSED[what]
    with pytest.raises(DataError) as caught:
        read_pickle(content, "x.tar.gz: data")
    assert words in str(caught.value) and str(caught.value).startswith("x.tar.gz: data is ")
    assert "fetch" in str(caught.value)
    assert capsys.readouterr() == ("", "")


# what a pickle may hold, by Python 2 or 3
HELD: list[Any] = [
    [1, 2, [3, [4]], (5, None, True, 2.5)],
    {b"a": b"bytes" * 100, b"b": [b"x", -(2**70)]},
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype=">i4"),
    np.zeros((0, 3), np.float32),
    np.array(7),
]


@pytest.mark.parametrize("write", [packed, python2_pickle], ids=["python 3", "python 2"])
@pytest.mark.parametrize("value", HELD, ids=repr)
def test_arrays_lists_and_numbers_are_read(value: Any, write: Callable[[Any], bytes]) -> None:
    got = read_pickle(write(value), "x")
    if isinstance(value, np.ndarray):
        assert got.dtype == value.dtype.newbyteorder("=") and got.shape == value.shape and np.array_equal(got, value)
    else:
        assert got == value and type(got) is type(value)


def test_an_array_of_lists_is_a_list() -> None:
    made = np.empty(3, dtype=object)
    made[:] = [[1, 2], [], [3]]
    assert read_pickle(packed(made), "x") == [[1, 2], [], [3]]


def test_every_cut_of_a_pickle_is_refused_in_words() -> None:
    content = python2_pickle({"data": np.arange(40, dtype=np.uint8).reshape(4, 10), "labels": [1, 2, 3, 4]})
    for length in range(len(content)):
        with pytest.raises(DataError, match="damaged, or no pickle of arrays"):
            read_pickle(content[:length], "x")


def test_bytes_changed_at_random_are_read_or_refused() -> None:
    content = bytearray(python2_pickle({"data": np.arange(40, dtype=np.uint8).reshape(4, 10), "labels": [1, 2]}))
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        try:
            read_pickle(bytes(changed), "x")
        except DataError:
            pass


def batch(**other: Any) -> bytes:
    rows = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 1], "coarse_labels": [0, 0]}
    return python2_pickle({**rows, **other})


META = python2_pickle({"fine_label_names": ["a", "b"], "coarse_label_names": ["c"]})
# members of the archive of cifar100, words of the message
ARCHIVES: dict[str, tuple[dict[str, bytes] | bytes, str]] = {
    "a pickle that runs": ({"meta": META, "train": packed(Explosive()), "test": batch()}, "asks for builtins.print"),
    "no test part": ({"meta": META, "train": batch()}, "has no member cifar-100-python/test"),
    "a list": ({"meta": META, "train": batch(), "test": python2_pickle([1])}, "test holds no mapping"),
    "other images": (
        {"meta": META, "train": batch(data=np.zeros((2, 3, 32, 32), np.uint8)), "test": batch()},
        "a batch has no images of 3 x 32 x 32 bytes",
    ),
    "labels missing": (
        {"meta": META, "train": batch(fine_labels=[1]), "test": batch()},
        "a batch has no label for each",
    ),
    "labels of text": (
        {"meta": META, "train": batch(fine_labels=["a", "b"]), "test": batch()},
        "a batch has no label for each",
    ),
    "no names": ({"meta": batch(), "train": batch(), "test": batch()}, "meta has no names of classes"),
    "no archive": (b"<html>", "is no tar.gz that can be read"),
    "cut off": (tar_gz({"cifar-100-python/train": batch()})[:200], "is no tar.gz that can be read"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_archives_that_are_not_what_they_should_be(what: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members, words = ARCHIVES[what]
    content = (
        members if isinstance(members, bytes) else tar_gz({f"cifar-100-python/{k}": v for k, v in members.items()})
    )
    put(cache, "cifar100", {"cifar-100-python.tar.gz": content}, monkeypatch)
    with pytest.raises(DataError) as caught:
        entry("cifar100").load_data()
    assert words in str(caught.value)


def lists(**arrays: Any) -> bytes:
    from tests.miniatures import npz, texts

    return npz(**{"x": texts(4, 0), "y": np.arange(4), **arrays})


TEXTS: dict[str, tuple[bytes, str]] = {
    "a pickle that runs": (lists(x=np.array([Explosive(), [1], [2], [3]], dtype=object)), "asks for builtins.print"),
    "numbers": (lists(x=np.arange(4)), "is an array of int64, where lists of numbers belong"),
    "words": (
        lists(x=np.array([["a"], [1, 2], [2], [3]], dtype=object)),
        "has a text that is no list of whole numbers",
    ),
    "fewer labels": (lists(y=np.arange(3)), "has 4 texts but labels of shape (3,)"),
    "nested": (lists(x=np.array([[[1], [2]], [[3], [4]]], dtype=object)), "damaged, or no pickle of arrays"),
    "no npz": (b"<html>", "reuters.npz: x is damaged"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_texts_that_are_not_what_they_should_be(what: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, words = TEXTS[what]
    put(cache, "reuters", {"reuters.npz": content}, monkeypatch)
    with pytest.raises(DataError) as caught:
        entry("reuters").load_data()
    assert words in str(caught.value)


FASHION = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.is_dir(), reason="needs the IDX files of Debian's package dataset-fashion-mnist")
def test_all_of_fashion_mnist(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's files hold the same numbers in another compression: rows as published, read as the idx source does."""
    contents = {f"fashion-mnist/{path.name}": path.read_bytes() for path in FASHION.glob("*.gz")}
    put(cache, "fashion_mnist", contents, monkeypatch)
    data = entry("fashion_mnist")().load()
    data.check()
    assert (data.train.x.shape, data.test.x.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert np.bincount(data.train.y).tolist() == [6000] * 10 and np.bincount(data.test.y).tolist() == [1000] * 10
    mini = entry("fashion_mnist_mini")().load()
    images = {image.tobytes(): label for image, label in zip(data.train.x, data.train.y, strict=True)}
    assert sum(images[image.tobytes()] == y for image, y in zip(mini.train.x, mini.train.y, strict=True)) > 7990
