"""LaD's own scheme: one linearly implicit step with operator splitting and hard switches, not smoothed.

For comparison with the differentiable solvers. Order of operations as
in the GFDL land code (Milly & Shmakin 2002): exchange with old temperature and canopy humidity, implicit
heat diffusion, snow melt, soil phase change, bucket, ground water. Conserves water, and energy except for one
leak: evaporation charged as sublimation, because the step began with snow, but taken from the root zone
because the snow ran out. The leak is what the energy residual shows.
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lad.constants import CP_AIR, L_FUSION, L_VAPORISATION, R_DRY, SIGMA, T_FREEZE, VIRTUAL
from lad.errors import InputError
from lad.forcing import Forcing
from lad.model import Model, Rates, check_precision
from lad.parameters import Parameters
from lad.physics import radiation, soil_heat, turbulence
from lad.physics.hydrology import STRESS_ONSET
from lad.physics.saturation import saturation_specific_humidity
from lad.state import State

T_INCREMENT = 0.1  # K, of the forward difference that gives the slope of saturation humidity


class SplitState(State):
    """State of the split scheme, which remembers the humidity of the canopy air."""

    q_canopy: Float[Array, "..."] = eqx.field(kw_only=True)  # kg/kg


def split_state(state: State, forcing: Forcing, content: Mapping[str, Any], source: str | None) -> SplitState:
    """`state` with humidity of the canopy air: `qca` (kg/kg) of an initial-state file's `content`.

    Where absent, the canopy is as humid as the air in the first interval of `forcing` (n,). Raises InputError,
    naming `source`, for a value that is no humidity.
    """
    content = content.get("initial", content)
    try:
        q = jnp.asarray(float(content.get("qca", forcing.Qair[0])))
    except (TypeError, ValueError):
        raise InputError(f"{source}: initial qca must be a number") from None
    if not 0.0 <= q <= 1.0:
        raise InputError(f"{source}: initial qca = {q}, expected 0 to 1 kg/kg")
    return SplitState(state.T, state.snow, state.root, state.groundwater, state.ice, q_canopy=q)


def original(steps: int = 1):
    """Solver with `steps` equal steps of LaD's own scheme in each interval, for states of `split_state`."""

    def solver(model: Model, dt):
        check_precision()
        if model.parameters.rise_time is not None:
            raise InputError("original-N: LaD's own scheme has no capillary rise, expected no rise_time")
        h = dt / steps

        def interval(state: SplitState, forcing: Forcing) -> tuple[SplitState, Rates]:
            def step(y, _):
                return _step(model.parameters, y, forcing, h)

            state, means = jax.lax.scan(step, state, length=steps)
            return state, jax.tree.map(lambda x: jnp.mean(x, axis=0), means)

        return interval

    return solver


def _drag(Ri, p: Parameters):
    smooth = turbulence.drag(Ri, p.z_ref, p.z0, p.zh)
    return jnp.where(Ri >= turbulence.RI_MAX, turbulence.DRAG_MIN, smooth)


def _albedo(T, snow, p: Parameters):
    """As `lad.physics.radiation.albedo`, with LaD's straight ramp between cold and warm."""
    warm = jnp.clip((T - T_FREEZE + radiation.T_RANGE) / radiation.T_RANGE, 0.0, 1.0)
    covered = snow / (snow + p.Wc)
    bare = p.alb0_cold + warm * (p.alb0_warm - p.alb0_cold)
    deep = p.albs_cold + warm * (p.albs_warm - p.albs_cold)
    return bare + covered * (deep - bare)


def _step(p: Parameters, state: SplitState, forcing: Forcing, h) -> tuple[SplitState, Rates]:
    """One step of length `h` (s): the state at its end and the rates that it used."""
    T, snow, root, q = state.T[0], state.snow, state.root, state.q_canopy
    icy = snow > 0.0
    latent = L_VAPORISATION + jnp.where(icy, L_FUSION, 0.0)

    # Exchange, linearised in surface temperature: humidity of the massless canopy air eliminated.
    U = jnp.sqrt(forcing.Wind**2 + p.gust**2)
    g_a = U * _drag(turbulence.richardson(T, q, forcing.Tair, forcing.Qair, U, p.z_ref), p)
    D = g_a * forcing.Psurf / (R_DRY * forcing.Tair * (1.0 + VIRTUAL * forcing.Qair))
    beta = jnp.where(icy, 1.0, jnp.clip(root / (STRESS_ONSET * p.Wmax), 0.0, 1.0))
    rho_surface = forcing.Psurf / (R_DRY * T * (1.0 + VIRTUAL * q))
    leaf = rho_surface * beta * g_a / (p.rs * g_a + 1.0 - beta)
    q_sat = saturation_specific_humidity(T, forcing.Psurf)
    q_slope = (saturation_specific_humidity(T + T_INCREMENT, forcing.Psurf) - q_sat) / T_INCREMENT
    E_leaf, E_air = leaf * (q_sat - q), D * (q - forcing.Qair)
    E = E_leaf + leaf * (E_air - E_leaf) / (leaf + D)
    dry = E * h > root + snow  # no more than there is
    E = jnp.where(dry, (root + snow) / h, E)
    E_slope = jnp.where(dry, 0.0, q_slope * leaf * D / (leaf + D))
    H, H_slope = CP_AIR * D * (T - forcing.Tair), CP_AIR * D
    LW, LW_slope = forcing.LWdown - SIGMA * T**4, -4.0 * SIGMA * T**3
    SW = (1.0 - _albedo(T, snow, p)) * forcing.SWdown

    # Heat: temperature increments of the layers below, from the bottom: dT[k] = slope[k] dT[k - 1] +
    # offset[k].
    capacity, g = p.C * p.dz / h, soil_heat.conductances(p.dz, p.lam)
    G, n = soil_heat.heat_flux(state.T, g), len(state.T)
    slope, offset = [0.0] * (n + 1), [0.0] * (n + 1)
    for k in reversed(range(1, n)):
        below, G_below = (g[k], G[k]) if k + 1 < n else (0.0, 0.0)
        pivot = capacity[k] + g[k - 1] + below * (1.0 - slope[k + 1])
        slope[k] = g[k - 1] / pivot
        offset[k] = (G[k - 1] - G_below + below * offset[k + 1]) / pivot
    pivot = capacity[0] - LW_slope + H_slope + latent * E_slope + g[0] * (1.0 - slope[1])
    gain = SW + LW - H - latent * E - G[0] + g[0] * offset[1]
    # Melt takes the heat that would carry the surface beyond freezing, while there is snow.
    excess = jnp.where(icy, jnp.maximum(T + gain / pivot - T_FREEZE, 0.0), 0.0)
    gone = icy & (h * pivot * excess > snow * L_FUSION)
    melt = jnp.where(gone, snow / h, pivot * excess / L_FUSION)
    dT = [(gain - L_FUSION * melt) / pivot]
    for k in range(1, n):
        dT.append(slope[k] * dT[-1] + offset[k])
    E, H, LW = E + E_slope * dT[0], H + H_slope * dT[0], LW + LW_slope * dT[0]
    G = tuple(G[k] + g[k] * (dT[k] - dT[k + 1]) for k in range(n - 1))
    T_new, ice = _freeze([t + d for t, d in zip(state.T, dT, strict=True)], state.ice, p)

    # Water: evaporation is from snow while any is left after melt; the root zone supplies what snow
    # cannot.
    left = jnp.where(gone, 0.0, snow - h * melt)
    from_snow = left > 0.0
    balance = left + h * (forcing.Snowf - E)
    E_root = jnp.where(from_snow, jnp.maximum(-balance, 0.0) / h, E)
    new_snow = jnp.where(from_snow, jnp.maximum(balance, 0.0), h * forcing.Snowf)
    calving = jnp.maximum(new_snow - p.Wsmax, 0.0) / h
    filled = root + h * (forcing.Rainf + melt - E_root)
    drainage = jnp.maximum(filled - p.Wmax, 0.0) / h
    # Ground water: exact solution of the linear reservoir under constant recharge.
    decay = jnp.exp(-h / p.tau)
    kept = (1.0 - decay) * p.tau / h
    discharge = (1.0 - decay) * state.groundwater / h + (1.0 - kept) * drainage

    to_canopy = jnp.where(
        dry,
        (E - E_air) / D,
        (E_leaf - E_air + leaf * q_slope * (T_new[0] - T)) / (leaf + D),
    )
    end = SplitState(
        T_new,
        jnp.minimum(new_snow, p.Wsmax),
        jnp.minimum(filled, p.Wmax),
        decay * state.groundwater + kept * h * drainage,
        ice,
        q_canopy=q + to_canopy,
    )
    return end, Rates(
        SWnet=SW,
        LWnet=LW,
        H=H,
        E_snow=E - E_root,
        E_root=E_root,
        G=G,
        rain=forcing.Rainf,
        snowfall=forcing.Snowf,
        melt=melt,
        calving=calving,
        drainage=drainage,
        discharge=discharge,
        rise=jnp.zeros_like(discharge),
        inflow=jnp.zeros_like(discharge),
    )


def _freeze(T, ice, p: Parameters):
    """Temperatures (K) and ice (J m-3) after the phase change that a temperature beyond freezing allows."""
    if p.Fmax is None:
        return tuple(T), ice
    after = []
    for k, most in enumerate(p.Fmax):
        heat = p.C[k] * (T[k] - T_FREEZE)
        melted = jnp.where(heat > 0.0, jnp.minimum(ice[k], heat), -jnp.minimum(most - ice[k], -heat))
        after.append((T[k] - melted / p.C[k], ice[k] - melted))
    return tuple(zip(*after, strict=True))
