"""Fit an empirical baseline to the training half-hours of a tower, and run it over the record.

Writes simulations for `lad evaluate`: NAME.nc, or NAME/seed0.nc, … if it starts from random weights.
"""

import argparse
import json
from pathlib import Path

from lad.baselines.data import baseline_data
from lad.baselines.fits import predict
from lad.errors import InputError
from lad.evaluation.models import BASELINES, SEEDED_BASELINES
from lad.io import write_netcdf
from lad.output import flux_dataset
from lad.periods import add_period_arguments, periods_from
from lad.provenance import package_version, provenance
from lad.training.options import LEARNING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad baselines`."""
    parser.add_argument("--name", choices=BASELINES, required=True, help="the baseline")
    parser.add_argument("--forcing", required=True, help="forcing file (netCDF)")
    parser.add_argument("--observations", required=True, help="measured fluxes (netCDF)")
    add_period_arguments(parser, *LEARNING)
    parser.add_argument("--seeds", type=int, default=1, help=f"members of {' and '.join(SEEDED_BASELINES)}")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Fit and write."""
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: expected at least 1")
    periods = periods_from(args, *LEARNING)
    data = baseline_data(args.forcing, args.observations, **periods)
    seeded = args.name in SEEDED_BASELINES
    fluxes = predict(args.name, data, args.seeds if seeded else 1)
    inputs = {"forcing": args.forcing, "observations": args.observations}
    origin = provenance(inputs, baseline=args.name, **periods)
    origin["packages"]["scikit-learn"] = package_version("scikit-learn")  # which no other step needs
    for seed, member in enumerate(fluxes):
        file = f"{args.name}/seed{seed}.nc" if seeded else f"{args.name}.nc"
        about = origin | ({"seed": seed} if seeded else {})
        dataset = flux_dataset(
            data.record, member, f"Fluxes of the empirical baseline {args.name}", "baselines"
        )
        dataset.attrs["provenance"] = json.dumps(about, sort_keys=True)
        write_netcdf(args.output_directory / file, dataset)
