"""Series: steps of a csv file in order of time, cut into windows, scaled by the training steps, forecast in units."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.datasets.base import Split
from seqnet.datasets.preparation import restored, saved
from seqnet.datasets.series import Series, SeriesPreparation, Windows
from seqnet.datasets.seriesfile import filled
from seqnet.datasets.timeline import Timeline
from seqnet.errors import CheckpointError, DataError, SpecError
from seqnet.spec.run import load_spec
from tests.commands import runner

RNG = np.random.default_rng(0)


def write(folder: Path, text: str) -> Path:
    path = folder / "s.csv"
    path.write_text(text, encoding="utf-8")
    return path


def table(columns: dict[str, list]) -> str:
    lines = [",".join(columns), *(",".join(str(v) for v in row) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def load(path: Path, **options):
    return Series(path=str(path), **{"lookback": 3, "scaling": "none", **options}).load(Path())


def prepared(path: Path, **options):
    data = load(path, **options)
    data.prepare()
    data.check()
    return data


def refused(call, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


# ----- windows


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize("target", ["a", ["a", "b"], ["b"]])
def test_windows_and_targets(tmp_path, stride, horizon, target):
    a, b = np.arange(20.0), 100 + np.arange(20.0)
    path = write(tmp_path, table({"a": a.tolist(), "b": b.tolist(), "note": ["x"] * 20}))
    data = prepared(path, columns=["a", "b"], target=target, stride=stride, horizon=horizon)
    starts = range(0, 20 - 3 - horizon + 1, stride)  # by hand: every window with its targets lies within the series
    rows = np.stack([a, b], axis=1)
    assert np.array_equal(data.train.x[:], np.array([rows[s : s + 3] for s in starts], dtype=np.float32))
    wanted = {"a": a, "b": b}
    names = [target] if isinstance(target, str) else target
    y = np.array([[[wanted[n][s + 3 + h] for n in names] for h in range(horizon)] for s in starts], dtype=np.float32)
    if len(names) == 1:
        y = y[:, :, 0]
    elif horizon == 1:
        y = y[:, 0]
    assert np.array_equal(data.train.y, y) and data.feature_names == ("a", "b") and data.task == "regression"


def test_windows_are_no_copies():
    series = RNG.standard_normal((1000, 2)).astype(np.float32)
    windows = Windows(series, 901, 100, 1)
    assert np.shares_memory(windows._view, series) and windows.shape == (901, 100, 2) and windows.finite
    rows = RNG.permutation(901)[:7]
    assert np.array_equal(windows.take(rows, axis=0), np.array([series[row : row + 100] for row in rows]))


def test_columns_are_chosen(tmp_path):
    path = write(tmp_path, table({"day": range(9), "a": range(9), "b": range(1, 10), "c": ["x"] * 9}))
    assert load(path, time="day").feature_names == ("a", "b")
    assert load(path).feature_names == ("day", "a", "b")
    assert load(path, target="b").feature_names == ("b",)
    assert load(path, target="b", columns="a").preparation.targets == ["b"]


SECTIONS = [
    ("validation_split: 0.2, test_split: 0.1", {"train": (0, 72), "validation": (72, 90), "test": (90, 100)}),
    ("test_split: 0.25", {"train": (0, 75), "test": (75, 100)}),
    ("validation_split: 0.2, stratify: false, validation_shuffle: true", {"train": (0, 80), "validation": (80, 100)}),
]


@pytest.mark.parametrize("section, steps", SECTIONS)
def test_parts_follow_one_another_and_share_no_step(tmp_path, section, steps):
    values = RNG.standard_normal(100)
    write(tmp_path, table({"a": values.tolist()}))
    spec = f"data: {{series: {{path: s.csv, lookback: 3, horizon: 2}}, {section}}}\nmodel: [Flatten]\n"
    (tmp_path / "a.yaml").write_text(spec)
    data = load_spec(tmp_path / "a.yaml").load_data()
    start, stop = steps["train"]
    scaled = (values - values[:stop].mean()) / values[:stop].std()  # what later steps are like is not looked at
    assert set(data.splits) == set(steps)
    for name, (start, stop) in steps.items():
        split = data.splits[name]
        assert len(split) == stop - start - 4
        assert np.allclose(split.x[:, 0, 0], scaled[start : stop - 4], atol=1e-5)
        assert np.allclose(split.y[:, 1], scaled[start + 4 : stop], atol=1e-5)


def test_rows_from_between_are_refused(tmp_path):
    data = load(write(tmp_path, table({"a": range(20)})))
    data.train = data.train.take(np.array([0, 1, 2, 3, 4, 6, 7]))
    refused(data.prepare, "in order of time", "from between")


# ----- scaling


@pytest.mark.parametrize(
    "scaling, expected",
    [
        ("none", lambda a: a),
        ("standardize", lambda a: (a - a.mean()) / a.std()),
        ("minmax", lambda a: (a - a.min()) / np.ptp(a)),
    ],
)
def test_scaling_and_back(tmp_path, scaling, expected):
    a = 5 + 3 * RNG.standard_normal(30)
    data = prepared(
        write(tmp_path, table({"a": a.tolist(), "b": [7] * 30})), columns=["a", "b"], target="a", scaling=scaling
    )
    assert np.allclose(data.train.x[:, 0, 0], expected(a)[: len(data.train)], atol=1e-5)
    assert np.all(data.train.x[:, :, 1] == (7 if scaling == "none" else 0))  # a constant column
    assert np.allclose(data.preparation.unscaled(data.train.y), a[3:, None], atol=1e-5)


def test_several_targets_and_back(tmp_path):
    a, b = RNG.standard_normal((2, 30))
    path = write(tmp_path, table({"a": a.tolist(), "b": (100 * b).tolist()}))
    for horizon in (1, 3):
        data = prepared(path, scaling="standardize", horizon=horizon)
        found = data.preparation.unscaled(data.train.y).reshape(len(data.train), horizon, 2)
        assert np.allclose(found[0], np.stack([a, 100 * b], axis=1)[3 : 3 + horizon], atol=1e-4)


# ----- gaps


# column, how, what it becomes
FILLED = [
    ([1, None, 3], "interpolate", [1, 2, 3]),
    ([None, 2, None, None, 8, None], "interpolate", [2, 2, 4, 6, 8, 8]),
    ([None, 2, None, None, 8, None], "forward", [2, 2, 2, 2, 8, 8]),
    ([1, 2], "error", [1, 2]),
]


@pytest.mark.parametrize("column, how, expected", FILLED)
def test_gaps_are_filled(column, how, expected):
    assert filled(np.array(column, dtype=float), how, "a").tolist() == expected


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=30),
    st.sampled_from(["interpolate", "forward"]),
)
def test_filling_keeps_what_is_known(column, how):
    values = np.array(column, dtype=float)
    if np.isnan(values).all():
        refused(lambda: filled(values, how, "a"), "no value")
        return
    found = filled(values, how, "a")
    known = ~np.isnan(values)
    assert np.array_equal(found[known], values[known])
    assert found.min() >= values[known].min() and found.max() <= values[known].max()


def test_a_gap_is_not_filled_from_a_later_part(tmp_path):
    column = [1.0] * 10 + [""] + [9.0] * 10
    data = load(write(tmp_path, table({"a": column})), missing="interpolate")
    data.train, data.test = data.train.take(np.arange(11)), data.train.take(np.arange(11, 21))
    data.prepare()
    assert data.train.y[-1, 0] == 1.0


# moments, missing steps, the moment after the last
MOMENTS = [
    (["2024-01-30", "2024-01-31", "2024-02-02"], [2], "2024-02-03"),
    (["2024-01", "2024-02", "2024-04", "2024-05"], [2], "2024-06"),
    (["2023-11-15", "2023-12-15", "2024-01-15"], [], "2024-02-15"),
    (["2020-01-01", "2021-01-01", "2022-01-01", "2023-01-01"], [], "2024-01-01"),
    (["2024-01-01T10:00", "2024-01-01T11:00", "2024-01-01T12:00"], [], "2024-01-01T13:00:00"),
    (["2024-01-01 23:30Z", "2024-01-02 00:00+00:00", "2024-01-02 02:30+02:00"], [], "2024-01-02T01:00:00"),
    (["2024/01/01", "2024/01/02"], [], "2024-01-03"),
    (["0", "1", "3", "4"], [2], "5"),
    (["0.1", "0.2", "0.3"], [], "0.4"),
]


@pytest.mark.parametrize("texts, missing, after", MOMENTS)
def test_moments(texts, missing, after):
    line, steps = Timeline.of(texts, range(2, 2 + len(texts)), "s.csv: t")
    assert sorted(set(range(steps[-1] + 1)) - set(steps.tolist())) == missing
    assert line.moment(int(steps[-1]) + 1) == after
    assert Timeline.restore(json.loads(json.dumps(line.state()))) == line


# moments, words of the message
BAD_MOMENTS = [
    (["2024-01-01", "2024-01-03", "2024-01-02"], ["line 4", "does not come after 2024-01-03 in line 3", "sort"]),
    (["2024-01-01", "2024-01-01"], ["line 3", "does not come after"]),
    (["2024-01-01", "yesterday"], ["line 3", "'yesterday' is no moment", "2024-03-01"]),
    (["2024-01-01", ""], ["line 3", "the cell is empty"]),
    (["0", "1", "2", "2.5"], ["line 5", "no whole number of steps", "leave time out"]),
    (["0", "1", "2", "99999999"], ["line 5", "no whole number of steps"]),
]


@pytest.mark.parametrize("texts, words", BAD_MOMENTS)
def test_moments_that_are_no_series(texts, words):
    refused(lambda: Timeline.of(texts, range(2, 2 + len(texts)), "s.csv: t"), "s.csv: t", *words)


# ----- what is wrong


GOOD = {"a": range(10)}
# text, options, words of the message
BAD = [
    (table({"a": [*range(9), "x"]}), {"target": "a"}, ["line 11, column 1 (a): 'x' is not a number"]),
    (table({"a": [*range(9), "inf"]}), {"target": "a"}, ["line 11", "too large"]),
    (
        table({"a": ["", *range(8), "", 9]}),
        {"target": "a"},
        ["line 2: a is empty", "1 more steps", "missing: interpolate"],
    ),
    (
        table({"t": [*range(8), 9, 10], "a": range(10)}),
        {"time": "t"},
        ["after line 9", "the step 8 is missing", "forward"],
    ),
    (table({"aa": range(10)}), {"target": "a"}, ["no column 'a'", "aa"]),
    (table({"a": ["x"] * 10}), {}, ["no column of numbers"]),
    (table({"a": range(3)}), {}, ["3 steps", "a window takes 4"]),
    ("", {}, ["no rows"]),
    ("a,b\n1\n", {}, ["line 2: 1 cells"]),
    ("a,a\n1,2\n", {}, ["two columns named 'a'"]),
    ("1,2\n3,4\n", {}, ["begins with numbers"]),
    ('a,b\n1,2\n3,"4\n5,6\n7,8\n', {}, ["line 3: a quote that is opened is never closed"]),
]


@pytest.mark.parametrize("text, options, words", BAD)
def test_files_that_are_no_series(tmp_path, text, options, words):
    path = write(tmp_path, text)
    refused(lambda: load(path, **options), "s.csv", *words)


def test_a_part_that_is_too_short(tmp_path):
    write(tmp_path, table({"a": range(30)}))
    spec = "data: {series: {path: s.csv, lookback: 3}, validation_split: 0.1}\nmodel: [Flatten, Dense: {units: 1}]\n"
    (tmp_path / "a.yaml").write_text(spec)
    refused_lines = pytest.raises(DataError, match="a part of the series has 3 steps, but a window takes 4")
    with refused_lines:
        load_spec(tmp_path / "a.yaml").load_data()


# ----- forecasts


def test_a_forecast_from_the_last_steps(tmp_path):
    months = [f"2023-{m:02d}" for m in range(1, 13)]
    path = write(tmp_path, table({"m": months, "a": range(12), "b": range(12, 24)}))
    data = prepared(path, columns=["a", "b"], target=["b", "a"], time="m", horizon=2, scaling="standardize")
    made = restored(json.loads(json.dumps(saved(data.preparation))))
    (window,) = made.read(path, 100)
    assert window.shape == (1, 3, 2) and np.array_equal(window[0], data.preparation.read(path, 1).__next__()[0])
    outputs = made.unscaled(np.array([[[0.0, 1.0], [2.0, 3.0]]]))
    rows = made.forecast(outputs)
    mean, std = np.arange(12).mean(), np.arange(12).std()
    assert [(row["step"], row["time"]) for row in rows] == [(1, "2024-01"), (2, "2024-02")]
    assert rows[1]["b"] == pytest.approx(12 + mean + 2 * std) and rows[1]["a"] == pytest.approx(mean + 3 * std)
    refused(
        lambda: list(made.read(write(tmp_path, table({"m": months[:2], "a": [1, 2], "b": [1, 2]})), 1)), "the last 3"
    )
    refused(lambda: list(made.read(write(tmp_path, table({"m": months, "a": range(12)})), 1)), "no column 'b'")


@pytest.mark.parametrize("state", [{}, {"columns": ["a"]}, {"scales": {}}])
def test_a_damaged_preparation(state):
    with pytest.raises(CheckpointError, match="damaged"):
        SeriesPreparation.restore(state)


CONFIG = """
data:
  series: {path: s.csv, time: day, target: a, lookback: 6, horizon: 3}
  validation_split: 0.2
  test_split: 0.2
model: [Flatten, Dense: {units: 3}]
optimizer: {Adam: {learning_rate: 0.05}}
loss: mse
training: {epochs: 40, verbose: 0}
"""


def test_commands(tmp_path, monkeypatch, capsys):
    """A sine of period 12 is a linear function of its last values, so a linear network forecasts it."""
    run = runner(tmp_path, monkeypatch, capsys)
    days = [str(day) for day in np.datetime64("2024-01-01") + np.arange(200)]
    series = 50 + 10 * np.sin(2 * np.pi * np.arange(203) / 12)
    write(tmp_path, table({"day": days, "a": series[:200].tolist()}))
    (tmp_path / "a.yaml").write_text(CONFIG)
    code, out, err = run("train", "a.yaml")
    assert code == 0, err
    code, out, err = run("evaluate", "a/1", "--json")
    found = json.loads(out)
    assert code == 0 and found["split"] == "test" and found["rows"] == 40 - 8
    assert found["original_units"]["rmse"] == pytest.approx(found["loss"] ** 0.5 * np.std(series[:128]), rel=1e-3)
    assert "in the file's units" in run("evaluate", "a/1")[1]
    code, out, err = run("predict", "a/1", "s.csv", "--json")
    rows = json.loads(out)["predictions"]
    assert [row["time"] for row in rows] == ["2024-07-19", "2024-07-20", "2024-07-21"]
    assert [row["a"] for row in rows] == pytest.approx(series[200:].tolist(), abs=1.0)
    assert run("predict", "a/1", "s.csv", "-o", "f.csv")[0] == 0
    assert (tmp_path / "f.csv").read_text().startswith("step,time,a\n1,2024-07-19,")
    assert run("data", "info", "a.yaml")[0] == 0 and run("report", "a/1")[0] == 0
    code, out, err = run("train", "a.yaml", "-s", "data.series.target=b")
    assert code == 2 and "there is no column" in err or "has no column 'b'" in err


def test_a_split_before_the_preparation_has_no_inputs(tmp_path):
    data = load(write(tmp_path, table({"a": range(10)})))
    assert isinstance(data.train, Split) and len(data.train) == 10 and data.input_shape == (3, 1)


@pytest.mark.parametrize(
    ("column", "words"),
    [("v", ["divided in order of time, not by group", "leave group_by out"]), ("w", ["column 'w'", "known: v"])],
)
def test_a_series_has_no_groups(column, words, tmp_path):
    (tmp_path / "s.csv").write_text("v\n" + "".join(f"{i % 5}\n" for i in range(40)))
    section = f"series: {{path: s.csv, lookback: 3}}, group_by: {column}, validation_split: 0.2"
    (tmp_path / "s.yaml").write_text(f"data: {{{section}}}\nmodel: [Flatten]\n")
    with pytest.raises(DataError) as caught:
        load_spec(tmp_path / "s.yaml").load_data()
    assert all(word in str(caught.value) for word in words)


# name, what is in the file, options
TWO = "day,v\n1,0.5\n2,-1.25\n3,1000\n4,7\n"
EUROPEAN = TWO.replace(",", ";").replace(".", ",")
WRITTEN = [
    ("s.csv", EUROPEAN.encode(), {}),
    ("s.csv.gz", gzip.compress(TWO.encode()), {}),
    ("s.tsv.gz", gzip.compress(TWO.replace(",", "\t").encode()), {}),
    ("s.csv", TWO.encode("utf-16"), {}),
    ("s.csv", ("\ufeff" + TWO.replace("\n", "\r\n")).encode(), {}),
    ("s.csv", TWO.replace(",", "|").encode(), {"delimiter": "|"}),
    ("s.csv", EUROPEAN.encode(), {"decimal": ",", "delimiter": ";"}),
    ("s.csv", TWO.replace("day", "d\u00e9but").encode("cp1252"), {"encoding": "cp1252"}),
]


@pytest.mark.parametrize("name, content, options", WRITTEN, ids=[f"way{i}" for i in range(len(WRITTEN))])
def test_ways_to_write_a_series(tmp_path, name, content, options):
    path = tmp_path / name
    path.write_bytes(content)
    data = Series(path=str(path), target="v", lookback=2, **options).load(tmp_path)
    assert data.train.raw.column("v").tolist() == [0.5, -1.25, 1000, 7]
    data.prepare()
    again = restored(json.loads(json.dumps(saved(data.preparation))))
    (window,) = again.read(path, 8)
    # float32, of numbers that were divided by 430
    assert again.unscaled(window[:, :, 0])[0].tolist() == pytest.approx([1000, 7], abs=1e-4)


def test_an_encoding_that_is_not_stated(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes("d\u00e9but,v\n1,2\n".encode("cp1252"))
    refused(lambda: Series(path=str(path), target="v", lookback=2).load(tmp_path), "line 1", "encoding: cp1252")


@pytest.mark.parametrize("delimiter, decimal", [(";;", None), ("\n", None), ('"', None), (",", ",")])
def test_signs_that_part_nothing(delimiter, decimal):
    with pytest.raises(SpecError, match="delimiter"):
        Series(path="s.csv", lookback=2, delimiter=delimiter, decimal=decimal)
