"""Sensor faults that other hours, other variables or the sun reveal: wrong values are left out or corrected by a stated
rule, and reported with days and counts. `checks` refuses wrong units."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.checks import TOLERANCE, standard_pressure
from lad.towers.flags import DERIVED, OWN_VALUES
from lad.towers.meteorology import potential, relative
from lad.towers.readers import Table
from lad.towers.sensors import STRONG_SUN, upright
from lad.towers.sites import Site
from lad.towers.variables import variable

# Sun: hours above the potential radiation that make a day wrong, and how such days form a stretch.
WRONG_HOURS = 1.0  # h in a day
APART = 4  # days at most from one such day of a stretch to the next
FEWEST_DAYS = 3
LARGEST_SHARE, LONGEST = 0.2, 21  # share of an archive's days, and days; the larger counts
LARGEST_SHARE_OF_SHORT = 0.5  # limit for short archives
SLOW = ("Precip", "Psurf", "SoilMoist", "LAI")  # a clock some hours off does them no harm

# A value this far from a running median is a sensor spike, SI units: the median of the hours around, or of the same
# time on the days around.
SPIKES = {"Tair": 10.0, "Psurf": 1000.0, "Wind": 15.0}
AROUND, FEWEST_AROUND = "4h", 5
SPIKES_OF_DAYS = {"Tair": 30.0}
DAYS_AROUND, FEWEST_DAYS_AROUND = "6D", 4

PRESSURE_OFF = 800.0  # Pa, departure of the median of a year from standard pressure that no weather causes
SEASON_OFF = 1200.0  # Pa, departure of three months from the same months of other years
ELEVATION_OFF = 1200.0  # Pa, about 100 m
MONTHS, FEWEST_YEARS = 12, 4

RAIN = 0.2  # kg m-2 in an interval
WARM = 283.15  # K; colder air may be near saturation under strong sun
DRIEST_RAIN, WETTEST_SUN = 30.0, 90.0  # %, medians of relative humidity
HEAVY, DRY_AIR = 2.0, 40.0  # kg m-2 in an interval, % in it and for an hour after
HOURS = 10  # intervals of rain needed for a monthly median, ten times as many of strong sun
WRONG_MONTHS = 0.25  # share of months with such a fault; more of them are refused


def without_spikes(table: Table) -> tuple[Table, list[str]]:
    """The table without values far from the hours or days around, and a line for each variable that has some.

    Humidity computed from such an air temperature is left out too.
    """
    remarks = []
    for name in [name for name in SPIKES if name in table.values]:
        known, described = table.values[name].dropna(), variable(name)
        departure = known - _median_around(known, AROUND, FEWEST_AROUND)
        departure = departure[departure.abs() > SPIKES[name]]
        limits = [f"{SPIKES[name]:g} {described.units} from the hours around"] if len(departure) else []
        if name in SPIKES_OF_DAYS:
            of_time = known.groupby(known.index.time, group_keys=False)
            same = of_time.apply(_median_around, DAYS_AROUND, FEWEST_DAYS_AROUND)
            of_days = (known - same.sort_index()).drop(departure.index)
            of_days = of_days[of_days.abs() > SPIKES_OF_DAYS[name]]
            if len(of_days):
                departure = pd.concat([departure, of_days]).sort_index()
                limits.append(
                    f"{SPIKES_OF_DAYS[name]:g} {described.units} from the same time of the days around"
                )
        if departure.empty:
            continue
        largest = departure.abs().idxmax()
        humid = name == "Tair" and any(part in table.origins.get("VPD", "") for part in ("RH", "Qair"))
        table = table.without(departure.index, [name, "VPD"] if humid else [name])
        remarks.append(
            f"{table.name}: {described.fluxnet}: {len(departure)} spikes on {departure.index.normalize().nunique()} "
            f"days, more than {' or '.join(limits)}, are not used (the largest {departure[largest]:+.3g} at "
            f"{largest:%Y-%m-%d %H:%M})"
        )
    return table, remarks


def _median_around(series: pd.Series, window: str, fewest: int) -> pd.Series:
    return series.rolling(window, center=True, closed="both", min_periods=fewest).median()


def without_wrong_sun(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table without stretches of days whose sun is hours off, and a line for each.

    A stretch consists of days with more than an hour above the radiation at the top of the atmosphere, at most `APART`
    days apart. The clock was wrong then: variables with a daily course are not used.
    """
    if "SWdown" not in table.values:
        return table, []
    time, swdown = table.values.index, table.values["SWdown"]
    top = potential(time.to_numpy(), table.step, site)
    above = swdown.to_numpy() > top + TOLERANCE
    hours = pd.Series(above, time).groupby(time.floor("D")).sum() * table.step / 3600.0
    days = hours.index[hours > WRONG_HOURS]
    most = min(max(LARGEST_SHARE * len(hours), LONGEST), LARGEST_SHARE_OF_SHORT * len(hours))
    if not FEWEST_DAYS <= len(days) <= most:
        return table, []  # not stretches but wrong labels, which `check_labels` refuses
    remarks = []
    stretch = np.cumsum(np.diff(days, prepend=days[:1]) > pd.Timedelta(days=APART))
    for _, own in days.to_series().groupby(stretch):
        if len(own) < FEWEST_DAYS:
            continue
        rows = (time >= own.iloc[0]) & (time < own.iloc[-1] + pd.Timedelta(days=1))
        left_out = [name for name in table.values if name.split("_")[0] not in SLOW]
        count = int(table.values.loc[rows, left_out].notna().to_numpy().sum())
        table = table.without(rows, left_out)
        remarks.append(
            f"{table.name}: from {own.iloc[0]:%Y-%m-%d} to {own.iloc[-1]:%Y-%m-%d} SW_IN is above the "
            f"top-of-atmosphere radiation in {int(above[rows].sum())} intervals, the clock is wrong: {count} values of "
            "these days are not used"
        )
    return table, remarks


def without_faults(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table of all archives of a site with level pressure, G and NETRAD downward, no odd humidity or rain.

    Also returns a line for each fault. Raises InputError if humidity is wrong in too many months.
    """
    table = replace(table, values=table.values.copy(), flags=table.flags.copy())
    remarks = _level_pressure(table, site) if "Psurf" in table.values else []
    for name in ("Qg", "Rnet"):
        if {name, "SWdown"} <= set(table.values):
            table.values[name], turned = upright(table.values[name], table.values["SWdown"])
            remarks += [f"{variable(name).fluxnet} {turned}"] if turned else []
    for check in (_without_odd_humidity, _without_rain_in_dry_air):
        table, odd = check(table)
        remarks += odd
    return table, remarks


def _level_pressure(table: Table, site: Site) -> list[str]:
    """Shift stretches of pressure that are off to the level of the rest, in place; a line for each.

    A month is off if its year, or it and its neighbours against the same months of other years, depart more than
    weather does. If the whole record is off, the elevation may be wrong: this is reported and nothing is changed.
    """
    value = table.values["Psurf"].dropna()
    departure = value - standard_pressure(table, site)
    month = departure.index.to_period("M")
    monthly = departure.groupby(month).median()
    monthly = monthly.reindex(pd.period_range(monthly.index[0], monthly.index[-1], freq="M"))
    level = monthly.rolling(MONTHS, center=True).median()
    years = monthly.groupby(monthly.index.month)
    anomaly = (monthly - years.transform("median")).where(years.transform("count") >= FEWEST_YEARS)
    off = (level.abs() > PRESSURE_OFF) | (anomaly.rolling(3, center=True).median().abs() > SEASON_OFF)
    if abs(departure.median()) > ELEVATION_OFF or (
        off.any() and off.sum() > level.notna().sum() - MONTHS // 2
    ):
        return [
            f"PA is {departure.median() / 1000.0:+.2f} kPa from standard pressure at {site.elevation:g} m in all of "
            "the record, and is used as it is; is the elevation right?"
        ]
    if not off.any():
        return []
    sound = departure[~month.isin(off.index[off])].median()
    # The window of twelve months blurs the ends of a stretch: a month near them belongs to the nearer level.
    near = off.rolling(MONTHS + 1, center=True, min_periods=1).max() > 0.0
    smooth = monthly.rolling(3, center=True, min_periods=1).median()
    wrong = near & ((smooth - sound).abs() > PRESSURE_OFF / 2) & ((monthly - sound).abs() > PRESSURE_OFF / 2)
    stretch = np.cumsum(np.diff(np.flatnonzero(wrong), prepend=-2) > 1)
    remarks = []
    for _, own in wrong.index[wrong].to_series().groupby(stretch):
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


def _humidity(table: Table) -> pd.Series:
    """Relative humidity, %, where the tower measured it: a reanalysis does not know when it rains."""
    humidity = relative(table.values["Tair"], table.values["VPD"])
    return humidity.where(table.flags["VPD"].isin(OWN_VALUES))


def _without_odd_humidity(table: Table) -> tuple[Table, list[str]]:
    """The table without humidity from months in which it is low in rain or high under strong sun, and a line for each.

    Raises InputError if too many (`WRONG_MONTHS`) of the months that can be judged are such.
    """
    v, remarks = table.values, []
    if not {"VPD", "Tair", "Precip", "SWdown"} <= set(v):
        return table, remarks
    humidity, month = _humidity(table), v.index.to_period("M")
    raining = (v["Precip"] * table.step > RAIN) & (v["Tair"] > 275.0)
    sunny = (v["SWdown"] > STRONG_SUN) & (v["Tair"] > WARM)
    for when, rows, fewest in (("while it rains", raining, HOURS), ("under strong sun", sunny, 10 * HOURS)):
        by_month = humidity[rows].groupby(month[rows])
        median = by_month.median()[by_month.count() >= fewest]
        wrong = median[median < DRIEST_RAIN] if rows is raining else median[median > WETTEST_SUN]
        if wrong.empty:
            continue
        found = f"relative humidity is {wrong.median():.0f} % {when} in {len(wrong)} of {len(median)} months"
        if len(wrong) > WRONG_MONTHS * len(median):
            highest = f" (never above {humidity.quantile(0.999):.0f} %)" if rows is raining else ""
            raise InputError(
                f"{table.name}: {found}{highest}, expected {DRIEST_RAIN:g} % at least while it rains and "
                f"{WETTEST_SUN:g} % at most under strong sun; is VPD in hPa, RH in %?"
            )
        gone = month.isin(wrong.index)
        count = table.values.loc[gone, "VPD"].count()
        remarks.append(f"{found} ({', '.join(map(str, wrong.index))}): {count} values of VPD are not used")
        table = table.without(gone, ["VPD"])
    return table, remarks


def _without_rain_in_dry_air(table: Table) -> tuple[Table, list[str]]:
    """The table without heavy precipitation while the air stays dry for an hour, as when snow melts in the gauge.

    Real rain moistens dry air.
    """
    if not {"VPD", "Tair", "Precip"} <= set(table.values):
        return table, []
    depth, humidity = table.values["Precip"] * table.step, _humidity(table)
    ahead = range(3600 // table.step + 1)
    dry = np.logical_and.reduce([humidity.shift(-intervals) < DRY_AIR for intervals in ahead])
    odd = depth[(depth > HEAVY) & dry]
    if odd.empty:
        return table, []
    by_day = odd.groupby(odd.index.floor("D")).sum()
    return table.without(odd.index, ["Precip"]), [
        f"P: {odd.sum():.0f} mm on {len(by_day)} days fell at more than {HEAVY:g} mm in an interval while relative "
        f"humidity stayed below {DRY_AIR:g} % for an hour (most on {by_day.idxmax():%Y-%m-%d}: {by_day.max():.0f} mm): "
        f"{len(odd)} values are not used"
    ]
