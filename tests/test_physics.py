"""Closed forms and known values of the processes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lad.constants import T_FREEZE, VON_KARMAN
from lad.physics import hydrology, radiation, snow, soil_heat
from lad.physics.saturation import (
    saturation_specific_humidity,
    saturation_vapour_pressure,
    vapour_pressure,
)
from lad.physics.turbulence import DRAG_MIN, RI_MAX, DragTable, _richardson, drag, richardson, stability

HEIGHTS = [(10.0, 0.07, 0.0095), (30.0, 1.2, 0.16), (3.0, 0.01, 0.01)]  # z, z0, zh in m
RI = np.concatenate([-np.geomspace(1e-6, 50.0, 40), np.geomspace(1e-6, RI_MAX, 40)])


@pytest.mark.parametrize(
    ("celsius", "pascal"),
    [(0.01, 611.0), (20.0, 2337.0), (30.0, 4243.0), (-30.0, 38.0), (-40.0, 12.8), (100.0, 101325.0)],
)
def test_saturation_vapour_pressure_of_the_smithsonian_tables(celsius, pascal):
    assert saturation_vapour_pressure(celsius + 273.15) == pytest.approx(pascal, rel=2e-3)


def test_humidity_and_vapour_pressure_are_inverse():
    T, p = np.linspace(240.0, 310.0, 8), 9.0e4
    q = saturation_specific_humidity(T, p)
    np.testing.assert_allclose(vapour_pressure(q, p), saturation_vapour_pressure(T), rtol=1e-12)


def test_saturation_stays_finite_for_impossible_temperatures():
    slope = jax.grad(saturation_vapour_pressure)
    for T in (-50.0, 0.0, 1e4):
        assert np.isfinite(saturation_vapour_pressure(T)) and np.isfinite(slope(T))


@pytest.mark.parametrize(("z", "z0", "zh"), HEIGHTS)
def test_neutral_drag_is_the_log_law(z, z0, zh):
    assert drag(0.0, z, z0, zh) == pytest.approx(VON_KARMAN**2 / np.log(z / z0) / np.log(z / zh), rel=1e-12)


@pytest.mark.parametrize("heights", HEIGHTS)
def test_stability_solves_its_equation(heights):
    zeta = stability(RI, *heights)
    np.testing.assert_allclose(_richardson(zeta, *heights), RI, rtol=1e-9)
    assert np.all(np.sign(zeta) == np.sign(RI))


@pytest.mark.parametrize("heights", HEIGHTS)
def test_drag_falls_with_stability_to_a_positive_floor(heights):
    C = drag(np.sort(RI), *heights)
    assert np.all(np.diff(C) < 0.0) and C[-1] >= DRAG_MIN
    assert drag(100.0, *heights) == drag(RI_MAX, *heights)


def test_derivatives_of_stability_equal_finite_differences():
    z, z0, zh = HEIGHTS[1]
    slopes = jax.jit(jax.grad(stability, argnums=(0, 1, 2, 3)))
    for Ri in (-20.0, -0.5, -1e-3, 1e-3, 0.2, 1.5):
        arguments = (Ri, z, z0, zh)
        exact = slopes(*arguments)
        for k, derivative in enumerate(exact):
            h = 1e-6 * abs(arguments[k])
            up, down = ([a + s * h * (i == k) for i, a in enumerate(arguments)] for s in (1, -1))
            difference = (stability(*up) - stability(*down)) / (2 * h)
            assert derivative == pytest.approx(float(difference), rel=1e-5), (Ri, k)


@pytest.mark.parametrize("heights", HEIGHTS)
def test_table_equals_drag(heights):
    table = DragTable(*heights)
    x = np.concatenate([np.linspace(-30.0, RI_MAX, 2000), RI])
    approximate, exact = jax.vmap(table)(x), drag(x, *heights)
    np.testing.assert_allclose(approximate[x < 0.5], exact[x < 0.5], rtol=3e-6)
    np.testing.assert_allclose(approximate, exact, rtol=1e-5, atol=1e-6)  # within a cell of the floor


def test_table_carries_derivatives_by_richardson_number_and_roughness():
    @jax.jit
    def both(Ri, heights):
        direct = jax.grad(lambda r, h: drag(r, *h), argnums=(0, 1))
        return direct(Ri, heights), jax.grad(lambda r, h: DragTable(*h)(r), argnums=(0, 1))(Ri, heights)

    heights = jnp.array(HEIGHTS[0])
    for Ri in (-5.0, -0.03, 0.05, 1.0):
        exact, table = both(Ri, heights)
        assert table[0] == pytest.approx(float(exact[0]), rel=1e-3)
        np.testing.assert_allclose(table[1], exact[1], rtol=1e-4)


def test_a_warm_surface_is_unstable():
    assert (
        richardson(300.0, 0.01, 290.0, 0.01, 3.0, 10.0)
        < 0.0
        < richardson(280.0, 0.01, 290.0, 0.01, 3.0, 10.0)
    )


def test_heat_flows_from_warm_to_cold_through_half_layers():
    dz, lam = np.array([0.2, 0.4]), np.array([1.0, 2.0])
    (g,) = soil_heat.conductances(dz, lam)
    assert g == pytest.approx(1.0 / (0.1 / 1.0 + 0.2 / 2.0))
    assert soil_heat.heat_flux((290.0, 280.0), [g])[0] == pytest.approx(10.0 * g)  # downward is positive


def test_albedo_between_its_limits():
    values = {"alb0_warm": 0.1, "alb0_cold": 0.2, "albs_warm": 0.6, "albs_cold": 0.8, "Wc": 5.0}

    def albedo(T, mass):
        return float(radiation.albedo(T, mass, **values))

    assert albedo(T_FREEZE + 5.0, 0.0) == pytest.approx(0.1)
    assert albedo(T_FREEZE - 20.0, 0.0) == pytest.approx(0.2)
    assert albedo(T_FREEZE, 1e9) == pytest.approx(0.6)
    assert albedo(T_FREEZE - 10.0, 1e9) == pytest.approx(0.8)
    assert albedo(T_FREEZE, 5.0) == pytest.approx(0.35)  # Wc masks half
    assert radiation.emission(300.0) == pytest.approx(459.5, abs=0.1)


def test_stress_is_the_smoothed_minimum():
    x = np.linspace(0.0, 3.0, 301)
    beta = hydrology.stress(0.75 * 100.0 * x, 100.0)
    kinked = np.minimum(x, 1.0)
    assert beta[0] == 0.0 and np.all(beta <= kinked) and np.all(beta >= 0.955 * kinked)
    assert np.all(np.abs(beta - kinked)[np.abs(x - 1.0) > 0.3] < 1e-3)
    slope = jax.vmap(jax.grad(lambda w: hydrology.stress(w, 100.0)))
    np.testing.assert_allclose(slope(jnp.array([0.0, 10.0])), 1.0 / 75.0)
    assert np.isfinite(slope(jnp.array([75.0, 1e5]))).all()


def test_bucket_overflows_only_when_full():
    assert hydrology.drainage(95.0, 100.0) * 86400.0 < 1e-15
    excess = hydrology.drainage(105.0, 100.0) * hydrology.OVERFLOW_TIME
    assert excess == pytest.approx(5.0)
    assert hydrology.discharge(60.0, 30.0) == 2.0


def test_ground_water_rises_to_a_root_zone_that_is_not_full():
    rise = hydrology.capillary_rise(60.0, jnp.array([0.0, 25.0, 100.0, 101.0]), 100.0, 30.0)
    np.testing.assert_allclose(rise, [2.0, 1.5, 0.0, 0.0])


def test_snow_melts_above_freezing_and_only_where_there_is_some():
    daily = 86400.0
    assert snow.melt(T_FREEZE + 5.0, 0.0) == 0.0
    assert snow.melt(T_FREEZE - 5.0, 100.0) * daily < 0.01  # kg m-2
    assert snow.melt(T_FREEZE + 1.0, 1e6) * 3.34e5 == pytest.approx(snow.MELT_CONDUCTANCE, rel=1e-3)
    assert snow.presence(0.0) == 0.0 and snow.presence(snow.PRESENCE) == 0.5
    assert snow.calving(900.0, 1000.0) * daily < 1e-15 < snow.calving(1100.0, 1000.0)
