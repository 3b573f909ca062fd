"""Schedules, LearningRateScheduler, ReduceLROnPlateau, and a rate set by hand."""

import math

import keras
import numpy as np
from keras import layers
from keras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from keras.datasets import iris

(x, y), _ = iris.load_data()


def make(optimizer):
    model = keras.Sequential([keras.Input(shape=(4,)), layers.Dense(8, activation="relu"), layers.Dense(3, "softmax")])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


lr_schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, decay_steps=4, decay_rate=0.5, staircase=True)
model = make(keras.optimizers.SGD(learning_rate=lr_schedule))
model.fit(x, y, batch_size=32, epochs=2, verbose=0)
assert math.isclose(float(model.optimizer.learning_rate), 1e-2 * 0.25, rel_tol=1e-5)


def step_decay(epoch):
    return 0.1 * math.pow(0.5, math.floor((1 + epoch) / 2))


def warmup(epoch, lr):
    return lr if epoch < 1 else lr * 0.5


model = make("sgd")
history = model.fit(x, y, epochs=4, verbose=0, callbacks=[LearningRateScheduler(step_decay)])
assert np.allclose(history.history["learning_rate"], [0.1, 0.05, 0.05, 0.025])
model = make("adam")
history = model.fit(x, y, epochs=3, verbose=0, callbacks=LearningRateScheduler(warmup))
assert np.allclose(history.history["learning_rate"], [1e-3, 5e-4, 2.5e-4])

reduce_lr = ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=1, min_lr=0.001, min_delta=100.0)
model = make(keras.optimizers.Adam(learning_rate=0.01))
history = model.fit(x, y, epochs=4, validation_split=0.2, verbose=0, callbacks=[reduce_lr])
assert history.history["learning_rate"][0] > history.history["learning_rate"][-1]
model.optimizer.learning_rate.assign(0.002)
print(model.optimizer.learning_rate.numpy())
model.optimizer.learning_rate = 0.02
assert math.isclose(float(model.optimizer.learning_rate), 0.02, rel_tol=1e-6)
cosine = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=100)
assert math.isclose(float(cosine(50)), 0.05, rel_tol=1e-4)
