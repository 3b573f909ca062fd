"""Vocabularies: which number stands for which token, learned by counting or given, and what is out of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Either, FileName, Number, Plain, Tuple
from seqnet.errors import CheckpointError, DataError, ShapeError, UsageError

Token = Any  # str, or int
VOCABULARY_HELP = (
    "the tokens in order, as a list, or a file with one a line; without it, adapt takes them from the training rows"
)
IDF_HELP = "of a given vocabulary in the mode tf_idf: the weight of each token"
MAX_TOKENS_HELP = "the most entries of the vocabulary, mask and out-of-vocabulary entries counted; the rarest are left"
PAD_HELP = "make the vectors max_tokens wide even where the vocabulary is smaller"
_PATH = FileName(str, "the path of a file with a token a line", "string")
Words = Annotated[Any, Either((Tuple(Plain(str, "a text", "string")), _PATH))]
WholeNumbers = Annotated[Any, Either((Tuple(Number(whole=True)), _PATH))]


@dataclass(frozen=True)
class Numbering:
    """How tokens are numbered: [mask 0 in the mode int], one number for each out-of-vocabulary bin, then the tokens."""

    mode: str
    mask_token: Token | None
    oov_token: Token | None
    oov_bins: int
    max_tokens: int | None
    padded: bool

    @property
    def masks(self) -> int:
        """1 where number 0 stands for the mask token."""
        return int(self.mask_token is not None and self.mode == "int")

    @property
    def first(self) -> int:
        """The number of the first token."""
        return self.masks + self.oov_bins

    @property
    def specials(self) -> list[Token]:
        return [self.mask_token] * self.masks + [self.oov_token] * self.oov_bins


class Vocabulary:
    """Tokens in order of their numbers, and in the mode tf_idf a weight for each number.

    Raises UsageError for what can be no vocabulary.
    """

    def __init__(self, numbering: Numbering, tokens: Sequence[Token], idf: Array | None = None) -> None:
        self.numbering = numbering
        self.tokens = tuple(tokens)
        self.idf = idf  # (depth,)
        self.numbers = {token: number for number, token in enumerate(self.tokens, numbering.first)}
        if len(self.numbers) < len(self.tokens):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise UsageError(f"the vocabulary has the same token more than once: {_listed(twice)}")
        if numbering.max_tokens is not None and self.size > numbering.max_tokens:
            raise UsageError(f"the vocabulary has {self.size} entries, but max_tokens is {numbering.max_tokens}")

        self._by_bytes: dict[bytes, int] | None = None

    @property
    def by_bytes(self) -> dict[bytes, int]:
        """The number of each text, by its bytes in UTF-8."""
        if self._by_bytes is None:
            self._by_bytes = {token.encode("utf-8", "surrogatepass"): n for token, n in self.numbers.items()}
        return self._by_bytes

    @property
    def size(self) -> int:
        """How many entries there are, mask and out-of-vocabulary entries counted."""
        return self.numbering.first + len(self.tokens)

    @property
    def depth(self) -> int:
        """How wide the vectors of the modes other than int are."""
        wide = self.numbering.max_tokens if self.numbering.padded else None
        return wide or self.size

    def entries(self, *, specials: bool = True) -> list[Token]:
        """The entry of number 0, 1, …; without specials the tokens alone."""
        return [*(self.numbering.specials if specials else ()), *self.tokens]

    def state(self) -> dict[str, Any]:
        """As plain data."""
        return {"tokens": list(self.tokens), "idf": None if self.idf is None else self.idf.tolist()}

    @classmethod
    def restored(cls, numbering: Numbering, state: Mapping[str, Any]) -> Vocabulary:
        """The inverse of `state`. Raises CheckpointError."""
        try:
            tokens, idf = state["tokens"], state["idf"]
            if not isinstance(tokens, list) or not all(isinstance(token, (str, int)) for token in tokens):
                raise TypeError("tokens must be a list of texts or numbers")
            return cls(numbering, tokens, None if idf is None else np.array(idf, np.float32))
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise CheckpointError(f"a saved vocabulary is damaged: {error}") from error


def given_vocabulary(numbering: Numbering, tokens: Sequence[Token], idf: Any = None) -> Vocabulary:
    """The vocabulary that a person gave, with or without the special entries at its head. Raises UsageError.

    idf: a weight for each token; where the special entries are not among them, those get the mean.
    """
    tokens = list(tokens)
    if not tokens:
        raise UsageError("the vocabulary is empty; give at least one token")
    specials = numbering.specials
    headed = tokens[: numbering.first] == specials
    own = tokens[numbering.first :] if headed else tokens
    if numbering.mask_token is not None and numbering.mask_token in own:
        raise UsageError(
            f"the mask token {numbering.mask_token!r} stands within the vocabulary; leave it and the out-of-vocabulary "
            f"token out, or begin with exactly {specials}"
        )
    if numbering.mode != "tf_idf":
        if idf is not None:
            raise UsageError(f"idf_weights belong to output_mode: tf_idf, not {numbering.mode}")
        return Vocabulary(numbering, own)
    if idf is None:
        raise UsageError("output_mode: tf_idf with a vocabulary needs idf_weights too, one for each token")
    weights = np.asarray(idf, np.float32)
    if weights.shape != (len(tokens),):
        raise UsageError(f"idf_weights has shape {weights.shape}, but the vocabulary has {len(tokens)} tokens")
    return Vocabulary(numbering, own, _widened(numbering, weights, headed=headed))


def read_tokens(path: str, numbers: bool) -> list[Token]:
    """The tokens of a file, one a line. Raises DataError with the line."""
    file = Path(path).expanduser()
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"the vocabulary {path} is no file")
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte
        raise DataError(f"the vocabulary {path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: no text in UTF-8 ({error.reason})") from None
    lines = [line.removesuffix("\r") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not numbers:
        return lines
    found: list[Token] = []
    for number, text in enumerate(lines, 1):
        try:
            found.append(int(text))
        except ValueError:
            raise DataError(f"{path}, line {number}: {text!r:.40} is no whole number") from None
    return found


class Count:
    """How often each token occurs, and in how many rows, over as many batches as one likes."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self.tokens: Counter[Token] = Counter()
        self.rows_with: Counter[Token] = Counter()
        self.rows = 0

    def add(self, rows: Sequence[Sequence[Token]]) -> None:
        """Count the tokens of these rows."""
        self.rows += len(rows)
        self.tokens.update(itertools.chain.from_iterable(rows))
        if self.numbering.mode == "tf_idf":
            for row in rows:
                self.rows_with.update(set(row))

    def vocabulary(self) -> Vocabulary:
        """The tokens, most frequent first, those of equal count in reverse order, as Keras has them.

        Raises DataError when nothing was counted.
        """
        numbering = self.numbering
        found = {_text(token): count for token, count in self.tokens.items()}
        for special in (numbering.mask_token, numbering.oov_token):
            found.pop(special, None)
        if not found:
            raise DataError("there are no tokens in the rows to adapt to")
        order = sorted(found, reverse=True)
        order.sort(key=lambda token: -found[token])
        if numbering.max_tokens is not None:
            order = order[: max(numbering.max_tokens - numbering.first, 0)]
        if numbering.mode != "tf_idf":
            return Vocabulary(numbering, order)
        rows_with = {_text(token): count for token, count in self.rows_with.items()}
        documents = np.array([rows_with[token] for token in order], np.float64)
        idf = np.log(1.0 + self.rows / (1.0 + documents)).astype(np.float32)
        return Vocabulary(numbering, order, _widened(numbering, idf, headed=False))


def require_same_width(before: Vocabulary | None, now: Vocabulary, built: bool, name: str) -> None:
    """Raise ShapeError when a model that is built already would get vectors of another width."""
    if not built or now.numbering.mode == "int" or before is None or before.depth == now.depth:
        return
    raise ShapeError(
        f"the model is built for vectors of {name} with {before.depth} numbers, and this vocabulary makes {now.depth}; "
        "adapt before the model is built, or use max_tokens with pad_to_max_tokens"
    )


def out_of_bins(tokens: Sequence[Token], bins: int, fingerprint: Callable[[bytes], int]) -> list[int]:
    """Which out-of-vocabulary bin each token falls into."""
    made: dict[Token, int] = {}
    for token in tokens:
        if token not in made:
            made[token] = fingerprint(str(token).encode("utf-8", "surrogatepass")) % bins
    return [made[token] for token in tokens]


def _widened(numbering: Numbering, idf: Array, *, headed: bool) -> Array:
    """Weights for every number: the mean for the special entries, 0 for numbers that no token has."""
    front = [] if headed else [float(np.mean(idf))] * numbering.first
    wide = numbering.max_tokens if numbering.padded else None
    back = [0.0] * max((wide or 0) - len(front) - len(idf), 0)
    return np.concatenate([np.array(front, np.float32), idf, np.array(back, np.float32)])


def _text(token: Token) -> Token:
    """Texts that were counted as bytes in UTF-8 as texts again."""
    return token.decode("utf-8", "surrogatepass") if isinstance(token, bytes) else token


def _listed(tokens: Sequence[Token]) -> str:
    shown = ", ".join(repr(token) for token in tokens[:5])
    return shown + (", …" if len(tokens) > 5 else "")
