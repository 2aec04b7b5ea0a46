"""Ask the servers of the networks whether they still speak the protocols of `lad fetch`; needs the network.

Each service is asked for its list, and one small archive is downloaded to a temporary folder and read. Prints a line
for each and fails if one does.
"""

import argparse
import os

from lad.errors import InputError
from lad.towers.arguments import add_service_arguments, services_from
from lad.towers.http import Client, NotAvailable
from lad.towers.live import live_checks


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
    services = services_from(args, os.environ)
    checks = live_checks(services, Client(), args.site, args.plumber2_site, args.snapshot_site)
    failed = 0
    for name, check in checks.items():
        try:
            print(f"ok      {name}: {check()}", flush=True)
        except (NotAvailable, InputError) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
    if failed:
        raise InputError(f"{failed} of {len(checks)} checks failed")
