"""Draw time series, diurnal cycles and scatter plots of the fluxes in the test periods."""

import argparse
from pathlib import Path

from lad.evaluation import figures
from lad.evaluation.series import parse_simulations, read_at, read_observed, read_simulated
from lad.evaluation.style import save
from lad.periods import parse_periods


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad figures`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument("--observations", type=Path, required=True, help="netCDF file with Qle, Qh and flags")
    parser.add_argument("--forcing", type=Path, required=True, help="netCDF file with Rainf and Snowf")
    parser.add_argument(
        "--simulation", nargs="+", required=True, metavar="NAME=FILE", help="NAME is MODEL or MODEL/SEED"
    )
    parser.add_argument(
        "--test", nargs="+", action="extend", required=True, metavar="FIRST:LAST", help="days shown"
    )
    parser.add_argument("--output-directory", type=Path, required=True, help="receives the PNG files")


def run(args: argparse.Namespace) -> None:
    """Write timeseries.png, diurnal.png and scatter.png."""
    simulations, test = parse_simulations(args.simulation), parse_periods(args.test)
    observed = read_observed(args.observations, args.site).during(test, args.observations)
    fallen = read_at(args.forcing, args.site, ("Rainf", "Snowf"), observed.time)
    comparison = figures.Comparison(
        title=f"{args.site}, test {', '.join(f'{first} to {last}' for first, last in test)}",
        observed=observed,
        simulated=read_simulated(simulations, args.site, observed.time),
    )
    save(args.output_directory / "timeseries.png", figures.timeseries(comparison, sum(fallen.values())))
    save(args.output_directory / "diurnal.png", figures.diurnal(comparison))
    save(args.output_directory / "scatter.png", figures.scatter(comparison))
