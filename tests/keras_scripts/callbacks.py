"""Averaged weights in validation, and a fit that goes on after an interruption."""

import os

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y = (x.sum(axis=1, keepdims=True) > 0).astype("float32")


def build():
    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)]
    )
    optimizer = keras.optimizers.Adam(learning_rate=0.01, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer=optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise RuntimeError("interrupted")


callbacks = [
    keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
    keras.callbacks.ModelCheckpoint("average-{epoch}.weights.h5", save_weights_only=True),
    keras.callbacks.CSVLogger("log.csv"),
]
model = build()
history = model.fit(x, y, epochs=4, batch_size=16, validation_split=0.25, callbacks=callbacks, verbose=0)
assert len(history.history["val_loss"]) == 4
final = [w.copy() for w in model.get_weights()]
model.load_weights("average-4.weights.h5")
assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(final, model.get_weights()))

backup = keras.callbacks.BackupAndRestore("backup", save_freq="epoch", delete_checkpoint=True)
model = build()
try:
    model.fit(x, y, epochs=5, batch_size=16, callbacks=[backup, Interrupt()], verbose=0)
except RuntimeError:
    pass
assert os.path.exists("backup")
model = build()
history = model.fit(x, y, epochs=5, batch_size=16, callbacks=[backup], verbose=0)
assert len(history.history["loss"]) == 2
assert not os.path.exists("backup")
