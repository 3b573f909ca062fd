"""Losses: Keras's numbers, true gradients, shares that add up, and messages that say what to do.

Reference values are made by tests/reference/make_losses.py from Keras 3 on JAX.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from seqnet import activations, losses
from seqnet.errors import DataError, ShapeError, SpecError, UsageError
from seqnet.losses import Loss
from seqnet.registry import components
from tests.cases_losses import CASES, NUMBERS, Case, make, mask_for, weights_for
from tests.reference import load_reference

EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def build(case: Case, **options: Any) -> Loss:
    return losses.get({case.loss: {**case.options, **options}})


def reference(case: Case, key: str) -> np.ndarray:
    return load_reference("losses")[f"{case.name}/{key}"]


def close(got: Any, expected: Any, tolerance: float = 2e-5) -> None:
    """Equal within a share of the largest magnitude."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(np.abs(expected).max(initial=0), 1e-30))


def variants(case: Case) -> Iterator[tuple[str, np.ndarray | None, np.ndarray | None]]:
    """(name, weights, mask) for the forms the reference has."""
    shape = reference(case, "values").shape
    weights = weights_for(case, shape)
    yield "plain", None, None
    yield "weighted", weights, None
    if f"{case.name}/masked/numbers" in load_reference("losses"):
        yield "masked", weights, mask_for(case)


# -- Keras's numbers -------------------------------------------------------------------------------------------------


@EVERY
def test_values(case: Case) -> None:
    values = build(case).values(*make(case))
    assert values.dtype == np.float32
    close(values, reference(case, "values"))


@EVERY
def test_every_reduction(case: Case) -> None:
    y_true, y_pred = make(case)
    for variant, weights, mask in variants(case):
        got = [
            build(case, reduction=reduction).value_and_gradient(y_true, y_pred, weights, mask)[0]
            for reduction in NUMBERS
        ]
        assert all(type(number) is float for number in got)
        np.testing.assert_allclose(got, reference(case, f"{variant}/numbers"), rtol=2e-5, atol=1e-7)


@EVERY
def test_called_like_a_function(case: Case) -> None:
    y_true, y_pred = make(case)
    for variant, weights, mask in variants(case):
        if mask is None:
            numbers = [build(case, reduction=reduction)(y_true, y_pred, weights) for reduction in NUMBERS]
            np.testing.assert_allclose(numbers, reference(case, f"{variant}/numbers"), rtol=2e-5, atol=1e-7)
            if reference(case, "values").ndim:
                close(build(case, reduction="none")(y_true, y_pred, weights), reference(case, f"{variant}/none"))


@EVERY
def test_gradient_is_keras_gradient(case: Case) -> None:
    y_true, y_pred = make(case)
    for variant, weights, mask in variants(case):
        gradient = build(case).value_and_gradient(y_true, y_pred, weights, mask)[1]
        assert gradient is not None and gradient.dtype == np.float32
        close(gradient, reference(case, f"{variant}/gradient"))


# -- gradients -------------------------------------------------------------------------------------------------------


def central_differences(function: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-4) -> np.ndarray:
    """Fourth-order central differences: (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h."""
    slope = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        total = 0.0
        for steps, factor in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = x.copy()
            moved[index] += steps * h
            total += factor * function(moved)
        slope[index] = total / (12 * h)
    return slope


@EVERY
def test_vjp_is_the_derivative(case: Case) -> None:
    y_true, y_pred = make(case, "float64")
    y_pred = np.ascontiguousarray(y_pred[:5])
    y_true = y_true[:5]
    loss = build(case)
    shape = loss.values(y_true, y_pred).shape
    weights = np.random.default_rng(3).uniform(-1, 1, shape)
    gradient = loss.vjp(y_true, y_pred, weights)
    assert gradient.dtype == np.float64 and gradient.shape == y_pred.shape
    expected = central_differences(lambda p: float(np.sum(weights * loss.values(y_true, p))), y_pred, 1e-5)
    close(gradient, expected, 1e-6)


@EVERY
@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_gradient_of_the_number(case: Case, reduction: str) -> None:
    """The gradient is that of the number, with weights and mask too (the default reduction is compared with Keras)."""
    y_true, y_pred = make(case, "float64")
    if y_pred.size > 100:
        return  # test_vjp_is_the_derivative is enough for the long ones
    loss = build(case, reduction=reduction)
    for _, weights, mask in variants(case):
        _, gradient = loss.value_and_gradient(y_true, y_pred, weights, mask)

        def number(p: np.ndarray, weights: Any = weights, mask: Any = mask) -> float:
            return loss.value_and_gradient(y_true, p, weights, mask, need_gradient=False)[0]

        close(gradient, central_differences(number, y_pred, 1e-5), 1e-6)


@EVERY
def test_inputs_stay_untouched(case: Case) -> None:
    y_true, y_pred = make(case)
    before = y_true.copy(), y_pred.copy()
    weights = weights_for(case, reference(case, "values").shape)
    kept = weights.copy()
    _, gradient = build(case).value_and_gradient(y_true, y_pred, weights)
    assert gradient is not None and not np.shares_memory(gradient, y_pred)
    np.testing.assert_array_equal(y_true, before[0])
    np.testing.assert_array_equal(y_pred, before[1])
    np.testing.assert_array_equal(weights, kept)


def test_dtype_option() -> None:
    y_true, y_pred = np.ones((2, 3), "float32"), np.full((2, 3), 0.25, "float32")
    loss = losses.MeanSquaredError(dtype="float64")
    assert loss.values(y_true, y_pred).dtype == np.float64
    assert loss.vjp(y_true, y_pred, 1.0).dtype == np.float32
    assert losses.MeanSquaredError().values([[1, 2]], [[1.5, 2.5]]).dtype == np.float32


# -- shards ----------------------------------------------------------------------------------------------------------


def in_shards(loss: Loss, edges: list[int], *arrays: np.ndarray | None) -> tuple[float, np.ndarray]:
    """The loss and gradient of a batch cut at `edges`, with a sum over the shards as the workers make it."""
    rows = edges[-1]
    parts = [[None if a is None else a[i:j] for a in arrays] for i, j in zip(edges, edges[1:], strict=False)]
    asked: list[list[np.ndarray]] = []
    for part in parts:
        calls: list[np.ndarray] = []
        loss.value_and_gradient(*part, rows=rows, all_reduce=lambda a, calls=calls: calls.append(a) or a)
        asked.append(calls)
    totals = [sum(together) for together in zip(*asked, strict=True)]
    results = []
    for part in parts:
        replies = iter(totals)
        results.append(loss.value_and_gradient(*part, rows=rows, all_reduce=lambda a, replies=replies: next(replies)))
    return sum(value for value, _ in results), np.concatenate([gradient for _, gradient in results])


@EVERY
def test_shares_add_up(case: Case) -> None:
    y_true, y_pred = make(case, "float64")
    rows = len(y_pred)
    for _, weights, mask in variants(case):
        for reduction in NUMBERS:
            loss = build(case, reduction=reduction)
            if loss.whole_batch:
                assert case.loss in ("Dice", "Tversky", "Circle")
                continue
            whole, gradient = loss.value_and_gradient(y_true, y_pred, weights, mask)
            value, joined = in_shards(loss, [0, rows - 1, rows], y_true, y_pred, weights, mask)
            np.testing.assert_allclose(value, whole, rtol=1e-12)
            close(joined, gradient, 1e-12)


def test_a_shard_without_a_mask_needs_no_other() -> None:
    """Without masks and weights' sums no shard has to wait for the others."""
    y_true, y_pred = make(CASES[0])
    loss = losses.MeanSquaredError()
    assert not loss.couples_rows
    loss.value_and_gradient(y_true, y_pred, rows=12, all_reduce=lambda a: pytest.fail("asked"))
    assert losses.MeanSquaredError(reduction="mean_with_sample_weight").couples_rows
    assert losses.SparseCategoricalCrossentropy(ignore_class=0).couples_rows


def test_whole_batch_losses() -> None:
    assert losses.Circle().whole_batch and losses.Dice().whole_batch and losses.Tversky(axis=0).whole_batch
    assert losses.Dice(axis=(-3, -2, -1)).whole_batch  # may be the batch axis
    assert not losses.Dice(axis=(1, 2, 3)).whole_batch and not losses.Dice(axis=-1).whole_batch


def test_a_vector_of_predictions_is_rows_of_one_value() -> None:
    y_true, y_pred, weights = np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 3.0])
    loss = losses.MeanSquaredError()
    assert loss(y_true, y_pred) == pytest.approx(5 / 3)
    assert loss(y_true, y_pred, weights) == pytest.approx(13 / 3)
    value, gradient = in_shards(loss, [0, 2, 3], y_true, y_pred, weights)
    assert value == pytest.approx(13 / 3)
    np.testing.assert_allclose(gradient, [2 / 3, 0, -4])
    np.testing.assert_allclose(loss.values(y_true, y_pred), 5 / 3)  # Keras's values: the mean over the only axis


@pytest.mark.parametrize("name", ["MeanSquaredError", "SparseCategoricalCrossentropy", "BinaryCrossentropy"])
def test_empty_and_wholly_masked_batches_are_zero(name: str) -> None:
    loss = losses.get(name)
    shape = (0, 4) if name != "SparseCategoricalCrossentropy" else (0,)
    value, gradient = loss.value_and_gradient(np.zeros(shape, int), np.full((0, 4), 0.25, "float32"))
    assert value == 0.0 and gradient.shape == (0, 4)
    y_true = np.zeros((2, 3, 4) if len(shape) == 2 else (2, 3), int)
    value, gradient = loss.value_and_gradient(y_true, np.full((2, 3, 4), 0.25, "float32"), mask=np.zeros((2, 3), bool))
    assert value == 0.0 and not gradient.any()


def test_masked_labels_may_be_anything() -> None:
    """Padding is often -1; only entries that count are checked."""
    p = np.full((2, 3, 4), 0.25, "float32")
    mask = np.array([[True, True, False], [True, False, False]])
    for y_true in (np.where(mask, 1, -1), np.where(mask, 1, -1)[..., None]):
        loss = losses.SparseCategoricalCrossentropy()
        assert loss.value_and_gradient(y_true, p, mask=mask)[0] == pytest.approx(np.log(4))
        with pytest.raises(DataError, match="label -1 in row 0 at"):
            loss.value_and_gradient(y_true, p)


# -- extremes --------------------------------------------------------------------------------------------------------


def test_logits_of_any_size() -> None:
    """From logits nothing is clipped and nothing overflows."""
    x = np.array([[1e4, -1e4], [-1e4, 1e4]], "float32")
    assert losses.SparseCategoricalCrossentropy(from_logits=True)([1, 1], x) == pytest.approx(1e4)
    assert losses.CategoricalCrossentropy(from_logits=True)([[1, 0], [0, 1]], x) == 0.0
    value, gradient = losses.BinaryCrossentropy(from_logits=True).value_and_gradient(np.array([[0, 0], [0, 0]]), x)
    assert value == pytest.approx(5e3)
    np.testing.assert_allclose(gradient, [[0.25, 0], [0, 0.25]])


def test_probabilities_on_the_clip() -> None:
    """Keras's cap: -log(1e-7) = 16.118 at p = 0, gradient 0 outside the clip."""
    p = np.array([[1.0, 0.0]], "float32")
    for loss, y in (
        (losses.SparseCategoricalCrossentropy(), np.array([1])),
        (losses.CategoricalCrossentropy(), np.array([[0, 1]])),
    ):
        value, gradient = loss.value_and_gradient(y, p)
        assert value == pytest.approx(16.118, abs=1e-3)
        assert not gradient.any()
    value, gradient = losses.BinaryCrossentropy().value_and_gradient(np.array([[0, 1]]), p)
    assert value == pytest.approx(16.0, abs=0.2)  # 1 - 1e-7 is not exact in float32
    assert not gradient.any()
    assert losses.SparseCategoricalCrossentropy()([0], p) == pytest.approx(1.19e-7, abs=1e-9)


@EVERY
def test_predictions_that_are_not_numbers(case: Case) -> None:
    """A diverged network makes the loss NaN; nothing else breaks, so that the trainer can say what happened."""
    y_true, y_pred = make(case)
    y_pred[0] = np.nan
    value, gradient = build(case).value_and_gradient(y_true, y_pred)
    assert np.isnan(value)
    assert gradient is not None and gradient.shape == y_pred.shape


def test_kinks() -> None:
    one = np.ones((1, 1))
    assert losses.MeanAbsoluteError().vjp(one, one, 1.0) == 0.0
    assert losses.Hinge().vjp(one, one, 1.0) == -1.0
    assert losses.Huber().vjp(np.zeros((1, 1)), one, 1.0) == 1.0


def test_vectors_without_direction() -> None:
    """Keras's gradient of the cosine is NaN at 0; here such a vector gets none."""
    value, gradient = losses.CosineSimilarity().value_and_gradient(np.ones((2, 3)), np.zeros((2, 3), "float32"))
    assert value == 0.0 and not gradient.any()


def test_generalized_crossentropy_at_zero_probability() -> None:
    loss = losses.CategoricalGeneralizedCrossEntropy()
    value, gradient = loss.value_and_gradient(np.array([[1]]), np.array([[1.0, 0.0]], "float32"))
    assert value == 2.0 and np.isfinite(gradient).all()


def test_focal_with_a_gamma_below_one() -> None:
    loss = losses.BinaryFocalCrossentropy(gamma=0.5)
    assert np.isfinite(loss.vjp(np.ones((1, 1)), np.ones((1, 1)), 1.0)).all()


def test_circle_against_other_rows() -> None:
    y_true, y_pred = make(next(case for case in CASES if case.name == "circle"))
    whole = losses.circle(y_true, y_pred, ref_labels=y_true, ref_embeddings=y_pred)
    np.testing.assert_allclose(whole, losses.circle(y_true, y_pred), rtol=1e-6)
    some = losses.circle(y_true, y_pred, ref_labels=y_true[:4], ref_embeddings=y_pred[:4])
    assert some.shape == y_true.shape


def test_ctc_by_enumeration() -> None:
    """All paths of 4 steps over 3 classes, those that read as the label summed by hand."""
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    labels = np.array([[1, 2], [1, 1]])
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    for row in range(2):
        total = 0.0
        for path in np.ndindex(3, 3, 3, 3):
            read = [c for i, c in enumerate(path) if c != 0 and (i == 0 or path[i - 1] != c)]
            if read == list(labels[row]):
                total += np.prod([p[row, t, c] for t, c in enumerate(path)])
        np.testing.assert_allclose(losses.ctc(labels, x)[row], -np.log(total), rtol=1e-12)


# -- with the last activation ----------------------------------------------------------------------------------------

PAIRS = [
    ("SparseCategoricalCrossentropy", {}, "softmax", np.array([0, 2, 1])),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "softmax", np.array([0, 2, 1])),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "softmax", np.eye(3)),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "sigmoid", np.eye(3)),
]


@pytest.mark.parametrize(("name", "options", "activation", "y_true"), PAIRS)
def test_after_the_last_activation(name: str, options: dict[str, Any], activation: str, y_true: np.ndarray) -> None:
    loss, component = losses.get({name: options}), activations.get(activation)
    fused = loss.after(component)
    assert fused is not None and fused.expects == "logits"
    assert fused.get_config() == {**loss.get_config(), "from_logits": True}
    logits = np.random.default_rng(1).normal(size=(3, 3))
    p, cache = component.forward(logits)
    value, slope = loss.value_and_gradient(y_true, p)
    fused_value, gradient = fused.value_and_gradient(y_true, logits)
    assert fused_value == pytest.approx(value, rel=1e-9)
    close(gradient, component.backward(slope, cache), 1e-9)
    assert fused.after(component) is None  # a softmax on logits stays one


def test_after_another_activation() -> None:
    softmax, sigmoid, relu = (activations.get(name) for name in ("softmax", "sigmoid", "relu"))
    assert losses.SparseCategoricalCrossentropy().after(sigmoid) is None
    assert losses.BinaryCrossentropy().after(softmax) is None
    assert losses.CategoricalCrossentropy(axis=1).after(softmax) is None
    assert losses.MeanSquaredError().after(relu) is None


# -- names, options, functions ---------------------------------------------------------------------------------------


def test_every_loss_has_a_case() -> None:
    assert {cls.spec_name for cls in components("loss")} == {case.loss for case in CASES}


def test_signatures_are_keras_signatures() -> None:
    """Options, order and defaults of every class and function, as inspect.signature shows them in Keras."""
    for line in load_reference("losses")["signatures"]:
        name, shown = str(line).split(" ", 1)
        parameters = inspect.signature(getattr(losses, name)).parameters.values()
        ours = ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters)
        if name == "categorical_generalized_cross_entropy":  # has the default of its class here, none in Keras
            ours = ours.replace("q=0.5", "q")
        assert f"({ours})" == shown, name


@EVERY
def test_config_round_trip(case: Case) -> None:
    loss = build(case, reduction="sum")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert losses.get(loss.to_spec()).get_config() == loss.get_config()


ALIASES = {
    "mse": "MeanSquaredError", "MSE": "MeanSquaredError", "mean_squared_error": "MeanSquaredError",
    "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError", "msle": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy", "kld": "KLDivergence", "KLD": "KLDivergence",
    "kl_divergence": "KLDivergence", "huber": "Huber", "log_cosh": "LogCosh", "ctc": "CTC", "ce": "crossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy", "crossentropy": "crossentropy",
}  # fmt: skip


@pytest.mark.parametrize("alias", ALIASES)
def test_string_names(alias: str) -> None:
    assert losses.get(alias).spec_name == ALIASES[alias]


def test_every_string_of_keras() -> None:
    """mse, MSE, mean_squared_error, MeanSquaredError, …: the same loss here; values of functions with their options."""
    for line in load_reference("losses")["strings"]:
        string, name = str(line).split()
        expected = getattr(losses, name)
        assert losses.get(string).spec_name == getattr(expected, "component", expected).spec_name, string


def test_what_stands_for_a_loss() -> None:
    assert losses.get(None) is None
    assert losses.get(losses.huber).spec_name == "Huber"
    assert losses.get(losses.Huber).spec_name == "Huber"
    assert losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    assert losses.Huber(name=None).name == "huber_loss"
    assert losses.MeanSquaredError(reduction=None).reduction == "none"
    assert losses.get("mse").to_spec() == "MeanSquaredError"
    assert losses.get("crossentropy").to_spec() == "crossentropy"
    with pytest.raises(SpecError, match="did you mean"):
        losses.get("mean_square_error")


def test_functions_give_values() -> None:
    y_true, y_pred = make(next(case for case in CASES if case.name == "binary_focal"))
    got = losses.binary_focal_crossentropy(y_true, y_pred, True, 0.3, gamma=1.0)
    loss = losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.0)
    np.testing.assert_array_equal(got, loss.values(y_true, y_pred))
    np.testing.assert_allclose(losses.mean_squared_error([[0, 1]], [[1.0, 3.0]]), [2.5])
    with pytest.raises(SpecError, match="each once"):
        losses.huber(y_true, y_pred, 1.0, 2.0)
    with pytest.raises(SpecError, match="no option 'detla'"):
        losses.huber(y_true, y_pred, detla=1.0)


def test_crossentropy_picks_by_shape() -> None:
    for labels, outputs, expected in (
        ((), (1,), "BinaryCrossentropy"),
        ((1,), (1,), "BinaryCrossentropy"),
        ((), (10,), "SparseCategoricalCrossentropy"),
        ((1,), (10,), "SparseCategoricalCrossentropy"),
        ((10,), (10,), "CategoricalCrossentropy"),
        ((5,), (5, 10), "SparseCategoricalCrossentropy"),
    ):
        loss = losses.resolve_loss({"crossentropy": {"from_logits": True, "reduction": "sum"}}, labels, outputs)
        assert loss.spec_name == expected and loss.from_logits and loss.reduction == "sum"
    assert losses.resolve_loss("mse", (), (1,)).spec_name == "MeanSquaredError"


# -- losses of one's own ---------------------------------------------------------------------------------------------


class Quartic(Loss):
    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return ((y_pred - y_true) ** 4).mean(axis=-1)

    def vjp(self, y_true: np.ndarray, y_pred: np.ndarray, weights: Any) -> np.ndarray:
        return 4 * (y_pred - y_true) ** 3 / y_pred.shape[-1] * np.asarray(weights)[..., None]


def test_a_loss_of_ones_own() -> None:
    y_true, y_pred = make(CASES[0], "float64")
    loss = Quartic()
    assert loss.name == "quartic"
    value, gradient = loss.value_and_gradient(y_true, y_pred, weights_for(CASES[0], (6,)))
    expected = central_differences(lambda p: loss(y_true, p, weights_for(CASES[0], (6,))), y_pred)
    assert value == loss(y_true, y_pred, weights_for(CASES[0], (6,)))
    close(gradient, expected, 1e-6)
    assert losses.get(Quartic).name == "quartic"
    assert losses.get(loss) is loss


def test_a_loss_without_gradient_is_refused() -> None:
    class Half(Loss):
        def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
            return y_pred

    with pytest.raises(UsageError, match="Half must define values.* and vjp"):
        Half()
    with pytest.raises(SpecError, match="my_loss: a plain function can't be a loss.*gradient.*subclass"):

        def my_loss(y_true: Any, y_pred: Any) -> Any:
            return y_pred

        losses.get(my_loss)


# -- wrong input -----------------------------------------------------------------------------------------------------

P = np.full((4, 3), 1 / 3, "float32")
SPARSE, CATEGORICAL = losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy()
WRONG = [
    (losses.MeanSquaredError(), np.zeros(4), P, ShapeError, r"shape \(4,\) do not fit .* \(4, 3\)"),
    (losses.MeanSquaredError(), np.zeros((4, 1)), P, ShapeError, "the last layer must give 1 value a row"),
    (losses.MeanSquaredError(), np.zeros((4, 3)), P[:, :1], ShapeError, "the last layer must give 3 values a row"),
    (losses.MeanSquaredError(), np.zeros((5, 3)), P, ShapeError, "same number of rows"),
    (losses.BinaryCrossentropy(), np.zeros((4, 3, 3)), P, ShapeError, "do not fit"),
    (CATEGORICAL, np.zeros(4, int), P, ShapeError, "integer labels are for sparse_"),
    (CATEGORICAL, np.zeros((4, 1), int), P, ShapeError, "data.one_hot: true"),
    (losses.CategoricalHinge(), np.zeros(4, int), P, ShapeError, "integer labels must become one-hot rows"),
    (SPARSE, np.eye(3)[[0, 1, 2, 0]], P, ShapeError, "categorical_crossentropy"),
    (SPARSE, np.zeros((4, 2), int), P, ShapeError, "one integer for each row of 3 scores"),
    (SPARSE, np.array([0, 1, 2, 3]), P, DataError, "label 3 in row 3.*with 3 classes.*0 to 2"),
    (SPARSE, np.array([0, -1, 2, 0]), P, DataError, "label -1 in row 1"),
    (SPARSE, np.array([0, 0.5, 2, 0]), P, DataError, "label 0.5 in row 1 is not a whole number"),
    (SPARSE, np.array(["a", "b", "c", "a"]), P, DataError, "must be numbers"),
    (losses.CategoricalGeneralizedCrossEntropy(), np.array([0, 1, 2, 3]), P, DataError, "label 3 in row 3"),
    (losses.CategoricalFocalCrossentropy(alpha=(0.5, 0.5)), P, P, ShapeError, "2 weights for 3 classes"),
    (losses.Circle(), np.zeros((4, 3), int), P, ShapeError, r"embeddings \(N, D\) and labels \(N,\)"),
    (losses.CTC(), np.zeros((4, 3), int), P, ShapeError, r"labels \(N, L\) and logits \(N, T, classes\)"),
    (losses.CTC(), np.array([[1, 0, 1]]), np.zeros((1, 9, 3)), DataError, "row 0 has a 0 before its end"),
    (losses.CTC(), np.array([[1, 1, 2]]), np.zeros((1, 3, 3)), DataError, "row 0 needs 4 time steps.*have 3"),
    (losses.CTC(), np.array([[1, 5, 2]]), np.zeros((1, 9, 3)), DataError, "label 5 in row 0"),
]


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "error", "says"), WRONG)
def test_wrong_labels(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        loss(y_true, y_pred)


@pytest.mark.parametrize(
    ("shape", "weights", "says"),
    [
        ((4, 5, 2), (4,), r"to weight whole rows use shape \(4, 1\), else \(4, 5\)"),
        ((5, 5, 2), (5,), r"to weight whole rows use shape \(5, 1\)"),  # N = T: NumPy would weight the steps
        ((4, 2), (3,), r"use shape \(4,\)"),
        ((4, 2), (4, 2), r"use shape \(4,\)"),
        ((4, 2), (2, 4), r"use shape \(4,\)"),
    ],
)
def test_weights_that_do_not_fit(shape: tuple[int, ...], weights: tuple[int, ...], says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        losses.MeanSquaredError()(np.zeros(shape), np.ones(shape), np.ones(weights))


def test_weights_that_fit() -> None:
    y = np.zeros((2, 3, 1))
    p = np.arange(6.0).reshape(2, 3, 1)
    loss = losses.MeanSquaredError()
    rows = np.array([[2.0], [0.5]])
    assert loss(y, p, rows) == pytest.approx((2 * 5 + 0.5 * 50) / 6)
    assert loss(y, p, rows[..., None] * np.ones((2, 3, 1))) == pytest.approx(loss(y, p, rows))
    assert loss(y, p, 2.0) == pytest.approx(2 * loss(y, p))
    assert loss(y[:, 0], p[:, 1], np.array([[1.0], [3.0]])) == pytest.approx((1 + 3 * 16) / 2)


def test_mask_that_does_not_fit() -> None:
    """Labels (N, T) with predictions (N, T, 1) give one value a row (Keras crashes here)."""
    with pytest.raises(ShapeError, match=r"a mask of shape \(2, 3\) does not fit losses of shape \(2,\).*\(2, 3, 1\)"):
        losses.MeanSquaredError().value_and_gradient(np.zeros((2, 3)), np.zeros((2, 3, 1)), mask=np.ones((2, 3), bool))


def test_no_reduction_can_not_train() -> None:
    with pytest.raises(SpecError, match="use sum_over_batch_size"):
        losses.MeanSquaredError(reduction="none").value_and_gradient(P, P)


@pytest.mark.parametrize(
    ("make_it", "says"),
    [
        (lambda: losses.Huber(delta=0), "delta must be a number > 0, got 0"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing must be"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1), "q must be"),
        (lambda: losses.MeanSquaredError(reduction="average"), "reduction must be"),
        (lambda: losses.CategoricalCrossentropy(axis=True), "axis must be"),
    ],
)
def test_wrong_options(make_it: Callable[[], Loss], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        make_it()
