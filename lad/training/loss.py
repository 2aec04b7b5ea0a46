"""The loss: squared error of latent and sensible heat."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.model import Rates, latent_heat
from lad.training.data import LearningData

WEIGHTINGS = ("variance", "sum", "uncertainty")
"""Losses, see `weighted`."""

SURFACE = 5.0  # K, departure of the mean surface temperature that costs as much as errors of a whole variance


def weighted(data: LearningData, weighting: str) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "n 2"]]:
    """What a loss of `WEIGHTINGS` divides the errors of LE and H by (W m-2), and the weights of training half-hours.

    `variance` divides each by its own standard deviation; `sum` both by the same, which gives their plain sum up to a
    factor; `uncertainty` as `variance`, with weights by the variance of the random error of a measurement, which grows
    with the flux (rounded from Hollinger & Richardson 2005, Tree Physiol. 25, 873-885).
    """
    std = data.scale()[1]
    if weighting == "sum":
        return np.full(2, np.sqrt(np.mean(std**2))), data.train
    if weighting == "uncertainty":
        random_error = 10.0 + 0.2 * np.abs(data.observed)
        return std, data.train * (std / random_error) ** 2
    return std, data.train


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


def daily_loss(
    simulated: Float[Array, "... n 2"],
    observed: Float[Array, "... n 2"],
    use: Float[Array, "... n 2"],
    std: Float[Array, "2"],
    day: int,
) -> Float[Array, ""]:
    """Mean squared error of means over stretches of `day` intervals, in units of `std**2`; 0 without a whole one.

    A mean is over what `use` counts; a stretch weighs as much as it has of that.
    """
    n = observed.shape[-2] // day * day

    def stretches(x):
        return x[..., :n, :].reshape(*x.shape[:-2], n // day, day, 2).sum(axis=-2)

    counted = stretches(use)
    error = stretches(use * (simulated - observed)) / jnp.maximum(counted, 1.0)
    return loss(error, jnp.zeros_like(error), counted, std)


def surface_penalty(T: Float[Array, "..."], reference: Float[Array, "..."]) -> Float[Array, ""]:
    """What a mean surface temperature `T` (K) other than that of `reference` adds to a loss.

    A law that gives any LE and H leaves it to the surface to emit what is left of the radiation, and no flux shows how
    warm a surface that may be: networks trained without this ended 3 K beside the calibrated model.
    """
    return (jnp.mean(T - reference) / SURFACE) ** 2
