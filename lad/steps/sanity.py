"""Check that simulations are physically sound, and compare them with soil sensors that no fit has seen."""

import argparse
from pathlib import Path

import pandas as pd

from lad.errors import InputError
from lad.evaluation.arguments import add_comparison_arguments, named_files
from lad.evaluation.sanity import LIMITS, sanity, sound, surface_temperature
from lad.fluxes import BulkFluxes
from lad.forcing import read_record
from lad.io import read_netcdf, write_csv
from lad.model import Model
from lad.parameters import read_parameters
from lad.periods import add_period_arguments, periods_from
from lad.progress import Progress
from lad.training.files import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad sanity`."""
    add_comparison_arguments(parser, forcing="the forcing of the simulations")
    add_period_arguments(parser, "test")
    parser.add_argument("--parameters", required=True, metavar="JSON", help="of the simulation named bulk")
    parser.add_argument("--model", nargs="*", default=[], metavar="NAME=EQX", help="of each other simulation")
    parser.add_argument(
        "--net-radiation", metavar="NC", help="observations whose Rnet was prescribed in the simulations"
    )
    parser.add_argument("--output", type=Path, required=True, help="table (CSV)")


def run(args: argparse.Namespace) -> None:
    """Write the table; print what is beyond a limit."""
    record, observed = read_record(args.forcing, args.net_radiation), read_netcdf(args.observations)
    parameters = read_parameters(args.parameters, record.reference_height)
    models = {"bulk": Model(parameters, BulkFluxes())}
    for name, path in named_files(args.model).items():
        models[name] = load_model(path, height=record.reference_height)
    runs, test = named_files(args.simulation), periods_from(args, "test")["test"]
    if "bulk" not in runs or set(runs) != set(models):
        raise InputError(f"simulations {', '.join(runs)}, expected bulk and those of --model")
    reference = surface_temperature(read_netcdf(runs["bulk"]))
    table, progress = [], Progress(f"{args.site} sanity", len(runs))
    for number, (name, path) in enumerate(runs.items(), start=1):
        model, _, seed = name.partition("/")
        found = sanity(read_netcdf(path), models[name], record, observed, reference, test)
        table.append({"site": args.site, "model": model, "seed": seed, "sound": sound(found)} | found)
        progress.update(number, name)
    for row in table:
        for name, limit in LIMITS.items():
            if abs(row[name]) > limit.value:
                where = f"{args.site} {row['model']} {row['seed']}".rstrip()
                print(f"{where}: {name} = {row[name]:.3g}, limit {limit.value:g} {limit.meaning}")
    print(f"{args.site}: {sum(row['sound'] for row in table)} of {len(table)} simulations within all limits")
    write_csv(args.output, pd.DataFrame(table))
