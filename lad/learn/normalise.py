"""Scaling of a network's inputs and outputs by the statistics of its training period."""

import jax
import jax.numpy as jnp
import numpy as np

from lad.fluxes import BulkFluxes, Scaling, network_inputs
from lad.learn.data import LearningData
from lad.learn.survey import FIRST_SPIN_UP
from lad.model import Model
from lad.parameters import Parameters
from lad.simulation import free_runs
from lad.state import State


def calibrated_states(data: LearningData, parameters: Parameters, start: State, solver) -> State:
    """States (n,) at the end of each interval of a free run of LaD itself with `parameters`."""
    model = Model(parameters, BulkFluxes())
    runs = free_runs(
        solver, model, data.forcing, data.time, data.segments, data.dt, lambda _: start, FIRST_SPIN_UP
    )
    return jax.tree.map(lambda *x: np.concatenate(x), *(run.state for run in runs))


def training_scaling(
    data: LearningData, parameters: Parameters, state: State, states: tuple[str, ...]
) -> Scaling:
    """Means and standard deviations over training half-hours; of the parts `states` of the state, those of `state`."""
    values = np.stack(network_inputs(state, data.forcing, parameters, states), axis=-1)
    values = values[data.train.any(axis=1)]
    mean, std = values.mean(axis=0), values.std(axis=0)
    # an input that never varies in training (snow in the desert) tells nothing: it is left out, not blown up
    std = np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, np.inf)
    flux_mean, flux_std = data.scale()
    return Scaling(*(jnp.asarray(x) for x in (mean, std, flux_mean, flux_std)))
