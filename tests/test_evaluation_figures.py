"""The step figures: what is drawn, over which half-hours, byte for byte the same every time."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation_site import SITE, TEST, TEST_START, Site, lad
from PIL import Image

from lad.errors import InputError
from lad.evaluation.series import (
    Comparison,
    States,
    contrasted_weeks,
    parse_simulations,
    read_measured,
    read_sensors,
    read_simulated,
    read_states,
)
from lad.figures import fluxes
from lad.figures.energy_and_soil import energy_balance, soil, water
from lad.figures.style import COLOURS, OBSERVED, colours, groups, looks
from lad.observations import read_observed
from lad.periods import parse_periods

NAMES = ("timeseries", "diurnal", "seasonal", "scatter", "target", "closure", "soil", "water")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def simulations_of(site: Site) -> dict:
    return parse_simulations(
        [f"{name}={site.folder / name.replace('/', '_')}.nc" for name in site.simulations]
    )


def comparison_of(site: Site) -> Comparison:
    options, simulations = site.write(), simulations_of(site)
    observed = read_observed(options[3], SITE).during(parse_periods([TEST]), options[3])
    return Comparison("title", observed, read_simulated(simulations, SITE, observed.time))


def drawn(axes, colour: str) -> np.ndarray:
    """Ordinates of the line of that colour."""
    (line,) = [line for line in axes.lines if line.get_color() == colour]
    return np.asarray(line.get_ydata(), dtype=float)


@pytest.mark.slow
def test_files_bear_no_date_and_are_identical_in_another_process(site):
    options = [*site.write(), "--output-directory"]
    lad("figures", *options, site.folder / "one")
    command = [sys.executable, "-m", "lad.cli", "figures", *map(str, options), str(site.folder / "two")]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True)
    expected = sorted(f"{name}.{ending}" for name in NAMES for ending in ("png", "pdf"))
    for folder in ("one", "two"):
        assert sorted(path.name for path in (site.folder / folder).iterdir()) == expected
    for name in expected:
        content = (site.folder / "one" / name).read_bytes()
        assert content.startswith((b"\x89PNG", b"%PDF"))
        assert not any(word in content for word in (b"Software", b"CreationDate", b"Producer"))
        assert content == (site.folder / "two" / name).read_bytes()


def test_files_carry_their_origin(site):
    lad("figures", *site.write(), "--output-directory", site.folder / "out")
    for name in NAMES:
        with Image.open(site.folder / "out" / f"{name}.png") as image:
            origin = json.loads(image.text["provenance"])
        assert {"forcing", "observations", "simulation bulk", "simulation mlp/0"} < set(origin["inputs"])
        assert origin["settings"] == {"site": SITE, "test": [TEST]} and origin["code"]["sha256"]
        assert str(site.folder) not in str(origin)
        digest = origin["inputs"]["simulation bulk"]["sha256"].encode()
        assert b"/Keywords" in (pdf := (site.folder / "out" / f"{name}.pdf").read_bytes()) and digest in pdf


def test_target_without_usable_half_hours_is_refused_before_anything_is_drawn(site):
    site.h[TEST_START:] = np.nan
    with pytest.raises(InputError, match=f"observations.nc: no usable half-hour of Qh in {TEST}"):
        lad("figures", *site.write(), "--output-directory", site.folder / "out")
    assert not (site.folder / "out").exists()


def test_failure_of_the_last_figure_leaves_none(site):
    site.h[TEST_START:] = 7.0  # no scores of a constant observation: the scatter plot cannot be drawn
    with pytest.raises(InputError, match="NSE is undefined"):
        lad("figures", *site.write(), "--output-directory", site.folder / "out")
    assert not (site.folder / "out").exists()


def test_diurnal_cycle_averages_tower_and_models_over_the_same_half_hours(site):
    site.qc[TEST_START + 24] = 1  # noon of the first day
    site.le[TEST_START + 24] = 1e5
    site.simulations["bulk"]["Qle"][TEST_START + 24] = -1e5
    panel = fluxes.diurnal(comparison_of(site)).axes[2]
    assert panel.get_title() == "Jun to Aug, n = 191"
    noons = TEST_START + 24 + 48 * np.arange(1, 4)
    assert drawn(panel, OBSERVED)[24] == pytest.approx(site.le[noons].mean())
    assert drawn(panel, COLOURS["bulk"])[24] == pytest.approx(site.simulations["bulk"]["Qle"][noons].mean())
    members = np.stack([site.simulations[name]["Qle"] for name in ("mlp/0", "mlp/1")])
    assert drawn(panel, COLOURS["mlp"])[24] == pytest.approx(members.mean(axis=0)[noons].mean())
    assert panel.lines[0].get_xdata()[24] == 12.25


def test_season_without_observations_is_left_empty(site):
    winter = fluxes.diurnal(comparison_of(site)).axes[0]
    assert winter.get_title() == "Dec to Feb, n = 0"
    assert drawn(winter, OBSERVED).size == 0


def test_daily_means_leave_gaps_as_gaps_and_use_the_same_half_hours(site):
    site.qc[TEST_START : TEST_START + 30] = 9  # 18 of 48 half-hours of the first day are left
    site.qc[TEST_START + 48 : TEST_START + 58] = 9
    daily = fluxes.timeseries(comparison_of(site), np.zeros(192)).axes[1]
    left = slice(TEST_START + 58, TEST_START + 96)
    assert np.isnan(drawn(daily, OBSERVED)).tolist() == [True, False, False, False]
    assert drawn(daily, OBSERVED)[1] == pytest.approx(site.le[left].mean())
    assert drawn(daily, COLOURS["bulk"])[1] == pytest.approx(site.simulations["bulk"]["Qle"][left].mean())


def test_precipitation_is_drawn_as_daily_sums(site):
    rain = np.full(192, 1 / 86400)
    axes = fluxes.timeseries(comparison_of(site), rain).axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([1, 1, 1, 1])


def test_contrasted_weeks_are_well_observed():
    time = pd.date_range("2020-01-01", periods=4 * 7 * 48, freq="30min")
    tower = pd.Series(np.repeat([30.0, 10.0, 20.0, 50.0], 7 * 48), time)
    tower.iloc[-6 * 48 :] = np.nan  # the highest week has one day
    weeks = contrasted_weeks(tower, tower.notna())
    assert weeks == [pd.Timestamp("2020-01-08"), pd.Timestamp("2020-01-01")]
    assert contrasted_weeks(tower * np.nan, tower.isna() & False) == []


def test_scatter_counts_the_usable_half_hours_and_states_the_scores_of_the_mean(site):
    site.qc[TEST_START : TEST_START + 12] = 2
    panels = fluxes.scatter(comparison_of(site)).axes
    for panel in panels[:2]:
        assert np.ma.sum(panel.collections[0].get_array()) == 180
    text = panels[1].texts[0].get_text()
    assert "RMSE 5.0" in text and "n 180" in text


def test_colours_do_not_depend_on_which_models_are_shown():
    assert colours(["mlp", "zz", "aa"])["mlp"] == colours(["bulk", "mlp"])["mlp"] == COLOURS["mlp"]
    shown = colours(["zz", "aa", "bulk"])
    assert len(set(shown.values())) == len(shown)


def test_many_models_are_kept_apart_in_panels_of_a_few(site):
    names = ["bulk", "mlp", *(f"model{k}" for k in range(9))]
    assert len(set(looks(names).values())) == len({look[:2] for look in looks(names).values()}) == len(names)
    shown = groups(names)
    assert [len(group) for group in shown] == [4, 4, 5]
    assert all(group[0] == "bulk" for group in shown)
    assert sorted(name for group in shown for name in group[1:]) == sorted(names[1:])
    assert groups(["mlp"]) == [["mlp"]]
    site.simulations |= {f"{name}/0": site.simulations["mlp/0"] for name in names[2:]}
    comparison = comparison_of(site)
    entries = {label.get_text() for label in fluxes.seasonal(comparison).legends[0].get_texts()}
    assert entries == {"observed", "LaD calibrated", *names[1:]}
    assert len(fluxes.scatter(comparison).axes) == 2 * (len(names) + 1)  # a colour bar for each target


def test_monthly_means_are_over_the_same_half_hours(site):
    site.qc[TEST_START : TEST_START + 100] = 2
    panel = fluxes.seasonal(comparison_of(site)).axes[1]
    assert panel.lines[0].get_xdata().tolist() == [6]
    assert drawn(panel, OBSERVED) == pytest.approx([site.h[TEST_START + 100 :].mean()])
    assert drawn(panel, COLOURS["bulk"]) == pytest.approx(
        [site.simulations["bulk"]["Qh"][TEST_START + 100 :].mean()]
    )


def test_target_diagram_shows_bias_and_pattern_error(site):
    """A shifted copy has bias alone; one of twice the spread has an unbiased error of one, on the right."""
    x = np.array([1.0, 2.0, 3.0, 4.0])
    spread = np.std(x)
    assert fluxes.target_point(x + 2.0, x) == pytest.approx((0.0, 2.0 / spread))
    assert fluxes.target_point(2.0 * x - 2.5, x) == pytest.approx((1.0, 0.0))
    assert fluxes.target_point(0.5 * x + 1.25, x) == pytest.approx((-0.5, 0.0))
    site.simulations["bulk"] = {"Qle": 0.5 * site.le, "Qh": site.h}
    site.simulations["mlp/0"], site.simulations["mlp/1"] = ({"Qle": 2.0 * site.le, "Qh": site.h + 3.0},) * 2
    panels = fluxes.target_diagram(comparison_of(site)).axes
    observed, found = site.le[TEST_START:], []
    for axes in panels:
        large = [line for line in axes.lines if line.get_markersize() == 7]
        found.append({line.get_color(): (*line.get_xydata()[0], line.get_fillstyle()) for line in large})
    relative = observed.mean() / np.std(observed)
    assert found[0][COLOURS["bulk"]] == (pytest.approx(0.5), pytest.approx(-0.5 * relative), "none")
    assert found[0][COLOURS["mlp"]] == (pytest.approx(1.0), pytest.approx(relative), "full")
    assert found[1][COLOURS["mlp"]][:2] == pytest.approx((0.0, 3.0 / np.std(site.h[TEST_START:])), abs=1e-9)


def test_closure_holds_tower_and_models_against_the_energy_of_the_tower(site):
    turbulent = site.le + site.h
    site.measured = {"Rnet": 1.25 * turbulent + 20.0, "Qg": np.full_like(turbulent, 20.0)}
    site.measured["Qg"][TEST_START : TEST_START + 48] = np.nan
    comparison, names = comparison_of(site), ("Rnet", "Qg")
    energy = read_measured(site.folder / "observations.nc", SITE, names, comparison.observed.time)
    half_hours, days, ratio, slope = (
        axes for axes in energy_balance(comparison, energy).axes if axes.get_label() != "<colorbar>"
    )
    assert half_hours.get_title() == "144 half-hours" and days.get_title() == "means of 3 days"
    for axes in (half_hours, days):
        assert axes.texts[0].get_text().startswith("ratio 0.80\nslope 0.80\nintercept")
    assert [tick.get_text() for tick in ratio.get_yticklabels()] == ["observed", "LaD calibrated", "mlp"]
    used = slice(TEST_START + 48, None)
    bulk = sum(site.simulations["bulk"].values())[used]
    for axes, expected in (
        (ratio, bulk.sum() / (1.25 * turbulent[used].sum())),
        (slope, np.polyfit(1.25 * turbulent[used], bulk, 1)[0]),
    ):
        (point,) = (
            line for line in axes.lines if line.get_color() == COLOURS["bulk"] and line.get_markersize() == 6
        )
        assert point.get_xdata() == pytest.approx([expected])


def test_closure_without_measured_energy_says_so(site):
    comparison = comparison_of(site)
    energy = read_measured(site.folder / "observations.nc", SITE, ("Rnet", "Qg"), comparison.observed.time)
    figure = energy_balance(comparison, energy)
    assert not figure.axes and "no half-hour with" in figure.texts[-1].get_text()


def test_water_sums_up_evaporation_where_the_tower_has_it(site):
    comparison = comparison_of(site)
    everything = read_observed(site.folder / "observations.nc", SITE).time
    states = {"bulk": States(("",), {"RootMoist": np.arange(len(everything), dtype=float)[None]})}
    above, below = water(comparison, everything, states).axes
    usable = comparison.observed.usable["LE"]
    amounts = {
        "observed": comparison.observed.flux["LE"],
        "LaD calibrated": comparison.simulated["bulk"].flux["LE"][0],
    }
    for name, flux in amounts.items():
        (line,) = (line for line in above.lines if line.get_label() == name)
        assert line.get_ydata()[-1] == pytest.approx(flux[usable].sum() * 1800.0 / 2.5e6)
    (stored,) = below.lines
    assert stored.get_ydata()[-1] == len(everything) - 1 and len(stored.get_ydata()) == len(everything) / 48


def test_soil_shows_layer_two_and_the_sensors_at_the_half_hours_of_the_shallowest(site):
    time, layers = np.arange(len(site.le)), np.arange(5)
    temperature = 280.0 + 0.01 * time
    site.measured = {
        "SoilTemp_2": np.where(time < TEST_START + 10, np.nan, temperature + 1.0),
        "SoilTemp_4": temperature - 3.0,
    }
    states = {
        "SoilTemp": temperature[:, None] + 10.0 * (layers - 1),
        "RootMoist": 50.0 + 0.0 * temperature,
        "SWE": 0.0 * temperature,
    }
    site.simulations["bulk"] |= states
    site.simulations["mlp/0"] |= states | {"RootMoist": states["RootMoist"] + 20.0}
    site.simulations["mlp/1"] |= states
    site.simulations["table/0"] = dict(site.simulations["mlp/0"])
    del site.simulations["table/0"]["SWE"]  # a model without the states of LaD
    comparison, paths = comparison_of(site), simulations_of(site)
    sensors = read_sensors(site.folder / "observations.nc", SITE, comparison.observed.time)
    assert list(sensors) == ["SoilTemp_2", "SoilTemp_4"]
    figure = soil(comparison, sensors, read_states(paths, SITE, comparison.observed.time))
    warmth, root, snow = figure.axes
    assert [axes.get_ylabel().split(" (")[0] for axes in figure.axes] == [
        "Soil temperature",
        "Root-zone water",
        "Snow water",
    ]
    first = slice(TEST_START + 10, TEST_START + 48)
    expected = temperature[first].mean() - 273.16
    assert drawn(warmth, COLOURS["bulk"])[0] == pytest.approx(expected)
    assert drawn(warmth, OBSERVED)[0] == pytest.approx(expected + 1.0)
    (deeper,) = (line for line in warmth.lines if line.get_label() == "sensor 4")
    assert deeper.get_ydata()[0] == pytest.approx(temperature[TEST_START : TEST_START + 48].mean() - 276.16)
    assert drawn(root, COLOURS["mlp"]).tolist() == [60.0] * 4 and not drawn(snow, COLOURS["mlp"]).any()
    assert len(snow.lines) == 2


def test_closure_of_a_tower_without_a_well_observed_day_has_no_daily_means(site):
    site.measured = {"Rnet": site.le + site.h, "Qg": np.zeros_like(site.le)}
    site.qc[np.arange(len(site.qc)) % 48 > 12] = 1
    comparison = comparison_of(site)
    energy = read_measured(site.folder / "observations.nc", SITE, ("Rnet", "Qg"), comparison.observed.time)
    assert "means of 0 days" in [axes.get_title() for axes in energy_balance(comparison, energy).axes]


def test_tower_without_flags_is_refused_in_one_line(site):
    site.measured = {"Rnet": site.le}
    path = site.write()[3]
    with xr.open_dataset(path) as dataset:
        bare = dataset.load().drop_vars("Rnet_qc")
    bare.to_netcdf(path)
    with pytest.raises(InputError, match="Rnet has no flags, expected a variable Rnet_qc"):
        read_measured(path, SITE, ("Rnet",), site.time[TEST_START:])
