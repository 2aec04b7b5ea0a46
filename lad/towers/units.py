"""Units: what other variables, the climate or the sun exclude. Ranges (`checks.without_impossible`) find numbers that
are too large; what is too small for its unit looks like weak weather, and is found here."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.checks import YEAR
from lad.towers.humidity import relative
from lad.towers.readers import Table
from lad.towers.sensors import NIGHT, STRONG_SUN
from lad.towers.sites import Site
from lad.towers.solar import potential
from lad.towers.synthesis import DAY, LAPSE_RATE, STEFAN_BOLTZMANN
from lad.towers.variables import LATENT_HEAT, MEASURED, MISSING, variable

ENOUGH = 100  # intervals from which a median is taken
VON_KARMAN = 0.4

Contradiction = tuple[str, str, str]  # variable, what was found, what was expected


def check_units(table: Table, site: Site) -> tuple[Table, list[str]]:
    """The table of all archives of a site without NETRAD and G in a wrong unit, and a line for each that is left out.

    Raises InputError if the forcing, LE or H have values that other variables, the climate or the sun exclude.
    """
    checks: tuple[Callable[[Table, Site], Iterator[Contradiction]], ...] = (
        _sunlight,
        _sky,
        _warmth,
        _humidity,
        _wind,
        _rain,
        _turbulent_fluxes,
    )
    for check in checks:
        for name, found, expected in check(table, site):
            source = variable(name).fluxnet
            raise InputError(
                f"{table.name}: {found}, expected {expected}; is {source} in the units of the network?"
            )
    remarks = []
    for name, found, expected in _unneeded_fluxes(table):
        table = replace(
            table,
            values=table.values.assign(**{name: np.nan}),
            flags=table.flags.assign(**{name: np.int8(MISSING)}),
        )
        remarks.append(f"{found}, expected {expected}: {variable(name).fluxnet} is not used")
    return table, remarks


def _days(table: Table, name: str) -> float:
    """Days of values that a variable has, 0 where it is absent."""
    return table.values[name].count() * table.step / DAY if name in table.values else 0.0


def _sunlight(table: Table, site: Site) -> Iterator[Contradiction]:
    top = pd.Series(potential(table.values.index.to_numpy(), table.step, site), table.values.index)
    clearness = (table.values["SWdown"] / top)[top > 200.0]
    clear = clearness.quantile(0.98)
    if _days(table, "SWdown") > 30 and clearness.count() > ENOUGH and clear < 0.5:
        yield "SWdown", f"SW_IN on clear days is {clear:.2g} of the top-of-atmosphere radiation", "0.6 to 0.9"


def _sky(table: Table, site: Site) -> Iterator[Contradiction]:
    if "LWdown" in table.values:
        emissivity = (table.values["LWdown"] / (STEFAN_BOLTZMANN * table.values["Tair"] ** 4)).dropna()
        if len(emissivity) > ENOUGH and not 0.5 < emissivity.median() < 1.05:
            yield (
                "LWdown",
                f"LW_IN is {emissivity.median():.2f} times the black-body radiation at TA in the median",
                "0.5 to 1.05 times",
            )


def _warmth(table: Table, site: Site) -> Iterator[Contradiction]:
    """Annual mean against a rough climate: 27 degC at sea level on the equator, falling with latitude and height."""
    mean = table.values["Tair"].mean() - 273.15
    climate = 27.0 - 0.0065 * site.latitude**2 - LAPSE_RATE * site.elevation
    if _days(table, "Tair") > 300 and not -25.0 < mean - climate < 20.0:
        where = f"latitude {site.latitude:g} and {site.elevation:g} m"
        yield (
            "Tair",
            f"TA is {mean:.1f} degC on average at {where}",
            f"{climate - 25:.0f} to {climate + 20:.0f} degC",
        )


def _humidity(table: Table, site: Site) -> Iterator[Contradiction]:
    """Relative humidity comes near saturation now and then (months that contradict rain or sun: `faults`)."""
    highest = relative(table.values["Tair"], table.values["VPD"]).quantile(0.999)
    if _days(table, "VPD") > 300 and highest < 40.0:
        yield "VPD", f"relative humidity is never above {highest:.0f} %", "70 to 100 % now and then"


def _wind(table: Table, site: Site) -> Iterator[Contradiction]:
    if _days(table, "Wind") < 30:
        return
    v = table.values
    if not 0.2 < v["Wind"].mean() < 12.0:
        yield "Wind", f"WS is {v['Wind'].mean():.3g} m s-1 on average", "0.2 to 12 m s-1"
    if "Ustar" in v:
        ratio = (v["Ustar"] / v["Wind"])[(v["SWdown"] > STRONG_SUN) & (v["Wind"] > 0.5)]
        # Logarithmic profile over a roughness of a tenth of the canopy height; water and ice have 0.1 mm.
        least = 0.4 * VON_KARMAN / np.log(site.reference_height / max(0.1 * site.canopy_height, 1e-4))
        if ratio.count() > ENOUGH and ratio.median() < least:
            found = f"USTAR is {ratio.median():.2g} of WS in the median by day"
            yield "Wind", found, f"more than {least:.2g} over a canopy of {site.canopy_height:g} m"


def _rain(table: Table, site: Site) -> Iterator[Contradiction]:
    """Where far more evaporates than falls, drops that no gauge can measure are a wrong unit, and no irrigation."""
    depth = table.values["Precip"].where(table.flags["Precip"] == MEASURED) * table.step
    wet = depth[depth > 0.0]
    fallen, evaporated = table.values["Precip"].mean() * YEAR, table.values["Qle"].mean() * YEAR / LATENT_HEAT
    if (
        _days(table, "Precip") > 300
        and len(wet) > ENOUGH
        and fallen < 0.15 * evaporated
        and wet.median() < 0.05
    ):
        found = f"P is {fallen:.3g} mm a year and {wet.median():.2g} mm in the median of wet intervals"
        yield "Precip", found, "about 0.1 to 0.5 mm, the sum over the interval"


def _turbulent_fluxes(table: Table, site: Site) -> Iterator[Contradiction]:
    v = table.values
    sun, night = v["SWdown"] > STRONG_SUN, v["SWdown"] < NIGHT
    for name, least in (("Qle", 12.0), ("Qh", 30.0)):
        flux, source = v[name][sun], variable(name).fluxnet
        if _days(table, name) < 90 or flux.count() < ENOUGH:
            continue
        high = max(flux.quantile(0.98), -flux.quantile(0.02))
        if high < least:
            yield name, f"{source} is at most {high:.2g} W m-2 under strong sun", f"more than {least:g} W m-2"
        # Where water is plentiful in dry country, air from outside warms the surface by day, and more so at night.
        if flux.median() < -5.0 and (name == "Qle" or v[name][night].median() > 5.0):
            yield (
                name,
                f"{source} is {flux.median():.0f} W m-2 in the median under strong sun",
                "positive upward",
            )
    fallen, evaporated = v["Precip"].mean() * YEAR, v["Qle"].mean() * YEAR / LATENT_HEAT
    if (
        min(_days(table, "Precip"), _days(table, "Qle")) > 150
        and fallen > 200.0
        and evaporated < 0.06 * fallen
    ):
        yield (
            "Qle",
            f"LE evaporates {evaporated:.3g} mm a year of {fallen:.0f} mm of precipitation",
            "more than 6 %",
        )


def _unneeded_fluxes(table: Table) -> Iterator[Contradiction]:
    v, sun = table.values, table.values["SWdown"] > STRONG_SUN
    if "Rnet" not in v or v["Rnet"][sun].count() < ENOUGH:
        return
    share = (v["Rnet"] / v["SWdown"])[sun].median()
    if not 0.05 < share < 1.1:
        yield "Rnet", f"NETRAD is {share:.2g} of SW_IN under strong sun in the median", "0.05 to 1.1"
    elif "Qg" in v and v["Qg"][sun].count() > ENOUGH:
        part = (v["Qg"] / v["Rnet"])[sun].median()
        if abs(part) > 0.5:
            yield "Qg", f"G is {part:.2g} of NETRAD under strong sun in the median", "at most 0.5"
