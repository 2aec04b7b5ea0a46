"""Saturation vapour pressure over water and ice (Goff & Gratch 1946; Smithsonian tables).

Over water above T_f, over ice below T_f - 20 K, and a linear blend of the two in between.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import EPSILON, T_FREEZE

T_BOIL = T_FREEZE + 100.0  # K, steam point of the formula
BLEND = 20.0  # K below T_f over which ice and water are mixed
LN10 = math.log(10.0)


def _over_ice(T):
    x = T_FREEZE / T
    log10 = -9.09718 * (x - 1.0) - 3.56654 * jnp.log10(x) + 0.876793 * (1.0 - 1.0 / x) + math.log10(610.71)
    return jnp.exp(LN10 * log10)


def _over_water(T):
    x = T_BOIL / T
    log10 = (
        -7.90298 * (x - 1.0)
        + 5.02808 * jnp.log10(x)
        - 1.3816e-7 * (jnp.exp(LN10 * 11.344 * (1.0 - 1.0 / x)) - 1.0)
        + 8.1328e-3 * (jnp.exp(LN10 * -3.49149 * (x - 1.0)) - 1.0)
        + math.log10(101324.60)
    )
    return jnp.exp(LN10 * log10)


def saturation_vapour_pressure(T: Float[Array, "..."]) -> Float[Array, "..."]:
    """Saturation vapour pressure (Pa) at temperature `T` (K).

    `T` is held within 100 to 400 K, outside which the formula has no meaning and may overflow.
    """
    T = jnp.clip(T, 100.0, 400.0)
    water = jnp.clip((T - T_FREEZE + BLEND) / BLEND, 0.0, 1.0)
    return water * _over_water(T) + (1.0 - water) * _over_ice(T)


def specific_humidity(e: Float[Array, "..."], p: Float[Array, "..."]) -> Float[Array, "..."]:
    """Specific humidity (kg/kg) of air of vapour pressure `e` (Pa) at pressure `p` (Pa)."""
    return EPSILON * e / (p - (1.0 - EPSILON) * e)


def saturation_specific_humidity(T: Float[Array, "..."], p: Float[Array, "..."]) -> Float[Array, "..."]:
    """Saturation specific humidity (kg/kg) at temperature `T` (K) and pressure `p` (Pa)."""
    return specific_humidity(saturation_vapour_pressure(T), p)


def vapour_pressure(q: Float[Array, "..."], p: Float[Array, "..."]) -> Float[Array, "..."]:
    """Vapour pressure (Pa) of air of specific humidity `q` (kg/kg) at pressure `p` (Pa)."""
    return q * p / (EPSILON + (1.0 - EPSILON) * q)
