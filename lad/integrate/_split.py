"""Coarse schemes for any flux law, in LaD's order of operations, with its hard switches.

A step takes the surface fluxes of the old state, then moves heat by implicit conduction, melts what would be warmer
than freezing, and empties or fills one store after the other: no store loses more than it has, and the root zone
overflows at once. Land models do this at half-hourly steps; it is of first order at best. LaD itself takes the fluxes
linear in the surface temperature (`split`); `explicit` fixes them for the step, and is stable only while they change
less with temperature than conduction takes away.

The state moves by ``h N m`` with mean rates m, so energy and water are conserved to round-off.
"""

import jax
import jax.numpy as jnp

from lad.constants import L_FUSION, T_FREEZE
from lad.forcing import Forcing
from lad.integrate._linear import Step, Tangent
from lad.model import Model, Rates, advance, ground_heat
from lad.physics import soil_heat
from lad.state import State


def split(steps: int = 1):
    """Solver with `steps` equal steps in each interval, fluxes linear in surface temperature as in LaD's own scheme."""
    return _scheme(steps, lambda tangent: tangent)


def explicit(steps: int = 1):
    """Solver with `steps` equal steps in each interval, fluxes those of the start of the step."""
    return _scheme(steps, lambda tangent: tangent._replace(slope=jax.tree.map(jnp.zeros_like, tangent.slope)))


def _scheme(steps: int, used):
    def solver(model: Model, dt):
        lengths = Step.of(model.parameters, dt / steps)

        def interval(state: State, forcing: Forcing) -> tuple[State, Rates]:
            def step(state, _):
                return _step(model, lengths, used(Tangent.of(model, state, forcing)), state)

            _, means = jax.lax.scan(step, state, length=steps)
            mean = jax.tree.map(lambda x: jnp.mean(x, axis=0), means)
            return advance(state, mean, dt, model.parameters), mean  # in one move: rounded once

        return interval

    return solver


def _step(model: Model, lengths: Step, tangent: Tangent, state: State) -> tuple[State, Rates]:
    """One step: the state at its end and its mean rates; `tangent` gives the surface rates."""
    p, h, n = model.parameters, lengths.h, len(state.T)
    g, start = soil_heat.conductances(p.dz, p.lam), tangent.value
    G, offset = start.G, [0.0]  # rise of layer m: slope times that of the layer above, plus offset
    for m in reversed(range(1, n)):
        through, below = (G[m], g[m]) if m + 1 < n else (0.0, 0.0)
        offset.insert(0, (G[m - 1] - through + below * offset[0]) / lengths.pivot[m - 1])
    pivot = p.C[0] * p.dz[0] / h + g[0] * (1.0 - lengths.slope[0]) - ground_heat(tangent.slope)
    rise = (ground_heat(start) - G[0] + g[0] * offset[0]) / pivot
    melt = _within(jnp.maximum(state.T[0] + rise - T_FREEZE, 0.0) * pivot / L_FUSION, state.snow / h)
    T = [state.T[0] + rise - L_FUSION * melt / pivot]
    for m in range(1, n):
        T.append(state.T[m] + lengths.slope[m - 1] * (T[-1] - state.T[m - 1]) + offset[m - 1])

    rates = tangent.at(T[0])
    E_snow = _within(rates.E_snow, state.snow / h - melt + rates.snowfall)
    snow = state.snow + h * (rates.snowfall - melt - E_snow)
    gain = rates.rain + melt + rates.rise
    E_root = _within(rates.E_root, state.root / h + gain)
    filled = state.root + h * (gain - E_root)
    drainage = jnp.maximum(filled - p.Wmax, 0.0) / h
    # Ground water: exact solution of the linear reservoir under constant recharge.
    decay = jnp.exp(-h / p.tau)
    recharge = drainage + rates.inflow - rates.rise
    discharge = (1.0 - decay) * state.groundwater / h + (1.0 - (1.0 - decay) * p.tau / h) * recharge
    mean = rates._replace(
        E_snow=E_snow,
        E_root=E_root,
        G=soil_heat.heat_flux(T, g),
        melt=melt,
        calving=jnp.maximum(snow - p.Wsmax, 0.0) / h,
        drainage=drainage,
        discharge=discharge,
    )
    return advance(state, mean, h, p), mean


def _within(loss, available):
    """`loss`, but no more than is available; where both are zero, with the derivative of the loss."""
    return jnp.where(loss <= available, loss, available)
