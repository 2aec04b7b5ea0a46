"""Command-line options that calibration and training share."""

import argparse

from lad.periods import Periods, periods_from, read_periods
from lad.site_files import of_each_site

LEARNING = ("train", "validation")
"""Periods of a fit; those of the validation stop it and are never in its loss."""


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Radiation, settings and solver of a fit."""
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
    if args.periods is None:
        return dict.fromkeys(args.site, periods_from(args, *LEARNING))
    files = of_each_site(args, "periods")
    return {site: read_periods(given["periods"], *LEARNING) for site, given in files.items()}
