"""Small whole trainings: what both Keras and seqnet are told, as plain data.

model: (layer, options) in order; weights and data are drawn from the seed by `draw`. fit: arguments of fit beside the
arrays. No shuffling and nothing random, so that the two can be compared number by number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DENSE3 = [("Dense", {"units": 8, "activation": "relu"}), ("Dense", {"units": 3, "activation": "softmax"})]
DENSE1 = [("Dense", {"units": 8, "activation": "tanh"}), ("Dense", {"units": 1})]
SIGMOID = [("Dense", {"units": 6, "activation": "relu"}), ("Dense", {"units": 1, "activation": "sigmoid"})]

CASES: dict[str, dict[str, Any]] = {
    "sparse": {"model": DENSE3, "y": "classes", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    "categorical": {"model": DENSE3, "y": "one_hot", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
    "binary": {"model": SIGMOID, "y": "binary", "loss": "binary_crossentropy", "metrics": ["accuracy"]},
    "regression": {"model": DENSE1, "y": "real", "loss": "mse", "metrics": ["mae", "mse"]},
    "huber_sgd": {
        "model": DENSE1,
        "y": "real",
        "loss": "huber",
        "optimizer": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    },
    "regularized": {
        "model": [
            (
                "Dense",
                {
                    "units": 8,
                    "activation": "relu",
                    "kernel_regularizer": ("L2", {"l2": 0.01}),
                    "bias_regularizer": ("L1", {"l1": 0.02}),
                    "activity_regularizer": ("L2", {"l2": 0.03}),
                },
            ),
            ("ActivityRegularization", {"l1": 0.001, "l2": 0.002}),
            ("Dense", {"units": 1}),
        ],
        "y": "real",
        "loss": "mse",
        "metrics": ["mae"],
        "validation": "data",
    },
    "sample_weight": {
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "weighted_metrics": ["accuracy"],
        "sample_weight": True,
        "validation": "data",
    },
    "class_weight": {
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "weighted_metrics": ["accuracy"],
        "fit": {"class_weight": {0: 0.5, 2: 3.0}},
        "validation": "data",
    },
    "class_weight_one_hot": {
        "model": DENSE3,
        "y": "one_hot",
        "loss": "categorical_crossentropy",
        "fit": {"class_weight": {0: 0.5, 1: 2.0}},
    },
    "validation_split": {
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "fit": {"validation_split": 0.3, "validation_batch_size": 4},
    },
    "validation_freq": {
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "validation": "data",
        "fit": {"validation_freq": 2},
    },
    "validation_freq_list": {
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "validation": "data",
        "fit": {"validation_freq": [1, 3]},
    },
    "validation_weights": {
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "weighted_metrics": ["accuracy"],
        "validation": "weighted",
    },
    "sample_weight_validation_split": {
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "weighted_metrics": ["accuracy"],
        "sample_weight": True,
        "fit": {"validation_split": 0.3},
    },
    "class_weight_validation_split": {  # the weights count in training alone
        "model": DENSE3,
        "y": "classes",
        "loss": "sparse_categorical_crossentropy",
        "weighted_metrics": ["accuracy"],
        "fit": {"validation_split": 0.3, "class_weight": {0: 0.5, 2: 3.0}},
    },
    "validation_steps": {
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "validation": "data",
        "fit": {"validation_batch_size": 4, "validation_steps": 2},
    },
    "validation_steps_alone": {  # of as many rows as take all of them: 5
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "validation": "data",
        "fit": {"batch_size": None, "validation_steps": 2},
    },
    "steps_per_epoch": {"model": DENSE1, "y": "real", "loss": "mse", "fit": {"steps_per_epoch": 1}},
    "steps_per_epoch_alone": {  # of as many rows as take all of them: 6
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "validation": "data",
        "fit": {"batch_size": None, "steps_per_epoch": 4},
    },
    "sum_reduction": {"model": DENSE1, "y": "real", "loss": ("MeanSquaredError", {"reduction": "sum"})},
    "label_smoothing": {
        "model": DENSE3,
        "y": "one_hot",
        "loss": ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
    },
    "from_logits": {
        "model": [("Dense", {"units": 3})],
        "y": "classes",
        "loss": ("SparseCategoricalCrossentropy", {"from_logits": True}),
        "metrics": ["accuracy"],
    },
    # No bias before the normalization: its gradient is nothing but rounding, which Adam would blow up to full steps.
    "batch_normalization": {
        "model": [
            ("Dense", {"units": 6, "use_bias": False}),
            ("BatchNormalization", {"momentum": 0.9}),
            ("Dense", {"units": 1}),
        ],
        "y": "real",
        "loss": "mse",
        "validation": "data",
    },
    "frozen_layer": {
        "model": [("Dense", {"units": 6, "activation": "relu", "trainable": False}), ("Dense", {"units": 1})],
        "y": "real",
        "loss": "mae",
    },
    "clipnorm": {
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "optimizer": ("Adam", {"learning_rate": 0.01, "clipnorm": 0.1}),
    },
    "global_clipnorm_decay": {
        "model": DENSE1,
        "y": "real",
        "loss": "mse",
        "optimizer": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1, "global_clipnorm": 0.5}),
    },
    "rmsprop": {"model": DENSE1, "y": "real", "loss": "mse", "optimizer": ("RMSprop", {"learning_rate": 0.01})},
    "max_norm": {
        "model": [
            ("Dense", {"units": 5, "kernel_constraint": ("MaxNorm", {"max_value": 0.7})}),
            ("Dense", {"units": 1}),
        ],
        "y": "real",
        "loss": "mse",
    },
    # Two of five steps are masked, on average: they count neither in the loss nor in a metric. On JAX, Keras loses the
    # mask on the way to the metrics of training.
    "masked_steps": {
        "model": [
            ("Reshape", {"target_shape": [5, 1]}),
            ("Masking", {}),
            ("SimpleRNN", {"units": 4, "return_sequences": True}),
            ("Dense", {"units": 1}),
        ],
        "x": "gaps",
        "y": "steps",
        "loss": "mse",
        "metrics": ["mae", "mse"],
        "validation": "data",
        "backend": "tensorflow",
    },
    "masked_classes": {
        "model": [
            ("Reshape", {"target_shape": [5, 1]}),
            ("Masking", {}),
            ("SimpleRNN", {"units": 4, "return_sequences": True}),
            ("Dense", {"units": 3, "activation": "softmax"}),
        ],
        "x": "gaps",
        "y": "step_classes",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy", "sparse_categorical_crossentropy"],
        "validation": "data",
        "backend": "tensorflow",
    },
    "initial_epoch": {"model": DENSE1, "y": "real", "loss": "mse", "fit": {"initial_epoch": 1}},
}

ROWS, FEATURES, BATCH, EPOCHS = 22, 5, 8, 3  # 22 rows in batches of 8: the last batch is short


def draw(name: str) -> dict[str, np.ndarray]:
    """x, y, weights of rows and a validation part, the same on both sides."""
    case = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    arrays = {}
    for part, rows in (("", ROWS), ("val_", 10)):
        arrays[f"{part}x"] = rng.normal(size=(rows, FEATURES)).astype(np.float32)
        if case.get("x") == "gaps":
            arrays[f"{part}x"] *= rng.random((rows, FEATURES)) < 0.6
        classes = rng.integers(0, 3, rows)
        arrays[f"{part}y"] = {
            "classes": classes,
            "one_hot": np.eye(3, dtype=np.float32)[classes],
            "binary": (classes > 0).astype(np.float32),
            "real": rng.normal(size=(rows, 1)).astype(np.float32),
        }.get(case["y"])
        if arrays[f"{part}y"] is None:
            steps = (rows, FEATURES, 1)
            arrays[f"{part}y"] = (
                rng.normal(size=steps).astype(np.float32) if case["y"] == "steps" else rng.integers(0, 3, steps[:2])
            )
        arrays[f"{part}weight"] = rng.uniform(0.2, 2.0, rows).astype(np.float32)
    return arrays


def validation_data(name: str) -> tuple[np.ndarray, ...] | None:
    """What a case is validated on, with weights where it says so."""
    data, kind = draw(name), CASES[name].get("validation")
    arrays = (data["val_x"], data["val_y"], data["val_weight"])
    return {None: None, "data": arrays[:2], "weighted": arrays}[kind]


def draw_weights(name: str, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Start weights for variables of these shapes; variances must be positive, so all are."""
    rng = np.random.default_rng(sum(map(ord, name)) + 1)
    return [
        rng.uniform(0.1, 0.6, shape).astype(np.float32) * (1 if len(shape) == 1 else rng.choice([-1, 1], shape))
        for shape in shapes
    ]
