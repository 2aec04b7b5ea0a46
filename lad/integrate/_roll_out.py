"""Many forcing intervals in a row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from lad.forcing import Forcing, rows
from lad.model import Model, Rates, check_precision, energy_residual, water_residual
from lad.state import State


class Trajectory(NamedTuple):
    """Result of a roll-out over n intervals, every array (n,)."""

    state: State  # at the end of each interval
    rates: Rates  # means over each interval
    energy_residual: Float[Array, " n"]  # J m-2 created in the interval
    water_residual: Float[Array, " n"]  # kg m-2 created in the interval


def packed(function: Callable, carry: Any, row: Any) -> tuple[Callable, Array, Callable, Callable]:
    """`function` of a time loop, ``(carry, row) -> (carry, result)``, with its carry and its result as one array each.

    Also returns `carry` as such an array, and the functions that make trees of both again. XLA fills an array in place
    only if the operation that does so fills nothing else; otherwise it copies the whole array in every turn. With one
    array for everything it may fuse the rest of a turn into few operations (`lad.FUSED`).
    """
    first, unpack_carry = ravel_pytree(carry)
    _, result = jax.eval_shape(function, carry, row)
    _, unpack_result = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), result))

    def turn(carry, row):
        carry, result = function(unpack_carry(carry), row)
        return ravel_pytree(carry)[0], ravel_pytree(result)[0]

    return turn, first, unpack_carry, unpack_result


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

    turn, first, unpack_state, unpack_row = packed(interval, start, rows(forcing, 0))
    end, trajectory = jax.lax.scan(turn, first, forcing)
    return unpack_state(end), jax.vmap(unpack_row)(trajectory)
