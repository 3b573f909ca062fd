"""Cases of the basic layers: core, activations, reshaping, regularization, normalization, preprocessing.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

LENGTHS = [4, 2, 1, 3, 4]  # of rows with four steps
RENORM = "the corrections r and d count as constants in the gradient, as in Keras, so the difference quotient differs"

CORE: list[dict[str, Any]] = [
    {
        "case": "input",
        "layer": "Input",
        "options": {"shape": [3, 2]},
        "input": (5, 3, 2),
        "exempt": {"keras": "Keras's InputLayer takes no input", "keras_training": "Keras's InputLayer takes no input"},
    },
    {"case": "identity", "layer": "Identity", "input": (5, 4, 3), "lengths": LENGTHS},
    {"case": "dense", "layer": "Dense", "options": {"units": 3}, "input": (5, 4)},
    {"case": "dense_tanh", "layer": "Dense", "options": {"units": 3, "activation": "tanh"}, "input": (5, 4)},
    {"case": "dense_softmax", "layer": "Dense", "options": {"units": 4, "activation": "softmax"}, "input": (6, 3)},
    {
        "case": "dense_without_bias",
        "layer": "Dense",
        "options": {"units": 2, "use_bias": False, "activation": "relu"},
        "input": (4, 5),
    },
    {
        "case": "dense_over_steps",
        "layer": "Dense",
        "options": {"units": 2, "activation": "sigmoid"},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "open": (None, 3),
    },
    {"case": "dense_over_images", "layer": "Dense", "options": {"units": 2}, "input": (4, 2, 3, 2)},
    {
        "case": "dense_restrained",
        "layer": "Dense",
        "options": {
            "units": 3,
            "kernel_regularizer": {"L1L2": {"l1": 0.01, "l2": 0.02}},
            "bias_regularizer": {"L2": {"l2": 0.1}},
            "kernel_constraint": {"MaxNorm": {"max_value": 0.8}},
            "bias_constraint": {"NonNeg": {}},
        },
        "input": (5, 4),
        "weights": ["normal", "positive"],
    },
    {
        "case": "dense_activity",
        "layer": "Dense",
        "options": {"units": 3, "activity_regularizer": {"L2": {"l2": 0.05}}, "activation": "tanh"},
        "input": (5, 4),
    },
    {"case": "activation_relu", "layer": "Activation", "options": {"activation": "relu"}, "input": (5, 4)},
    {
        "case": "activation_softmax",
        "layer": "Activation",
        "options": {"activation": "softmax"},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
    },
    {
        "case": "activity_regularization",
        "layer": "ActivityRegularization",
        "options": {"l1": 0.1, "l2": 0.2},
        "input": (5, 4, 2),
        "lengths": LENGTHS,
    },
]

ACTIVATION: list[dict[str, Any]] = [
    {"case": "relu", "layer": "ReLU", "input": (5, 4, 3), "lengths": LENGTHS},
    {
        "case": "relu_bounded",
        "layer": "ReLU",
        "options": {"max_value": 1.2, "negative_slope": 0.1, "threshold": 0.3},
        "input": (5, 12),
    },
    {"case": "relu_six", "layer": "ReLU", "options": {"max_value": 6.0}, "input": (5, 12)},
    {"case": "leaky_relu", "layer": "LeakyReLU", "input": (5, 8)},
    {"case": "leaky_relu_slope", "layer": "LeakyReLU", "options": {"negative_slope": 0.05}, "input": (5, 8)},
    {"case": "elu", "layer": "ELU", "input": (5, 8)},
    {"case": "elu_alpha", "layer": "ELU", "options": {"alpha": 0.5}, "input": (5, 8)},
    {"case": "prelu", "layer": "PReLU", "input": (5, 4, 3), "lengths": LENGTHS},
    {"case": "prelu_shared", "layer": "PReLU", "options": {"shared_axes": [1, 2]}, "input": (5, 3, 2, 4)},
    {"case": "prelu_shared_steps", "layer": "PReLU", "options": {"shared_axes": [1]}, "input": (4, 6, 2)},
    {
        "case": "prelu_restrained",
        "layer": "PReLU",
        "options": {
            "alpha_initializer": {"Constant": {"value": 0.25}},
            "alpha_regularizer": {"L2": {"l2": 0.1}},
            "alpha_constraint": "non_neg",
        },
        "input": (5, 6),
        "weights": "positive",
    },
    {"case": "softmax", "layer": "Softmax", "input": (5, 4)},
    {"case": "softmax_axis", "layer": "Softmax", "options": {"axis": 1}, "input": (5, 4, 3)},
    {"case": "softmax_axes", "layer": "Softmax", "options": {"axis": [1, 2]}, "input": (5, 4, 3)},
    {
        "case": "softmax_masked",
        "layer": "Softmax",
        "input": (5, 4),
        "lengths": LENGTHS,
        "exempt": dict.fromkeys(
            ["keras_training", "sharded", "steady", "frozen"], "losses refuse a mask (N, T) beside predictions (N, T)"
        ),
    },
]

RESHAPING: list[dict[str, Any]] = [
    {"case": "flatten", "layer": "Flatten", "input": (5, 3, 2, 2), "open": (None, 3)},
    {"case": "flatten_steps", "layer": "Flatten", "input": (5, 4, 3), "lengths": LENGTHS},
    {"case": "flatten_flat", "layer": "Flatten", "input": (5, 3)},
    {"case": "flatten_scalars", "layer": "Flatten", "input": (5,)},
    {
        "case": "flatten_channels_first",
        "layer": "Flatten",
        "options": {"data_format": "channels_first"},
        "input": (5, 3, 2, 4),
    },
    {"case": "reshape", "layer": "Reshape", "options": {"target_shape": [3, 4]}, "input": (5, 12)},
    {"case": "reshape_inferred", "layer": "Reshape", "options": {"target_shape": [-1, 2]}, "input": (5, 3, 4)},
    {
        "case": "reshape_open",
        "layer": "Reshape",
        "options": {"target_shape": [-1, 2]},
        "input": (5, 3, 4),
        "open": (None, 4),
    },
    {"case": "permute", "layer": "Permute", "options": {"dims": [2, 1]}, "input": (5, 4, 3), "open": (None, 3)},
    {"case": "permute_images", "layer": "Permute", "options": {"dims": [3, 1, 2]}, "input": (4, 2, 3, 4)},
    {"case": "repeat_vector", "layer": "RepeatVector", "options": {"n": 3}, "input": (5, 4)},
    {"case": "cropping1d", "layer": "Cropping1D", "input": (4, 5, 2), "open": (None, 2)},
    {"case": "cropping1d_ends", "layer": "Cropping1D", "options": {"cropping": [2, 0]}, "input": (4, 5, 2)},
    {"case": "cropping2d", "layer": "Cropping2D", "options": {"cropping": 1}, "input": (4, 4, 3, 2)},
    {"case": "cropping2d_nothing", "layer": "Cropping2D", "input": (4, 2, 3, 2)},
    {
        "case": "cropping2d_symmetric",
        "layer": "Cropping2D",
        "options": {"cropping": [0, 1]},
        "input": (4, 2, 4, 2),
        "open": (None, None, 2),
    },
    {
        "case": "cropping2d_sides",
        "layer": "Cropping2D",
        "options": {"cropping": [[1, 0], [1, 2]], "data_format": "channels_first"},
        "input": (4, 2, 3, 5),
    },
    {"case": "cropping3d", "layer": "Cropping3D", "input": (4, 3, 4, 3, 2)},
    {
        "case": "cropping3d_sides",
        "layer": "Cropping3D",
        "options": {"cropping": [[0, 1], [1, 0], [1, 1]], "data_format": "channels_first"},
        "input": (4, 2, 3, 2, 3),
    },
    {"case": "zero_padding1d", "layer": "ZeroPadding1D", "input": (5, 4, 2), "lengths": LENGTHS, "open": (None, 2)},
    {
        "case": "zero_padding1d_front",
        "layer": "ZeroPadding1D",
        "options": {"padding": [2, 0], "data_format": "channels_first"},
        "input": (4, 2, 3),
    },
    {"case": "zero_padding2d", "layer": "ZeroPadding2D", "input": (4, 2, 3, 2), "open": (None, 3, 2)},
    {
        "case": "zero_padding2d_sides",
        "layer": "ZeroPadding2D",
        "options": {"padding": [[1, 0], [0, 2]], "data_format": "channels_first"},
        "input": (4, 2, 2, 3),
    },
    {
        "case": "zero_padding2d_symmetric",
        "layer": "ZeroPadding2D",
        "options": {"padding": [2, 1]},
        "input": (4, 1, 2, 2),
    },
    {"case": "zero_padding3d", "layer": "ZeroPadding3D", "input": (4, 1, 2, 1, 2)},
    {
        "case": "zero_padding3d_sides",
        "layer": "ZeroPadding3D",
        "options": {"padding": [1, [0, 1], 0], "data_format": "channels_first"},
        "input": (4, 2, 1, 2, 2),
        "exempt": {"keras": "Keras refuses a mixture of numbers and pairs in 3D", "keras_training": "as above"},
    },
]

REGULARIZATION: list[dict[str, Any]] = [
    {
        "case": "dropout",
        "layer": "Dropout",
        "options": {"rate": 0.4},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "random": True,
    },
    {"case": "dropout_half", "layer": "Dropout", "options": {"rate": 0.5, "seed": 3}, "input": (5, 8), "random": True},
    {"case": "dropout_nothing", "layer": "Dropout", "options": {"rate": 0.0}, "input": (5, 4)},
    {"case": "dropout_everything", "layer": "Dropout", "options": {"rate": 1.0}, "input": (5, 4)},
    {
        "case": "dropout_noise_shape",
        "layer": "Dropout",
        "options": {"rate": 0.5, "noise_shape": [None, 1, 3]},
        "input": (5, 4, 3),
        "random": True,
    },
    {
        "case": "gaussian_noise",
        "layer": "GaussianNoise",
        "options": {"stddev": 0.5},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "random": True,
    },
    {
        "case": "dropout_shared_by_rows",
        "layer": "Dropout",
        "options": {"rate": 0.3, "noise_shape": [1, None]},
        "input": (5, 8),
        "random": True,
    },
    {
        "case": "spatial_dropout1d",
        "layer": "SpatialDropout1D",
        "options": {"rate": 0.3},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "random": True,
    },
    {
        "case": "spatial_dropout2d",
        "layer": "SpatialDropout2D",
        "options": {"rate": 0.5},
        "input": (4, 2, 3, 4),
        "random": True,
    },
    {
        "case": "spatial_dropout2d_channels_first",
        "layer": "SpatialDropout2D",
        "options": {"rate": 0.5, "data_format": "channels_first"},
        "input": (4, 4, 2, 3),
        "random": True,
    },
    {
        "case": "spatial_dropout3d",
        "layer": "SpatialDropout3D",
        "options": {"rate": 0.1},
        "input": (4, 2, 1, 2, 3),
        "random": True,
    },
    {
        "case": "alpha_dropout",
        "layer": "AlphaDropout",
        "options": {"rate": 0.3},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "random": True,
    },
    {
        "case": "alpha_dropout_noise_shape",
        "layer": "AlphaDropout",
        "options": {"rate": 0.3, "noise_shape": [None, 1, None], "seed": 1},
        "input": (5, 4, 3),
        "random": True,
    },
    {"case": "alpha_dropout_none", "layer": "AlphaDropout", "options": {"rate": 0.0}, "input": (5, 4)},
    {
        "case": "gaussian_dropout",
        "layer": "GaussianDropout",
        "options": {"rate": 0.3},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "random": True,
    },
    {"case": "gaussian_dropout_none", "layer": "GaussianDropout", "options": {"rate": 0.0}, "input": (5, 4)},
    {"case": "gaussian_noise_none", "layer": "GaussianNoise", "options": {"stddev": 0.0}, "input": (5, 4)},
]

NORMALIZATION: list[dict[str, Any]] = [
    {
        "case": "batch_normalization",
        "layer": "BatchNormalization",
        "input": (6, 4),
        "weights": ["positive", "normal", "normal", "positive"],
    },
    {
        "case": "batch_normalization_images",
        "layer": "BatchNormalization",
        "options": {"momentum": 0.8, "epsilon": 0.01},
        "input": (5, 3, 2, 3),
        "weights": ["positive", "normal", "normal", "positive"],
    },
    {
        "case": "batch_normalization_channels_first",
        "layer": "BatchNormalization",
        "options": {"axis": 1, "momentum": 0.5},
        "input": (5, 3, 2, 2),
        "weights": ["positive", "normal", "normal", "positive"],
    },
    {
        "case": "batch_normalization_plain",
        "layer": "BatchNormalization",
        "options": {"center": False, "scale": False},
        "input": (6, 4),
        "weights": ["normal", "positive"],
    },
    {
        "case": "batch_normalization_uncentred",
        "layer": "BatchNormalization",
        "options": {"center": False},
        "input": (6, 4),
        "weights": ["positive", "normal", "positive"],
    },
    {
        "case": "batch_normalization_unscaled",
        "layer": "BatchNormalization",
        "options": {"scale": False, "beta_regularizer": {"L2": {"l2": 0.1}}},
        "input": (6, 4),
        "weights": ["normal", "normal", "positive"],
    },
    {
        "case": "batch_normalization_masked",
        "layer": "BatchNormalization",
        "options": {"momentum": 0.7},
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "weights": ["positive", "normal", "normal", "positive"],
    },
    {
        "case": "batch_normalization_renorm",
        "layer": "BatchNormalization",
        "options": {"renorm": True, "momentum": 0.6, "renorm_momentum": 0.7},
        "input": (6, 4),
        "weights": ["positive", "normal", "normal", "positive", "positive", "normal", "positive"],
        "exempt": {"differences_training": RENORM},
    },
    {
        "case": "batch_normalization_renorm_clipped",
        "layer": "BatchNormalization",
        "options": {
            "renorm": True,
            "scale": False,
            "center": False,
            "renorm_clipping": {"rmin": 0.9, "rmax": 1.1, "dmax": 0.2},
        },
        "input": (5, 2, 2, 3),
        "weights": ["normal", "positive", "positive", "normal", "positive"],
        "exempt": {"differences_training": RENORM},
    },
    {
        "case": "batch_normalization_renorm_fixed",
        "layer": "BatchNormalization",
        "options": {"renorm": True, "renorm_clipping": {"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}},
        "input": (6, 3),
        "weights": ["positive", "normal", "normal", "positive", "positive", "normal", "positive"],
    },
]

PREPROCESSING: list[dict[str, Any]] = [
    {"case": "rescaling", "layer": "Rescaling", "options": {"scale": 1 / 255}, "input": (4, 3, 2), "values": "images"},
    {
        "case": "rescaling_shifted",
        "layer": "Rescaling",
        "options": {"scale": 1 / 127.5, "offset": -1.0},
        "input": (5, 4, 2),
        "lengths": LENGTHS,
    },
    {
        "case": "rescaling_channels",
        "layer": "Rescaling",
        "options": {"scale": [0.5, 2.0, 1.5], "offset": [0.1, 0.2, -0.3]},
        "input": (4, 2, 3),
    },
    {"case": "normalization", "layer": "Normalization", "input": (5, 4), "weights": ["normal", "positive", "keep"]},
    {
        "case": "normalization_steps",
        "layer": "Normalization",
        "input": (5, 4, 3),
        "lengths": LENGTHS,
        "weights": ["normal", "positive", "keep"],
        "open": (None, 3),
    },
    {
        "case": "normalization_axes",
        "layer": "Normalization",
        "options": {"axis": [1, 3]},
        "input": (4, 2, 3, 2),
        "weights": ["normal", "positive", "keep"],
    },
    {
        "case": "normalization_scalar",
        "layer": "Normalization",
        "options": {"axis": None},
        "input": (4, 2, 3),
    },
    {
        "case": "normalization_given",
        "layer": "Normalization",
        "options": {"mean": [0.5, -1.0, 2.0], "variance": [1.0, 4.0, 0.25]},
        "input": (5, 2, 3),
    },
    {
        "case": "normalization_given_numbers",
        "layer": "Normalization",
        "options": {"axis": None, "mean": 3.0, "variance": 2.0, "invert": True},
        "input": (5, 3),
    },
    {
        "case": "normalization_inverted",
        "layer": "Normalization",
        "options": {"invert": True},
        "input": (5, 3),
        "weights": ["normal", "positive", "keep"],
    },
]

ROWS = [*CORE, *ACTIVATION, *RESHAPING, *REGULARIZATION, *NORMALIZATION, *PREPROCESSING]
