"""Reverse-mode gradients through a whole year against central differences.

    PYTHONPATH=tests .venv/bin/python benchmarks/gradients.py

takes five minutes. The scalar is a sum over fluxes and states of the synthetic temperate year, with snow, melt and dry
spells; differentiated by every parameter of LaD, and along random directions of a network's weights.
"""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from reference.forcing_formulas import forcing
from reference_runs import DT, ORDER, case, network

from lad.forcing import make_forcing
from lad.integrate import fast, roll_out
from lad.model import Model, latent_heat

STEP = 1e-6  # relative, of the differences; ten times larger ones straddle an event of the snow
DIRECTIONS = 5


def scalar(free, static, start, weather):
    """Order-one number that every flux and store of the year has a part in."""
    _, result = roll_out(fast(), eqx.combine(free, static), start, weather, DT)
    state, rates = result.state, result.rates
    phase = jnp.cos(jnp.arange(rates.H.shape[0]))
    return sum(
        jnp.mean((1.0 + phase) * (x / scale) ** 2)
        for x, scale in (
            (rates.H, 100.0),
            (latent_heat(rates), 100.0),
            (state.T[0] - 280.0, 10.0),
            (state.T[4] - 280.0, 10.0),
            (state.snow, 50.0),
            (state.root, 100.0),
            (state.groundwater, 100.0),
        )
    )


def check(model: Model, start, weather, directions) -> list[tuple[str, float, float]]:
    """Name, reverse-mode derivative and central difference of each of `directions` (name: tree like `model`)."""
    free, static = eqx.partition(model, eqx.is_inexact_array)
    begin = time.perf_counter()
    gradient = eqx.filter_jit(jax.grad(scalar))(free, static, start, weather)
    jax.block_until_ready(gradient)
    print(f"reverse, with compiling: {time.perf_counter() - begin:.0f} s", flush=True)
    assert np.isfinite(ravel_pytree(gradient)[0]).all()
    value = eqx.filter_jit(scalar)
    rows = []
    for name, direction in directions(free).items():

        def moved(s, direction=direction):
            return value(jax.tree.map(lambda x, d: x + s * d, free, direction), static, start, weather)

        near, far = moved(STEP) - moved(-STEP), moved(2.0 * STEP) - moved(-2.0 * STEP)
        difference = float(8.0 * near - far) / (12.0 * STEP)
        reverse = float(jnp.vdot(ravel_pytree(gradient)[0], ravel_pytree(direction)[0]))
        rows.append((name, reverse, difference))
    return rows


def each_parameter(free):
    """A direction for each parameter: all of it, relative to its value."""
    zero = jax.tree.map(jnp.zeros_like, free)
    names = [name for name, x in vars(free.parameters).items() if x is not None and np.any(x != 0.0)]
    return {
        name: eqx.tree_at(lambda m, n=name: getattr(m.parameters, n), zero, getattr(free.parameters, name))
        for name in names
    }


def random_weights(free):
    """Random directions of the weights, of the size of untrained ones."""
    zero = jax.tree.map(jnp.zeros_like, free)
    found = {}
    for k in range(DIRECTIONS):
        flat, unravel = ravel_pytree(free.fluxes.network.layers)
        layers = unravel(0.1 * jax.random.normal(jax.random.key(k), flat.shape))
        found[f"weights {k}"] = eqx.tree_at(lambda m: m.fluxes.network.layers, zero, layers)
    return found


def main() -> None:
    """Print the table."""
    model, start, _, _ = case("year_temperate", 1)
    weather = make_forcing(**dict(zip(ORDER, forcing("temperate", 365 * 48).T, strict=True)))
    print("| by | reverse | central difference | relative difference |\n|---|---|---|---|")
    for model_, directions in (
        (model, each_parameter),
        (Model(model.parameters, network()), random_weights),
    ):
        for name, reverse, difference in check(model_, start, weather, directions):
            relative = abs(reverse - difference) / max(abs(difference), 1e-12)
            print(f"| {name} | {reverse:.8g} | {difference:.8g} | {relative:.1e} |", flush=True)


if __name__ == "__main__":
    main()
