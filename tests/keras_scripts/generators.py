"""Data from generators and from a PyDataset."""

import keras
import numpy as np
from keras import layers
from keras.datasets import fashion_mnist_mini

(x_train, y_train), (x_test, y_test) = fashion_mnist_mini.load_data()
x_train, y_train = x_train[:640], y_train[:640]


def augmented(x, y, batch_size):
    while True:
        rows = np.random.randint(0, len(x), batch_size)
        images = x[rows].astype("float32") / 255.0
        flip = np.random.rand(batch_size) < 0.5
        images[flip] = images[flip, :, ::-1]
        yield images, y[rows]


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return int(np.ceil(len(self.x) / self.batch_size))

    def __getitem__(self, idx):
        low = idx * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high] / 255.0, np.array(self.y[low:high])


model = keras.Sequential(
    [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    augmented(x_train, y_train, 32),
    steps_per_epoch=10,
    epochs=3,
    validation_data=Batches(x_test[:200], y_test[:200], 64),
    verbose=0,
)
again = model.fit(Batches(x_train, y_train, 64, workers=1), epochs=2, verbose=0)
loss, accuracy = model.evaluate(Batches(x_test[:200], y_test[:200], 64), verbose=0)
outputs = model.predict(Batches(x_test[:200], y_test[:200], 64), verbose=0)
some = model.predict(augmented(x_test, y_test, 16), steps=3, verbose=0)

assert len(history.history["val_accuracy"]) == 3 and len(again.history["loss"]) == 2
assert outputs.shape == (200, 10) and some.shape == (48, 10)
assert accuracy > 0.4
