"""Saving and loading: whole models, weights, the architecture as JSON; clones; layers by name."""

import keras
import numpy as np
from keras import layers
from keras.datasets import wine
from keras.models import clone_model, load_model, model_from_json

(x, y), (x_test, y_test) = wine.load_data()
x, x_test = (x - x.mean(0)) / x.std(0), (x_test - x.mean(0)) / x.std(0)
model = keras.Sequential(name="wine")
model.add(keras.Input(shape=(13,)))
model.add(layers.Dense(16, activation="relu", name="hidden", kernel_regularizer=keras.regularizers.l2(1e-3)))
model.add(layers.Dense(3, activation="softmax", name="output"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
expected = model.predict(x_test, verbose=0)

model.save("wine.keras")
restored = load_model("wine.keras")
assert np.allclose(restored.predict(x_test, verbose=0), expected, atol=1e-6)
restored.fit(x, y, epochs=1, verbose=0)

model.save_weights("wine.weights.h5")
json_string = model.to_json()
fresh = model_from_json(json_string)
fresh.load_weights("wine.weights.h5")
assert np.allclose(fresh.predict(x_test, verbose=0), expected, atol=1e-6)
same = keras.Sequential.from_config(model.get_config())
same.set_weights(model.get_weights())
assert np.allclose(same.predict(x_test, verbose=0), expected, atol=1e-6)
clone = clone_model(model)
assert not np.allclose(clone.get_weights()[0], model.get_weights()[0])

hidden = model.get_layer("hidden")
kernel, bias = hidden.get_weights()
assert kernel.shape == (13, 16) and bias.shape == (16,)
assert model.get_layer(index=1).name == "output" and model.layers[0].units == 16
assert hidden.get_config()["units"] == 16 and model.count_params() == 13 * 16 + 16 + 16 * 3 + 3
for layer in model.layers:
    print(layer.name, layer.trainable, [w.shape for w in layer.weights])
hidden.trainable = False
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(x, y, epochs=1, verbose=0)
assert np.array_equal(hidden.get_weights()[0], kernel) and len(model.trainable_weights) == 2
