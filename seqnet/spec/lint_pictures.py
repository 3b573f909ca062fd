"""Whether the layers that change colours are told the range that the pixels have where they stand."""

from __future__ import annotations

from collections.abc import Iterator

from seqnet.errors import Problem
from seqnet.layers.augmentation import Augmentation
from seqnet.layers.base import Layer
from seqnet.spec.case import Case

# Layers that move values about and leave their range as it is.
_MOVES = ("Input", "Reshape", "Permute", "Flatten", "Cropping2D", "ZeroPadding2D", "Identity", "Dropout")
NARROW = 0.1  # of the range that a layer is told: pixels within so little of it must have another one


def lint_pictures(case: Case) -> Iterator[Problem]:
    """Warn of a value_range that the pixels do not have, followed from the data through layers that tell."""
    if case.data is None or not case.data.train.x.size or not any(map(_has_range, case.layers)):
        return
    low, high = float(case.data.train.x.min()), float(case.data.train.x.max())
    for index, layer in enumerate(case.layers):
        if layer.spec_name == "Rescaling":
            scale, offset = getattr(layer, "scale", None), getattr(layer, "offset", None)
            if not isinstance(scale, float) or not isinstance(offset, float):
                return
            low, high = sorted((low * scale + offset, high * scale + offset))
        elif _has_range(layer):
            told = getattr(layer, "value_range", (low, high))
            spare = 0.01 * (told[1] - told[0])
            outside = low < told[0] - spare or high > told[1] + spare
            if outside or high - low < NARROW * (told[1] - told[0]):
                message = (
                    f"the values that reach {layer.spec_name} run from {low:.3g} to {high:.3g}, but its value_range is "
                    f"{told[0]:g} to {told[1]:g}"
                )
                hint = f"write value_range: [{low:.3g}, {high:.3g}], or put it before what scales them"
                yield Problem(case.spec.layer_path(index, "value_range"), message, hint, warning=True)
        elif layer.spec_name not in _MOVES and not isinstance(layer, Augmentation):
            return


def _has_range(layer: Layer) -> bool:
    # that of RandomSaturation is not about pixels
    return isinstance(layer, Augmentation) and hasattr(layer, "value_range") and layer.spec_name != "RandomSaturation"
