"""What the model made of the rows: class by class, number by number, and the worst of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqnet.arrays import Array
from seqnet.console.format import plural
from seqnet.report.charts import DOTS, histogram, scatter
from seqnet.report.content import Classes, Fit, Measured, Mistake, Mistakes, Picture
from seqnet.report.html import Part, details, label, lines, name, number, paragraph, part, scrolling, table, text
from seqnet.report.png import data_uri

MATRIX = 20  # classes; the matrix of more could not be read
CONFUSIONS = 20  # that are listed
FOLDED = 30  # classes; a table of more is folded away
_LEVELS = (0.0, 0.05, 0.2, 0.5)  # shares of a class above which a cell is darker


def classes(measured: Measured) -> Part:
    """The confusion matrix, or the largest confusions of many classes, and the numbers of each class."""
    found = measured.classes
    if found is None:
        return part("classes", "Classes")
    of, count = plural(measured.rows, f"{measured.split} row"), len(found.names)
    matrix = "" if found.matrix is None or count > MATRIX else _matrix(found.names, found.matrix, of)
    listed = "" if found.matrix is None or count <= 2 else _confusions(found.names, found.matrix, of)
    per_class = _per_class(found, of)
    return part("classes", "Classes", matrix, listed, details("Each class", per_class) if count > FOLDED else per_class)


def fits(measured: Measured) -> Part:
    """Predicted against true, how the errors are spread, and their usual measures."""
    if not measured.fits:
        return part("fit", "Predicted and true")
    drawn = lines(figure for fit in measured.fits for figure in _figures(fit))
    rows = []
    for fit in measured.fits:
        squares = float(np.mean(fit.residuals**2))
        spread = float(np.mean((fit.true - fit.true.mean()) ** 2))
        measures = (abs(fit.residuals).mean(), squares**0.5, fit.residuals.mean())
        rows.append([text(fit.name), *map(number, measures), number(1 - squares / spread) if spread else "-"])
    heads = ["", "mean absolute error", "root mean square error", "mean residual", "R²"]
    of = plural(measured.rows, f"{measured.split} row")
    numbers = table(f"Errors over {of}", heads, rows, numbers=range(1, 5))
    return part("fit", "Predicted and true", f'<div class="charts">\n{drawn}\n</div>', numbers)


def mistakes(measured: Measured) -> Part:
    """The worst rows: as pictures where they are, else as a table."""
    found = measured.mistakes
    shown = ""
    if found is not None and found.worst:
        shown = _pictures(found) if isinstance(found.worst[0].shown, Picture) else _rows(found)
    return part("mistakes", "Worst mistakes", paragraph(_lead(found, measured)) if found is not None else "", shown)


def _lead(found: Mistakes, measured: Measured) -> str:
    of, count = plural(measured.rows, f"{measured.split} row"), len(found.worst)
    if not count:
        return f"None of the {of} was taken for another class." if found.total == 0 else ""
    if found.total is None:
        said = f"Of {of} the {count} farthest from the truth; the error is the root mean square of a row's."
    elif count < found.total:
        said = f"The {count} of {found.total:,} mistakes of which the model was surest, among {of}."
    else:
        said = f"The mistakes among {of}, that of which the model was surest first."
    return f"{said} Rows are counted from 0."


def _matrix(names: Sequence[str], matrix: Array, of: str) -> str:
    """Rows are the true classes, columns the predicted ones."""
    heads = "".join(f'<th scope="col">{label(one)}</th>' for one in names)
    body = []
    for i, true in enumerate(names):
        total = int(matrix[i].sum())
        cells = "".join(_cell(int(matrix[i, j]), total, true, taken, i == j) for j, taken in enumerate(names))
        body.append(f'<tr><th scope="row">{label(true)}</th>{cells}</tr>')
    caption = f"Confusion matrix of {of}: rows are true classes, columns predicted ones"
    return (
        f'{scrolling(caption)}<table class="matrix">\n<caption>{text(caption)}</caption>\n'
        f'<thead><tr><th scope="col">true</th>{heads}</tr></thead>\n<tbody>\n{lines(body)}\n</tbody>\n</table></div>'
    )


def _cell(count: int, total: int, true: str, taken: str, right: bool) -> str:
    if not count:
        return '<td class="none">0</td>'
    level = sum(count / total > least for least in _LEVELS)
    said = f"{count:,} of {total:,} {true} ({count / total:.1%}) {'right' if right else f'taken for {taken}'}"
    return f'<td class="{"hit" if right else "miss"}{level}" title="{text(said)}">{count:,}</td>'


def _confusions(names: Sequence[str], matrix: Array, of: str) -> str:
    wrong = matrix - np.diag(np.diag(matrix))
    count = len(names)
    order = [int(i) for i in np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS] if wrong.flat[i] > 0]
    if not order:
        return ""
    rows = []
    for i, j in (divmod(place, count) for place in order):
        share = wrong[i, j] / matrix[i].sum()
        rows.append([label(names[i]), label(names[j]), f"{wrong[i, j]:,}", f"{share:.1%}"])
    pairs = int((wrong > 0).sum())
    which = f"The {len(rows)} largest of {pairs:,} confusions" if pairs > len(rows) else "All confusions"
    made = table(f"{which} among {of}", ["true", "taken for", "rows", "of the class"], rows, numbers=(2, 3))
    return made if count > MATRIX else details(f"{which}, as a list", made)


def _per_class(found: Classes, of: str) -> str:
    rows, foot = [], []
    for one in found.per_class:
        measures = [number(one[key]) for key in ("precision", "recall", "f1")]
        rows.append([text(one["class"]), *measures, f"{one['support']:,}"])
    support = np.array([one["support"] for one in found.per_class], np.float64)
    for kind, weights in (("macro average", np.ones(len(support))), ("weighted average", support)):
        means = [_mean([one[key] for one in found.per_class], weights) for key in ("precision", "recall", "f1")]
        foot.append([kind, *map(number, means), f"{int(support.sum()):,}"])
    what = "label" if found.matrix is None else "class"
    heads = [what, "precision", "recall", "F1", "support"]
    return table(f"Precision, recall and F1 of each {what}, over {of}", heads, rows, numbers=range(1, 5), foot=foot)


def _mean(values: Sequence[float], weights: Array) -> float:
    return float(np.dot(values, weights)) / (float(weights.sum()) or 1.0)


def _figures(fit: Fit) -> list[str]:
    thinned = f", {DOTS:,} at most drawn" if len(fit.true) > DOTS else ""
    return [
        f"<figure><figcaption><h3>{text(head)}</h3>{paragraph(said, 'soft')}</figcaption>\n{drawn}</figure>\n"
        for head, said, drawn in (
            (
                f"Predicted against true {fit.name}",
                f"On the line they are equal; circled: the largest errors{thinned}.",
                scatter(fit),
            ),
            (f"Residuals of {fit.name}", f"How many {fit.counted}s are off by how much.", histogram(fit)),
        )
    ]


def _pictures(found: Mistakes) -> str:
    items = []
    for mistake in found.worst:
        assert isinstance(mistake.shown, Picture)
        height, width = mistake.shown.pixels.shape[:2]
        alt = f"Row {mistake.row}: {mistake.true}, taken for {mistake.predicted}"
        image = f'<img src="{data_uri(mistake.shown.pixels)}" width="{width}" height="{height}" alt="{text(alt)}">'
        true, taken = (f"<strong><bdi>{label(one)}</bdi></strong>" for one in (mistake.true, mistake.predicted))
        below = f'<span class="soft">{found.measure} {_measure(mistake, found)}, row {mistake.row}</span>'
        items.append(f"<li>{image}true {true}<br>predicted {taken}<br>{below}</li>")
    return f'<ol class="pictures">\n{lines(items)}\n</ol>'


def _rows(found: Mistakes) -> str:
    heads = ["row", "true", "predicted", found.measure]
    texts = any(isinstance(one.shown, str) for one in found.worst)
    heads += ["text"] if texts else [label(column) for column in found.columns]
    rows = []
    for one in found.worst:
        shown: list[str] = []
        if isinstance(one.shown, str):
            shown = [name(one.shown)]
        elif not isinstance(one.shown, Picture) and one.shown is not None:
            shown = [f"{value:.6g}" for value in one.shown]
        rows.append([f"{one.row:,}", label(one.true), label(one.predicted), _measure(one, found), *shown])
    right = [0, 3, *([] if texts else range(4, len(heads)))]
    left_out = f"{plural(found.left_out, 'further column')} left out." if found.left_out else ""
    return table("The worst first", heads, rows, numbers=right) + paragraph(left_out, "soft")


def _measure(one: Mistake, found: Mistakes) -> str:
    if found.measure == "confidence":
        return f'<data value="{one.confidence!r}">{one.confidence:.1%}</data>'
    return number(one.confidence)
