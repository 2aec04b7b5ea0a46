"""What the periods of a site hold: recorded days, measured fluxes, the tower's energy balance and its weather."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lad.cf import intervals
from lad.constants import L_VAPORISATION, YEAR
from lad.errors import InputError
from lad.evaluation.series import read_at
from lad.io import read_netcdf
from lad.observations import TARGETS, USABLE_QC, Observed, read_observed
from lad.periods import (
    NAMES,
    WHOLE,
    Period,
    Periods,
    as_settings,
    check_unseen,
    days_with,
    mask,
    propose,
    usable_years,
)
from lad.towers.closure import energy_balance
from lad.towers.coverage import DAYLIGHT
from lad.towers.variables import FLUXES

SPIKE = 300.0  # W m-2
VARIABLES = ("SWdown", "LWdown", "Tair", "Qair", "Wind", "Psurf", "Rainf", "Snowf")


class Tower(NamedTuple):
    """The observations of a site, with shortwave and precipitation."""

    site: str
    path: str | Path
    dataset: xr.Dataset
    step: int  # s
    observed: Observed
    swdown: np.ndarray  # (n,), W m-2
    precipitation: np.ndarray  # (n,), kg m-2 s-1, rain and snow
    both: np.ndarray  # (n,) bool, where LE and H are usable

    def rows(self, periods: Mapping[str, Periods]) -> dict[str, np.ndarray]:
        """Half-hours of each period and of the record, bool (n,); training excludes those of validation."""
        rows = {name: mask(self.observed.time, periods[name]) for name in NAMES}
        rows["train"] = rows["train"] & ~rows["validation"]
        return rows | {"record": np.ones(len(self.observed.time), dtype=bool)}


def read_tower(site: str, forcing: str | Path, observations: str | Path) -> Tower:
    """What both files of a site hold; raises InputError as `read_observed` and `read_at`."""
    observed = read_observed(observations, site)
    weather = read_at(forcing, site, ("SWdown", "Rainf", "Snowf"), observed.time)
    swdown, precipitation = weather["SWdown"], weather["Rainf"] + weather["Snowf"]
    dataset = read_netcdf(observations)
    both = np.all([observed.usable[target] for target in TARGETS], axis=0)
    step = intervals(dataset, observations)[1]
    return Tower(site, observations, dataset, step, observed, swdown, precipitation, both)


def checked_periods(tower: Tower, given: Mapping[str, Periods]) -> Mapping[str, Periods]:
    """The periods `given`, else proposed ones (`lad.periods.propose`).

    Raises InputError for a test that overlaps the others, and for periods whose days the record lacks or in which
    neither LE nor H was measured.
    """
    time, either = tower.observed.time, np.any([tower.observed.usable[target] for target in TARGETS], axis=0)
    daytime = np.where(tower.swdown > DAYLIGHT, tower.both, np.nan)
    years = usable_years(time, tower.step, tower.dataset["segment"].values, daytime)
    periods = given or propose(years, tower.path)
    check_unseen(**periods)
    recorded = days_with(time)
    if given and (lacking := _lacking(given, recorded)):
        try:
            way_out = f"take {as_settings(tower.site, _clipped(propose(years, tower.path), recorded))}"
        except InputError as error:
            way_out = f"no periods can be proposed: {error}"
        days = ", ".join(map(str, recorded))
        raise InputError(f"{tower.path}: lacks days of {', '.join(lacking)}, it has {days}; {way_out}")
    for name in NAMES:
        for period in periods[name]:
            if not either[mask(time, (period,))].any():
                raise InputError(f"{tower.path}: no half-hour with LE or H in the {name} period {period}")
    return periods


def _lacking(periods: Mapping[str, Periods], recorded: Periods) -> list[str]:
    """The periods that begin before or end after the recorded days, or lack too many of them to be whole."""
    absent = []
    for name in NAMES:
        for period in periods[name]:
            first, last = period
            shared = (min(last, run.last) - max(first, run.first) for run in recorded)
            share = sum(max(days.days + 1, 0) for days in shared) / ((last - first).days + 1)
            if first < recorded[0].first or last > recorded[-1].last or share < WHOLE:
                absent.append(f"{name} {period}")
    return absent


def _clipped(periods: Mapping[str, Periods], recorded: Periods) -> dict[str, Periods]:
    """The periods cut to the span from the first to the last recorded day."""
    start, end = recorded[0].first, recorded[-1].last
    return {
        name: tuple(Period(max(first, start), min(last, end)) for first, last in group)
        for name, group in periods.items()
    }


def period_table(tower: Tower, periods: Mapping[str, Periods]) -> pd.DataFrame:
    """For each period and the record: days, share of the daylight with LE and H, water, energy balance, spikes.

    Water is precipitation and evaporation with gaps filled, in mm a year. A spike is a usable flux above SWdown +
    `SPIKE` or below -`SPIKE`: more than a surface can give.
    """
    rows, light = tower.rows(periods), tower.swdown > DAYLIGHT
    evaporation = tower.observed.flux["LE"] / L_VAPORISATION
    shares = pd.DataFrame(
        {
            "days": {name: group.sum() * tower.step / 86400.0 for name, group in rows.items()},
            "daytime_LE_and_H": {name: tower.both[light & group].mean() for name, group in rows.items()},
            "precipitation": {name: YEAR * tower.precipitation[group].mean() for name, group in rows.items()},
            "evaporation": {name: YEAR * np.nanmean(evaporation[group]) for name, group in rows.items()},
        }
    )
    values, flags = ({name: tower.dataset[name + end].values for name in FLUXES} for end in ("", "_qc"))
    balance = energy_balance(values, flags, rows).set_index("period")
    for target, flux in tower.observed.flux.items():
        spikes = tower.observed.usable[target] & ((flux > tower.swdown + SPIKE) | (flux < -SPIKE))
        balance[f"{target}_spikes"] = {name: spikes[group].sum() for name, group in rows.items()}
    return shares.join(balance).rename_axis("period").reset_index()


def forcing_shifts(forcing: str | Path, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """For each variable: means, shift in standard deviations of training, ratio of these, shares measured.

    A value is measured unless its flag says otherwise. `train` and `test`, bool (n,), choose half-hours of the file.
    """
    dataset, table = read_netcdf(forcing), []
    for name in VARIABLES:
        values = dataset[name].values
        measured = np.isin(dataset[f"{name}_qc"].values, USABLE_QC)
        (one, two), (spread, other) = (
            [part(values[rows]) for rows in (train, test)] for part in (np.mean, np.std)
        )
        ratios = ((two - one) / spread, other / spread) if spread > 0 else (np.nan, np.nan)
        table.append([name, one, two, *ratios, measured[train].mean(), measured[test].mean()])
    columns = ["variable", "train", "test", "shift", "spread_ratio", "measured_train", "measured_test"]
    return pd.DataFrame(table, columns=columns)
