"""Observed and simulated fluxes on one time axis."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from lad.errors import InputError
from lad.io import read_netcdf
from lad.periods import Periods, mask

TARGETS = {"LE": "Qle", "H": "Qh"}
"""Target of the study → its ALMA variable; W m⁻², positive upward."""

USABLE_QC = (0, -1)
"""Flags of a half-hour that may be learnt from and judged by: measured, or the product states no flag."""


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
        """The intervals inside `periods`; raises InputError, naming the file `source`, if one is empty."""
        for period in periods:
            if not mask(self.time, (period,)).any():
                raise InputError(f"{source}: holds no half-hour of the period {period}")
        return self.at(mask(self.time, periods))


class Simulated(NamedTuple):
    """Fluxes of one model: by target (members, n); `seeds` names the members, ("",) without seeds."""

    seeds: tuple[str, ...]
    flux: dict[str, np.ndarray]

    def mean(self, target: str) -> np.ndarray:
        """Ensemble mean (n,); of a model without seeds its one series."""
        return self.flux[target].mean(axis=0)


def _time(dataset: xr.Dataset, path: str | Path) -> np.ndarray:
    if "time" not in dataset.variables or not np.issubdtype(dataset["time"].dtype, np.datetime64):
        raise InputError(f"{path}: has no CF variable time")
    time = dataset["time"].values.astype("datetime64[s]")
    if time.ndim != 1 or (np.diff(time) <= np.timedelta64(0)).any():
        raise InputError(f"{path}: time does not increase strictly")
    return time


def _open(path: str | Path, site: str, names: Sequence[str]) -> xr.Dataset:
    """A file of the site `site` with the variables `names`; a file that states no site_id is believed."""
    dataset = read_netcdf(path)
    found = dataset.attrs.get("site_id", site)
    if found != site:
        raise InputError(f"{path}: is of site {found}, expected {site}")
    for name in names:
        if name not in dataset.variables:
            raise InputError(f"{path}: has no variable {name}")
    return dataset


def read_observed(path: str | Path, site: str) -> Observed:
    """Targets of an observations file and which half-hours are usable; raises InputError on a bad file."""
    dataset = _open(path, site, [name + end for name in TARGETS.values() for end in ("", "_qc")])
    flux = {target: dataset[name].values.astype(float) for target, name in TARGETS.items()}
    qc = {target: dataset[f"{name}_qc"].values for target, name in TARGETS.items()}
    usable = {target: np.isfinite(flux[target]) & np.isin(qc[target], USABLE_QC) for target in TARGETS}
    not_known = {target: usable[target] & (qc[target] == -1) for target in TARGETS}
    return Observed(_time(dataset, path), flux, usable, not_known)


def read_at(path: str | Path, site: str, names: Sequence[str], time: np.ndarray) -> dict[str, np.ndarray]:
    """Variables `names` of a file at the interval starts `time` (n,), each (n,).

    Raises InputError if the file lacks a variable or one of these times, or holds a value there that is not
    finite.
    """
    dataset = _open(path, site, names)
    present = _time(dataset, path)
    position = np.searchsorted(present, time)
    absent = ~np.isin(time, present)
    if absent.any():
        raise InputError(
            f"{path}: lacks {absent.sum()} of the {time.size} half-hours asked for, the first is "
            f"{time[absent][0]}"
        )
    values = {name: dataset[name].values[position].astype(float) for name in names}
    for name, series in values.items():
        broken = ~np.isfinite(series)
        if broken.any():
            raise InputError(
                f"{path}: {name} is not finite in {broken.sum()} of {time.size} half-hours, the first is "
                f"{time[broken][0]}"
            )
    return values


def parse_simulations(texts: Sequence[str]) -> dict[str, dict[str, Path]]:
    """`["bulk=a.nc", "mlp/0=b.nc", …]` as model → seed → file, in the given order; "" is no seed."""
    paths: dict[str, dict[str, Path]] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        model, _, seed = name.partition("/")
        if not (equals and model and path):
            raise InputError(f"simulation {text!r}: expected MODEL=FILE or MODEL/SEED=FILE")
        seeds = paths.setdefault(model, {})
        if seed in seeds or (seeds and "" in {seed, *seeds}):
            raise InputError(f"simulation {text!r}: model {model} is given twice, or with and without seeds")
        seeds[seed] = Path(path)
    return paths


def read_simulated(paths: dict[str, dict[str, Path]], site: str, time: np.ndarray) -> dict[str, Simulated]:
    """Every model's fluxes at `time` (n,); raises InputError as `read_at`."""
    simulated = {}
    for model, files in paths.items():
        members = [read_at(path, site, tuple(TARGETS.values()), time) for path in files.values()]
        flux = {target: np.stack([member[name] for member in members]) for target, name in TARGETS.items()}
        simulated[model] = Simulated(tuple(files), flux)
    return simulated
