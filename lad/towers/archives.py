"""Archives of the flux networks: which file is one, and the half-hourly or hourly tables in it."""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lad.errors import InputError

SITE_ID = re.compile(r"(?<![A-Za-z])[A-Z]{2}-[A-Za-z0-9]{3}(?![A-Za-z0-9])")


LARGEST = 4 * 10**9  # bytes that one ZIP archive may unpack to for what is read of it, and any file in it


@dataclass(frozen=True)
class Product:
    """File names of one product of a network, patterns with `{site}`; `archive` is empty where there is no ZIP.

    `hint` is what a file of another name has in its name if it may be of this product.
    """

    title: str
    archive: str
    table: str
    example: str
    hint: str


OWN = Product("own table", "", r"{site}_tower(_.*)?\.csv", "{site}_tower*.csv", "tower")
ALMA = Product(
    "ALMA netCDF",
    "",
    r"{site}_.*_(Met|Flux)\.nc",
    "{site}_*_Met.nc with {site}_*_Flux.nc",
    r"(Met|Flux).*\.nc",
)
# Best first: a table that the user put there, products with filled gaps from the newest on, what sensors gave.
PRODUCTS = (
    OWN,
    Product(
        "FLUXNET",
        r"[A-Z]+_{site}_FLUXNET_\d{{4}}-\d{{4}}_.*\.zip",
        r"[A-Z]+_{site}_FLUXNET_FLUXMET_(HH|HR)_.*\.csv",
        "AMF_{site}_FLUXNET_*.zip",
        "FLUXNET|FLUXMET",
    ),
    Product(
        "FLUXNET-1F",
        r"[A-Z]+_{site}_FLUXNET_(FULLSET|SUBSET)_.*\.zip",
        r"[A-Z]+_{site}_FLUXNET_(FULLSET|SUBSET)_(HH|HR)_.*\.csv",
        "AMF_{site}_FLUXNET_FULLSET_*.zip",
        "FULLSET|SUBSET",
    ),
    Product(
        "ICOS ETC level 2",
        r"ICOSETC_{site}_(ARCHIVE|FLUXNET_(HH|HR))_L2\.zip",
        r"ICOSETC_{site}_FLUXNET_(HH|HR)_L2\.csv",
        "ICOSETC_{site}_ARCHIVE_L2.zip",
        "ICOS",
    ),
    Product(
        "ICOS ETC interim",
        r"ICOSETC_{site}_(ARCHIVE|FLUXNET_(HH|HR))_(?!L2\.).*\.zip",
        r"ICOSETC_{site}_FLUXNET_(HH|HR)_(?!L2\.).*\.csv",
        "ICOSETC_{site}_ARCHIVE_INTERIM_L2.zip",
        "INTERIM",
    ),
    Product(
        "FLUXNET2015",
        r"[A-Z]+_{site}_FLUXNET2015_.*\.zip",
        r"[A-Z]+_{site}_FLUXNET2015_(FULLSET|SUBSET)_(HH|HR)_.*\.csv",
        "FLX_{site}_FLUXNET2015_FULLSET_*.zip",
        "FLUXNET2015",
    ),
    Product(
        "AmeriFlux BASE",
        r"AMF_{site}_BASE-BADM_.*\.zip",
        r"AMF_{site}_BASE_(HH|HR)_.*\.csv",
        "AMF_{site}_BASE-BADM_*.zip",
        "BASE|BADM",
    ),
    Product(
        "European Fluxes Database",
        r"{site}_europe-fluxdata_\d{{4}}\.zip",
        r"{site}_europe-fluxdata_\d{{4}}\.(txt|csv)",
        "{site}_europe-fluxdata_*.zip",
        "europe|fluxdata",
    ),
    ALMA,
)
REANALYSIS = r"[A-Z]+_{site}_FLUXNET(2015)?_(ERA5|ERAI)_(HH|HR)_.*\.csv"
METADATA = (
    r"[A-Z]+_({site}|AA-[A-Za-z]{{3}})_(FLUXNET(2015)?[_-])?(BIF|BIFVARINFO)_.*\.(csv|xlsx)"
    r"|BASE_MeasurementHeight_.*\.csv|ICOSETC_{site}_(SITEINFO|ANCILLARY|VARINFO_FLUXNET_(HH|HR))_.*\.csv"
)
# What products have beside their tables.
BESIDE = re.compile(
    r"_(DD|WW|MM|YY|ERA5|ERAI|AUXMETEO|AUXNEE|BIF|BIFVARINFO|FLUXNET-BIF|FLUXES|METEO|METEOSENS|ANCILLARY|"
    r"VARINFO|SITEINFO|README)[_.]"
)
SUFFIXES = (".zip", ".csv", ".txt", ".nc", ".gz", ".7z", ".tar")
VERSION = re.compile(r"_v?(\d{1,3})[.-](\d{1,3})(?:_r(\d+))?(?!\d)")
YEARS = re.compile(r"_(\d{4})(?:-(\d{4}))?(?!\d)")
ALMA_KIND = re.compile(r"_(Met|Flux)\.nc$")


@dataclass(frozen=True)
class Content:
    """What one archive has to read: CSV texts, and the name of the table's file."""

    name: str
    table: bytes
    reanalysis: bytes | None = None


def is_named(name: str, pattern: str, site_id: str) -> bool:
    """Whether a file name is of a pattern with `{site}`."""
    return bool(pattern) and re.fullmatch(pattern.format(site=re.escape(site_id)), name) is not None


def product_of(name: str, site_id: str) -> Product | None:
    """The product of which a file of this name is an archive of the site, or a table unpacked from one."""
    return next(
        (
            product
            for product in PRODUCTS
            if is_named(name, product.archive, site_id) or is_named(name, product.table, site_id)
        ),
        None,
    )


def is_archive(name: str, site_id: str) -> bool:
    """Whether a file of this name is an archive of the site, or a table that may be unpacked from one."""
    return product_of(name, site_id) is not None


def choose(names: Iterable[str], site_id: str) -> tuple[list[str], dict[str, str]]:
    """Of several archives of a site those that are taken, sorted, and why each of the others is not.

    One product in one version: own tables before all others, releases before repackaged ones (version 0), then in
    the order of `PRODUCTS`. Of the same version those are joined whose years are not among those of another.
    """
    found = {name: product for name in sorted(names) if (product := product_of(name, site_id))}
    if not found:
        return [], {}
    versions = {name: _version(name, found) for name in found}
    ranks = {name: (versions[name] == (0,), PRODUCTS.index(product)) for name, product in found.items()}
    best = min(ranks.values())
    newest = max(versions[name] for name in found if ranks[name] == best)
    taken, reasons = [], {}
    for name, product in found.items():
        if ranks[name] != best:
            worse = "no Met and Flux file of one source" if product is ALMA else "repackaged"
            reasons[name] = worse if ranks[name][0] > best[0] else product.title
        elif versions[name] != newest:
            reasons[name] = "another source" if product is ALMA else "not the newest version"
        else:
            taken.append(name)
    for name in list(taken):
        if found[name] is not OWN and (other := next((x for x in taken if _covers(x, name)), None)):
            reasons[name] = f"its years are in {other}"
    return [name for name in taken if name not in reasons], reasons


def _version(name: str, found: Mapping[str, Product]) -> tuple:
    """What orders the versions of a product: its numbers, (0,) for all repackaged ones.

    Of ALMA netCDF it is the source in the name: those with a Met and a Flux file, by their last year.
    """
    if found[name] is OWN:
        return ()
    if found[name] is ALMA:
        source = YEARS.sub("", ALMA_KIND.sub("", name))
        pair = [other for other in found if YEARS.sub("", ALMA_KIND.sub("", other)) == source]
        if len({ALMA_KIND.search(other)[1] for other in pair}) < 2:
            return (0,)
        return (1, max(_years(other)[1] for other in pair), source)
    version = _numbers(name)
    return (0,) if version[:1] == (0,) else version


def _numbers(name: str) -> tuple[int, ...]:
    """The version in the name of a file: (19, 5), or (1, 3, 1) for v1.3_r1.

    Releases in the layout of FLUXNET2015 that came after it (Warm Winter 2020) are called beta-3.
    """
    if beta := re.search(r"_beta-(\d+)", name):
        return (99, int(beta[1]))
    found = [tuple(int(part) for part in match.groups() if part) for match in VERSION.finditer(name)]
    return found[-1] if found else ()


def _years(name: str) -> tuple[int, int]:
    """First and last year in the name of a file; without any it is the whole record."""
    years = YEARS.search(name)
    return (int(years[1]), int(years[2] or years[1])) if years else (0, 9999)


def _covers(one: str, other: str) -> bool:
    """Whether an archive has all years of another one; of equal years counts the fuller, the newer, the ZIP."""
    (first, last), (start, end) = _years(one), _years(other)
    kinds = [found[1] if (found := ALMA_KIND.search(name)) else "" for name in (one, other)]
    order = [("SUBSET" not in name, _numbers(name), name.endswith(".zip"), name) for name in (one, other)]
    inside = first <= start and end <= last
    return kinds[0] == kinds[1] and inside and ((first, last) != (start, end) or order[0] > order[1])


def misnamed(names: Iterable[str], site_id: str | None = None) -> list[str]:
    """A line for each file (of a site) that looks like an archive under a name that is not known."""
    lines = []
    for name in sorted(names):
        site = SITE_ID.search(name) or re.search(SITE_ID.pattern, name, re.IGNORECASE)
        if not site or name.startswith(".") or not name.lower().endswith(SUFFIXES) or BESIDE.search(name):
            continue
        site = f"{site[0][:2].upper()}{site[0][2:]}"
        if is_archive(name, site) or (site_id and site.lower() != site_id.lower()):
            continue
        patterns = [
            pattern for product in PRODUCTS for pattern in (product.archive, product.table) if pattern
        ]
        within = [found[0] for pattern in patterns if (found := re.search(pattern.format(site=site), name))]
        # From the last on: the names of the first have parts in common with those of others.
        likely = [
            product.example.format(site=site_id or site)
            for product in PRODUCTS[::-1]
            if re.search(product.hint, name, re.IGNORECASE)
        ]
        for example in (within + likely)[:1]:
            lines.append(f"{name}: not the name of an archive, expected {example}")
    return lines


def is_metadata(name: str, site_id: str) -> bool:
    """Whether a file of this name holds BADM metadata (BIF) of the site, perhaps among those of others."""
    return is_named(name, METADATA, site_id)


def check_site(path: Path, site_id: str) -> None:
    """Raise InputError for a file that is absent or, by its name, of another site."""
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
            for member in archive.infolist():
                _check_size(path, member.filename, member.file_size)
            yield archive
    except InputError:  # a ValueError too
        raise
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


def _check_size(path: Path, what: str, size: int) -> None:
    """Raise InputError for more than `LARGEST` bytes."""
    if size > LARGEST:
        raise InputError(
            f"{path.name}: {what} unpacks to {size / 1e9:.3g} GB, expected at most {LARGEST / 1e9:.3g} GB"
        )


def members(path: Path, patterns: tuple[str, ...], site_id: str) -> dict[str, bytes]:
    """Contents of the files of a ZIP archive whose names fit a pattern, by name.

    Raises InputError if it is damaged, or if they are larger than `LARGEST` together.
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
        with archive.open(info) as file:  # which gives no more than is declared, and checks the CRC
            contents[name] = file.read(info.file_size)
    return contents


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
        raise InputError(f"{path.name}: damaged, {broken} has not the checksum it should have")


def expected(site_id: str) -> str:
    """Words on which archive names are known for a site."""
    return "expected " + " or ".join(product.example.format(site=site_id) for product in PRODUCTS)
