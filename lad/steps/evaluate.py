"""Score simulated fluxes against the tower on the test periods."""

import argparse
from pathlib import Path

from lad.evaluation.arguments import add_comparison_arguments, comparison_inputs
from lad.evaluation.scores import evaluate
from lad.evaluation.series import parse_simulations
from lad.io import write_csv, write_json
from lad.periods import NAMES, add_period_arguments, periods_from
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad evaluate`."""
    add_comparison_arguments(parser, forcing="SWdown, Tair, Qair and Psurf")
    add_period_arguments(parser, *NAMES)
    parser.add_argument("--output", type=Path, required=True, help="scores.csv; scores.json goes beside it")
    parser.add_argument("--differences", type=Path, help="differences between models, with intervals (CSV)")


def run(args: argparse.Namespace) -> None:
    """Write the scores and, beside them, what they were made from."""
    simulations = parse_simulations(args.simulation)
    periods = periods_from(args, *NAMES)
    scores, differences = evaluate(args.site, args.observations, args.forcing, simulations, **periods)
    settings = {name: [str(period) for period in value] for name, value in periods.items()}
    record = provenance(comparison_inputs(args, simulations), site=args.site, **settings)
    write_json(args.output.with_suffix(".json"), record)
    if args.differences:
        write_csv(args.differences, differences)
    write_csv(args.output, scores)
