"""seqnet.spec.writer: what is written reads back exactly, by YAML 1.2 and by YAML 1.1, and reads well."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnet.spec.reader import dump_yaml, parse_document

LAYOUT = """\
name: fashion-mlp
seed: 42
data:
  dataset: fashion_mnist_mini
  validation_split: 0.1
model:
  - Rescaling: {scale: 0.00392156862745098}
  - Flatten
  - Dense: {units: 128, activation: relu}
  - Dense:
      units: 10
      activation: softmax
      kernel_initializer: {GlorotUniform: {seed: null}}
      kernel_regularizer: {L2: {l2: 0.01}}
  - Residual:
      layers:
        - Dense: {units: 10}
        - [1, 2]
        - {}
  - [[1, 2], [3, 4]]
optimizer:
  Adam: {learning_rate: 1.0e-05}
metrics: [accuracy, mae]
training: {}
callbacks: []
"""


def test_layout() -> None:
    data = {
        "name": "fashion-mlp",
        "seed": 42,
        "data": {"dataset": "fashion_mnist_mini", "validation_split": 0.1},
        "model": [
            {"Rescaling": {"scale": 1 / 255}},
            "Flatten",
            {"Dense": {"units": 128, "activation": "relu"}},
            {
                "Dense": {
                    "units": 10,
                    "activation": "softmax",
                    "kernel_initializer": {"GlorotUniform": {"seed": None}},
                    "kernel_regularizer": {"L2": {"l2": 0.01}},
                }
            },
            {"Residual": {"layers": [{"Dense": {"units": 10}}, (1, 2), {}]}},
            [[1, 2], [3, 4]],
        ],
        "optimizer": {"Adam": {"learning_rate": 1e-5}},
        "metrics": ("accuracy", "mae"),
        "training": {},
        "callbacks": [],
    }
    assert dump_yaml(data) == LAYOUT


def test_long_lists_stand_on_lines_of_their_own() -> None:
    numbers = list(range(60))
    assert dump_yaml({"a": {"b": numbers}}) == "a:\n  b:\n" + "".join(f"    - {number}\n" for number in numbers)
    assert all(len(line) <= 100 for line in dump_yaml({"a": [["word"] * 14, ["words"] * 14]}).splitlines())


# Written form: by hand, so that YAML 1.1 and 1.2 both see the type that was meant.
SCALARS: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-(10**30), "-" + "1" + "0" * 30),
    (1e-7, "1.0e-07"),
    (1.5e300, "1.5e+300"),
    (1e16, "1.0e+16"),
    (0.1, "0.1"),
    (-0.0, "-0.0"),
    (5e-324, "5.0e-324"),
    (math.inf, ".inf"),
    (-math.inf, "-.inf"),
    (math.nan, ".nan"),
    ("relu", "relu"),
    ("a b", "a b"),
    ("./data/x.csv", "./data/x.csv"),
    ("../x", "../x"),
    ("/tmp/x", "/tmp/x"),
    ("", "''"),
    ("on", "'on'"),
    ("No", "'No'"),
    ("y", "'y'"),
    ("NULL", "'NULL'"),
    ("~", "'~'"),
    ("true", "'true'"),
    ("1e-3", "'1e-3'"),
    ("12:30", "'12:30'"),
    ("2026-01-01", "'2026-01-01'"),
    ("1_000", "'1_000'"),
    ("0o17", "'0o17'"),
    (".5", "'.5'"),
    (".inf", "'.inf'"),
    ("5", "'5'"),
    ("a: b", "'a: b'"),
    ("a:b", "'a:b'"),
    ("a #b", "'a #b'"),
    (" a", "' a'"),
    ("a,b", "'a,b'"),
    ("- a", "'- a'"),
    ("<<", "'<<'"),
    ("=", "'='"),
    ("*x", "'*x'"),
    ("!x", "'!x'"),
    ("%x", "'%x'"),
    ("it's", '"it\'s"'),
    ('say "hi"\\', "'say \"hi\"\\'"),
    ("it's \"\\", '"it\'s \\"\\\\"'),
    ("a\nb\tc\r", '"a\\nb\\tc\\r"'),
    ("é漢", '"é漢"'),
    ("\x1b\x85\u00a0\u2028\ufeff\U000e0001", '"\\x1b\\x85\\xa0\\u2028\\ufeff\\U000e0001"'),
]


@pytest.mark.parametrize(("value", "written"), SCALARS)
def test_scalars(value: Any, written: str) -> None:
    text = dump_yaml({"key": value})
    assert text == f"key: {written}\n"
    for read in (parse_document(text).data["key"], yaml.safe_load(text)["key"]):
        assert type(read) is type(value)
        assert repr(read) == repr(value)


def test_keys() -> None:
    data = {"on": 1, "a: b": 2, 3: 4, -5: 6, "": 7, "7": 8, "k" * 3000: 9, "<<": 10}
    for given_data in (data, {"deep": {"er": [data, {"k" * 3000: [1]}]}}):
        text = dump_yaml(given_data)
        assert parse_document(text).data == given_data
        assert yaml.safe_load(text) == given_data


def test_other_roots() -> None:
    assert dump_yaml("on") == "'on'\n"
    assert dump_yaml([1, [2, {"a": {}}]]) == "- 1\n- - 2\n  - a: {}\n"
    assert dump_yaml({}) == "{}\n"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", 1j, {"a": object()}, {True: 1}, {1.5: 1}, {None: 1}])
def test_other_data_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dump_yaml({"key": value})


@pytest.mark.parametrize("value", [10**400, "\ud800", {"\udfff": 1}])
def test_what_no_yaml_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="can't be written"):
        dump_yaml({"key": value})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "on",
        "~",
        "1e-3",
        "12:30",
        "0x1F",
        "<<",
        "- a",
        "a: b",
        "# no",
        "'",
        '"',
        "\\",
        "a\n b",
        "word",
        "two words",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats() | TEXTS
KEYS = TEXTS | st.integers(-1000, 1000)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda below: st.lists(below, max_size=5) | st.dictionaries(KEYS, below, max_size=5),
        max_leaves=15,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(DATA)
def test_round_trip(data: Any) -> None:
    text = dump_yaml(data)
    assert repr(parse_document(text).data) == repr(data)
    assert repr(yaml.safe_load(text)) == repr(data)
