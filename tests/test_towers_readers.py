"""Reading archives: names, units, flags, time labels, and files that are none."""

import math
import zipfile

import numpy as np
import pandas as pd
import pytest
from archives import CRT, crt_rows, product_rows, shift_labels, write_base, write_product, write_zip

from lad.errors import InputError
from lad.towers.readers import read_archive


@pytest.fixture(scope="module")
def crt():
    return read_archive(CRT, "US-CRT")


def at(table, time):
    return table.values.loc[pd.Timestamp(time)]


def magnus(celsius):
    """Saturation pressure, Pa, by another formula than the one of the package (Sonntag 1990)."""
    return 611.2 * math.exp(17.62 * celsius / (243.12 + celsius))


def test_units_of_base_cells(crt):
    # 201101010030: P 0.254 mm, RH 87.6306252 %, TA 11.69442 degC, SWC 45.05078 %, LW_IN 365.7975 W m-2
    row = at(crt, "2011-01-01 00:30")
    assert row["Precip"] * 1800 == pytest.approx(0.254)
    assert row["Tair"] == pytest.approx(284.84442)
    assert row["VPD"] == pytest.approx((1 - 0.876306252) * magnus(11.69442), rel=5e-3)
    assert row["SoilMoist_1"] == pytest.approx(0.4505078)
    assert row["SoilTemp_1"] == pytest.approx(3.605874 + 273.15)
    assert row["LWdown"] == 365.7975
    assert crt.step == 1800
    assert crt.values["Psurf"].mean() == pytest.approx(99_832, abs=1)  # PA 99.832 kPa on average


def test_ground_heat_flux_is_the_mean_of_the_plates_that_work(crt, tmp_path):
    assert at(crt, "2011-01-01 00:00")["Qg"] == pytest.approx((27.4496 + 37.31582) / 2)
    rows = crt_rows(days=2)
    rows["G_1_1_1"], rows["G_2_1_1"] = "-9999", "12.5"
    assert (read_archive(write_base(tmp_path, rows), "US-CRT").values["Qg"] == 12.5).all()


def test_missing_is_nan_with_flag_9_and_measured_has_flag_0(crt):
    missing = crt.values.isna()
    assert (crt.flags[missing] == 9).sum().sum() == missing.sum().sum()
    assert ((crt.flags == 0) == ~missing).all(axis=None)
    assert missing["Qle"].sum() == 22128
    assert (crt.values.fillna(0) > -9000).all(axis=None)


def test_unpacked_table_and_other_column_order_give_the_same(tmp_path):
    rows = crt_rows(days=3)
    first = read_archive(write_base(tmp_path, rows), "US-CRT")
    second = read_archive(write_base(tmp_path / "b", rows[sorted(rows, reverse=True)]), "US-CRT")
    with zipfile.ZipFile(tmp_path / "AMF_US-CRT_BASE-BADM_9-9.zip") as archive:
        archive.extractall(tmp_path)
    third = read_archive(tmp_path / "AMF_US-CRT_BASE_HH_9-9.csv", "US-CRT")
    pd.testing.assert_frame_equal(first.values, second.values[first.values.columns])
    pd.testing.assert_frame_equal(first.values, third.values)


def test_hourly_sums_are_per_hour(tmp_path):
    rows = crt_rows(days=4).iloc[::2].reset_index(drop=True)
    ends = pd.to_datetime(rows["TIMESTAMP_START"], format="%Y%m%d%H%M") + pd.Timedelta(hours=1)
    rows["TIMESTAMP_END"], rows["P"] = ends.dt.strftime("%Y%m%d%H%M"), "3.6"
    table = read_archive(write_base(tmp_path, rows, step="HR"), "US-CRT")
    assert table.step == 3600
    assert table.values["Precip"].to_numpy() == pytest.approx(1e-3)


def test_end_labels_alone_are_moved_to_the_start(tmp_path):
    rows = crt_rows(days=2)
    ends = rows.drop(columns="TIMESTAMP_START")
    path = write_zip(
        tmp_path / "US-CRT_europe-fluxdata_2013.zip",
        {"US-CRT_europe-fluxdata_2013.txt": ends.to_csv(index=False)},
    )
    european, base = (read_archive(path, "US-CRT") for path in (path, write_base(tmp_path, rows)))
    assert european.values.index[0] == pd.Timestamp("2013-06-01 00:00")
    pd.testing.assert_frame_equal(european.values, base.values)


def test_fluxes_that_fail_the_turbulence_test_are_missing(tmp_path):
    rows = crt_rows(days=2)
    rows["LE"], rows["LE_SSITC_TEST"] = "50", np.resize(["0", "1", "2", "-9999"], len(rows))
    table = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert table.values["Qle"].isna().tolist() == np.resize([False, False, True, False], len(rows)).tolist()


def test_flags_of_the_product(tmp_path):
    rows = product_rows(days=5)
    stated = np.resize(["0", "1", "2", "3", "-9999"], len(rows))
    rows["TA_F_QC"] = rows["LE_F_MDS_QC"] = stated
    rows.loc[10, ["TA_F", "TA_F_QC"]] = "-9999", "0"
    table = read_archive(write_product(tmp_path, rows), "US-CRT")
    expected = np.resize([0, 1, 2, 3, -1], len(rows))
    measured = table.values["Qle"].notna()
    assert (table.flags["Qle"][measured] == expected[measured]).all()
    assert (table.flags["Qle"][~measured] == 9).all()
    expected[10] = 9
    assert (table.flags["Tair"] == expected).all()
    assert np.isnan(table.values["Tair"].iloc[10])


def test_deficit_of_the_product_is_in_hpa_and_humidity_stands_in(tmp_path):
    rows = product_rows(days=2)
    rows["VPD_F"], rows["VPD_F_QC"] = "12.5", "1"
    rows["RH"] = "10"  # with 11.5 degrees: a deficit near the one given, or it would be refused
    rows.loc[:, "TA_F"] = "11.5"
    rows.loc[3, ["VPD_F", "VPD_F_QC"]] = "-9999"
    table = read_archive(write_product(tmp_path, rows), "US-CRT")
    assert (table.values["VPD"].drop(table.values.index[3]) == 1250).all()
    celsius, humidity = float(rows["TA_F"][3]), float(rows["RH"][3])
    assert table.values["VPD"].iloc[3] == pytest.approx((1 - humidity / 100) * magnus(celsius), rel=5e-3)
    assert table.flags["VPD"].iloc[[2, 3]].tolist() == [1, -1]


def test_columns_that_stand_in_for_an_empty_one(tmp_path):
    rows = product_rows(days=2)
    rows["WS"], rows["WS_F"] = "2.5", "-9999"
    rows["LW_IN_F"], rows["LW_IN_JSB_F"], rows["LW_IN_JSB_F_QC"] = "-9999", "300", "0"
    rows.loc[0, ["LW_IN_JSB_F", "LW_IN_JSB_F_QC"]] = "-9999"
    rows["LW_IN_ERA"] = "310"
    table = read_archive(write_product(tmp_path, rows), "US-CRT")
    assert (table.values["Wind"] == 2.5).all()
    assert (table.flags["Wind"] == -1).all()  # the product says nothing of this column
    assert table.values["LWdown"].tolist()[:2] == [310, 300]
    assert table.flags["LWdown"].tolist()[:2] == [2, 4]  # reanalysis, computed


def test_hourly_or_half_hourly_table_is_chosen_among_the_others(tmp_path):
    assert len(read_archive(write_product(tmp_path, product_rows(days=2)), "US-CRT").values) == 96


def corrupt(path, where):
    content = bytearray(path.read_bytes())
    content[where] ^= 0xFF
    path.write_bytes(content)
    return path


def truncated(tmp_path):
    path = write_base(tmp_path, crt_rows(days=2))
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def html(tmp_path):
    path = tmp_path / "AMF_US-CRT_BASE-BADM_9-9.zip"
    path.write_text("<html>please log in</html>", encoding="utf-8")
    return path


def altered(**cells):
    def build(tmp_path):
        rows = crt_rows(days=2)
        for column, value in cells.items():
            rows.loc[7, column] = value
        return write_base(tmp_path, rows)

    return build


def own_table(folder, columns, cells, day="2013-06-01"):
    """A table with columns of one's own, two half-hours long."""
    path = folder / "US-CRT_tower.csv"
    rows = (f"{day} {label},{cells}" for label in ("00:00,2013-06-01 00:30", "00:30,2013-06-01 01:00"))
    path.write_text("\n".join([f"TIMESTAMP_START,TIMESTAMP_END,{columns}", *rows, ""]), encoding="utf-8")
    return path


def humidity_in_kpa(folder):
    rows = crt_rows(days=10)
    celsius, humidity = rows["TA"].astype(float), rows["RH"].astype(float)
    pascal = [magnus(t) * (1 - rh / 100) for t, rh in zip(celsius, humidity, strict=True)]
    return write_base(folder, rows.assign(VPD=np.array(pascal) / 1000))


def renamed(member):
    return lambda tmp_path: write_zip(
        tmp_path / "AMF_US-CRT_BASE-BADM_9-9.zip", {member: "TIMESTAMP_START,TA\n"}
    )


BAD = {
    "absent": (lambda folder: folder / "AMF_US-CRT_BASE-BADM_0-0.zip", "no such file"),
    "html": (html, "not a ZIP archive"),
    "truncated": (truncated, "not a ZIP archive"),
    "crc": (lambda folder: corrupt(write_base(folder, crt_rows(days=2)), 900), "damaged"),
    "foreign": (renamed("readme.txt"), "no half-hourly or hourly tables of US-CRT"),
    "other site inside": (renamed("AMF_US-Tw3_BASE_HH_5-5.csv"), "holds tables of US-Tw3, expected US-CRT"),
    "other site": (
        lambda folder: write_base(folder, crt_rows(days=2), site="US-Tw3"),
        "of site US-Tw3, expected US-CRT",
    ),
    "odd name": (lambda folder: write_zip(folder / "data.xyz", {}), "not the name of a table"),
    "no text": (lambda folder: write_zip(folder / "data.csv", {"a": "b"}), "not a CSV table"),
    "column twice": (lambda folder: own_table(folder, "TA,TA", "1,2"), "column 'TA' is there twice"),
    "short row": (
        lambda folder: own_table(folder, "TA,P", "1"),
        "has 3 cells, expected 4; not a CSV table",
    ),
    "long row": (lambda folder: own_table(folder, "TA", "1,2"), "has 4 cells, expected 3; not a CSV table"),
    "no such time": (lambda folder: own_table(folder, "TA", "1", day="2013-02-30"), "expected YYYYMMDDHHMM"),
    "humidity in kPa": (humidity_in_kpa, "VPD is 0.0997 times the deficit of TA and RH"),
    "no rows": (lambda folder: write_base(folder, crt_rows(days=2).iloc[:0]), "0 rows"),
    "text": (altered(TA="warm"), "TA = 'warm' in data row 8, expected a number"),
    "decimal comma": (altered(H='"1,5"'), "H = "),
    "label": (altered(TIMESTAMP_START="20130601033"), "TIMESTAMP_START 20130601033"),
    "no label": (altered(TIMESTAMP_START="-9999", TIMESTAMP_END="-9999"), "TIMESTAMP_START -9999"),
    "repeated": (altered(TIMESTAMP_START="201306010300"), "2013-06-01 03:00 is repeated or out of order"),
    "length": (altered(TIMESTAMP_END="201306010500"), "interval from 2013-06-01 03:30 is not 1800 s long"),
    "raster": (
        lambda folder: write_base(folder, shift_labels(crt_rows(days=2), 10)),
        "2013-06-01 00:10 is off the 1800 s raster",
    ),
    "no time": (
        lambda folder: write_base(folder, crt_rows(days=2).iloc[:, 2:]),
        "no column TIMESTAMP_START or TIMESTAMP_END",
    ),
    "daily": (
        lambda folder: write_base(folder, crt_rows().iloc[::48].drop(columns="TIMESTAMP_END")),
        "intervals of 86400 s",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_archive_of_the_site_is_refused_in_one_line(tmp_path, case):
    build, words = BAD[case]
    with pytest.raises(InputError) as error:
        read_archive(build(tmp_path), "US-CRT")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_ragged_table_is_refused(tmp_path):
    lines = crt_rows(days=2).to_csv(index=False).splitlines()
    lines[20] += ",1,2,3"
    path = write_zip(
        tmp_path / "AMF_US-CRT_BASE-BADM_9-9.zip", {"AMF_US-CRT_BASE_HH_9-9.csv": "\n".join(lines)}
    )
    with pytest.raises(InputError, match="not a CSV table") as error:
        read_archive(path, "US-CRT")
    assert "\n" not in str(error.value)


def test_soil_moisture_as_a_fraction_is_noticed(tmp_path):
    rows = crt_rows(days=2)
    percent = read_archive(write_base(tmp_path, rows), "US-CRT").values["SoilMoist_1"]
    column = next(name for name in rows if name.startswith("SWC"))
    rows[column] = (rows[column].astype(float) / 100).where(rows[column] != "-9999", -9999).astype(str)
    table = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert table.values["SoilMoist_1"].to_numpy() == pytest.approx(percent.to_numpy())
    assert table.remarks[0].endswith(f"{column} is read as a fraction, it is never above 0.632")


def test_columns_of_base_that_look_like_those_of_a_product(tmp_path):
    rows = crt_rows(days=2)
    rows["NEE_PI_F"] = rows["LE_PI_F"] = "1"
    rows["LE_SSITC_TEST"] = "2"
    table = read_archive(write_base(tmp_path, rows.assign(LE_PI="7")), "US-CRT")
    assert "Qle" not in table.values and (table.flags["Tair"] == 0).all()


def test_each_sensor_has_its_own_test_and_flags(tmp_path):
    rows = crt_rows(days=2).drop(columns="LE")
    rows["LE_1_1_1"], rows["LE_1_1_2"], rows["LE_2_1_1"] = "50", "60", "70"
    rows["LE_SSITC_TEST_1_1_1"] = np.resize(["0", "2"], len(rows))
    rows["LE_SSITC_TEST_2_1_1"] = "2"
    rows["LE_1_1_2_QC"] = "3"
    table = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert table.values["Qle"].tolist() == np.resize([50, 60], len(rows)).tolist()
    assert table.flags["Qle"].tolist() == np.resize([0, 3], len(rows)).tolist()


def test_values_with_flags_of_others_are_not_used(tmp_path):
    rows = crt_rows(days=2).assign(LE="50", LE_QC=np.resize(["0", "9", "-9999", "5", "4.5"], 96))
    table = read_archive(write_base(tmp_path, rows), "US-CRT")
    assert table.flags["Qle"].tolist() == np.resize([0, 9, -1, 5, 9], 96).tolist()
    assert table.values["Qle"].isna().tolist() == np.resize([False, True, False, False, True], 96).tolist()
