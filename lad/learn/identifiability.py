"""How well measured fluxes determine calibrated quantities: the Hessian of the loss, as profiles.

Near an optimum the loss is ``L + 1/2 d' A d`` for a change d of the free numbers. If one of them is held at a distance
from its optimum and the others follow as suits the loss best, it rises by ``d_i^2 / (2 (A^-1)_ii)``. The range within
which it rises by no more than a share of itself tells what the data determine: a quantity whose range is as wide as its
bounds is not determined, whatever its optimum.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.forcing import rows
from lad.integrate import roll_out
from lad.learn.data import LearningData
from lad.learn.objective import simulated_fluxes

RISE = 0.01  # share by which the loss may rise


def hessian(build, free: Float[Array, " k"], starts, data: LearningData, solver, scale) -> np.ndarray:
    """Gauss-Newton Hessian (k, k) of the training loss at `free`, of free runs from `starts` of the segments.

    Forward differentiation through the whole runs; the states that they start from are held.
    """

    @jax.jit
    def slopes(free, start, forcing):
        def fluxes(free):
            return simulated_fluxes(roll_out(solver, build(free), start, forcing, data.dt)[1].rates)

        return jax.lax.map(lambda axis: jax.jvp(fluxes, (free,), (axis,))[1], jnp.eye(free.size))

    parts = [
        slopes(free, start, rows(data.forcing, s)) for start, s in zip(starts, data.segments, strict=True)
    ]
    by_free = np.concatenate(parts, axis=1) / scale  # (k, n, 2)
    count = data.train.sum(axis=0)
    return 2.0 * np.einsum("inf,nf,jnf->ij", by_free, data.train / count / len(count), by_free)


def ranges(hessian: np.ndarray, loss: float) -> np.ndarray:
    """Half-widths (k,) in free numbers within which the loss rises by `RISE` of itself; inf where it never does."""
    values, vectors = np.linalg.eigh(hessian)
    values = np.maximum(values, 1e-12 * values.max())
    return np.sqrt(2.0 * RISE * loss * ((vectors**2) / values).sum(axis=1))
