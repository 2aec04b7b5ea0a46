"""Periods: of the settings, or proposed from what was measured."""

import datetime as dt
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from archives import CRT

from lad.cli import main
from lad.errors import InputError
from lad.io import read_json
from lad.periods import NAMES, Period, in_words, mask, parse_periods, propose, usable_years


def hours(*spans):
    """Hourly times over spans of days, and their segments."""
    parts = [
        np.arange(np.datetime64(a, "s"), np.datetime64(b, "s"), np.timedelta64(3600, "s")) for a, b in spans
    ]
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def test_whole_years_are_named_by_their_numbers():
    days = ["2011-01-01:2011-12-31", "2013-01-01:2016-12-31", "2018-03-01:2018-12-31"]
    assert in_words(parse_periods(days)) == "2011, 2013 to 2016, 2018-03-01 to 2018-12-31"
    years = ["2012-10-01:2013-09-30", "2011-10-01:2012-09-30", "2015-01-01:2015-01-01"]
    assert in_words(parse_periods(years)) == "2011-10-01 to 2013-09-30, 2015-01-01"
    spread = [f"2016-0{month}-01:2016-0{month}-15" for month in range(1, 6)]
    assert in_words(parse_periods(spread)) == "5 periods from 2016-01-01 to 2016-05-15"


def test_years_follow_each_segment_and_leave_the_rest_over():
    time, segment = hours(
        ("2001-01-10", "2003-06-01"), ("2010-07-01", "2011-07-01"), ("2012-02-20", "2012-12-31")
    )
    years = usable_years(time, 3600, segment, np.ones(len(time)))
    assert list(map(str, years)) == [
        "2001-01-01:2001-12-31",  # nine days are missing
        "2002-01-01:2002-12-31",
        "2010-07-01:2011-06-30",
    ]
    assert set(years.values()) == {1.0}


def test_nights_do_not_count_and_leap_years_are_whole():
    time, segment = hours(("2004-01-01", "2005-01-01"))
    night = np.arange(len(time)) % 24 < 12
    usable = np.where(night, np.nan, np.arange(len(time)) % 48 < 24)
    assert usable_years(time, 3600, segment, usable) == {
        Period(dt.date(2004, 1, 1), dt.date(2004, 12, 31)): pytest.approx(0.5)
    }


def years(*shares):
    return {Period(dt.date(2001 + i, 1, 1), dt.date(2001 + i, 12, 31)): s for i, s in enumerate(shares)}


@pytest.mark.parametrize(
    ("shares", "train", "test"),
    [
        ((1, 1), [2001], [2002]),
        ((1, 0.4, 1, 0.9), [2001, 2003], [2004]),
        ((1,) * 6, [2001, 2002, 2003, 2004], [2005, 2006]),
    ],
)
def test_last_quarter_of_the_good_years_is_the_test(shares, train, test):
    proposed = propose(years(*shares), "x.nc")
    assert [period.first.year for period in proposed["train"]] == train
    assert [period.first.year for period in proposed["test"]] == test
    months = {(block.first.month - 1) // 3 for block in proposed["validation"]}
    assert months == {0, 1, 2, 3}  # every season
    for block in proposed["validation"]:
        assert any(year.first <= block.first and block.last <= year.last for year in proposed["train"])


def test_one_good_year_is_not_enough():
    with pytest.raises(
        InputError, match=r"x.nc: 1 whole years .* \(2001-01-01:2001-12-31 100 %, .* 20 %\), expected two"
    ):
        propose(years(1, 0.2), "x.nc")


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tower")
    outputs = ["--output", str(folder / "forcing.nc"), "--observations", str(folder / "observations.nc")]
    assert main(["forcing", "--site", "US-CRT", "--archive", str(CRT), *outputs]) == 0
    return folder


def periods(tower, *options):
    """Status of `lad periods` on the three years of US-CRT."""
    files = ["--forcing", str(tower / "forcing.nc"), "--observations", str(tower / "observations.nc")]
    outputs = ["--output", str(tower / "periods.json"), "--table", str(tower / "periods.csv")]
    outputs += ["--shifts", str(tower / "shifts.csv"), "--mass-curve", str(tower / "mass_curve.png")]
    return main(["periods", "--site", "US-CRT", *files, *outputs, *options])


def test_step_proposes_and_tells_the_balance(tower, capsys):
    assert periods(tower) == 0
    content = read_json(tower / "periods.json")
    assert content["proposed"] and content["test"] == [["2013-01-01", "2013-12-31"]]
    assert len(content["train"]) == 2 and len(content["validation"]) == 4
    table = (tower / "periods.csv").read_text().splitlines()
    assert table[0] == (
        "period,days,daytime_LE_and_H,precipitation,evaporation,intervals,ratio,slope,intercept,LE_spikes,H_spikes"
    )
    test = dict(zip(table[0].split(","), table[3].split(","), strict=True))
    assert (test["period"], test["days"]) == ("test", "365")
    assert float(test["ratio"]) == pytest.approx(0.65, abs=0.005)  # as others find for 2013
    out = capsys.readouterr().out
    assert "proposed periods" in out and "root-zone capacity by the mass curve of training: " in out
    assert (tower / "mass_curve.png").exists()


def test_water_that_no_gauge_records_is_reported(tower, tmp_path, capsys):
    """A field that evaporates three times as much as one that is not irrigated."""
    copy = shutil.copytree(tower, tmp_path / "copy")
    with xr.open_dataset(copy / "observations.nc") as dataset:
        changed = dataset.load()
    assert periods(copy) == 0 and "evaporation exceeds precipitation by" not in capsys.readouterr().out
    changed["Qle"][:] = 3.0 * changed.Qle
    changed.to_netcdf(copy / "observations.nc")
    assert periods(copy) == 0 and "evaporation exceeds precipitation by" in capsys.readouterr().out


def test_step_takes_those_of_the_settings(tower):
    given = ["--train", "2011-01-01:2011-12-31", "--validation", "2011-07-01:2011-07-09"]
    assert periods(tower, *given) == 2
    assert periods(tower, *given, "--test", "2011-12-01:2012-12-31") == 2
    assert periods(tower, *given, "--test", "2012-01-01:2012-12-31", "2013-02-01:2013-02-10") == 0
    content = read_json(tower / "periods.json")
    assert not content["proposed"] and len(content["test"]) == 2


def test_period_without_measurements_is_refused_before_anything_is_fitted(tower, tmp_path, capsys):
    given = ["--train", "2011-01-01:2011-12-31", "--validation", "2011-07-01:2011-07-09"]
    copy = shutil.copytree(tower, tmp_path / "copy")
    with xr.open_dataset(copy / "observations.nc") as dataset:
        changed = dataset.load()
    june = pd.DatetimeIndex(changed.time.values).strftime("%Y-%m") == "2012-06"
    changed.Qle_qc[june], changed.Qh_qc[june] = 9, 9
    changed.to_netcdf(copy / "observations.nc")
    assert periods(copy, *given, "--test", "2012-06-01:2012-06-30") == 2
    error = capsys.readouterr().err
    assert "no half-hour with LE or H in the test period 2012-06-01:2012-06-30" in error
    assert error.count("\n") == 1


def proposal(error):
    """The settings that a message gives, as options."""
    site = yaml.safe_load(error[error.index("sites: {") :].strip())["sites"]["US-CRT"]
    return [word for name in NAMES for word in (f"--{name}", *map(":".join, site[name]))]


@pytest.mark.parametrize(
    ("test", "lacks"),
    [
        ("1999-01-01:1999-12-31", True),
        ("2012-01-01:2014-01-01", True),  # one day after the record
        ("2010-12-31:2010-12-31", True),
        ("2012-01-01:2013-12-31", False),
    ],
)
def test_days_that_the_record_lacks_are_one_line_with_those_that_it_has(tower, capsys, test, lacks):
    given = ["--train", "2011-01-01:2011-12-31", "--validation", "2011-07-01:2011-07-09"]
    assert periods(tower, *given, "--test", test) == (2 if lacks else 0)
    error = capsys.readouterr().err
    assert error.count("\n") == lacks
    if lacks:
        assert (
            f"lacks days of test {test}, it has 2011-01-01:2013-12-31; take sites: {{US-CRT: {{train" in error
        )
        assert periods(tower, *proposal(error)) == 0


def test_gap_in_a_period_is_refused_if_it_is_more_than_a_twentieth(tower, tmp_path, capsys):
    copy = shutil.copytree(tower, tmp_path / "copy")
    for name in ("forcing", "observations"):
        with xr.open_dataset(copy / f"{name}.nc") as dataset:
            day = dataset.time.dt.strftime("%Y-%m-%d")
            kept = dataset.load().isel(time=((day < "2012-03-01") | (day > "2012-03-30")).values)
        kept.to_netcdf(copy / f"{name}.nc")
    given = ["--validation", "2011-07-01:2011-07-09", "--test", "2013-01-01:2013-12-31", "--train"]
    assert periods(copy, *given, "2011-01-01:2012-12-31") == 0
    assert periods(copy, *given, "2012-01-01:2012-12-31") == 2
    error = capsys.readouterr().err
    assert "it has 2011-01-01:2012-02-29, 2012-03-31:2013-12-31; " in error and error.count("\n") == 1


def test_shifts_of_the_forcing_between_training_and_test(tower):
    """From a summer to the winter before it, in standard deviations of the summer without its validation days."""
    given = ["--train", "2012-06-01:2012-08-31", "--validation", "2012-07-01:2012-07-09"]
    assert periods(tower, *given, "--test", "2012-01-01:2012-02-29") == 0
    row = pd.read_csv(tower / "shifts.csv", index_col="variable").loc["Tair"]
    with xr.open_dataset(tower / "forcing.nc") as forcing:
        air = forcing.Tair.to_series()
    summer = air["2012-06":"2012-08"].drop(air["2012-07-01":"2012-07-09"].index)
    winter = air["2012-01":"2012-02"]
    assert row.train == pytest.approx(summer.mean(), rel=1e-5)
    assert row["shift"] == pytest.approx((winter.mean() - summer.mean()) / summer.std(ddof=0), rel=1e-4)
    assert row.spread_ratio == pytest.approx(winter.std(ddof=0) / summer.std(ddof=0), rel=1e-4)
    assert row.measured_test > 0.9


def test_spikes_are_counted_and_stay(tower, tmp_path, capsys):
    copy = shutil.copytree(tower, tmp_path / "copy")
    with xr.open_dataset(copy / "observations.nc") as dataset:
        changed = dataset.load()
    days = pd.DatetimeIndex(changed.time.values).normalize()
    at = np.flatnonzero((days == "2012-06-15") & (changed.Qle_qc.values == 0))[:3]
    changed.Qle[at] = [-300.1, 1600.0, -299.9]
    changed.Qh[at[0]], changed.Qh_qc[at[0]] = 2000.0, 2  # of no use anyway
    changed.to_netcdf(copy / "observations.nc")
    given = ["--train", "2011-01-01:2011-12-31", "--validation", "2011-07-01:2011-07-09"]
    assert periods(tower, *given, "--test", "2012-06-01:2012-06-30") == 0
    before = pd.read_csv(tower / "periods.csv").set_index("period")
    assert periods(copy, *given, "--test", "2012-06-01:2012-06-30") == 0
    table = pd.read_csv(copy / "periods.csv").set_index("period")
    assert (table.LE_spikes - before.LE_spikes).to_dict() == {
        "train": 0,
        "validation": 0,
        "test": 2,
        "record": 2,
    }
    assert (table.H_spikes == before.H_spikes).all()
    assert "usable half-hours of LE are spikes, which are kept" in capsys.readouterr().out


def test_days_of_a_period_are_both_included():
    time, _ = hours(("2001-01-01", "2001-01-04"))
    assert mask(time, (Period(dt.date(2001, 1, 2), dt.date(2001, 1, 2)),)).sum() == 24
