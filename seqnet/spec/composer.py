"""Text to tree: anchors, merge keys and repeated keys settled, everything bounded, every mistake with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from seqnet.errors import Path, nearest
from seqnet.printable import escape
from seqnet.spec import parsing
from seqnet.spec.diagnostics import DocumentError, Finding
from seqnet.spec.nodes import MAX_DEPTH, TOO_DEEP, Alias, Key, ListNode, MapNode, Node, Scalar
from seqnet.spec.parsing import EventParser, events
from seqnet.spec.scalars import TAGS, convert, resolve
from seqnet.spec.source import QUOTE_IT, Place, Source

MAX_VALUES = 1_000_000
_MOST_FINDINGS = 100
_READ_TWICE = 200_000  # characters that the parser in Python reads in a moment
_NOT_ALLOWED = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


def compose(source: Source, start: int = 0) -> Node | None:
    """The tree of a source's text from the character `start` on; None if it says nothing.

    Raises DocumentError with everything that is wrong. The parsers in C and in Python find several faults in another
    order, so a faulty text is read once more with the latter: people are told the same whichever they have.
    """
    try:
        return _Composer(source, start, parsing.CParser).compose()
    except DocumentError:
        if parsing.CParser is not None and len(source.text) - start < _READ_TWICE:
            _Composer(source, start, None).compose()
        raise


class _Composer:
    def __init__(self, source: Source, start: int, parser: type[EventParser] | None) -> None:
        self.source = source
        self.parser = parser
        self.offset = start
        # An override's value is read by itself: what stands before it must not count as indentation.
        self.inner = Source(source.name, source.text[start:]) if start else source
        self.findings: list[Finding] = []
        self.anchors: dict[str, Node | None] = {}  # None: the anchor is still being read
        self.values = 0
        self.last_quoted: tuple[int, int] | None = None
        self.brackets: list[int] = []
        self.events: Iterator[Event] = iter(())

    def compose(self) -> Node | None:
        for found in _NOT_ALLOWED.finditer(self.inner.text):
            self.refuse_character(found.start())
        if self.findings:
            raise DocumentError(self.findings)
        self.events = events(self.inner.text, self.parser)
        root: Node | None = None
        try:
            for event in self.events:
                if isinstance(event, DocumentStartEvent):
                    if root is not None:
                        self.stop(*self.span(event), "a second document begins here", "one file is one run: remove ---")
                    root = self.node(next(self.events), (), 0)
        except MarkedYAMLError as error:
            from seqnet.spec.syntax import explain  # its many patterns are made only for a broken file

            bracket = self.brackets[-1] if self.brackets else None
            self.add(*explain(error, self.inner, self.last_quoted, bracket))
        if self.findings:
            raise DocumentError(self.findings)
        nothing = isinstance(root, Scalar) and root.value is None and root.start == root.end
        return None if nothing else root

    def refuse_character(self, index: int) -> None:
        code = escape(self.inner.text[index])
        hint = f"remove it; between double quotes it can be written {code}"
        self.add(index, index + 1, f"the invisible character {code} is not allowed", hint)

    def node(self, event: Event, path: Path, depth: int) -> Node:
        """The node that begins with `event`."""
        start, end = self.span(event)
        if isinstance(event, AliasEvent):
            return self.alias(event, path, depth)
        self.count(1, start, end)
        if depth > MAX_DEPTH:
            self.stop(start, start + 1, TOO_DEEP, "write less deep")
        assert isinstance(event, NodeEvent)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        made: Node
        if isinstance(event, ScalarEvent):
            made = self.scalar(event, path)
        elif isinstance(event, CollectionStartEvent):
            made = self.collection(event, path, depth)
        else:
            raise AssertionError(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = made
        return made

    def collection(self, event: CollectionStartEvent, path: Path, depth: int) -> Node:
        start, end = self.skip_properties(event)
        inline = bool(event.flow_style)
        wanted = "seq" if isinstance(event, SequenceStartEvent) else "map"
        if event.tag is not None and event.tag != "!" and TAGS.get(event.tag) != wanted:
            self.refuse_tag(event, event.tag, path)
        if inline:
            self.brackets.append(start)
        if wanted == "seq":
            items: list[Node] = []
            while not isinstance(last := next(self.events), SequenceEndEvent):
                items.append(self.node(last, (*path, len(items)), depth + 1))
            end = self.span(last)[1] if inline else end
            made: Node = ListNode(self.source, self.outer(start), self.outer(end), items, inline=inline)
        else:
            entries: dict[Key, tuple[Node, Node]] = {}
            inherited: list[tuple[Node, Node]] = []
            while not isinstance(last := next(self.events), MappingEndEvent):
                self.entry(last, path, depth, entries, inherited)
            end = self.span(last)[1] if inline else end
            if inherited:
                entries = self.merge(entries, inherited, path)
            made = MapNode(self.source, self.outer(start), self.outer(end), entries, inline=inline)
        if inline:
            self.brackets.pop()
        return made

    def entry(
        self,
        event: Event,
        path: Path,
        depth: int,
        entries: dict[Key, tuple[Node, Node]],
        inherited: list[tuple[Node, Node]],
    ) -> None:
        """Read one `key: value` into `entries`, or into `inherited` if its key is `<<`."""
        merges = isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]
        key = self.node(event, path, depth + 1)
        name = key.target.value if isinstance(key.target, Scalar) else None
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            name = None
        value = self.node(next(self.events), path if name is None else (*path, name), depth + 1)
        if merges:
            if inherited:
                self.report(key, "<< is given twice in this mapping", "write <<: [*first, *second]", path)
            inherited.append((key, value))
        elif name is None:
            message = "a key must be a text or a whole number"
            if isinstance(key.target, Scalar):
                written = key.source.text[key.start : min(key.end, key.start + 40)]
                message += f", got {written}" if written else ", got none"
                self.report(key, message, "put it in quotes" if written else "write the key before the colon", path)
            else:
                self.report(key, f"{message}, not a list or a mapping", "put it in quotes", path)
        elif name in entries:
            first = entries[name][0]
            line = "" if self.source.option else f", first in line {first.place.mark.line}"
            self.report(
                key, f"the key {name!r} is given twice{line}", "remove one of them", (*path, name), also=first.place
            )
        else:
            entries[name] = key, value

    def merge(
        self, entries: dict[Key, tuple[Node, Node]], inherited: list[tuple[Node, Node]], path: Path
    ) -> dict[Key, tuple[Node, Node]]:
        """What `<<` brings comes first; a mapping's own keys win over it, and earlier mappings over later ones."""
        merged: dict[Key, tuple[Node, Node]] = {}
        for _, given in inherited:
            bases = given.target.items if isinstance(given.target, ListNode) else [given]
            for base in bases:
                if not isinstance(base.target, MapNode):
                    self.report(base, "<< takes a mapping, or a list of mappings", "write <<: *name", path)
                    continue
                self.count(base.size, given.start - self.offset, given.end - self.offset)
                for name, pair in base.target.entries.items():
                    merged.setdefault(name, pair)
        return {name: entries.get(name, pair) for name, pair in merged.items()} | entries

    def scalar(self, event: ScalarEvent, path: Path) -> Scalar:
        start, end = self.skip_properties(event)
        plain = event.implicit[0] and event.tag is None
        tag = None if event.tag in (None, "!") else TAGS.get(event.tag or "")
        value: object = event.value
        if event.style in ("'", '"'):
            self.last_quoted = start, end
        try:
            if plain:
                value = resolve(event.value)
            elif event.tag not in (None, "!"):
                if tag is None or tag in ("seq", "map"):
                    self.refuse_tag(event, event.tag or "", path)
                else:
                    value = convert(event.value, tag)
        except OverflowError:
            message = "this number is larger than any number seqnet can hold"
            self.add(start, end, message, f"if it is a text, {QUOTE_IT}", path=path)
        except ValueError:
            self.add(start, end, f"this text is no {tag}, as its tag !!{tag} says", "remove the tag", path=path)
        if start == end:
            while start > 0 and self.inner.text[start - 1] in " \t":  # where the parsers differ
                start -= 1
            end = start
        return Scalar(self.source, self.outer(start), self.outer(end), value)

    def alias(self, event: AliasEvent, path: Path, depth: int) -> Node:
        start, end = self.span(event)
        name = str(event.anchor)
        if name not in self.anchors:
            near = nearest(name, self.anchors)
            hint = f"did you mean *{near}? " if near else ""
            hint += "a text that begins with * goes in quotes"
            self.add(start, end, f"no anchor &{name} stands above this line", hint, path=path)
            return Scalar(self.source, self.outer(start), self.outer(end), None)
        target = self.anchors[name]
        if target is None:
            self.add(start, end, f"the anchor &{name} contains itself here", "write the value out", path=path)
            return Scalar(self.source, self.outer(start), self.outer(end), None)
        if depth + target.height > MAX_DEPTH:
            self.stop(start, end, f"{TOO_DEEP}, through aliases", "write less deep")
        self.count(target.size, start, end)
        return Alias(self.source, self.outer(start), self.outer(end), target)

    def count(self, values: int, start: int, end: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            hint = "anchors that use anchors multiply; write less, or data into files of their own"
            self.stop(start, end, f"the file has more than {MAX_VALUES:,} values, its aliases written out", hint)

    def refuse_tag(self, event: Event, tag: str, path: Path) -> None:
        start, _ = self.span(event)
        found = re.compile(r"(?:&\S*\s+)?(!\S*)").match(self.inner.text, start)
        start, end = found.span(1) if found else (start, start + 1)
        message = f"tags are not used here, got {self.inner.text[start : min(end, start + 60)]}"
        self.add(start, end, message, f"remove it; if it begins a text, {QUOTE_IT}", path=path)

    def report(self, node: Node, message: str, hint: str, path: Path, *, also: Place | None = None) -> None:
        place = node.place
        if place.start == place.end:  # an empty key
            place = Place(place.source, place.start, place.start + 1)
        self.append(Finding(self.source, message, hint, place, also, path=path))

    def add(
        self, start: int, end: int, message: str, hint: str = "", also: int | None = None, *, path: Path = ()
    ) -> None:
        second = None if also is None else Place(self.source, self.outer(also), self.outer(also) + 1)
        place = Place(self.source, self.outer(start), self.outer(end))
        self.append(Finding(self.source, message, hint, place, second, path=path))

    def append(self, finding: Finding) -> None:
        self.findings.append(finding)
        if len(self.findings) >= _MOST_FINDINGS:
            raise DocumentError(self.findings)

    def stop(self, start: int, end: int, message: str, hint: str) -> NoReturn:
        self.add(start, end, message, hint)
        raise DocumentError(self.findings)

    def span(self, event: Event) -> tuple[int, int]:
        assert event.start_mark is not None and event.end_mark is not None
        return event.start_mark.index, event.end_mark.index

    def skip_properties(self, event: NodeEvent | CollectionStartEvent | ScalarEvent) -> tuple[int, int]:
        """Where the value itself stands, without its anchor and tag."""
        start, end = self.span(event)
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            found = _PROPERTIES.match(self.inner.text, start)
            start = min(found.end(), end) if found else end
        return start, end

    def outer(self, index: int) -> int:
        return index + self.offset
