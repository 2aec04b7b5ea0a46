"""Faults that other variables, the sun or the climate show."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from archives import CRT, crt_rows, write_base

from lad.errors import InputError
from lad.towers.checks import check_labels, check_units
from lad.towers.faults import without_faults, without_spikes, without_wrong_sun
from lad.towers.flags import DERIVED, MISSING
from lad.towers.readers import read_archive
from lad.towers.record import read_record
from lad.towers.sites import site

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
    for mended, remarks in (without_spikes(whole), without_faults(whole, SITE), check_units(whole, SITE)):
        assert mended.values.equals(whole.values) and remarks == []


@pytest.mark.parametrize("hours", [0.5, 2, 6])
def test_spikes_are_not_used_and_fronts_stay(whole, hours):
    tair = whole.values["Tair"].to_numpy(copy=True)
    spiked = slice(30_000, 30_000 + int(2 * hours))
    tair[spiked] = 273.15 - 40.7
    tair[40_000:] -= 12.0  # a front
    mended, (remark,) = without_spikes(changed(whole, Tair=tair))
    gone = mended.values["Tair"].isna().to_numpy() & ~np.isnan(tair)
    assert gone[spiked].all() and gone.sum() == 2 * hours
    assert mended.values["VPD"][spiked].isna().all()  # from this temperature and RH
    at = whole.values.index[30_000]
    assert (
        remark.startswith(f"{whole.name}: TA: {2 * hours:g} spikes on 1 days") and f"{at:%Y-%m-%d}" in remark
    )


def test_values_three_hours_apart_are_no_spikes(whole):
    thin = whole.values["Tair"].where(whole.values.index.hour % 3 == 0).where(whole.values.index.minute == 0)
    assert without_spikes(changed(whole, Tair=thin))[1] == []


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


@pytest.mark.parametrize("first", ["2011-01-01", "2012-07-01"])
def test_ground_heat_of_the_opposite_sign_is_turned(whole, first):
    own = whole.values.index >= first
    mended, (remark,) = without_faults(
        changed(whole, Qg=whole.values["Qg"].mask(own, -whole.values["Qg"])), SITE
    )
    summer = (whole.values["SWdown"] > 300.0) & whole.values.index.month.isin(range(5, 9))
    assert mended.values["Qg"][summer].equals(whole.values["Qg"][summer])
    assert mended.values["Qg"][~own].equals(whole.values["Qg"][~own])
    assert remark.startswith("G has the opposite sign") and "the sign of" in remark


def test_plates_of_opposite_signs_do_not_cancel(tmp_path):
    rows = crt_rows("2012-05-01", 90)
    right = read_archive(write_base(tmp_path, rows), "US-CRT").values["Qg"]
    number = rows["G_2_1_1"].astype(float)
    rows["G_2_1_1"] = np.where(number == -9999, number, -number).astype(str)
    table = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert table.values["Qg"].equals(right)
    assert any("G_2_1_1 has the opposite sign" in remark for remark in table.remarks)


def test_ground_heat_and_net_radiation_in_a_wrong_unit_are_not_used(whole):
    for name, factor in (("Rnet", 0.03), ("Qg", 10.0)):
        mended, remarks = check_units(changed(whole, **{name: factor * whole.values[name]}), SITE)
        assert mended.values[name].isna().all() and len(remarks) == 1


def test_pressure_of_a_cold_high_in_a_short_record_is_left(whole):
    time = pd.date_range("2015-11-01", periods=500 * 48, freq="30min", unit="s")
    season = 1000.0 * np.cos((time.day_of_year - 15) / 365.25 * 2.0 * np.pi)
    psurf = 101_325.0 * np.exp(-SITE.elevation / 8000.0) + season
    frames = (
        pd.DataFrame({"Psurf": psurf}, time),
        pd.DataFrame({"Psurf": np.zeros(len(time), np.int8)}, time),
    )
    table = dataclasses.replace(whole, values=frames[0], flags=frames[1])
    mended, remarks = without_faults(table, SITE)
    assert mended.values.equals(table.values) and remarks == []


def vpd(humidity: float, whole):
    """Deficit with which relative humidity is never above `humidity` %."""
    from lad.towers.meteorology import saturation

    saturated = saturation(whole.values["Tair"])
    return saturated - (saturated - whole.values["VPD"]) * humidity / 100.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda v: {"SWdown": v["SWdown"] / 2.1}, "SW_IN on clear days is 0.3.* expected 0.6"),
        (lambda v: {"LWdown": v["LWdown"] * 1.25}, "LW_IN is 1.* times the black-body radiation at TA"),
        (
            lambda v: {"Tair": v["Tair"] + 0.8 * (v["Tair"] - 273.15) + 32.0},
            "LW_IN is 0.|TA is 5.* degC on average",
        ),
        (lambda v: {"Wind": v["Wind"] * 3.6}, "USTAR is 0.03 of WS in the median by day"),  # km h-1
        (lambda v: {"Wind": v["Wind"] / 100.0}, "WS is 0.0.* m s-1 on average"),
        (
            lambda v: {"Precip": v["Precip"] / 25.4},
            "P is .* mm a year and 0.0.* mm in the median of wet",
        ),  # inches
        (
            lambda v: {"Precip": v["Precip"] / 1000.0},
            "P is .* mm a year and 0.0.* mm in the median of wet",
        ),  # m
        (lambda v: {"Qle": v["Qle"] / 2.45e6 * 3600.0}, "LE is at most .* W m-2 under strong sun"),  # mm h-1
        (lambda v: {"Qle": v["Qle"] / 28.4}, "LE evaporates .* mm a year of|LE is at most"),  # mm d-1
        (lambda v: {"Qh": v["Qh"] / 1200.0}, "H is at most .* W m-2 under strong sun"),  # K m s-1
        (lambda v: {"Qle": -v["Qle"]}, "LE is -.* expected positive upward"),
        (lambda v: {"Qh": -v["Qh"]}, "H is -.* expected positive upward"),
    ],
)
def test_units_that_make_weak_weather_are_refused(whole, wrong, message):
    with pytest.raises(InputError, match=message):
        check_units(changed(whole, **wrong(whole.values)), SITE)


def test_humidity_that_never_rises_is_refused(whole):
    with pytest.raises(InputError, match=r"while it rains in .* months .never above 2"):
        without_faults(changed(whole, VPD=vpd(21.0, whole)), SITE)


def test_humidity_of_a_wrong_summer_is_not_used(whole):
    """In kPa from June to August of one year."""
    own = (whole.values.index >= "2012-06-01") & (whole.values.index < "2012-09-01")
    mended, (remark,) = without_faults(
        changed(whole, VPD=whole.values["VPD"].mask(own, whole.values["VPD"] / 10)), SITE
    )
    assert mended.values["VPD"][own].isna().all() and mended.values["VPD"][~own].equals(
        whole.values["VPD"][~own]
    )
    assert "under strong sun in 3 of" in remark and "(2012-06, 2012-07, 2012-08)" in remark


def test_heavy_rain_in_air_that_stays_dry_is_not_used(whole):
    values = whole.values[["Precip", "VPD"]].copy()
    in_dry_air, storm = (values.index.get_loc(f"2012-07-{day} 14:00:00") for day in ("04", "05"))
    values.loc[values.index[in_dry_air : in_dry_air + 3], "VPD"] = 4000.0
    values.loc[values.index[storm], "VPD"] = 4000.0
    values.loc[values.index[storm + 1], "VPD"] = 0.0  # the air is moist after
    values.loc[values.index[[in_dry_air, storm]], "Precip"] = 10.0 / whole.step
    mended, (remark,) = without_faults(changed(whole, **values), SITE)
    assert "10 mm on 1 days" in remark and "most on 2012-07-04" in remark
    gone = mended.values["Precip"].isna() & values["Precip"].notna()
    assert list(np.flatnonzero(gone)) == [in_dry_air]
    assert (mended.flags["Precip"][gone] == MISSING).all()


@pytest.mark.parametrize(("name", "mean"), [("hPa", 0.0116), ("kPa", None)])
def test_case_of_vpd_in_kpa_without_humidity(shared, name, mean):
    path = shared / f"cases/vpd_in_kpa_without_rh/US-CRT_tower_{name}.csv"
    if mean is None:
        with pytest.raises(InputError, match=r"relative humidity is 9. % under strong sun in 3 of 3 months"):
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
    assert "most on 2013-12-15: 95 mm" in lines
    assert "PA is -1.34 kPa off in 88207 intervals from 2015-10 to 2020-12" in lines
    assert "TA_1_1_1 fills 4355 of its gaps, not in 17 months" in lines
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
