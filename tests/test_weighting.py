"""Weights of classes and rows: in the loss, and in how often rows are drawn; rows split off for validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.errors import DataError, ShapeError, SpecError
from seqnet.models import Sequential
from seqnet.runs.evaluate import evaluate
from seqnet.runs.train import train, training_rows
from seqnet.spec.run import RunSpec, load_spec
from seqnet.training.callbacks import Callback
from seqnet.training.weighting import class_weights, draw_rows, row_classes, sampling_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = np.repeat([0, 1, 2], [40, 15, 5])


def model(**options: Any) -> Sequential:
    made = Sequential([layers.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3, "softmax")], seed=7)
    made.compile("adam", "sparse_categorical_crossentropy", **options)
    return made


# -- weights of classes ----------------------------------------------------------------------------------------------


def test_balanced_is_scikit_learns() -> None:
    """sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=Y): 0.5, 1.3333, 4.0."""
    weights = class_weights("balanced", Y)
    np.testing.assert_allclose([weights[Y == label][0] for label in range(3)], [0.5, 4 / 3, 4.0], rtol=1e-6)
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "form", [Y, Y[:, None], Y.astype(np.float32), np.eye(3)[Y]], ids=["int", "column", "float", "rows"]
)
def test_labels_of_every_form(form: np.ndarray) -> None:
    np.testing.assert_array_equal(row_classes(form, "x"), Y)
    np.testing.assert_array_equal(class_weights({2: 3.0, 9: 1.0}, form), np.where(Y == 2, 3.0, 1.0))


def test_what_has_no_classes() -> None:
    with pytest.raises(ShapeError, match="class_weight needs one class a row"):
        class_weights("balanced", np.zeros((3, 4, 2)))
    with pytest.raises(DataError, match="classes counted from 0, but there is a label -1"):
        class_weights({0: 1.0}, np.array([1, -1]))


# -- rows drawn by weight --------------------------------------------------------------------------------------------


def test_rows_are_drawn_in_proportion() -> None:
    """40,000 draws of four rows: within four standard deviations of the share that each should have."""
    weights = sampling_weights(np.tile([0.0, 1.0, 2.0, 5.0], 10_000))
    drawn = np.bincount(draw_rows(weights, np.random.default_rng(1)) % 4, minlength=4) / 40_000
    share = np.array([0, 1, 2, 5]) / 8
    assert drawn[0] == 0
    assert np.all(np.abs(drawn - share) <= 4 * np.sqrt(share * (1 - share) / 40_000))


class Rows(Callback):
    """Remembers which rows every batch of training had."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def set_model(self, model: Any) -> None:
        if self.model is model:
            return
        super().set_model(model)
        compiled = model._compiled
        step = compiled.train_batch

        def watched(x: np.ndarray, y: np.ndarray, weight: Any = None) -> float:
            self.seen.append(x[:, 0].astype(int))
            return float(step(x, y, weight))

        compiled.train_batch = watched


def drawn(how: Any, epochs: int = 40, **options: Any) -> np.ndarray:
    """The numbers of the rows that a fit trains on."""
    x = np.tile(np.arange(60, dtype=np.float32)[:, None], (1, 4))
    rows = Rows()
    model().fit(x, Y, 8, epochs, 0, [rows], weighted_sampling=how, **options)
    return np.concatenate(rows.seen)


def test_an_epoch_has_as_many_rows_as_ever() -> None:
    assert len(drawn("balanced", 1)) == 60
    assert len(drawn("balanced", 2, steps_per_epoch=3)) == 2 * 3 * 8


@pytest.mark.parametrize(
    ("how", "shares"),
    [
        ("balanced", [1 / 3, 1 / 3, 1 / 3]),
        ({0: 1.0, 1: 0.0, 2: 8.0}, [0.5, 0.0, 0.5]),
        (np.where(Y == 2, 0.0, 1.0), [40 / 55, 15 / 55, 0.0]),
    ],
    ids=["balanced", "classes", "rows"],
)
def test_classes_come_as_often_as_they_should(how: Any, shares: list[float]) -> None:
    """2400 draws: within four standard deviations."""
    found = np.bincount(Y[drawn(how)], minlength=3) / 2400
    assert np.all(np.abs(found - shares) <= 4 * np.sqrt(np.array(shares) * (1 - np.array(shares)) / 2400))


def test_every_epoch_draws_anew_and_the_seed_decides() -> None:
    first, second = drawn("balanced", 2).reshape(2, 60)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(drawn("balanced", 2).reshape(2, 60), [first, second])


def test_training_is_that_on_the_rows_drawn() -> None:
    """Bit for bit as if the rows had been given in that order."""
    order, one, other = drawn(np.arange(60.0), 1), model(), model()
    one.fit(X, Y, 8, 1, 0, weighted_sampling=np.arange(60.0))
    other.fit(X[order], Y[order], 8, 1, 0, shuffle=False)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sampling_leaves_the_weights_of_the_loss() -> None:
    order, weight, one, other = drawn("balanced", 1), RNG.uniform(0.5, 2, 60), model(), model()
    one.fit(X, Y, 8, 1, 0, weighted_sampling="balanced", sample_weight=weight)
    other.fit(X[order], Y[order], 8, 1, 0, shuffle=False, sample_weight=weight[order])
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_rows_split_off_are_never_drawn() -> None:
    """And balanced means balanced among those that stay."""
    found = drawn("balanced", validation_split=0.2)
    assert set(found) == set(range(48))
    assert np.bincount(Y[found]).tolist() == pytest.approx([960, 960], abs=4 * np.sqrt(480))
    assert set(drawn(np.arange(60.0), validation_split=0.5)) <= set(range(1, 30))


def test_batches_can_not_be_sampled() -> None:
    from seqnet.errors import UsageError

    with pytest.raises(UsageError, match="weighted_sampling needs arrays, and x is a generator"):
        model().fit(((X, Y) for _ in range(2)), weighted_sampling="balanced", verbose=0)


# -- rows split off for validation -----------------------------------------------------------------------------------


def validated(**options: Any) -> tuple[np.ndarray, np.ndarray]:
    """(rows trained on, number of rows of each class validated on)."""
    seen: list[np.ndarray] = []
    made = model()
    x = np.tile(np.arange(60, dtype=np.float32)[:, None], (1, 4))
    trained = Rows()

    class Watch(Callback):
        def on_test_begin(self, logs: Any = None) -> None:
            compiled = self.model._compiled
            if not seen:
                step = compiled.engine.test_step
                compiled.engine.test_step = lambda x, y, w=None: seen.append(x[:, 0].astype(int)) or step(x, y, w)

    made.fit(x, Y, 8, 1, 0, [trained, Watch()], **options)
    held = np.concatenate(seen)
    assert sorted([*np.concatenate(trained.seen), *held]) == list(range(60))
    return held, np.bincount(Y[held], minlength=3)


def test_the_last_rows_are_kerass_choice() -> None:
    held, _ = validated(validation_split=0.25)
    assert held.tolist() == list(range(45, 60))


def test_validation_rows_at_random() -> None:
    """Each class its share: a fifth of 40, 15 and 5."""
    held, classes = validated(validation_split=0.2, validation_shuffle=True)
    assert classes.tolist() == [8, 3, 1] and held.tolist() != list(range(48, 60))
    np.testing.assert_array_equal(validated(validation_split=0.2, validation_shuffle=True)[0], held)


def test_a_second_fit_holds_back_the_same_rows() -> None:
    """What was validated on is not trained on later."""
    made, losses = model(), []
    for _ in range(2):
        made.fit(X, Y, 8, 1, 0, validation_split=0.2, validation_shuffle=True)
        assert made.history is not None
        losses.append(made.history.history["val_loss"][-1])
    data = made.network.stream("validation split")
    from seqnet.datasets.splits import split_rows

    _, held = split_rows(60, 0.2, np.random.default_rng(data), Y)
    assert losses[-1] == pytest.approx(made.evaluate(X[held], Y[held], verbose=0), rel=1e-5)


# -- in a file -------------------------------------------------------------------------------------------------------

TEXT = """\
seed: 3
data: {npz: rows.npz, validation_split: 0.2}
model: [Dense: {units: 3, activation: softmax}]
optimizer: adam
loss: sparse_categorical_crossentropy
weights: here
training: {epochs: 1, batch_size: 8}
"""


def spec_of(folder: Path, training: str, weight: np.ndarray | None = None) -> RunSpec:
    weights = {} if weight is None else {"sample_weight": weight}
    np.savez(folder / "rows.npz", x=X, y=Y, **weights)
    path = folder / "file.yaml"
    path.write_text(TEXT.replace("weights: here\n", "").replace("batch_size: 8", f"batch_size: 8, {training}"))
    return load_spec(path)


def test_weights_of_the_data_as_weights_of_the_sampling(tmp_path: Path) -> None:
    """They decide what is drawn and no longer count in any loss, of training, validation or evaluation."""
    weight = np.where(Y == 0, 0.0, 3.0).astype(np.float32)
    spec = spec_of(tmp_path, "weighted_sampling: sample_weight", weight)
    data = spec.load_data()
    rows = training_rows(spec, data)
    assert rows.weight is None and rows.sampling is not None
    np.testing.assert_array_equal(rows.sampling, np.where(rows.y == 0, 0.0, 3.0))
    assert all(split.sample_weight is None for split in data.splits.values())
    result = train(spec, runs=tmp_path / "runs", threads=1)
    measured = evaluate(result.folder, split="validation").values
    assert measured["loss"] == pytest.approx(result.final["val_loss"], rel=1e-6)


def test_sampling_in_a_file(tmp_path: Path) -> None:
    rows = training_rows(spec := spec_of(tmp_path, "weighted_sampling: balanced"), spec.load_data())
    assert rows.sampling is not None and rows.weight is None
    assert [rows.sampling[rows.y == label].sum() for label in range(3)] == pytest.approx([16.0] * 3)
    rows = training_rows(spec := spec_of(tmp_path, "weighted_sampling: {1: 0.5}"), spec.load_data())
    np.testing.assert_array_equal(rows.sampling, np.where(rows.y == 1, 0.5, 1.0))


@pytest.mark.parametrize(
    ("training", "weight", "says"),
    [
        ("weighted_sampling: sample_weight", None, "6:57: error: weighted_sampling: sample_weight needs"),
        ("weighted_sampling: sample_weight", np.zeros(60), "6:57: error: weighted_sampling needs a weight > 0"),
        ("weighted_sampling: sample_weight", -np.ones(60), "6:57: error: weighted_sampling needs weights >= 0"),
        ("weighted_sampling: {7: 1}", None, "6:58: error: weighted_sampling names class 7"),
        ("class_weight: balanced", np.ones(60), "6:52: error: class_weight can't be combined with the"),
    ],
)
def test_what_the_data_do_not_allow(training: str, weight: np.ndarray | None, says: str, tmp_path: Path) -> None:
    """Told at its place in the file, before a run folder is made."""
    spec = spec_of(tmp_path, training, weight)
    with pytest.raises((SpecError, DataError)) as caught:
        train(spec, runs=tmp_path / "runs", threads=1)
    assert f"file.yaml:{says}" in str(caught.value)
    assert not (tmp_path / "runs").exists()
