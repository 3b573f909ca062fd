"""What a command found: the values of a run, an evaluation, predictions, the outcome of a check."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut, metric, plural, seconds
from seqnet.console.summary import print_summary
from seqnet.console.tables import Cell, commands, facts, listing, wide
from seqnet.printable import printable

if TYPE_CHECKING:
    from seqnet.models.summary import SummaryTable

_CLASSES = 30  # with more classes than this only the worst are listed
_WORST = 10  # so many confusions are named
_ROWS = 20  # of predictions, on a terminal
_NARROW = 60


def start_lines(
    *,
    folder: str,
    resumed_at: int | None,
    data: str,
    rows: Mapping[str, int],
    epochs: int,
    batch_size: int,
    seed: int,
    vocabulary: str | None = None,
    remarks: Sequence[str] = (),
    changes: Sequence[str] = (),
) -> list[Text | Table]:
    """What is said before the first epoch."""
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    steps = math.ceil(rows.get("train", 0) / batch_size)
    plan = f"{plural(epochs, 'epoch')} of {plural(steps, 'step')}, batch size {batch_size}, seed {seed}"
    going_on = f", going on in epoch {resumed_at}" if resumed_at is not None else ""
    known = [("", remark) for remark in remarks] + ([("Tokens", vocabulary)] if vocabulary else [])
    return [
        facts([("Data", f"{data}: {counts} rows"), *known, ("Training", plan)]),
        *commands("Run", [folder + going_on]),
        *commands("Changed", changes),
        Text(),
    ]


def show_model(table: SummaryTable, stream: IO[str]) -> None:
    """The layers, before a run."""
    print_summary(table, stream=stream)
    theme.write("\n", stream)


def show_run(
    *,
    folder: str,
    final: Mapping[str, Any],
    best: Mapping[str, Any],
    test: Mapping[str, Any] | None,
    epochs: tuple[int, int],
    took: float | None,
    hints: Sequence[str],
) -> None:
    """The values of a run in its last and its best epoch and on the test rows, where it lies, what can be done next.

    epochs: how many there were, and how many were asked for.
    """
    done, asked = epochs
    heads: list[Cell] = ["", f"final\nepoch {done}"]
    columns: list[Mapping[str, Any]] = [final]
    if best:
        heads.append(f"best\nepoch {best.get('epoch', '?')}")
        columns.append(best)
    if test is not None:
        heads.append("test\n(best)")
        columns.append(test)
    names = sorted(final, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss", name))
    rows: list[list[Cell]] = []
    for name in names:
        watched = bool(best) and name == best.get("monitor")
        cells = [Text(metric(column.get(name)), theme.BEST if watched and column is best else "") for column in columns]
        rows.append([Text(printable(name), theme.KEY), *cells])
    theme.show("", listing(heads, rows, right=range(1, len(heads))), "")
    said = plural(done, "epoch") if done >= asked else f"{done} of {plural(asked, 'epoch')}"
    theme.show(facts([("Trained", f"{said}{f' in {seconds(took)}' if took is not None else ''}")]))
    theme.show(*commands("Run", [folder]), *commands("Next", hints), width=10_000)


def show_evaluation(
    *,
    values: Mapping[str, Any],
    split: str,
    rows: int,
    run: str,
    checkpoint: str,
    per_class: Sequence[Mapping[str, Any]] | None,
    confusion: Sequence[Sequence[int]] | None,
    original_units: Mapping[str, float] | None = None,
) -> None:
    """Loss and metrics, the errors in the units of the files, then for classifiers each class and the confusions."""
    which = f"{run}, {checkpoint} weights" if checkpoint in ("best", "last") else run
    theme.show(*commands("Run", [which]), *commands("Rows", [f"{rows:,} {split}"]), "", width=10_000)
    table = [[Text(printable(name), theme.KEY), Text(_all(value))] for name, value in values.items()]
    theme.show(listing(["", "value"], table, right=[1]), "")
    if original_units:
        table = [[Text(name, theme.KEY), Text(metric(value))] for name, value in original_units.items()]
        theme.show(listing(["in the file's units", "value"], table, right=[1]), "")
    if per_class:
        _show_classes(per_class)
    if per_class and confusion:
        _show_confusion([str(row["class"]) for row in per_class], np.asarray(confusion))


def _all(value: Any) -> str:
    """A value, or each of several."""
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value):
        return "  ".join(metric(one) for one in np.ravel(value))
    return metric(value)


def _show_classes(per_class: Sequence[Mapping[str, Any]]) -> None:
    support = np.array([row["support"] for row in per_class], np.float64)
    shown = list(per_class)
    if len(shown) > _CLASSES:
        shown = sorted(shown, key=lambda row: row["f1"])[:_WORST]
    rows: list[list[Cell]] = [
        [_name(row["class"]), *(metric(row[key]) for key in ("precision", "recall", "f1")), f"{row['support']:,}"]
        for row in shown
    ]
    for label, weights in (("macro avg", np.ones(len(per_class))), ("weighted avg", support)):
        total = float(weights.sum()) or 1.0
        means = [
            float(np.dot([row[key] for row in per_class], weights)) / total for key in ("precision", "recall", "f1")
        ]
        rows.append([Text(label, theme.FAINT), *(metric(mean) for mean in means), f"{int(support.sum()):,}"])
    narrow = theme.columns(sys.stdout) < _NARROW
    heads = ["class", *(("prec", "rec", "f1", "rows") if narrow else ("precision", "recall", "f1", "support"))]
    theme.show(listing(heads, rows, right=range(1, 5)), "")
    if len(shown) < len(per_class):
        theme.show(f"The {len(shown)} classes of {len(per_class)} with the lowest f1; --json has all of them.", "")


def _show_confusion(names: Sequence[str], matrix: Any) -> None:
    """Rows are the true classes, columns the predicted ones; what does not fit is cut to the most confused classes."""
    room = theme.columns(sys.stdout) - 1
    wrong = matrix - np.diag(np.diag(matrix))
    widths = [max(len(str(index)), len(str(matrix[:, index].max())), 2) + 1 for index in range(len(names))]
    numbered = [str(index) for index in range(len(names))] != list(names)
    label = min(max(len(name) for name in names) + (len(str(len(names))) + 1 if numbered else 0), max(room // 4, 8))
    picked = np.arange(len(names))
    if label + 1 + sum(widths) > room:
        trouble = wrong.sum(axis=0) + wrong.sum(axis=1)
        fitting = (room - label - 1) // max(widths)
        picked = np.sort(np.argsort(-trouble, kind="stable")[: max(fitting, 0)])
    if len(picked) > 1:
        theme.show(*_matrix(names, matrix, picked, label, widths, numbered), "")
        if len(picked) < len(names):
            theme.show(f"The {len(picked)} classes of {len(names)} that are confused most; --json has all.", "")
    order = np.argsort(-wrong, axis=None, kind="stable")[:_WORST]
    pairs = [(int(i) // len(names), int(i) % len(names)) for i in order if wrong.flat[i] > 0]
    if pairs and (len(names) > 2 or len(picked) < len(names)):
        rows: list[list[Cell]] = [
            [
                f"{wrong[i, j]:,}",
                f"{100 * wrong[i, j] / max(matrix[i].sum(), 1):.1f}%",
                _name(names[i]),
                _name(names[j]),
            ]
            for i, j in pairs[: 5 if len(picked) == len(names) else _WORST]
        ]
        theme.show(listing(["rows", "of class", "true", "taken for"], rows, right=[0, 1]), "")


def _matrix(
    names: Sequence[str], matrix: Any, picked: Any, label: int, widths: Sequence[int], numbered: bool
) -> list[Text]:
    head = "true \\ predicted"
    lines = [Text(head.ljust(label + 1) if len(head) <= label + 1 else " " * (label + 1), theme.FAINT)]
    lines[0].append("".join(f"{index:>{widths[index]}}" for index in picked), theme.TITLE)
    if len(head) > label + 1:
        lines.insert(0, Text(head, theme.FAINT))
    nothing = theme.sign("·", sys.stdout)
    for i in picked:
        text = f"{i:>{len(str(len(names) - 1))}} {names[i]}" if numbered else names[i]
        line = Text(cut(text, label).ljust(label + 1), theme.TITLE)
        total = max(int(matrix[i].sum()), 1)
        for j in picked:
            count = int(matrix[i, j])
            style = theme.GOOD if i == j else theme.BAD if count > 0.1 * total else theme.FAINT if not count else ""
            line.append(f"{str(count) if count else nothing:>{widths[j]}}", style)
        lines.append(line)
    return lines


def show_predictions(rows: Sequence[Mapping[str, Any]]) -> None:
    """The first rows: the class with its probability and the next likely one, or the values."""
    table: list[list[Cell]] = []
    if not rows:
        theme.show("There are no rows.")
        return
    if "class" in rows[0]:
        heads, right = ["row", "class", "probability", "next", "probability"], [0, 2, 4]
        for number, row in enumerate(rows[:_ROWS]):
            chances = {name.removeprefix("p_"): value for name, value in row.items() if name != "class"}
            ranked = sorted(chances, key=lambda name: (name != row["class"], -chances[name]))[:2]
            cells: list[Cell] = [Text(str(number), theme.FAINT)]
            for name in ranked:
                cells += [_name(name), f"{chances[name]:.4f}"]
            table.append(cells[:3] if theme.columns(sys.stdout) < _NARROW else cells)
        heads = heads[: len(table[0])]
    else:
        names = list(rows[0])
        room = max((theme.columns(sys.stdout) - 8) // 10, 1)
        heads = ["row", *names[:room]]
        for number, row in enumerate(rows[:_ROWS]):
            table.append([str(number), *(metric(row[name]) for name in names[:room])])
        right = list(range(len(heads)))
        if len(names) > room:
            heads.append(f"{len(names) - room:,} more")
    theme.show(listing(heads, table, right=right))
    if len(rows) > _ROWS:
        theme.show("", f"{len(rows) - _ROWS:,} more rows; -o FILE writes all of them.")


def show_checked(config: str, table: SummaryTable | None, rows: Mapping[str, int] | None, *, warnings: int) -> None:
    """The last line of a check without errors."""
    known = []
    if table is not None:
        layers = sum(not row.level for row in table.rows)
        known.append(f"{plural(layers, 'layer')}, {plural(table.trainable + table.non_trainable, 'parameter')}")
    if rows is not None:
        known.append(", ".join(f"{count:,} {name}" for name, count in rows.items()) + " rows")
    verdict = "can be used" if warnings else "is fine"
    text = f"{config} {verdict}{': ' if known else ''}{'; '.join(known)}"
    theme.show(Text(printable(text), theme.GOOD if not warnings else ""), width=10_000)


def show_remarks(remarks: Sequence[str]) -> None:
    """What is to be known of the data, such as what its columns are taken for."""
    if remarks:
        rows = [("Data" if not place else "", remark) for place, remark in enumerate(remarks)]
        theme.show(facts(rows, room=6), stream=sys.stderr, width=wide(sys.stderr))


def _name(name: Any) -> Text:
    return Text(printable(str(name)), theme.KEY)
