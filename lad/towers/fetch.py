"""The archives of a site: in a folder, else from the first service that has them, downloaded into that folder."""

import datetime
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path

from lad.errors import InputError
from lad.io import read_json, replacing, sha256, write_json
from lad.towers.archives import missing_message
from lad.towers.http import Client, NotAvailable, check_web
from lad.towers.readers import read_archive
from lad.towers.services import AMERIFLUX, PLUMBER2, Offer, Services, described, log_request
from lad.towers.unzip import check_whole

MAGIC = {".zip": b"PK\x03\x04", ".nc": (b"\x89HDF", b"CDF")}


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
    PLUMBER2. Offers count as not available unless each of the `patterns` matches one of their names. Beside each
    archive a file `<name>.source.json` states its origin. Raises InputError with all reasons if no service has them,
    and for invalid addresses.
    """
    client = client or Client()
    check_web(services.ameriflux, AMERIFLUX)
    check_web(services.plumber2, PLUMBER2)
    failures = []
    for name, ask in services.in_turn().items():
        try:
            offers = ask(client, site_id)
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
                log_request(services, client, [path.name for path in paths])
            return paths
        except NotAvailable as error:
            failures.append(f"{name}: {error}")
            say(f"{site_id}: {failures[-1]}")
    raise InputError(f"{missing_message(site_id, folder, patterns)} ({'; '.join(failures)})")


def download(client: Client, offer: Offer, site_id: str, folder: Path) -> Path:
    """Download one file of an offer and check it: size, MD5, CRC of every member, and that it can be read.

    An interrupted transfer, of this process or an earlier one, resumes from the file `.<name>.part`; if the result is
    wrong, it starts again. Raises NotAvailable with what was wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / offer.name
    # With the last suffix, by which readers choose the format.
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    for last in (False, True):
        resumed = client.save(offer.url, part)
        try:
            _verify(part, offer, site_id)
            break
        except NotAvailable:
            part.unlink()
            if last or not resumed:
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
    except InputError as error:  # it has the temporary name
        raise NotAvailable(str(error).replace(path.name, offer.name)) from None


def md5(path: str | Path) -> str:
    """Hex digest by which the networks list their archives; no protection against tampering."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def record_of(path: Path) -> dict[str, str | int]:
    """Name, size, checksums and origin of an archive; its file date if it was put into the folder by hand."""
    try:
        stated = read_json(source_file(path))
    except InputError:
        stated = {}
    dated = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
    checks = {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path), "md5": md5(path)}
    return {"service": "folder", "url": "", "citation": "", "date": dated} | stated | checks


def copy_whole(paths: Sequence[Path], folder: Path) -> list[dict[str, str | int]]:
    """Copy archives into `folder` and remove all others there; returns their `record_of`.

    All copies are complete before one gets its name. Raises InputError if an archive changed meanwhile.
    """
    records = []
    with ExitStack() as copies:
        for path in paths:
            copy = copies.enter_context(replacing(folder / path.name))
            shutil.copyfile(path, copy)
            records.append(record_of(path))
            if sha256(copy) != records[-1]["sha256"]:
                raise InputError(f"{path}: changed while it was copied; run again when it is whole")
    for path in set(folder.iterdir()) - {folder / path.name for path in paths}:
        path.unlink()  # of an earlier choice
    return records


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
