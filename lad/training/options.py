"""Command-line options that calibration and training share."""

import argparse

LEARNING = ("train", "validation")
"""Periods of a fit; the validation periods stop it and never enter its loss."""


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Radiation, settings and solver of a fit."""
    parser.add_argument(
        "--radiation",
        choices=("modelled", "prescribed"),
        default="modelled",
        help="net radiation of the model, or measured where available",
    )
    parser.add_argument(
        "--settings",
        required=True,
        metavar="JSON",
        help="JSON object with the keys of training (lad calibrate: of calibration) in docs/configuration.md",
    )
    parser.add_argument(
        "--integrator",
        default="fast-1",
        metavar="NAME",
        help="solver of the free runs that judge (%(default)s)",
    )
