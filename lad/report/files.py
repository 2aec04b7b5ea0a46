"""Files of a study as parts of its report: tables, figures and records."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from lad.errors import InputError
from lad.evaluation.bootstrap import DIFFERENCE_COLUMNS
from lad.evaluation.scores import TRANSFER_COLUMNS
from lad.evaluation.solvers import CROSS_COLUMNS, GAIN_COLUMNS, SUMMARY_COLUMNS
from lad.evaluation.strata import STRATA_COLUMNS
from lad.evaluation.study import RANK_COLUMNS
from lad.io import read_json, read_table
from lad.report.page import Folded, Group, Picture
from lad.report.titles import order, readable, title
from lad.tables import Table
from lad.tables.scores import strata_tables
from lad.tables.solvers import crossed_tables, landscape_tables, solver_gains_tables
from lad.tables.study import multi_site_differences_tables, multi_site_tables, ranks_tables

LARGE = 20_000  # bytes of a figure, above which fewer colours pay
PALETTE_SIZE = 32
EXACT = 4  # colours
MOST_PIXELS = 16383  # of a side of a WebP image
INCH = 96  # pixels of the page

BUILT = {
    "ranks.csv": (RANK_COLUMNS, ranks_tables),
    "multi_site.csv": (TRANSFER_COLUMNS, multi_site_tables),
    "multi_site_differences.csv": (DIFFERENCE_COLUMNS, multi_site_differences_tables),
    "strata.csv": (STRATA_COLUMNS, strata_tables),
    "gains.csv": (GAIN_COLUMNS, solver_gains_tables),
    "cross.csv": (
        CROSS_COLUMNS,
        lambda scores: [*crossed_tables(scores), Table.of(readable(scores), "Every seed")],
    ),
    "summary.csv": (SUMMARY_COLUMNS, landscape_tables),
}
"""Name of a file → its columns, and what makes its tables for readers; other files are shown as they are."""


def shown(paths: Iterable[str | Path], of: str = "") -> list[Table | Picture | Folded | Group]:
    """Files as parts of a section, in the order of their titles; `of`, if any, precedes each title.

    A table without rows is left out.
    """
    parts = [_part(Path(path), of) for path in sorted(paths, key=order)]
    return [part for part in parts if not isinstance(part, Group | Table) or _has_rows(part)]


def _has_rows(part: Group | Table) -> bool:
    tables = [part] if isinstance(part, Table) else [item for item in part.items if isinstance(item, Table)]
    return any(len(table.rows) for table in tables)


def _part(path: Path, of: str) -> Table | Picture | Folded | Group:
    """CSV as one or several tables, PNG as figure, JSON as text; raises InputError for others."""
    name, caption = title(path)
    name = f"{of}: {name}" if of else name
    if path.name in BUILT:
        columns, tables = BUILT[path.name]
        return Group(name, tables(read_known(path, columns)))
    if path.suffix == ".csv":
        return Table.of(readable(read_csv(path)), name, caption)
    if path.suffix == ".png":
        return picture(path, name, caption)
    if path.suffix == ".json":
        return Folded.record(name, read_json(path))
    raise InputError(f"{path}: expected a table (CSV), an image (PNG) or a record (JSON)")


def read_known(path: str | Path, columns: Sequence[str] | None) -> pd.DataFrame:
    """A table with these `columns` (None: any); its seeds and the values of strata are text, no seed is ""."""
    return read_table(path, columns, dtype={"seed": str, "value": str}).fillna({"seed": ""})


def read_csv(path: str | Path) -> pd.DataFrame:
    """Any CSV table: each cell a whole number, other number or text; raises InputError if it is none."""
    frame = read_table(path, None, dtype=str, keep_default_na=False)
    return frame.map(lambda text: text if text.isdigit() or _number(text) is None else float(text)).astype(
        object
    )


def _number(text: str) -> float | None:
    """`text` as a finite number; None if it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def picture(path: str | Path, title: str, caption: str) -> Picture:
    """A PNG file as part of the page, as WebP of few colours if it is large; raises InputError if it is no image.

    It has the size that it was drawn for, so that all figures have the same font size.
    """
    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            pixels = image.size
            dpi = image.info.get("dpi", (INCH, INCH))
            form = "png" if len(content) <= LARGE or max(pixels) > MOST_PIXELS else "webp"
            if form == "webp":
                content = _packed(image)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnidentifiedImageError, SyntaxError):  # Pillow's error for a damaged PNG
        raise InputError(f"{path}: not a PNG image") from None
    source = f"data:image/{form};base64,{base64.b64encode(content).decode()}"
    size = [round(INCH * count / per_inch) for count, per_inch in zip(pixels, dpi, strict=True)]
    return Picture(title, caption, source, *size, pixels[0])


def _packed(image: Image.Image) -> bytes:
    """An image in fewer bytes: few colours, its commonest ones exact; WebP takes four fifths of such a PNG."""
    full = image.convert("RGB")
    few = full.quantize(PALETTE_SIZE, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    pixels, packed = np.asarray(full), np.array(few.convert("RGB"))
    # Background, shade and grid are so alike that a small palette would merge them.
    for _, colour in sorted(full.getcolors(full.width * full.height), reverse=True)[:EXACT]:
        packed[(pixels == colour).all(axis=-1)] = colour
    buffer = io.BytesIO()
    Image.fromarray(packed).save(buffer, format="WEBP", lossless=True)
    return buffer.getvalue()
