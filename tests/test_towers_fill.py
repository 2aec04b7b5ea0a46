"""Filling gaps: what is there stays, and what is filled is what the rule says."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from archives import CRT, crt_rows, write_base

from lad.errors import InputError
from lad.towers.fill import RULES, fill, gap_report, mean_diurnal_course
from lad.towers.meteorology import potential, saturation
from lad.towers.record import read_record
from lad.towers.sites import site

SITE = site("US-CRT")


@pytest.fixture(scope="module")
def crt():
    return read_record(SITE, [CRT])


@pytest.fixture(scope="module")
def filled(crt):
    return fill(crt)


def without(record, name, first, last):
    """The record with a gap, and where it is."""
    gap = np.asarray((record.values.index >= first) & (record.values.index < last))
    values, flags = record.values.copy(), record.flags.copy()
    values.loc[gap, name], flags.loc[gap, name] = np.nan, 9
    return dataclasses.replace(record, values=values, flags=flags), gap


def test_no_hole_remains_and_measured_values_are_untouched(crt, filled):
    for name in RULES:
        there = crt.values[name].notna()
        assert filled.values[name].notna().all()
        assert (filled.values[name][there] == crt.values[name][there]).all()
        assert (filled.flags[name][there] == 0).all()
        assert filled.flags[name][~there].isin((1, 2, 3, 4, 5, 6)).all()
    pd.testing.assert_series_equal(filled.values["Rnet"], crt.values["Rnet"])


def test_four_hours_are_interpolated_and_more_are_not(crt):
    gappy, gap = without(crt, "Tair", "2013-06-10 10:00", "2013-06-10 14:00")
    result = fill(gappy)
    ends = [result.values["Tair"][time] for time in ("2013-06-10 09:30", "2013-06-10 14:00")]
    assert result.values["Tair"][gap].to_numpy() == pytest.approx(np.linspace(*ends, 10)[1:-1])
    assert (result.flags["Tair"][gap] == 5).all()
    longer, gap = without(crt, "Tair", "2013-06-10 10:00", "2013-06-10 14:30")
    assert (fill(longer).flags["Tair"][gap] == 1).all()


def test_interpolation_does_not_cross_segments(tmp_path):
    rows = crt_rows("2013-03-01", days=90)
    rows.loc[48 * 20 - 2 : 48 * 20 - 1, "WS"] = "-9999"
    rows = rows.drop(rows.index[48 * 20 : 48 * 55])
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert (fill(record).flags["Wind"].iloc[48 * 20 - 2 : 48 * 20] == 6).all()


def test_shortwave_of_a_gap_follows_the_sun(crt):
    gappy, gap = without(crt, "SWdown", "2013-06-10", "2013-06-20")
    result = fill(gappy)
    top = potential(crt.time, 1800, SITE)
    value, truth = result.values["SWdown"].to_numpy(), crt.values["SWdown"].to_numpy()
    assert (value[gap & (top == 0)] == 0).all()
    assert (value[gap] <= top[gap]).all()
    assert set(result.flags["SWdown"][gap]) <= {1, 3}
    assert np.corrcoef(value[gap], truth[gap])[0, 1] > 0.75
    assert value[gap].mean() == pytest.approx(truth[gap].mean(), rel=0.3)
    hours = crt.values.index.hour[gap] + 0.25 + crt.values.index.minute[gap] / 60
    centroid = [np.sum(hours * x[gap]) / np.sum(x[gap]) for x in (value, top)]
    assert centroid[0] == pytest.approx(centroid[1], abs=0.4)
    short, gap = without(crt, "SWdown", "2013-06-10 12:00", "2013-06-10 13:00")
    assert (fill(short).flags["SWdown"][gap] == 1).all()  # a line would ignore the sun


def test_rain_of_a_gap_is_zero_and_the_rest_is_kept(crt):
    gappy, gap = without(crt, "Precip", "2013-06-01", "2013-06-21")
    result = fill(gappy)
    assert (result.values["Precip"][gap] == 0).all()
    assert (result.flags["Precip"][gap] == 6).all()
    assert result.values["Precip"].sum() == pytest.approx(np.nansum(gappy.values["Precip"]))


def test_deficit_never_exceeds_saturation_and_goes_with_temperature(crt):
    gappy, gap = without(crt, "VPD", "2013-07-01", "2013-07-06")
    result = fill(gappy)
    assert (result.values["VPD"] <= saturation(result.values["Tair"])).all()
    truth, value = crt.values["VPD"][gap], result.values["VPD"][gap]
    assert np.corrcoef(value, truth)[0, 1] > 0.6
    assert abs((value - truth).mean()) < 300


def test_longwave_that_was_never_measured(crt):
    never = dataclasses.replace(
        crt, values=crt.values.drop(columns="LWdown"), flags=crt.flags.drop(columns="LWdown")
    )
    result = fill(never)
    error = (result.values["LWdown"] - crt.values["LWdown"]).dropna()
    assert (result.flags["LWdown"] == 4).all()
    assert -25 < error.mean() < 0  # the formula is too low here
    assert error.std() < 32


def test_longwave_of_a_gap_has_no_bias_against_the_site(crt):
    gappy, gap = without(crt, "LWdown", "2013-01-01", "2014-01-01")
    error = (fill(gappy).values["LWdown"] - crt.values["LWdown"])[gap]
    assert abs(error.mean()) < 5


def test_pressure_from_the_elevation(crt):
    columns = {"values": crt.values.drop(columns="Psurf"), "flags": crt.flags.drop(columns="Psurf")}
    high = dataclasses.replace(crt, site=dataclasses.replace(SITE, elevation=1531), **columns)
    result = fill(high)
    # International Standard Atmosphere at 1531 m: 84.24 kPa
    assert result.values["Psurf"].mean() == pytest.approx(84_240, rel=0.01)
    assert (result.flags["Psurf"] == 4).all()
    gappy, gap = without(crt, "Psurf", "2013-01-01", "2014-01-01")
    assert fill(gappy).values["Psurf"][gap].mean() == pytest.approx(crt.values["Psurf"][gap].mean(), abs=200)


def test_a_whole_year_comes_from_the_same_season_of_the_others(crt):
    gappy, gap = without(crt, "Wind", "2012-01-01", "2013-01-01")
    result = fill(gappy)
    months = result.values["Wind"][gap].groupby(result.values.index.month[gap]).mean()
    others = crt.values["Wind"][~gap].groupby(crt.values.index.month[~gap]).mean()
    assert (result.flags["Wind"][gap] == 6).all()
    assert np.corrcoef(months, others)[0, 1] > 0.95
    night, noon = (result.values["Wind"][gap & (result.values.index.hour == hour)].mean() for hour in (2, 14))
    assert noon > night + 0.5


def test_hole_without_any_sample_is_refused(crt):
    values = crt.values.copy()
    values.loc[values.index.hour == 3, "Wind"] = np.nan
    values.loc[values.index.hour.isin((0, 1, 2, 4, 5, 6)), "Wind"] = np.nan
    with pytest.raises(InputError, match=r"US-CRT: Wind is missing at 2011-01-01 00:00 and cannot be filled"):
        fill(dataclasses.replace(crt, values=values))


def clock(days, first="2013-01-01"):
    return pd.date_range(first, periods=48 * days, freq="30min").to_numpy()


def test_diurnal_course_takes_the_right_hour_of_the_days_around():
    time = clock(60)
    hour, day = np.arange(len(time)) % 48, np.arange(len(time)) // 48
    value = 100.0 * hour + day
    gap = (day == 30) & (hour > 5)
    result = mean_diurnal_course(time, 1800, np.where(gap, np.nan, value))
    assert result[gap] == pytest.approx(value[gap])  # the mean over days -7 to +7 is that of the day itself
    far = np.where(abs(day - 30) > 7, 1e6, np.where(gap, np.nan, value))
    assert mean_diurnal_course(time, 1800, far)[gap] == pytest.approx(value[gap])


def test_diurnal_course_of_a_record_with_years_between():
    time = np.concatenate([clock(365, "2003-01-01"), clock(365, "2011-01-01")])
    day = (time - time.astype("datetime64[Y]")).astype("timedelta64[D]").astype(int)
    value = np.where(np.arange(len(time)) < 48 * 365, np.nan, np.cos(2 * np.pi * day / 365))
    result = mean_diurnal_course(time, 1800, value)
    assert result[: 48 * 365] == pytest.approx(value[48 * 365 :], abs=0.03)


def test_report_adds_up(crt, filled):
    report = gap_report(crt, filled).set_index(["variable", "year"])
    kinds = report.columns.drop(["rows", "longest_gap_days"])
    assert report[kinds].sum(axis=1).to_numpy() == pytest.approx(100.0, abs=0.01)
    assert report.loc[("Wind", 2013), "measured"] == pytest.approx(74.8, abs=0.05)
    assert report.loc[("Wind", 2012), "longest_gap_days"] == pytest.approx(20.1, abs=0.1)
    filled_fluxes = report.loc[("Qle", 2011), ["filled_good", "reanalysis_or_filled_medium", "filled_poor"]]
    assert filled_fluxes.sum() == pytest.approx(47.4, abs=0.05)
    assert report.loc[("Rnet", 2012), "missing"] == pytest.approx(2.1, abs=0.05)
