"""Pages to look things up in: lists of components, a component's page, the data sets and what is in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import memory, plural, shape
from seqnet.console.tables import Cell, facts, listing, overview, wide
from seqnet.printable import printable

_LONG = 104  # a line of a docstring longer than this was broken only because it was full
_FEATURES = 30  # columns of a table that are listed
_CLASSES = 40


def show_kinds(counts: Mapping[str, int]) -> None:
    """The kinds of components and how many there are of each."""
    rows: list[list[Cell]] = [[Text(kind, theme.KEY), str(count)] for kind, count in counts.items()]
    theme.show(listing(["kind", "names"], rows, right=[1]), "")
    theme.show("seqnet list KIND shows the names, seqnet describe NAME everything about one.", width=wide())


def show_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """The components of a kind, each with its shortest other name."""
    table = [[row["name"], min(row["short"], key=len, default=""), row["summary"]] for row in rows]
    theme.show(*overview(["name", "also", ""], table, optional=[1]), width=10_000)
    spoken = next((row for row in rows if len(row["aliases"]) > len(row["short"])), None)
    if spoken is not None:
        snake = next(name for name in spoken["aliases"] if name not in spoken["short"])
        theme.show("", f"{snake} may stand for {spoken['name']}, and so for all of them.", width=wide())


def show_page(page: Mapping[str, Any]) -> None:
    """Everything about one component; `others` are those of other kinds with its name."""
    name, kind = page["name"], page["kind"]
    parts: list[Any] = [Text.assemble((name, theme.TITLE), (f"  {kind}", theme.FAINT))]
    if page["aliases"]:
        parts.append(Text(f"also: {', '.join(page['aliases'])}", theme.FAINT))
    if page.get("plugin"):
        parts.append(Text(f"from {printable(page['plugin'])}", theme.FAINT))
    for other in page["others"]:
        where = f"seqnet describe {other['name']} --kind {other['kind']}"
        parts.append(Text(f"there is also the {other['kind']} {other['name']}: {where}", theme.FAINT))
    parts += ["", *_reflowed(page["doc"])]
    for label in ("title", "rows", "licence", "origin"):
        if page.get(label):
            parts += ["", facts([(label, page[label])])] if label == "title" else [facts([(label, page[label])])]
    own = [option for option in page["options"] if not option["shared"]]
    shared = [option for option in page["options"] if option["shared"]]
    if own:
        parts += ["", Text("Options", theme.TITLE), _options(own)]
    if shared:
        parts += ["", Text(f"Options of every {kind}", theme.TITLE), _options(shared)]
    parts += ["", Text("In a file", theme.TITLE), Text("\n".join(f"  {x}" for x in page["example"].splitlines()))]
    traced = page.get("traced")
    if traced:
        parts += ["", *_traced(traced)]
    theme.show(*parts, width=wide())


def _options(options: Sequence[Mapping[str, Any]]) -> Table:
    """Each option's meaning, and below it what it takes and its default."""
    widest = max(len(option["name"]) for option in options)
    room = min(widest, max((wide() or theme.columns(sys.stdout)) * 3 // 8, 12))
    table = Table.grid(Column(width=room, overflow="fold"), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for option in options:
        default = "required" if option["required"] else f"default {_value(option['default'])}"
        rule = Text.assemble((f"{printable(option['type'])}; ", theme.FAINT))
        rule.append(default, theme.WARNING if option["required"] else theme.FAINT)
        if option["example"] is not None:
            rule.append(f"; for instance {_value(option['example'])}", theme.FAINT)
        table.add_row(Text(option["name"], theme.KEY), Text(printable(option["help"])))
        table.add_row("", rule)
    return table


def _value(value: Any) -> str:
    """A default as YAML would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_value(item)}' for key, item in value.items())}}}"
    return str(value)


def _traced(traced: Mapping[str, Any]) -> Iterator[Any]:
    """What the layer of the example makes of an input."""
    yield Text("Of this example", theme.TITLE)
    pairs: list[tuple[str, Cell]] = [("input", shape(traced["input"])), ("output", shape(traced["output"]))]
    total = 0
    for weight in traced["weights"]:
        size = 1
        for length in weight["shape"]:
            size *= length
        total += size
        fixed = "" if weight["trainable"] else ", not trained"
        pairs.append(("", f"{weight['name']} {shape(weight['shape'])}, starts as {weight['initializer']}{fixed}"))
    if traced["weights"]:
        label, first = "weights", pairs[2][1]
        pairs[2] = (label, first)
        pairs.append(("", plural(total, "parameter")))
    yield facts([(f"  {name}" if name else "", value) for name, value in pairs], room=10)


def _reflowed(doc: str) -> list[Text]:
    """A docstring's lines, joined where they were only broken for their length; terminals break them anew."""
    lines: list[str] = []
    for line in doc.splitlines():
        follows = bool(lines) and lines[-1] and line and not line.startswith((" ", "-"))
        if follows and len(lines[-1].split("\n")[-1]) + len(line.split()[0]) > _LONG:
            lines[-1] += " " + line
        else:
            lines.append(line)
    return [Text(printable(line)) for line in lines]


def show_datasets(rows: Sequence[Mapping[str, Any]], *, sources: Sequence[str]) -> None:
    """The data sets there are."""
    table = [[row["name"], row["task"], row["rows"].split(", or ")[0], _presence(row), row["title"]] for row in rows]
    theme.show(*overview(["name", "task", "rows", "here", ""], table, optional=[2, 1, 3]), "", width=10_000)
    own = ", ".join(sources)
    theme.show(
        "What is not fetched yet is fetched when it is first used, or by seqnet data fetch NAME.",
        f"seqnet data info NAME says what is in one. For your own files: {own} (seqnet describe npz).",
        width=wide(),
    )


def _presence(row: Mapping[str, Any]) -> str:
    """bundled, 2 KB; fetched, 11 MB; 163 MB to fetch"""
    number, unit = memory(row["bytes"]).split()
    size = f"{float(number):.0f} {unit}"
    if row["state"] == "not fetched":
        return f"{size} to fetch"
    return f"{row['state']}, {size}" if row["bytes"] else str(row["state"])


def show_fetched(rows: Sequence[Mapping[str, Any]]) -> None:
    """The files of data sets that are here now."""
    for row in rows:
        if not row["files"]:
            theme.show(Text(f"{row['name']} is {row['state']}: there is nothing to fetch"), width=wide())
        for file in row["files"]:
            theme.show(Text(printable(f"{row['name']}: {file['path']} ({memory(file['bytes'])})")), width=wide())


def show_unfetched(facts_of: Mapping[str, Any]) -> None:
    """What is known of a data set whose files are still to be fetched."""
    pairs: list[tuple[str, Cell]] = [("task", facts_of["task"]), ("rows", facts_of["listed"])]
    pairs += [(label, facts_of[label]) for label in ("licence", "origin", "note") if facts_of[label]]
    for place, file in enumerate(facts_of["files"]):
        here = "is here" if file["here"] else "is to be fetched"
        pairs.append(("" if place else "files", f"{file['address']} ({memory(file['bytes'])}) {here}"))
        pairs.append(("", f"to {file['path']}"))
    heading = Text.assemble((facts_of["name"], theme.TITLE), (f"  {facts_of['title']}", theme.FAINT))
    advice = f"seqnet data fetch {facts_of['name']} fetches it; then this page shows ranges and classes too."
    theme.show(heading, "", facts(pairs), "", advice, width=None if theme.is_terminal(sys.stdout) else 120)


def show_data(profile: Mapping[str, Any]) -> None:
    """What is in a data set."""
    parts: list[Any] = [Text.assemble((printable(profile["name"]), theme.TITLE))]
    if profile.get("title"):
        parts[0].append(f"  {printable(profile['title'])}", theme.FAINT)
    rows = ", ".join(f"{count:,} {name}" for name, count in profile["rows"].items())
    of = " characters" if profile["dtype"] == "text" else ""
    pairs: list[tuple[str, Cell]] = [
        ("task", profile["task"] or "not stated"),
        ("rows", rows),
        ("input", f"{shape([None, *profile['input_shape']])} {profile['dtype']}, {_range(profile['range'])}{of}"),
    ]
    if profile.get("vocabulary"):
        pairs.append(("words", f"{profile['vocabulary']:,} numbers stand for words or letters"))
    target = profile["target"]
    if target is not None:
        spread = f", {_range(target['range'])}" if "range" in target else ""
        pairs.append(("target", f"{shape([None, *target['shape']])} {target['dtype']}{spread}"))
    if profile["sample_weight"]:
        pairs.append(("weights", "one a training row"))
    pairs += [("" if place else "overlap", told) for place, told in enumerate(_overlaps(profile.get("overlap", ())))]
    pairs += [(label, profile[label]) for label in ("licence", "origin", "note") if profile.get(label)]
    parts += ["", facts(pairs)]
    if profile["features"]:
        parts += ["", *_features(profile["features"])]
    if profile["classes"]:
        parts += ["", *_classes(profile["classes"], list(profile["rows"]))]
    theme.show(*parts, width=None if theme.is_terminal(sys.stdout) else 120)


def _overlaps(overlaps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rows that are in two splits."""
    for one in overlaps:
        if one["rows"]:
            first, second = one["splits"]
            pairs = ", ".join(f"{row} = {first} {other}" for row, other in one["examples"])
            more = ", …" if one["rows"] > len(one["examples"]) else ""
            yield (
                f"{one['rows']:,} of {plural(one['of'], second + ' row')} {'is' if one['rows'] == 1 else 'are'} among "
                f"the {first} rows too: {second} {pairs}{more} (counted from 0)"
            )


def _range(values: Mapping[str, float]) -> str:
    return f"{_number(values['min'])} … {_number(values['max'])}, mean {_number(values['mean'])}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def _features(features: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    rows: list[list[Cell]] = [
        [Text(printable(str(one["name"])), theme.KEY), *(_number(one[key]) for key in ("min", "max", "mean"))]
        for one in features[:_FEATURES]
    ]
    yield listing(["column", "min", "max", "mean"], rows, right=range(1, 4))
    if len(features) > _FEATURES:
        yield f"and {len(features) - _FEATURES} more columns; --json has all of them."


def _classes(classes: Sequence[Mapping[str, Any]], splits: Sequence[str]) -> Iterator[Any]:
    rows: list[list[Cell]] = [
        [
            str(one["label"]),
            Text(printable(str(one["name"])), theme.KEY),
            *(f"{one['rows'].get(split, 0):,}" for split in splits),
        ]
        for one in classes[:_CLASSES]
    ]
    yield listing(["label", "class", *splits], rows, right=[0, *range(2, 2 + len(splits))])
    if len(classes) > _CLASSES:
        yield f"and {len(classes) - _CLASSES} more classes; --json has all of them."
