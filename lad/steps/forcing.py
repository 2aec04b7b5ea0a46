"""Write the forcing of the model and the observed fluxes as CF netCDF."""

import argparse
import json
from itertools import chain
from pathlib import Path

from lad.figures.style import save
from lad.figures.tower import weather
from lad.io import write_netcdf
from lad.towers.arguments import add_site_arguments, site_from
from lad.towers.fill import fill
from lad.towers.forcing import dry_years, forcing_dataset, observations_dataset, raised, read_lai, snowfall
from lad.towers.meteorology import LEAST_VAPOUR
from lad.towers.netcdf import read_tower
from lad.towers.record import read_record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    add_site_arguments(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tower", type=Path, metavar="NC", help="filled record of lad gapfill")
    source.add_argument("--archive", type=Path, nargs="+", metavar="FILE", help="archives to read and fill")
    parser.add_argument("--lai", type=Path, metavar="CSV", help="leaf area index: date, lai")
    parser.add_argument("--output", type=Path, required=True, metavar="NC", help="forcing of the model")
    parser.add_argument(
        "--observations", type=Path, required=True, metavar="NC", help="observed fluxes and soil"
    )
    parser.add_argument("--picture", type=Path, metavar="PNG", help="picture of the forcing")


def run(args: argparse.Namespace) -> None:
    """Write both files; print their extent."""
    if args.tower:
        record = read_tower(args.tower, args.site)
    else:
        record = fill(read_record(site_from(args, args.archive), args.archive))
    forcing = forcing_dataset(record, read_lai(args.lai) if args.lai else None)
    write_netcdf(args.output, forcing)
    write_netcdf(args.observations, observations_dataset(record))
    first, last = (str(record.time[row])[:16] for row in (0, -1))
    print(f"{args.site}: {len(record.time)} intervals of {record.step} s from {first} to {last}")
    print(*(f"{name} {amount:.0f} mm a year" for name, amount in snowfall(record).items()), sep=", ")
    if raised(record):
        print(f"vapour pressure of {raised(record)} intervals raised to {LEAST_VAPOUR:g} Pa")
    for remark in chain(dry_years(record), record.remarks):
        print(remark)
    if args.picture:
        title = f"{args.site}: forcing, sensors {record.site.reference_height:.1f} m above the zero plane"
        origin = json.loads(forcing.attrs["provenance"])
        save(args.picture, weather(forcing, title), origin, vector=False)
