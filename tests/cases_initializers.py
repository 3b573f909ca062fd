"""Rows for initializers: the fans of weight shapes, and the law that each random initializer obeys."""

from __future__ import annotations

from typing import Any

# shape, input_axes, output_axes
FANS: tuple[tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, ...] | None], ...] = (
    ((), None, None),
    ((7,), None, None),
    ((5, 3), None, None),
    ((3, 4, 6), None, None),
    ((3, 3, 4, 6), None, None),
    ((2, 3, 4, 5, 6), None, None),
    ((3, 3, 8, 1), None, None),
    ((4, 5, 6), (0,), (1, 2)),
    ((4, 5, 6), (0, 1), (-1,)),
    ((4, 5, 6), (0, 1), None),
    ((4, 5, 6), None, (0,)),
)

# name, options, shape: Keras's own draw gives the reference mean, deviation and extremes.
LAWS: tuple[tuple[str, str, dict[str, Any], tuple[int, ...]], ...] = (
    ("zeros", "Zeros", {}, (40, 50)),
    ("ones", "Ones", {}, (40, 50)),
    ("constant", "Constant", {"value": 0.3}, (40, 50)),
    ("identity", "Identity", {}, (40, 50)),
    ("identity_gain", "Identity", {"gain": 1.5}, (50, 40)),
    ("random_normal", "RandomNormal", {}, (300, 400)),
    ("random_normal_options", "RandomNormal", {"mean": 1.0, "stddev": 0.2}, (300, 400)),
    ("random_uniform", "RandomUniform", {}, (300, 400)),
    ("random_uniform_options", "RandomUniform", {"minval": 1.0, "maxval": 3.0}, (300, 400)),
    ("truncated_normal", "TruncatedNormal", {}, (300, 400)),
    ("truncated_normal_options", "TruncatedNormal", {"mean": -1.0, "stddev": 0.2}, (300, 400)),
    ("glorot_uniform", "GlorotUniform", {}, (300, 400)),
    ("glorot_normal", "GlorotNormal", {}, (300, 400)),
    ("he_uniform", "HeUniform", {}, (3, 3, 100, 100)),
    ("he_normal", "HeNormal", {}, (3, 3, 100, 100)),
    ("lecun_uniform", "LecunUniform", {}, (300, 400)),
    ("lecun_normal", "LecunNormal", {}, (300, 400)),
    ("he_normal_axes", "HeNormal", {"input_axes": [1], "output_axes": [0]}, (300, 400)),
    ("variance_scaling", "VarianceScaling", {}, (300, 400)),
    ("variance_scaling_fan_out", "VarianceScaling", {"scale": 0.5, "mode": "fan_out"}, (300, 400)),
    (
        "variance_scaling_untruncated",
        "VarianceScaling",
        {"mode": "fan_avg", "distribution": "untruncated_normal"},
        (300, 400),
    ),
    ("variance_scaling_uniform", "VarianceScaling", {"scale": 3.0, "distribution": "uniform"}, (300, 400)),
    ("variance_scaling_normal", "VarianceScaling", {"distribution": "normal"}, (300, 400)),
    ("orthogonal", "Orthogonal", {}, (60, 80)),
    ("orthogonal_gain", "Orthogonal", {"gain": 2.0}, (3, 3, 20, 30)),
)
