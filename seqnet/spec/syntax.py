"""Broken YAML in plain words: what a parser complains of, turned into where the slip is and what to type instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yaml.error import MarkedYAMLError

from seqnet.spec.nodes import TOO_DEEP
from seqnet.spec.source import QUOTE_IT, Source

_COLON_WITHOUT_SPACE = re.compile(r"\s*(?:- +)?([A-Za-z_][\w.]*:)(?=[^\s:/\\])")
_DASH_WITHOUT_SPACE = re.compile(r"\s*(-)(?=[A-Za-z])")
_EQUALS_SIGN = re.compile(r"\s*(?:- +)?([\w.]+) *(=)")
_LONE_WORD = re.compile(r"\s*(- +)?([A-Za-z_][\w.]*)\s*(?:#.*)?$")
_WORD_AND_BRACKET = re.compile(r"\s*(?:- +)?([A-Za-z_][\w.]*) *[\[{]")
_WORD_AND_VALUE = re.compile(r"\s*(?:- +)?([A-Za-z_][\w.]*)[ ,;]+(\S.*)")
_KEY_AT_START = re.compile(r"[ \t]*(?:- +)?[\w.]+:(?:[ \t]|$)")
# Characters that look like a space, or like nothing, and are part of a text to YAML: pasted from pages and documents.
_LOOKALIKE_SPACE = re.compile("(?:^ *(?:- *)?|:)([\xa0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff])")
_LOOKALIKE_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb"
_BAD_CODE = re.compile(
    r"(?:[^\\]|\\[^uU])*?(\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|U(?!000[0-9a-fA-F]|0010)[0-9a-fA-F]{8}"
    r"|U0000[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_CLOSERS = {"[": "]", "{": "}"}

SPACE_AFTER_COLON = "put a space after the colon"


class Slip(NamedTuple):
    """What is wrong in the text from `start` to `end`; `also` is the beginning of a second place that belongs to it."""

    start: int
    end: int
    message: str
    hint: str = ""
    also: int | None = None


@dataclass(frozen=True)
class Trouble:
    """Where the parser stopped, and what it had read. at: where. context: where what it was reading began.

    last_quoted: the last text in quotes, its beginning and end. open_bracket: the innermost bracket still open.
    """

    source: Source
    at: int
    context: int
    last_quoted: tuple[int, int] | None
    open_bracket: int | None

    @property
    def sign(self) -> str:
        """The character at which the parser stopped; empty at the end of the text."""
        return self.source.text[self.at : self.at + 1]

    @property
    def line_start(self) -> int:
        return self.source.line_start(self.at)

    @property
    def before(self) -> str:
        """What stands before it in its line."""
        return self.source.text[max(self.line_start, self.at - 300) : self.at]

    @property
    def column(self) -> int:
        return self.at - self.line_start

    @property
    def rest(self) -> int:
        """Where the line ends, blanks and comment not counted."""
        text, start = self.source.around(self.at)
        tail = re.split(r"\s+#", text[self.at - start :], maxsplit=1)[0].rstrip()
        return self.at + max(len(tail), 1)

    def slip(self, message: str, hint: str = "", *, length: int = 1, also: int | None = None) -> Slip:
        return Slip(self.at, self.at + length, message, hint, also)


def explain(
    error: MarkedYAMLError, source: Source, last_quoted: tuple[int, int] | None, open_bracket: int | None
) -> Slip:
    """The slip behind a parser's error in `source`."""
    size = len(source.text)
    at = min(error.problem_mark.index, size) if error.problem_mark else size
    context = min(error.context_mark.index, size) if error.context_mark else at
    trouble = Trouble(source, at, context, last_quoted, open_bracket)
    problem = f"{error.context or ''}: {error.problem or ''}"
    for pattern, handler in _HANDLERS:
        if re.search(pattern, problem):
            return handler(trouble)
    return trouble.slip("this is not YAML", f"{QUOTE_IT} if it has special characters")


def line_advice(source: Source, line_start: int) -> str:
    """What is wrong with a line that is a text to YAML and was meant as `key: value`; empty if nothing is seen."""
    slip = _line_slip(source, line_start)
    return f"{slip.message}: {slip.hint}" if slip else ""


def text_advice(text: str) -> str:
    """The slip that may have made a text of what was meant otherwise; empty if nothing is seen."""
    if found := _LOOKALIKE_SPACE.search(text):
        return f"the space in it is the character U+{ord(found[1]):04X}, type an ordinary space in its place"
    if text[:1] in tuple(_LOOKALIKE_QUOTES):
        return f"{text[0]} is no quote to YAML, type \" or ' in its place"
    if _DASH_WITHOUT_SPACE.match(text):
        return f"a space is missing after the dash: write - {text[1:].split()[0]}"
    found = _COLON_WITHOUT_SPACE.match(text)
    return f"a space is missing after the colon: write {found[1]} {text[found.end(1) :]}" if found else ""


def _character(trouble: Trouble) -> Slip:
    if trouble.sign == "\t":
        return _tab(trouble)
    return trouble.slip(f"a text can't begin with {trouble.sign} unless it is in quotes", QUOTE_IT)


def _tab(trouble: Trouble) -> Slip:
    text = trouble.source.text
    start, end = trouble.at, trouble.at + 1
    while start > trouble.line_start and text[start - 1] == "\t":
        start -= 1
    while text[end : end + 1] == "\t":
        end += 1
    return Slip(
        start, end, "a tab can't be used to indent", "use spaces, two a level; editors can replace tabs by spaces"
    )


def _unclosed_quote(source: Source, start: int) -> Slip:
    quote = source.text[start]
    inside = "written twice" if quote == "'" else 'written \\"'
    hint = f"end the text with {quote}; a {quote} inside it is {inside}"
    end = min(source.line_end(start), start + 300)
    return Slip(start, max(end, start + 1), "the quote that opens here is never closed", hint)


def _quoted(trouble: Trouble) -> Slip:
    return _unclosed_quote(trouble.source, trouble.context)


def _runaway_quote(trouble: Trouble) -> Slip | None:
    """A text in quotes that ended just before, but on another line than it began: its own closing quote is missing."""
    source = trouble.source
    if trouble.last_quoted:
        start, end = trouble.last_quoted
        between = source.text[end : trouble.at] if trouble.at - end < 300 else "far"
        if source.line_end(start) < end and not between.strip():
            return _unclosed_quote(source, start)
    if source.text[trouble.context : trouble.context + 1] in ("'", '"') and trouble.context < trouble.line_start:
        return _unclosed_quote(source, trouble.context)
    return None


def _line_slip(source: Source, line_start: int) -> Slip | None:
    """The slips a single line can show."""
    line, start = source.around(line_start)
    if found := _LOOKALIKE_SPACE.search(line):
        at = start + found.start(1)
        message = f"this is not an ordinary space but the character U+{ord(found[1]):04X}"
        return Slip(at, at + 1, message, "type a space in its place")
    if found := _COLON_WITHOUT_SPACE.match(line):
        colon = start + found.end(1)
        value = line[found.end(1) :].split(" #")[0].strip()
        hint = f"write {found[1]} {value}" if len(value) <= 40 else SPACE_AFTER_COLON
        return Slip(start + found.start(1), colon, "a space is missing after the colon", hint)
    if found := _DASH_WITHOUT_SPACE.match(line):
        dash = start + found.start(1)
        return Slip(dash, dash + 1, "a space is missing after the dash", f"write - {line[found.end(1) :].strip()[:60]}")
    if found := _EQUALS_SIGN.match(line):
        equals = start + found.start(2)
        hint = f"write {found[1]}: {line[found.end(2) :].strip()[:60]}"
        return Slip(equals, equals + 1, "a value is given with a colon, not with =", hint)
    if found := _WORD_AND_BRACKET.match(line):
        hint = f"write {found[1]}: {line[found.end() - 1 :].strip()[:60]}"
        return Slip(start + found.start(1), start + found.end(1), f"a colon is missing after {found[1]}", hint)
    if found := _LONE_WORD.match(line):
        word = found[2]
        hint = f"write {word}: and its value" + (
            "" if found[1] else ", or begin the line with '- ' if it is a list entry"
        )
        return Slip(start + found.start(2), start + found.end(2), f"a colon is missing after {word}", hint)
    return None


def _missing_colon(trouble: Trouble) -> Slip:
    """A line in a mapping that is no `key: value`."""
    source = trouble.source
    sign = source.text[trouble.context : trouble.context + 1]
    runaway = _runaway_quote(trouble)
    if runaway:
        return runaway
    if sign and sign in _CLOSERS:
        return _unclosed_bracket(trouble, trouble.context)
    found = _line_slip(source, source.line_start(trouble.context))
    if found:
        return found
    return _line_without_colon(source, source.line_start(trouble.context))


def _line_without_colon(source: Source, line_start: int) -> Slip:
    """A whole line that should be `key: value`."""
    line, _ = source.around(line_start)
    first = line_start + len(line) - len(line.lstrip())
    end = Trouble(source, first, first, None, None).rest
    hint = "write key: value; a text that goes on over lines goes in quotes"
    if found := _WORD_AND_VALUE.match(source.text[line_start:end]):
        hint = f"write {found[1]}: {found[2][:60]}"
    return Slip(first, end, "a colon is missing in this line", hint)


def _unexpected_colon(trouble: Trouble) -> Slip:
    """`: ` where no key can be."""
    source = trouble.source
    runaway = _runaway_quote(trouble)
    if runaway:
        return runaway
    before = trouble.before
    earlier = re.search(r"[\w\"'\])}]:\s", before)
    if earlier:
        key = before[earlier.end() :].strip()
        inner = f", {{{key}: ...}}," if re.fullmatch(r"\w+", key) else ""
        hint = f"a text with ': ' in it goes in quotes; options go in braces{inner} or on lines of their own"
        return trouble.slip("there is a second ': ' in this line", hint)
    above = source.line_before(trouble.at)
    if above is not None:
        line, _ = source.around(above)
        indent = len(line) - len(line.lstrip())
        own = len(before) - len(before.lstrip())
        if own > indent and line.lstrip().startswith("- ") and before.lstrip().startswith("- "):
            start = trouble.line_start + own
            hint = "indent it like the line above it; if it belongs to that, end that line with a colon"
            return Slip(start, trouble.at, "this line is indented deeper than the list entry above it", hint)
        found = None if _KEY_AT_START.match(line) else _line_slip(source, above)
        if found:
            return found
        if own > indent and _KEY_AT_START.match(line):
            start = trouble.line_start + own
            return _too_deep(start, max(trouble.at, start + 1))
        if not re.search(r":\s|:$", line):
            return _line_without_colon(source, above)
    return trouble.slip("a ':' is not expected here", "check the indentation; a text with ': ' in it goes in quotes")


def _too_deep(start: int, end: int) -> Slip:
    message = "this line is indented deeper than the one above it, which already has a value"
    return Slip(start, end, message, "indent it like the line above it")


def _list_on_key_line(trouble: Trouble) -> Slip:
    hint = "begin it on the next line, or write [a, b]; a text that begins with '- ' goes in quotes"
    return trouble.slip("a list can't begin in the line of its key", hint)


def _question_mark(trouble: Trouble) -> Slip:
    return trouble.slip("a text can't begin with '? ' unless it is in quotes", QUOTE_IT)


def _in_mapping(trouble: Trouble) -> Slip:
    """Something inside a mapping that is no `key: value`."""
    return _stray(trouble) or _misindented(trouble)


def _in_list(trouble: Trouble) -> Slip:
    """Something inside a list that is no `- entry`."""
    stray = _stray(trouble)
    if stray:
        return stray
    source = trouble.source
    if trouble.column == trouble.context - source.line_start(trouble.context):
        entry = source.text[trouble.at : trouble.rest]
        hint = f"write - {entry}" if len(entry) <= 60 else "write '- ' before it"
        length = trouble.rest - trouble.at
        return trouble.slip("every entry of this list must begin with '- '", hint, length=length, also=trouble.context)
    return _misindented(trouble)


def _stray(trouble: Trouble) -> Slip | None:
    """What follows a value in its line, or a bracket that closes nothing."""
    sign, before = trouble.sign, trouble.before.rstrip()
    runaway = _runaway_quote(trouble)
    if runaway:
        return runaway
    if sign in ("]", "}"):
        opener = "[" if sign == "]" else "{"
        return trouble.slip(f"there is no {opener} for this {sign} to close", f"remove it, or {QUOTE_IT}")
    if not before or before.endswith(("- ", ":")) or before.strip() == "-":
        return None
    length = trouble.rest - trouble.at
    if before[-1] in "'\"":
        inside = "''" if before[-1] == "'" else '\\"'
        hint = f"a {before[-1]} inside the text is written {inside}"
        return trouble.slip("the text in quotes ends before this", hint, length=length)
    if before[-1] in "]}":
        hint = f"remove it, or put the whole text in quotes if the {before[-1]} is part of it"
        return trouble.slip(f"nothing may follow the {before[-1]}", hint, length=length)
    return trouble.slip("this does not belong to the value before it", f"remove it, or {QUOTE_IT}", length=length)


def _misindented(trouble: Trouble) -> Slip:
    source = trouble.source
    if trouble.sign == ":":
        return trouble.slip("a key is missing before this colon", "write the key, or remove the colon")
    around = trouble.context - source.line_start(trouble.context)
    above = source.line_before(trouble.at)
    if trouble.sign == "-" and trouble.column == around:
        hint = "give the list a key of its own, or remove the dash"
        return trouble.slip("a list entry can't stand among the keys of a mapping", hint)
    if above is not None and trouble.column == around:
        found = _line_slip(source, above)
        if found:
            return found
    columns = _indentations_above(source, trouble.at)
    if columns and trouble.column > columns[0]:
        return _too_deep(trouble.at, trouble.rest)
    message = f"the indentation of this line, {_spaces(trouble.column)}, fits no line above it"
    hint = f"lines that belong together begin in the same column; those above have {_spaces(*columns)}"
    return trouble.slip(message, hint, length=trouble.rest - trouble.at)


def _indentations_above(source: Source, index: int) -> list[int]:
    """The indentations of the lines that a line could go on from, the nearest first."""
    found: list[int] = []
    above = source.line_before(index)
    for _ in range(1000):
        if above is None:
            break
        line, _ = source.around(above)
        indentation = len(line) - len(line.lstrip(" "))
        if not found or indentation < found[-1]:
            found.append(indentation)
        above = source.line_before(above) if indentation else None
    return found


def _spaces(*counts: int) -> str:
    return " or ".join(str(count) for count in counts) + (" space" if counts == (1,) else " spaces")


def _unclosed_bracket(trouble: Trouble, opener: int) -> Slip:
    sign = trouble.source.text[opener]
    closer = _CLOSERS.get(sign, "its partner")
    return Slip(opener, opener + 1, f"the {sign} that opens here is never closed", f"close it with {closer}")


def _in_brackets(trouble: Trouble) -> Slip:
    """Neither a comma nor the closing bracket after an entry between brackets."""
    source = trouble.source
    opener = source.text[trouble.context]
    closer = _CLOSERS.get(opener, "]")
    runaway = _runaway_quote(trouble)
    if runaway:
        return runaway
    if not trouble.sign or not source.text[trouble.at : trouble.at + 300].strip():
        return _unclosed_bracket(trouble, trouble.context)
    line, _ = source.around(trouble.at)
    if trouble.line_start > trouble.context and (_KEY_AT_START.match(line) or line.lstrip().startswith("- ")):
        return _unclosed_bracket(trouble, trouble.context)
    if trouble.sign in "]}":
        message = f"{trouble.sign} can't close the {opener}"
        return trouble.slip(message, f"close it with {closer}", also=trouble.context)
    if trouble.sign == ":":
        if word := re.search(r"[^\s,:\[{]\s+(['\"]?[\w.]+['\"]?)$", trouble.before):
            hint = "separate the entries by commas; a text with ': ' in it goes in quotes"
            start = trouble.at - len(word[1])
            return Slip(start, trouble.at, f"a comma is missing before {word[1]}", hint, trouble.context)
        hint = f"separate the entries by commas; a text with ': ' in it goes in quotes; close with {closer}"
        return trouble.slip("a ':' is not expected here", hint, also=trouble.context)
    hint = "separate the entries by commas"
    return trouble.slip(f"a comma or {closer} is missing before this", hint, also=trouble.context)


def _colon_in_brackets(trouble: Trouble) -> Slip:
    """`{units:64}` is fine for a parser, `{units:[64]}` and `{units:}` are not."""
    return Slip(trouble.at, trouble.at + 1, "a space is missing after the colon", SPACE_AFTER_COLON)


def _no_value(trouble: Trouble) -> Slip:
    """A value was expected and something else found."""
    source, sign = trouble.source, trouble.sign
    if not source.text[trouble.at : trouble.at + 300].strip():
        if trouble.open_bracket is not None:
            return _unclosed_bracket(trouble, trouble.open_bracket)
        return trouble.slip("the file ends where a value is expected", "add the value")
    if trouble.open_bracket is None:
        if sign in "]}":
            opener = "[" if sign == "]" else "{"
            return trouble.slip(f"there is no {opener} for this {sign} to close", f"remove it, or {QUOTE_IT}")
        return trouble.slip(f"a text can't begin with {sign} unless it is in quotes", QUOTE_IT)
    opener = source.text[trouble.open_bracket]
    if sign == "-":
        hint = f"remove the dash, or close the {opener} before it"
        return trouble.slip("entries between brackets have no dash", hint, also=trouble.open_bracket)
    if sign in "]}" and sign != _CLOSERS.get(opener):
        hint = f"close it with {_CLOSERS.get(opener, ']')}"
        return trouble.slip(f"{sign} can't close the {opener}", hint, also=trouble.open_bracket)
    return trouble.slip(f"a value is missing before this {sign}", f"write it, or remove the {sign}")


def _anchor(trouble: Trouble) -> Slip:
    start = trouble.context
    sign = trouble.source.text[start : start + 1]
    return Slip(start, start + 1, f"a text can't begin with {sign} unless it is in quotes", QUOTE_IT)


def _tag(trouble: Trouble) -> Slip:
    start = trouble.source.text.rfind("!", 0, trouble.at + 1)
    start = max(start, trouble.context)
    return Slip(start, start + 1, "tags (words that begin with !) are not used here", f"remove it, or {QUOTE_IT}")


def _block_text(trouble: Trouble) -> Slip:
    start = trouble.context
    sign = trouble.source.text[start : start + 1]
    end = Trouble(trouble.source, start, start, None, None).rest
    hint = f"put the text in quotes, or begin it on the next line, indented below the {sign}"
    return Slip(start, end, f"a text can't begin with {sign} unless it is in quotes", hint)


def _directive(trouble: Trouble) -> Slip:
    start = trouble.source.line_start(min(trouble.at, trouble.context))
    end = Trouble(trouble.source, start, start, None, None).rest
    hint = f"remove the line, or {QUOTE_IT}"
    return Slip(start, end, "a line that begins with % is an instruction to YAML, and not one it knows", hint)


def _escape(trouble: Trouble) -> Slip:
    text = trouble.source.text
    start = text.rfind("\\", 0, trouble.at + 1)
    length = {"x": 4, "u": 6, "U": 10}.get(text[start + 1 : start + 2], 2)
    hint = "write \\\\ for a backslash, or put the text in '...' instead of \"...\""
    end = min(start + length, trouble.source.line_end(start))
    return Slip(start, end, f'\\{text[start + 1 : start + 2]} is not a code that "..." knows', hint)


def _hexadecimal(trouble: Trouble) -> Slip:
    slip = _escape(trouble)
    sign = trouble.source.text[slip.start + 1]
    count = {"x": 2, "u": 4, "U": 8}[sign]
    return slip._replace(message=f"\\{sign} needs {count} hexadecimal digits after it")


def _impossible_code(trouble: Trouble) -> Slip:
    found = _BAD_CODE.match(trouble.source.text, trouble.context, trouble.at + 10)
    slip = Slip(found.start(1), found.end(1), "") if found else _escape(trouble)
    return slip._replace(message="there is no character with this code", hint="write the character itself")


def _too_nested(trouble: Trouble) -> Slip:
    """libyaml's own bound, which it meets when it looks ahead."""
    return trouble.slip(TOO_DEEP, "write less deep")


def _after_the_end(trouble: Trouble) -> Slip:
    """The value of the whole file has ended, and something follows."""
    stray = _stray(trouble)
    if stray:
        return stray
    source = trouble.source
    above = source.line_before(trouble.at)
    if above is not None and source.text.startswith("%", above):
        return _directive(Trouble(source, above, above, None, None))
    first = re.match(r"(?:[ \t]*(?:#.*)?(?:\r\n|\r|\n))*( +)\S", source.text)
    if first:
        message = f"the first line is indented by {_spaces(len(first[1]))}, this one by {trouble.column}"
        hint = "the keys at the top of the file all begin in the same column, best without indentation"
        return trouble.slip(message, hint, length=trouble.rest - trouble.at, also=first.end(1))
    found = None if above is None else _line_slip(source, above)
    return found or trouble.slip("the file goes on after its value has ended", "write key: value in every line")


_HANDLERS: list[tuple[str, Callable[[Trouble], Slip]]] = [
    (r"found a tab character", _tab),
    (r"cannot start any token", _character),
    (r"quoted scalar: found unexpected (end of stream|document)", _quoted),
    (r"unknown escape", _escape),
    (r"hexa?decimal", _hexadecimal),
    (r"invalid Unicode character", _impossible_code),
    (r"could not find expected ':'", _missing_colon),
    (r"found unexpected ':'", _colon_in_brackets),
    (r"mapping values are not allowed", _unexpected_colon),
    (r"sequence entries are not allowed", _list_on_key_line),
    (r"mapping keys are not allowed", _question_mark),
    (r"block mapping: ", _in_mapping),
    (r"block collection: ", _in_list),
    (r"flow (mapping|sequence): ", _in_brackets),
    (r"node: (expected the node|did not find expected node)", _no_value),
    (r"scanning an (anchor|alias)", _anchor),
    (r"(undefined tag|an? tag:)", _tag),
    (r"block scalar", _block_text),
    (r"directive|YAML document|tag handle", _directive),
    (r"nesting depth", _too_nested),
    (r"document start", _after_the_end),
]
