"""Write the forcing of the model and the observed fluxes as CF netCDF."""

import argparse
from pathlib import Path

from lad.io import write_netcdf
from lad.towers.fill import fill
from lad.towers.forcing import forcing_dataset, observations_dataset
from lad.towers.netcdf import read_tower
from lad.towers.record import read_record
from lad.towers.sites import site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site id, for example US-CRT")
    parser.add_argument(
        "--sites", type=Path, metavar="CSV", help="site table instead of the one of the package"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tower", type=Path, metavar="NC", help="filled record of lad gapfill")
    source.add_argument(
        "--archive", type=Path, nargs="+", metavar="FILE", help="archives, to read and fill here"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="NC", help="forcing of the model")
    parser.add_argument(
        "--observations", type=Path, required=True, metavar="NC", help="observed fluxes and soil"
    )


def run(args: argparse.Namespace) -> None:
    """Write both files; print their extent."""
    place = site(args.site, args.sites)
    record = read_tower(args.tower, place) if args.tower else fill(read_record(place, args.archive))
    write_netcdf(args.output, forcing_dataset(record))
    write_netcdf(args.observations, observations_dataset(record))
    first, last = (str(record.time[row])[:16] for row in (0, -1))
    print(f"{place.site_id}: {len(record.time)} intervals of {record.step} s from {first} to {last}")
