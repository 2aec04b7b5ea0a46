"""Filling the gaps of a record, one list of rules per variable."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from lad.constants import DAY
from lad.errors import InputError
from lad.towers import mds
from lad.towers.flags import (
    CLIMATOLOGY,
    FLAGS,
    GOOD,
    INTERPOLATED,
    MISSING,
    OWN_VALUES,
    POOR,
    REANALYSIS,
    SYNTHESISED,
)
from lad.towers.meteorology import longwave, longwave_by_humidity, potential, pressure, saturation
from lad.towers.record import Record, run_lengths
from lad.towers.variables import FLUXES, FORCING, variable

SHORT = 4 * 3600  # s, longest gap that is interpolated
DRIEST = 0.95  # greatest deficit relative to saturation that the longwave formulas are given
WIND = 3.0  # m s-1, where no wind is known at all: about the mean over land at 10 m
FEWEST_COMMON = 1000  # intervals that a regression on the reanalysis needs
THROUGH_ZERO = ("SWdown", "Wind")  # regressions without intercept
DAYS_AROUND = (7, 14, 28)  # days before and after, of the mean diurnal course
SEASONS = (7, 14, 28, 91, 183)  # days before and after the day of the year
FEWEST_SAMPLES = 5
Rule = Callable[[Record, Record, str], tuple[np.ndarray, np.ndarray | int]]


def fill(record: Record) -> Record:
    """Fill the gaps of the variables in `RULES`; existing values and their flags stay as they are.

    Each rule gets the original record and the record filled so far, and gives estimates (n,) with their flags.
    The remarks of the result name the variables of the forcing without a measured value. Raises InputError if a
    variable of the forcing has a gap that no rule can fill; fluxes may keep gaps.
    """
    absent = [name for name in FORCING if name not in record.values]
    filled = replace(
        record,
        values=record.values.assign(**dict.fromkeys(absent, np.nan)),
        flags=record.flags.assign(**dict.fromkeys(absent, np.int8(MISSING))),
    )
    record = filled
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
            filled, values=filled.values.assign(**{name: value}), flags=filled.flags.assign(**{name: quality})
        )
        if name in FORCING and np.isnan(value).any():
            hole = filled.values[name].isna().idxmax()
            raise InputError(
                f"{record.site.site_id}: {name} is missing at {hole:%Y-%m-%d %H:%M} and cannot be "
                f"filled from the {record.values[name].notna().sum()} values of the record"
            )
    remarks = []
    for name in FORCING:
        if not record.flags[name].isin(OWN_VALUES).any():
            kinds = filled.flags[name].map(FLAGS).value_counts(normalize=True)
            listed = ", ".join(f"{share:.0%} {kind}" for kind, share in kinds.items() if share >= 0.005)
            remarks.append(f"{name}: no measured value, {listed}")
    return replace(filled, remarks=(*filled.remarks, *remarks))


def _own(record: Record, name: str) -> pd.Series:
    """The tower's own values; without any, filled values, which are better than none."""
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
    estimate, quality = sampled_flux(record, filled, name)
    return np.where(quality == 1, estimate, np.nan), GOOD


def sampled(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Marginal distribution sampling of any quality."""
    return sampled_flux(record, filled, name)[0], POOR


def sampled_flux(record: Record, filled: Record, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Marginal distribution sampling; its quality 1, 2, 3 is the flag. Only the tower's own values are sampled.

    Deficits are sampled relative to saturation: the weather of a gap is compared without its humidity, and a deficit
    of another day may exceed saturation on this one. Shortwave radiation is limited to the potential one: samples from
    an hour before or after would bring light into the night.
    """
    scale = saturation(filled.values["Tair"].to_numpy()) if name == "VPD" else np.ones(len(record.time))
    own = _own(record, name).to_numpy() / scale
    gap = record.values[name].isna().to_numpy()
    weather = [filled.values[driver].to_numpy() for driver in ("SWdown", "Tair", "VPD")]
    estimate, quality = np.full(len(own), np.nan), np.zeros(len(own), dtype=np.int8)
    for number in np.unique(record.segment):
        rows = np.flatnonzero(record.segment == number)
        found = mds.sample(
            own[rows], *(series[rows] for series in weather), DAY // record.step, np.flatnonzero(gap[rows])
        )
        estimate[rows[gap[rows]]], quality[rows[gap[rows]]] = found.value, found.quality
    limit = potential(record.time, record.step, record.site) if name == "SWdown" else np.inf
    return np.minimum(estimate * scale, limit), quality


def reanalysis(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """The archive's reanalysis, brought to the tower's level by regression on the tower's own values.

    That of the FLUXNET products is at this level already; then the regression changes nothing.
    """
    if record.reanalysis is None or name not in record.reanalysis:
        return np.full(len(record.time), np.nan), REANALYSIS
    given = record.reanalysis[name].to_numpy()
    own = _own(record, name).to_numpy()
    both = ~np.isnan(own + given)
    if both.sum() < FEWEST_COMMON:
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
    return mean_diurnal_course(record.time, record.step, _own(record, name).to_numpy()), CLIMATOLOGY


def mean_diurnal_course(time: np.ndarray, step: int, value: np.ndarray) -> np.ndarray:
    """Mean of `value` (n,), NaN where missing, at the same clock time of the days around each interval start, (n,).

    The narrowest window with enough samples counts: neighbouring days first (Falge et al. 2001), then the same season
    of all years. NaN where the record has no sample at that clock time.
    """
    seconds = time.astype("datetime64[s]").astype(np.int64)
    day, slot = seconds // DAY - seconds[0] // DAY, seconds % DAY // step
    dates = seconds[0] // DAY + np.arange(day[-1] + 1)
    sample = ~np.isnan(value)
    grids = np.zeros((2, len(dates), DAY // step))  # numbers and sums of the samples
    grids[0, day[sample], slot[sample]], grids[1, day[sample], slot[sample]] = 1.0, value[sample]
    result = np.full(grids.shape[1:], np.nan)
    for fewest, (count, total) in _windows(grids, dates):
        take = np.isnan(result) & (count >= fewest)
        result[take] = total[take] / count[take]
    return result[day, slot]


def _windows(grids: np.ndarray, dates: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The number of samples that a window needs, and its sums (2, days, slots); from narrow to wide windows."""
    for days in DAYS_AROUND:
        yield FEWEST_SAMPLES, _moving_sum(grids, days)
    calendar = dates.astype("datetime64[D]")
    season = (calendar - calendar.astype("datetime64[Y]")).astype(int)  # 0 … 365
    years = np.zeros((2, 366, grids.shape[2]))
    for grid, total in zip(grids, years, strict=True):
        np.add.at(total, season, grid)
    for days in SEASONS:
        around = np.concatenate([years[:, -days:], years, years[:, :days]], axis=1)
        sums = _moving_sum(around, days)[:, days:-days][:, season]
        yield FEWEST_SAMPLES if days != SEASONS[-1] else 1, sums


def _moving_sum(grids: np.ndarray, days: int) -> np.ndarray:
    """Sum over the rows from `days` before to `days` after each row, fewer at the ends."""
    n = grids.shape[1]
    total = np.concatenate([np.zeros_like(grids[:, :1]), np.cumsum(grids, axis=1)], axis=1)
    row = np.arange(n)
    return total[:, np.minimum(row + days + 1, n)] - total[:, np.maximum(row - days, 0)]


def steady(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """One wind speed at all times, if the record has no wind."""
    never = record.values[name].isna().all()
    return np.full(len(record.time), WIND if never else np.nan), SYNTHESISED


def dry(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """No rain: a mean course would be a drizzle at all times."""
    return np.zeros(len(record.time)), CLIMATOLOGY


def from_the_air(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """From temperature, humidity and clearness, plus the mean departure at the site.

    The clearness is that of the 24 hours around: at the towers tried the error is smaller than with that of each
    interval, which LW_IN_JSB of the FLUXNET products uses. If none of these hours was measured, a formula
    without clearness is used.
    """
    tair = filled.values["Tair"].to_numpy()
    vpd = np.minimum(filled.values["VPD"].to_numpy(), DRIEST * saturation(tair))
    by_clearness = longwave(tair, vpd, _clearness(record))
    by_humidity = longwave_by_humidity(tair, vpd)
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
        .rolling(DAY // record.step, center=True, min_periods=1)
        .sum()
        .to_numpy()
        for column in (np.maximum(swdown, 0.0), top)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[1] > 1.0, sums[0] / sums[1], np.nan)


def barometric(record: Record, filled: Record, name: str) -> tuple[np.ndarray, int]:
    """Standard pressure at the elevation of the tower, plus the mean departure at the site.

    With the mean air temperature of the record: it varies more near the ground than in the air column, whose weight
    is the pressure.
    """
    mean = np.full(len(record.time), filled.values["Tair"].mean())
    return _fitted(pressure(mean, record.site.elevation), record, name), SYNTHESISED


def _fitted(estimate: np.ndarray, record: Record, name: str) -> np.ndarray:
    departure = _own(record, name).to_numpy() - estimate
    return estimate if np.isnan(departure).all() else estimate + np.nanmean(departure)


def gap_report(record: Record, filled: Record) -> pd.DataFrame:
    """Shares (%) of the flags and longest stretch without a value of the tower's own (days), by variable and year.

    Values that a product filled are gaps too.
    """
    year = filled.values.index.year
    parts = []
    for name in [name for name in FORCING | FLUXES if name in filled.values]:
        flags = filled.flags[name]
        table = pd.DataFrame(
            {kind: 100.0 * (flags == code).groupby(year).mean() for code, kind in FLAGS.items()}
        )
        given = record.flags[name] if name in record.flags else np.full(len(flags), MISSING)
        gap = ~np.isin(given, OWN_VALUES)
        days = pd.Series(run_lengths(gap, record.segment) * record.step / DAY, index=flags.index)
        table["longest_gap_days"] = days.groupby(year).max()
        table.insert(0, "rows", flags.groupby(year).size())
        parts.append(table.rename_axis("year").reset_index().assign(variable=name))
    report = pd.concat(parts, ignore_index=True)
    return report[["variable", *report.columns.drop("variable")]].round(3)


# Variables in this order: later ones use what earlier ones have filled. Sampled well, reanalysis, sampled: the order
# in which ONEFlux merges them.
RULES: dict[str, tuple[Rule, ...]] = {
    "Tair": (interpolate, sampled_well, reanalysis, sampled),
    "VPD": (interpolate_relative, sampled_well, reanalysis, sampled),
    "SWdown": (sampled_well, reanalysis, sampled),
    "Precip": (reanalysis, dry),
    "Wind": (interpolate, reanalysis, diurnal, steady),
    "LWdown": (interpolate, reanalysis, from_the_air),
    "Psurf": (interpolate, reanalysis, barometric),
    "Qle": (sampled_flux,),
    "Qh": (sampled_flux,),
}
