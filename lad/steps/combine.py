"""Combine models of different laws: the mean of their fluxes, with weights from the validation periods.

Each model closes its budgets. The mean has no states, so its budgets cannot be checked; it is shown beside them. A
model with seeds counts as their mean. LE and H are in W m-2; a loss is the mean of 1 - NSE over both.
"""

import argparse
import json
from pathlib import Path

from lad.evaluation.arguments import inputs_of_seeds
from lad.evaluation.ensemble import weighted_mean
from lad.evaluation.series import parse_simulations
from lad.io import write_csv, write_netcdf
from lad.observations import TARGETS, open_series, read_observed
from lad.periods import add_period_arguments, periods_from
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad combine`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--observations", type=Path, required=True, help="netCDF file with Qle, Qh and flags")
    parser.add_argument(
        "--simulation", nargs="+", required=True, metavar="NAME=FILE", help="NAME is MODEL or MODEL/SEED"
    )
    add_period_arguments(parser, "validation")
    parser.add_argument("--output", type=Path, required=True, metavar="NC", help="LE and H")
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="CSV", help="weight and loss of each model"
    )


def run(args: argparse.Namespace) -> None:
    """Find the weights and write both."""
    paths = parse_simulations(args.simulation)
    periods = periods_from(args, "validation")
    validation = read_observed(args.observations, args.site).during(periods["validation"], args.observations)
    runs = {
        name: [open_series(path, args.site, TARGETS.values()) for path in files.values()]
        for name, files in paths.items()
    }
    mean, table = weighted_mean(runs, validation)
    origin = provenance({"observations": args.observations} | inputs_of_seeds("simulation", paths), **periods)
    mean.attrs |= {
        "title": f"Weighted mean of {', '.join(runs)}",
        "history": "made by lad combine, see provenance",
        "provenance": json.dumps(origin, sort_keys=True),
    }
    write_netcdf(args.output, mean)
    write_csv(args.weights, table)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3f}"))
