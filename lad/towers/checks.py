"""Are the time labels, the offset from UTC and the units right?"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.humidity import saturation
from lad.towers.readers import Table
from lad.towers.sites import Site
from lad.towers.solar import potential
from lad.towers.synthesis import STEFAN_BOLTZMANN, pressure
from lad.towers.variables import FORCING, MISSING, variable

SHIFTS = range(-60, 61, 15)  # min
LABEL = 30  # min, by which start and end labels of half-hours differ
OFFSETS = range(-12, 15)  # h from UTC
TOLERANCE = 20.0  # W m-2
# Sound records have at most a handful of intervals a year above the potential radiation (reflecting clouds
# near the horizon), labels wrong by half an hour more than a hundred.
HANDFUL = 20
YEAR = 365.25 * 86400.0  # s
MOST_RAIN = 13000.0  # mm a year; Mawsynram, India, has 12000
SHORT = 0.1  # years; shorter records may hold one storm
# Share of a variable's values that may be spikes of its sensor; more are a wrong unit. Most rain is none and most
# radiation weak, so that in a wrong unit few of their values are impossible.
FEW = {"Precip": 1e-3, "SWdown": 1e-3}
SOME = 5e-2
DRIFT = {"VPD": 100.0, "Precip": 0.5}  # Pa, mm in an interval
STANDARD_TEMPERATURE = 288.15  # K
PRESSURE_MARGIN = 0.1  # relative departure from the standard pressure at the elevation
EMISSIVITY = (0.4, 1.3)  # of the sky, lowest in dry polar air, highest under warm clouds in an inversion
NEEDED = (*FORCING, "Qle", "Qh")  # other sensors may fail as they like


def exceedances(
    time: np.ndarray, step: int, swdown: np.ndarray, site: Site, shifts: Iterable[int] = SHIFTS
) -> pd.DataFrame:
    """How many intervals of each year have more shortwave radiation than the top of the atmosphere gets.

    Rows are years, columns the minutes by which the time labels are shifted for the trial.
    """
    known = ~np.isnan(swdown)
    time, swdown = time[known], swdown[known]
    counts = {
        shift: swdown > potential(time + np.timedelta64(shift, "m"), step, site) + TOLERANCE
        for shift in shifts
    }
    return pd.DataFrame(counts).groupby(pd.DatetimeIndex(time).year).sum()


def check_labels(table: Table, site: Site) -> list[str]:
    """Raise InputError if the sun contradicts the time labels of a year; otherwise return lines on clocks that are off.

    Labels shifted against the sun put radiation before sunrise or after sunset. The half-hours above the
    potential radiation are counted for shifts from -60 to 60 min: an error is more than a handful, and either
    another shift more than halves them or they are so many that no small shift can be the cause. A quarter of an hour
    is no wrong label but a clock that is off: that is returned as remarks, a line for each year.
    """
    remarks: list[str] = []
    if "SWdown" not in table.values:
        return remarks
    series = table.values.index.to_numpy(), table.step, table.values["SWdown"].to_numpy(), site
    counts = exceedances(*series)
    rows = table.values.groupby(table.values.index.year).size()
    for year, count in counts.iterrows():
        best = int(count.idxmin())
        better = count[best] < count[0] / 2
        if count[0] > HANDFUL and (better or count[0] > rows[year] / 100):
            trial = f"{count[best]} times if labels move by {best:+d} min"
            if better and abs(best) < LABEL:
                remarks.append(f"{table.name}: in {year} the clock seems to be {-best:+d} min off")
                continue
            if not better:
                offset = site.utc_offset_hours
                trials = exceedances(*series, shifts=[round(60 * (offset - other)) for other in OFFSETS])
                least = trials.loc[year].idxmin()
                other = f"{trials.loc[year, least]} times with an offset of UTC{offset - least / 60:+g}"
                trial = other if least else "with no other offset much less"
            raise InputError(
                f"{table.name}: in {year} SW_IN exceeds the top-of-atmosphere radiation {count[0]} times, "
                f"{trial}; expected W m-2, local standard time (UTC{site.utc_offset_hours:+g}), "
                f"longitude {site.longitude:g}"
            )
    return remarks


def check_rain(table: Table) -> None:
    """Raise InputError if it rains more than anywhere on Earth: then P is no sum over the interval in mm."""
    if "Precip" in table.values:
        rain = table.values["Precip"].dropna()
        fallen, years = rain.sum() * table.step, max(len(rain) * table.step / YEAR, SHORT)
        if fallen > MOST_RAIN * years:
            raise InputError(
                f"{table.name}: P is {fallen / years:.0f} mm a year, expected at most {MOST_RAIN:.0f}; is it the sum "
                "over each interval in mm?"
            )


def without_impossible(table: Table, site: Site) -> tuple[Table, dict[str, int]]:
    """The table with single impossible values set missing, and how many of each variable were.

    Impossible are values outside the ranges of `variables`, pressures that are not those of the elevation, deficits
    above saturation (by 1 %: formulas differ), and longwave radiation that no sky has. Raises InputError with the
    first one if they are many, of a variable that is needed: then the units are wrong.
    """
    values, flags, removed = table.values.copy(), table.flags.copy(), {}
    for name in values:
        if name in DRIFT:  # a little below zero is zero
            drift = DRIFT[name] / (table.step if variable(name).per_step else 1.0)
            values[name] = values[name].where(~values[name].between(-drift, 0.0), 0.0)
        column, (low, high) = values[name], _limits(name, table, site)
        wrong = column.notna() & ~column.between(low, high)
        if name in NEEDED:
            _refuse_many(table.name, name, column, wrong, FEW.get(name, SOME), f"{low:g} to {high:g}")
        elif wrong.sum() > 0.5 * column.notna().sum():  # the unit is wrong, and so is what looks possible
            wrong = column.notna()
        if name == "VPD" and "Tair" in values:
            negative = column > 1.01 * saturation(values["Tair"])
            _refuse_many(table.name, name, column, negative, SOME, "at most the saturation pressure, in")
            wrong |= negative
        if name == "LWdown" and "Tair" in values:
            black = STEFAN_BOLTZMANN * values["Tair"] ** 4
            odd = (column < EMISSIVITY[0] * black) | (column > EMISSIVITY[1] * black)
            expected = f"{EMISSIVITY[0]:g} to {EMISSIVITY[1]:g} times the black-body radiation at TA, in"
            _refuse_many(table.name, name, column, odd, SOME, expected)
            wrong |= odd
        if wrong.any():
            values.loc[wrong, name], flags.loc[wrong, name] = np.nan, MISSING
            removed[name] = int(wrong.sum())
    return replace(table, values=values, flags=flags), removed


def standard_pressure(table: Table, site: Site) -> float:
    """Pressure, Pa, of the standard atmosphere at the elevation of a tower in air of its mean temperature."""
    tair = table.values["Tair"].mean() if "Tair" in table.values else STANDARD_TEMPERATURE
    return float(pressure(tair, site.elevation))


def _limits(name: str, table: Table, site: Site) -> tuple[float, float]:
    if name == "Psurf":
        standard = standard_pressure(table, site)
        return (1.0 - PRESSURE_MARGIN) * standard, (1.0 + PRESSURE_MARGIN) * standard
    return variable(name).low, variable(name).high


def _refuse_many(
    archive: str, name: str, column: pd.Series, wrong: pd.Series, share: float, expected: str
) -> None:
    if wrong.sum() > share * column.notna().sum():
        at, described = wrong.idxmax(), variable(name)
        raise InputError(
            f"{archive}: {name} = {column[at]:g} at {at:%Y-%m-%d %H:%M}, {wrong.sum()} such values, expected "
            f"{expected} {described.units}; is {described.fluxnet} in the units of the network?"
        )
