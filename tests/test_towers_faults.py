"""Faults that other variables, the sun or the climate betray."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from archives import CRT, crt_rows, write_base

from lad.errors import InputError
from lad.towers.checks import check_labels
from lad.towers.faults import check_units, without_faults, without_wrong_sun
from lad.towers.readers import read_archive
from lad.towers.record import read_record
from lad.towers.sites import site
from lad.towers.variables import DERIVED

SITE = site("US-CRT")


@pytest.fixture(scope="module")
def whole():
    return read_archive(CRT, "US-CRT")


def changed(table, **columns):
    """The table with other values of some variables."""
    return dataclasses.replace(table, values=table.values.assign(**columns))


def shifted(table, first: str, last: str, hours: float):
    """Daily courses of these days at another hour, as a wrong clock writes them."""
    inside = (table.values.index >= first) & (table.values.index < last)
    columns = {}
    for name in ("SWdown", "Tair", "Qle", "Qh"):
        own = table.values[name].to_numpy(copy=True)
        own[inside] = np.roll(own[inside], round(2 * hours))
        columns[name] = own
    return changed(table, **columns), inside


@pytest.mark.parametrize("hours", [-5.0, 3.0])
def test_a_fortnight_with_the_sun_hours_off_is_not_used(whole, hours):
    table, inside = shifted(whole, "2012-06-01", "2012-06-15", hours)
    mended, (remark,) = without_wrong_sun(table, SITE)
    gone = mended.values["SWdown"].isna() & table.values["SWdown"].notna()
    assert gone[inside].mean() > 0.8 and not gone[~inside].any()
    assert mended.values.loc[gone, ["Tair", "Qle"]].isna().all(axis=None)
    assert mended.values["Precip"].equals(table.values["Precip"])
    assert "from 2012-06-0" in remark and "the clock is wrong" in remark
    check_labels(mended, SITE)


def test_labels_that_are_wrong_throughout_are_not_taken_for_a_stretch(whole):
    table = changed(whole, SWdown=np.roll(whole.values["SWdown"], 6))
    assert without_wrong_sun(table, SITE)[0] is table
    with pytest.raises(InputError, match="SW_IN exceeds the top-of-atmosphere radiation"):
        check_labels(table, SITE)


def test_a_sound_record_is_left_as_it_is(whole):
    assert without_wrong_sun(whole, SITE) == (whole, [])
    mended, remarks = without_faults(whole, SITE)
    assert mended.values.equals(whole.values) and remarks == []
    check_units(whole, SITE)


def test_spikes_are_not_used_and_fronts_stay(whole):
    tair = whole.values["Tair"].to_numpy(copy=True)
    tair[30_000] = 273.15 - 40.7
    tair[40_000:] -= 12.0  # a front
    mended, (remark,) = without_faults(changed(whole, Tair=tair), SITE)
    gone = mended.values["Tair"].isna() & ~np.isnan(tair)
    assert np.flatnonzero(gone).tolist() == [30_000]
    at = whole.values.index[30_000]
    assert remark.startswith("TA: 1 spikes on 1 days") and f"{at:%Y-%m-%d %H:%M}" in remark


def test_pressure_that_is_off_for_a_year_is_shifted_to_the_level_of_the_rest(whole):
    time = whole.values.index
    off = (time >= "2012-01-01") & (time < "2013-01-01")
    level = whole.values["Psurf"] - whole.values["Psurf"].groupby(time.to_period("M")).transform("median")
    sound = 99_300.0 + level
    mended, (remark,) = without_faults(changed(whole, Psurf=np.where(off, sound - 1400.0, sound)), SITE)
    assert (mended.values["Psurf"] - sound).abs().max() < 50.0
    assert ((mended.flags["Psurf"] == DERIVED) == (off & sound.notna())).all()
    assert remark.startswith("PA is -1.3") and "from 2012-01 to 2012-12" in remark


def test_pressure_that_is_off_throughout_may_be_the_elevation(whole):
    high = dataclasses.replace(SITE, elevation=SITE.elevation + 400.0)
    mended, (remark,) = without_faults(whole, high)
    assert mended.values.equals(whole.values) and remark.endswith("is the elevation right?")


def test_ground_heat_of_the_opposite_sign_is_turned(whole):
    mended, (remark,) = without_faults(changed(whole, Qg=-whole.values["Qg"]), SITE)
    assert mended.values["Qg"].equals(whole.values["Qg"])
    assert remark.startswith("G has the opposite sign") and f"{whole.values['Qg'].count()} values" in remark


def vpd(humidity: float, whole):
    """Deficit with which relative humidity is never above `humidity` %."""
    from lad.towers.humidity import saturation

    saturated = saturation(whole.values["Tair"])
    return saturated - (saturated - whole.values["VPD"]) * humidity / 100.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda v: {"SWdown": v["SWdown"] / 697.0},
            "SW_IN on clear days is 0.001.* expected 0.6 to 0.9",
        ),  # cal cm-2 min-1
        (
            lambda v: {"Tair": 273.15 + (v["Tair"] - 273.15) * 1.8 + 32.0},
            "TA is 5.* degC on average at latitude",
        ),  # degF
        (
            lambda v: {"VPD": v["VPD"] / 10.0},
            "relative humidity is 9. % in the median under strong sun",
        ),  # kPa
        (lambda v: {"Wind": v["Wind"] * 3.6}, "WS is 1.* m s-1 on average|USTAR is 0.03 of WS"),  # km h-1
        (lambda v: {"Wind": v["Wind"] / 100.0}, "WS is 0.0.* m s-1 on average"),
        (lambda v: {"Precip": v["Precip"] / 25.4}, "P is at most .* mm in an interval"),  # inches
        (lambda v: {"Precip": v["Precip"] / 1000.0}, "P is at most 0.0.* mm in an interval"),  # m
        (lambda v: {"Qle": v["Qle"] / 2.45e6 * 3600.0}, "LE is at most .* W m-2 under strong sun"),  # mm h-1
        (lambda v: {"Qh": v["Qh"] / 1200.0}, "H is at most .* W m-2 under strong sun"),  # K m s-1
        (lambda v: {"Qle": -v["Qle"]}, "LE is -.* expected a flux positive upward"),
        (lambda v: {"Qh": -3.0 * v["Qh"], "Qle": 0.1 * v["Qle"]}, "H is -.* expected a flux positive upward"),
    ],
)
def test_units_that_make_weak_weather_are_refused(whole, wrong, message):
    with pytest.raises(InputError, match=message):
        check_units(changed(whole, **wrong(whole.values)), SITE)


def test_humidity_that_never_rises_is_refused(whole):
    with pytest.raises(InputError, match=r"relative humidity is never above 2. % and .* while it rains"):
        check_units(changed(whole, VPD=vpd(21.0, whole)), SITE)


@pytest.mark.parametrize(("name", "mean"), [("hPa", 0.0116), ("kPa", None)])
def test_case_of_vpd_in_kpa_without_humidity(shared, name, mean):
    path = shared / f"cases/vpd_in_kpa_without_rh/US-CRT_tower_{name}.csv"
    if mean is None:
        with pytest.raises(InputError, match=r"relative humidity is 9. % in the median under strong sun"):
            read_record(SITE, [path])
        return
    from lad.towers.fill import fill
    from lad.towers.forcing import forcing_dataset

    assert forcing_dataset(fill(read_record(SITE, [path])))["Qair"].mean().item() == pytest.approx(
        mean, abs=1e-4
    )


def test_faults_of_the_real_record_of_us_me2(shared):
    (path,) = (shared / "fluxnet").glob("AMF_US-Me2_BASE*.zip")
    record = read_record(site("US-Me2"), [path])
    lines = "\n".join(record.remarks)
    assert "from 2008-02-21 to 2008-03-05 SW_IN is above" in lines
    assert "PA is -1.34 kPa off in 88209 intervals from 2015-10 to 2020-12" in lines
    assert "TA_1_1_1 fills 4356 of its gaps (more than 5 from it in 3080 of 264696 intervals" in lines
    yearly = record.values["Psurf"].groupby(record.values.index.year).median()
    assert yearly.max() - yearly.min() < 700.0  # 1900 before
    assert record.values["Tair"].min() > 273.15 - 35.0


@pytest.mark.parametrize("digits", [0, 1, 2, 3])
def test_archives_that_agree_within_print_precision_are_joined(tmp_path, digits):
    fine, coarse = crt_rows(days=20), crt_rows(days=25)
    for column in ("TA", "RH", "SW_IN", "LE", "PA"):
        number = coarse[column].astype(float)
        coarse[column] = [f"{x:.0f}" if x == -9999 else f"{x:.{digits}f}" for x in number]
    paths = [write_base(tmp_path, fine, version="1-5"), write_base(tmp_path, coarse, version="2-5")]
    record = read_record(SITE, paths)
    assert len(record.values) == 25 * 48
    first = read_archive(paths[0], "US-CRT").values["Tair"]
    assert record.values["Tair"][: len(first)].equals(first)


def test_archives_that_differ_are_refused_with_numbers_that_differ(tmp_path):
    rows, other = crt_rows(days=20), crt_rows(days=20)
    other.loc[100, "TA"] = f"{float(other.loc[100, 'TA']) + 0.02:.3f}"
    paths = [write_base(tmp_path, rows, version="1-5"), write_base(tmp_path, other, version="2-5")]
    with pytest.raises(InputError, match=r"Tair = (\S+) at .*, but .* has (\S+) \(1 such values\)") as raised:
        read_record(SITE, paths)
    one, two = (
        word for word in str(raised.value).replace("(1", "").split() if word.replace(".", "").isdigit()
    )
    assert one != two


def test_dates_of_a_record_without_faults_are_those_of_its_archive():
    record = read_record(SITE, [CRT])
    assert record.remarks == () and record.values.index[0] == pd.Timestamp("2011-01-01")
