"""Which of several sensors is the series of a variable."""

import numpy as np
import pytest
from archives import crt_rows, write_base

from lad.towers.readers import read_archive
from lad.towers.record import read_record
from lad.towers.sites import site

DAYS = 4
N = 48 * DAYS
COURSE = 15.0 + 10.0 * np.sin(np.arange(N) * 2.0 * np.pi / 48.0)


def text(values) -> list[str]:
    return ["-9999" if np.isnan(value) else f"{value:.2f}" for value in values]


def gaps(values, present) -> np.ndarray:
    """`values` (n,) where `present` (n,) is true, else missing."""
    return np.where(present, values, np.nan)


def table(folder, heights=None, reference=None, drop=("TA",), **columns):
    """The archive of US-CRT for four days with these columns instead of those in `drop`."""
    rows = crt_rows(days=DAYS).drop(columns=list(drop))
    for name, values in columns.items():
        rows[name] = text(values)
    return read_archive(write_base(folder, rows), "US-CRT", heights, reference)


def celsius(read) -> np.ndarray:
    return read.values["Tair"].to_numpy() - 273.15


FEW, FIRST = np.arange(N) < 5, np.arange(N) < N // 2


def test_the_sensor_with_the_most_values_is_the_series(tmp_path):
    read = table(tmp_path, TA=gaps(COURSE + 0.5, FEW), TA_1_1_1=COURSE)
    assert celsius(read) == pytest.approx(COURSE, abs=0.01)
    (remark,) = read.remarks
    assert (
        f"TA: TA_1_1_1 is the series (heights are not known, the first with most values), {N} values"
        in remark
    )


def test_stretches_of_sensors_one_after_the_other_are_joined(tmp_path):
    read = table(tmp_path, TA_1_1_1=gaps(COURSE, FIRST), TA_2_1_1=gaps(COURSE, ~FIRST))
    assert celsius(read) == pytest.approx(COURSE, abs=0.01)
    assert f"TA_2_1_1 fills {N // 2} of its gaps" in read.remarks[0]
    assert read.origins["Tair"] == "TA_1_1_1, TA_2_1_1"


def test_gaps_are_filled_by_a_sensor_that_agrees_and_by_no_other(tmp_path):
    known = np.arange(N) % 3 > 0
    read = table(
        tmp_path,
        TA_1_1_1=gaps(COURSE, known),
        TA_1_1_2=gaps(COURSE + 0.5, known),
        TA_1_2_1=gaps(COURSE + 4.0, FIRST),
    )
    assert celsius(read) == pytest.approx(gaps(COURSE, known), abs=0.01, nan_ok=True)
    assert f"TA_1_2_1 is left out ({N // 2} values, differs by 4 K in the median" in read.remarks[0]
    read = table(tmp_path, TA_1_1_1=gaps(COURSE, known), TA_1_2_1=gaps(COURSE + 0.5, FIRST))
    assert celsius(read) == pytest.approx(
        gaps(np.where(known, COURSE, COURSE + 0.5), known | FIRST), abs=0.01, nan_ok=True
    )


def test_the_sensor_at_the_reference_height_is_the_series_where_heights_are_known(tmp_path):
    columns = {"TA_1_1_1": COURSE + 3.0, "TA_1_3_1": gaps(COURSE, np.arange(N) % 4 > 0)}
    read = table(tmp_path, {"TA_1_1_1": 1.0, "TA_1_3_1": 12.0}, 12.5, **columns)
    assert celsius(read) == pytest.approx(gaps(COURSE, np.arange(N) % 4 > 0), abs=0.01, nan_ok=True)
    assert "TA_1_3_1 is the series (at 12 m, the reference height is 12.5 m)" in read.remarks[0]
    assert "TA_1_1_1 is left out" in read.remarks[0] and "at 1 m" in read.remarks[0]
    # A sensor at the right height that hardly measured is no series.
    read = table(
        tmp_path, {"TA_1_1_1": 1.0, "TA_1_3_1": 12.0}, 12.5, TA_1_1_1=COURSE, TA_1_3_1=gaps(COURSE, FEW)
    )
    assert celsius(read) == pytest.approx(COURSE, abs=0.01)


def test_without_heights_the_series_of_the_site_team_decides(tmp_path):
    read = table(tmp_path, TA_1_1_1=COURSE + 3.0, TA_1_3_1=COURSE, TA_PI_F_1=COURSE)
    assert celsius(read) == pytest.approx(COURSE, abs=0.01)
    assert "TA_1_3_1 is the series (the site team's own TA_PI_F_1 is equal to it)" in read.remarks[0]
    assert "TA_PI_F_1" not in read.origins["Tair"]  # may be filled


def test_sensors_far_apart_are_counted(tmp_path):
    spiked = np.where(np.arange(N) == 100, -40.7, COURSE)
    read = table(tmp_path, TA_1_1_1=gaps(spiked, np.arange(N) != 3), TA_1_1_2=COURSE)
    assert celsius(read) == pytest.approx(COURSE, abs=0.01)
    assert f"TA_1_1_1 (more than 5 K from it in 1 of {N - 1} intervals, most in 2013: 1)" in read.remarks[0]


def test_rain_alone_is_precipitation_and_snow_is_added(tmp_path):
    rain, snow = np.where(np.arange(N) % 9 == 0, 1.2, 0.0), np.where(np.arange(N) % 16 == 0, 0.4, 0.0)
    read = table(tmp_path, drop=("P",), P_RAIN_1_1_1=rain)
    assert read.values["Precip"].to_numpy() * read.step == pytest.approx(rain)
    read = table(tmp_path, drop=("P",), P_RAIN_1_1_1=rain, P_SNOW_1_1_1=snow)
    assert read.values["Precip"].to_numpy() * read.step == pytest.approx(rain + snow)


def test_rain_of_a_gauge_with_few_values_is_that_of_the_other(tmp_path):
    rain = np.where(np.arange(N) % 9 == 0, 1.2, 0.0)
    read = table(tmp_path, drop=("P",), P=gaps(rain, FEW), P_RAIN_1_1_1=rain)
    assert read.values["Precip"].to_numpy() * read.step == pytest.approx(rain)
    assert "P: P_RAIN_1_1_1 is the series" in read.remarks[0]


def test_months_in_which_a_sensor_drifts_fill_no_gaps(tmp_path):
    rows = crt_rows("2013-06-01", 91)
    air = rows.pop("TA").astype(float).mask(lambda x: x < -100.0)
    number = np.arange(len(rows))
    first, second = (
        gaps(air, number % 10 > 0),
        gaps(air + np.where(number < 61 * 48, 0.0, 3.0), number % 2 == 0),
    )
    rows["TA_1_1_1"], rows["TA_1_1_2"] = text(first), text(second)
    read = read_archive(write_base(tmp_path, rows), "US-CRT")
    lacking = np.isnan(first) & (np.isnan(second) | (number >= 61 * 48))
    assert read.values["Tair"].isna().tolist() == lacking.tolist()
    assert "not in 1 months from 2013-08 on, where it differs by 3" in read.remarks[0]


def test_numbers_of_other_flags_are_counted(tmp_path):
    rows = crt_rows(days=DAYS).assign(LE="50", LE_QC=np.resize(["0", "10"], N))
    read = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert read.values["Qle"].count() == N // 2
    assert f"LE: {N // 2} values are not used, LE_QC is 10" in read.remarks[0]


def test_gauges_that_contradict_each_other_are_not_joined(tmp_path):
    rain = np.where(np.arange(N) % 9 == 0, 1.2, 0.0)
    read = table(
        tmp_path,
        drop=("P",),
        P_1_1_1=gaps(rain, np.arange(N) > 20),
        P_2_1_1=gaps(3.0 * rain, np.arange(N) < 170),
    )
    assert "P_2_1_1 is left out" in read.remarks[0] and "mm where P_1_1_1 has" in read.remarks[0]


def test_relative_humidity_as_a_fraction_is_read_as_such(tmp_path):
    percent = np.linspace(40.0, 98.0, N)
    whole = table(tmp_path, drop=("RH",), RH=percent)
    share = table(tmp_path, drop=("RH",), RH_1_1_1=np.round(percent, 0) / 100.0)
    assert np.abs(whole.values["VPD"] - share.values["VPD"]).max() < 30.0
    assert any("is read as a fraction, it is never above 0.98" in remark for remark in share.remarks)


def test_case_of_a_first_sensor_with_few_values(shared):
    (path,) = (shared / "cases/first_sensor_few_values").glob("*.csv")
    record = read_record(site("US-CRT"), [path])
    assert len(record.values) == 366 * 48 and record.values["Tair"].count() == 17563
    assert "TA_1_1_1 is the series" in record.remarks[0] and "17563 values" in record.remarks[0]


def test_case_of_positions_that_count_from_the_ground(shared):
    from lad.towers.metadata import find_site

    (path,) = (shared / "cases/sensor_heights").glob("*.zip")
    record = read_record(find_site("CA-Ca3", [path], shared / "fluxnet/sites.csv"), [path])
    assert record.origins["Tair"].startswith("TA_1_3_1")
    assert record.origins["Precip"].startswith("P_RAIN_1_1_1")
    assert len(record.values) == 123 * 48  # no row is lost
    assert len(np.unique(record.segment)) == 1
