"""`-s key.path=value`: any value of the file replaced from the command line, as if it had been written there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from seqnet.errors import nearest
from seqnet.spec.composer import compose
from seqnet.spec.diagnostics import DocumentError, Finding
from seqnet.spec.nodes import MAX_DEPTH, TOO_DEEP, Key, ListNode, MapNode, Node, Scalar
from seqnet.spec.reader import Document
from seqnet.spec.source import Place, Source

_INDEX = re.compile(r"-?[0-9]{1,9}")
_FORM = "write key.path=value, for instance training.epochs=10"


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """The document with `training.epochs=10`, `model.2.Dense.units=64`, `model.0=Flatten` … applied, later ones last.

    A path names keys and list indices from 0 (from the end: -1); the value is YAML. One index past the end appends.
    Mappings and lists that are missing on the way are made. Setting an option of a component that the file gives by
    its bare name keeps the component; naming another component replaces it, but never an entry of a list.

    Raises SpecError with all that is wrong in any of them. The given document stays as it is.
    """
    findings: list[Finding] = []
    root = document.root
    for number, text in enumerate(overrides, 1):
        try:
            root = _apply(root, Source("", text, option=number))
        except DocumentError as error:
            findings += error.findings
    if findings:
        raise DocumentError(findings)
    return document.with_root(root)


@dataclass(frozen=True)
class _Step:
    """A part of the path, with its place in the text."""

    text: str
    place: Place

    @property
    def index(self) -> int | None:
        return int(self.text) if _INDEX.fullmatch(self.text) else None

    @property
    def names_component(self) -> bool:
        return self.text[:1].isupper()


def _apply(root: MapNode, source: Source) -> MapNode:
    text = source.text
    left, equals, _ = text.partition("=")
    if not equals:
        hint = "write = in place of the colon" if re.match(r"[\w.-]+: ?\S", text) else _FORM
        _refuse(Place(source, 0, len(text)), "there is no = in it", hint)
    steps = list(_split(source, left))
    value = compose(source, len(left) + 1) or Scalar(source, len(left) + 1, len(text), None)
    if len(steps) + value.height > MAX_DEPTH:
        _refuse(steps[-1].place, TOO_DEEP, "write less deep")
    made = _Setting(steps, value).put(root, 0)
    assert isinstance(made, MapNode)
    if made.height > MAX_DEPTH:
        _refuse(steps[-1].place, TOO_DEEP, "write less deep")
    return made


def _split(source: Source, path: str) -> Iterator[_Step]:
    start = 0
    for part in path.split("."):
        name = part.strip()
        begin = start + len(part) - len(part.lstrip())
        place = Place(source, begin, begin + len(name))
        if not name:
            what = "the path before = is empty" if path.strip() in ("", ".") else "a name is missing between the dots"
            _refuse(Place(source, start, start + 1), what, _FORM)
        if bracket := re.search(r"\[\s*(-?\d+)\s*\]", name):
            hint = "write " + re.sub(r"\[\s*(-?\d+)\s*\]", r".\1", path)
            _refuse(place, f"a list entry is named by a dot, not by {bracket[0]}", hint)
        yield _Step(name, place)
        start += len(part) + 1


def _refuse(place: Place, message: str, hint: str = "") -> NoReturn:
    raise DocumentError([Finding(place.source, message, hint, place)])


class _Setting:
    """One override on its way down the tree; `put` copies what it changes and shares the rest."""

    def __init__(self, steps: list[_Step], value: Node) -> None:
        self.steps = steps
        self.value = value

    def put(self, node: Node | None, depth: int, *, entry: bool = False) -> Node:
        """`node` with the value set at the path from `depth` on. entry: the node is an entry of a list."""
        if depth == len(self.steps):
            return self.value
        step = self.steps[depth]
        target = None if node is None else node.target
        if target is None or (isinstance(target, Scalar) and target.value is None):
            return self.create(depth)
        if isinstance(target, ListNode):
            return self.into_list(target, depth)
        if isinstance(target, MapNode):
            return self.into_mapping(target, depth, entry=entry)
        assert isinstance(target, Scalar)
        if isinstance(target.value, str) and self.is_component(depth, target.value):
            if entry and not _same(step.text, target.value):
                self.refuse_replacing(target.value, depth)
            return self.mapping(depth, None)
        name = _dotted(self.steps[:depth])
        hint = ""
        if isinstance(target.value, str) and step.index is None and target.value.isidentifier():
            rest = "OPTION" if _same(step.text, target.value) else _dotted(self.steps[depth:])
            hint = f"the options of a component follow its name: {name}.{target.value}.{rest}=..."
        shown = target.value if isinstance(target.value, str) else target.source.text[target.start : target.end]
        _refuse(step.place, f"{name} is {shown}, not a mapping or a list; nothing can be set below it", hint)

    def create(self, depth: int) -> Node:
        """What is missing in the file: a list if the path goes on with 0, else a mapping."""
        step = self.steps[depth]
        if step.index is None:
            return self.mapping(depth, None)
        if step.index != 0:
            name = _dotted(self.steps[:depth]) or "the file"
            hint = "the first entry has index 0; a mapping with whole numbers for keys is written name={1: value}"
            _refuse(step.place, f"{name} is not there yet, so it has no entry {step.index}", hint)
        item = self.put(None, depth + 1, entry=True)
        return ListNode(step.place.source, step.place.start, step.place.end, [item], inline=True)

    def mapping(self, depth: int, old: Node | None) -> MapNode:
        """A mapping with one key, written in the override."""
        step = self.steps[depth]
        source, start, end = step.place.source, step.place.start, step.place.end
        key: Node = Scalar(source, start, end, step.text)
        return MapNode(source, start, end, {step.text: (key, self.put(old, depth + 1))}, inline=True)

    def into_list(self, node: ListNode, depth: int) -> ListNode:
        step, count = self.steps[depth], len(node.items)
        name = _dotted(self.steps[:depth])
        index = step.index
        if index is None:
            self.refuse_name_in_list(node, depth)
        if not -count <= index <= count or (count == 0 and step.text.startswith("-")):
            entries = "1 entry" if count == 1 else f"{count} entries"
            last = f"they are 0 to {count - 1}, and {count} appends" if count else "0 appends the first"
            last = "it is 0, and 1 appends" if count == 1 else last
            _refuse(step.place, f"{name} has {entries}, there is no entry {index}", last)
        position = index + count if index < 0 else index
        items = list(node.items)
        old = items[position] if position < count else None
        items[position:] = [self.put(old, depth + 1, entry=True), *items[position + 1 :]]
        return ListNode(node.source, node.start, node.end, items, inline=node.inline)

    def into_mapping(self, node: MapNode, depth: int, *, entry: bool) -> MapNode:
        step = self.steps[depth]
        key: Key = step.text
        if key not in node.entries:
            only = next(iter(node.entries)) if len(node.entries) == 1 else None
            if isinstance(only, str) and _holds_options(node, only):
                if _same(only, step.text):
                    key = only
                elif self.is_component(depth, only) and (step.names_component or only[:1].isupper()):
                    if entry:
                        self.refuse_replacing(only, depth)
                    return self.mapping(depth, None)
                elif only[:1].isupper() and depth == len(self.steps) - 1:
                    name, rest = _dotted(self.steps[:depth]), _dotted(self.steps[depth:])
                    hint = f"write {name}.{only}.{rest}=..." if name else ""
                    _refuse(step.place, f"{name} is {only}; its options are set below that name", hint)
            elif step.index is not None and (not node.entries or any(isinstance(name, int) for name in node.entries)):
                key = step.index
        found = node.entries.get(key)
        fresh: Node = Scalar(step.place.source, step.place.start, step.place.end, key)
        pair = (found[0] if found else fresh, self.put(found[1] if found else None, depth + 1))
        return MapNode(node.source, node.start, node.end, {**node.entries, key: pair}, inline=node.inline)

    def is_component(self, depth: int, current: str) -> bool:
        """Whether the step at `depth` names a component, the `current` one or another, and not an option.

        A name is one if it is written like one (`Adam`), is the current one, or has an option below it; below an
        option stands at most a component.
        """
        step, below = self.steps[depth], self.steps[depth + 1 :]
        options = isinstance(self.value, MapNode) or (isinstance(self.value, Scalar) and self.value.value is None)
        if step.index is not None or not (below or options):
            return False
        if step.names_component or _same(step.text, current):
            return True
        return bool(below) and not below[0].names_component and below[0].index is None

    def refuse_replacing(self, current: str, depth: int) -> NoReturn:
        """A layer at an index is not the one that the path names: more likely a wrong count than a wish."""
        step, name = self.steps[depth], _dotted(self.steps[:depth])
        hint = f"to put {step.text} in its place write {name}={{{step.text}: {{...}}}}"
        _refuse(step.place, f"{name} is {current}, not {step.text}", hint)

    def refuse_name_in_list(self, node: ListNode, depth: int) -> NoReturn:
        step, name = self.steps[depth], _dotted(self.steps[:depth])
        names = [_name(item) for item in node.items]
        listed = ", ".join(f"{index} {entry}" for index, entry in enumerate(names[:12])) or "it is empty"
        hint = f"its entries: {listed}{', ...' if len(names) > 12 else ''}"
        near = nearest(step.text, (entry for entry in names if entry))
        if near is not None:
            path = [name, str(names.index(near)), near, *(later.text for later in self.steps[depth + 1 :])]
            hint = f"did you mean {'.'.join(path)}? {hint}"
        _refuse(step.place, f"{name} is a list; its entries are named by their index, not by {step.text!r}", hint)


def _holds_options(node: MapNode, key: str) -> bool:
    """Whether a mapping of one key can be a component with its options: `{Adam: {...}}` or `{Adam: null}`."""
    value = node.entries[key][1].target
    return isinstance(value, MapNode) or (isinstance(value, Scalar) and value.value is None)


def _same(one: str, other: str) -> bool:
    return one.replace("_", "").lower() == other.replace("_", "").lower()


def _name(node: Node) -> str:
    """What an entry of a list is called: the name of its component."""
    target = node.target
    if isinstance(target, MapNode) and target.entries:
        return str(next(iter(target.entries)))
    return str(target.value) if isinstance(target, Scalar) else ""


def _dotted(steps: Sequence[_Step]) -> str:
    return ".".join(step.text for step in steps)
