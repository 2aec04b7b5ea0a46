"""What linearly implicit steps take from a model: layers below the surface eliminated, and the tangent of its rates."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.forcing import Forcing
from lad.model import Model, Rates, ground_heat
from lad.parameters import Parameters
from lad.physics import soil_heat
from lad.state import State

TRACE = 1e-12  # kg m-2, snow or root-zone water that counts as none


class Step(NamedTuple):
    """Step lengths and, for each, conduction with the layers below the surface eliminated.

    At the end of an Euler step of length h layer m has ``T[m] = slope[m] T[m - 1] + offset[m]``, where its
    temperature is linear in its heat, ``T = by_heat theta + constant`` (without freezing T = theta), ``offset[m] =
    (by_heat[m] (capacity[m] / h theta_0[m] + g[m] offset[m + 1]) + capacity[m] / h constant[m]) / pivot[m]``, and
    theta_0 is theta at the start.
    """

    h: Float[Array, "..."]  # s
    slope: tuple[Float[Array, "..."], ...]
    pivot: tuple[Float[Array, "..."], ...]  # W m-2 K-1

    @classmethod
    def of(cls, parameters: Parameters, h: Float[Array, "..."], by_heat=None) -> "Step":
        """Steps of lengths `h` (s); `by_heat` is 1 where it is not given."""
        capacity, g = parameters.C * parameters.dz, soil_heat.conductances(parameters.dz, parameters.lam)
        by_heat = by_heat or (1.0,) * (len(g) + 1)
        slope, pivot = [0.0], []
        for m in reversed(range(1, len(g) + 1)):
            below = g[m] * (1.0 - slope[0]) if m < len(g) else 0.0
            pivot.insert(0, capacity[m] / h + by_heat[m] * (g[m - 1] + below))
            slope.insert(0, by_heat[m] * g[m - 1] / pivot[0])
        return cls(h, tuple(slope[:-1]), tuple(pivot))


class Tangent(NamedTuple):
    """Rates of a model that are linear in surface temperature about a point, and constant in all else."""

    T: Float[Array, "..."]  # K, surface temperature of the point
    value: Rates
    slope: Rates  # by surface temperature

    @classmethod
    def of(cls, model: Model, state: State, forcing: Forcing) -> "Tangent":
        """Tangent at `state`, by forward differentiation; without melt."""
        T = state.T[0]

        def rates(T):
            at = dataclasses.replace(without_traces(state), T=(T, *state.T[1:]))
            return model.rates(at, forcing, melt=jnp.zeros_like(T))

        value, slope = jax.jvp(rates, (T,), (jnp.ones_like(T),))
        # A surface that gains more heat the warmer it is (possible with a network) gets constant rates.
        damped = (ground_heat(slope) < 0.0).astype(T.dtype)
        return cls(T, value, jax.tree.map(lambda x: damped * x, slope))

    def at(self, T: Float[Array, "..."]) -> Rates:
        """Rates at surface temperature `T` (K)."""
        return jax.tree.map(lambda value, slope: value + slope * (T - self.T), self.value, self.slope)


def without_traces(state: State) -> State:
    """The state with stores of less than `TRACE` emptied.

    What rounding leaves in an emptied store halves its exponent from step to step, until products of it
    underflow and derivatives of quotients overflow.
    """

    def emptied(store):
        return jnp.where(store > TRACE, store, 0.0)

    return dataclasses.replace(state, snow=emptied(state.snow), root=emptied(state.root))
