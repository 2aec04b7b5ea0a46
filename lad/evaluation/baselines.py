"""Empirical baselines: what the forcing of a half-hour tells about a flux, without a land surface model.

Those of the PLUMBER comparison (Best et al. 2015, J. Hydrometeorol. 16, 1425-1442, section 2b). A baseline is a set of
predictors and a fit; a further one is a further line of `BASELINES`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2, vq

from lad.errors import InputError
from lad.towers.humidity import relative_humidity

Predict = Callable[[np.ndarray], np.ndarray]

VARIABLES = ("SWdown", "Tair", "Qair", "Psurf")
"""Variables of the forcing file from which all predictors follow."""
CLUSTERS = 27  # three ranges of each of three predictors
ROUNDS = 100  # at most, of the search for clusters


class Baseline(NamedTuple):
    """`fit` takes predictors (n, k) and flux (n,); it gives a function of predictors (m, k) to flux (m,)."""

    predictors: tuple[str, ...]
    fit: Callable[[np.ndarray, np.ndarray], Predict]


def predictors_of(forcing: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All predictors (n,) from `VARIABLES` (n,): SWdown in W m-2, Tair in K, RH in %."""
    humidity = relative_humidity(forcing["Tair"], forcing["Qair"], forcing["Psurf"])
    return {"SWdown": forcing["SWdown"], "Tair": forcing["Tair"], "RH": humidity}


def fit_linear(predictors: np.ndarray, flux: np.ndarray) -> Predict:
    """Ordinary least squares with an intercept.

    Raises InputError if the rows do not determine the coefficients (too few, or a constant predictor).
    """
    if len(flux) <= predictors.shape[1] or (np.ptp(predictors, axis=0) == 0).any():
        raise InputError(
            f"{len(flux)} training half-hours do not determine {predictors.shape[1] + 1} coefficients"
        )
    return _least_squares(predictors, flux)


def _least_squares(predictors: np.ndarray, flux: np.ndarray) -> Predict:
    """Least squares about the mean; along what does not vary in the rows (the sun at night) the slope is zero."""
    centre, mean = predictors.mean(axis=0), flux.mean()
    slope = np.linalg.lstsq(predictors - centre, flux - mean, rcond=1e-6)[0]
    return lambda columns: mean + (columns - centre) @ slope


def fit_clusters(predictors: np.ndarray, flux: np.ndarray) -> Predict:
    """A least-squares plane in each of `CLUSTERS` clusters of like half-hours (k-means of scaled predictors).

    Raises InputError for fewer half-hours than clusters and for a constant predictor.
    """
    scale = predictors.std(axis=0)
    if len(flux) < CLUSTERS or (scale == 0).any():
        raise InputError(f"{len(flux)} training half-hours do not determine {CLUSTERS} clusters")
    scaled = predictors / scale
    centres, own = kmeans2(scaled, CLUSTERS, iter=ROUNDS, minit="++", rng=np.random.default_rng(0))
    centres = centres[np.unique(own)]  # without empty ones
    own, _ = vq(scaled, centres)
    planes = [_least_squares(scaled[own == k], flux[own == k]) for k in range(len(centres))]

    def predict(columns: np.ndarray) -> np.ndarray:
        scaled = columns / scale
        nearest, _ = vq(scaled, centres)
        each = np.stack([plane(scaled) for plane in planes])
        return each[nearest, np.arange(len(scaled))]

    return predict


BASELINES = {
    "1lin": Baseline(("SWdown",), fit_linear),
    "2lin": Baseline(("SWdown", "Tair"), fit_linear),
    "3km27": Baseline(("SWdown", "Tair", "RH"), fit_clusters),
}
"""Name → predictors and fit."""


def predict(
    name: str, forcing: dict[str, np.ndarray], flux: np.ndarray, training: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Flux of the baseline `name` at the half-hours `wanted`, fitted on the half-hours `training` alone.

    `forcing` holds the predictors (n,), `flux` (n,) is observed; `training` and `wanted` are bool (n,).
    Raises InputError naming the baseline if the training half-hours do not suffice.
    """
    baseline = BASELINES[name]
    predictors = np.column_stack([forcing[predictor] for predictor in baseline.predictors])
    try:
        return baseline.fit(predictors[training], flux[training])(predictors[wanted])
    except InputError as error:
        raise InputError(f"baseline {name}: {error}") from None
