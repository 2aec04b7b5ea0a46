"""Mean over models of different laws, with weights by the validation periods (stacking: Breiman 1996, Mach. Learn. 24,
49-64)."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from lad.evaluation.series import Simulated
from lad.observations import TARGETS, Observed

SUM_TO_ONE = 1e3  # weight of the equation that the weights sum to one, beside those of the half-hours


def stacking(simulated: dict[str, Simulated], observed: Observed) -> pd.DataFrame:
    """Weight of each model in the mean that is nearest to the tower, not negative and of sum one.

    Nearest by the mean squared error of LE and H, each by its variance, as a training is judged; of a model with seeds
    their mean counts. Columns: model, weight, loss (of the model alone); the last row is the weighted mean.
    """
    columns, tower = [], []
    for target in TARGETS:
        usable = observed.usable[target]
        flux = observed.flux[target][usable]
        unit = np.std(flux) * np.sqrt(len(TARGETS) * usable.sum())
        columns.append(np.stack([model.mean(target)[usable] for model in simulated.values()], axis=-1) / unit)
        tower.append(flux / unit)
    predictions, wanted = np.concatenate(columns), np.concatenate(tower)
    ones = np.full((1, len(simulated)), SUM_TO_ONE)
    found, _ = nnls(np.concatenate([predictions, ones]), np.append(wanted, SUM_TO_ONE))
    weights = found / found.sum()
    mixed = np.column_stack([predictions, predictions @ weights])
    return pd.DataFrame(
        {
            "model": [*simulated, "weighted mean"],
            "weight": [*weights, 1.0],
            "loss": ((mixed - wanted[:, None]) ** 2).sum(axis=0),
        }
    )
