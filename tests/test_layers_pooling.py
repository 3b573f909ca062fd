"""What the battery can't say of pooling and upsampling: refusals, ties, masks, other names, counts of work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet.declare import get
from seqnet.errors import ShapeError, SpecError
from seqnet.layers import Layer
from seqnet.registry import lookup
from tests.test_layers_conv import Run, make

REFUSED_SHAPES = [
    ("MaxPooling2D", {"pool_size": 3}, (2, 2, 1), "pool 3×3 does not fit the 2×2 input: lower pool_size"),
    ("AveragePooling1D", {"pool_size": 3}, (2, 1), "a pool of 3 does not fit an input of 2 steps: lower pool_size"),
    ("MaxPooling3D", {}, (1, 4, 4, 1), "pool 2×2×2 does not fit the 1×4×4 input: lower pool_size or use padding: same"),
    ("MaxPooling2D", {}, (28, 28), "needs rows with 3 axes (height, width, channels), got (28, 28)"),
    ("GlobalAveragePooling1D", {}, (5,), "needs rows with 2 axes (time, channels), got (5,)"),
    ("AdaptiveMaxPooling2D", {"output_size": 2}, (4, 4), "needs rows with 3 axes"),
    ("UpSampling2D", {}, (4, 4), "needs rows with 3 axes"),
]


@pytest.mark.parametrize(("name", "options", "shape", "message"), REFUSED_SHAPES)
def test_shapes_that_do_not_fit(name: str, options: dict[str, Any], shape: Any, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        make(name, **options).output_shape(shape)
    assert str(caught.value).startswith(message)


REFUSED_OPTIONS = [
    ("AveragePooling2D", {}, "AveragePooling2D needs pool_size"),
    ("MaxPooling2D", {"pool_size": 0}, "pool_size must be a whole number > 0"),
    ("MaxPooling1D", {"padding": "causal"}, "padding must be valid or same, got 'causal'"),
    ("AdaptiveMaxPooling2D", {"output_size": [2, 2, 2]}, "output_size must be a whole number > 0, or a list of 2"),
    (
        "UpSampling2D",
        {"interpolation": "cubic"},
        "interpolation must be nearest, bilinear, bicubic, lanczos3 or lanczos5",
    ),
    ("UpSampling1D", {"size": [2]}, "size must be a whole number > 0, got [2]"),
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED_OPTIONS)
def test_options_that_make_no_sense(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        make(name, **options)
    assert message in str(caught.value)


OTHER_NAMES = {
    **{f"MaxPool{r}D": f"MaxPooling{r}D" for r in (1, 2, 3)},
    **{f"AvgPool{r}D": f"AveragePooling{r}D" for r in (1, 2, 3)},
    **{f"GlobalMaxPool{r}D": f"GlobalMaxPooling{r}D" for r in (1, 2, 3)},
    **{f"GlobalAvgPool{r}D": f"GlobalAveragePooling{r}D" for r in (1, 2, 3)},
}


def test_other_names() -> None:
    import seqnet.layers

    for alias, name in OTHER_NAMES.items():
        assert lookup("layer", alias) is lookup("layer", name) is getattr(seqnet.layers, alias)


def test_the_name_may_come_fifth() -> None:
    """As in Keras: MaxPooling2D(pool_size, strides, padding, data_format, name)."""
    layer = lookup("layer", "MaxPooling2D")(2, None, "same", None, "shrink")
    assert isinstance(layer, Layer)
    assert (layer.name, layer.get_config()["padding"]) == ("shrink", "same")


def test_a_plateau_gives_its_gradient_to_its_first_position() -> None:
    """After a ReLU whole windows are zero; Keras, too, picks the first position in reading order."""
    run = Run(make("MaxPooling2D"), (2, 4, 1))
    x = np.array([[0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 5.0, 5.0]]).reshape(1, 2, 4, 1)
    y, cache = run.layer.forward(x, run.context)
    dx = run.layer.backward(np.array([3.0, 4.0]).reshape(y.shape), cache, run.context)
    assert dx is not None
    np.testing.assert_array_equal(y.reshape(-1), [0.0, 5.0])
    np.testing.assert_array_equal(dx.reshape(2, 4), [[3.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0]])


@pytest.mark.parametrize("name", ["GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"])
def test_equal_global_maxima_share(name: str) -> None:
    rank = int(name[-2])
    run = Run(make(name), (2,) * rank + (1,))
    x = np.zeros((1, *(2,) * rank, 1))
    y, cache = run.layer.forward(x, run.context)
    dx = run.layer.backward(np.ones_like(y), cache, run.context)
    np.testing.assert_array_equal(dx, np.full(x.shape, 0.5**rank))


def test_a_row_that_is_all_padding_has_mean_zero() -> None:
    """Keras gives NaN, which would spoil the whole step."""
    run = Run(make("GlobalAveragePooling1D"), (3, 2))
    run.context.mask = np.array([[True, False, True], [False, False, False]])
    x = np.arange(12.0).reshape(2, 3, 2)
    y, cache = run.layer.forward(x, run.context)
    np.testing.assert_array_equal(y, [[2.0, 3.0], [0.0, 0.0]])
    dx = run.layer.backward(np.ones_like(y), cache, run.context)
    np.testing.assert_array_equal(dx, [[[0.5, 0.5], [0.0, 0.0], [0.5, 0.5]], np.zeros((3, 2))])
    assert run.layer.output_mask(x, run.context.mask) is None


def test_backward_after_a_pass_at_inference() -> None:
    """Inference keeps no choices; they are made again when someone asks after all."""
    x = np.random.default_rng(1).standard_normal((2, 6, 6, 3))
    run = Run(make("MaxPooling2D", pool_size=3, strides=2), (6, 6, 3))
    trained = run(x)[1]
    run.context.training = False
    np.testing.assert_array_equal(run(x)[1], trained)


FLOPS = [
    ("MaxPooling2D", {}, (6, 6, 3), 3 * 3 * 3 * 4),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1}, (6, 2), 4 * 2 * 3),
    ("GlobalAveragePooling2D", {}, (6, 6, 3), 108),
    ("AdaptiveAveragePooling2D", {"output_size": 2}, (6, 6, 3), 108),
    ("UpSampling2D", {}, (6, 6, 3), 0),
    ("UpSampling2D", {"interpolation": "bilinear"}, (4, 5, 3), 2 * 3 * (8 * 5 * 4 + 8 * 10 * 5)),
]


@pytest.mark.parametrize(("name", "options", "shape", "expected"), FLOPS)
def test_counts_of_work(name: str, options: dict[str, Any], shape: Any, expected: int) -> None:
    assert make(name, **options).flops(shape) == expected


def test_lengths_may_stay_open() -> None:
    assert make("MaxPooling2D").output_shape((None, 8, 3)) == (None, 4, 3)
    assert make("GlobalMaxPooling1D").output_shape((None, 3)) == (3,)
    assert make("AdaptiveMaxPooling1D", output_size=4).output_shape((None, 3)) == (4, 3)
    assert make("UpSampling2D", size=[2, 3]).output_shape((None, 5, 3)) == (None, 15, 3)
    run = Run(make("MaxPooling1D"), (None, 2))
    for length in (2, 7):
        y, dx = run(np.ones((3, length, 2)))
        assert y.shape == (3, length // 2, 2) and dx is not None and dx.shape == (3, length, 2)
    with pytest.raises(ShapeError, match="a pool of 2 does not fit an input of 1 steps"):
        run(np.ones((3, 1, 2)))


def test_strides_are_the_pool_size_unless_said() -> None:
    assert get(Layer, {"MaxPooling2D": {"pool_size": [2, 3]}}).output_shape((6, 6, 1)) == (3, 2, 1)
    assert get(Layer, {"MaxPooling2D": {"pool_size": [2, 3], "strides": 1}}).output_shape((6, 6, 1)) == (5, 4, 1)
