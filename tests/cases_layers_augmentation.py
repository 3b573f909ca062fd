"""Cases of the layers that change pictures in training. What a row may say stands in tests/layer_rows.py.

Their training forward is compared with Keras in tests/test_augmentation.py, with the same draws.
"""

from __future__ import annotations

from typing import Any

IMAGES = (6, 6, 5, 3)
FIRST = (4, 3, 6, 5)
UNCHANGED = "Keras 3.15 leaves images at inference as they are, against its documentation"

ROWS: list[dict[str, Any]] = [
    {"case": "flip", "layer": "RandomFlip"},
    {"case": "flip_horizontal", "layer": "RandomFlip", "options": {"mode": "horizontal"}, "input": (6, 4, 5, 1)},
    {"case": "flip_first", "layer": "RandomFlip", "options": {"data_format": "channels_first"}, "input": FIRST},
    {
        "case": "crop",
        "layer": "RandomCrop",
        "options": {"height": 3, "width": 4},
        "exempt": dict.fromkeys(["keras"], UNCHANGED),
    },
    {
        "case": "crop_larger",
        "layer": "RandomCrop",
        "options": {"height": 8, "width": 4},
        "exempt": dict.fromkeys(["keras"], UNCHANGED),
    },
    {"case": "rotation", "layer": "RandomRotation", "options": {"factor": 0.2}},
    {
        "case": "rotation_constant",
        "layer": "RandomRotation",
        "options": {"factor": [0.1, 0.4], "fill_mode": "constant", "fill_value": 3.0},
    },
    {"case": "zoom", "layer": "RandomZoom", "options": {"height_factor": 0.4}},
    {
        "case": "zoom_nearest",
        "layer": "RandomZoom",
        "options": {"height_factor": 0.4, "width_factor": [-0.3, 0.5], "interpolation": "nearest"},
    },
    {
        "case": "translation",
        "layer": "RandomTranslation",
        "options": {"height_factor": 0.4, "width_factor": 0.4, "fill_mode": "wrap"},
    },
    {
        "case": "translation_first",
        "layer": "RandomTranslation",
        "options": {"height_factor": 0.4, "width_factor": 0.4, "data_format": "channels_first"},
        "input": FIRST,
    },
    {"case": "shear", "layer": "RandomShear", "options": {"x_factor": 0.5, "y_factor": 0.3, "fill_mode": "nearest"}},
    {"case": "erasing", "layer": "RandomErasing", "options": {"scale": [0.2, 0.6]}},
    {"case": "erasing_value", "layer": "RandomErasing", "options": {"factor": [1.0, 1.0], "fill_value": 5.0}},
    {"case": "brightness", "layer": "RandomBrightness", "options": {"factor": 0.5}},
    {"case": "contrast", "layer": "RandomContrast", "options": {"factor": [0.9, 0.9]}},
    {"case": "saturation", "layer": "RandomSaturation", "options": {"factor": [0.3, 0.7]}},
    {
        "case": "saturation_clipped",
        "layer": "RandomSaturation",
        "options": {"factor": [0.6, 0.9], "value_range": [0, 1]},
    },
    {"case": "hue", "layer": "RandomHue", "options": {"factor": [0.2, 1.0]}},
    {"case": "grayscale", "layer": "RandomGrayscale"},
    {"case": "invert", "layer": "RandomInvert"},
    {"case": "auto_contrast", "layer": "AutoContrast", "random": False},
    {
        "case": "solarization",
        "layer": "Solarization",
        "options": {"addition_factor": 0.3, "threshold_factor": [0.2, 0.9]},
    },
    {
        "case": "equalization",
        "layer": "Equalization",
        "exempt": {
            "keras": "Keras 3.15 can't put the layer into a functional model: it returns its input as its output"
        },
    },
]
for _row in ROWS:
    _row.setdefault("input", IMAGES)
    _row.setdefault("values", "colours")
    _row.setdefault("random", True)
