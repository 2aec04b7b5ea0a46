"""Freezing of the soil: a fixed amount of water in each layer that freezes and thaws, outside the water budget.

A layer of heat capacity C whose ice holds F (0 to Fmax, J m-3) has as much heat as a layer without freezable water
at the *heat temperature* ``theta = T - F / C``. Fluxes of heat move theta, and T follows from it: as theta falls, T
stays at the freezing point while the ice grows from nothing to Fmax. The two ends of that plateau are rounded.

LaD melts the snow before the ice below it. So the plateau of the surface layer is raised while it carries snow, and
melting snow keeps it colder than that.
"""

from jaxtyping import Array, Float

from lad.constants import T_FREEZE
from lad.physics import snow
from lad.physics.smooth import ramp

WIDTH = 0.02  # K, half-width of either end of the plateau
UNDER_SNOW = 0.1  # K, by which snow raises the plateau of the surface layer


def plateaus(snow_mass: Float[Array, "..."], layers: int) -> list:
    """Freezing points (K) of the layers under snow of `snow_mass` (kg m-2, not negative)."""
    return [T_FREEZE + UNDER_SNOW * snow.presence(snow_mass)] + [T_FREEZE] * (layers - 1)


def heat_temperature(T: Float[Array, "..."], ice: Float[Array, "..."], C) -> Float[Array, "..."]:
    """theta (K) of a layer at `T` (K) with `ice` (J m-3 that would melt it); `C` in J m-3 K-1."""
    return T - ice / C


def temperature(theta: Float[Array, "..."], plateau, Fmax, C) -> Float[Array, "..."]:
    """T (K) of a layer of heat temperature `theta` (K) that freezes at `plateau` (K) and holds ice up to `Fmax`."""
    warmer = theta - plateau
    return plateau + ramp(warmer, WIDTH) - ramp(-warmer - Fmax / C, WIDTH)
