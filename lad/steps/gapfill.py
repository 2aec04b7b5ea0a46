"""Read the archives of a tower, check them and fill the gaps of the meteorology."""

import argparse
from pathlib import Path

from lad.io import write_csv, write_netcdf
from lad.towers.fill import fill
from lad.towers.netcdf import tower_dataset
from lad.towers.record import read_record
from lad.towers.report import gap_report
from lad.towers.sites import site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, for example US-CRT")
    parser.add_argument(
        "--sites", type=Path, metavar="CSV", help="site table instead of the one of the package"
    )
    parser.add_argument(
        "--archive", type=Path, nargs="+", required=True, metavar="FILE", help="archives of the site"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="NC", help="filled record")
    parser.add_argument(
        "--report", type=Path, metavar="CSV", help="table of what was measured and what was filled"
    )


def run(args: argparse.Namespace) -> None:
    """Write the filled record; print how it came about."""
    record = read_record(site(args.site, args.sites), args.archive)
    filled = fill(record)
    report = gap_report(record, filled)
    print(report.to_string(index=False, float_format="{:.1f}".format))
    for remark in record.remarks:
        print(remark)
    for name, count in record.spikes.items():
        print(f"{name}: {count} implausible values were set missing")
    for number, rows in filled.values.groupby(filled.segment):
        print(f"segment {number}: {rows.index[0]:%Y-%m-%d %H:%M} to {rows.index[-1]:%Y-%m-%d %H:%M}")
    write_netcdf(args.output, tower_dataset(filled))
    if args.report:
        write_csv(args.report, report)
