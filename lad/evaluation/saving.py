"""Figures of the evaluation on disk: as PNG to look at, as PDF to print."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from lad import drawing
from lad.io import replacing

PDF = {"pdf.fonttype": 42}  # whole TrueType fonts: text that can be edited and searched
CELLS_DPI = 300  # of what is drawn as an image inside, the densities


def save(path: str | Path, figure: Figure, origin: Mapping[str, Any]) -> None:
    """Write the PNG `path` (`lad.drawing.save`) and the PDF beside it, with its record of origin as keywords.

    Neither bears a date or a software name, so that equal figures are equal files.
    """
    drawing.save(path, figure, origin)
    metadata = {"Creator": None, "Producer": None, "CreationDate": None}
    metadata |= {"Keywords": json.dumps(origin, sort_keys=True)}
    with (
        replacing(Path(path).with_suffix(".pdf")) as temporary,
        matplotlib.rc_context(drawing.RC | PDF),
    ):
        figure.savefig(temporary, format="pdf", dpi=CELLS_DPI, metadata=metadata)
