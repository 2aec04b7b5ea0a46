"""What every flux law offers."""

import abc
from typing import ClassVar, NamedTuple, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.fluxes._network import Network
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.state import State

SUPPLY = 1.0  # kg m-2, root-zone water below which evaporation fades out


class Fluxes(NamedTuple):
    """Turbulent fluxes from the surface to the air, positive upward."""

    H: Float[Array, "..."]  # W m-2, sensible heat
    E_snow: Float[Array, "..."]  # kg m-2 s-1, sublimation from the snow store
    E_root: Float[Array, "..."]  # kg m-2 s-1, evaporation from the root zone


class AbstractFluxes(eqx.Module):
    """A law for the turbulent fluxes.

    Whatever a law returns, energy and water are conserved, because the model only moves what a law returns.
    A law must let evaporation from a store vanish as the store empties, and be finite for every state and
    forcing.
    """

    def prepare(self, parameters: Parameters) -> "AbstractFluxes":
        """The same law with all that depends only on parameters computed, once before a time loop."""
        return self

    @abc.abstractmethod
    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; stores in `state` are not negative."""


class LearntFluxes(AbstractFluxes):
    """A law with a network in it, whose weights are trained."""

    network: eqx.AbstractVar[Network]
    OUTPUTS: ClassVar[int]  # of the network
    GAIN: ClassVar[float] = 0.1  # of its last layer before training: the law begins near its own first guess

    @classmethod
    def of(cls, network: Network) -> Self:
        """The law around `network`, which has `OUTPUTS` outputs."""
        return cls(network)


def supply(state: State) -> Float[Array, "..."]:
    """Share (0 to 1) of evaporation that the water of the root zone allows: less over the last millimetre."""
    return -jnp.expm1(-state.root / SUPPLY)
