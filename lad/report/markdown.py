"""Texts that steps write as Markdown, as parts of the page: paragraphs, headings and tables."""

import re

from lad.report.page import Text
from lad.report.tables import Cell, Table

LEADING = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]\d+)?(?=$|[ ,*])")


def parts(text: str) -> list[Text | Table]:
    """Parts of a text of paragraphs, `#` headings and `|` tables; a heading right above a table is its title.

    The title of the text, `#`, is left out: the page has one of its own.
    """
    found, title = [], ""
    blocks = [block.splitlines() for block in re.split(r"\n{2,}", text.strip())]
    for block, following in zip(blocks, [*blocks[1:], [""]], strict=True):
        if block[0].startswith("|"):
            found.append(_table(block, title))
            title = ""
        elif block[0].startswith("##"):
            heading = _units(block[0].lstrip("# "))
            if following[0].startswith("|"):
                title = heading
            else:
                found.append(Text(heading, kind="heading"))
        elif not block[0].startswith("# "):
            found.append(Text(_units(" ".join(block))))
    return found


def _table(lines: list[str], title: str) -> Table:
    """Of a `|` table, whose second line is a rule."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    headings, _, *cells = rows
    return Table(title, "", list(map(_units, headings)), [list(map(_cell, row)) for row in cells])


def _cell(text: str) -> Cell:
    """A cell that is sorted by the number it begins with: `3.2 (1.0 … 5.4)`, but not `3km27`."""
    number = LEADING.match(text)
    return Cell(text, float(number[0]) if number else None)


def _units(text: str) -> str:
    return text.replace("W m-2", "W m⁻²")
