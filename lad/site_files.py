"""Command-line options of steps that take the files of many sites, each list in the order of the sites."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lad.errors import InputError
from lad.forcing import Record, read_record
from lad.periods import Periods, periods_from, read_periods

FILES = ("forcing", "observations", "periods")


def add_site_files(parser: argparse.ArgumentParser, *names: str) -> None:
    """Sites and their files; with `names` of periods, their days instead of files of periods."""
    parser.add_argument("--site", nargs="+", required=True, metavar="ID", help="site identifiers")
    given = {"nargs": "+", "type": Path}
    parser.add_argument("--forcing", **given, required=True, metavar="NC", help="forcing file of each site")
    parser.add_argument(
        "--observations", **given, required=True, metavar="NC", help="measured fluxes of each site"
    )
    for name in names:
        parser.add_argument(f"--{name}", nargs="+", metavar="FIRST:LAST", help=f"days of the {name} periods")
    about = "instead, file of lad periods of each site" if names else "file of lad periods of each site"
    parser.add_argument("--periods", **given, required=not names, metavar="JSON", help=about)


def of_each_site(args: argparse.Namespace, *names: str) -> dict[str, dict[str, Any]]:
    """Site → option → its value, of those options `names` that are given, each a list in the order of the sites.

    Raises InputError for lists of other lengths, and for a site that is given twice.
    """
    twice = [site for site in args.site if args.site.count(site) > 1]
    if twice:
        raise InputError(f"--site: {twice[0]} is given twice")
    given = {name: values for name in names if (values := getattr(args, name)) is not None}
    for name, values in given.items():
        if len(values) != len(args.site):
            raise InputError(f"--{name}: {len(values)} files for {len(args.site)} sites")
    return {site: {name: values[n] for name, values in given.items()} for n, site in enumerate(args.site)}


def inputs_of(files: Mapping[str, Mapping[str, Path]]) -> dict[str, Path]:
    """Files of `of_each_site` by their role, for a record of origin."""
    return {f"{name} {site}": path for site, paths in files.items() for name, path in paths.items()}


def site_periods(args: argparse.Namespace, *names: str) -> dict[str, dict[str, Periods]]:
    """Site → name → periods, of the options of `add_site_files`; raises InputError for others and for none."""
    if args.periods is None:
        return dict.fromkeys(args.site, periods_from(args, *names))
    return {site: read_periods(of["periods"], *names) for site, of in of_each_site(args, "periods").items()}


def record_of(site: str, path: Path, net_radiation: Path | None = None) -> Record:
    """`read_record` of the forcing file of a site; raises InputError if it is that of another.

    The file may state no site.
    """
    record = read_record(path, net_radiation)
    found = record.attrs.get("site_id", site)
    if found != site:
        raise InputError(f"{path}: is of site {found}, expected {site}")
    return record
