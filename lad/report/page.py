"""The page: sections made of tables, figures, plots and records, rendered from a template."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lad.tables import MOST_ROWS_OPEN, Table

ASSETS = Path(__file__).with_name("assets")
LISTED_FROM = 4  # titles, from which a section has a list of them


class Verbatim(NamedTuple):
    """Text whose lines are kept as they are."""

    text: str
    kind: str = "verbatim"


class Picture(NamedTuple):
    """A figure: its bytes in `source`, its own width in `pixels`, `width` and `height` in pixels of the page."""

    title: str
    caption: str
    source: str
    width: int
    height: int
    pixels: int
    kind: str = "picture"


class Findings(NamedTuple):
    """A list of `lad.report.conclusions.Conclusion`."""

    conclusions: Sequence[Any]
    kind: str = "findings"


class Folded(NamedTuple):
    """Lines of text that are shown when their title is opened."""

    title: str
    text: str
    kind: str = "folded"

    @classmethod
    def record(cls, title: str, content: Any) -> "Folded":
        """A record of origin or of settings, as indented JSON."""
        return cls(title, json.dumps(content, indent=1, ensure_ascii=False))


class Group(NamedTuple):
    """Paragraphs and tables under one title; closed at first where the tables are long."""

    title: str
    items: Sequence[str | Table]
    kind: str = "group"

    @property
    def rows(self) -> int:
        """Rows of all tables except those closed themselves."""
        lengths = [len(item.rows) for item in self.items if isinstance(item, Table)]
        return sum(length for length in lengths if length <= MOST_ROWS_OPEN)

    @property
    def folded(self) -> bool:
        """Whether it is closed at first."""
        return self.rows > MOST_ROWS_OPEN


class Links(NamedTuple):
    """Names and addresses of other pages."""

    addresses: Mapping[str, str]
    kind: str = "links"


class Section(NamedTuple):
    """Title and what follows it: paragraphs, tables, and what has a `kind`."""

    title: str
    items: Sequence[Any]

    @property
    def anchor(self) -> str:
        return _anchor(self.title)

    @property
    def parts(self) -> list[tuple[str, Any]]:
        """Anchor, unique on the page, and content of each item."""
        names = [f"{self.anchor}-{_anchor(_title(item))}" for item in self.items]
        return [
            (f"{name}-{number}", item)
            for number, (name, item) in enumerate(zip(names, self.items, strict=True))
        ]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Anchor and title of titled items, the first of several with the same; none where there are few."""
        titled = {}
        for anchor, item in self.parts:
            if title := _title(item):
                titled.setdefault(title, anchor)
        return [(anchor, title) for title, anchor in titled.items()] if len(titled) >= LISTED_FROM else []


def _title(item: Any) -> str:
    """Title of a part; a paragraph has none."""
    return "" if isinstance(item, str) else getattr(item, "title", "")


def _anchor(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title)


def render(title: str, summary: Sequence[str], sections: Sequence[Section], origin: Mapping[str, Any]) -> str:
    """The whole page as HTML that needs no other file, with the paragraphs `summary` first.

    `origin`: its record of `lad.provenance`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script"] = _script
    return environment.get_template("page.html").render(
        title=title,
        summary=summary,
        sections=sections,
        origin=origin,
        style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        script=Markup((ASSETS / "page.js").read_text(encoding="utf-8")),
        plotly=_plotly() if any(_plots(section) for section in sections) else "",
    )


def _plots(section: Section) -> bool:
    """Whether a section has a plot, for which the page needs a library."""
    return any(getattr(item, "kind", "") == "plot" for item in section.items)


def _plotly() -> str:
    """The library that draws plots, compressed from 4.8 to 2 MB, for the page to unpack."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _script(content: Any) -> Markup:
    """JSON inside a script element, which only `<` could end."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
