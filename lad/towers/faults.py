"""Faults of sensors that other variables, the sun, or the climate betray: what is wrong is left out, mended by a stated
rule, or refused, and always reported with days and counts."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.checks import TOLERANCE, YEAR
from lad.towers.humidity import saturation
from lad.towers.readers import Table
from lad.towers.sites import Site
from lad.towers.solar import potential
from lad.towers.synthesis import LAPSE_RATE, pressure
from lad.towers.variables import DERIVED, MISSING, variable

DAY = 86400  # s
LATENT_HEAT = 2.5e6  # J kg-1

# Sun: days on which so many half-hours lie above the potential radiation, and how such days make a stretch.
WRONG_HOURS = 1.0  # h in a day
APART = 4  # days between two such days of a stretch
FEWEST_DAYS = 3
LONGEST_SHARE = (
    0.2  # of the days of an archive; more is no stretch but wrong labels, which `check_labels` refuses
)
SLOW = ("Precip", "Psurf", "SoilMoist", "LAI")  # a clock some hours off does them no harm

# A value this far from the running median over four hours is a spike of its sensor, SI units.
SPIKES = {"Tair": 10.0, "Psurf": 1000.0, "Wind": 15.0}
NEIGHBOURS = 9  # intervals

PRESSURE_OFF = 800.0  # Pa, departure of the level of a year from standard pressure that no weather makes
ELEVATION_OFF = 1200.0  # Pa, about 100 m
LEVEL = 12  # months

STRONG_SUN = 500.0  # W m-2
ENOUGH = 100  # intervals from which a median is taken
MONTH = 30 * DAY


def without_wrong_sun(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table without stretches of days whose sun is hours off, and a line for each.

    Days with an hour or more above the radiation at the top of the atmosphere follow each other in a stretch with at
    most `APART` days between them. The clock was wrong there: what has a daily course is not used.
    """
    if "SWdown" not in table.values:
        return table, []
    time, swdown = table.values.index, table.values["SWdown"]
    top = potential(time.to_numpy(), table.step, site)
    above = swdown.to_numpy() > top + TOLERANCE
    hours = pd.Series(above, time).groupby(time.floor("D")).sum() * table.step / 3600.0
    days = hours.index[hours > WRONG_HOURS]
    if len(days) < FEWEST_DAYS or len(days) > LONGEST_SHARE * len(hours):
        return table, []
    values, flags, remarks = table.values.copy(), table.flags.copy(), []
    stretch = np.cumsum(np.diff(days, prepend=days[:1]) > pd.Timedelta(days=APART))
    for _, own in days.to_series().groupby(stretch):
        if len(own) < FEWEST_DAYS:
            continue
        rows = (time >= own.iloc[0]) & (time < own.iloc[-1] + pd.Timedelta(days=1))
        left_out = [name for name in values if name.split("_")[0] not in SLOW]
        count = int(values.loc[rows, left_out].notna().to_numpy().sum())
        values.loc[rows, left_out], flags.loc[rows, left_out] = np.nan, MISSING
        remarks.append(
            f"{table.name}: from {own.iloc[0]:%Y-%m-%d} to {own.iloc[-1]:%Y-%m-%d} SW_IN is above the "
            f"top-of-atmosphere radiation in {int(above[rows].sum())} intervals, the clock is wrong: {count} values of "
            "these days are not used"
        )
    return replace(table, values=values, flags=flags), remarks


def without_faults(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table of all archives of a site without spikes, with pressure at its level and ground heat downward.

    Returns a line for each fault as well.
    """
    table = replace(table, values=table.values.copy(), flags=table.flags.copy())
    remarks = [_drop_spikes(table, name, far) for name, far in SPIKES.items() if name in table.values]
    remarks += _level_pressure(table, site) if "Psurf" in table.values else []
    remarks += [_turn(table, name) for name in ("Qg", "Rnet") if name in table.values]
    return table, [remark for remark in remarks if remark]


def _drop_spikes(table: Table, name: str, far: float) -> str:
    """Set the spikes of a variable missing, in place; the line about them."""
    value = table.values[name].dropna()
    departure = value - value.rolling(NEIGHBOURS, center=True, min_periods=NEIGHBOURS // 2 + 1).median()
    spikes = departure.index[departure.abs() > far]
    if spikes.empty:
        return ""
    worst = departure.abs().idxmax()
    table.values.loc[spikes, name], table.flags.loc[spikes, name] = np.nan, MISSING
    described = variable(name)
    return (
        f"{described.fluxnet}: {len(spikes)} spikes on {spikes.normalize().nunique()} days, more than {far:g} "
        f"{described.units} from the hours around, are not used (the largest {departure[worst]:+.3g} at "
        f"{worst:%Y-%m-%d %H:%M})"
    )


def _level_pressure(table: Table, site: Site) -> list[str]:
    """Shift stretches of pressure that are off for a year or more to the level of the rest, in place.

    The level is the median over twelve months, compared with standard pressure at the elevation. Where all of the
    record is off the elevation may be wrong: that is reported and nothing is changed.
    """
    value = table.values["Psurf"].dropna()
    tair = table.values["Tair"].mean() if "Tair" in table.values else 288.15
    standard = float(pressure(tair, site.elevation))
    departure = value - standard
    month = departure.index.to_period("M")
    monthly = departure.groupby(month).median()
    monthly = monthly.reindex(pd.period_range(monthly.index[0], monthly.index[-1], freq="M"))
    level = monthly.rolling(LEVEL, center=True, min_periods=min(LEVEL // 2, len(monthly))).median()
    off = level.abs() > PRESSURE_OFF
    if not off.any():
        return []
    if off.sum() > level.notna().sum() - LEVEL // 2:
        if abs(departure.median()) < ELEVATION_OFF:
            return []
        return [
            f"PA is {departure.median() / 1000.0:+.2f} kPa from standard pressure at {site.elevation:g} m in all of "
            "the record, and is used as it is; is the elevation right?"
        ]
    sound = departure[~month.isin(off.index[off])].median()
    # The twelve months blur where a stretch begins and ends: a month near it belongs to the level that it is nearer to.
    near = off.rolling(LEVEL + 1, center=True, min_periods=1).max() > 0.0
    smooth = monthly.rolling(3, center=True, min_periods=1).median()
    wrong = (
        near & ((smooth - sound).abs() > 0.5 * PRESSURE_OFF) & ((monthly - sound).abs() > 0.5 * PRESSURE_OFF)
    )
    remarks = []
    for _, own in wrong.index[wrong].to_series().groupby(_stretches(wrong)):
        rows = month.isin(own.to_numpy())
        shift = departure[rows].median() - sound
        if abs(shift) < PRESSURE_OFF:
            continue
        times = value.index[rows]
        table.values.loc[times, "Psurf"] -= shift
        table.flags.loc[times, "Psurf"] = DERIVED
        remarks.append(
            f"PA is {shift / 1000.0:+.2f} kPa off in {len(times)} intervals from {own.iloc[0]} to {own.iloc[-1]} "
            f"against the rest of the record and standard pressure at {site.elevation:g} m: shifted by that, "
            f"flag {DERIVED}"
        )
    return remarks


def _stretches(chosen: pd.Series) -> np.ndarray:
    """Number of the run of each true value of `chosen` (n,), (number of true values,)."""
    return np.cumsum(np.diff(np.flatnonzero(chosen), prepend=-2) > 1)


def _turn(table: Table, name: str) -> str:
    """Turn the sign of a flux that is to be positive downward and is negative by day, in place."""
    if "SWdown" not in table.values:
        return ""
    value = table.values[name]
    day, night = table.values["SWdown"] > STRONG_SUN, table.values["SWdown"] < TOLERANCE
    if min(value[day].count(), value[night].count()) < ENOUGH:
        return ""
    light, dark = value[day].median(), value[night].median()
    if not light < 0.0 < dark:
        return ""
    table.values[name] = -value
    return (
        f"{variable(name).fluxnet} has the opposite sign, {light:.0f} W m-2 under strong sun and {dark:.0f} at night "
        f"in the median: the sign of all {value.count()} values is changed"
    )


def check_units(table: Table, site: Site) -> None:
    """Raise InputError if a variable has values that other variables, the climate or the sun exclude.

    Ranges (`checks.without_spikes`) find numbers that are too large. What is too small for its unit looks like weak
    weather, and is found here, in what all archives of a site have together.
    """
    for check in (_sunlight, _warmth, _humidity, _wind, _rain, _turbulent_fluxes):
        for name, found, expected in check(table, site):
            source = variable(name).fluxnet
            raise InputError(
                f"{table.name}: {found}, expected {expected}; is {source} in the units of the network?"
            )


Contradiction = tuple[str, str, str]  # variable, what was found, what was expected


def _days(table: Table, name: str) -> float:
    """Days of values that a variable has, 0 where it is absent."""
    return table.values[name].count() * table.step / DAY if name in table.values else 0.0


def _sunlight(table: Table, site: Site) -> Iterator[Contradiction]:
    top = pd.Series(potential(table.values.index.to_numpy(), table.step, site), table.values.index)
    clearness = (table.values["SWdown"] / top)[top > 200.0]
    clear = clearness.quantile(0.98)
    if _days(table, "SWdown") > 30 and clearness.count() > ENOUGH and clear < 0.35:
        yield (
            "SWdown",
            f"SW_IN on clear days is {clear:.2g} of the top-of-atmosphere radiation",
            "0.6 to 0.9",
        )


def _warmth(table: Table, site: Site) -> Iterator[Contradiction]:
    """Annual mean against a rough climate: 27 degC at sea level on the equator, falling with latitude and height."""
    mean = table.values["Tair"].mean() - 273.15
    climate = 27.0 - 0.0085 * site.latitude**2 - LAPSE_RATE * site.elevation
    if _days(table, "Tair") > 300 and abs(mean - climate) > 20.0:
        where = f"latitude {site.latitude:g} and {site.elevation:g} m"
        yield "Tair", f"TA is {mean:.1f} degC on average at {where}", f"{climate:.0f} degC within 20 K"


def _humidity(table: Table, site: Site) -> Iterator[Contradiction]:
    """Relative humidity comes near saturation now and then, is high in rain, and falls in strong sun."""
    v = table.values
    humidity = 100.0 * (1.0 - v["VPD"] / saturation(v["Tair"]))
    rain = (v["Precip"] * table.step > 0.2) & (v["Tair"] > 275.0)
    sun = v["SWdown"] > STRONG_SUN
    highest, wet, dry = humidity.quantile(0.999), humidity[rain].median(), humidity[sun].median()
    rainy = f" and {wet:.0f} % in the median while it rains" if humidity[rain].count() else ""
    if _days(table, "VPD") > 60 and highest < 40.0:
        yield "VPD", f"relative humidity is never above {highest:.0f} %{rainy}", "70 to 100 % now and then"
    if humidity[rain].count() > 30 and wet < 40.0:
        yield "VPD", f"relative humidity is {wet:.0f} % in the median while it rains", "more than 40 %"
    if humidity[sun].count() > ENOUGH and dry > 90.0:
        yield "VPD", f"relative humidity is {dry:.0f} % in the median under strong sun", "at most 90 %"


def _wind(table: Table, site: Site) -> Iterator[Contradiction]:
    if _days(table, "Wind") < 30:
        return
    v = table.values
    if not 0.2 < v["Wind"].mean() < 12.0:
        yield "Wind", f"WS is {v['Wind'].mean():.3g} m s-1 on average", "0.2 to 12 m s-1"
    if "Ustar" in v:
        ratio = (v["Ustar"] / v["Wind"])[(v["SWdown"] > STRONG_SUN) & (v["Wind"] > 0.5)]
        if ratio.count() > ENOUGH and ratio.median() < 0.04:
            yield "Wind", f"USTAR is {ratio.median():.2g} of WS in the median by day", "0.04 to 0.5"


def _rain(table: Table, site: Site) -> Iterator[Contradiction]:
    """In a year the heaviest rain brings several mm in an interval, and little more evaporates than falls."""
    depth = table.values["Precip"] * table.step
    dry = table.values["Precip"].mean() < 0.15 * table.values["Qle"].mean() / LATENT_HEAT
    enough = _days(table, "Precip") > 300 and (depth > 0.0).sum() > ENOUGH
    if enough and (depth.max() < 1.0 or (depth.max() < 3.0 and dry)):
        annual = table.values["Precip"].mean() * YEAR
        yield (
            "Precip",
            f"P is at most {depth.max():.2g} mm in an interval and {annual:.3g} mm a year",
            "several mm in the heaviest rain",
        )


def _turbulent_fluxes(table: Table, site: Site) -> Iterator[Contradiction]:
    sun = table.values["SWdown"] > STRONG_SUN
    for name in ("Qle", "Qh"):
        flux, source = table.values[name][sun], variable(name).fluxnet
        if _days(table, name) < 90 or flux.count() < ENOUGH:
            continue
        low, median, high = flux.quantile([0.02, 0.5, 0.98])
        if max(high, -low) < 12.0:
            yield (
                name,
                f"{source} is at most {max(high, -low):.2g} W m-2 under strong sun",
                "more than 12 W m-2",
            )
        # Where water is plentiful in dry country, air that comes from outside may warm the surface by day.
        if median < (-5.0 if name == "Qle" else -50.0) and table.values["Qle"][sun].median() < -median:
            yield (
                name,
                f"{source} is {median:.0f} W m-2 in the median under strong sun",
                "a flux positive upward",
            )
