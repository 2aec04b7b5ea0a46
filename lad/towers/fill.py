"""Filling the gaps of a record, one list of rules per variable."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers import mds, synthesis
from lad.towers.climatology import diurnal_ratio
from lad.towers.humidity import saturation
from lad.towers.record import Record, run_lengths
from lad.towers.solar import potential
from lad.towers.variables import (
    CLIMATOLOGY,
    FORCING,
    GOOD,
    INTERPOLATED,
    MISSING,
    OWN_VALUES,
    POOR,
    REANALYSIS,
    SYNTHESISED,
    variable,
)

SHORT = 4 * 3600  # s, longest gap that is interpolated
DRIEST = 0.95  # greatest deficit relative to saturation that the longwave formulas are given
WIND = 3.0  # m s-1, where no wind is known at all: about the mean over land at 10 m
ENOUGH = 1000  # intervals that a regression on the reanalysis needs
THROUGH_ZERO = ("SWdown", "Wind")  # regressions without intercept
Rule = Callable[[Record, Record, str], tuple[np.ndarray, np.ndarray | int]]


def fill(record: Record) -> Record:
    """Fill the gaps of the variables in `RULES`; values that are there and their flags stay as they are.

    Each rule sees the record as it was and as it is filled so far, and gives estimates (n,) with their flags.
    A variable of the forcing that the tower never gave is told in the remarks of the result. Raises
    InputError if a variable of the forcing has a hole that no rule can fill; fluxes may keep holes.
    """
    absent = [name for name in FORCING if name not in record.values]
    filled = replace(
        record,
        values=record.values.assign(**dict.fromkeys(absent, np.nan)),
        flags=record.flags.assign(**dict.fromkeys(absent, np.int8(MISSING))),
    )
    never = [name for name in FORCING if filled.values[name].isna().all()]
    remarks = tuple(f"{name}: never measured, every value is made up by its rule" for name in never)
    record, filled = filled, replace(filled, remarks=filled.remarks + remarks)
    for name, rules in RULES.items():
        if name not in filled.values:
            continue
        value, quality = filled.values[name].to_numpy(copy=True), filled.flags[name].to_numpy(copy=True)
        described = variable(name)
        for rule in rules:
            if not np.isnan(value).any():
                break
            estimate, flag = rule(record, filled, name)
            gap = np.isnan(value) & ~np.isnan(estimate)
            value[gap] = np.clip(estimate[gap], described.low, described.high)
            quality[gap] = np.broadcast_to(flag, gap.shape)[gap]
        filled = replace(
            filled,
            values=filled.values.assign(**{name: value}),
            flags=filled.flags.assign(**{name: quality}),
        )
        if name in FORCING and np.isnan(value).any():
            hole = filled.values[name].isna().idxmax()
            raise InputError(
                f"{record.site.site_id}: {name} is missing at {hole:%Y-%m-%d %H:%M} and cannot be "
                f"filled from the {record.values[name].notna().sum()} values of the record"
            )
    return filled


def _own(record: Record, name: str) -> pd.Series:
    """What the tower gave itself; where that is nothing, what others filled: better than to know of nothing."""
    own = record.values[name].where(record.flags[name].isin(OWN_VALUES))
    return own if own.notna().any() else record.values[name]


def interpolate(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Straight lines over gaps of up to four hours inside a segment."""
    return _lines(record, record.values[name]), INTERPOLATED


def interpolate_relative(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Deficit over short gaps from straight lines of the deficit relative to saturation."""
    saturated = saturation(filled.values["Tair"])
    return _lines(record, record.values[name] / saturated) * saturated.to_numpy(), INTERPOLATED


def _lines(record: Record, value: pd.Series) -> np.ndarray:
    lines = value.groupby(record.segment).transform(
        lambda part: part.interpolate("linear", limit_area="inside") if part.notna().any() else part
    )
    length = run_lengths(value.isna().to_numpy(), record.segment)
    return lines.where(length * record.step <= SHORT).to_numpy()


def sampled_well(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Marginal distribution sampling where its quality is good."""
    estimate, quality = _sampled(record, filled, name)
    return np.where(quality == 1, estimate, np.nan), GOOD


def sampled(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Marginal distribution sampling of any quality."""
    return _sampled(record, filled, name)[0], POOR


def sampled_flux(record: Record, filled: Record, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Marginal distribution sampling; its quality 1, 2, 3 is the flag."""
    return _sampled(record, filled, name)


def _sampled(record: Record, filled: Record, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and quality in the gaps; samples are only what the tower gave, never what somebody filled.

    Deficits are sampled relative to saturation: the weather of a gap is compared without its humidity, and a deficit
    of other days may be more than the air of this one can have. Shortwave radiation is at most the potential one:
    samples from an hour before or after would bring light into the night.
    """
    scale = saturation(filled.values["Tair"].to_numpy()) if name == "VPD" else np.ones(len(record.time))
    own = _own(record, name).to_numpy() / scale
    gap = record.values[name].isna().to_numpy()
    weather = [filled.values[driver].to_numpy() for driver in ("SWdown", "Tair", "VPD")]
    estimate, quality = np.full(len(own), np.nan), np.zeros(len(own), dtype=np.int8)
    for number in np.unique(record.segment):
        rows = np.flatnonzero(record.segment == number)
        found = mds.sample(
            own[rows], *(series[rows] for series in weather), 86400 // record.step, np.flatnonzero(gap[rows])
        )
        estimate[rows[gap[rows]]], quality[rows[gap[rows]]] = found.value, found.quality
    limit = potential(record.time, record.step, record.site) if name == "SWdown" else np.inf
    return np.minimum(estimate * scale, limit), quality


def reanalysis(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """The archive's reanalysis, brought to the level of the tower by regression on what this measured.

    The reanalysis of the FLUXNET products is so already; then the regression changes nothing.
    """
    if record.reanalysis is None or name not in record.reanalysis:
        return np.full(len(record.time), np.nan), REANALYSIS
    given = record.reanalysis[name].to_numpy()
    own = _own(record, name).to_numpy()
    both = ~np.isnan(own + given)
    if both.sum() < ENOUGH:
        return given, REANALYSIS
    x, y = given[both], own[both]
    if name == "Precip":
        return (given * y.sum() / x.sum() if x.sum() > 0.0 else given), REANALYSIS
    if name in THROUGH_ZERO:
        return given * (x @ y) / (x @ x), REANALYSIS
    slope, intercept = np.polyfit(x, y, 1)
    return slope * given + intercept, REANALYSIS


def diurnal(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Mean diurnal course of the days around, else of the season."""
    value = _own(record, name).to_numpy()
    return diurnal_ratio(record.time, record.step, value, np.ones(len(value))), CLIMATOLOGY


def steady(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """One wind speed at all times, if the record has none at all."""
    never = record.values[name].isna().all()
    return np.full(len(record.time), WIND if never else np.nan), SYNTHESISED


def dry(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """No rain: a mean course would be a drizzle at all times."""
    return np.zeros(len(record.time)), CLIMATOLOGY


def longwave(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """From temperature, humidity and clearness, plus the mean departure at the site.

    The clearness is that of the 24 hours around: at the towers tried the error is smaller than with that of each
    interval, as in LW_IN_JSB of the FLUXNET products. Where none of these was measured: the formula without it.
    """
    tair = filled.values["Tair"].to_numpy()
    vpd = np.minimum(filled.values["VPD"].to_numpy(), DRIEST * saturation(tair))
    by_clearness = synthesis.longwave(tair, vpd, _clearness(record))
    by_humidity = synthesis.longwave_by_humidity(tair, vpd)
    estimate = np.where(
        np.isnan(by_clearness), _fitted(by_humidity, record, name), _fitted(by_clearness, record, name)
    )
    return estimate, SYNTHESISED


def _clearness(record: Record) -> np.ndarray:
    """Ratio of measured to potential radiation over the 24 hours around (n,), NaN where none is measured."""
    top = potential(record.time, record.step, record.site)
    swdown = record.values["SWdown"].to_numpy()
    known = ~np.isnan(swdown) & (top > 0.0)
    sums = [
        pd.Series(np.where(known, column, 0.0))
        .groupby(record.segment)
        .rolling(86400 // record.step, center=True, min_periods=1)
        .sum()
        .to_numpy()
        for column in (np.maximum(swdown, 0.0), top)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[1] > 1.0, sums[0] / sums[1], np.nan)


def barometric(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Standard pressure at the elevation of the tower, plus the mean departure at the site.

    With the mean air temperature of the record: near the ground it varies more than in the air column, whose
    weight the pressure is.
    """
    mean = np.full(len(record.time), filled.values["Tair"].mean())
    return _fitted(synthesis.pressure(mean, record.site.elevation), record, name), SYNTHESISED


def _fitted(estimate: np.ndarray, record: Record, name: str) -> np.ndarray:
    departure = _own(record, name).to_numpy() - estimate
    return estimate if np.isnan(departure).all() else estimate + np.nanmean(departure)


# Variables in this order: later ones use what earlier ones have filled. Sampled well, reanalysis, sampled: the order
# in which ONEFlux merges them.
RULES: dict[str, tuple[Rule, ...]] = {
    "Tair": (interpolate, sampled_well, reanalysis, sampled),
    "VPD": (interpolate_relative, sampled_well, reanalysis, sampled),
    "SWdown": (sampled_well, reanalysis, sampled),
    "Precip": (reanalysis, dry),
    "Wind": (interpolate, reanalysis, diurnal, steady),
    "LWdown": (interpolate, reanalysis, longwave),
    "Psurf": (interpolate, reanalysis, barometric),
    "Qle": (sampled_flux,),
    "Qh": (sampled_flux,),
}
