"""The site table."""

import pytest

from lad.errors import InputError
from lad.parameters import COVER, SOIL
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
        ({"canopy_height": "12"}, "measurement_height 6.4 m does not lie above the canopy"),
    ],
)
def test_bad_rows_are_told_with_row_and_column(tmp_path, changes, words):
    with pytest.raises(InputError) as error:
        read_sites(own_table(tmp_path, **changes))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_column_double_row_and_missing_file(tmp_path):
    path = own_table(tmp_path)
    header, row = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{header}\n{row}\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 3: site US-Wkg is there twice"):
        read_sites(path)
    path.write_text("site_id,name\nUS-Wkg,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2: latitude is not given"):
        read_sites(path)
    with pytest.raises(InputError, match="no such site table"):
        read_sites(tmp_path / "none.csv")
