"""Mean over models of different laws, with weights from the validation periods (stacking: Breiman 1996, Mach. Learn.
24, 49-64)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import nnls

from lad.cf import intervals
from lad.errors import InputError
from lad.evaluation.series import positions
from lad.observations import TARGETS, Observed

SUM_TO_ONE = 1e3  # weight of the equation that the weights sum to one, among those of the half-hours
FRAME = ("time_bnds", "segment")


def weighted_mean(
    runs: Mapping[str, Sequence[xr.Dataset]], observed: Observed
) -> tuple[xr.Dataset, pd.DataFrame]:
    """The weighted mean of models that is nearest to the tower in the half-hours `observed`, and its weights.

    `runs` has the run of each seed, by model; several seeds enter by their mean. Weights are not negative and sum to
    one; nearest is by the mean squared error of LE and H, each over its variance in `observed`. The mean has `Qle` and
    `Qh` (W m-2, positive upward); the table has model, weight, and loss of the model alone, the mean in its last row.
    Raises InputError for runs that lack a half-hour or are not finite.
    """
    means = {
        name: {v: np.mean([run[v].values for run in of_model], axis=0) for v in TARGETS.values()}
        for name, of_model in runs.items()
    }
    rows = {
        name: positions(intervals(of_model[0], name)[0], observed.time, name)
        for name, of_model in runs.items()
    }
    columns, tower = [], []
    for target, variable in TARGETS.items():
        usable = observed.usable[target]
        flux = observed.flux[target][usable]
        unit = np.std(flux) * np.sqrt(len(TARGETS) * usable.sum())
        columns.append(np.stack([means[name][variable][rows[name]][usable] for name in runs], axis=-1) / unit)
        tower.append(flux / unit)
    predictions, wanted = np.concatenate(columns), np.concatenate(tower)
    for name, finite in zip(runs, np.isfinite(predictions).all(axis=0), strict=True):
        if not finite:
            raise InputError(f"{name}: a flux is not finite in the validation periods")
    ones = np.full((1, len(runs)), SUM_TO_ONE)
    found, _ = nnls(np.concatenate([predictions, ones]), np.append(wanted, SUM_TO_ONE))
    weights = found / found.sum()
    mixed = np.column_stack([predictions, predictions @ weights])
    loss = ((mixed - wanted[:, None]) ** 2).sum(axis=0)
    table = pd.DataFrame({"model": [*runs, "weighted mean"], "weight": [*weights, 1.0], "loss": loss})
    first = next(iter(runs.values()))[0]
    # Without states and budgets, which would belong to no single column, and without the file's packing.
    mean = first[[*(name for name in FRAME if name in first), *TARGETS.values()]].drop_encoding()
    mean.time.encoding = {
        key: first.time.encoding[key] for key in ("units", "dtype") if key in first.time.encoding
    }
    for v in TARGETS.values():
        values = sum(weight * of_model[v] for weight, of_model in zip(weights, means.values(), strict=True))
        mean[v] = ("time", values, first[v].attrs)
    mean.attrs = {
        name: first.attrs[name]
        for name in ("Conventions", "site_id", "igbp", "utc_offset_hours")
        if name in first.attrs
    }
    return mean, table
