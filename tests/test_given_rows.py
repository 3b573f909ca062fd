"""`evaluate --data`: a folder of images, HDF5 and IDX files, whatever the run was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.errors import SeqnetError, UsageError
from seqnet.runs.evaluate import evaluate
from seqnet.runs.train import train
from seqnet.spec.run import load_spec

RNG = np.random.default_rng(0)
PIXELS, LABELS = RNG.integers(0, 256, (40, 6, 8, 3), dtype=np.uint8), np.arange(40) % 2
MODEL = """
model: [{Rescaling: {scale: 0.004}}, Flatten, {Dense: {units: 2, activation: softmax}}]
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 1, batch_size: 8, verbose: 0}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQNET_HOME", str(tmp_path / "home"))


def photos(folder: Path, x: Any = PIXELS, y: Any = LABELS) -> Path:
    pillow = pytest.importorskip("PIL.Image")
    for index, (pixels, label) in enumerate(zip(x, y, strict=True)):
        place = folder / ("cat", "dog")[label]
        place.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(pixels).save(place / f"{index:03}.png")
    return folder


def arrays(folder: Path, name: str = "rows.npz") -> Path:
    np.savez(folder / name, x=PIXELS, y=LABELS)
    return folder / name


def hdf5(folder: Path, name: str = "rows.h5", x: str = "x") -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / name, "w") as file:
        file[x], file["y"] = PIXELS, LABELS
    return folder / name


def trained(folder: Path, source: str) -> Path:
    (folder / "run.yaml").write_text(f"data: {{{source}}}\n{MODEL}")
    return train(load_spec(folder / "run.yaml"), runs=folder / "runs", threads=1).folder


def test_a_run_on_images_takes_another_folder(tmp_path: Path) -> None:
    run = trained(tmp_path, f"images: {{path: {photos(tmp_path / 'photos')}, interpolation: box}}")
    whole = evaluate(run, data=str(arrays(tmp_path)))
    again = evaluate(run, data=str(photos(tmp_path / "others")))
    assert again.values == pytest.approx(whole.values) and again.rows == 40 and not again.warnings
    larger = photos(
        tmp_path / "larger", PIXELS.repeat(2, 1).repeat(2, 2)
    )  # brought to the size of the training: means of equal ones
    assert evaluate(run, data=str(larger)).values == pytest.approx(whole.values)


@pytest.mark.parametrize("key", ["x", "pictures"])
def test_hdf5(key: str, tmp_path: Path) -> None:
    run = trained(tmp_path, f"hdf5: {{path: {hdf5(tmp_path, x=key)}, x_train: {key}}}")
    expected = evaluate(run, data=str(arrays(tmp_path))).values
    assert evaluate(run, data=str(hdf5(tmp_path, "new.h5", key))).values == expected
    other = trained(tmp_path, f"npz: {{path: {arrays(tmp_path)}}}")
    expected = evaluate(other).values
    assert evaluate(other, data=str(hdf5(tmp_path, "plain.hdf5"))).values == expected


def test_a_model_of_arrays_takes_images_and_says_how(tmp_path: Path) -> None:
    run = trained(tmp_path, f"npz: {{path: {arrays(tmp_path)}}}")
    found = evaluate(run, data=str(photos(tmp_path / "photos")))
    assert found.values == pytest.approx(evaluate(run).values)
    assert len(found.warnings) == 1 and "brought to 6 x 8 and given as bytes" in found.warnings[0]


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    layers = seqnet.layers
    model = seqnet.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.save(tmp_path / "model.seqnet")
    for name in (photos(tmp_path / "photos"), tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="--data takes a YAML file"):
            evaluate(tmp_path / "model.seqnet", data=str(name))
    with pytest.raises(SeqnetError, match=r"no file .*none\.h5|--data takes"):
        evaluate(tmp_path / "model.seqnet", data=str(tmp_path / "none.h5"))
