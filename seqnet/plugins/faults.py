"""What is wrong with a person's own file, said with its place there instead of a place in ours."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable
from typing import Any

from seqnet.errors import Problem, SeqnetError, SpecError, Spot
from seqnet.plugins.files import PluginFile

_LONGEST = 500


class PluginError(SpecError):
    """A file of a person's own components is wrong; the message shows the line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(render(problem), [problem])


def render(problem: Problem) -> str:
    """A problem with its place in a file of code, as a person reads it."""
    spot = problem.spot
    if spot is None:
        return str(problem)
    lines = [f"{spot.file}:{spot.line}: error: {problem.message}"]
    source = spot.text.splitlines()
    if 0 < spot.line <= len(source):
        lines.append(f"  {spot.line} | {source[spot.line - 1].rstrip()[:200]}")
    if problem.hint:
        lines.append(f"  = hint: {problem.hint}")
    return "\n".join(lines)


def problem_at(
    file: PluginFile,
    line: int,
    message: str,
    hint: str = "",
    column: int = 0,
    cause: BaseException | None = None,
) -> Problem:
    return Problem((), message, hint, spot=Spot(file.path, file.text, max(line, 1), column, cause))


def fault_in(file: PluginFile, error: BaseException) -> Problem:
    """What an exception says, at the line of the file that it came from; its first line where there is none."""
    if isinstance(error, SyntaxError) and error.filename == file.path:
        said = f"SyntaxError: {error.msg}"
        return problem_at(file, error.lineno or 1, said, column=error.offset or 0, cause=error)
    return problem_at(file, line_in(file, error) or 1, _words(error), _advice(error), cause=error)


def line_in(file: PluginFile, error: BaseException) -> int | None:
    """The last line of the file that was being run when an exception was raised."""
    lines = [
        number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file.path
    ]
    return lines[-1] if lines else None


def _words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "the file ends the program; a plugin only defines components"
    text = " ".join(str(error).split())
    if isinstance(error, SeqnetError):
        return text[:_LONGEST]
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:_LONGEST]


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "a plugin is one file: it can import installed packages, but no files beside it"
    if isinstance(error, ValueError) and "read-only" in str(error):
        return "x and dy belong to others too: compute a new array, or work on x.copy()"
    return ""


# -- lines of a file --------------------------------------------------------------------------------------------------


def class_line(file: PluginFile, cls: type[Any]) -> int:
    """The line of `class NAME`."""
    node = _class_node(file, cls)
    return node.lineno if node is not None else 1


def option_line(file: PluginFile, cls: type[Any], option: str) -> int:
    """The line where a class declares an option, or of the class."""
    node = _class_node(file, cls)
    for statement in node.body if node is not None else ():
        targets: list[Any] = []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        elif isinstance(statement, ast.Assign):
            targets = statement.targets
        if any(isinstance(target, ast.Name) and target.id == option for target in targets):
            return statement.lineno
    return class_line(file, cls)


def method_line(file: PluginFile, method: Callable[..., Any] | Any, cls: type[Any]) -> int:
    """The line of `def NAME`, or of the class where the method is not of this file."""
    code = getattr(method, "__code__", None)
    if code is None or code.co_filename != file.path:
        return class_line(file, cls)
    line: int = code.co_firstlineno
    source = file.text.splitlines()
    while line < len(source) and source[line - 1].lstrip().startswith("@"):
        line += 1
    return line


def _class_node(file: PluginFile, cls: type[Any]) -> ast.ClassDef | None:
    try:
        tree = ast.parse(file.content)
    except (SyntaxError, ValueError):
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__]
    return found[-1] if found else None
