"""Everything a person can get wrong in a file, and what seqnet says to it: the place, the rule, what came, what to do.

Expected findings are written `LINE:COLUMN <underlined> message | hint`; several findings of a file come at once.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from seqnet.errors import DataError, SeqnetError, SpecError
from seqnet.runs.train import train
from seqnet.spec.check import check_file
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.run import load_spec

BASE = """\
name: x
data:
  dataset: iris
  validation_split: 0.2
model:
  - Normalization
  - Dense: {units: 16, activation: relu}
  - Dense: {units: 3, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 1, batch_size: 16}
callbacks:
  - EarlyStopping: {monitor: val_loss}
"""
DATA = "data:\n  dataset: iris\n  validation_split: 0.2\n"
CALLBACKS = "callbacks:\n  - EarlyStopping: {monitor: val_loss}"
LAYER = "Normalization"
FORM = "must be a layer name or {Name: {options}}, got"

# (in the file, instead of it, what is said)
Case = tuple[str, str, str] | tuple[str, str, str, str] | tuple[str, str, str, str, str]
KEYS: list[Case] = [
    ("name: x", "modle: []", "1:1 <modle> there is no section 'modle' | did you mean model?"),
    ("name: x", "Seed: 3", "1:1 <Seed> there is no section 'Seed' | did you mean seed?"),
    ("name: x", "epochs: 3", "1:1 <epochs> there is no section 'epochs' | epochs belongs under training"),
    ("name: x", "nb_epoch: 3", "1:1 <nb_epoch> there is no section 'nb_epoch' | epochs belongs under training"),
    ("name: x", "dataset: iris", "1:1 <dataset> there is no section 'dataset' | dataset belongs under data"),
    ("name: x", "npz: rows.npz", "1:1 <npz> there is no section 'npz' | npz belongs under data"),
    (
        "name: x",
        "learning_rate: 0.1",
        "1:1 <learning_rate> there is no section 'learning_rate' | "
        "learning_rate is an option of adam: write optimizer: {adam: {learning_rate: 0.1}}",
    ),
    (
        "name: x",
        "lr: 0.1",
        "1:1 <lr> there is no section 'lr' | "
        "learning_rate is an option of adam: write optimizer: {adam: {learning_rate: 0.1}}",
    ),
    (
        "name: x",
        "patience: 5",
        "1:1 <patience> there is no section 'patience' | patience is an option of EarlyStopping: "
        "write callbacks: [EarlyStopping: {monitor: val_loss, patience: 5}]",
    ),
    ("name: x", "Dense: {units: 3}", "1:1 <Dense> there is no section 'Dense' | layers are listed under model"),
    (
        "name: x",
        "colour: red",
        "1:1 <colour> there is no section 'colour' | "
        "known: callbacks, data, loss, metrics, model, name, optimizer, plugins, seed, training",
    ),
    ("name: x", "criterion: mse", "1:1 <criterion> there is no section 'criterion' | did you mean loss?"),
    (
        "name: x",
        "3: 3",
        "1:1 <3> there is no section 3 | "
        "known: callbacks, data, loss, metrics, model, name, optimizer, plugins, seed, training",
    ),
    ("model:", "layers:", "5:1 <layers> there is no section 'layers' | did you mean model?"),
    ("batch_size", "bach_size", "12:23 <bach_size> training has no option 'bach_size' | did you mean batch_size?"),
    (
        "batch_size: 16",
        "validation_split: 0.1",
        "12:23 <validation_split> training has no option 'validation_split' | validation_split belongs under data",
    ),
    (
        "batch_size: 16",
        "metrics: [acc]",
        "12:23 <metrics> training has no option 'metrics' | metrics belongs at the top of the file, not under training",
    ),
    (
        "batch_size: 16",
        "learning_rate: 0.1",
        "12:23 <learning_rate> training has no option 'learning_rate' | "
        "learning_rate is an option of adam: write optimizer: {adam: {learning_rate: 0.1}}",
    ),
    (
        "batch_size: 16",
        "monitor: loss",
        "12:23 <monitor> training has no option 'monitor' | monitor is an option of EarlyStopping: "
        "write callbacks: [EarlyStopping: {monitor: loss}]",
    ),
    (
        "  validation_split: 0.2",
        "  epochs: 2",
        "4:3 <epochs> data has no option 'epochs' | epochs belongs under training",
    ),
    (
        "  validation_split: 0.2",
        "  val_split: 0.2",
        "4:3 <val_split> data has no option 'val_split' | did you mean validation_split?",
    ),
    (
        "dataset: iris",
        "dataset: moons\n  noise: 0.3",
        "4:3 <noise> data has no option 'noise' | noise is an option of moons: write dataset: {moons: {noise: 0.3}}",
    ),
    (
        "dataset: iris",
        "npz: rows.npz\n  x_train: inputs",
        "4:3 <x_train> data has no option 'x_train' | "
        "x_train is an option of npz: write npz: {path: rows.npz, x_train: inputs}",
    ),
    ("dataset: iris", "nzp: a.npz", "3:3 <nzp> data has no option 'nzp' | did you mean npz?"),
    (
        "dataset: iris",
        "source: a.npz",
        "3:3 <source> data has no option 'source' | "
        "name the kind of the files: csv, images, series, text, npz, hdf5, npy, idx",
        "2:1 <data> there is neither a dataset nor a source | add dataset: iris, or a file such as npz: data.npz",
    ),
    ("dataset: iris", "npz: {pat: a.npz}", "3:9 <pat> npz has no option 'pat' | did you mean path?"),
    (
        "dataset: iris",
        "dataset: {moons: {sample: 30}}",
        "3:21 <sample> moons has no option 'sample' | did you mean samples?",
    ),
    ("units: 16", "unit: 16", "7:13 <unit> Dense has no option 'unit' | did you mean units?"),
    ("units: 16", "output_dim: 16", "7:13 <output_dim> Dense has no option 'output_dim' | did you mean units?"),
    ("activation: relu", "init: zeros", "7:24 <init> Dense has no option 'init' | did you mean kernel_initializer?"),
    (
        "activation: relu",
        "drop: 3",
        "7:24 <drop> Dense has no option 'drop' | known: activation, activity_regularizer, bias_constraint, "
        "bias_initializer, bias_regularizer, dtype, input_dim, input_shape, kernel_constraint, kernel_initializer, "
        "kernel_regularizer, name, trainable, units, use_bias",
    ),
    (
        "activation: relu",
        "batch_size: 3",
        "7:24 <batch_size> Dense has no option 'batch_size' | batch_size belongs under training",
    ),
    (
        LAYER,
        "Flatten: {axis: 1}",
        "6:15 <axis> Flatten has no option 'axis' | "
        "known: activity_regularizer, data_format, dtype, input_dim, input_shape, name, trainable",
    ),
    (LAYER, "Dropout: {p: 0.5}", "6:15 <p> Dropout has no option 'p' | did you mean rate?"),
    (
        LAYER,
        "Conv2D: {nb_filter: 8, kernel_size: 3, border_mode: same}",
        "6:14 <nb_filter> Conv2D has no option 'nb_filter' | did you mean filters?",
        "6:44 <border_mode> Conv2D has no option 'border_mode' | did you mean padding?",
    ),
    (
        "relu",
        "{leaky_relu: {negative_slop: 0.1}}",
        "7:50 <negative_slop> leaky_relu has no option 'negative_slop' | did you mean negative_slope?",
    ),
    (
        "relu",
        "{leaky_relu: {alpha: 0.1}}",
        "7:50 <alpha> leaky_relu has no option 'alpha' | did you mean negative_slope?",
    ),
    (
        "activation: relu",
        "kernel_initializer: {HeNormal: {sed: 3}}",
        "7:56 <sed> HeNormal has no option 'sed' | did you mean seed?",
    ),
    ("adam", "{Adam: {lr: 0.1}}", "9:20 <lr> Adam has no option 'lr' | did you mean learning_rate?"),
    (
        "adam",
        "{Adam: {decay: 0.1}}",
        "9:20 <decay> Adam has no option 'decay' | a learning rate that falls is a schedule, "
        "learning_rate: {InverseTimeDecay: {...}}; weights that shrink are weight_decay",
    ),
    ("adam", "{Adam: {epochs: 5}}", "9:20 <epochs> Adam has no option 'epochs' | epochs belongs under training"),
    (
        "adam",
        "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_step: 5}}}}",
        "9:78 <decay_step> CosineDecay has no option 'decay_step' | did you mean decay_steps?",
    ),
    (
        "monitor: val_loss",
        "monitr: loss",
        "14:21 <monitr> EarlyStopping has no option 'monitr' | did you mean monitor?",
    ),
    (
        "monitor: val_loss",
        "restore_best: true",
        "14:21 <restore_best> EarlyStopping has no option 'restore_best' | did you mean restore_best_weights?",
    ),
]

NAMES: list[Case] = [
    ("- Dense: {units: 16", "- dense: {units: 16", "7:5 <dense> there is no layer named 'dense' | did you mean Dense?"),
    (LAYER, "conv2d", "6:5 <conv2d> there is no layer named 'conv2d' | did you mean Conv2D?"),
    (
        LAYER,
        "batch_normalization",
        "6:5 <batch_normalization> there is no layer named 'batch_normalization' | did you mean BatchNormalization?",
    ),
    (LAYER, "Linear: {units: 3}", "6:5 <Linear> there is no layer named 'Linear' | did you mean Dense?"),
    (
        LAYER,
        "tanh",
        "6:5 <tanh> there is no layer named 'tanh' | "
        "tanh is an activation; as a layer write Activation: {activation: tanh}",
    ),
    (
        LAYER,
        "Dense(16)",
        "6:5 <Dense(16)> there is no layer named 'Dense(16)' | options are written Dense: {name: value}",
    ),
    (LAYER, "Zzqx", "6:5 <Zzqx> there is no layer named 'Zzqx' | `seqnet list layers` shows all N"),
    (
        "loss: sparse",
        "loss: spase",
        "10:7 <spase_categorical_crossentropy> "
        "there is no loss named 'spase_categorical_crossentropy' | did you mean sparse_categorical_crossentropy?",
    ),
    (
        "sparse_categorical_crossentropy",
        "CrossEntropyLoss",
        "10:7 <CrossEntropyLoss> "
        "there is no loss named 'CrossEntropyLoss' | did you mean sparse_categorical_crossentropy?",
    ),
    (
        "sparse_categorical_crossentropy",
        "accuracy",
        "10:7 <accuracy> there is no loss named 'accuracy' | accuracy is a metric",
    ),
    ("[accuracy]", "[accurcy]", "11:11 <accurcy> there is no metric named 'accurcy' | did you mean accuracy?"),
    ("adam", "adm", "9:12 <adm> there is no optimizer named 'adm' | did you mean adam?"),
    ("adam", "Adm", "9:12 <Adm> there is no optimizer named 'Adm' | did you mean Adam?"),
    ("adam", "{adm: {learning_rate: 1}}", "9:13 <adm> there is no optimizer named 'adm' | did you mean adam?"),
    ("dataset: iris", "dataset: irs", "3:12 <irs> there is no dataset named 'irs' | did you mean iris?"),
    (
        "dataset: iris",
        "dataset: fashion",
        "3:12 <fashion> there is no dataset named 'fashion' | did you mean fashion_mnist?",
    ),
    ("relu", "rleu", "7:36 <rleu> there is no activation named 'rleu' | did you mean relu?"),
    ("relu", "{leaky_rel: {}}", "7:37 <leaky_rel> there is no activation named 'leaky_rel' | did you mean leaky_relu?"),
    (
        "activation: relu",
        "kernel_initializer: he_nomal",
        "7:44 <he_nomal> there is no initializer named 'he_nomal' | did you mean he_normal?",
    ),
    (
        "activation: relu",
        "kernel_initializer: {HeNomal: {}}",
        "7:45 <HeNomal> there is no initializer named 'HeNomal' | did you mean HeNormal?",
    ),
    (
        "activation: relu",
        "kernel_regularizer: l3",
        "7:44 <l3> there is no regularizer named 'l3' | known: L1, L1L2, L2, OrthogonalRegularizer",
    ),
    (
        "activation: relu",
        "kernel_constraint: max_nrom",
        "7:43 <max_nrom> there is no constraint named 'max_nrom' | did you mean max_norm?",
    ),
    (
        "EarlyStopping",
        "EarlyStop",
        "14:5 <EarlyStop> there is no callback named 'EarlyStop' | did you mean EarlyStopping?",
    ),
    (
        "adam",
        "{Adam: {learning_rate: {ExponentialDeca: {}}}}",
        "9:36 <ExponentialDeca> there is no schedule named 'ExponentialDeca' | did you mean ExponentialDecay?",
    ),
]

VALUES: list[Case] = [
    ("units: 16", 'units: "16"', "7:20 <\"16\"> units must be a whole number > 0, got '16' | remove the quotes"),
    ("units: 16", "units: -1", "7:20 <-1> units must be a whole number > 0, got -1"),
    ("units: 16", "units: 1.5", "7:20 <1.5> units must be a whole number > 0, got 1.5"),
    ("units: 16", "units: true", "7:20 <true> units must be a whole number > 0, got true"),
    ("units: 16", "units: many", "7:20 <many> units must be a whole number > 0, got 'many'"),
    ("units: 16", "units: [16]", "7:20 <[16]> units must be a whole number > 0, got [16]"),
    ("units: 16", "units: {n: 16}", "7:20 <{n: 16}> units must be a whole number > 0, got {n: 16}"),
    (
        "units: 16, ",
        "",
        "7:12 <{activation: relu}> Dense needs units: width of the output (a whole number > 0) | "
        "for instance units: 64",
    ),
    (
        "validation_split: 0.2",
        "validation_split: 1.2",
        "4:21 <1.2> validation_split must be a number >= 0 and < 1, got 1.2",
    ),
    (
        "validation_split: 0.2",
        "validation_split: 20%",
        "4:21 <20%> validation_split must be a number >= 0 and < 1, got '20%' | write 0.2",
    ),
    (
        "validation_split: 0.2",
        "validation_split: 0,2",
        "4:21 <0,2> validation_split must be a number >= 0 and < 1, got '0,2' | write 0.2",
    ),
    ("epochs: 1", "epochs: 0", "12:20 <0> epochs must be a whole number > 0, got 0"),
    ("epochs: 1", "epochs: many", "12:20 <many> epochs must be a whole number > 0, got 'many'"),
    (
        "epochs: 1",
        "epochs: 1, initial_epoch: 1",
        "12:38 <1> initial_epoch 1 leaves nothing to train, as epochs is 1 | "
        "epochs is the number of the last epoch, not a count",
    ),
    (
        "batch_size: 16",
        "shuffle: yes",
        "12:32 <yes> shuffle must be true or false or batch, got 'yes' | write true or false",
    ),
    ("batch_size: 16", "verbose: 3", "12:32 <3> verbose must be auto, 0, 1 or 2, got 3"),
    (
        "batch_size: 16",
        "validation_freq: []",
        "12:40 <[]> validation_freq must be a list of at least 1 values, each a whole number > 0, got []",
    ),
    (
        "batch_size: 16",
        "class_weight: [1, 2]",
        "12:37 <[1, 2]> class_weight must be balanced or "
        "a mapping from a whole number >= 0 to a number >= 0, got [1, 2]",
    ),
    (
        "batch_size: 16",
        "class_weight: {setosa: 2}",
        "12:38 <setosa> a key of class_weight must be a whole number >= 0, got 'setosa'",
    ),
    (
        "batch_size: 16",
        "weighted_sampling: balance",
        "12:42 <balance> weighted_sampling must be balanced or sample_weight or "
        "a mapping from a whole number >= 0 to a number >= 0, got 'balance' | did you mean balanced?",
    ),
    (
        "batch_size: 16",
        "class_weight: balanced, weighted_sampling: balanced",
        "12:66 <balanced> class_weight and weighted_sampling would make up for rare classes twice | keep one of them",
    ),
    (
        "batch_size: 16",
        "weighted_sampling: balanced, shuffle: false",
        "12:61 <false> weighted_sampling draws the rows at random, which is no order to keep | leave shuffle out",
    ),
    (
        "batch_size: 16",
        "sampler: balanced",
        "12:23 <sampler> training has no option 'sampler' | did you mean weighted_sampling?",
    ),
    (
        "batch_size: 16",
        "sample_weight: w",
        "12:23 <sample_weight> training has no option 'sample_weight' | sample_weight is an option of npz: "
        "write data: {npz: {path: rows.npz, sample_weight: w}}",
    ),
    ("batch_size: 16", "class_weight: {1: -2}", "12:41 <-2> class_weight of 1 must be a number >= 0, got -2"),
    ("name: x", "name: 3", "1:7 <3> name must be a text, got 3 | put it in quotes"),
    (
        "name: x",
        "name: a/b",
        "1:7 <a/b> name must do as the name of a folder, got 'a/b' | "
        "avoid / \\ : * ? \" < > | and signs that can't be seen",
    ),
    ("name: x", "name: ..", "1:7 <..> name must do as the name of a folder, got '..' | use letters and digits"),
    (
        "name: x",
        'name: " x"',
        "1:7 <\" x\"> name must do as the name of a folder, got ' x' | begin and end it with a letter or a digit",
    ),
    (
        "name: x",
        "name: " + "x" * 101,
        "1:7 <xx> name must do as the name of a folder, got 'xx... | use at most 100 characters",
    ),
    ("name: x", "seed: -1", "1:7 <-1> seed must be a whole number >= 0, got -1"),
    ("name: x", "seed: 1.5", "1:7 <1.5> seed must be a whole number >= 0, got 1.5"),
    ("adam", "{Adam: {learning_rate: -0.1}}", "9:35 <-0.1> learning_rate must be a number >= 0, got -0.1"),
    ("relu", "{leaky_relu: {negative_slope: a}}", "7:66 <a> negative_slope must be a number, got 'a'"),
    (
        "sparse_categorical_crossentropy",
        "{SparseCategoricalCrossentropy: {from_logits: yes}}",
        "10:53 <yes> from_logits must be true or false, got 'yes' | write true or false",
    ),
    (
        "monitor: val_loss",
        "monitor: val_loss, mode: maximum",
        "14:46 <maximum> mode must be auto, min or max, got 'maximum' | did you mean max?",
    ),
    ("monitor: val_loss", "monitor: val_loss, patience: x", "14:50 <x> patience must be a whole number >= 0, got 'x'"),
    (
        "dataset: iris",
        "dataset: {moons: {samples: 3}}",
        "3:30 <3> samples must be a whole number >= 10 and <= 10000000, got 3",
    ),
]

FORMS: list[Case] = [
    (DATA, "data: iris\n", "2:7 <iris> data must be a mapping of options, got 'iris' | write data: {dataset: iris}"),
    (
        DATA,
        "data: [iris]\n",
        "2:7 <[iris]> data must be a mapping of options, got ['iris'] | write data: {dataset: iris}",
    ),
    (
        DATA,
        "data: {}\n",
        "2:7 <{}> there is neither a dataset nor a source | add dataset: iris, or a file such as npz: data.npz",
    ),
    (
        "  dataset: iris\n",
        "",
        "2:1 <data> there is neither a dataset nor a source | add dataset: iris, or a file such as npz: data.npz",
    ),
    ("dataset: iris", "npz: a.npz\n  idx: b", "4:3 <idx> data names two sources, npz and idx | keep one of them"),
    ("dataset: iris", "npz: a.npz\n  dataset: iris", "4:12 <iris> both dataset and npz name rows | keep one of them"),
    (
        "{epochs: 1, batch_size: 16}",
        "[epochs, 1]",
        "12:11 <[epochs, 1]> training must be a mapping of options, got ['epochs', 1] | write training: {epochs: 5}",
    ),
    (
        "{epochs: 1, batch_size: 16}",
        "7",
        "12:11 <7> training must be a mapping of options, got 7 | write training: {epochs: 7}",
    ),
    (
        "optimizer: adam",
        "optimizer:\n  name: adam\n  learning_rate: 0.1",
        "9:1 <optimizer> optimizer must be an optimizer"
        " name or {Name: {options}}, got {name: 'adam', learning_rate: 0.1} | "
        "write optimizer: {adam: {learning_rate: 0.1}}",
    ),
    (
        "adam",
        "[adam]",
        "9:12 <[adam]> optimizer must be an optimizer name or {Name: {options}}, got ['adam'] | "
        "there is one only: write optimizer: adam",
    ),
    (
        "adam",
        "{Adam: 0.1}",
        "9:19 <0.1> the options of Adam must be a mapping of names to values, got 0.1 | "
        "write Adam: {learning_rate: 0.1}",
    ),
    (
        "adam",
        "{Adam: {}, SGD: {}}",
        "9:12 <{Adam: {}, SGD: {}}> optimizer must be an optimizer name or "
        "{Name: {options}}, got {Adam: {}, SGD: {}} | keep one of Adam, SGD",
    ),
    (
        "sparse_categorical_crossentropy",
        "[mse]",
        "10:7 <[mse]> loss must be a loss name or {Name: {options}}, got ['mse'] | there is one only: write loss: mse",
    ),
    ("[accuracy]", "accuracy", "11:10 <accuracy> metrics must be a list, got 'accuracy' | write metrics: [accuracy]"),
    (
        "[accuracy]",
        "{accuracy: true}",
        "11:10 <{accuracy: true}> metrics must be a list, got {accuracy: true} | write metrics: [accuracy]",
    ),
    (
        "[accuracy]",
        "[accuracy, null]",
        "11:21 <null> metric must be a metric name or {Name: {options}}, got null | name one, or remove this entry",
    ),
    (
        CALLBACKS,
        "callbacks: EarlyStopping",
        "13:12 <EarlyStopping> callbacks must be a list, got 'EarlyStopping' | write callbacks: [EarlyStopping]",
    ),
    (
        CALLBACKS,
        "callbacks: {EarlyStopping: {patience: 3}}",
        "13:12 <{EarlyStopping: {patience: 3}}> "
        "callbacks must be a list, got {EarlyStopping: {patience: 3}} | "
        "write callbacks: [{EarlyStopping: {patience: 3}}]",
    ),
    (
        "- Dense: {units: 16, activation: relu}",
        "- Dense:\n    units: 16",
        f"7:5 <Dense> layer {FORM} "
        "{Dense: null, units: 16} | indent the options further than the name, or write Dense: {units: 16}",
    ),
    (
        "- Dense: {units: 16, activation: relu}",
        "- Dense: {units: 16}\n    Flatten: {}",
        f"7:5 <Dense> layer {FORM} {{Dense: {{units: 16}}, Flatten: {{}}}} | begin each of them with a dash of its own",
    ),
    (
        "- Dense: {units: 16, activation: relu}",
        "- Dense: [16, relu]",
        "7:12 <[16, relu]> "
        "the options of Dense must be a mapping of names to values, got [16, 'relu'] | "
        "write Dense: {units: 16, activation: relu}",
    ),
    (
        "- Dense: {units: 16, activation: relu}",
        "- Reshape: [2, 2]",
        "7:14 <[2, 2]> the options of Reshape must be a mapping of names to values, got [2, 2] | "
        "write Reshape: {target_shape: [2, 2]}",
    ),
    (
        "- Dense: {units: 16, activation: relu}",
        "- {type: Dense, units: 16}",
        f"7:5 <{{type: Dense, units: 16}}> layer {FORM} {{type: 'Dense', units: 16}} | write Dense: {{units: 16}}",
    ),
    (LAYER, "", f"6:3 <-> layer {FORM} null | name one, or remove this entry"),
    (LAYER, "3", f"6:5 <3> layer {FORM} 3 | `seqnet list layers` shows all N"),
    (
        LAYER,
        "[Flatten, Dropout]",
        f"6:5 <[Flatten, Dropout]> layer {FORM} ['Flatten', 'Dropout'] | begin each of them with a dash of its own",
    ),
    (
        "activation: relu",
        "kernel_regularizer: 0.01",
        "7:44 <0.01> kernel_regularizer must be a regularizer name or "
        "{Name: {options}}, got 0.01 | known: L1, L1L2, L2, OrthogonalRegularizer",
    ),
    (
        "activation: relu",
        "kernel_regularizer: {l2: 0.01}",
        "7:49 <0.01> the options of l2 must be a mapping of names to values, got 0.01 | write l2: {l2: 0.01}",
    ),
    (
        "- Normalization",
        "- Flatten\n  - Input: {shape: [4]}",
        "7:5 <Input> an Input can only be the first entry of the model | move it to the top",
    ),
    (
        "activation: relu}\n  - Dense: {units: 3",
        "name: a}\n  - Dense: {units: 3, name: a",
        "8:5 <Dense> layers 1 and 2 are both named 'a' | give one another name, or none",
    ),
]


def told(rendered: str) -> list[str]:
    """Rendered problems in the notation of the tables above."""
    found = []
    for block in rendered.split("\n\n"):
        lines = block.split("\n")
        head = re.fullmatch(r"(?:.*/)?x\.yaml:(\d+:\d+): (error|warning): (.*)", lines[0])
        if not head:
            assert re.fullmatch(r"(\d+ errors?)?(, )?(\d+ warnings?)?", block), block
            continue
        under = ""
        if len(lines) > 2 and " | " in lines[1]:
            under = lines[1][lines[2].index("^") : lines[2].rindex("^") + 1]
        kind = "warning: " if head[2] == "warning" else ""
        hints = [line.removeprefix("  = hint: ") for line in lines if line.startswith("  = hint: ")]
        text = f"{head[1]} <{under}> {kind}{head[3]}" + "".join(f" | {hint}" for hint in hints)
        found.append(re.sub("x{30,}", "xx", re.sub(r"shows all \d+", "shows all N", text)))
    return found


def refusal(folder: Path, text: str) -> list[str]:
    """What load_spec says of a file with this text; `seqnet check` must say the same."""
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    found = told(str(caught.value))
    checked = check_file(path)
    assert checked.errors == len(found)
    said = checked.unreadable or render_problems(checked.problems, checked.document)  # type: ignore[arg-type]
    assert [one for one in told(str(said)) if "warning: " not in one] == found
    return found


def test_the_base_of_all_cases_is_fine(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(BASE)
    assert check_file(tmp_path / "x.yaml").problems == []


@pytest.mark.parametrize("case", [*KEYS, *NAMES, *VALUES, *FORMS], ids=lambda case: " ".join(case[1].split())[:50])
def test_a_mistake_is_explained_at_its_place(case: Case, tmp_path: Path) -> None:
    old, new, *expected = case
    assert BASE.count(old) >= 1
    found = refusal(tmp_path, BASE.replace(old, new, 1))
    assert sorted(found) == sorted(expected)


MODELS = {
    "data: {dataset: iris}\n": "1:1 <> there is no model section | "
    "list the layers: model: [Flatten, Dense: {units: 10}]",
    "model:\n": "1:1 <model> the model has no layers | list the layers: model: [Flatten, Dense: {units: 10}]",
    "model: []\n": "1:8 <[]> the model has no layers | list the layers: model: [Flatten, Dense: {units: 10}]",
    "model: {}\n": "1:8 <{}> the model has no layers | list the layers: model: [Flatten, Dense: {units: 10}]",
    "model:\n  - Input: {shape: [3]}\n": "1:1 <model> the model has no layers besides Input | "
    "add one: - Dense: {units: 10}",
    "model:\n  Dense: {units: 3}\n": "1:1 <model> model must be a list of layers, got {Dense: {units: 3}} | "
    "begin each layer with a dash: - Dense: {units: 64}",
    "model: Dense\n": "1:8 <Dense> model must be a list of layers, got 'Dense' | "
    "begin each layer with a dash: - Dense: {units: 64}",
    "model:\n  layers:\n    - Flatten\n": "1:1 <model> model must be a list of layers, got {layers: ['Flatten']} | "
    "put the layers directly under model, without layers",
}


@pytest.mark.parametrize("text", MODELS, ids=lambda text: " ".join(text.split()))
def test_no_model(text: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text) == [MODELS[text]]


def test_all_mistakes_come_at_once_and_in_order(tmp_path: Path) -> None:
    text = BASE.replace("units: 16", "unit: 16").replace("adam", "adm").replace("epochs: 1", "epoch: 1")
    text = text.replace("dataset: iris", "dataset: irs").replace("val_loss}", "val_loss, patience: -1}")
    assert [one.split(" ")[0] for one in refusal(tmp_path, text)] == ["3:12", "7:13", "9:12", "12:12", "14:50"]


UNREADABLE = {
    "empty": (b"", "the file is empty", "`seqnet init` writes a file to start from"),
    "comments": (b"# nothing\n", "the file is empty", "`seqnet init`"),
    "binary": (bytes(range(256)), "this is not a text file", "seqnet reads a YAML file here"),
    "tabs": (b"model:\n\t- Flatten\n", "a tab can't be used to indent", "use spaces"),
    "broken": (b"model: [Flatten\n", "x.yaml:1:8: error:", ""),
    "duplicate": (b"model: [Flatten]\nmodel: [Flatten]\n", "x.yaml:2:1: error: the key 'model'", ""),
    "a list": (b"- Flatten\n", "got a list", "write model: above them"),
    "a word": (b"hello\n", "got a single value", ""),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_can_not_be_read(name: str, tmp_path: Path) -> None:
    content, message, hint = UNREADABLE[name]
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert message in str(caught.value) and hint in str(caught.value)
    checked = check_file(path)
    assert checked.document is None and str(checked.unreadable) == str(caught.value)
    assert checked.errors == 1


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "iris.yaml").write_text(BASE)
    for name, message in [
        ("irs.yaml", "there is no such file\n  = hint: did you mean .*iris.yaml?"),
        ("", "this is a folder, not a YAML file\n  = hint: give one of its files: .*iris.yaml"),
    ]:
        with pytest.raises(SpecError, match=message):
            load_spec(tmp_path / name)
        assert check_file(tmp_path / name).errors == 1


def test_an_anchor_bomb_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    path = tmp_path / "x.yaml"
    path.write_text("\n".join([*lines, "model: *a11", ""]))
    started = time.process_time()
    assert check_file(path).errors >= 1
    with pytest.raises(SpecError):
        load_spec(path)
    assert time.process_time() - started < 2


# -- very deep stacks -------------------------------------------------------------------------------------------------


def deep(folder: Path, layers: int, last: str = "{units: 3, activation: softmax}") -> Path:
    path = folder / "x.yaml"
    middle = "  - Dense: {units: 4, activation: tanh}\n" * (layers - 2)
    head, tail = BASE.split("  - Dense: {units: 16, activation: relu}\n  - Dense: {units: 3, activation: softmax}\n")
    path.write_text(f"{head}{middle}  - Dense: {last}\n{tail}")
    return path


def test_ten_thousand_layers_are_checked_quickly(tmp_path: Path) -> None:
    path = deep(tmp_path, 10_000)
    started = time.process_time()
    checked = check_file(path)
    assert checked.problems == []
    assert checked.summary is not None and len(checked.summary.rows) == 10_000
    assert time.process_time() - started < 5  # the bar
    assert load_spec(path).resolved()["model"][-1]["Dense"]["name"] == "dense_9998"


def test_the_last_of_ten_thousand_layers_is_wrong(tmp_path: Path) -> None:
    found = check_file(deep(tmp_path, 10_000, "{units: 2, activation: softmax}"))
    assert [problem.path for problem in found.problems] == [("model", 9999, "Dense", "units")]
    with pytest.raises(SpecError, match="x.yaml:10005:20: error: units must be a whole number > 0, got 0"):
        load_spec(deep(tmp_path, 10_000, "{units: 0}"))


def test_deep_stacks_train(tmp_path: Path) -> None:
    spec = load_spec(deep(tmp_path, 2000), ["training.steps_per_epoch=1", "callbacks=[]", "data.validation_split=0"])
    result = train(spec, runs=tmp_path / "runs", threads=1)
    assert np.isfinite(result.final["loss"])


# -- what only the data tell ------------------------------------------------------------------------------------------


def rows(folder: Path, **changes: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(60, 4)).astype(np.float32), "y": np.arange(60) % 3}
    np.savez(folder / "rows.npz", **{key: value for key, value in (arrays | changes).items() if value is not None})  # type: ignore[arg-type]


def with_value(value: float) -> np.ndarray:
    x = np.zeros((60, 4), np.float32)
    x[7, 2] = value
    return x


NPZ = BASE.replace("dataset: iris", "npz: rows.npz")
DATA_CASES = {
    "nan": (
        {"x": with_value(np.nan)},
        "3:8 <rows.npz> rows: x_train has 1 NaN (missing) value among 240; "
        "the first is at row 7, column 2 (counted from 0) | "
        "leave such rows out or fill the gaps, for instance with the column's mean",
    ),
    "infinity": (
        {"x": with_value(np.inf)},
        "3:8 <rows.npz> rows: x_train has 1 infinite value among 240; "
        "the first is at row 7, column 2 (counted from 0) | "
        "leave such rows out or fill the gaps, for instance with the column's mean",
    ),
    "nan_labels": (
        {"y": np.where(np.arange(60) == 4, np.nan, 1.0)},
        "3:8 <rows.npz> rows: y_train has 1 NaN (missing) "
        "value among 60; the first is at row 4 (counted from 0) | "
        "leave such rows out or fill the gaps, for instance with the column's mean",
    ),
    "too_large_label": (
        {"y": np.arange(60) % 7},
        "8:20 <3> sparse_categorical_crossentropy has 3 outputs but the "
        "largest label is 6: Dense units must be at least 7, one for each class (labels run from 0)",
    ),
    "negative_label": (
        {"y": np.arange(60) % 3 - 1},
        "10:7 <sparse_categorical_crossentropy> the smallest label is -1, "
        "but labels run from 0 to 2 | number the classes from 0",
    ),
    "no_labels": (
        {"y": None},
        "3:8 <rows.npz> rows.npz has no array 'y_train'; it holds x | "
        "say which array to use with y_train: NAME, or y_train: null where there are no targets",
    ),
    "lengths": (
        {"y": np.zeros(59, int)},
        "3:8 <rows.npz> rows: x_train has 60 rows but rows: y_train has 59 | each row needs exactly one",
    ),
    "text": (
        {"x": np.full((60, 4), "a")},
        "6:5 <Normalization> the rows of rows are texts, but layer 0 (normalization, Normalization) takes numbers | "
        "begin the model with TextVectorization: {output_sequence_length: 100}, then Embedding: "
        "{input_dim: 10000, output_dim: 64}",
    ),
}


@pytest.mark.parametrize("name", DATA_CASES)
def test_wrong_data_are_explained_at_their_place(name: str, tmp_path: Path) -> None:
    changes, expected = DATA_CASES[name]
    path = tmp_path / "x.yaml"
    path.write_text(NPZ)
    rows(tmp_path, **changes)
    checked = check_file(path)
    assert checked.document is not None
    found = told(render_problems(checked.problems, checked.document))
    assert [one.replace(f"{tmp_path}/", "") for one in found] == [expected]
    with pytest.raises(SeqnetError) as caught:
        train(load_spec(path), runs=tmp_path / "runs")
    assert caught.value.exit_code == 2
    assert [one.replace(f"{tmp_path}/", "") for one in told(str(caught.value))] == [expected]
    assert not (tmp_path / "runs").exists()


def test_files_of_data_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(NPZ.replace("rows.npz", "row.npz"))
    rows(tmp_path)
    with pytest.raises(DataError) as caught:
        load_spec(path).load_data()
    assert told(str(caught.value)) == [
        f"3:8 <row.npz> there is no file {tmp_path / 'row.npz'} | did you mean rows.npz?"
    ]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (
            "validation_split: 0.999",
            "4:21 <0.999> 60 rows can't be split with validation_split 0.999: no training row would be left",
        ),
        (
            "validation_split: 1.0e-20\n  validation_shuffle: false",
            "4:21 <1.0e-20> 60 rows can't be split with validation_split 1e-20: no validation row would be left",
        ),
        (
            "test_split: 0.999",
            "4:15 <0.999> 60 rows can't be split with test_split 0.999: no training row would be left",
        ),
    ],
)
def test_splits_that_leave_nothing(split: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(NPZ.replace("validation_split: 0.2", split).replace("val_loss", "loss"))
    rows(tmp_path)
    with pytest.raises(DataError) as caught:
        load_spec(path).load_data()
    found = told(str(caught.value))
    assert len(found) == 1 and found[0].startswith(expected)


def test_a_shape_mismatch_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(BASE.replace("  - Dense: {units: 3,", "  - Reshape: {target_shape: [5, 3]}\n  - Dense: {units: 3,"))
    expected = (
        "8:5 <Reshape> layer 2 (reshape, Reshape): rows of shape (16,) hold 16 numbers, "
        "but target_shape (5, 3) holds 15 | write -1 for one axis of target_shape to let it follow"
    )
    checked = check_file(path)
    assert checked.document is not None
    assert told(render_problems(checked.problems, checked.document)) == [expected]
    with pytest.raises(SpecError) as caught:
        train(load_spec(path), runs=tmp_path / "runs")
    assert told(str(caught.value)) == [expected]


def test_what_only_building_shows(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    cases = {
        ("activation: relu", "bias_initializer: identity"): "7:42 <identity> layer 1 (dense, Dense): dense/bias: "
        "Identity needs a weight with two axes, got shape (16,) | use Orthogonal or Zeros",
        ("adam", "{Adam: {weight_decay: 0.1, weight_decay_exclude: [kernl]}}"): "9:61 <[kernl]> weight_decay_exclude: "
        "no trained variable is named like kernl | there are dense/kernel, dense/bias, dense_1/kernel, dense_1/bias",
    }
    for (old, new), expected in cases.items():
        path.write_text(BASE.replace(old, new))
        checked = check_file(path)
        assert checked.document is not None
        assert told(render_problems(checked.problems, checked.document)) == [expected]
        with pytest.raises(SeqnetError) as caught:
            train(load_spec(path), runs=tmp_path / "runs")
        assert caught.value.exit_code == 2 and expected.split("| ")[1] in str(caught.value)
        assert not (tmp_path / "runs").exists()


def test_what_training_needs_is_named_with_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("model:\n  - Input: {shape: [4]}\n  - Dense: {units: 3}\n")
    with pytest.raises(SpecError) as caught:
        train(load_spec(path), runs=tmp_path / "runs")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[2] for line in lines if "error: " in line] == [
        f"training needs {key}, and this file has no {key} section" for key in ("data", "optimizer", "loss")
    ]
    assert sum("= hint: add " in line for line in lines) == 3
    checked = check_file(path)
    assert (checked.errors, checked.warnings) == (0, 3)
    assert checked.summary is not None  # but it can be summarized


def test_overrides_are_explained_in_their_own_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(BASE)
    with pytest.raises(SpecError) as caught:
        load_spec(path, ["model.1.Dense.units=many", "training.epoch=3"])
    assert "-s model.1.Dense.units=many: error: units must be a whole number > 0, got 'many'" in str(caught.value)
    assert "training has no option 'epoch'" in str(caught.value) and "did you mean epochs?" in str(caught.value)
