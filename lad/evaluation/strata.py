"""Scores by stratum of the test half-hours: day and night, seasons, snow, rain, extreme months, hours of the day.

The scores are of half-hours, days and months, against fluxes as measured and closed. The strata
follow from the forcing and, for snow, from the calibrated LaD, so that they are the same for all models.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.evaluation.metrics import METRICS, metrics_where_defined
from lad.evaluation.series import Comparison, Simulated, counts, read_at, usable_means
from lad.io import read_netcdf
from lad.observations import TARGETS, USABLE_QC, Observed, open_series
from lad.towers.flags import DERIVED

SEASONS = {
    "Dec to Feb": (12, 1, 2),
    "Mar to May": (3, 4, 5),
    "Jun to Aug": (6, 7, 8),
    "Sep to Nov": (9, 10, 11),
}
STRATA_VARIABLES = ("SWdown", "Tair", "Rainf", "Snowf")
"""Variables of the forcing file from which the strata follow."""
LIGHT = 10.0  # W m-2 of shortwave radiation above which it is day
SNOW = 1.0  # kg m-2 above which the ground has snow
WET = 1.0  # kg m-2 of rain in the last 24 h above which it is wet
STRATA_COLUMNS = ["site", "target", "model", "correction", "scale", "stratum", "value", "n", *METRICS]
FEWEST_VALUES = {"half-hour": 48, "day": 10, "month": 6}
"""Scale → number of values below which nothing is scored."""
FREQUENCIES = {"day": "D", "month": "M"}
"""Scale of means → its period in pandas."""
TOWER = ""  # its column; no model has this name
WITHIN_DAY = ("light", "hour")
"""Strata of half-hours alone."""

Strata = Mapping[tuple[str, str], np.ndarray]
"""Stratum and value → which half-hours (n,) belong to it, bool."""


def read_snow(
    simulations: Mapping[str, Mapping[str, Path]], site: str, time: np.ndarray
) -> np.ndarray | None:
    """Snow (n,) kg m-2 of the calibrated LaD, the simulation `bulk`, at `time` (n,); None if there is none."""
    path = simulations.get("bulk", {}).get("")
    if path is None or "SWE" not in read_netcdf(path).variables:
        return None
    return read_at(path, site, ("SWE",), time)["SWE"]


def strata(
    time: np.ndarray, forcing: Mapping[str, np.ndarray], inside: np.ndarray, snow: np.ndarray | None
) -> Strata:
    """Strata of the test half-hours, those of the record where `inside` (n,) is true.

    `forcing` holds `STRATA_VARIABLES` (n,) at the interval starts `time` (n,) of the whole record, because earlier
    rain counts; `snow` (tested,) is in kg m-2, None leaves its stratum out.
    """
    step = np.diff(time).min() / np.timedelta64(1, "s")
    index = pd.DatetimeIndex(time.astype("datetime64[ns]"))
    rain = pd.Series(forcing["Rainf"] * step, index).rolling("24h").sum().to_numpy()[inside]
    light, tested = forcing["SWdown"][inside], index[inside]
    found = {("all", ""): np.ones(len(tested), dtype=bool)}
    found |= {("light", "day"): light > LIGHT, ("light", "night"): light <= LIGHT}
    found |= {("season", name): tested.month.isin(months) for name, months in SEASONS.items()}
    if snow is not None:
        found |= {("snow", "snow"): snow > SNOW, ("snow", "no snow"): snow <= SNOW}
    found |= {("rain", "wet"): rain > WET, ("rain", "dry"): rain <= WET}
    fallen = (forcing["Rainf"] + forcing["Snowf"])[inside]
    found |= _extreme_months(tested, step, forcing["Tair"][inside], fallen)
    return found | {("hour", str(hour)): tested.hour == hour for hour in range(24)}


def _extreme_months(time: pd.DatetimeIndex, step: float, tair: np.ndarray, fallen: np.ndarray) -> Strata:
    """The warmest and the driest month among those with enough of the test periods to count."""
    month = time.to_period("M")
    means = pd.DataFrame({"tair": tair, "fallen": fallen}).groupby(month).mean()
    means = means[counts(np.ones(len(time)), month, step)]
    if means.empty:
        return {}
    extremes = {"warmest month": means.tair.idxmax(), "driest month": means.fallen.idxmin()}
    return {(name, str(extreme)): month == extreme for name, extreme in extremes.items()}


def read_closed(path: str | Path, site: str, raw: Observed) -> Observed | None:
    """`raw` with the fluxes corrected for the energy balance (`lad.towers.closure`); None if the file has none.

    Half-hours are usable if they are so in `raw` and have a correction. Raises InputError as `open_series`.
    """
    names = [f"{name}_cor{end}" for name in TARGETS.values() for end in ("", "_qc")]
    if not set(names) <= set(read_netcdf(path).variables):
        return None
    dataset = open_series(path, site, names)
    flux = {target: dataset[f"{name}_cor"].values.astype(float) for target, name in TARGETS.items()}
    corrected = {
        target: np.isfinite(flux[target]) & np.isin(dataset[f"{name}_cor_qc"].values, (*USABLE_QC, DERIVED))
        for target, name in TARGETS.items()
    }
    return raw._replace(
        flux=flux, usable={target: raw.usable[target] & corrected[target] for target in TARGETS}
    )


def strata_scores(
    site: str, corrections: Mapping[str, Observed], simulated: Mapping[str, Simulated], strata: Strata
) -> pd.DataFrame:
    """One row of `STRATA_COLUMNS` per target, correction, scale, stratum and model (the mean over its seeds).

    `corrections` maps `raw` and `closed` to the observed fluxes; they, `simulated` and `strata` hold the test
    half-hours. Scores are NaN where the values are fewer than `FEWEST_VALUES` or do not vary.
    """
    rows = []
    for target in TARGETS:
        for correction, observed in corrections.items():
            fluxes = _fluxes(target, observed, simulated)
            for scale, fewest in FEWEST_VALUES.items():
                scaled, members = _at_scale(scale, fluxes, strata)
                assert not scaled.isna().to_numpy().any(), "a model has other half-hours than the tower"
                tower = scaled[TOWER].to_numpy()
                for (stratum, value), chosen in members.items():
                    for model in scaled.columns.drop(TOWER):
                        scores = metrics_where_defined(
                            scaled[model].to_numpy()[chosen], tower[chosen], fewest
                        )
                        keys = (site, target, model, correction, scale, stratum, value, int(chosen.sum()))
                        rows.append((*keys, *scores.values()))
    return pd.DataFrame(rows, columns=STRATA_COLUMNS)


def _fluxes(target: str, observed: Observed, simulated: Mapping[str, Simulated]) -> pd.DataFrame:
    """Flux at the test half-hours: the column `TOWER`, NaN where it is not usable, and one for each model's mean."""
    comparison = Comparison("", observed, simulated)
    return pd.DataFrame({TOWER: comparison.tower(target), **comparison.means(target)})


def _at_scale(scale: str, fluxes: pd.DataFrame, strata: Strata) -> tuple[pd.DataFrame, Strata]:
    """Usable fluxes and their strata: means over the same usable half-hours for tower and models.

    A day or month that counts (`lad.evaluation.series`) belongs to the stratum of more than half of its half-hours.
    """
    usable = fluxes[TOWER].notna().to_numpy()
    if scale == "half-hour":
        return fluxes[usable], {key: chosen[usable] for key, chosen in strata.items()}
    means, period = (
        usable_means(fluxes, usable, FREQUENCIES[scale]),
        fluxes.index.to_period(FREQUENCIES[scale]),
    )
    members = {
        key: (pd.Series(chosen).groupby(period).mean().loc[means.index] > 0.5).to_numpy()
        for key, chosen in strata.items()
        if key[0] not in WITHIN_DAY
    }
    return means, members
