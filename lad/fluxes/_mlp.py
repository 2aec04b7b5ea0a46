"""The neural flux law: the network gives latent and sensible heat."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import L_FUSION, L_VAPORISATION, R_DRY
from lad.fluxes._base import Fluxes, LearntFluxes, supply
from lad.fluxes._network import Network
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics.saturation import saturation_specific_humidity
from lad.physics.snow import presence
from lad.state import State

DEW_TRANSFER = 0.01  # -, transfer coefficient of vapour that limits condensation
AGAINST = (
    5.0,
    15.0,
)  # K, over which sensible heat against the gradient fades out (benchmarks/against_gradient.py)


class MLPFluxes(LearntFluxes):
    """(LE, H) are the network's two outputs, in units of their spread in training.

    Latent heat becomes evaporation through the latent heat of what evaporates, shared between snow and root
    zone by snow presence. Evaporation from the root zone fades out with the last millimetre of water. Dew and
    frost (E < 0) need air moister than saturation at the surface: a network free of this bound learns to
    condense water in dry nights, because that fills the root zone from which it evaporates by day.
    """

    network: Network
    OUTPUTS: ClassVar[int] = 2
    GAIN: ClassVar[float] = 1.0

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        scaling = jax.lax.stop_gradient(self.network.scaling)
        LE, H = scaling.flux_mean + scaling.flux_std * self.network(state, forcing, parameters)
        covered = presence(state.snow)
        E = LE / (L_VAPORISATION + covered * L_FUSION)
        up, down = jnp.maximum(E, 0.0), jnp.maximum(-E, 0.0)
        most = _most_dew(state, forcing, parameters)
        dew = down * most / (down + most + 1e-12)
        return Fluxes(H, covered * (up - dew), (1.0 - covered) * (up * supply(state) - dew))


class DowngradientMLPFluxes(MLPFluxes):
    """`MLPFluxes` whose sensible heat from cold to warm fades out: all of it up to 5 K, none beyond 15 K.

    Some such heat is real: LaD's surface is the first soil layer, below the canopy that heats the air. A network free
    of this bound may, in weather it has not seen, keep the surface far colder than the air for a whole winter: the
    colder the surface, the less it emits, and the network passes the radiation gained to the air. LE has only the
    bounds of `MLPFluxes`. Beyond 15 K the gradient of H by the weights is zero.
    """

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        fluxes = super().__call__(state, forcing, parameters)
        against = jnp.sign(fluxes.H) * (forcing.Tair - state.T[0])
        return fluxes._replace(H=fluxes.H * _fading(against))


def _fading(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 below the first of `AGAINST`, 0 above the second, with continuous slope."""
    first, second = AGAINST
    share = jnp.clip((second - x) / (second - first), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _most_dew(state: State, forcing: Forcing, parameters: Parameters) -> Float[Array, "..."]:
    """Most vapour (kg m-2 s-1) that moist air can bring to a colder surface; 0 from drier air."""
    U = jnp.sqrt(forcing.Wind**2 + parameters.gust**2)
    excess = forcing.Qair - saturation_specific_humidity(state.T[0], forcing.Psurf)
    return forcing.Psurf / (R_DRY * forcing.Tair) * DEW_TRANSFER * U * jnp.maximum(excess, 0.0)
