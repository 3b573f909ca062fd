"""How much of the data is out of a model's vocabulary, as people are told it."""

from __future__ import annotations

from collections.abc import Mapping

from seqnet.arrays import Array
from seqnet.datasets.base import Data
from seqnet.layers.base import Tally
from seqnet.layers.lookup import Vocabular
from seqnet.models.sequential import Sequential


def vocabulary_layer(model: Sequential) -> Vocabular | None:
    """The layer in front that looks the rows up in its vocabulary, if there is one."""
    found = (layer for layer in model.network.front.layers if isinstance(layer, Vocabular))
    return next((layer for layer in found if not getattr(layer, "invert", False)), None)


def tally_of(model: Sequential, x: Array) -> Tally:
    """How many tokens the rows have, and how many of them are out of the vocabulary."""
    tally = Tally()
    model.network.front(x, tally)
    return tally


def out_of_vocabulary(model: Sequential, data: Data, tallies: Mapping[str, Tally]) -> dict[str, float]:
    """The share of the tokens of each split that is out of the vocabulary; empty where the model has none.

    tallies: of the splits that are prepared already.
    """
    if vocabulary_layer(model) is None:
        return {}
    found = {
        name: tallies[name] if tallies[name].tokens else tally_of(model, split.x) for name, split in data.splits.items()
    }
    return {name: tally.share for name, tally in found.items()}


def said(model: Sequential, unknown: dict[str, float]) -> str | None:
    """The size of the vocabulary and the shares, in one line; None where the model has none."""
    layer = vocabulary_layer(model)
    if layer is None:
        return None
    shares = ", ".join(f"{name} {percent(share)}" for name, share in unknown.items())
    return f"vocabulary of {layer.vocabulary_size():,}; out of it: {shares}"


def percent(share: float) -> str:
    """2.3%, and never 0.0% of what is not nothing."""
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.0005 else "under 0.1%"


def unknown_tokens(tally: Tally) -> str | None:
    """How many of the tokens the model does not know, in words; None where all are known."""
    if not tally.unknown:
        return None
    return (
        f"{tally.unknown:,} of {tally.tokens:,} tokens ({percent(tally.share)}) are out of the vocabulary of the "
        "training rows, so that the model can't tell them apart"
    )
