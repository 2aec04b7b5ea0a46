"""Net radiation of the surface: one broadband albedo, emissivity one.

R_n = (1 - alpha) S + L - sigma T_1**4
alpha = alpha_bare + (alpha_deep - alpha_bare) W_s / (W_s + W_c)
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import SIGMA, T_FREEZE

T_RANGE = 10.0  # K below freezing over which albedo passes from its warm to its cold value


def albedo(
    T: Float[Array, "..."],
    snow: Float[Array, "..."],
    *,
    alb0_warm,
    alb0_cold,
    albs_warm,
    albs_cold,
    Wc,
) -> Float[Array, "..."]:
    """Surface albedo (-) at surface temperature `T` (K) under `snow` (kg m-2).

    Snow-free and deep-snow albedos, each between a cold value (at T_f - 10 K) and a warm one (at T_f), mixed
    by the masked fraction ``snow / (snow + Wc)``. LaD's straight ramp between cold and warm is replaced by
    the cubic with equal ends and zero slopes there.
    """
    b = jnp.clip((T - T_FREEZE + T_RANGE) / T_RANGE, 0.0, 1.0)
    b = b * b * (3.0 - 2.0 * b)
    covered = snow / (snow + Wc)
    bare = alb0_cold + b * (alb0_warm - alb0_cold)
    deep = albs_cold + b * (albs_warm - albs_cold)
    return bare + covered * (deep - bare)


def emission(T: Float[Array, "..."]) -> Float[Array, "..."]:
    """Thermal emission (W m-2, positive upward) of a black surface at `T` (K)."""
    return SIGMA * jnp.maximum(T, 0.0) ** 4
