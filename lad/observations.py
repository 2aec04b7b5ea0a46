"""Measured fluxes of a tower, as learning and evaluation read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from lad.cf import intervals
from lad.errors import InputError
from lad.io import read_netcdf
from lad.periods import Periods, mask

TARGETS = {"LE": "Qle", "H": "Qh"}
"""Target of the study → its ALMA variable; W m⁻², positive upward."""

USABLE_QC = (0, -1)
"""Flags of a half-hour usable in training and scores: measured, or the product states no flag."""


class Observed(NamedTuple):
    """Tower fluxes at the interval starts `time` (n,) datetime64, local standard time; by target (n,)."""

    time: np.ndarray
    flux: dict[str, np.ndarray]
    usable: dict[str, np.ndarray]
    not_known: dict[str, np.ndarray]

    def at(self, chosen: np.ndarray) -> "Observed":
        """The intervals where the bool array `chosen` (n,) is true."""
        columns = ({name: values[chosen] for name, values in column.items()} for column in self[1:])
        return Observed(self.time[chosen], *columns)

    def during(self, periods: Periods, source: str | Path) -> "Observed":
        """The intervals inside `periods`.

        Raises InputError, naming the file `source`, if a period is empty or all of them together hold no usable
        half-hour of a target.
        """
        for period in periods:
            if not mask(self.time, (period,)).any():
                raise InputError(f"{source}: holds no half-hour of the period {period}")
        inside = self.at(mask(self.time, periods))
        for target, name in TARGETS.items():
            if not inside.usable[target].any():
                where = ", ".join(map(str, periods))
                raise InputError(f"{source}: no usable half-hour of {name} in {where}")
        return inside


def open_series(path: str | Path, site: str | None, names: Sequence[str]) -> xr.Dataset:
    """A file with the variables `names` over time; one that states another site than `site` is refused.

    A file without site_id is accepted; without `site` any site will do. Raises InputError otherwise.
    """
    dataset = read_netcdf(path)
    found = dataset.attrs.get("site_id", site)
    if site is not None and found != site:
        raise InputError(f"{path}: is of site {found}, expected {site}")
    for name in names:
        if name not in dataset.variables:
            raise InputError(f"{path}: has no variable {name}")
        if dataset[name].dims != ("time",):
            raise InputError(
                f"{path}: {name} has dimensions {dict(dataset[name].sizes)}, expected time alone"
            )
    return dataset


def interval_starts(dataset: xr.Dataset, path: str | Path) -> np.ndarray:
    """Interval starts (n,) datetime64[s] of a file, local standard time; raises InputError as `cf.intervals`."""
    return intervals(dataset, path)[0]


def read_observed(path: str | Path, site: str | None) -> Observed:
    """Targets of an observations file and which half-hours are usable; raises InputError as `open_series`."""
    dataset = open_series(path, site, [name + end for name in TARGETS.values() for end in ("", "_qc")])
    flux = {target: dataset[name].values.astype(float) for target, name in TARGETS.items()}
    qc = {target: dataset[f"{name}_qc"].values for target, name in TARGETS.items()}
    usable = {target: np.isfinite(flux[target]) & np.isin(qc[target], USABLE_QC) for target in TARGETS}
    not_known = {target: usable[target] & (qc[target] == -1) for target in TARGETS}
    return Observed(interval_starts(dataset, path), flux, usable, not_known)
