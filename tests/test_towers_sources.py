"""Archives of other kinds: netCDF pairs, own tables, reanalysis beside the tower, leaf area."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archives import CRT, alma_pair, crt_rows, product_rows, write_base, write_zip

from lad.cli import main
from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.fill import fill
from lad.towers.forcing import forcing_dataset
from lad.towers.humidity import snow_fraction_jordan, specific_humidity
from lad.towers.leaves import lai_at, read_lai
from lad.towers.readers import read_archive
from lad.towers.record import read_record
from lad.towers.sites import site

SITE = site("US-CRT")


def forcing_and_observations(folder, *archives):
    """What `lad forcing` makes of archives of US-CRT."""
    paths = [folder / f"{name}.nc" for name in ("forcing", "observations")]
    arguments = ["--archive", *map(str, archives), "--output", str(paths[0]), "--observations", str(paths[1])]
    assert main(["forcing", "--site", "US-CRT", *arguments]) == 0
    return tuple(map(read_netcdf, paths))


def test_netcdf_pair_gives_what_the_table_gives(tmp_path):
    pair = alma_pair(tmp_path / "pair")
    forcing, observations = forcing_and_observations(tmp_path, *pair)
    rows = crt_rows(days=40)
    direct, observed = forcing_and_observations(tmp_path / "b", write_base(tmp_path / "base", rows))
    for name in ("Tair", "SWdown", "LWdown", "Qair", "Psurf", "Rainf"):
        own = (direct[f"{name}_qc"] == 0).to_numpy()
        assert own.mean() > 0.7
        assert forcing[name].to_numpy()[own] == pytest.approx(
            direct[name].to_numpy()[own], rel=1e-4, abs=1e-7
        )
    assert set(forcing["Wind_qc"][:48].to_numpy()) <= {2, 5, 6}  # as stated, or a gap
    assert (forcing["LAI"] == 2.0).all()
    own = (observed["Qle_qc"] == 0).to_numpy()
    assert (observations["Qle_qc"] == 0).to_numpy().tolist() == own.tolist()
    assert np.isnan(observations["Rnet"]).all() and (observations["Qle_cor_qc"] == 9).all()  # not in the pair
    assert np.isfinite(observed["Qle_cor"]).mean() > 0.9


def test_plain_alma_has_specific_humidity_rain_and_snow(tmp_path):
    path = alma_pair(tmp_path, days=5)[0]
    table = read_archive(path, "US-CRT")

    def plain(dataset):
        weather = {name: table.values[name].to_numpy()[:, None, None] for name in ("Tair", "VPD", "Psurf")}
        humidity = specific_humidity(weather["Tair"], weather["VPD"], weather["Psurf"])
        half = 0.5 * dataset["Precip"]
        added = {
            "Qair": dataset["VPD"].copy(data=humidity).assign_attrs(units="kg/kg"),
            "Rainf": half.assign_attrs(units="kg m-2 s-1"),
            "Snowf": half.assign_attrs(units="kg m-2 s-1"),
        }
        return dataset.drop_vars(["VPD", "VPD_qc", "Precip", "Precip_qc"]).assign(added)

    derived = read_archive(changed(path, plain), "US-CRT")
    there = table.values["Psurf"].notna()
    expected = table.values["VPD"][there].to_numpy()
    assert derived.values["VPD"][there].to_numpy() == pytest.approx(expected, rel=1e-3, abs=0.5)
    assert derived.values["Precip"].to_numpy() == pytest.approx(
        table.values["Precip"].to_numpy(), nan_ok=True
    )
    assert derived.origins["Precip"] == "Rainf, Snowf"


def test_met_file_alone_lacks_the_fluxes(tmp_path):
    with pytest.raises(InputError, match=r"Met.nc: no column LE with any value"):
        read_record(SITE, [alma_pair(tmp_path)[0]])


def changed(path, change):
    with xr.open_dataset(path) as dataset:
        dataset = change(dataset.load())
    dataset.to_netcdf(path)
    return path


BAD_PAIRS = {
    "other site": (lambda d: d.assign_attrs(site_code="US-Tw3"), "is of site US-Tw3, expected US-CRT"),
    "unit": (
        lambda d: d.assign(Tair=d["Tair"].assign_attrs(units="degF")),
        "Tair is in 'degF', expected one of",
    ),
    "daily": (lambda d: d.isel(time=slice(0, None, 48)), "intervals of 86400 s"),
    "backwards": (lambda d: d.isel(time=slice(None, None, -1)), "time does not increase strictly"),
    "no time": (lambda d: d.drop_vars("time"), "no dimension and variable time with dates"),
    "grid": (lambda d: xr.concat([d, d], "x", data_vars="all"), "expected one for each of"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_netcdf_that_is_no_tower_is_refused(tmp_path, case):
    change, words = BAD_PAIRS[case]
    path = changed(alma_pair(tmp_path, days=3)[0], change)
    with pytest.raises(InputError) as error:
        read_archive(path, "US-CRT")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_real_plumber2_file(shared):
    path = shared / "fluxprep/vectors/plumber2/FI-Hyy_1996-2014_FLUXNET2015_Met.first5steps.nc"
    table = read_archive(path, "FI-Hyy")
    assert (table.step, str(table.values.index[0])) == (1800, "1996-01-01 00:00:00")
    assert table.values["VPD"].tolist()[0] == pytest.approx(29.6) and (table.flags["Tair"] == 2).all()
    daily = shared / "fluxprep/vectors/callmip/US-Wkg_daily_aggregated_2005-2014_FLUXNET2015_Flux.nc"
    with pytest.raises(InputError, match="intervals of 86400 s"):
        read_archive(daily, "US-Wkg")


def own_csv(folder, rows, name="US-CRT_tower.csv", encoding="utf-8"):
    """The rows as a table of one's own: ISO times, another order, no positions, flags of one's own."""
    table = rows[["P", "TA", "RH", "SW_IN", "WS", "LE", "H"]].rename(columns=str)
    for label in ("TIMESTAMP_START", "TIMESTAMP_END"):
        table[label] = pd.to_datetime(rows[label], format="%Y%m%d%H%M").dt.strftime("%Y-%m-%d %H:%M")
    table["LE_QC"] = np.resize(["0", "1", "-9999"], len(rows))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(table.to_csv(index=False).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_table_of_ones_own(tmp_path, encoding):
    rows = crt_rows(days=20)
    own = read_archive(own_csv(tmp_path, rows, encoding=encoding), "US-CRT")
    base = read_archive(write_base(tmp_path, rows), "US-CRT")
    names = ["Precip", "Tair", "VPD", "SWdown", "Wind", "Qle", "Qh"]
    pd.testing.assert_frame_equal(own.values[names], base.values[names])
    stated = np.resize([0, 1, -1], len(rows))
    there = own.values["Qle"].notna().to_numpy()
    assert (own.flags["Qle"].to_numpy()[there] == stated[there]).all()
    assert own.origins["VPD"] == "RH"


def test_table_of_ones_own_goes_through_under_any_name(tmp_path):
    path = own_csv(tmp_path, crt_rows(days=40), name="my tower.csv")
    forcing, _ = forcing_and_observations(tmp_path, path)
    assert forcing.sizes["time"] == 40 * 48
    assert (forcing["Psurf_qc"] == 4).all() and (forcing["LWdown_qc"] == 4).all()


def test_last_row_of_a_table_that_is_cut_off_does_not_count(tmp_path):
    path = own_csv(tmp_path, crt_rows(days=10))
    whole = read_archive(path, "US-CRT").values
    path.write_bytes(path.read_bytes()[:-2])
    pd.testing.assert_frame_equal(read_archive(path, "US-CRT").values, whole.iloc[:-1])


def test_wind_that_was_never_measured_is_made_up_and_told(tmp_path, capsys):
    rows = crt_rows(days=40).drop(columns=["WS", "PA"])
    forcing, _ = forcing_and_observations(tmp_path, write_base(tmp_path, rows))
    assert (forcing["Wind"] == 3.0).all() and (forcing["Wind_qc"] == 4).all()
    assert "Wind: never measured, every value is made up by its rule" in capsys.readouterr().out


def with_reanalysis(folder, slope, intercept, gap):
    """A product whose own columns lack the rows `gap`, with its reanalysis file: a line of what was measured."""
    rows = product_rows(days=60)
    era = rows[["TIMESTAMP_START", "TIMESTAMP_END"]].copy()
    for name in ("TA", "SW_IN", "LW_IN", "PA", "P", "WS"):
        number = rows[f"{name}_F"].astype(float).replace(-9999, np.nan).interpolate()
        straight = name in ("SW_IN", "WS", "P")
        era[f"{name}_ERA"] = (number - (0 if straight else intercept)) / slope
        rows.loc[gap, f"{name}_F"] = "-9999"
    stem = "AMF_US-CRT_FLUXNET"
    return write_zip(
        folder / f"{stem}_2013-2013_v1.3_r1.zip",
        {
            f"{stem}_FLUXMET_HH_2013-2013_v1.3_r1.csv": rows.to_csv(index=False),
            f"{stem}_ERA5_HH_1981-2025_v1.3_r1.csv": era.to_csv(index=False),
        },
    )


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.8, 3.0)])
def test_reanalysis_of_the_archive_is_brought_to_the_level_of_the_tower(tmp_path, slope, intercept):
    gap = slice(48 * 30, 48 * 50)  # too long for samples of good quality to be all there is
    record = read_record(SITE, [with_reanalysis(tmp_path, slope, intercept, gap)])
    filled = fill(record)
    whole = read_record(SITE, [with_reanalysis(tmp_path / "b", slope, intercept, slice(0, 0))])
    truth = whole.values.reindex(filled.values.index)
    for name in ("Tair", "Psurf", "LWdown", "Precip", "SWdown", "Wind"):
        at = (filled.flags[name] == 2).to_numpy()
        assert at.sum() > (300 if name in ("Tair", "SWdown") else 900)
        there = at & truth[name].notna().to_numpy()
        # what the tower lacks itself was interpolated in the made-up reanalysis
        assert filled.values[name][there].to_numpy() == pytest.approx(
            truth[name][there].to_numpy(), rel=2e-3, abs=1e-6
        )


def lai_table(folder, *lines):
    path = folder / "lai.csv"
    path.write_text("\n".join(["date,lai", *lines, ""]), encoding="utf-8")
    return path


def test_leaf_area_follows_the_table_and_its_season_outside(tmp_path):
    dates = pd.date_range("2010-01-01", "2012-12-31", freq="8D")
    season = 2 + np.cos(2 * np.pi * (dates.day_of_year - 200) / 365)
    series = read_lai(
        lai_table(tmp_path, *(f"{d:%Y-%m-%d},{v:.3f}" for d, v in zip(dates, season, strict=True)))
    )
    time = np.array(["2011-07-19T12:00", "2014-07-19T12:00", "2009-01-19"], dtype="datetime64[s]")
    value, flag = lai_at(series, time)
    assert value == pytest.approx([3, 3, 1], abs=0.1) and flag.tolist() == [5, 6, 6]


def test_cloudy_retrievals_do_not_count(tmp_path):
    dates = pd.date_range("2010-01-01", "2010-12-31", freq="4D")
    values = np.where(np.arange(len(dates)) % 4 == 0, 0.1, 3.0)
    series = read_lai(lai_table(tmp_path, *(f"{d:%Y-%m-%d},{v}" for d, v in zip(dates, values, strict=True))))
    assert series.min() == 3.0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["2010-01-01,99"], "2010-01-01, lai = 99 in data row 1, expected rising dates"),
        (["2010-01-05,1", "2010-01-01,1"], "2010-01-01, lai = 1 in data row 2"),
        (["1.1.2010,1"], "1.1.2010, lai = 1 in data row 1"),
        ([], "no value of lai"),
    ],
)
def test_table_of_leaf_area_that_is_none(tmp_path, lines, words):
    with pytest.raises(InputError, match=words):
        read_lai(lai_table(tmp_path, *lines))


def test_leaf_area_in_the_forcing(shared, tmp_path):
    series = read_lai(shared / "fluxnet/lai/US-Wkg_MCD15A3H_lai.csv")
    archive = shared / "fluxnet/AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip"
    forcing = forcing_dataset(fill(read_record(site("US-Wkg"), [archive])), series)
    assert 0.1 < forcing["LAI"].mean() < 0.5 and (forcing["LAI_qc"] == 5).all()


def test_snow_after_jordan():
    tair = 273.16 + np.array([-5, 0.5, 1.0, 2.0, 2.3, 2.6])
    assert snow_fraction_jordan(tair) == pytest.approx([1, 1, 0.8, 0.6, 0.6, 0], abs=2e-3)


def test_every_archive_goes_through(shared, tmp_path, capsys):
    archives = [[path] for path in sorted((shared / "fluxnet").glob("*.zip"))]
    archives.append([path for (path,) in archives if "US-Me2" in path.name])
    assert len(archives) == 7
    for paths in archives:
        name = next(part for part in paths[0].name.split("_") if "-" in part)
        arguments = [
            "--site",
            name,
            "--sites",
            str(shared / "fluxnet/sites.csv"),
            "--archive",
            *map(str, paths),
        ]
        outputs = [str(tmp_path / f"{kind}.nc") for kind in ("forcing", "observations")]
        status = main(["forcing", *arguments, "--output", outputs[0], "--observations", outputs[1]])
        assert status == 0, capsys.readouterr().err
        forcing, observations = map(read_netcdf, outputs)
        assert (forcing["time"] == observations["time"]).all()
        for variable in ("Qle", "Qh", "Rnet", "Qg", "Qle_cor", "Qh_cor"):
            assert (np.isnan(observations[variable]) == (observations[f"{variable}_qc"] == 9)).all()
        assert np.isfinite(observations["Qle"]).mean() > 0.99


def test_demo_archive_is_the_shared_one(shared):
    assert CRT.read_bytes() == (shared / "fluxnet" / CRT.name).read_bytes()
