"""Changes of the colours of images (N, H, W, C), each image for itself, and what they give back to the input.

A function that ends in _backward takes dy and what the forward function returned beside y.
"""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array

Range = tuple[float, float]

GREY = (0.2989, 0.5870, 0.1140)  # how bright red, green and blue look


def column(values: Array, dtype: np.dtype) -> Array:
    """One number an image, (N,), ready to multiply images."""
    return values.astype(dtype).reshape(-1, 1, 1, 1)


# -- brightness, contrast, thresholds ---------------------------------------------------------------------------------


def brighten(x: Array, delta: Array, value_range: Range) -> tuple[Array, Array]:
    """x + delta (N,), clipped to the range; and where nothing was clipped."""
    y = x + column(delta, x.dtype)
    inside = (y >= value_range[0]) & (y <= value_range[1])
    return np.clip(y, *value_range, out=y), inside


def stretch(x: Array, factor: Array, value_range: Range) -> tuple[Array, tuple[Array, Array]]:
    """(x - mean) factor + mean, clipped to the range, the mean that of each channel of each image. factor: (N,)."""
    factor = column(factor, x.dtype)
    mean = x.mean(axis=(1, 2), keepdims=True)
    y = x - mean
    y *= factor
    y += mean
    inside = (y >= value_range[0]) & (y <= value_range[1])
    return np.clip(y, *value_range, out=y), (inside, factor)


def stretch_backward(dy: Array, cache: tuple[Array, Array]) -> Array:
    inside, factor = cache
    dy = dy * inside
    dx: Array = dy * factor
    dx += dy.mean(axis=(1, 2), keepdims=True) * (1 - factor)
    return dx


def rescaled(x: Array, source: Range, target: Range) -> Array:
    """Values of one range in another; the array itself where the ranges are the same."""
    if tuple(source) == tuple(target):
        return x
    y = (x - source[0]) / (source[1] - source[0])
    y *= target[1] - target[0]
    y += target[0]
    return y


BYTES = (0, 255)


def solarize(x: Array, addition: Array, threshold: Array, value_range: Range) -> tuple[Array, Array]:
    """On the scale 0 to 255: x + addition, clipped, and inverted where it reaches the threshold. Both (N,).

    Beside y comes the slope of each value: 1, -1, and 0 where it was clipped.
    """
    y = rescaled(x, value_range, BYTES) + column(addition, x.dtype)
    slope = ((y >= 0) & (y <= 255)).astype(x.dtype)
    np.clip(y, 0, 255, out=y)
    high = y >= column(threshold, x.dtype)
    slope[high] *= -1
    np.subtract(255, y, out=y, where=high)
    return rescaled(y, BYTES, value_range), slope


def auto_contrast(x: Array, value_range: Range) -> tuple[Array, tuple[Array, Array, Array]]:
    """Each channel of each image stretched so that it fills the range; one that has a single value stays as it is."""
    low, high = x.min(axis=(1, 2), keepdims=True), x.max(axis=(1, 2), keepdims=True)
    flat = high == low
    scale = (value_range[1] - value_range[0]) / np.where(flat, 1, high - low)
    y = x - low
    y *= scale
    y += value_range[0]
    np.clip(y, *value_range, out=y)
    y = np.where(flat, x, y)
    return y, (x, y, np.where(flat, 1, scale).astype(x.dtype))


def auto_contrast_backward(dy: Array, cache: tuple[Array, Array, Array], value_range: Range) -> Array:
    """y = (x - low) scale + first with scale = width / (high - low): low and high are values of x in turn."""
    x, y, scale = cache
    width = value_range[1] - value_range[0]
    low, high = x.min(axis=(1, 2), keepdims=True), x.max(axis=(1, 2), keepdims=True)
    share = (y - value_range[0]) / width  # 0 at low, 1 at high
    upper = (dy * share).sum(axis=(1, 2), keepdims=True)
    lower = dy.sum(axis=(1, 2), keepdims=True) - upper
    varied = high > low
    dx: Array = dy * scale
    for extreme, slope in ((low, lower), (high, upper)):
        there = x == extreme
        dx -= there * (varied * slope * scale / there.sum(axis=(1, 2), keepdims=True))
    return dx


def equalize(x: Array, bins: int, value_range: Range) -> Array:
    """Each channel of each image looked up in a table that makes its values equally frequent.

    On the scale 0 to 255, the table of a value is the share of the pixels up to it, of those above the darkest. A
    channel that falls into one bin stays as it is.
    """
    n, height, width, channels = x.shape
    scaled = rescaled(x, value_range, BYTES)
    top, planes = bins - 1, n * channels
    own = (np.arange(planes, dtype=np.intp) * bins).reshape(n, 1, 1, channels)
    counted = np.clip(scaled * top / 255, 0, top).astype(np.intp) + own
    counts = np.bincount(counted.reshape(-1), minlength=planes * bins).reshape(planes, bins)
    sums = counts.cumsum(axis=1)
    least = np.where(sums > 0, sums, height * width).min(axis=1, keepdims=True)
    table = np.clip(np.round((sums - least) * 255 / np.maximum(height * width - least, 1)), 0, 255)
    looked = np.clip(scaled / 255 * top, 0, top).astype(np.intp) + own
    y = table.astype(x.dtype).reshape(-1).take(looked)
    flat = ((counts > 0).sum(axis=1) <= 1).reshape(n, 1, 1, channels)
    return np.where(flat, x, rescaled(y, BYTES, value_range))


# -- colours ----------------------------------------------------------------------------------------------------------


def grey(x: Array) -> Array:
    """(N, H, W, 3) -> (N, H, W, 1): how bright each pixel looks."""
    y: Array = np.matmul(x, np.array(GREY, x.dtype)[:, None])
    return y


def grey_backward(dy: Array) -> Array:
    """(N, H, W, 3) -> (N, H, W, 3), where y was the same in all channels."""
    dx: Array = np.matmul(dy.sum(axis=-1, keepdims=True), np.array(GREY, dy.dtype)[None])
    return dx


def to_hsv(x: Array) -> tuple[Array, Array, Array]:
    """Red, green and blue in the last axis -> hue in [0, 1), saturation, value, each without that axis.

    Numbers next to zero count as zero, as in Keras; a pixel without a positive channel has saturation 0.
    """
    x = np.where(np.abs(x) < np.finfo(x.dtype).eps, 0, x)
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    value = np.maximum(np.maximum(r, g), b)
    spread = value - np.minimum(np.minimum(r, g), b)
    some = spread > 0
    saturation = np.where(value > 0, spread / np.where(value > 0, value, 1), 0)
    norm = 1 / (6 * np.where(some, spread, 1))
    hue = np.where(value == g, norm * (b - r) + 2 / 6, norm * (r - g) + 4 / 6)
    hue = np.where(value == r, norm * (g - b), hue)
    hue = np.where(some, hue, 0) + (hue < 0)
    return hue.astype(x.dtype), saturation.astype(x.dtype), value


def to_hsv_backward(x: Array, dhue: Array, dsaturation: Array, dvalue: Array) -> Array:
    """dx of `to_hsv` at x; of channels that are equal, the first that made the value or the minimum gets its part."""
    x = np.where(np.abs(x) < np.finfo(x.dtype).eps, 0, x)
    value, least = x.max(axis=-1), x.min(axis=-1)
    spread = value - least
    lit, some = value > 0, spread > 0
    safe, wide = np.where(lit, value, 1), np.where(some, spread, 1)
    # saturation = spread / value; hue = (next - after) / (6 spread) + a constant, next and after those behind the
    # channel that is the value, in the circle red, green, blue.
    dspread = np.where(lit, dsaturation / safe, 0)
    dvalue = dvalue - np.where(lit, dsaturation * spread / safe**2, 0)
    first = np.where(value == x[..., 0], 0, np.where(value == x[..., 1], 1, 2))[..., None]
    behind, after = (first + 1) % 3, (first + 2) % 3
    difference = np.take_along_axis(x, behind, -1) - np.take_along_axis(x, after, -1)
    slope = np.where(some, dhue / (6 * wide), 0)
    dspread -= slope * difference[..., 0] / wide
    dx = np.zeros_like(x)
    for channel, part in ((behind, slope), (after, -slope), (first, dvalue + dspread)):
        np.put_along_axis(dx, channel, np.take_along_axis(dx, channel, -1) + part[..., None], -1)
    lowest = x.argmin(axis=-1)[..., None]
    np.put_along_axis(dx, lowest, np.take_along_axis(dx, lowest, -1) - dspread[..., None], -1)
    return dx


_CENTRES = np.array([3.0, 2.0, 4.0])  # of hue 0 to 6: where red is least, and where green and blue are most


def from_hsv(hue: Array, saturation: Array, value: Array) -> Array:
    """The inverse of `to_hsv`: value (1 - saturation + saturation share), share that of each channel in the hue."""
    share, _ = _shares(hue)
    y: Array = value[..., None] * ((1 - saturation)[..., None] + saturation[..., None] * share)
    return y


def from_hsv_backward(dy: Array, hue: Array, saturation: Array, value: Array) -> tuple[Array, Array, Array]:
    """(dhue, dsaturation, dvalue)."""
    share, slope = _shares(hue)
    dvalue = (dy * ((1 - saturation)[..., None] + saturation[..., None] * share)).sum(axis=-1)
    dsaturation = (dy * (share - 1)).sum(axis=-1) * value
    dhue = (dy * slope).sum(axis=-1) * (value * saturation)
    return dhue, dsaturation, dvalue


def _shares(hue: Array) -> tuple[Array, Array]:
    """How much of red, green and blue a pure colour has, and d share / d hue: (..., 3)."""
    sixth = np.mod(hue, 1)[..., None] * 6
    away = sixth - _CENTRES.astype(hue.dtype)
    sign = np.array([1, -1, -1], hue.dtype)
    share = np.array([-1, 2, 2], hue.dtype) + sign * np.abs(away)
    slope = 6 * sign * np.sign(away) * ((share > 0) & (share < 1))
    return np.clip(share, 0, 1), slope.astype(hue.dtype)


def saturate(x: Array, factor: Array, value_range: Range) -> tuple[Array, tuple[Array, Array, Array, Array, Array]]:
    """The saturation times factor (N,), clipped to the range."""
    hue, saturation, value = to_hsv(x)
    factor = factor.astype(x.dtype).reshape(-1, 1, 1)
    changed = saturation * factor
    slope = factor * ((changed >= value_range[0]) & (changed <= value_range[1]))
    np.clip(changed, *value_range, out=changed)
    return from_hsv(hue, changed, value), (x, hue, changed, value, slope)


def saturate_backward(dy: Array, cache: tuple[Array, Array, Array, Array, Array]) -> Array:
    x, hue, changed, value, slope = cache
    dhue, dsaturation, dvalue = from_hsv_backward(dy, hue, changed, value)
    return to_hsv_backward(x, dhue, dsaturation * slope, dvalue)


def turn_hue(x: Array, delta: Array, value_range: Range) -> tuple[Array, tuple[Array, ...]]:
    """The hue moved by delta (N,), in turns of the circle of colours; y stays in the range."""
    scaled = rescaled(x, value_range, (0, 1))
    hue, saturation, value = to_hsv(scaled)
    hue = hue + delta.astype(x.dtype).reshape(-1, 1, 1)
    y = from_hsv(hue, saturation, value)
    inside = (y >= 0) & (y <= 1)
    np.clip(y, 0, 1, out=y)
    return rescaled(y, (0, 1), value_range), (scaled, hue, saturation, value, inside)


def turn_hue_backward(dy: Array, cache: tuple[Array, ...]) -> Array:
    scaled, hue, saturation, value, inside = cache
    return to_hsv_backward(scaled, *from_hsv_backward(dy * inside, hue, saturation, value))
