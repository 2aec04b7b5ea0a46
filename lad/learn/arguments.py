"""Command-line options that calibration and training share."""

import argparse
import json
from typing import Any

from lad.errors import InputError
from lad.forcing import Record, read_record
from lad.periods import add_period_arguments

LEARNING = ("train", "validation")
"""Periods of a fit; those of the validation stop it and are never in its loss."""


def add_learning_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, periods and settings of a fit."""
    parser.add_argument("--forcing", required=True, help="forcing file (netCDF)")
    parser.add_argument("--observations", required=True, help="measured fluxes (netCDF)")
    add_period_arguments(parser, *LEARNING)
    parser.add_argument(
        "--radiation",
        choices=("modelled", "prescribed"),
        default="modelled",
        help="net radiation of the model, or the measured one where there is one",
    )
    parser.add_argument("--settings", required=True, metavar="JSON", help="settings of the descent")
    parser.add_argument(
        "--steps-per-interval", type=int, default=1, choices=range(1, 65), metavar="N", help="of the solver"
    )


def learning_record(args: argparse.Namespace) -> Record:
    """The forcing file of the options, with measured net radiation if that is asked for."""
    return read_record(args.forcing, args.observations if args.radiation == "prescribed" else None)


def settings_from(text: str) -> dict[str, Any]:
    """A JSON object given on the command line; raises InputError if it is not one."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"settings {text!r}: not valid JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"settings {text!r}: expected a JSON object")
    return values
