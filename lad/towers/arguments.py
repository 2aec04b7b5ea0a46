"""Command-line options of the steps that read a tower."""

import argparse
from pathlib import Path

from lad.towers.metadata import parse_settings, place
from lad.towers.sites import Site


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Which tower, and what is known of it."""
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
    return place(args.site, archives, args.sites, parse_settings(args.metadata))
