"""Archives of the flux networks: which file is one, and the half-hourly or hourly table in it."""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from lad.errors import InputError

SITE_ID = re.compile(r"(?<![A-Za-z])[A-Z]{2}-[A-Za-z0-9]{3}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Family:
    """File names of one kind of archive, patterns with `{site}` and `{step}`."""

    name: str
    archive: str
    table: str
    example: str


FLUXNET = Family(
    "FLUXNET",
    r"[A-Z]+_{site}_FLUXNET(2015)?_.*\.zip",
    r"[A-Z]+_{site}_FLUXNET(2015)?_(FULLSET|SUBSET|FLUXMET)_(HH|HR)_.*\.csv",
    "AMF_{site}_FLUXNET_*.zip",
)
BASE = Family(
    "BASE", r"AMF_{site}_BASE-BADM_.*\.zip", r"AMF_{site}_BASE_(HH|HR)_.*\.csv", "AMF_{site}_BASE-BADM_*.zip"
)
EUROPE = Family(
    "EUROPE",
    r"{site}_europe-fluxdata_\d{{4}}\.zip",
    r"{site}_europe-fluxdata_\d{{4}}\.(txt|csv)",
    "{site}_europe-fluxdata_*.zip",
)
FAMILIES = (FLUXNET, BASE, EUROPE)


def family_of(name: str, site_id: str, kind: str) -> Family | None:
    """Family whose `archive` or `table` names (`kind`) look like this file name of the site, or None."""
    for family in FAMILIES:
        if re.fullmatch(getattr(family, kind).format(site=re.escape(site_id)), name):
            return family
    return None


def is_archive(name: str, site_id: str) -> bool:
    """Whether a file of this name is an archive of the site, or the table unpacked from one."""
    return any(family_of(name, site_id, kind) is not None for kind in ("archive", "table"))


def read_table(path: str | Path, site_id: str) -> tuple[Family, io.BytesIO]:
    """Family and text of the half-hourly or hourly table of a site in a ZIP archive, or unpacked.

    Raises InputError for a file that is absent, of another site, damaged, or without such a table.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    others = sorted(set(SITE_ID.findall(path.name)) - {site_id})
    if others:
        raise InputError(f"{path.name}: is of site {others[0]}, expected {site_id}")
    if path.suffix.lower() != ".zip":
        family = family_of(path.name, site_id, "table")
        if family is None:
            raise InputError(
                f"{path.name}: not the name of a table or archive of {site_id}, {expected(site_id)}"
            )
        return family, io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(path) as archive:
            tables = [
                (family, member)
                for member in archive.namelist()
                if (family := family_of(Path(member).name, site_id, "table")) is not None
            ]
            if len(tables) == 1:
                return tables[0][0], io.BytesIO(archive.read(tables[0][1]))  # reading checks the CRC
            sites = {found for name in archive.namelist() for found in SITE_ID.findall(name)} - {site_id}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path.name}: damaged or not a ZIP archive ({error})") from None
    if not tables and sites:
        raise InputError(f"{path.name}: holds tables of {', '.join(sorted(sites))}, expected {site_id}")
    found = "no" if not tables else f"{len(tables)}"
    raise InputError(f"{path.name}: {found} half-hourly or hourly tables of {site_id} inside, expected one")


def expected(site_id: str) -> str:
    """Words telling which archive names are known for a site."""
    return "expected " + " or ".join(family.example.format(site=site_id) for family in FAMILIES)
