"""Differences of scores and their intervals."""

import numpy as np
import pandas as pd
import pytest
from evaluation_site import Site, lad

from lad.evaluation.bootstrap import (
    DIFFERENCE_COLUMNS,
    INTERVAL_COLUMNS,
    Sums,
    differences,
    draw,
    interval,
    intervals,
    scores,
    weeks,
)
from lad.evaluation.metrics import all_metrics
from lad.evaluation.series import Simulated
from lad.observations import Observed

N = 52 * 7 * 48


def year(seed: int):
    """A year of half-hours, observed, with weather that lasts for days."""
    rng = np.random.default_rng(seed)
    time = np.datetime64("2020-01-01T00:00:00") + np.arange(N) * np.timedelta64(1800, "s")
    flux = 60 + 50 * np.sin(np.arange(N) / 48 * 2 * np.pi) + rng.normal(0, 5, N)
    lasting = np.repeat(rng.normal(0, 8, N // 336), 336)  # errors of whole weeks
    columns = {"LE": flux, "H": 2 * flux}
    usable = {"LE": rng.random(N) < 0.7, "H": np.ones(N, dtype=bool)}
    return Observed(time, columns, usable, {name: ~usable[name] for name in usable}), lasting, rng


def table_of(observed, **errors):
    """Differences of models that miss the observed fluxes by `errors`."""
    flux = {name: {t: (observed.flux[t] + e)[None] for t in ("LE", "H")} for name, e in errors.items()}
    table = differences("XX-Tst", draw(observed, {name: Simulated(("",), flux[name]) for name in flux}))
    return table.set_index(["target", "model", "reference", "metric"])


def test_sums_give_the_metrics():
    observed, lasting, _ = year(0)
    simulated, flux = observed.flux["LE"] * 0.9 + lasting, observed.flux["LE"]
    week = weeks(observed.time)
    found = scores(Sums.of(simulated, flux, week), np.ones((1, week[-1] + 1)))
    expected = all_metrics(simulated, flux, "x")
    assert found["abs_bias"][0] == pytest.approx(abs(expected["bias"]))
    for name in set(found) - {"abs_bias"}:
        assert found[name][0] == pytest.approx(expected[name]), name


def test_the_interval_of_a_small_bias_holds_zero():
    observed, lasting, _ = year(0)
    error = lasting - lasting[observed.usable["LE"]].mean() + 0.01  # W m-2, in a year of large errors
    simulated = {"x": Simulated(("",), {t: (observed.flux[t] + error)[None] for t in ("LE", "H")})}
    table = intervals("XX-Tst", draw(observed, simulated)).set_index(["target", "metric"])
    bias = table.loc["LE", "bias"]
    assert bias.value == pytest.approx(0.01) and bias.low < 0.0 < bias.high
    assert ("LE", "abs_bias") not in table.index


def test_a_constant_has_no_correlation_however_it_is_rounded():
    observed, _, _ = year(0)
    flux, week = observed.flux["LE"], weeks(observed.time)
    weights = np.random.default_rng(0).multinomial(
        week[-1] + 1, np.full(week[-1] + 1, 1 / (week[-1] + 1)), 50
    )
    found = scores(Sums.of(np.full(N, 61.7), flux, week), weights)
    assert np.isnan([found[name] for name in ("r", "kge", "kge_2012", "kge_2021")]).all()
    assert found["sd_diff"] == pytest.approx(1) and np.isfinite(found["rmse"]).all()


def test_a_week_drawn_twice_counts_twice():
    observed, lasting, _ = year(0)
    simulated, flux, week = observed.flux["LE"] + lasting, observed.flux["LE"], weeks(observed.time)
    weights = np.zeros((1, week[-1] + 1))
    weights[0, [3, 5]] = 2, 1
    rows = np.concatenate([np.flatnonzero(week == number) for number in (3, 3, 5)])
    expected = all_metrics(simulated[rows], flux[rows], "x")
    assert scores(Sums.of(simulated, flux, week), weights)["nse"][0] == pytest.approx(expected["nse"])


def test_a_clear_gain_excludes_zero_and_an_equal_model_does_not():
    observed, lasting, rng = year(1)
    table = table_of(observed, a=2 * lasting, b=lasting, c=rng.permutation(lasting.reshape(-1, 336)).ravel())
    gain = table.loc[("LE", "b", "a", "rmse")]
    assert gain.difference < 0 and gain.high < 0
    equal = table.loc[("LE", "c", "b", "rmse")]
    assert equal.low < 0 < equal.high
    assert equal.low < equal.difference < equal.high


def test_interval_covers_the_truth():
    """Two models of equal skill: the interval of their difference holds zero about as often as it says."""
    held = []
    for seed in range(60):
        observed, one, rng = year(seed)
        two = np.repeat(rng.normal(0, 8, N // 336), 336)
        row = table_of(observed, a=one, b=two).loc[("H", "b", "a", "rmse")]
        held.append(row.low <= 0 <= row.high)
    assert 0.85 <= np.mean(held) <= 1.0


def test_intervals_of_scores():
    """The interval of the bias is that of a mean of independent weeks; its ends enclose the score of the record."""
    observed, lasting, _ = year(2)
    flux = {target: (observed.flux[target] + lasting)[None] for target in ("LE", "H")}
    table = intervals("XX-Tst", draw(observed, {"a": Simulated(("",), flux)}))
    assert list(table.columns) == INTERVAL_COLUMNS and set(table.weeks) == {52}
    bias = table.set_index(["target", "metric"]).loc[("H", "bias")]
    assert bias.value == pytest.approx(lasting.mean())
    assert bias.high - bias.low == pytest.approx(2 * 1.96 * lasting[::336].std() / np.sqrt(52), rel=0.05)
    assert ((table.low < table.value) & (table.value < table.high)).all()


def test_no_interval_from_few_weeks():
    """A week or seven say nothing of other weeks, however much they seem to."""
    values = np.concatenate([[0.4], np.random.default_rng(0).normal(0.4, 0.01, 2000)])
    assert interval(values, 8)[0] == 0.4 and interval(values, 8)[1] > 0.3
    assert np.isnan(interval(values, 7)[1:]).all()


def test_step_writes_every_pair(tmp_path):
    site = Site(tmp_path)
    site.simulations["3km27"] = site.simulations["bulk"]
    lad("evaluate", *site.write(), "--output", tmp_path / "scores.csv", "--differences", tmp_path / "d.csv")
    table = pd.read_csv(tmp_path / "d.csv")
    assert list(table.columns) == DIFFERENCE_COLUMNS
    pairs = table.loc[(table.target == "LE") & (table.metric == "nse"), ["model", "reference"]]
    assert len(pairs) == 3 * 2 / 2 and ("mlp", "3km27") in set(pairs.itertuples(index=False, name=None))


def test_intervals_have_the_scores_of_the_record(tmp_path):
    site = Site(tmp_path)
    lad("evaluate", *site.write(), "--output", tmp_path / "scores.csv", "--intervals", tmp_path / "i.csv")
    scored = pd.read_csv(tmp_path / "scores.csv", dtype={"seed": str}, keep_default_na=False)
    rmse = scored[scored.seed.isin(["", "ensemble"])].set_index(["target", "model"]).rmse.astype(float)
    found = pd.read_csv(tmp_path / "i.csv").set_index(["metric", "target", "model"]).loc["rmse"].value
    assert found.to_dict() == pytest.approx(rmse.to_dict(), rel=1e-5)
