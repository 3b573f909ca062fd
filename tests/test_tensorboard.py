"""Event files: the checksum and the encoding by their rules, what the callback writes, and that others can read it."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.callbacks import LearningRateScheduler, TensorBoard
from seqnet.errors import SpecError, UsageError
from seqnet.training import events as written
from tests.event_reader import doubles, events, fields, scalars

STEPS, EPOCHS = 5, 3  # batches of 8 in 40 rows


def model(seed: int = 1) -> seqnet.Sequential:
    layers = [seqnet.Input((3,)), seqnet.layers.Dense(4, activation="tanh", name="hidden"), seqnet.layers.Dense(2)]
    made = seqnet.Sequential(layers, name="net", seed=seed)
    made.compile(seqnet.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return made


def fit(folder: Path, epochs: int = EPOCHS, others: Any = (), **options: Any) -> tuple[seqnet.Sequential, Any]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    made = model()
    callbacks = [*others, TensorBoard(folder, **options)]
    history = made.fit(x, y, batch_size=8, epochs=epochs, verbose=0, validation_split=0.2, callbacks=callbacks)
    return made, history.history


# -- the format


# RFC 3720, appendix B.4
@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (
            bytes.fromhex(
                "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000"
            ),
            0xD9963A56,
        ),
        (b"123456789", 0xE3069283),  # the check value of the catalogue of CRCs
        (b"", 0),
    ],
)
def test_checksum(data: bytes, crc: int) -> None:
    assert written.crc32c(data) == crc


def test_encoding_to_the_byte() -> None:
    # As TensorFlow 2.21 writes them: Event(wall_time=1.5, step=300, summary=Summary(value=[Summary.Value(tag="loss",
    # simple_value=0.25)])).SerializeToString(), and tf.io.TFRecordWriter's record of b"abc".
    event = written.event(300, [written.scalar("loss", 0.25)], 1.5)
    assert event.hex() == "09000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e"
    assert written.record(b"abc").hex() == "0300000000000000b099490e6162636e57f121"


@pytest.mark.parametrize("step", [0, 1, 127, 128, 2**40, 2**63 - 1])
def test_steps_of_any_size(step: int) -> None:
    assert fields(written.event(step, [], 0.0))[2] == [step]


def test_a_histogram_counts_what_is_finite() -> None:
    values = np.array([0.0, 1.0, 2.0, 30.0, np.nan, np.inf, -np.inf], np.float32)
    found = fields(fields(written.histogram("w", values))[5][0])
    assert [found[i][0] for i in range(1, 6)] == [0.0, 30.0, 4.0, 33.0, 905.0]
    limits, counts = doubles(found[6][0]), doubles(found[7][0])
    assert limits == pytest.approx(np.arange(1, 31)) and counts == [1, 1, 1, *[0] * 26, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [(np.full(7, 2.5), (2.5, 7)), (np.zeros(0), (0.0, 0)), (np.array([np.nan]), (0.0, 0))],
    ids=["constant", "empty", "nan"],
)
def test_a_histogram_of_one_value(values: np.ndarray, expected: tuple[float, int]) -> None:
    found = fields(fields(written.histogram("w", values))[5][0])
    assert (doubles(found[6][0]), doubles(found[7][0])) == ([expected[0]], [expected[1]])


def test_a_picture_is_a_png() -> None:
    data = written.png(np.array([[0, 128, 255], [1, 2, 3]], np.uint8))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + content)
        chunks[name], at = content, at + 12 + length
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (3, 2, 8, 0)
    assert zlib.decompress(chunks[b"IDAT"]) == bytes([0, 0, 128, 255, 0, 1, 2, 3])


# -- the callback


def test_what_is_written_by_epoch(tmp_path: Path) -> None:
    _, history = fit(tmp_path / "logs")
    train, validation = scalars(tmp_path / "logs" / "train"), scalars(tmp_path / "logs" / "validation")
    epochs = range(EPOCHS)
    assert train == {
        "epoch_loss": [(i, np.float32(history["loss"][i])) for i in epochs],
        "epoch_mae": [(i, np.float32(history["mae"][i])) for i in epochs],
        "epoch_learning_rate": [(i, np.float32(0.1)) for i in epochs],
    }
    assert validation == {
        "epoch_loss": [(i, np.float32(history["val_loss"][i])) for i in epochs],
        "epoch_mae": [(i, np.float32(history["val_mae"][i])) for i in epochs],
        "evaluation_loss_vs_iterations": [((i + 1) * STEPS, np.float32(history["val_loss"][i])) for i in epochs],
        "evaluation_mae_vs_iterations": [((i + 1) * STEPS, np.float32(history["val_mae"][i])) for i in epochs],
    }
    layers = json.loads(next(v for _, tag, v in events(tmp_path / "logs" / "train") if tag == "keras")[8][0])
    assert [one["class_name"] for one in layers["config"]["layers"]] == ["Dense", "Dense"]


@pytest.mark.parametrize(("freq", "steps"), [("batch", range(1, 16)), (1, range(1, 16)), (4, (4, 8, 12)), (99, ())])
def test_what_is_written_by_batch(freq: Any, steps: Any, tmp_path: Path) -> None:
    seen: list[float] = []
    watch = seqnet.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    fit(tmp_path, update_freq=freq, others=[watch], write_steps_per_second=True)
    found = scalars(tmp_path / "train")
    assert found.get("batch_loss", []) == [(i, np.float32(seen[i - 1])) for i in steps]
    assert [step for step, rate in found.get("batch_steps_per_second", []) if rate > 0] == list(steps)
    assert len(found["epoch_steps_per_second"]) == EPOCHS


def test_histograms_and_pictures(tmp_path: Path) -> None:
    made, _ = fit(tmp_path, histogram_freq=2, write_images=True, write_graph=False)
    found = [(step, tag) for step, tag, value in events(tmp_path / "train") if not isinstance(value, float)]
    paths = ["hidden/kernel", "hidden/bias", "dense/kernel", "dense/bias"]
    assert found == [(e, f"{path}/{kind}") for e in (0, 2) for path in paths for kind in ("histogram", "image")]
    last = [value for _, tag, value in events(tmp_path / "train") if tag == "dense/kernel/histogram"][-1]
    kernel = made.get_weights()[2]
    assert (last[1][0], last[2][0], last[3][0]) == (kernel.min(), kernel.max(), kernel.size)
    picture = [value for _, tag, value in events(tmp_path / "train") if tag == "dense/kernel/image"][-1]
    assert (picture[1], picture[2], picture[3]) == ([2], [4], [1])  # lying on its longer side, grey


@pytest.mark.parametrize(
    ("shape", "pictures"), [((5,), [(1, 5)]), ((5, 1, 3), [(3, 5)]), ((3, 3, 1, 4), [(3, 3)] * 4), ((), [(1, 1)])]
)
def test_pictures_of_a_variable(shape: tuple[int, ...], pictures: list[tuple[int, int]]) -> None:
    from seqnet.training.tensorboard import _greys

    values = np.linspace(-2, 3, int(np.prod(shape))).reshape(shape)
    found = list(_greys(values))
    assert [one.shape for one in found] == pictures and all(one.dtype == np.uint8 for one in found)
    if values.size > 1:
        assert min(one.min() for one in found) == 0 and max(one.max() for one in found) == 255
    assert list(_greys(np.full(shape, np.nan))) is not None


def test_a_rate_that_changes_is_written(tmp_path: Path) -> None:
    fit(tmp_path, others=[LearningRateScheduler(lambda epoch: 0.5 ** (epoch + 1))])
    assert scalars(tmp_path / "train")["epoch_learning_rate"] == [(0, 0.5), (1, 0.25), (2, 0.125)]


def test_a_metric_with_several_values(tmp_path: Path) -> None:
    made = seqnet.Sequential([seqnet.Input((3,)), seqnet.layers.Dense(3, activation="softmax")], seed=1)
    made.compile("sgd", "categorical_crossentropy", metrics=[seqnet.metrics.F1Score()])
    made.fit(np.ones((6, 3)), np.eye(3)[[0, 1, 2] * 2], verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert {f"epoch_f1_score/{i}" for i in range(3)} <= set(scalars(tmp_path / "train"))


def test_evaluate_alone(tmp_path: Path) -> None:
    made = model()
    made.evaluate(np.ones((4, 3)), np.ones((4, 2)), verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert set(scalars(tmp_path / "validation")) == {"evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations"}
    assert not (tmp_path / "train").exists()


def test_every_fit_has_a_file_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        fit(tmp_path, epochs=1)
    assert len(list((tmp_path / "train").iterdir())) == 2


def test_the_projector(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\nc\n")
    made = seqnet.Sequential([seqnet.Input((2,)), seqnet.layers.Embedding(3, 2, name="words"), seqnet.layers.Flatten()])
    made.add(seqnet.layers.Dense(1))
    made.compile("sgd", "mse")

    def train(**options: Any) -> None:
        board = TensorBoard(tmp_path / "logs", embeddings_freq=1, **options)
        made.fit(np.ones((4, 2), int), np.ones((4, 1)), verbose=0, callbacks=[board])

    train(embeddings_metadata={"words": str(tmp_path / "words.txt")})
    folder = tmp_path / "logs" / "train"
    table = np.loadtxt(folder / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, made.get_weights()[0], rtol=1e-5)
    config = (folder / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "words.tsv"' in config and 'metadata_path: "words_labels.tsv"' in config
    assert (folder / "words_labels.tsv").read_text() == "a\nb\nc\n"
    with pytest.raises(UsageError, match="there is no Embedding layer 'word'; did you mean words"):
        train(embeddings_metadata={"word": str(tmp_path / "words.txt")})
    with pytest.raises(UsageError, match="embeddings_metadata: there is no file .*none.txt"):
        train(embeddings_metadata=str(tmp_path / "none.txt"))


def test_there_is_no_profiler() -> None:
    with pytest.raises(SpecError, match="there is no profiler here, so it must be 0; seqnet bench"):
        TensorBoard(profile_batch=(2, 5))
    TensorBoard(profile_batch=0)


# -- going on


@pytest.mark.parametrize("cut", [0, 1, 7, 40])
def test_a_file_that_was_cut_off_is_gone_on_with(cut: int, tmp_path: Path) -> None:
    """As after a kill: events that no checkpoint knows of, and half a record, or a file that lost its end."""
    file = written.EventFile(tmp_path)
    for step in range(4):
        file.add(step, [written.scalar("x", step)])
    file.flush()
    name, size = file.name, file.size
    if cut == 0:
        file.add(4, [written.scalar("x", 4.0)])
        file.flush()
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\x00\x01")
    else:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-cut])
    kept = 4 if cut == 0 else 3 if cut < 40 else 2
    again = written.EventFile(tmp_path, name, size)
    again.add(9, [written.scalar("x", 9.0)])
    again.flush()
    assert scalars(tmp_path) == {"x": [*((i, float(i)) for i in range(kept)), (9, 9.0)]}


def test_a_file_that_is_gone_is_begun_anew(tmp_path: Path) -> None:
    file = written.EventFile(tmp_path, "events.out.tfevents.1.gone.1.0.v2", 100)
    file.add(1, [written.scalar("x", 1.0)])
    file.flush()
    assert scalars(tmp_path) == {"x": [(1, 1.0)]}


# -- read by others


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    fit(tmp_path, histogram_freq=1, write_images=True, update_freq=2)
    read: dict[str, list[int]] = {}
    for part in ("train", "validation"):
        for path in (tmp_path / part).glob("events*"):
            for event in loader.EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    read.setdefault(value.metadata.plugin_data.plugin_name, []).append(event.step)
    assert set(read) == {"scalars", "histograms", "images", "graph_keras_model"}


def test_tensorflow_reads_it(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    fit(tmp_path, histogram_freq=1)
    path = next((tmp_path / "train").glob("events*"))
    read = [
        (event.step, value.tag, value.simple_value)
        for event in tensorflow.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.HasField("simple_value")
    ]
    own = [(step, tag, value) for step, tag, value in events(tmp_path / "train") if isinstance(value, float)]
    assert read == own and len(read) == 3 * EPOCHS
