"""Snow: presence, melt and cap, smoothed so that they can be integrated and differentiated.

    f = W_s / (W_s + 0.25 kg m-2)    presence
    M = k f (T_1 - T_f)+ / L_f       melt
    C = (W_s - W_s,max)+ / 1800 s    snow beyond the cap

LaD switches between snow and no snow; here the switch is a presence fraction that falls to zero over the last
half millimetre, and the surface is held at the freezing point not exactly but by a strong relaxation.
"""

from jaxtyping import Array, Float

from lad.constants import L_FUSION, T_FREEZE
from lad.physics.smooth import ramp, relaxed_ramp

PRESENCE = 0.25  # kg m-2, snow mass at which the presence fraction is one half
MELT_CONDUCTANCE = 4000.0  # W m-2 K-1, melt energy per kelvin of the surface above freezing
MELT_WIDTH = 0.02  # K, half-width of the onset of melt
CAP_WIDTH = 1.0  # kg m-2, width of the onset of calving
CAP_TIME = 1800.0  # s, time in which the excess over the cap leaves


def presence(snow: Float[Array, "..."]) -> Float[Array, "..."]:
    """Fraction (0 to 1) of the surface that acts as snow under `snow` (kg m-2, not negative)."""
    return snow / (snow + PRESENCE)


def melt(T: Float[Array, "..."], snow: Float[Array, "..."]) -> Float[Array, "..."]:
    """Snow melt (kg m-2 s-1) at surface temperature `T` (K): relaxation of T to freezing while there is snow."""
    return MELT_CONDUCTANCE / L_FUSION * presence(snow) * ramp(T - T_FREEZE, MELT_WIDTH)


def self_cooled_melt(T: Float[Array, "..."], snow: Float[Array, "..."], cooling) -> Float[Array, "..."]:
    """The melt m (kg m-2 s-1) with ``m = melt(T - cooling m, snow)``, for a surface that it cools."""
    strength = MELT_CONDUCTANCE / L_FUSION * presence(snow)
    return strength * relaxed_ramp(T - T_FREEZE, MELT_WIDTH, strength * cooling)


def calving(snow: Float[Array, "..."], Wsmax: Float[Array, ""]) -> Float[Array, "..."]:
    """Snow (kg m-2 s-1) that leaves because the store exceeds its cap `Wsmax` (kg m-2)."""
    return ramp(snow - Wsmax, CAP_WIDTH) / CAP_TIME
