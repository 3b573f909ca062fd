"""Folders of images and lists of them: what is found, how it is decoded, what is said of the rest."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqnet.datasets import imagecache
from seqnet.datasets.imagefiles import Decoding
from seqnet.datasets.images import ImagePreparation, Images
from seqnet.datasets.lazy import Mapped
from seqnet.datasets.preparation import restored, saved
from seqnet.errors import CheckpointError, DataError, SeqnetError, SpecError
from seqnet.spec.run import load_spec
from tests.commands import runner

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def picture(path: Path, colour=RED, size=(6, 4), mode="RGB") -> Path:
    """An image of one colour; size: (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], colour).save(path)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two classes, one with a folder within, and what does not belong there."""
    root = tmp_path / "photos"
    for name, colour in (("cat/1.png", RED), ("cat/2.bmp", RED), ("dog/1.PNG", BLUE), ("dog/puppies/2.gif", BLUE)):
        picture(root / name, colour)
    for name in ("cat/.hidden.png", "dog/Thumbs.db", ".git/1.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    return root


def load(root: Path, **options):
    return Images(path=str(root), **options).load(Path())


def refused(call, *words: str) -> str:
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    return message


# ----- folders


def test_a_folder_a_class(photos):
    data = load(photos)
    assert data.class_names == ("cat", "dog") and data.task == "classification" and data.name == "photos"
    assert data.train.x.dtype == np.uint8 and data.train.x.shape == (4, 6, 4, 3)
    assert data.train.y.tolist() == [0, 0, 1, 1] and data.warnings == []
    assert data.train.x[:, 0, 0].tolist() == [list(RED), list(RED), list(BLUE), list(BLUE)]
    data.check()


def test_folders_of_parts(tmp_path):
    for part in ("Train", "val", "test"):
        for name in ("a", "b"):
            for number in range({"Train": 3, "val": 1, "test": 2}[part]):
                picture(tmp_path / part / name / f"{number}.png", RED if name == "a" else BLUE)
    data = load(tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6, "validation": 2, "test": 4}
    assert data.validation.y.tolist() == [0, 1] and data.test.x[3, 0, 0].tolist() == list(BLUE)


def test_a_class_may_be_called_test(tmp_path):
    for name in ("test", "control"):
        picture(tmp_path / name / "1.png")
    assert load(tmp_path).class_names == ("control", "test")


def test_what_is_left_out_is_said(photos):
    (photos / "empty").mkdir()
    (photos / "dog/notes.txt").write_text("x")
    picture(photos / "stray.png")
    (photos / "cat/broken.png").write_text("no image")
    (photos / "cat/none.jpg").write_bytes(b"")
    whole = picture(photos / "dog/9.png", size=(60, 40)).read_bytes()
    (photos / "dog/9.png").write_bytes(whole[:60])
    data = load(photos)
    assert len(data.train) == 4
    empty, stray, notes, broken = data.warnings
    assert empty.endswith("empty has no images, so it is no class")
    assert stray.endswith("stray.png lies in no class folder and is left out")
    assert notes.endswith("dog/notes.txt is no image by its name and is left out")
    assert "3 of 7 images" in broken and "cat/broken.png (is no image), cat/none.jpg (is empty), dog/9.png" in broken
    refused(lambda: load(photos, broken="refuse"), "3 of 7 images", "cat/broken.png", "broken: skip")


def test_one_class_alone_is_said(tmp_path):
    picture(tmp_path / "cat/1.png")
    assert "of one class, cat: there is nothing to tell apart" in load(tmp_path).warnings[0]


# files, words of the message
WRONG = [
    ([], ["has no images", "put the images of each class into a folder of its name"]),
    (["1.png", "2.png"], ["has 2 images, but in no class"]),
    (["train/a/1.png", "test/b/1.png"], ["class 'b'", "none to train with"]),
    (["train/a/1.png", "cat/1.png"], ["the folder cat beside train"]),
    (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], ["val and valid", "both mean the validation images"]),
    (["train/a/1.png", "test/1.png"], ["test has 1 images, but in no class"]),
]


@pytest.mark.parametrize("files, words", WRONG)
def test_folders_that_are_no_data(tmp_path, files, words):
    (tmp_path / "set").mkdir()
    for name in files:
        picture(tmp_path / "set" / name)
    refused(lambda: load(tmp_path / "set"), *words)


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/1.png").write_text("x")
    refused(lambda: load(tmp_path), "none of the 1 images", "1.png (is no image)")
    refused(lambda: load(tmp_path / "cta"), "there is no folder or file", "did you mean cat?")


def test_without_pillow(photos, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(lambda: load(photos), "needs Pillow", "pip install 'seqnet[images]'")


def test_different_sizes_need_a_size(photos):
    picture(photos / "dog/3.png", size=(8, 8))
    refused(lambda: load(photos), "6 x 4", "8 x 8", "dog/3.png", "image_size: [6, 4]")
    assert load(photos, image_size=5).train.x.shape == (5, 5, 5, 3)
    assert load(photos, image_size=(7, 3)).input_shape == (7, 3, 3)


def test_options_that_exclude_each_other():
    with pytest.raises(SpecError, match="exclude each other"):
        Images(path="x", image_size=3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
    with pytest.raises(SpecError, match="add image_size"):
        Images(path="x", crop_to_aspect_ratio=True)


# ----- lists


def listed(folder: Path, text: str, **options):
    for name, colour in (("a.png", RED), ("deep/b.png", BLUE)):
        picture(folder / name, colour)
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return load(folder / "list.csv", **options)


# text, options, labels
LISTS = [
    ("path,label\na.png,cat\ndeep/b.png,dog\n", {}, [0, 1]),
    ("\ufeffid,File,Class\n1,deep/b.png,dog\n\n2,a.png,cat\n", {}, [1, 0]),
    ("x,y,z\na.png,1,u\ndeep/b.png,2,v\n", {"label_column": "z"}, [0, 1]),
    ("z,where\n0.5,a.png\n-2,deep/b.png\n", {"path_column": "where", "label_mode": "numbers"}, [0.5, -2]),
    ('path,label\n"a.png","x, y"\ndeep/b.png,z\n', {}, [0, 1]),
]


@pytest.mark.parametrize("text, options, labels", LISTS)
def test_a_list_of_paths(tmp_path, text, options, labels):
    data = listed(tmp_path, text, **options)
    assert data.train.y.tolist() == labels
    assert data.task == ("regression" if "label_mode" in options else "classification")
    assert (data.train.x[0, 0, 0].tolist() == list(RED)) == (text.find("a.png") < text.find("b.png"))


def test_a_listed_file_that_is_missing_is_left_out(tmp_path):
    data = listed(tmp_path, "path,label\na.png,cat\nzzz.png,dog\ndeep/b.png,dog\n")
    assert len(data.train) == 2 and "zzz.png (there is no such file)" in data.warnings[0]


# text, options, words of the message
BAD_LISTS = [
    ("", {}, ["is empty", "path,label"]),
    ("path,label\n", {}, ["lists no images"]),
    ("path\na.png\n", {}, ["one column path"]),
    ("path,label\na.png\n", {}, ["line 2: 1 cells", "the header has 2"]),
    ("path,label\na.png,\n", {}, ["line 2: label is empty"]),
    ("path,label\n,cat\n", {}, ["line 2: path is empty"]),
    ("path,label\na.png,cat\n", {"label_mode": "numbers"}, ["line 2: label is 'cat'", "numbers"]),
    ("path,label\na.png,inf\n", {"label_mode": "numbers"}, ["line 2: label is 'inf'"]),
    ("path,label\na.png,cat\n", {"label_column": "lable"}, ["no column 'lable'", "did you mean label?"]),
]


@pytest.mark.parametrize("text, options, words", BAD_LISTS)
def test_lists_that_are_wrong(tmp_path, text, options, words):
    refused(lambda: listed(tmp_path, text, **options), "list.csv", *words)


GROUPED = """\
name: a
seed: 1
data:
  images: {path: list.csv, path_column: photo}
  validation_split: 0.25
  %s
model: [Flatten, Dense: {units: 1, activation: sigmoid}]
optimizer: SGD
loss: binary_crossentropy
training: {epochs: 1, batch_size: 4}
"""


def patients(folder: Path) -> None:
    """12 pictures of 4 patients, of which one can't be read, and a table that lists them."""
    lines = ["label,patient,photo,day,part"]
    for number in range(12):
        picture(folder / f"{number}.png", (number, 0, 0))
        lines.append(f"{'ab'[number % 2]},p{number // 3},{number}.png,2024-01-{12 - number:02},{PARTS[number % 4]}")
    (folder / "4.png").write_text("x")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")


PARTS = ("train", "train", "val", "test")
# what is added to the data section, numbers of the validation pictures for each set of them that is right
COLUMNS = [
    ("group_by: patient", [{0, 1, 2}, {3, 5}, {6, 7, 8}, {9, 10, 11}]),
    ("order_by: day", [{0, 1, 2}]),  # the latest
    ("split_column: part", [{2, 6, 10}]),
]


@pytest.mark.parametrize("added, right", COLUMNS)
def test_listed_images_are_divided_by_a_column(tmp_path, added, right):
    patients(tmp_path)
    text = GROUPED % added
    if "split_column" in added:
        text = text.replace("  validation_split: 0.25\n", "")
    (tmp_path / "a.yaml").write_text(text)
    data = load_spec(tmp_path / "a.yaml").load_data()
    held = set(data.validation.x[:, 0, 0, 0].tolist())
    assert held in right
    assert held.isdisjoint(data.train.x[:, 0, 0, 0].tolist()) and 4 not in data.train.x[:, 0, 0, 0]


def test_a_column_that_a_list_lacks(tmp_path):
    patients(tmp_path)
    (tmp_path / "a.yaml").write_text(GROUPED % "group_by: patent")
    with pytest.raises(
        SeqnetError, match=r"(?s)a.yaml:6:13: error: there is no column 'patent'.*did you mean patient\?"
    ):
        load_spec(tmp_path / "a.yaml").load_data()


def test_predictions_of_listed_images(tmp_path, monkeypatch, capsys):
    patients(tmp_path)
    (tmp_path / "a.yaml").write_text(GROUPED % "group_by: patient")
    run = runner(tmp_path, monkeypatch, capsys)
    code, _, err = run("train", "a.yaml", "-q")
    assert code == 0, err
    (tmp_path / "new").mkdir()
    (tmp_path / "new/some.csv").write_text("note,photo\nx,../3.png\ny,../4.png\nz,../11.png\n")
    code, out, err = run("predict", "a/1", "new/some.csv")
    assert code == 0, err
    names = [line.split(",")[0] for line in out.splitlines()]
    assert names[1:] == ["../3.png", "../11.png"] and "1 of 3 images can't be read" in err
    (tmp_path / "new/some.csv").write_text("note\nx\n")
    code, _, err = run("predict", "a/1", "new/some.csv")
    assert code == 2 and "no column 'photo', which path_column names" in err


# ----- decoding


# mode, colour, color_mode, the pixel
PIXELS = [
    ("RGB", (10, 20, 30), "rgb", [10, 20, 30]),
    ("RGBA", (10, 20, 30, 0), "rgb", [10, 20, 30]),
    ("RGBA", (10, 20, 30, 7), "rgba", [10, 20, 30, 7]),
    ("L", 9, "rgb", [9, 9, 9]),
    ("1", 1, "grayscale", [255]),
    ("RGB", (100, 0, 0), "grayscale", [30]),  # ITU-R 601: 0.299 R
    ("I;16", 0x1234, "grayscale", [0x12]),
]


@pytest.mark.parametrize("mode, colour, color_mode, pixel", PIXELS)
def test_modes(tmp_path, mode, colour, color_mode, pixel):
    path = picture(tmp_path / "a.png", colour, mode=mode)
    assert Decoding(color_mode=color_mode).decode(path)[2, 3].tolist() == pixel


def test_orientation(tmp_path):
    image = Image.new("RGB", (3, 2))
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the top row is to be the right column
    image.save(tmp_path / "a.png", exif=exif)
    assert Decoding().decode(tmp_path / "a.png").shape == (3, 2, 3)
    assert Decoding().decode(tmp_path / "a.png")[0, 1].tolist() == list(RED)
    assert Decoding(orientation=False).decode(tmp_path / "a.png").shape == (2, 3, 3)


def test_fits(tmp_path):
    image = Image.new("RGB", (8, 4), BLUE)  # twice as wide as high
    image.paste(RED, (0, 0, 2, 4))
    image.save(tmp_path / "a.png")
    stretched, cropped, padded = (
        Decoding((4, 4), fit, interpolation="nearest").decode(tmp_path / "a.png") for fit in ("stretch", "crop", "pad")
    )
    assert [(pixel == RED).all() for pixel in stretched[2]] == [True, False, False, False]
    assert (cropped == BLUE).all()  # the middle
    assert (padded[[0, 3]] == 0).all() and (padded[1:3, 0] == RED).all()


@pytest.mark.parametrize("way", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_interpolation_is_pillows(tmp_path, way):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = np.asarray(Image.fromarray(pixels).resize((5, 4), Image.Resampling[way.upper()]))
    assert np.array_equal(Decoding((4, 5), interpolation=way).decode(tmp_path / "a.png"), expected)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_text(photos, tmp_path, monkeypatch, capsys):
    os.rename(photos / "cat/1.png", os.fsencode(photos / "cat") + b"/\xff.png")
    os.rename(os.fsencode(photos / "dog"), os.fsencode(photos) + b"/d\xe9g")
    (photos / "cat/broken\n.png").write_text("x")
    run = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "a.yaml").write_text(CONFIG)
    for command in (("data", "info", "photos"), ("train", "a.yaml"), ("predict", "a/1", "photos", "-o", "p.csv")):
        code, out, err = run(*command)
        assert code == 0, err
    assert load(photos).class_names == ("cat", "d\ufffdg")
    assert "\ufffd.png" in (tmp_path / "p.csv").read_text(encoding="utf-8")


# ----- what is kept


def test_decoded_images_are_kept_until_a_file_changes(photos, home, monkeypatch):
    (photos / "cat/broken.png").write_text("x")
    first = load(photos)
    with monkeypatch.context() as patch:
        patch.setattr(Decoding, "decode", None)
        again = load(photos)
    assert np.array_equal(first.train.x, again.train.x) and again.warnings == first.warnings
    picture(photos / "cat/1.png", GREEN)
    assert load(photos).train.x[0, 0, 0].tolist() == list(GREEN)
    assert len(list((home / "images").glob("*.npy"))) == 1  # the old one is gone
    load(photos, color_mode="grayscale")
    assert len(list((home / "images").iterdir())) == 4


def test_what_is_kept_and_broken_is_decoded_anew(photos, home):
    whole = load(photos).train.x
    for content in (b"", b"\x93NUMPY", None):
        place = next((home / "images").glob("*.npy"))
        place.write_bytes(place.read_bytes()[:-1] if content is None else content)
        assert np.array_equal(load(photos).train.x, whole)
    next((home / "images").glob("*.json")).write_text(json.dumps({"kept": [0], "broken": []}))
    assert np.array_equal(load(photos).train.x, whole)


def test_nothing_is_kept_where_nobody_wants_it(photos, home):
    load(photos, cache=False)
    assert not home.exists()


def test_images_beyond_the_limit_are_read_lazily(photos, home):
    whole = load(photos, cache=False).train.x
    for cache in (True, False):
        found = load(photos, memory_limit_mb=0, cache=cache).train.x
        assert isinstance(found, Mapped) and np.array_equal(found[:], whole)
        assert len(list(home.rglob("*.npy"))) == cache and not list(home.rglob("*.part"))
        imagecache._forget_others(home / "images/none-0.npy")
        for old in home.rglob("*.npy"):
            old.unlink()


def test_a_folder_for_caches_that_can_not_be_written(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "file"))
    data = load(photos)
    assert len(data.train) == 4 and "can't be kept" in data.warnings[0]
    refused(lambda: load(photos, memory_limit_mb=0), "can't be kept", "SEQNET_HOME")


# ----- new images


def test_the_preparation_decodes_alike(photos):
    data = load(photos)
    data.prepare()
    made = restored(json.loads(json.dumps(saved(data.preparation))))
    picture(photos / "dog/large.png", GREEN, size=(60, 40))
    (photos / "dog/broken.png").write_text("x")
    stretches = [(rows.shape, list(made.names())) for rows in made.read(photos / "dog", 2)]
    assert stretches == [((2, 6, 4, 3), ["1.PNG", "large.png"]), ((1, 6, 4, 3), ["puppies/2.gif"])]
    assert "1 of 4 images can't be read and have no row: broken.png" in made.warnings()[0]
    assert next(made.read(photos / "cat/1.png", 8)).shape == (1, 6, 4, 3) and made.names() == ["1.png"]
    refused(lambda: list(made.read(photos / "dog/broken.png", 8)), "broken.png is no usable image: is no image")
    refused(lambda: list(made.read(photos / ".git", 8)), "can be read")
    refused(lambda: list(made.read(photos / "none", 8)), "there is no image, folder of images or table of paths")


@pytest.mark.parametrize("state", [{}, {"size": "x"}, {"size": [1, 2], "color_mode": "cmyk"}, {"size": None, "no": 1}])
def test_a_damaged_preparation(state):
    with pytest.raises(CheckpointError, match="damaged"):
        ImagePreparation.restore(state)


CONFIG = """
data: {images: {path: photos, image_size: 6}, validation_split: 0.5}
model: [Flatten, Rescaling: {scale: 0.004}, Dense: {units: 2, activation: softmax}]
optimizer: adam
loss: sparse_categorical_crossentropy
training: {epochs: 1}
"""


def test_commands(photos, tmp_path, monkeypatch, capsys):
    run = runner(tmp_path, monkeypatch, capsys)
    (tmp_path / "a.yaml").write_text(CONFIG)
    (photos / "cat/broken.png").write_text("x")
    code, out, err = run("data", "info", "photos")
    assert code == 0 and "(None, 6, 4, 3) uint8" in out and "cat" in out and "cat/broken.png (is no image)" in err
    code, out, err = run("train", "a.yaml")
    assert code == 0 and "cat/broken.png (is no image)" in err
    code, out, err = run("predict", "a/1", "photos/dog")
    assert code == 0 and [line.split(",")[0] for line in out.splitlines()] == ["file", "1.PNG", "puppies/2.gif"]
    code, out, err = run("predict", "a/1", "photos/cat/2.bmp", "--json")
    assert code == 0 and json.loads(out)["predictions"][0]["file"] == "2.bmp"
    assert run("predict", "a/1", "photos", "-o", "p.npz")[0] == 0
    with np.load(tmp_path / "p.npz") as found:
        assert found["files"].tolist() == ["cat/1.png", "cat/2.bmp", "dog/1.PNG", "dog/puppies/2.gif"]
        assert len(found["outputs"]) == 4
    assert run("evaluate", "a/1")[0] == 0
    assert run("report", "a/1")[0] == 0
    code, out, err = run("train", "a.yaml", "-s", "data.images.broken=refuse")
    assert code == 2 and "mend or remove them" in err and "data" not in out
