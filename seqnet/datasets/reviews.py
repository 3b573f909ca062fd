"""The two sets of texts that are fetched when first used, words as numbers: imdb and reuters.

`load_data` takes the arguments of Keras's and gives the same lists for the same file. A network takes rows of one
length, so in a YAML file `pad_to`, `padding` and `truncating` say how the lists become such.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from seqnet.checkers import Fraction, NonNegativeInt, PathText, PositiveInt
from seqnet.datasets.base import Pairs, Split
from seqnet.datasets.downloaded import KERAS, PATH_HELP, Downloaded, Facts, Seed
from seqnet.datasets.fetching import Asked, RemoteFile, cache_folder, fetch
from seqnet.datasets.labels import Array
from seqnet.datasets.pickles import read_pickle
from seqnet.datasets.readers import BROKEN, read_npz_arrays
from seqnet.declare import option
from seqnet.errors import DataError
from seqnet.registry import register

Texts: TypeAlias = list[list[int]]

# get_label_names() of Keras, whose order is that of the labels.
TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


class Numbered(Downloaded):
    """Base of the sets whose rows are lists of word numbers, 1 the most frequent word."""

    task = "classification"
    meanwhile = "city_names"

    num_words: PositiveInt | None = option(
        "keep numbers below this, frequent words first; null: all", default=None, last=1
    )
    skip_top: NonNegativeInt = option("numbers below this are out of vocabulary too", default=0, last=2)
    maxlen: PositiveInt | None = option(
        "leave out texts of so many words or more, the start counted", default=None, last=3
    )
    seed: Seed = option("of the order of the rows", default=113, last=5)
    start_char: NonNegativeInt | None = option("number that every text starts with; null: none", default=1, last=6)
    oov_char: NonNegativeInt | None = option(
        "number for words out of vocabulary; null: leave them out", default=2, last=7
    )
    index_from: NonNegativeInt = option("what is added to the numbers of words", default=3, last=8)
    pad_to: PositiveInt = option(
        "how many numbers a row has in a file; load_data gives lists", default=200, kw_only=True
    )
    padding: Literal["pre", "post"] = option("where zeros fill up shorter texts", default="pre", kw_only=True)
    truncating: Literal["pre", "post"] = option("where longer texts lose words", default="pre", kw_only=True)

    @property
    def needed(self) -> tuple[RemoteFile, ...]:
        return self.files[:1]

    def fetched_texts(self) -> Path:
        """The path of the texts; whoever fetches them gets the list of words with them."""
        missing = self.missing
        path = self.fetched(self.files[0])
        if missing:
            self.fetched(self.files[1])
        return path

    @property
    def known_shape(self) -> tuple[int, ...]:
        return (self.pad_to,)

    def split(self, x: Array, y: Array) -> Split:
        rows = np.zeros((len(x), self.pad_to), np.int32)
        for row, text in zip(rows, x, strict=True):
            kept = text[-self.pad_to :] if self.truncating == "pre" else text[: self.pad_to]
            if len(kept):
                place = slice(-len(kept), None) if self.padding == "pre" else slice(len(kept))
                row[place] = kept
        return Split(rows, y.reshape(-1))

    @classmethod
    def get_word_index(cls, path: str | Path | None = None) -> dict[str, int]:
        """The number of each word, as Keras has it: without `index_from`. Raises DataError, DownloadError.

        path: where the file is kept, in the cache folder or absolute.
        """
        file = cls.files[1]
        asked = Asked(cls.spec_name, f"dataset: {cls.meanwhile}")
        found = fetch(file, asked, None if path is None else cache_folder() / Path(path).expanduser())
        return _words(found)

    def vocabulary(self) -> Facts:
        """The word of each number that may occur, where the list of words is at hand."""
        path = cache_folder() / self.files[1].name
        if not path.is_file():
            return {}
        words = {number + self.index_from: word for word, number in _words(path).items()}
        if self.oov_char is not None:
            words[self.oov_char] = "[OOV]"
        if self.start_char is not None:
            words[self.start_char] = "[START]"
        words[0] = ""
        last = min(max(words), (self.num_words or max(words) + 1) - 1)
        return {"vocabulary": tuple(words.get(number, f"[{number}]") for number in range(last + 1))}

    def numbered(self, texts: Texts) -> Texts:
        """With the start, and moved by `index_from`."""
        start = [] if self.start_char is None else [self.start_char]
        step = self.index_from
        return [start + [word + step for word in text] for text in texts]

    def short(self, texts: Texts, y: Array) -> tuple[Texts, Array]:
        """Without the texts that are too long. Raises DataError where none is left."""
        if self.maxlen is None:
            return texts, y
        kept = [row for row, text in enumerate(texts) if len(text) < self.maxlen]
        if not kept:
            raise DataError(f"{self.spec_name} has no text of fewer than maxlen: {self.maxlen} words; raise maxlen")
        return [texts[row] for row in kept], y[kept]

    def known(self, texts: Texts) -> Texts:
        """With `oov_char` for words that are too rare or too frequent, or without these words."""
        top, low, other = self.num_words or max(map(max, filter(None, texts)), default=0), self.skip_top, self.oov_char
        if other is None:
            return [[word for word in text if low <= word < top] for text in texts]
        return [[word if low <= word < top else other for word in text] for text in texts]


@register(name="imdb")
class Imdb(Numbered):
    """Reviews of films, words as numbers by how frequent they are, and whether the review is good (1) or bad (0).

    In a file x is (N, pad_to) int32: 0 padding, 1 the start, 2 a word out of vocabulary, from 4 on the words; so
    Embedding needs input_dim: num_words and mask_zero: true. y (N,) int64. `imdb.load_data()` gives lists of numbers,
    `imdb.get_word_index()` the words, both as Keras.
    """

    title = "IMDB: whether a film's review is good or bad, from its words"
    licence = "its authors state none"
    origin = (
        "A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts, Learning word vectors for sentiment "
        "analysis, ACL 2011; ai.stanford.edu/~amaas/data/sentiment; numbered by Keras"
    )
    rows = "25,000 train + 25,000 test"
    files = (
        RemoteFile(
            "imdb.npz",
            f"{KERAS}imdb.npz",
            "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
            17_464_789,
        ),
        RemoteFile(
            "imdb_word_index.json",
            f"{KERAS}imdb_word_index.json",
            "md5:bfafd718b763782e994055a2d397834f",
            1_641_221,
        ),
    )
    class_names: ClassVar[tuple[str, ...]] = ("bad", "good")

    path: PathText = option(PATH_HELP, default="imdb.npz")

    def read(self) -> tuple[Pairs, Facts]:
        path = self.fetched_texts()
        arrays = read_npz_arrays(path, ["y_train", "y_test"])
        rng = np.random.RandomState(self.seed)
        parts: list[tuple[Texts, Array]] = []
        for part in ("train", "test"):
            texts, y = shuffled(read_texts(path, f"x_{part}"), arrays[f"y_{part}"], rng, path)
            parts.append(self.short(self.numbered(texts), y))
        (x, y), (x_test, y_test) = parts
        rows = self.known(x + x_test)
        pairs = (_as_objects(rows[: len(x)]), y), (_as_objects(rows[len(x) :]), y_test)
        return pairs, {"class_names": self.class_names, **self.vocabulary()}


@register(name="reuters")
class Reuters(Numbered):
    """Newswires, words as numbers by how frequent they are, and which of 46 topics each is about.

    In a file x is (N, pad_to) int32: 0 padding, 1 the start, 2 a word out of vocabulary, from 4 on the words; so
    Embedding needs input_dim: num_words and mask_zero: true. y (N,) int64. `reuters.load_data()` gives lists of
    numbers, `reuters.get_word_index()` the words, `reuters.get_label_names()` the topics, all as Keras.
    """

    title = "Reuters newswires: the topic from the words"
    licence = "its authors state none; Reuters-21578 is for research"
    origin = "D. D. Lewis, Reuters-21578 text categorization test collection (1997); numbered by Keras"
    rows = "8,982 train + 2,246 test"
    files = (
        RemoteFile(
            "reuters.npz",
            f"{KERAS}reuters.npz",
            "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
            2_110_848,
        ),
        RemoteFile(
            "reuters_word_index.json",
            f"{KERAS}reuters_word_index.json",
            "md5:4d44cc38712099c9e383dc6e5f11a921",
            550_378,
        ),
    )

    path: PathText = option(PATH_HELP, default="reuters.npz")
    test_split: Fraction = option("share of the rows that are the test part", default=0.2, last=4)

    @staticmethod
    def get_label_names() -> tuple[str, ...]:
        """The topics, in the order of the labels."""
        return tuple(TOPICS.split())

    def read(self) -> tuple[Pairs, Facts]:
        path = self.fetched_texts()
        rng = np.random.RandomState(self.seed)
        texts, y = shuffled(read_texts(path, "x"), read_npz_arrays(path, ["y"])["y"], rng, path)
        x, y = self.short(self.numbered(texts), y)
        rows, first = self.known(x), int(len(x) * (1 - self.test_split))
        pairs = (_as_objects(rows[:first]), y[:first]), (_as_objects(rows[first:]), y[first:])
        return pairs, {"class_names": self.get_label_names(), **self.vocabulary()}


def read_texts(path: Path, key: str) -> Texts:
    """The lists of word numbers that an npz holds as an array of Python objects. Raises DataError."""
    where = f"{path}: {key}"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(file)
            content = file.read()
    except KeyError:
        raise DataError(f"{path} has no array {key!r}; fetch the file again") from None
    except BROKEN as error:
        raise DataError(f"{where} is damaged ({error}); fetch the file again") from None
    if dtype != np.dtype(object):
        raise DataError(f"{where} is an array of {dtype.name}, where lists of numbers belong; fetch the file again")
    texts = read_pickle(content, where)
    if not isinstance(texts, list) or shape != (len(texts),):
        raise DataError(f"{where} is no list of texts; fetch the file again")
    for text in texts:
        if not isinstance(text, list) or not set(map(type, text)) <= {int}:
            raise DataError(f"{where} has a text that is no list of whole numbers; fetch the file again")
    return texts


def shuffled(texts: Texts, y: Array, rng: np.random.RandomState, path: Path) -> tuple[Texts, Array]:
    """Texts and labels in the order that Keras's generator gives."""
    if y.shape != (len(texts),):
        raise DataError(f"{path} has {len(texts)} texts but labels of shape {y.shape}; fetch the file again")
    order = np.arange(len(texts))
    rng.shuffle(order)
    return [texts[row] for row in order], y[order]


def _words(path: Path) -> dict[str, int]:
    try:
        words: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} can't be read ({error}); remove it and fetch it again") from None
    if not isinstance(words, dict) or not set(map(type, words.values())) <= {int}:
        raise DataError(f"{path} is no list of words and their numbers; remove it and fetch it again")
    return words


def _as_objects(texts: Texts) -> Array:
    """As Keras gives them: an array of lists (of numbers, should all be equally long)."""
    return np.array(texts, dtype=object)
