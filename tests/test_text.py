"""Texts as rows: through fit, evaluate and predict, in YAML, saved, resumed, and read from files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqnet
from seqnet import Sequential, layers
from seqnet.arrays import Array
from seqnet.datasets.preparation import restored, saved
from seqnet.datasets.text import Text, TextPreparation
from seqnet.errors import CheckpointError, DataError, SeqnetError, SpecError, UsageError
from seqnet.network import front as front_module
from seqnet.network.front import Front, PreparedRows, adapt_front
from seqnet.network.network import Network
from seqnet.runs.evaluate import evaluate
from seqnet.runs.predict import predict
from seqnet.runs.train import train
from seqnet.spec.check import check_file
from seqnet.spec.reader import dump_yaml
from seqnet.spec.run import load_spec
from seqnet.training.callbacks import Callback
from seqnet.training.compiled import prepare
from tests.commands import runner

GOOD, BAD = ["good film", "very good indeed", "a fine film"], ["bad film", "awful and bad", "a bad bad plot"]
TEXTS = (GOOD + BAD) * 8
LABELS = np.array(([1] * 3 + [0] * 3) * 8)


def objects(texts: Any) -> Array:
    return np.array(texts, dtype=object)


def reader(**options: Any) -> Sequential:
    """A small network that reads TEXTS, compiled."""
    text = layers.TextVectorization(**{"output_sequence_length": 4, **options})
    text.adapt(TEXTS)
    stack: list[Any] = [text]
    if text.output_mode == "int":
        stack += [layers.Embedding(text.vocabulary_size(), 6), layers.GlobalAveragePooling1D()]
    model = Sequential([*stack, layers.Dense(1, activation="sigmoid")], seed=3)
    model.build((None, 1))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def numbers_alone(model: Sequential) -> Sequential:
    """The network behind the text layer, with the same weights."""
    rest = Sequential([type(layer).from_config(layer.get_config()) for layer in model.layers[1:]], seed=3)
    rest.build((None, *model.network.nodes[0].out_shape))
    rest.set_weights(model.get_weights())
    rest.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return rest


# -- in Python --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"output_mode": "multi_hot"}, {"output_mode": "tf_idf", "ngrams": 2}], ids=str)
def test_training_on_texts_is_training_on_their_numbers(options: dict[str, Any]) -> None:
    if options:
        options = {"output_sequence_length": None, **options}
    model = reader(**options)
    rest = numbers_alone(model)
    numbers: Any = model.layers[0](TEXTS)
    fit = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0, "validation_split": 0.25}
    one, other = model.fit(TEXTS, LABELS, **fit), rest.fit(numbers, LABELS, **fit)
    assert one.history == other.history
    assert model.evaluate(TEXTS, LABELS, verbose=0) == rest.evaluate(numbers, LABELS, verbose=0)
    np.testing.assert_array_equal(model.predict(TEXTS, verbose=0), rest.predict(numbers, verbose=0))


def test_forms_of_rows() -> None:
    model = reader()
    expected = model.predict(TEXTS, verbose=0)
    for x in (
        np.array(TEXTS),
        objects(TEXTS)[:, None],
        np.array(TEXTS, dtype=np.dtypes.StringDType()),
        [[text] for text in TEXTS],
        (TEXTS[at : at + 10] for at in range(0, len(TEXTS), 10)),
    ):
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(model(TEXTS[:2]), expected[:2], rtol=1e-6)
    assert model.train_on_batch(TEXTS[:4], LABELS[:4]) == pytest.approx(model.train_on_batch(TEXTS[:4], LABELS[:4]), 1)
    assert model.input_shape == (None, 1)


def test_batches_of_a_generator() -> None:
    model = reader()

    def batches() -> Any:
        while True:
            yield TEXTS[:16], LABELS[:16]

    history = model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_open_length_is_that_of_the_batch() -> None:
    """As in Keras, where a batch is as wide as its longest text: the mean over steps goes over so many."""
    model = reader(output_sequence_length=None)
    assert model.network.nodes[0].out_shape == (None,)
    alone = model.predict(["good film"], verbose=0)
    with_longer = model.predict(["good film", "a bad bad plot"], verbose=0)
    assert alone[0] != with_longer[0]
    by_two = model.predict(["good film", "a film", "a bad bad plot", "bad"], batch_size=2, verbose=0)
    np.testing.assert_array_equal(by_two[0], alone[0])
    assert model.fit(TEXTS, LABELS, batch_size=4, epochs=1, verbose=0).history["loss"]
    assert model.predict([""], verbose=0).shape == (1, 1)


def test_model_is_saved_with_its_vocabulary(tmp_path: Path) -> None:
    model = reader(output_sequence_length=None, output_mode="tf_idf")
    model.fit(TEXTS, LABELS, verbose=0)
    model.save(tmp_path / "m.seqnet")
    again = seqnet.load_model(tmp_path / "m.seqnet")
    text: Any = again.layers[0]
    assert text.get_vocabulary() == model.layers[0].get_vocabulary()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert again.evaluate(TEXTS, LABELS, verbose=0) == model.evaluate(TEXTS, LABELS, verbose=0)
    clone = seqnet.models.clone_model(reader())
    assert clone.layers[0].adapted is False  # as in Keras
    within = Sequential([*reader().layers[:1], layers.Embedding(20, 2)])
    assert Sequential([within]).predict(TEXTS[:1], verbose=0).shape == (1, 4, 2)


def test_other_layers_in_front() -> None:
    years = np.array([[1999], [2001], [2001], [1984]])
    lookup = layers.IntegerLookup(output_mode="one_hot")
    lookup.adapt(years)
    model = Sequential([layers.Input((1,)), lookup])
    np.testing.assert_array_equal(model.predict(years, verbose=0), np.eye(4)[[2, 1, 1, 3]])
    large = 2**53 - np.arange(4)[:, None]  # float32 would lose them
    lookup = layers.IntegerLookup(output_mode="one_hot")
    lookup.adapt(large)
    assert lookup(large).argmax(axis=1).tolist() == [1, 2, 3, 4]
    names = layers.StringLookup(vocabulary=["a", "b"])
    model = Sequential([names, layers.CategoryEncoding(3, output_mode="count")])
    np.testing.assert_array_equal(model.predict([["a", "b"], ["c", "b"]], verbose=0), [[0, 1, 1], [1, 0, 1]])
    assert Sequential([layers.Hashing(5)]).predict(["a", "b"], verbose=0).shape == (2, 1)
    bins = Sequential([layers.Rescaling(2.0), layers.Discretization([1.0, 3.0]), layers.Embedding(3, 2)])
    assert bins.predict(np.array([[0.1, 1.0], [2.0, 0.5]]), verbose=0).shape == (2, 2, 2)
    assert bins.network.front.count == 0


def test_refuses_what_is_no_text() -> None:
    model = reader()
    cases: list[tuple[Any, str]] = [
        (np.zeros((2, 1)), "x must hold texts, since the model begins with TextVectorization, got numbers"),
        (objects(["a", None]), "x must hold numbers, got an array of dtype object: entry 1 is None, no text"),
        (np.array([[b"\xff"]]), "no text in UTF-8"),
        (objects([["a", "b"]]), r"the model takes rows of shape \(1,\), but x has shape \(1, 2\)"),
    ]
    for x, message in cases:
        with pytest.raises(SeqnetError, match=message):
            model.predict(x, verbose=0)
    dense = Sequential([layers.Input((1,)), layers.Dense(1)])
    with pytest.raises(DataError, match="x holds texts, but the model begins with Dense"):
        dense.predict(["a"], verbose=0)
    with pytest.raises(UsageError, match="no vocabulary yet"):
        Sequential([layers.TextVectorization(), layers.Embedding(3, 2)]).predict(["a"], verbose=0)
    with pytest.raises(SeqnetError, match="the model is built for vectors of text_vectorization with"):
        reader(output_mode="count", output_sequence_length=None).layers[0].adapt(["other words"])


def test_rows_that_do_not_fit_are_prepared_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reader().fit(TEXTS, LABELS, epochs=2, batch_size=8, verbose=0).history
    monkeypatch.setattr(front_module, "_limit", lambda: 10)
    model = reader()
    rows: Any = model._check_inputs(TEXTS)
    assert isinstance(rows, PreparedRows) and len(rows) == len(TEXTS) and rows.shape == (len(TEXTS), 4)
    assert model.fit(TEXTS, LABELS, epochs=2, batch_size=8, verbose=0).history == whole
    model.fit(TEXTS, LABELS, epochs=1, validation_split=0.25, verbose=0)
    assert model.predict(TEXTS, verbose=0).shape == (len(TEXTS), 1)


def test_engine_sees_numbers_alone() -> None:
    model = reader(output_sequence_length=None)
    x = prepare(model.network, model.network.front(objects(TEXTS)[:, None]))
    assert x.dtype.kind in "iuf"
    assert [layer.spec_name for layer in model.network.computed[:2]] == ["Identity", "Embedding"]
    assert Front((), np.float32)(np.zeros((2, 3))).shape == (2, 3)


def test_front_adapts_layer_by_layer() -> None:
    stack = [layers.StringLookup(name="a"), layers.IntegerLookup(name="b", output_mode="count")]
    adapt_front(stack, objects([["x"], ["y"], ["x"]]), np.float32)
    assert stack[0].get_vocabulary() == ["[UNK]", "x", "y"]
    assert stack[1].get_vocabulary() == [-1, 1, 2]
    assert Network(stack, (1,)).front.shape == (3,)


# -- in YAML ----------------------------------------------------------------------------------------------------------

MODEL: list[Any] = [
    {"TextVectorization": {"output_sequence_length": 5}},
    {"Embedding": {"input_dim": 40, "output_dim": 6, "mask_zero": True}},
    {"GRU": {"units": 4}},
    {"Dense": {"units": 1, "activation": "sigmoid"}},
]


def write_csv(path: Path, texts: list[str] = TEXTS) -> Path:
    """A csv of texts and classes; a part of the words occurs once."""
    rows = [f'"{text} once{i}",{"bad" if not LABELS[i % len(LABELS)] else "good"},{i}' for i, text in enumerate(texts)]
    path.write_text("\n".join(["text,label,id", *rows, ""]))
    return path


def write_spec(folder: Path, model: Any = MODEL, data: Any = None, **sections: Any) -> Path:
    write_csv(folder / "reviews.csv")
    plain = {
        "name": "reviews",
        "data": {**(data or {"text": "reviews.csv"}), "validation_split": 0.25, "test_split": 0.25},
        "model": model,
        "optimizer": "adam",
        "loss": "binary_crossentropy",
        "metrics": ["accuracy"],
        "training": {"epochs": 2, "batch_size": 8},
        **sections,
    }
    path = folder / "reviews.yaml"
    path.write_text(dump_yaml(plain))
    return path


class StopAt(Callback):
    """Interrupts the training after so many steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, trainer: Any) -> None:
        if trainer.position.step == self.step:
            trainer.interrupted = True


@pytest.mark.parametrize("stop", [2, 3, 5])
@pytest.mark.parametrize("model", [MODEL, [{"TextVectorization": {"output_mode": "multi_hot"}}, MODEL[-1]]])
def test_a_resumed_run_is_the_same(model: Any, stop: int, tmp_path: Path) -> None:
    path = write_spec(tmp_path, model)
    whole = train(load_spec(path), runs=tmp_path / "whole", threads=1)
    part = train(load_spec(path), runs=tmp_path / "part", threads=1, display=StopAt(stop))
    assert part.interrupted
    again = train(load_spec(path), runs=tmp_path / "part", resume=str(part.folder))
    assert again.history == whole.history and again.test == whole.test
    texts = tmp_path / "new.txt"
    texts.write_text("good film\nawful\n\n")
    np.testing.assert_array_equal(predict(whole.folder, texts).outputs, predict(again.folder, texts).outputs)


def test_vocabulary_is_of_the_training_rows(tmp_path: Path) -> None:
    events: list[tuple[str, Any]] = []
    path = write_spec(tmp_path)
    spec = load_spec(path)
    result = train(spec, runs=tmp_path / "runs", on_event=lambda name, details: events.append((name, details)))
    model = seqnet.load_model(result.folder)
    text: Any = model.layers[0]
    data = spec.load_data()
    trained = {word for row in data.train.x[:, 0] for word in row.split()}
    assert set(text.get_vocabulary()[2:]) == trained
    unknown = result.summary["data"]["out_of_vocabulary"]
    assert unknown["train"] == 0.0 < unknown["validation"] < 1.0
    told = dict(events)["start"]["vocabulary"]
    assert told.startswith(f"vocabulary of {len(trained) + 2}; out of it: train 0.0%, validation ")
    assert evaluate(result.folder).values == result.test
    assert evaluate(result.folder, data=str(path), split="validation").rows == 9


def test_predicts_raw_files(tmp_path: Path) -> None:
    result = train(load_spec(write_spec(tmp_path)), runs=tmp_path / "runs")
    texts = ["good film", "nothing is known"]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    (tmp_path / "a.csv").write_text("id,text\n1,good film\n2,nothing is known\n")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "a").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "a" / f"{number}.txt").write_text(text)
    np.save(tmp_path / "a.npy", np.array(texts))
    expected = predict(result.folder, tmp_path / "a.txt")
    assert expected.classes == ["bad", "good"]
    assert expected.unknown == (
        "3 of 5 tokens (60.0%) are out of the vocabulary of the training rows, so that the model can't tell them apart"
    )
    for name in ("a.csv", "a.jsonl", "a"):
        np.testing.assert_array_equal(predict(result.folder, tmp_path / name).outputs, expected.outputs)
    assert predict(result.folder, tmp_path / "a").files == ["0.txt", "1.txt"] and expected.files is None
    (tmp_path / "b.csv").write_text("review\ngood film\n")
    with pytest.raises(DataError, match=r"b.csv has no column 'text'; .*review; name it with column"):
        predict(result.folder, tmp_path / "b.csv")
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(DataError, match="empty.txt holds no texts"):
        predict(result.folder, tmp_path / "empty.txt")


def test_predicts_with_a_model_file(tmp_path: Path) -> None:
    model = reader()
    model.save(tmp_path / "m.seqnet")
    (tmp_path / "a.txt").write_text("good film\n")
    found = predict(tmp_path / "m.seqnet", tmp_path / "a.txt")
    np.testing.assert_array_equal(found.outputs, model.predict(["good film"], verbose=0))


def test_commands_say_what_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner(tmp_path, monkeypatch, capsys)
    write_spec(tmp_path)
    code, out, err = run("train", "reviews.yaml")
    assert code == 0, err
    assert "Tokens vocabulary of 39; out of it: train 0.0%, validation " in " ".join(err.split()), err
    assert "predict runs/reviews/1 INPUT.txt" in out
    (tmp_path / "new.txt").write_text("good film\nwholly unknown\n")
    code, out, err = run("predict", "reviews", "new.txt")
    assert (code, out.splitlines()[0], len(out.splitlines())) == (0, "class,p_bad,p_good", 3)
    assert "2 of 4 tokens (50.0%) are out of the vocabulary" in err
    code, out, err = run("data", "info", "reviews.yaml")
    assert code == 0 and "(None, 1) text, " in out and " characters" in out
    code, out, err = run("report", "reviews")
    assert code == 0 and "film once" in (tmp_path / "runs/reviews/1/report.html").read_text(encoding="utf-8")
    code, out, err = run("summary", "reviews.yaml", "--detail")
    assert code == 0 and "vocabulary of 39" in out
    for command in ("find-lr", "bench"):
        code, out, err = run(command, "reviews.yaml", "--json", *(["--seconds", "0.1"] if command == "bench" else []))
        assert code == 0 and json.loads(out)["data"] == "reviews", err


def test_vocabulary_file_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("good\nbad\n")
    text = {"TextVectorization": {"output_sequence_length": 5, "vocabulary": "words.txt"}}
    path = write_spec(tmp_path, [text, *MODEL[1:]])
    result = train(load_spec(path), runs=tmp_path / "runs")
    (tmp_path / "words.txt").unlink()
    layer: Any = seqnet.load_model(result.folder).layers[0]
    assert layer.get_vocabulary() == ["", "[UNK]", "good", "bad"]
    assert evaluate(result.folder).rows == 12


LINTED: list[tuple[str, Any, Any, list[str]]] = [
    ("fine", MODEL, None, []),
    ("no text layer", MODEL[3:], None, ["the rows of reviews are texts, but layer 0 (dense, Dense) takes numbers"]),
    (
        "small table",
        [MODEL[0], {"Embedding": {"input_dim": 9, "output_dim": 2}}, *MODEL[2:]],
        None,
        ["layer 1 (embedding, Embedding) has input_dim 9, but text_vectorization gives numbers up to 38"],
    ),
    (
        "no table",
        [MODEL[0], MODEL[3]],
        None,
        ["layer 1 (dense, Dense) takes the numbers of text_vectorization, names, as if they were amounts"],
    ),
    (
        "late",
        [*MODEL[:3], MODEL[0], MODEL[3]],
        None,
        [
            "layer 3 (text_vectorization_1, TextVectorization) takes texts, but what reaches it are the numbers of the "
            "layers before it"
        ],
    ),
    (
        "numbers",
        [MODEL[0], *MODEL[1:3], {"Dense": {"units": 3, "activation": "softmax"}}],
        {"dataset": "iris"},
        ["layer 0 (text_vectorization, TextVectorization) takes texts, but the rows of iris are numbers (float32)"],
    ),
    (
        "open length",
        ["TextVectorization", MODEL[1], "Flatten", MODEL[3]],
        None,
        ["layer 3 (dense, Dense): the last axis must be fixed to size the kernel, got (None,)"],
    ),
    (
        "too small a vocabulary",
        [{"TextVectorization": {"vocabulary": ["a"], "output_mode": "multi_hot"}}, MODEL[3]],
        None,
        [],
    ),
]


@pytest.mark.parametrize(("model", "data", "messages"), [row[1:] for row in LINTED], ids=[row[0] for row in LINTED])
def test_lint(model: Any, data: Any, messages: list[str], tmp_path: Path) -> None:
    loss = "sparse_categorical_crossentropy" if data else "binary_crossentropy"
    result = check_file(write_spec(tmp_path, model, data, loss=loss))
    assert [problem.message for problem in result.problems if "batch_size" not in problem.message] == messages
    assert all(problem.hint for problem in result.problems)


def test_width_of_vectors_is_learned_before_the_network_is_built(tmp_path: Path) -> None:
    model = [{"Input": {"shape": [1], "dtype": "string"}}, {"TextVectorization": {"output_mode": "count"}}, MODEL[3]]
    path = write_spec(tmp_path, model)
    assert load_spec(path).build_model().network.nodes[1].out_shape == (38,)
    assert check_file(path, with_data=False).errors == 0
    result = check_file(path)
    assert result.summary is not None and result.summary.rows[0].notes == "vocabulary of 38"


def test_as_text_is_what_the_numbers_stand_for() -> None:
    from seqnet.datasets import city_names

    numbers, texts = city_names().load(), city_names(as_text=True).load()
    assert texts.train.x.shape == (15_000, 1) and texts.vocabulary is None and numbers.vocabulary is not None
    assert texts.fingerprint() != numbers.fingerprint()
    vocabulary = numbers.vocabulary
    for row in (0, 1, 14_999):
        assert texts.train.x[row, 0] == "".join(vocabulary[n] for n in numbers.train.x[row])


# -- files ------------------------------------------------------------------------------------------------------------


def load(folder: Path, **options: Any) -> Any:
    return Text(**options).load(folder)


def test_reads_a_folder_by_class(tmp_path: Path) -> None:
    for part, cls, name in [("train", "pos", "1"), ("train", "neg", "2"), ("test", "pos", "3")]:
        place = tmp_path / "imdb" / part / cls
        place.mkdir(parents=True)
        (place / f"{name}.txt").write_text(f"\ufefftext {name}\nof two lines", encoding="utf-8")
    (tmp_path / "imdb" / "train" / ".hidden").mkdir()
    data = load(tmp_path, path="imdb")
    data.prepare()
    data.check()
    assert data.class_names == ("neg", "pos") and data.name == "imdb"
    assert data.train.x.tolist() == [["text 2\nof two lines"], ["text 1\nof two lines"]]
    assert data.train.y.tolist() == [0, 1] and data.test.y.tolist() == [1]
    inner = load(tmp_path, path="imdb/train")
    assert inner.train.raw.column("file").tolist() == ["neg/2.txt", "pos/1.txt"]


def test_reads_tables_and_lines(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('\ufeffrate\tsaid\n1\t"a\n""b"""\n\n2.5\tc, d\n', encoding="utf-8")
    data = load(tmp_path, path="a.tsv", column="said", target="rate")
    assert data.train.raw.column("said").tolist() == ['a\n"b"', "c, d"]
    assert data.train.y.tolist() == [1.0, 2.5] and data.task == "regression"
    (tmp_path / "a.jsonl").write_text('{"text": "é", "label": 1, "more": [1]}\n\n{"text": "b", "label": 0}\n')
    data = load(tmp_path, path="a.jsonl")
    assert data.train.y.tolist() == [1, 0] and data.train.y.dtype == np.int64
    (tmp_path / "a.txt").write_bytes("né\r\nb\n".encode("latin-1"))
    data = load(tmp_path, path="a.txt", encoding="latin-1")
    assert data.train.raw.column("text").tolist() == ["né", "b"] and data.train.y is None
    (tmp_path / "u.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-16")
    assert load(tmp_path, path="u.csv", encoding="utf-16").class_names == ("x", "y")
    (tmp_path / "gap.csv").write_text("text,label\n,x\nb,y\nc,x\n")
    assert len(load(tmp_path, path="gap.csv", empty="drop").train) == 2
    (tmp_path / "marked.csv").write_text("text,label\né,x\nb,y\n", encoding="utf-16")  # its mark says what it is
    assert load(tmp_path, path="marked.csv").train.raw.column("text").tolist() == ["é", "b"]
    (tmp_path / "semicolons.csv").write_text("label;text\nx;a, b\ny;b\n")
    assert load(tmp_path, path="semicolons.csv").train.raw.column("text").tolist() == ["a, b", "b"]
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b'text,label\n"a\nb",x\nb,y\n'))
    assert load(tmp_path, path="c.csv.gz").train.raw.column("text").tolist() == ["a\nb", "b"]
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a", "label": 1}\n'))
    assert load(tmp_path, path="c.jsonl.gz").train.y.tolist() == [1]
    long = "word " * 60_000
    (tmp_path / "long.csv").write_text(f'text,label\n"{long}",x\nb,y\n')
    assert load(tmp_path, path="long.csv").train.raw.column("text")[0] == long


BROKEN: list[tuple[str, bytes, str]] = [
    ("a.csv", b"", "a.csv is empty"),
    ("a.csv", b"text,label\n", "a.csv holds no texts"),
    ("a.csv", b"txt,label\na,b\n", "a.csv has no column 'text'; did you mean txt\\?"),
    ("a.csv", b"text,labels\na,b\n", "a.csv, line 2: has no 'label'; did you mean labels\\?"),
    ("a.csv", b"text,label\na,b\nc,d,e\n", "a.csv, line 3: 3 cells, but the header has 2"),
    ("a.csv", b'text,label\na,b\n"c,d\ne,f\n', "a.csv, line 3: unexpected end of data; a quotation mark is opened"),
    ("a.csv", b"text,label\na,b\nc\xe9,d\n", "a.csv, line 3: byte 0xe9 .* is no utf-8; .* encoding: latin-1"),
    ("a.csv", b"text,label\na,b\n ,d\n", "a text is empty: .*a.csv, line 3; empty: drop"),
    ("a.csv", b"text,label\na,b\nc,\n", "a.csv, line 3: the target label is ''"),
    ("a.csv", b"text,label\na,1\nc,nan\n", "a.csv, line 3: the target label is 'nan', no finite number"),
    ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": 1}\n', "a.jsonl, line 2: text must be a text, got 1"),
    ("a.jsonl", b'{"text": "a", "label": 1}\n["a"]\n', "a.jsonl, line 2: must be an object"),
    ("a.jsonl", b'{"text": "a", "label": 1}\n{"txt": 1}\n', "a.jsonl, line 2: has no key 'text'; did you mean txt"),
    ("a.jsonl", b'{"text": "a", "label": 1}\nhello\n', "a.jsonl, line 2: no JSON"),
    ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "b"}\n', "a.jsonl, line 2: has no 'label'"),
    ("a.jsonl", b'{"text": "a", "label": null}\n', "a.jsonl, line 1: the target label is None"),
    ("a.jsonl", b"[" * 100_000, "a.jsonl, line 1: (brackets within|no JSON)"),
    ("a.csv.gz", b"text,label\na,b\n", "a.csv.gz is no gzip file that can be read"),
    ("a.jsonl.gz", gzip.compress(b"[" * 100)[:15], "a.jsonl.gz is no gzip file that can be read"),
    ("a.csv", b"text;label\na;b\nc\n", "a.csv, line 3: 1 cell, but the header has 2; a text with a ';' in it"),
    ("a.txt", b"a\n\nb\n", "a text is empty: .*a.txt, line 2"),
    ("a.txt", b"a\n\x80\n", "a.txt, line 2: byte 0x80"),
    ("a.txt", b"", "a.txt holds no texts"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN, ids=[f"{i}-{row[0]}" for i, row in enumerate(BROKEN)])
def test_broken_files_are_named_with_their_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path, path=name)


PIECES = st.sampled_from(
    ["text", "label", ",", "\t", '"', "\n", "\r\n", "{", "}", ":", '{"text": "a", "label": 1}', "0", "é"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(["csv", "tsv", "jsonl", "txt", "csv.gz"]),
    content=st.lists(PIECES, max_size=12).map("".join).map(str.encode) | st.binary(max_size=40),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_any_file_gives_texts_or_a_reason(ending: str, content: bytes, encoding: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{ending}").write_bytes(b'text,label\n"a\tb",1\n' + content if ending == "csv" else content)
    try:
        data = load(tmp_path, path=f"a.{ending}", encoding=encoding)
    except DataError as error:
        assert f"a.{ending}" in str(error)
        return
    data.prepare()
    data.check()
    assert len(data.train) and all(text.strip() for text in data.train.x[:, 0])


def test_broken_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file or folder"):
        load(tmp_path, path="nowhere")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "loose.txt").write_text("a")
    with pytest.raises(DataError, match="has no folders; put the texts of each class into a folder of its own"):
        load(tmp_path, path="d")
    (tmp_path / "d" / "pos").mkdir()
    with pytest.raises(DataError, match="holds no files, so the class 'pos' has no texts"):
        load(tmp_path, path="d")
    (tmp_path / "d" / "pos" / "1.txt").write_bytes(b"line\nline \xff")
    with pytest.raises(DataError, match=r"1.txt, line 2: byte 0xff"):
        load(tmp_path, path="d")
    (tmp_path / "d" / "pos" / "1.txt").write_text(" \n")
    with pytest.raises(DataError, match=r"a text is empty: .*1.txt; empty: drop"):
        load(tmp_path, path="d")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf8x"}, "there is no encoding 'utf8x'"),
        ({"encoding": "hex"}, "there is no encoding 'hex'"),
        ({"column": "a", "target": "a"}, "column and target are both 'a'"),
    ],
)
def test_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Text(path="a.csv", **options)


def test_preparation_survives() -> None:
    state = json.loads(json.dumps(saved(TextPreparation("said", "latin-1"))))
    again = restored(state)
    assert isinstance(again, TextPreparation) and (again.column, again.encoding) == ("said", "latin-1")
    with pytest.raises(CheckpointError, match="does not say how texts are read"):
        restored({"kind": "text", "column": 3})
