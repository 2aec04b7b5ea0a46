"""The default solver: fixed steps of the extrapolated linearly implicit Euler method, of second order.

One linearly implicit Euler step of length h for ``y' = N r(y)``, with Jacobian ``N B``, solves
``(1 - h N B) k = N r(y)`` and moves by ``h N m`` with the rates ``m = r(y) + h B k``. Two steps of h/2 and one of h are
combined to ``m = m_a + m_b - m_h`` (Deuflhard, Hairer & Zugck 1987, Numer. Math. 51, 501-516), which is of order two
for *any* B, strongly damping, and, because the state only ever moves by ``N m``, conserves energy and water to
round-off.

B holds what is stiff: the derivatives of the surface fluxes by surface temperature (by forward differentiation of the
flux law), and conduction, drainage and discharge. The linear system is then a tridiagonal one for temperature,
eliminated upward, and one equation for each store. Two things no linearisation foresees are solved exactly instead:
melt, with its sudden onset, is the one that agrees with the surface temperature at the end of the step, and no store
loses more than it has.
"""

import dataclasses

import jax
import jax.numpy as jnp

from lad.constants import L_FUSION, T_FREEZE
from lad.forcing import Forcing
from lad.model import Model, Rates, ground_heat, tendency
from lad.physics import hydrology, snow
from lad.physics.soil_heat import conductances
from lad.state import State

TRACE = 1e-12  # kg m-2, snow or root-zone water that counts as none


def _axpy(a, x, y):
    """``a x + y`` of two trees."""
    return jax.tree.map(lambda u, v: a * u + v, x, y)


def _linearise(model: Model, state: State, forcing: Forcing) -> tuple[Rates, Rates]:
    """Rates without melt, and their derivatives by surface temperature."""

    def rates(T):
        at = dataclasses.replace(state, T=(T, *state.T[1:]))
        return model.rates(at, forcing, melt=jnp.zeros_like(T))

    return jax.jvp(rates, (state.T[0],), (jnp.ones_like(state.T[0]),))


def _melt(T, snow_mass, cooling, h):
    """Melt m (kg m-2 s-1) over a step `h` with ``m = melt(T - cooling m)``, at most `snow_mass`.

    `T` is the surface temperature at the end of a step without melt; the equation is quadratic because of
    the form of the ramp in `lad.physics.snow.melt`.
    """
    strength = snow.MELT_CONDUCTANCE / L_FUSION * snow.presence(snow_mass)
    x, a = T - T_FREEZE, 1.0 + strength * cooling
    excess = (x + jnp.sqrt(x * x + 4.0 * a * snow.MELT_WIDTH**2)) / (2.0 * a)
    melt = strength * excess
    # Not a minimum: without snow both are zero, and its derivative would be half of that of the first, a
    # hundred times too large.
    return jnp.where(h * melt < snow_mass, melt, snow_mass / h)


def _euler(model: Model, state: State, r: Rates, by_T: Rates, h) -> Rates:
    """Mean rates of one linearly implicit Euler step of length `h`; `r` and `by_T` from `_linearise`."""
    p = model.parameters
    capacity, g = p.C * p.dz, conductances(p.dz, p.lam)
    n = capacity.shape[0]
    f = tendency(r, p)

    # Layers below the surface, from the bottom: k_T[m] = slope[m] k_T[m - 1] + offset[m].
    slope, offset = [0.0] * (n + 1), [0.0] * (n + 1)
    for m in reversed(range(1, n)):
        below = g[m] if m + 1 < n else 0.0
        pivot = capacity[m] + h * (g[m - 1] + below * (1.0 - slope[m + 1]))
        slope[m] = h * g[m - 1] / pivot
        offset[m] = (capacity[m] * f.T[m] + h * below * offset[m + 1]) / pivot
    # Surface: a law that feeds itself (d ground_heat / dT > 0, a network may do that) is taken explicitly.
    damped = (ground_heat(by_T) < 0.0).astype(r.H.dtype)
    by_T = jax.tree.map(lambda x: damped * x, by_T)._replace(G=by_T.G)
    pivot = capacity[0] - h * ground_heat(by_T) + h * g[0] * (1.0 - slope[1])
    unmelted = (capacity[0] * f.T[0] + h * g[0] * offset[1]) / pivot
    # Melt: what remains of the snow after the step's other gains and losses may melt.
    remaining = jnp.maximum(state.snow + h * (f.snow - h * by_T.E_snow * unmelted), 0.0)
    cooling = h * L_FUSION / pivot
    melt = _melt(state.T[0] + h * unmelted, remaining, cooling, h)
    T = [unmelted - cooling * melt / h]
    for m in range(1, n):
        T.append(slope[m] * T[-1] + offset[m])

    # Stores, each implicit in its own loss.
    inflow = f.root + melt - h * by_T.E_root * T[0]
    _, by_root = jax.jvp(lambda w: hydrology.drainage(w, p.Wmax), (state.root,), (jnp.ones_like(state.root),))
    drainage = r.drainage + h * by_root * inflow / (1.0 + h * by_root)
    discharge = r.discharge + h / p.tau * (drainage - r.discharge) / (1.0 + h / p.tau)
    mean = _axpy(h * T[0], by_T, r)._replace(
        G=tuple(r.G[m] + h * g[m] * (T[m] - T[m + 1]) for m in range(n - 1)),
        melt=melt,
        drainage=drainage,
        discharge=discharge,
    )
    return _limit(state, mean, h)


def _limit(state: State, mean: Rates, h) -> Rates:
    """Scale the losses of a store that would end below zero, so that it ends empty."""

    def losses(*rates):
        return sum(jnp.maximum(rate, 0.0) for rate in rates)

    def scaled(store, gain, *rates):
        available, loss = store + h * (gain + losses(*(-rate for rate in rates))), h * losses(*rates)
        # A loss that is nothing but underflow is let pass: the derivative of the quotient would overflow.
        scarce = (available < loss) & (loss > 1e-30)
        s = jnp.where(scarce, available / jnp.where(scarce, loss, 1.0), 1.0)
        return [jnp.where(rate > 0.0, rate * s, rate) for rate in rates]

    E_snow, melt, calving = scaled(state.snow, mean.snowfall, mean.E_snow, mean.melt, mean.calving)
    E_root, drainage = scaled(state.root, mean.rain + melt, mean.E_root, mean.drainage)
    return mean._replace(E_snow=E_snow, melt=melt, calving=calving, E_root=E_root, drainage=drainage)


def _without_traces(state: State) -> State:
    """The state with stores of less than `TRACE` emptied.

    What rounding leaves in an emptied store halves its exponent from step to step, until products of it
    underflow and derivatives of quotients overflow.
    """

    def emptied(store):
        return jnp.where(store > TRACE, store, 0.0)

    return dataclasses.replace(state, snow=emptied(state.snow), root=emptied(state.root))


def _step(model: Model, state: State, forcing: Forcing, h) -> tuple[State, Rates]:
    """One extrapolated step of length `h`."""

    def move(y, mean, h):
        return _axpy(h, tendency(mean, model.parameters), y)

    def half(y, _):
        seen = _without_traces(y)
        r, by_T = _linearise(model, seen, forcing)
        mean = _euler(model, seen, r, by_T, 0.5 * h)
        # The whole step is wanted from the first half alone; doing it in both keeps the compiled loop half
        # as large.
        return move(y, mean, 0.5 * h), (mean, _euler(model, seen, r, by_T, h))

    _, (halves, whole) = jax.lax.scan(half, state, length=2)
    extrapolated = jax.tree.map(lambda a, b: a[0] + a[1] - b[0], halves, whole)
    mean = _limit(_without_traces(state), extrapolated, h)
    return move(state, mean, h), mean


def fast(steps: int = 2):
    """Solver with `steps` equal steps in each forcing interval."""

    def solver(model: Model, state: State, forcing: Forcing, dt) -> tuple[State, Rates]:
        h = dt / steps
        state, means = jax.lax.scan(lambda y, _: _step(model, y, forcing, h), state, length=steps)
        return state, jax.tree.map(lambda x: jnp.mean(x, axis=0), means)

    return solver
