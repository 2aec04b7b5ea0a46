"""What is known of a tower: settings, site tables, and the metadata that come with its archives (BADM, BIF files)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.archives import METADATA, is_metadata
from lad.towers.csv_table import NO_VALUE
from lad.towers.sites import REQUIRED, SITE_COLUMNS, TABLE, Site, make_site, read_rows
from lad.towers.unzip import members

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
# Heights of sensors as AmeriFlux publishes them for all BASE archives, and its columns as variables of a BIF.
SENSORS = "BASE_MeasurementHeight_*.csv"
SENSOR_COLUMNS = {"Variable": "VAR_INFO_VARNAME", "Height": "VAR_INFO_HEIGHT", "Start_Date": "VAR_INFO_DATE"}
HEIGHTS = ("WS", "TA")  # sensors whose height is the measurement height, the first that has one
# Statistics of canopy height, the best first; others, such as minima or standard deviations, are not canopy heights.
STATISTICS = (
    r"|mean|average|median|mode|50th percentile",
    r"single observation|expert estimate",
    r"[5-9]\d(st|nd|rd|th) percentile",
    r"maximum|max",
)
BELOW = re.compile(
    r"under-?\s?stor|sub-?canopy|suppressed|seedling|sapling|regenerat|\bdead\b|\bsnag|\bstump", re.I
)
NOT_BELOW = re.compile(
    r"over-?\s?stor|dominant|\b(no|without|exclud\w+)\b", re.I
)  # then BELOW is only mentioned
QUALIFIERS = ("HEIGHTC_VEGTYPE", "HEIGHTC_SPP", "HEIGHTC_VEG_STATUS", "HEIGHTC_APPROACH", "HEIGHTC_COMMENT")
LATEST = 5  # years before the last measurement of a canopy from which heights count: forests grow, crops have seasons
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


def site_columns(
    site_id: str,
    archives: Iterable[str | Path] = (),
    table: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of the site table, and where each comes from, for a tower.

    Each value is taken from the first that has it: `settings`, the user's `table`, the table of the package, the
    metadata in the archives. The package has reviewed metadata, because towers move and canopies grow.
    """
    layers = [("settings", settings or {}, {})]
    if table:
        layers.append((Path(table).name, read_rows(table).get(site_id, {}), {}))
    layers.append(("table of the package", read_rows().get(site_id, {}), {}))
    layers += [(Path(path).name, *_metadata(Path(path), site_id)) for path in archives]
    cells, origin = {"site_id": site_id}, {}
    for source, layer, how in layers:
        for name, text in layer.items():
            if name not in cells:
                cells[name] = text
                origin[name] = f"{source} ({how[name]})" if name in how else source
    return cells, origin


def find_site(
    site_id: str,
    archives: Iterable[str | Path] = (),
    table: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Site:
    """The tower, from all that is known of it (`site_columns`).

    Cover follows from the IGBP class and soil from the texture if they are not given. `Site.origin` states where each
    value comes from. Raises InputError for impossible and for missing values.
    """
    archives = list(archives)
    cells, origin = site_columns(site_id, archives, table, settings)
    tried = ", ".join(Path(path).name for path in (*([table] if table else []), *archives)) or TABLE.name
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
            "metadata of its archives know it; give a table with its row (--sites)"
        )
    if absent:
        raise InputError(
            f"{site_id}: {' and '.join(absent)} not known from {tried}; give --metadata {absent[0]}=VALUE, or a "
            "table of sites (--sites)"
        )
    named: dict[str, list[str]] = {}  # columns by where they come from
    for name in (name for name in SITE_COLUMNS if name in origin):
        named.setdefault(origin[name], []).append(name)
    return make_site(
        cells, site_id, "; ".join(f"{', '.join(names)}: {source}" for source, names in named.items())
    )


def parse_settings(texts: Sequence[str] | None) -> dict[str, str]:
    """`["canopy_height=3", …]` as a mapping; raises InputError for anything else."""
    pairs = [text.partition("=") for text in texts or []]
    for name, equals, value in pairs:
        if not (name and equals and value) or name not in SITE_COLUMNS:
            raise InputError(
                f"--metadata {name}{equals}{value}: expected NAME=VALUE with a name of {', '.join(SITE_COLUMNS[1:])}"
            )
    return {name: value for name, _, value in pairs}


def _soil(cells: Mapping[str, str], site_id: str) -> tuple[str, str]:
    """LaD's type of soil and its origin: texture after Zobler (coarse, medium, fine), else medium."""
    try:
        sand, clay = float(cells["sand"]), float(cells["clay"])
    except KeyError:
        return str(MEDIUM), "texture not known, medium assumed"
    except ValueError:
        raise InputError(f"{site_id}: sand {cells['sand']!r}, clay {cells['clay']!r}, expected %") from None
    kind = 3 if clay > 35.0 else 1 if sand > 65.0 and clay < 18.0 else MEDIUM
    return str(kind), f"texture, sand {sand:g} %, clay {clay:g} %"


def sensor_heights(site_id: str, archives: Iterable[str | Path]) -> dict[str, float]:
    """Heights of sensors in m above ground (negative below), by the name of the column that holds their values.

    Known from the metadata (BADM) in the archives and from a file of AmeriFlux, `BASE_MeasurementHeight_*.csv`, in
    the folder of an archive. For a sensor that has moved, the latest height counts. Raises InputError for files of
    metadata that cannot be read.
    """
    return _heights([group for path in archives for group in _groups(Path(path), site_id)])


def _heights(groups: Iterable[Mapping[str, str]]) -> dict[str, float]:
    dated = sorted(groups, key=lambda group: group.get("VAR_INFO_DATE", ""))  # YYYY, YYYYMMDD or longer
    found = {group.get("VAR_INFO_VARNAME"): _metres(group.get("VAR_INFO_HEIGHT", "")) for group in dated}
    return {name: height for name, height in found.items() if name and height is not None}


def _metres(text: str) -> float | None:
    """A height as it is written in metadata, "16.5", "16.5 m" or "80 cm"; None for a remark in place of one."""
    found = re.fullmatch(r"(-?\d+\.?\d*|-?\.\d+)\s*(m|cm)?", text.strip(), re.IGNORECASE)
    if not found or float(found[1]) == NO_VALUE:
        return None
    return float(found[1]) / (100.0 if (found[2] or "").lower() == "cm" else 1.0)


def _groups(path: Path, site_id: str) -> list[dict[str, str]]:
    """Values by variable of each group of BADM metadata of the site, from a file and from those beside it."""
    if is_metadata(path.name, site_id):
        files = {path.name: path.read_bytes()}
    elif path.suffix.lower() == ".zip":
        files = members(path, (METADATA,), site_id)
    else:
        files = {}
    groups: dict[tuple, dict[str, str]] = {}
    for name, content in sorted(files.items()):
        for row in _rows(name, content):
            variable, value = row.get("VARIABLE"), row.get("DATAVALUE")
            if row.get("SITE_ID") == site_id and variable and value:
                groups.setdefault((name, row.get("GROUP_ID")), {}).setdefault(variable, value.strip())
    beside = sorted(path.parent.glob(SENSORS))[-1:]  # the newest: dates are in the names
    rows = [row for file in beside for row in _rows(file.name, file.read_bytes())]
    return [*groups.values()] + [
        {name: row[column] for column, name in SENSOR_COLUMNS.items() if row.get(column)}
        for row in rows
        if row.get("Site_ID") == site_id
    ]


def _metadata(path: Path, site_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of the site table from an archive, a table unpacked from one or a BIF file; and how heights are found."""
    return (_alma_metadata(path), {}) if path.suffix == ".nc" else _bif_columns(_groups(path, site_id))


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
    except Exception as error:  # a damaged spreadsheet can make the libraries raise anything
        raise InputError(f"{name}: not a readable table of metadata ({error})") from None


def _bif_columns(groups: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of the site table (the first of several values of a variable), and how heights are found."""
    found: dict[str, str] = {}
    how: dict[str, str] = {}
    for group in groups:
        for variable, column in BIF.items():
            if variable in group:
                found.setdefault(column, group[variable])
    height, how["canopy_height"] = _canopy(groups)
    if height is not None:
        found["canopy_height"] = f"{height:.4g}"
    heights = _heights(groups)
    for sensor in HEIGHTS:
        for name in heights:
            if re.fullmatch(rf"{sensor}(_F)?(_MDS)?(_1_1_\d+)?", name):
                found.setdefault("measurement_height", f"{heights[name]:g}")
                how.setdefault("measurement_height", name)
    return found, how


def _canopy(groups: Iterable[Mapping[str, str]]) -> tuple[float | None, str]:
    """Height (m) of the vegetation that forms the canopy, and what it is the mean of; None if unknown.

    Heights are grouped by type of vegetation and species (crops together, since they follow one another). Vegetation
    below the canopy and dead vegetation do not count. Each group has the mean of its best statistic over its last
    `LATEST` years. Of the groups that reach half the height of the tallest, that with the best statistic is taken, of
    several the tallest: a mean over trees and grass is the height of neither.
    """
    sorts: dict[str, list[tuple[int, int, float]]] = {}
    for group in groups:
        height, said = _metres(group.get("HEIGHTC", "")), " ".join(group.get(q, "") for q in QUALIFIERS)
        statistic = group.get("HEIGHTC_STATISTIC", "").lower()
        ranks = [rank for rank, known in enumerate(STATISTICS) if re.fullmatch(known, statistic)]
        if height is None or height < 0.0 or not ranks or (BELOW.search(said) and not NOT_BELOW.search(said)):
            continue
        dates = [
            group[f"HEIGHTC_DATE{end}"][:4] for end in ("", "_END", "_START") if f"HEIGHTC_DATE{end}" in group
        ]
        year = int(dates[0]) if dates and dates[0].isdecimal() else 0
        vegetation = [group[q] for q in ("HEIGHTC_VEGTYPE", "HEIGHTC_SPP") if q in group]
        crop = vegetation and "crop" in vegetation[0].lower()
        sorts.setdefault(vegetation[0] if crop else " ".join(vegetation), []).append((ranks[0], year, height))
    means = []
    for vegetation, heights in sorts.items():
        best = min(heights)[0]
        last = max(year for rank, year, _ in heights if rank == best)
        used = [(year, height) for rank, year, height in heights if rank == best and year >= last - LATEST]
        mean = sum(height for _, height in used) / len(used)
        first = min(used)[0]
        years = f"{first} to {last}" if first < last else str(last or "not dated")
        words = [f"mean of {len(used)} heights" if len(used) > 1 else "one height", years, vegetation]
        words += [("", "single observations or estimates", "upper percentiles", "maxima")[best]]
        means.append((best, mean, ", ".join(filter(None, words))))
    tall = [of for of in means if of[1] >= 0.5 * max(mean for _, mean, _ in means)]
    _, height, how = min(tall, key=lambda of: (of[0], -of[1]), default=(0, None, ""))
    return height, how
