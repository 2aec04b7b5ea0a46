"""Check whether the networks' servers still speak the protocols of `lad fetch`; needs internet access.

Each service is asked for its list, and one small archive is downloaded to a temporary folder and read. Prints a line
for each check; fails if one fails.
"""

import argparse
import os
import tempfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from lad.errors import InputError
from lad.towers.arguments import add_service_arguments, services_from
from lad.towers.fetch import download
from lad.towers.http import Client, NotAvailable
from lad.towers.services import described, listed_sites


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument(
        "--site",
        default="AR-Bal",
        metavar="ID",
        help="small site of AmeriFlux to download, default %(default)s",
    )
    parser.add_argument(
        "--plumber2-site",
        default="US-Me2",
        metavar="ID",
        help="site of PLUMBER2 to look up, default %(default)s",
    )
    parser.add_argument(
        "--snapshot-site",
        metavar="ID",
        help="site of the --snapshot to download, of ICOS or TERN for example",
    )
    add_service_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Try one service after the other; raises InputError at the end if some failed."""
    client, services = Client(), services_from(args, os.environ)
    asked = services.in_turn()
    checks: dict[str, Callable[[], str]] = {
        "AmeriFlux, list of sites": lambda: f"{len(listed_sites(services, client))} sites",
        "AmeriFlux, manifest of US-Me2": lambda: described(asked["AmeriFlux"](client, "US-Me2")),
        f"AmeriFlux, archive of {args.site}": lambda: _download(
            client, asked["AmeriFlux"](client, args.site), args.site
        ),
        f"PLUMBER2, files of {args.plumber2_site}": lambda: described(
            asked["PLUMBER2"](client, args.plumber2_site)
        ),
    }
    for name in [name for name in asked if name.startswith("account")]:
        checks[f"AmeriFlux, {name} of US-Me2"] = lambda name=name: described(asked[name](client, "US-Me2"))
    if args.snapshot and args.snapshot_site:
        checks[f"{args.snapshot.name}, archive of {args.snapshot_site}"] = lambda: _download(
            client, asked["snapshot"](client, args.snapshot_site), args.snapshot_site
        )
    failed = 0
    for name, check in checks.items():
        try:
            print(f"ok      {name}: {check()}", flush=True)
        except (NotAvailable, InputError) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    if failed:
        raise InputError(f"{failed} of {len(checks)} checks failed")


def _download(client: Client, offers: list, site_id: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [download(client, offer, site_id, Path(folder)) for offer in offers]
        size = sum(path.stat().st_size for path in paths)
    return f"{described(offers)}, {size / 1e6:.1f} MB, from {urllib.parse.urlsplit(offers[0].url).hostname}"
