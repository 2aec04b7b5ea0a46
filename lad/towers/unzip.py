"""What is in an archive: the half-hourly or hourly table of a site, its reanalysis and metadata."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lad.errors import InputError
from lad.towers.archives import PRODUCTS, REANALYSIS, SITE_ID, choose, expected, is_named

# For random bytes the module zipfile raises many errors beside its own.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
LARGEST = 4 * 10**9  # bytes unpacked, of any file in a ZIP archive, and of all that are read from it


@dataclass(frozen=True)
class Content:
    """Contents of one archive: CSV texts, and the name of the file."""

    name: str
    table: bytes
    reanalysis: bytes | None = None


def check_site(path: Path, site_id: str) -> None:
    """Raise InputError for a file that is absent or, by its name, of another site."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    others = sorted({found for found in SITE_ID.findall(path.name) if found[:2] != "AA"} - {site_id})
    if others:
        raise InputError(f"{path.name}: is of site {others[0]}, expected {site_id}")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP archive; errors in it, also those while it is read, become InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_size(path, member.filename, member.file_size)
            yield archive
    except InputError:  # a ValueError too
        raise
    except DAMAGE as error:
        raise InputError(f"{path.name}: damaged or not a ZIP archive ({error})") from None


def _check_size(path: Path, what: str, size: int) -> None:
    """Raise InputError for more than `LARGEST` bytes."""
    if size > LARGEST:
        raise InputError(
            f"{path.name}: {what} unpacks to {size / 1e9:.3g} GB, expected at most {LARGEST / 1e9:.3g} GB"
        )


def members(path: Path, patterns: tuple[str, ...], site_id: str) -> dict[str, bytes]:
    """Contents of the files of a ZIP archive whose names fit a pattern, by name.

    Raises InputError if it is damaged, or if together they are larger than `LARGEST`.
    """
    with opened(path) as archive:
        return _read(
            path, archive, lambda name: any(is_named(name, pattern, site_id) for pattern in patterns)
        )


def _read(path: Path, archive: zipfile.ZipFile, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Contents of the files of an open archive whose names, without folders, are wanted."""
    infos = {Path(info.filename).name: info for info in archive.infolist() if not info.is_dir()}
    infos = {name: info for name, info in infos.items() if wanted(name)}
    _check_size(path, " and ".join(infos), sum(info.file_size for info in infos.values()))
    contents = {}
    for name, info in infos.items():
        with archive.open(info) as file:  # reads no more than declared, and checks the CRC
            contents[name] = file.read(info.file_size)
    return contents


def read_content(path: str | Path, site_id: str) -> Content:
    """The half-hourly or hourly table of a site, unpacked or in a ZIP archive, there with its reanalysis.

    A CSV file of any other name is taken for a table too. Raises InputError for a file that is absent, of
    another site, damaged, or without such a table.
    """
    path = Path(path)
    check_site(path, site_id)
    if path.suffix.lower() in (".csv", ".txt"):
        return Content(path.name, path.read_bytes())
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path.name}: not the name of a table or archive of {site_id}, {expected(site_id)}")
    with opened(path) as archive:
        inside = {Path(name).name for name in archive.namelist()}
        tables = {
            name
            for name in inside
            for product in PRODUCTS
            if product.archive and is_named(name, product.table, site_id)
        }
        chosen, _ = choose(tables, site_id)
        if len(chosen) == 1:
            files = _read(path, archive, lambda name: name in chosen or is_named(name, REANALYSIS, site_id))
            table = files.pop(chosen[0])
            return Content(path.name, table, next(iter(files.values()), None))
    sites = {found for name in inside for found in SITE_ID.findall(name)} - {site_id}
    if not tables and sites:
        raise InputError(f"{path.name}: holds tables of {', '.join(sorted(sites))}, expected {site_id}")
    raise InputError(
        f"{path.name}: {len(chosen) or 'no'} half-hourly or hourly tables of {site_id} inside, expected one"
    )


def check_whole(path: Path) -> None:
    """Raise InputError unless every file in a ZIP archive has the checksum (CRC) that is written with it."""
    with opened(path) as archive:
        broken = archive.testzip()
    if broken:
        raise InputError(f"{path.name}: damaged, {broken} has a wrong checksum")
