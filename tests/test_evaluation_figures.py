"""The step figures: what is drawn, over which half-hours, byte for byte the same every time."""

import json

import numpy as np
import pandas as pd
import pytest
from evaluation_site import SITE, TEST, TEST_START, Site, lad
from PIL import Image

from lad.errors import InputError
from lad.evaluation import figures
from lad.evaluation.series import parse_simulations, read_simulated
from lad.evaluation.style import COLOURS, OBSERVED, colours
from lad.observations import read_observed
from lad.periods import parse_periods

NAMES = ("timeseries.png", "diurnal.png", "scatter.png")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def comparison_of(site: Site) -> figures.Comparison:
    options = site.write()
    simulations = parse_simulations(
        [f"{name}={site.folder / name.replace('/', '_')}.nc" for name in site.simulations]
    )
    observed = read_observed(options[3], SITE).during(parse_periods([TEST]), options[3])
    return figures.Comparison("title", observed, read_simulated(simulations, SITE, observed.time))


def drawn(axes, colour: str) -> np.ndarray:
    """Ordinates of the line of that colour."""
    (line,) = [line for line in axes.lines if line.get_color() == colour]
    return np.asarray(line.get_ydata(), dtype=float)


def test_files_are_pngs_without_a_date_and_identical_in_a_rerun(site):
    options = site.write()
    for folder in ("one", "two"):
        lad("figures", *options, "--output-directory", site.folder / folder)
    for name in NAMES:
        content = (site.folder / "one" / name).read_bytes()
        assert content.startswith(b"\x89PNG") and b"Software" not in content and b"Creation" not in content
        assert content == (site.folder / "two" / name).read_bytes()
    assert sorted(path.name for path in (site.folder / "one").iterdir()) == sorted(NAMES)


def test_files_carry_their_origin(site):
    lad("figures", *site.write(), "--output-directory", site.folder / "out")
    for name in NAMES:
        with Image.open(site.folder / "out" / name) as image:
            origin = json.loads(image.text["provenance"])
        assert {"forcing", "observations", "simulation bulk", "simulation mlp/0"} < set(origin["inputs"])
        assert origin["settings"] == {"site": SITE, "test": [TEST]} and origin["code"]["sha256"]
        assert str(site.folder) not in str(origin)


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
    panel = figures.diurnal(comparison_of(site)).axes[2]
    assert panel.get_title() == "Jun to Aug, n = 191"
    noons = TEST_START + 24 + 48 * np.arange(1, 4)
    assert drawn(panel, OBSERVED)[24] == pytest.approx(site.le[noons].mean())
    assert drawn(panel, COLOURS["bulk"])[24] == pytest.approx(site.simulations["bulk"]["Qle"][noons].mean())
    members = np.stack([site.simulations[name]["Qle"] for name in ("mlp/0", "mlp/1")])
    assert drawn(panel, COLOURS["mlp"])[24] == pytest.approx(members.mean(axis=0)[noons].mean())
    assert panel.lines[0].get_xdata()[24] == 12.25


def test_season_without_observations_is_left_empty(site):
    winter = figures.diurnal(comparison_of(site)).axes[0]
    assert winter.get_title() == "Dec to Feb, n = 0"
    assert drawn(winter, OBSERVED).size == 0


def test_daily_means_leave_gaps_as_gaps_and_use_the_same_half_hours(site):
    site.qc[TEST_START : TEST_START + 30] = 9  # 18 of 48 half-hours of the first day are left
    site.qc[TEST_START + 48 : TEST_START + 58] = 9
    daily = figures.timeseries(comparison_of(site), np.zeros(192)).axes[1]
    left = slice(TEST_START + 58, TEST_START + 96)
    assert np.isnan(drawn(daily, OBSERVED)).tolist() == [True, False, False, False]
    assert drawn(daily, OBSERVED)[1] == pytest.approx(site.le[left].mean())
    assert drawn(daily, COLOURS["bulk"])[1] == pytest.approx(site.simulations["bulk"]["Qle"][left].mean())


def test_precipitation_is_drawn_as_daily_sums(site):
    rain = np.full(192, 1 / 86400)
    axes = figures.timeseries(comparison_of(site), rain).axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([1, 1, 1, 1])


def test_contrasted_weeks_are_well_observed():
    time = pd.date_range("2020-01-01", periods=4 * 7 * 48, freq="30min")
    tower = pd.Series(np.repeat([30.0, 10.0, 20.0, 50.0], 7 * 48), time)
    tower.iloc[-6 * 48 :] = np.nan  # the highest week has one day
    weeks = figures.contrasted_weeks(tower, tower.notna())
    assert weeks == [pd.Timestamp("2020-01-08"), pd.Timestamp("2020-01-01")]
    assert figures.contrasted_weeks(tower * np.nan, tower.isna() & False) == []


def test_scatter_counts_the_usable_half_hours_and_states_the_scores_of_the_mean(site):
    site.qc[TEST_START : TEST_START + 12] = 2
    panels = figures.scatter(comparison_of(site)).axes
    for panel in panels[:2]:
        assert np.ma.sum(panel.collections[0].get_array()) == 180
    text = panels[1].texts[0].get_text()
    assert "RMSE 5.0" in text and "n 180" in text


def test_colours_do_not_depend_on_which_models_are_shown():
    assert colours(["mlp", "zz", "aa"])["mlp"] == colours(["bulk", "mlp"])["mlp"] == COLOURS["mlp"]
    shown = colours(["zz", "aa", "bulk"])
    assert len(set(shown.values())) == len(shown)
