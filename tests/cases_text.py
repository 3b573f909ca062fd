"""Cases of the layers that take texts: what they are adapted to, what they are given, and with which options.

Read by the tests and by tests/reference/make_text.py, which asks Keras on TensorFlow. A row is a dict:
  case, layer, options   as in YAML
  adapt     texts that the layer is adapted to; without them the vocabulary is an option
  input     what it is given: texts (N,), rows of texts (N, k), or numbers where it gives texts
  set       [tokens, weights] for set_vocabulary instead of adapt
"""

from __future__ import annotations

from typing import Any

# Everything that standardizing, splitting and sorting could get wrong: cases and accents, punctuation of all kinds,
# white space in and out of ASCII, tokens of equal count, empty texts, the names of the special tokens.
TEXTS = [
    "The cat sat on the mat.",
    "the CAT, the dog & the   mouse!",
    "",
    "   ",
    "Don't (ever) say \"never\"; it's all-or-nothing...",
    "Straße ÉCOLE école Ünïcödé naïve",
    "tabs\tand\nlines\r\nand\x0bfeeds\x0chere",
    "no\u00a0break and \u2003em space\u3000wide",
    "emoji 😀 😀 and e\u0301 combining",
    "[UNK] unk UNK [unk]",
    "a b c d e f g h i j a b c",
    "日本語 テキスト 日本語",
    "`back` ~tilde~ {brace} |pipe| ^hat^ @at #hash $5 %6 _under_ <tag/> a=b a+b a*b \\n",
    "control\x1cchars\x1dstay\x85here",
    "ﬁ ligature İstanbul ǅ",
]
WORDS = ["the", "cat", "dog", "mat", "école", "a", "b"]
NAMES = [["red", "green"], ["blue", "red"], ["", "violet"], ["grün", "red"], ["red", ""], ["black", "white"]]
LONG = [["x" * n, "käse" * n] for n in (1, 3, 5, 9, 17, 33, 70, 200)]


def text(case: str, /, given: Any = TEXTS, *, adapt: Any = TEXTS, **options: Any) -> dict[str, Any]:
    known = "vocabulary" in options
    row: dict[str, Any] = {"case": case, "layer": "TextVectorization", "options": options, "input": given}
    return row if known else {**row, "adapt": adapt}


def names(case: str, /, given: Any = NAMES, *, more: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {"case": case, "layer": "StringLookup", "options": options, "input": given, **(more or {})}


ADAPTED = {"adapt": NAMES}
ROWS: list[dict[str, Any]] = [
    text("words"),
    text("words_lower", standardize="lower"),
    text("words_unpunctuated", standardize="strip_punctuation"),
    text("words_raw", standardize=None),
    text("words_of_length", output_sequence_length=4),
    text("words_of_long_length", output_sequence_length=40),
    text("words_few", max_tokens=6),
    text("words_given", vocabulary=WORDS),
    text("words_given_with_specials", vocabulary=["", "[UNK]", *WORDS]),
    text("characters", split="character", output_sequence_length=30),
    text("characters_raw", split="character", standardize=None),
    text("whole_texts", split=None),
    text("whole_texts_raw", [["b"], ["a"], [""], ["z"]], adapt=["a", "b", "b", ""], split=None, standardize=None),
    text("bigrams", ngrams=2),
    text("trigrams_alone", ngrams=[3]),
    text("pairs_and_single", ngrams=[2, 1]),
    text("characters_ngrams", split="character", ngrams=[2, 3]),
    text("multi_hot", output_mode="multi_hot"),
    text("multi_hot_wide", output_mode="multi_hot", max_tokens=200, pad_to_max_tokens=True),
    text("count", output_mode="count", max_tokens=9),
    text("count_bigrams", output_mode="count", ngrams=2, max_tokens=30),
    text("tf_idf", output_mode="tf_idf"),
    text("tf_idf_wide", output_mode="tf_idf", max_tokens=150, pad_to_max_tokens=True),
    text("tf_idf_few", output_mode="tf_idf", max_tokens=5),
    text(
        "tf_idf_given",
        output_mode="tf_idf",
        vocabulary=["the", "cat", "a"],
        idf_weights=[0.5, 1.5, 1.0],
    ),
    text("multi_hot_given", output_mode="multi_hot", vocabulary=WORDS),
    names("names", more=ADAPTED),
    names("names_masked", mask_token="", more=ADAPTED),
    names("names_few", max_tokens=3, more=ADAPTED),
    names("names_given", vocabulary=["red", "blue"]),
    names("names_bins", vocabulary=["red", "blue"], num_oov_indices=3),
    names("names_bins_masked", vocabulary=["red", "blue"], num_oov_indices=3, mask_token="green"),
    names("names_salted", vocabulary=["red", "blue"], num_oov_indices=3, salt=[133, 137]),
    names("names_long_hashed", LONG, vocabulary=["x"], num_oov_indices=1000),
    names("names_long_salted", LONG, vocabulary=["x"], num_oov_indices=1000, salt=7),
    names("names_one_hot", [["red"], ["pink"], ["blue"]], vocabulary=["red", "blue"], output_mode="one_hot"),
    names("names_one_hot_each", vocabulary=["red", "blue"], output_mode="one_hot"),
    names("names_multi_hot", vocabulary=["red", "blue"], output_mode="multi_hot", mask_token=""),
    names("names_count", output_mode="count", more=ADAPTED),
    names("names_tf_idf", output_mode="tf_idf", more=ADAPTED),
    names(
        "names_tf_idf_set",
        output_mode="tf_idf",
        more={"set": [["red", "blue", "black"], [0.25, 0.75, 0.6]]},
    ),
    names(
        "names_tf_idf_set_with_oov",
        output_mode="tf_idf",
        more={"set": [["[UNK]", "red", "blue"], [0.9, 0.25, 0.75]]},
    ),
    names("numbers_to_names", [[0, 1, 2], [3, 4, 9]], vocabulary=["red", "blue"], invert=True),
    names("numbers_to_names_masked", [[0, 1, 2], [3, 4, 9]], vocabulary=["red", "blue"], invert=True, mask_token="-"),
    {"case": "hash", "layer": "Hashing", "options": {"num_bins": 50}, "input": NAMES},
    {"case": "hash_long", "layer": "Hashing", "options": {"num_bins": 1_000_003}, "input": LONG},
    {"case": "hash_salted", "layer": "Hashing", "options": {"num_bins": 1_000_003, "salt": [1, 2]}, "input": LONG},
    {"case": "hash_masked", "layer": "Hashing", "options": {"num_bins": 4, "mask_value": "red"}, "input": NAMES},
    {
        "case": "hash_multi_hot",
        "layer": "Hashing",
        "options": {"num_bins": 6, "output_mode": "multi_hot"},
        "input": NAMES,
    },
]
# What Discretization makes of numbers that it is adapted to: (case, options, rows, seed).
BINS: list[tuple[str, dict[str, Any], tuple[int, ...], int]] = [
    ("few_rows", {"num_bins": 4}, (12, 2), 1),
    ("many_rows", {"num_bins": 10}, (5000, 1), 2),
    ("coarse", {"num_bins": 5, "epsilon": 0.2}, (300, 3), 3),
    ("fine", {"num_bins": 7, "epsilon": 0.001}, (4000, 1), 4),
    ("one_bin", {"num_bins": 1}, (30, 1), 5),
]


def bin_rows(shape: tuple[int, ...], seed: int) -> Any:
    """The numbers of a case of BINS."""
    import numpy as np

    return (10 * np.random.RandomState(seed).standard_normal(shape)).astype(np.float32)
