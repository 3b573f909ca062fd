"""Sequential as scripts written for Keras use it; what is expected is what Keras 3.15 does on JAX, side by side."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet import callbacks, layers, metrics
from seqnet.errors import CheckpointError, DataError, ShapeError, SpecError, UsageError
from seqnet.models import Sequential, clone_model, load_model, model_from_json

X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10) % 3


def small() -> Sequential:
    return Sequential([layers.Input((4,)), layers.Dense(8), layers.Dense(3, activation="softmax")])


def compiled(**options: Any) -> Sequential:
    model = small()
    model.compile("sgd", "sparse_categorical_crossentropy", **{"metrics": ["accuracy"], **options})
    return model


def test_layers_have_their_weights_as_soon_as_the_input_shape_is_known() -> None:
    model = small()
    assert [w.shape for w in model.layers[0].get_weights()] == [(4, 8), (8,)]
    held = layers.Dense(2)
    model.add(held)
    assert held.count_params() == 8
    kept = model.get_weights()
    np.testing.assert_array_equal(held.get_weights()[0], kept[4])


def test_weights_set_on_a_layer_stay_when_the_model_is_compiled_and_fitted_frozen() -> None:
    model = small()
    first = model.get_layer(index=0)
    first.set_weights([np.ones((4, 8)), np.zeros(8)])
    first.trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.ones((4, 8)))


def test_without_an_input_shape_a_layer_has_no_weights_yet() -> None:
    model = Sequential([layers.Dense(3)])
    assert model.layers[0].get_weights() == []
    with pytest.raises(UsageError, match="not built yet"):
        model.layers[0].count_params()


def test_a_popped_layer_asks_the_model_no_more() -> None:
    model = small()
    assert model.pop().get_weights() == []
    assert model.output_shape == (None, 8)


def test_a_layer_can_not_be_called_and_says_what_can() -> None:
    with pytest.raises(UsageError, match=r"Sequential\(\[Input\(shape\), \.\.\.\]\)"):
        layers.Dense(3)(X)


class Told(callbacks.Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.heard.append(("train", logs))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.heard.append(("epoch", logs))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.heard.append(("batch", logs))

    def on_test_begin(self, logs: Any = None) -> None:
        self.heard.append(("test", logs))

    def on_test_end(self, logs: Any = None) -> None:
        self.heard.append(("tested", sorted(logs)))

    def on_predict_begin(self, logs: Any = None) -> None:
        self.heard.append(("predict", logs))

    def on_predict_end(self, logs: Any = None) -> None:
        self.heard.append(("predicted", logs))


def test_callbacks_get_a_mapping_at_every_beginning() -> None:
    told, tested = Told(), ("tested", ["accuracy", "loss"])
    compiled().fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=told)
    assert told.heard == [("train", {}), ("epoch", {}), ("batch", {}), ("test", {}), tested]


def test_evaluate_and_predict_call_their_callbacks() -> None:
    model, told = compiled(), Told()
    model.evaluate(X, Y, verbose=0, callbacks=[told])
    model.predict(X, verbose=0, callbacks=told)
    assert told.heard == [("test", {}), ("tested", ["accuracy", "loss"]), ("predict", {}), ("predicted", {})]
    assert told.model is model


def test_the_batches_of_evaluate_and_predict_have_hooks() -> None:
    class Batches(callbacks.Callback):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen.append((batch, logs))

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append((batch, dict(logs)))

        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen.append((batch, logs))

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append((batch, logs["outputs"].shape))

    model, told = compiled(), Batches()
    whole = model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[told], return_dict=True)
    assert whole == model.evaluate(X, Y, batch_size=4, verbose=0, return_dict=True)
    first = model.evaluate(X[:4], Y[:4], verbose=0, return_dict=True)
    assert [told.seen[i] for i in (0, 1, 2, 4, 5)] == [(0, {}), (0, first), (1, {}), (2, {}), (2, whole)]
    assert told.params == {"verbose": 0, "epochs": 1, "steps": 3}
    told.seen.clear()
    outputs = model.predict(X, batch_size=4, callbacks=[told])
    np.testing.assert_array_equal(outputs, model.predict(X, batch_size=4))
    assert told.seen == [(0, {}), (0, (4, 3)), (1, {}), (1, (4, 3)), (2, {}), (2, (2, 3))]
    told.seen.clear()
    model.fit(X, Y, validation_data=(X, Y), validation_batch_size=5, verbose=0, callbacks=[told])
    assert [batch for batch, _ in told.seen] == [0, 0, 1, 1]


def test_steps_bound_evaluate_and_predict(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    assert model.evaluate(X, Y, 4, steps=2) == model.evaluate(X[:8], Y[:8], 4, verbose=0)
    assert capsys.readouterr().out.startswith("2/2 - ")
    model.evaluate(X, Y, 4, steps=9)
    assert capsys.readouterr().out.startswith("3/3 - ")
    assert model.predict(X, 4, steps=2).shape == (8, 3)
    assert model.predict(X[:0], callbacks=[callbacks.Callback()]).shape == (0, 3)
    for call in (lambda: model.evaluate(X, Y, steps=0), lambda: model.predict(X, steps=-1)):
        with pytest.raises(UsageError, match="steps must be a whole number > 0"):
            call()


def test_running_values_can_be_reset() -> None:
    model = compiled()
    model.reset_metrics()  # nothing to do yet
    model.fit(X, Y, verbose=0)
    assert [metric.name for metric in model.metrics] == ["accuracy"]
    assert model.metrics[0].sums
    model.reset_metrics()
    assert not model.metrics[0].sums


def test_callbacks_must_be_callbacks() -> None:
    with pytest.raises(UsageError, match="got int"):
        compiled().predict(X, callbacks=[3])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": "3"}, "epochs must be a whole number >= 0, got '3'"),
        ({"epochs": 2.5}, "epochs must be a whole number >= 0, got 2.5"),
        ({"epochs": -1}, "epochs must be a whole number >= 0, got -1"),
        ({"initial_epoch": -1}, "initial_epoch must be a whole number >= 0, got -1"),
        ({"batch_size": 0}, "batch_size must be a whole number > 0, got 0"),
        ({"steps_per_epoch": 2.5}, "steps_per_epoch must be a whole number > 0, got 2.5"),
        ({"validation_steps": 0}, "validation_steps must be a whole number > 0, got 0"),
        ({"validation_batch_size": "8"}, "validation_batch_size must be a whole number > 0, got '8'"),
        ({"shuffle": "yes"}, "shuffle must be True, False or 'batch', got 'yes'"),
        ({"verbose": "loud"}, "verbose must be 'auto', 0, 1 or 2, got 'loud'"),
        ({"class_weight": [1, 2, 3]}, "class_weight must be balanced or a mapping from a whole number >= 0 to"),
        ({"class_weight": {0: -1.0}}, "class_weight of 0 must be a number >= 0, got -1.0"),
        ({"class_weight": {0: np.nan}}, "class_weight of 0 must be a number >= 0, got nan"),
        ({"class_weight": {"a": 1.0}}, "a key of class_weight must be a whole number >= 0, got 'a'"),
        ({"class_weight": {0: 2.0}, "sample_weight": np.ones(len(X))}, "give class_weight or sample_weight, not both"),
        ({"validation_freq": 0}, "validation_freq must be a whole number > 0, got 0"),
        ({"validation_freq": [1, 2.5]}, "an epoch of validation_freq must be a whole number > 0, got 2.5"),
        ({"validation_freq": []}, "validation_freq must be a whole number > 0, got []"),
        ({"validation_split": 1.5}, "validation_split must be a number > 0 and < 1, got 1.5"),
        ({"validation_split": "half"}, "validation_split must be a number > 0 and < 1, got 'half'"),
        ({"steps_per_epoch": 1000, "batch_size": 8}, "steps_per_epoch 1000 is more than the"),
        ({"weighted_sampling": "often"}, "weighted_sampling must be balanced or a mapping from"),
        ({"weighted_sampling": "balanced", "class_weight": {0: 2.0}}, "would make up for rare classes twice"),
        ({"weighted_sampling": np.ones(len(X)), "class_weight": "balanced"}, "would make up for rare classes twice"),
        ({"weighted_sampling": "balanced", "shuffle": False}, "leave shuffle out"),
    ],
)
def test_wrong_arguments_of_fit(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        compiled().fit(X, Y, **{"verbose": 0, **options})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (["accuracy", "accuracy"], "accuracy"),
        ([metrics.AUC(), metrics.AUC(curve="PR")], "auc"),
        ([metrics.Recall(class_id=0), metrics.Recall(class_id=1)], "recall"),
        (["auc", metrics.AUC()], "auc"),
        ([metrics.AUC(name="loss")], "loss"),
    ],
)
def test_two_values_of_one_name_are_refused(given: list[Any], name: str) -> None:
    """Keras would log the second one as auc_1."""
    with pytest.raises(UsageError, match=f"two values would be logged as '{name}'; give one metric another name"):
        compiled(metrics=given).fit(X, Y, verbose=0)


def test_names_in_the_history_are_those_given() -> None:
    """In every fit, in training and validation, of every model: nothing is numbered."""
    given = ["acc", metrics.AUC(), metrics.AUC(curve="PR", name="pr"), "sparse_categorical_crossentropy"]
    names = {"loss", "acc", "auc", "pr", "sparse_categorical_crossentropy", "weighted_acc", "recall"}
    for _ in range(2):
        model = compiled(metrics=given, weighted_metrics=["acc", metrics.Recall()])
        for _ in range(2):
            history = model.fit(X, Y, verbose=0, validation_data=(X, Y)).history
            assert set(history) == names | {f"val_{name}" for name in names}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample_weight": np.ones(3)}, f"sample_weight has 3 rows, but y has {len(X)}"),
        ({"sample_weight": 2.0}, "sample_weight has a single number, but y has"),
        ({"sample_weight": ["a"] * len(X)}, "sample_weight must hold numbers"),
        ({"sample_weight": np.where(np.arange(len(X)) == 4, np.inf, 1)}, "finite numbers, but that of row 4 is not"),
        ({"weighted_sampling": np.ones(3)}, f"weighted_sampling has 3 rows, but y has {len(X)}"),
        ({"weighted_sampling": np.where(np.arange(len(X)) == 4, -1, 1)}, "weights >= 0, but that of row 4"),
        ({"weighted_sampling": np.zeros(len(X))}, "a weight > 0 for some row, but all are 0"),
        ({"weighted_sampling": {0: 0, 1: 0, 2: 0}}, "a weight > 0 for some row, but all are 0"),
        ({"weighted_sampling": np.ones((len(X), 2))}, "one weight a row, got an array of shape"),
        ({"validation_split": 0.99}, "no training row would be left"),
    ],
)
def test_wrong_weights_of_fit(options: dict[str, Any], said: str) -> None:
    with pytest.raises((DataError, ShapeError)) as caught:
        compiled().fit(X, Y, **{"verbose": 0, **options})
    assert said in str(caught.value)


def test_layers_and_models_show_what_goes_in_and_out() -> None:
    model = Sequential([layers.Input((6, 4)), layers.LSTM(5), layers.Dense(3)])
    lstm, dense = model.layers
    assert [lstm.input.shape, lstm.output.shape, dense.output.shape] == [(None, 6, 4), (None, 5), (None, 3)]
    assert (model.input.shape, model.output.shape) == ((None, 6, 4), (None, 3))
    assert (model.inputs, model.outputs) == ([model.input], [model.output])
    assert (dense.output.dtype, dense.output.ndim, dense.output.name) == ("float32", 2, "dense.output")
    assert dense.compute_output_shape((7, 5)) == (7, 3)
    model.add(layers.Reshape((3, 1)))
    assert model.layers[-1].output.shape == (None, 3, 1) and dense.input.shape == (None, 5)
    gone = model.pop()
    for unknown in (lambda: gone.output, lambda: layers.Dense(1).input, lambda: Sequential([layers.Dense(2)]).output):
        with pytest.raises(UsageError, match="Input"):
            unknown()
    for use in (lambda: np.asarray(dense.output), lambda: dense.output + 1, lambda: list(dense.output)):
        with pytest.raises(UsageError, match="a shape without values"):
            use()


def test_what_training_changes_of_a_layer() -> None:
    model = Sequential(
        [layers.Input((6, 4)), layers.Bidirectional(layers.LSTM(2)), layers.BatchNormalization(), layers.Dense(3)]
    )
    assert [len(layer.trainable_weights) for layer in model.layers] == [6, 2, 2]
    assert [len(layer.non_trainable_weights) for layer in model.layers] == [0, 2, 0]
    assert sum(len(layer.trainable_variables) for layer in model.layers) == len(model.trainable_variables)
    model.layers[0].trainable = False
    assert [len(layer.trainable_weights) for layer in model.layers] == [0, 2, 2]
    assert len(model.layers[0].non_trainable_variables) == 6
    assert len(model.variables) == len(model.weights) == 12
    assert layers.Dense(1).trainable_weights == []


def test_a_clone_has_weights_and_an_optimizer_of_its_own() -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    clone = clone_model(model)
    assert clone.name == model.name and [x.name for x in clone.layers] == [x.name for x in model.layers]
    assert [w.shape for w in clone.get_weights()] == [w.shape for w in model.get_weights()]
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    assert clone.optimizer is not model.optimizer and clone.optimizer is not None and clone.optimizer.iterations == 0
    before = model.get_weights()
    clone.set_weights(before)
    assert clone.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    clone.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_clone_may_change_its_layers() -> None:
    def wider(layer: Any) -> Any:
        options = layer.get_config()
        return type(layer).from_config({**options, "units": 2 * options["units"]})

    assert clone_model(small(), clone_function=wider).output_shape == (None, 6)
    unbuilt = clone_model(Sequential([layers.Dense(3)]))
    assert not unbuilt.built and unbuilt.optimizer is None
    with pytest.raises(UsageError, match="clone_function must give a layer, got None for dense"):
        clone_model(small(), clone_function=lambda layer: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(UsageError, match="clone_model takes a Sequential, got Dense"):
        clone_model(layers.Dense(1))  # type: ignore[arg-type]


def test_a_model_goes_through_json() -> None:
    model = Sequential([layers.Input((4,)), layers.Dense(8, kernel_regularizer="l2"), layers.Dense(3)], name="mine")
    again = model_from_json(model.to_json(indent=2))
    assert again.to_json() == model.to_json() and again.name == "mine" and again.output_shape == (None, 3)
    assert Sequential.from_config(model.get_config()).to_json() == model.to_json()
    frozen = Sequential([layers.Input((4,)), layers.Dense(3)], trainable=False)
    assert model_from_json(frozen.to_json()).trainable_weights == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is no JSON"),
        ("[1]", "takes what to_json gave"),
        ('{"class_name": "Sequential", "config": {}}', "from_config takes what get_config gave"),
        ('{"class_name": "Sequential", "config": {"layers": [{"Dens": {"units": 3}}]}}', "did you mean Dense"),
        ('{"module": "keras", "class_name": "Sequential", "config": {}}', "was written by Keras"),
    ],
)
def test_json_that_is_no_model(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        model_from_json(text)


def test_a_model_within_a_model_is_copied() -> None:
    inner = Sequential([layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
    inner.compile("sgd", "mse")
    inner.fit(X, np.eye(3)[Y], verbose=0)
    outer = Sequential([inner, layers.Dense(2), inner])
    assert [layer.name for layer in outer.layers] == [
        *("dense", "batch_normalization", "dense_1"),
        "dense_2",
        *("dense_3", "batch_normalization_1", "dense_4"),
    ]
    probabilities = Sequential([inner, layers.Softmax()])
    z = inner.predict(X)
    np.testing.assert_allclose(probabilities.predict(X), np.exp(z) / np.exp(z).sum(1, keepdims=True), rtol=1e-5)
    before = inner.get_weights()
    probabilities.compile("sgd", "sparse_categorical_crossentropy")
    probabilities.fit(X, Y, verbose=0)
    for ours, theirs in zip(inner.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(inner.layers[0].get_weights()[0], before[0])
    unbuilt = Sequential([Sequential([layers.Dense(3)]), layers.Dense(1)])
    unbuilt.build((None, 4))
    assert unbuilt.output_shape == (None, 1)


def test_variables_are_there_before_the_first_batch() -> None:
    model = small()
    assert model.layers[0].kernel.shape == (4, 8)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'kernl'"):
        model.layers[0].kernl  # type: ignore[attr-defined]  # noqa: B018


def test_weights_that_do_not_fit_may_be_left_out(tmp_path: Path) -> None:
    source = small()
    source.save_weights(tmp_path / "weights.h5")
    other = Sequential([layers.Input((4,)), layers.Dense(8), layers.Dense(5, name="head")])
    head = other.layers[1].get_weights()
    with pytest.raises(CheckpointError, match="another stack of layers"):
        other.load_weights(tmp_path / "weights.h5")
    other.load_weights(tmp_path / "weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(other.layers[0].kernel, source.layers[0].kernel)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(other.layers[1].get_weights()[0], head[0])
    wide = Sequential([layers.Input((4,)), layers.Dense(9), layers.Dense(3)])
    before = wide.get_weights()
    wide.load_weights(tmp_path / "weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(wide.get_weights()[0], before[0])


def test_load_model_takes_keras_arguments(tmp_path: Path) -> None:
    model = compiled()
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras", {"mine": None}, False, True)
    assert again.optimizer is None and load_model(tmp_path / "model.keras", custom_objects={}).optimizer is not None
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_other_kinds_of_models_are_explained() -> None:
    for ask in (lambda: seqnet.Model, lambda: seqnet.models.Model, lambda: seqnet.models.Functional):
        with pytest.raises(UsageError, match="a network is one stack of layers"):
            ask()
    with pytest.raises(AttributeError, match="no attribute 'Modell'"):
        seqnet.models.Modell  # noqa: B018


def test_the_learning_rate_may_be_treated_as_a_variable() -> None:
    model = compiled()
    optimizer: Any = model.optimizer
    optimizer.learning_rate.assign(0.5)
    assert optimizer.learning_rate == 0.5 and optimizer.learning_rate.numpy() == np.float32(0.5)
    assert isinstance(optimizer.learning_rate.numpy(), np.float32)
    optimizer.learning_rate = optimizer.learning_rate * 0.1
    assert f"{optimizer.learning_rate:.2f} {optimizer.learning_rate!r}" == "0.05 0.05"
    optimizer.learning_rate = optimizer.learning_rate
    assert type(optimizer.get_config()["learning_rate"]) is float
    assert copy.deepcopy(optimizer.learning_rate) == 0.05
    model.fit(X, Y, verbose=0)
    assert optimizer.learning_rate == 0.05
    with pytest.raises(SpecError, match="learning_rate"):
        optimizer.learning_rate.assign(-1)


def test_variables_are_attributes_of_their_layer() -> None:
    model = small()
    model.build()
    first = model.layers[0]
    assert first.kernel.shape == (4, 8) and first.bias.shape == (8,)
    first.bias[:] = 2
    np.testing.assert_array_equal(model.get_weights()[1], np.full(8, 2.0))
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'kernels'"):
        first.kernels  # noqa: B018


def test_the_history_knows_the_run() -> None:
    model = compiled()
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3} and history.model is model


def test_a_list_with_the_loss_of_the_one_output() -> None:
    model = small()
    model.compile(optimizer="sgd", loss=["sparse_categorical_crossentropy"], metrics=[["accuracy"]])
    assert sorted(model.fit(X, Y, verbose=0).history) == ["accuracy", "loss"]
