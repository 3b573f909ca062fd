"""Reviews of different length, padded, through an embedding and an LSTM."""

import numpy as np
from keras.layers import LSTM, Bidirectional, Dense, Embedding
from keras.models import Sequential
from keras.utils import pad_sequences

max_features, maxlen = 50, 20
rng = np.random.default_rng(1)
reviews = [rng.integers(1, max_features, size=rng.integers(5, 40)).tolist() for _ in range(300)]
labels = np.array([int(np.mean(review[-10:]) > 25) for review in reviews])
x = pad_sequences(reviews, maxlen=maxlen)
x_train, x_val, y_train, y_val = x[:250], x[250:], labels[:250], labels[250:]

model = Sequential()
model.add(Embedding(max_features, 8, mask_zero=True))
model.add(Bidirectional(LSTM(8, return_sequences=True)))
model.add(LSTM(8, dropout=0.2))
model.add(Dense(1, activation="sigmoid"))
model.summary()
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=2, validation_data=(x_val, y_val), verbose=0)
predictions = (model.predict(x_val, verbose=0) > 0.5).astype("int32")

assert x.shape == (300, 20) and x[0, -1] == reviews[0][-1]
assert predictions.shape == (50, 1)
assert history.history["loss"][-1] < 0.7
