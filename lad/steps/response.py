"""Draw the response of all models' flux laws to sun, dry air, water in the root zone and season."""

import argparse
from pathlib import Path

import numpy as np

from lad.errors import InputError
from lad.evaluation.arguments import named_files
from lad.evaluation.response import MIDDAY, midday, response
from lad.figures.response import response_figure
from lad.figures.style import save
from lad.fluxes import BulkFluxes
from lad.forcing import read_record
from lad.io import write_csv
from lad.model import Model
from lad.observations import interval_starts, open_series
from lad.parameters import read_parameters
from lad.periods import add_period_arguments, periods_from
from lad.provenance import provenance
from lad.training.files import load_model

SOIL_STATES = ("SWE", "RootMoist", "GroundWater")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad response`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--forcing", type=Path, required=True, help="forcing file")
    parser.add_argument(
        "--simulation", type=Path, required=True, help="of calibrated LaD, for the typical soil"
    )
    parser.add_argument("--parameters", type=Path, required=True, metavar="JSON", help="of that simulation")
    parser.add_argument(
        "--model", nargs="*", default=[], metavar="NAME=EQX", help="NAME is MODEL or MODEL/SEED"
    )
    add_period_arguments(parser, "train")
    parser.add_argument("--table", type=Path, required=True, metavar="CSV", help="the curves")
    parser.add_argument("--figure", type=Path, required=True, metavar="PNG", help="receives a PDF beside it")


def run(args: argparse.Namespace) -> None:
    """Write the table and the figure."""
    train, record = periods_from(args, "train")["train"], read_record(args.forcing)
    simulated = open_series(args.simulation, args.site, SOIL_STATES)
    if not np.array_equal(interval_starts(simulated, args.simulation), record.time):
        raise InputError(f"{args.simulation}: its time axis differs from that of the forcing")
    parameters = read_parameters(args.parameters, record.reference_height)
    files = named_files(args.model)
    models = {"bulk": Model(parameters, BulkFluxes())}
    models |= {name: load_model(path, height=record.reference_height) for name, path in files.items()}
    typical = midday(record, train, simulated, float(parameters.Wmax))
    table = response(models, typical)
    inputs = {"forcing": args.forcing, "simulation": args.simulation, "parameters": args.parameters}
    origin = provenance(
        inputs | {f"model {name}": path for name, path in files.items()},
        site=args.site,
        train=train,
    )
    title = f"{args.site}: laws about a typical summer midday ({MIDDAY[0]} to {MIDDAY[1]} h) of the training periods"
    figure = response_figure(table, typical, title)
    write_csv(args.table, table)
    save(args.figure, figure, origin)
