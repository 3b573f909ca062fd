"""From texts to the numbers of their words, characters or n-grams."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import Either, Number, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.layers.base import Tally, layer
from seqnet.layers.lookup import Vocabular, rows_of_one, vocabulary_rules
from seqnet.layers.preparing import SPARSE_HELP, require_depth, tallied, texts_of
from seqnet.layers.vocabulary import IDF_HELP, MAX_TOKENS_HELP, PAD_HELP, VOCABULARY_HELP, Numbering, Words

_PUNCTUATION = string.punctuation.encode()  # the 32 signs that Keras's pattern takes out
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_SAME = bytes(range(256))
Ngrams = Annotated[Any, Either((Number(whole=True, gt=0), Tuple(Number(whole=True, gt=0), minimum=1)))]


@layer()
class TextVectorization(Vocabular):
    """y = the numbers of a text's tokens, in order, filled up with 0; or one vector that says which tokens occur.

    x: (N,) or (N, 1) texts -> y: (N, output_sequence_length), of null as long as the batch's longest text; (N, V) in
    the other modes. It must come first in the stack; after output_mode: int an Embedding follows, whose input_dim is
    the size of the vocabulary. 0 is padding and 1 stands for every token out of the vocabulary; the other modes know no
    padding, so that their first number is what is out of it. Letters A-Z become small, ASCII punctuation is left out
    ("Don't" is dont), and white space in ASCII parts words. The vocabulary is given or taken from data by `adapt`:
    training from a YAML file does that with the training rows; it is saved with the model.

    Differs from Keras: no Python functions as standardize and split, since a file can't hold them; where the length is
    open, a batch of empty texts still has one step.
    """

    takes_text = True

    max_tokens: PositiveInt | None = option(MAX_TOKENS_HELP, default=None)
    standardize: Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"] | None = option(
        "what is done to a text first; null: nothing", default="lower_and_strip_punctuation"
    )
    split: Literal["whitespace", "character"] | None = option(
        "what a token is: a word, a character, or null: the whole text", default="whitespace"
    )
    ngrams: Ngrams | None = option(
        "also (a number: up to so many) or only (a list of numbers) so many neighbours as one token", default=None
    )
    output_mode: Literal["int", "multi_hot", "count", "tf_idf"] = option(
        "int: the numbers in order; multi_hot: one vector, 1 where a token occurs; count: how often it occurs; "
        "tf_idf: count · idf weight",
        default="int",
    )
    output_sequence_length: PositiveInt | None = option(
        "tokens of each row: what is longer is cut, what is shorter filled up with 0; null: as many as the longest "
        "text of the batch has",
        default=None,
    )
    pad_to_max_tokens: bool = option(PAD_HELP, default=False)
    vocabulary: Words | None = option(VOCABULARY_HELP, default=None)
    idf_weights: tuple[float, ...] | None = option(IDF_HELP, default=None)
    encoding: Literal["utf-8"] = option("of the tokens' bytes", default="utf-8")
    sparse: bool = option(SPARSE_HELP, default=False, kw_only=True)
    ragged: bool = option("for Keras's sake; rows have one length, so it must be false", default=False, kw_only=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from vocabulary_rules(values, 1, "")
        if values["ragged"]:
            yield (
                "ragged",
                "rows of different lengths are not made here: leave it out; short texts end with 0",
            )
        if values["output_mode"] != "int" and values["output_sequence_length"] is not None:
            yield "output_sequence_length", "output_sequence_length belongs to output_mode: int"

    # -- the contract -----------------------------------------------------------------------------------------------

    def output_shape(self, in_shape: Shape) -> Shape:
        if self.split is not None:
            rows_of_one(in_shape)
        if self.output_mode != "int":
            return (require_depth(self._depth(), self.name or self.spec_name),)
        if self.split is None and self.output_sequence_length is None and self.ngrams is None:
            return in_shape
        return (self.output_sequence_length,)

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        vocabulary, length = self._vocabulary(), self.output_sequence_length
        rows: Sequence[Any] = self._rows_of(x)
        if length is not None:
            rows = [row[:length] for row in rows]
        counts = np.fromiter(map(len, rows), np.int64, len(rows))
        table: dict[Any, int] = vocabulary.numbers if self.split == "character" else vocabulary.by_bytes
        get, unknown = table.get, vocabulary.numbering.masks
        found = map(get, itertools.chain.from_iterable(rows), itertools.repeat(unknown))
        numbers = np.fromiter(found, np.int32, int(counts.sum()))
        if self.split is None:  # elsewhere no token is empty
            empty = np.fromiter((not token for row in rows for token in row), np.bool_, len(numbers))
            numbers[empty] = 0 if self.output_mode == "int" else -1
        if tally is not None:
            tally.tokens += len(numbers)
            tally.unknown += int((numbers == unknown).sum())
        if self.output_mode == "int":
            wide = length if length is not None else max(1, int(counts.max(initial=0)))
            y = np.zeros((len(rows), wide), np.int32)
            y[np.arange(wide) < counts[:, None]] = numbers
            return y.reshape(x.shape) if self.output_shape(x.shape[1:]) == x.shape[1:] else y
        depth = vocabulary.depth
        idf = vocabulary.idf if self.output_mode == "tf_idf" else None
        places = np.repeat(np.arange(len(rows)) * depth, counts) + numbers
        return tallied(places[numbers >= 0], len(rows), self.output_mode, depth, idf)

    # -- tokens -----------------------------------------------------------------------------------------------------

    @property
    def numbering(self) -> Numbering:
        return Numbering(self.output_mode, "", "[UNK]", 1, self.max_tokens, self.pad_to_max_tokens)

    @property
    def _options(self) -> tuple[Any, Any]:
        return self.vocabulary, self.idf_weights

    def _rows_of(self, batch: Array) -> Sequence[Any]:
        """The tokens of each row: bytes in UTF-8, which white space in ASCII parts as in TensorFlow, or characters."""
        texts = [self._standardized(text) for text in texts_of(batch)]
        rows: list[Any]
        if self.split == "character":
            rows = [list(text.decode("utf-8", "surrogatepass")) for text in texts]
        elif self.split == "whitespace":
            rows = [text.split() for text in texts]
        else:
            width = max(1, len(texts) // max(1, len(batch)))
            rows = [texts[start : start + width] for start in range(0, len(texts), width)]
        if self.ngrams is None:
            return rows
        space = " " if self.split == "character" else b" "
        return [self._neighbours(row, space) for row in rows]

    def _standardized(self, text: str) -> bytes:
        raw = text.encode("utf-8", "surrogatepass")
        if self.standardize is None:
            return raw
        table = _SAME if self.standardize == "strip_punctuation" else _LOWER
        return raw.translate(table, b"" if self.standardize == "lower" else _PUNCTUATION)

    def _neighbours(self, tokens: Any, space: Any) -> list[Any]:
        widths: Sequence[int] = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams or ()
        return list(
            itertools.chain.from_iterable(
                (space.join(tokens[at : at + width]) for at in range(len(tokens) - width + 1)) for width in widths
            )
        )
