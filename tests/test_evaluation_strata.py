"""Scores by stratum, scale and closure: which half-hours belong where, and what they score."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from evaluation_site import SITE, TEST_START, N, Site, lad

from lad.evaluation.metrics import METRICS
from lad.evaluation.series import Simulated, usable_day_means
from lad.evaluation.strata import SEASONS, STRATA_COLUMNS, strata, strata_scores
from lad.observations import TARGETS, Observed

KEYS = ["target", "model", "correction", "scale", "stratum", "value"]


def half_hours(first: str, count: int) -> np.ndarray:
    return np.datetime64(first, "s") + np.arange(count) * np.timedelta64(1800, "s")


def weather(count: int, **series: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.zeros(count) for name in ("SWdown", "Tair", "Rainf", "Snowf")} | series


def test_light_season_hour_and_snow():
    time = half_hours(
        "2020-02-28T12:00", 96
    )  # from a leap year's winter into its spring: 48 + 24 half-hours, then 24
    sun = np.where(np.arange(96) < 10, 10.1, 10.0)
    of = strata(time, weather(96, SWdown=sun), np.ones(96, dtype=bool), np.repeat([0.5, 1.5], 48))
    assert of[("light", "day")].sum() == 10 and of[("light", "night")].sum() == 86
    assert of[("season", "Dec to Feb")].tolist() == [True] * 72 + [False] * 24
    assert of[("season", "Mar to May")].tolist() == [False] * 72 + [True] * 24
    assert np.flatnonzero(of[("hour", "12")]).tolist() == [0, 1, 48, 49]
    assert of[("snow", "snow")].tolist() == [False] * 48 + [True] * 48
    for name in ("light", "season", "snow", "rain", "hour"):
        parts = [mask for (stratum, _), mask in of.items() if stratum == name]
        assert (np.sum(parts, axis=0) == 1).all()
    without = strata(time, weather(96), np.ones(96, dtype=bool), None)
    assert "snow" not in {stratum for stratum, _ in without}


def test_rain_before_the_test_period_and_across_a_break_counts_by_the_clock():
    time = np.concatenate([half_hours("2020-06-01", 48), half_hours("2020-06-02T12:00", 48)])
    rain = np.zeros(96)
    rain[47] = 1.2 / 1800  # 1.2 mm from 23:30 to midnight
    inside = np.arange(96) >= 40
    wet = strata(time, weather(96, Rainf=rain), inside, None)[("rain", "wet")]
    # dry until 23:00; wet from 23:30, and after the break until the interval that starts at 23:00
    expected = (time[inside] >= np.datetime64("2020-06-01T23:30")) & (
        time[inside] < np.datetime64("2020-06-02T23:30")
    )
    assert wet.tolist() == expected.tolist() and wet.sum() == 1 + 23
    rain[47] = 0.9 / 1800
    assert not strata(time, weather(96, Rainf=rain), inside, None)[("rain", "wet")].any()


def test_extreme_months_are_well_covered_ones():
    time = half_hours("2020-06-01", (30 + 31 + 10) * 48)
    month = pd.DatetimeIndex(time).month
    forcing = weather(
        len(time),
        Tair=np.choose(month - 6, [280.0, 290.0, 300.0]),
        Snowf=np.choose(month - 6, [0.0, 1e-5, 0.0]),
    )
    everywhere = np.ones(len(time), dtype=bool)
    of = strata(time, forcing, everywhere, None)
    assert (
        of[("warmest month", "2020-07")].tolist() == (month == 7).tolist()
    )  # ten days of August are too few
    assert of[("driest month", "2020-06")].tolist() == (month == 6).tolist()
    few = strata(time, forcing, np.arange(len(time)) < 10 * 48, None)
    assert not {"warmest month", "driest month"} & {stratum for stratum, _ in few}


def synthetic(days: int) -> tuple[Observed, np.ndarray]:
    """A tower with a diurnal cycle and daily weather, and the number of the day (n,)."""
    time, day = half_hours("2020-05-01", days * 48), np.arange(days * 48) // 48
    flux = (
        100
        + 80 * np.sin(np.arange(days * 48) / 24 * np.pi)
        + np.random.default_rng(0).normal(0, 9, days)[day]
    )
    everywhere = np.ones(len(time), dtype=bool)
    return Observed(
        time,
        dict.fromkeys(TARGETS, flux),
        dict.fromkeys(TARGETS, everywhere),
        dict.fromkeys(TARGETS, ~everywhere),
    ), day


def scored(observed: Observed, **models: np.ndarray) -> pd.DataFrame:
    """Scores for LE of models (n,), by model and the other keys."""
    simulated = {name: Simulated(("",), dict.fromkeys(TARGETS, flux[None])) for name, flux in models.items()}
    of = strata(observed.time, weather(len(observed.time)), np.ones(len(observed.time), dtype=bool), None)
    table = strata_scores(SITE, {"raw": observed}, simulated, of)
    assert list(table.columns) == STRATA_COLUMNS
    return table[table.target == "LE"].set_index(["model", *KEYS[2:]]).sort_index()


def test_means_are_over_the_same_usable_hours_and_of_well_covered_days():
    observed, day = synthetic(20)
    hour = np.arange(len(day)) % 48
    usable = np.where(day < 5, hour < 23, hour < 24)  # five days with too few
    observed = observed._replace(usable=dict.fromkeys(TARGETS, usable))
    table = scored(
        observed, late=observed.flux["LE"] + 50.0 * (hour >= 24), high=observed.flux["LE"] + 3 * (day - 9)
    )
    late, high = (table.loc[(name, "raw", "day", "all", "")] for name in ("late", "high"))
    assert late.n == high.n == 15
    assert late.rmse == pytest.approx(0, abs=1e-9)  # its error is where the tower has nothing
    assert high.bias == pytest.approx(3 * (np.arange(5, 20) - 9).mean())
    assert table.loc[("high", "raw", "month", "all", ""), "n"] == 0  # less than half of May


def test_half_a_day_at_the_edge_of_a_record_counts_as_half_a_day():
    """For figures and scores alike: what the record does not have is lost as what the tower lost."""
    index = pd.DatetimeIndex(half_hours("2020-06-01T12:30", 23 + 24).astype("datetime64[ns]"))
    tower = pd.Series(np.arange(len(index), dtype=float), index)
    means = usable_day_means(tower.to_frame("flux"), tower).flux
    assert means.isna().tolist() == [True, False]  # 23 and 24 half-hours
    assert means.iloc[-1] == tower.iloc[-24:].mean()


def test_days_belong_to_the_stratum_of_most_of_their_half_hours():
    observed, _ = synthetic(40)
    of = strata(observed.time, weather(1920), np.ones(1920, dtype=bool), None)
    of |= {("half", "more"): np.arange(1920) % 48 < 25, ("half", "less"): np.arange(1920) % 48 >= 25}
    simulated = {"a": Simulated(("",), {target: flux[None] for target, flux in observed.flux.items()})}
    n = strata_scores(SITE, {"raw": observed}, simulated, of).set_index(KEYS).n.sort_index()
    day = n.loc[("LE", "a", "raw", "day")]
    assert day.loc[("half", "more")] == 40 and day.loc[("half", "less")] == 0
    assert day.loc[("season", "Mar to May")] == 31 and day.loc[("season", "Jun to Aug")] == 9
    assert not {"light", "hour"} & set(day.index.get_level_values("stratum"))
    assert n.loc[("LE", "a", "raw", "month", "all", "")] == 1  # June has 9 days


def test_thin_and_constant_strata_are_empty_and_no_error():
    observed, day = synthetic(30)
    flux = np.where(np.arange(len(day)) % 48 < 2, 7.0, observed.flux["LE"])
    observed = observed._replace(flux=dict.fromkeys(TARGETS, flux))
    table = scored(observed, a=flux + 1, constant=np.full(len(day), 61.7))
    assert table.loc[("a", "raw", "half-hour", "hour", "5"), "bias"] == pytest.approx(1)
    for n, *empty in [
        (60, "half-hour", "hour", "0"),
        (0, "half-hour", "season", "Dec to Feb"),
        (1, "month", "all", ""),
    ]:
        row = table.loc[("a", "raw", *empty)]
        assert row.n == n and row[list(METRICS)].isna().all()
    mean = table.loc[("constant", "raw", "day", "all", "")]
    assert mean[["r", "kge", "kge_2021", "skewness_diff"]].isna().all() and mean.nse <= 0


def evaluated(site: Site, **corrected: np.ndarray) -> pd.DataFrame:
    """strata.csv as written; `corrected` variables are added to the observations."""
    options = site.write()
    if corrected:
        with xr.open_dataset(options[3]) as dataset:
            observations = dataset.load().assign(
                {name: ("time", values) for name, values in corrected.items()}
            )
        observations.to_netcdf(options[3])
    files = {name: site.folder / f"{name}.csv" for name in ("scores", "strata")}
    lad("evaluate", *options, "--output", files["scores"], "--strata", files["strata"])
    return pd.read_csv(files["strata"], keep_default_na=False, na_values=dict.fromkeys(METRICS, ""))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_all_raw_half_hours_are_the_headline(site):
    site.qc[TEST_START + 5 : TEST_START + 15] = 3
    table = evaluated(site).set_index(KEYS)
    scores = pd.read_csv(site.folder / "scores.csv", dtype={"seed": str}, keep_default_na=False)
    scores = scores[scores.seed.isin(["", "ensemble"])].set_index(["target", "model"])
    for key, row in scores.iterrows():
        same = table.loc[(*key, "raw", "half-hour", "all", "")]
        assert (same.n, same.rmse, same.overlap) == (row.n, row.rmse, row.overlap)


def test_models_share_their_half_hours(site):
    table = evaluated(site)
    assert (table.groupby([key for key in KEYS if key != "model"]).n.nunique() == 1).all()
    assert set(table.correction) == {"raw"} and "snow" not in set(table.stratum)
    night = table[(table.stratum == "light") & (table.value == "night") & (table.scale == "half-hour")]
    assert set(night.n) == {(site.sw[TEST_START:] <= 10).sum()}


def test_snow_is_that_of_the_calibrated_model(site):
    site.simulations["bulk"]["SWE"] = np.where(np.arange(N) < TEST_START + 60, 5.0, 0.0)
    table = evaluated(site).set_index(["stratum", "value", "scale"]).loc["snow"]
    assert set(table.loc[("snow", "half-hour")].n) == {60}
    assert set(table.loc[("no snow", "half-hour")].n) == {N - TEST_START - 60}


def test_closed_fluxes_count_where_the_flux_was_measured(site):
    site.qc[TEST_START : TEST_START + 20] = 1
    flag = np.full(N, 101, dtype=np.int8)
    flag[TEST_START + 20 : TEST_START + 50] = 9
    corrected = {"Qle_cor": site.le + 30, "Qh_cor": site.h + 30, "Qle_cor_qc": flag, "Qh_cor_qc": flag}
    table = evaluated(site, **corrected).set_index(KEYS).sort_index()
    raw, closed = (table.loc[("LE", "mlp", which, "half-hour", "all", "")] for which in ("raw", "closed"))
    assert (raw.n, closed.n) == (N - TEST_START - 20, N - TEST_START - 50)
    assert closed.bias == pytest.approx(-5 - 30, rel=1e-5)  # the ensemble is 5 below the flux itself
    assert raw.bias == pytest.approx(-5, rel=1e-5)


def test_table_for_readers(site):
    evaluated(site)
    text = (site.folder / "strata.md").read_text()
    blocks = text.split("\n## ")[1:]
    assert [block.splitlines()[0] for block in blocks] == [
        f"{target}: {score}" for target in TARGETS for score in ("RMSE", "bias", "NSE")
    ]
    grid = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in blocks[1].splitlines()
        if "|" in line
    ]
    assert grid[0] == ["", "n", "LaD calibrated", "mlp"]
    rows = {row[0]: row[1:] for row in grid[2:]}
    assert rows["raw, half-hour"][0] == str(N - TEST_START) and rows["raw, half-hour"][-1] == "-5.00"
    assert rows["season: Dec to Feb"] == ["0"] + ["-"] * 2
    assert {f"season: {name}" for name in SEASONS} < set(rows) and "hour: 0" not in rows
