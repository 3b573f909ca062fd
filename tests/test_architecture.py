"""Imports point one way, and only console knows rich, only cli knows click."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "seqnet"

# A room may import itself and the rooms before it. `datasets` stands beside the others, on the ground floor.
FLOORS = [
    {"errors", "printable", "version", "arrays", "locking"},
    {"checkers", "declare", "registry", "spelling"},
    {"kernels"},
    {"activations", "initializers", "regularizers", "constraints", "schedules", "datasets"},
    {"losses", "metrics", "optimizers"},
    {"layers"},
    {"network"},
    {"training"},
    {"callbacks", "utils", "backend", "plugins"},
    {"models", "saving", "testing"},
    {"console"},
    {"report"},
    {"spec"},
    {"runs"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# Doors that open only while a function runs or a type is checked, and why.
DOORS = {
    ("checkers", "declare"): "a component's options may be components in turn",
    ("registry", "declare"): "type of the classes it records",
    ("datasets", "console"): "a download and a decoding show how far they are, in a script too",
    ("models", "console"): "summary() and fit(verbose=1) print",
}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at the top of the file) of every import of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module == "seqnet":
                names = [f"seqnet.{alias.name}" for alias in node.names]
        found += [(name, id(node) in top) for name in names]
    return found


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) != "__init__"], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    assert room in LEVEL, f"{room} has no floor: say in this test where it stands"
    for module, at_top in imports(path):
        if not module.startswith("seqnet."):
            continue
        other = module.split(".")[1]
        if other == room or LEVEL[other] <= LEVEL[room]:
            continue
        assert not at_top and (room, other) in DOORS, f"{path.name} imports {module}, which stands above it"


@pytest.mark.parametrize(("library", "room"), [("rich", "console"), ("click", "cli")])
def test_only_one_room_knows_a_library(library: str, room: str) -> None:
    users = {room_of(p) for p in FILES for module, _ in imports(p) if module.split(".")[0] == library}
    assert users == {room}


def test_kernels_import_numpy_alone() -> None:
    used = {module for path in FILES if room_of(path) == "kernels" for module, _ in imports(path)}
    allowed = {"numpy", *sys.stdlib_module_names}
    outside = {m for m in used if m.split(".")[0] not in allowed}
    assert {m for m in outside if not m.startswith(("seqnet.kernels", "seqnet.arrays"))} == set()
