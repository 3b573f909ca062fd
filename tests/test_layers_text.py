"""The layers that take texts: Keras's numbers, their vocabularies, and what they refuse.

Expected values come from Keras 3 on TensorFlow (tests/reference/make_text.py) unless a line says otherwise.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet import layers
from seqnet.declare import get, options_of
from seqnet.errors import CheckpointError, DataError, SeqnetError, ShapeError, SpecError, UsageError
from seqnet.layers import Layer
from seqnet.layers.base import Tally
from seqnet.registry import lookup
from tests.cases_text import BINS, ROWS, TEXTS, bin_rows
from tests.reference import load_reference
from tests.test_layers_battery import FOREIGN

over = pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])


def facts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(load_reference("text")["facts"]))
    return found


def made(row: dict[str, Any], adapt: Any = None) -> Any:
    """The layer of a row, adapted or given its vocabulary."""
    layer: Any = get(Layer, {row["layer"]: dict(row["options"])})
    if "adapt" in row:
        layer.adapt(row["adapt"] if adapt is None else adapt)
    if "set" in row:
        layer.set_vocabulary(*row["set"])
    return layer


def texts(values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


# -- Keras's numbers --------------------------------------------------------------------------------------------------


@over
def test_numbers_are_keras(row: dict[str, Any]) -> None:
    y, told = made(row)(row["input"]), facts()["cases"][row["case"]]
    if "texts" in told:
        assert y.tolist() == told["texts"]
        return
    expected = load_reference("text")[f"{row['case']}/y"]
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=2e-6)
    if expected.dtype.kind in "iu":
        np.testing.assert_array_equal(y, expected)


@over
def test_vocabularies_are_keras(row: dict[str, Any]) -> None:
    told = facts()["cases"][row["case"]]
    if "vocabulary" in told:
        layer = made(row)
        assert layer.get_vocabulary() == told["vocabulary"]
        assert layer.vocabulary_size() == told["size"]
        first = layer.numbering.first
        assert layer.get_vocabulary(include_special_tokens=False) == told["vocabulary"][first:]


@pytest.mark.parametrize("name", ["TextVectorization", "StringLookup", "Hashing"])
def test_signature_is_keras(name: str) -> None:
    theirs = [entry for entry in facts()["signatures"][name] if entry[0] not in FOREIGN | {"name", "dtype"}]
    declared = options_of(lookup("layer", name))
    positional = [option for option, one in declared.items() if not one.kw_only]
    assert positional[: len(theirs)] == [entry[0] for entry in theirs]
    for option, *default in theirs:
        assert declared[option].required == (not default)
        if default:
            assert declared[option].default == default[0]


@pytest.mark.parametrize(("case", "options", "shape", "seed"), BINS, ids=[case[0] for case in BINS])
def test_boundaries_are_keras(case: str, options: dict[str, Any], shape: tuple[int, ...], seed: int) -> None:
    x, stored = bin_rows(shape, seed), load_reference("text")
    layer = layers.Discretization(**options)
    for data, name in ((x, "edges"), ([x[: len(x) // 2], x[len(x) // 2 :]], "edges_by_halves")):
        layer.adapt(data)
        state = layer.state()
        assert state is not None
        np.testing.assert_allclose(state["bin_boundaries"], stored[f"{case}/{name}"], rtol=1e-6)


# -- the same, however it comes ---------------------------------------------------------------------------------------


@over
def test_forms_of_text_are_alike(row: dict[str, Any]) -> None:
    if isinstance(row["input"][0], list) and not isinstance(row["input"][0][0], str):
        return
    forms = [np.array(row["input"]), texts(row["input"]), np.array(row["input"], dtype=np.dtypes.StringDType())]
    expected = made(row)(row["input"])
    for form in forms:
        np.testing.assert_array_equal(made(row)(form), expected)
        if "adapt" in row:
            np.testing.assert_array_equal(made(row, np.array(row["adapt"], dtype=form.dtype))(form), expected)


@over
def test_state_survives(row: dict[str, Any]) -> None:
    layer = made(row)
    state = layer.state()
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config() == json.loads(json.dumps(layer.get_config()))
    if state is not None:
        again.restore(json.loads(json.dumps(state)))
    np.testing.assert_array_equal(again(row["input"]), layer(row["input"]))


@over
def test_rows_are_independent(row: dict[str, Any]) -> None:
    layer, rows = made(row), row["input"]
    whole = layer(rows)
    for number in range(len(rows)):
        one = layer(rows[number : number + 1])[0]
        np.testing.assert_array_equal(whole[number][tuple(slice(n) for n in one.shape)], one)


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_adapts_batch_by_batch(mode: str) -> None:
    whole, parts = (layers.TextVectorization(output_mode=mode, ngrams=2) for _ in range(2))
    whole.adapt(TEXTS)
    parts.adapt(texts(TEXTS[at : at + 4]) for at in range(0, len(TEXTS), 4))
    assert whole.state() == parts.state()
    parts.adapt((texts(TEXTS[at : at + 4]) for at in range(0, len(TEXTS), 4)), steps=1)
    assert parts.vocabulary_size() < whole.vocabulary_size()


class OnDemand:
    """Rows that are there only while they are looked at."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape, self.dtype, self.most = rows, rows.shape, rows.dtype, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> np.ndarray:
        found: np.ndarray = self.rows[part]
        self.most = max(self.most, len(found))
        return found


def test_adapts_to_rows_that_are_never_all_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqnet.layers.preparing.ROWS_AT_ONCE", 4)
    monkeypatch.setattr("seqnet.layers.categories.VALUES_AT_ONCE", 60)
    for rows, make in (
        (texts(TEXTS), layers.TextVectorization),
        (np.arange(30)[:, None] % 7, layers.IntegerLookup),
        (bin_rows((100, 3), 6), lambda: layers.Discretization(num_bins=5)),
    ):
        there, here = OnDemand(rows), make()
        here.adapt(there)
        assert here.adapted and there.most in (4, 20)


def test_adapting_again_forgets() -> None:
    layer = layers.TextVectorization()
    layer.adapt(["one two"])
    layer.adapt(["three"])
    assert layer.get_vocabulary() == ["", "[UNK]", "three"]


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.integers(1, 6))
def test_words_are_counted(rows: list[str], length: int) -> None:
    """Against Python's own words, where ASCII is all there is to part them."""
    rows = [text.translate(dict.fromkeys([0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0xA0], "_")) for text in rows]
    layer = layers.TextVectorization(standardize=None, output_sequence_length=length)
    words = [text.encode("utf-8", "surrogatepass").split() for text in rows]
    counts = Counter(word.decode("utf-8", "surrogatepass") for row in words for word in row)
    counts.pop("[UNK]", None)
    if not counts:
        with pytest.raises(DataError, match="no tokens"):
            layer.adapt(rows)
        return
    layer.adapt(rows)
    vocabulary = layer.get_vocabulary()
    assert vocabulary[2:] == sorted(sorted(counts, reverse=True), key=lambda word: -counts[word])
    tally = Tally()
    y = layer.encode(texts(rows), tally)
    for numbers, row in zip(y.tolist(), words, strict=True):
        expected = [word.decode("utf-8", "surrogatepass") for word in row[:length]]
        assert [vocabulary[n] for n in numbers] == expected + [""] * (length - len(expected))
    assert tally.tokens == sum(min(len(row), length) for row in words)
    assert tally.unknown == sum(row[:length].count(b"[UNK]") for row in words)


def test_counts_what_is_unknown() -> None:
    layer, tally = layers.TextVectorization(vocabulary=["a", "b"]), Tally()
    layer.encode(texts(["a b c", "d", ""]), tally)
    assert (tally.tokens, tally.unknown, tally.share) == (4, 2, 0.5)
    look, tally = layers.StringLookup(vocabulary=["a"], mask_token="", output_mode="multi_hot"), Tally()
    look.encode(texts([["a", ""], ["b", "a"]]), tally)
    assert (tally.tokens, tally.unknown) == (3, 1)


# -- a vocabulary given -----------------------------------------------------------------------------------------------


def test_reads_a_vocabulary_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\ufeffthe\r\ncat\n\n", encoding="utf-8")
    layer = layers.TextVectorization(vocabulary=str(tmp_path / "words.txt"))
    assert layer.get_vocabulary() == ["", "[UNK]", "the", "cat"]
    (tmp_path / "years.txt").write_text("1999\n2000\n")
    assert layers.IntegerLookup(vocabulary=tmp_path / "years.txt")([2000, 1]).tolist() == [2, 0]
    (tmp_path / "years.txt").write_text("1999\nlast\n")
    with pytest.raises(DataError, match=r"years.txt, line 2: 'last' is no whole number"):
        layers.IntegerLookup(vocabulary=tmp_path / "years.txt")([2000])
    (tmp_path / "words.txt").write_bytes(b"the\n\xff\n")
    with pytest.raises(DataError, match=r"words.txt, line 2: no text in UTF-8"):
        layers.StringLookup(vocabulary=tmp_path / "words.txt")(["the"])
    with pytest.raises(DataError, match="can't be read: No such file"):
        layers.StringLookup(vocabulary=tmp_path / "nothing.txt")(["the"])


def test_file_is_relative_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the\n")
    layer = layers.TextVectorization(vocabulary="words.txt")
    layer.place_files(tmp_path)
    assert layer.vocabulary_size() == 3


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("sparse", "TextVectorization", {"sparse": True}, "sparse arrays are not made here"),
    ("sparse_lookup", "IntegerLookup", {"sparse": True}, "sparse arrays are not made here"),
    ("sparse_hash", "Hashing", {"num_bins": 3, "sparse": True}, "sparse arrays are not made here"),
    ("sparse_bins", "Discretization", {"num_bins": 3, "sparse": True}, "sparse arrays are not made here"),
    ("sparse_category", "CategoryEncoding", {"num_tokens": 3, "sparse": True}, "sparse arrays are not made here"),
    ("ragged", "TextVectorization", {"ragged": True}, "rows of different lengths are not made here"),
    ("no_width", "TextVectorization", {"pad_to_max_tokens": True}, "pad_to_max_tokens needs max_tokens"),
    ("no_room", "TextVectorization", {"max_tokens": 2}, "max_tokens must leave room"),
    ("no_room_lookup", "StringLookup", {"max_tokens": 1}, "max_tokens must leave room"),
    ("idf_alone", "StringLookup", {"idf_weights": [1.0]}, "idf_weights belong to output_mode: tf_idf"),
    (
        "no_idf",
        "StringLookup",
        {"output_mode": "tf_idf", "vocabulary": ["a"]},
        "needs a list of tokens",
    ),
    (
        "uneven_idf",
        "StringLookup",
        {"output_mode": "tf_idf", "vocabulary": ["a"], "idf_weights": [1.0, 2.0]},
        "idf_weights has shape \\(2,\\), but the vocabulary has 1 tokens",
    ),
    ("twice", "StringLookup", {"vocabulary": ["a", "b", "a"]}, "the same token more than once: 'a'"),
    ("empty", "StringLookup", {"vocabulary": []}, "the vocabulary is empty"),
    ("too_many", "StringLookup", {"vocabulary": ["a", "b"], "max_tokens": 2}, "has 3 entries, but max_tokens is 2"),
    ("mask_within", "TextVectorization", {"vocabulary": ["a", ""]}, "the mask token '' stands within the vocabulary"),
    (
        "length",
        "TextVectorization",
        {"output_mode": "count", "output_sequence_length": 3},
        "belongs to output_mode: int",
    ),
    ("callable", "TextVectorization", {"standardize": str.lower}, "standardize must be"),
    ("inverted", "IntegerLookup", {"invert": True, "output_mode": "count"}, "invert gives tokens"),
    ("salt", "IntegerLookup", {"salt": 3}, "salt needs oov_method: farmhash"),
    ("neither", "Discretization", {}, "give bin_boundaries, or num_bins"),
    ("both", "Discretization", {"num_bins": 3, "bin_boundaries": [1.0]}, "give bin_boundaries, or num_bins"),
    ("falling", "Discretization", {"bin_boundaries": [1.0, 0.0]}, "must rise"),
    ("no_tokens", "CategoryEncoding", {}, "num_tokens is needed"),
    (
        "two_ways",
        "Resizing",
        {"height": 2, "width": 2, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "exclude each other",
    ),
]


@pytest.mark.parametrize(("layer", "options", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_options_are_refused(layer: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        get(Layer, {layer: options})


def test_values_are_refused() -> None:
    known = layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
    cases: list[tuple[Any, type[SeqnetError], str]] = [
        (lambda: layers.TextVectorization()(["a"]), UsageError, "no vocabulary yet: call adapt"),
        (lambda: layers.Discretization(num_bins=2)([1.0]), UsageError, "no boundaries yet: call adapt"),
        (lambda: layers.TextVectorization(vocabulary=["a"]).adapt(["b"]), UsageError, "nothing to adapt"),
        (lambda: layers.Discretization([1.0]).adapt([[1.0]]), UsageError, "nothing to adapt"),
        (lambda: layers.TextVectorization().adapt(["", " "]), DataError, "no tokens in the rows"),
        (lambda: layers.TextVectorization().adapt("one text"), DataError, "adapt takes an array or an iterable"),
        (lambda: layers.TextVectorization().adapt([1.0, 2.0]), DataError, "takes texts, got numbers"),
        (lambda: layers.TextVectorization().adapt(["a", None]), DataError, "row 1 .* holds None"),
        (lambda: layers.Discretization(num_bins=2).adapt(np.zeros((0, 1))), DataError, "no rows to adapt to"),
        (lambda: layers.Discretization(num_bins=2).adapt([[np.nan]]), DataError, "hold NaN"),
        (lambda: layers.Discretization(num_bins=2).adapt(np.float32(3)), DataError, "got a single value"),
        (lambda: layers.IntegerLookup().adapt(np.int64(3)), DataError, "got a single value"),
        (lambda: layers.Discretization([1.0])(["a"]), DataError, "takes numbers"),
        (lambda: layers.IntegerLookup(vocabulary=[1])(["a"]), DataError, "takes whole numbers"),
        (lambda: layers.CategoryEncoding(3)(["a"]), DataError, "takes whole numbers"),
        (lambda: layers.CategoryEncoding(3)([[0], [3]]), DataError, "from 0 to 2, but row 1 of the batch holds 3"),
        (lambda: layers.CategoryEncoding(3)([[-1]]), DataError, "row 0 of the batch holds -1"),
        (lambda: known(["b"]), DataError, "all values must be in its vocabulary, but these are not: 'b'"),
        (lambda: known(["a"], 3), UsageError, "is called with values alone"),
        (lambda: known.restore({"tokens": "ab"}), CheckpointError, "vocabulary is damaged"),
        (lambda: layers.Discretization(num_bins=2).restore({}), CheckpointError, "boundaries of None are damaged"),
        (lambda: layers.Dense(2).restore({}), CheckpointError, "Dense keeps no state"),
        (lambda: layers.TextVectorization(vocabulary=["a"]).output_shape((3,)), ShapeError, "rows of one text each"),
        (
            lambda: layers.TextVectorization(output_mode="count").output_shape(()),
            ShapeError,
            "how wide its vectors are",
        ),
        (lambda: layers.StringLookup(vocabulary=["a"], invert=True).output_shape((1,)), ShapeError, "call the layer"),
        (lambda: layers.TextVectorization()(np.array([b"\xff"])), DataError, "no text in UTF-8"),
    ]
    for do, error, message in cases:
        with pytest.raises(error, match=message):
            do()
