"""The loss: squared error of latent and sensible heat."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.model import Rates, latent_heat

WEIGHTINGS = {"variance": lambda std: std, "sum": lambda std: np.full(2, np.sqrt(np.mean(std**2)))}
"""Name of a loss → divisors of the errors of LE and H, from their standard deviations (2,): to each its own, or one
for both, which gives their plain sum up to a factor."""

SURFACE = 5.0  # K, departure of the mean surface temperature that costs as much as errors of one variance


def simulated_fluxes(rates: Rates) -> Float[Array, "... 2"]:
    """Latent and sensible heat (W m-2, positive upward) on the last axis."""
    return jnp.stack([latent_heat(rates), rates.H], axis=-1)


def loss(
    simulated: Float[Array, "... 2"],
    observed: Float[Array, "... 2"],
    use: Float[Array, "... 2"],
    std: Float[Array, "2"],
) -> Float[Array, ""]:
    """Mean over the fluxes of the mean squared error over `use`, in units of `std**2`.

    `use` is 1 where a measurement counts and 0 elsewhere; a gap of one flux does not touch the other. A flux
    with nothing to count adds 0.
    """
    axes = tuple(range(simulated.ndim - 1))
    squares = jnp.sum(use * ((simulated - observed) / std) ** 2, axis=axes)
    return jnp.mean(squares / jnp.maximum(jnp.sum(use, axis=axes), 1.0))


def surface_penalty(T: Float[Array, "..."], reference: Float[Array, "..."]) -> Float[Array, ""]:
    """Penalty in a loss for a mean surface temperature `T` (K) other than that of `reference`.

    If a law may give any LE and H, the surface has to emit the rest of the radiation, and no measured flux constrains
    its temperature: networks trained without this penalty ended 3 K from the calibrated model.
    """
    return (jnp.mean(T - reference) / SURFACE) ** 2
