"""A loop of one's own over batches."""

import keras
import numpy as np
from keras import layers
from keras.datasets import digits

keras.utils.set_random_seed(3)
(x_train, y_train), (x_test, y_test) = digits.load_data()
x_train, x_test = x_train.reshape(len(x_train), -1) / 16.0, x_test.reshape(len(x_test), -1) / 16.0
batch_size, epochs = 32, 4

model = keras.models.Sequential()
model.add(layers.Dense(32, activation="relu", input_dim=64))
model.add(layers.Dense(10))
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
for epoch in range(epochs):
    order = np.random.permutation(len(x_train))
    losses = []
    for start in range(0, len(x_train), batch_size):
        batch = order[start : start + batch_size]
        loss, accuracy = model.train_on_batch(x_train[batch], y_train[batch])
        losses.append(loss)
    model.reset_metrics()
    test_loss, test_accuracy = model.test_on_batch(x_test, y_test)
    print("epoch %d: loss %.3f, test accuracy %.3f" % (epoch, np.mean(losses), test_accuracy))
    model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.8
logs = model.train_on_batch(x_train[:8], y_train[:8], return_dict=True)
logits = model.predict_on_batch(x_test)
also = np.asarray(model(x_test, training=False))

assert test_accuracy > 0.8
assert set(logs) == {"loss", "sparse_categorical_accuracy"}
assert abs(float(model.optimizer.learning_rate) - 0.1 * 0.8**4) < 1e-6
assert np.allclose(logits, also, atol=1e-5)
assert int(model.optimizer.iterations) == epochs * -(-len(x_train) // batch_size) + 1
