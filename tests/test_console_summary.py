"""The summary: Keras's text by Keras itself, and what seqnet adds."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from seqnet import Sequential, layers
from seqnet.console.summary import print_summary, summary_text
from seqnet.errors import UsageError
from seqnet.models.summary import SummaryRow, SummaryTable, summarize
from tests.cases_summary import CASES
from tests.reference import load_reference


def table(**changes: object) -> SummaryTable:
    rows = [
        SummaryRow("conv2d", "Conv2D", (None, 26, 26, 8), 80, "Y", 0, 97_344, 21_632, 0.006),
        SummaryRow("batch_normalization", "BatchNormalization", (None, 26, 26, 8), 32, "N", 0, 5_408, 21_632, 0.002),
        SummaryRow("inner", "Dense", (None, None, 3), 0, "-", 1, 0, 12, 0.0),
        SummaryRow("dense", "Dense", (None, 10), 13_530, "Y", 0, 27_040, 40, 0.99, "no bias"),
    ]
    values = {
        "name": "net",
        "rows": rows,
        "total": 13_642,
        "total_bytes": 54_568,
        "trainable": 13_626,
        "trainable_bytes": 54_504,
        "non_trainable": 16,
        "non_trainable_bytes": 64,
        "batch_size": 32,
    }
    return SummaryTable(**{**values, **changes})  # type: ignore[arg-type]


def lines_of(summary: SummaryTable, **options: object) -> list[str]:
    caught: list[str] = []
    print_summary(summary, print_fn=caught.append, **options)  # type: ignore[arg-type]
    assert len(caught) == 1
    return caught[0].splitlines()


@pytest.mark.parametrize("case", CASES)
def test_prints_what_keras_prints(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, shape, columns, arguments, fitted = CASES[case]
    monkeypatch.setenv("COLUMNS", str(columns))
    made = [getattr(layers, name)(**options) for name, options in stack]
    model = Sequential([*([] if shape is None else [layers.Input(shape)]), *made], name="net")
    if fitted:
        assert shape is not None
        model.compile(optimizer="adam", loss="mse")
        x = np.zeros((2, *shape), np.float32)
        model.fit(x, model.predict(x, verbose=0), verbose=0)
    caught: list[str] = []
    model.summary(print_fn=caught.append, **arguments)
    expected = str(load_reference("summary")[case])
    assert "".join(caught).split("\n") == [line.rstrip() for line in expected.split("\n")]


def test_goes_to_stdout_without_codes_when_no_one_looks(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(table())
    out = capsys.readouterr().out
    assert out.startswith('Model: "net"\n┏━')
    assert "\x1b" not in out
    assert out.endswith(" Non-trainable params: 16 (64.00 B)\n")


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_colours_of_a_terminal_are_those_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    # by hand from Keras's summary_utils: numbers color(34), None color(45), classes color(33), title bold
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    print_summary(table(), stream=stream)
    shown = stream.getvalue()
    assert '\x1b[1mModel: "net"\x1b[0m' in shown
    assert "\x1b[38;5;33mConv2D\x1b[0m" in shown
    assert "\x1b[38;5;45mNone\x1b[0m" in shown
    assert "\x1b[38;5;34m13,530\x1b[0m" in shown
    assert "\x1b[1m Total params: \x1b[0m\x1b[38;5;34m13,642\x1b[0m (53.29 KB)" in shown


def test_no_color_leaves_no_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    print_summary(table(), stream=stream)
    assert "\x1b" not in stream.getvalue()


def test_nested_rows_are_indented() -> None:
    # Keras: "   " a level, then a corner
    assert any(line.startswith("│    └ inner (Dense) ") for line in lines_of(table()))


def test_optimizer_is_counted_only_where_it_has_variables() -> None:
    assert not any("Optimizer" in line for line in lines_of(table()))
    assert lines_of(table(optimizer=27_254, optimizer_bytes=109_016))[-1] == " Optimizer params: 27,254 (106.46 KB)"


@pytest.mark.parametrize("columns", [36, 40, 52, 64, 80, 100, 140])
@pytest.mark.parametrize("detail", [False, True])
def test_fits_any_terminal_and_keeps_every_number(columns: int, detail: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = lines_of(table(), detail=detail)
    grid = [line for line in lines if not line.startswith((" Total", " Train", " Non", " FLOPs", " Act", "Model"))]
    assert max(map(len, grid)) <= columns - 4
    text = "\n".join(lines)
    assert "13,530" in text and "…" not in text
    if "│" in text:  # the first column alone says the whole name
        assert "(BatchNormalization)" in "".join(line.split("│")[1].strip() for line in grid if line.startswith("│"))
    if detail and columns >= 40:
        assert "97.3K" in text and "676.00 KB" in text and "99.0%" in text and "no bias" in " ".join(text.split())


def test_details_are_of_the_batch() -> None:
    lines = lines_of(table(), detail=True)
    assert lines[-2] == " FLOPs of one row forward: 129,792"  # 97344 + 5408 + 27040; the inner row is part of another
    assert lines[-1] == " Activations: 1.32 MB (batch of 32)"  # 32 (21632 + 21632 + 40) / 1024^2
    assert lines_of(table(batch_size=None), detail=True)[-1] == " Activations: 42.29 KB (one row)"


def test_ascii_stream_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_summary(table(name="größe"), stream=stream, show_trainable=True)
    shown = stream.buffer.getvalue()  # type: ignore[attr-defined]
    lines = shown.decode("ascii").splitlines()
    assert lines[0] == 'Model: "gr\\xf6\\xdfe"'
    assert lines[1].startswith("+---")
    assert len({len(line) for line in lines[1:12]}) == 1  # nothing is out of line
    assert "Trainable" in lines[2]


def test_names_cannot_move_the_cursor() -> None:
    rows = [SummaryRow("evil\x1b[2J\rname", "Dense", (None, 1), 2, "Y")]
    text = "\n".join(lines_of(table(rows=rows)))
    assert "\x1b" not in text and "\r" not in text
    assert "\\x1b[2J" in text


def test_markup_in_names_is_only_text() -> None:
    rows = [SummaryRow("a[red]b", "Dense", (None, 1), 2, "Y")]
    assert "│ a[red]b (Dense) " in "\n".join(lines_of(table(rows=rows)))


def test_too_narrow_a_width_is_refused() -> None:
    with pytest.raises(UsageError, match="Insufficient console width to print summary"):
        lines_of(table(), line_length=9)
    with pytest.raises(UsageError, match="3 entries"):
        lines_of(table(), positions=[0.5, 1.0])


def test_json_holds_everything() -> None:
    data = json.loads(summary_text(table(), "json"))
    assert data["total_params"] == 13_642 and data["batch_size"] == 32
    assert data["layers"][0] == {
        "name": "conv2d",
        "type": "Conv2D",
        "level": 0,
        "output_shape": [None, 26, 26, 8],
        "params": 80,
        "trainable": True,
        "flops": 97_344,
        "activation_bytes": 21_632,
        "share": 0.006,
        "notes": "",
    }
    assert [row["trainable"] for row in data["layers"]] == [True, False, None, True]


def test_markdown_is_a_table() -> None:
    lines = summary_text(table(), "markdown", detail=True, show_trainable=True).splitlines()
    assert lines[2:5] == [
        "| Layer (type) | Output Shape | Param # | Share | FLOPs | Memory | Notes | Trainable |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | :---: |",
        "| conv2d (Conv2D) | (None, 26, 26, 8) | 80 | 0.6% | 97.3K | 676.00 KB |  | Y |",
    ]
    assert "batch\\_normalization" in lines[5]
    assert lines[-3:] == [
        "- Non-trainable params: 16 (64.00 B)",
        "- FLOPs of one row forward: 129,792",
        "- Activations: 1.32 MB (batch of 32)",
    ]


def test_text_has_the_width_it_is_given() -> None:
    assert summary_text(table(), width=100).splitlines()[1] == "┏" + "━" * 44 + "┳" + "━" * 33 + "┳" + "━" * 19 + "┓"


def test_the_classic_network_has_101770_parameters() -> None:
    model = Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(128), layers.Dense(10)])
    assert " Total params: 101,770 (397.54 KB)" in lines_of(summarize(model))
