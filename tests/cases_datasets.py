"""Calls of load_data, whose arrays are compared with those that Keras gives for the same files: name, positional
arguments, options. cifar10 has no row, as Keras reads 10,000 rows a file or none; cifar100 has the same reader."""

from __future__ import annotations

from typing import Any

CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("mnist", [], {}),
    ("fashion_mnist", [], {}),
    ("cifar100", [], {}),
    ("cifar100", ["coarse"], {}),
    ("cifar100", [], {"label_mode": "fine"}),
    ("california_housing", [], {}),
    ("california_housing", ["small"], {}),
    ("california_housing", ["large", "california_housing.npz", 0.0, 0], {}),
    ("california_housing", [], {"test_split": 0.37, "seed": 2**32 - 1}),
    ("boston_housing", [], {}),
    ("boston_housing", ["boston_housing.npz", 0.5, 7], {}),
    ("imdb", [], {}),
    ("imdb", ["imdb.npz", 20], {}),
    ("imdb", ["imdb.npz", 20, 6, 12, 5, 1, 2, 3], {}),
    ("imdb", [], {"num_words": 25, "oov_char": None}),
    ("imdb", [], {"skip_top": 10, "start_char": None}),
    ("imdb", [], {"start_char": None, "index_from": 0}),
    ("imdb", [], {"start_char": None, "index_from": 5, "oov_char": 0, "maxlen": 15}),
    ("imdb", [], {"maxlen": 1000, "num_words": 10_000}),
    ("imdb", [], {"start_char": 9, "oov_char": 8, "index_from": 20, "seed": 0}),
    ("imdb", [], {"num_words": 1, "oov_char": None}),  # nothing is left of any text
    ("reuters", [], {}),
    ("reuters", ["reuters.npz", 20, 6, 12, 0.4, 5, 1, 2, 3], {}),
    ("reuters", [], {"num_words": 25, "oov_char": None}),
    ("reuters", [], {"skip_top": 10, "start_char": None, "test_split": 0.0}),
    ("reuters", [], {"start_char": None, "index_from": 0, "maxlen": 9}),
]
PARTS = ("x_train", "y_train", "x_test", "y_test")


def label(case: tuple[str, list[Any], dict[str, Any]]) -> str:
    """What a case is called where its arrays are stored."""
    name, arguments, options = case
    said = [*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())]
    return f"{name}({', '.join(said)})"
