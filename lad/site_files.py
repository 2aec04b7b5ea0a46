"""Command-line options of steps that take the files of many sites, each list in the order of the sites."""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.forcing import Record, read_record
from lad.periods import NAMES, Periods, read_periods

FILES = ("forcing", "observations", "periods")


def add_site_files(parser: argparse.ArgumentParser) -> None:
    """Sites and their files."""
    parser.add_argument("--site", nargs="+", required=True, help="site identifiers")
    parser.add_argument("--forcing", type=Path, nargs="+", required=True, help="forcing file of each site")
    parser.add_argument(
        "--observations", type=Path, nargs="+", required=True, help="measured fluxes of each site"
    )
    parser.add_argument(
        "--periods", type=Path, nargs="+", required=True, help="file of lad periods of each site"
    )


def site_files(args: argparse.Namespace) -> dict[str, dict[str, Path]]:
    """Site → name → file of the options of `add_site_files`.

    Raises InputError for lists of other lengths, and for a site that is given twice.
    """
    twice = [site for site in args.site if args.site.count(site) > 1]
    if twice:
        raise InputError(f"--site: {twice[0]} is given twice")
    for name in FILES:
        if len(getattr(args, name)) != len(args.site):
            raise InputError(f"--{name}: {len(getattr(args, name))} files for {len(args.site)} sites")
    files = zip(*(getattr(args, name) for name in FILES), strict=True)
    return {
        site: dict(zip(FILES, of_site, strict=True)) for site, of_site in zip(args.site, files, strict=True)
    }


def site_periods(files: dict[str, dict[str, Path]]) -> dict[str, dict[str, Periods]]:
    """Site → name → periods, of the files of `site_files`; raises InputError as `read_periods`."""
    return {site: read_periods(paths["periods"], *NAMES) for site, paths in files.items()}


def record_of(site: str, path: Path, net_radiation: Path | None = None) -> Record:
    """`read_record` of the forcing file of a site; raises InputError if it is that of another.

    It may state none.
    """
    record = read_record(path, net_radiation)
    found = record.attrs.get("site_id", site)
    if found != site:
        raise InputError(f"{path}: is of site {found}, expected {site}")
    return record
