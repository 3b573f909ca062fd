"""seqnet.spec.syntax: every kind of broken YAML, where it is seen and what a newcomer is told to type."""

from __future__ import annotations

from typing import Any

import pytest

from seqnet.errors import SpecError
from seqnet.spec import parsing
from seqnet.spec.reader import parse_document

PARSERS = [pytest.param(None, id="python")]
if parsing.CParser is not None:
    PARSERS.append(pytest.param(parsing.CParser, id="libyaml"))

# Text, place (line, column, how much is underlined), message, hint; places counted by hand.
BROKEN: dict[str, tuple[str, tuple[int, int, int], str, str]] = {
    # tabs
    "tab": ("training:\n\tepochs: 5\n", (2, 1, 1), "a tab can't be used to indent", "use spaces"),
    "tab after spaces": ("a:\n  b: 5\n  \t\tc: 3\n", (3, 3, 2), "a tab can't be used to indent", "use spaces"),
    "tab in a folded text": ("a:\n  b: 5\n\tc: 3\n", (3, 1, 1), "a tab can't be used to indent", "use spaces"),
    "tab in a block text": ("a: |\n\tx\n", (2, 1, 1), "a tab can't be used to indent", "use spaces"),
    "tab later in a block text": (
        "a:\n  b: |\n    x\n  \ty\n",
        (4, 3, 1),
        "a tab can't be used to indent",
        "use spaces",
    ),
    # quotes
    "quote": (
        'name: "fashion\nseed: 3\n',
        (1, 7, 8),
        "the quote that opens here is never closed",
        'end the text with "',
    ),
    "quote closed by another": (
        "name: 'fashion\nmodel:\n  - Dense: {activation: 'relu'}\n",
        (1, 7, 8),
        "the quote that opens here is never closed",
        "end the text with '",
    ),
    "double quote closed by another": (
        'name: "fashion\nmodel:\n  - Dense: {activation: "relu"}\nx: 3\n',
        (1, 7, 8),
        "the quote that opens here is never closed",
        'end the text with "',
    ),
    "quote in brackets": (
        "- {activation: 'relu, units: 3}\n- {activation: 'relu'}\n",
        (1, 16, 16),
        "the quote that opens here is never closed",
        "end the text with '",
    ),
    "quoted key": (
        "'name: x\nseed: 3\n",
        (1, 1, 8),
        "the quote that opens here is never closed",
        "end the text with '",
    ),
    "quote and document": (
        "a: 'x\n---\n",
        (1, 4, 2),
        "the quote that opens here is never closed",
        "end the text with '",
    ),
    "apostrophe": ("name: 'it's me'\n", (1, 11, 5), "the text in quotes ends before this", "is written ''"),
    "text after a quote": ('name: "a" b # c\n', (1, 11, 1), "the text in quotes ends before this", 'is written \\"'),
    # brackets
    "list": ("metrics: [a, b\nseed: 5\n", (1, 10, 1), "the [ that opens here is never closed", "close it with ]"),
    "mapping": ("a: {b: 1, c: 2\nd: {e: 5}\n", (1, 4, 1), "the { that opens here is never closed", "close it with }"),
    "at the end": ("a: {b: 5\n", (1, 4, 1), "the { that opens here is never closed", "close it with }"),
    "after a comma": ("a: [\n  b,\n", (1, 4, 1), "the [ that opens here is never closed", "close it with ]"),
    "before an entry": ("- D: {u: 5\n- D: {u: 6}\n", (1, 6, 1), "the { that opens here is never closed", "with }"),
    "CRLF": ("a: 1\r\nb: [\r\nc: 2\r\n", (2, 4, 1), "the [ that opens here is never closed", "close it with ]"),
    "wrong partner": ("- Dense: {units: 5]\n", (1, 19, 1), "] can't close the {", "close it with }"),
    "wrong partner of a list": ("a: [b, c}\n", (1, 9, 1), "} can't close the [", "close it with ]"),
    "wrong partner after a comma": ("a: [b, }\n", (1, 8, 1), "} can't close the [", "close it with ]"),
    "one too many": ("a: {b: 5}}\n", (1, 10, 1), "there is no { for this } to close", "remove it"),
    "one too many of a list": ("a: [b]]\n", (1, 7, 1), "there is no [ for this ] to close", "remove it"),
    "no opening": ("a: ]\n", (1, 4, 1), "there is no [ for this ] to close", "remove it"),
    "text after a bracket": ("a: [b] c\n", (1, 8, 1), "nothing may follow the ]", "in quotes if the ] is part of it"),
    "two commas": ("a: [1,,2]\n", (1, 7, 1), "a value is missing before this ,", "remove the ,"),
    "no comma": ("a: ['x' 'y']\n", (1, 9, 1), "a comma or ] is missing before this", "separate the entries by commas"),
    "no comma in a mapping": ("a: {b: 1 c: 2}\n", (1, 10, 1), "a comma is missing before c", "separate the entries"),
    "no comma in JSON": ('{"a": 1 "b": 2}\n', (1, 9, 3), 'a comma is missing before "b"', "separate the entries"),
    "dash in brackets": ("a: [- b]\n", (1, 5, 1), "entries between brackets have no dash", "remove the dash"),
    "stray colon": ("a: {b: :c}\n", (1, 8, 1), "a value is missing before this :", "remove the :"),
    # colons
    "no space": (
        "training:\n  epochs:5\n  batch: 3\n",
        (2, 3, 7),
        "a space is missing after the colon",
        "write epochs: 5",
    ),
    "no space at first": ("name:x\nseed: 3\n", (1, 1, 5), "a space is missing after the colon", "write name: x"),
    "no space before [": ("a: {b:[5]}\n", (1, 6, 1), "a space is missing after the colon", "put a space after"),
    "no space before }": ("a: {b:}\n", (1, 6, 1), "a space is missing after the colon", "put a space after"),
    "no colon": ("training\n  epochs: 5\n", (1, 1, 8), "a colon is missing after training", "write training:"),
    "no colon within": ("a: x\ntraining\nb: 3\n", (2, 1, 8), "a colon is missing after training", "write training:"),
    "no colon at the end": ("a: x\ntraining\n", (2, 1, 8), "a colon is missing after training", "write training:"),
    "no colon, a value": ("a: x\nepochs 5\nb: 3\n", (2, 1, 8), "a colon is missing in this line", "write epochs: 5"),
    "no colon, a bracket": ("a: x\nmetrics [b]\n", (2, 1, 7), "a colon is missing after metrics", "write metrics: [b]"),
    "no colon in a list": (
        "- Dense\n    units: 5\n",
        (1, 3, 5),
        "a colon is missing after Dense",
        "write Dense: and its",
    ),
    "equals": ("seed: 3\nname = x\nx: 3\n", (2, 6, 1), "a value is given with a colon, not with =", "write name: x"),
    "second colon": ("name: my model: v2\n", (1, 15, 1), "there is a second ': ' in this line", "goes in quotes"),
    "options after a name": ("- Dense: units: 64\n", (1, 15, 1), "there is a second ': '", "in braces, {units: ...},"),
    "no key": (": 3\n", (1, 1, 1), "a key is missing before this colon", "write the key"),
    # indentation
    "between": ("a:\n    b: 5\n  c: 3\n", (3, 3, 4), "the indentation of this line, 2 spaces", "have 4 or 0 spaces"),
    "one too few": (
        "a:\n  b: 5\n c: 3\n",
        (3, 2, 4),
        "the indentation of this line, 1 space, fits",
        "have 2 or 0 spaces",
    ),
    "one too few in a list": (
        "a:\n  - D:\n      b: 3\n     c: 4\n",
        (4, 6, 4),
        "the indentation of this line, 5 spaces",
        "have 6 or 2 or 0 spaces",
    ),
    "too deep": ("a:\n  b: 5\n    c: 3\n", (3, 5, 1), "indented deeper than the one above it", "like the line above"),
    "too deep after a quote": (
        "a: 'b'\n  c: 3\n",
        (2, 3, 4),
        "indented deeper than the one above it",
        "like the line above",
    ),
    "entry too deep": (
        "- A\n  - B: {c: 1}\n",
        (2, 3, 3),
        "deeper than the list entry above it",
        "like the line above it",
    ),
    "first line": ("  a: x\nb: y\n", (2, 1, 4), "the first line is indented by 2 spaces, this one by 0", "same column"),
    "entries apart": ("a:\n  - B\n - C\n", (3, 2, 3), "the indentation of this line, 1 space", "have 2 or 0 spaces"),
    # dashes
    "no dash": (
        "a:\n  - B\n  C: {d: 5}\n",
        (3, 3, 9),
        "every entry of this list must begin with '- '",
        "write - C: {d: 5}",
    ),
    "dash among keys": ("a:\n  b: x\n  - C\n", (3, 3, 1), "a list entry can't stand among the keys", "remove the dash"),
    "no space after a dash": ("a:\n  -B\n  -C: {d: 3}\n", (2, 3, 1), "a space is missing after the dash", "write - B"),
    "dash after a key": (
        "a: - b\n",
        (1, 4, 1),
        "a list can't begin in the line of its key",
        "on the next line, or write [a, b]",
    ),
    # texts that need quotes
    "at": ("a: @x\n", (1, 4, 1), "a text can't begin with @ unless it is in quotes", "put the text in quotes"),
    "backtick": ("a: `x`\n", (1, 4, 1), "a text can't begin with ` unless it is in quotes", "put the text in quotes"),
    "per cent": ("a: %x\n", (1, 4, 1), "a text can't begin with % unless it is in quotes", "put the text in quotes"),
    "comma": ("a: ,b\n", (1, 4, 1), "a text can't begin with , unless it is in quotes", "put the text in quotes"),
    "star": ("a: *.csv\n", (1, 4, 1), "a text can't begin with * unless it is in quotes", "put the text in quotes"),
    "ampersand": ("a: & b\n", (1, 4, 1), "a text can't begin with & unless it is in quotes", "put the text in quotes"),
    "question mark": ("a: ? b\n", (1, 4, 1), "a text can't begin with '? ' unless it is in quotes", "put the text"),
    "greater than": (
        "a: > 0.5 # x\n",
        (1, 4, 5),
        "a text can't begin with > unless it is in quotes",
        "put the text in quotes",
    ),
    "bar": ("a: |0\n x\n", (1, 4, 2), "a text can't begin with | unless it is in quotes", "put the text in quotes"),
    "after an alias": ("a: &x 1\nb: *x c\n", (2, 7, 1), "this does not belong to the value before it", "remove it"),
    # escapes
    "backslash": ('a: "C:\\path"\n', (1, 7, 2), '\\p is not a code that "..." knows', "write \\\\ for a backslash"),
    "hexadecimal": ('a: "\\xg1"\n', (1, 5, 4), "\\x needs 2 hexadecimal digits after it", "write \\\\ for a backslash"),
    "half a character": (
        'a: "\\\\u\\ud83d b"\n',
        (1, 8, 6),
        "there is no character with this code",
        "the character itself",
    ),
    "beyond Unicode": (
        'a: "b\\U00110000"\n',
        (1, 6, 10),
        "there is no character with this code",
        "the character itself",
    ),
    # tags and directives
    "tag handle": ("a: !e!foo x\n", (1, 4, 1), "tags (words that begin with !) are not used here", "remove it"),
    "open tag": ("a: !<x y\n", (1, 4, 1), "tags (words that begin with !) are not used here", "remove it"),
    "directive": ("%x\na: 3\n", (1, 1, 2), "a line that begins with % is an instruction to YAML", "remove the line"),
    "version": ("%YAML 2.0\n---\na: 1\n", (1, 1, 9), "a line that begins with % is an instruction", "remove the line"),
    # what looks like a space
    "no-break space": (
        "a:\n  b:\u00a05\n  c: 1\n",
        (2, 5, 4),
        "not an ordinary space but the character U+00A0",
        "type a space",
    ),
}


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(parsing, "CParser", request.param)


@pytest.mark.parametrize(("text", "place", "message", "hint"), BROKEN.values(), ids=BROKEN)
def test_broken_yaml(parser: Any, text: str, place: tuple[int, int, int], message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(text, "x.yaml")
    head, *lines = str(caught.value).splitlines()
    line, column, length = place
    assert head.startswith(f"x.yaml:{line}:{column}: error: ")
    assert message in head
    assert hint in lines[-1]
    [marked] = [line.partition(" | ")[2] for line in lines if "^" in line]
    assert marked.count("^") == length
    assert "\t" not in str(caught.value)


def test_the_place_of_the_partner_is_shown(parser: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document("a: [b, c}\n", "x.yaml")
    assert str(caught.value) == (
        "x.yaml:1:9: error: } can't close the [\n  1 | a: [b, c}\n    |    -    ^\n  = hint: close it with ]"
    )
