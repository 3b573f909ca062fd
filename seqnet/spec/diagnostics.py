"""What is wrong, shown the way a compiler shows it: file, line, column, the line itself, a caret, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqnet.errors import Path, Problem, SpecError, Spot
from seqnet.printable import escape, printable
from seqnet.spec.source import Place, Source, width

if TYPE_CHECKING:
    from seqnet.spec.reader import Document

_LINE_WIDTH = 100
_CUT = "..."


@dataclass(frozen=True)
class Finding:
    """One problem with its place in a text.

    source: the text it is about. place: None if it is about the whole of it. excerpt: whether the line is shown.
    also: a second place that belongs to it, such as the first of two equal keys.
    """

    source: Source
    message: str
    hint: str = ""
    place: Place | None = None
    also: Place | None = None
    excerpt: bool = True
    warning: bool = False
    path: Path = ()

    @property
    def severity(self) -> str:
        return "warning" if self.warning else "error"

    def located(self) -> dict[str, Any]:
        """The finding as `check --json` writes it."""
        mark = self.place.mark if self.place else None
        return {
            "file": _label(self.source),
            "line": mark.line if mark else None,
            "column": mark.column if mark else None,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "path": list(self.path),
        }

    def render(self) -> str:
        """The finding as a person reads it, without a line break at the end."""
        where = printable(_label(self.source))
        if len(where) > _LINE_WIDTH and self.source.option:
            where = where[: _LINE_WIDTH - len(_CUT)] + _CUT
        if self.place and not self.source.option:
            where += f":{self.place.mark.line}:{self.place.mark.column}"
        lines = [f"{where}: {self.severity}: {printable(self.message)}"]
        if self.place and self.excerpt:
            lines += self._excerpts(self.place)
        for number, line in enumerate(self.hint.split("\n") if self.hint else ()):
            lines.append(("    " if number else "  = hint: ") + printable(line))
        return "\n".join(lines)

    def _excerpts(self, place: Place) -> list[str]:
        main, also = (place, "^"), self.also
        if also is None or also.source is not place.source:
            return _excerpt([main], len(str(place.mark.line)))
        gutter = len(str(max(place.mark.line, also.mark.line)))
        if also.mark.line == place.mark.line:
            return _excerpt([main, (also, "-")], gutter)
        first, second = sorted((main, (also, "-")), key=lambda pair: pair[0].start)
        return _excerpt([first], gutter) + _excerpt([second], gutter)


class DocumentError(SpecError):
    """A file or an override can't be read; the message is what a person sees, `located` what `check --json` writes."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        ordered = _in_order(findings)
        text = "\n\n".join(finding.render() for finding in ordered)
        if len(ordered) > 1:
            text += "\n\n" + _count(ordered)
        super().__init__(
            text, [Problem(finding.path, finding.message, finding.hint, warning=finding.warning) for finding in ordered]
        )
        self.findings = ordered
        self.located = [finding.located() for finding in ordered]


def render_problems(problems: Sequence[Problem], document: Document) -> str:
    """Every problem of a document, by line, and how many there are."""
    findings = _in_order(_finding(problem, document) for problem in problems)
    if not findings:
        return ""
    return "\n\n".join([*(finding.render() for finding in findings), _count(findings)])


def locate(problem: Problem, document: Document) -> dict[str, Any]:
    """A problem with its place: file, line, column, severity, message, hint, path.

    In a value that came from the command line, file is the `-s` option and line and column count within its text.
    """
    return _finding(problem, document).located()


def _finding(problem: Problem, document: Document) -> Finding:
    if problem.spot is not None:
        return _finding_in_code(problem, problem.spot)
    from seqnet.spec.syntax import text_advice  # its many patterns are made only when something is wrong

    found = document.find(problem.path, on_key=problem.on_key)
    place = found or document.beginning
    written = place.source.text[place.start : min(place.end, place.start + 60)]
    advice = text_advice(written) if found else ""
    return Finding(
        place.source,
        problem.message,
        f"{advice}; {problem.hint}" if advice and problem.hint else advice or problem.hint,
        place,
        excerpt=found is not None,  # what is wrong with a file as a whole is not the fault of its first line
        warning=problem.warning,
        path=problem.path,
    )


def _finding_in_code(problem: Problem, spot: Spot) -> Finding:
    """A problem whose place is a line of a plugin: all of what the line says, or from a column on."""
    source = Source(spot.file, spot.text)
    start = source.line_of(spot.line)
    stop = source.line_end(start)
    line = spot.text[start:stop]
    first = start + (min(spot.column, len(line)) - 1 if spot.column else len(line) - len(line.lstrip()))
    place = Place(source, max(first, start), min(first + 1, stop) if spot.column else start + len(line.rstrip()))
    return Finding(source, problem.message, problem.hint, place, warning=problem.warning, path=problem.path)


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By source and place, each once: an anchor used in five places has one mistake, not five."""
    seen: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        span = (finding.place.start, finding.place.end) if finding.place else None
        seen.setdefault((id(finding.source), span, finding.severity, finding.message, finding.hint), finding)
    return sorted(seen.values(), key=lambda f: (f.source.option, f.place.start if f.place and f.excerpt else -1))


def _count(findings: Sequence[Finding]) -> str:
    warnings = sum(finding.warning for finding in findings)
    counts = ((len(findings) - warnings, "error"), (warnings, "warning"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)


def _label(source: Source) -> str:
    return f"-s {source.text}" if source.option else source.name


def _excerpt(places: Sequence[tuple[Place, str]], gutter: int) -> list[str]:
    """A line and the signs under it; `places` are all in this line, and the first of them is sure to be seen."""
    main = places[0][0]
    source = main.source
    line, line_start = source.around(main.start)
    head, blank = f"  {main.mark.line:>{gutter}} | ", " " * (gutter + 2) + " | "
    if source.option:
        head, blank = ("  -s ", "     ") if main.mark.line == 1 else ("  ", "  ")
    cells = [_cell(character) for character in line]
    marks = []
    for place, sign in places:
        first = min(max(place.start - line_start, 0), len(cells))
        last = min(max(place.end - line_start, first + 1), len(cells))
        size = sum(width for _, width in cells[first:last])
        marks.append((sum(width for _, width in cells[:first]), max(size, 1), sign))
    low, high = _window(cells, marks[0], _LINE_WIDTH - len(head), whole=line_start == source.line_start(main.start))
    left, right = _CUT if low or line_start > source.line_start(main.start) else "", _CUT if high < len(cells) else ""
    skipped = sum(width for _, width in cells[:low])
    shown = sum(width for _, width in cells[low:high])
    under = [" "] * (len(left) + shown + 1)
    for before, size, sign in reversed(marks):
        start = max(before - skipped, 0)
        stop = min(before + size - skipped, max(shown, start + 1))
        for column in range(start, stop):
            under[len(left) + column] = sign
    text = left + "".join(text for text, _ in cells[low:high]) + right
    return [(head + text).rstrip(), (blank + "".join(under)).rstrip()]


def _cell(character: str) -> tuple[str, int]:
    """How a character is shown, and how many cells of a terminal that takes."""
    if character == "\t":
        return " ", 1
    if character.isprintable():
        return character, width(character)
    code = escape(character)
    return code, len(code)


def _window(cells: list[tuple[str, int]], mark: tuple[int, int, str], room: int, *, whole: bool) -> tuple[int, int]:
    """Which cells to show, from and up to: all of them if there is room, else those around the mark.

    whole: the cells are a line from its beginning.
    """
    total = sum(size for _, size in cells)
    if whole and total <= room:
        return 0, len(cells)
    before, size, _ = mark
    room -= 2 * len(_CUT)
    start = 0 if whole and before + size <= room else max(0, before - room // 3)
    low = at = 0
    while low < len(cells) and at < start:
        at += cells[low][1]
        low += 1
    high, used = low, 0
    while high < len(cells) and used + cells[high][1] <= room:
        used += cells[high][1]
        high += 1
    return low, high
