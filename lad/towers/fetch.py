"""Where the archives of a site come from: a folder, else the open download service of AmeriFlux."""

import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from lad.errors import InputError
from lad.io import replacing
from lad.towers.archives import expected, is_archive, read_table

BASE_URL = "https://amfcdn.lbl.gov/"
MANIFEST = "api/v2/amf_shuttle_data_files_and_manifest"
# The service asks for a user; this is the one that it gives to programs without an account.
USER = "fluxnetshuttle"
USER_AGENT = "lad (land surface model study; Python urllib)"
TIMEOUT = 15  # s
TRIES = 3


class NotAvailable(Exception):
    """The download service does not answer, or does not have the archive."""


def find_archives(
    site_id: str, folders: Sequence[str | Path], patterns: Sequence[str] | None = None
) -> list[Path]:
    """Archives of a site in the first folder that has them, sorted by name; empty if none has.

    `patterns` are globs of file names, of which each has to name a file; without them every archive of the
    site counts. Folders that do not exist are passed over.
    """
    patterns = patterns or ["*"]
    for folder in folders:
        present = _present(site_id, folder)
        if not _unmatched(patterns, present):
            return [path for path in present if any(fnmatch(path.name, pattern) for pattern in patterns)]
    return []


def missing_message(site_id: str, folder: str | Path, patterns: Sequence[str] | None = None) -> str:
    """What to do by hand about a site without its archives, in one line.

    Of `patterns` those are told that name no file of the folder.
    """
    absent = _unmatched(patterns or (), _present(site_id, folder))
    what = f"no archive {' and no '.join(absent)} found" if absent else "no archive found"
    names = "" if absent else f", {expected(site_id)}"
    return (
        f"{site_id}: {what}; download it from its network (https://ameriflux.lbl.gov or "
        f"https://fluxnet.org) and put it into the folder {folder}{names}"
    )


def _present(site_id: str, folder: str | Path) -> list[Path]:
    """Archives of a site in a folder, sorted by name."""
    return [
        path for path in sorted(Path(folder).glob("*")) if path.is_file() and is_archive(path.name, site_id)
    ]


def _unmatched(patterns: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """The patterns that fit the name of no file."""
    return [pattern for pattern in patterns if not any(fnmatch(path.name, pattern) for path in paths)]


def download(
    site_id: str,
    folder: str | Path,
    base_url: str = BASE_URL,
    pause: float = 2.0,
    patterns: Sequence[str] | None = None,
) -> tuple[Path, str]:
    """Download the FLUXNET archive of a site into a folder; return its path and its address.

    An archive whose name does not fit all `patterns` is not fetched and counts as not available.

    The manifest states size and MD5; both are checked, and that the file is a readable archive of the site,
    before it gets its name. Server errors, time-outs and truncated bodies are tried three times, `pause` and
    2 `pause` s apart. Raises NotAvailable if there is no connection or no archive, InputError for a
    `base_url`, a reply or a file that is not what it should be.
    """
    if not _is_web(base_url):
        raise InputError(f"download service {base_url!r}: expected an address like {BASE_URL}")
    query = {"user_id": USER, "data_product": "FLUXNET", "data_variant": "FULLSET", "site_ids": [site_id]}
    manifest = urllib.parse.urljoin(base_url, MANIFEST)
    reply = _persist(lambda: _read(manifest, json.dumps(query).encode()), pause)
    url, size, checksum = _offer(reply, site_id)
    name = urllib.parse.urlsplit(url).path.rpartition("/")[2] if _is_web(url) else ""
    if not is_archive(name, site_id):
        raise InputError(f"{site_id}: {manifest} offers {url!r}, {expected(site_id)}")
    if not all(fnmatch(name, pattern) for pattern in patterns or ()):
        raise NotAvailable(f"the download service offers {name} instead")
    path = Path(folder) / name
    with replacing(path) as temporary:
        _persist(lambda: _save(url, temporary), pause)
        _verify(temporary, name, site_id, size, checksum)
    return path, url


def _is_web(url: str) -> bool:
    """Whether this is an address of the web with a server in it, and not of a file or no address at all."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half a bracket, a port that is no number
        return False


def _offer(reply: bytes, site_id: str) -> tuple[str, int, str]:
    """Address, size and MD5 from the manifest of one site."""
    try:
        offers = [offer for offer in json.loads(reply)["data_urls"] if offer["site_id"] == site_id]
        if offers:
            return (
                str(offers[0]["url"]),
                int(offers[0]["download_size"]),
                offers[0]["download_checksum"].lower(),
            )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{site_id}: the download service sent no manifest but {reply[:40]!r}") from None
    raise NotAvailable("the download service has no FLUXNET archive of this site")


def _verify(path: Path, name: str, site_id: str, size: int, checksum: str) -> None:
    """Raise InputError unless the file is what the manifest promised and an archive of the site."""
    with open(path, "rb") as file:
        head = file.read(40)
    if not head.startswith(b"PK\x03\x04"):
        raise InputError(f"{name}: the download is no ZIP archive, it begins with {head!r}")
    if path.stat().st_size != size:
        raise InputError(f"{name}: the download has {path.stat().st_size} bytes, expected {size}")
    if md5(path) != checksum:
        raise InputError(f"{name}: the download has MD5 {md5(path)}, expected {checksum}")
    try:
        read_table(path, site_id)
    except InputError as error:  # which calls the file by its temporary name
        raise InputError(str(error).replace(path.name, name)) from None


def md5(path: str | Path) -> str:
    """Hex digest by which the networks list their archives; no protection against anybody."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _persist(action: Callable[[], Any], pause: float) -> Any:
    """Result of an action on the network; raises NotAvailable if it cannot be had."""
    for attempt in range(1, TRIES + 1):
        try:
            return action()
        except urllib.error.HTTPError as error:
            failure, passing = f"{error.url} answers {error.code} {error.reason}", error.code >= 500
        except urllib.error.URLError as error:
            failure, passing = f"no connection: {error.reason}", isinstance(error.reason, TimeoutError)
        except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
            failure, passing = f"connection broken: {error}", True
        if not passing or attempt == TRIES:
            raise NotAvailable(failure)
        time.sleep(attempt * pause)


def _open(url: str, data: bytes | None = None) -> http.client.HTTPResponse:
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*"} | (
        {"Content-Type": "application/json"} if data else {}
    )
    return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=TIMEOUT)


def _read(url: str, data: bytes) -> bytes:
    with _open(url, data) as response:
        return response.read()


def _save(url: str, path: Path) -> None:
    with _open(url) as response, open(path, "wb") as file:
        shutil.copyfileobj(response, file)
        promised = response.headers.get("Content-Length")
        if promised and file.tell() < int(promised):
            raise http.client.IncompleteRead(b"", int(promised) - file.tell())
