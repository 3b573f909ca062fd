"""What fit and evaluate print, and what `seqnet train` shows while it trains."""

from __future__ import annotations

import io
import math
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqnet import Sequential, layers
from seqnet.console.live import RunDisplay
from seqnet.console.progress import keras_display, say_result
from tests.screens import CODES, Screen, Terminal, allow_colour


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_colour(monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    # the clock stands still, so that what is shown does not depend on how busy the machine is
    monkeypatch.setattr("seqnet.console.live.time", SimpleNamespace(perf_counter=lambda: 100.0))


def small_model() -> tuple[Sequential, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    model = Sequential([layers.Input((3,)), layers.Dense(2, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y


# -- fit and evaluate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_fit_writes_plain_lines_where_no_one_looks(verbose: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = small_model()
    model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=verbose)
    lines = capsys.readouterr().out.split("\n")
    assert [lines[0], lines[2]] == ["Epoch 1/2", "Epoch 2/2"]
    # Keras with verbose=2: "5/5 - 2s - 378ms/step - accuracy: 0.0688 - loss: 4.2446 - val_accuracy: …"
    for line in (lines[1], lines[3]):
        steps, took, each, *values = line.split(" - ")
        assert steps == "5/5" and took == "0s" and each.endswith(("ms/step", "us/step"))
        assert [value.split(": ")[0] for value in values] == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert lines[4:] == [""]


def test_one_epoch_has_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = small_model()
    model.fit(x, y, batch_size=4)
    assert capsys.readouterr().out.startswith("5/5 - 0s - ")


def test_verbose_0_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = small_model()
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_fit_redraws_one_line_on_a_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    display = keras_display(1)
    display.set_params({"verbose": 1, "epochs": 3, "steps": 250})
    display.on_epoch_begin(0)
    drawn = 0
    for step in range(1, 251):
        display._due = 0.0  # type: ignore[attr-defined]  # as if a twelfth of a second had passed
        before = stream.tell()
        trainer = SimpleNamespace(
            position=SimpleNamespace(batch=step), running_logs=lambda: {"loss": 0.5, "accuracy": 1 / 3}
        )
        display.after_step(trainer)
        drawn += stream.tell() > before
    screen = Screen(columns).feed(stream.getvalue())
    assert drawn == 250 and screen.wrapped == 0
    assert screen.text.count("\n") == 2  # the heading and the line
    display.on_epoch_end(0, {"loss": 0.25, "accuracy": 0.875, "val_loss": 0.5, "val_accuracy": 0.75})
    text = Screen(columns).feed(stream.getvalue()).text.replace("\n", "")
    assert text.startswith("Epoch 1/3250/250 ━") and "accuracy: 0.8750 - loss: 0.2500 - val_accuracy: 0.7500" in text


def test_display_is_free_between_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    trainer = SimpleNamespace(position=SimpleNamespace(batch=1))  # any other use of it fails
    for display in (keras_display(1), keras_display(2), RunDisplay(Terminal()), RunDisplay(io.StringIO())):
        display.set_params({"verbose": 1, "epochs": 1, "steps": 9})
        display._due = math.inf  # type: ignore[attr-defined]
        display.after_step(trainer)


def test_numbers_are_written_as_keras_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    # by hand from Keras's Progbar: "%.4f" where |x| > 1e-3, else "%.4e"; but unlike its verbose=2, for -0.5 too
    logs = {"loss": -0.5, "tiny": 0.0004, "zero": 0.0, "several": np.array([0.25, 0.75]), "nan": math.nan}
    say_result(logs, 32)
    expected = "32/32 - loss: -0.5000 - nan: nan - several: 0.5000 - tiny: 4.0000e-04 - zero: 0.0000e+00\n"
    assert capsys.readouterr().out == expected


def test_evaluate_says_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = small_model()
    values = model.evaluate(x, y, batch_size=8, return_dict=True)
    line = capsys.readouterr().out
    assert line == f"3/3 - accuracy: {values['accuracy']:.4f} - loss: {values['loss']:.4f}\n"


def test_encoding_that_lacks_a_sign_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    model, x, y = small_model()
    model.summary()
    model.fit(x, y)
    assert raw.getvalue().decode("ascii").splitlines()[-1].startswith("1/1 - 0s")


# -- seqnet train -----------------------------------------------------------------------------------------------------


def fake_run(
    display: RunDisplay,
    epochs: int = 3,
    steps: int = 20,
    names: tuple[str, ...] = ("loss", "accuracy"),
    val: bool = True,
) -> None:
    """What a trainer does to its callbacks, with a validation loss that is best in epoch 2."""
    trainer = SimpleNamespace(
        position=SimpleNamespace(epoch=0, batch=0),
        steps=steps,
        options=SimpleNamespace(epochs=epochs, batch_size=32),
        compiled=SimpleNamespace(
            optimizer=SimpleNamespace(effective_learning_rate=0.001), running=SimpleNamespace(names=list(names))
        ),
        history=SimpleNamespace(epoch=[]),
        epoch_started=0.0,
        running_logs=lambda: dict.fromkeys(names, 0.5),
    )
    display.set_params({"epochs": epochs, "steps": steps, "verbose": 0})
    display.on_train_begin()
    for epoch in range(epochs):
        trainer.epoch_started = 98.75
        display.on_epoch_begin(epoch)
        trainer.position.epoch = epoch
        for step in range(1, steps + 1):
            trainer.position.batch = step
            if display.live:
                display._due = 0.0
            display.after_step(trainer)
        display.on_test_begin()
        logs = {name: 0.5 - 0.1 * epoch for name in names}
        if val:
            logs |= {f"val_{name}": 0.4 + abs(epoch - 1) for name in names}
        display.on_epoch_end(epoch, logs)
        trainer.history.epoch.append(epoch)
        trainer.position.epoch, trainer.position.batch = epoch + 1, 0
        display.after_epoch(trainer, logs)
    display.on_train_end()


def test_in_a_pipe_there_is_one_plain_line_an_epoch() -> None:
    stream = io.StringIO()
    with RunDisplay(stream) as display:
        fake_run(display)
    assert stream.getvalue() == (
        "Epoch 1/3 - 1.25s - loss: 0.5000 - accuracy: 0.5000 - val_loss: 1.4000 - val_accuracy: 1.4000 - lr: 0.001 ★\n"
        "Epoch 2/3 - 1.25s - loss: 0.4000 - accuracy: 0.4000 - val_loss: 0.4000 - val_accuracy: 0.4000 - lr: 0.001 ★\n"
        "Epoch 3/3 - 1.25s - loss: 0.3000 - accuracy: 0.3000 - val_loss: 1.4000 - val_accuracy: 1.4000 - lr: 0.001\n"
    )


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "true"), ("CI", "1")])
def test_nothing_moves_on_a_dumb_terminal_or_in_ci(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    with RunDisplay(stream) as display:
        fake_run(display)
    assert len(stream.getvalue().splitlines()) == 3
    assert "\r" not in stream.getvalue() and not CODES.search(stream.getvalue())


def test_every_line_is_flushed_at_once() -> None:
    class Counting(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    stream = Counting()
    with RunDisplay(stream) as display:
        fake_run(display, epochs=4)
    assert stream.flushed >= 4


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120])
def test_a_terminal_ends_with_a_table_and_nothing_wraps(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with RunDisplay(stream) as display:
        fake_run(display)
    screen = Screen(columns).feed(stream.getvalue())
    assert screen.wrapped == 0
    lines = screen.text.splitlines()
    assert len(lines) == 5  # two of headings, three epochs; the live line is gone
    assert [line.split()[0] for line in lines[2:]] == ["1/3", "2/3", "3/3"]
    assert [line.endswith("★") for line in lines[2:]] == [True, True, False]
    assert lines[2].split()[1:3] == ["0.5000", "1.4000"]
    if columns >= 80:
        assert lines[1].split() == ["epoch", "train", "val", "train", "val", "lr", "time"]
        assert lines[2].split() == ["1/3", "0.5000", "1.4000", "0.5000", "1.4000", "0.001", "1.25s", "★"]
    if columns == 40:  # all values fit, time and learning rate do not
        assert lines[2].split() == ["1/3", "0.5000", "1.4000", "0.5000", "1.4000", "★"]


def test_the_live_line_says_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for columns in (40, 80, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        stream = Terminal()
        display = RunDisplay(stream)
        frames: list[str] = []
        draw = display._draw

        def spy(trainer: Any, now: float, doing: str = "", draw: Any = draw, stream: Any = stream) -> None:
            draw(trainer, now + 1e-3, doing)
            frames.append(Screen(1000).feed(stream.getvalue()).text)  # noqa: B023

        monkeypatch.setattr(display, "_draw", spy)
        with display:
            fake_run(display, epochs=1)
        seen.append(frames[9])
    narrow, usual, wide = seen
    for part in ("Epoch 1/1", "10/20", "ETA 0:0", "loss 0.5000", "lr 0.001", "━"):
        assert part in narrow and part in usual and part in wide
    for part in ("accuracy 0.5000", "rows/s"):
        assert part in usual and part in wide
    assert narrow.count("\n") == usual.count("\n") == 2 and wide.count("\n") == 1


def test_what_is_printed_meanwhile_stays_above(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", Terminal())
    with RunDisplay(stream) as display:
        trainer = SimpleNamespace(
            position=SimpleNamespace(epoch=0, batch=1),
            steps=2,
            options=SimpleNamespace(epochs=1, batch_size=1),
            compiled=SimpleNamespace(optimizer=SimpleNamespace(effective_learning_rate=0.1)),
            running_logs=lambda: {"loss": 1.0},
        )
        display.after_step(trainer)
        print("Epoch 1: [bold]saving model")
        display.say("said")
    assert Screen(80).feed(stream.getvalue()).text.split("\n")[:2] == ["Epoch 1: [bold]saving model", "said"]


def test_the_terminal_gets_its_cursor_back_after_an_error() -> None:
    stream = Terminal()
    with pytest.raises(ZeroDivisionError), RunDisplay(stream) as display:
        fake_run(display, epochs=1, steps=1)
        trainer = SimpleNamespace(
            position=SimpleNamespace(epoch=0, batch=1),
            steps=2,
            options=SimpleNamespace(epochs=1, batch_size=1),
            compiled=SimpleNamespace(optimizer=SimpleNamespace(effective_learning_rate=0.1)),
            running_logs=lambda: {"loss": 1.0},
        )
        display._due = 0.0
        display.after_step(trainer)
        raise ZeroDivisionError
    shown = stream.getvalue()
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") > 0


def test_no_validation_has_one_column_a_value() -> None:
    stream = Terminal()
    with RunDisplay(stream) as display:
        fake_run(display, val=False)
    lines = Screen(80).feed(stream.getvalue()).text.splitlines()
    assert lines[0].split() == ["epoch", "loss", "accuracy", "lr", "time"]
    assert len(lines) == 4


def test_columns_that_appear_later_get_their_headings() -> None:
    stream = Terminal()
    with RunDisplay(stream) as display:
        fake_run(display, epochs=1, val=False)
        fake_run(display, epochs=1)
        fake_run(display, epochs=1)
    lines = Screen(80).feed(stream.getvalue()).text.splitlines()
    assert [line.split()[0] for line in lines] == ["epoch", "1/1", "──────loss──────", "epoch", "1/1", "1/1"]


def test_long_names_and_many_metrics_fit() -> None:
    stream = Terminal()
    with RunDisplay(stream) as display:
        fake_run(display, names=("loss", "sparse_categorical_accuracy", *(f"metric_number_{i}" for i in range(9))))
    screen = Screen(80).feed(stream.getvalue())
    assert screen.wrapped == 0
    assert "sparse_categorical_accuracy" in screen.text


@pytest.mark.parametrize(
    ("value", "shown"), [(1e-12, "1.0e-12"), (-123.456, "-123.46"), (99999.0, "99999.0"), (1e30, "1.0e+30")]
)
def test_narrow_columns_stay_apart(value: float, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqnet.console.format import metric

    assert metric(value, short=True) == shown and len(shown) <= 7


def test_a_watched_value_decides_what_is_best() -> None:
    stream = io.StringIO()
    with RunDisplay(stream) as display:
        display.watch("val_accuracy", "max")
        fake_run(display)
    assert [line.endswith("★") for line in stream.getvalue().splitlines()] == [True, False, False]
    stream = io.StringIO()
    with RunDisplay(stream) as display:
        display.watch("loss", "min", best=0.35)  # of the run before it was interrupted
        fake_run(display)
    assert [line.endswith("★") for line in stream.getvalue().splitlines()] == [False, False, True]


def test_nan_is_never_the_best() -> None:
    display = RunDisplay(io.StringIO())
    assert not display._is_best({"loss": math.nan})
    assert display._is_best({"loss": 1.0})
    assert not display._is_best({"loss": math.nan})
    assert not display._is_best({"loss": math.inf})


def test_ascii_streams_get_ascii_signs() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with RunDisplay(stream) as display:
        fake_run(display)
    assert raw.getvalue().decode("ascii").splitlines()[0].endswith("lr: 0.001 *")


def test_a_reader_that_goes_away_does_not_end_the_run() -> None:
    class Closed(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with RunDisplay(Closed()) as display:
        fake_run(display)


def test_a_resumed_epoch_is_measured_from_where_it_goes_on() -> None:
    stream = Terminal()
    display = RunDisplay(stream)
    with display:
        trainer = SimpleNamespace(
            position=SimpleNamespace(epoch=4, batch=150),
            steps=200,
            options=SimpleNamespace(epochs=5, batch_size=10),
            compiled=SimpleNamespace(optimizer=SimpleNamespace(effective_learning_rate=0.1)),
            running_logs=lambda: {"loss": 1.0},
        )
        display.after_step(trainer)  # the first batch after going on; no on_epoch_begin
        assert display._first is not None
        began, batch = display._first
        assert batch == 150
        trainer.position.batch = 160
        picture = str(display._picture(trainer, began + 1.0, 200, ""))
    assert "100 rows/s" in picture and "ETA 0:04" in picture  # 10 batches of 10 rows in a second, 40 left
