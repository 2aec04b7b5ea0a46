"""Command-line options of the steps that read a tower."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from lad.towers.metadata import find_site, parse_settings
from lad.towers.services import AMERIFLUX, PLUMBER2, USER, Services, account_from
from lad.towers.sites import Site


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for the tower and its metadata."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, for example US-CRT")
    parser.add_argument(
        "--sites", type=Path, metavar="CSV", help="table of sites, beside that of the package"
    )
    parser.add_argument(
        "--metadata",
        action="append",
        metavar="NAME=VALUE",
        help="value that replaces those of tables and archives, for example canopy_height=3; can be repeated",
    )


def site_from(args: argparse.Namespace, archives: list[Path]) -> Site:
    """The tower that the options and its archives describe; raises InputError if they do not."""
    return find_site(args.site, archives, args.sites, parse_settings(args.metadata))


def add_service_arguments(parser: argparse.ArgumentParser) -> None:
    """Addresses of the download services."""
    web = parser.add_argument_group(
        "download", "The environment names an AmeriFlux account: AMERIFLUX_USER_ID, AMERIFLUX_USER_EMAIL."
    )
    web.add_argument("--ameriflux", default=AMERIFLUX, metavar="URL", help="service, default %(default)s")
    web.add_argument("--user", default=USER, help="user of its open part, default %(default)s")
    web.add_argument(
        "--snapshot", type=Path, metavar="CSV", help="list of the FLUXNET shuttle, for ICOS and TERN"
    )
    web.add_argument(
        "--plumber2", default=PLUMBER2, metavar="URL", help="THREDDS server, default %(default)s"
    )
    web.add_argument(
        "--notify",
        action="store_true",
        help="let AmeriFlux count downloads from its open service (default: no)",
    )


def services_from(args: argparse.Namespace, environment: Mapping[str, str]) -> Services:
    """The services that options and environment name."""
    account = account_from(environment)
    return Services(args.ameriflux, args.user, args.snapshot, args.plumber2, account, args.notify)
