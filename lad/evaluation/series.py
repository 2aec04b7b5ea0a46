"""Fluxes and soil of tower and models at the same half-hours: read, paired, and as means of days and months.

Only days and months with at least half of their half-hours have means: towers lose nights more often than days, and
means of model and tower over different hours would differ by that alone. Half-hours of a day or month outside the
record, or outside a period, count as lost.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from lad.errors import InputError
from lad.evaluation.models import ordered
from lad.observations import TARGETS, USABLE_QC, Observed, interval_starts, open_series

LEAST_SHARE = 0.5  # of all half-hours of a day or month, from which its mean counts
Frame = TypeVar("Frame", pd.DataFrame, pd.Series)
SENSOR_LAYER = 1  # of the model, 0.5 to 5 cm, where the shallowest sensors are


class Simulated(NamedTuple):
    """Fluxes of one model: by target (members, n); `seeds` names the members, ("",) without seeds."""

    seeds: tuple[str, ...]
    flux: dict[str, np.ndarray]

    def mean(self, target: str) -> np.ndarray:
        """Ensemble mean (n,); of a model without seeds its one series."""
        return self.flux[target].mean(axis=0)


class States(NamedTuple):
    """States of one model's members at the ends of intervals: (members, n) by name."""

    seeds: tuple[str, ...]
    values: dict[str, np.ndarray]  # SoilTemp of `SENSOR_LAYER` K, RootMoist and SWE kg m-2

    def at(self, chosen: np.ndarray) -> "States":
        """The states of `chosen` half-hours, bool (n,)."""
        return States(self.seeds, {name: values[:, chosen] for name, values in self.values.items()})


class Comparison(NamedTuple):
    """Fluxes of tower and models (W m⁻², positive upward) at the same test half-hours."""

    title: str
    observed: Observed
    simulated: dict[str, Simulated]

    @property
    def time(self) -> pd.DatetimeIndex:
        """Interval starts."""
        return pd.DatetimeIndex(self.observed.time.astype("datetime64[ns]"))

    @property
    def step(self) -> pd.Timedelta:
        """Length of an interval."""
        return pd.Timedelta(self.time.to_series().diff().min())

    @property
    def hour(self) -> pd.Index:
        """Hour of the day (n,) of the middle of each interval."""
        return (self.time - self.time.normalize() + self.step / 2).total_seconds() / 3600

    def models(self) -> list[str]:
        """Models in the order of the tables."""
        return ordered(list(self.simulated))

    def tower(self, target: str) -> pd.Series:
        """Observed flux, NaN where it is not usable."""
        flux = np.where(self.observed.usable[target], self.observed.flux[target], np.nan)
        return pd.Series(flux, self.time)

    def means(self, target: str) -> pd.DataFrame:
        """Simulated flux at all test half-hours, mean over seeds, one column per model."""
        return pd.DataFrame({m: self.simulated[m].mean(target) for m in self.models()}, self.time)

    def members(self, model: str, target: str) -> pd.DataFrame:
        """Simulated flux at all test half-hours, one column per seed."""
        simulated = self.simulated[model]
        return pd.DataFrame(simulated.flux[target].T, self.time, columns=list(simulated.seeds))


def positions(present: np.ndarray, time: np.ndarray, path: str | Path) -> np.ndarray:
    """Rows (n,) of `time` (n,) on the time axis `present` of the file `path`; raises InputError if it lacks one."""
    absent = ~np.isin(time, present)
    if absent.any():
        raise InputError(
            f"{path}: lacks {absent.sum()} of the {time.size} half-hours asked for, the first is "
            f"{time[absent][0]}"
        )
    return np.searchsorted(present, time)


def series_at(path: str | Path, site: str, names: Sequence[str], time: np.ndarray) -> xr.Dataset:
    """A file with the variables `names` at the interval starts `time` (n,).

    Raises InputError as `open_series` and `positions`.
    """
    dataset = open_series(path, site, names)
    return dataset.isel(time=positions(interval_starts(dataset, path), time, path))


def measured(dataset: xr.Dataset, name: str) -> np.ndarray:
    """A variable (n,) of an observations file, NaN where its flag is not one of `USABLE_QC`.

    Raises InputError if it has no flags.
    """
    if f"{name}_qc" not in dataset:
        raise InputError(f"observations: {name} has no flags, expected a variable {name}_qc")
    values = dataset[name].values.astype(float)
    return np.where(np.isin(dataset[f"{name}_qc"].values, USABLE_QC), values, np.nan)


def read_measured(
    path: str | Path, site: str, names: Sequence[str], time: np.ndarray
) -> dict[str, np.ndarray]:
    """`measured` values of `names` at `time` (n,); a variable that the file lacks is NaN throughout.

    Raises InputError as `series_at`.
    """
    dataset, none = series_at(path, site, (), time), np.full(len(time), np.nan)
    return {name: measured(dataset, name) if name in dataset else none for name in names}


def sensors(observed: xr.Dataset, prefix: str) -> list[str]:
    """Names `{prefix}_1`, `{prefix}_2`, … of the sensors present, from the shallowest down."""
    return [name for name in (f"{prefix}_{k}" for k in range(1, 10)) if name in observed]


def read_sensors(path: str | Path, site: str, time: np.ndarray) -> dict[str, np.ndarray]:
    """Measured values (n,) of all sensors at `time` (n,), by name; SoilTemp K, SoilMoist m3 m-3, NaN in gaps.

    A sensor without a value at these times is left out. Raises InputError as `series_at`.
    """
    dataset = series_at(path, site, (), time)
    found = {
        name: measured(dataset, name) for kind in ("SoilTemp", "SoilMoist") for name in sensors(dataset, kind)
    }
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def read_at(path: str | Path, site: str, names: Sequence[str], time: np.ndarray) -> dict[str, np.ndarray]:
    """Variables `names` of a file at the interval starts `time` (n,), each (n,).

    Raises InputError if the file lacks a variable or one of these times, is of another site than `site`, holds a
    value there that is not finite, or states another unit of a target than W m-2; a missing unit is accepted.
    """
    dataset = series_at(path, site, names, time)
    for name in set(names) & set(TARGETS.values()):
        units = dataset[name].attrs.get("units", "W m-2")
        if units != "W m-2":
            raise InputError(f"{path}: {name} is in {units!r}, expected 'W m-2'")
    values = {name: dataset[name].values.astype(float) for name in names}
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


def covered(paths: Mapping[str, Mapping[str, Path]], site: str, time: np.ndarray) -> np.ndarray:
    """Those of the interval starts `time` (n,) that all files have; raises InputError as `open_series`."""
    for path in (path for files in paths.values() for path in files.values()):
        time = time[np.isin(time, interval_starts(open_series(path, site, ()), path))]
    return time


def read_states(paths: Mapping[str, Mapping[str, Path]], site: str, time: np.ndarray) -> dict[str, States]:
    """States of all models (`parse_simulations`) at `time` (n,); models whose files have none are left out.

    Raises InputError as `series_at`.
    """
    found = {}
    for model, files in paths.items():
        members = [series_at(path, site, (), time) for path in files.values()]
        if all({"SoilTemp", "RootMoist", "SWE"} <= set(member) for member in members):
            layer = np.stack([member["SoilTemp"].values[:, SENSOR_LAYER] for member in members])
            stores = {
                name: np.stack([member[name].values for member in members]) for name in ("RootMoist", "SWE")
            }
            found[model] = States(tuple(files), {"SoilTemp": layer} | stores)
    return found


def counts(chosen: np.ndarray, period: pd.PeriodIndex, step: float) -> pd.Series:
    """By day or month `period` (n,), whether enough of its intervals (n,) of `step` s are `chosen`."""
    number = pd.Series(chosen).groupby(period).sum()
    length = (number.index + 1).to_timestamp() - number.index.to_timestamp()
    return number * step / length.total_seconds() >= LEAST_SHARE


def usable_means(series: Frame, usable: np.ndarray, frequency: str) -> Frame:
    """Means of `series` (n rows) over its `usable` intervals (n,), of the days ("D") or months ("M") that count."""
    period, step = series.index.to_period(frequency), np.diff(series.index).min() / np.timedelta64(1, "s")
    kept = counts(usable, period, step)
    return series[usable].groupby(period[usable]).mean().loc[kept.index[kept]]


def usable_day_means(series: pd.DataFrame, tower: pd.Series) -> pd.DataFrame:
    """Daily means, one after the other, over the half-hours where `tower` is usable; NaN on days that do not count."""
    means = usable_means(series, tower.notna().to_numpy(), "D")
    days = series.index.normalize()
    return means.to_timestamp().reindex(pd.date_range(days[0], days[-1], freq="D"))


def contrasted_weeks(tower: pd.Series, usable: pd.Series) -> list[pd.Timestamp]:
    """First days of the well observed weeks with the lowest and the highest mean of `tower`.

    Weeks count from the first day; well observed is at least 0.8 of the best share of `usable` half-hours. A
    record with fewer than two such weeks gives fewer.
    """
    origin = tower.index[0].normalize()
    share = usable.resample("7D", origin=origin).sum()
    means = tower.resample("7D", origin=origin).mean()[share >= max(1, 0.8 * share.max())]
    return list(dict.fromkeys([means.idxmin(), means.idxmax()])) if len(means) else []
