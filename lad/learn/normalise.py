"""Scaling of a network's inputs and outputs by the statistics of its training period."""

import jax
import jax.numpy as jnp
import numpy as np

from lad.fluxes import BulkFluxes, Scaling, forcing_inputs, state_inputs
from lad.forcing import first_year, rows
from lad.integrate import roll_out, spin_up
from lad.learn.data import LearningData
from lad.learn.fit import FIRST_SPIN_UP
from lad.model import Model
from lad.parameters import Parameters
from lad.state import State


def training_scaling(
    data: LearningData, parameters: Parameters, start: State, solver, *, states: bool
) -> Scaling:
    """Means and standard deviations over training half-hours; those of states are from a run of LaD itself."""
    model = Model(parameters, BulkFluxes())

    @jax.jit
    def inputs(forcing, start):
        columns = forcing_inputs(forcing)
        if states:
            begin = spin_up(solver, model, start, first_year(forcing, data.dt), data.dt, FIRST_SPIN_UP)
            _, trajectory = roll_out(solver, model, begin, forcing, data.dt)
            columns += state_inputs(trajectory.state, forcing, parameters)
        return jnp.stack(columns, axis=-1)

    values = np.concatenate([inputs(rows(data.forcing, part), start) for part in data.segments])
    values = values[data.train.any(axis=1)]
    mean, std = values.mean(axis=0), values.std(axis=0)
    # an input that never varies in training (snow in the desert) tells nothing: it is left out, not blown up
    std = np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, np.inf)
    flux_mean, flux_std = data.scale()
    return Scaling(*(jnp.asarray(x) for x in (mean, std, flux_mean, flux_std)))
