"""A recurrent layer that reads both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import option
from seqnet.layers.base import Context, Layer, layer
from seqnet.layers.inner import flops_of, run, run_back
from seqnet.layers.recurrent_base import RecurrentLayer, read_all, read_all_back
from seqnet.registry import snake_case


@layer()
class Bidirectional(Layer):
    """y = merge(f(x), b(x)), f a recurrent layer, b the same kind of layer reading from the last step to the first.

    x: (N, T, ...) -> y: (N, ...) or (N, T, ...), with merge_mode concat twice as many features. With return_sequences
    b's outputs are put in the order of time, and outputs at masked steps are zero. Weights: f's, then b's.

    Reference: M. Schuster, K. Paliwal, Bidirectional recurrent neural networks, 1997, doi:10.1109/78.650093.
    """

    supports_masking = True
    walks_steps = True

    layer: Layer = option("the recurrent layer that reads forwards", example={"LSTM": {"units": 64}})
    merge_mode: Literal["concat", "sum", "mul", "ave"] | None = option(
        "how the two outputs become one; null would give both, which needs a graph of layers", default="concat"
    )
    initial_weights: Literal[None] = option(
        "must be null; weights are set with set_weights", default=None, name="weights"
    )
    given_backward: Layer | None = option(
        "the layer that reads backwards, with go_backwards: true; default: a copy of the other with its own weights",
        default=None,
        name="backward_layer",
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["merge_mode"] is None:
            yield "merge_mode", "merge_mode: null gives two outputs, which needs a graph of layers; use concat"
        forward, backward = values["layer"], values["backward_layer"]
        for name, inner in (("layer", forward), ("backward_layer", backward)):
            if inner is not None and not isinstance(inner, RecurrentLayer):
                yield name, f"{name} must be a recurrent layer (LSTM, GRU, SimpleRNN, RNN, …), got {inner.spec_name}"
                return
        if backward is None:
            if forward.go_backwards:
                yield "layer", "layer must have go_backwards: false, its copy reads backwards"
            return
        if forward.go_backwards == backward.go_backwards:
            yield (
                "backward_layer",
                f"one of the two layers must go backwards, got go_backwards: {str(forward.go_backwards).lower()} "
                "in both",
            )
        for name in ("return_sequences", "stateful"):
            one, other = getattr(forward, name), getattr(backward, name)
            if one != other:
                yield (
                    "backward_layer",
                    f"both layers must have the same {name}, got {str(one).lower()} and {str(other).lower()}",
                )

    def setup(self) -> None:
        usual = self.layer.name or snake_case(self.layer.spec_name)
        self.forward_layer = self._copy(name=f"forward_{usual.removeprefix('forward_')}")
        if self.given_backward is None:
            self.backward_layer = self._copy(name=f"backward_{usual.removeprefix('backward_')}", go_backwards=True)
        else:
            assert isinstance(self.given_backward, RecurrentLayer)
            self.backward_layer = self.given_backward
        for inner in self._both:
            inner.zero_output_for_mask = inner.return_sequences
        self.return_sequences = self.forward_layer.return_sequences
        self.stateful = self.carries_state = self.forward_layer.stateful
        self.differs_in_training = any(inner.differs_in_training for inner in self._both)

    @property
    def _both(self) -> tuple[RecurrentLayer, RecurrentLayer]:
        return self.forward_layer, self.backward_layer

    def _copy(self, **changes: Any) -> RecurrentLayer:
        copy = type(self.layer).from_config({**self.layer.get_config(), **changes})
        assert isinstance(copy, RecurrentLayer)
        return copy

    def output_shape(self, in_shape: Shape) -> Shape:
        shape = self.forward_layer.output_shape(in_shape)
        other = self.backward_layer.output_shape(in_shape)
        if self.merge_mode != "concat":
            return shape
        return (*shape[:-1], (shape[-1] or 0) + (other[-1] or 0))

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return [(inner, in_shape) for inner in self._both]

    def flops(self, in_shape: Shape) -> int:
        return flops_of(self.children(in_shape))

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask if self.return_sequences else None

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        together = all(inner.output_penalty() is None for inner in self._both)
        if together:
            contexts = [ctx.child(index, ctx.mask) for index in range(2)]
            (one, other), cache = read_all(self._both, x, contexts)
        else:
            one, _, first = run(self.forward_layer, x, ctx, 0, ctx.mask)
            other, _, second = run(self.backward_layer, x, ctx, 1, ctx.mask)
            cache = (first, second)
        if self.return_sequences:
            other = other[:, ::-1]
        return self._merged(one, other), (together, cache, (one, other) if self.merge_mode == "mul" else one.shape[-1])

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        together, inner, merged = cache
        one, other = self._parted(dy, merged)
        if self.return_sequences:
            other = other[:, ::-1]
        if together:
            dxs = read_all_back([one, other], inner, need_dx=need_dx)
        else:
            dxs = [
                run_back(layer, part, made, ctx, index, need_dx=need_dx)
                for index, (layer, part, made) in enumerate(zip(self._both, (one, other), inner, strict=True))
            ]
        return dxs[0] + dxs[1] if need_dx else None

    def reset_states(self) -> None:
        """Start the next batch from zeros; it may have another number of rows."""
        for inner in self._both:
            inner.reset_states()

    def reset_state(self) -> None:
        """The same as reset_states."""
        self.reset_states()

    def _merged(self, one: Array, other: Array) -> Array:
        if self.merge_mode == "concat":
            return np.concatenate([one, other], axis=-1)
        y: Array = one * other if self.merge_mode == "mul" else one + other
        if self.merge_mode == "ave":
            y *= 0.5
        return y

    def _parted(self, dy: Array, merged: Any) -> tuple[Array, Array]:
        """The gradients of both outputs."""
        if self.merge_mode == "concat":
            return dy[..., :merged], dy[..., merged:]
        if self.merge_mode == "mul":
            one, other = merged
            return dy * other, dy * one
        if self.merge_mode == "ave":
            dy = dy * 0.5
        return dy, dy
