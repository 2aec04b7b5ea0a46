"""Many forcing intervals in a row."""

from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from lad.forcing import Forcing
from lad.model import Model, Rates, check_precision, energy_residual, water_residual
from lad.state import State


class Trajectory(NamedTuple):
    """Result of a roll-out over n intervals, every array (n,)."""

    state: State  # at the end of each interval
    rates: Rates  # means over each interval
    energy_residual: Float[Array, " n"]  # J m-2 created in the interval
    water_residual: Float[Array, " n"]  # kg m-2 created in the interval


def roll_out(solver, model: Model, start: State, forcing: Forcing, dt: float) -> tuple[State, Trajectory]:
    """Run `model` freely from `start` through `forcing` (n,); return the last state and the trajectory.

    Raises InputError for numbers of single precision.
    """
    check_precision(model.parameters, start, forcing)
    model = model.prepare()
    advance = solver(model, dt)

    def interval(state, row):
        end, mean = advance(state, row)
        energy = energy_residual(state, end, mean, dt, model.parameters)
        water = water_residual(state, end, mean, dt)
        return end, Trajectory(end, mean, energy, water)

    return jax.lax.scan(interval, start, forcing)
