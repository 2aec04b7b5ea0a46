"""Calibrate LaD's own parameters on measured LE and H.

Gradient descent (Adam) through the solver, from the table's values and from random starts inside bounds, and an
evolution strategy (CMA-ES) with at most as many model runs as all descents together; the search with the lowest
validation loss wins. Writes the parameters of the winner (JSON), and optionally a table of all searches, which shows
what the fluxes determine, and their history.
"""

import argparse
from pathlib import Path

from lad.integrate.named import named
from lad.io import write_csv, write_json
from lad.parameters import table_parameters, to_json
from lad.periods import add_period_arguments, periods_from
from lad.provenance import fingerprint, provenance
from lad.settings import Calibration
from lad.site_files import record_of
from lad.towers.sites import stated_type
from lad.training.calibration import calibrate
from lad.training.data import learning_data
from lad.training.files import remove_checkpoints
from lad.training.options import LEARNING, add_fit_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the step."""
    parser.add_argument("--site", required=True, metavar="ID", help="site identifier")
    parser.add_argument("--forcing", required=True, type=Path, metavar="NC", help="forcing file")
    parser.add_argument("--observations", required=True, type=Path, metavar="NC", help="measured fluxes")
    add_period_arguments(parser, *LEARNING)
    add_fit_arguments(parser)
    parser.add_argument("--sites", help="table of sites, if the forcing does not state cover and soil")
    parser.add_argument("--seed", type=int, default=0, help="of starting points and windows")
    parser.add_argument("--output", required=True, type=Path, help="parameters (JSON)")
    parser.add_argument("--table", type=Path, help="table of parameters, bounds and spread (CSV)")
    parser.add_argument("--history", type=Path, help="losses during the descent (CSV)")


def run(args: argparse.Namespace) -> None:
    """Calibrate and write."""
    settings = Calibration.parse(args.settings, "--settings")
    named(args.integrator)  # refused before anything is read
    periods = periods_from(args, *LEARNING)
    record = record_of(args.site, args.forcing, args.observations if args.radiation == "prescribed" else None)
    types = {name: stated_type(name, record.attrs, args.site, args.sites) for name in ("cover", "soil")}
    data = learning_data(record, args.observations, **periods)
    table = table_parameters(**types, z_ref=record.reference_height)
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations},
        site=args.site,
        **types,
        table=to_json(table),
        calibration=settings.to_dict(),
        **periods,
        seed=args.seed,
        integrator=args.integrator,
        radiation=args.radiation,
    )
    found = calibrate(
        data,
        table,
        settings,
        args.integrator,
        seed=args.seed,
        site_id=args.site,
        folder=args.output.parent,
        fingerprint=fingerprint(origin),
    )
    print(found.table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    print(f"lowest validation loss: {found.best}, {found.validation_loss[found.best]:.4f}")
    if args.table:
        write_csv(args.table, found.table)
    if args.history:
        write_csv(args.history, found.history)
    about = {"validation_loss": found.validation_loss, "best": found.best, "provenance": origin}
    write_json(args.output, to_json(found.parameters) | about)
    remove_checkpoints(args.output.parent)
