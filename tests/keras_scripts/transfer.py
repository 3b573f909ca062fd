"""Features of a trained stack under a new head, the old layers frozen first."""

import keras
import numpy as np
from keras import layers
from keras.datasets import digits

(x, y), (x_test, y_test) = digits.load_data()
x, x_test = x / 16.0, x_test / 16.0
base = keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(32, activation="relu", name="features")])
whole = keras.Sequential([*base.layers, layers.Dense(10, activation="softmax")])
whole.build((None, 8, 8))
whole.compile("adam", "sparse_categorical_crossentropy")
whole.fit(x, y, epochs=3, verbose=0)

for layer in whole.layers[:-1]:
    layer.trainable = False
head = keras.Sequential([keras.Input((8, 8)), *whole.layers[:-1], layers.Dense(2, activation="softmax", name="odd")])
head.compile("adam", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
before = whole.get_layer("features").get_weights()[0].copy()
head.fit(x, y % 2, epochs=2, verbose=0)
features = keras.Sequential([keras.Input((8, 8)), *whole.layers[:-1]]).predict(x_test, verbose=0)

assert np.array_equal(before, head.get_layer("features").get_weights()[0])
assert len(head.trainable_weights) == 2 and len(head.non_trainable_weights) == 2
assert features.shape == (len(x_test), 32) and features.max() > 0
assert head.evaluate(x_test, y_test % 2, verbose=0, return_dict=True)["accuracy"] > 0.6
