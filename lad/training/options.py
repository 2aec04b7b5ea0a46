"""Command-line options that calibration and training share."""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.periods import Periods, parse_periods, read_periods
from lad.site_files import of_each_site

LEARNING = ("train", "validation")
"""Periods of a fit; those of the validation stop it and are never in its loss."""


def add_learning_arguments(parser: argparse.ArgumentParser) -> None:
    """Sites, files, periods, settings and solver of a fit; lists are in the order of the sites."""
    parser.add_argument("--site", nargs="+", required=True, metavar="ID", help="site identifiers")
    parser.add_argument(
        "--forcing", nargs="+", required=True, type=Path, metavar="NC", help="forcing file of each site"
    )
    parser.add_argument(
        "--observations",
        nargs="+",
        required=True,
        type=Path,
        metavar="NC",
        help="measured fluxes of each site",
    )
    for name in LEARNING:
        parser.add_argument(f"--{name}", nargs="+", metavar="FIRST:LAST", help=f"days of the {name} periods")
    parser.add_argument(
        "--periods", nargs="+", type=Path, metavar="JSON", help="instead, file of lad periods of each site"
    )
    parser.add_argument(
        "--radiation",
        choices=("modelled", "prescribed"),
        default="modelled",
        help="net radiation of the model, or the measured one where there is one",
    )
    parser.add_argument("--settings", required=True, metavar="JSON", help="settings of the descent")
    parser.add_argument("--integrator", default="fast-1", metavar="NAME", help="to fit through (%(default)s)")


def learning_periods(args: argparse.Namespace) -> dict[str, dict[str, Periods]]:
    """Site → `train` and `validation` → periods, of the options; raises InputError for others and for none."""
    if args.periods is not None:
        files = of_each_site(args, "periods")
        return {site: read_periods(given["periods"], *LEARNING) for site, given in files.items()}
    absent = [name for name in LEARNING if getattr(args, name) is None]
    if absent:
        raise InputError(f"expected --{absent[0]}, or --periods with a file of lad periods")
    return {site: {name: parse_periods(getattr(args, name)) for name in LEARNING} for site in args.site}
