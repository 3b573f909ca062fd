"""The YAML file as plain data that knows where each value stands; whatever can't be read is explained."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any

from seqnet.errors import Path, nearest
from seqnet.spec.composer import compose
from seqnet.spec.diagnostics import DocumentError, Finding
from seqnet.spec.nodes import ListNode, MapNode, Node, Scalar, find
from seqnet.spec.source import Mark, Place, Source
from seqnet.spec.writer import dump_yaml

__all__ = ["Document", "Mark", "dump_yaml", "parse_document", "read_document"]

MAX_BYTES = 10_000_000
_SUFFIXES = (".yaml", ".yml")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_START = "`seqnet init` writes a file to start from"


class Document:
    """A YAML file, read. name: as messages show it. text: as it was written. data: plain dicts, lists and scalars."""

    def __init__(self, source: Source, root: MapNode) -> None:
        self.name = source.name
        self.text = source.text
        self.data: Any = root.plain()
        self.root = root
        self._source = source

    def mark(self, path: Path, on_key: bool = False) -> Mark:
        """Where the value at `path` stands, or its key, or the nearest of its ancestors that the file has.

        A mapping or a list over several lines, and a value left empty, stand at their key. In a value that came from
        the command line, the mark counts within the text of the `-s` option.
        """
        return (self.find(path, on_key=on_key) or self.beginning).mark

    def find(self, path: Path, *, on_key: bool = False) -> Place | None:
        """The place that `mark` tells, as a stretch of its source; None where that is the file as a whole."""
        return find(self.root, path, on_key=on_key)

    @property
    def beginning(self) -> Place:
        """Where the first key stands."""
        return Place(self._source, self.root.start, self.root.start)

    def with_root(self, root: MapNode) -> Document:
        """The same file with other values."""
        return Document(self._source, root)


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a YAML file: UTF-8, or UTF-16 with a byte order mark. Raises SpecError that says all that is wrong."""
    name = os.fspath(path) or "''"
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
            size = max(os.fstat(file.fileno()).st_size, len(content))
    except FileNotFoundError:
        raise _missing(name) from None
    except NotADirectoryError:
        raise _file_error(name, "there is no such file: a part of its path is not a folder") from None
    except (IsADirectoryError, PermissionError):  # Windows says of a folder that it may not be read
        if not os.path.isdir(path):
            message = "you may not read this file (permission denied)"
            raise _file_error(name, message, "make it readable (chmod u+r), or ask its owner") from None
        inside = [os.path.join(name, entry) for entry in _yaml_files(name)]
        hint = f"give one of its files: {_some(inside)}" if inside else f"it has no YAML file in it; {_START}"
        raise _file_error(name, "this is a folder, not a YAML file", hint) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _file_error(name, f"the file can't be read: {reason.lower()}") from None
    if len(content) > MAX_BYTES:
        message = f"the file has {size / 1e6:.1f} MB; a description of a run has at most {MAX_BYTES // 10**6} MB"
        raise _file_error(name, message, "is this a file of data? those are named under data:")
    return parse_document(_decode(content, name), name)


def parse_document(text: str, name: str = "<string>") -> Document:
    """The document that a text holds. Raises SpecError that says all that is wrong."""
    source = Source(name, text.removeprefix("\ufeff"))
    root = compose(source)
    if root is None:
        raise _file_error(name, "the file is empty", _START)
    if not isinstance(root, MapNode):
        raise DocumentError([_not_a_mapping(source, root)])
    return Document(source, root)


def _not_a_mapping(source: Source, root: Node) -> Finding:
    from seqnet.spec.syntax import line_advice  # its many patterns are made only for a broken file

    wanted = "the top of the file must be a mapping with keys such as model: and training:"
    line = source.line_end(root.start)
    place = Place(source, root.start, min(max(root.end, root.start + 1), line) if isinstance(root, Scalar) else line)
    if isinstance(root, ListNode):
        return Finding(source, f"{wanted}, got a list", "if these are layers, write model: above them", place)
    words = isinstance(root, Scalar) and isinstance(root.value, str)
    hint = (line_advice(source, source.line_start(root.start)) if words else "") or _START
    return Finding(source, f"{wanted}, got a single value", hint, place)


def _decode(content: bytes, name: str) -> str:
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or _BINARY.search(content, 0, 1000):
            raise _binary(name, error.start) from None
        before = content[: error.start].decode().removeprefix("\ufeff")
        source = Source(name, before + content[error.start :].decode(errors="backslashreplace"))
        message = f"the file is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start} is no text"
        place = Place(source, len(before), len(before) + 4)
        hint = "save it as UTF-8; if it is not a text file, it is not what seqnet reads here"
        raise DocumentError([Finding(source, message, hint, place)]) from None
    if "\0" in text:
        raise _binary(name, content.index(b"\0"))
    return text


def _binary(name: str, offset: int) -> DocumentError:
    message = f"this is not a text file: byte offset {offset} is no text"
    return _file_error(
        name, message, "seqnet reads a YAML file here, saved as UTF-8; files of data are named under data:"
    )


def _missing(name: str) -> DocumentError:
    folder, base = os.path.split(name)
    if folder and not os.path.isdir(folder):
        parent, last = os.path.split(folder.rstrip("/\\"))
        folders = [entry for entry in _names(parent or os.curdir) if os.path.isdir(os.path.join(parent, entry))]
        near = nearest(last, folders)
        other = os.path.join(parent, near, base) if near else ""
        hint = f"did you mean {other if os.path.exists(other) else os.path.dirname(other)}?" if near else ""
        return _file_error(name, f"there is no such file: there is no folder {folder}", hint)
    stem = os.path.splitext(base)[0]
    present = _names(folder or os.curdir)
    yaml_files = _yaml_files(folder or os.curdir)
    candidates = [base + suffix for suffix in _SUFFIXES] + [stem + suffix for suffix in _SUFFIXES]
    near = next((candidate for candidate in candidates if candidate in present), None)
    near = near or nearest(base, yaml_files) or nearest(stem, {FilePath(file).stem: file for file in yaml_files})
    if near and near not in present:  # a stem
        near = next(file for file in yaml_files if FilePath(file).stem.lower() == near.lower())
    if near:
        hint = f"did you mean {os.path.join(folder, near)}?"
    elif yaml_files:
        hint = f"there are: {_some(os.path.join(folder, file) for file in yaml_files)}"
    else:
        hint = _START
    return _file_error(name, "there is no such file", hint)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _yaml_files(folder: str) -> list[str]:
    return [name for name in _names(folder) if name.lower().endswith(_SUFFIXES)]


def _some(names: Iterable[str], limit: int = 5) -> str:
    listed = list(names)
    return ", ".join(listed[:limit]) + (", ..." if len(listed) > limit else "")


def _file_error(name: str, message: str, hint: str = "") -> DocumentError:
    return DocumentError([Finding(Source(name, ""), message, hint)])
