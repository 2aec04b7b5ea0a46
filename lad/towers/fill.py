"""Filling the gaps of the meteorology, one rule per variable. Fluxes are never filled."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers import synthesis
from lad.towers.climatology import diurnal_ratio
from lad.towers.humidity import saturation
from lad.towers.record import Record, run_lengths
from lad.towers.solar import potential
from lad.towers.variables import CLIMATOLOGY, INTERPOLATED, MISSING, SYNTHESISED, variable

SHORT = 4 * 3600  # s, longest gap that is interpolated
DRIEST = 0.95  # greatest deficit relative to saturation that the longwave formula is given
Rule = Callable[[Record, Record, str], np.ndarray]


def fill(record: Record) -> Record:
    """Fill every gap of the variables in `RULES`; values that are there and their flags stay as they are.

    Each rule sees the record as it was and as it is filled so far. Raises InputError if a variable has a hole
    that no rule can fill.
    """
    absent = {name: np.nan for name in RULES if name not in record.values}
    record = replace(
        record,
        values=record.values.assign(**absent),
        flags=record.flags.assign(**{name: np.int8(MISSING) for name in absent}),
    )
    filled = replace(record, values=record.values.copy(), flags=record.flags.copy())
    for name, rules in RULES.items():
        described = variable(name)
        for flag, rule in rules:
            value, quality = filled.values[name].to_numpy(copy=True), filled.flags[name].to_numpy(copy=True)
            gap = np.isnan(value)
            if not gap.any():
                break
            estimate = rule(record, filled, name)
            gap &= ~np.isnan(estimate)
            value[gap], quality[gap] = np.clip(estimate[gap], described.low, described.high), flag
            filled.values[name], filled.flags[name] = value, quality
        hole = filled.values[name].isna()
        if hole.any():
            raise InputError(
                f"{record.site.site_id}: {name} is missing at {hole.idxmax():%Y-%m-%d %H:%M} and cannot be "
                f"filled from the {record.values[name].notna().sum()} values of the record"
            )
    return filled


def interpolate(record: Record, filled: Record, name: str) -> np.ndarray:
    """Straight lines over gaps of up to four hours inside a segment."""
    return _lines(record, record.values[name])


def interpolate_relative(record: Record, filled: Record, name: str) -> np.ndarray:
    """Deficit over short gaps from straight lines of the deficit relative to saturation."""
    saturated = saturation(filled.values["Tair"])
    return _lines(record, record.values[name] / saturated) * saturated.to_numpy()


def _lines(record: Record, value: pd.Series) -> np.ndarray:
    lines = value.groupby(record.segment).transform(
        lambda part: part.interpolate("linear", limit_area="inside") if part.notna().any() else part
    )
    length = run_lengths(value.isna().to_numpy(), record.segment)
    return lines.where(length * record.step <= SHORT).to_numpy()


def diurnal(record: Record, filled: Record, name: str) -> np.ndarray:
    """Mean diurnal course of the days around, else of the season."""
    value = record.values[name].to_numpy()
    return diurnal_ratio(record.time, record.step, value, np.ones(len(value)))


def diurnal_relative(record: Record, filled: Record, name: str) -> np.ndarray:
    """Mean diurnal course of the deficit relative to saturation, so that it goes with the air temperature."""
    value, saturated = record.values[name].to_numpy(), saturation(filled.values["Tair"].to_numpy())
    return saturated * diurnal_ratio(record.time, record.step, value, saturated)


def clearness(record: Record, filled: Record, name: str) -> np.ndarray:
    """Potential radiation times the mean clearness at that clock time of the days around."""
    top = potential(record.time, record.step, record.site)
    ratio = diurnal_ratio(record.time, record.step, np.maximum(record.values[name].to_numpy(), 0.0), top)
    return np.where(top > 0.0, top * np.clip(ratio, 0.0, 1.0), 0.0)


def dry(record: Record, filled: Record, name: str) -> np.ndarray:
    """No rain: a mean course would be a drizzle at all times."""
    return np.zeros(len(record.time))


def longwave(record: Record, filled: Record, name: str) -> np.ndarray:
    """From temperature, humidity and clearness (24 hours around), plus the mean departure at the site."""
    daily = 86400 // record.step
    sums = [
        pd.Series(column).groupby(record.segment).rolling(daily, center=True, min_periods=1).sum().to_numpy()
        for column in (
            np.maximum(filled.values["SWdown"].to_numpy(), 0.0),
            potential(record.time, record.step, record.site),
        )
    ]
    ratio = sums[0] / np.where(sums[1] > 0.0, sums[1], np.nan)
    ratio = np.where(np.isnan(ratio), np.nanmean(ratio), ratio)  # polar night
    tair = filled.values["Tair"].to_numpy()
    vpd = np.minimum(filled.values["VPD"].to_numpy(), DRIEST * saturation(tair))
    estimate = synthesis.longwave(tair, vpd, ratio)
    return _fitted(estimate, record, name)


def barometric(record: Record, filled: Record, name: str) -> np.ndarray:
    """Standard pressure at the elevation of the tower, plus the mean departure at the site.

    With the mean air temperature of the record: near the ground it varies more than in the air column, whose
    weight the pressure is.
    """
    mean = np.full(len(record.time), filled.values["Tair"].mean())
    return _fitted(synthesis.pressure(mean, record.site.elevation), record, name)


def _fitted(estimate: np.ndarray, record: Record, name: str) -> np.ndarray:
    departure = record.values[name].to_numpy() - estimate
    return estimate if np.isnan(departure).all() else estimate + np.nanmean(departure)


# In this order: later rules use what earlier ones have filled.
RULES: dict[str, list[tuple[int, Rule]]] = {
    "Tair": [(INTERPOLATED, interpolate), (CLIMATOLOGY, diurnal)],
    "VPD": [(INTERPOLATED, interpolate_relative), (CLIMATOLOGY, diurnal_relative)],
    "Wind": [(INTERPOLATED, interpolate), (CLIMATOLOGY, diurnal)],
    "SWdown": [(CLIMATOLOGY, clearness)],
    "Precip": [(CLIMATOLOGY, dry)],
    "LWdown": [(INTERPOLATED, interpolate), (SYNTHESISED, longwave)],
    "Psurf": [(INTERPOLATED, interpolate), (SYNTHESISED, barometric)],
}
