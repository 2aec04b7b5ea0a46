"""The solver against solutions known in closed form, and its bounds under any weather and parameters."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_runs import DT, FAST, case, network
from scipy.special import erf

from lad.fluxes import LEARNT_LAWS, AbstractFluxes, BulkFluxes, Fluxes
from lad.forcing import make_forcing
from lad.integrate import fast, roll_out
from lad.model import Model, ground_heat, latent_heat
from lad.parameters import BOUNDS, from_json, table_parameters, to_json
from lad.state import State

run = eqx.filter_jit(roll_out)


class Contact(AbstractFluxes):
    """A surface held at air temperature by a strong exchange of heat, without evaporation."""

    def __call__(self, state, forcing, parameters):
        none = jnp.zeros_like(state.T[0])
        return Fluxes(H=1e5 * (state.T[0] - forcing.Tair), E_snow=none, E_root=none)


def constant(n, **changes):
    """Forcing of `n` equal intervals."""
    values = {"SWdown": 0.0, "LWdown": 300.0, "Tair": 290.0, "Qair": 0.006, "Psurf": 9.5e4, "Wind": 3.0}
    values |= {"Rainf": 0.0, "Snowf": 0.0} | changes
    return make_forcing(**{name: np.full(n, float(value)) for name, value in values.items()})


def test_heat_diffuses_as_into_a_half_space():
    parameters = table_parameters(cover=6, soil=2, z_ref=3.0)
    dz = np.array([0.001] + [0.02] * 10 + [0.06] * 10)
    C, lam = np.full(dz.size, 2.0e6), np.full(dz.size, 0.8)
    parameters = eqx.tree_at(lambda p: (p.dz, p.C, p.lam), parameters, tuple(map(jnp.asarray, (dz, C, lam))))
    cold = 280.0
    start = State((jnp.asarray(cold),) * dz.size, *map(jnp.asarray, (0.0, 50.0, 0.0)))
    hours, warm = 12, 290.0
    end, result = run(FAST, Model(parameters, Contact()), start, constant(2 * hours, Tair=warm), DT)
    depth, time = np.cumsum(dz) - 0.5 * dz, hours * 3600.0
    exact = warm + (cold - warm) * erf(depth / (2.0 * np.sqrt(0.8 / 2.0e6 * time)))
    np.testing.assert_allclose(np.array(end.T), exact, atol=0.05)  # K, of a step of 10 K
    stored = 10.0 * 2.0 * np.sqrt(0.8 * 2.0e6 * time / np.pi)  # J m-2 that a half-space takes up
    np.testing.assert_allclose(DT * np.sum(ground_heat(result.rates)), stored, rtol=0.01)


def test_constant_weather_leads_to_a_balanced_surface():
    parameters = table_parameters(cover=6, soil=2, z_ref=3.0)
    model = Model(parameters, BulkFluxes())
    start = State((jnp.asarray(280.0),) * 5, *map(jnp.asarray, (0.0, 60.0, 10.0)))
    steady = constant(48 * 400, SWdown=150.0, Rainf=2e-5, LWdown=320.0)
    end, result = run(FAST, model, start, steady, DT)
    last = jax.tree.map(lambda x: float(x[-1]), result.rates)
    assert abs(last.SWnet + last.LWnet - last.H - latent_heat(last)) < 1e-3
    np.testing.assert_allclose(np.array(end.T), float(end.T[0]), atol=1e-4)
    assert abs(last.rain - last.E_root - last.drainage) < 1e-4 * last.rain


# Factors that change steeply with surface temperature are stiff: only fluxes come from wild weights here.
LAWS = {"bulk": BulkFluxes()}
LAWS |= {law: network(seed=3, scale=5.0 if law.startswith("mlp") else 1.0, law=law) for law in LEARNT_LAWS}
DAY = 48


@eqx.filter_jit
def free_day(law, parameters, start, weather):
    return roll_out(fast(), Model(parameters, law), start, weather, DT)


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def any_parameters(cover, soil, rng, freezes):
    """Those of the types, each times 1/5 to 5 as far as `BOUNDS` allow."""
    content = to_json(table_parameters(cover=cover, soil=soil, z_ref=10.0))
    for name, value in content["params"].items():
        factor = 1.0 if name.startswith("alb") else np.exp(rng.uniform(-1.6, 1.6))
        content["params"][name] = np.clip(np.multiply(value, factor), *BOUNDS[name]).tolist()
    content["params"]["z0"] = min(content["params"]["z0"], 5.0)
    content["params"]["zh"] = min(content["params"]["zh"], 5.0)
    if freezes:
        content["params"]["Fmax"] = rng.uniform(1e6, 3e8, 5).tolist()
    return from_json(content, "random")


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    law=st.sampled_from(sorted(LAWS)),
    seed=st.integers(0, 2**31),
    cover=st.integers(1, 9),
    soil=st.integers(1, 8),
    cold=numbers(0.0, 1.0),
    snow=st.one_of(st.just(0.0), numbers(0.0, 2.0), numbers(0.0, 900.0)),
    fill=st.one_of(st.just(0.0), st.just(1.0), numbers(0.0, 1.0)),
    burst=numbers(0.0, 0.02),
    freezes=st.booleans(),
)
def test_budgets_close_and_stores_stay_positive_in_any_weather(
    law, seed, cover, soil, cold, snow, fill, burst, freezes
):
    rng = np.random.default_rng(seed)
    parameters = any_parameters(cover, soil, rng, freezes)
    Tair = 308.0 - 60.0 * cold + rng.normal(0.0, 5.0, DAY)
    wet = rng.random(DAY) < 0.2
    weather = make_forcing(
        SWdown=rng.uniform(0.0, 1200.0, DAY) * (rng.random(DAY) < 0.6),
        LWdown=rng.uniform(120.0, 480.0, DAY),
        Tair=Tair,
        Qair=rng.uniform(1e-4, 0.02, DAY),
        Psurf=rng.uniform(6e4, 1.04e5, DAY),
        Wind=rng.uniform(0.0, 25.0, DAY),
        Rainf=np.where(wet & (Tair > 274.0), burst, 0.0),
        Snowf=np.where(wet & (Tair <= 274.0), burst, 0.0),
    )
    start = State(
        tuple(jnp.asarray(Tair.mean() + x) for x in rng.normal(0.0, 8.0, 5)),
        *map(jnp.asarray, (snow, fill * float(parameters.Wmax), 20.0)),
        tuple(rng.uniform(0.0, 1.0, 5) * parameters.Fmax) if freezes else (),
    )
    _, result = free_day(LAWS[law], parameters, start, weather)
    heat = np.sum(parameters.C * parameters.dz) * np.max(
        np.abs(result.state.T)
    )  # J m-2, whose round-off counts
    assert np.abs(result.energy_residual).max() <= max(1e-6, np.finfo(float).eps * heat)
    assert np.abs(result.water_residual).max() <= 1e-9
    for store in (result.state.snow, result.state.root, result.state.groundwater):
        assert store.min() >= -1e-10
    assert np.isfinite(np.array(result.state.T)).all()
    if law != "mlp":  # which may heat the soil at will
        # A step linearises emission: in still air the surface overshoots its balance with the radiation, 400 K at most.
        assert 150.0 < np.min(result.state.T[0]) and np.max(result.state.T[0]) < 600.0
    assert (result.rates.melt >= 0.0).all() and (result.rates.drainage >= -1e-12).all()


@pytest.mark.slow
def test_a_year_of_gradients_neither_vanishes_nor_overflows():
    model, start, weather, _ = case("year_temperate")
    solver = fast()

    @eqx.filter_jit
    def by_start(start):
        def last(start):
            return roll_out(solver, model, start, weather, DT)[0].root

        return jax.grad(last)(start)

    slope = by_start(start)
    size = np.abs(jax.tree.leaves(slope))
    assert 1e-9 < size.max() < 10.0  # also not NaN


@pytest.mark.slow
def test_gradients_of_freezing_soil_equal_differences():
    """Of a surface frozen through over a layer that freezes, by conductivity and heat capacity."""
    table = table_parameters(cover=6, soil=1, z_ref=10.0)
    soil = {"dz": jnp.array([0.05, 0.5]), "C": table.C[:2], "lam": table.lam[:2], "Fmax": jnp.full(2, 1e8)}
    parameters = dataclasses.replace(table, **soil)
    T, stores, ice = (268.0, 273.16), (0.0, 50.0, 5.0), (1e8, 3e7)
    start = jax.tree.map(jnp.asarray, State(T, *stores, ice))
    weather = constant(48, Tair=266.0)

    @eqx.filter_jit
    def value(s):
        scaled = dataclasses.replace(parameters, lam=(1.0 + s) * parameters.lam, C=(1.0 + s) * parameters.C)
        end, _ = roll_out(fast(), Model(scaled, Contact()), start, weather, DT)
        return end.T[0] - 270.0 + end.ice[1] / 1e8

    slope, h = float(jax.grad(value)(0.0)), 1e-3
    difference = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h)
    assert 3.1e7 < run(fast(), Model(parameters, Contact()), start, weather, DT)[0].ice[1] < 1e8
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(difference, slope, rtol=1e-5)
