"""Regression with k-fold validation, as in the book: a function builds a new model for each fold."""

import keras
import numpy as np
from keras import layers
from keras.datasets import diabetes

(train_data, train_targets), (test_data, test_targets) = diabetes.load_data()
mean = train_data.mean(axis=0)
std = train_data.std(axis=0)
train_data = (train_data - mean) / std
test_data = (test_data - mean) / std
train_targets, test_targets = train_targets / 100, test_targets / 100


def build_model():
    model = keras.Sequential(
        [layers.Dense(32, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(1)]
    )
    model.compile(optimizer="rmsprop", loss="mean_squared_error", metrics=["mean_absolute_error"])
    return model


k = 3
num_val_samples = len(train_data) // k
num_epochs = 8
all_scores = []
all_mae_histories = []
for i in range(k):
    print(f"Processing fold #{i}")
    fold = slice(i * num_val_samples, (i + 1) * num_val_samples)
    partial_train_data = np.concatenate([train_data[: fold.start], train_data[fold.stop :]], axis=0)
    partial_train_targets = np.concatenate([train_targets[: fold.start], train_targets[fold.stop :]], axis=0)
    keras.backend.clear_session()
    model = build_model()
    history = model.fit(
        partial_train_data,
        partial_train_targets,
        validation_data=(train_data[fold], train_targets[fold]),
        epochs=num_epochs,
        batch_size=16,
        verbose=0,
    )
    all_mae_histories.append(history.history["val_mean_absolute_error"])
    val_mse, val_mae = model.evaluate(train_data[fold], train_targets[fold], verbose=0)
    all_scores.append(val_mae)
average_mae_history = [np.mean([x[i] for x in all_mae_histories]) for i in range(num_epochs)]
print(np.mean(all_scores))

assert len(average_mae_history) == num_epochs
assert average_mae_history[-1] < average_mae_history[0]
assert np.mean(all_scores) < 1.0
