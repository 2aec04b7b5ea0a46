"""Functions of one variable, tabulated for use inside a time loop."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class CubicTable(eqx.Module):
    """Piecewise cubic with the value and slope of a function at the edges of equal cells; constant beyond them."""

    coefficients: Float[Array, "cells 4"]
    low: float = eqx.field(static=True)
    width: float = eqx.field(static=True)

    def __init__(self, function: Callable, low: float, width: float, cells: int):
        """Table of `function` (vectorised, differentiable) on `cells` cells of `width` from `low` on."""
        self.low, self.width = low, width
        # A hair inside each cell, so that a kink of the function at an edge stays outside.
        edges = low + width * np.stack([np.arange(cells) + 1e-9, np.arange(cells) + 1.0 - 1e-9])
        value, slope = jax.jvp(function, (jnp.asarray(edges),), (jnp.full(edges.shape, width),))
        rise = value[1] - value[0]
        cubic = (value[0], slope[0], 3.0 * rise - 2.0 * slope[0] - slope[1], slope[0] + slope[1] - 2.0 * rise)
        self.coefficients = jnp.stack(cubic, axis=-1)

    def __call__(self, x: Float[Array, ""]) -> Float[Array, ""]:
        """Value at `x`."""
        place = jnp.clip((x - self.low) / self.width, 0.0, self.coefficients.shape[0] - 1e-9)
        cell = jax.lax.stop_gradient(jnp.floor(place))
        a, b, c, d = self.coefficients[cell.astype(int)]
        t = place - cell
        return a + t * (b + t * (c + t * d))
