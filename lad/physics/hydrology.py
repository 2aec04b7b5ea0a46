"""Root zone and ground water: a bucket that overflows, and a linear reservoir.

    beta = min(x, 1), x = W_r / (0.75 W_max)    water stress
    D = what exceeds W_max                      overflow, to ground water
    Q = W_g / tau                               discharge
    R = W_g / tau_R (1 - W_r / W_max)+          capillary rise, not in LaD

LaD empties the overflow of the bucket at once; here it leaves within minutes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.physics.smooth import ramp

STRESS_POWER = 32  # sharpness of the passage from dry to unstressed; LaD: a kink
STRESS_ONSET = 0.75  # fraction of capacity below which evaporation is stressed
OVERFLOW_WIDTH = 0.1  # kg m-2, width of the onset of overflow
OVERFLOW_TIME = 300.0  # s, in which an excess over capacity leaves


def stress(root: Float[Array, "..."], Wmax: Float[Array, ""]) -> Float[Array, "..."]:
    """Water-stress factor beta (0 dry to 1 unstressed) of root-zone water `root` (kg m-2, not negative).

    LaD: min(root / (0.75 Wmax), 1). The smooth form is at most 2 % below it, at the kink.
    """
    x = root / (STRESS_ONSET * Wmax)
    # x (1 + x^m)^(-1/m), written with a power of a number in (0, 1] on either side of 1, so that x^m cannot
    # overflow.
    ratio = jnp.minimum(x, 1.0 / jnp.maximum(x, 1.0))
    return jnp.minimum(x, 1.0) * (1.0 + ratio**STRESS_POWER) ** (-1.0 / STRESS_POWER)


def drainage(root: Float[Array, "..."], Wmax: Float[Array, ""]) -> Float[Array, "..."]:
    """Overflow (kg m-2 s-1) of the root zone to ground water."""
    return ramp(root - Wmax, OVERFLOW_WIDTH) / OVERFLOW_TIME


def discharge(groundwater: Float[Array, "..."], tau: Float[Array, ""]) -> Float[Array, "..."]:
    """Outflow (kg m-2 s-1) of the ground-water reservoir of residence time `tau` (s)."""
    return groundwater / tau


def capillary_rise(
    groundwater: Float[Array, "..."],
    root: Float[Array, "..."],
    Wmax: Float[Array, ""],
    rise_time: Float[Array, ""],
) -> Float[Array, "..."]:
    """Water (kg m-2 s-1) that rises, or that deep roots lift, from ground water to the root zone.

    An empty root zone gets all of it within about `rise_time` (s), a full one none.
    """
    return groundwater / rise_time * jnp.maximum(1.0 - root / Wmax, 0.0)
