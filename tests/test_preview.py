"""`seqnet preview`: what it says is what the network gets, in training and at inference."""

from __future__ import annotations

import io
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.console.preview import show_preview
from seqnet.errors import SpecError, UsageError
from seqnet.network.engine import Engine
from seqnet.runs.preview import Preview, pixels, preview, require_sheet, write_sheet
from seqnet.runs.train import adapt_layers
from seqnet.spec.run import load_spec
from tests.commands import Run, good, runner
from tests.screens import Terminal

PICTURES = """\
name: pictures
data: {npz: data.npz, validation_split: 0.25}
model:
  - Reshape: {target_shape: [6, 5, 1]}
  - RandomFlip: {mode: horizontal}
  - Rescaling: {scale: 0.5}
  - Flatten
  - Dense: {units: 2, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
"""
TABLE = """\
name: table
data: {npz: data.npz, validation_split: 0.25, stratify: false}
model: [Normalization, {Dense: {units: 1}}]
optimizer: adam
loss: mse
"""
LETTERS = """\
name: letters
data: {npz: data.npz}
model: [{Embedding: {input_dim: 5, output_dim: 2}}, Flatten, {Dense: {units: 1}}]
"""
TEXTS = """\
name: texts
data: {dataset: {city_names: {as_text: true}}}
model:
  - TextVectorization: {standardize: null, split: character, output_sequence_length: 6}
  - Embedding: {input_dim: 40, output_dim: 2}
  - Flatten
  - Dense: {units: 10, activation: softmax}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def images(tmp_path: Path, text: str = PICTURES) -> Path:
    x = np.arange(24 * 30, dtype=np.uint8).reshape(24, 6, 5)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=np.arange(24) % 2, class_names=np.array(["day", "night"]))
    (tmp_path / "c.yaml").write_text(text)
    return tmp_path / "c.yaml"


def table(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).normal(5, 3, (40, 3)).astype(np.float32)
    names = np.array(["age", "height", "weight"])
    np.savez(tmp_path / "data.npz", x_train=x, y_train=x.sum(axis=1), feature_names=names)
    (tmp_path / "c.yaml").write_text(TABLE)
    return tmp_path / "c.yaml"


def test_random_layers_show_what_epochs_see(tmp_path: Path) -> None:
    found = preview(load_spec(images(tmp_path)), rows=5)
    assert [(stage.name, stage.shape, stage.dtype, stage.random) for stage in found.stages] == [
        ("as given", (6, 5), "uint8", False),
        ("reshape (Reshape)", (6, 5, 1), "float32", False),
        ("random_flip (RandomFlip)", (6, 5, 1), "float32", True),
        ("rescaling (Rescaling)", (6, 5, 1), "float32", False),
    ]
    assert found.rest == "flatten (Flatten)" and found.looked_at == 18 and found.pictures
    assert len(found.samples) == 5 and {one.target for one in found.samples} == {"day", "night"}
    turned = 0
    for one in found.samples:
        assert len(one.seen) == 4
        for seen in one.seen:  # each is the picture, or its mirror image, at half the brightness
            half = one.given * np.float32(0.5)
            mirrored = bool(np.array_equal(seen[..., 0], half[:, ::-1]))
            assert mirrored or np.array_equal(seen[..., 0], half)
            turned += mirrored
    assert 0 < turned < 20


def test_other_splits_show_what_inference_sees(tmp_path: Path) -> None:
    found = preview(load_spec(images(tmp_path)), split="validation")
    assert not any(stage.random for stage in found.stages) and len(found.samples) == 6
    for one in found.samples:
        (seen,) = one.seen
        np.testing.assert_array_equal(seen[..., 0], one.given * np.float32(0.5))


def test_a_table_is_prepared_as_in_training(tmp_path: Path) -> None:
    spec = load_spec(table(tmp_path))
    found = preview(spec, rows=4)
    data = spec.load_data()
    model = spec.build_model(data.input_shape)
    adapt_layers(model, data.train.x)
    want = Engine(model.network).outputs_before(1, data.train.x)
    for one in found.samples:
        np.testing.assert_array_equal(one.seen[0], want[one.row])
        np.testing.assert_array_equal(one.given, data.train.x[one.row])
        assert one.target == f"{data.train.y[one.row]:.6g}"  # type: ignore[index]
    last = found.stages[-1]
    assert abs(last.mean or 0) < 1e-6 and last.low == float(want.min()) and last.high == float(want.max())
    assert [one.row for one in found.samples] == [0, 7, 15, 22]


def test_mixers_are_shown_on_training_rows_alone(tmp_path: Path) -> None:
    spec = load_spec(images(tmp_path), ["training.augment={MixUp: {alpha: 1.0}}"])
    found = preview(spec)
    assert found.stages[1].name == "MixUp of each batch" and found.stages[1].random
    assert found.stages[1].dtype == "float32" and len(found.samples[0].seen) == 4
    assert all("MixUp" not in stage.name for stage in preview(spec, split="validation").stages)


@pytest.mark.parametrize("colour", [False, True])
def test_pictures_are_drawn(colour: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = preview(load_spec(images(tmp_path)), rows=6)
    stream = Terminal() if colour else io.StringIO()
    if colour:
        monkeypatch.setenv("COLORTERM", "truecolor")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "90")
        monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    show_preview(found, pixels)
    text = stream.getvalue()
    assert "row 0" in text and "draws all 6 rows" in text and "day" in text
    assert ("▀" in text) is colour
    if colour:  # two pixels of the first picture, 0 and 5 of 0 … 255 in the rows that are shown
        assert "\x1b[38;2;0;0;0;48;2;5;5;5m" in text


def sheet_of(found: Preview, path: Path) -> Array:
    """The pixels of the sheet, read back from the file."""
    write_sheet(found, path)
    data = path.read_bytes()
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    at, packed = 8, b""
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + size]
        at += size + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 3 * width)
    return lines[:, 1:].reshape(height, width, 3)


def test_a_sheet_holds_every_picture(tmp_path: Path) -> None:
    found = preview(load_spec(images(tmp_path)), rows=3)
    sheet = sheet_of(found, tmp_path / "sheet.png")
    side = 16  # of one pixel: 6 x 5 pixels become 96 x 80
    assert sheet.shape == (3 * (96 + 4), 5 * (80 + 4), 3)
    low, high = found.samples[0].given.min(), found.samples[2].given.max()
    assert low == min(one.given.min() for one in found.samples)
    for place, one in enumerate(found.samples):
        got = sheet[place * 100 : place * 100 + 96 : side, :80:side, 0]
        np.testing.assert_array_equal(got, np.rint(255 * ((one.given - float(low)) / (high - float(low)))))
    assert (sheet[96:100] == 255).all() and (sheet[:, 80:84] == 255).all()


def test_words_stand_beside_their_numbers(tmp_path: Path, run: Run) -> None:
    x = np.array([[1, 2, 0, 0], [2, 2, 1, 3]])
    words = np.array(["", "the", "cat", "<sat>", "mat"])
    np.savez(tmp_path / "data.npz", x_train=x, y_train=np.array([0.5, 1.5]), vocabulary=words)
    (tmp_path / "c.yaml").write_text(LETTERS)
    out = good(run("preview", "c.yaml"))
    assert "  the cat\n  1 2\n" in out and "  cat cat the <sat>\n  2 2 1 3\n" in out


def test_raw_texts_stand_beside_their_tokens(tmp_path: Path, run: Run) -> None:
    (tmp_path / "c.yaml").write_text(TEXTS)
    found = json.loads(good(run("preview", "c.yaml", "--json", "--rows", "20")))
    assert [stage["dtype"] for stage in found["stages"]] == ["text", "int32"]
    letters: dict[str, int] = {}
    for one in found["samples"]:
        (name,) = one["given"]
        (numbers,) = one["seen"]
        assert one["text"] == name and len(numbers) == 6
        for letter, number in zip(name, numbers, strict=False):
            assert letters.setdefault(letter, number) == number >= 1  # one number for each letter
        assert numbers[len(name) :] == [0] * max(0, 6 - len(name))
    assert len(set(letters.values())) == len(letters) > 15


def test_the_screen_of_a_table(tmp_path: Path, run: Run) -> None:
    table(tmp_path)
    out = good(run("preview", "c.yaml", "--rows", "2"))
    assert "As given" in out and "As the network sees them" in out and "height" in out
    assert "normalization (Normalization)" in out and "Then comes dense (Dense)." in out
    assert "train  validation" in out and "30" in out and "10" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--split", "test"), 2, "has no test rows; it has train and validation"),
        (("-o", "sheet.jpg"), 2, "end sheet.jpg with .png"),
        (("-o", "sheet.png"), 2, "only pictures make a sheet"),
        (("-o", "nowhere/sheet.png"), 2, "nowhere"),
        (("--rows", "0"), 2, "0 is not in the range"),
        (("-s", "data=null"), 2, "add data: {dataset: iris}"),
    ],
)
def test_what_cannot_be_shown(arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, run: Run) -> None:
    table(tmp_path)
    found, _, err = run("preview", "c.yaml", *arguments)
    assert found == code and message in err and not list(tmp_path.glob("*.png"))


def test_nothing_is_written_and_nothing_else_is_needed(tmp_path: Path, run: Run) -> None:
    images(tmp_path, PICTURES.split("optimizer")[0])
    before = sorted(tmp_path.iterdir())
    assert "random_flip" in good(run("preview", "c.yaml"))
    assert sorted(tmp_path.iterdir()) == before


def test_errors_are_those_of_the_file(tmp_path: Path) -> None:
    spec = load_spec(images(tmp_path, PICTURES.replace("[6, 5, 1]", "[7, 5, 1]")))
    with pytest.raises(SpecError, match="target_shape"):
        preview(spec)
    with pytest.raises(UsageError, match="end a with .png"):
        require_sheet(Path("a"))
