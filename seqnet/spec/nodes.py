"""A YAML document as a tree that remembers where everything stands, so that messages can point at it."""

from __future__ import annotations

from typing import Any

from seqnet.spec.source import Place, Source

Key = str | int

MAX_DEPTH = 200
TOO_DEEP = f"values are nested more than {MAX_DEPTH} levels deep here"


class Node:
    """A value with its place. size: how many values it holds, itself included; height: how deep they nest."""

    __slots__ = ("end", "height", "size", "source", "start")

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.size = 1
        self.height = 0

    @property
    def place(self) -> Place:
        return Place(self.source, self.start, self.end)

    @property
    def target(self) -> Node:
        """The node itself, or what an alias stands for."""
        return self

    def plain(self) -> Any:
        """The value as plain dicts, lists, texts, numbers, booleans and None; new ones at each call."""
        raise NotImplementedError

    def child(self, key: Key) -> tuple[Node | None, Node] | None:
        """The key and the value under `key`; entries of a list have no key node. None if there is no such child."""
        return None

    def underlined(self) -> Place | None:
        """What a message about this value underlines; None where the key says it better."""
        return self.place


class Scalar(Node):
    """A text, a number, true, false or null."""

    __slots__ = ("value",)

    def __init__(self, source: Source, start: int, end: int, value: Any) -> None:
        super().__init__(source, start, end)
        self.value = value

    def plain(self) -> Any:
        return self.value

    def underlined(self) -> Place | None:
        return self.place if self.end > self.start else None


class Collection(Node):
    """A list or a mapping. inline: written between brackets or in a `-s` option, so that it can be underlined."""

    __slots__ = ("inline",)

    def __init__(self, source: Source, start: int, end: int, *, inline: bool) -> None:
        super().__init__(source, start, end)
        self.inline = inline

    def underlined(self) -> Place | None:
        return self.place if self.inline and self.source.line_end(self.start) >= self.end else None


class ListNode(Collection):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, source: Source, start: int, end: int, items: list[Node], *, inline: bool) -> None:
        super().__init__(source, start, end, inline=inline)
        self.items = items
        self.size += sum(item.size for item in items)
        self.height = max((item.height + 1 for item in items), default=1)

    def plain(self) -> list[Any]:
        return [item.plain() for item in self.items]

    def child(self, key: Key) -> tuple[Node | None, Node] | None:
        if isinstance(key, int) and -len(self.items) <= key < len(self.items):
            return None, self.items[key]
        return None


class MapNode(Collection):
    """A mapping; `entries` keeps its keys in order, each with its own node and that of its value."""

    __slots__ = ("entries",)

    def __init__(
        self, source: Source, start: int, end: int, entries: dict[Key, tuple[Node, Node]], *, inline: bool
    ) -> None:
        super().__init__(source, start, end, inline=inline)
        self.entries = entries
        self.size += sum(value.size for _, value in entries.values())
        self.height = max((value.height + 1 for _, value in entries.values()), default=1)

    def plain(self) -> dict[Key, Any]:
        return {key: value.plain() for key, (_, value) in self.entries.items()}

    def child(self, key: Key) -> tuple[Node | None, Node] | None:
        return self.entries.get(key)


class Alias(Node):
    """`*name`: another node, used once more."""

    __slots__ = ("_target",)

    def __init__(self, source: Source, start: int, end: int, target: Node) -> None:
        super().__init__(source, start, end)
        self._target = target
        self.size = target.size
        self.height = target.height

    @property
    def target(self) -> Node:
        return self._target

    def plain(self) -> Any:
        return self._target.plain()

    def child(self, key: Key) -> tuple[Node | None, Node] | None:
        return self._target.child(key)


def find(root: Node, path: tuple[Key, ...], *, on_key: bool) -> Place | None:
    """What a message about `path` underlines: its value or its key, or its nearest ancestor; None for the root itself.

    A mapping or list that spans several lines is shown by its key, as is a value that was left empty.
    """
    node, key = root, None
    steps = 0
    for step in path:
        found = node.child(step)
        if found is None:
            break
        key, node = found
        steps += 1
    if steps == 0:
        return None
    whole = steps == len(path)
    if key is not None and key.source is node.source:
        missing_below = not whole and isinstance(node.target, Collection)
        if (whole and on_key) or missing_below:
            return key.place
        return node.underlined() or key.place
    if key is not None and whole and on_key:
        return key.place
    return node.underlined() or _first_sign(node)


def _first_sign(node: Node) -> Place:
    """The beginning of a list entry, which has no key: its own first key, its bracket, or its dash."""
    if isinstance(node, MapNode) and node.entries:
        first = next(iter(node.entries.values()))[0]
        if first.source is node.source and first.start >= node.start:
            return first.place
    start = node.start - 1 if isinstance(node, Scalar) and node.start else node.start
    return Place(node.source, start, start + 1)
