"""Requests to the servers of the networks: tried again where that may help, resumed where they broke off."""

import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from lad.errors import InputError
from lad.progress import Progress

# No compression: a transfer resumes at a byte of the file itself.
HEADERS = {"User-Agent": "lad (land surface model study; Python requests)", "Accept-Encoding": "identity"}
TIMEOUT = 15  # s
TRIES = 3
PIECE = 1 << 20  # bytes
MB = 10**6
PAUSE = 2.0  # s
LONGEST_PAUSE = 60  # s, whatever the server asks for


class NotAvailable(Exception):
    """A server does not answer, does not have what is asked for, or sends something else."""


def is_web(url: str) -> bool:
    """Whether this is a web address with a server, not a file or no address at all."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError):  # half a bracket, a port that is no number, no text
        return False


def check_web(url: str, example: str) -> None:
    """Raise InputError unless `url` is an address of the web."""
    if not is_web(url):
        raise InputError(f"download service {url!r}: expected an address like {example}")


class Client:
    """A session that keeps cookies, such as that of an accepted licence.

    After server errors and broken connections, requests are tried up to `TRIES` times, with pauses that grow from
    `pause` s or that the server asks for (Retry-After); not if a server cannot be reached or refuses (4xx).
    """

    def __init__(self, pause: float = PAUSE):
        retries = urllib3.Retry(
            TRIES - 1,
            connect=0,
            allowed_methods=None,  # POST too: all requests are questions
            status_forcelist=range(500, 600),
            raise_on_status=False,
            backoff_factor=pause,
            retry_after_max=LONGEST_PAUSE,
        )
        self._pause = pause
        self._session = requests.Session()
        self._session.headers.update(HEADERS)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retries))

    def read(self, url: str, query: Any = None) -> bytes:
        """Body of a reply; `query` is sent as JSON. Raises NotAvailable."""

        def action() -> bytes:
            with self._asked("GET" if query is None else "POST", url, json=query) as response:
                return b"".join(response.raw.stream(PIECE, decode_content=False))

        return self._persist(action)

    def save(self, url: str, path: Path) -> bool:
        """Write a body to a file, resuming after what it already has; returns whether it resumed.

        What was written stays if the transfer breaks off. Raises NotAvailable.
        """
        resumed = False

        def action() -> None:
            nonlocal resumed
            there = path.stat().st_size if path.exists() else 0
            headers = {"Range": f"bytes={there}-"} if there else {}
            with self._asked("GET", url, headers=headers) as response:
                if response.status_code == 416:  # nothing follows: the file is whole, or of another version
                    resumed = True
                    return
                goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {there}-")
                resumed = resumed or goes_on
                before, promised = (there if goes_on else 0), int(response.headers.get("Content-Length", 0))
                name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
                progress = Progress(f"{name}, MB", max(1, (before + promised) // MB), before // MB)
                with open(path, "ab" if goes_on else "wb") as file:
                    for piece in response.raw.stream(PIECE, decode_content=False):
                        file.write(piece)
                        progress.update(file.tell() // MB)

        self._persist(action)
        return resumed

    def _asked(self, method: str, url: str, **options: Any) -> requests.Response:
        """The reply, its body not yet read; raises NotAvailable without a reply or for a refusal."""
        try:
            response = self._session.request(method, url, stream=True, timeout=TIMEOUT, **options)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            cause = getattr(error.args[0] if error.args else None, "reason", error)
            raise NotAvailable(f"no connection: {' '.join(str(cause).split())}") from None
        if response.ok or (response.status_code == 416 and "Range" in response.request.headers):
            return response
        response.close()
        raise NotAvailable(f"{response.url} answers {response.status_code} {response.reason}")

    def _persist(self, action: Callable[[], Any]) -> Any:
        """Result of an action whose body may break off; raises NotAvailable if it does every time."""
        for attempt in range(1, TRIES + 1):
            try:
                return action()
            except urllib3.exceptions.HTTPError as error:
                if attempt == TRIES:
                    raise NotAvailable(f"connection broken: {error}") from None
            time.sleep(attempt * self._pause)
