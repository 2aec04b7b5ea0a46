"""Draw the fluxes, the energy balance, the soil and the water of tower and models in the test periods."""

import argparse
from pathlib import Path

from lad.evaluation.arguments import add_comparison_arguments, comparison_inputs
from lad.evaluation.series import (
    Comparison,
    covered,
    parse_simulations,
    read_at,
    read_measured,
    read_sensors,
    read_simulated,
    read_states,
)
from lad.figures import fluxes
from lad.figures.energy_and_soil import energy_balance, soil, water
from lad.figures.style import save
from lad.observations import read_observed
from lad.periods import add_period_arguments, mask, periods_from
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad figures`."""
    add_comparison_arguments(parser, forcing="Rainf and Snowf")
    add_period_arguments(parser, "test")
    parser.add_argument("--output-directory", type=Path, required=True, help="receives PNG and PDF files")


def run(args: argparse.Namespace) -> None:
    """Write every figure as PNG and PDF, each with the record of its origin."""
    simulations, test = parse_simulations(args.simulation), periods_from(args, "test")["test"]
    record = read_observed(args.observations, args.site)
    observed = record.during(test, args.observations)
    time, whole = observed.time, covered(simulations, args.site, record.time)
    states = read_states(simulations, args.site, whole)
    fallen = read_at(args.forcing, args.site, ("Rainf", "Snowf"), time)
    energy = read_measured(args.observations, args.site, ("Rnet", "Qg"), time)
    sensors = read_sensors(args.observations, args.site, time)
    comparison = Comparison(
        title=f"{args.site}, test {', '.join(f'{first} to {last}' for first, last in test)}",
        observed=observed,
        simulated=read_simulated(simulations, args.site, time),
    )
    drawn = {  # all drawn before any is written: a failure leaves none
        "timeseries": fluxes.timeseries(comparison, sum(fallen.values())),
        "diurnal": fluxes.diurnal(comparison),
        "seasonal": fluxes.seasonal(comparison),
        "scatter": fluxes.scatter(comparison),
        "target": fluxes.target_diagram(comparison),
        "closure": energy_balance(comparison, energy),
        "soil": soil(
            comparison, sensors, {model: own.at(mask(whole, test)) for model, own in states.items()}
        ),
        "water": water(comparison, whole, states),
    }
    origin = provenance(comparison_inputs(args, simulations), site=args.site, test=test)
    for name, figure in drawn.items():
        save(args.output_directory / f"{name}.png", figure, origin)
