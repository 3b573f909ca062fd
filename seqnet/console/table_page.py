"""What is in a table: its columns, and what is suspicious about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import cut, memory, plural
from seqnet.console.tables import Cell, facts, listing
from seqnet.printable import printable

_COLUMNS = 100
_CLASSES = 20
_NAMED = 8
_WORD = 24


def show_table(profile: Mapping[str, Any]) -> None:
    """A profile of a table."""
    columns = profile["columns"]
    pairs: list[tuple[str, Cell]] = [
        ("rows", f"{profile['rows']:,}, {plural(len(columns), 'column')}, {memory(profile['bytes'])}")
    ]
    equal = profile["equal_rows"]
    if equal["count"]:
        among = "" if equal["among"] == profile["rows"] else f" among the first {equal['among']:,}"
        pairs.append(("equal", f"{plural(equal['count'], 'row')} repeat another{among}"))
    pairs += [("remark" if not place else "", text) for place, text in enumerate(_remarks(profile))]
    parts: list[Any] = [Text(printable(profile["name"]), theme.TITLE), "", facts(pairs), ""]
    heads = ["column", "type", "missing", "distinct", "values"]
    rows: list[list[Cell]] = [
        [Text(_name(one["name"]), theme.KEY), _type(one, profile), _missing(one), _distinct(one), values_of(one)]
        for one in columns[:_COLUMNS]
    ]
    parts.append(listing(heads, rows, right=[2, 3]))
    if len(columns) > _COLUMNS:
        parts.append(f"and {len(columns) - _COLUMNS:,} more columns; --json has all of them.")
    if profile["classes"]:
        parts += ["", *_classes(profile)]
    theme.show(*parts, width=None if theme.is_terminal(sys.stdout) else 120)


def _remarks(profile: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on what is wrong, the worst first."""
    for leak in profile["leaks"]:
        yield f"leak: {printable(leak['column'])} {printable(leak['why'])}"
    for one in profile["columns"]:
        if one.get("mistaken"):
            words = ", ".join(repr(mistake["word"]) for mistake in one["mistakes"])
            yield f"{printable(one['name'])} holds numbers but for {plural(one['mistaken'], 'cell')}: {words}"
        if one.get("infinite"):
            yield f"{printable(one['name'])} holds infinity in {plural(one['infinite'], 'row')}"
        if one.get("parted"):
            word, options = one["parted"]["word"], one["parted"]["options"]
            yield f"{printable(one['name'])} holds {word!r}: read it with {options} (-s OPTION=VALUE)"
        if len(one.get("formats", ())) > 1:
            yield f"{printable(one['name'])} holds dates that can be read as {' or '.join(one['formats'])}"
    for first, second in profile["duplicates"]:
        if first not in profile["targets"] and second not in profile["targets"]:
            yield f"{printable(second)} equals {printable(first)} in every row"
    for kind, told in (("constant", "the same in every row"), ("empty", "without any value")):
        if profile[kind]:
            more = f" and {len(profile[kind]) - _NAMED:,} more" if len(profile[kind]) > _NAMED else ""
            yield f"{told}: {', '.join(map(printable, profile[kind][:_NAMED]))}{more}"
    for one in profile["ids"]:
        yield f"{printable(one['column'])} {one['why']}: it tells rows apart, and nothing about them"


def _name(name: str) -> str:
    return cut(printable(name), 40)


def _type(one: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    return f"{one['type']}, target" if one["name"] in profile["targets"] else str(one["type"])


def _missing(one: Mapping[str, Any]) -> str:
    if not one["missing"]:
        return "0"
    share = 100 * one["share"]
    return f"{one['missing']:,} ({'<0.1' if share < 0.1 else f'{share:.2g}' if share < 10 else f'{share:.0f}'}%)"


def _distinct(one: Mapping[str, Any]) -> str:
    return f"{one['distinct']:,}" if one["distinct"] is not None else f">{one['more_than']:,}"


def values_of(one: Mapping[str, Any]) -> str:
    """What a column's values are, in a line."""
    if one["type"] == "date":
        return f"{one['first']} … {one['last']}"
    if "words" in one and one["words"][0]["rows"] == 1:
        return f"such as {cut(printable(one['words'][0]['word']), 2 * _WORD)}"
    if "words" in one:
        words = [f"{cut(printable(word['word']), _WORD)} {word['rows']:,}" for word in one["words"]]
        return ", ".join(words) + (", …" if one["distinct"] is None or one["distinct"] > len(words) else "")
    if "min" in one:
        return f"{_number(one['min'])} … {_number(one['max'])}, mean {_number(one['mean'])}"
    return ""


def _number(value: float) -> str:
    if value != int(value) or abs(value) >= 1e12:
        return f"{value:.5g}"
    return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))  # 2009 may be a year


def _classes(profile: Mapping[str, Any]) -> Iterator[Any]:
    classes = profile["classes"]
    total = sum(one["rows"] for one in classes)
    rows: list[list[Cell]] = [
        [Text(_name(one["name"]), theme.KEY), f"{one['rows']:,}", f"{100 * one['rows'] / total:.3g}%"]
        for one in classes[:_CLASSES]
    ]
    yield listing([f"class of {_name(profile['targets'][0])}", "rows", "share"], rows, right=[1, 2])
    if len(classes) > _CLASSES:
        yield f"and {len(classes) - _CLASSES:,} more classes; --json has all of them."
