"""Site table: position, heights and LaD types of the flux towers."""

import csv
import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lad.errors import InputError

TABLE = Path(__file__).with_name("sites.csv")

# Column: lowest and highest value that is accepted.
RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "elevation": (-430.0, 6000.0),
    "utc_offset_hours": (-12.0, 14.0),
    "canopy_height": (0.0, 100.0),
    "measurement_height": (0.1, 400.0),
    # The types of lad.parameters, which is not imported here: it needs JAX.
    "cover": (1, 9),
    "soil": (1, 8),
}
# Classes of vegetation of the International Geosphere-Biosphere Programme.
IGBP = "ENF EBF DNF DBF MF CSH OSH WSA SAV GRA WET CRO URB CVM SNO BSV WAT".split()
# Names of the same columns in other tables of towers.
ALIASES = {
    "lat": "latitude",
    "lon": "longitude",
    "elev_m": "elevation",
    "utc_offset_h": "utc_offset_hours",
    "canopy_height_m": "canopy_height",
    "reference_height_m": "measurement_height",
    "sand_pct": "sand",
    "clay_pct": "clay",
}


@dataclass(frozen=True)
class Site:
    """One tower; heights in m above ground, `cover` and `soil` are numbers of the LaD parameter tables."""

    site_id: str
    name: str
    latitude: float  # degrees north
    longitude: float  # degrees east
    elevation: float  # m
    igbp: str
    utc_offset_hours: float  # local standard time - UTC
    canopy_height: float
    measurement_height: float
    cover: int
    soil: int
    doi: str = ""
    citation: str = ""
    notes: str = ""
    origin: str = ""  # where each of the values comes from

    @property
    def reference_height(self) -> float:
        """Height of the sensors above the zero plane, which lies at two thirds of the canopy height, m."""
        return self.measurement_height - 2.0 / 3.0 * self.canopy_height


SITE_COLUMNS = tuple(field.name for field in fields(Site) if field.name != "origin")
REQUIRED = tuple(field.name for field in fields(Site) if field.default != "")


def read_rows(path: str | Path | None = None) -> dict[str, dict[str, str]]:
    """Cells of a site table by site and column, empty ones left out; without a path the table of the package.

    Raises InputError for a file that is not such a table, a misspelt column or a duplicate site.
    """
    path = Path(path or TABLE)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such site table") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    if "site_id" not in columns:
        raise InputError(f"{path}: no column site_id, expected {','.join(SITE_COLUMNS)}")
    _check_spelling(columns, path)
    found = {}
    for number, row in enumerate(rows, start=2):
        cells = {
            ALIASES.get(name, name): text.strip()
            for name, text in row.items()
            if isinstance(name, str) and isinstance(text, str) and text.strip()
        }
        site_id = cells.get("site_id")
        if site_id is None:
            raise InputError(f"{path} row {number}: column site_id is empty, expected text")
        if site_id in found:
            raise InputError(f"{path} row {number}: site {site_id} is there twice")
        for name in RANGES.keys() & cells.keys():
            _number(name, cells[name], f"{path} row {number}")
        _check_class(cells.get("igbp", IGBP[0]), f"{path} row {number}")
        found[site_id] = cells
    return found


def _check_spelling(columns: Iterable[str], path: Path) -> None:
    """Raise InputError for a column whose name is like that of a missing one. Other columns are ignored."""
    given = {ALIASES.get(name, name) for name in columns}
    lacking = {name.casefold(): name for name in (*REQUIRED, *RANGES) if name not in given}
    for name in columns:
        like = difflib.get_close_matches(str(name).casefold(), lacking, n=1, cutoff=0.8)
        if like and ALIASES.get(name, name) not in SITE_COLUMNS:
            raise InputError(f"{path}: unknown column {name}, expected {lacking[like[0]]}")


def make_site(cells: Mapping[str, str], where: str, origin: str = "") -> Site:
    """A tower from texts by column; raises InputError (column, what was expected) if they do not make one."""
    values = {}
    for field in fields(Site):
        text = cells.get(field.name, "")
        if field.name in REQUIRED and not text:
            kind = "text" if field.type is str else "a number"
            raise InputError(f"{where}: {field.name} is not given, expected {kind}")
        values[field.name] = text if field.type is str else _number(field.name, text, where)
    site = Site(**values | {"origin": origin})
    _check_class(site.igbp, where)
    if site.measurement_height <= site.canopy_height:
        raise InputError(
            f"{where}: measurement_height {site.measurement_height:g} m does not lie above the canopy, expected "
            f"more than canopy_height {site.canopy_height:g} m"
        )
    return site


def _check_class(igbp: str, where: str) -> None:
    if igbp not in IGBP:
        raise InputError(f"{where}: igbp = {igbp!r}, expected one of {' '.join(IGBP)}")


def _number(name: str, text: str, where: str) -> float | int:
    whole = name in ("cover", "soil")
    low, high = RANGES[name]
    try:
        value = (int if whole else float)(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        kind = "an integer" if whole else "a number"
        raise InputError(f"{where}: {name} = {text!r}, expected {kind} from {low:g} to {high:g}")
    return value


def read_sites(path: str | Path | None = None) -> dict[str, Site]:
    """Sites of a complete table by their id; without a path, those of the package."""
    rows = read_rows(path)
    return {
        site_id: make_site(cells, f"{path or TABLE} row {number}")
        for number, (site_id, cells) in enumerate(rows.items(), start=2)
    }


def site(site_id: str, path: str | Path | None = None) -> Site:
    """One site of a complete table; raises InputError naming the known ones if it is not there."""
    sites = read_sites(path)
    if site_id not in sites:
        raise InputError(
            f"unknown site {site_id!r}: {Path(path or TABLE).name} has {', '.join(sorted(sites))}"
        )
    return sites[site_id]


def stated_type(name: str, attrs: Mapping[str, Any], site_id: str, path: str | Path | None = None) -> int:
    """LaD's type of `cover` or `soil`, which `lad forcing` writes into `attrs` of its file; else that of the table.

    Raises InputError like `site`.
    """
    stated = attrs.get(f"lad_{name}")
    return int(stated) if stated is not None else getattr(site(site_id, path), name)


def stated_row(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The same as `site_row`; KeyError if the file has none."""
    return json.loads(attrs["provenance"])["settings"]["site"]


def site_row(attrs: Mapping[str, Any], source: str | Path) -> dict[str, Any]:
    """The row of the site table in the attributes of a forcing file; InputError if `lad forcing` did not write it."""
    try:
        return stated_row(attrs)
    except KeyError:
        raise InputError(f"{source}: does not state its site, expected a file of lad forcing") from None
