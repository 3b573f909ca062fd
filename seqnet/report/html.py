"""The few pieces that the page is put together from; whatever is not ours goes through `text`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from seqnet.console.format import metric
from seqnet.printable import printable

LABEL = 40  # letters


def text(value: object, *, breaks: bool = False) -> str:
    """Words of the user's, safe within an element and within a quoted attribute: no markup, no invisible signs."""
    return escape(printable(str(value), lines=breaks), quote=True)


def name(value: object) -> str:
    """A name of the user's within a sentence, which it can't turn around where it is written from right to left."""
    return f"<bdi>{text(value)}</bdi>"


def key(value: object) -> str:
    """A name such as root_mean_squared_error, which may be broken behind each part."""
    return text(value).replace("_", "_<wbr>")


def label(value: object) -> str:
    """A name of the user's where there is little room; of a long one the beginning, and all of it when pointed at."""
    words = str(value)
    if len(words) <= LABEL:
        return text(words)
    return f'<span title="{text(words)}">{text(words[: LABEL - 1])}…</span>'


def number(value: float) -> str:
    """A value in a few digits that carries all of them for whoever reads the page with a program."""
    return f'<data value="{float(value)!r}">{metric(value)}</data>'


@dataclass(frozen=True)
class Part:
    """A part of the page under a heading, a plain text; identity: of its place. Empty where there is nothing to say."""

    identity: str
    heading: str
    body: str

    def __bool__(self) -> bool:
        return bool(self.body)

    def markup(self) -> str:
        return f'<section id="{self.identity}">\n<h2>{text(self.heading)}</h2>\n{self.body}\n</section>'

    def link(self) -> str:
        return f'<a href="#{self.identity}">{text(self.heading)}</a>'


def part(identity: str, heading: str, *pieces: str) -> Part:
    return Part(identity, heading, lines(pieces))


def paragraph(content: str, kind: str = "") -> str:
    """A paragraph of markup."""
    return f"<p{_class(kind)}>{content}</p>" if content else ""


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    foot: Iterable[Sequence[str]] = (),
) -> str:
    """A table of markup in a box that scrolls by itself; the first cell of a row is its heading.

    caption: plain text. numbers: the columns that are aligned at the right.
    """
    right = set(numbers)
    sides = [' class="number"' if place in right else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{side}>{cell}</th>' for cell, side in zip(heads, sides, strict=True))
    body = lines(_row(row, sides) for row in rows)
    below = lines(_row(row, sides) for row in foot)
    below = f"\n<tfoot>\n{below}\n</tfoot>" if below else ""
    return (
        f"{scrolling(caption)}<table>\n<caption>{text(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{below}\n</table></div>"
    )


def scrolling(label: str) -> str:
    """The beginning of a box that scrolls sideways, by keys as well."""
    return f'<div class="scroll" role="region" aria-label="{text(label)}" tabindex="0">'


def details(summary: str, content: str) -> str:
    """Markup that is folded away under a line of plain text."""
    return f"<details>\n<summary>{text(summary)}</summary>\n{content}\n</details>"


def facts(pairs: Iterable[tuple[str, str]], kind: str = "facts") -> str:
    """Terms, as plain text, and what is said of them, as markup."""
    items = lines(f"<div><dt>{key(term)}</dt><dd>{said}</dd></div>" for term, said in pairs)
    return f'<dl class="{kind}">\n{items}\n</dl>'


def small(content: object) -> str:
    """Plain text of less weight."""
    return f'<span class="soft">{text(content)}</span>'


def lines(pieces: Iterable[str]) -> str:
    """Markup, each piece on a line of its own."""
    return "\n".join(piece for piece in pieces if piece)


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _row(cells: Sequence[str], sides: Sequence[str]) -> str:
    first, *others = cells
    rest = "".join(f"<td{side}>{cell}</td>" for cell, side in zip(others, sides[1:], strict=True))
    return f'<tr><th scope="row"{sides[0]}>{first}</th>{rest}</tr>'
