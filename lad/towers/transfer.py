"""Requests to the servers of the networks: tried again where that may help, resumed where they broke off."""

import http.client
import http.cookiejar
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lad.errors import InputError
from lad.progress import Progress

USER_AGENT = "lad (land surface model study; Python urllib)"
TIMEOUT = 15  # s
TRIES = 3
PIECE = 1 << 20  # bytes
MB = 10**6
PAUSE = 2.0  # s before the second try, twice that before the third


class NotAvailable(Exception):
    """A server does not answer, does not have what is asked for, or sends something else."""


def is_web(url: str) -> bool:
    """Whether this is an address of the web with a server in it, and not of a file or no address at all."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError):  # half a bracket, a port that is no number, no text
        return False


def check_web(url: str, example: str) -> None:
    """Raise InputError unless `url` is an address of the web."""
    if not is_web(url):
        raise InputError(f"download service {url!r}: expected an address like {example}")


def _received(response: http.client.HTTPResponse) -> bytes:
    """The next piece of a body; what breaks the connection is another error than what a disk refuses."""
    try:
        return response.read(PIECE)
    except OSError as error:
        raise ConnectionError(str(error)) from None


class Client:
    """Keeps the cookies of the servers, as that by which a licence was accepted; `pause` as in `PAUSE`."""

    def __init__(self, pause: float = PAUSE):
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self._pause = pause

    def read(self, url: str, query: Any = None) -> bytes:
        """Body of a reply; `query` is sent as JSON. Raises NotAvailable."""
        data = None if query is None else json.dumps(query).encode()

        def action() -> bytes:
            with self._open(url, data, {"Content-Type": "application/json"} if data else {}) as response:
                return b"".join(iter(lambda: _received(response), b""))

        return self._persist(action)

    def save(self, url: str, path: Path) -> bool:
        """Write a body to a file, going on after what the file has already; whether it went on so.

        What was written stays when the transfer breaks. Raises NotAvailable.
        """
        resumed = False

        def action() -> None:
            nonlocal resumed
            there = path.stat().st_size if path.exists() else 0
            try:
                response = self._open(url, None, {"Range": f"bytes={there}-"} if there else {})
            except urllib.error.HTTPError as error:
                if error.code == 416 and there:  # nothing follows: the file is whole, or of another version
                    resumed = True
                    return
                raise
            with response:
                goes_on = response.status == 206 and str(
                    response.headers.get("Content-Range", "")
                ).startswith(f"bytes {there}-")
                resumed = resumed or goes_on
                before, promised = (there if goes_on else 0), int(response.headers.get("Content-Length") or 0)
                name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
                progress = Progress(f"{name}, MB", max(1, (before + promised) // MB), before // MB)
                with open(path, "ab" if goes_on else "wb") as file:
                    while piece := _received(response):
                        file.write(piece)
                        progress.update(file.tell() // MB)
                    written = file.tell() - before
                if written < promised:
                    raise http.client.IncompleteRead(b"", promised - written)

        self._persist(action)
        return resumed

    def _open(self, url: str, data: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*"} | headers
        return self._opener.open(urllib.request.Request(url, data, headers), timeout=TIMEOUT)

    def _persist(self, action: Callable[[], Any]) -> Any:
        """Result of an action on the network; raises NotAvailable if it cannot be had."""
        for attempt in range(1, TRIES + 1):
            try:
                return action()
            except urllib.error.HTTPError as error:
                failure, passing = f"{error.url} answers {error.code} {error.reason}", error.code >= 500
            except urllib.error.URLError as error:
                failure, passing = f"no connection: {error.reason}", isinstance(error.reason, TimeoutError)
            except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
                failure, passing = f"connection broken: {error!r}", True
            except ValueError as error:  # a redirection to no address
                failure, passing = f"no address: {error}", False
            if not passing or attempt == TRIES:
                raise NotAvailable(failure)
            time.sleep(attempt * self._pause)
