"""The lint: what trains silently into nonsense is named beforehand, at its place; what is fine is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.datasets.base import Data, Split
from seqnet.errors import Problem
from seqnet.spec.check import check_file
from seqnet.spec.lint import lint
from seqnet.spec.reader import dump_yaml, parse_document
from seqnet.spec.run import RunSpec, check_document

CE = "sparse_categorical_crossentropy"
SOFTMAX = {"Dense": {"units": 3, "activation": "softmax"}}
SIGMOID = {"Dense": {"units": 1, "activation": "sigmoid"}}
HIDDEN = {"Dense": {"units": 16, "activation": "relu"}}
LINEAR = {"Dense": {"units": 1}}
LAST = ("model", 2, "Dense")


def dense(units: int, activation: str | None = None, **options: Any) -> dict[str, Any]:
    return {"Dense": {"units": units, **({} if activation is None else {"activation": activation}), **options}}


def make(
    *layers: Any, loss: Any = CE, dataset: Any = "iris", metrics: Any = (), data: Any = None, **sections: Any
) -> RunSpec:
    plain = {
        "data": {"dataset": dataset, "validation_split": 0.2, **(data or {})},
        "model": list(layers or ("Normalization", HIDDEN, SOFTMAX)),
        "optimizer": "adam",
        "loss": loss,
        "metrics": list(metrics),
        **sections,
    }
    problems: list[Problem] = []
    text = dump_yaml({key: value for key, value in plain.items() if value is not None})
    spec = check_document(parse_document(text), problems)
    assert problems == []
    return spec


def rows(x: Any, y: Any, **known: Any) -> Data:
    return Data("mine", Split(np.asarray(x), None if y is None else np.asarray(y)), **known)


def found(spec: RunSpec, data: Data | None) -> list[tuple[Any, ...]]:
    return [(p.path, "warning" if p.warning else "error") for p in lint(spec, data)]


ERROR, WARNING = "error", "warning"
N = "Normalization"
PICTURES = "fashion_mnist_mini"
SCALE = {"Rescaling": {"scale": 0.00392156862745098}}
CHANNEL = {"Reshape": {"target_shape": [28, 28, 1]}}
LOGITS = {"SparseCategoricalCrossentropy": {"from_logits": True}}

# name: (the file, where, how bad, part of the message, part of the hint)
Case = tuple[RunSpec, tuple[Any, ...], str, str, str]
CASES: dict[str, Case] = {
    # -- number of outputs
    "too few units": (
        make(N, HIDDEN, dense(2, "softmax")),
        (*LAST, "units"),
        ERROR,
        "has 2 outputs but the largest label is 2: Dense units must be at least 3",
        "",
    ),
    "too few units, activation after it": (
        make(N, HIDDEN, dense(2), "Softmax"),
        (*LAST, "units"),
        ERROR,
        "Dense units must be at least 3",
        "",
    ),
    "too few units, one-hot": (
        make(N, HIDDEN, dense(2, "softmax"), loss="categorical_crossentropy", data={"one_hot": True}),
        (*LAST, "units"),
        ERROR,
        "the labels are rows of 3, but the model has 2 outputs",
        "",
    ),
    "one unit for classes": (
        make(N, HIDDEN, SIGMOID, dataset="breast_cancer"),
        (*LAST, "units"),
        ERROR,
        "needs one output for each class, but the model has 1 output",
        "use binary_crossentropy with a sigmoid, or Dense units: 2",
    ),
    "too many units": (
        make(N, HIDDEN, dense(5, "softmax")),
        (*LAST, "units"),
        WARNING,
        "has 5 outputs, but the data have 3 classes",
        "one output for each class is enough",
    ),
    "regression on three outputs": (
        make(N, HIDDEN, dense(3), loss="mse", dataset="diabetes"),
        (*LAST, "units"),
        ERROR,
        "the labels are one number a row, but the model gives (N, 3)",
        "end in Dense units: 1",
    ),
    # -- form of the labels
    "integers for categorical": (
        make(loss="categorical_crossentropy"),
        ("loss",),
        ERROR,
        "the labels are integers 0..2, shape (N,), but categorical_crossentropy expects one-hot rows of 3",
        "use sparse_categorical_crossentropy, or data.one_hot: true",
    ),
    "one-hot for sparse": (
        make(data={"one_hot": True}),
        ("loss",),
        ERROR,
        "the labels are one-hot rows of 3, shape (N, 3)",
        "use categorical_crossentropy, or integer labels (data.one_hot: false)",
    ),
    "three classes for binary": (
        make(N, HIDDEN, SIGMOID, loss="binary_crossentropy"),
        ("loss",),
        ERROR,
        "the labels run from 0 to 2, but binary_crossentropy expects 0 or 1",
        "use sparse_categorical_crossentropy with a softmax and Dense units: 3",
    ),
    "two outputs for binary": (
        make(N, HIDDEN, dense(2, "softmax"), loss="bce", dataset="breast_cancer"),
        ("loss",),
        ERROR,
        "compares each of the 2 outputs with a label of its own",
        "use sparse_categorical_crossentropy with a softmax",
    ),
    "numbers for classes": (
        make(N, HIDDEN, SOFTMAX, dataset="diabetes"),
        ("loss",),
        ERROR,
        "sparse_categorical_crossentropy is for classes, but the targets of diabetes are numbers",
        "use mse or mae",
    ),
    "classes for mse": (
        make(N, HIDDEN, LINEAR, loss="mse"),
        ("loss",),
        ERROR,
        "mean_squared_error is for numbers, but the targets of iris are 3 classes (setosa, versicolor, virginica)",
        "use sparse_categorical_crossentropy with Dense: {units: 3, activation: softmax}",
    ),
    "classes for mse, an output each": (
        make(N, HIDDEN, SOFTMAX, loss="mae"),
        ("loss",),
        ERROR,
        "mean_absolute_error is for numbers",
        "use sparse_categorical_crossentropy",
    ),
    "two classes for mse": (
        make(N, HIDDEN, LINEAR, loss="mse", dataset="breast_cancer"),
        ("loss",),
        WARNING,
        "are 2 classes (malignant, benign)",
        "use binary_crossentropy with Dense: {units: 1, activation: sigmoid}",
    ),
    # -- never flattened
    "no Flatten": (
        make(SCALE, dense(64, "relu"), dense(10, "softmax"), dataset=PICTURES),
        ("model", 1),
        ERROR,
        "the model gives (N, 28, 10), but the labels are one a row, (N,): the axes are never flattened",
        "add - Flatten before layer 1 (dense, Dense)",
    ),
    "no Flatten, one-hot": (
        make(
            SCALE,
            dense(10, "softmax"),
            dataset=PICTURES,
            loss="categorical_crossentropy",
            data={"one_hot": True},
        ),
        ("model", 1),
        ERROR,
        "the model gives (N, 28, 10), but the labels are one a row, (N, 10)",
        "add - Flatten before layer 1 (dense, Dense)",
    ),
    "no Flatten after convolution": (
        make(
            SCALE,
            {"Reshape": {"target_shape": [28, 28, 1]}},
            {"Conv2D": {"filters": 4, "kernel_size": 3}},
            dense(32, "relu"),
            {"Dropout": {"rate": 0.5}},
            dense(10, "softmax"),
            dataset=PICTURES,
        ),
        ("model", 3),
        ERROR,
        "the model gives (N, 26, 26, 10)",
        "add - Flatten before layer 3 (dense, Dense)",
    ),
    "convolution at the end": (
        make(
            SCALE,
            {"Reshape": {"target_shape": [28, 28, 1]}},
            {"Conv2D": {"filters": 10, "kernel_size": 3, "activation": "softmax"}},
            dataset=PICTURES,
        ),
        ("model", 2),
        ERROR,
        "the model gives (N, 26, 26, 10)",
        "add - Flatten and a Dense layer, or a global pooling, at the end",
    ),
    # -- the last activation
    "softmax on one unit": (
        make(N, HIDDEN, dense(1, "softmax"), loss="bce", dataset="breast_cancer"),
        (*LAST, "activation"),
        ERROR,
        "softmax over a single unit is always 1, so nothing can be learned",
        "use activation: sigmoid, or one unit for each class",
    ),
    "nothing before a crossentropy": (
        make(N, HIDDEN, dense(3)),
        ("model", 2),
        WARNING,
        "the last Dense has no activation, but sparse_categorical_crossentropy expects probabilities",
        "set activation: softmax, or from_logits: true on the loss",
    ),
    "nothing before a binary crossentropy": (
        make(N, HIDDEN, LINEAR, loss="bce", dataset="breast_cancer"),
        ("model", 2),
        WARNING,
        "the last Dense has no activation, but binary_crossentropy expects probabilities",
        "set activation: sigmoid, or from_logits: true on the loss",
    ),
    "relu before a crossentropy": (
        make(N, HIDDEN, dense(3, "relu")),
        (*LAST, "activation"),
        WARNING,
        "Dense ends with relu, which gives no probabilities",
        "use activation: softmax",
    ),
    "sigmoid before a categorical crossentropy": (
        make(N, HIDDEN, dense(3, "sigmoid")),
        (*LAST, "activation"),
        WARNING,
        "Dense ends with sigmoid, so its outputs do not sum to 1",
        "use softmax, or binary_crossentropy for several labels a row",
    ),
    "softmax before a binary crossentropy": (
        make(loss="bce", data={"one_hot": True}),
        (*LAST, "activation"),
        WARNING,
        "whose outputs sum to 1, but binary_crossentropy treats each output alone",
        "use sigmoid, or a categorical crossentropy",
    ),
    "softmax before logits": (
        make(loss=LOGITS),
        (*LAST, "activation"),
        WARNING,
        "sparse_categorical_crossentropy with from_logits: true applies it itself",
        "remove the activation, or from_logits",
    ),
    "sigmoid before logits": (
        make(N, HIDDEN, SIGMOID, loss={"BinaryCrossentropy": {"from_logits": True}}, dataset="breast_cancer"),
        (*LAST, "activation"),
        WARNING,
        "binary_crossentropy with from_logits: true applies it itself",
        "remove the activation",
    ),
    "softmax twice": (
        make(N, HIDDEN, SOFTMAX, {"Activation": {"activation": "softmax"}}),
        ("model", 3, "Activation", "activation"),
        WARNING,
        "softmax is applied twice, here and by layer 2 before it",
        "keep one of them",
    ),
    "sigmoid for large targets": (
        make(N, HIDDEN, SIGMOID, loss="mse", dataset="diabetes"),
        (*LAST, "activation"),
        WARNING,
        "whose outputs lie between 0 and 1, but the targets run from",
        "leave the activation off, or scale the targets",
    ),
    "reduction none": (
        make(loss={"SparseCategoricalCrossentropy": {"reduction": "none"}}),
        ("loss", "SparseCategoricalCrossentropy", "reduction"),
        ERROR,
        "leaves no single number to lower",
        "leave reduction out",
    ),
    # -- metrics
    "a metric for other labels": (
        make(metrics=["accuracy", "mse"]),
        ("metrics", 1),
        ERROR,
        "labels of shape (2,) do not fit predictions of shape (2, 3)",
        "",
    ),
    "accuracy of numbers": (
        make(N, HIDDEN, LINEAR, loss="mse", dataset="diabetes", metrics=["accuracy"]),
        ("metrics", 0),
        WARNING,
        "accuracy counts equal labels, but the targets are real numbers",
        "use mae or root_mean_squared_error",
    ),
    "one metric twice": (
        make(metrics=["accuracy", "accuracy"]),
        ("metrics", 1),
        ERROR,
        "two values would be logged as 'accuracy'",
        "give this one another name: accuracy: {name: my_accuracy}",
    ),
    "a metric named loss": (
        make(metrics=[{"SparseCategoricalCrossentropy": {"name": "loss"}}]),
        ("metrics", 0, "SparseCategoricalCrossentropy", "name"),
        ERROR,
        "two values would be logged as 'loss'",
        "",
    ),
    # -- callbacks
    "a monitor that will not exist": (
        make(metrics=["accuracy"], callbacks=[{"EarlyStopping": {"monitor": "val_acc"}}]),
        ("callbacks", 0, "EarlyStopping", "monitor"),
        ERROR,
        "no value named 'val_acc' will be logged (there will be loss, accuracy, val_loss, val_accuracy)",
        "did you mean val_accuracy?",
    ),
    "a monitor of a validation that is not": (
        make(data={"validation_split": 0}, callbacks=["EarlyStopping"]),
        ("callbacks", 0),
        ERROR,
        "no value named 'val_loss' will be logged",
        "there is no validation part; set",
    ),
    "a direction that is not known": (
        make(
            N,
            SIGMOID,
            loss="bce",
            dataset="breast_cancer",
            metrics=["TruePositives"],
            callbacks=[{"EarlyStopping": {"monitor": "val_TruePositives"}}],
        ),
        ("callbacks", 0, "EarlyStopping", "monitor"),
        ERROR,
        "is a higher or a lower val_TruePositives better?",
        "set mode: max or mode: min",
    ),
    "a monitor of every watching callback": (
        make(
            metrics=["accuracy"],
            callbacks=[{"ModelCheckpoint": {"filepath": "best", "save_best_only": True, "monitor": "val_acc"}}],
        ),
        ("callbacks", 0, "ModelCheckpoint", "monitor"),
        ERROR,
        "ModelCheckpoint: no value named 'val_acc' will be logged",
        "did you mean val_accuracy?",
    ),
    "a monitor of a validation that never comes": (
        make(training={"epochs": 3, "validation_freq": 5}, callbacks=[{"ReduceLROnPlateau": {"patience": 2}}]),
        ("callbacks", 0),
        ERROR,
        "ReduceLROnPlateau: no value named 'val_loss' will be logged (there will be loss)",
        "(and a validation_freq within the epochs)",
    ),
    "a monitor with several values": (
        make(
            N,
            dense(3, "softmax"),
            loss="categorical_crossentropy",
            data={"one_hot": True},
            metrics=["F1Score"],
            callbacks=[{"EarlyStopping": {"monitor": "val_F1Score"}}],
        ),
        ("callbacks", 0, "EarlyStopping", "monitor"),
        ERROR,
        "EarlyStopping: val_F1Score has several values an epoch",
        "give the metric an average",
    ),
    "an average that is not kept": (
        make(callbacks=["SwapEMAWeights"]),
        ("callbacks", 0),
        ERROR,
        "SwapEMAWeights needs an optimizer that keeps a moving average of the weights",
        "write optimizer: Adam: {use_ema: true}",
    ),
    "an average that nothing sees": (
        make(optimizer={"SGD": {"use_ema": True}}),
        ("optimizer", "SGD", "use_ema"),
        WARNING,
        "nothing that this run keeps has it",
        "add SwapEMAWeights to the callbacks",
    ),
    "a backup beside the run's own": (
        make(callbacks=[{"BackupAndRestore": {"backup_dir": "backup"}}]),
        ("callbacks", 0),
        WARNING,
        "in a run checkpoints are always on, in last/",
        "seqnet train --resume goes on exactly",
    ),
    "labels of a layer that is not": (
        make(callbacks=[{"TensorBoard": {"embeddings_freq": 1, "embeddings_metadata": {"words": "words.txt"}}}]),
        ("callbacks", 0, "TensorBoard", "embeddings_metadata"),
        ERROR,
        "there is no Embedding layer 'words'",
        "leave it out",
    ),
    "a folder without a name": (
        make(callbacks=[{"TensorBoard": {"log_dir": ""}}]),
        ("callbacks", 0, "TensorBoard", "log_dir"),
        ERROR,
        "log_dir must name a folder, got ''",
        "for instance logs",
    ),
    "two that set the learning rate": (
        make(
            optimizer={"SGD": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 50}}}},
            callbacks=["TerminateOnNaN", {"ReduceLROnPlateau": {"monitor": "val_loss"}}],
        ),
        ("callbacks", 1),
        ERROR,
        "ReduceLROnPlateau sets the learning rate, but the schedule of the optimizer does so too",
        "keep one of them",
    ),
    "a file without a name": (
        make(callbacks=[{"CSVLogger": {"filename": "logs/"}}]),
        ("callbacks", 0, "CSVLogger", "filename"),
        ERROR,
        "filename must name a file, got 'logs/'",
        "for instance log.csv",
    ),
    "a file named after what is not": (
        make(callbacks=["TerminateOnNaN", {"ModelCheckpoint": {"filepath": "{epoch}-{val_acc:.2f}.seqnet"}}]),
        ("callbacks", 1, "ModelCheckpoint", "filepath"),
        ERROR,
        "no value named 'val_acc' will be logged",
        "the path may use {epoch}, {loss}, {val_loss}",
    ),
    "a file name that is broken": (
        make(callbacks=[{"ModelCheckpoint": {"filepath": "{epoch:x y}.seqnet"}}]),
        ("callbacks", 0, "ModelCheckpoint", "filepath"),
        ERROR,
        "can't be filled in",
        "write values as {epoch:02d}",
    ),
    # -- rows
    "fewer rows than a batch": (
        make(training={"batch_size": 97}),
        ("training", "batch_size"),
        WARNING,
        "batch_size 97 is more than the 96 training rows, so an epoch is a single step",
        "at most 96 makes sense",
    ),
    "more steps than batches": (
        make(training={"batch_size": 16, "steps_per_epoch": 7}),
        ("training", "steps_per_epoch"),
        ERROR,
        "steps_per_epoch 7 is more than the 6 batches of 16 in 96 rows",
        "leave it out to use all rows",
    ),
    "a class that does not exist": (
        make(training={"class_weight": {0: 1.0, 3: 2.0}}),
        ("training", "class_weight", 3),
        ERROR,
        "class_weight names class 3, but the classes are 0 to 2",
        "the classes of iris are numbered: 0 setosa, 1 versicolor, 2 virginica",
    ),
    "sampling of a class that does not exist": (
        make(training={"weighted_sampling": {0: 1.0, 3: 2.0}}),
        ("training", "weighted_sampling", 3),
        ERROR,
        "weighted_sampling names class 3, but the classes are 0 to 2",
        "the classes of iris are numbered: 0 setosa, 1 versicolor, 2 virginica",
    ),
    "sampling without classes": (
        make(N, LINEAR, loss="mse", dataset="diabetes", training={"weighted_sampling": "balanced"}),
        ("training", "weighted_sampling"),
        ERROR,
        "weighted_sampling weighs classes, but the targets of diabetes are none",
        "leave it out",
    ),
    "sampling by weights that are not there": (
        make(training={"weighted_sampling": "sample_weight"}),
        ("training", "weighted_sampling"),
        ERROR,
        "weighted_sampling: sample_weight needs weights, and the training rows of iris have none",
        "give the file an array sample_weight, or write balanced",
    ),
    "sampling of nothing": (
        make(training={"weighted_sampling": {0: 0.0, 1: 0.0, 2: 0.0}}),
        ("training", "weighted_sampling"),
        ERROR,
        "weighted_sampling needs a weight > 0 for some row, but all are 0",
        "how often a row is drawn",
    ),
    "class weights without classes": (
        make(N, LINEAR, loss="mse", dataset="diabetes", training={"class_weight": "balanced"}),
        ("training", "class_weight"),
        ERROR,
        "class_weight weighs classes, but the targets of diabetes are none",
        "leave it out",
    ),
    # -- memory
    "more weights than memory": (
        make(N, dense(10**13), SOFTMAX),
        ("model", 1, "Dense", "units"),
        ERROR,
        "layer 1 (dense, Dense) has 50,000,000,000,000 parameters, which with gradients and optimizer take 800,000 GB",
        "make it smaller",
    ),
    "more output than memory": (
        make(N, {"RepeatVector": {"n": 10**12}}, "GlobalMaxPooling1D", LINEAR, dataset="diabetes", loss="mse"),
        ("model", 1, "RepeatVector", "n"),
        ERROR,
        "layer 1 (repeat_vector, RepeatVector) has an output of shape (1000000000000, 10), which",
        "make it smaller",
    ),
    # -- inputs
    "unscaled pictures": (
        make("Flatten", dense(32, "relu"), dense(10, "softmax"), dataset=PICTURES),
        ("model", 0),
        WARNING,
        "the inputs reach 255 and nothing scales them, which slows or stops training",
        "begin the model with Rescaling: {scale: 0.00392156862745098}, which is 1 / 255",
    ),
    "unscaled columns": (
        make({"Input": {"shape": [13]}}, HIDDEN, SOFTMAX, dataset="wine"),
        ("model", 0),
        WARNING,
        "nothing scales them",
        "after Input add Normalization",
    ),
    "brightness of scaled pictures": (
        make(SCALE, CHANNEL, {"RandomBrightness": {"factor": 0.2}}, "Flatten", dense(10, "softmax"), dataset=PICTURES),
        ("model", 2),
        WARNING,
        "the values that reach RandomBrightness run from 0 to 1, but its value_range is 0 to 255",
        "write value_range: [0, 1], or put it before what scales them",
    ),
    "contrast of bytes told another range": (
        make(
            *(CHANNEL, "RandomFlip", {"RandomContrast": {"factor": 0.2, "value_range": [0, 1]}}, SCALE),
            *("Flatten", dense(10, "softmax")),
            dataset=PICTURES,
        ),
        ("model", 2, "RandomContrast", "value_range"),
        WARNING,
        "run from 0 to 255, but its value_range is 0 to 1",
        "write value_range: [0, 255]",
    ),
    # -- mixing
    "boxes of rows without form": (
        make(training={"augment": "CutMix"}),
        ("training", "augment"),
        ERROR,
        "CutMix cuts boxes out of pictures, (height, width, channels), but the rows have shape (4,)",
        "use MixUp",
    ),
    "mixed margins": (
        make(N, dense(1, "tanh"), loss="hinge", dataset="breast_cancer", training={"augment": ["MixUp"]}),
        ("training", "augment"),
        ERROR,
        "MixUp mixes targets, and hinge takes no mixtures of classes",
        "categorical_crossentropy",
    ),
    # -- shapes
    "an Input of another shape": (
        make({"Input": {"shape": [5]}}, N, SOFTMAX),
        ("model", 0, "Input", "shape"),
        ERROR,
        "states rows of shape (5,), but the data have (4,)",
        "",
    ),
    "an input_shape of another shape": (
        make(dense(3, "softmax", input_shape=[5])),
        ("model", 0, "Dense", "input_shape"),
        ERROR,
        "the rows of iris have shape (4,), not (5,)",
        "write [4], or leave it out",
    ),
    "an input_dim of another shape": (
        make(dense(3, "softmax", input_dim=5)),
        ("model", 0, "Dense", "input_dim"),
        ERROR,
        "the rows of iris have shape (4,), not (5,)",
        "",
    ),
    "an input_shape in the middle": (
        make(N, HIDDEN, dense(3, "softmax", input_shape=[16])),
        (*LAST, "input_shape"),
        WARNING,
        "only the first layer can state the shape of the input",
        "remove it",
    ),
    "a shape in the middle": (
        make(N, HIDDEN, {"Reshape": {"target_shape": [5, 3]}}, SOFTMAX),
        ("model", 2),
        ERROR,
        "layer 2 (reshape, Reshape): rows of shape (16,) hold 16 numbers",
        "write -1 for one axis",
    ),
    "two dtypes": (
        make(N, dense(8, dtype="float64"), dense(3, "softmax", dtype="float32")),
        (*LAST, "dtype"),
        ERROR,
        "the layers ask for different dtypes (float32, float64)",
        "a model has one",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_found_at_its_place(name: str) -> None:
    spec, path, kind, message, hint = CASES[name]
    problems = lint(spec, spec.load_data())
    assert [(p.path, "warning" if p.warning else "error") for p in problems] == [(path, kind)], problems
    assert message in problems[0].message
    assert hint in problems[0].hint if hint else True


# -- without the data -------------------------------------------------------------------------------------------------

# What the file alone decides must be found alike without the data, whether or not it states the input shape.
KNOWN_FROM_THE_FILE = (
    "softmax on one unit",
    "nothing before a crossentropy",
    "nothing before a binary crossentropy",
    "relu before a crossentropy",
    "sigmoid before a categorical crossentropy",
    "softmax before a binary crossentropy",
    "softmax before logits",
    "sigmoid before logits",
    "softmax twice",
    "reduction none",
    "one metric twice",
    "a metric named loss",
    "a monitor that will not exist",
    "a monitor of a validation that is not",
    "a monitor of every watching callback",
    "a monitor of a validation that never comes",
    "an average that is not kept",
    "an average that nothing sees",
    "a backup beside the run's own",
    "labels of a layer that is not",
    "a folder without a name",
    "a file named after what is not",
    "a file name that is broken",
    "two that set the learning rate",
    "a file without a name",
    "a direction that is not known",
    "two dtypes",
    "an input_shape in the middle",
)
WITH_SHAPE = (
    "a shape in the middle",
    "more weights than memory",
    "more output than memory",
    "boxes of rows without form",
    "mixed margins",
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("stated", [False, True], ids=["", "shape_stated"])
def test_what_the_file_alone_decides(name: str, stated: bool) -> None:
    spec, path, kind, message, _ = CASES[name]
    if stated:
        if spec.stated_input_shape() is not None:
            return
        shape = list(spec.load_data().input_shape)
        plain = {**spec.document.data, "model": [{"Input": {"shape": shape}}, *spec.document.data["model"]]}
        spec = check_document(parse_document(dump_yaml(plain)), [])
        if path and path[0] == "model":
            path = (path[0], path[1] + 1, *path[2:])
    problems = lint(spec, None)
    expected = [(path, kind)] if name in KNOWN_FROM_THE_FILE or (stated and name in WITH_SHAPE) else []
    if name in ("one unit for classes", "two outputs for binary"):  # told another way, as the labels are unknown
        assert len(problems) == 1
        return
    assert [(p.path, "warning" if p.warning else "error") for p in problems] == expected, problems


def test_a_file_without_data_is_linted_too() -> None:
    spec = make({"Input": {"shape": [4]}}, dense(3, "relu"), callbacks=[{"EarlyStopping": {"monitor": "val_acc"}}])
    plain = {key: value for key, value in spec.document.data.items() if key != "data"}
    spec = check_document(parse_document(dump_yaml(plain)), [])
    assert found(spec, None) == [
        (("model", 1, "Dense", "activation"), WARNING),
        (("callbacks", 0, "EarlyStopping", "monitor"), ERROR),
    ]


def test_files_of_ones_own_may_have_validation_rows() -> None:
    spec = make(data={"npz": "rows.npz", "dataset": None, "validation_split": 0}, callbacks=["EarlyStopping"])
    assert lint(spec, None) == []


# -- what is fine -----------------------------------------------------------------------------------------------------

X = np.linspace(-1, 1, 240).reshape(60, 4).astype(np.float32)
SERIES = np.zeros((60, 5, 4), np.float32)
LABELS = np.arange(60) % 3
FINE: dict[str, tuple[RunSpec, Data | None]] = {
    "classes": (make(metrics=["accuracy"]), None),
    "one-hot": (make(loss="categorical_crossentropy", data={"one_hot": True}, metrics=["accuracy"]), None),
    "logits": (make(N, HIDDEN, dense(3), loss=LOGITS), None),
    "automatic crossentropy": (make(loss="crossentropy", metrics=["accuracy"]), None),
    "automatic crossentropy, one output": (make(N, SIGMOID, loss="crossentropy", dataset="breast_cancer"), None),
    "binary": (make(N, SIGMOID, loss="bce", dataset="breast_cancer", metrics=["accuracy"]), None),
    "regression": (make(N, LINEAR, loss="mse", dataset="diabetes", metrics=["mae"]), None),
    "regression with relu": (make(N, dense(1, "relu"), loss="mse", dataset="diabetes"), None),
    "counts": (make(N, dense(1, "exponential"), loss="poisson", dataset="diabetes"), None),
    "brier score": (make(loss="mse", data={"one_hot": True}), None),
    "brier score of two classes": (make(N, SIGMOID, loss="mse", dataset="breast_cancer"), None),
    "classes that are numbers": (make(LINEAR, loss="mse"), rows(X, LABELS, class_names=("3", "4", "5"))),
    "column of labels": (make(), rows(X, LABELS[:, None])),
    "labels as floats": (make(), rows(X, LABELS.astype(np.float32))),
    "several labels a row": (make(HIDDEN, dense(3, "sigmoid"), loss="bce"), rows(X, np.eye(3)[LABELS])),
    "labels of each step": (make(dense(3, "softmax")), rows(SERIES, np.zeros((60, 5), int) + 2)),
    "one-hot labels of each step": (
        make(dense(3, "softmax"), loss="categorical_crossentropy"),
        rows(SERIES, np.zeros((60, 5, 3)) + np.eye(3)[0]),
    ),
    "a picture for a picture": (make(dense(4), loss="mse"), rows(SERIES, SERIES)),
    "several targets": (make(dense(2), loss="mse"), rows(X, X[:, :2])),
    "margins": (make(dense(1, "tanh"), loss="hinge"), rows(X, LABELS % 2)),
    "tanh for targets within": (make(dense(4, "tanh"), loss="mse"), rows(X, X)),
    "flattened at the end": (make(dense(1), "Flatten", dense(3, "softmax")), rows(SERIES, LABELS)),
    "softmax before Flatten": (
        make({"Reshape": {"target_shape": [4]}}, {"Dense": {"units": 3, "activation": "softmax"}}, "Flatten"),
        rows(X, LABELS),
    ),
    "pictures changed before they are scaled": (
        make(
            *(CHANNEL, "RandomFlip", {"RandomBrightness": {"factor": 0.2}}, "AutoContrast", SCALE),
            *({"RandomInvert": {"value_range": [0, 1]}}, "Flatten", dense(10, "softmax")),
            dataset=PICTURES,
            training={"augment": [{"MixUp": {"alpha": 0.3}}]},
        ),
        None,
    ),
    "mixed rows": (make(training={"augment": "MixUp"}, metrics=["accuracy"]), None),
    "balanced": (make(training={"class_weight": "balanced"}), None),
    "direction known": (
        make(metrics=["accuracy"], callbacks=[{"EarlyStopping": {"monitor": "val_accuracy"}}]),
        None,
    ),
    "file names": (
        make(
            callbacks=[{"ModelCheckpoint": {"filepath": "{epoch:02d}-{val_loss:.3f}.seqnet", "save_best_only": True}}]
        ),
        None,
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine_is_left_alone(name: str) -> None:
    spec, data = FINE[name]
    if data is not None:
        data.validation = data.train
    assert lint(spec, data or spec.load_data()) == []


# -- the user's own rows ----------------------------------------------------------------------------------------------

OWN: dict[str, tuple[RunSpec, Data, tuple[Any, ...], str, str]] = {
    "no targets": (make(), rows(X, None), ("data", "dataset"), ERROR, "there is nothing to learn"),
    "several labels a row, one distribution": (
        make(HIDDEN, SOFTMAX, loss="categorical_crossentropy"),
        rows(X, np.ones((60, 3), int)),
        ("loss",),
        ERROR,
        "",
    ),
    "numbers for binary": (make(SIGMOID, loss="bce"), rows(X, X[:, 0] * 3), ("loss",), ERROR, ""),
    "numbers for one of many": (make(SOFTMAX, loss="crossentropy"), rows(X, X[:, 0] * 3), ("loss",), ERROR, ""),
    "negative labels": (make(), rows(X, LABELS - 1), ("loss",), ERROR, "the smallest label is -1"),
    "broken labels": (make(), rows(X, LABELS + 0.5), ("loss",), ERROR, "expects whole numbers"),
    "three numbers a row for one": (
        make(LINEAR, loss="mse"),
        rows(X, X[:, :3]),
        ("model", 0, "Dense", "units"),
        ERROR,
        "Dense units must be 3",
    ),
    "tanh for more": (
        make(dense(4, "tanh"), loss="mae"),
        rows(X, X * 3),
        ("model", 0, "Dense", "activation"),
        WARNING,
        "whose outputs lie between -1 and 1, but the targets run from -3 to 3",
    ),
    "labels one a row for steps": (make(dense(3, "softmax")), rows(SERIES, LABELS), ("model", 0), ERROR, "flattened"),
    "numbers one a row for steps": (
        make(dense(1), loss="mse"),
        rows(SERIES, X[:, 0]),
        ("model", 0),
        ERROR,
        "flattened",
    ),
    "a label in the test rows alone": (
        make(),
        rows(X, LABELS, test=Split(X, LABELS + 1)),
        ("model", 2, "Dense", "units"),
        ERROR,
        "Dense units must be 4",
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_rows_of_ones_own(name: str) -> None:
    spec, data, path, kind, message = OWN[name]
    data.validation = data.train
    problems = lint(spec, data)
    assert [(p.path, "warning" if p.warning else "error") for p in problems] == [(path, kind)], problems
    assert message in problems[0].message


def test_weights_of_rows_and_of_classes_can_not_be_combined() -> None:
    spec = make(training={"class_weight": "balanced"})
    data = Data("mine", Split(X, LABELS, np.ones(60)), Split(X, LABELS))
    assert found(spec, data) == [(("training", "class_weight"), ERROR)]


def test_everything_is_said_at_once() -> None:
    spec = make(
        HIDDEN,
        dense(5, "relu"),
        dataset="wine",
        metrics=["accuracy", "accuracy"],
        callbacks=[{"EarlyStopping": {"monitor": "acc"}}],
        training={"batch_size": 500},
    )
    assert sorted(found(spec, spec.load_data()), key=str) == [
        (("callbacks", 0, "EarlyStopping", "monitor"), ERROR),
        (("metrics", 1), ERROR),
        (("model", 0), WARNING),
        (("model", 1, "Dense", "activation"), WARNING),
        (("model", 1, "Dense", "units"), WARNING),
        (("training", "batch_size"), WARNING),
    ]


def test_the_written_name_of_a_component_is_part_of_the_path(tmp_path: Path) -> None:
    """Aliases and Keras's class_name form keep their places."""
    path = tmp_path / "x.yaml"
    path.write_text(
        "data: {dataset: iris, validation_split: 0.2}\n"
        "model:\n"
        "  - Normalization\n"
        "  - class_name: Dense\n"
        "    config: {units: 2, activation: softmax}\n"
        "optimizer: adam\n"
        "loss: sparse_categorical_crossentropy\n"
        "callbacks: [early_stopping: {monitor: val_acc}]\n"
    )
    checked = check_file(path)
    assert checked.document is not None
    assert [checked.document.mark(p.path) for p in checked.problems] == [
        checked.document.mark(("model", 1, "config", "units")),
        checked.document.mark(("callbacks", 0, "early_stopping", "monitor")),
    ]


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("csv: rows.csv", "name the column to predict with target: COLUMN"),
        ("npy: rows.npy", "name their file with y: FILE"),
        ("text: {path: rows.csv, column: a, target: null}", "name it with target: NAME"),
    ],
)
def test_what_to_do_about_missing_targets_is_said_of_the_source(source: str, hint: str, tmp_path: Path) -> None:
    first = "{TextVectorization: {output_mode: multi_hot}}" if "text" in source else "Flatten"
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n2,3\n3,5\n")
    np.save(tmp_path / "rows.npy", np.eye(3))
    (tmp_path / "a.yaml").write_text(
        f"data: {{{source}}}\nmodel: [{first}, {{Dense: {{units: 1}}}}]\noptimizer: sgd\nloss: mse\n"
    )
    found = [one for one in check_file(str(tmp_path / "a.yaml")).problems if "nothing to learn" in one.message]
    assert len(found) == 1 and hint in found[0].hint
