"""Archives of the flux networks by file name: which files are archives, and which of several are taken."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from lad.errors import InputError

SITE_ID = re.compile(r"(?<![A-Za-z])[A-Z]{2}-[A-Za-z0-9]{3}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Product:
    """File names of one product of a network, patterns with `{site}`; `archive` is empty where there is no ZIP.

    `hint` matches other file names that may be of this product.
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
# Best first: the user's own table, gap-filled products from the newest on, unfilled sensor data.
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
# Other files of products.
BESIDE = re.compile(
    r"_(DD|WW|MM|YY|ERA5|ERAI|AUXMETEO|AUXNEE|BIF|BIFVARINFO|FLUXNET-BIF|FLUXES|METEO|METEOSENS|ANCILLARY|"
    r"VARINFO|SITEINFO|README)[_.]"
)
UNSUPPORTED = re.compile("FLUXNET-CH4")
SUFFIXES = (".zip", ".csv", ".txt", ".nc", ".gz", ".7z", ".tar")
VERSION = re.compile(r"_v?(\d{1,3})[.-](\d{1,3})(?:_r(\d+))?(?!\d)")
YEARS = re.compile(r"_(\d{4})(?:-(\d{4}))?(?!\d)")
ALMA_KIND = re.compile(r"_(Met|Flux)\.nc$")
# Words for parts of archive names; other parts stay as they are.
TITLES = {
    "AMF": "AmeriFlux",
    "FLX": "",  # FLUXNET2015 follows
    "ICOSETC": "ICOS ETC",
    "EUF": "European Fluxes Database",
    "OZF": "OzFlux",
    "BASE-BADM": "BASE",
    "europe-fluxdata": "European Fluxes Database",
    "tower": "own table",
}
# Parts that only name a table of the product.
DROPPED = {"Met", "Flux", "HH", "HR", "ARCHIVE"}
PART_OF_VERSION = re.compile(r"v\d[\d.]*|r\d+|\d{1,3}-\d{1,2}|L\d")
REPACKAGED = "repackaged, no release of the network"


def is_named(name: str, pattern: str, site_id: str) -> bool:
    """Whether a file name matches a pattern with `{site}`."""
    return bool(pattern) and re.fullmatch(pattern.format(site=re.escape(site_id)), name) is not None


def product_of(name: str, site_id: str) -> Product | None:
    """The product of a file of this name: an archive of the site, or a table unpacked from one."""
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
    """The archives of a site that are taken, sorted, and why each of the others is not.

    One product in one version is taken: own tables first, releases before repackaged ones (version 0), then in the
    order of `PRODUCTS`. Archives of that version are joined, except those whose years are all in another one.
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
    """Sort key of the versions of a product: its numbers, (0,) for all repackaged ones.

    For ALMA netCDF it is the source in the name; sources with a Met and a Flux file rank by their last year.
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
    """First and last year in the name of a file; without years, the whole record."""
    years = YEARS.search(name)
    return (int(years[1]), int(years[2] or years[1])) if years else (0, 9999)


def _covers(one: str, other: str) -> bool:
    """Whether an archive has all years of another one; of equal years the fuller, else newer, else ZIP one."""
    (first, last), (start, end) = _years(one), _years(other)
    kinds = [found[1] if (found := ALMA_KIND.search(name)) else "" for name in (one, other)]
    order = [("SUBSET" not in name, _numbers(name), name.endswith(".zip"), name) for name in (one, other)]
    inside = first <= start and end <= last
    return kinds[0] == kinds[1] and inside and ((first, last) != (start, end) or order[0] > order[1])


def misnamed(names: Iterable[str], site_id: str | None = None) -> list[str]:
    """A line for each file (of a site) that looks like an archive but has an unknown name."""
    lines = []
    for name in sorted(names):
        site = SITE_ID.search(name) or re.search(SITE_ID.pattern, name, re.IGNORECASE)
        if not site or name.startswith(".") or not name.lower().endswith(SUFFIXES) or BESIDE.search(name):
            continue
        site = f"{site[0][:2].upper()}{site[0][2:]}"
        if is_archive(name, site) or (site_id and site.lower() != site_id.lower()):
            continue
        if other := UNSUPPORTED.search(name):
            lines.append(f"{name}: is of {other[0]}, a product that is not supported")
            continue
        patterns = [
            pattern for product in PRODUCTS for pattern in (product.archive, product.table) if pattern
        ]
        within = [found[0] for pattern in patterns if (found := re.search(pattern.format(site=site), name))]
        # Last products first: the names of the first share parts with others.
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


def expected(site_id: str) -> str:
    """The known archive names for a site, in words."""
    return "expected " + " or ".join(product.example.format(site=site_id) for product in PRODUCTS)


def product_in_words(archives: Iterable[str]) -> str:
    """Product, years and version of archives in words, from their file names.

    Networks number their releases from 1; 0-… is the version of a repackaged copy.
    """
    return "; ".join(dict.fromkeys(map(_in_words, archives)))


def _in_words(name: str) -> str:
    parts = re.sub(r" ?\(\d+\)$", "", Path(name).stem).split("_")
    parts = [part for part in parts if not SITE_ID.fullmatch(part) and part not in DROPPED]
    version = [part for part in parts if PART_OF_VERSION.fullmatch(part)]
    words = " ".join(filter(None, (TITLES.get(part, part) for part in parts if part not in version)))
    words += f", version {' '.join(version)}" if version else ""
    return f"{words}: {REPACKAGED}" if version and version[0].startswith("0-") else words


def find_archives(
    site_id: str, folders: Sequence[str | Path], patterns: Sequence[str] | None = None
) -> list[Path]:
    """Archives of a site in the first folder that has them, sorted by name; empty if none has.

    `patterns` are globs of file names: all files that match are taken, and each has to match one. Without them
    `choose` decides. Files with the site's metadata in that folder come last. Missing folders are skipped.
    """
    for folder in folders:
        present = _archives(_files(folder), site_id)
        if present and not _unmatched(patterns or (), present):
            names = [path.name for path in present]
            if patterns:
                taken = [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]
            else:
                taken, _ = choose(names, site_id)
            chosen = [path for path in present if path.name in taken]
            return chosen + [path for path in _files(folder) if is_metadata(path.name, site_id)]
    return []


def left_out(site_id: str, archives: Sequence[Path]) -> str:
    """A line on the archives in the same folder that are not taken, and why; empty if all are."""
    _, reasons = choose([path.name for path in _archives(_files(archives[0].parent), site_id)], site_id)
    taken = ", ".join(path.name for path in archives if is_archive(path.name, site_id))
    others = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    return f"{site_id}: takes {taken}, leaves out {others}" if others else ""


def unknown_names(folder: str | Path, site_id: str | None = None) -> list[str]:
    """A line for each file of a folder that looks like an archive (of a site) but has an unknown name."""
    return misnamed([path.name for path in _files(folder)], site_id)


def missing_message(site_id: str, folder: str | Path, patterns: Sequence[str] | None = None) -> str:
    """What the user can do about a site without its archives, in one line.

    It names the `patterns` that match no file of the folder, and files with unknown names.
    """
    absent = _unmatched(patterns or (), _archives(_files(folder), site_id))
    what = f"no archive {' and no '.join(absent)} found" if absent else "no archive found"
    names = "" if absent else f", {expected(site_id)}"
    odd = "".join(f"; {line}" for line in unknown_names(folder, site_id))
    return (
        f"{site_id}: {what}; put one from its network (https://ameriflux.lbl.gov, https://fluxnet.org or "
        f"https://data.icos-cp.eu) into the folder {folder}{names}{odd}"
    )


def sites_of(folders: Iterable[str | Path]) -> list[str]:
    """Identifiers of the towers that have an archive in any of `folders`, sorted; a folder may not exist.

    Raises InputError for an archive of 0 bytes.
    """
    files = [path for folder in folders for path in _files(folder)]
    return sorted({site for path in files for site in SITE_ID.findall(path.name) if _archives([path], site)})


def _files(folder: str | Path) -> list[Path]:
    return [path for path in sorted(Path(folder).glob("*")) if path.is_file()]


def _archives(paths: Iterable[Path], site_id: str) -> list[Path]:
    """Those of `paths` that are archives of a site; raises InputError if one is empty."""
    found = [path for path in paths if is_archive(path.name, site_id)]
    for path in found:
        if not path.stat().st_size:
            raise InputError(f"{path}: is empty (0 bytes), put the whole archive there or remove it")
    return found


def _unmatched(patterns: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """The patterns that match no file name."""
    return [pattern for pattern in patterns if not any(fnmatch(path.name, pattern) for path in paths)]
