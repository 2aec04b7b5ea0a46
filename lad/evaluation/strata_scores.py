"""Scores by stratum, of half-hours, days and months, against fluxes as measured and closed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lad.evaluation.means import usable_means
from lad.evaluation.metrics import METRICS, metrics_where_defined
from lad.evaluation.models import ordered
from lad.evaluation.series import Simulated
from lad.evaluation.strata import Strata
from lad.io import read_netcdf
from lad.observations import TARGETS, USABLE_QC, Observed, open_series
from lad.towers.flags import DERIVED

COLUMNS = ["site", "target", "model", "correction", "scale", "stratum", "value", "n", *METRICS]
FEWEST = {"half-hour": 48, "day": 10, "month": 6}
"""Scale → number of values below which nothing is scored."""
PERIODS = {"day": "D", "month": "M"}
"""Scale of means → its period in pandas."""
TOWER = ""  # its column; no model has this name
WITHIN_DAY = ("light", "hour")
"""Strata of half-hours alone."""


def read_closed(path: str | Path, site: str, raw: Observed) -> Observed | None:
    """`raw` with the fluxes corrected for the energy balance (`lad.towers.closure`); None if the file has none.

    Usable is what is so in `raw` and has a correction. Raises InputError as `open_series`.
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
    """One row of `COLUMNS` per target, correction, scale, stratum and model (the mean over its seeds).

    `corrections` maps `raw` and `closed` to the observed fluxes; they, `simulated` and `strata` hold the test
    half-hours. Scores are NaN where the values are fewer than `FEWEST` or do not vary.
    """
    rows = []
    for target in TARGETS:
        for correction, observed in corrections.items():
            fluxes = _fluxes(target, observed, simulated)
            for scale, fewest in FEWEST.items():
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
    return pd.DataFrame(rows, columns=COLUMNS)


def _fluxes(target: str, observed: Observed, simulated: Mapping[str, Simulated]) -> pd.DataFrame:
    """Flux at the test half-hours: the column `TOWER`, NaN where it is not usable, and one for each model's mean."""
    tower = np.where(observed.usable[target], observed.flux[target], np.nan)
    models = {model: simulated[model].mean(target) for model in ordered(list(simulated))}
    return pd.DataFrame({TOWER: tower} | models, pd.DatetimeIndex(observed.time.astype("datetime64[ns]")))


def _at_scale(scale: str, fluxes: pd.DataFrame, strata: Strata) -> tuple[pd.DataFrame, Strata]:
    """Usable fluxes and their strata: means over the same usable half-hours for tower and models.

    A day or month that counts (`lad.evaluation.means`) belongs to the stratum with which more than half of its
    half-hours are.
    """
    usable = fluxes[TOWER].notna().to_numpy()
    if scale == "half-hour":
        return fluxes[usable], {key: chosen[usable] for key, chosen in strata.items()}
    means, period = usable_means(fluxes, usable, PERIODS[scale]), fluxes.index.to_period(PERIODS[scale])
    members = {
        key: (pd.Series(chosen).groupby(period).mean().loc[means.index] > 0.5).to_numpy()
        for key, chosen in strata.items()
        if key[0] not in WITHIN_DAY
    }
    return means, members
