"""The reference solver: adaptive, error-controlled Runge-Kutta, restarted at every forcing interval.

State and time-integrated rates are advanced together by diffrax; the state at the end is then rebuilt from the
mean rates, so that budgets close to round-off whatever the tolerance.
"""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix
from jax.flatten_util import ravel_pytree

from lad.forcing import Forcing
from lad.model import Model, Rates, advance, heat_state, tendency, with_ice
from lad.state import State


def adaptive(rtol: float = 1e-6, atol: float = 1e-6, method: str = "Kvaerno5"):
    """Solver that keeps the local error of the state (K, kg m-2) below ``atol + rtol |y|``.

    `method` names a Runge-Kutta method of diffrax: Kvaerno3 or Kvaerno5, implicit, or Tsit5, explicit.
    """

    def norm(y):
        state, _ = y  # the integrals of the rates follow the state; they do not choose the step
        return optimistix.rms_norm(state)

    runge_kutta = getattr(diffrax, method)()
    controller = diffrax.PIDController(rtol=rtol, atol=atol, norm=norm)

    def solver(model: Model, dt):
        def interval(state: State, forcing: Forcing) -> tuple[State, Rates]:
            p = model.parameters
            y, to_state = ravel_pytree(heat_state(state, p))
            shapes = eqx.filter_eval_shape(model.rates, state, forcing)
            zeros, to_rates = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes))

            def field(s, y, args):
                rates = model.rates(with_ice(to_state(y[0]), p), forcing)
                return dt * ravel_pytree(tendency(rates, p))[0], ravel_pytree(rates)[0]

            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(field),
                runge_kutta,
                t0=0.0,
                t1=1.0,
                dt0=0.01,
                y0=(y, zeros),
                stepsize_controller=controller,
                max_steps=10_000,
            )
            mean = to_rates(solution.ys[1][-1])
            return advance(state, mean, dt, p), mean

        return interval

    return solver
