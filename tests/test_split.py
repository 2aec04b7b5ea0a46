"""The coarse schemes: budgets, order, stability, and their names."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_runs import DT, awkward, case, fortran, network, padded_run, run, trajectory
from test_integrators import assert_budgets_close, rms

from lad.errors import InputError
from lad.integrate import roll_out
from lad.integrate._split import explicit, split
from lad.integrate.named import named
from lad.model import Model, latent_heat

SOLVERS = {"split": split(), "explicit": explicit()}
READS = (lambda r: r.state.T[0], lambda r: r.rates.H, lambda r: latent_heat(r.rates))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_budgets_close_whatever_the_network(solver, scale):
    starts, weather = awkward(2)
    model = Model(case("year_temperate").model.parameters, network(seed=1, scale=scale))
    result = jax.vmap(lambda y, f: roll_out(SOLVERS[solver], model, y, f, DT)[1])(starts, weather)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(result))
    assert_budgets_close(result)


@pytest.mark.parametrize("scheme", [split, explicit])
def test_first_order(scheme):
    exact = trajectory("unit_drydown", named("fast-32"), days=3)
    coarse, fine = (trajectory("unit_drydown", scheme(n), days=3) for n in (8, 32))
    ratios = [rms(read(coarse), read(exact)) / rms(read(fine), read(exact)) for read in READS]
    assert 3.8 < ratios[0] < 4.4 and all(3.0 < ratio < 7.0 for ratio in ratios)  # 4: first order, 16: second


def test_split_is_as_near_to_the_limit_as_the_original_scheme():
    limit, own = fortran("year_temperate_refined"), fortran("year_temperate")
    found = trajectory("year_temperate", SOLVERS["split"])
    for read, column in zip(READS, ("T1", "H", "LE"), strict=True):
        assert rms(read(found), limit[column]) < 1.5 * rms(own[column], limit[column])


def test_melt_holds_the_surface_at_freezing_and_takes_no_more_than_the_snow():
    model, start, weather, _ = case("unit_drydown", days=3)
    snowy = dataclasses.replace(start, snow=jnp.asarray(5.0), T=tuple(jnp.full((), 272.0) for _ in start.T))
    result = padded_run(SOLVERS["split"], model, snowy, weather)
    before = np.concatenate([[5.0], result.state.snow[:-1]])
    melted = DT * np.asarray(result.rates.melt)
    melting = (melted > 0.0) & (melted < 0.999 * before)
    assert melting.any() and result.state.snow[-1] < 1e-9
    np.testing.assert_allclose(np.asarray(result.state.T[0])[melting], 273.16, atol=1e-6)
    assert_budgets_close(result)


def test_overflow_leaves_at_once():
    model, start, weather, _ = case("unit_saturation")
    result = padded_run(SOLVERS["split"], model, start, weather)
    assert np.asarray(result.rates.drainage).any()
    assert np.asarray(result.state.root).max() <= float(model.parameters.Wmax) * (1 + 1e-12)


def test_explicit_fluxes_are_those_of_the_old_state():
    model, start, weather, _ = case("unit_drydown", days=3)
    first = run(SOLVERS["explicit"], model, start, jax.tree.map(lambda x: x[:2], weather), DT)[1]
    at_start = model.prepare().rates(start, jax.tree.map(lambda x: x[0], weather))
    for name in ("H", "LWnet", "E_root"):
        np.testing.assert_allclose(getattr(first.rates, name)[0], getattr(at_start, name), rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["rosenbrock-1", "fast", "fast-0", "fast-01", "fast-x", "fast-65", "diffrax-1", "original-1"]
)
def test_unknown_solvers_are_refused(name):
    with pytest.raises(
        InputError, match=f"integrator '{name}': expected one of explicit, split, euler, fast"
    ):
        named(name)


def test_original_is_known_where_it_is_admitted():
    assert callable(named("original-64", with_original=True))
    with pytest.raises(
        InputError, match="expected one of explicit, split, euler, fast, original with its steps"
    ):
        named("original", with_original=True)
