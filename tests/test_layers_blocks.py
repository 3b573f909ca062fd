"""What the battery does not ask of attention and of blocks of layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import ShapeError, SpecError
from seqnet.kernels.attention import BLOCK_BYTES, attend
from seqnet.layers import Dense, Layer, Repeat, Residual, SelfAttention, TransformerEncoder
from seqnet.losses import MeanSquaredError, SparseCategoricalCrossentropy
from seqnet.models.summary import summarize
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.spec.run import load_spec
from tests.test_layers_embedding import engine_of

DENSE = {"Dense": {"units": 4}}


# -- attention --------------------------------------------------------------------------------------------------------


def softmax_by_formula(q: Array, k: Array, v: Array, seen: Array) -> Array:
    """Head by head and row by row, in float64."""
    out = np.zeros((*q.shape[:3], v.shape[3]))
    for n, t, h in np.ndindex(q.shape[:3]):
        where = np.flatnonzero(seen[n, t])
        scores = k[n, where, h] @ q[n, t, h]
        weights = np.exp(scores - scores.max()) if len(where) else np.zeros(0)
        out[n, t, h] = (weights / weights.sum()) @ v[n, where, h] if len(where) else v[n, :, h].mean(axis=0)
    return out


@pytest.mark.parametrize("size", [1.0, 30.0, 1000.0])  # scores that need no shift, that do, and that would overflow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_attend_is_the_formula(size: float, dtype: str, masked: bool, causal: bool) -> None:
    rng = np.random.RandomState(1)
    q, k, v = (rng.standard_normal((3, 5, 2, 4)).astype(dtype) for _ in range(3))
    q *= size
    mask = np.arange(5) < np.array([5, 2, 0])[:, None] if masked else None
    pattern = np.tri(5, dtype=bool) if causal else None
    seen = np.ones((3, 5, 5), bool)
    if causal:
        seen &= np.tri(5, dtype=bool)
    if mask is not None:
        seen &= mask[:, :, None] & mask[:, None, :]
    done = attend(q, k, v, mask=mask, pattern=pattern)
    expected = softmax_by_formula(*(a.astype(np.float64) for a in (q, k, v)), seen)
    assert done.output.dtype == dtype
    # Scores of thousands are themselves known to 1e-4 only in float32.
    np.testing.assert_allclose(
        done.output, expected, atol=(1e-5 if size < 100 else 1e-2) if dtype == "float32" else 1e-9
    )


def test_attend_in_blocks_is_attend() -> None:
    steps = 64
    rows = 2 * BLOCK_BYTES // (2 * steps * steps * 4) + 3
    rng = np.random.RandomState(0)
    q, k, v = (rng.standard_normal((rows, steps, 2, 3)).astype(np.float32) for _ in range(3))
    mask = np.arange(steps) < rng.randint(1, steps + 1, rows)[:, None]
    whole = attend(q, k, v, mask=mask).output
    parts = [attend(q[i : i + 1], k[i : i + 1], v[i : i + 1], mask=mask[i : i + 1]).output for i in range(rows)]
    np.testing.assert_allclose(whole, np.concatenate(parts), rtol=1e-6, atol=1e-6)


def test_no_step_sees_later_ones() -> None:
    engine = engine_of(SelfAttention(2, 3, causal=True), shape=(6, 4))
    x = np.random.RandomState(0).standard_normal((2, 6, 4)).astype(np.float32)
    other = x.copy()
    other[:, 4:] = 9.0
    before, after = engine.predict(x), engine.predict(other)
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert not np.allclose(after[:, 4:], before[:, 4:])


@pytest.mark.parametrize("inside", [{"num_heads": 2, "key_dim": 3}, {"num_heads": 2, "key_dim": 3, "dropout": 0.5}])
def test_padding_is_not_seen(inside: dict[str, Any]) -> None:
    """What stands in padded steps changes nothing at the real ones, nor the gradient."""
    layer = get(Layer, {"SelfAttention": {"name": "it", **inside}})
    engine = Engine(Network([get(Layer, {"Masking": {"name": "mask"}}), layer], (4, 2)), MeanSquaredError())
    encoder = engine.shards[0].contexts[1]
    mask = np.array([[True, True, False, False]])
    encoder.mask = mask
    x = np.random.RandomState(0).standard_normal((1, 4, 2)).astype(np.float32)
    other = np.where(mask[..., None], x, np.float32(50.0))
    y, z = layer.forward(x, encoder)[0], layer.forward(other, encoder)[0]
    np.testing.assert_allclose(z[mask], y[mask], rtol=1e-6, atol=1e-6)


def test_heads_must_share_the_features() -> None:
    with pytest.raises(
        ShapeError, match=r"10 features can't be shared out among 4 heads; set num_heads to one of 1, 2"
    ):
        TransformerEncoder(8, 4).output_shape((5, 10))
    with pytest.raises(ShapeError, match="needs rows with 2 axes"):
        SelfAttention(2, 3).output_shape((5,))


def test_a_seed_of_its_own_drops_other_weights() -> None:
    x = np.random.RandomState(0).standard_normal((4, 5, 3)).astype(np.float32)
    got = []
    for seed in (None, 1, 2, 1):
        layer = SelfAttention(2, 3, dropout=0.5, seed=seed, kernel_initializer="ones", name="it")
        got.append(Engine(Network([layer], (5, 3), seed=4), MeanSquaredError()).train_step(x, x).prediction)
    np.testing.assert_array_equal(got[1], got[3])
    assert not np.array_equal(got[0], got[1]) and not np.array_equal(got[1], got[2])


def test_dropout_acts_in_the_encoder_while_training() -> None:
    layer = TransformerEncoder(8, 2, dropout=0.3, name="it")
    assert layer.differs_in_training and not TransformerEncoder(8, 2).differs_in_training
    engine = Engine(Network([layer], (5, 4)), MeanSquaredError())
    x = np.random.RandomState(0).standard_normal((6, 5, 4)).astype(np.float32)
    assert not np.allclose(engine.train_step(x, x).prediction, engine.test_step(x, x).prediction)
    names = [one.name for one, _ in layer.children((5, 4))]
    assert names.index("attention_dropout") < names.index("feedforward_hidden") < names.index("feedforward_dropout")


# -- blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "shape", "says"),
    [
        (
            {"layers": [{"Dense": {"units": 3}}]},
            (4,),
            "make (3,) of (4,), which can't be added to the input; use shortcut",
        ),
        ({"layers": ["Flatten"], "shortcut": "projection"}, (4, 3), "a projection keeps the number of axes"),
        (
            {"layers": [{"Conv2D": {"filters": 2, "kernel_size": 3}}], "shortcut": "projection"},
            (8, 8, 2),
            "no stride makes 6 positions of 8 as they do: use padding: same inside",
        ),
        ({"layers": [{"Conv2D": {"filters": 2, "kernel_size": 3}}]}, (4,), "layer 0 inside (conv2d, Conv2D): "),
        (
            {"layers": [DENSE, {"Conv2D": {"filters": 2, "kernel_size": 3, "name": "deep"}}]},
            (4,),
            "layer 1 inside (deep, Conv2D): ",
        ),
    ],
)
def test_shapes_that_do_not_fit(options: dict[str, Any], shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ShapeError) as error:
        Residual(**options).output_shape(shape)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Residual([]), "layers must be a list of at least 1 values"),
        (
            lambda: Residual(["Masking"]),
            "entry 1 of layers, Masking, makes a mask, so it must stand before the Residual",
        ),
        (
            lambda: Repeat(2, [DENSE, {"Input": {"shape": [4]}}]),
            "entry 2 of layers, Input, must stand in the model",
        ),
        (lambda: Repeat(2, ["Normalization"]), "Normalization, must stand in the model's own list, before the Repeat"),
        (lambda: Residual([(one := Dense(4)), one]), "entry 2 of layers, Dense, is there twice"),
        (lambda: Repeat(0, [DENSE]), "times"),
    ],
)
def test_lists_that_make_no_sense(make: Any, says: str) -> None:
    with pytest.raises(SpecError) as error:
        make()
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("inner", "shape", "strides"),
    [
        ([{"strides": 2}, {"strides": 2}], (9, 16, 2), [4, 4]),
        ([{"strides": [3, 1]}], (None, 5, 2), [3, 1]),
        ([{"strides": 1}], (5, 5, 2), [1, 1]),
    ],
)
def test_projections_stride_as_the_layers_do(
    inner: list[Any], shape: tuple[int | None, ...], strides: list[int]
) -> None:
    layers = [{"Conv2D": {"filters": 3, "kernel_size": 3, "padding": "same", **options}} for options in inner]
    layer = Residual(layers, shortcut="projection")
    projection = layer.children(shape)[-1][0]
    assert list(projection.strides) == strides  # type: ignore[attr-defined]
    assert layer.children(shape)[-1][0] is projection
    assert projection.output_shape(shape) == layer.output_shape(shape)


def test_facts_come_from_the_layers_inside() -> None:
    plain, normal = Repeat(2, [DENSE]), Repeat(2, [{"Residual": {"layers": ["BatchNormalization"]}}])
    assert not plain.couples_rows and not plain.differs_in_training
    assert normal.couples_rows and normal.differs_in_training
    assert Repeat(2, [{"Embedding": {"input_dim": 3, "output_dim": 2}}]).takes_integers


def test_copies_have_weights_of_their_own() -> None:
    layer = Repeat(3, [{"Dense": {"units": 4, "activation": "tanh"}}, DENSE], name="it")
    network = Network([layer], (4,))
    paths = [variable.path for variable in network.parameters.variables]
    kernels = [f"it/{name}/kernel" for name in ("dense", "dense_1", "dense_2", "dense_3", "dense_4", "dense_5")]
    assert [path for path in paths if path.endswith("kernel")] == kernels
    values = layer.get_weights()[::2]
    assert not any(np.array_equal(a, b) for i, a in enumerate(values) for b in values[:i])
    layer.copies[2].trainable = False
    network.parameters.refreeze()
    assert network.parameters.theta.size == 5 * 20 and network.parameters.frozen.size == 20


def test_penalties_inside_are_those_outside() -> None:
    """The same network with and without the blocks: loss and gradient agree."""
    first = {"Dense": {"units": 4, "activation": "tanh", "activity_regularizer": {"L2": {"l2": 0.3}}}}
    second = {"ActivityRegularization": {"l1": 0.2}}
    nested = {"Repeat": {"times": 1, "layers": [{"Repeat": {"times": 1, "layers": [first, second]}}, DENSE]}}
    x = np.random.RandomState(0).standard_normal((8, 4))
    results = []
    for stack in ([nested], [first, second, DENSE]):
        for threads in (1, 2):
            layers = [get(Layer, spec) for spec in stack]
            layers[0] = layers[0].replace(dtype="float64")
            engine = engine_of(*layers, shape=(4,), threads=threads)
            step = engine.train_step(x, x)
            results.append((step.loss, engine.test_step(x, x).loss, engine.gradient.copy()))
            engine.close()
    plain = MeanSquaredError()(x, step.prediction)
    assert results[0][0] > float(plain) + 0.1
    for loss, tested, gradient in results[1:]:
        assert (loss, tested) == (pytest.approx(results[0][0], rel=1e-12), pytest.approx(results[0][0], rel=1e-12))
        np.testing.assert_allclose(gradient, results[0][2], rtol=1e-10, atol=1e-14)


def test_an_activation_at_the_end_joins_the_loss() -> None:
    layer = Residual([DENSE], activation="softmax", dtype="float64")
    engine = Engine(Network([layer.replace(name="it")], (4,)), SparseCategoricalCrossentropy())
    x = 100 * np.random.RandomState(0).standard_normal((8, 4))
    step = engine.train_step(x, np.arange(8) % 4)
    np.testing.assert_allclose(step.prediction.sum(axis=1), 1.0)
    assert engine.training is not None and engine.training.finish is not None and np.isfinite(step.loss)


def test_blocks_count_once_and_show_inside() -> None:
    from seqnet import Sequential

    inner = {"Residual": {"layers": [DENSE, "ReLU", DENSE], "shortcut": "projection"}}
    model = Sequential([Repeat(2, [inner]), Dense(4)])
    model.build((None, 4))
    table = summarize(model, expand_nested=True)
    assert table.total == 2 * 3 * 20 + 20
    shown = [(row.level, row.name, row.params) for row in table.rows]
    block = [(2, "dense", 20), (2, "re_lu", 0), (2, "dense_1", 20), (2, "projection", 20)]
    assert shown[1:-1] == [(1, "residual", 60), *block, (1, "residual_1", 60), *block]
    assert [row.params for row in table.rows if row.level == 0] == [120, 20]
    dense = 4 * (2 * 4 + 1)
    assert table.rows[0].flops == 2 * (3 * dense + 4 + Layer.flops(Dense(1), ()))
    hidden = [row.name for row in summarize(model).rows]
    assert len(hidden) == 2


def test_problems_in_nested_lists_have_their_line(tmp_path: Path) -> None:
    text = (
        "data: {dataset: digits}\n"
        "model:\n"
        "  - Repeat:\n"
        "      times: 2\n"
        "      layers:\n"
        "        - Residual:\n"
        "            layers:\n"
        "              - Dense: {unit: 5}\n"
    )
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(SpecError) as error:
        load_spec(file)
    assert f"{file}:8:25: error: Dense has no option 'unit'" in str(error.value)


def test_resolved_files_keep_the_lists(tmp_path: Path) -> None:
    file, again = tmp_path / "file.yaml", tmp_path / "again.yaml"
    text = (Path(__file__).parent.parent / "configs" / "digits_transformer.yaml").read_text()
    file.write_text(text)
    spec = load_spec(file)
    again.write_text(json.dumps(spec.resolved()))  # JSON is YAML
    assert load_spec(again).resolved() == spec.resolved()
    assert load_spec(again).build_model().count_params() == spec.build_model().count_params()
