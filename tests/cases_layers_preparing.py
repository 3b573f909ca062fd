"""Cases of the layers that prepare numbers: categories, ranges, hashes, vocabularies of numbers, sizes of images.

What a row may say stands in tests/layer_rows.py; the layers that take texts have tests/cases_text.py.
"""

from __future__ import annotations

from typing import Any

NOTHING = {"keras_training": "it has no weights, and its output is whole numbers, so there is nothing to train"}
TF = {"backend": "tensorflow", "exempt": NOTHING}


def row(case: str, layer: str, shape: tuple[int, ...], /, *, extra: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"case": case, "layer": layer, "input": shape, "options": options, **extra}


def whole(below: int, **more: Any) -> dict[str, Any]:
    return {"values": ["below", below], "exempt": NOTHING, **more}


def image(**more: Any) -> dict[str, Any]:
    return {"values": "images", **more}


YEARS = [9, 4, 2, 7, 5]
ROWS: list[dict[str, Any]] = [
    row("category", "CategoryEncoding", (6, 3), num_tokens=5, extra=whole(5)),
    row("category_of_one", "CategoryEncoding", (6, 1), num_tokens=4, extra=whole(4)),
    row("category_one_hot", "CategoryEncoding", (6, 1), num_tokens=4, output_mode="one_hot", extra=whole(4)),
    row("category_one_hot_each", "CategoryEncoding", (5, 3), num_tokens=4, output_mode="one_hot", extra=whole(4)),
    row("category_one_hot_flat", "CategoryEncoding", (5,), num_tokens=4, output_mode="one_hot", extra=whole(4)),
    row("category_count", "CategoryEncoding", (5, 8), num_tokens=4, output_mode="count", extra=whole(4)),
    row("bins", "Discretization", (5, 6), bin_boundaries=[-1.0, 0.0, 0.5], extra={"exempt": NOTHING}),
    row(
        "bins_on_boundaries",
        "Discretization",
        (5, 4),
        bin_boundaries=[1.0, 2.0, 4.0],
        extra={"values": ["below", 6], "exempt": NOTHING},
    ),
    row(
        "bins_one_hot",
        "Discretization",
        (5, 1),
        bin_boundaries=[-0.5, 0.5],
        output_mode="one_hot",
        extra={"exempt": NOTHING},
    ),
    row(
        "bins_multi_hot",
        "Discretization",
        (5, 3),
        bin_boundaries=[-0.5, 0.5],
        output_mode="multi_hot",
        extra={"exempt": NOTHING},
    ),
    row(
        "bins_count",
        "Discretization",
        (5, 7),
        bin_boundaries=[-0.5, 0.5],
        output_mode="count",
        extra={"exempt": NOTHING},
    ),
    row("hashing", "Hashing", (6, 4), num_bins=7, extra=whole(1000, **TF)),
    row("hashing_masked", "Hashing", (6, 4), num_bins=5, mask_value=2, extra=whole(6, **TF)),
    row("hashing_salted", "Hashing", (6, 4), num_bins=7, salt=[133, 137], extra=whole(1000, **TF)),
    row("hashing_salted_once", "Hashing", (6, 4), num_bins=7, salt=11, extra=whole(1000, **TF)),
    row("hashing_one_hot", "Hashing", (6, 1), num_bins=5, output_mode="one_hot", extra=whole(100, **TF)),
    row("hashing_multi_hot", "Hashing", (6, 4), num_bins=9, output_mode="multi_hot", extra=whole(100, **TF)),
    row("hashing_count", "Hashing", (6, 4), num_bins=3, output_mode="count", extra=whole(100, **TF)),
    row("integers", "IntegerLookup", (6, 4), vocabulary=YEARS, extra=whole(10, **TF)),
    row("integers_masked", "IntegerLookup", (6, 4), vocabulary=YEARS, mask_token=3, extra=whole(10, **TF)),
    row("integers_bins", "IntegerLookup", (6, 4), vocabulary=YEARS, num_oov_indices=3, extra=whole(40, **TF)),
    row(
        "integers_hashed",
        "IntegerLookup",
        (6, 4),
        vocabulary=YEARS,
        num_oov_indices=3,
        oov_method="farmhash",
        extra=whole(40, **TF),
    ),
    row(
        "integers_salted",
        "IntegerLookup",
        (6, 4),
        vocabulary=YEARS,
        num_oov_indices=3,
        oov_method="farmhash",
        salt=5,
        extra=whole(40, **TF),
    ),
    row("integers_known", "IntegerLookup", (6, 4), vocabulary=[3, 1, 0, 2], num_oov_indices=0, extra=whole(4, **TF)),
    row("integers_inverted", "IntegerLookup", (6, 4), vocabulary=YEARS, invert=True, extra=whole(8, **TF)),
    row(
        "integers_inverted_masked",
        "IntegerLookup",
        (6, 4),
        vocabulary=YEARS,
        mask_token=-7,
        invert=True,
        extra=whole(8, **TF),
    ),
    row("integers_one_hot", "IntegerLookup", (6, 1), vocabulary=YEARS, output_mode="one_hot", extra=whole(10, **TF)),
    row(
        "integers_multi_hot",
        "IntegerLookup",
        (6, 4),
        vocabulary=YEARS,
        mask_token=3,
        output_mode="multi_hot",
        extra=whole(10, **TF),
    ),
    row(
        "integers_count",
        "IntegerLookup",
        (6, 5),
        vocabulary=YEARS,
        max_tokens=9,
        pad_to_max_tokens=True,
        output_mode="count",
        extra=whole(10, **TF),
    ),
    row(
        "integers_tf_idf",
        "IntegerLookup",
        (6, 5),
        vocabulary=YEARS,
        idf_weights=[0.5, 0.25, 2.0, 1.0, 0.75],
        output_mode="tf_idf",
        extra=whole(10, **TF),
    ),
    row("resizing_larger", "Resizing", (4, 3, 4, 2), height=7, width=5, extra=image(open=(None, None, 2))),
    row("resizing_smaller", "Resizing", (4, 7, 8, 2), height=3, width=4, extra=image()),
    row("resizing_nearest", "Resizing", (4, 5, 6, 2), height=7, width=3, interpolation="nearest", extra=image()),
    row("resizing_bicubic", "Resizing", (4, 5, 6, 1), height=7, width=9, interpolation="bicubic", extra=image()),
    row("resizing_lanczos3", "Resizing", (4, 5, 6, 1), height=7, width=9, interpolation="lanczos3", extra=image()),
    row("resizing_lanczos5", "Resizing", (4, 12, 6, 1), height=7, width=9, interpolation="lanczos5", extra=image()),
    row("resizing_smooth", "Resizing", (4, 9, 8, 2), height=4, width=3, antialias=True, extra=image()),
    row(
        "resizing_smooth_bicubic",
        "Resizing",
        (4, 9, 8, 2),
        height=4,
        width=3,
        antialias=True,
        interpolation="bicubic",
        extra=image(),
    ),
    row("resizing_cropped", "Resizing", (4, 5, 9, 2), height=4, width=3, crop_to_aspect_ratio=True, extra=image()),
    row("resizing_cropped_tall", "Resizing", (4, 9, 4, 2), height=4, width=3, crop_to_aspect_ratio=True, extra=image()),
    row(
        "resizing_padded",
        "Resizing",
        (4, 4, 9, 2),
        height=5,
        width=4,
        pad_to_aspect_ratio=True,
        fill_value=7.0,
        extra=image(),
    ),
    row("resizing_padded_tall", "Resizing", (4, 9, 4, 2), height=5, width=6, pad_to_aspect_ratio=True, extra=image()),
    row("resizing_not_at_all", "Resizing", (4, 3, 4, 2), height=3, width=4, extra=image()),
    row(
        "resizing_channels_first",
        "Resizing",
        (4, 2, 5, 6),
        height=3,
        width=8,
        data_format="channels_first",
        extra=image(),
    ),
    row("center_crop", "CenterCrop", (4, 6, 7, 2), height=3, width=4, extra=image(open=(None, None, 2))),
    row("center_crop_odd", "CenterCrop", (4, 7, 6, 2), height=4, width=3, extra=image()),
    row("center_crop_of_small", "CenterCrop", (4, 5, 3, 2), height=4, width=6, extra=image()),
    row(
        "center_crop_channels_first",
        "CenterCrop",
        (4, 2, 6, 7),
        height=3,
        width=3,
        data_format="channels_first",
        extra=image(),
    ),
]
