"""Shares of a tower's record that are measured, filled or missing, by variable and year."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lad.io import read_netcdf
from lad.periods import Periods, mask
from lad.towers.flags import MEASURED, MISSING, NOT_KNOWN, OWN_VALUES
from lad.towers.variables import FLUXES, FORCING

DAYLIGHT = 10.0  # W m-2
KINDS = ("measured", "without a flag", "filled or derived", "missing")
# Variables of the forcing and of the observations: their names in the tables.
DESCRIBED = {name: name for name in ("SWdown", "LWdown", "Tair", "Qair", "Psurf", "Wind")}
DESCRIBED |= {"Rainf": "precipitation", "Qle": "LE", "Qh": "H"}


def shares(flags: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Shares (%) of the intervals by variable (rows) and `KINDS` (columns), from flags (n,) by variable."""
    rows = {}
    for name, flag in flags.items():
        known = [np.asarray(flag) == code for code in (MEASURED, NOT_KNOWN, MISSING)]
        measured, not_known, missing = (100.0 * float(one.mean()) for one in known)
        rows[name] = (measured, not_known, 100.0 - measured - not_known - missing, missing)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(KINDS)).round(1).abs()


def describe(forcing: str | Path, observations: str | Path, *periods: Periods | None) -> list[dict[str, Any]]:
    """Product of the two files of a site, and `shares` by variable and kind in each of `periods` (None: all times)."""
    datasets = [read_netcdf(path) for path in (forcing, observations)]
    products = "; ".join(dict.fromkeys(dataset.attrs.get("product", "not known") for dataset in datasets))
    described = []
    for chosen in periods:
        flags = {}
        for dataset in datasets:
            rows = slice(None) if chosen is None else mask(dataset["time"].values, chosen)
            names = [name for name in DESCRIBED if f"{name}_qc" in dataset]
            flags |= {DESCRIBED[name]: dataset[f"{name}_qc"].values[rows] for name in names}
        described.append({"product": products, "shares": shares(flags).to_dict(orient="index")})
    return described


def coverage(values: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """The tower's own values, % of the intervals of each year (columns); for LE and H, of those in daylight.

    `values` (SI) and `flags` of a record, by variable.
    """
    light, shares = values["SWdown"] > DAYLIGHT, {}
    for name in FORCING | FLUXES:
        own = flags[name].isin(OWN_VALUES) if name in flags else pd.Series(False, flags.index)
        own = own[light] if name in ("Qle", "Qh") else own
        shares[name] = 100.0 * own.groupby(own.index.year).mean()
    return pd.DataFrame(shares).T


def daytime_fluxes(values: pd.DataFrame, flags: pd.DataFrame) -> np.ndarray:
    """1 where the tower gave both LE and H, 0 where not, NaN at night (n,); for `periods.usable_years`."""
    both = flags[["Qle", "Qh"]].isin(OWN_VALUES).all(axis=1)
    return np.where(values["SWdown"] > DAYLIGHT, both, np.nan)
