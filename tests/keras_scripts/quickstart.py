"""The quickstart for beginners: logits, a loss from them, and a model of a model that gives probabilities."""

import keras
import numpy as np
from keras.datasets import fashion_mnist_mini

(x_train, y_train), (x_test, y_test) = fashion_mnist_mini.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
x_train, y_train = x_train[:1000], y_train[:1000]

model = keras.models.Sequential(
    [
        keras.layers.Flatten(input_shape=(28, 28)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ]
)
predictions = np.asarray(model(x_train[:1]))
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
untrained = float(loss_fn(y_train[:1], predictions))
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
model.fit(x_train, y_train, epochs=3)
loss, accuracy = model.evaluate(x_test, y_test, verbose=2)

probability_model = keras.Sequential([model, keras.layers.Softmax()])
probabilities = np.asarray(probability_model(x_test[:5]))
also = probability_model.predict(x_test[:5])

assert predictions.shape == (1, 10) and 0 < untrained < 10
assert accuracy > 0.6
assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5) and np.allclose(probabilities, also, atol=1e-5)
assert np.array_equal(np.argmax(probabilities, axis=1), np.argmax(model.predict(x_test[:5]), axis=1))
