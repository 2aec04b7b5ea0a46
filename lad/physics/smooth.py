"""Smooth stand-ins for the switches of LaD."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def ramp(x: Float[Array, "..."], width: float) -> Float[Array, "..."]:
    """max(x, 0) with its kink rounded by a parabola over ``-width < x < width``, in the unit of `x`.

    Exactly zero below, exactly `x` above, with a continuous derivative; at zero it is a quarter of `width`.
    """
    rounded = jnp.clip(x + width, 0.0, 2.0 * width)
    return rounded * rounded / (4.0 * width) + jnp.maximum(x - width, 0.0)


def relaxed_ramp(x: Float[Array, "..."], width: float, gain: Float[Array, "..."]) -> Float[Array, "..."]:
    """The y with ``y = ramp(x - gain y, width)``, `gain` not negative: a ramp that lowers its own input."""
    start = jnp.maximum(x + width, 0.0)
    rounded = (
        2.0 * start / (1.0 + jnp.sqrt(1.0 + gain * start / width))
    )  # x - gain y + width, on the parabola
    return jnp.where(rounded < 2.0 * width, rounded * rounded / (4.0 * width), x / (1.0 + gain))
