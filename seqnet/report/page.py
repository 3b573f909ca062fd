"""The page: everything there is to say about a run in one HTML file that needs no other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from seqnet.console.format import memory, plural, seconds, shape
from seqnet.report import charts
from seqnet.report.content import Curve, Report
from seqnet.report.html import Part, details, facts, key, lines, name, number, paragraph, part, small, table, text
from seqnet.report.predictions import classes, fits, mistakes

ROWS = 40  # epochs that the table of values shows
_GOOD, _BAD = ("finished", "stopped-early"), ("failed",)
# Nothing may be fetched, and no script may run, whatever a page says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(report: Report) -> str:
    """The whole page, in HTML. Standard: https://html.spec.whatwg.org/"""
    measured = report.measured
    parts = [
        part("values", "Values", _cards(report), _values(report)),
        part("curves", "Curves", _curves(report)),
        *([classes(measured), fits(measured), mistakes(measured)] if measured is not None else []),
        part("layers", "Layers", _layers(report)),
        part("file", "File", _file(report)),
        part("made", "Made with", facts([(term, name(said)) for term, said in report.made])),
    ]
    parts = [one for one in parts if one]
    style = (files("seqnet") / "assets" / "report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(report.label)} – seqnet</title>
<style>
{style}</style>
</head>
<body>
{_header(report, parts)}
<main>
{lines(one.markup() for one in parts)}
</main>
</body>
</html>
"""


def _header(report: Report, parts: Sequence[Part]) -> str:
    kind = "good" if report.state in _GOOD else "bad" if report.state in _BAD else "soft"
    links = "".join(f"<li>{one.link()}</li>" for one in parts)
    notes = [*_missing(report), *(f"{note[:1].upper()}{note[1:]}" for note in report.notes)]
    if report.measured is not None:
        notes += report.measured.notes
    return lines(
        [
            "<header>",
            f'<h1>{name(report.label)} <span class="state {kind}">{text(report.state)}</span></h1>',
            paragraph(text(report.ended, breaks=True)),
            *(paragraph(text(note, breaks=True), "note") for note in notes),
            f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>',
            "</header>",
        ]
    )


def _missing(report: Report) -> list[str]:
    """What one would look for in vain."""
    found = []
    validated = any(curve.validation is not None for curve in report.curves)
    if report.splits and "validation" not in report.splits:
        found.append("There are no validation rows: the best epoch is that of the best training value.")
    elif report.curves and not validated:
        found.append("There are no values of validation rows.")
    if report.splits and "test" not in report.splits and report.measured is not None:
        found.append(f"There are no test rows: predictions are those for the {report.measured.split} rows.")
    if not report.curves:
        found.append("No epoch was finished, so there are no curves.")
    return found


def _cards(report: Report) -> str:
    """The few numbers that one opens the page for: term, value, and what is written below it."""
    cards: list[tuple[str, str, str]] = []
    measured, monitor = report.measured, report.monitor
    if measured is not None:
        below = f"{plural(measured.rows, 'row')}, {measured.checkpoint} weights"
        cards += [
            (f"{measured.split} {name}", _value(value), below) for name, value in list(measured.values.items())[:4]
        ]
    for which, values, epoch in (("best", report.best, report.best_epoch), ("final", report.final, report.epochs)):
        if monitor is not None and monitor in values:
            cards.append((f"{which} {monitor}", number(values[monitor]), f"epoch {epoch}"))
    planned = f"of {report.planned_epochs:,} planned" if report.planned_epochs is not None else ""
    cards.append(("epochs", f"{report.epochs:,}", planned))
    if report.seconds is not None:
        each = f"{seconds(report.seconds / report.epochs)} an epoch" if report.epochs else ""
        cards.append(("training time", seconds(report.seconds), each))
    cards.append(("parameters", f"{report.layers.trainable + report.layers.non_trainable:,}", ""))
    return facts([(term, f'<span class="value">{value}</span>{small(below)}') for term, value, below in cards], "cards")


def _values(report: Report) -> str:
    """Loss and metrics in the best and the last epoch, and as measured now."""
    measured = report.measured
    columns: list[tuple[str, Mapping[str, Any], str]] = []  # label, values, what their names begin with
    validated = any(one.startswith("val_") for one in report.final)
    ends = [(report.best_epoch, "best", report.best), (report.epochs, "last", report.final)]
    if report.best_epoch == report.epochs:
        ends = [(report.epochs, "best and last", report.final)]
    for epoch, which, values in ends:
        if values:
            columns.append((f"training, epoch {epoch} ({which})", values, ""))
            columns += [(f"validation, epoch {epoch} ({which})", values, "val_")] if validated else []
    if measured is not None:
        columns.append((f"{measured.split} rows, {measured.checkpoint} weights", measured.values, ""))
    names = sorted({one.removeprefix("val_"): 0 for _, values, _ in columns for one in values}, key=_loss_first)
    rows = [[text(label), *(_value(values.get(prefix + one)) for one in names)] for label, values, prefix in columns]
    if not rows:
        return ""
    counts = ", ".join(f"{count:,} {split}" for split, count in report.splits.items())
    said = "Training values are means over an epoch, within which the model changes."
    made = table("Loss and metrics", ["", *map(key, names)], rows, numbers=range(1, len(names) + 1))
    return made + paragraph(f"Rows: {counts}. {said}" if counts else said, "soft")


def _loss_first(name: str) -> bool:
    return name != "loss"


def _value(value: Any) -> str:
    """A value; of several, one a class, the mean, as the curves show it."""
    if value is None:
        return "-"
    if np.size(value) > 1:
        return f"{number(np.mean(value))}{small(f' mean of {np.size(value)}')}"
    return number(np.ravel(value)[0]) if np.size(value) else "-"


def _curves(report: Report) -> str:
    figures = []
    for curve in report.curves:
        drawn = charts.curve(curve, report.best_epoch)
        said = _key(curve) if drawn else paragraph("No value was a finite number.", "soft")
        figures.append(f"<figure><figcaption><h3>{text(curve.name)}</h3>{said}</figcaption>\n{drawn}</figure>")
    if not figures:
        return ""
    return f'<div class="charts">\n{lines(figures)}\n</div>\n{_epochs(report.curves, report.best_epoch)}'


def _key(curve: Curve) -> str:
    if curve.name == "learning rate":
        return ""
    kinds = [charts.TRAIN, *([charts.VALIDATION] if curve.validation is not None else [])]
    return paragraph("".join(f'<span class="key {kind}"></span>{kind}' for kind in kinds), "soft")


def _epochs(curves: Sequence[Curve], best_epoch: int | None) -> str:
    """The curves as numbers; of long runs some epochs, the best and the last among them."""
    epochs = list(curves[0].epochs)
    every = max(1, math.ceil(len(epochs) / ROWS))
    ends = (0, len(epochs) - 1)
    kept = [i for i, epoch in enumerate(epochs) if epoch % every == 0 or epoch == best_epoch or i in ends]
    columns = [(curve.name, curve.train) for curve in curves]
    columns += [(f"val_{curve.name}", curve.validation) for curve in curves if curve.validation is not None]
    rows = [
        [f"{epochs[i]:,}{' (best)' if epochs[i] == best_epoch else ''}", *(number(values[i]) for _, values in columns)]
        for i in kept
    ]
    shown = f"{len(kept)} of {len(epochs):,} epochs" if every > 1 else plural(len(epochs), "epoch")
    heads = ["epoch", *(key(label) for label, _ in columns)]
    return details(f"Values of {shown}", table(f"Logged values of {shown}", heads, rows, numbers=range(1, len(heads))))


def _layers(report: Report) -> str:
    layers = report.layers
    rows = []
    for row in layers.rows:
        label = f"{name(row.name)} ({text(row.type)})"
        label = f'<span class="inner">{label}</span>' if row.level else label
        params = "-" if row.params is None else f"{row.params:,}"
        trainable = {"Y": "yes", "N": "no"}.get(row.trainable, "-")
        rows.append([label, text(shape(row.output_shape)), params, trainable])
    foot = [
        [f"{kind} parameters", "", f"{count:,}", memory(size)]
        for kind, count, size in (
            ("Trainable", layers.trainable, layers.trainable_bytes),
            ("Non-trainable", layers.non_trainable, layers.non_trainable_bytes),
        )
    ]
    heads = ["layer (type)", "output shape", "parameters", "trainable"]
    return table(f"Layers of {layers.name}, in order", heads, rows, numbers=(2,), foot=foot)


def _file(report: Report) -> str:
    return details(
        "The run's YAML file, with every default", f'<pre tabindex="0">{text(report.resolved, breaks=True)}</pre>'
    )
