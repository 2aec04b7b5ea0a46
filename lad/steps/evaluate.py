"""Score simulated fluxes against the tower on the test periods."""

import argparse
from pathlib import Path

from lad.evaluation.arguments import add_comparison_arguments, comparison_inputs
from lad.evaluation.scores import evaluate
from lad.evaluation.series import parse_simulations
from lad.io import write_csv, write_json
from lad.periods import NAMES, add_period_arguments, periods_from
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.scores import strata_tables
from lad.towers.coverage import describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad evaluate`."""
    add_comparison_arguments(parser, forcing="SWdown, Tair, Rainf and Snowf")
    add_period_arguments(parser, *NAMES)
    parser.add_argument("--output", type=Path, required=True, help="scores.csv; scores.json goes beside it")
    parser.add_argument("--differences", type=Path, help="differences between models, with intervals (CSV)")
    parser.add_argument("--intervals", type=Path, help="scores with intervals (CSV)")
    parser.add_argument(
        "--strata", type=Path, help="scores by stratum (CSV); the same for readers (.md) beside it"
    )


def run(args: argparse.Namespace) -> None:
    """Write the scores, the other tables asked for and, beside the scores, the origin of all."""
    simulations = parse_simulations(args.simulation)
    periods = periods_from(args, *NAMES)
    found = evaluate(args.site, args.observations, args.forcing, simulations, **periods)
    origin = provenance(comparison_inputs(args, simulations), site=args.site, **periods)
    (record,) = describe(args.forcing, args.observations, periods["test"])
    write_json(args.output.with_suffix(".json"), origin | {"record": record})
    for name in ("differences", "intervals", "strata"):
        if path := getattr(args, name):
            write_csv(path, getattr(found, name))
    if args.strata:
        text = document(f"{args.site}: scores by stratum", strata_tables(found.strata))
        write_text(args.strata.with_suffix(".md"), text)
    write_csv(args.output, found.scores)
