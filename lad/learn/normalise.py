"""Scaling of a network's inputs and outputs by the statistics of its training period."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from lad.cf import intervals
from lad.fluxes import FORCING_INPUTS, BulkFluxes, Scaling, network_inputs
from lad.learn.data import LearningData
from lad.learn.survey import FIRST_SPIN_UP
from lad.model import Model
from lad.parameters import Parameters
from lad.simulation import free_runs
from lad.state import State
from lad.towers.flags import CLIMATOLOGY, INTERPOLATED

MADE_UP = (INTERPOLATED, CLIMATOLOGY)
"""Flags of values that do not follow the weather, as synthesised longwave does."""
MOST = 0.5  # share of them in training, above which an input is not seen


def calibrated_states(data: LearningData, parameters: Parameters, start: State, solver) -> State:
    """States (n,) at the end of each interval of a free run of LaD itself with `parameters`."""
    model = Model(parameters, BulkFluxes())
    runs = free_runs(
        solver, model, data.forcing, data.time, data.segments, data.dt, lambda _: start, FIRST_SPIN_UP
    )
    return jax.tree.map(lambda *x: np.concatenate(x), *(run.state for run in runs))


def made_up(forcing: xr.Dataset, time: np.ndarray) -> tuple[str, ...]:
    """Inputs that a forcing file tells to be made up in more than `MOST` of the half-hours `time`, those of training.

    Wind that is a climatology in training varies in the test as no network has seen it.
    """
    seen = np.isin(intervals(forcing, "forcing")[0], time)
    flags = {name: {"VPD": "Qair_qc"}.get(name, f"{name}_qc") for name in FORCING_INPUTS}
    return tuple(
        name
        for name, flag in flags.items()
        if flag in forcing and np.isin(forcing[flag].values[seen], MADE_UP).mean() > MOST
    )


def input_moments(
    data: LearningData, parameters: Parameters, state: State, states: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations (inputs,) over training half-hours; of the parts `states` of the state, those of
    `state` (n,)."""
    values = np.stack(network_inputs(state, data.forcing, parameters, states), axis=-1)
    values = values[data.train.any(axis=1)]
    return values.mean(axis=0), values.std(axis=0)


def spread(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """What departures of inputs from `mean` are divided by: what never varies (snow in the desert) is not seen."""
    return np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, np.inf)


def training_scaling(
    data: LearningData, parameters: Parameters, state: State, states: tuple[str, ...], unseen: tuple[str, ...]
) -> Scaling:
    """Scaling by `input_moments`; inputs named in `unseen` are left out, and so is what never varies in training."""
    mean, std = input_moments(data, parameters, state, states)
    std = spread(mean, std)
    std[[FORCING_INPUTS.index(name) for name in unseen]] = np.inf
    flux_mean, flux_std = data.scale()
    return Scaling(*(jnp.asarray(x) for x in (mean, std, flux_mean, flux_std)))
