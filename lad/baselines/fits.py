"""The baselines by name."""

import numpy as np

from lad.baselines import lstm, plumber, regression
from lad.baselines.data import BaselineData


def predict(name: str, data: BaselineData, seeds: int) -> np.ndarray:
    """Fluxes (members, n, 2) over the record, LE and H in W m-2, of one of `lad.evaluation.models.BASELINES`.

    `seeds` members if it starts from random weights, else one. Raises InputError naming the baseline
    if the training half-hours do not suffice.
    """
    if name in plumber.FITS:
        return plumber.predict(name, [data], data.record.forcing)[np.newaxis]
    if name in regression.FITS:
        return regression.predict(name, data, seeds)
    return lstm.predict(data, seeds)
