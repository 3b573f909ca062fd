"""A series forecast with windows: Conv1D, GRU, mae, numpy slicing."""

import keras
import numpy as np
from keras.layers import GRU, Conv1D, Dense, GlobalAveragePooling1D, TimeDistributed
from keras.models import Sequential

series = np.sin(np.arange(600) * 0.1) + 0.05 * np.random.default_rng(0).normal(size=600)


def create_dataset(dataset, look_back=1):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back - 1):
        dataX.append(dataset[i : (i + look_back)])
        dataY.append(dataset[i + look_back])
    return np.array(dataX), np.array(dataY)


look_back = 12
x, y = create_dataset(series, look_back)
x = np.reshape(x, (x.shape[0], x.shape[1], 1))
model = Sequential()
model.add(Conv1D(filters=8, kernel_size=3, activation="relu", padding="causal", input_shape=(look_back, 1)))
model.add(GRU(8, return_sequences=True))
model.add(TimeDistributed(Dense(4)))
model.add(GlobalAveragePooling1D())
model.add(Dense(1))
model.compile(loss="mae", optimizer=keras.optimizers.Adam(learning_rate=0.01, clipnorm=1.0), metrics=["mse"])
history = model.fit(x[:400], y[:400], epochs=3, batch_size=32, verbose=0, shuffle=False)
forecast = model.predict(x[400:], verbose=0).flatten()
error = np.sqrt(np.mean((forecast - y[400:]) ** 2))

assert history.history["loss"][-1] < history.history["loss"][0]
assert forecast.shape == y[400:].shape and error < 1.0
