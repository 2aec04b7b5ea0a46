"""Heat conduction between soil layers; no flux through the bottom.

G_k = 2 (T_k - T_{k+1}) / (dz_k / lam_k + dz_{k+1} / lam_{k+1})
"""

from collections.abc import Sequence

from jaxtyping import Array, Float


def conductances(dz: Float[Array, " n"], lam: Float[Array, " n"]) -> list[Float[Array, ""]]:
    """Conductance (W m-2 K-1) between the mid-points of adjacent layers, n - 1 of them.

    Layers of thickness `dz` (m) and conductivity `lam` (W m-1 K-1): two half layers in series.
    """
    return [2.0 / (dz[k] / lam[k] + dz[k + 1] / lam[k + 1]) for k in range(dz.shape[0] - 1)]


def heat_flux(
    T: Sequence[Float[Array, "..."]], g: Sequence[Float[Array, ""]]
) -> tuple[Float[Array, "..."], ...]:
    """Heat flux (W m-2, positive downward) between adjacent layers of temperature `T` (K)."""
    return tuple(g[k] * (T[k] - T[k + 1]) for k in range(len(g)))
