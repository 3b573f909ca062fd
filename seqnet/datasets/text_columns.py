"""A column of free text beside others in a table, as how often it has each of the words of the training rows."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from seqnet.checkers import PositiveInt
from seqnet.datasets.columns import ColumnKind, Found, as_words
from seqnet.datasets.labels import Array
from seqnet.datasets.table import Column
from seqnet.declare import option
from seqnet.errors import DataError
from seqnet.registry import register

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@register(name="text")
class Words(ColumnKind):
    """Free text, as one number for each of the most frequent words of the training rows.

    Words are what stands between blanks, in small letters and without punctuation. multi_hot: 1 where the text has the
    word; count: how often; tf_idf: how often, times log(1 + rows / (1 + rows that have the word)), as Keras's
    TextVectorization. The columns beside it stay as they are; for texts alone, of which the order of words counts, see
    the source `text`. missing: empty counts a gap as a text without words; drop leaves the row out; error ends.
    """

    unit = "a word"

    output_mode: Literal["multi_hot", "count", "tf_idf"] = option("what a word's number says", default="multi_hot")
    max_words: PositiveInt = option("so many of the most frequent are told apart", default=200)
    missing: Literal["empty", "drop", "error"] = option("what is done about gaps", default="empty")

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        coded = as_words(column)
        rows = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.words)).tolist()
        counts: Counter[str] = Counter()
        documents: Counter[str] = Counter()
        for text, times in zip(coded.words, rows, strict=True):
            found = Counter(tokens(text))
            documents.update(dict.fromkeys(found, times))
            counts.update({word: count * times for word, count in found.items()})
        if not counts:
            raise DataError(f"column {name!r} has no word in any training row; drop it")
        words = sorted(counts, key=lambda word: (-counts[word], word))[: self.max_words]
        return {
            "words": words,
            "idf": [float(np.log(1 + len(coded) / (1 + documents[word]))) for word in words],
            "left_out": len(counts) - len(words),
        }

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        coded = as_words(column)
        places = {word: place for place, word in enumerate(learned["words"])}
        table = np.zeros((len(coded.words) + 1, len(places)), np.float32)
        rows = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.words)).tolist()
        unknown: Counter[str] = Counter()
        for number, text in enumerate(coded.words):
            strange = None
            for word in tokens(text):
                place = places.get(word)
                if place is not None:
                    table[number, place] += 1
                elif strange is None:
                    strange = word
            if strange is not None and rows[number]:
                unknown[strange] += rows[number]  # a row is counted once
        if self.output_mode == "multi_hot":
            table = np.minimum(table, 1)
        elif self.output_mode == "tf_idf":
            table *= np.array(learned["idf"], np.float32)
        # Rare words of training are unknown too, and can't be told from new ones.
        return table[coded.codes], Found(coded.codes < 0, {} if learned["left_out"] else dict(unknown))

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        return [f"{name}: {word}" for word in learned["words"]]

    def summary(self, learned: Mapping[str, Any]) -> str:
        count = len(learned["words"])
        said = f"{count:,} words" if count != 1 else "1 word"
        said += f", {learned['left_out']:,} rare ones left out" if learned["left_out"] else ""
        return f"{said}, {self.output_mode}"


def tokens(text: str) -> list[str]:
    """The words of a text, in small letters and without punctuation."""
    return text.lower().translate(_NO_PUNCTUATION).split()
