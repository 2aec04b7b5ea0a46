"""Checks of the time labels, the offset from UTC and the units.

Ranges find numbers that are too large for their unit. Numbers that are too small look like weak weather; they are found
by comparison with other variables, the climate or the sun.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

import numpy as np
import pandas as pd

from lad.constants import DAY, L_VAPORISATION, YEAR
from lad.errors import InputError
from lad.towers.flags import MEASURED, MISSING
from lad.towers.meteorology import LAPSE_RATE, STEFAN_BOLTZMANN, potential, pressure, relative, saturation
from lad.towers.readers import Table
from lad.towers.sensors import NIGHT, STRONG_SUN
from lad.towers.sites import Site
from lad.towers.variables import FORCING, variable

SHIFTS = range(-60, 61, 15)  # min
LABEL = 30  # min, by which start and end labels of half-hours differ
OFFSETS = range(-12, 15)  # h from UTC
TOLERANCE = 20.0  # W m-2
# Sound records have at most this many intervals a year above the potential radiation (reflecting clouds
# near the horizon); with labels half an hour off there are more than a hundred.
MOST_ABOVE_THE_SUN = 20
MOST_RAIN = 13000.0  # mm a year; Mawsynram, India, has 12000
SHORT = 0.1  # years; shorter records may hold one storm
# Share of a variable's values that may be sensor spikes; more mean a wrong unit. Most rain is zero and most radiation
# weak: even in a wrong unit few of their values are impossible.
SPIKES, RARE_SPIKES = 5e-2, {"Precip": 1e-3, "SWdown": 1e-3}
DRIFT = {"VPD": 100.0, "Precip": 0.5}  # Pa, mm in an interval
STANDARD_TEMPERATURE = 288.15  # K
PRESSURE_MARGIN = 0.1  # relative departure from the standard pressure at the elevation
EMISSIVITY = (0.4, 1.3)  # of the sky, lowest in dry polar air, highest under warm clouds in an inversion
NEEDED = (*FORCING, "Qle", "Qh")  # other variables may have any number of wrong values
FEWEST_OF_MEDIAN = 100  # intervals
VON_KARMAN = 0.4


def exceedances(
    time: np.ndarray, step: int, swdown: np.ndarray, site: Site, shifts: Iterable[int] = SHIFTS
) -> pd.DataFrame:
    """How many intervals of each year have more shortwave radiation than the top of the atmosphere receives.

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

    Labels shifted against the sun put radiation before sunrise or after sunset. The half-hours above the potential
    radiation are counted for shifts from -60 to 60 min: it is an error if they are more than `MOST_ABOVE_THE_SUN` and
    either another shift more than halves them or they are too many for a small shift to be the cause. A quarter of an
    hour is no wrong label but a clock that is off: it is returned in remarks, a line for each year.
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
        if count[0] <= MOST_ABOVE_THE_SUN or not (better or count[0] > rows[year] / 100):
            continue
        if better and abs(best) < LABEL:
            remarks.append(f"{table.name}: in {year} the clock seems to be {-best:+d} min off")
            continue
        trial = f"{count[best]} times if labels move by {best:+d} min"
        if not better:
            offset = site.utc_offset_hours
            trials = exceedances(*series, shifts=[round(60 * (offset - other)) for other in OFFSETS])
            least = trials.loc[year].idxmin()
            other = f"{trials.loc[year, least]} times with an offset of UTC{offset - least / 60:+g}"
            trial = other if least else "not much less often with any other offset"
        raise InputError(
            f"{table.name}: in {year} SW_IN exceeds the top-of-atmosphere radiation {count[0]} times, "
            f"{trial}; expected W m-2, local standard time (UTC{site.utc_offset_hours:+g}), "
            f"longitude {site.longitude:g}"
        )
    return remarks


def check_rain(table: Table) -> None:
    """Raise InputError if it rains more than anywhere on Earth: then P is not the sum over the interval in mm."""
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

    Impossible are values outside the ranges of `variables`, pressures far from that of the elevation, deficits above
    saturation (by 1 %: formulas differ), and longwave radiation that no sky emits. Raises InputError with the first one
    if a needed variable has many of them: then its unit is wrong.
    """
    values, flags, removed = table.values.copy(), table.flags.copy(), {}
    for name in values:
        described, most = variable(name), RARE_SPIKES.get(name, SPIKES)
        low, high = described.low, described.high
        if name in DRIFT:  # a little below zero is zero
            drift = DRIFT[name] / (table.step if described.per_step else 1.0)
            values[name] = values[name].where(~values[name].between(-drift, 0.0), 0.0)
        if name == "Psurf":
            standard = standard_pressure(table, site)
            low, high = (1.0 - PRESSURE_MARGIN) * standard, (1.0 + PRESSURE_MARGIN) * standard
        column = values[name]
        odd = {f"{low:g} to {high:g}": column.notna() & ~column.between(low, high)}
        if name == "VPD" and "Tair" in values:
            odd["at most the saturation pressure, in"] = column > 1.01 * saturation(values["Tair"])
        if name == "LWdown" and "Tair" in values:
            black, (least, greatest) = STEFAN_BOLTZMANN * values["Tair"] ** 4, EMISSIVITY
            expected = f"{least:g} to {greatest:g} times the black-body radiation at TA, in"
            odd[expected] = (column < least * black) | (column > greatest * black)
        wrong = np.logical_or.reduce(list(odd.values()))
        if name not in NEEDED and wrong.sum() > 0.5 * column.notna().sum():
            wrong = column.notna().to_numpy()  # the unit is wrong, also in possible values
        for expected, rows in odd.items() if name in NEEDED else ():
            if rows.sum() > most * column.notna().sum():
                at = rows.idxmax()
                raise InputError(
                    f"{table.name}: {name} = {column[at]:g} at {at:%Y-%m-%d %H:%M}, {rows.sum()} such values, expected "
                    f"{expected} {described.units}; is {described.fluxnet} in the units of the network?"
                )
        if wrong.any():
            values.loc[wrong, name], flags.loc[wrong, name] = np.nan, MISSING
            removed[name] = int(wrong.sum())
    return replace(table, values=values, flags=flags), removed


def standard_pressure(table: Table, site: Site) -> float:
    """Pressure, Pa, of the standard atmosphere at the elevation of a tower in air of its mean temperature."""
    tair = table.values["Tair"].mean() if "Tair" in table.values else STANDARD_TEMPERATURE
    return float(pressure(tair, site.elevation))


def check_units(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table of all archives of a site without NETRAD or G if its unit is wrong, and a line on it.

    Raises InputError if the forcing, LE or H have values that other variables, the climate or the sun exclude.
    """
    for check in (_radiation, _air, _wind, _rain, _turbulent_fluxes):
        check(table, site)
    v, sun = table.values, table.values["SWdown"] > STRONG_SUN
    unused, found = "", ""
    if "Rnet" in v and v["Rnet"][sun].count() >= FEWEST_OF_MEDIAN:
        share = (v["Rnet"] / v["SWdown"])[sun].median()
        if not 0.05 < share < 1.1:
            unused, found = (
                "Rnet",
                f"{share:.2g} of SW_IN under strong sun in the median, expected 0.05 to 1.1",
            )
        elif "Qg" in v and v["Qg"][sun].count() > FEWEST_OF_MEDIAN:
            part = (v["Qg"] / v["Rnet"])[sun].median()
            if abs(part) > 0.5:
                unused, found = (
                    "Qg",
                    f"{part:.2g} of NETRAD under strong sun in the median, expected at most 0.5",
                )
    if not unused:
        return table, []
    source = variable(unused).fluxnet
    return table.without(v.index, [unused]), [f"{source} is {found}: {source} is not used"]


def _refuse(table: Table, name: str, found: str, expected: str) -> NoReturn:
    source = variable(name).fluxnet
    raise InputError(f"{table.name}: {found}, expected {expected}; is {source} in the units of the network?")


def _days(table: Table, name: str) -> float:
    """Days of values that a variable has, 0 where it is absent."""
    return table.values[name].count() * table.step / DAY if name in table.values else 0.0


def _radiation(table: Table, site: Site) -> None:
    v = table.values
    top = pd.Series(potential(v.index.to_numpy(), table.step, site), v.index)
    clearness = (v["SWdown"] / top)[top > 200.0]
    clear = clearness.quantile(0.98)
    if _days(table, "SWdown") > 30 and clearness.count() > FEWEST_OF_MEDIAN and clear < 0.5:
        found = f"SW_IN on clear days is {clear:.2g} of the top-of-atmosphere radiation"
        _refuse(table, "SWdown", found, "0.6 to 0.9")
    if "LWdown" in v:
        emissivity = (v["LWdown"] / (STEFAN_BOLTZMANN * v["Tair"] ** 4)).dropna()
        if len(emissivity) > FEWEST_OF_MEDIAN and not 0.5 < emissivity.median() < 1.05:
            found = f"LW_IN is {emissivity.median():.2f} times the black-body radiation at TA in the median"
            _refuse(table, "LWdown", found, "0.5 to 1.05 times")


def _air(table: Table, site: Site) -> None:
    """Annual mean temperature against a rough climate: 27 degC at sea level on the equator, falling with latitude and
    height. Relative humidity comes near saturation now and then (months that contradict rain or sun: `faults`)."""
    mean = table.values["Tair"].mean() - 273.15
    climate = 27.0 - 0.0065 * site.latitude**2 - LAPSE_RATE * site.elevation
    if _days(table, "Tair") > 300 and not -25.0 < mean - climate < 20.0:
        found = f"TA is {mean:.1f} degC on average at latitude {site.latitude:g} and {site.elevation:g} m"
        _refuse(table, "Tair", found, f"{climate - 25:.0f} to {climate + 20:.0f} degC")
    highest = relative(table.values["Tair"], table.values["VPD"]).quantile(0.999)
    if _days(table, "VPD") > 300 and highest < 40.0:
        found = f"relative humidity is never above {highest:.0f} %"
        _refuse(table, "VPD", found, "70 to 100 % now and then")


def _wind(table: Table, site: Site) -> None:
    if _days(table, "Wind") < 30:
        return
    v = table.values
    if not 0.2 < v["Wind"].mean() < 12.0:
        _refuse(table, "Wind", f"WS is {v['Wind'].mean():.3g} m s-1 on average", "0.2 to 12 m s-1")
    if "Ustar" in v:
        ratio = (v["Ustar"] / v["Wind"])[(v["SWdown"] > STRONG_SUN) & (v["Wind"] > 0.5)]
        # Logarithmic profile over a roughness of a tenth of the canopy height; water and ice have 0.1 mm.
        least = 0.4 * VON_KARMAN / np.log(site.reference_height / max(0.1 * site.canopy_height, 1e-4))
        if ratio.count() > FEWEST_OF_MEDIAN and ratio.median() < least:
            found = f"USTAR is {ratio.median():.2g} of WS in the median by day"
            _refuse(table, "Wind", found, f"more than {least:.2g} over a canopy of {site.canopy_height:g} m")


def _water(table: Table) -> tuple[float, float]:
    """Precipitation and evaporation, mm a year."""
    v = table.values
    return v["Precip"].mean() * YEAR, v["Qle"].mean() * YEAR / L_VAPORISATION


def _rain(table: Table, site: Site) -> None:
    """If far more evaporates than falls, amounts too small for any gauge mean a wrong unit, not irrigation."""
    depth = table.values["Precip"].where(table.flags["Precip"] == MEASURED) * table.step
    wet = depth[depth > 0.0]
    fallen, evaporated = _water(table)
    long = _days(table, "Precip") > 300 and len(wet) > FEWEST_OF_MEDIAN
    if long and fallen < 0.15 * evaporated and wet.median() < 0.05:
        found = f"P is {fallen:.3g} mm a year and {wet.median():.2g} mm in the median of wet intervals"
        _refuse(table, "Precip", found, "about 0.1 to 0.5 mm, the sum over the interval")


def _turbulent_fluxes(table: Table, site: Site) -> None:
    v = table.values
    sun, night = v["SWdown"] > STRONG_SUN, v["SWdown"] < NIGHT
    for name, least in (("Qle", 12.0), ("Qh", 30.0)):
        flux, source = v[name][sun], variable(name).fluxnet
        if _days(table, name) < 90 or flux.count() < FEWEST_OF_MEDIAN:
            continue
        high = max(flux.quantile(0.98), -flux.quantile(0.02))
        if high < least:
            found = f"{source} is at most {high:.2g} W m-2 under strong sun"
            _refuse(table, name, found, f"more than {least:g} W m-2")
        # Where water is plentiful in dry country, air from outside warms the surface by day, and more so at night.
        if flux.median() < -5.0 and (name == "Qle" or v[name][night].median() > 5.0):
            found = f"{source} is {flux.median():.0f} W m-2 in the median under strong sun"
            _refuse(table, name, found, "positive upward")
    fallen, evaporated = _water(table)
    long = min(_days(table, "Precip"), _days(table, "Qle")) > 150
    if long and fallen > 200.0 and evaporated < 0.06 * fallen:
        found = f"LE evaporates {evaporated:.3g} mm a year of {fallen:.0f} mm of precipitation"
        _refuse(table, "Qle", found, "more than 6 %")
