"""The helpers under Keras's names; padded rows are what Keras 3.15's pad_sequences gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet import backend, utils
from seqnet.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("sequences", "options", "rows"),
    [
        ([[1], [2, 3], [4, 5, 6]], {}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        (
            [[1], [2, 3], [4, 5, 6]],
            {"maxlen": 2, "padding": "post", "truncating": "post", "value": 9},
            [[1, 9], [2, 3], [4, 5]],
        ),
        ([[], [1.5]], {"dtype": "float32"}, [[0], [1.5]]),
        ([[[1, 2]], [[3, 4], [5, 6]]], {}, [[[0, 0], [1, 2]], [[3, 4], [5, 6]]]),
    ],
)
def test_pad_sequences(sequences: Any, options: dict[str, Any], rows: Any) -> None:
    padded = utils.pad_sequences(sequences, **options)
    assert padded.tolist() == rows and padded.dtype == options.get("dtype", "int32")


@pytest.mark.parametrize(
    ("sequences", "options", "error", "said"),
    [
        ([[1]], {"padding": "left"}, UsageError, "padding must be 'pre' or 'post', got 'left'"),
        ([[1]], {"truncating": 1}, UsageError, "truncating must be 'pre' or 'post'"),
        ([[1], 3], {}, DataError, "entry 1 is 3"),
        (["abc"], {}, DataError, "entry 0 is 'abc'"),
        ([[[1, 2]], [[3]]], {}, DataError, r"entry 1 has items of shape \(1,\), the first of \(2,\)"),
    ],
)
def test_what_can_not_be_padded(sequences: Any, options: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        utils.pad_sequences(sequences, **options)


def test_what_scripts_ask_of_the_backend() -> None:
    assert seqnet.backend is backend and "backend" in seqnet.__all__
    assert (backend.epsilon(), backend.floatx(), backend.image_data_format()) == (1e-7, "float32", "channels_last")
    backend.clear_session()


def test_a_data_set_says_what_it_lacks() -> None:
    class Half(utils.PyDataset):
        def __len__(self) -> int:
            return 1

    assert Half().num_batches == 1 and utils.Sequence is utils.PyDataset
    for ask, said in ((lambda: len(utils.PyDataset()), "in __len__"), (lambda: Half()[0], "in __getitem__")):
        with pytest.raises(NotImplementedError, match=said):
            ask()


def test_normalize_keeps_zero_rows() -> None:
    assert utils.normalize([[3, 4], [0, 0]]).tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0]]
