"""Strata of the test half-hours: day and night, seasons, snow, rain, extreme months, hours of the day.

They follow from the forcing and, for snow, from the calibrated LaD, so that they are the same for all models.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.evaluation.means import counts
from lad.evaluation.series import read_at
from lad.io import read_netcdf

SEASONS = {
    "Dec to Feb": (12, 1, 2),
    "Mar to May": (3, 4, 5),
    "Jun to Aug": (6, 7, 8),
    "Sep to Nov": (9, 10, 11),
}
VARIABLES = ("SWdown", "Tair", "Rainf", "Snowf")
"""Variables of the forcing file from which the strata follow."""
LIGHT = 10.0  # W m-2 of shortwave radiation above which it is day
SNOW = 1.0  # kg m-2 above which the ground has snow
WET = 1.0  # kg m-2 of rain in the last 24 h above which it is wet

Strata = Mapping[tuple[str, str], np.ndarray]
"""Stratum and value → which half-hours (n,) belong to it, bool."""


def read_snow(
    simulations: Mapping[str, Mapping[str, Path]], site: str, time: np.ndarray
) -> np.ndarray | None:
    """Snow (n,) kg m-2 of the calibrated LaD, the simulation `bulk`, at `time` (n,); None if there is none."""
    path = simulations.get("bulk", {}).get("")
    if path is None or "SWE" not in read_netcdf(path).variables:
        return None
    return read_at(path, site, ("SWE",), time)["SWE"]


def strata(
    time: np.ndarray, forcing: Mapping[str, np.ndarray], inside: np.ndarray, snow: np.ndarray | None
) -> Strata:
    """Strata of the test half-hours, those of the record where `inside` (n,) is true.

    `forcing` holds `VARIABLES` (n,) at the interval starts `time` (n,) of the whole record, because it may have rained
    before; `snow` (tested,) is in kg m-2, None leaves its stratum out.
    """
    step = np.diff(time).min() / np.timedelta64(1, "s")
    index = pd.DatetimeIndex(time.astype("datetime64[ns]"))
    rain = pd.Series(forcing["Rainf"] * step, index).rolling("24h").sum().to_numpy()[inside]
    light, tested = forcing["SWdown"][inside], index[inside]
    found = {("all", ""): np.ones(len(tested), dtype=bool)}
    found |= {("light", "day"): light > LIGHT, ("light", "night"): light <= LIGHT}
    found |= {("season", name): tested.month.isin(months) for name, months in SEASONS.items()}
    if snow is not None:
        found |= {("snow", "snow"): snow > SNOW, ("snow", "no snow"): snow <= SNOW}
    found |= {("rain", "wet"): rain > WET, ("rain", "dry"): rain <= WET}
    fallen = (forcing["Rainf"] + forcing["Snowf"])[inside]
    found |= _extreme_months(tested, step, forcing["Tair"][inside], fallen)
    return found | {("hour", str(hour)): tested.hour == hour for hour in range(24)}


def _extreme_months(time: pd.DatetimeIndex, step: float, tair: np.ndarray, fallen: np.ndarray) -> Strata:
    """The warmest and the driest month among those of which the test periods have enough to count."""
    month = time.to_period("M")
    means = pd.DataFrame({"tair": tair, "fallen": fallen}).groupby(month).mean()
    means = means[counts(np.ones(len(time)), month, step)]
    if means.empty:
        return {}
    extremes = {"warmest month": means.tair.idxmax(), "driest month": means.fallen.idxmin()}
    return {(name, str(extreme)): month == extreme for name, extreme in extremes.items()}
