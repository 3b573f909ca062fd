"""Film reviews as Keras's own examples take them: fetched, decoded, padded, averaged word vectors."""

import keras
from keras import layers
from keras.datasets import imdb, reuters

num_words, maxlen = 10000, 200
(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=num_words)
x_train, y_train = x_train[:200], y_train[:200]

words = {number + 3: word for word, number in imdb.get_word_index().items()}
words.update({0: "<pad>", 1: "<start>", 2: "<unknown>"})
decoded = " ".join(words[number] for number in x_train[0])
assert decoded.startswith("<start> ") and len(decoded.split()) == len(x_train[0])

x_train = keras.utils.pad_sequences(x_train, maxlen=maxlen)
x_test = keras.utils.pad_sequences(x_test[:30], maxlen=maxlen)
model = keras.Sequential(
    [
        layers.Embedding(num_words, 16, mask_zero=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=2, batch_size=64, validation_data=(x_test, y_test[:30]), verbose=0)
assert len(history.history["val_accuracy"]) == 2 and model.predict(x_test, verbose=0).shape == (30, 1)

(x_train, y_train), _ = reuters.load_data(path="reuters.npz", num_words=1000, test_split=0.1, skip_top=5, maxlen=150)
assert max(max(text) for text in x_train) < 1000 and len(reuters.get_label_names()) == 46
