"""Signs, units and budgets of the model."""

import dataclasses
import os
import re
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_runs import DT, FAST, ORDER, case, network, run

from lad.errors import InputError
from lad.fluxes import LEARNT_LAWS, STATES, BulkFluxes, LeafFluxes
from lad.forcing import make_forcing
from lad.integrate import original, roll_out
from lad.io import write_json
from lad.model import (
    Model,
    energy_residual,
    ground_heat,
    heat_storage,
    latent_heat,
    tendency,
    water_residual,
)
from lad.parameters import from_json, read_parameters, table_parameters, to_json
from lad.state import State, initial_state, plain_state

PARAMETERS = table_parameters(6, 2, 10.0)
MODEL = Model(PARAMETERS, BulkFluxes())


def column(T=290.0, snow=0.0, root=100.0):
    return State((jnp.asarray(T),) + (jnp.asarray(288.0),) * 4, *map(jnp.asarray, (snow, root, 10.0)))


def weather(**values):
    plain = dict(zip(ORDER, (600.0, 320.0, 0.0, 0.0, 285.0, 0.005, 3.0, 1e5), strict=True))
    return make_forcing(**plain | values)


@eqx.filter_jit
def rates_of(model, state, forcing):
    return model.rates(state, forcing)


PROBE = """
{first}
import lad
import jax, jax.numpy as jnp
from lad.model import Model
from lad.fluxes import BulkFluxes
from lad.parameters import table_parameters
Model(table_parameters(6, 2, 10.0), BulkFluxes())
print(jnp.zeros(1).dtype)
"""


def probe(folder, first="", **variables):
    """Make a model in a process of its own, from `folder`, with these variables of the shell."""
    command = [sys.executable, "-c", PROBE.format(first=first)]
    return subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("first", ["", "import jax, jax.numpy"])
def test_double_precision_whatever_the_shell_says(tmp_path, first):
    shell = {"JAX_ENABLE_X64": "0", "JAX_DEFAULT_DTYPE_BITS": "32"}
    assert probe(tmp_path, first, **shell).stdout == "float64\n"


def test_clone_called_lad_from_the_folder_above(tmp_path):
    """There it is a namespace package: in double precision all the same, or refused."""
    (tmp_path / "lad").mkdir()
    result = probe(tmp_path)
    refused = result.stderr.strip().splitlines()[-1:] or [""]
    assert result.stdout == "float64\n" or re.match(
        r"lad.errors.InputError: JAX runs in single precision, .* the folder \S+/lad hides the package",
        refused[0],
    )


def test_single_precision_is_refused(day):
    model, start, year, _ = day
    lower = jax.tree.map(lambda x: x.astype(jnp.float32), (start, year))
    with pytest.raises(InputError, match="float32, expected float64"):
        run(FAST, model, *lower, DT)
    jax.config.update("jax_enable_x64", False)
    try:
        for use in (
            lambda: Model(PARAMETERS, BulkFluxes()),
            lambda: rates_of(MODEL, column(), weather()),
            lambda: roll_out(FAST, model, start, year, DT),
            lambda: original()(model, DT),
        ):
            with pytest.raises(InputError, match="JAX runs in single precision"):
                use()
    finally:
        jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="module")
def day():
    """Three days of the temperate winter: start, forcing, trajectory."""
    model, start, year, _ = case("year_temperate", days=3)
    return model, start, year, run(FAST, model, start, year, DT)[1]


def test_midday_sun_on_a_warm_moist_surface():
    rates = rates_of(MODEL, column(T=295.0), weather())
    assert rates.SWnet + rates.LWnet > 100.0  # into the surface
    assert rates.H > 10.0 and latent_heat(rates) > 10.0  # out of it
    assert rates.E_snow == 0.0 and rates.G[0] > 0.0  # downward


def test_cold_surface_takes_heat_and_dew():
    rates = rates_of(MODEL, column(T=275.0), weather(SWdown=0.0, Qair=0.008))
    assert rates.H < 0.0 and latent_heat(rates) < 0.0
    assert rates.SWnet == 0.0 and rates.G[0] < 0.0


def test_snow_sublimates_and_takes_heat_of_fusion_too():
    rates = rates_of(MODEL, column(T=272.0, snow=500.0), weather(Tair=272.0, Qair=0.001))
    assert rates.E_snow > 100.0 * abs(rates.E_root)
    assert latent_heat(rates) == pytest.approx(2.834e6 * float(rates.E_snow), rel=1e-3)


def test_dry_root_zone_and_snow_free_ground_do_not_evaporate():
    for fluxes in (BulkFluxes(), *(network(law=law) for law in LEARNT_LAWS)):
        rates = rates_of(Model(PARAMETERS, fluxes), column(root=0.0), weather())
        assert max(rates.E_root, rates.E_snow) <= 0.0


def test_a_network_cannot_condense_water_from_dry_air():
    fluxes = network()
    last = eqx.tree_at(
        lambda layer: layer.bias, fluxes.network.layers[-1], jnp.array([-50.0, 0.0])
    )  # LE, far below 0
    model = Model(
        PARAMETERS, eqx.tree_at(lambda law: law.network.layers, fluxes, (*fluxes.network.layers[:-1], last))
    )
    dry = rates_of(model, column(T=295.0), weather(Qair=0.004))
    assert dry.E_snow == 0.0 and dry.E_root == 0.0
    moist = rates_of(model, column(T=275.0), weather(Qair=0.008))
    assert -1e-3 < moist.E_root < -1e-5  # kg m-2 s-1


@pytest.mark.parametrize("H", [-100.0, 100.0])
def test_bounded_sensible_heat_fades_out_against_the_gradient(H):
    fluxes = network(scale=0.0, law="mlp_downgradient")
    law = eqx.tree_at(lambda law: law.network.scaling.flux_mean, fluxes, jnp.array([0.0, H]))
    for against, share in ((-20.0, 1.0), (4.0, 1.0), (5.0, 1.0), (10.0, 0.5), (15.0, 0.0), (20.0, 0.0)):

        def flux(T):
            return law(column(T=T), weather(Tair=288.0), PARAMETERS).H

        found, slope = jax.value_and_grad(flux)(288.0 - np.sign(H) * against)
        assert found == pytest.approx(share * H) and np.isfinite(slope)


@pytest.mark.parametrize("law", ["conductance", "parameters", "residual"])
def test_learnt_factors_keep_the_direction_of_the_fluxes(law):
    """Whatever the weights, heat flows from warm to cold and vapour from moist to dry."""
    for seed in range(5):
        model = Model(PARAMETERS, network(seed, scale=5.0, law=law))
        warm = rates_of(model, column(T=295.0), weather(Tair=288.0, Qair=0.004))
        assert warm.H > 0.0 and warm.E_root > 0.0
        cold = rates_of(model, column(T=275.0), weather(Tair=288.0, Qair=0.008))
        assert cold.H < 0.0 and cold.E_root < 0.0


@pytest.mark.parametrize("law", ["residual", "parameters"])
def test_silent_network_leaves_lads_own_law(law):
    fluxes = network(scale=0.0, law=law)
    own, learnt = (rates_of(Model(PARAMETERS, x), column(), weather()) for x in (BulkFluxes(), fluxes))
    np.testing.assert_allclose([learnt.H, learnt.E_root], [own.H, own.E_root], rtol=1e-4)


def test_resistance_of_leaves():
    """With a leaf area of 1 the law is LaD's own, with twice as much that of half the resistance."""
    half = dataclasses.replace(PARAMETERS, rs=0.5 * PARAMETERS.rs)
    for area, same in ((1.0, PARAMETERS), (2.0, half)):
        leaf = rates_of(
            Model(PARAMETERS, LeafFluxes()), column(), dataclasses.replace(weather(), LAI=jnp.asarray(area))
        )
        assert leaf.E_root == rates_of(Model(same, BulkFluxes()), column(), weather()).E_root
    with pytest.raises(InputError, match="the forcing has no LAI, which the law leaf needs"):
        rates_of(Model(PARAMETERS, LeafFluxes()), column(), weather())


@pytest.mark.parametrize("blind", STATES)
def test_a_knocked_out_part_of_the_state_is_not_seen(blind):
    """A network without a part of the state gives the same whatever that part is; with it, it does not."""
    changes = {"soil": {"T": 296.0}, "root": {"root": 5.0}, "snow": {"snow": 30.0}}
    rest = tuple(name for name in STATES if name != blind)
    for states, same in ((rest, True), (tuple(STATES), False)):
        net = network(states=states).network
        before, after = (net(column(**change), weather(), PARAMETERS) for change in ({}, changes[blind]))
        assert np.array_equal(before, after) == same


def test_prescribed_net_radiation_is_the_models():
    """Where it is given it replaces the modelled one whatever the surface does, elsewhere nothing changes."""
    given = dataclasses.replace(weather(), Rnet=jnp.asarray(222.0))
    for T in (280.0, 300.0):
        rates = rates_of(MODEL, column(T=T), given)
        assert rates.SWnet + rates.LWnet == pytest.approx(222.0)
    absent = dataclasses.replace(weather(), Rnet=jnp.asarray(np.nan))
    assert rates_of(MODEL, column(), absent).LWnet == rates_of(MODEL, column(), weather()).LWnet
    slope = jax.grad(
        lambda T: MODEL.rates(dataclasses.replace(column(), T=(T, *column().T[1:])), absent).LWnet
    )
    assert slope(288.0) < -3.0  # W m-2 K-1, and not NaN


def test_ground_heat_is_the_change_of_heat_storage():
    rates = rates_of(MODEL, column(), weather())
    change = tendency(rates, PARAMETERS)
    gain = sum(PARAMETERS.C[k] * PARAMETERS.dz[k] * change.T[k] for k in range(5))
    assert ground_heat(rates) == pytest.approx(float(gain), rel=1e-12)
    warmer = column(T=291.0)
    storage = heat_storage(warmer, PARAMETERS) - heat_storage(column(), PARAMETERS)
    assert storage == pytest.approx(float(PARAMETERS.C[0] * PARAMETERS.dz[0]))


def test_two_layers_relax_to_their_mean():
    two = from_json(
        {
            "params": to_json(PARAMETERS)["params"] | {"dz": [0.1, 0.3], "C": [2e6, 1e6], "lam": [1.0, 2.0]},
            "z_ref_m": 10.0,
            "gust_m_s": 1.0,
        },
        "two layers",
    )
    state = State((jnp.asarray(290.0), jnp.asarray(280.0)), *jnp.zeros(3))
    rates = rates_of(Model(two, BulkFluxes()), state, weather())
    still = rates._replace(**{name: jnp.zeros(()) for name in rates._fields if name != "G"})
    change = tendency(still, two)
    g = 1.0 / (0.05 / 1.0 + 0.15 / 2.0)
    decay = -g * (1.0 / 2e5 + 1.0 / 3e5) * 10.0  # of the difference of 10 K
    assert change.T[0] - change.T[1] == pytest.approx(decay)
    assert 2e5 * change.T[0] + 3e5 * change.T[1] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "name", ["SWnet", "H", "E_root", "E_snow", "calving", "discharge", "rain", "snowfall", "inflow"]
)
def test_residuals_see_a_flux_that_is_not_accounted_for(day, name):
    model, start, _, result = day
    size = 1.0 if name in ("SWnet", "H") else 1e-5
    row = jax.tree.map(lambda x: x[0], result)
    tampered = row.rates._replace(**{name: getattr(row.rates, name) + size})
    energy = energy_residual(start, row.state, tampered, DT, model.parameters)
    water = water_residual(start, row.state, tampered, DT)
    assert abs(row.energy_residual) < 1e-6 and abs(row.water_residual) < 1e-12
    assert max(abs(energy) / 1e3, abs(water) / 1e-2) > 1.0


def test_stores_change_by_what_flows(day):
    model, _, year, result = day
    rates = result.rates
    np.testing.assert_allclose(rates.rain, year.Rainf, atol=1e-18)
    change = np.diff(result.state.groundwater)
    np.testing.assert_allclose(change, DT * (rates.drainage - rates.discharge)[1:], atol=1e-12)
    supply = rates.SWnet + rates.LWnet - rates.H - latent_heat(rates) - 3.34e5 * rates.melt
    np.testing.assert_allclose(ground_heat(rates), supply, atol=1e-9)
    gain = heat_storage(result.state, model.parameters)
    np.testing.assert_allclose(np.diff(gain), DT * supply[1:], atol=1e-6)


def test_vmap_over_windows_equals_loop(day):
    model, start, year, _ = day
    windows = jax.tree.map(lambda x: x.reshape(3, 48), year)
    starts = jax.tree.map(lambda x: jnp.broadcast_to(x, (3, *x.shape)), start)
    many = eqx.filter_jit(jax.vmap(lambda y, f: roll_out(FAST, model, y, f, DT)[1].rates.H))(starts, windows)
    single = eqx.filter_jit(lambda f: roll_out(FAST, model, start, f, DT)[1].rates.H)
    for k in (0, 2):
        np.testing.assert_allclose(many[k], single(jax.tree.map(lambda x, k=k: x[k], windows)), rtol=1e-9)


def test_flux_law_of_the_documentation(root, day):
    text = (root / "docs" / "model.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    space = {}
    exec(code, space)
    model, start, year, _ = day
    result = run(FAST, Model(model.parameters, space["RadiationLaw"]()), start, year, DT)[1]
    assert np.isfinite(result.rates.H).all() and np.ptp(result.rates.H) > 10.0
    assert np.abs(result.energy_residual).max() < 1e-6 and np.abs(result.water_residual).max() < 1e-9


def test_parameters_survive_json():
    again = from_json(to_json(PARAMETERS), "again")
    assert jax.tree.all(jax.tree.map(np.array_equal, again, PARAMETERS))
    assert float(PARAMETERS.Wmax) == pytest.approx(129.146, abs=0.01)  # table of Milly & Shmakin
    assert "rise_time" not in to_json(PARAMETERS)["params"]
    wet = dataclasses.replace(PARAMETERS, rise_time=jnp.asarray(1e7), inflow=jnp.asarray(1e-5))
    assert jax.tree.all(jax.tree.map(np.array_equal, from_json(to_json(wet), "again"), wet))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rs": -1.0}, "rs"),
        ({"alb0_warm": 1.5}, "alb0_warm"),
        ({"dz": [0.1]}, "dz"),
        ({"lam": [1.0, 2.0]}, "lam"),
        ({"z0": 20.0}, "z0"),
        ({"tau": "long"}, "numbers"),
        ({"rise_time": 60.0}, "rise_time"),
        ({"inflow": [1e-5]}, "inflow"),
        ({"inflow": 1e-5}, "expected rise_time too"),
    ],
)
def test_impossible_parameters_are_refused(change, words):
    content = to_json(PARAMETERS)
    content["params"] |= change
    with pytest.raises(InputError, match=f"P.json.*{words}"):
        from_json(content, "P.json")


def test_reference_height_must_agree(tmp_path):
    content, path = to_json(PARAMETERS), tmp_path / "P.json"
    write_json(path, content)
    assert read_parameters(path, 10.05).z_ref == 10.0
    with pytest.raises(InputError, match=r"z_ref_m = 10 m.*12 m"):
        read_parameters(path, 12.0)
    write_json(path, {"params": content["params"]})
    assert read_parameters(path, 12.0).z_ref == 12.0
    write_json(path, [])
    with pytest.raises(InputError, match=r"P\.json"):
        read_parameters(path, 12.0)


def test_freezable_water_is_optional():
    content = to_json(PARAMETERS)
    assert "Fmax" not in content["params"]
    content["params"]["Fmax"] = [0.0] * 5
    assert from_json(content, "P.json").Fmax is None
    content["params"]["Fmax"] = [1e8] * 5
    freezing = from_json(content, "P.json")
    assert to_json(freezing)["params"]["Fmax"] == [1e8] * 5
    for wrong in ([1e8], [-1.0] * 5, "much"):
        content["params"]["Fmax"] = wrong
        with pytest.raises(InputError, match=r"Fmax|numbers"):
            from_json(content, "P.json")
    initial = {"T": [270.0] * 5, "F": [5e7] * 5, "Ws": 1.0, "Wr": 2.0, "Wg": 3.0}
    assert initial_state(initial, "S.json", freezing).ice[4] == 5e7
    for parameters, F in ((PARAMETERS, [5e7] * 5), (freezing, [2e8] * 5), (freezing, [5e7] * 4)):
        with pytest.raises(InputError, match=r"S\.json.* F"):
            initial_state(initial | {"F": F}, "S.json", parameters)


def test_plain_and_given_states():
    state = plain_state(PARAMETERS, jax.tree.map(lambda x: jnp.stack([x, x]), weather()))
    assert [float(t) for t in state.T] == [285.0] * 5
    assert state.root == 0.5 * PARAMETERS.Wmax and state.snow == state.groundwater == 0.0
    good = {"T": [280.0] * 5, "Ws": 1.0, "Wr": 2.0, "Wg": 3.0}
    assert initial_state({"initial": good}, "S.json", PARAMETERS).groundwater == 3.0
    for wrong in ({"Ws": -1.0}, {"T": [20.0]}, {"Wr": "much"}):
        with pytest.raises(InputError, match=r"S\.json"):
            initial_state(good | wrong, "S.json", PARAMETERS)
