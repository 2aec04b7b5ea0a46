"""The site table."""

import re

import numpy as np
import pytest
from archives import crt_rows, write_base

from lad.cli import main
from lad.errors import InputError
from lad.parameters import COVER, SOIL
from lad.towers.archives import REPACKAGED, find_archives, product_in_words
from lad.towers.coverage import shares
from lad.towers.listing import judged, unrecorded_water
from lad.towers.metadata import find_site
from lad.towers.record import read_record
from lad.towers.sites import RANGES, TABLE, read_sites, site


def test_shipped_table_is_valid_and_has_the_towers_of_the_study():
    sites = read_sites()
    assert {"US-CRT", "US-Me2", "US-Wkg"} <= sites.keys()
    me2 = site("US-Me2")
    assert (me2.cover, me2.soil, me2.utc_offset_hours) == (4, 1, -8)
    assert me2.reference_height == pytest.approx(32 - 11)
    assert all(
        place.longitude / 15 == pytest.approx(place.utc_offset_hours, abs=1) for place in sites.values()
    )


def test_types_are_those_of_the_parameters():
    for name, table in (("cover", COVER), ("soil", SOIL)):
        low, high = RANGES[name]
        assert list(range(low, high + 1)) == sorted(table)


def test_unknown_site_tells_the_known_ones_and_the_way_out():
    with pytest.raises(InputError, match=r"US-Xyz.*US-CRT, US-Me2"):
        site("US-Xyz")


def own_table(tmp_path, **changes):
    header, *rows = TABLE.read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith("US-Wkg"))
    cells = dict(zip(header.split(",")[:11], row.split(",")[:11], strict=True)) | changes
    path = tmp_path / "mine.csv"
    path.write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n", encoding="utf-8")
    return path


def test_own_table_without_the_optional_columns(tmp_path):
    path = own_table(tmp_path, site_id="US-New", measurement_height="10", canopy_height="3")
    assert site("US-New", path).reference_height == pytest.approx(8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latitude": "north"}, "mine.csv row 2: latitude = 'north', expected a number from -90 to 90"),
        ({"utc_offset_hours": "700"}, "utc_offset_hours = '700'"),
        ({"elevation": "nan"}, "elevation = 'nan'"),
        ({"cover": "6.5"}, "cover = '6.5', expected an integer from 1 to 9"),
        ({"cover": "10"}, "cover = '10', expected an integer from 1 to 9"),
        ({"soil": "9"}, "soil = '9', expected an integer from 1 to 8"),
        ({"igbp": ""}, "igbp is not given, expected text"),
        ({"igbp": "grass"}, "igbp = 'grass', expected one of ENF EBF"),
        ({"canopy_height": "12"}, "measurement_height 6.4 m does not lie above the canopy"),
    ],
)
def test_bad_rows_are_refused_with_row_and_column(tmp_path, changes, words):
    with pytest.raises(InputError) as error:
        read_sites(own_table(tmp_path, **changes))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_misspelt_column_double_row_and_missing_file(tmp_path):
    path = own_table(tmp_path)
    header, row = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{header}\n{row}\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 3: site US-Wkg is there twice"):
        read_sites(path)
    path.write_text("site_id,name\nUS-Wkg,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2: latitude is not given"):
        read_sites(path)
    for wrong, right in [("covr", "cover"), ("Soil", "soil"), ("elevaton", "elevation")]:
        path.write_text(f"{header.replace(right, wrong)}\n{row}\n", encoding="utf-8")
        with pytest.raises(InputError, match=rf"mine.csv: unknown column {wrong}, expected {right}$"):
            read_sites(path)
    # Columns of other tables are left out, also beside one that is there under its other name.
    path.write_text(
        f"{header.replace('elevation', 'elev_m')},elevation_m,note\n{row},3,x\n", encoding="utf-8"
    )
    assert read_sites(path).keys() == {"US-Wkg"}
    with pytest.raises(InputError, match="no such site table"):
        read_sites(tmp_path / "none.csv")


EUROPE = "European Fluxes Database"
PRODUCTS = {
    "AMF_US-Abc_FLUXNET_FULLSET_2018-2021_0-0.zip": f"AmeriFlux FLUXNET FULLSET 2018-2021, version 0-0: {REPACKAGED}",
    "FLX_DE-Abc_FLUXNET2015_FULLSET_HH_2001-2004_0-1.csv": f"FLUXNET2015 FULLSET 2001-2004, version 0-1: {REPACKAGED}",
    "AMF_US-Abc_FLUXNET_FULLSET_2000-2010_3-5.zip": "AmeriFlux FLUXNET FULLSET 2000-2010, version 3-5",
    "AMF_US-Abc_FLUXNET_2011-2013_v1.3_r1 (1).zip": "AmeriFlux FLUXNET 2011-2013, version v1.3 r1",
    "AMF_US-Abc_BASE-BADM_10-5.zip": "AmeriFlux BASE, version 10-5",
    "FR-Abc_europe-fluxdata_2015.zip FR-Abc_europe-fluxdata_2016.zip": f"{EUROPE} 2015; {EUROPE} 2016",
    "US-Abc_2000-2005_LaThuile_Flux.nc US-Abc_2000-2005_LaThuile_Met.nc": "2000-2005 LaThuile",
    "US-Abc_tower_mine.csv": "own table mine",
}


@pytest.mark.parametrize(("names", "words"), PRODUCTS.items())
def test_product_in_words(names, words):
    assert product_in_words(re.split(r" (?=[A-Z])", names)) == words


def test_unfilled_is_what_the_flags_say(tmp_path):
    rows = crt_rows(days=4)
    product = read_record(site("US-CRT"), [write_base(tmp_path / "a", rows)]).product
    assert product == "AmeriFlux BASE, version 9-9: measured, unfilled"
    rows["TA_QC"] = 1
    assert read_record(site("US-CRT"), [write_base(tmp_path / "b", rows)]).product == product.split(":")[0]


def test_shares_follow_the_flags():
    table = shares({"Tair": np.array([0, 0, -1, 2, 3, 101, 9, 9]), "LE": np.array([-1])})
    assert table.loc["Tair"].tolist() == [25.0, 12.5, 37.5, 25.0] and table.loc["LE"].tolist() == [
        0,
        100,
        0,
        0,
    ]


def test_list_of_sites_says_what_a_record_is(shared, tmp_path, capsys):
    name = "AMF_US-Wkg_FLUXNET_FULLSET_2018-2021_0-0.zip"
    (tmp_path / name).symlink_to((shared / "fluxnet" / name).resolve())
    assert main(["sites", "--archives", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"AmeriFlux FLUXNET FULLSET 2018-2021, version 0-0: {REPACKAGED}")
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:12]}
    assert rows["Tair"] == ["0", "0", "100", "0"] and rows["Precip"][0] == "100" and rows["Qle"][1] == "100"


def test_list_of_sites_reports_water_that_no_gauge_records(shared):
    """An irrigated field evaporates much more than falls on it; a desert grassland does not."""
    excess = {}
    for site_id in ("US-Tw3", "US-Wkg"):
        archives = find_archives(site_id, [shared / "fluxnet"])
        record = read_record(find_site(site_id, archives, shared / "fluxnet" / "sites.csv"), archives)
        excess[site_id] = unrecorded_water(record)
        assert ("evaporation exceeds precipitation by" in judged(record)[1]) == (site_id == "US-Tw3")
    assert 500.0 < excess["US-Tw3"] < 1000.0 and abs(excess["US-Wkg"]) < 50.0


def test_water_that_no_gauge_records_is_not_known_without_a_month(tmp_path):
    assert np.isnan(unrecorded_water(read_record(site("US-CRT"), [write_base(tmp_path, crt_rows(days=40))])))
