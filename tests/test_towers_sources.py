"""Archives of other kinds: netCDF pairs, own tables, reanalysis beside the tower, leaf area."""

import struct
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archives import (
    CRT,
    PUBLIC,
    alma_pair,
    crt_rows,
    fullset_rows,
    product_rows,
    public_members,
    write_base,
    write_zip,
)

from lad.cli import main
from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers import unzip
from lad.towers.archives import (
    choose,
    find_archives,
    is_metadata,
    left_out,
    misnamed,
    sites_of,
    unknown_names,
)
from lad.towers.fill import fill
from lad.towers.forcing import forcing_dataset, lai_at, read_lai
from lad.towers.metadata import site_columns
from lad.towers.meteorology import snow_fraction_jordan, specific_humidity
from lad.towers.readers import read_archive
from lad.towers.record import read_record
from lad.towers.sites import site
from lad.towers.unzip import check_whole

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


def test_wind_that_was_never_measured_is_synthesised_and_reported(tmp_path, capsys):
    rows = crt_rows(days=40).drop(columns=["WS", "PA"])
    forcing, _ = forcing_and_observations(tmp_path, write_base(tmp_path, rows))
    assert (forcing["Wind"] == 3.0).all() and (forcing["Wind_qc"] == 4).all()
    assert "Wind: no measured value, 100% synthesised" in capsys.readouterr().out


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


@pytest.mark.slow
def test_every_archive_goes_through(shared, tmp_path, capsys):
    found = [[path] for path in sorted((shared / "fluxnet").glob("*.zip"))]
    found.append(sorted((shared / "fluxnet/repackaged").glob("*.zip")))
    assert len(found) == 8
    for paths in found:
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


@pytest.mark.parametrize("product", PUBLIC)
@pytest.mark.parametrize("unpacked", [False, True])
def test_public_names_are_found_and_read(tmp_path, product, unpacked):
    rows = (crt_rows if product == "AmeriFlux BASE" else fullset_rows)(days=3)
    archive, texts = public_members(product, rows.to_csv(index=False), "US-Abc")
    table, metadata = next(iter(texts)), [name for name in texts if is_metadata(name, "US-Abc")]
    if unpacked:
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
    else:
        write_zip(tmp_path / archive, texts)
    assert sites_of([tmp_path]) == ["US-Abc"]
    found = find_archives("US-Abc", [tmp_path])
    assert [path.name for path in found] == ([table, *sorted(metadata)] if unpacked else [archive])
    assert not unknown_names(tmp_path) and not left_out("US-Abc", found)
    read, raw = read_archive(found[0], "US-Abc"), crt_rows(days=3)
    latent = pd.to_numeric(raw["LE"]).replace(-9999, np.nan).to_numpy()
    assert read.values["Qle"].to_numpy() == pytest.approx(latent, nan_ok=True)
    assert read.values["Tair"].to_numpy() == pytest.approx(pd.to_numeric(raw["TA"]) + 273.15)
    assert (read.reanalysis is not None) == (product.startswith("FLUXNET") and not unpacked)
    assert site_columns("US-Abc", found)[0]["name"] == "A field"
    out = tmp_path / "out"
    assert main(["fetch", "--site", "US-Abc", "--archives", str(tmp_path), "--output", str(out)]) == 0
    assert {path.name for path in (out / "archive").iterdir()} == {path.name for path in found}


@pytest.mark.parametrize("product", [name for name in PUBLIC if name != "AmeriFlux BASE"])
def test_real_rows_under_public_names(shared, tmp_path, product):
    path = shared / "fluxnet/AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip"
    with zipfile.ZipFile(path) as archive:
        with archive.open("AMF_US-Wkg_FLUXNET_FULLSET_HH_2018-2021_0-0.csv") as file:
            text = "".join(file.readline().decode() for _ in range(2001))
    name, texts = public_members(product, text, "US-Wkg")
    read = read_archive(write_zip(tmp_path / name, texts), "US-Wkg")
    real = read_archive(path, "US-Wkg")
    columns = list(real.values.columns.intersection(read.values.columns))
    assert {"Qle", "Qh", "Tair", "VPD", "Precip", "SWdown"} <= set(columns)
    pd.testing.assert_frame_equal(read.values[columns], real.values[columns].iloc[:2000])
    pd.testing.assert_frame_equal(read.flags[columns], real.flags[columns].iloc[:2000])


NEW, FIRST, ICOS, OLD, BASE = (archive.format(site="US-Abc") for archive, _ in PUBLIC.values())
INTERIM = "ICOSETC_US-Abc_ARCHIVE_INTERIM_L2.zip"
EUROPE = ["US-Abc_europe-fluxdata_2013.zip", "US-Abc_europe-fluxdata_2014.txt"]
PAIR = ["US-Abc_2002-2014_FLUXNET2015_Flux.nc", "US-Abc_2002-2014_FLUXNET2015_Met.nc"]
PARTS = ["AMF_US-Abc_FLUXNET_FULLSET_2002-2007_0-1.zip", "AMF_US-Abc_FLUXNET_FULLSET_2005-2020_0-0.zip"]


def test_one_product_is_taken_in_the_order_of_the_rule():
    order = [["US-Abc_tower.csv", "US-Abc_tower_2013.csv"], [NEW], [FIRST], [ICOS], [INTERIM], [OLD], [BASE]]
    order += [EUROPE, PAIR, PARTS]
    for number, best in enumerate(order):
        names = [name for group in order[number:] for name in group]
        taken, reasons = choose(reversed(names), "US-Abc")
        assert taken == best
        assert reasons.keys() == set(names) - set(best)


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([BASE], [BASE.replace("19-5", "9-5"), BASE.replace("19-5", "18-6"), "AMF_US-Abc_BASE_HH_19-5.csv"]),
        ([NEW.replace("r1", "r2")], [NEW, NEW.replace("2025", "2024")]),
        ([NEW.replace("v1.3", "v1.10")], [NEW]),
        ([NEW], [NEW.replace("2025", "2024"), "AMF_US-Abc_FLUXNET_FLUXMET_HH_2004-2025_v1.3_r1.csv"]),
        ([FIRST], [FIRST.replace("FULLSET", "SUBSET"), *PARTS]),
        ([OLD], [OLD.replace("1-4", "1-3")]),
        ([FIRST, FIRST.replace("2002-2020", "2021-2023")], []),  # other years of the same version
        (EUROPE, [EUROPE[0].replace(".zip", ".txt")]),
        (PAIR, ["US-Abc_2003-2006_LaThuile_Met.nc", "US-Abc_2003-2006_LaThuile_Flux.nc"]),
        (PAIR, ["US-Abc_2003-2020_Else_Met.nc"]),  # without its Flux file
        ([*PAIR, *(name.replace("2002-2014", "2015-2018") for name in PAIR)], []),
        (["US-Abc_2004-2004_New_Met.nc", "US-Abc_2004-2004_Old_Flux.nc"], []),
        (["US-Abc_tower.csv", "US-Abc_tower_2013.csv"], []),
    ],
)
def test_newest_version_is_taken_and_its_years_are_joined(taken, left):
    found, reasons = choose([*left, *taken], "US-Abc")
    assert found == sorted(taken) and reasons.keys() == set(left)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2025_ICOSETC_US-Abc_ARCHIVE_L2.zip", ICOS),
        ("Copy of ICOSETC_US-Abc_FLUXNET_HH_L2.csv", "ICOSETC_US-Abc_FLUXNET_HH_L2.csv"),
        (f"{FIRST}.7z", FIRST),
        ("AMF_US-Abc_BASE-BADM.zip", "AMF_US-Abc_BASE-BADM_*.zip"),
        ("amf_us-abc_base-badm_19-5.zip", "AMF_US-Abc_BASE-BADM_*.zip"),
        ("AMF_US-Abc_FLUXNET_HH.csv.gz", "AMF_US-Abc_FLUXNET_*.zip"),
        ("US-Abc_FLUXNET2015.zip", "FLX_US-Abc_FLUXNET2015_FULLSET_*.zip"),
        ("US-Abc_europe-fluxdata.zip", "US-Abc_europe-fluxdata_*.zip"),
        ("US-Abc_Met.nc", "US-Abc_*_Met.nc with US-Abc_*_Flux.nc"),
        ("US-Abc-tower.csv", "US-Abc_tower*.csv"),
    ],
)
def test_name_that_is_not_known_gets_the_one_expected(name, expected):
    assert misnamed([name], "US-Abc") == [f"{name}: not the name of an archive, expected {expected}"]
    assert misnamed([name], "US-Xyz") == []


def test_files_beside_the_tables_are_no_misnamed_archives():
    names = [NEW, *EUROPE, *PAIR, "US-Abc_lai.csv", "sites.csv", ".AMF_US-Abc_BASE.part.zip"]
    names += ["ICOSETC_US-Abc_METEO_L2.csv", "ICOSETC_US-Abc_FLUXNET_DD_L2.csv", f"{BASE}.source.json"]
    assert misnamed(names) == []


def test_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path, monkeypatch):
    path = write_base(tmp_path, crt_rows(days=3))
    with zipfile.ZipFile(path) as archive:
        (info,) = archive.infolist()
    size = info.file_size
    monkeypatch.setattr(unzip, "LARGEST", size)
    assert len(read_archive(path, "US-CRT").values) == 144
    monkeypatch.setattr(unzip, "LARGEST", size - 1)
    for read in (
        lambda: read_archive(path, "US-CRT"),
        lambda: check_whole(path),
        lambda: site_columns("US-CRT", [path]),
    ):
        with pytest.raises(
            InputError, match=rf"{path.name}: {info.filename} unpacks to .* GB, expected at most"
        ):
            read()


def test_archive_that_states_another_size_than_it_has(tmp_path):
    """A bomb whose directory says that it is small, and one that says how large it is."""
    rows = crt_rows(days=3).to_csv(index=False)
    path = write_zip(
        tmp_path / BASE.replace("US-Abc", "US-CRT"), {"AMF_US-CRT_BASE_HH_19-5.csv": rows + "\n" * 10**7}
    )
    content = path.read_bytes()
    true = struct.pack("<I", len(rows) + 10**7)
    for stated, words in ((len(rows), "damaged or not a ZIP archive"), (2**32 - 2, "unpacks to 4.29 GB")):
        path.write_bytes(content.replace(true, struct.pack("<I", stated)))
        tracemalloc.start()
        with pytest.raises(InputError, match=words):
            read_archive(path, "US-CRT")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10**7
