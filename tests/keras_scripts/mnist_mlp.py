"""The first network of every tutorial: images of 28 x 28, one hidden layer, dropout."""

import keras
import numpy as np
from keras import layers
from keras.datasets import fashion_mnist_mini
from keras.utils import to_categorical

keras.utils.set_random_seed(812)
num_classes = 10
(x_train, y_train), (x_test, y_test) = fashion_mnist_mini.load_data()
x_train, y_train, x_test, y_test = x_train[:1500], y_train[:1500], x_test[:300], y_test[:300]
x_train = x_train.reshape(-1, 784).astype("float32") / 255
x_test = x_test.reshape(-1, 784).astype("float32") / 255
print(x_train.shape[0], "train samples")
y_train = to_categorical(y_train, num_classes)
y_test = to_categorical(y_test, num_classes)

model = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(num_classes, activation="softmax"),
    ],
    name="mlp",
)
model.summary()
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(), metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=64, epochs=3, verbose=1, validation_data=(x_test, y_test))
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])
probabilities = model.predict(x_test[:5])
print("Predicted:", np.argmax(probabilities, axis=1), "true:", np.argmax(y_test[:5], axis=1))

assert score[1] > 0.6
assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
assert probabilities.shape == (5, 10)
