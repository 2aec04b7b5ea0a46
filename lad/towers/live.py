"""Checks that the servers of the networks still speak the protocols of `lad.towers.services`."""

import tempfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from lad.towers.fetch import download
from lad.towers.http import Client
from lad.towers.services import Services, described, listed_sites

KNOWN = "US-Me2"  # has an archive of every product


def live_checks(
    services: Services, client: Client, site: str, plumber2_site: str, snapshot_site: str | None
) -> dict[str, Callable[[], str]]:
    """Checks by name: each gives what it found, or raises NotAvailable or InputError.

    The archive of `site` of AmeriFlux is downloaded and read, and that of `snapshot_site` if there is a snapshot.
    """
    asked = services.in_turn()

    def offered(service: str, site_id: str) -> Callable[[], str]:
        return lambda: described(asked[service](client, site_id))

    def downloaded(service: str, site_id: str) -> Callable[[], str]:
        return lambda: _download(client, asked[service](client, site_id), site_id)

    checks = {
        "AmeriFlux, list of sites": lambda: f"{len(listed_sites(services, client))} sites",
        f"AmeriFlux, manifest of {KNOWN}": offered("AmeriFlux", KNOWN),
        f"AmeriFlux, archive of {site}": downloaded("AmeriFlux", site),
        f"PLUMBER2, files of {plumber2_site}": offered("PLUMBER2", plumber2_site),
    }
    accounts = [name for name in asked if name.startswith("account")]
    checks |= {f"AmeriFlux, {name} of {KNOWN}": offered(name, KNOWN) for name in accounts}
    if services.snapshot and snapshot_site:
        name = f"{Path(services.snapshot).name}, archive of {snapshot_site}"
        checks[name] = downloaded("snapshot", snapshot_site)
    return checks


def _download(client: Client, offers: list, site_id: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [download(client, offer, site_id, Path(folder)) for offer in offers]
        size = sum(path.stat().st_size for path in paths)
    return f"{described(offers)}, {size / 1e6:.1f} MB, from {urllib.parse.urlsplit(offers[0].url).hostname}"
