"""Tables for readers: built once, shown as Markdown and on the page of the report."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from markupsafe import Markup
from tabulate import tabulate

from lad.io import replacing

MOST_CELLS = 20_000  # of a table on the page; the rest is in the file
MOST_ROWS_OPEN = 50  # of a table that is open from the start
LINE_WIDTH = 110  # of a line of text
MARKS = {"better": "{} ✓", "worse": "{} ✗", "best": "**{}**"}
LEADING_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]\d+)?(?=$|[ ,])")


class ScoreFormat(NamedTuple):
    """How a score is written."""

    heading: str
    form: str

    def text(self, value: float) -> str:
        """The score; - where it is not defined."""
        return self.form.format(value) if pd.notna(value) else "-"

    def signed(self, difference: float, low: float, high: float) -> str:
        """A difference of this score with its interval, if it has one; - where it is not defined."""
        form = self.form.replace(":.", ":+.").format
        if pd.isna(difference):
            return "-"
        return form(difference) + ("" if pd.isna(low) else f" ({form(low)} … {form(high)})")


SCORES = {
    "rmse": ScoreFormat("RMSE", "{:.2f}"),
    "abs_bias": ScoreFormat("size of bias", "{:.2f}"),
    "bias": ScoreFormat("bias", "{:+.2f}"),
    "bias_pct": ScoreFormat("bias %", "{:+.1f}"),
    "nse": ScoreFormat("NSE", "{:.3f}"),
    "kge": ScoreFormat("KGE", "{:.3f}"),
    "r": ScoreFormat("r", "{:.3f}"),
}
"""Column of the scores → heading and format; RMSE and bias in W m⁻²."""


@dataclass(frozen=True)
class Cell:
    """Text, the number that it stands for (None: none) and its mark: better, worse, open, best or none."""

    text: str
    number: float | None = None
    mark: str = ""

    @classmethod
    def of(cls, value: Any) -> "Cell":
        """A cell itself; text, for the number that it begins with; a float with four digits, NaN empty."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            number = LEADING_NUMBER.match(value)  # of "3.2 (1.0 … 5.4)", but not of "3km27"
            return cls(value, float(number[0]) if number else None)
        if pd.isna(value):
            return cls("")
        return cls(f"{value:.4g}" if isinstance(value, float) else str(value), float(value))


HTML = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
{% if folded %}<details><summary>{{ table.title }} ({{ table.rows | length }} rows)</summary>{% endif %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ table.title or within }}">
<table>
<caption>{% if table.title %}<b>{{ table.title }}</b>{% endif %}{% if table.caption %} {{ table.caption }}{% endif %}
{% if left_out %} Without the last {{ left_out }} rows, which are in the file.{% endif %}</caption>
<thead><tr>{% for heading in table.headings %}<th scope="col"><button type="button"{% if not heading %} aria-label="sort by row"{% endif %}>{{ heading }}</button></th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>{% for cell in row %}<td{% if cell.number is not none %} class="n{{ " " + cell.mark if cell.mark }}"{% endif %}>{{ cell.text }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% if folded %}</details>{% endif %}
""")  # noqa: E501


@dataclass(frozen=True)
class Table:
    """Title, headings of the columns, rows of cells and a caption, which says what the numbers are."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    @classmethod
    def of(cls, frame: pd.DataFrame, title: str, caption: str = "") -> "Table":
        """All of `frame`, its columns under their names, its values as `Cell.of` writes them."""
        rows = [[Cell.of(value) for value in row] for row in frame.itertuples(index=False, name=None)]
        return cls(title, list(map(str, frame.columns)), rows, caption)

    def markdown(self) -> str:
        """As Markdown, padded to be read as plain text too: the first column flush left, the others right."""
        rows = [[MARKS.get(cell.mark, "{}").format(cell.text) for cell in row] for row in self.rows]
        sides = ["left", *["right"] * (len(self.headings) - 1)]
        grid = tabulate(rows, self.headings, "pipe", colalign=sides if rows else None, disable_numparse=True)
        parts = [self.title and f"## {self.title}", wrapped(self.caption), grid]
        return "\n\n".join(filter(None, parts))

    def html(self, within: str) -> Markup:
        """As HTML with headings that sort, in the part of the page named `within`; closed at first if it is long."""
        shown = self.rows[: MOST_CELLS // max(1, len(self.headings))]
        left_out, folded = len(self.rows) - len(shown), len(shown) > MOST_ROWS_OPEN
        return Markup(HTML.render(table=self, rows=shown, left_out=left_out, folded=folded, within=within))


def wrapped(text: str) -> str:
    """A paragraph in lines of at most `LINE_WIDTH` characters."""
    return textwrap.fill(text, LINE_WIDTH, break_on_hyphens=False)


def document(title: str, parts: Iterable[str | Table], missing: Sequence[str] = ()) -> str:
    """A Markdown text of paragraphs and tables; `missing` are lines on the sites that it lacks, which stand first."""
    head = ["**Sites are missing here:**", "\n".join(f"- {line}" for line in missing)] if missing else []
    texts = [part.markdown() if isinstance(part, Table) else wrapped(part) for part in parts]
    return "\n\n".join([*head, f"# {title}", *texts]) + "\n"


def write_text(path: str | Path, text: str) -> None:
    """Write a text for readers."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
