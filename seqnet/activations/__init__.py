"""Every activation: as a class with options, as a Keras-style function, and by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.activations.axis import GLU, LogSoftmax, Softmax, Sparsemax
from seqnet.activations.base import Activation, ActivationFunction
from seqnet.activations.piecewise import (
    CELU,
    ELU,
    SELU,
    HardShrink,
    HardSigmoid,
    HardSiLU,
    HardTanh,
    LeakyReLU,
    Linear,
    ReLU,
    ReLU6,
    SoftShrink,
    SparsePlus,
    SparseSigmoid,
    Threshold,
)
from seqnet.activations.smooth import (
    GELU,
    Exponential,
    LogSigmoid,
    Mish,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Squareplus,
    Tanh,
    TanhShrink,
)
from seqnet.registry import scope

__all__ = [
    "Activation",
    "ActivationFunction",
    "CELU",
    "ELU",
    "Exponential",
    "GELU",
    "GLU",
    "HardShrink",
    "HardSiLU",
    "HardSigmoid",
    "HardTanh",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "Squareplus",
    "Tanh",
    "TanhShrink",
    "Threshold",
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

celu = ActivationFunction(CELU)
elu = ActivationFunction(ELU)
exponential = ActivationFunction(Exponential)
gelu = ActivationFunction(GELU)
glu = ActivationFunction(GLU)
hard_shrink = ActivationFunction(HardShrink)
hard_sigmoid = ActivationFunction(HardSigmoid)
hard_silu = hard_swish = ActivationFunction(HardSiLU)
hard_tanh = ActivationFunction(HardTanh)
leaky_relu = ActivationFunction(LeakyReLU)
linear = ActivationFunction(Linear)
log_sigmoid = ActivationFunction(LogSigmoid)
log_softmax = ActivationFunction(LogSoftmax)
mish = ActivationFunction(Mish)
relu = ActivationFunction(ReLU)
relu6 = ActivationFunction(ReLU6)
selu = ActivationFunction(SELU)
sigmoid = ActivationFunction(Sigmoid)
silu = swish = ActivationFunction(SiLU)
soft_shrink = ActivationFunction(SoftShrink)
softmax = ActivationFunction(Softmax)
softplus = ActivationFunction(Softplus)
softsign = ActivationFunction(Softsign)
sparse_plus = ActivationFunction(SparsePlus)
sparse_sigmoid = ActivationFunction(SparseSigmoid)
sparsemax = ActivationFunction(Sparsemax)
squareplus = ActivationFunction(Squareplus)
tanh = ActivationFunction(Tanh)
tanh_shrink = ActivationFunction(TanhShrink)
threshold = ActivationFunction(Threshold)


def get(identifier: Any) -> Activation:
    """The activation for a name, `{name: {options}}`, one of the functions above, an instance, or None (linear).

    Raises SpecError, with the nearest name, for anything else.
    """
    return declare.get(Activation, identifier)


def serialize(activation: Any) -> str | dict[str, Any]:
    """An activation as plain data: its name, with its options where they differ from the defaults."""
    plain: str | dict[str, Any] = get(activation).to_spec()
    return plain


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The inverse of `serialize`; also takes Keras's {"class_name": …, "config": …}. custom_objects: classes of one's
    own by name."""
    with scope(custom_objects):
        return get(config)
