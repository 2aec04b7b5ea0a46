"""What all figures share: their look, and how they are saved."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from lad.io import replacing

RC = {
    "font.size": 9,
    "axes.titlesize": 9,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def save(path: str | Path, figure: Figure, origin: Mapping[str, Any]) -> None:
    """Write a PNG with its record of origin (`lad.provenance`) as the text `provenance`.

    It bears no date and no software name, so that equal figures are equal files.
    """
    metadata = {"Software": None, "provenance": json.dumps(origin, sort_keys=True)}
    with replacing(path) as temporary, matplotlib.rc_context(RC):
        figure.savefig(temporary, format="png", dpi=150, metadata=metadata)
