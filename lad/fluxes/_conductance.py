"""Learnt conductances: the network gives how well the surface exchanges, physics the direction."""

from typing import ClassVar

import jax.numpy as jnp

from lad.constants import CP_AIR, R_DRY, VIRTUAL
from lad.fluxes._base import Fluxes, LearntFluxes, supply
from lad.fluxes._network import Network, factor
from lad.forcing import Forcing
from lad.parameters import Parameters
from lad.physics.saturation import saturation_specific_humidity
from lad.physics.snow import presence
from lad.state import State

HEAT, VAPOUR = 0.02, 0.003  # m s-1, conductances of the untrained law: those of a vegetated surface by day
MOST = 20.0  # factor by which the network may raise or lower them


class ConductanceFluxes(LearntFluxes):
    """``H = rho c_p g_h (T_1 - T_a)`` and ``E = rho g_e (q_sat(T_1) - q_a)`` with positive g_h and g_e (m s-1).

    Direction and driving force are physics, which training on few years cannot unlearn. Snow and root zone share E by
    snow presence; evaporation from the root zone fades out with the last millimetre of water.
    """

    network: Network
    OUTPUTS: ClassVar[int] = 2

    def __call__(self, state: State, forcing: Forcing, parameters: Parameters) -> Fluxes:
        """Fluxes at one instant; see the class."""
        by_heat, by_vapour = self.network(state, forcing, parameters)
        T, covered = state.T[0], presence(state.snow)
        rho = forcing.Psurf / (R_DRY * forcing.Tair * (1.0 + VIRTUAL * forcing.Qair))
        deficit = saturation_specific_humidity(T, forcing.Psurf) - forcing.Qair
        E = rho * VAPOUR * factor(by_vapour, MOST) * deficit
        limit = jnp.where(E > 0.0, supply(state), 1.0)
        H = rho * CP_AIR * HEAT * factor(by_heat, MOST) * (T - forcing.Tair)
        return Fluxes(H, covered * E, (1.0 - covered) * limit * E)
