"""Pages in HTML taken apart by the standard library's parser, for the tests of reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FETCHING = {"src", "srcset", "href", "xlink:href", "data", "action", "poster", "background", "ping", "formaction"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.words)


class Page(HTMLParser):
    """A page whose elements are all closed in order; `faults` says where they are not."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.faults: list[str] = []
        self.content = content
        self.feed(content)
        self.close()
        self.faults += [f"<{element.tag}> is never closed" for element in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        given = {name: value or "" for name, value in attrs}
        element = Element(tag, given, tuple(one.tag for one in self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes nothing; open are {[one.tag for one in self.open]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a kind, those with these attributes (class_ for class)."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag and all(element.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def table(self, caption: str) -> list[list[str]]:
        """The cells of the table whose caption begins so, its head first."""
        at = next(i for i, one in enumerate(self.elements) if one.tag == "caption" and one.text.startswith(caption))
        rows: list[list[str]] = []
        for element in self.elements[at + 1 :]:
            if "table" not in element.parents:
                break
            if element.tag == "tr":
                rows.append([])
            elif element.tag in ("td", "th"):
                rows[-1].append(element.text)
        return rows

    @property
    def values(self) -> list[float]:
        """Every number that the page carries with all of its digits."""
        return [float(element.attributes["value"]) for element in self.all("data")]


def check_page(content: str) -> Page:
    """What every report must hold, whatever it says."""
    page = Page(content)
    assert page.faults == []
    assert content.startswith("<!DOCTYPE html>\n<html lang=")
    identities = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(set(identities)) == len(identities)
    _check_nothing_is_fetched(page, identities)
    _check_nothing_runs(page)
    _check_accessible(page)
    return page


def _check_nothing_is_fetched(page: Page, identities: list[str]) -> None:
    assert not [one.tag for one in page.elements if one.tag in ("link", "script", "iframe", "object", "embed", "base")]
    for element in page.elements:
        for name in FETCHING & element.attributes.keys():
            address = element.attributes[name]
            if element.tag == "img":
                assert name == "src" and address.startswith("data:image/png;base64,"), address
            else:
                assert element.tag == "a" and name == "href" and address[:1] == "#", (element.tag, name, address)
                assert address[1:] in identities
    style = "".join(one.text for one in page.all("style")) + "".join(
        element.attributes.get("style", "") for element in page.elements
    )
    assert "url(" not in style and "@import" not in style
    policy = _policy(page)
    assert "default-src 'none'" in policy and "script-src" not in policy and "http" not in policy


def _policy(page: Page) -> str:
    """What the page lets a browser do."""
    return next(
        one.attributes["content"]
        for one in page.all("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    )


def _check_nothing_runs(page: Page) -> None:
    handlers = [(one.tag, name) for one in page.elements for name in one.attributes if name.startswith("on")]
    assert handlers == []


def _check_accessible(page: Page) -> None:
    assert page.one("html").attributes["lang"] == "en"
    assert [one for one in page.all("title") if one.parents == ("html", "head")][0].text
    assert page.one("meta", name="viewport").attributes["content"] == "width=device-width, initial-scale=1"
    levels = [int(one.tag[1]) for one in page.elements if one.tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(one.attributes.get("alt") for one in page.all("img"))
    assert all(one.attributes.get("aria-label") for one in page.all("svg"))
    assert all(one.parents[-1] == "div" for one in page.all("table"))  # each in a box that scrolls
    assert all(one.attributes.get("scope") for one in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
