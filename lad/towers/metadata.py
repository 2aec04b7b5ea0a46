"""What is known of a tower: settings, site tables, and the metadata that come with its archives (BADM, BIF files)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.archives import METADATA, is_metadata, members
from lad.towers.sites import COLUMNS, REQUIRED, TABLE, Site, make_site, read_rows

# Variable of a BIF: column of the site table.
BIF = {
    "SITE_NAME": "name",
    "LOCATION_LAT": "latitude",
    "LOCATION_LONG": "longitude",
    "LOCATION_ELEV": "elevation",
    "UTC_OFFSET": "utc_offset_hours",
    "IGBP": "igbp",
    "SOIL_TEX_SAND": "sand",
    "SOIL_TEX_CLAY": "clay",
    "DOI": "doi",
    "DOI_CITATION": "citation",
}
HEIGHTS = ("WS", "TA")  # sensors whose height is the measurement height, the first that has one
ALMA_NAMES = {
    "latitude": "latitude",
    "longitude": "longitude",
    "elevation": "elevation",
    "canopy_height": "canopy_height",
    "reference_height": "measurement_height",
    "IGBP_veg_short": "igbp",
}
# IGBP class: LaD's type of vegetation (Milly & Shmakin 2002, Table 1) that is nearest to it.
COVER = {"EBF": 1, "DBF": 2, "MF": 3, "ENF": 4, "DNF": 5, "GRA": 6, "SAV": 6, "WSA": 6, "OSH": 6, "CSH": 6}
COVER |= {"WET": 6, "BSV": 7, "CRO": 9, "CVM": 9}
MEDIUM = 2  # soil of unknown texture


def known(
    site_id: str,
    archives: Iterable[str | Path] = (),
    table: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of the site table, and where each comes from, for the tower of an id.

    Each value is taken from the first that has it: `settings`, the user's `table`, the table of the package, the
    metadata in the archives. The rows of the package are such metadata, looked through: towers move and grow.
    """
    layers = [("settings", settings or {})]
    if table:
        layers.append((Path(table).name, read_rows(table).get(site_id, {})))
    layers.append(("table of the package", read_rows().get(site_id, {})))
    layers += [(Path(path).name, _metadata(Path(path), site_id)) for path in archives]
    cells, origin = {"site_id": site_id}, {}
    for source, layer in layers:
        for name, text in layer.items():
            if name not in cells:
                cells[name], origin[name] = text, source
    return cells, origin


def place(
    site_id: str,
    archives: Iterable[str | Path] = (),
    table: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Site:
    """The tower of an id, from all that is known of it (`known`).

    Cover follows from the IGBP class and soil from the texture where nobody gives them. `Site.origin` tells where each
    value comes from. Raises InputError for values that cannot be, and for one that nobody gives.
    """
    cells, origin = known(site_id, archives, table, settings)
    tried = ", ".join(sorted(set(origin.values())))
    cells.setdefault("name", site_id)
    if "cover" not in cells and cells.get("igbp") in COVER:
        cells["cover"], origin["cover"] = str(COVER[cells["igbp"]]), f"IGBP class {cells['igbp']}"
    if "soil" not in cells:
        cells["soil"], origin["soil"] = _soil(cells, site_id)
    absent = [name for name in REQUIRED if name not in cells]
    asked = Path(table or TABLE).name
    if len(absent) > len(REQUIRED) // 2:
        raise InputError(
            f"unknown site {site_id!r}: neither {asked} (with {', '.join(sorted(read_rows(table)))}) nor the "
            "metadata of its archives tell of it; give a table with its row (--sites)"
        )
    if absent:
        raise InputError(
            f"{site_id}: {' and '.join(absent)} not known from {tried}; give --metadata {absent[0]}=VALUE, or a "
            "table of sites (--sites)"
        )
    told = (f"{name}: {origin[name]}" for name in COLUMNS if name in origin)
    return make_site(cells, site_id, "; ".join(told))


def parse_settings(texts: Sequence[str] | None) -> dict[str, str]:
    """`["canopy_height=3", …]` as a mapping; raises InputError for anything else."""
    pairs = [text.partition("=") for text in texts or []]
    for name, equals, value in pairs:
        if not (name and equals and value) or name not in COLUMNS:
            raise InputError(
                f"--metadata {name}{equals}{value}: expected NAME=VALUE with a name of {', '.join(COLUMNS[1:])}"
            )
    return {name: value for name, _, value in pairs}


def _soil(cells: Mapping[str, str], site_id: str) -> tuple[str, str]:
    """LaD's type of soil and where it is from: texture after Zobler (coarse, medium, fine), else medium."""
    try:
        sand, clay = float(cells["sand"]), float(cells["clay"])
    except KeyError:
        return str(MEDIUM), "texture not known, medium assumed"
    except ValueError:
        raise InputError(f"{site_id}: sand {cells['sand']!r}, clay {cells['clay']!r}, expected %") from None
    kind = 3 if clay > 35.0 else 1 if sand > 65.0 and clay < 18.0 else MEDIUM
    return str(kind), f"texture, sand {sand:g} %, clay {clay:g} %"


def _metadata(path: Path, site_id: str) -> dict[str, str]:
    """Columns of the site table that an archive, a table unpacked from one or a BIF file gives."""
    if path.suffix == ".nc":
        return _alma_metadata(path)
    if is_metadata(path.name, site_id):
        return _bif_columns([_rows(path.name, path.read_bytes())], site_id)
    if path.suffix.lower() != ".zip":
        return {}
    files = members(path, (METADATA,), site_id)
    return _bif_columns([_rows(name, text) for name, text in sorted(files.items())], site_id)


def _alma_metadata(path: Path) -> dict[str, str]:
    dataset = read_netcdf(path)
    found = {}
    for name, column in ALMA_NAMES.items():
        if name in dataset and dataset[name].size == 1:
            value = dataset[name].values.ravel()[0]
            text = value.decode("latin-1").strip() if isinstance(value, bytes) else str(value).strip()
            if text not in ("", "nan"):
                found[column] = text
    return found | ({"name": str(dataset.attrs["site_name"])} if "site_name" in dataset.attrs else {})


def _rows(name: str, content: bytes) -> list[dict[str, str]]:
    """Rows of a BIF table, CSV in UTF-8 or Latin-1, or a spreadsheet; raises InputError if it is neither."""
    try:
        if name.endswith(".xlsx"):
            table = pd.read_excel(io.BytesIO(content), dtype=str, engine="openpyxl", keep_default_na=False)
            return table.to_dict("records")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        return list(csv.DictReader(io.StringIO(text)))
    except Exception as error:  # a damaged spreadsheet makes the modules below raise whatever they like
        raise InputError(f"{name}: not a readable table of metadata ({error})") from None


def _bif_columns(tables: Sequence[Sequence[Mapping[str, str]]], site_id: str) -> dict[str, str]:
    """Columns of the site table; of a variable with several values the first counts, of heights the mean."""
    found: dict[str, str] = {}
    means: dict[str, list[float]] = {}
    groups: dict[tuple, dict[str, str]] = {}
    for number, table in enumerate(tables):
        for row in table:
            variable, value = row.get("VARIABLE"), row.get("DATAVALUE")
            if row.get("SITE_ID") != site_id or not variable or not value:
                continue
            groups.setdefault((number, row.get("GROUP_ID")), {}).setdefault(variable, value.strip())
    for group in groups.values():
        for variable, column in BIF.items():
            if variable in group:
                found.setdefault(column, group[variable])
        statistic = group.get("HEIGHTC_STATISTIC", "Mean")
        if "HEIGHTC" in group and statistic.lower() == "mean":
            try:
                means.setdefault("canopy_height", []).append(float(group["HEIGHTC"]))
            except ValueError:
                pass  # a remark in place of a number
    for sensor in HEIGHTS:
        for group in groups.values():
            named = re.fullmatch(rf"{sensor}(_F)?(_MDS)?(_1_1_\d+)?", group.get("VAR_INFO_VARNAME", ""))
            if named and "VAR_INFO_HEIGHT" in group:
                found.setdefault("measurement_height", group["VAR_INFO_HEIGHT"])
    return found | {name: f"{sum(values) / len(values):.4g}" for name, values in means.items()}
