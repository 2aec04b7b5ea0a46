"""Archives of the flux networks: which file is one, and the half-hourly or hourly tables in it."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lad.errors import InputError

SITE_ID = re.compile(r"(?<![A-Za-z])[A-Z]{2}-[A-Za-z0-9]{3}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Family:
    """File names of one kind of archive, patterns with `{site}`; `archive` is empty where there is no ZIP."""

    archive: str
    table: str
    example: str


FLUXNET = Family(
    r"[A-Z]+_{site}_FLUXNET(2015)?_.*\.zip",
    r"[A-Z]+_{site}_FLUXNET(2015)?_(FULLSET|SUBSET|FLUXMET)_(HH|HR)_.*\.csv",
    "AMF_{site}_FLUXNET_*.zip",
)
BASE = Family(
    r"AMF_{site}_BASE-BADM_.*\.zip", r"AMF_{site}_BASE_(HH|HR)_.*\.csv", "AMF_{site}_BASE-BADM_*.zip"
)
EUROPE = Family(
    r"{site}_europe-fluxdata_\d{{4}}\.zip",
    r"{site}_europe-fluxdata_\d{{4}}\.(txt|csv)",
    "{site}_europe-fluxdata_*.zip",
)
ALMA = Family("", r"{site}_.*_(Met|Flux)\.nc", "{site}_*_Met.nc with {site}_*_Flux.nc")
OWN = Family("", r"{site}_tower(_.*)?\.csv", "{site}_tower*.csv")
FAMILIES = (FLUXNET, BASE, EUROPE, ALMA, OWN)
REANALYSIS = r"[A-Z]+_{site}_FLUXNET(2015)?_(ERA5|ERAI)_(HH|HR)_.*\.csv"
METADATA = r"[A-Z]+_({site}|AA-[A-Za-z]{{3}})_(FLUXNET_|FLUXNET-)?(BIF|BIFVARINFO)_.*\.(csv|xlsx)"


@dataclass(frozen=True)
class Content:
    """What one archive has to read: CSV texts, and the name of the table's file."""

    name: str
    table: bytes
    reanalysis: bytes | None = None


def is_named(name: str, pattern: str, site_id: str) -> bool:
    """Whether a file name is of a pattern with `{site}`."""
    return bool(pattern) and re.fullmatch(pattern.format(site=re.escape(site_id)), name) is not None


def is_archive(name: str, site_id: str) -> bool:
    """Whether a file of this name is an archive of the site, or a table that may be unpacked from one."""
    return any(
        is_named(name, pattern, site_id) for family in FAMILIES for pattern in (family.archive, family.table)
    )


def is_metadata(name: str, site_id: str) -> bool:
    """Whether a file of this name holds BADM metadata (BIF) of the site, perhaps among those of others."""
    return is_named(name, METADATA, site_id)


def check_site(path: Path, site_id: str) -> None:
    """Raise InputError if the name of a file tells that it is absent or of another site."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    others = sorted({found for found in SITE_ID.findall(path.name) if found[:2] != "AA"} - {site_id})
    if others:
        raise InputError(f"{path.name}: is of site {others[0]}, expected {site_id}")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP archive; what is wrong with it, also in what is read of it, becomes an InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    # What the module zipfile raises for random bytes goes far beyond its own error.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        raise InputError(f"{path.name}: damaged or not a ZIP archive ({error})") from None


def members(path: Path, patterns: tuple[str, ...], site_id: str) -> dict[str, bytes]:
    """Contents of the files of a ZIP archive whose names fit a pattern, by name; InputError if it is damaged."""
    with opened(path) as archive:
        return {
            Path(member).name: archive.read(member)  # which checks the CRC
            for member in archive.namelist()
            if any(is_named(Path(member).name, pattern, site_id) for pattern in patterns)
        }


def read_content(path: str | Path, site_id: str) -> Content:
    """The half-hourly or hourly table of a site in a ZIP archive, with the reanalysis beside it, or unpacked.

    A CSV file of any other name is taken for a table too. Raises InputError for a file that is absent, of
    another site, damaged, or without such a table.
    """
    path = Path(path)
    check_site(path, site_id)
    if path.suffix.lower() in (".csv", ".txt"):
        return Content(path.name, path.read_bytes())
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path.name}: not the name of a table or archive of {site_id}, {expected(site_id)}")
    files = members(path, (*(family.table for family in FAMILIES if family.archive), REANALYSIS), site_id)
    reanalyses = [name for name in files if is_named(name, REANALYSIS, site_id)]
    tables = files.keys() - set(reanalyses)
    if len(tables) == 1:
        reanalysis = files[reanalyses[0]] if reanalyses else None
        return Content(path.name, files[tables.pop()], reanalysis)
    with opened(path) as archive:
        sites = {found for name in archive.namelist() for found in SITE_ID.findall(name)} - {site_id}
    if not tables and sites:
        raise InputError(f"{path.name}: holds tables of {', '.join(sorted(sites))}, expected {site_id}")
    raise InputError(
        f"{path.name}: {len(tables) or 'no'} half-hourly or hourly tables of {site_id} inside, expected one"
    )


def check_whole(path: Path) -> None:
    """Raise InputError unless every file in a ZIP archive has the checksum (CRC) that is written with it."""
    with opened(path) as archive:
        broken = archive.testzip()
    if broken:
        raise InputError(f"{path.name}: damaged, {broken} has not the checksum it should have")


def expected(site_id: str) -> str:
    """Words telling which archive names are known for a site."""
    return "expected " + " or ".join(family.example.format(site=site_id) for family in FAMILIES)
