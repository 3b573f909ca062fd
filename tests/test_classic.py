"""The scripts that Keras's users bring, with nothing but the imports changed, and what the first network reaches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.runs.train import train
from seqnet.spec.run import load_spec

CONFIGS = Path(__file__).parent.parent / "configs"
# Where Debian's package dataset-fashion-mnist puts the four IDX files.
FULL = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))

ADDED_ONE_BY_ONE = """
from seqnet.models import Sequential
from seqnet.layers import Dense, Flatten
from seqnet import datasets

(x_train, y_train), (x_test, y_test) = datasets.fashion_mnist_mini.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

model = Sequential()
model.add(Flatten(input_shape=(28, 28)))
model.add(Dense(128, activation='relu'))
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
model.summary()
history = model.fit(x_train, y_train, epochs=2, validation_data=(x_test, y_test))
loss, accuracy = model.evaluate(x_test, y_test)
predictions = model.predict(x_test[:5])
"""

AS_A_LIST = """
import seqnet as keras
from seqnet.datasets import fashion_mnist_mini
from seqnet.utils import to_categorical

(x_train, y_train), (x_test, y_test) = fashion_mnist_mini.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255
x_test = x_test.reshape(-1, 784).astype("float32") / 255
y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

model = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    loss=keras.losses.CategoricalCrossentropy(),
    metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
)
history = model.fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=2,
    verbose=1,
    validation_split=0.1,
    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)],
)
score = model.evaluate(x_test, y_test, verbose=0)
loss, accuracy = score[0], score[1]
predictions = model.predict(x_test[:5])
"""


@pytest.mark.parametrize("script", [ADDED_ONE_BY_ONE, AS_A_LIST], ids=["added_one_by_one", "as_a_list"])
def test_a_keras_script_runs_after_changing_its_imports(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    seqnet.utils.set_random_seed(1)
    names: dict[str, Any] = {}
    exec(compile(script, "script.py", "exec"), names)
    shown = capsys.readouterr().out
    assert 'Model: "sequential"' in shown and "Total params:" in shown and "Epoch 2/2" in shown
    history = names["history"].history
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history["loss"][1] < history["loss"][0]
    assert names["accuracy"] > 0.7
    predictions = names["predictions"]
    assert predictions.shape == (5, 10) and predictions.dtype == np.float32
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)


def test_the_classic_network_has_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    spec = load_spec(CONFIGS / "fashion_mlp.yaml")
    model = spec.build_model((28, 28))
    assert model.count_params() == 101_770  # 784 * 128 + 128 + 128 * 10 + 10
    model.summary()
    assert " Total params: 101,770 (397.54 KB)" in capsys.readouterr().out


def test_the_bundled_sample_reaches_its_accuracy(tmp_path: Path) -> None:
    result = train(load_spec(CONFIGS / "fashion_mlp.yaml"), runs=tmp_path)
    assert result.test is not None and result.test["accuracy"] >= 0.82


@pytest.mark.parametrize(
    ("config", "epochs", "accuracy"), [("fashion_lstm.yaml", 3, 0.7), ("city_names_gru.yaml", 2, 0.55)]
)
def test_recurrent_examples_learn(config: str, epochs: int, accuracy: float, tmp_path: Path) -> None:
    """A few epochs are far above the tenth that guessing gives; the test below trains them to the end."""
    result = train(load_spec(CONFIGS / config, [f"training.epochs={epochs}"]), runs=tmp_path)
    assert result.test is not None and result.test["accuracy"] >= accuracy


@pytest.mark.slow
@pytest.mark.parametrize(("config", "accuracy"), [("fashion_lstm.yaml", 0.82), ("city_names_gru.yaml", 0.75)])
@pytest.mark.parametrize("seed", [1, 2])
def test_recurrent_examples_reach_what_they_say(config: str, accuracy: float, seed: int, tmp_path: Path) -> None:
    result = train(load_spec(CONFIGS / config, [f"seed={seed}"]), runs=tmp_path)
    assert result.test is not None and result.test["accuracy"] >= accuracy


@pytest.mark.slow
@pytest.mark.skipif(not FULL.is_dir(), reason="needs the IDX files of Debian's package dataset-fashion-mnist")
@pytest.mark.parametrize(
    ("config", "epochs", "seed", "accuracy"),
    [("fashion_mlp.yaml", 10, 42, 0.87), ("fashion_cnn.yaml", 10, 42, 0.90), ("fashion_cnn.yaml", 10, 1, 0.90)],
    ids=["mlp", "cnn", "cnn_other_seed"],
)
def test_networks_reach_their_accuracy_on_all_of_fashion_mnist(
    config: str, epochs: int, seed: int, accuracy: float, tmp_path: Path
) -> None:
    text = (CONFIGS / config).read_text().replace("dataset: fashion_mnist_mini", f"idx: {FULL}")
    file = tmp_path / "full.yaml"
    file.write_text(text)
    result = train(load_spec(file, [f"training.epochs={epochs}", f"seed={seed}"]), runs=tmp_path)
    assert result.test is not None and result.test["accuracy"] >= accuracy
