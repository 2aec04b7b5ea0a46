"""From the archive to the forcing and observation files."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from archives import CRT, crt_rows, write_base
from compliance_checker.runner import CheckSuite, ComplianceChecker

from lad.cli import main
from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.fill import fill
from lad.towers.forcing import dry_years, forcing_dataset, observations_dataset
from lad.towers.meteorology import snow_fraction, specific_humidity
from lad.towers.netcdf import read_tower
from lad.towers.record import read_record
from lad.towers.sites import TABLE, site

SITE = site("US-CRT")


@pytest.fixture(scope="module")
def record():
    return fill(read_record(SITE, [CRT]))


@pytest.fixture(scope="module")
def forcing(record):
    return forcing_dataset(record)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of `lad gapfill` and `lad forcing` for the summer of 2013."""
    folder = tmp_path_factory.mktemp("files")
    archive = write_base(folder, crt_rows("2013-05-01", 90))
    tower, report = folder / "tower.nc", folder / "report.csv"
    arguments = ["--site", "US-CRT", "--archive", str(archive)]
    assert main(["gapfill", *arguments, "--output", str(tower), "--report", str(report)]) == 0
    for source, name in ((["--site", "US-CRT", "--tower", str(tower)], "a"), (arguments, "b")):
        outputs = [
            "--output",
            f"{folder}/forcing_{name}.nc",
            "--observations",
            f"{folder}/observations_{name}.nc",
        ]
        assert main(["forcing", *source, *outputs]) == 0
    return folder


def test_specific_humidity_against_the_psychrometric_table():
    # 20 degC and 50 % at 1013.25 hPa: 7.26 g/kg mixing ratio, 7.21 g/kg specific humidity
    saturated = 2339.0
    assert specific_humidity(293.15, 0.5 * saturated, 101_325.0) == pytest.approx(7.21e-3, rel=5e-3)
    assert specific_humidity(293.15, saturated, 101_325.0) < 1e-5


def test_rain_and_snow(record, forcing):
    # Jennings et al. 2018: the colder and the drier the more snow
    assert snow_fraction(263.15, 50.0) > 0.99
    assert snow_fraction(283.15, 300.0) < 0.01
    assert snow_fraction(274.15, 250.0) > snow_fraction(274.15, 0.0)
    # at 1 degC and 80 %: 1 / (1 + exp(-10.04 + 1.41 + 7.2)) = 0.807
    assert snow_fraction(274.15, 0.2 * 656.5) == pytest.approx(0.807, abs=2e-3)
    total = (forcing["Rainf"] + forcing["Snowf"]) * 1800
    assert total.sum().item() == pytest.approx(1041.4 + 679 + 712.7, abs=1.5)  # mm in the archive
    assert forcing["Snowf"].where(forcing["Tair"] > 283, 0.0).max() == 0.0
    assert forcing["Rainf"].where(forcing["Tair"] < 265, 0.0).max() == 0.0


def test_humidity_turns_back_into_the_deficit(record, forcing):
    e = forcing["Qair"] * forcing["Psurf"] / (0.622 + 0.378 * forcing["Qair"])
    celsius = forcing["Tair"] - 273.15
    deficit = 611 * np.exp(17.26938818 * celsius / (237.3 + celsius)) - e
    assert deficit.to_numpy() == pytest.approx(record.values["VPD"].to_numpy(), abs=1e-6)


def test_forcing_is_complete_and_dark_at_night(forcing):
    assert not any(forcing[name].isnull().any() for name in forcing.data_vars)
    midnight = forcing["time"].dt.hour.isin((23, 0, 1))
    assert forcing["SWdown"].where(midnight, 0.0).max() == 0.0
    assert forcing["SWdown"].min() == 0.0
    assert forcing["reference_height"].item() == pytest.approx(2.0 - 0.4 * 2 / 3)
    bounds = forcing["time_bnds"].to_numpy()
    assert (bounds[:, 0] == forcing["time"].to_numpy()).all()
    assert (bounds[:, 1] - bounds[:, 0] == np.timedelta64(1800, "s")).all()


def test_humidity_carries_the_worst_flag(record):
    flags = record.flags.copy()
    flags.iloc[0, flags.columns.get_loc("VPD")], flags.iloc[0, flags.columns.get_loc("Tair")] = -1, 0
    flags.iloc[1, flags.columns.get_loc("VPD")], flags.iloc[1, flags.columns.get_loc("Tair")] = -1, 2
    made = forcing_dataset(dataclasses.replace(record, flags=flags))
    assert made["Qair_qc"].to_numpy()[:2].tolist() == [-1, 2]


def test_observations_keep_gaps_and_signs(record):
    made = observations_dataset(record)
    for name in ("Qle", "Qh", "Qg", "Rnet"):
        assert (made[name].isnull() == (made[f"{name}_qc"] == 9)).all()
    noon = made.sel(time=(made["time"].dt.month == 7) & (made["time"].dt.hour == 12))
    assert all(noon[name].mean() > 30 for name in ("Qle", "Qh", "Qg", "Rnet"))
    assert "Tair" not in made
    assert {"SoilTemp_1", "SoilMoist_1", "Ustar"} <= set(made.data_vars)


def test_weather_that_cannot_be_at_the_elevation_is_refused(record):
    high = dataclasses.replace(record, site=dataclasses.replace(SITE, elevation=2000.0))
    with pytest.raises(InputError, match=r"US-CRT: Psurf = .* at 2011-01-01T00:00, .* expected"):
        forcing_dataset(high)


def test_direct_way_gives_the_same_files(files):
    for name in ("forcing", "observations"):
        contents = [(files / f"{name}_{way}.nc").read_bytes() for way in "ab"]
        assert hashlib.sha256(contents[0]).digest() == hashlib.sha256(contents[1]).digest()


def test_gapfill_prints_which_sensor_is_the_series(tmp_path, capsys):
    rows = crt_rows(days=10).rename(columns={"TA": "TA_1_2_1"})
    arguments = ["--archive", str(write_base(tmp_path, rows)), "--output", str(tmp_path / "tower.nc")]
    assert main(["gapfill", "--site", "US-CRT", *arguments]) == 0
    assert "9-9.zip: TA: TA_1_2_1 is the series, 480 values\n" in capsys.readouterr().out


def test_second_run_is_identical_to_the_byte(files, tmp_path):
    again = tmp_path / "tower.nc"
    main(["gapfill", "--site", "US-CRT", "--archive", *map(str, files.glob("*.zip")), "--output", str(again)])
    assert again.read_bytes() == (files / "tower.nc").read_bytes()


@pytest.mark.parametrize("name", ["tower", "forcing_a", "observations_a"])
def test_cf_conventions(files, tmp_path, name):
    CheckSuite.load_all_available_checkers()
    passed, errors = ComplianceChecker.run_checker(
        str(files / f"{name}.nc"),
        ["cf:1.8"],
        0,
        "normal",
        output_filename=str(tmp_path / "r.txt"),
        output_format="text",
    )
    assert passed, (tmp_path / "r.txt").read_text(encoding="utf-8")
    assert not errors


def test_time_on_disk_is_the_interval_start(files):
    dataset = read_netcdf(files / "forcing_a.nc")
    assert dataset["time"].to_numpy()[0] == np.datetime64("2013-05-01T00:00")
    assert dataset["time"].encoding["units"].startswith("seconds since 2013-01-01")
    assert dataset["time"].encoding["dtype"] == np.float64
    assert dataset.attrs["utc_offset_hours"] == -5
    assert "AMF_US-CRT_BASE-BADM_9-9.zip sha256:" in dataset.attrs["source"]


def test_files_tell_their_origin(files):
    (archive,) = files.glob("*.zip")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    for name in ("tower", "forcing_a", "observations_b"):
        origin = json.loads(read_netcdf(files / f"{name}.nc").attrs["provenance"])
        assert origin["inputs"] == {archive.name: {"name": archive.name, "sha256": digest}}
        stated = origin["settings"]["site"]
        assert stated | {"origin": ""} == dataclasses.asdict(SITE)
        assert "canopy_height" in stated["origin"] and stated["origin"].endswith(": table of the package")
        assert origin["code"].keys() == {"lad", "git", "sha256"}


def test_bad_input_is_one_line_and_status_2(files, capsys):
    tower, output = str(files / "tower.nc"), str(files / "x.nc")
    outputs = ["--output", output, "--observations", output]
    for arguments in (
        ["forcing", "--site", "US-Wkg", "--tower", tower, *outputs],
        ["forcing", "--site", "US-CRT", "--tower", str(files / "forcing_a.nc"), *outputs],
        ["gapfill", "--site", "US-CRT", "--archive", str(TABLE), "--output", output],
        ["gapfill", "--site", "Nowhere", "--archive", str(CRT), "--output", output],
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"lad {arguments[0]}: error: ")
        assert error.count("\n") == 1
        assert not (files / "x.nc").exists()


def test_read_tower_gives_the_record_back(files):
    record = read_tower(files / "tower.nc", "US-CRT")
    direct = fill(read_record(SITE, list(files.glob("*.zip"))))
    assert record.step == direct.step
    assert record.sources == direct.sources
    assert (record.time == direct.time).all()
    for name in direct.values:
        assert np.array_equal(record.values[name], direct.values[name], equal_nan=True)
        assert np.array_equal(record.flags[name], direct.flags[name])


@pytest.mark.slow
def test_whole_chain_at_the_other_towers(shared):
    for name, years in (("US-Wkg", 4), ("US-Me2", 16)):
        place = site(name)
        made = forcing_dataset(fill(read_record(place, sorted((shared / "fluxnet").glob(f"*{name}*.zip")))))
        assert made.sizes["time"] == pytest.approx(years * 17532, rel=0.02)
        assert not any(made[variable].isnull().any() for variable in made.data_vars)
        assert 240 < made["LWdown"].mean() < 320


def test_hourly_record_conserves_rain_and_keeps_the_clock(tmp_path):
    rows = crt_rows("2013-05-01", 60)
    number = rows.drop(columns=["TIMESTAMP_START", "TIMESTAMP_END"]).astype(float).replace(-9999, np.nan)
    pairs = number.groupby(number.index // 2)
    hourly = pairs.mean().assign(P=pairs["P"].sum()).fillna(-9999)
    hourly.insert(0, "TIMESTAMP_START", rows["TIMESTAMP_START"][::2].to_numpy())
    hourly.insert(1, "TIMESTAMP_END", rows["TIMESTAMP_END"][1::2].to_numpy())
    made = forcing_dataset(fill(read_record(SITE, [write_base(tmp_path, hourly, step="HR")])))
    assert made.sizes["time"] == 24 * 60
    assert ((made["Rainf"] + made["Snowf"]) * 3600).sum().item() == pytest.approx(number["P"].sum())
    centroid = (made["SWdown"] * (made["time"].dt.hour + 0.5)).sum() / made["SWdown"].sum()
    assert centroid.item() == pytest.approx(12.5, abs=0.4)  # UTC-5 at 83 degrees west: noon at 12:33


def test_years_that_evaporate_more_than_fell_are_reported(record):
    values = record.values.copy()
    own = values.index.year == 2012
    values.loc[own, "Precip"] *= 0.1
    (line,) = dry_years(dataclasses.replace(record, values=values))
    assert line.startswith("2012: ")
    assert dry_years(record) == []
