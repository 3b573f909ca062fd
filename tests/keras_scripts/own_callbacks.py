"""Callbacks of one's own, and LambdaCallback."""

import keras
import numpy as np
from keras import layers
from keras.datasets import iris

(x_train, y_train), (x_test, y_test) = iris.load_data()


class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs={}):
        self.losses = []

    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get("loss"))


class StopAtAccuracy(keras.callbacks.Callback):
    def __init__(self, accuracy):
        super().__init__()
        self.accuracy = accuracy

    def on_epoch_end(self, epoch, logs=None):
        keys = list(logs.keys())
        print(f"End epoch {epoch} of training; got log keys: {keys}")
        if logs["val_accuracy"] >= self.accuracy:
            print(f"Reached {self.accuracy:.0%}, stopping")
            self.model.stop_training = True


class Everything(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def on_train_begin(self, logs=None):
        self.seen.add("train")
        assert self.params["epochs"] == 60 and self.params["steps"] == 8

    def on_test_begin(self, logs=None):
        self.seen.add("test")

    def on_test_batch_end(self, batch, logs=None):
        self.seen.add(f"test batch {batch}")

    def on_predict_begin(self, logs=None):
        self.seen.add("predict")

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.add(f"predict batch {batch}")
        assert logs["outputs"].shape[1] == 3

    def on_predict_end(self, logs=None):
        self.seen.add("predicted")


model = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")])
model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
losses, everything, epochs = LossHistory(), Everything(), []
history = model.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=60,
    validation_data=(x_test, y_test),
    verbose=0,
    callbacks=[
        losses,
        everything,
        StopAtAccuracy(0.9),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((epoch, logs["loss"]))),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger("training.csv"),
    ],
)
model.predict(x_test, callbacks=[everything], verbose=0)
model.evaluate(x_test, y_test, callbacks=[everything], verbose=0)

assert len(history.epoch) < 60
assert len(losses.losses) == 8 * len(history.epoch)
assert [epoch for epoch, _ in epochs] == history.epoch
assert everything.seen >= {"train", "test", "test batch 0", "predict", "predict batch 0", "predicted"}
with open("training.csv") as f:
    assert len(f.readlines()) == 1 + len(history.epoch)
assert np.allclose([loss for _, loss in epochs], history.history["loss"])
