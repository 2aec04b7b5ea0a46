"""List the towers of folders, of a list of the FLUXNET shuttle or of AmeriFlux, and judge which can carry a run.

Archives in folders are read: what was measured, or has no flag, of each variable in each year, in % of the intervals
(LE and H: of those in daylight). Of what is not downloaded only the published years are known.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lad.errors import InputError
from lad.io import write_csv
from lad.periods import ENOUGH_MEASURED, FEWEST_YEARS, usable_years
from lad.towers.archives import find_archives, left_out, sites_of, unknown_names
from lad.towers.arguments import add_service_arguments
from lad.towers.coverage import coverage, daytime_fluxes, shares
from lad.towers.flags import MISSING, NOT_KNOWN, OWN_VALUES
from lad.towers.http import Client, NotAvailable, check_web
from lad.towers.metadata import find_site
from lad.towers.record import read_record
from lad.towers.services import AMERIFLUX, Services, listed_sites, listed_snapshot
from lad.towers.variables import FORCING

LISTED = "site_id source name latitude longitude igbp years record verdict reason".split()
MOSTLY = 0.9  # share of own values below which a variable of the forcing is printed


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
    rows = list(_of_folders(args.archives, args.sites))
    here = {row["site_id"] for row in rows}
    if args.snapshot:
        rows += [_published(entry, args.snapshot.name, here) for entry in listed_snapshot(args.snapshot)]
    if args.network:
        check_web(args.ameriflux, AMERIFLUX)
        try:
            rows += [
                _published(entry, "AmeriFlux", here)
                for entry in listed_sites(Services(args.ameriflux), Client())
            ]
        except NotAvailable as error:
            raise InputError(f"AmeriFlux: {error}") from None
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


def _of_folders(folders: list[Path], sites: Path | None) -> Iterator[dict[str, Any]]:
    """A row for each site of which the folders have an archive; its coverage is printed.

    Raises InputError for a folder or table that is not there.
    """
    for path in (*folders, *([sites] if sites else [])):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    for site_id in sites_of(folders):
        row = {"site_id": site_id, "source": "folder"}
        try:
            archives = find_archives(site_id, folders)
            if line := left_out(site_id, archives):
                print(line)
            record = read_record(find_site(site_id, archives, sites), archives)
        except InputError as error:
            yield row | {"verdict": "no", "reason": str(error)}
            continue
        by_year = coverage(record.values, record.flags)
        print(f"{site_id}, {record.site.name}: {record.product}")
        flags = record.flags.reindex(columns=[*FORCING, "Qle", "Qh"], fill_value=MISSING)
        print(f"% of the record\n{shares(flags).round().astype(int).to_string()}")
        print("% measured, or without a flag, by year (LE, H: of daylight)")
        print(by_year.fillna(0.0).round().astype(int).to_string(), end="\n\n")
        about = {name: getattr(record.site, name) for name in ("name", "latitude", "longitude", "igbp")}
        measured = daytime_fluxes(record.values, record.flags)
        years = usable_years(record.time, record.step, record.segment, measured)
        good = sum(share >= ENOUGH_MEASURED for share in years.values())
        verdict = "yes" if good >= FEWEST_YEARS else "only with periods in the settings" if good else "no"
        listed = ", ".join(f"{period.first:%Y-%m} on: {share:.0%}" for period, share in years.items())
        reason = (
            f"{good} of {len(years)} whole years have LE and H together in {ENOUGH_MEASURED:.0%} of daylight"
        )
        reason += f" ({listed})" if listed else ""
        unknown = (record.flags[["Qle", "Qh"]] == NOT_KNOWN).mean().max()
        if unknown > 1.0 - MOSTLY:
            reason += f"; {unknown:.0%} of LE or H without a flag, perhaps filled"
        own = flags[list(FORCING)].isin(OWN_VALUES).mean()
        if filled := [f"{name} {share:.0%}" for name, share in own.items() if share < MOSTLY]:
            reason += f"; measured only in part: {', '.join(filled)}"
        span = f"{by_year.columns[0]}-{by_year.columns[-1]}"
        yield row | about | {"years": span, "record": record.product, "verdict": verdict, "reason": reason}


def _published(entry: dict[str, Any], source: str, here: set[str]) -> dict[str, Any]:
    """The row of a site that a list offers."""
    years = entry["years"]
    verdict = "is in the folder" if entry["site_id"] in here else "not downloaded"
    span = f"{years[0]}-{years[-1]}" if years else ""
    return entry | {"years": span, "source": source, "verdict": verdict}
