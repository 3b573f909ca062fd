"""Metrics: Keras's numbers whole and in batches, exact state, labels of either form, and messages that help.

Reference values are made by tests/reference/make_metrics.py from Keras 3 on JAX and, for what Keras lacks, from
scikit-learn and a slow loop.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from seqnet import losses, metrics
from seqnet.errors import DataError, ShapeError, SpecError
from seqnet.metrics import Metric
from seqnet.registry import components
from tests.cases_metrics import CASES, CUT, Case, make, step_weights_for, weights_for
from tests.reference import load_reference

EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
STEPS = [case for case in CASES if step_weights_for(case) is not None]


def build(case: Case) -> Metric:
    return metrics.get({case.metric: case.options})


def feed(
    metric: Metric, case: Case, weights: np.ndarray | None = None, start: int = 0, stop: int | None = None
) -> None:
    y_true, y_pred = make(case)
    part = slice(start, stop)
    arrays = [y_pred[part]] if y_true is None else [y_true[part], y_pred[part]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # IoU says that it cuts weights; tested below
        metric.update_state(*arrays, sample_weight=None if weights is None else weights[part])


def close(got: Any, expected: Any, tolerance: float = 2e-5) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * 1e-2)


# -- Keras's numbers -------------------------------------------------------------------------------------------------


@EVERY
def test_result(case: Case) -> None:
    for variant, weights in (("plain", None), ("weighted", weights_for(case))):
        metric = build(case)
        feed(metric, case, weights)
        result = metric.result()
        assert isinstance(result, np.ndarray) or type(result) is float
        close(result, load_reference("metrics")[f"{case.name}/{variant}"])


@pytest.mark.parametrize("case", STEPS, ids=[case.name for case in STEPS])
def test_weights_for_each_step(case: Case) -> None:
    metric = build(case)
    feed(metric, case, step_weights_for(case))
    close(metric.result(), load_reference("metrics")[f"{case.name}/steps"])


@EVERY
def test_whole_and_in_batches(case: Case) -> None:
    for weights in (None, weights_for(case)):
        whole, parts = build(case), build(case)
        feed(whole, case, weights)
        for start, stop in zip(CUT, [*CUT[1:], None], strict=True):
            feed(parts, case, weights, start, stop)
        close(parts.result(), whole.result(), 1e-12)


@EVERY
def test_state_round_trip(case: Case) -> None:
    """Stopped between batches and restored elsewhere, the result is the same to the last digit."""
    metric, other = build(case), build(case)
    feed(metric, case, stop=5)
    state = metric.state()
    assert all(isinstance(value, np.ndarray) and value.dtype == np.float64 for value in state.values())
    other.load_state(state)
    feed(metric, case, start=5)
    feed(other, case, start=5)
    np.testing.assert_array_equal(metric.result(), other.result())
    assert metric.state().keys() == other.state().keys()


@EVERY
def test_state_is_a_copy_and_reset_forgets(case: Case) -> None:
    metric = build(case)
    before = metric.result()
    feed(metric, case, stop=5)
    state = copy.deepcopy(metric.state())
    kept = metric.state()
    feed(metric, case, start=5)
    for name, value in state.items():
        np.testing.assert_array_equal(kept[name], value)
    result = metric.result()
    metric.reset_state()
    assert metric.state() == {}
    np.testing.assert_array_equal(metric.result(), before)
    feed(metric, case)
    close(metric.result(), result, 1e-12)


@EVERY
def test_inputs_stay_untouched(case: Case) -> None:
    y_true, y_pred = make(case)
    if y_true is None:
        return
    kept = y_true.copy(), y_pred.copy()
    build(case).update_state(y_true, y_pred)
    np.testing.assert_array_equal(y_true, kept[0])
    np.testing.assert_array_equal(y_pred, kept[1])


@EVERY
def test_nothing_fed_gives_a_number(case: Case) -> None:
    assert np.isfinite(build(case).result()).all()


# -- labels of either form, masks ------------------------------------------------------------------------------------

CLASSIFIERS = [
    case for case in CASES if case.true in ("one_hot", "integer") and case.pred in ("softmax", "wide", "tied", "normal")
    and case.options.get("axis") is None and case.metric not in ("KLDivergence", "Accuracy")
]  # fmt: skip


@pytest.mark.parametrize("case", CLASSIFIERS, ids=[case.name for case in CLASSIFIERS])
def test_integer_and_one_hot_labels_are_the_same(case: Case) -> None:
    y_true, y_pred = make(case)
    integers = y_true.argmax(axis=-1) if case.true == "one_hot" else y_true
    rows = np.eye(y_pred.shape[-1], dtype="float32")[integers]
    results = []
    for form in (integers, integers[..., None], rows):
        metric = build(case)
        metric.update_state(form, y_pred)
        results.append(metric.result())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-6)


# Those that compare numbers, or take no labels at all.
OF_NUMBERS = {
    "Accuracy", "ConcordanceCorrelation", "CosineSimilarity", "LogCoshError", "Mean", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "PearsonCorrelation", "Poisson",
    "R2Score", "RootMeanSquaredError", "Sum",
}  # fmt: skip
NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "MeanIoU": {"num_classes": 3},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
OF_CLASSES = sorted({cls.spec_name for cls in components("metric")} - OF_NUMBERS)


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("shape", [(40,), (8, 5)], ids=["rows", "steps"])
def test_every_metric_of_classes_takes_labels_of_either_form(name: str, shape: tuple[int, ...]) -> None:
    """With its default options, where Keras refuses one form or the other or gives another number."""
    rng = np.random.default_rng(3)
    y_pred, labels = rng.dirichlet(np.ones(3), shape).astype("float32"), rng.integers(0, 3, shape)
    rows, weights = np.eye(3)[labels], rng.integers(1, 4, shape)
    forms = (labels, labels[..., None], labels.astype("float32"), rows, rows.astype("float32"), rows.astype(bool))
    for weight in (None, weights):
        results = []
        for form in forms:
            metric = metrics.get({name: NEEDED.get(name, {})})
            metric.update_state(form, y_pred, weight)
            results.append(metric.result())
        for result in results[1:]:
            np.testing.assert_allclose(result, results[0], rtol=1e-6)


def test_class_maps_are_no_scores() -> None:
    """What holds class numbers is read as such, also where its width is the number of classes."""
    maps = np.array([[0, 1, 2], [2, 2, 1], [0, 1, 0]])
    other = np.array([[0, 2, 2], [1, 2, 1], [0, 1, 1]])
    assert metrics.MeanIoU(3)(maps, other.astype("float32")) == metrics.MeanIoU(3)(maps.ravel(), other.ravel())
    flat = metrics.MeanIoU(2)(np.array([0, 1]), np.array([0.0, 0.0], "float32"))
    assert flat == pytest.approx((1 / 2 + 0) / 2)


def test_mask_is_a_weight_of_zero() -> None:
    """Every metric honours masks; labels under one may be anything."""
    rng = np.random.default_rng(0)
    mask = rng.random((6, 4)) < 0.6
    y_true, y_pred = rng.integers(0, 3, (6, 4)), rng.random((6, 4, 3)).astype("float32")
    padded = np.where(mask, y_true, -1)
    for name in ("sparse_categorical_accuracy", "scce", "auc", "recall", "f1", "balanced_accuracy", "ece", "top_k"):
        name = {"scce": "sparse_categorical_crossentropy", "top_k": "top_k_categorical_accuracy"}.get(name, name)
        masked, alone = metrics.get(name), metrics.get(name)
        masked.update(padded, y_pred, None, mask)
        alone.update_state(y_true[mask], y_pred[mask])
        np.testing.assert_allclose(masked.result(), alone.result(), rtol=1e-6, err_msg=name)
    for name in ("rmse", "mse", "poisson"):
        masked, alone = metrics.get(name), metrics.get(name)
        masked.update(y_pred + 1, y_pred + 0.5, None, mask)
        alone.update_state((y_pred + 1)[mask], (y_pred + 0.5)[mask])
        np.testing.assert_allclose(masked.result(), alone.result(), rtol=1e-6, err_msg=name)


def test_mask_and_weights() -> None:
    mask = np.array([[True, False], [True, True]])
    metric = metrics.get("binary_accuracy")
    metric.update(np.ones((2, 2, 1)), np.array([[[1.0], [0.0]], [[0.0], [1.0]]]), np.array([[3.0], [1.0]]), mask)
    assert metric.result() == pytest.approx((3 + 0 + 1) / 5)


# -- metrics of their own kind ---------------------------------------------------------------------------------------


def test_ignored_class_does_not_count() -> None:
    """Keras's metric counts ignored entries as 0; its loss leaves them out, and so does this."""
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], "float32")
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    metric.update_state([1, 0, 1], p)
    assert metric.result() == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 2, rel=1e-6)
    metric.reset_state()
    metric.update_state([1, 0, 1], p, [3.0, 9.0, 1.0])
    assert metric.result() == pytest.approx(-(3 * np.log(0.5) + np.log(0.8)) / 4, rel=1e-6)


def test_a_vector_of_predictions_is_rows_of_one_value() -> None:
    metric = metrics.get("mse")
    metric.update_state([1.0, 2.0], [2.0, 2.0])
    metric.update_state([0.0], [4.0])
    assert metric.result() == pytest.approx(17 / 3)


def test_r2_without_variance() -> None:
    metric = metrics.R2Score()
    metric.update_state(np.full((5, 1), 0.1), np.full((5, 1), 0.2))
    assert metric.result() == 0.0
    metric.reset_state()
    metric.update_state(np.full((5, 1), 0.1), np.full((5, 1), 0.1))
    assert np.isnan(metric.result())  # Keras: 0/0 stays NaN


def test_r2_far_from_zero() -> None:
    """The variance of labels around 1e6 is not lost."""
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=100), rng.normal(size=100)
    metric = metrics.R2Score()
    metric.update_state(y + 1e6, p + 1e6)
    assert metric.result() == pytest.approx(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-6)


def test_r2_with_too_few_rows_to_adjust() -> None:
    metric = metrics.R2Score(num_regressors=9)
    metric.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    with pytest.warns(UserWarning, match="too few to adjust"):
        assert metric.result() == pytest.approx(0.5)


def test_correlation_over_rows_of_one_value() -> None:
    """Keras gives NaN for (N, 1); the correlation over the rows is what such a model is asked for."""
    rng = np.random.default_rng(0)
    t = rng.normal(5, 2, (40, 1)).astype("float32")
    p = t + rng.normal(0, 1, (40, 1)).astype("float32")
    pearson, concordance = metrics.PearsonCorrelation(), metrics.ConcordanceCorrelation()
    for part in (slice(0, 7), slice(7, 40)):
        pearson.update_state(t[part], p[part])
        concordance.update_state(t[part, 0], p[part])
    assert pearson.result() == pytest.approx(np.corrcoef(t[:, 0], p[:, 0])[0, 1], rel=1e-6)
    expected = 2 * np.cov(t[:, 0], p[:, 0], bias=True)[0, 1] / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)
    assert concordance.result() == pytest.approx(expected, rel=1e-5)
    weighted = metrics.PearsonCorrelation()
    weighted.update_state(t, p, np.arange(40.0))
    deviation = np.cov(t[:, 0], p[:, 0], aweights=np.arange(40.0))
    assert weighted.result() == pytest.approx(deviation[0, 1] / np.sqrt(deviation[0, 0] * deviation[1, 1]), rel=1e-6)


def test_correlation_of_constant_rows_is_zero() -> None:
    metric = metrics.PearsonCorrelation()
    metric.update_state(np.ones((2, 3)), np.arange(6.0).reshape(2, 3))
    assert metric.result() == 0.0


def test_iou_cuts_weights_and_says_so() -> None:
    """Keras's int accumulator takes 0.5 for 0."""
    metric = metrics.BinaryIoU(target_class_ids=[1])
    with pytest.warns(UserWarning, match="dtype: float32"):
        metric.update_state([1, 1, 0], [0.9, 0.2, 0.8], [0.5, 1.0, 1.0])
    assert metric.result() == pytest.approx(0.0)
    metric = metrics.BinaryIoU(target_class_ids=[1], dtype="float32")
    metric.update_state([1, 1, 0], [0.9, 0.2, 0.8], [0.5, 1.0, 1.0])
    assert metric.result() == pytest.approx(0.2)


def test_iou_takes_scores_where_ranks_tell() -> None:
    """MeanIoU on softmax maps, which Keras refuses unless sparse_y_pred is false."""
    rng = np.random.default_rng(0)
    maps, scores = rng.integers(0, 3, (4, 5)), rng.random((4, 5, 3))
    flat, sparse = metrics.MeanIoU(3), metrics.MeanIoU(3, sparse_y_pred=False)
    assert flat(maps, scores) == sparse(maps, scores)
    assert metrics.OneHotMeanIoU(3)(maps, scores) == flat.result()
    moved = metrics.OneHotMeanIoU(3, axis=1)(np.moveaxis(np.eye(3)[maps], -1, 1), np.moveaxis(scores, -1, 1))
    assert moved == flat.result()  # Keras sums its result along this axis and fails


def test_auc_of_perfect_and_reversed_scores() -> None:
    y = np.array([0, 0, 1, 1])
    assert metrics.AUC()(y, np.array([0.1, 0.2, 0.8, 0.9])) == pytest.approx(1.0)
    assert metrics.AUC()(y, np.array([0.9, 0.8, 0.2, 0.1])) == pytest.approx(0.0)
    assert metrics.AUC()(y, np.zeros(4)) == pytest.approx(0.5)


def test_scores_of_one_class_alone() -> None:
    """No label of a class, no prediction of one: nothing divides by 0."""
    p = np.array([[0.9, 0.1], [0.8, 0.2]], "float32")
    for name in ("precision", "recall", "auc", "f1", "balanced_accuracy", "mcc", "kappa", "ece"):
        assert np.isfinite(metrics.get(name)([0, 0], p)).all(), name
    assert metrics.CohenKappa()([0, 0], p) == 0.0
    assert metrics.BalancedAccuracy()([0, 0], p) == 1.0


@EVERY
def test_predictions_that_are_not_numbers(case: Case) -> None:
    """A diverged network makes no metric fail before the trainer can say what happened."""
    y_true, y_pred = make(case)
    if y_true is None or y_pred.dtype.kind != "f":
        return
    y_pred[1] = np.nan
    metric = build(case)
    metric.update_state(y_true, y_pred)
    metric.result()


def test_top_k_with_a_nan_at_the_label_misses() -> None:
    p = np.array([[np.nan, 0.5, 0.2], [0.1, np.nan, 0.9]], "float32")
    metric = metrics.SparseTopKCategoricalAccuracy(k=2)
    metric.update_state([0, 2], p)
    assert metric.result() == 0.5


# -- names, options, functions ---------------------------------------------------------------------------------------


def test_every_metric_has_a_case() -> None:
    assert {cls.spec_name for cls in components("metric")} == {case.metric for case in CASES}


def test_signatures_are_keras_signatures() -> None:
    """Options, order and defaults of every class and function, as inspect.signature shows them in Keras."""
    for line in load_reference("metrics")["signatures"]:
        name, shown = str(line).split(" ", 1)
        if name == "MeanMetricWrapper":
            continue  # takes any further arguments
        parameters = inspect.signature(getattr(metrics, name)).parameters.values()
        ours = ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters)
        if "name=None" in shown:  # there a counter makes the name
            ours = ours.replace(f"name={getattr(metrics, name).name.default!r}", "name=None")
        if "label_smoothing=0.0" not in shown:
            ours = ours.replace("label_smoothing=0.0", "label_smoothing=0")
        assert f"({ours})" == shown, name


@EVERY
def test_config_round_trip(case: Case) -> None:
    metric = build(case)
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert metrics.get(metric.to_spec()).get_config() == metric.get_config()
    assert metrics.get(metric.to_spec(full=True)).get_config() == metric.get_config()


def test_a_string_is_its_own_key() -> None:
    for name, expected in (
        ("mse", "MeanSquaredError"),
        ("AUC", "AUC"),
        ("auc", "AUC"),
        ("acc", "accuracy"),
        ("BCE", "BinaryCrossentropy"),
    ):
        metric = metrics.get(name)
        assert (metric.name, metric.spec_name, metric.to_spec()) == (name, expected, name)
    assert metrics.get({"AUC": {}}).name == "auc" and metrics.AUC().name == "auc"
    assert metrics.MeanIoU(2).name == "mean_io_u" and metrics.F1Score().name == "f1_score"
    assert metrics.AUC(name="mine").to_spec() == {"AUC": {"name": "mine"}}
    assert metrics.Recall(name=None).name == "recall"


def test_every_string_of_keras() -> None:
    """auc, AUC, mse, MeanSquaredError, …: the same metric here; accuracy is the one that fits the shapes."""
    for line in load_reference("metrics")["strings"]:
        string, name = str(line).split()
        if string == "accuracy":
            continue
        found = metrics.get({string: NEEDED.get(getattr(metrics, name).__name__, {})})
        expected = getattr(metrics, name)
        expected = getattr(expected, "component", expected)
        assert found.spec_name in (expected.spec_name, getattr(metrics, found.spec_name).spec_name), string
        assert found.spec_name == expected.spec_name or found.loss_class is expected, string


def test_accuracy_picks_by_shape() -> None:
    for labels, outputs, expected in (
        ((), (1,), "BinaryAccuracy"),
        ((1,), (1,), "BinaryAccuracy"),
        ((), (10,), "SparseCategoricalAccuracy"),
        ((1,), (10,), "SparseCategoricalAccuracy"),
        ((10,), (10,), "CategoricalAccuracy"),
        ((5,), (5, 10), "SparseCategoricalAccuracy"),
        ((5, 10), (5, 10), "CategoricalAccuracy"),
    ):
        for name in ("accuracy", "acc", "Accuracy"):
            metric = metrics.resolve_metric(name, labels, outputs)
            assert (metric.spec_name, metric.name) == (expected, name)
        assert metrics.resolve_metric(metrics.get("accuracy"), labels, outputs).name == "accuracy"
    # The word Accuracy means the same in Keras's compile; the class, and `Accuracy: {}`, are exact equality.
    assert metrics.resolve_metric(metrics.get("Accuracy"), (), (10,)).spec_name == "SparseCategoricalAccuracy"
    for exact in (metrics.Accuracy(), {"Accuracy": {}}, metrics.Accuracy):
        assert metrics.resolve_metric(exact, (), (10,)).spec_name == "Accuracy"
    assert metrics.get("Accuracy").to_spec() == "Accuracy" and metrics.Accuracy().to_spec() == {"Accuracy": {}}
    assert metrics.get("Accuracy").spec_name == "Accuracy" and metrics.get("accuracy").spec_name == "accuracy"


def test_resolving_other_metrics() -> None:
    assert metrics.resolve_metric("mse", (), (1,)).name == "mse"
    with pytest.raises(SpecError, match="can't compare labels and outputs"):
        metrics.resolve_metric("mean", (), (1,))
    with pytest.raises(SpecError, match="did you mean"):
        metrics.resolve_metric("acuracy", (), (1,))
    with pytest.raises(SpecError, match="no metric named 'crossentropy'"):
        metrics.resolve_metric("crossentropy", (), (1,))


def half_off(y_true: np.ndarray, y_pred: np.ndarray, tolerance: float = 0.5) -> np.ndarray:
    return np.abs(y_true - y_pred) < tolerance


def test_functions_as_metrics() -> None:
    metric = metrics.resolve_metric(half_off, (1,), (1,))
    assert metric.name == "half_off" and metric.direction is None
    assert metric(np.array([[1.0], [2.0]]), np.array([[1.2], [3.0]])) == 0.5
    assert metrics.MeanMetricWrapper(half_off, name="near", tolerance=2.0)(np.zeros((2, 1)), np.ones((2, 1))) == 1.0
    wrapped = metrics.get(losses.Huber(delta=2.0))
    assert wrapped.name == "huber_loss" and wrapped.direction == "min"
    assert wrapped(np.zeros((2, 1)), np.array([[1.0], [3.0]])) == pytest.approx((0.5 + 4) / 2)
    assert metrics.get(metrics.mean_squared_error).spec_name == "MeanSquaredError"
    assert metrics.get(metrics.mean_squared_error).name == "mean_squared_error"
    assert metrics.get(metrics.huber).name == "huber"
    assert metrics.get(metrics.BinaryAccuracy).name == "binary_accuracy"
    assert metrics.get(None) is None
    assert metric.get_config()["fn"] == "half_off"
    assert isinstance(copy.deepcopy(metric).fn, type(half_off))


def test_functions_give_values() -> None:
    y, p = np.array([0, 2]), np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]], "float32")
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy(y, p), np.array([1, 0], "float32"))
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy(y, p, 2), [1, 0])
    np.testing.assert_array_equal(metrics.categorical_accuracy(np.eye(3)[y], p), [1, 0])
    np.testing.assert_array_equal(metrics.binary_accuracy([[1], [0]], [[0.6], [0.7]], threshold=0.65), [[0], [0]])
    assert metrics.pearson_correlation([[0, 1, 0.5]], [[0.1, 0.9, 0.4]]).shape == (1,)
    assert metrics.sparse_categorical_accuracy(y, p).dtype == np.float32


def test_directions() -> None:
    expected = {
        "max": ["accuracy", "auc", "precision", "recall", "f1", "mean_iou", "r2", "cosine_similarity", "mcc", "kappa"],
        "min": ["mse", "rmse", "mae", "bce", "hinge", "poisson", "kld", "ece", "logcosh"],
    }
    found = {cls.spec_name: cls.direction for cls in components("metric")}
    for direction, names in expected.items():
        for name in names:
            name = {"mean_iou": "mean_io_u"}.get(name, name)
            assert found[metrics.base.lookup("metric", name).spec_name] == direction
    assert {name for name, direction in found.items() if direction is None} == {
        "Mean", "Sum", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"
    }  # fmt: skip


def test_a_metric_of_ones_own() -> None:
    class Bias(Metric):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.add("total", float(np.sum(y_pred - y_true)))
            self.add("count", np.size(y_true))

        def result(self) -> float:
            return self.ratio("total", "count")

    metric = Bias()
    assert metric.name == "bias" and metric.result() == 0.0
    metric.update(np.zeros(4), np.array([1.0, 1, 0, 0]))
    assert metric.result() == 0.5
    assert metrics.get(Bias).name == "bias"


# -- wrong input -----------------------------------------------------------------------------------------------------

P = np.full((4, 3), 0.3, "float32")
WRONG = [
    ("accuracy", np.zeros((4, 2)), P, ShapeError, "one integer for each row of 3 scores, or one-hot rows"),
    ("Accuracy", np.zeros(4), P, ShapeError, "use the metric accuracy"),
    ("binary_accuracy", np.zeros((4, 2)), P, ShapeError, "do not fit"),
    ("mse", np.zeros((4, 1)), P, ShapeError, "the last layer must give 1 value a row"),
    ("rmse", np.zeros((4, 1)), P, ShapeError, "do not fit"),
    ("auc", np.zeros((4, 2)), P, ShapeError, "do not fit"),
    ("auc", np.array([0, 1, 2, 3]), P, DataError, "auc: label 3 in row 3 is out of range"),
    ("f1", np.zeros((3, 3)), P, ShapeError, "same number of rows"),
    ("balanced_accuracy", np.array([0, 1, 2, 3]), P, DataError, "label 3 in row 3"),
    ("top_k_categorical_accuracy", np.array([0, -1, 2, 3]), P, DataError, "label -1 in row 1"),
    ("r2", np.zeros((4, 3, 1)), P[..., None], ShapeError, r"\(N, D\)"),
    ({"Precision": {"class_id": 3}}, np.zeros((4, 3)), P, ShapeError, "no class 3 in predictions"),
    ({"AUC": {"multi_label": True}}, np.zeros(4), P[:, 0], ShapeError, r"multi_label needs predictions \(N, columns\)"),
    ({"AUC": {"multi_label": True, "num_labels": 2}}, np.zeros((4, 3)), P, ShapeError, r"\(N, 2\), got \(4, 3\)"),
    ({"AUC": {"label_weights": [1.0]}}, np.zeros((4, 3)), P, ShapeError, "1 label_weights for 3 columns"),
    ({"MeanIoU": {"num_classes": 3}}, np.zeros((4, 2), int), P, ShapeError, "sparse_y_pred: false"),
    ({"BinaryIoU": {}}, np.zeros((4, 2)), P, ShapeError, "do not fit"),
]


@pytest.mark.parametrize(("name", "y_true", "y_pred", "error", "says"), WRONG)
def test_wrong_shapes(name: Any, y_true: np.ndarray, y_pred: np.ndarray, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        metrics.get(name).update_state(y_true, y_pred)


def test_wrong_weights() -> None:
    for name in ("mse", "accuracy", "auc", "f1", "r2", "balanced_accuracy", "ece"):
        with pytest.raises(ShapeError, match="sample_weight of shape"):
            metrics.get(name).update_state(np.zeros((4, 1)), P[:, :1], np.ones(3))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"AUC": {"num_thresholds": 1}}, "num_thresholds must be a whole number > 1"),
        ({"AUC": {"curve": "RUC"}}, "did you mean ROC"),
        ({"AUC": {"num_labels": 3}}, "only for multi_label: true"),
        ({"Precision": {"thresholds": 1.5}}, "thresholds must be"),
        ({"FBetaScore": {"beta": 0}}, "beta must be a number > 0"),
        ({"F1Score": {"beta": 2}}, "no option 'beta'"),
        ({"F1Score": {"threshold": 0}}, "threshold must be"),
        ({"IoU": {"num_classes": 2, "target_class_ids": [2]}}, "no class 2 among 2"),
        ({"IoU": {"num_classes": 2, "target_class_ids": []}}, "at least 1"),
        ({"PrecisionAtRecall": {}}, "needs recall"),
        ({"R2Score": {"class_aggregation": "mean"}}, "class_aggregation must be"),
    ],
)
def test_wrong_options(spec: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        metrics.get(spec)


def test_suspicious_outputs() -> None:
    """For check: what trains but says nothing."""
    assert "set threshold: 0.5" in metrics.F1Score().output_problem((1,))
    assert metrics.F1Score(threshold=0.5).output_problem((1,)) is None
    assert metrics.F1Score().output_problem((3,)) is None
    assert "use accuracy" in metrics.Accuracy().output_problem((3,))
    assert metrics.AUC().output_problem((1,)) is None
