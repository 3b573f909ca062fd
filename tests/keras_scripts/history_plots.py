"""What is plotted from a history, and the summary as lines."""

import keras
from keras import layers, regularizers
from keras.datasets import breast_cancer

(x, y), _ = breast_cancer.load_data()
x = (x - x.mean(axis=0)) / x.std(axis=0)


class Axes:
    """In the place of matplotlib."""

    lines = []

    def plot(self, x, y, style="", label=None):
        assert len(list(x)) == len(y)
        self.lines.append(label)


plt = Axes()
model = keras.models.Sequential(
    [
        layers.Input(shape=(30,)),
        layers.Dense(16, kernel_regularizer=regularizers.l1_l2(l1=1e-4, l2=1e-4), activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
hist = model.fit(x, y, epochs=4, batch_size=64, validation_split=0.4, verbose=0)
history_dict = hist.history
print(history_dict.keys())
acc, val_acc = history_dict["acc"], history_dict["val_acc"]
loss, val_loss = history_dict["loss"], history_dict["val_loss"]
epochs = range(1, len(acc) + 1)
plt.plot(epochs, loss, "bo", label="Training loss")
plt.plot(epochs, val_loss, "b", label="Validation loss")
plt.plot(hist.epoch, acc, label="Training acc")
plt.plot(hist.epoch, val_acc, label="Validation acc")

lines = []
model.summary(print_fn=lambda line, **kwargs: lines.append(line))
text = "\n".join(lines)
assert "Total params" in text and "dense" in text
assert isinstance(loss[0], float) and len(plt.lines) == 4
assert model.history is hist and hist.params["epochs"] == 4 and hist.model is model
