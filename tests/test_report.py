"""`seqnet report`: the page of real runs holds the numbers of `evaluate`, and harmless words whatever the data say."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.errors import DataError, TrainingError, UsageError
from seqnet.models.saving import load_model
from seqnet.report.page import page
from seqnet.runs.report import gather
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from tests.commands import Run, good, runner
from tests.pages import Page, check_page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><b onclick='x'>&amp;",
    "a\n\u202eb\x1b[31m",
)
CLASSIFIER = """\
name: things
seed: 3
data: {npz: data.npz, validation_split: 0.2}
model:
  - Dense: {units: 8, activation: tanh}
  - Dense: {units: 4, activation: softmax}
optimizer: adam
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 2, batch_size: 16}
"""
REGRESSOR = """\
name: sums
data: {npz: data.npz}
model: [{Dense: {units: 1}}]
optimizer: sgd
loss: mse
metrics: [mae]
training: {epochs: 3, batch_size: 8}
"""


def rows(count: int, *shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def make(folder: Path, text: str, *overrides: str, **arrays: Any) -> Path:
    """Train a file on these arrays; the run folder."""
    np.savez(folder / "data.npz", **arrays)
    (folder / "file.yaml").write_text(text, encoding="utf-8")
    return train(load_spec(folder / "file.yaml", list(overrides)), runs=folder / "runs").folder


def things(folder: Path, *overrides: str, **changes: Any) -> Path:
    """A classifier of four classes whose names are hostile."""
    x = rows(120, 3)
    arrays: dict[str, Any] = {
        "x_train": x,
        "y_train": np.arange(120) % 4,
        "x_test": rows(60, 3, seed=1),
        "y_test": np.arange(60) % 4,
        "class_names": np.array(HOSTILE),
        "feature_names": np.array(HOSTILE[:3]),
    }
    arrays |= changes
    return make(folder, CLASSIFIER, *overrides, **{name: value for name, value in arrays.items() if value is not None})


def written(run: Path, **options: Any) -> Page:
    return check_page(page(gather(run, **options)))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return things(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = rows(40, 2)
    return make(tmp_path_factory.mktemp("regressor"), REGRESSOR, x=x, y=x.sum(axis=1), x_test=x[:25], y_test=x[:25, 0])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def copy(run: Path, to: Path, name: str = "copy") -> Path:
    return Path(shutil.copytree(run, to / "runs" / name / "1"))


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [None, "things", "things/1", "runs/things", "runs/things/1"])
def test_runs_are_named_as_for_evaluate(text: str | None, classifier: Path, tmp_path: Path, run: Run) -> None:
    copy(classifier, tmp_path, "things")
    out = good(run("report", *([] if text is None else [text])))
    assert out == "Report   runs/things/1/report.html\n"
    check_page((tmp_path / "runs/things/1/report.html").read_text(encoding="utf-8"))


def test_the_same_run_gives_the_same_page(classifier: Path, tmp_path: Path, run: Run) -> None:
    for name in ("a.html", "b.htm"):
        assert good(run("report", str(classifier), "-o", name)) == f"Report   {name}\n"
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.htm").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []
    assert not (classifier / "report.html").exists()


@pytest.mark.parametrize("split", [None, "test", "validation", "train"])
@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_the_numbers_are_those_of_evaluate(split: str | None, checkpoint: str, classifier: Path, run: Run) -> None:
    options = [str(classifier), "--checkpoint", checkpoint, *(["--split", split] if split else [])]
    expected = json.loads(good(run("evaluate", *options, "--json")))
    told = json.loads(good(run("report", *options, "-o", "page.html", "--json")))
    same = ("loss", "accuracy", "split", "rows", "checkpoint")
    assert {key: told[key] for key in same} == {key: expected[key] for key in same}
    found = check_page(Path(told["report"]).read_text(encoding="utf-8"))
    for value in (expected["loss"], expected["accuracy"]):
        assert found.values.count(value) >= 2  # above, and in the table
    for one in expected["per_class"]:
        assert {one["precision"], one["recall"], one["f1"]} <= set(found.values)
    of = f"{expected['rows']} {expected['split']} rows"
    matrix = found.table(f"Confusion matrix of {of}")
    assert [[int(cell.replace(",", "")) for cell in row[1:]] for row in matrix[1:]] == expected["confusion_matrix"]
    per_class = found.table(f"Precision, recall and F1 of each class, over {of}")
    assert [int(row[-1]) for row in per_class[1:-2]] == [one["support"] for one in expected["per_class"]]
    assert [int(row[-1]) for row in per_class[-2:]] == [expected["rows"]] * 2


def test_what_the_page_says_of_a_run(classifier: Path) -> None:
    found = written(classifier)
    summary = json.loads((classifier / "summary.json").read_text())
    assert [one.text for one in found.all("title") if one.parents[-1] == "head"] == ["things/1 – seqnet"]
    assert {summary["best"]["val_loss"], summary["final"]["val_loss"], summary["final"]["loss"]} <= set(found.values)
    logged = [json.loads(line) for line in (classifier / "metrics.jsonl").read_text().splitlines()]
    curves = found.table("Logged values of 2 epochs")
    assert curves[0] == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert {row["val_accuracy"] for row in logged} <= set(found.values)
    layers = found.table("Layers of things, in order")
    assert layers[1] == ["dense (Dense)", "(None, 8)", "32", "yes"]  # 3 * 8 + 8
    assert layers[2] == ["dense_1 (Dense)", "(None, 4)", "36", "yes"]  # 8 * 4 + 4
    facts = {term.text: said.text for term, said in zip(found.all("dt"), found.all("dd"), strict=True)}
    assert facts["Data fingerprint (SHA-256)"] == summary["data"]["fingerprint"]
    assert facts["Seed"] == "3" and facts["numpy version"] == np.__version__
    assert facts["parameters"] == "68"
    assert found.one("pre").text == (classifier / "resolved.yaml").read_text(encoding="utf-8")
    assert "All 2 epochs were trained." in found.content


# -- what is hostile --------------------------------------------------------------------------------------------------


def test_words_of_the_users_stay_words(classifier: Path) -> None:
    found = written(classifier)
    assert not any(sign in found.content for sign in ("<script", "<img", "<b ", "</style></title>"))
    shown = [*HOSTILE[:3], r"a\n\u202eb\x1b[31m"]  # what can't be seen is written out
    per_class = found.table("Precision, recall and F1 of each class")
    assert [row[0] for row in per_class[1:5]] == shown
    worst = found.table("The worst first")
    assert worst[0][4:] == shown[:3]
    assert {row[1] for row in worst[1:]} | {row[2] for row in worst[1:]} <= set(shown)
    assert any(f"taken for {shown[0]}" in one.attributes.get("title", "") for one in found.all("td"))


def test_names_of_folders_metrics_and_layers_stay_words(classifier: Path, tmp_path: Path) -> None:
    name = '"><b id=curves onload=x>\u202e'
    record = gather(copy(classifier, tmp_path, name))
    found = check_page(page(record))
    assert found.one("h1").text.startswith(r'"><b id=curves onload=x>\u202e/1')
    record.curves = [type(one)(f"<u>{one.name}", one.epochs, one.train, one.validation) for one in record.curves]
    record.final = {f"<u>{key}": value for key, value in record.final.items()}
    record.ended = record.monitor = "<u>ended"
    record.notes = ["<u>note"]
    record.made = [("<u>term", "<u>said")]
    record.resolved = "name: </pre><u>x"
    assert check_page(page(record)).all("u") == []


# -- runs of all sorts ------------------------------------------------------------------------------------------------


def test_without_test_or_validation_rows_the_page_says_so(tmp_path: Path) -> None:
    plain = {"x_test": None, "y_test": None}
    run = things(tmp_path, "data.validation_split=0", **plain)
    found = written(run)
    notes = [one.text for one in found.all("p", class_="note")]
    assert notes == [
        "There are no validation rows: the best epoch is that of the best training value.",
        "There are no test rows: predictions are those for the train rows.",
    ]
    assert found.table("Confusion matrix of 120 train rows")
    assert found.table("Logged values of 2 epochs")[0] == ["epoch", "loss", "accuracy"]
    with pytest.raises(UsageError, match="data has no test rows; it has train"):
        gather(run, split="test")


def test_a_run_of_one_epoch(tmp_path: Path) -> None:
    found = written(things(tmp_path, "training.epochs=1"))
    assert "The epoch was trained." in found.content
    assert len(found.table("Logged values of 1 epoch")) == 2
    assert [one.text for one in found.all("text") if one.text.startswith("best")] == ["best: epoch 1"] * 2


def test_long_runs_are_thinned(classifier: Path, tmp_path: Path) -> None:
    run = copy(classifier, tmp_path)
    values = [{"epoch": i, "loss": 1 / i, "val_loss": 2.0 + (i == 777) - 3 * (i == 1234)} for i in range(1, 2001)]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in values))
    summary = json.loads((run / "summary.json").read_text())
    best = {"epoch": 1234, "monitor": "val_loss", "loss": 1 / 1234, "val_loss": -1.0}
    (run / "summary.json").write_text(json.dumps({**summary, "epochs": 2000, "planned_epochs": 2000, "best": best}))
    found = written(run)
    assert len(found.content) < 200_000
    assert any(one.text == "best: epoch 1234" for one in found.all("text"))
    assert any(one.text == "epoch 1234: training 8.10e-04, validation -1.0000" for one in found.all("title"))
    table = found.table("Logged values of 42 of 2,000 epochs")
    assert [row[0] for row in table[1:]][:3] == ["1", "50", "100"] and table[-1][0] == "2,000"
    assert "1,234 (best)" in [row[0] for row in table]


def test_of_many_classes_the_largest_confusions_are_listed(tmp_path: Path) -> None:
    names = np.array([f"class number {i}" for i in range(100)])
    y = np.arange(300) % 100
    run = things(
        tmp_path,
        "model.1.Dense.units=100",
        x_train=rows(300, 3),
        y_train=y,
        x_test=rows(300, 3),
        y_test=y,
        class_names=names,
    )
    found = written(run)
    assert "Confusion matrix" not in found.content
    listed = found.table("The 20 largest of")
    assert listed[0] == ["true", "taken for", "rows", "of the class"] and len(listed) == 21
    counts = [int(row[2]) for row in listed[1:]]
    assert counts == sorted(counts, reverse=True)
    assert len(found.table("Precision, recall and F1 of each class, over 300 test rows")) == 103


def test_numbers_are_set_against_numbers(regressor: Path) -> None:
    found = written(regressor)
    measured = gather(regressor).measured
    assert measured is not None and measured.mistakes is not None
    (fit,) = measured.fits
    errors = found.table("Errors over 25 test rows")
    assert errors[0] == ["", "mean absolute error", "root mean square error", "mean residual", "R²"]
    assert measured.values["mae"] == pytest.approx(abs(fit.residuals).mean(), rel=1e-6)
    assert measured.values["loss"] == pytest.approx((fit.residuals**2).mean(), rel=1e-6)
    spread = ((fit.true - fit.true.mean()) ** 2).sum()
    r2 = 1 - (fit.residuals**2).sum() / spread
    assert any(value == pytest.approx(r2) for value in found.values) and errors[1][-1] == f"{r2:.4f}"
    worst = measured.mistakes.worst
    assert [one.row for one in worst] == np.argsort(-abs(fit.residuals), kind="stable")[:15].tolist()
    assert worst[0].confidence == pytest.approx(abs(fit.residuals).max())
    assert [one.text.split(":")[0] for one in found.all("title") if one.text.startswith("row ")] == [
        f"row {one.row}" for one in worst[:10]
    ]
    bars = [one.text for one in found.all("title") if "to" in one.text and "row" in one.text]
    assert sum(int(re.search(r"(\d+) rows?$", text)[1]) for text in bars) == 25  # type: ignore[index]
    assert found.table("The worst first")[0] == ["row", "true", "predicted", "error", "0", "1"]


@pytest.mark.parametrize(("width", "figures"), [(3, 6), (7, 2)])
def test_several_targets_are_drawn_one_by_one_or_together(width: int, figures: int, tmp_path: Path) -> None:
    x = rows(30, 2)
    run = make(tmp_path, REGRESSOR, f"model.0.Dense.units={width}", x=x, y=rows(30, width, seed=2))
    found = written(run)
    assert len([one for one in found.all("figure") if "loss" not in one.text and "mae" not in one.text]) == figures
    assert "There are no test rows: predictions are those for the train rows." in found.content


IMAGES = CLASSIFIER.replace("model:\n", "model:\n  - Flatten\n")


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((5, 6), np.uint8), ((5, 6, 1), np.float32), ((5, 6, 3), np.uint8), ((600, 4, 4), np.float32)],
    ids=str,
)
def test_images_are_drawn(shape: tuple[int, ...], kind: Any, tmp_path: Path) -> None:
    x = (rows(40, *shape) * 50 + 100).astype(kind)
    names = np.array(["a", "b", "c", "<d>"])
    run = make(
        tmp_path,
        IMAGES,
        "training.epochs=1",
        x=x,
        y=np.arange(40) % 4,
        x_test=x,
        y_test=np.arange(40) % 4,
        class_names=names,
    )
    found = written(run)
    images = found.all("img")
    assert images and all(one.parents[-2:] == ("ol", "li") for one in images)
    assert re.fullmatch(r"Row \d+: (a|b|c|<d>), taken for (a|b|c|<d>)", images[0].attributes["alt"])
    width, height = (int(images[0].attributes[side]) for side in ("width", "height"))
    assert (height, width) == ((5, 6) if shape[0] == 5 else (200, 2))  # every third of the large one


def test_rows_that_are_no_pictures_are_only_named(tmp_path: Path) -> None:
    x = rows(40, 2, 3, 5, 2)
    run = make(tmp_path, IMAGES, "training.epochs=1", x=x, y=np.arange(40) % 4)
    assert written(run).table("The worst first")[0] == ["row", "true", "predicted", "confidence"]


def test_wide_rows_are_cut(tmp_path: Path) -> None:
    run = things(tmp_path, x_train=rows(120, 50), x_test=rows(60, 50), feature_names=None)
    found = written(run)
    assert found.table("The worst first")[0][4:] == [str(i) for i in range(30)]
    assert "20 further columns left out." in found.content


@pytest.mark.parametrize(
    ("vocabulary", "text"),
    [(["", "the", "<b>", "cat"], "the <b> cat the"), (["", "t", "<", "c"], "t<ct")],
    ids=["words", "letters"],
)
def test_texts_are_shown_in_words(vocabulary: list[str], text: str, tmp_path: Path) -> None:
    x = np.tile(np.array([1, 2, 3, 1, 0, 0]), (40, 1))
    model = CLASSIFIER.replace("model:\n", "model:\n  - Embedding: {input_dim: 4, output_dim: 2}\n  - Flatten\n")
    run = make(tmp_path, model, "training.epochs=1", x=x, y=np.arange(40) % 4, vocabulary=np.array(vocabulary))
    worst = written(run).table("The worst first")
    assert worst[0][-1] == "text" and {row[-1] for row in worst[1:]} == {text}


def test_one_output_of_two_classes(tmp_path: Path) -> None:
    y = np.arange(60) % 2
    overrides = ["model.1.Dense={units: 1, activation: sigmoid}", "loss=binary_crossentropy"]
    run = things(tmp_path, *overrides, x_train=rows(60, 3), y_train=y, y_test=y, class_names=np.array(["no", "yes"]))
    found = written(run)
    matrix = found.table("Confusion matrix of 60 test rows")
    assert [row[0] for row in matrix] == ["true", "no", "yes"]
    shares = [float(row[3].rstrip("%")) for row in found.table("The worst first")[1:]]
    assert all(50 <= share <= 100 for share in shares) and shares == sorted(shares, reverse=True)


def test_outputs_that_are_no_chances_are_scores(tmp_path: Path) -> None:
    overrides = ["model.1.Dense.activation=linear", "loss=categorical_hinge", "data.one_hot=true"]
    found = written(things(tmp_path, *overrides))
    assert found.table("The worst first")[0][3] == "score"


def test_of_one_value_a_class_the_mean_is_shown(tmp_path: Path) -> None:
    overrides = ["data.one_hot=true", "loss=categorical_crossentropy", "metrics=[F1Score]"]
    run = things(tmp_path, *overrides)
    report = gather(run)
    assert report.measured is not None
    mean = float(np.mean(report.measured.values["F1Score"]))
    assert check_page(page(report)).table("Loss and metrics")[-1][-1] == f"{mean:.4f} mean of 4"


@pytest.mark.parametrize("logits", [False, True])
def test_of_several_labels_a_row_each_is_counted(logits: bool, tmp_path: Path) -> None:
    y = (rows(40, 4) > 0).astype(np.int64)
    y[3] = 0
    activation, loss = "sigmoid", "binary_crossentropy"
    if logits:
        activation, loss = "linear", "{BinaryCrossentropy: {from_logits: true}}"
    overrides = [f"model.1.Dense.activation={activation}", f"loss={loss}"]
    arrays = {"x": rows(40, 3), "y": y, "x_test": rows(40, 3), "y_test": y}
    run = make(tmp_path, CLASSIFIER, *overrides, class_names=np.array(["sun", "sea", "sand", "sky"]), **arrays)
    found = written(run)
    assert "Confusion matrix" not in found.content
    table = found.table("Precision, recall and F1 of each label")
    outputs = load_model(run / "best").predict(rows(40, 3), verbose=0)
    taken, there = outputs > (0.0 if logits else 0.5), y.astype(bool)
    for j, name in enumerate(["sun", "sea", "sand", "sky"]):
        hit, all_taken = int((taken & there)[:, j].sum()), int(taken[:, j].sum())
        want = [
            hit / all_taken if all_taken else 0.0,
            hit / there[:, j].sum(),
            2 * hit / (all_taken + there[:, j].sum()),
        ]
        assert table[1 + j] == [name, *(f"{value:.4f}" for value in want), str(there[:, j].sum())]
    worst = found.table("The worst first")
    assert worst[0][:4] == ["row", "true", "predicted", "confidence"] and len(worst) > 5
    for row in worst[1:]:
        number = int(row[0])
        for told, labels in ((row[1], there[number]), (row[2], taken[number])):
            assert told == (", ".join(np.array(["sun", "sea", "sand", "sky"])[labels]) or "none")
        assert row[1] != row[2]
    shares = [float(row[3].rstrip("%")) for row in worst[1:]]
    assert shares == sorted(shares, reverse=True) and min(shares) >= 50


def test_without_a_mistake_the_page_says_so(tmp_path: Path) -> None:
    x = np.eye(4, dtype=np.float32)[np.arange(80) % 4] * 10
    overrides = ["training.epochs=30", "optimizer={Adam: {learning_rate: 0.1}}"]
    y = np.arange(80) % 4
    run = make(tmp_path, CLASSIFIER, *overrides, x=x, y=y, x_test=x[:20], y_test=y[:20])
    found = written(run)
    assert "None of the 20 test rows was taken for another class." in found.content


def test_outputs_without_numbers_still_give_a_page(tmp_path: Path) -> None:
    x = rows(40, 2)
    test = x.copy()
    test[5:8] = 3e38  # twice that is more than float32 holds
    overrides = ["model.0.Dense.kernel_initializer={Constant: {value: 1.0}}", "optimizer={SGD: {learning_rate: 1e-9}}"]
    run = make(tmp_path, REGRESSOR, *overrides, x=x, y=x[:, 0], x_test=test, y_test=x[:, 0])
    with np.errstate(all="ignore"):
        found = written(run)
    notes = [one.text for one in found.all("p", class_="note")]
    assert "The model's output is NaN or infinite for 3 of the rows." in notes
    assert len(found.table("The worst first")) == 16
    assert not {"5", "6", "7"} & {row[0] for row in found.table("The worst first")}


# -- how a run ended --------------------------------------------------------------------------------------------------


def test_what_stopped_a_run(tmp_path: Path) -> None:
    stop = "callbacks=[{EarlyStopping: {monitor: val_accuracy, patience: 2, baseline: 2.0}}]"
    assert (
        "of 9 epochs: val_accuracy had not improved for 2 epochs (EarlyStopping)."
        in gather(things(tmp_path, "training.epochs=9", stop)).ended
    )


def test_a_run_that_took_too_long(tmp_path: Path) -> None:
    run = things(tmp_path, "training.epochs=9", "callbacks=[{Timer: {max_time: 1e-9}}]")
    assert gather(run).ended == "Stopped after 1 of 9 epochs: its 0.00s of training were over (Timer)."


def test_a_run_that_came_to_infinity(tmp_path: Path) -> None:
    x = rows(40, 2) * 1e15
    overrides = ["optimizer={SGD: {learning_rate: 1e30}}", "training.epochs=9"]
    with np.errstate(all="ignore"), pytest.raises(TrainingError):
        make(tmp_path, REGRESSOR, *overrides, x=x, y=x[:, 0])
    found = written(tmp_path / "runs" / "sums" / "1")
    assert found.one("span", class_="state bad").text == "failed"
    said = found.all("p")[0].text
    assert said.startswith(
        "Failed after 0 of 9 epochs: the run ended because its numbers are no longer finite\n  step 1"
    )


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        (
            {"state": "interrupted"},
            "Interrupted after 2 of 2 epochs, by Ctrl-C or because its process ended; train --resume goes on with it.",
        ),
        ({"state": "failed", "error": "<no> memory"}, "Failed after 2 of 2 epochs: <no> memory"),
        ({"state": "failed"}, "Failed after 2 of 2 epochs: why was not recorded"),
        ({"planned_epochs": 5}, "Stopped after 2 of 5 epochs: a callback ended it."),
    ],
)
def test_other_ends(changes: dict[str, Any], ended: str, classifier: Path, tmp_path: Path) -> None:
    run = copy(classifier, tmp_path)
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, **changes}))
    report = gather(run)
    assert report.ended == ended
    check_page(page(report))


def test_a_run_that_has_only_begun(classifier: Path, tmp_path: Path) -> None:
    run = copy(classifier, tmp_path)
    summary = json.loads((run / "summary.json").read_text())
    begun = {"state": "failed", "epochs": 0, "best": {}, "final": {}, "seconds": {"total": 1.0, "epochs": []}}
    (run / "summary.json").write_text(json.dumps({**summary, **begun}))
    (run / "metrics.jsonl").write_text("")
    shutil.rmtree(run / "best")
    found = written(run)
    assert "No epoch was finished, so there are no curves." in found.content
    assert "so this is its last checkpoint, not its best" in found.content
    assert found.table("Confusion matrix of 60 test rows")


# -- what is wrong ----------------------------------------------------------------------------------------------------


def cut(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        path = run / name
        path.write_bytes(path.read_bytes()[:-30])

    return damage


def gone(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()

    return damage


DAMAGE = {
    "summary cut": (cut("summary.json"), "it is damaged: summary.json is damaged"),
    "summary gone": (gone("summary.json"), "it is damaged: summary.json is missing"),
    "summary no state": (lambda run: (run / "summary.json").write_text("{}"), "it names no state of a run"),
    "file empty": (lambda run: (run / "resolved.yaml").write_text(""), "resolved.yaml is empty"),
    "file cut": (lambda run: (run / "resolved.yaml").write_text("model: ["), "is damaged, or was changed by hand"),
    "metrics cut": (cut("metrics.jsonl"), "metrics.jsonl is damaged: line 2 is no JSON"),
    "metrics gone": (gone("metrics.jsonl"), "metrics.jsonl is missing"),
    "state cut": (cut("best/state.json"), "state.json is damaged"),
    "both checkpoints gone": (lambda run: [gone("best")(run), gone("last")(run)], "there is no file runs/copy/1/best"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_runs_are_refused(name: str, classifier: Path, tmp_path: Path, run: Run) -> None:
    damage, message = DAMAGE[name]
    damaged = copy(classifier, tmp_path)
    damage(damaged)
    code, out, err = run("report", "copy")
    assert (code, out) == (2, "") and message in err and "copy/1" in err
    assert not (damaged / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no run nothing"),
        (["RUN/best"], "a report is about a run folder, and"),
        (["RUN", "-o", "page.txt"], "the report is a page in HTML: end page.txt with .html"),
        (["RUN", "-o", "."], "the report is a page in HTML"),
        (["RUN", "-o", "folder.html"], "can't write folder.html: it is a folder; name a file"),
        (["RUN", "-o", "none/page.html"], "the folder none does not exist; make it, or choose another place"),
        (["RUN", "--split", "other"], "--split can't be 'other'; known: test, train, validation"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, classifier: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "folder.html").mkdir()
    code, out, err = run("report", *(text.replace("RUN", str(classifier)) for text in arguments))
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_without_its_data_a_run_keeps_its_curves(classifier: Path, tmp_path: Path, run: Run) -> None:
    copied = copy(classifier, tmp_path)
    text = (copied / "resolved.yaml").read_text(encoding="utf-8")
    (copied / "resolved.yaml").write_text(text.replace("data.npz", "lost.npz"), encoding="utf-8")
    code, out, err = run("report", "copy")
    assert (code, out) == (0, "Report   runs/copy/1/report.html\n")
    assert "the data can't be used any more, so nothing is predicted here" in " ".join(err.split())
    found = check_page((copied / "report.html").read_text(encoding="utf-8"))
    assert found.table("Logged values of 2 epochs") and "Confusion matrix" not in found.content
    assert any("lost.npz" in one.text for one in found.all("p", class_="note"))
    with pytest.raises(DataError, match=r"lost\.npz"):
        gather(copied, split="test")


def test_other_data_than_those_of_the_training_are_said(classifier: Path, tmp_path: Path) -> None:
    run = copy(classifier, tmp_path)
    text = (run / "summary.json").read_text()
    fingerprint = json.loads(text)["data"]["fingerprint"]
    (run / "summary.json").write_text(text.replace(fingerprint, "0" * 64))
    assert any("has changed since this run was trained" in one.text for one in written(run).all("p", class_="note"))


def test_a_full_disk_leaves_the_older_page(
    classifier: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = copy(classifier, tmp_path)
    (copied / "report.html").write_text("older")

    def full(*paths: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    code, out, err = run("report", "copy")
    assert (code, out) == (1, "") and "can't write runs/copy/1/report.html: No space left on device" in err
    assert (copied / "report.html").read_text() == "older"
    assert [path for path in copied.iterdir() if path.name.endswith(".tmp")] == []
