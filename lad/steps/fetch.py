"""Collect the archives of a tower: from folders, else by download into the first of them."""

import argparse
import os
from pathlib import Path

from lad.io import write_csv, write_json
from lad.provenance import provenance
from lad.towers.archives import find_archives, is_metadata, left_out, unknown_names
from lad.towers.arguments import add_service_arguments, add_site_arguments, services_from, site_from
from lad.towers.fetch import copy_whole, obtain
from lad.towers.http import Client
from lad.towers.metadata import site_columns
from lad.towers.modis import MODIS, PRODUCT, leaf_area
from lad.towers.readers import read_archive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_arguments(parser)
    parser.add_argument(
        "--archives",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders to search, the first with an archive counts; downloads go to the first of all",
    )
    parser.add_argument(
        "--archive",
        action="append",
        metavar="NAME",
        help="name of an archive to take, may have * and ?; can be repeated, each must exist",
    )
    parser.add_argument(
        "--lai",
        action="store_true",
        help="also download MODIS leaf area index around the tower to lai/ of the first folder",
    )
    parser.add_argument(
        "--modis", default=MODIS, metavar="URL", help="service of the leaf area, default %(default)s"
    )
    add_service_arguments(parser)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="receives archive/ and source.json"
    )


def run(args: argparse.Namespace) -> None:
    """Write output/archive/<name> and output/source.json."""
    found = find_archives(args.site, args.archives, args.archive)
    if not found:
        obtain(args.site, args.archives[0], services_from(args, os.environ), args.archive)
        found = find_archives(args.site, args.archives, args.archive)
    for line in unknown_names(found[0].parent, args.site):
        print(line)
    if not args.archive and (line := left_out(args.site, found)):
        print(line)
    for path in found:
        if not is_metadata(path.name, args.site):
            read_archive(path, args.site)  # refuses what is damaged or of another site
    folder = args.output / "archive"
    archives, chosen = copy_whole(found, folder), [folder / path.name for path in found]
    cells, _ = site_columns(args.site, chosen, args.sites)
    stated = [archive["citation"] for archive in archives if archive["citation"]]
    source = {
        "site": args.site,
        "citation": "; ".join(dict.fromkeys(stated)) or cells.get("citation", ""),
        "archives": archives,
        "provenance": provenance({path.name: path for path in chosen}, archive=args.archive),
    }
    write_json(args.output / "source.json", source)
    for archive in archives:
        print(f"{args.site}: {archive['name']} from {archive['url'] or found[0].parent}")
    if args.lai:
        site = site_from(args, chosen)
        path = args.archives[0] / "lai" / f"{args.site}_{PRODUCT}_lai.csv"
        table = leaf_area(Client(), args.modis, site.latitude, site.longitude)
        write_csv(path, table)
        span = f"{table.date.iloc[0]} to {table.date.iloc[-1]}"
        print(
            f"{path}: LAI on {len(table)} dates, {span}; use it with  sites: {{{args.site}: {{lai: {path}}}}}"
        )
