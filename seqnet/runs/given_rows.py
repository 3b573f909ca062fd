"""Rows that are named by hand: a YAML file, a file of arrays, a folder of images, or what a run was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seqnet.arrays import Shape
from seqnet.datasets.base import Data, Source
from seqnet.datasets.images import ImagePreparation
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.sources import Hdf5, Idx, Images, guessed
from seqnet.declare import get
from seqnet.errors import UsageError
from seqnet.spec.run import RunSpec, load_spec

COLOURS = {1: "grayscale", 3: "rgb", 4: "rgba"}  # by the numbers of a pixel


def load_rows(
    path: str, spec: RunSpec | None = None, fitted: Preparation | None = None, shape: Shape | None = None
) -> Data:
    """Data from the data section of a YAML file, from arrays, images, or a file as the run was trained on.

    spec, fitted: of the run, whose preparation is used. shape: of one row of the model, to which images are brought
    where nothing else says how. Raises UsageError, SpecError, DataError.
    """
    if Path(path).suffix.lower() in (".yaml", ".yml"):
        return load_spec(path).load_data(fitted=fitted)
    own = spec.data.source if spec is not None and spec.data is not None else None
    source, guess = _source(path, own, fitted, shape)
    data = source.load(Path())
    data.prepare(fitted)
    data.check()
    return data if guess is None else replace(data, warnings=[*data.warnings, guess])


def _source(
    path: str, own: Source | None, fitted: Preparation | None, shape: Shape | None
) -> tuple[Source, str | None]:
    """What reads the rows, and what is to be said where that is a guess."""
    place = Path(path).resolve()
    found = guessed(place) if place.exists() else None
    if Path(path).suffix.lower() == ".npz":
        return get(Source, {"npz": {"path": path}}), None
    if isinstance(found, (Hdf5, Idx)) and not isinstance(own, type(found)):
        return found, None
    if isinstance(own, (Hdf5, Idx)):
        return own.replace(path=str(place)), None
    if isinstance(fitted, ImagePreparation) and place.is_dir():
        how = fitted.how
        given = own if isinstance(own, Images) else Images(
            path=str(place), color_mode=how.color_mode, interpolation=how.interpolation, orientation=how.orientation,
            crop_to_aspect_ratio=how.fit == "crop", pad_to_aspect_ratio=how.fit == "pad",
        )  # fmt: skip
        size = None if how.size is None else list(how.size)
        return given.replace(path=str(place), image_size=size), None
    if own is not None and fitted is not None:
        return own.replace(**{own.paths[0]: str(place)}), None
    height, width, numbers = shape if shape is not None and len(shape) == 3 else (None, None, None)
    colour = COLOURS.get(numbers or 0)
    if isinstance(found, Images) and height is not None and width is not None and colour is not None:
        told = (
            f"the images of {path} are brought to {height} x {width} and given as bytes 0 to 255, since the model was "
            f"not trained on image files; if its rows were scaled beforehand, evaluate rows that are, in an npz file"
        )
        return Images(path=str(place), image_size=[height, width], color_mode=colour), told
    raise UsageError(
        f"--data takes a YAML file with a data section, an npz or hdf5 file, or a folder of images for a model that "
        f"takes images, not {path}"
    )
