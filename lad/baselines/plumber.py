"""The mean, and the empirical models of the PLUMBER comparison: fits to the forcing of a half-hour.

After Best et al. (2015, J. Hydrometeorol. 16, 1425-1442, section 2b). To add one, add a line to `FITS`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.cluster.vq import kmeans2, vq

from lad.baselines.data import BaselineData
from lad.errors import InputError
from lad.forcing import Forcing
from lad.observations import TARGETS
from lad.towers.meteorology import relative_humidity

Predict = Callable[[np.ndarray], np.ndarray]

CLUSTERS = 27  # three ranges of each of three predictors
ROUNDS = 100  # at most, of the search for clusters


def fit_mean(predictors: np.ndarray, flux: np.ndarray) -> Predict:
    """The mean flux, whatever the predictors."""
    return lambda columns: np.full(len(columns), flux.mean())


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
    """Least squares about the mean; the slope is zero for what does not vary in the rows (the sun at night)."""
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


FITS = {
    "mean": (("SWdown",), fit_mean),
    "1lin": (("SWdown",), fit_linear),
    "2lin": (("SWdown", "Tair"), fit_linear),
    "3km27": (("SWdown", "Tair", "RH"), fit_clusters),
}
"""Name → predictors, and their fit: predictors (n, k) and flux (n,) to a function of predictors to flux."""


def predictors_of(name: str, forcing: Forcing) -> np.ndarray:
    """Predictors (n, k) of the baseline `name`: SWdown in W m-2, Tair in K, RH in %."""
    air = {key: np.asarray(getattr(forcing, key)) for key in ("SWdown", "Tair", "Qair", "Psurf")}
    air["RH"] = relative_humidity(air["Tair"], air["Qair"], air["Psurf"])
    names, _ = FITS[name]
    return np.column_stack([air[key] for key in names])


def predict(name: str, sources: Sequence[BaselineData], forcing: Forcing) -> np.ndarray:
    """Fluxes (m, 2), LE and H in W m-2, of the weather `forcing` (m,), fitted on the training half-hours of `sources`.

    Raises InputError naming the baseline if these do not suffice.
    """
    _, fit = FITS[name]
    predictors = np.concatenate([predictors_of(name, data.record.forcing) for data in sources])
    observed = np.concatenate([data.observed for data in sources])
    train = np.concatenate([data.train for data in sources])
    wanted = predictors_of(name, forcing)
    fluxes = []
    for target in range(len(TARGETS)):
        known = train[:, target]
        try:
            fluxes.append(fit(predictors[known], observed[known, target])(wanted))
        except InputError as error:
            raise InputError(f"baseline {name}: {error}") from None
    return np.stack(fluxes, axis=-1)
