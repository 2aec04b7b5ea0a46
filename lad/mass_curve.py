"""How much water the root zone must hold, by the mass curve of training precipitation and evaporation.

Plants keep what carries them through dry spells (Gao et al. 2014, Geophys. Res. Lett. 41, 7916-7923): the largest
yearly deficit, accumulated evaporation less precipitation, that is exceeded once in twenty years. Fluxes of a few
years hardly determine the capacity, because a network compensates for a small one.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from lad.constants import DAY, L_VAPORISATION, YEAR
from lad.errors import InputError
from lad.periods import Periods, mask

RETURN_YEARS = 20.0
UNRECORDED = 50.0  # kg m-2 a year, excess of evaporation from which it is reported
COMPLETE = 300  # days of a year that counts
ENOUGH = 0.8  # share of a day's values
EULER = 0.5772156649


class MassCurve(NamedTuple):
    """Deficits of the root zone (kg m-2) in the training periods."""

    deficit: pd.Series  # at the end of each day; a year begins with zero
    year: np.ndarray  # of each day: the calendar year that it begins in
    largest: pd.Series  # of each year that counts
    excess: float  # kg m-2 a year, evaporation less precipitation

    @property
    def capacity(self) -> float:
        """The deficit that a year exceeds once in `RETURN_YEARS`; raises InputError without a day of LE."""
        if self.largest.empty:
            raise InputError(f"mass curve of the root zone: no day of training with {ENOUGH:.0%} of LE")
        return return_level(self.largest.to_numpy())


def mass_curve(
    time: np.ndarray,
    precipitation: Float[np.ndarray, " n"],
    latent_heat: Float[np.ndarray, " n"],
    train: Periods,
    validation: Periods,
) -> MassCurve:
    """Mass curve of the training days, from means over intervals that start at `time` (n,) datetime64.

    `precipitation` is in kg m-2 s-1, `latent_heat` in W m-2, positive upward, with gaps filled. Days outside training,
    days of `validation` and days with less than `ENOUGH` of their values get evaporation interpolated from the days
    around them. A year begins in the month that follows the largest surplus of the mean year, and counts with
    `COMPLETE` days of training or more; if no year has as many, all count. Without a day of LE all is empty.
    """
    inside, seen = mask(time, train), mask(time, train) & ~mask(time, validation)
    span = slice(np.flatnonzero(inside)[0], np.flatnonzero(inside)[-1] + 1)
    day = pd.DatetimeIndex(time[span]).floor("D")
    evaporation = pd.Series(np.where(seen, latent_heat / L_VAPORISATION, np.nan)[span])
    values = evaporation.groupby(day)
    daily = values.mean().where(values.count() >= ENOUGH * values.size())
    if daily.isna().all():
        nothing = pd.Series(dtype=float)
        return MassCurve(nothing, np.zeros(0, dtype=int), nothing, np.nan)
    daily = daily.interpolate(limit_direction="both")
    daily = DAY * (daily - pd.Series(precipitation[span]).groupby(day).mean())

    of_month = daily.groupby(daily.index.month).mean().cumsum()
    opening = of_month.idxmin() % 12 + 1
    year = np.asarray(daily.index.year - (daily.index.month < opening))
    deficit = pd.concat([_deficit(part) for _, part in daily.groupby(year)])
    largest = deficit.groupby(year).max()
    days = pd.Series(inside[span]).groupby(day).any().groupby(year).sum()
    largest = largest[days >= COMPLETE] if (days >= COMPLETE).any() else largest
    excess = YEAR / DAY * daily[mask(daily.index.to_numpy(), train)].mean()
    return MassCurve(deficit, year, largest, excess)


def _deficit(daily: pd.Series) -> pd.Series:
    """Running sum of `daily` (kg m-2), never below zero."""
    total = daily.cumsum()
    return total - np.minimum(total.cummin(), 0.0)


def return_level(largest: Float[np.ndarray, " years"], years: float = RETURN_YEARS) -> float:
    """Level that the yearly maximum exceeds once in `years`: a Gumbel distribution by the method of moments.

    For a single year it is that maximum.
    """
    if len(largest) < 2:
        return float(np.max(largest))
    scale = np.std(largest, ddof=1) * np.sqrt(6.0) / np.pi
    return float(np.mean(largest) - scale * (EULER + np.log(-np.log1p(-1.0 / years))))
