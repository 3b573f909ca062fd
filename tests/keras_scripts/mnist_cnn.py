"""A small convolutional network, built with add()."""

from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.datasets import fashion_mnist_mini
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from keras.models import Sequential, load_model
from keras.optimizers import Adam

(x_train, y_train), (x_test, y_test) = fashion_mnist_mini.load_data()
x_train = x_train[:512].reshape((-1, 28, 28, 1)) / 255.0
x_test = x_test[:128].reshape((-1, 28, 28, 1)) / 255.0
y_train, y_test = y_train[:512], y_test[:128]

model = Sequential()
model.add(Input(shape=(28, 28, 1)))
model.add(Conv2D(8, kernel_size=(3, 3), activation="relu", padding="same"))
model.add(BatchNormalization())
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(16, (3, 3), activation="relu"))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dropout(0.5))
model.add(Dense(10, activation="softmax"))
for layer in model.layers:
    print(layer.name, layer.output.shape, layer.count_params())

model.compile(optimizer=Adam(learning_rate=0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
callbacks = [
    EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True),
    ModelCheckpoint(filepath="best.keras", monitor="val_loss", save_best_only=True),
]
history = model.fit(x_train, y_train, epochs=2, batch_size=64, validation_split=0.1, callbacks=callbacks, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
best = load_model("best.keras")
again, _ = best.evaluate(x_test, y_test, verbose=0)

assert [layer.output.shape for layer in model.layers][:3] == [(None, 28, 28, 8)] * 2 + [(None, 14, 14, 8)]
assert len(history.history["val_loss"]) == 2
assert again > 0 and 0 <= accuracy <= 1
