"""`seqnet bench` and the profile behind it: what is said, never how long it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet import layers, losses
from seqnet.network.blas import running
from seqnet.network.engine import Engine
from seqnet.network.network import Network
from seqnet.network.profile import Machine, profile_layers
from seqnet.spec.run import load_spec
from tests.commands import Run, good, runner
from tests.screens import Screen, on_terminal

IMAGES = """\
name: pictures
model:
  - Input: {shape: [8, 8, 1]}
  - Conv2D: {filters: 4, kernel_size: 3, activation: relu, name: first}
  - MaxPooling2D
  - Residual: {layers: [{BatchNormalization: {}}, {Conv2D: {filters: 4, kernel_size: 3, padding: same}}]}
  - Flatten
  - Dropout: {rate: 0.5}
  - Dense: {units: 3, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {batch_size: 8}
"""
SCHEMA: dict[str, Any] = {
    "file": str,
    "name": str,
    "data": str,
    "rows": int,
    "batch_size": int,
    "threads": int,
    "seed": int,
    "dtype": str,
    "machine": {"product_gflops": float, "copy_gb_per_s": float, "threads": int},
    "steps": int,
    "samples_per_s": float,
    "step_ms": {"median": float, "p10": float, "p90": float},
    "shares": {"forward": float, "backward": float, "optimizer": float, "rest": float},
    "flops": int,
    "gflops": float,
    "activation_bytes": int,
    "limit": {"ms": float, "products_ms": float, "bytes_ms": float, "bytes": int, "share": float},
    "layers": [
        {
            "name": str,
            "type": str,
            "forward_ms": float,
            "backward_ms": float,
            "share": float,
            "flops": int,
            "gflops": float,
            "activation_bytes": int,
            "limit_ms": float,
            "limit_share": float,
        }
    ],
    "profile": {"threads": int, "passes": int, "ms": float, "loss_ms": float, "loss_share": float},
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "pictures.yaml").write_text(IMAGES)
    return runner(tmp_path, monkeypatch, capsys)


def report(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run("bench", *arguments, "--seconds", "0", "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def check_schema(value: Any, schema: Any) -> None:
    if isinstance(schema, dict):
        assert list(value) == list(schema)
        for key, inner in schema.items():
            check_schema(value[key], inner)
    elif isinstance(schema, list):
        for item in value:
            check_schema(item, schema[0])
    else:
        assert type(value) is schema


@pytest.mark.parametrize("config", ["moons.yaml", "sine.yaml", "pictures.yaml"])
def test_json(config: str, run: Run, tmp_path: Path) -> None:
    found = report(run, config)
    check_schema(found, SCHEMA)
    names = [layer.name for layer in load_spec(tmp_path / config).make_layers() if layer.spec_name != "Input"]
    assert [layer["name"] for layer in found["layers"]] == names
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert all(0 < share <= 1 for share in found["shares"].values())
    assert sum(layer["share"] for layer in found["layers"]) + found["profile"]["loss_share"] == pytest.approx(1)
    assert found["flops"] == sum(layer["flops"] for layer in found["layers"])
    limit = found["limit"]
    assert limit["ms"] == pytest.approx(limit["products_ms"] + limit["bytes_ms"])
    assert limit["share"] == pytest.approx(limit["ms"] / found["step_ms"]["median"])
    assert found["samples_per_s"] == pytest.approx(1e3 * found["batch_size"] / found["step_ms"]["median"])


def test_the_rows_of_the_file(run: Run, tmp_path: Path) -> None:
    found = report(run, "moons.yaml")
    assert (found["data"], found["rows"], found["batch_size"]) == ("moons", 64, 16)
    assert not (tmp_path / "runs").exists()
    found = report(run, "moons.yaml", "--batch-size", "1000", "--threads", "2")
    assert (found["rows"], found["batch_size"], found["threads"]) == (64, 64, 2)
    assert report(run, "moons.yaml", "-s", "training.class_weight=balanced", "--batch-size", "3")["rows"] == 63


def test_generated_rows(run: Run) -> None:
    found = report(run, "pictures.yaml")
    assert (found["data"], found["rows"], found["batch_size"]) == ("generated", 32, 8)


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("mse", "{Dense: {units: 3}}"),
        ("binary_crossentropy", "{Dense: {units: 1, activation: sigmoid}}"),
        ("categorical_crossentropy", "{Dense: {units: 3, activation: softmax}}"),
        ("sparse_categorical_crossentropy", "{Dense: {units: 3, activation: softmax}}"),
        ("hinge", "{Dense: {units: 1, activation: tanh}}"),
    ],
)
def test_labels_are_made_for_the_loss(loss: str, last: str, run: Run, tmp_path: Path) -> None:
    model = f"[{{Input: {{shape: [5]}}}}, {{Embedding: {{input_dim: 9, output_dim: 2}}}}, Flatten, {last}]"
    (tmp_path / "x.yaml").write_text(f"model: {model}\noptimizer: sgd\nloss: {loss}\n")
    assert len(report(run, "x.yaml")["layers"]) == 3


WRONG: list[tuple[list[str], list[str]]] = [
    (["mons.yaml"], ["mons.yaml: error:", "did you mean moons.yaml?"]),
    (["moons.yaml", "-s", "model.0.Dense.unit=3"], ["-s model.0.Dense.unit=3", "did you mean units?"]),
    (["bare.yaml"], ["bare.yaml:1:1: error: timing a step needs optimizer", "timing a step needs loss"]),
    (["open.yaml"], ["open.yaml:1:", "rows of shape [None, 2] can't be generated", "-s 'model.0="]),
    (["shapeless.yaml"], ["shapeless.yaml:1:8: error: the input shape is unknown", "Input: {shape: [4]}"]),
    (["moons.yaml", "-s", "model.1.Dense.units=1"], ["-s model.1.Dense.units=1: error:", "one output for each class"]),
    (["pictures.yaml", "-s", "model.6.Dense.units=1"], ["pictures.yaml:9:35: error: softmax over a single unit"]),
    (["pictures.yaml", "-s", "metrics=[acuracy]"], ["-s metrics=[acuracy]: error:", "did you mean accuracy?"]),
    (["moons.yaml", "--seconds", "-1"], ["--seconds"]),
    (["moons.yaml", "--batch-size", "0"], ["--batch-size"]),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_input(arguments: list[str], said: list[str], run: Run, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("model: [{Input: {shape: [2]}}, {Dense: {units: 1}}]\n")
    rest = "optimizer: sgd\nloss: mse\n"
    (tmp_path / "open.yaml").write_text(f"model: [{{Input: {{shape: [null, 2]}}}}, {{Dense: {{units: 1}}}}]\n{rest}")
    (tmp_path / "shapeless.yaml").write_text(f"model: [{{Dense: {{units: 1}}}}]\n{rest}")
    code, out, err = run("bench", *arguments)
    assert code == 2 and out == "" and "Traceback" not in err
    assert all(text in err for text in said), err


def test_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = run("bench", "pictures.yaml", "--seconds", "0")
    assert code == 0 and err == "timing pictures for about 0 s\n"
    for text in ("Machine", "GFLOP/s in matrix products", "samples/s", "32 generated rows, batch size 8", "reached"):
        assert text in out
    lines = out.splitlines()
    assert [line.split()[0] for line in lines if " (" in line[:24] and not line.startswith("Limit")] == [
        *("first", "max_pooling2d", "residual", "flatten", "dropout", "dense")
    ]
    assert "64 rows of moons" in good(run("bench", "moons.yaml", "--seconds", "0"))


@pytest.mark.parametrize("columns", [40, 60, 92])
def test_on_a_narrow_terminal(columns: int, run: Run, tmp_path: Path) -> None:
    code, written = on_terminal("bench", "pictures.yaml", "--seconds", "0", cwd=tmp_path, columns=columns)
    screen = Screen(columns).feed(written)
    assert code == 0 and screen.wrapped == 0
    assert "residual" in screen.text and "of limit" in screen.text
    assert ("FLOPs " in screen.text.split("layer", 1)[1]) == (columns == 92)


def network() -> Network:
    stack = [
        layers.Dropout(0.5),
        layers.Dense(4, activation="relu", activity_regularizer="l2"),
        layers.Dense(3, activation="softmax"),
    ]
    for number, layer in enumerate(stack):
        layer.name = f"layer_{number}"
    return Network(stack, (6,))


def test_the_profile_counts_operations_and_bytes() -> None:
    made = network()
    engine = Engine(made, losses.SparseCategoricalCrossentropy())
    x, y = np.ones((5, 6), np.float32), np.zeros(5, np.int64)
    with running():
        found = profile_layers(engine, x, y, seconds=0)
    dropout, first, second = found.layers
    assert found.passes == 3 and found.total == pytest.approx(found.forward + found.loss + found.backward)
    # Nothing is trained below the first Dense, which needs no gradient of its input: forward and one product back.
    assert dropout.backward == 0 and dropout.moved_bytes == 0 == dropout.product_flops
    assert first.flops == first.product_flops == 5 * 2 * made.nodes[1].layer.flops((6,))
    assert second.flops == 5 * 3 * made.nodes[2].layer.flops((4,))
    assert (first.activation_bytes, second.activation_bytes) == (5 * 4 * 4, 5 * 3 * 4)
    assert first.moved_bytes == 4 * (5 * 4 + 6 * 4 + 4)  # output, gradients of kernel and bias
    assert second.moved_bytes == 4 * (5 * 3 + 4 * 3 + 3 + 5 * 4)  # and the gradient of its input
    assert Machine(10.0, 5.0).limit(20.0, 30.0) == 8.0


def test_the_profile_computes_what_the_engine_does() -> None:
    """The walk over the layers leaves the gradient that a step of the engine leaves."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 6)).astype(np.float32), rng.integers(0, 3, 5)
    gradients = []
    for profiled in (False, True):
        engine = Engine(network(), losses.SparseCategoricalCrossentropy())
        with running():
            if profiled:
                profile_layers(engine, x, y, seconds=0, least=1)
            else:
                engine.train_step(x, y)
                engine.train_step(x, y)
        gradients.append(engine.gradient.copy())
    np.testing.assert_array_equal(*gradients)
