"""Layers that look values up in a vocabulary: whole numbers and texts that stand for categories."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import Either, NonNegativeInt, Number, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.errors import DataError, ShapeError, UsageError
from seqnet.kernels.hashing import fingerprint64, siphash64
from seqnet.layers.base import Tally, layer, show_shape
from seqnet.layers.preparing import (
    SPARSE,
    SPARSE_HELP,
    Preparing,
    batches_of,
    encoded,
    encoded_shape,
    require_depth,
    texts_of,
)
from seqnet.layers.vocabulary import (
    IDF_HELP,
    MAX_TOKENS_HELP,
    PAD_HELP,
    VOCABULARY_HELP,
    Count,
    Numbering,
    Vocabulary,
    WholeNumbers,
    Words,
    given_vocabulary,
    out_of_bins,
    read_tokens,
    require_same_width,
)

Salt = Annotated[Any, Either((Number(whole=True, ge=0), Tuple(Number(whole=True, ge=0), length=2)))]
SALT_HELP = "one or two whole numbers: SipHash under this key instead of FarmHash, so that no one can guess the bins"
LOOKUP_MODE_HELP = (
    "int: the numbers themselves; one_hot: a vector for each; multi_hot: one vector for all of a row, 1 where a token "
    "occurs; count: how often it occurs; tf_idf: count · idf weight"
)
LookupMode = Literal["int", "one_hot", "multi_hot", "count", "tf_idf"]


class Vocabular(Preparing):
    """Base of layers with a vocabulary: given as an option, taken from rows by `adapt`, or set."""

    adapts = True

    _known: Vocabulary | None = None
    _given: bool = False  # the vocabulary is not to be learned

    @property
    @abstractmethod
    def numbering(self) -> Numbering:
        """How this layer numbers its tokens."""

    @property
    @abstractmethod
    def _options(self) -> tuple[Any, Any]:
        """The options vocabulary and idf_weights."""

    @abstractmethod
    def _rows_of(self, batch: Array) -> Sequence[Sequence[Any]]:
        """The tokens of each row of a batch."""

    _whole_numbers = False

    @property
    def adapted(self) -> bool:
        return self._known is not None or self._options[0] is not None

    def adapt(self, data: Any, batch_size: Any = None, steps: int | None = None) -> None:
        """Take the vocabulary from data in one pass, most frequent tokens first; what was known is forgotten.

        data: an array (N, ...) or list of values, or an iterable of such batches; steps: of those, how many.
        Raises UsageError when the vocabulary is given, DataError when there are no tokens, ShapeError when a model is
        built for a vocabulary of another size.
        """
        if self._given or self._options[0] is not None:
            raise UsageError(f"{self.name or self.spec_name} has its vocabulary given: there is nothing to adapt")
        count = Count(self.numbering)
        for number, batch in enumerate(batches_of(data)):
            if steps is not None and number >= steps:
                break
            count.add(self._rows_of(batch))
        self._learn(count.vocabulary())

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Give the vocabulary: tokens in order, with or without mask and out-of-vocabulary entries, or a file's path.

        Raises UsageError, DataError, ShapeError when a model is built for a vocabulary of another size.
        """
        if isinstance(vocabulary, (str, Path)):
            vocabulary = read_tokens(str(vocabulary), self._whole_numbers)
        self._learn(given_vocabulary(self.numbering, np.asarray(vocabulary, object).tolist(), idf_weights))
        self._given = True

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The entry of number 0, 1, …, mask and out-of-vocabulary entries among them unless they are left out."""
        known = self._vocabulary_or_none() or Vocabulary(self.numbering, ())
        return known.entries(specials=include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many entries there are, mask and out-of-vocabulary entries counted: Embedding's input_dim."""
        known = self._vocabulary_or_none()
        return self.numbering.first if known is None else known.size

    def state(self) -> dict[str, Any] | None:
        known = self._vocabulary_or_none()
        return None if known is None else {**known.state(), "given": self._given}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._known = Vocabulary.restored(self.numbering, state)
        self._given = bool(state.get("given"))

    def place_files(self, folder: Path) -> None:
        path = self._options[0]
        if isinstance(path, str):
            self.__dict__["vocabulary"] = str((folder / Path(path).expanduser()).resolve())

    def _learn(self, vocabulary: Vocabulary) -> None:
        require_same_width(self._known, vocabulary, self.wired is not None, self.name or self.spec_name)
        self._known = vocabulary

    def _vocabulary_or_none(self) -> Vocabulary | None:
        """What is known; an option that names a file is read when it is first needed."""
        tokens, idf = self._options
        if self._known is None and tokens is not None:
            if isinstance(tokens, str):
                tokens = read_tokens(tokens, self._whole_numbers)
            self._known = given_vocabulary(self.numbering, tokens, idf)
        return self._known

    def _vocabulary(self) -> Vocabulary:
        known = self._vocabulary_or_none()
        if known is None:
            raise UsageError(
                f"{self.name or self.spec_name} has no vocabulary yet: call adapt(rows) on it with the training rows "
                "first, or give vocabulary; training from a YAML file does that by itself"
            )
        return known

    def _depth(self) -> int | None:
        """How wide the vectors are, where that is known."""
        known = self._vocabulary_or_none()
        if known is not None:
            return known.depth
        return self.numbering.max_tokens if self.numbering.padded else None


class _Lookup(Vocabular):
    """What IntegerLookup and StringLookup share."""

    max_tokens: int | None
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    vocabulary: Any
    idf_weights: tuple[float, ...] | None
    invert: bool
    output_mode: LookupMode
    pad_to_max_tokens: bool
    salt: Any

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from vocabulary_rules(values, values["num_oov_indices"], values["mask_token"])
        if values["invert"] and values["output_mode"] != "int":
            yield "output_mode", "invert gives tokens, so output_mode must be int"
        if values["salt"] is not None and values.get("oov_method", "farmhash") != "farmhash":
            yield "salt", "salt needs oov_method: farmhash"

    def setup(self) -> None:
        self.takes_text = not self._whole_numbers and not self.invert

    @property
    def numbering(self) -> Numbering:
        bins = self.num_oov_indices
        return Numbering(
            self.output_mode, self.mask_token, self.oov_token, bins, self.max_tokens, self.pad_to_max_tokens
        )

    @property
    def _options(self) -> tuple[Any, Any]:
        return self.vocabulary, self.idf_weights

    def output_shape(self, in_shape: Shape) -> Shape:
        if self.invert and not self._whole_numbers:
            raise ShapeError("invert gives texts, which no layer takes; call the layer itself: layer(numbers)")
        if self.output_mode == "int":
            return in_shape
        return encoded_shape(in_shape, self.output_mode, require_depth(self._depth(), self.name or self.spec_name))

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        values = self._values(x)
        vocabulary = self._vocabulary()
        if self.invert:
            entries = dict(enumerate(vocabulary.tokens, vocabulary.numbering.first))
            if vocabulary.numbering.masks:
                entries[0] = self.mask_token
            found = [entries.get(number, self.oov_token) for number in values]
            return np.array(found, np.int64 if self._whole_numbers else object).reshape(x.shape)
        get = vocabulary.numbers.get
        numbers = np.fromiter((get(value, -1) for value in values), np.int64, len(values))
        masked = np.zeros(0, np.intp)
        if self.mask_token is not None:
            masked = np.array([place for place, value in enumerate(values) if value == self.mask_token], np.intp)
            numbers[masked] = 0
        unknown = np.flatnonzero(numbers < 0)
        if unknown.size:
            numbers[unknown] = self._bins([values[place] for place in unknown]) + vocabulary.numbering.masks
        if self.mask_token is not None and self.output_mode != "int":
            numbers[masked] = -1
        if tally is not None:
            tally.tokens += len(values) - len(masked)
            tally.unknown += len(unknown)
        idf = vocabulary.idf if self.output_mode == "tf_idf" else None
        return encoded(numbers.astype(np.int32).reshape(x.shape), self._counted, vocabulary.depth, idf)

    @property
    def _counted(self) -> str:
        return "count" if self.output_mode == "tf_idf" else self.output_mode

    def _bins(self, tokens: list[Any]) -> Array:
        """The out-of-vocabulary bin of each token. Raises DataError where there is none."""
        if not self.num_oov_indices:
            shown = ", ".join(repr(token) for token in dict.fromkeys(tokens[:100]))
            raise DataError(
                f"{self.name or self.spec_name} has num_oov_indices: 0, so that all values must be in its vocabulary, "
                f"but these are not: {shown:.200}; leave num_oov_indices at 1, or add them"
            )
        if self.num_oov_indices == 1:
            return np.zeros(len(tokens), np.int64)
        if getattr(self, "oov_method", "farmhash") == "floormod":
            return np.array([token % self.num_oov_indices for token in tokens], np.int64)
        return np.array(out_of_bins(tokens, self.num_oov_indices, hash_under(self.salt)), np.int64)

    @abstractmethod
    def _values(self, x: Array) -> list[Any]:
        """The values of an array, row after row."""

    def _rows_of(self, batch: Array) -> Sequence[Sequence[Any]]:
        values = self._values(batch)
        if batch.ndim < 2:  # as in Keras, where a batch without axes is one document
            return [values]
        width = max(1, len(values) // max(1, len(batch)))
        return [values[start : start + width] for start in range(0, len(values), width)]


@layer()
class IntegerLookup(_Lookup):
    """y = the number of x in a vocabulary of whole numbers, such as codes or years.

    x: (N, ...) whole numbers -> y: (N, ...), or vectors as output_mode says. Number 0 is for values out of the
    vocabulary (1 where mask_token takes 0 for itself), then come the tokens, the most frequent first. The vocabulary
    is given or taken from data by `adapt`: training from a YAML file does that with the training rows.
    """

    _whole_numbers = True

    max_tokens: PositiveInt | None = option(MAX_TOKENS_HELP, default=None)
    num_oov_indices: NonNegativeInt = option("how many numbers values out of the vocabulary share; 0: none", default=1)
    mask_token: int | None = option("the value that means nothing: it becomes 0, or no trace in a vector", default=None)
    oov_token: int = option("what invert gives for a number out of the vocabulary", default=-1)
    vocabulary: WholeNumbers | None = option(VOCABULARY_HELP, default=None)
    vocabulary_dtype: Literal["int64"] = option("the type of the tokens", default="int64")
    idf_weights: tuple[float, ...] | None = option(IDF_HELP, default=None)
    invert: bool = option("y = the token that number x stands for", default=False)
    output_mode: LookupMode = option(LOOKUP_MODE_HELP, default="int")
    pad_to_max_tokens: bool = option(PAD_HELP, default=False)
    oov_method: Literal["floormod", "farmhash"] = option(
        "which of several out-of-vocabulary numbers: value modulo their count, or a hash of its digits",
        default="floormod",
    )
    salt: Salt | None = option(SALT_HELP, default=None)
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)

    def _values(self, x: Array) -> list[Any]:
        if x.dtype.kind not in "biuf":
            raise DataError(f"{self.name or self.spec_name} takes whole numbers, got {x.dtype}; for texts StringLookup")
        values: list[Any] = x.reshape(-1).astype(np.int64, copy=False).tolist()
        return values


@layer()
class StringLookup(_Lookup):
    """y = the number of x in a vocabulary of texts, such as the names of categories.

    x: (N, ...) texts -> y: (N, ...), or vectors as output_mode says; it must come first in the stack. Number 0 is for
    texts out of the vocabulary (1 where mask_token takes 0 for itself), then come the tokens, the most frequent first.
    The vocabulary is given or taken from data by `adapt`: training from a YAML file does that with the training rows.
    Called with numbers, `invert` gives the texts again.
    """

    max_tokens: PositiveInt | None = option(MAX_TOKENS_HELP, default=None)
    num_oov_indices: NonNegativeInt = option("how many numbers texts out of the vocabulary share; 0: none", default=1)
    mask_token: str | None = option("the text that means nothing: it becomes 0, or no trace in a vector", default=None)
    oov_token: str | None = option("what invert gives for a number out of the vocabulary", default="[UNK]")
    vocabulary: Words | None = option(VOCABULARY_HELP, default=None)
    idf_weights: tuple[float, ...] | None = option(IDF_HELP, default=None)
    invert: bool = option("y = the text that number x stands for", default=False)
    output_mode: LookupMode = option(LOOKUP_MODE_HELP, default="int")
    pad_to_max_tokens: bool = option(PAD_HELP, default=False)
    encoding: Literal["utf-8"] = option("of the tokens' bytes, which are hashed", default="utf-8")
    salt: Salt | None = option(SALT_HELP, default=None)
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)

    def _values(self, x: Array) -> list[Any]:
        if not self.invert:
            return texts_of(x)
        values: list[Any] = x.reshape(-1).astype(np.int64, copy=False).tolist()
        return values


def hash_under(salt: Any) -> Any:
    """The fingerprint of bytes: FarmHash's, or SipHash's under the key that a salt gives."""
    if salt is None:
        return fingerprint64
    key = (salt, salt) if isinstance(salt, int) else (salt[0], salt[1])
    return lambda token: siphash64(token, key)


def vocabulary_rules(values: Mapping[str, Any], oov_bins: int, mask_token: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with options that name a vocabulary, as cross_check yields it."""
    mode, tokens, idf = values["output_mode"], values["vocabulary"], values["idf_weights"]
    if values["sparse"]:
        yield "sparse", SPARSE
    if values["pad_to_max_tokens"] and values["max_tokens"] is None:
        yield "pad_to_max_tokens", "pad_to_max_tokens needs max_tokens, the width to pad to"
    if idf is not None and mode != "tf_idf":
        yield "idf_weights", f"idf_weights belong to output_mode: tf_idf, not {mode}"
        return
    if mode == "tf_idf" and tokens is not None and (idf is None or isinstance(tokens, str)):
        rule = "output_mode: tf_idf with a vocabulary needs a list of tokens and idf_weights, one for each"
        yield "vocabulary", f"{rule}; or leave vocabulary out, to take both from the training rows"
        return
    numbering = Numbering(mode, mask_token, None, oov_bins, values["max_tokens"], values["pad_to_max_tokens"])
    if values["max_tokens"] is not None and values["max_tokens"] <= max(numbering.first, 1):
        yield "max_tokens", f"max_tokens must leave room for a token beside {numbering.first} special entries"
        return
    if tokens is not None and not isinstance(tokens, str):
        oov = values.get("oov_token", "[UNK]")
        numbering = Numbering(mode, mask_token, oov, oov_bins, values["max_tokens"], values["pad_to_max_tokens"])
        try:
            given_vocabulary(numbering, tokens, idf)
        except UsageError as error:
            yield "vocabulary", str(error)


def rows_of_one(in_shape: Shape) -> None:
    """Raise ShapeError unless a row is a single text."""
    if in_shape not in ((), (1,), (None,)):
        raise ShapeError(f"takes rows of one text each, got rows of shape {show_shape(in_shape)}")
