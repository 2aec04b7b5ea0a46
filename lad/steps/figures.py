"""Draw time series, diurnal cycles and scatter plots of the fluxes in the test periods."""

import argparse
from pathlib import Path

from lad.drawing import save
from lad.evaluation import figures
from lad.evaluation.arguments import add_comparison_arguments, comparison_inputs
from lad.evaluation.series import parse_simulations, read_at, read_simulated
from lad.observations import read_observed
from lad.periods import add_period_arguments, periods_from
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad figures`."""
    add_comparison_arguments(parser, forcing="Rainf and Snowf")
    add_period_arguments(parser, "test")
    parser.add_argument("--output-directory", type=Path, required=True, help="receives the PNG files")


def run(args: argparse.Namespace) -> None:
    """Write timeseries.png, diurnal.png and scatter.png, each with the record of its origin."""
    simulations, test = parse_simulations(args.simulation), periods_from(args, "test")["test"]
    observed = read_observed(args.observations, args.site).during(test, args.observations)
    fallen = read_at(args.forcing, args.site, ("Rainf", "Snowf"), observed.time)
    comparison = figures.Comparison(
        title=f"{args.site}, test {', '.join(f'{first} to {last}' for first, last in test)}",
        observed=observed,
        simulated=read_simulated(simulations, args.site, observed.time),
    )
    drawn = {  # all before the first is written: a failure leaves no part of them
        "timeseries": figures.timeseries(comparison, sum(fallen.values())),
        "diurnal": figures.diurnal(comparison),
        "scatter": figures.scatter(comparison),
    }
    origin = provenance(
        comparison_inputs(args, simulations), site=args.site, test=[str(period) for period in test]
    )
    for name, figure in drawn.items():
        save(args.output_directory / f"{name}.png", figure, origin)
