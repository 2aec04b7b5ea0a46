"""Export the runs of a model at a tower in the layout of PLUMBER2, for modelevaluation.org.

Values are means over the seeds, with their standard deviations (such as `Qle_sd`) and the calibrated or trained
parameters.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from lad.errors import InputError
from lad.export import exported
from lad.io import read_netcdf, write_netcdf
from lad.parameters import read_parameters
from lad.provenance import provenance
from lad.towers.sites import site_row
from lad.training.files import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad export`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--model-name", required=True, metavar="NAME", help="name of the model in the file")
    parser.add_argument("--forcing", type=Path, required=True, metavar="NC", help="forcing file of the tower")
    parser.add_argument(
        "--simulation",
        type=Path,
        nargs="+",
        required=True,
        metavar="NC",
        help="of lad simulate, of each seed",
    )
    of_model = parser.add_mutually_exclusive_group()
    of_model.add_argument(
        "--model", type=Path, nargs="+", default=[], metavar="EQX", help="of lad train, of each seed"
    )
    of_model.add_argument("--parameters", type=Path, metavar="JSON", help="of lad calibrate")
    parser.add_argument("--output", type=Path, required=True, metavar="NC")


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    runs, forcing = [read_netcdf(path) for path in args.simulation], read_netcdf(args.forcing)
    for path, dataset in zip([args.forcing, *args.simulation], [forcing, *runs], strict=True):
        if dataset.attrs.get("site_id") != args.site:
            raise InputError(f"{path}: is of site {dataset.attrs.get('site_id')}, expected {args.site}")
    for path, one in zip(args.simulation, runs, strict=True):
        if not np.array_equal(one.time, runs[0].time):
            raise InputError(f"{path}: its times differ from those of {args.simulation[0]}")
    if args.model and len(args.model) != len(runs):
        raise InputError(f"--model: found {len(args.model)}, expected {len(runs)}, one for each --simulation")
    row = site_row(forcing.attrs, args.forcing)
    inputs = {"forcing": args.forcing} | {f"simulation {n}": path for n, path in enumerate(args.simulation)}
    inputs |= {f"model {n}": path for n, path in enumerate(args.model)}
    models = [load_model(path, args.site).parameters for path in args.model]
    if args.parameters:
        inputs["parameters"] = args.parameters
        models = [read_parameters(args.parameters, float(forcing["reference_height"]))]
    dataset = exported(runs, models, row)
    dataset.attrs |= {
        "title": f"Simulation of {args.model_name} at {args.site}",
        "model": args.model_name,
        "history": "made by lad export, see provenance",
        "provenance": json.dumps(provenance(inputs, model=args.model_name), sort_keys=True),
    }
    write_netcdf(args.output, dataset)
