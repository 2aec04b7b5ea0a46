"""What the record of a tower is: the product that it comes from, and how much of it was measured."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lad.io import read_netcdf
from lad.periods import Periods, mask
from lad.towers.archives import SITE_ID
from lad.towers.variables import MEASURED, MISSING, NOT_KNOWN

# Words for parts of the names of archives; of the others the parts themselves stand.
WORDS = {
    "AMF": "AmeriFlux",
    "FLX": "",  # FLUXNET2015 follows
    "ICOSETC": "ICOS ETC",
    "EUF": "European Fluxes Database",
    "OZF": "OzFlux",
    "BASE-BADM": "BASE",
    "europe-fluxdata": "European Fluxes Database",
    "tower": "own table",
}
# Which table of the product it is does not matter.
DROPPED = {"Met", "Flux", "HH", "HR", "ARCHIVE"}
VERSION = re.compile(r"v\d[\d.]*|r\d+|\d{1,3}-\d{1,2}|L\d")
REPACKAGED = "repackaged, no release of the network"
KINDS = ("measured", "without a flag", "filled", "missing")
# Variables of the forcing and of the observations: their names in the tables.
SHOWN = {name: name for name in ("SWdown", "LWdown", "Tair", "Qair", "Psurf", "Wind")}
SHOWN |= {"Rainf": "precipitation", "Qle": "LE", "Qh": "H"}


def product(archives: Iterable[str]) -> str:
    """Product, years and version of archives in words, from their file names.

    Networks number their releases from 1; 0-… is the version of a copy that somebody has put together.
    """
    return "; ".join(dict.fromkeys(map(_product, archives)))


def _product(name: str) -> str:
    parts = re.sub(r" ?\(\d+\)$", "", Path(name).stem).split("_")
    parts = [part for part in parts if not SITE_ID.fullmatch(part) and part not in DROPPED]
    version = [part for part in parts if VERSION.fullmatch(part)]
    words = " ".join(filter(None, (WORDS.get(part, part) for part in parts if part not in version)))
    words += f", version {' '.join(version)}" if version else ""
    if version and version[0].startswith("0-"):
        return f"{words}: {REPACKAGED}"
    return f"{words}: measured, unfilled" if "BASE" in words.replace(",", "").split() else words


def shares(flags: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Shares (%) of the intervals by variable (rows) and `KINDS` (columns), from flags (n,) by variable."""
    rows = {}
    for name, flag in flags.items():
        known = [np.asarray(flag) == code for code in (MEASURED, NOT_KNOWN, MISSING)]
        measured, not_known, missing = (100.0 * float(one.mean()) for one in known)
        rows[name] = (measured, not_known, 100.0 - measured - not_known - missing, missing)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(KINDS)).round(1).abs()


def describe(forcing: str | Path, observations: str | Path, periods: Periods | None = None) -> dict[str, Any]:
    """`product` of the two files of a site, and `shares` by variable and kind, of `periods` or of the whole record."""
    flags, archives = {}, []
    for path in (forcing, observations):
        dataset = read_netcdf(path)
        chosen = slice(None) if periods is None else mask(dataset["time"].values, periods)
        names = [name for name in SHOWN if f"{name}_qc" in dataset]
        flags |= {SHOWN[name]: dataset[f"{name}_qc"].values[chosen] for name in names}
        archives += [
            text.split(" sha256:")[0] for text in dataset.attrs.get("source", "not known").split("; ")
        ]
    return {"product": product(archives), "shares": shares(flags).to_dict(orient="index")}
