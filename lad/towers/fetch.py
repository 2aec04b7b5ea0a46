"""The archives of a site: in a folder, else from the first service that has them, downloaded into that folder."""

import datetime
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from lad.errors import InputError
from lad.io import read_json, sha256, write_json
from lad.towers.archives import check_whole, choose, expected, is_archive, is_metadata, misnamed
from lad.towers.http import Client, NotAvailable, check_web
from lad.towers.readers import read_archive
from lad.towers.sources import (
    ACCOUNT_PRODUCTS,
    AMERIFLUX,
    PLUMBER2,
    USER,
    Offer,
    account_ameriflux,
    described,
    log_request,
    open_ameriflux,
    plumber2,
    snapshot,
)

MAGIC = {".zip": b"PK\x03\x04", ".nc": (b"\x89HDF", b"CDF")}


@dataclass(frozen=True)
class Services:
    """Addresses of the services; `snapshot` is a list of the FLUXNET shuttle, `account` user and e-mail.

    With `notify` AmeriFlux hears which archives were taken from its open service.
    """

    ameriflux: str = AMERIFLUX
    user: str = USER
    snapshot: str | None = None
    plumber2: str = PLUMBER2
    account: tuple[str, str] | None = None
    notify: bool = False


def account_from(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """User and e-mail of an AmeriFlux account; environment variables alone hold them."""
    user, email = (environment.get(f"AMERIFLUX_USER_{part}", "") for part in ("ID", "EMAIL"))
    return (user, email) if user and email else None


def find_archives(
    site_id: str, folders: Sequence[str | Path], patterns: Sequence[str] | None = None
) -> list[Path]:
    """Archives of a site in the first folder that has them, sorted by name; empty if none has.

    `patterns` are globs of file names: all files that they name are taken, and each has to name one. Without them
    `archives.choose` chooses. Files with the site's metadata in that folder come last. Folders that do not exist are
    passed over.
    """
    for folder in folders:
        present = _present(site_id, folder)
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
    """A line on the archives in the folder of those that are taken which are not, and why; empty if all are."""
    _, reasons = choose([path.name for path in _present(site_id, archives[0].parent)], site_id)
    taken = ", ".join(path.name for path in archives if is_archive(path.name, site_id))
    others = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    return f"{site_id}: takes {taken}, leaves out {others}" if others else ""


def unknown_names(folder: str | Path, site_id: str | None = None) -> list[str]:
    """A line for each file of a folder that looks like an archive (of a site) under a name that is not known."""
    return misnamed([path.name for path in _files(folder)], site_id)


def missing_message(site_id: str, folder: str | Path, patterns: Sequence[str] | None = None) -> str:
    """What the user can do about a site without its archives, in one line.

    It names the `patterns` that fit no file of the folder, and files of names that are not known.
    """
    absent = _unmatched(patterns or (), _present(site_id, folder))
    what = f"no archive {' and no '.join(absent)} found" if absent else "no archive found"
    names = "" if absent else f", {expected(site_id)}"
    odd = "".join(f"; {line}" for line in unknown_names(folder, site_id))
    return (
        f"{site_id}: {what}; put one from its network (https://ameriflux.lbl.gov, https://fluxnet.org or "
        f"https://data.icos-cp.eu) into the folder {folder}{names}{odd}"
    )


def _files(folder: str | Path) -> list[Path]:
    return [path for path in sorted(Path(folder).glob("*")) if path.is_file()]


def _present(site_id: str, folder: str | Path) -> list[Path]:
    """Archives of a site in a folder, sorted by name."""
    return [path for path in _files(folder) if is_archive(path.name, site_id)]


def _unmatched(patterns: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """The patterns that fit the name of no file."""
    return [pattern for pattern in patterns if not any(fnmatch(path.name, pattern) for path in paths)]


def obtain(
    site_id: str,
    folder: str | Path,
    services: Services,
    patterns: Sequence[str] | None = None,
    client: Client | None = None,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Download the archives of a site into a folder, from the first service that has them; their paths.

    In this order: open service of AmeriFlux, snapshot (if given), account (if given; one product after the other),
    PLUMBER2. Offers whose names do not fit the `patterns`, each of which has to name a file, count as not available.
    Beside each archive a file `<name>.source.json` states where it is from. Raises InputError with all reasons if no
    service has them, and for addresses that are none.
    """
    client = client or Client()
    check_web(services.ameriflux, AMERIFLUX)
    check_web(services.plumber2, PLUMBER2)
    tries: dict[str, Callable[[], list[Offer]]] = {
        "AmeriFlux": lambda: open_ameriflux(client, site_id, services.ameriflux, services.user)
    }
    if services.snapshot:
        tries["snapshot"] = lambda: snapshot(site_id, services.snapshot)
    for product in ACCOUNT_PRODUCTS if services.account else ():
        tries[f"account, {product}"] = partial(
            account_ameriflux, client, site_id, product, *services.account, services.ameriflux
        )
    tries["PLUMBER2"] = lambda: plumber2(client, site_id, services.plumber2)
    failures = []
    for name, ask in tries.items():
        try:
            offers = ask()
            unmatched = [
                pattern
                for pattern in patterns or ()
                if not any(fnmatch(offer.name, pattern) for offer in offers)
            ]
            if unmatched:
                raise NotAvailable(f"offers {described(offers)} instead of {' and '.join(unmatched)}")
            say(f"{site_id}: downloading {described(offers)} from {offers[0].service}")
            paths = []
            try:
                for offer in offers:
                    paths.append(download(client, offer, site_id, Path(folder)))
            except NotAvailable:
                for path in paths:  # a Met file without its Flux file is no record
                    path.unlink()
                    source_file(path).unlink()
                raise
            if services.notify and name == "AmeriFlux":
                log_request(client, [path.name for path in paths], services.ameriflux, services.user)
            return paths
        except NotAvailable as error:
            failures.append(f"{name}: {error}")
            say(f"{site_id}: {failures[-1]}")
    raise InputError(f"{missing_message(site_id, folder, patterns)} ({'; '.join(failures)})")


def download(client: Client, offer: Offer, site_id: str, folder: Path) -> Path:
    """One file of an offer, checked: size, MD5, CRC of every member, and that it can be read.

    A transfer that broke off, in this process or an earlier one, goes on from the file `.<name>.part`; if the sum
    of its parts is wrong it begins anew. Raises NotAvailable with what was wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / offer.name
    # The last suffix stays, by which readers choose the format.
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    if client.save(offer.url, part):
        try:
            _verify(part, offer, site_id)
        except NotAvailable:
            part.unlink()
            client.save(offer.url, part)
    try:
        _verify(part, offer, site_id)
    except NotAvailable:
        part.unlink()
        raise
    source = {
        "service": offer.service,
        "url": offer.url,
        "citation": offer.citation,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
    }
    write_json(source_file(path), source)
    os.replace(part, path)
    return path


def source_file(archive: Path) -> Path:
    """The file that states the origin of a downloaded archive."""
    return archive.with_name(f"{archive.name}.source.json")


def _verify(path: Path, offer: Offer, site_id: str) -> None:
    """Raise NotAvailable unless the file is what was promised and an archive of the site."""
    with open(path, "rb") as file:
        head = file.read(40)
    if not head.startswith(MAGIC[path.suffix]):
        kind = "ZIP archive" if path.suffix == ".zip" else "netCDF file"
        raise NotAvailable(f"{offer.name}: the download is no {kind}, it begins with {head!r}")
    if offer.size is not None and path.stat().st_size != offer.size:
        raise NotAvailable(
            f"{offer.name}: the download has {path.stat().st_size} bytes, expected {offer.size}"
        )
    if offer.md5 is not None and md5(path) != offer.md5:
        raise NotAvailable(f"{offer.name}: the download has MD5 {md5(path)}, expected {offer.md5}")
    try:
        if path.suffix == ".zip":
            check_whole(path)
        read_archive(path, site_id)
    except InputError as error:  # which calls the file by its temporary name
        raise NotAvailable(str(error).replace(path.name, offer.name)) from None


def md5(path: str | Path) -> str:
    """Hex digest by which the networks list their archives; no protection against anybody."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def record_of(path: Path) -> dict[str, str | int]:
    """Name, size, checksums and origin of an archive; of one that was put into the folder, the date of the file."""
    try:
        stated = read_json(source_file(path))
    except InputError:
        stated = {}
    dated = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
    checks = {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path), "md5": md5(path)}
    return {"service": "folder", "url": "", "citation": "", "date": dated} | stated | checks


def citations(sources: Sequence[Mapping]) -> str:
    """What to cite for the data of a run, a paragraph for each `source.json`: the citation and the archives."""
    paragraphs = []
    for source in sources:
        files = [
            f"  {archive['name']} (sha256 {archive['sha256']}), "
            f"{archive['url'] or archive['service']}, {archive['date']}"
            for archive in source["archives"]
        ]
        cited = source["citation"] or "no citation known: ask the network of the tower"
        paragraphs.append("\n".join([f"{source['site']}: {cited}", *files]))
    return "\n\n".join(paragraphs) + "\n"
