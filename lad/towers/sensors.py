"""Raw tables (BASE, European database, own towers): which of several sensors is the series of a variable.

The sensor with the most values is the series, and sensors that agree with it fill its gaps. For air temperature,
humidity and wind the sensor at the reference height is the series, if heights are known.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from lad.towers.flags import FLAGS, MEASURED, MISSING, NOT_KNOWN, OWN_VALUES, REANALYSIS, SYNTHESISED
from lad.towers.variables import FLUXES, FORCING, LEAVES, PROFILES, USTAR, to_si

# Columns of the product that were never measured, whatever their own flag says.
COMPUTED = {"LW_IN_JSB_F": SYNTHESISED} | {f"{v.fluxnet}_ERA": REANALYSIS for v in FORCING.values()}
SINGLE = {name: v.fluxnet for name, v in (FORCING | FLUXES | USTAR | LEAVES).items()} | {"_RH": "RH"}
BY_HEIGHT = ("Tair", "VPD", "Wind", "_RH")
# Two sensors agree if the median of their difference is at most `a + b * mean`, in the units of the network; a
# difference above `far` is counted in a remark.
AGREEMENT = {  # a, b, far, units
    "Tair": (1.0, 0.0, 5.0, "K"),
    "VPD": (2.0, 0.1, 10.0, "hPa"),
    "_RH": (7.0, 0.0, 25.0, "%"),
    "Psurf": (0.3, 0.0, 0.5, "kPa"),
    "Wind": (0.2, 0.2, 5.0, "m s-1"),
    "SWdown": (5.0, 0.05, 200.0, "W m-2"),
    "LWdown": (10.0, 0.0, 50.0, "W m-2"),
    "Rnet": (15.0, 0.1, 200.0, "W m-2"),
    "Qle": (10.0, 0.2, 200.0, "W m-2"),
    "Qh": (10.0, 0.2, 200.0, "W m-2"),
    "Ustar": (0.05, 0.2, 1.0, "m s-1"),
    "LAI": (0.5, 0.2, 2.0, "m2 m-2"),
}
RAIN = 0.3  # two gauges agree if their sums differ by at most this share
OVERLAP = 48  # intervals in which both measured; with fewer nothing can be compared
NEARLY_ALL = 0.95  # of two places with nearly as many values the first counts
HALF = 0.5  # share of the most values that a sensor at the reference height must have
STRONG_SUN, NIGHT = 500.0, 20.0  # W m-2, at least and at most
AGAINST = (-10.0, 2.0)  # W m-2, medians under strong sun and at night of a flux of the opposite sign
FEWEST = 10  # intervals of a month that such a median needs
OTHER_HEIGHT = 0.2  # relative difference in height above which a sensor measures something else


def read_sensors(
    columns: pd.DataFrame, step: int, heights: Mapping[str, float], reference: float | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, str], list[str]]:
    """SI values (n,), flags, origins and remarks of the columns (n, …) of a raw table with intervals of `step` s.

    Values are measured, unless a column `<name>_QC` states otherwise (`stated_flag`). Fluxes that fail the
    stationarity and turbulence tests (SSITC flag 2; Foken et al. 2004) are dropped. Ground heat flux is the mean
    over the plates. `heights`: column → m above ground; `reference`: height of the tower's measurements, m.
    """
    values, flags, origins, remarks = {}, {}, {}, []
    for name, fluxnet in SINGLE.items():
        columns_of = sensors(columns, fluxnet)
        if name == "Precip":
            columns_of = columns_of.join(_rain_and_snow(columns))
        columns_of = columns_of.dropna(axis=1, how="all")
        if columns_of.empty:
            continue
        quality = pd.DataFrame(
            {column: stated_flag(columns, column, MEASURED) for column in columns_of}, columns_of.index
        )
        measured = columns_of.mask(_failed(columns, columns_of, fluxnet) | (quality == MISSING))
        if name == "Qg":
            swdown = sensors(columns, "SW_IN").mean(axis=1)
            for column in measured:  # each by itself: plates of opposite signs cancel
                measured[column], turned = upright(measured[column], swdown)
                remarks += [f"{column} {turned}"] if turned else []
            values[name], flags[name] = measured.mean(axis=1).to_numpy(float), quality.max(axis=1).to_numpy()
            origins[name] = ", ".join(measured.columns)
        else:
            own = measured.where(quality.isin(OWN_VALUES))
            own = own if own.notna().any(axis=None) else measured
            team = columns.filter(regex=rf"^{fluxnet}_PI(_F)?(_\d+)*$").dropna(axis=1, how="all")
            chosen, why = _main(name, own, heights, reference, team)
            values[name], flags[name], used, others = _joined(name, own, measured, quality, chosen, heights)
            origins[name] = ", ".join(used)
            if len(measured.columns) > 1 or re.search(r"(?<!_1_1)_\d+$", chosen[0]):
                count = measured[chosen[0]].notna().sum()
                remarks.append(f"{fluxnet}: {chosen[0]} is the series{why}, {count} values{others}")
    for name, v in PROFILES.items():
        for i, column in enumerate(sensors(columns, v.fluxnet), start=1):
            values[f"{name}_{i}"], flags[f"{name}_{i}"] = columns[column].to_numpy(float), MEASURED
            origins[f"{name}_{i}"] = column
    values = {name: value for name, value in values.items() if np.isfinite(value).any()}
    for name, value in values.items():
        fraction = name == "_RH" or name.startswith("SoilMoist")
        if fraction and 0.0 < np.nanmax(value) <= (1.1 if name == "_RH" else 1.0):
            remarks.append(f"{origins[name]} is read as a fraction, it is never above {np.nanmax(value):.3g}")
            value = 100.0 * value
        values[name] = to_si(name, value, step)
    return values, {name: flags[name] for name in values}, {name: origins[name] for name in values}, remarks


def stated_flag(columns: pd.DataFrame, source: str, otherwise: int) -> np.ndarray:
    """Flags of a column from its `_QC`, `otherwise` without one.

    Missing flags are `not_known`. Other numbers than ours are `missing`: networks give them to values that are
    not to be used.
    """
    if source in COMPUTED:
        return np.full(len(columns), COMPUTED[source])
    if f"{source}_QC" not in columns:
        return np.full(len(columns), otherwise)
    stated = columns[f"{source}_QC"].to_numpy(float)
    known = np.isin(stated, list(FLAGS))
    return np.where(known, np.nan_to_num(stated), np.where(np.isnan(stated), NOT_KNOWN, MISSING)).astype(int)


def sensors(columns: pd.DataFrame, fluxnet: str) -> pd.DataFrame:
    """Columns of one variable in natural order: plain, of the site team (_PI), with positions (_1_1_1, _1, _1_1_A)."""
    form = re.compile(rf"{fluxnet}(_PI)?((?:_\d+)?|_\d+_\d+_(?:\d+|A))")
    found = {column: match for column in columns if (match := form.fullmatch(column))}

    def order(column: str) -> tuple:
        team, position = found[column].groups()
        return (team is not None, [int(part) if part != "A" else 0 for part in position.split("_") if part])

    return columns[sorted(found, key=order)].astype(float)


def _rain_and_snow(columns: pd.DataFrame) -> pd.DataFrame:
    """Precipitation of the columns P_RAIN, with the snow of P_SNOW where the tower has a gauge for it."""
    rain, snow = sensors(columns, "P_RAIN"), sensors(columns, "P_SNOW").dropna(axis=1, how="all")
    return rain if snow.empty else rain.add(snow.mean(axis=1).fillna(0.0), axis=0)


def _failed(columns: pd.DataFrame, measured: pd.DataFrame, fluxnet: str) -> pd.DataFrame:
    """Where the values of each sensor fail its own turbulence test, or the one for all."""
    failed = pd.DataFrame(False, measured.index, measured.columns)
    for column in measured:
        position = re.sub(rf"^{fluxnet}(_PI)?", "", column)
        for test in {f"{fluxnet}_SSITC_TEST", f"{fluxnet}_SSITC_TEST{position}"} & set(columns):
            failed[column] |= columns[test] == 2
    return failed


def _position(column: str) -> str:
    """Name without the number of the replicate: TA_1_2 for TA_1_2_1, TA for TA."""
    return re.sub(r"(_\d+_\d+)_(\d+|A)$", r"\1", column)


def _main(
    name: str, own: pd.DataFrame, heights: Mapping[str, float], reference: float | None, team: pd.DataFrame
) -> tuple[list[str], str]:
    """The replicates at the place of the series, the one with the most values first, and why this place.

    `own`: each sensor's own values.
    """
    places = own.columns.to_series().groupby([_position(c) for c in own], sort=False).agg(list)
    count = {place: own[replicates].notna().any(axis=1).sum() for place, replicates in places.items()}
    most = max(count.values())
    main = next(place for place in places.index if count[place] >= NEARLY_ALL * most)
    why = ""
    if name in BY_HEIGHT:
        known = {
            place: np.mean([heights[c] for c in replicates if c in heights])
            for place, replicates in places.items()
            if count[place] >= HALF * most and any(c in heights for c in replicates)
        }
        if known and reference is not None:
            main = min(known, key=lambda place: abs(known[place] - reference))
            why = f" (at {known[main]:g} m, the reference height is {reference:g} m)"
        elif len(places) > 1 and (same := _as_the_team(own, places, team)):
            main, why = same, f" (the site team's own {team.columns[0]} is equal to it)"
        elif len(places) > 1:
            why = " (heights are not known, the first with most values)"
    replicates = sorted(places[main], key=lambda column: -own[column].notna().sum())
    return replicates, why


def _as_the_team(measured: pd.DataFrame, places: pd.Series, team: pd.DataFrame) -> str | None:
    """The place whose values equal the site team's own series in most intervals, if there is one."""
    if team.empty:
        return None
    own = team.iloc[:, 0]
    share = {}
    for place, replicates in places.items():
        difference = measured[replicates].sub(own, axis=0).abs().min(axis=1)
        share[place] = (difference <= 1e-4 * own.abs() + 1e-6).sum() / max(1, difference.notna().sum())
    share = {place: part for place, part in share.items() if not set(places[place]) <= set(team.columns)}
    best = max(share, key=share.get, default=None)
    return best if best is not None and share[best] > 0.5 else None


def _joined(
    name: str,
    own: pd.DataFrame,
    measured: pd.DataFrame,
    quality: pd.DataFrame,
    chosen: list[str],
    heights: Mapping[str, float],
) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """The series, its flags, the columns that it is from, and what was joined or left out, with counts."""
    first, *replicates = chosen
    by_count = own.notna().sum().sort_values(ascending=False, kind="stable").index
    value, flag = measured[first].to_numpy(float, copy=True), quality[first].to_numpy(copy=True)
    used, unused, notes = [first], [], [""]
    for column in (*replicates, *(column for column in by_count if column not in chosen)):
        reason, remark, apart = _disagreement(name, measured[first], measured[column])
        other = measured[column].mask(apart).to_numpy(float)
        gap = np.isnan(value) & ~np.isnan(other)
        if name in BY_HEIGHT and first in heights and column in heights:
            if abs(heights[column] - heights[first]) > OTHER_HEIGHT * heights[first]:
                reason = f"at {heights[column]:g} m"
        if reason:
            notes.append(f"{column} is left out ({measured[column].notna().sum()} values, {reason})")
        elif gap.any():
            value[gap], flag[gap] = other[gap], quality[column].to_numpy()[gap]
            used.append(column)
            notes.append(f"{column} fills {gap.sum()} of its gaps{remark}")
        else:
            unused.append(f"{column}{remark}")
    if unused:
        notes.append(
            f"{', '.join(unused)} {'agrees' if len(unused) == 1 else 'agree'} with it and fills no gap"
        )
    return value, flag, used, "; ".join(notes)


def _disagreement(name: str, one: pd.Series, other: pd.Series) -> tuple[str, str, np.ndarray]:
    """Why `other` (n,) cannot replace `one` (n,), empty if it can; how often they are far apart; and where it cannot.

    Months in which they disagree, although they agree overall, show a drift of one of them.
    """
    both = one.notna() & other.notna()
    nowhere = np.zeros(len(one), dtype=bool)
    if both.sum() < OVERLAP:
        return "", " (not compared, they hardly measured together)", nowhere
    a, b = one[both], other[both]
    if name == "Precip":
        wrong = abs(a.sum() - b.sum()) > RAIN * max(a.sum(), b.sum())
        return (f"{b.sum():.0f} mm where {one.name} has {a.sum():.0f} mm" if wrong else ""), "", nowhere
    fixed, relative, far, units = AGREEMENT[name]
    difference, tolerance = (a - b).abs(), fixed + relative * a.abs().mean()
    if difference.median() > tolerance:
        reason = f"differs by {difference.median():.3g} {units} in the median of {both.sum()} intervals"
        return reason, "", nowhere
    by_month = difference.groupby(difference.index.to_period("M"))
    drift = by_month.median()[(by_month.median() > tolerance) & (by_month.count() >= OVERLAP)]
    remark = ""
    if not drift.empty:
        remark += (
            f", not in {len(drift)} months from {drift.index[0]} on, where it differs by {drift.median():.3g}"
        )
        remark += f" {units}"
    apart = difference[difference > far]
    if not apart.empty:
        years = apart.groupby(apart.index.year).size()
        remark += (
            f" (more than {far:g} {units} from it in {len(apart)} of {both.sum()} intervals, most in {years.idxmax()}:"
            f" {years.max()})"
        )
    return "", remark, one.index.to_period("M").isin(drift.index)


def upright(flux: pd.Series, swdown: pd.Series) -> tuple[pd.Series, str]:
    """A flux into the ground (n,), W m-2, turned positive downward, and words on what was turned.

    Months are turned in which it is negative under strong sun (`swdown` (n,)) and positive at night, in the median.
    """
    month = flux.index.to_period("M")
    by_day, by_night = (flux.where(light).groupby(month) for light in (swdown > STRONG_SUN, swdown < NIGHT))
    wrong = (by_day.median() < AGAINST[0]) & (by_night.median() > AGAINST[1])
    wrong &= (by_day.count() >= FEWEST) & (by_night.count() >= FEWEST)
    rows = month.isin(wrong.index[wrong])
    if not rows.any():
        return flux, ""
    # Weak sun shows no sign: in winter it is that of the year, if most months of the year show it.
    shown = by_day.count() >= FEWEST
    for year in sorted({period.year for period in wrong.index[wrong]}):
        own = wrong.index.year == year
        if wrong[own].sum() > 0.5 * shown[own].sum():
            rows |= (month.year == year) & ~month.isin(wrong.index[shown & ~wrong])
    light, dark = flux[rows & (swdown > STRONG_SUN)].median(), flux[rows & (swdown < NIGHT)].median()
    return flux.where(~rows, -flux), (
        f"has the opposite sign, {light:.0f} W m-2 under strong sun and {dark:.0f} at night in the median, from "
        f"{flux.index[rows][0]:%Y-%m-%d} to {flux.index[rows][-1]:%Y-%m-%d}: the sign of {flux[rows].count()} values "
        "is changed"
    )
