"""Solvers against runs of the original Fortran, against each other, and their gradients."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from reference_runs import DT, FAST, STATES, awkward, case, fortran, network, padded_run, run, trajectory

from lad.integrate import fast, original, roll_out, split_state
from lad.integrate._diffrax import adaptive
from lad.model import Model, latent_heat
from lad.parameters import freezable_heat

ADAPTIVE = adaptive(rtol=1e-7, atol=1e-7)
LAWS = {"bulk": None, "network": network(), "hostile network": network(seed=1, scale=30.0)}


def law_model(name):
    parameters = case("year_temperate").model.parameters
    return Model(parameters, LAWS[name] or case("year_temperate").model.fluxes)


def rms(simulated, expected):
    return float(np.sqrt(np.mean((np.asarray(simulated) - np.asarray(expected)) ** 2)))


def assert_budgets_close(result):
    assert np.abs(result.energy_residual).max() <= 1e-6  # J m-2
    assert np.abs(result.water_residual).max() <= 1e-9 * 1e-3  # kg m-2
    assert min(result.state.snow.min(), result.state.root.min()) > -1e-12


@pytest.mark.parametrize(
    "name",
    ["drydown", "snow", "freeze", "freezeoff", "saturation", "recession", "stable_night", "year_temperate"],
)
def test_original_scheme_reproduces_the_fortran(name):
    name = name if name.startswith("year") else f"unit_{name}"
    model, start, weather, content = case(name)
    begin = split_state(start, weather, content, name)
    solver = original(1, freezable_heat(content, name))
    result, expected = padded_run(solver, model, begin, weather), fortran(name)
    leak = -result.energy_residual / DT

    def worst(values, column):
        return np.abs(np.asarray(values) - expected[column]).max()

    for k, T in enumerate(result.state.T):
        assert worst(T, f"T{k + 1}") < 2e-5  # K
    for k, ice in enumerate(result.state.ice):
        assert worst(ice, f"F{k + 1}") < 10.0 if "F1" in expected.dtype.names else not ice.any()
    assert worst(result.rates.H, "H") < 1e-3  # W m-2
    assert worst(latent_heat(result.rates) + leak, "LE") < 1e-3
    assert worst(result.rates.SWnet, "SWnet") < 1e-3
    for values, column in zip(
        (result.state.snow, result.state.root, result.state.groundwater), ("Ws", "Wr", "Wg"), strict=True
    ):
        assert worst(values, column) < 1e-5  # kg m-2
    # The scheme's one leak: evaporation charged as sublimation, but taken from the root zone.
    assert worst(leak / 3.34e5, "wtilde") < 1e-9
    assert np.abs(result.water_residual).max() < 1e-12


# Root-mean-square differences from the continuous limit of the original: T1 K, H and LE W m-2, root zone
# and snow kg m-2. What remains is mostly the smoothing, not the step.
LIMITS = {
    "unit_drydown": (0.03, 0.5, 0.7, 0.1, 1e-9),
    "unit_snow": (0.12, 0.8, 0.8, 0.2, 0.25),
    "unit_freezeoff": (0.005, 0.05, 0.03, 0.02, 1e-9),
    "unit_saturation": (0.005, 0.12, 0.13, 0.5, 1e-9),
    "unit_recession": (0.01, 0.1, 1e-9, 1e-9, 1e-9),
    "unit_stable_night": (0.01, 0.2, 0.2, 0.01, 1e-9),
    "year_temperate": (0.25, 4.0, 3.2, 0.7, 1.3),
}


@pytest.mark.parametrize("name", LIMITS)
def test_fast_solver_is_near_the_continuous_limit(name):
    result, limit, expected = trajectory(name), LIMITS[name], fortran(f"{name}_refined")
    assert_budgets_close(result)
    values = {
        "T1": result.state.T[0],
        "H": result.rates.H,
        "LE": latent_heat(result.rates),
        "Wr": result.state.root,
        "Ws": result.state.snow,
    }
    for (column, simulated), most in zip(values.items(), limit, strict=True):
        assert rms(simulated, expected[column]) <= most, column
    steps = fortran(name)
    for column in ("T1", "H"):  # nearer than the original's own half-hour steps
        assert rms(values[column], expected[column]) < 0.5 * rms(steps[column], expected[column])


def test_ground_water_is_a_linear_reservoir():
    result = trajectory("unit_recession")
    days = np.arange(1, len(result.energy_residual) + 1) / 48.0
    np.testing.assert_allclose(result.state.groundwater, 100.0 * np.exp(-days / 60.0), rtol=1e-7)


def test_fast_solver_converges_with_second_order_to_the_adaptive_one():
    exact = trajectory("year_temperate", ADAPTIVE, days=6)
    assert_budgets_close(exact)
    coarse, fine = (trajectory("year_temperate", fast(n), days=6) for n in (4, 16))
    for read in (lambda r: r.state.T[0], lambda r: r.rates.H, lambda r: latent_heat(r.rates)):
        errors = [rms(read(result), read(exact)) for result in (coarse, fine)]
        assert errors[1] < errors[0] / 8.0  # 16 for exactly second order


@pytest.mark.parametrize("law", LAWS)
def test_budgets_close_whatever_the_flux_law(law):
    start, weather = awkward(4)
    result = eqx.filter_jit(
        lambda model, y, f: jax.vmap(lambda y, f: roll_out(FAST, model, y, f, DT)[1])(y, f)
    )(law_model(law), start, weather)
    assert np.isfinite(ravel_pytree(result)[0]).all()
    assert_budgets_close(result)


@pytest.mark.parametrize("law", ["network", "hostile network"])
def test_budgets_close_with_the_adaptive_solver(law):
    _, start, weather, _ = case("year_temperate", days=1)
    result = run(adaptive(1e-4, 1e-4), law_model(law), start, weather, DT)[1]
    assert np.isfinite(ravel_pytree(result)[0]).all()
    assert np.abs(result.energy_residual).max() <= 1e-6
    assert np.abs(result.water_residual).max() <= 1e-9


def weighted(result, seed=0):
    """A number that depends on every flux and state of a run, each of order one."""
    scale = {"H": 100.0, "LE": 100.0, "T": 10.0, "water": 10.0}
    values = {
        "H": result.rates.H,
        "LE": latent_heat(result.rates),
        "T": jnp.stack(result.state.T) - 280.0,
        "water": jnp.stack([result.state.snow, result.state.root, result.state.groundwater]),
    }
    keys = jax.random.split(jax.random.key(seed), len(values))
    return sum(
        jnp.mean(jax.random.normal(k, x.shape) * x / scale[name]) + jnp.mean((x / scale[name]) ** 2)
        for k, (name, x) in zip(keys, values.items(), strict=True)
    )


def objective(free, static, start, weather):
    return weighted(roll_out(FAST, eqx.combine(free, static), start, weather, DT)[1])


@eqx.filter_jit
def batched_gradient(free, static, starts, weather):
    """Values and reverse-mode gradients by parameters and start, for every case of a batch."""

    def one(start, weather):
        return jax.value_and_grad(lambda f, y: objective(f, static, y, weather), argnums=(0, 1))(free, start)

    return jax.vmap(one)(starts, weather)


@pytest.fixture(scope="module", params=["bulk", "network"])
def gradients(request):
    """Values and gradients of a law from all awkward starts, over four days."""
    free, static = eqx.partition(law_model(request.param), eqx.is_inexact_array)
    starts, weather = awkward(4)
    return free, static, starts, weather, batched_gradient(free, static, starts, weather)


def test_reverse_gradients_are_finite_from_awkward_starts(gradients):
    *_, (values, (by_model, by_start)) = gradients
    for k, name in enumerate(STATES):
        for tree in (values, by_model, by_start):
            flat = ravel_pytree(jax.tree.map(lambda x, k=k: x[k], tree))[0]
            assert np.isfinite(flat).all(), name
            assert np.abs(flat).max() < 1e6, name
            assert np.abs(flat).max() > 0.0, name


def test_batch_equals_single_run(gradients):
    free, static, starts, weather, (values, _) = gradients
    single = jax.tree.map(lambda x: x[3], (starts, weather))
    assert eqx.filter_jit(objective)(free, static, *single) == pytest.approx(float(values[3]), rel=1e-9)


@eqx.filter_jit
def along(free, static, direction, start, weather, steps):
    """Forward-mode derivative along a direction, and values at the given steps along it."""

    def value(s):
        moved = jax.tree.map(lambda x, d: x + s * d, free, direction)
        return objective(moved, static, start, weather)

    derivative = jax.jvp(value, (jnp.zeros(()),), (jnp.ones(()),))[1]
    return derivative, jax.lax.map(value, steps)


def assert_derivatives_agree(free, static, direction, start, weather, reverse, rel=1e-5):
    """Reverse mode = forward mode = central difference (fourth order)."""
    h = 1e-4
    forward, v = along(free, static, direction, start, weather, h * jnp.array([-2.0, -1.0, 1.0, 2.0]))
    difference = (v[0] - 8.0 * v[1] + 8.0 * v[2] - v[3]) / (12.0 * h)
    backward = sum(jnp.vdot(a, b) for a, b in zip(*map(jax.tree.leaves, (reverse, direction)), strict=True))
    assert float(forward) == pytest.approx(float(backward), rel=1e-8)
    assert float(forward) == pytest.approx(float(difference), rel=rel)


PARAMETERS = ("rs", "Wmax", "z0", "zh", "alb0_warm", "C", "lam", "tau")


@pytest.mark.parametrize("name", PARAMETERS)
def test_gradient_by_parameter_equals_differences(name):
    model = law_model("bulk")
    free, static = eqx.partition(model, eqx.is_inexact_array)
    starts, weather = jax.tree.map(lambda x: x[1], awkward(4))
    _, (by_model, _) = batched_gradient(free, static, *awkward(4))
    zero = jax.tree.map(jnp.zeros_like, free)
    value = getattr(model.parameters, name)
    direction = eqx.tree_at(lambda m: getattr(m.parameters, name), zero, value)
    reverse = jax.tree.map(lambda x: x[1], by_model)
    assert_derivatives_agree(free, static, direction, starts, weather, reverse)


def test_gradient_by_weights_equals_differences():
    free, static = eqx.partition(law_model("network"), eqx.is_inexact_array)
    _, (by_model, _) = batched_gradient(free, static, *awkward(4))
    reverse = jax.tree.map(lambda x: x[1], by_model)
    start, weather = jax.tree.map(lambda x: x[1], awkward(4))
    zero = jax.tree.map(jnp.zeros_like, free)
    keys = iter(jax.random.split(jax.random.key(5), 10))
    layers = jax.tree.map(lambda w: 0.1 * jax.random.normal(next(keys), w.shape), free.fluxes.layers)
    direction = eqx.tree_at(lambda m: m.fluxes.layers, zero, layers)
    assert_derivatives_agree(free, static, direction, start, weather, reverse)
    for layer in reverse.fluxes.layers:
        assert np.unique(layer.weight).size > 0.9 * layer.weight.size


def test_scaling_of_a_network_is_not_trained():
    free, static = eqx.partition(law_model("network"), eqx.is_inexact_array)
    _, (by_model, _) = batched_gradient(free, static, *awkward(4))
    assert not ravel_pytree(by_model.fluxes.scaling)[0].any()


def test_weather_of_the_hour_matters():
    model, start, weather, _ = case("year_temperate", days=6)
    shifted = jax.tree.map(lambda x: jnp.roll(x, 1), weather)
    late = run(FAST, model, start, shifted, DT)[1]
    assert rms(late.rates.H, trajectory("year_temperate", days=6).rates.H) > 1.0


def test_states_are_kept_between_intervals():
    model, start, weather, _ = case("year_temperate", days=6)
    halves = [jax.tree.map(lambda x, s=s: x[s], weather) for s in (slice(0, 144), slice(144, None))]
    middle, _ = run(FAST, model, start, halves[0], DT)
    end, _ = run(FAST, model, middle, halves[1], DT)
    whole, _ = run(FAST, model, start, weather, DT)
    np.testing.assert_allclose(ravel_pytree(end)[0], ravel_pytree(whole)[0], rtol=1e-12)
    other = dataclasses.replace(start, root=start.root - 20.0)
    assert abs(run(FAST, model, other, halves[0], DT)[0].root - middle.root) > 10.0
