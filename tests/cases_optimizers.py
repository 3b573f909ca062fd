"""Rows for every optimizer: class and options, the variables they train, and the gradients they get.

Read by tests/test_optimizers.py and by tests/reference/make_optimizers.py, which runs Keras over the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

STEPS = 20
KEPT = (1, 5, 20)  # the steps after which weights are compared

VARIABLES: dict[str, tuple[int, ...]] = {
    "vector/bias": (7,),
    "tall/kernel": (5, 4),
    "wide/kernel": (3, 6),
    "conv/kernel": (2, 3, 4),
    "embedding/embeddings": (4, 3),
}


@dataclass(frozen=True)
class Row:
    """One optimizer with options. excluded: var_names for exclude_from_weight_decay. constrained: this variable's
    weights are kept at or above zero (NonNeg). finish: the fit ends after the last step.
    """

    key: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    constrained: str = ""
    finish: bool = False


# The other optimizers, with a rate at which 20 steps move the weights far enough to be compared.
OTHERS = {
    "AdamW": 0.02,
    "Adamax": 0.02,
    "Nadam": 0.02,
    "RMSprop": 0.01,
    "Adagrad": 0.05,
    "Adadelta": 1.0,
    "Adafactor": 0.3,
    "Ftrl": 0.1,
    "Lion": 0.01,
    "Lamb": 0.05,
    "Muon": 0.01,
    "ScheduleFreeAdamW": 0.02,
}


def _base_rows(name: str, options: dict[str, Any]) -> list[Row]:
    """The options that every optimizer has, one by one."""
    short = f"{name.lower()}-base" if name in OTHERS else name.lower()
    return [
        Row(f"{short}-weight_decay", name, {**options, "weight_decay": 0.1}),
        Row(f"{short}-excluded", name, {**options, "weight_decay": 0.1}, excluded=("bias", "embed")),
        Row(f"{short}-clipnorm", name, {**options, "clipnorm": 0.3}),
        Row(f"{short}-clipvalue", name, {**options, "clipvalue": 0.05}),
        Row(f"{short}-global_clipnorm", name, {**options, "global_clipnorm": 0.5}),
        Row(f"{short}-ema", name, {**options, "use_ema": True, "ema_momentum": 0.9}, finish=True),
        Row(f"{short}-ema-overwrite", name, {**options, "use_ema": True, "ema_overwrite_frequency": 3}),
        Row(f"{short}-loss_scale", name, {**options, "loss_scale_factor": 7.0}),
        Row(f"{short}-accumulate", name, {**options, "gradient_accumulation_steps": 3}),
    ]


def _combined_rows(name: str, options: dict[str, Any]) -> list[Row]:
    """What the base does besides, and all of it at once."""
    short = name.lower()
    return [
        Row(f"{short}-constraint", name, options, constrained="tall/kernel"),
        Row(
            f"{short}-everything",
            name,
            {
                **options,
                "learning_rate": {"CosineDecay": {"initial_learning_rate": 0.05, "decay_steps": 15, "alpha": 0.1}},
                "weight_decay": 0.05,
                "global_clipnorm": 0.4,
                "use_ema": True,
                "ema_momentum": 0.8,
                "ema_overwrite_frequency": 2,
                "loss_scale_factor": 2.0,
                "gradient_accumulation_steps": 3,
            },
            excluded=("bias",),
            constrained="wide/kernel",
            finish=True,
        ),
    ]


ROWS: list[Row] = [
    Row("sgd", "SGD"),
    Row("sgd-momentum", "SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    Row("sgd-nesterov", "SGD", {"learning_rate": 0.02, "momentum": 0.8, "nesterov": True}),
    *_base_rows("SGD", {"learning_rate": 0.05, "momentum": 0.7}),
    *_combined_rows("SGD", {"learning_rate": 0.05, "momentum": 0.7}),
    Row("adam", "Adam"),
    Row("adam-options", "Adam", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    Row("adam-amsgrad", "Adam", {"learning_rate": 0.02, "beta_2": 0.5, "amsgrad": True}),
    *_base_rows("Adam", {"learning_rate": 0.02}),
    *_combined_rows("Adam", {"learning_rate": 0.02}),
    Row("adamw", "AdamW"),
    Row("adamw-options", "AdamW", {"learning_rate": 0.02, "weight_decay": 0.2}),
    Row("adamax", "Adamax"),
    Row("adamax-options", "Adamax", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.7, "epsilon": 1e-2}),
    Row("nadam", "Nadam"),
    Row("nadam-options", "Nadam", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    Row("nadam-accumulate", "Nadam", {"gradient_accumulation_steps": 3}),
    Row("rmsprop", "RMSprop"),
    Row("rmsprop-options", "RMSprop", {"learning_rate": 0.02, "rho": 0.7, "epsilon": 1e-3}),
    Row("rmsprop-momentum", "RMSprop", {"learning_rate": 0.01, "momentum": 0.8}),
    Row("rmsprop-centered", "RMSprop", {"centered": True, "epsilon": 1e-3}),
    Row("rmsprop-both", "RMSprop", {"centered": True, "momentum": 0.6, "epsilon": 1e-4}),
    Row("adagrad", "Adagrad"),
    Row("adagrad-options", "Adagrad", {"learning_rate": 0.05, "initial_accumulator_value": 0.01, "epsilon": 1e-3}),
    Row("adadelta", "Adadelta"),
    Row("adadelta-options", "Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-5}),
    Row("adafactor", "Adafactor", {"learning_rate": 0.05}),
    Row("adafactor-large-rate", "Adafactor", {"learning_rate": 2.0, "relative_step": False}),
    Row(
        "adafactor-options",
        "Adafactor",
        {
            "learning_rate": 0.3,
            "beta_2_decay": -0.5,
            "epsilon_1": 1e-4,
            "epsilon_2": 0.5,
            "clip_threshold": 0.3,
            "weight_decay": 0.1,
        },
    ),
    Row("ftrl", "Ftrl"),
    Row(
        "ftrl-l1-l2",
        "Ftrl",
        {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.1},
    ),
    Row(
        "ftrl-options",
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.3,
        },
    ),
    Row("ftrl-constant-rate", "Ftrl", {"learning_rate": 0.1, "learning_rate_power": 0.0}),
    Row("lion", "Lion"),
    Row("lion-options", "Lion", {"learning_rate": 0.01, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.1}),
    Row("lamb", "Lamb"),
    Row("lamb-options", "Lamb", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    Row("lamb-decay", "Lamb", {"learning_rate": 0.05, "weight_decay": 0.2}, excluded=("bias",)),
    Row("muon", "Muon", {"learning_rate": 0.01}),
    Row("muon-exclude", "Muon", {"learning_rate": 0.01, "exclude_layers": ["wid."], "adam_lr_ratio": 0.5}),
    Row("muon-embeddings", "Muon", {"exclude_embeddings": False, "nesterov": False, "momentum": 0.5, "ns_steps": 3}),
    Row(
        "muon-options",
        "Muon",
        {
            "learning_rate": 0.02,
            "weight_decay": 0.3,
            "adam_weight_decay": None,
            "rms_rate": None,
            "muon_a": 3.0,
            "muon_b": -4.0,
            "muon_c": 2.0,
        },
    ),
    Row("muon-decays", "Muon", {"weight_decay": None, "adam_weight_decay": 0.2}, excluded=("bias",)),
    Row("schedulefree", "ScheduleFreeAdamW"),
    Row(
        "schedulefree-options",
        "ScheduleFreeAdamW",
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "warmup_steps": 4, "weight_decay": 0.1},
    ),
    Row("schedulefree-accumulate", "ScheduleFreeAdamW", {"learning_rate": 0.02, "gradient_accumulation_steps": 3}),
    Row("lamb-accumulate-ema", "Lamb", {"gradient_accumulation_steps": 2, "use_ema": True}, finish=True),
    Row("lion-ema", "Lion", {"use_ema": True}, finish=True),
    Row(
        "adamax-schedule",
        "Adamax",
        {"learning_rate": {"ExponentialDecay": {"initial_learning_rate": 0.05, "decay_steps": 4, "decay_rate": 0.5}}},
    ),
]


ROWS += [row for name, rate in OTHERS.items() for row in _base_rows(name, {"learning_rate": rate})]


def start_weights() -> dict[str, np.ndarray]:
    """The weights before the first step, in double precision."""
    rng = np.random.default_rng(7)
    return {name: 0.2 * rng.standard_normal(shape) for name, shape in VARIABLES.items()}


def gradients() -> list[dict[str, np.ndarray]]:
    """The gradients of each step, in double precision: of many sizes, and zero in the first number of each variable."""
    rng = np.random.default_rng(8)
    steps = []
    for step in range(STEPS):
        size = 0.05 * (1 + step % 4)
        found = {name: size * rng.standard_normal(shape) + 0.05 for name, shape in VARIABLES.items()}
        for gradient in found.values():
            gradient.flat[0] = 0.0
        steps.append(found)
    return steps
