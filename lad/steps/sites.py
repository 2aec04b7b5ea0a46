"""List the towers of folders, of a list of the FLUXNET shuttle or of AmeriFlux, and judge which suffice for a run.

From archives in folders it prints what was measured, or has no flag, by variable and year, in % of the intervals (LE
and H: of those in daylight). Of archives not yet downloaded only the published years are known.
"""

import argparse
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.io import write_csv
from lad.towers.archives import unknown_names
from lad.towers.arguments import add_service_arguments
from lad.towers.listing import LISTED, in_folders, published


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument(
        "--archives", type=Path, nargs="+", default=[], metavar="DIR", help="folders of archives"
    )
    parser.add_argument(
        "--sites", type=Path, metavar="CSV", help="table of sites, beside that of the package"
    )
    parser.add_argument("--network", action="store_true", help="ask AmeriFlux for what it publishes")
    add_service_arguments(parser)
    parser.add_argument("--output", type=Path, metavar="CSV", help="the list as a table")


def run(args: argparse.Namespace) -> None:
    """Print the list, and the coverage of each site of a folder."""
    if not (args.archives or args.network or args.snapshot):
        raise InputError("expected --archives, --snapshot or --network")
    rows = list(in_folders(args.archives, args.sites))
    here = {row["site_id"] for row in rows}
    rows += published(args.snapshot, args.ameriflux if args.network else None, here)
    odd = [line for folder in args.archives for line in unknown_names(folder)]
    if not rows:
        raise InputError("; ".join([f"{', '.join(map(str, args.archives))}: no tower archive", *odd]))
    for line in odd:
        print(line)
    table = pd.DataFrame(rows).reindex(columns=LISTED)
    print(table.drop(columns=["record", "reason"]).fillna("").to_string(index=False))
    for row in rows:
        if row.get("reason"):
            print(f"{row['site_id']}: {row['reason']}")
    if args.output:
        write_csv(args.output, table)
