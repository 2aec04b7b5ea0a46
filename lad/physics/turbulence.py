"""Monin-Obukhov exchange between the surface and the air at the reference height.

Bulk Richardson number `Ri` -> stability `zeta = z/L` -> drag, with the profile functions of the GFDL
exchange code: Businger-Dyer type (1 - 16 zeta) in unstable air, and in stable air
``phi = 1 + zeta (5 + b zeta)/(1 + zeta)``, `b = 1/Ri_c`, which allows exchange up to `Ri_c = 2`.

    Ri = -g z (theta_s - theta_a) / (theta_s U**2)
    C_H = kappa**2 / (Phi_m Phi_h)

`zeta` solves ``Ri = R(zeta) = zeta Phi_h / Phi_m**2`` by Newton steps of fixed number; its derivative is that of
the implicit function, so it is exact whatever the number of steps, and may be differentiated again.
"""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lad.constants import GRAVITY, VIRTUAL, VON_KARMAN
from lad.physics.cubic_table import CubicTable

RI_CRITICAL = 2.0
B = 1.0 / RI_CRITICAL
DRAG_MIN = 1.0e-5  # floor of the transfer coefficients
# LaD cuts exchange down to the floor beyond this Ri; here it keeps the (already small) value it has there.
RI_MAX = 0.95 * RI_CRITICAL
NEWTON_STEPS = 10


def _phi_stable(zeta, zeta_x, log_ratio):
    return log_ratio + (5.0 - B) * jnp.log((1.0 + zeta) / (1.0 + zeta_x)) + B * (zeta - zeta_x)


def _phi_m_unstable(zeta, zeta_0, log_ratio):
    x, x0 = (1.0 - 16.0 * zeta) ** 0.25, (1.0 - 16.0 * zeta_0) ** 0.25
    ratio = ((1.0 + x) ** 2 * (1.0 + x * x)) / ((1.0 + x0) ** 2 * (1.0 + x0 * x0))
    return log_ratio - jnp.log(ratio) + 2.0 * (jnp.arctan(x) - jnp.arctan(x0))


def _phi_h_unstable(zeta, zeta_h, log_ratio):
    y, yh = jnp.sqrt(1.0 - 16.0 * zeta), jnp.sqrt(1.0 - 16.0 * zeta_h)
    return log_ratio - 2.0 * jnp.log((1.0 + y) / (1.0 + yh))


def _profiles(zeta, z, z0, zh):
    """Integrated profiles (Phi_m, Phi_h): differences of wind and scalars in units of their flux scales."""
    stable = zeta >= 0.0
    # Both branches are evaluated; each gets an argument that is harmless to it, lest the unused one give NaN
    # gradients.
    s, u = jnp.where(stable, zeta, 0.0), jnp.where(stable, 0.0, zeta)
    log_m, log_h = jnp.log(z / z0), jnp.log(z / zh)
    phi_m = jnp.where(stable, _phi_stable(s, s * z0 / z, log_m), _phi_m_unstable(u, u * z0 / z, log_m))
    phi_h = jnp.where(stable, _phi_stable(s, s * zh / z, log_h), _phi_h_unstable(u, u * zh / z, log_h))
    return phi_m, phi_h


def _gradients(zeta):
    """Local dimensionless gradients (phi_m, phi_h) at `zeta`."""
    stable = zeta >= 0.0
    s, u = jnp.where(stable, zeta, 0.0), jnp.where(stable, 0.0, zeta)
    phi_s = 1.0 + s * (5.0 + B * s) / (1.0 + s)
    root = jax.lax.rsqrt(1.0 - 16.0 * u)
    return jnp.where(stable, phi_s, jnp.sqrt(root)), jnp.where(stable, phi_s, root)


def _richardson(zeta, z, z0, zh):
    phi_m, phi_h = _profiles(zeta, z, z0, zh)
    return zeta * phi_h / phi_m**2


def _richardson_slope(zeta, z, z0, zh):
    """R(zeta) and dR/dzeta, the latter regular at zeta = 0."""
    phi_m, phi_h = _profiles(zeta, z, z0, zh)
    gm, gh = _gradients(zeta)
    gm0, _ = _gradients(zeta * z0 / z)
    _, ghh = _gradients(zeta * zh / z)
    slope = (phi_h + (gh - ghh) - 2.0 * (gm - gm0) * phi_h / phi_m) / phi_m**2
    return zeta * phi_h / phi_m**2, slope


@jax.custom_jvp
def stability(Ri, z, z0, zh):
    """Stability parameter zeta = z/L of bulk Richardson number `Ri` (at most `RI_MAX`), elementwise."""
    log_m, log_h = jnp.log(z / z0), jnp.log(z / zh)
    zeta = Ri * log_m**2 / log_h / jnp.where(Ri >= 0.0, 1.0 - Ri / RI_CRITICAL, 1.0)

    def newton(_, zeta):
        value, slope = _richardson_slope(zeta, z, z0, zh)
        return zeta - (value - Ri) / slope

    return jax.lax.fori_loop(0, NEWTON_STEPS, newton, zeta)


@stability.defjvp
def _stability_jvp(primals, tangents):
    Ri, *heights = primals
    dRi, *dheights = tangents
    zeta = stability(Ri, *heights)
    _, slope = _richardson_slope(zeta, *heights)
    _, dR = jax.jvp(lambda *a: _richardson(zeta, *a), heights, dheights)
    return zeta, (dRi - dR) / slope


def drag(Ri: Float[Array, "..."], z, z0, zh) -> Float[Array, "..."]:
    """Transfer coefficient C_H = C_E (-) for heat and moisture at bulk Richardson number `Ri`.

    Height above the zero plane `z` and roughness lengths for momentum `z0` and scalars `zh` in m, both below
    `z`.
    """
    phi_m, phi_h = _profiles(stability(jnp.minimum(Ri, RI_MAX), z, z0, zh), z, z0, zh)
    floor = DRAG_MIN**0.5
    return jnp.maximum(VON_KARMAN / phi_m, floor) * jnp.maximum(VON_KARMAN / phi_h, floor)


def richardson(
    T_surface: Float[Array, "..."],
    q_surface: Float[Array, "..."],
    T_air: Float[Array, "..."],
    q_air: Float[Array, "..."],
    U: Float[Array, "..."],
    z: Float[Array, ""],
) -> Float[Array, "..."]:
    """Bulk Richardson number (-) between the surface and height `z` (m).

    Temperatures in K (air: potential), humidities in kg/kg, wind speed `U` in m s-1.
    """
    theta_surface = T_surface * (1.0 + VIRTUAL * q_surface)
    theta_air = T_air * (1.0 + VIRTUAL * q_air)
    return -z * GRAVITY * (theta_surface - theta_air) / theta_surface / (U * U + 1.0e-4)


class DragTable(eqx.Module):
    """`drag` as a function of Ri for fixed heights, to be used inside a time loop.

    Tabulated in ``asinh(STRETCH Ri)``, with an edge at neutrality, where the slope jumps. Values and slopes
    at the edges carry the derivatives by the heights; in between the relative error is below 1e-5, except
    where C_H reaches its floor.
    """

    table: CubicTable

    STRETCH: ClassVar[float] = 50.0
    STABLE: ClassVar[int] = 64  # cells on the stable side, up to RI_MAX
    UNSTABLE: ClassVar[int] = 128  # cells on the unstable side, down to Ri = -360
    WIDTH: ClassVar[float] = float(np.arcsinh(50.0 * RI_MAX)) / 64  # of a cell, in the stretched variable

    def __init__(self, z, z0, zh):
        """Table for heights `z`, `z0`, `zh` (m), as in `drag`."""

        def value(s):
            return drag(jnp.sinh(s) / self.STRETCH, z, z0, zh)

        self.table = CubicTable(value, -self.UNSTABLE * self.WIDTH, self.WIDTH, self.UNSTABLE + self.STABLE)

    def __call__(self, Ri: Float[Array, ""]) -> Float[Array, ""]:
        """C_H at bulk Richardson number `Ri`."""
        return self.table(jnp.arcsinh(self.STRETCH * Ri))
