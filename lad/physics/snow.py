"""Snow: presence, melt and cap, smoothed so that they can be integrated and differentiated.

LaD switches between snow and no snow; here the switch is a presence fraction that falls to zero over the last
half millimetre, and the surface is held at the freezing point not exactly but by a strong relaxation.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import L_FUSION, T_FREEZE

PRESENCE = 0.5  # kg m-2, snow mass at which the presence fraction is one half
MELT_CONDUCTANCE = 1000.0  # W m-2 K-1, melt energy per kelvin of the surface above freezing
MELT_WIDTH = 0.01  # K, width of the onset of melt
CAP_WIDTH = 1.0  # kg m-2, width of the onset of calving
CAP_TIME = 1800.0  # s, time in which the excess over the cap leaves


def presence(snow: Float[Array, "..."]) -> Float[Array, "..."]:
    """Fraction (0 to 1) of the surface that acts as snow under `snow` (kg m-2, not negative)."""
    return snow / (snow + PRESENCE)


def melt(T: Float[Array, "..."], snow: Float[Array, "..."]) -> Float[Array, "..."]:
    """Snow melt (kg m-2 s-1) at surface temperature `T` (K): relaxation of T to freezing while there is snow.

    The ramp ``(x + sqrt(x^2 + 4 d^2))/2`` begins a hundredth of a kelvin wide.
    """
    x = T - T_FREEZE
    excess = 0.5 * (x + jnp.sqrt(x * x + 4.0 * MELT_WIDTH**2))
    return MELT_CONDUCTANCE / L_FUSION * presence(snow) * excess


def calving(snow: Float[Array, "..."], Wsmax: Float[Array, ""]) -> Float[Array, "..."]:
    """Snow (kg m-2 s-1) that leaves because the store exceeds its cap `Wsmax` (kg m-2)."""
    return CAP_WIDTH * jax.nn.softplus((snow - Wsmax) / CAP_WIDTH) / CAP_TIME
