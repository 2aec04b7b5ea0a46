"""What is known of a tower: which source counts, and the metadata files of the networks."""

import re

import numpy as np
import openpyxl
import pytest
from archives import alma_pair, write_zip

from lad.cli import main
from lad.errors import InputError
from lad.towers.metadata import find_site, parse_settings, sensor_heights, site_columns

HEAD = "SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE\n"
ROWS = [
    ("1", "GRP_HEADER", "SITE_NAME", "A field, somewhere"),
    ("2", "GRP_LOCATION", "LOCATION_LAT", "45.5"),
    ("2", "GRP_LOCATION", "LOCATION_LONG", "-100.25"),
    ("2", "GRP_LOCATION", "LOCATION_ELEV", "300"),
    ("3", "GRP_UTC_OFFSET", "UTC_OFFSET", "-6.5"),
    ("4", "GRP_IGBP", "IGBP", "GRA"),
    ("5", "GRP_HEIGHTC", "HEIGHTC", "0.4"),
    ("5", "GRP_HEIGHTC", "HEIGHTC_STATISTIC", "Mean"),
    ("6", "GRP_HEIGHTC", "HEIGHTC", "0.1"),
    ("6", "GRP_HEIGHTC", "HEIGHTC_STATISTIC", "Standard Deviation"),
    ("7", "GRP_HEIGHTC", "HEIGHTC", "0.8"),
    ("8", "GRP_SOIL_TEX", "SOIL_TEX_SAND", "70"),
    ("8", "GRP_SOIL_TEX", "SOIL_TEX_CLAY", "10"),
    ("9", "GRP_DOI", "DOI_CITATION", "Me, Myself (2026)"),
]
HEIGHTS = [
    ("1", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "TA_F_MDS"),
    ("1", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "2"),
    ("2", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "WS_F"),
    ("2", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "4.5"),
]


def bif(rows, site="US-Abc", other="US-Oth,2,GRP_LOCATION,LOCATION_LAT,1\n") -> str:
    quoted = "".join(f'{site},{group},{kind},{name},"{value}"\n' for group, kind, name, value in rows)
    return HEAD + other + quoted


def archive(folder, rows=ROWS, heights=HEIGHTS, encoding="utf-8"):
    """An archive of the new products with its metadata, and of another site's the same."""
    stem = "AMF_US-Abc_FLUXNET"
    return write_zip(
        folder / f"{stem}_2011-2013_v1.3_r1.zip",
        {
            f"{stem}_BIF_2011-2013_v1.3_r1.csv": bif(rows).encode(encoding),
            f"{stem}_BIFVARINFO_HH_2011-2013_v1.3_r1.csv": bif(heights).encode(encoding),
        },
    )


def test_archive_alone_is_enough(tmp_path):
    tower = find_site("US-Abc", [archive(tmp_path)])
    assert (tower.latitude, tower.longitude, tower.elevation) == (45.5, -100.25, 300)
    assert (tower.utc_offset_hours, tower.igbp, tower.name) == (-6.5, "GRA", "A field, somewhere")
    assert tower.canopy_height == pytest.approx(0.6)  # mean of the means
    assert tower.measurement_height == 4.5  # of the wind, before that of the temperature
    assert (tower.cover, tower.soil) == (6, 1)
    assert "soil: texture, sand 70 %, clay 10 %" in tower.origin and "cover: IGBP class GRA" in tower.origin
    assert "citation: AMF_US-Abc_FLUXNET_2011-2013_v1.3_r1.zip" in tower.origin


def test_bytes_that_are_no_utf8(tmp_path):
    rows = [*ROWS, ("10", "GRP_X", "COMMENT", "5 µm")]
    assert find_site("US-Abc", [archive(tmp_path, rows, encoding="latin-1")]).soil == 1


def test_file_of_all_sites_as_a_spreadsheet(tmp_path):
    book = openpyxl.Workbook()
    for line in (bif(ROWS) + bif(HEIGHTS, other="").removeprefix(HEAD)).splitlines():
        book.active.append([cell.strip('"') for cell in line.split(",", 4)])
    path = tmp_path / "AMF_AA-Flx_BIF_CCBY4_20260101.xlsx"
    book.save(path)
    assert find_site("US-Abc", [path]).utc_offset_hours == -6.5
    path.write_bytes(b"PK no spreadsheet")
    with pytest.raises(InputError, match=r"AMF_AA-Flx_BIF_CCBY4_20260101.xlsx: not a readable table"):
        find_site("US-Abc", [path])


def test_settings_before_own_table_before_package_before_archive(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("site_id,canopy_height,measurement_height\nUS-Abc,0.3,5\n", encoding="utf-8")
    tower = find_site("US-Abc", [archive(tmp_path)], table, {"canopy_height": "0.2"})
    assert (tower.canopy_height, tower.measurement_height, tower.latitude) == (0.2, 5, 45.5)
    assert "canopy_height: settings; measurement_height: mine.csv" in tower.origin
    path = write_zip(
        tmp_path / "AMF_US-CRT_FLUXNET_1-2_v1_r1.zip", {"AMF_US-CRT_FLUXNET_BIF_1.csv": bif(ROWS, "US-CRT")}
    )
    assert find_site("US-CRT", [path]).latitude == 41.6285


def test_table_with_the_column_names_of_others(shared):
    table = shared / "fluxnet/sites.csv"
    for site_id in ("US-Me2", "US-Wkg", "US-CRT", "US-Tw3", "FR-Hes"):
        tower = find_site(site_id, table=table)
        of_table, of_package = tower.origin.split("; ")[:2]
        assert "utc_offset_hours" in of_table and of_table.endswith(f": {table.name}")
    assert "canopy_height" in of_package and of_package.endswith(": table of the package")  # empty cell


def test_real_metadata(shared, tmp_path):
    cells, _ = site_columns("US-Wkg", [shared / "fluxnet/AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip"])
    assert cells["sand"] == "67"
    for site_id, height in (("US-CRT", 0.42), ("US-Me2", 16.5), ("US-Tw3", 0.3)):
        path = shared / f"fluxnet/bif/AMF_{site_id}_BIF_20231107.csv"
        assert site_columns(site_id, [path])[1]["latitude"] == "table of the package"
        of_another = tmp_path / path.name.replace(site_id, "US-Abc")  # a tower that the package does not know
        of_another.write_text(path.read_text(encoding="utf-8").replace(site_id, "US-Abc"), encoding="utf-8")
        assert float(site_columns("US-Abc", [of_another])[0]["canopy_height"]) == pytest.approx(
            height, abs=0.02
        )
    path = shared / "fluxprep/vectors/bif/AMF_BIF_US-Me2_US-Wkg_subset.csv"
    assert not site_columns("US-Wkg", [path])[1].keys() & {"sand"}  # not named like a file of metadata


def heights(*measured) -> list[tuple[str, str, str, str]]:
    """Rows of a BIF, a group for each height: value, then what is said of it, by the end of the variable's name."""
    return [
        (f"h{number}", "GRP_HEIGHTC", f"HEIGHTC{'_' if end else ''}{end}", text)
        for number, (value, said) in enumerate(measured)
        for end, text in {"": value, **said}.items()
    ]


GRASS = ("0.4", {"VEGTYPE": "Grass", "STATISTIC": "Mean", "DATE": "20190601"})


@pytest.mark.parametrize(
    ("measured", "height", "words"),
    [
        (
            [("14", {"DATE": "2001"}), ("16.5", {"DATE": "2011"}), ("16.49", {"DATE": "20140429"})],
            16.495,
            "2011 to 2014",
        ),
        (
            [("16.5", {"SPP": "PIPO", "DATE": "2011"}), ("0.8", {"SPP": "PUTR2"}), ("12", {"SPP": "CADE"})],
            16.5,
            "PIPO",
        ),
        (
            [("18", {"VEGTYPE": "Tree", "STATISTIC": "Median"}), GRASS, GRASS],
            18.0,
            "one height, not dated, Tree",
        ),
        (
            [("18", {"COMMENT": "overstory, not the understory"}), ("2", {"COMMENT": "Understory"})],
            18.0,
            "one height",
        ),
        (
            [("18", {}), ("9", {"APPROACH": "seedlings, tape"}), ("25", {"VEG_STATUS": "Dead"})],
            18.0,
            "one height",
        ),
        ([("20", {"STATISTIC": "Maximum"}), ("4", {"STATISTIC": "Minimum"}), GRASS], 20.0, "maxima"),
        (
            [("20", {"STATISTIC": "Maximum"}), ("17", {"STATISTIC": "90th Percentile"})],
            17.0,
            "upper percentiles",
        ),
        (
            [("1", {"STATISTIC": "10th Percentile"}), ("6", {"STATISTIC": "50th Percentile"})],
            6.0,
            "one height",
        ),
        ([("6", {"STATISTIC": "Mean"}), ("10", {"STATISTIC": "Maximum", "SPP": "JUOS"})], 6.0, "one height"),
        (
            [("2", {"VEGTYPE": "Crop", "SPP": "ZEMA"}), ("0", {"VEGTYPE": "Crop", "SPP": "GLMA4"})],
            1.0,
            "2 heights",
        ),
        ([("150 cm", {}), ("2.5 m", {}), ("-9999", {}), ("about 3", {})], 2.0, "mean of 2 heights"),
    ],
)
def test_height_is_that_of_the_vegetation_that_carries_the_canopy(tmp_path, measured, height, words):
    rows = [row for row in ROWS if not row[2].startswith("HEIGHTC")] + heights(*measured)
    path = archive(tmp_path, rows, [])
    tower = find_site("US-Abc", [path], settings={"measurement_height": "40"})
    assert tower.canopy_height == pytest.approx(height, rel=1e-3)
    assert re.search(rf"canopy_height: {path.name} \([^)]*{words}", tower.origin)


@pytest.mark.parametrize(
    "said", [{"STATISTIC": "Minimum"}, {"STATISTIC": "Standard Deviation"}, {"VEGTYPE": "Understory"}]
)
def test_no_height_of_a_canopy(tmp_path, said):
    rows = [row for row in ROWS if not row[2].startswith("HEIGHTC")] + heights(("1.5", said))
    with pytest.raises(InputError, match=r"US-Abc: canopy_height not known from .*; give --metadata"):
        find_site("US-Abc", [archive(tmp_path, rows)])


def test_heights_of_sensors(tmp_path):
    """From the metadata inside an archive and from the file of AmeriFlux beside it; the latest of a sensor counts."""
    rows = [
        *HEIGHTS,
        ("3", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "TA_1_3_1"),
        ("3", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "12.5 m"),
        ("3", "GRP_VAR_INFO", "VAR_INFO_DATE", "20150101"),
        ("4", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "TA_1_3_1"),
        ("4", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "11"),
        ("4", "GRP_VAR_INFO", "VAR_INFO_DATE", "2014"),
        ("5", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "SWC_1_1_1"),
        ("5", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "-5 cm"),
        ("6", "GRP_VAR_INFO", "VAR_INFO_VARNAME", "PA"),
        ("6", "GRP_VAR_INFO", "VAR_INFO_HEIGHT", "on the roof"),
    ]
    path = archive(tmp_path, heights=rows)
    inside = {"TA_F_MDS": 2.0, "WS_F": 4.5, "TA_1_3_1": 12.5, "SWC_1_1_1": -0.05}
    assert sensor_heights("US-Abc", [path]) == inside
    head = "Site_ID,Variable,Start_Date,Height,Instrument_Model,Instrument_Model2,Comment,BASE_Version\n"
    for date, height in (("20230101", 99), ("20250318", 8)):
        (tmp_path / f"BASE_MeasurementHeight_{date}.csv").write_text(
            f"{head}US-Abc,WS_1_1_1,,{height},,,,9-5\nUS-Abc,TA_1_3_1,201601010000,13,,,,9-5\n"
            "US-Abc,TA_1_4_1,,-9999,,,,9-5\nUS-Oth,WS_1_2_1,,30,,,,1-5\n"
        )
    assert sensor_heights("US-Abc", [path]) == inside | {"WS_1_1_1": 8.0, "TA_1_3_1": 13.0}
    lone = tmp_path / "AMF_US-Abc_BASE_HH_9-5.csv"  # a table without metadata of its own
    assert site_columns("US-Abc", [lone])[0]["measurement_height"] == "8"


def test_pair_of_plumber2_lacks_the_clock(tmp_path):
    met, _ = alma_pair(tmp_path, days=3)
    cells, _ = site_columns("US-Abc", [met])
    assert cells["measurement_height"] == "2.0" and cells["igbp"] == "CRO"
    with pytest.raises(
        InputError, match=r"US-Abc: utc_offset_hours not known from US-CRT_.*_Met.nc; give --metadata"
    ):
        find_site("US-Abc", [met])
    assert find_site("US-Abc", [met], settings={"utc_offset_hours": "-5"}).cover == 9


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS[:1], "unknown site 'US-Abc': neither sites.csv"),
        ([row for row in ROWS if row[2] != "UTC_OFFSET"], "utc_offset_hours not known from"),
        ([("3", "G", "UTC_OFFSET", "UTC-7"), *ROWS], "utc_offset_hours = 'UTC-7', expected a number"),
        ([("4", "G", "IGBP", "WAT"), *ROWS], "cover not known from"),
        ([("8", "G", "SOIL_TEX_SAND", "much"), *ROWS], "sand 'much'"),
        ([("7", "G", "HEIGHTC", "12"), ("0", "G", "HEIGHTC", "12"), *ROWS], "does not lie above the canopy"),
    ],
)
def test_what_is_missing_or_cannot_be_is_refused(tmp_path, rows, words):
    with pytest.raises(InputError) as error:
        find_site("US-Abc", [archive(tmp_path, rows)])
    assert words in str(error.value) and "\n" not in str(error.value)


def test_settings_are_pairs():
    assert parse_settings(["soil=1", "name=x y"]) == {"soil": "1", "name": "x y"}
    for wrong in ("canopy_height", "canopyheight=9", "soil="):
        with pytest.raises(InputError, match="expected NAME=VALUE"):
            parse_settings([wrong])


def test_damaged_spreadsheets_are_refused(tmp_path):
    book = openpyxl.Workbook()
    for line in bif(ROWS).splitlines():
        book.active.append([cell.strip('"') for cell in line.split(",", 4)])
    path = tmp_path / "AMF_US-Abc_BIF_1.xlsx"
    book.save(path)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), 20):
            damaged[at] ^= int(random.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            site_columns("US-Abc", [path])
        except InputError as error:
            assert "AMF_US-Abc_BIF_1.xlsx: not a readable table" in str(error)


def test_unknown_site_without_anything(capsys, tmp_path):
    arguments = ["--archive", str(archive(tmp_path, [])), "--output", str(tmp_path / "x.nc")]
    assert main(["gapfill", "--site", "US-Abc", *arguments]) == 2
    assert "unknown site 'US-Abc'" in capsys.readouterr().err
