"""Write metrics.npz: every case's number, plain and weighted, from Keras 3 on JAX, scikit-learn, and a slow loop.

KERAS_BACKEND=jax python -m tests.reference.make_metrics OUTDIR
"""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
from keras.src.metrics import ALL_OBJECTS_DICT
from sklearn import metrics as sk

from tests.cases_metrics import AUTOMATIC, BEYOND, CASES, CUT, Case, make, step_weights_for, weights_for


def from_keras(case: Case, weights: np.ndarray | None) -> np.ndarray:
    """The result after the rows were fed in batches."""
    metric = getattr(keras.metrics, AUTOMATIC.get(case.name, case.metric))(**case.options)
    y_true, y_pred = make(case)
    for start, stop in zip(CUT, [*CUT[1:], len(y_pred)], strict=True):
        part = None if weights is None else weights[start:stop]
        if y_true is None:
            metric.update_state(y_pred[start:stop], sample_weight=part)
        else:
            metric.update_state(y_true[start:stop], y_pred[start:stop], sample_weight=part)
    return np.asarray(metric.result())


def from_elsewhere(case: Case, weights: np.ndarray | None) -> np.ndarray:
    y_true, y_pred = make(case)
    if case.metric == "ExpectedCalibrationError":
        return np.asarray(calibration_by_hand(case, weights))
    if y_pred.shape[-1] == 1:
        y_true, predicted = y_true[:, 0].astype(int), (y_pred[:, 0] > case.options.get("threshold", 0.5)).astype(int)
    else:
        predicted = y_pred.argmax(axis=-1)
    function = {
        "BalancedAccuracy": sk.balanced_accuracy_score,
        "MatthewsCorrelation": sk.matthews_corrcoef,
        "CohenKappa": sk.cohen_kappa_score,
    }[case.metric]
    options = {"weights": case.options["weights"]} if "weights" in case.options else {}
    return np.asarray(function(y_true, predicted, sample_weight=weights, **options))


def calibration_by_hand(case: Case, weights: np.ndarray | None) -> float:
    """Row by row, bin by bin."""
    y_true, y_pred = make(case)
    bins = case.options.get("num_bins", 15)
    rows = []
    for row in range(len(y_pred)):
        scores = y_pred[row].astype(float)
        if case.options.get("from_logits"):
            scores = np.exp(scores) / np.exp(scores).sum()
        if len(scores) == 1:
            scores = np.array([1 - scores[0], scores[0]])
        label = int(np.ravel(y_true[row])[0])
        rows.append((scores.max(), float(scores.argmax() == label), 1.0 if weights is None else float(weights[row])))
    error, total = 0.0, sum(weight for _, _, weight in rows)
    for b in range(bins):
        inside = [r for r in rows if b / bins < r[0] <= (b + 1) / bins]
        mass = sum(weight for _, _, weight in inside)
        if mass:
            accuracy = sum(right * weight for _, right, weight in inside) / mass
            confidence = sum(sure * weight for sure, _, weight in inside) / mass
            error += mass / total * abs(accuracy - confidence)
    return error


def signatures() -> list[str]:
    """ "name (arguments)" of every class and function."""
    public = {name: value for name, value in vars(keras.metrics).items() if callable(value) and name != "Metric"}
    public = {name: value for name, value in public.items() if name not in ("get", "serialize", "deserialize")}
    return [f"{name} {inspect.signature(value)}" for name, value in sorted(public.items())]


def strings() -> list[str]:
    """ "string Class" for every string that stands for a class or a function of values."""
    bases = ("Loss", "LossFunctionWrapper", "Metric", "MeanMetricWrapper")
    named = {name: value.__name__ for name, value in ALL_OBJECTS_DICT.items() if value.__name__ not in bases}
    return [f"{name} {value}" for name, value in sorted(named.items())]


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")  # IoU warns that it cuts weights
    found: dict[str, np.ndarray] = {}
    for case in CASES:
        compute = from_elsewhere if case.metric in BEYOND else from_keras
        found[f"{case.name}/plain"] = compute(case, None)
        found[f"{case.name}/weighted"] = compute(case, weights_for(case))
        if step_weights_for(case) is not None:
            found[f"{case.name}/steps"] = compute(case, step_weights_for(case))
    found["signatures"] = np.array(signatures())
    found["strings"] = np.array(strings())
    np.savez_compressed(folder / "metrics.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
