"""Batches from generators, iterables and data sets; what is expected is what Keras 3.15 does on JAX, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from seqnet import callbacks, layers
from seqnet.errors import DataError, ShapeError, UsageError
from seqnet.models import Sequential
from seqnet.training.feed import is_feed
from seqnet.utils import PyDataset

X = np.random.default_rng(0).normal(size=(22, 4)).astype(np.float32)
Y = np.arange(22) % 3
W = np.linspace(0.5, 2, 22, dtype=np.float32)
SIZE, BATCHES = 4, 6  # the last batch has two rows


def compiled(**options: Any) -> Sequential:
    model = Sequential([layers.Dense(8, activation="tanh"), layers.Dense(3, activation="softmax")], seed=1)
    model.compile("adam", "sparse_categorical_crossentropy", **{"metrics": ["accuracy"], **options})
    return model


def generate(passes: int = 1, weighted: bool = False) -> Iterator[Any]:
    for _ in range(passes):
        for start in range(0, len(X), SIZE):
            rows = slice(start, start + SIZE)
            yield (X[rows], Y[rows], W[rows]) if weighted else (X[rows], Y[rows])


class Numbered(PyDataset):
    """Every row, and a note of what was asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log: list[Any] = []

    def __len__(self) -> int:
        return BATCHES

    def __getitem__(self, index: int) -> Any:
        self.log.append(index)
        rows = slice(index * SIZE, (index + 1) * SIZE)
        return X[rows], Y[rows]

    def on_epoch_begin(self) -> None:
        self.log.append("begin")

    def on_epoch_end(self) -> None:
        self.log.append("end")


class Again:
    """An iterable that can be gone through again, as a loader of another library is."""

    def __iter__(self) -> Iterator[Any]:
        return generate()


SOURCES: dict[str, Callable[[], Any]] = {
    "generator": lambda: generate(passes=3),
    "iterable": Again,
    "data set": Numbered,
}


@pytest.mark.parametrize("name", SOURCES)
def test_batches_train_as_their_rows_would(name: str) -> None:
    rows, fed = compiled(), compiled()
    expected = rows.fit(X, Y, batch_size=SIZE, epochs=3, shuffle=False, verbose=0).history
    steps = BATCHES if name == "generator" else None
    history = fed.fit(SOURCES[name](), epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
    assert history.history == expected
    assert history.params is not None and history.params["steps"] == (None if name == "iterable" else BATCHES)
    for ours, theirs in zip(fed.get_weights(), rows.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_and_class_weights_of_batches() -> None:
    rows, fed = compiled(weighted_metrics=["accuracy"]), compiled(weighted_metrics=["accuracy"])
    expected = rows.fit(X, Y, SIZE, sample_weight=W, shuffle=False, verbose=0).history
    assert fed.fit(generate(weighted=True), verbose=0).history == expected
    rows, fed = compiled(), compiled()
    expected = rows.fit(X, Y, SIZE, class_weight={0: 3.0}, shuffle=False, verbose=0).history
    assert fed.fit(generate(), class_weight={0: 3.0}, verbose=0).history == expected


@pytest.mark.parametrize("make", [lambda: generate(passes=2), Again, Numbered])
def test_an_epoch_of_fewer_steps_goes_on_where_it_was(make: Callable[[], Any]) -> None:
    rows, fed = compiled(), compiled()
    expected = rows.fit(X, Y, SIZE, 3, shuffle=False, steps_per_epoch=4, verbose=0).history
    assert fed.fit(make(), epochs=3, shuffle=False, steps_per_epoch=4, verbose=0).history == expected


@pytest.mark.parametrize("make", [generate, Again, Numbered])
def test_evaluate_and_predict_take_batches(make: Callable[[], Any]) -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    assert model.evaluate(make(), verbose=0) == model.evaluate(X, Y, SIZE, verbose=0)
    assert model.evaluate(make(), verbose=0, steps=2) == model.evaluate(X[:8], Y[:8], SIZE, verbose=0)
    np.testing.assert_array_equal(model.predict(make(), verbose=0), model.predict(X, SIZE))
    np.testing.assert_array_equal(model.predict(make(), steps=2), model.predict(X[:8], SIZE))


def test_predict_takes_inputs_alone() -> None:
    model = compiled()
    model.build((None, 4))
    expected = model.predict(X, SIZE)
    np.testing.assert_array_equal(model.predict(x for x, _ in generate()), expected)
    np.testing.assert_array_equal(model.predict((x,) for x, _ in generate()), expected)


@pytest.mark.parametrize("make", [Again, Numbered, lambda: generate(passes=2)])
def test_validation_takes_batches(make: Callable[[], Any]) -> None:
    rows, fed = compiled(), compiled()
    expected = rows.fit(X, Y, epochs=2, validation_data=(X, Y), validation_batch_size=SIZE, verbose=0).history
    found = fed.fit(X, Y, epochs=2, validation_data=make(), validation_steps=BATCHES, verbose=0).history
    assert found == expected


def test_a_data_set_is_shuffled_by_batches_and_told_of_epochs() -> None:
    data = Numbered()
    compiled().fit(data, epochs=2, verbose=0)
    assert data.log.pop(0) == 0  # a look at the shapes
    first, second = data.log[: BATCHES + 2], data.log[BATCHES + 2 :]
    assert (first[0], first[-1], second[0], second[-1]) == ("begin", "end", "begin", "end")
    assert sorted(first[1:-1]) == sorted(second[1:-1]) == list(range(BATCHES))
    assert first[1:-1] != second[1:-1]


def test_an_object_with_a_length_and_batches_is_a_data_set() -> None:
    class Plain:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return X[:4], Y[:4]

    assert len(compiled().fit(Plain(), epochs=3, verbose=0).epoch) == 3


def test_endless_data_sets_need_steps() -> None:
    class Endless(Numbered):
        @property
        def num_batches(self) -> None:
            return None

    history = compiled().fit(Endless(), epochs=2, steps_per_epoch=3, verbose=0)
    assert len(history.epoch) == 2 and history.params is not None and history.params["steps"] == 3


def test_a_generator_is_one_pass() -> None:
    model = compiled()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(generate(), verbose=0).epoch == [0]
    with pytest.warns(UserWarning, match="ran out after 1 of 3 epochs; give what can be gone through again"):
        assert model.fit(generate(), epochs=3, verbose=0).epoch == [0]
    with pytest.warns(UserWarning, match="ran out after 2 of 4 batches of epoch 2"):
        assert model.fit(generate(), epochs=5, steps_per_epoch=4, verbose=0).epoch == [0, 1]
    with pytest.warns(UserWarning, match="ran out before the validation of epoch 2, which is left out"):
        history = model.fit(X, Y, epochs=2, validation_data=generate(), verbose=0).history
    assert (len(history["loss"]), len(history["val_loss"])) == (2, 1)
    with pytest.warns(UserWarning, match="ran out after 6 of 9 batches"):
        model.evaluate(generate(), steps=9, verbose=0)


def test_callbacks_stop_a_fed_epoch() -> None:
    class Stop(callbacks.Callback):
        seen: list[int] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)
            assert set(logs) == {"loss", "accuracy"}
            self.model.stop_training = batch == 1

    history = compiled().fit(generate(passes=9), epochs=9, verbose=0, callbacks=[Stop()])
    assert Stop.seen == [0, 1] and len(history.epoch) == 1


def test_the_display_counts_batches_of_unknown_number(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.fit(generate(), verbose=1)
    model.evaluate(generate(), verbose=1)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("6/6 - ") and shown[1].startswith("6/6 - accuracy")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda m: m.fit(generate(), Y), UsageError, "y can't stand beside a generator"),
        (lambda m: m.fit(generate(), sample_weight=W), UsageError, "sample_weight can't stand beside a generator"),
        (lambda m: m.fit(Numbered(), validation_split=0.1), UsageError, "x is a Numbered; give validation_data"),
        (lambda m: m.fit(generate(), class_weight="balanced"), UsageError, "needs all labels at once"),
        (lambda m: m.fit(iter(())), DataError, "the tuple_iterator gives no batch"),
        (lambda m: m.fit(x for x, _ in generate()), DataError, r"must be \(x, y\) .* gave a ndarray"),
        (lambda m: m.fit((x,) for x, _ in generate()), DataError, "gave a tuple of 1"),
        (lambda m: m.evaluate((x, y[:1]) for x, y in generate()), ShapeError, "x has 4 rows, but y has 1"),
        (lambda m: m.predict(iter(())), DataError, "gives no batch"),
        (lambda m: m.fit(X, Y, validation_data=X), UsageError, "validation_data must be"),
    ],
)
def test_what_can_not_be_fed(call: Callable[[Sequential], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(compiled())


def test_what_is_an_array() -> None:
    class Frame:  # as a table of another library
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return X

        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, name: str) -> Any:
            return X[:, 0]

    assert not any(is_feed(data) for data in (X, X.tolist(), tuple(X), range(3), b"ab", None, 1, Frame()))
    assert all(is_feed(data) for data in (generate(), Again(), Numbered(), map(abs, [1]), zip(X, Y, strict=True)))
    assert compiled().fit(Frame(), Y, verbose=0).epoch == [0]
