"""The default solver: fixed steps of second order, with two evaluations of the flux law in each.

A flux law is expensive and smooth; conduction, melt and drainage are cheap, but stiff or with sudden onsets. So each
step has two stretches. In the first, short one the surface rates are linear in surface temperature, by the tangent
at the start of the step, with the new forcing. It also gives an estimate of the mean state over the rest of the step,
and the second stretch uses the tangent there. As in the midpoint rule, rates at the mean state are mean rates except
for an error of third order in the step.

With rates linear in surface temperature, each stretch is divided into a few parts, solved by extrapolated linearly
implicit Euler steps, one of the length of the part against two of half of it (Deuflhard, Hairer & Zugck 1987, Numer.
Math. 51, 501-516): second order, strongly damping; the layers below the surface are eliminated once for all time.
Two things that linearisation misses are solved exactly instead: melt, with its sudden onset, agrees with the surface
temperature at the end of the Euler step, and no store loses more than it has.

The state only ever moves by ``h N m`` with mean rates m, so energy and water are conserved to round-off.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lad.constants import L_FUSION
from lad.forcing import Forcing, rows
from lad.integrate._linear import Step, Tangent, without_traces
from lad.model import Model, Rates, advance, ground_heat, heat_state
from lad.parameters import Parameters
from lad.physics import freezing, hydrology, snow, soil_heat
from lad.state import State

FIRST = 0.095  # share of a step, its first stretch, that uses the tangent at its start
FIRST_PARTS, SECOND_PARTS = (0.3, 0.7), (0.1, 0.3, 0.6)  # of the stretches
FREEZING_ITERATIONS = 4


class _Means(NamedTuple):
    """Means over a time from which, with a tangent, all mean rates follow."""

    T: tuple[Float[Array, "..."], ...]  # K, for conduction; T[0] also for emission and evaporation
    E_snow: Float[Array, "..."]
    E_root: Float[Array, "..."]
    melt: Float[Array, "..."]
    calving: Float[Array, "..."]
    drainage: Float[Array, "..."]
    discharge: Float[Array, "..."]

    def rates(self, tangent: Tangent, parameters: Parameters) -> Rates:
        """All mean rates."""
        g = soil_heat.conductances(parameters.dz, parameters.lam)
        water = {name: getattr(self, name) for name in self._fields if name != "T"}
        return tangent.at(self.T[0])._replace(G=soil_heat.heat_flux(self.T, g), **water)


@jax.jit  # traced and differentiated once for all the steps of a part
def _euler(tangent: Tangent, p: Parameters, state: State, step: Step) -> _Means:
    """One linearly implicit Euler step; the means of T are its values at the end.

    Newton's iteration finds where a freezing layer ends on the curve of temperature against heat.
    """
    start = heat_state(state, p)
    if p.Fmax is None:
        n = len(state.T)
        return _linear_euler(tangent, p, start, step, (1.0,) * n, (0.0,) * n)

    points = freezing.plateaus(start.snow, len(start.T))

    def temperatures(theta):
        return tuple(map(freezing.temperature, theta, points, p.Fmax, p.C))

    def iterate(theta, _):
        # Each layer's temperature follows from its own heat: one derivative for all of them.
        T, by_heat = jax.jvp(temperatures, (theta,), (jax.tree.map(jnp.ones_like, theta),))
        constant = tuple(T[k] - by_heat[k] * theta[k] for k in range(len(T)))
        mean = _linear_euler(tangent, p, start, Step.of(p, step.h, by_heat), by_heat, constant)
        end = _move(state, mean, tangent, p, step.h)
        return heat_state(end, p).T, mean

    _, means = jax.lax.scan(iterate, start.T, length=FREEZING_ITERATIONS)
    return rows(means, -1)


def _linear_euler(tangent: Tangent, p: Parameters, start: State, step: Step, by_heat, constant) -> _Means:
    """One linearly implicit Euler step of soil whose temperatures are ``by_heat theta + constant``.

    `start` holds theta in place of T, see `lad.model.heat_state`.
    """
    h, r, by_T = step.h, tangent.value, tangent.slope
    capacity, g = p.C * p.dz, soil_heat.conductances(p.dz, p.lam)
    n = len(start.T)
    offset = [0.0]
    for m in reversed(range(1, n)):
        below = g[m] * offset[0] if m + 1 < n else 0.0
        gain = by_heat[m] * (capacity[m] / h * start.T[m] + below) + capacity[m] / h * constant[m]
        offset.insert(0, gain / step.pivot[m - 1])
    pivot = capacity[0] / h + by_heat[0] * (g[0] * (1.0 - step.slope[0]) - ground_heat(by_T))
    gain = ground_heat(r) - ground_heat(by_T) * tangent.T + g[0] * offset[0]
    unmelted = (by_heat[0] * (capacity[0] / h * start.T[0] + gain) + capacity[0] / h * constant[0]) / pivot
    cooling = by_heat[0] * L_FUSION / pivot  # K per kg m-2 s-1 of melt
    # Melt: what remains of the snow after the step's other gains and losses may melt.
    E_snow = r.E_snow + by_T.E_snow * (unmelted - tangent.T)
    remaining = jnp.maximum(start.snow + h * (r.snowfall - r.calving - E_snow), 0.0)
    melt = snow.self_cooled_melt(unmelted, remaining, cooling)
    # Not `jnp.minimum`: without snow both are zero, and its derivative would be half of the first's, a hundred
    # times too large.
    melt = jnp.where(h * melt < remaining, melt, remaining / h)
    T = [unmelted - cooling * melt]
    for m in range(1, n):
        T.append(step.slope[m - 1] * T[-1] + offset[m - 1])

    E_root = r.E_root + by_T.E_root * (T[0] - tangent.T)
    drainage, by_root = jax.jvp(
        lambda w: hydrology.drainage(w, p.Wmax), (start.root,), (jnp.ones_like(start.root),)
    )
    surplus = r.rain + melt + r.rise - E_root
    drainage = (drainage + h * by_root * surplus) / (1.0 + h * by_root)
    return _Means(
        T=tuple(T),
        E_snow=r.E_snow + by_T.E_snow * (T[0] - tangent.T),
        E_root=E_root,
        melt=melt,
        calving=r.calving,
        drainage=drainage,
        discharge=(start.groundwater + h * (drainage + r.inflow - r.rise)) / (p.tau + h),
    )


def _limited(mean: _Means, state: State, r: Rates, h) -> _Means:
    """The means, with the losses of a store that would end below zero scaled so that it ends empty."""

    def losses(*rates):
        return sum(jnp.maximum(rate, 0.0) for rate in rates)

    def scaled(store, gain, *rates):
        available, loss = store + h * (gain + losses(*(-rate for rate in rates))), h * losses(*rates)
        # A loss that is only underflow is left alone: the derivative of the quotient would overflow.
        scarce = (available < loss) & (loss > 1e-30)
        s = jnp.where(scarce, available / jnp.where(scarce, loss, 1.0), 1.0)
        return [jnp.where(rate > 0.0, rate * s, rate) for rate in rates]

    E_snow, melt, calving = scaled(state.snow, r.snowfall, mean.E_snow, mean.melt, mean.calving)
    E_root, drainage = scaled(state.root, r.rain + melt + r.rise, mean.E_root, mean.drainage)
    return mean._replace(E_snow=E_snow, melt=melt, calving=calving, E_root=E_root, drainage=drainage)


def _move(state: State, mean: _Means, tangent: Tangent, p: Parameters, h) -> State:
    """The state after `h` seconds of `mean`."""
    return advance(state, mean.rates(tangent, p), h, p)


def _part(tangent: Tangent, p: Parameters, state: State, whole: Step, half: Step):
    """Extrapolated Euler steps: the state after `whole`, the means over it, and the state by one Euler step alone."""
    start = without_traces(state)
    once = _euler(tangent, p, start, whole)
    first = _euler(tangent, p, start, half)
    middle = without_traces(_move(start, first, tangent, p, half.h))
    second = _euler(tangent, p, middle, half)
    mean = jax.tree.map(lambda a, b, c: a + b - c, first, second, once)
    mean = _limited(mean, start, tangent.value, whole.h)
    return _move(state, mean, tangent, p, whole.h), mean, _move(state, once, tangent, p, whole.h)


class _Stretch(NamedTuple):
    """Parts of a step that share one tangent."""

    whole: Step
    half: Step
    share: Float[Array, "..."]  # of the step; 0 for a part that only looks ahead
    ahead: Bool[Array, "..."]  # whether its last part only looks ahead

    @classmethod
    def both(cls, parameters: Parameters, h) -> "_Stretch":
        """The two stretches of a step of `h` seconds, stacked."""
        first, second = FIRST * np.array(FIRST_PARTS), (1.0 - FIRST) * np.array(SECOND_PARTS)
        parts = h * np.array([[*first, 1.0 - FIRST], second])
        whole, half = Step.of(parameters, jnp.array(parts)), Step.of(parameters, jnp.array(0.5 * parts))
        return cls(whole, half, jnp.array([[*first, 0.0], second]), jnp.array([True, False]))


def fast(steps: int = 1):
    """Solver with `steps` equal steps in each forcing interval.

    Differentiated in reverse, it keeps only the state at each tangent and computes all else a second time.
    """

    def solver(model: Model, dt):
        p = model.parameters
        stretches = _Stretch.both(p, dt / steps)
        stretches = jax.tree.map(lambda x: jnp.tile(x, (steps,) + (1,) * (x.ndim - 1)), stretches)

        @jax.checkpoint
        def stretch(carry: tuple[State, State], one: _Stretch, forcing: Forcing):
            """The state after a stretch, with the tangent at `point`; the next point; rates times their shares."""
            state, point = carry
            tangent = Tangent.of(model, point, forcing)

            @jax.checkpoint
            def part(y, lengths):
                y, mean, by_euler = _part(tangent, p, y, *lengths)
                return y, (y, mean, by_euler)

            _, (ends, means, by_euler) = jax.lax.scan(part, state, (one.whole, one.half))
            before, end, ahead = rows(ends, -2), rows(ends, -1), rows(by_euler, -1)
            # The mean state over what is ahead and a little beyond: compensates for the first stretch, whose tangent
            # is at its start.
            beyond = jax.tree.map(
                lambda a, b, c: a + (0.5 * (b + c) - a) / (1.0 - FIRST**2), state, before, ahead
            )
            share = jnp.sum(one.share)
            mean = jax.tree.map(lambda x: jnp.sum(one.share * x) / share, means)
            rates = jax.tree.map(lambda x: share * x, mean.rates(tangent, p))
            state, point = jax.tree.map(lambda a, b: jnp.where(one.ahead, a, b), (before, beyond), (end, end))
            return (state, point), rates

        def interval(state: State, forcing: Forcing) -> tuple[State, Rates]:
            _, rates = jax.lax.scan(lambda y, one: stretch(y, one, forcing), (state, state), stretches)
            mean = jax.tree.map(lambda x: jnp.sum(x, axis=0) / steps, rates)
            return advance(state, mean, dt, p), mean  # in one move: rounded once, not in every part

        return interval

    return solver


def euler(steps: int = 1):
    """Solver of first order: `steps` linearly implicit Euler steps in each forcing interval.

    Differentiated in reverse, it keeps only the state at each step and computes all else a second time.
    """

    def solver(model: Model, dt):
        p, h = model.parameters, dt / steps
        lengths = Step.of(p, h)

        @jax.checkpoint
        def step(state: State, forcing: Forcing) -> tuple[State, Rates]:
            tangent, start = Tangent.of(model, state, forcing), without_traces(state)
            mean = _limited(_euler(tangent, p, start, lengths), start, tangent.value, h)
            return _move(state, mean, tangent, p, h), mean.rates(tangent, p)

        def interval(state: State, forcing: Forcing) -> tuple[State, Rates]:
            state, means = jax.lax.scan(lambda y, _: step(y, forcing), state, length=steps)
            return state, jax.tree.map(lambda x: jnp.mean(x, axis=0), means)

        return interval

    return solver
