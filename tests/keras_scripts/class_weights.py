"""Unbalanced classes: class_weight, sample_weight, metrics as objects, an initial bias."""

import keras
import numpy as np
from keras import layers
from keras.datasets import breast_cancer

(x, y), _ = breast_cancer.load_data()
x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype("float32")
y = y.reshape(-1, 1)
keep = (y[:, 0] == 0) | (np.arange(len(y)) % 5 == 0)
x, y = x[keep], y[keep]
neg, pos = np.bincount(y[:, 0])
total = neg + pos
initial_bias = np.log([pos / neg])
class_weight = {0: (1 / neg) * (total / 2.0), 1: (1 / pos) * (total / 2.0)}
METRICS = [
    keras.metrics.BinaryCrossentropy(name="cross entropy"),
    keras.metrics.TruePositives(name="tp"),
    keras.metrics.FalsePositives(name="fp"),
    keras.metrics.BinaryAccuracy(name="accuracy"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="auc"),
    keras.metrics.AUC(name="prc", curve="PR"),
]
model = keras.Sequential(
    [
        keras.Input((x.shape[-1],)),
        layers.Dense(16, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1, activation="sigmoid", bias_initializer=keras.initializers.Constant(initial_bias[0])),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=keras.losses.BinaryCrossentropy(), metrics=METRICS)
before = model.evaluate(x, y, verbose=0, return_dict=True)
early_stopping = keras.callbacks.EarlyStopping(
    monitor="val_prc", verbose=1, patience=10, mode="max", restore_best_weights=True
)
history = model.fit(
    x,
    y,
    batch_size=32,
    epochs=5,
    callbacks=[early_stopping],
    validation_data=(x, y),
    class_weight=class_weight,
    verbose=0,
)
results = model.evaluate(x, y, batch_size=64, verbose=0)
for name, value in zip(model.metrics_names, results):
    print(name, ": ", value)
weights = np.where(y[:, 0] == 1, class_weight[1], class_weight[0])
model.fit(x, y, sample_weight=weights, epochs=1, verbose=0)

assert len(results) == 1 + len(METRICS)
assert set(before) == {"loss", *(metric.name for metric in METRICS)}
assert history.history["val_auc"][-1] > 0.9
