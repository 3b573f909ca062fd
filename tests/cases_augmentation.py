"""Cases of the random image layers in training, for the tests and for the script that asks Keras.

layer, options: as in YAML. input: the shape. alone: Keras gets each image by itself. whole: pixels are whole numbers.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

IMAGES = (6, 9, 7, 3)
MODES = ("reflect", "wrap", "constant", "nearest")


def pictures(row: dict[str, Any]) -> np.ndarray:
    """x: float32, between 0 and 255 or in the row's value_range; the first image has one colour."""
    shape = row.get("input", IMAGES)
    rng = np.random.RandomState(zlib.crc32(repr(row).encode()))
    low, high = row.get("options", {}).get("value_range", (0, 255))
    x = low + rng.random_sample(shape) * (high - low)
    if row.get("whole"):
        x = np.floor(x)
    x[0] = x[0].reshape(-1)[0]
    return x.astype(np.float32)


def case(layer: str, options: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"layer": layer, "options": options or {}, **more}


CASES: dict[str, dict[str, Any]] = {
    "flip": case("RandomFlip"),
    "flip_horizontal": case("RandomFlip", {"mode": "horizontal"}),
    "flip_vertical": case("RandomFlip", {"mode": "vertical"}),
    "crop": case("RandomCrop", {"height": 4, "width": 5}),
    **{
        f"rotation_{mode}_{how}": case(
            "RandomRotation", {"factor": 0.4, "fill_mode": mode, "interpolation": how, "fill_value": 7.0}
        )
        for mode in MODES
        for how in ("bilinear", "nearest")
    },
    "rotation_first": case(
        "RandomRotation", {"factor": [0.1, 0.3], "data_format": "channels_first"}, input=(4, 3, 6, 5)
    ),
    "zoom": case("RandomZoom", {"height_factor": 0.5}),
    "zoom_both": case("RandomZoom", {"height_factor": [-0.5, 0.2], "width_factor": 1.0, "fill_mode": "constant"}),
    "zoom_nearest": case("RandomZoom", {"height_factor": 0.9, "interpolation": "nearest", "fill_mode": "wrap"}),
    "translation": case("RandomTranslation", {"height_factor": 0.4, "width_factor": [-0.1, 1.0]}),
    "translation_wrap": case("RandomTranslation", {"height_factor": 1.0, "width_factor": 0.5, "fill_mode": "wrap"}),
    "translation_constant": case(
        "RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5, "fill_mode": "constant", "fill_value": 9.0}
    ),
    "shear": case("RandomShear", {"x_factor": 0.6, "y_factor": [0.1, 0.5]}),
    "shear_nearest": case("RandomShear", {"x_factor": 0.9, "interpolation": "nearest", "fill_mode": "nearest"}),
    "erasing": case("RandomErasing", {"factor": [0.8, 1.0], "scale": [0.1, 0.5], "fill_value": 100}),
    "erasing_clipped": case("RandomErasing", {"scale": 0.6, "fill_value": 1, "value_range": [0, 1]}),
    "brightness": case("RandomBrightness", {"factor": 0.6}),
    "brightness_unit": case("RandomBrightness", {"factor": [-0.2, 0.5], "value_range": [0, 1]}),
    "contrast": case("RandomContrast", {"factor": 0.8}),
    "contrast_both": case("RandomContrast", {"factor": [0.9, 0.3], "value_range": [0, 1]}),
    "saturation": case("RandomSaturation", {"factor": 0.4}),
    "saturation_garish": case("RandomSaturation", {"factor": [0.5, 0.9], "value_range": [0, 1]}),
    "saturation_grey": case("RandomSaturation", {"factor": [0.2, 0.8]}, whole=True),
    "hue": case("RandomHue", {"factor": 1.0}),
    "hue_unit": case("RandomHue", {"factor": [0.3, 0.9], "value_range": [0, 1]}),
    "grayscale": case("RandomGrayscale"),
    "grayscale_one": case("RandomGrayscale", {"factor": 0.9}, input=(5, 4, 4, 1)),
    "invert": case("RandomInvert"),
    "invert_often": case("RandomInvert", {"factor": [0.7, 0.9], "value_range": [0, 1]}),
    "auto_contrast": case("AutoContrast"),
    "auto_contrast_unit": case("AutoContrast", {"value_range": [-1, 1]}),
    "solarization": case("Solarization"),
    "solarization_both": case("Solarization", {"addition_factor": [0.1, 0.4], "threshold_factor": [0.2, 0.9]}),
    "solarization_unit": case("Solarization", {"threshold_factor": 0.8, "value_range": [0, 1]}),
    "equalization": case("Equalization", alone=True, whole=True),
    "equalization_bins": case("Equalization", {"bins": 20}, alone=True),
    "equalization_unit": case("Equalization", {"value_range": [0, 1]}, alone=True),
}

MIXES: dict[str, dict[str, Any]] = {
    "mixup": case("MixUp"),
    "cutmix": case("CutMix"),
    "cutmix_some": case("CutMix", {"factor": [0.2, 0.5]}),
}
