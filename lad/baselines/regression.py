"""Regressions on the weather of a half-hour and before it: does a model without physics do as well?

Each target is fitted by itself, on its usable half-hours of training; those of validation decide when to stop.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from lad.baselines.data import BaselineData, standardised, with_antecedents
from lad.errors import InputError
from lad.observations import TARGETS
from lad.progress import Progress

TREES = {"learning_rate": 0.05, "max_iter": 1000, "max_leaf_nodes": 31, "min_samples_leaf": 200}
PATIENCE_TREES = 30
NETWORK = {"hidden_layer_sizes": (32, 32), "learning_rate_init": 3e-3, "alpha": 1e-3, "batch_size": 256}
EPOCHS = 60
PATIENCE_EPOCHS = 10

Predict = Callable[[np.ndarray], np.ndarray]


class Pairs(NamedTuple):
    """Inputs (n, k) and flux (n,)."""

    inputs: np.ndarray
    flux: np.ndarray


def boosted_trees(train: Pairs, validation: Pairs, seed: int) -> Predict:
    """Gradient boosting of trees on histograms (Ke et al. 2017, NeurIPS 30)."""
    trees = HistGradientBoostingRegressor(
        **TREES, early_stopping=True, n_iter_no_change=PATIENCE_TREES, random_state=seed
    )
    return trees.fit(*train, X_val=validation.inputs, y_val=validation.flux).predict


def perceptron(train: Pairs, validation: Pairs, seed: int) -> Predict:
    """Network of two hidden layers, with the weights of the epoch of lowest validation loss."""
    mean, std = train.flux.mean(), train.flux.std()
    network = MLPRegressor(**NETWORK, random_state=np.random.RandomState(seed))  # other batches in each epoch
    lowest, best, waited = np.inf, None, 0
    for _ in range(EPOCHS):
        network.partial_fit(train.inputs, (train.flux - mean) / std)
        loss = np.mean((network.predict(validation.inputs) * std + mean - validation.flux) ** 2)
        waited += 1
        if loss < lowest:
            lowest, waited = loss, 0
            best = [array.copy() for array in (*network.coefs_, *network.intercepts_)]
        if waited == PATIENCE_EPOCHS:
            break
    if best is None:
        raise InputError("ann: validation loss not finite after the first epoch")
    layers = len(network.coefs_)
    network.coefs_, network.intercepts_ = best[:layers], best[layers:]
    return lambda inputs: network.predict(inputs) * std + mean


FITS = {"gbt": boosted_trees, "ann": perceptron}


def predict(name: str, data: BaselineData, seeds: int) -> np.ndarray:
    """Fluxes (seeds, n, 2) in W m-2 over the record, of one of `FITS`."""
    inputs = standardised(with_antecedents(data).to_numpy(), data.train.any(axis=1))
    progress = Progress(f"{data.site} {name}", seeds * len(TARGETS))
    fluxes = np.empty((seeds, *data.observed.shape))
    for number, (seed, target) in enumerate(np.ndindex(seeds, len(TARGETS)), start=1):
        train, validation = (
            Pairs(inputs[rows[:, target]], data.observed[rows[:, target], target])
            for rows in (data.train, data.validation)
        )
        with threadpool_limits(1):  # sums of several threads would depend on their number
            fluxes[seed, :, target] = FITS[name](train, validation, seed)(inputs)
        progress.update(number)
    return fluxes
