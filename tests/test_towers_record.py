"""Joining archives, segments, implausible values, and the sun as a check of the clock."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from archives import CRT, crt_rows, shift_labels, write_base

from lad.errors import InputError
from lad.towers.checks import check_labels, exceedances
from lad.towers.readers import read_archive
from lad.towers.record import read_record, run_lengths
from lad.towers.sites import site

SITE = site("US-CRT")


@pytest.fixture(scope="module")
def crt():
    return read_archive(CRT, "US-CRT")


def test_overlapping_archives_are_joined(tmp_path):
    rows = crt_rows(days=20)
    rows["TA"] = np.where(np.arange(len(rows)) == 300, "-9999", rows["TA"])
    first = write_base(tmp_path, rows.iloc[:500], version="1-1")
    full = crt_rows(days=20)
    second = write_base(tmp_path, full.iloc[200:], version="1-2")
    record = read_record(SITE, [second, first])
    whole = read_record(SITE, [write_base(tmp_path, full, version="1-3")])
    assert list(record.sources) == [first.name, second.name]
    pd.testing.assert_frame_equal(record.values, whole.values[record.values.columns], check_freq=False)
    pd.testing.assert_frame_equal(record.flags, whole.flags[record.flags.columns], check_freq=False)


def test_archives_that_contradict_each_other_are_refused(tmp_path):
    rows = crt_rows(days=10)
    first = write_base(tmp_path, rows, version="1-1")
    rows.loc[100, "TA"] = "20.5"
    second = write_base(tmp_path, rows, version="1-2")
    with pytest.raises(InputError, match=r"1-2.zip: Tair = 293.65 at 2013-06-03 02:00, but .*1-1.zip has"):
        read_record(SITE, [first, second])


def test_missing_rows_are_inserted_or_end_a_segment(tmp_path):
    rows = crt_rows("2013-03-01", days=120)
    short, long = slice(48 * 10, 48 * 20), slice(48 * 40, 48 * 71)
    rows = rows.drop([*rows.index[short], *rows.index[long]])
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert len(record.time) == 48 * (120 - 31)
    assert record.values["Tair"].iloc[short].isna().all()
    assert (record.flags["Tair"].iloc[short] == 9).all()
    lags = np.diff(record.time) / np.timedelta64(1800, "s")
    assert (lags[np.diff(record.segment) == 0] == 1).all()
    assert lags[np.diff(record.segment) == 1].tolist() == [31 * 48 + 1]


def test_a_month_without_rain_gauge_is_cut_out(tmp_path):
    rows = crt_rows("2013-03-01", days=100)
    rows.loc[48 * 20 : 48 * 60 - 1, "P"] = "-9999"
    rows.loc[:9, ["TA", "SW_IN", "P", "RH"]] = "-9999"  # the start-up of the tower
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert record.time[0] == np.datetime64("2013-03-01T05:00")
    assert np.unique(record.segment).tolist() == [0, 1]
    assert not record.values["Precip"].isna().any()
    assert len(record.time) == 48 * 60 - 10


@pytest.mark.parametrize(
    ("columns", "name"), [("TA", "TA"), ("RH", "nor RH"), ("P", "P"), ("LE", "LE"), ("H", "H")]
)
def test_required_variables(tmp_path, columns, name):
    rows = crt_rows(days=5)
    with pytest.raises(InputError, match=f"no column .*{name}.* with any value, it is required"):
        read_record(SITE, [write_base(tmp_path, rows.drop(columns=columns), version="1-1")])
    rows[columns] = "-9999"
    with pytest.raises(InputError, match=f"no column .*{name}.* with any value, it is required"):
        read_record(SITE, [write_base(tmp_path, rows, version="1-2")])


def test_single_spikes_are_removed_and_counted(tmp_path):
    rows = crt_rows(days=30)
    rows.loc[100, "TA"] = "99"
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert np.isnan(record.values["Tair"].iloc[100])
    assert record.flags["Tair"].iloc[100] == 9
    assert record.spikes == {} and any("TA: 1 spikes on 1 days" in remark for remark in record.remarks)
    rows.loc[200, "H"] = "5000"
    assert read_record(SITE, [write_base(tmp_path, rows)]).spikes == {"Qh": 1}


@pytest.mark.parametrize(
    ("column", "factor", "offset", "word"),
    [
        ("PA", 10, 0, "Psurf"),
        ("TA", 1, 273.15, "Tair"),
        ("SW_IN", 2.1, 0, "SWdown"),
        ("P", 1000, 0, "Precip"),
    ],
)
def test_wrong_units_are_refused_with_time_and_range(tmp_path, column, factor, offset, word):
    rows = crt_rows(days=30)
    number = rows[column].astype(float)
    rows[column] = number.where(number == -9999, number * factor + offset).astype(str)
    with pytest.raises(
        InputError, match=rf"{word} = .* at 2013-06-.* expected .* in the units of the network"
    ):
        read_record(SITE, [write_base(tmp_path, rows).rename(tmp_path / "AMF_US-CRT_BASE-BADM_1-1.zip")])


def test_run_lengths_end_with_the_segment():
    true = np.array([1, 1, 0, 1, 1, 1, 0], dtype=bool)
    assert run_lengths(true, np.zeros(7)).tolist() == [2, 2, 0, 3, 3, 3, 0]
    assert run_lengths(true, np.array([0, 1, 1, 1, 1, 2, 2])).tolist() == [1, 1, 0, 2, 2, 1, 0]


def shifted(table, minutes):
    return dataclasses.replace(table, values=table.values.shift(freq=pd.Timedelta(minutes=minutes)))


@pytest.mark.parametrize("minutes", [-60, -30, 30, 60])
def test_wrong_clock_is_noticed_in_each_year(crt, minutes):
    wrong = shifted(crt, minutes)
    for year, values in wrong.values.groupby(wrong.values.index.year):
        if len(values) > 1000:
            with pytest.raises(InputError, match=f"in {year} SW_IN exceeds"):
                check_labels(dataclasses.replace(wrong, values=values), SITE)


@pytest.mark.parametrize("offset", [-6, -4, 5, 0])
def test_wrong_utc_offset_is_noticed(crt, offset):
    line = (
        rf"times if labels move by {60 * (offset + 5):+d} min"
        if abs(offset + 5) == 1
        else "0 times with an offset of UTC-5"
    )
    with pytest.raises(InputError, match=re.escape(line)):
        check_labels(crt, dataclasses.replace(SITE, utc_offset_hours=offset))


def test_end_labels_taken_for_starts_are_noticed(tmp_path):
    rows = shift_labels(crt_rows("2013-01-01", 365), 30)
    with pytest.raises(InputError, match=r"0 times if labels move by -30 min"):
        read_record(SITE, [write_base(tmp_path, rows)])


def test_clock_that_is_a_quarter_of_an_hour_off_is_reported(crt):
    assert check_labels(crt, SITE) == []
    line = check_labels(shifted(crt, 15), SITE)
    assert line[0].endswith("in 2011 the clock seems to be +15 min off") and len(line) == 3


def test_sensors_that_are_not_needed_may_fail(tmp_path):
    rows = crt_rows(days=30)
    rows.loc[::3, ["TS_1_1_1", "SWC_1_1_1", "NETRAD"]] = "5000"
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert record.spikes["SoilTemp_1"] == record.spikes["Rnet"] == 480
    assert record.values["Rnet"].count() == len(record.values) - 480
    rows.loc[rows.index % 3 < 2, "NETRAD"] = "5000"  # then the rest cannot be trusted
    assert read_record(SITE, [write_base(tmp_path, rows)]).values["Rnet"].isna().all()
    rows.loc[::100, "LE"] = "5000"
    assert read_record(SITE, [write_base(tmp_path, rows)]).spikes["Qle"] == 15
    rows.loc[::10, "LE"] = "5000"
    with pytest.raises(InputError, match=r"Qle = 5000 at"):
        read_record(SITE, [write_base(tmp_path, rows)])


def test_drift_a_little_below_zero_is_zero(tmp_path):
    rows = crt_rows(days=30).assign(VPD="5")
    rows = rows.drop(columns="RH")
    rows.loc[::5, "VPD"], rows.loc[::7, "P"] = "-0.02", "-0.001"
    record = read_record(SITE, [write_base(tmp_path, rows)])
    assert record.values["VPD"].min() == record.values["Precip"].min() == 0.0
    assert not record.spikes


def test_right_clock_passes_and_has_no_exceedance(crt):
    check_labels(crt, SITE)
    counts = exceedances(crt.values.index.to_numpy(), crt.step, crt.values["SWdown"].to_numpy(), SITE)
    assert counts[0].tolist() == [0, 0, 0]
    assert counts[30].min() > 250


def test_no_false_alarm_on_other_towers(shared):
    for path in sorted((shared / "fluxnet").glob("*.zip")):
        for place in map(site, ("US-Me2", "US-Wkg", "US-Tw3", "FR-Hes")):
            if place.site_id in path.name:
                check_labels(read_archive(path, place.site_id), place)
