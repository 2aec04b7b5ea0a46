"""Site table: position, heights and LaD types of the flux towers."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

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

    @property
    def reference_height(self) -> float:
        """Height of the sensors above the zero plane, which lies at two thirds of the canopy height, m."""
        return self.measurement_height - 2.0 / 3.0 * self.canopy_height


def read_sites(path: str | Path | None = None) -> dict[str, Site]:
    """Sites of a table by their id; without a path those shipped with the package.

    Raises InputError (file, row, column, what was expected) for whatever cannot be a tower.
    """
    path = Path(path or TABLE)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], list(reader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such site table") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from None
    required = [field.name for field in fields(Site) if field.default != ""]
    absent = [name for name in required if name not in columns]
    if absent:
        raise InputError(f"{path}: no column {absent[0]}, expected {','.join(required)}")
    sites = {}
    for number, row in enumerate(rows, start=2):
        site = _site(row, f"{path} row {number}")
        if site.site_id in sites:
            raise InputError(f"{path} row {number}: site {site.site_id} is there twice")
        sites[site.site_id] = site
    return sites


def _site(row: dict[str, str], where: str) -> Site:
    values = {}
    for field in fields(Site):
        text = (row.get(field.name) or "").strip()
        if field.type is str:
            if not text and field.default != "":
                raise InputError(f"{where}: column {field.name} is empty, expected text")
            values[field.name] = text
            continue
        low, high = RANGES[field.name]
        kind = "an integer" if field.type is int else "a number"
        try:
            values[field.name] = field.type(text)
        except ValueError:
            values[field.name] = None
        if values[field.name] is None or not low <= values[field.name] <= high:
            raise InputError(f"{where}: {field.name} = {text!r}, expected {kind} from {low:g} to {high:g}")
    site = Site(**values)
    if site.reference_height <= 0:
        raise InputError(
            f"{where}: measurement_height {site.measurement_height:g} m lies below the zero plane, expected "
            f"more than two thirds of the canopy height {site.canopy_height:g} m"
        )
    return site


def site(site_id: str, path: str | Path | None = None) -> Site:
    """One site of a table; raises InputError naming the known ones if it is not there."""
    sites = read_sites(path)
    if site_id not in sites:
        raise InputError(
            f"unknown site {site_id!r}: {Path(path or TABLE).name} has {', '.join(sorted(sites))}; "
            "for another tower give a table with its row (--sites my_sites.csv, same columns)"
        )
    return sites[site_id]
