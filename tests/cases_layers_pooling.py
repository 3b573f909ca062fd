"""Cases of the layers that pool and enlarge.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

FIRST = {"data_format": "channels_first"}
LENGTHS = [4, 3, 3, 4, 3]  # of rows with four steps; two padded steps would be a tie of maxima


def row(
    case: str, layer: str, shape: tuple[int, ...], /, *, extra: dict[str, Any] | None = None, **options: Any
) -> dict:
    return {"case": case, "layer": layer, "input": shape, "options": options, **(extra or {})}


def windows(kind: str, layer: str) -> list[dict[str, Any]]:
    """The same cases for both kinds of pooling."""
    size = {} if kind == "max" else {"pool_size": 2}
    return [
        row(f"{kind}1d", f"{layer}1D", (4, 6, 3), **size),
        row(f"{kind}1d_overlapping", f"{layer}1D", (4, 9, 2), pool_size=3, strides=2),
        row(f"{kind}1d_same", f"{layer}1D", (4, 7, 2), pool_size=3, padding="same"),
        row(f"{kind}1d_gaps", f"{layer}1D", (4, 9, 2), pool_size=2, strides=3),
        row(f"{kind}1d_first", f"{layer}1D", (4, 2, 7), **{"pool_size": 2, **FIRST}),
        row(f"{kind}1d_open", f"{layer}1D", (4, 4, 2), pool_size=2, extra={"open": (None, 2)}),
        row(f"{kind}1d_masked", f"{layer}1D", (5, 4, 3), pool_size=2, extra={"lengths": LENGTHS}),
        row(f"{kind}2d", f"{layer}2D", (4, 4, 6, 3), **size),
        row(f"{kind}2d_remainder", f"{layer}2D", (4, 5, 7, 2), **size),
        row(f"{kind}2d_uneven", f"{layer}2D", (4, 6, 4, 2), pool_size=[3, 1]),
        row(f"{kind}2d_overlapping", f"{layer}2D", (4, 7, 6, 2), pool_size=3, strides=2),
        row(f"{kind}2d_overlapping_same", f"{layer}2D", (4, 6, 5, 2), pool_size=3, strides=2, padding="same"),
        row(f"{kind}2d_step_one", f"{layer}2D", (4, 4, 5, 2), pool_size=[2, 3], strides=1, padding="same"),
        row(f"{kind}2d_same", f"{layer}2D", (4, 5, 5, 2), pool_size=2, padding="same"),
        row(f"{kind}2d_gaps", f"{layer}2D", (4, 7, 5, 2), pool_size=2, strides=[3, 2]),
        row(f"{kind}2d_thinned", f"{layer}2D", (4, 5, 4, 2), pool_size=1, strides=2),
        row(f"{kind}2d_nothing", f"{layer}2D", (4, 3, 3, 2), pool_size=1),
        row(f"{kind}2d_first", f"{layer}2D", (4, 2, 4, 6), **{"pool_size": 2, **FIRST}),
        row(f"{kind}3d", f"{layer}3D", (4, 4, 2, 4, 2), **size),
        row(f"{kind}3d_same", f"{layer}3D", (4, 3, 4, 3, 2), pool_size=[2, 3, 2], strides=[1, 2, 2], padding="same"),
        row(f"{kind}3d_first", f"{layer}3D", (4, 2, 2, 4, 2), **{"pool_size": 2, **FIRST}),
    ]


def everything(kind: str, layer: str) -> list[dict[str, Any]]:
    return [
        row(f"{kind}1d", f"{layer}1D", (4, 5, 3)),
        row(f"{kind}1d_kept", f"{layer}1D", (4, 5, 3), keepdims=True),
        row(f"{kind}1d_first", f"{layer}1D", (4, 3, 5), **FIRST),
        row(f"{kind}1d_masked", f"{layer}1D", (5, 4, 3), extra={"lengths": LENGTHS}),
        row(f"{kind}1d_masked_kept", f"{layer}1D", (5, 4, 3), keepdims=True, extra={"lengths": LENGTHS}),
        row(f"{kind}1d_open", f"{layer}1D", (4, 5, 3), extra={"open": (None, 3)}),
        row(f"{kind}2d", f"{layer}2D", (4, 3, 4, 2)),
        row(f"{kind}2d_kept", f"{layer}2D", (4, 3, 4, 2), keepdims=True),
        row(f"{kind}2d_first_kept", f"{layer}2D", (4, 2, 3, 4), **{"keepdims": True, **FIRST}),
        row(f"{kind}3d", f"{layer}3D", (4, 2, 3, 2, 2)),
        row(f"{kind}3d_first", f"{layer}3D", (4, 2, 2, 3, 2), **FIRST),
    ]


def adaptive(kind: str, layer: str) -> list[dict[str, Any]]:
    return [
        row(f"{kind}1d", f"{layer}1D", (4, 7, 2), output_size=3),
        row(f"{kind}1d_first", f"{layer}1D", (4, 2, 8), output_size=4, **FIRST),
        row(f"{kind}2d", f"{layer}2D", (4, 5, 7, 2), output_size=[2, 3]),
        row(f"{kind}2d_whole", f"{layer}2D", (4, 4, 3, 2), output_size=1),
        row(f"{kind}2d_first", f"{layer}2D", (4, 2, 5, 4), output_size=3, **FIRST),
        row(f"{kind}3d", f"{layer}3D", (4, 3, 4, 5, 2), output_size=[2, 2, 3]),
    ]


INTERPOLATIONS = [
    row(f"up_sampling2d_{method}", "UpSampling2D", (4, 3, 4, 2), size=[2, 3], interpolation=method)
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
]

ENLARGING = [
    row("up_sampling1d", "UpSampling1D", (4, 3, 2)),
    row("up_sampling1d_tripled", "UpSampling1D", (4, 3, 2), size=3, extra={"open": (None, 2)}),
    row("up_sampling1d_masked", "UpSampling1D", (5, 4, 2), extra={"lengths": LENGTHS}),
    row("up_sampling2d", "UpSampling2D", (4, 3, 2, 2), extra={"open": (None, None, 2)}),
    *INTERPOLATIONS,
    row("up_sampling2d_pixel", "UpSampling2D", (4, 1, 2, 2), size=2, interpolation="bicubic"),
    row("up_sampling2d_first", "UpSampling2D", (4, 2, 3, 4), size=[3, 1], **FIRST),
    row("up_sampling2d_first_bilinear", "UpSampling2D", (4, 2, 3, 4), size=2, interpolation="bilinear", **FIRST),
    row("up_sampling3d", "UpSampling3D", (4, 2, 2, 3, 1)),
    row("up_sampling3d_first", "UpSampling3D", (4, 2, 2, 1, 2), size=[1, 2, 3], **FIRST),
]

ROWS = [
    *windows("max_pooling", "MaxPooling"),
    *windows("average_pooling", "AveragePooling"),
    *everything("global_max_pooling", "GlobalMaxPooling"),
    *everything("global_average_pooling", "GlobalAveragePooling"),
    *adaptive("adaptive_max_pooling", "AdaptiveMaxPooling"),
    *adaptive("adaptive_average_pooling", "AdaptiveAveragePooling"),
    *ENLARGING,
]
