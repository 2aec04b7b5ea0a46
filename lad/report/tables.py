"""Tables of the report."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lad.errors import InputError

LONGEST = 20_000  # cells of a table that are shown
UNFOLDED = 50  # rows of a table that is open from the start


class Cell(NamedTuple):
    """Text, the number it stands for (None: none) and its mark: better, worse, open or none."""

    text: str
    number: float | None = None
    mark: str = ""

    @classmethod
    def of(cls, value: Any) -> "Cell":
        """A cell itself; text as it is, sorted as a number if it is one; a float with four digits, NaN empty."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value, _number(value))
        if pd.isna(value):
            return cls("")
        return cls(f"{value:.4g}" if isinstance(value, float) else str(value), float(value))


class Table(NamedTuple):
    """What the page shows of a table; `left_out` rows are not among `rows`."""

    title: str
    caption: str
    headings: list[str]
    rows: list[list[Cell]]
    left_out: int = 0
    kind: str = "table"

    @property
    def folded(self) -> bool:
        """Whether it is closed at first."""
        return len(self.rows) > UNFOLDED

    @classmethod
    def of(cls, frame: pd.DataFrame, title: str, caption: str = "") -> "Table":
        """All columns of `frame` under their names, as many rows as `LONGEST` allows."""
        shown = frame.head(LONGEST // max(1, frame.shape[1]))
        rows = [[Cell.of(value) for value in row] for row in shown.itertuples(index=False, name=None)]
        return cls(title, caption, [str(name) for name in frame.columns], rows, len(frame) - len(shown))


def read_csv(path: str | Path) -> pd.DataFrame:
    """Any CSV table: whole numbers, other numbers and text cell by cell; raises InputError if it is none."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    return frame.map(lambda text: text if text.isdigit() or _number(text) is None else float(text)).astype(
        object
    )


def _number(text: str) -> float | None:
    """The number that `text` is, without NaN and infinities; None if it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
