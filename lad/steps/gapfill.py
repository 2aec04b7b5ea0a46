"""Read the archives of a tower, check them and fill the gaps."""

import argparse
from pathlib import Path

from lad.figures.style import save
from lad.figures.tower import origins
from lad.io import write_csv, write_netcdf
from lad.provenance import provenance
from lad.towers.arguments import add_site_arguments, site_from
from lad.towers.coverage import shares
from lad.towers.fill import fill, gap_report
from lad.towers.netcdf import tower_dataset
from lad.towers.record import read_record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_arguments(parser)
    parser.add_argument(
        "--archive", type=Path, nargs="+", required=True, metavar="FILE", help="archives of the site"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="NC", help="filled record")
    parser.add_argument(
        "--report", type=Path, metavar="CSV", help="table of what was measured and what was filled"
    )
    parser.add_argument("--picture", type=Path, metavar="PNG", help="the same as a picture")


def run(args: argparse.Namespace) -> None:
    """Write the filled record; print the origin of its values."""
    site = site_from(args, args.archive)
    record = read_record(site, args.archive)
    filled = fill(record)
    print(f"% of the record\n{shares(filled.flags).to_string()}")
    print(f"metadata: {site.origin}")
    for remark in filled.remarks:
        print(remark)
    for name, count in record.spikes.items():
        print(f"{name}: {count} implausible values were set missing")
    for number, rows in filled.values.groupby(filled.segment):
        print(f"segment {number}: {rows.index[0]:%Y-%m-%d %H:%M} to {rows.index[-1]:%Y-%m-%d %H:%M}")
    write_netcdf(args.output, tower_dataset(filled))
    if args.report:
        write_csv(args.report, gap_report(record, filled))
    if args.picture:
        origin = provenance({path.name: path for path in args.archive}, site=args.site)
        save(args.picture, origins(filled), origin, vector=False)
