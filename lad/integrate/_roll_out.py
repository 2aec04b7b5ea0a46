"""Many forcing intervals in a row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
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


class Packed(NamedTuple):
    """A loop over rows with one array as carry and one as result."""

    turn: Callable  # (carry, row) -> (carry, result)
    carry: Array  # the first
    result: Array  # zeros
    unpack_carry: Callable  # makes a tree of a carry again
    unpack_rows: Callable  # and of the results of all rows


def packed(function: Callable, carry: Any, arrays: Any) -> Packed:
    """The loop of `function`, ``(carry, row) -> (carry, result)``, over rows of `arrays`, packed.

    XLA updates an array in place only in an operation with no other result; with more results it copies the array in
    every turn. So a loop that fills one array alone may have operations with many results (`lad.FUSED`).
    """
    row = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), arrays)
    first, unpack_carry = ravel_pytree(carry)
    _, result = jax.eval_shape(function, carry, row)
    zeros, unpack_result = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), result))

    def turn(carry, row):
        carry, result = function(unpack_carry(carry), row)
        return ravel_pytree(carry)[0], ravel_pytree(result)[0]

    return Packed(turn, first, zeros, unpack_carry, jax.vmap(unpack_result))


def roll_out(
    solver,
    model: Model,
    start: State,
    forcing: Forcing,
    dt: float,
    keep: Callable[[Trajectory], Any] = lambda row: row,
) -> tuple[State, Any]:
    """Run `model` freely from `start` through `forcing` (n,); return the last state and the trajectory.

    `keep` selects what a caller needs of each row: the gradient then passes through nothing else. Raises InputError
    for single precision.
    """
    check_precision(model.parameters, start, forcing)
    model = model.prepare()
    advance = solver(model, dt)

    def interval(state, row):
        end, mean = advance(state, row)
        energy = energy_residual(state, end, mean, dt, model.parameters)
        water = water_residual(state, end, mean, dt)
        return end, keep(Trajectory(end, mean, energy, water))

    loop = packed(interval, start, forcing)
    end, trajectory = jax.lax.scan(loop.turn, loop.carry, forcing)
    return loop.unpack_carry(end), loop.unpack_rows(trajectory)
