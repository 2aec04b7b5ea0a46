"""Empirical baselines: what the forcing of a half-hour tells about a flux, without a land surface model.

A baseline is a set of predictors (variables of the forcing file) and a fit; a further one is a further line
of `BASELINES`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lad.errors import InputError

Predict = Callable[[np.ndarray], np.ndarray]


class Baseline(NamedTuple):
    """`fit` takes predictors (n, k) and flux (n,); it gives a function of predictors (m, k) to flux (m,)."""

    predictors: tuple[str, ...]
    fit: Callable[[np.ndarray, np.ndarray], Predict]


def fit_linear(predictors: np.ndarray, flux: np.ndarray) -> Predict:
    """Ordinary least squares with an intercept.

    Raises InputError if the rows do not determine the coefficients (too few, or a constant predictor).
    """

    def design(columns: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(columns)), columns])

    coefficients, _, rank, _ = np.linalg.lstsq(design(predictors), flux)
    if rank < len(coefficients):
        raise InputError(f"{len(flux)} training half-hours do not determine {len(coefficients)} coefficients")
    return lambda columns: design(columns) @ coefficients


BASELINES = {"1lin": Baseline(("SWdown",), fit_linear)}
"""1lin: linear in SWdown (Best et al. 2015, J. Hydrometeorol. 16, 1425–1442, section 2b)."""


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
