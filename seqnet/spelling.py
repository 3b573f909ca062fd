"""What people write out of habit, from older Keras or from other libraries, and what it is called here.

Only for hints: nothing here makes a name valid.
"""

from __future__ import annotations

from collections.abc import Container

# Options. Of several names the first that the component has is meant.
_OPTIONS: dict[str, tuple[str, ...]] = {
    # Keras 1 and 2
    "nb_epoch": ("epochs",),
    "lr": ("learning_rate",),
    "output_dim": ("units",),
    "init": ("kernel_initializer",),
    "inner_init": ("recurrent_initializer",),
    "inner_activation": ("recurrent_activation",),
    "W_regularizer": ("kernel_regularizer",),
    "b_regularizer": ("bias_regularizer",),
    "W_constraint": ("kernel_constraint",),
    "b_constraint": ("bias_constraint",),
    "beta_init": ("beta_initializer",),
    "gamma_init": ("gamma_initializer",),
    "bias": ("use_bias",),
    "p": ("rate",),
    "sigma": ("stddev",),
    "alpha": ("negative_slope",),
    "theta": ("threshold",),
    "nb_filter": ("filters",),
    "nb_row": ("kernel_size",),
    "nb_col": ("kernel_size",),
    "filter_length": ("kernel_size",),
    "border_mode": ("padding",),
    "subsample": ("strides",),
    "subsample_length": ("strides",),
    "pool_length": ("pool_size",),
    "atrous_rate": ("dilation_rate",),
    "dim_ordering": ("data_format",),
    "dropout_W": ("dropout",),
    "dropout_U": ("recurrent_dropout",),
    "batch_input_shape": ("input_shape",),
    "nb_val_samples": ("validation_steps",),
    "period": ("save_freq",),
    "epsilon": ("min_delta",),
    # other libraries and plain words
    "n_epochs": ("epochs",),
    "num_epochs": ("epochs",),
    "max_epochs": ("epochs",),
    "max_iter": ("epochs",),
    "bs": ("batch_size",),
    "val_split": ("validation_split",),
    "val_size": ("validation_split",),
    "validation_size": ("validation_split",),
    "test_size": ("test_split",),
    "groups": ("group_by",),
    "group": ("group_by",),
    "group_column": ("group_by",),
    "time_column": ("order_by",),
    "date_column": ("order_by",),
    "sort_by": ("order_by",),
    "chronological": ("order_by",),
    "split": ("split_column", "validation_split"),
    "split_by": ("split_column",),
    "validation_data": ("validation_file",),
    "validation": ("validation_file",),
    "val_file": ("validation_file",),
    "test_data": ("test_file",),
    "test": ("test_file",),
    "neurons": ("units",),
    "nodes": ("units",),
    "size": ("units", "pool_size", "kernel_size"),
    "out_features": ("units",),
    "hidden_size": ("units",),
    "num_units": ("units",),
    "out_channels": ("filters",),
    "channels": ("filters",),
    "num_filters": ("filters",),
    "kernel": ("kernel_size",),
    "stride": ("strides",),
    "dilation": ("dilation_rate",),
    "act": ("activation",),
    "nonlinearity": ("activation",),
    "prob": ("rate",),
    "probability": ("rate",),
    "eps": ("epsilon",),
    "wd": ("weight_decay",),
    "betas": ("beta_1",),
    "lambda": ("l2",),
    "delta": ("min_delta",),
    "restore_best": ("restore_best_weights",),
    "save_best": ("save_best_only",),
    "file": ("filepath", "filename", "path"),
    "metric": ("monitor", "metrics"),
    "one_hot_labels": ("one_hot",),
    "sampler": ("weighted_sampling",),
    "sampling": ("weighted_sampling",),
    "sampling_strategy": ("weighted_sampling",),
    "weighted_random_sampler": ("weighted_sampling",),
    "WeightedRandomSampler": ("weighted_sampling",),
    "oversample": ("weighted_sampling",),
    "oversampling": ("weighted_sampling",),
    "RandomOverSampler": ("weighted_sampling",),
    "class_weights": ("class_weight",),
}

# Options whose meaning is not one option here.
_SAYINGS = {
    "decay": "a learning rate that falls is a schedule, learning_rate: {InverseTimeDecay: {...}}; "
    "weights that shrink are weight_decay",
    **dict.fromkeys(
        ("lr_multiplier", "lr_multipliers", "lr_mult", "lr_scale", "learning_rate_multiplier"),
        "a layer's own learning rate is an option of the optimizer, by the layer's name: "
        "learning_rate_multipliers: {dense_1: 0.1}",
    ),
}

# Components, by kind.
_NAMES: dict[str, dict[str, str]] = {
    "layer": {
        "Linear": "Dense",
        "FullyConnected": "Dense",
        "FC": "Dense",
        "Deconvolution2D": "Conv2DTranspose",
        "AtrousConvolution2D": "Conv2D",
        "CuDNNLSTM": "LSTM",
        "CuDNNGRU": "GRU",
        "BatchNorm": "BatchNormalization",
        "ThresholdedReLU": "ReLU",
        "RandomHorizontalFlip": "RandomFlip",
        "RandomVerticalFlip": "RandomFlip",
        "RandomWidth": "RandomZoom",
        "RandomHeight": "RandomZoom",
        "RandomAffine": "RandomRotation",
        "RandomSolarize": "Solarization",
        "RandomSolarization": "Solarization",
        "RandomEqualize": "Equalization",
        "RandomAutocontrast": "AutoContrast",
        "Cutout": "RandomErasing",
        "RandomCutout": "RandomErasing",
    },
    "loss": {
        "MSELoss": "mean_squared_error",
        "L1Loss": "mean_absolute_error",
        "HuberLoss": "huber",
        "SmoothL1Loss": "huber",
        "CrossEntropyLoss": "sparse_categorical_crossentropy",
        "BCELoss": "binary_crossentropy",
        "BCEWithLogitsLoss": "binary_crossentropy",
        "log_loss": "binary_crossentropy",
        "cosine_proximity": "cosine_similarity",
    },
}


def usual_option(name: str, options: Container[str]) -> str | None:
    """The option that is meant by what another library, or an older Keras, calls `name`."""
    return next((meant for meant in _OPTIONS.get(name, ()) if meant in options), None)


def option_saying(name: str) -> str:
    """What to say of an option that older Keras had and that has no single counterpart; may be empty."""
    return _SAYINGS.get(name, "")


def usual_name(kind: str, name: str) -> str | None:
    """The component that is meant by what another library, or an older Keras, calls `name`."""
    return _NAMES.get(kind, {}).get(name)
