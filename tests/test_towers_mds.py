"""Marginal distribution sampling: equal to ONEFlux where its results are at hand, and sound where not."""

import numpy as np
import pandas as pd
import pytest
from archives import CRT

from lad.towers.mds import sample
from lad.towers.readers import read_archive

VARIABLES = ("NEE", "LE", "H", "TA", "VPD", "SW_IN")


def table(path):
    return pd.read_csv(path).replace(-9999, np.nan)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(("steps", "daily"), [("HH", 48), ("HR", 24)])
def test_equals_oneflux_in_every_row(shared, steps, daily, variable):
    folder = shared / "fluxprep/vectors/me2"
    given = table(folder / f"US-Me2_{steps}_gaps.csv.gz")
    oracle = table(folder / f"US-Me2_{steps}_gaps.oneflux_gf_mds.csv.gz").filter(
        regex=f"^{variable}_[A-Z_]+$"
    )
    oracle.columns = oracle.columns.str.removeprefix(f"{variable}_")
    series = [given[name].to_numpy() for name in (variable, "SW_IN", "TA")] + [100 * given["VPD"].to_numpy()]
    gaps = given[variable].isna().to_numpy()
    assert gaps.sum() > 100
    for rows, quality in ((np.arange(len(given)), "QC_HAT"), (np.flatnonzero(gaps), "QC")):
        found, expected = sample(*series, daily, rows), oracle.iloc[rows]
        assert (found.method == expected["METHOD"]).all()
        assert (found.window == expected["TIMEWINDOW"]).all()
        assert (found.count == expected["SAMPLE"]).all()
        assert (found.quality == expected[quality]).all()
        # six digits are printed
        assert found.value == pytest.approx(expected["HAT"].to_numpy(), rel=6e-6)
        assert found.deviation == pytest.approx(expected["STDDEV"].to_numpy(), rel=6e-6)
    assert found.value == pytest.approx(oracle["FILLED"][gaps].to_numpy(), rel=6e-6)


def test_accuracy_at_artificial_gaps(shared):
    # of the ONEFlux programme itself on the same gaps: 37.7, 59.5 and 45.6 W m-2
    folder = shared / "fluxprep/vectors/me2"
    given, truth = (table(folder / f"US-Me2_HH_{name}.csv.gz") for name in ("gaps", "truth"))
    for variable, rmse in (("LE", 37.7), ("H", 59.5), ("SW_IN", 45.6)):
        series = [given[name].to_numpy() for name in (variable, "SW_IN", "TA")]
        gap = given[variable].isna().to_numpy()
        error = sample(*series, 100 * given["VPD"].to_numpy(), 48).value - truth[variable][gap]
        assert np.sqrt((error**2).mean()) == pytest.approx(rmse, rel=0.01)


@pytest.fixture(scope="module")
def summer():
    values = read_archive(CRT, "US-CRT").values["2013-05-01":"2013-08-31"]
    return {name: values[name].to_numpy() for name in ("Qle", "SWdown", "Tair", "VPD")}


def sampled(weather, rows=None, **changes):
    return sample(*(weather | changes).values(), 48, rows)


def test_without_a_gap_there_is_nothing_to_do(summer):
    assert len(sampled(summer, Qle=np.ones(len(summer["Qle"]))).value) == 0


def test_all_missing_stays_missing(summer):
    found = sampled(summer, Qle=np.full(len(summer["Qle"]), np.nan))
    assert np.isnan(found.value).all() and (found.quality == 0).all() and (found.method == 0).all()


def test_samples_lie_inside_the_window(summer):
    found = sampled(summer)
    near = np.flatnonzero(np.isnan(summer["Qle"]))
    chosen = np.flatnonzero((found.window == 14) & (found.method == 1))[100]
    row, reach = near[chosen], 7 * 48
    far = summer["Qle"].copy()
    far[: row - reach + 1] = far[row + reach :] = 1e6
    assert sampled(summer, [row], Qle=far).value[0] == found.value[chosen]
    far[row - reach + 1 : row + reach] += 1.0
    assert sampled(summer, [row], Qle=far).value[0] == pytest.approx(found.value[chosen] + 1.0)


def test_samples_have_similar_weather(summer):
    row = int(np.flatnonzero(np.isnan(summer["Qle"]))[200])
    found = sampled(summer, [row])
    assert found.method[0] == 1
    other = {
        name: np.where(np.arange(len(series)) == row, series[row], series + 1e4)
        for name, series in summer.items()
        if name in ("Tair", "VPD")
    }
    assert sampled(summer, [row], Tair=other["Tair"]).method[0] == 2  # radiation alone is similar
    dark = np.where(np.arange(len(summer["Tair"])) == row, np.nan, summer["SWdown"])
    assert sampled(summer, [row], SWdown=dark).method[0] == 3  # nothing but the clock is left


def test_order_of_the_gaps_changes_nothing(summer):
    rows = np.flatnonzero(np.isnan(summer["Qle"]))
    order = np.random.default_rng(0).permutation(len(rows))
    one, other = sampled(summer, rows), sampled(summer, rows[order])
    for field, permuted in zip(one, other, strict=True):
        assert np.array_equal(field[order], permuted)


def test_diurnal_course_wraps_over_midnight():
    nothing = np.full(48 * 20, np.nan)
    target = np.tile(np.arange(48.0), 20)
    target[480] = np.nan  # midnight of day 10: samples from 23:00, 23:30, 0:30 and 1:00
    found = sample(target, nothing, nothing, nothing, 48)
    assert found.value[0] == np.mean([46, 47, 1, 2]) and found.count[0] == 4
    assert (found.method[0], found.window[0], found.quality[0]) == (3, 1, 1)


def test_a_gap_of_any_length_is_filled(summer):
    gap = summer["Qle"].copy()
    gap[48 * 10 : 48 * 110] = np.nan
    found = sampled(summer, Qle=gap)
    assert np.isfinite(found.value).all()
    assert {1, 2, 3} == set(found.quality)
