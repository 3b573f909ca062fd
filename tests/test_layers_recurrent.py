"""Recurrent layers, beyond what the battery asks of every layer.

Expected values: Keras on TensorFlow for states carried between batches (tests/reference/make_recurrent.py), the same
layer on shorter or joined sequences, and the stepwise way beside the fast kernels.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from seqnet import layers
from seqnet.arrays import Array
from seqnet.declare import get, options_of
from seqnet.errors import ShapeError, SpecError, UsageError
from seqnet.kernels import gru as gru_kernel
from seqnet.kernels import gru_inference, lstm_inference
from seqnet.kernels import lstm as lstm_kernel
from seqnet.kernels.recurrent import Weights
from seqnet.layers import GRU, LSTM, RNN, Bidirectional, Dense, GRUCell, Layer, LSTMCell, SimpleRNN, TimeDistributed
from seqnet.layers.base import Worker
from seqnet.layers.recurrent_base import RecurrentLayer
from seqnet.layers.recurrent_steps import StepwiseCell
from seqnet.models import Sequential
from seqnet.network.engine import Engine, Shard
from seqnet.network.network import Network
from seqnet.optimizers import SGD
from seqnet.training.state import put_state, take_state
from tests.cases_recurrent import BATCH, CASES, CELLS, EPOCHS, FEATURES, RATE, STEPS, draw_data, draw_weights
from tests.layer_bench import error
from tests.reference import load_reference

KINDS: dict[str, dict[str, Any]] = {
    "simple": {"SimpleRNN": {"units": 3}},
    "lstm": {"LSTM": {"units": 3}},
    "gru": {"GRU": {"units": 3}},
    "gru_before": {"GRU": {"units": 3, "reset_after": False}},
    "lstm_general": {"LSTM": {"units": 3, "recurrent_activation": "hard_sigmoid"}},
    "stack": {"RNN": {"cell": [{"LSTMCell": {"units": 3}}, {"GRUCell": {"units": 2}}]}},
    "conv": {"ConvLSTM1D": {"filters": 2, "kernel_size": 2, "input_shape": [7, 4, 2]}},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, **options: Any) -> RecurrentLayer:
    ((name, given),) = KINDS[kind].items()
    layer = get(Layer, {name: {"name": "it", **given, **options}})
    assert isinstance(layer, RecurrentLayer)
    return layer


class Run:
    """A layer alone, with random weights, run by hand in float64."""

    def __init__(self, layer: Layer, shape: tuple[int, ...], seed: int = 1) -> None:
        self.layer = layer
        layer.dtype = "float64"
        self.network = Network([layer], shape)
        rng = np.random.default_rng(seed)
        for variable in self.network.parameters.variables:
            variable.view[...] = 0.5 * rng.standard_normal(variable.view.shape)
        self.shard = Shard(self.network, Worker(np.random.default_rng(7)))
        self.context = self.shard.contexts[0]

    def __call__(self, x: Array, mask: Array | None = None, *, training: bool = False) -> Array:
        self.context.training, self.context.mask, self.shard.worker.rows = training, mask, len(x)
        y, self.cache = self.layer.forward(x, self.context)
        return y

    def back(self, dy: Array) -> tuple[Array, Array]:
        for grads in self.shard.grads:
            grads.start()
        dx = self.layer.backward(dy, self.cache, self.context)
        for grads in self.shard.grads:
            grads.close()
        assert dx is not None
        return dx, self.shard.gradient.copy()


def draw(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def shape_of(kind: str) -> tuple[int, ...]:
    return (7, 4, 2) if kind == "conv" else (7, 2)


# -- masks ------------------------------------------------------------------------------------------------------------

HOLES = np.array([[0, 1, 1, 0, 1, 0, 1], [1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]], bool)


@each_kind
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_steps_might_as_well_not_be_there(kind: str, backwards: bool) -> None:
    """Padding in front, behind and in between: outputs and gradients are those of the real steps alone."""
    run = Run(made(kind, go_backwards=backwards), shape_of(kind))
    x = draw(4, *shape_of(kind))
    y = run(x, HOLES)
    dy = draw(*y.shape, seed=4)
    dx, gradient = run.back(dy)
    total = np.zeros_like(gradient)
    for i, real in enumerate(HOLES):
        alone = run(x[i : i + 1, real])
        np.testing.assert_allclose(alone[0], y[i], rtol=1e-12)
        dx_alone, part = run.back(dy[i : i + 1])
        np.testing.assert_allclose(dx_alone[0], dx[i, real], rtol=1e-9, atol=1e-14)
        assert not dx[i, ~real].any()
        total += part
    np.testing.assert_allclose(gradient, total, rtol=1e-9, atol=1e-14)


@each_kind
def test_masked_steps_repeat_the_output_before(kind: str) -> None:
    run = Run(made(kind, return_sequences=True), shape_of(kind))
    y = run(draw(4, *shape_of(kind)), HOLES)
    for i, t in np.ndindex(HOLES.shape):
        if not HOLES[i, t]:
            np.testing.assert_array_equal(y[i, t], y[i, t - 1] if t else np.zeros_like(y[i, t]))


@each_kind
def test_a_mask_without_padding_changes_nothing(kind: str) -> None:
    run, x = Run(made(kind), shape_of(kind)), draw(4, *shape_of(kind))
    np.testing.assert_array_equal(run(x, np.ones((4, 7), bool)), run(x))


# -- kernels ----------------------------------------------------------------------------------------------------------


def compare_ways(layer: Layer, monkeypatch: pytest.MonkeyPatch, cells: tuple[type[StepwiseCell], ...]) -> None:
    """Fast kernels against step by step; so many steps that backward prepares them in several goes."""
    for kernel in (lstm_kernel, gru_kernel):
        monkeypatch.setattr(kernel, "CHUNK", 4000)
    run, x = Run(layer, (9, 2)), draw(4, 9, 2)
    mask = np.arange(9) < np.array([5, 3, 8, 1])[:, None]
    for where in (None, mask):
        found = []
        for fast in (True, False):
            with monkeypatch.context() as patch:
                for cell in cells:
                    if not fast:
                        patch.setattr(cell, "has_kernel", lambda self, training: False)
                y = run(x, where)
                found.append((y, *run.back(draw(*y.shape, seed=4))))
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"use_bias": False, "go_backwards": True}])
@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_kernels_compute_what_single_steps_do(
    kind: type[Layer], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_ways(kind(units=3, name="it", **options), monkeypatch, (LSTMCell, GRUCell))


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("sequences", [False, True])
def test_two_directions_at_once_are_two_layers(
    kind: type[Layer], sequences: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Bidirectional(kind(units=3, return_sequences=sequences), name="it")
    compare_ways(both, monkeypatch, (LSTMCell, GRUCell))
    run, x = Run(both, (9, 2)), draw(4, 9, 2)
    y = run(x)
    for inner, part in ((both.forward_layer, y[..., :3]), (both.backward_layer, y[..., 3:])):
        alone = Run(kind(units=3, return_sequences=sequences, go_backwards=inner.go_backwards, name="it"), (9, 2))
        alone.layer.set_weights(inner.get_weights())
        expected = alone(x)
        if sequences and inner.go_backwards:
            expected = expected[:, ::-1]
        np.testing.assert_allclose(part, expected, rtol=1e-12)


def test_wider_layers_go_both_ways() -> None:
    """Keras computes the same numbers, but says of their shape that it is twice the forward layer's."""
    both = Bidirectional(LSTM(3), backward_layer=LSTM(2, go_backwards=True), name="it")
    assert both.output_shape((9, 2)) == (5,)
    assert Run(both, (9, 2))(draw(4, 9, 2)).shape == (4, 5)


# -- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_drops_the_same_features_at_every_step() -> None:
    """With weights that pass x through, the output is x but for the dropped features, doubled."""
    layer = SimpleRNN(4, activation="linear", dropout=0.5, return_sequences=True, name="it")
    run = Run(layer, (6, 4))
    layer.set_weights([np.eye(4), np.zeros((4, 4)), np.zeros(4)])
    x = draw(50, 6, 4)
    ratio = run(x, training=True) / x
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-12)
    assert set(np.round(np.unique(ratio), 9)) == {0.0, 2.0}
    assert 0.35 < (ratio[:, 0] == 0).mean() < 0.65
    np.testing.assert_array_equal(run(x), x)


def test_gates_drop_the_state_each_for_itself() -> None:
    """In one step from a known state, the gate inputs tell which parts of the state arrived."""
    cell = LSTMCell(2, recurrent_dropout=0.5)
    layer = RNN(cell, name="it")
    run = Run(layer, (1, 1))
    run.context.training, run.shard.worker.rows = True, 400
    steps = cell.begin(np.zeros((1, 400, 1)), run.context.child(0))
    recurrent = np.tile(np.eye(2), 4)
    steps.across.kernel = recurrent
    arrived = steps.across.forward(np.ones((400, 2))).reshape(400, 4, 2)
    assert set(np.unique(arrived)) == {0.0, 2.0}
    for one in range(4):
        for other in range(one):
            assert 0.35 < (arrived[:, one] == arrived[:, other]).mean() < 0.65


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"recurrent_dropout": 1.0}])
def test_all_may_be_dropped(options: dict[str, float]) -> None:
    run = Run(LSTM(3, return_sequences=True, name="it", **options), (4, 2))
    y = run(draw(5, 4, 2), training=True)
    dx, gradient = run.back(np.ones_like(y))
    assert np.isfinite(gradient).all()
    if "dropout" in options:
        assert not dx.any() and np.ptp(y, axis=0).max() == 0


def test_seeds_choose_what_is_dropped() -> None:
    x = draw(5, 4, 2)
    first, again, other = (
        Run(LSTM(3, dropout=0.5, recurrent_dropout=0.5, seed=seed, name="it"), (4, 2))(x, training=True)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# -- how weights start ------------------------------------------------------------------------------------------------


def test_weights_start_as_in_keras() -> None:
    """Orthogonal rows, the forget gate's bias 1, everything else of the bias 0."""
    layer = LSTM(3, name="it")
    Network([layer], (4, 2))
    kernel, recurrent, bias = layer.get_weights()
    assert np.abs(kernel).max() <= np.sqrt(6 / (2 + 12)) and np.ptp(kernel) > 0
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-6)
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 3))
    plain = LSTM(3, unit_forget_bias=False, bias_initializer={"Constant": {"value": 0.25}}, name="it")
    Network([plain], (4, 2))
    np.testing.assert_array_equal(plain.get_weights()[2], np.full(12, 0.25))


# -- states carried from batch to batch -------------------------------------------------------------------------------


def stateful_model(case: dict[str, Any]) -> tuple[Sequential, Layer]:
    layer = get(Layer, case)
    model = Sequential([layers.Input((STEPS, FEATURES), batch_size=BATCH), layer, Dense(1)])
    model.set_weights(draw_weights([w.shape for w in model.get_weights()]))
    model.compile(SGD(RATE), "mse", threads=2)
    return model, layer


@pytest.mark.parametrize("name", CASES)
def test_states_are_carried_as_on_tensorflow(name: str) -> None:
    expected = {
        k.removeprefix(f"{name}/"): v for k, v in load_reference("recurrent").items() if k.startswith(f"{name}/")
    }
    x, y = draw_data()
    model, layer = stateful_model(CASES[name])
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    assert error(history.history["loss"], expected["losses"]) < 2e-5
    assert error(np.concatenate([w.reshape(-1) for w in model.get_weights()]), expected["weights"]) < 2e-4
    for turn in (1, 2, 3):
        if turn == 3:
            layer.reset_states()  # type: ignore[attr-defined]
        assert error(model.predict(x, batch_size=BATCH, verbose=0), expected[f"predict_{turn}"]) < 2e-5


@each_kind
def test_two_batches_are_one_long_sequence(kind: str) -> None:
    x = draw(4, *shape_of(kind))
    plain = Run(made(kind, return_sequences=True), shape_of(kind))
    carrying = Run(made(kind, return_sequences=True, stateful=True), shape_of(kind))
    expected = plain(x)
    np.testing.assert_allclose(carrying(x[:, :4]), expected[:, :4], rtol=1e-12)
    np.testing.assert_allclose(carrying(x[:, 4:]), expected[:, 4:], rtol=1e-12)
    assert len(carrying.layer.states) == len(carrying.layer.cell.state_shapes(shape_of(kind)[1:]))
    carrying.layer.reset_state()
    np.testing.assert_allclose(carrying(x[:, :4]), expected[:, :4], rtol=1e-12)


def test_states_are_no_weights() -> None:
    x, y = draw_data()
    model, layer = stateful_model(CASES["lstm"])
    before = [w.shape for w in model.get_weights()]
    model.fit(x, y, batch_size=BATCH, verbose=0)
    assert [w.shape for w in model.get_weights()] == before
    assert model.count_params() == layer.count_params() + 4


def test_batches_must_fit_the_states() -> None:
    x, y = draw_data()
    model, layer = stateful_model(CASES["lstm"])
    with pytest.raises(ShapeError, match=r"this batch has 2 rows, but the states are those of a batch of 5"):
        model.fit(x, y, batch_size=5, shuffle=False, verbose=0)
    layer.reset_states()  # type: ignore[attr-defined]
    assert model.predict(x[:1], verbose=0).shape == (1, 1)


@pytest.mark.parametrize("case", [CASES["lstm"], CASES["both"], {"Residual": {"layers": [CASES["gru"]]}}])
def test_stateful_batches_are_not_shared_out(case: dict[str, Any]) -> None:
    if "Residual" in case:
        case = {"Residual": {"layers": [{"GRU": {"units": 2, "stateful": True, "return_sequences": True}}]}}
    layer = get(Layer, case)
    layer.name = "it"
    engine = Engine(Network([layer], (STEPS, FEATURES)), threads=2)
    assert not engine.divisible and engine.piece == 0
    engine.close()


def test_checkpoints_hold_the_states() -> None:
    """A run that is resumed goes on with the states it had, to the byte."""
    from seqnet.training.trainer import FitOptions, Rows

    x, y = draw_data()
    options = FitOptions(epochs=2, batch_size=BATCH, shuffle=False)

    def trainer_of(model: Sequential) -> Any:
        return model.trainer(Rows(x, y, None), options)

    whole, _ = stateful_model(CASES["both"])
    whole.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    first, _ = stateful_model(CASES["both"])
    trainer = trainer_of(first)
    trainer.fit(Rows(x, y, None), None, FitOptions(epochs=1, batch_size=BATCH, shuffle=False), [])
    snapshot = take_state(trainer, [])
    second, _ = stateful_model(CASES["both"])
    resumed = trainer_of(second)
    put_state(resumed, [], snapshot)
    resumed.fit(Rows(x, y, None), None, options, [])
    for got, expected in zip(second.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_recurrent_batches_are_not_cut() -> None:
    """A wide stack that would otherwise go in pieces."""
    network = Network([LSTM(64, return_sequences=True, name="a"), LSTM(64, return_sequences=True, name="b")], (200, 8))
    engine = Engine(network, threads=2)
    assert engine.divisible and engine.piece == 0
    engine.close()


# -- wrong options and shapes -----------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str]] = [
    ({"LSTM": {"units": 3, "return_state": True}}, "return_state: true gives several outputs, which needs a graph"),
    ({"RNN": {"cell": "LSTM"}}, "there is no cell named 'LSTM'"),
    ({"RNN": {"cell": []}}, "at least 1"),
    ({"RNN": {"cell": [{"LSTMCell": {"units": 3}}, {"GRUCell": {"unit": 3}}]}}, "GRUCell has no option 'unit'"),
    ({"RNN": {"cell": {"LSTMCell": {"units": 3, "activity_regularizer": "l2"}}}}, "belongs to the layer around"),
    ({"LSTMCell": {"units": 3}}, "RNN: {cell: LSTMCell}"),
    ({"Bidirectional": {"layer": {"Dense": {"units": 3}}}}, "layer must be a recurrent layer .* got Dense"),
    ({"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "merge_mode": None}}, "needs a graph of layers; use concat"),
    ({"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "weights": [1]}}, "weights must be null"),
    ({"Bidirectional": {"layer": {"LSTM": {"units": 3, "go_backwards": True}}}}, "layer must have go_backwards: false"),
    (
        {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "backward_layer": {"GRU": {"units": 3}}}},
        "one of the two layers must go backwards, got go_backwards: false in both",
    ),
    (
        {
            "Bidirectional": {
                "layer": {"LSTM": {"units": 3}},
                "backward_layer": {"GRU": {"units": 3, "go_backwards": True, "return_sequences": True}},
            }
        },
        "both layers must have the same return_sequences, got false and true",
    ),
    ({"TimeDistributed": {"layer": {"Input": {"shape": [3]}}}}, "must stand in the model's own list"),
    ({"TimeDistributed": {"layer": {"LSTM": {"units": 3, "stateful": True}}}}, "use stateful: false inside"),
    ({"ConvLSTM2D": {"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "exclude each other"),
    ({"LSTM": {"units": 0}}, "units must be a whole number > 0"),
    ({"GRU": {"units": 3, "dropout": 1.5}}, "dropout must be a number >= 0 and <= 1"),
]


@pytest.mark.parametrize(("value", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_options(value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        get(Layer, value)


def test_wrong_options_are_found_where_they_are() -> None:
    with pytest.raises(SpecError) as caught:
        get(Layer, {"RNN": {"cell": [{"LSTMCell": {"units": 3}}, {"GRUCell": {"units": "x"}}]}})
    assert caught.value.problems[0].path == ("RNN", "cell", 1, "GRUCell", "units")


CONV: dict[str, Any] = {"filters": 2, "kernel_size": 3}
UNFIT: list[tuple[Any, tuple[int | None, ...], str]] = [
    (LSTM(3), (784,), r"needs rows with 2 axes \(time, features\), got \(784,\): reshape .* \[28, 28\]"),
    (LSTM(3), (30,), r"target_shape: \[30, 1\]"),
    (GRU(3), (28, 28, 1), r"got \(28, 28, 1\): reshape with Reshape: {target_shape: \[28, 28\]}"),
    (SimpleRNN(3), (), r"got \(\)$"),
    (LSTM(3), (28, None), "number of features must be fixed"),
    (Bidirectional(LSTM(3)), (784,), r"target_shape: \[28, 28\]"),
    (TimeDistributed(Dense(3)), (784,), "needs rows with at least 2 axes"),
    (
        layers.ConvLSTM2D(**CONV),
        (5, 8, 8),
        r"needs rows with 4 axes \(time, height, width, channels\), got \(5, 8, 8\)",
    ),
    (layers.ConvLSTM1D(**CONV, data_format="channels_first"), (5, 8), r"3 axes \(time, channels, length\)"),
    (layers.ConvLSTM2D(**CONV), (5, 2, 2, 1), "kernel 3×3 does not fit the 2×2 input"),
    (layers.ConvLSTM2D(**CONV), (5, None, 8, 1), "lengths of a step must be fixed"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), UNFIT, ids=[message for *_, message in UNFIT])
def test_unfit_shapes(layer: Layer, shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.output_shape(shape)


def test_cells_are_no_layers() -> None:
    model = Sequential([layers.Input((3,)), LSTMCell(2)])
    with pytest.raises(UsageError, match=r"one step of a recurrent layer.* wrap it, RNN\(LSTMCell"):
        model.predict(np.zeros((1, 3)), verbose=0)


def test_the_same_cell_twice() -> None:
    cell = LSTMCell(2)
    with pytest.raises(SpecError, match="entry 2 of cells is there twice"):
        RNN([cell, cell])


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CELLS)
def test_signatures_of_cells_are_keras(name: str) -> None:
    signatures = json.loads(str(load_reference("recurrent")["cells"]))
    declared = [option for option in options_of(getattr(layers, name)).values() if not option.kw_only]
    assert [option.name for option in declared] == [entry[0] for entry in signatures[name]]
    for option, (_, *default) in zip(declared, signatures[name], strict=True):
        assert option.required == (not default)
        if default:
            assert option.checker.dump(option.checker.check(option.default, (), [])) == option.checker.dump(
                option.checker.check(default[0], (), [])
            )


def test_flops() -> None:
    """A multiply and an add are two: products, biases, and four operations for each unit's states and output."""
    assert LSTM(8).flops((10, 3)) == 10 * (32 * (2 * 11 + 1) + 4 * 8)
    assert GRU(8).flops((10, 3)) == 10 * (24 * (2 * 11 + 2) + 4 * 8)
    assert SimpleRNN(8).flops((10, 3)) == 10 * 8 * (2 * 11 + 1)
    assert Bidirectional(LSTM(8)).flops((10, 3)) == 2 * LSTM(8).flops((10, 3))
    assert TimeDistributed(Dense(4)).flops((10, 3)) == 10 * Dense(4).flops((3,))
    conv = layers.ConvLSTM2D(2, 3, padding="same").flops((5, 4, 4, 3))
    assert conv == 5 * 16 * (8 * (2 * 9 * (3 + 2) + 1) + 8)


def test_names_inside() -> None:
    both = Bidirectional(LSTM(3, name="reader"), name="both")
    assert both.forward_layer.name == "forward_reader" and both.backward_layer.name == "backward_reader"
    stack = RNN([LSTMCell(2, use_bias=False), LSTMCell(2, use_bias=False)], name="stack")
    paths = [variable.path for variable in Network([both, Dense(2, name="dense")], (4, 2)).parameters.variables]
    assert paths[:2] == ["both/forward_reader/lstm_cell/kernel", "both/forward_reader/lstm_cell/recurrent_kernel"]
    assert [variable.path for variable in Network([stack], (4, 2)).parameters.variables] == [
        f"stack/stacked_rnn_cells/{cell}/{kernel}"
        for cell in ("lstm_cell", "lstm_cell_1")
        for kernel in ("kernel", "recurrent_kernel")
    ]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("directions", [1, 2])
def test_the_kernels_for_inference_make_what_those_for_training_make(
    directions: int, count: int, started: bool, padded: bool
) -> None:
    rng = np.random.default_rng(0)
    steps, width, units = 6, 3, 4
    xs = [rng.standard_normal((steps, count, width)) for _ in range(directions)]
    padding = None
    if padded:
        padding = rng.random((directions, steps, count)) < 0.4
        padding[:, 2] = True  # a step that every row skips
    states = [rng.standard_normal((2, count, units)) if started else None for _ in range(directions)]

    def weights(gates: int, bias: tuple[int, ...]) -> list[Weights]:
        shapes = ((width, gates * units), (units, gates * units), bias)
        return [Weights(*(rng.standard_normal(shape) for shape in shapes)) for _ in range(directions)]

    four, three = weights(4, (4 * units,)), weights(3, (2, 3 * units))
    pairs = [None if state is None else (state[0], state[1]) for state in states]
    tape = lstm_kernel.forward(xs, four, pairs, padding)
    hs, carries = lstm_inference.run(xs, four, pairs, padding, last=False)
    np.testing.assert_allclose(hs, tape.hidden[:, 1:] / 2, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(carries, tape.carries[:, -1], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(lstm_inference.run(xs, four, pairs, padding, last=True)[0][:, 0], hs[:, -1])
    alone = [None if state is None else state[0] for state in states]
    want = gru_kernel.forward(xs, three, alone, padding).hidden[:, 1:]
    hs = gru_inference.run(xs, three, alone, padding, last=False)
    np.testing.assert_allclose(hs, want, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(gru_inference.run(xs, three, alone, padding, last=True)[:, 0], hs[:, -1])
