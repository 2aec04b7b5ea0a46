"""Loss and gradient along LaD's parameters around the calibrated ones, with each solver."""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.experiments import first_year_of_training, landscape
from lad.evaluation.solvers import summary
from lad.figures import solvers as figures
from lad.figures.style import save
from lad.forcing import read_record
from lad.io import write_csv
from lad.periods import add_period_arguments, periods_from
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.solvers import landscape_tables
from lad.training.data import learning_data
from lad.training.loss import WEIGHTINGS
from lad.training.options import LEARNING
from lad.training.space import load_calibrated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad landscape`."""
    parser.add_argument("--site", required=True, metavar="ID", help="for title and messages")
    parser.add_argument("--forcing", required=True, metavar="NC", help="forcing file")
    parser.add_argument("--observations", required=True, metavar="NC", help="measured fluxes")
    add_period_arguments(parser, *LEARNING)
    parser.add_argument("--net-radiation", metavar="NC", help="observations whose Rnet is prescribed")
    parser.add_argument("--loss", choices=WEIGHTINGS, default="variance", help="as in the calibration")
    parser.add_argument("--parameters", required=True, metavar="JSON", help="LaD's parameters, as calibrated")
    parser.add_argument("--along", nargs="+", required=True, metavar="NAME", help="calibrated quantities")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Compute the losses and write landscape.csv, summary.csv, landscape.md and landscape.png."""
    record = read_record(args.forcing, args.net_radiation)
    parameters, space = load_calibrated(args.parameters, record.reference_height)
    known = [b.name for b in space.bounds]
    unknown = [name for name in args.along if name not in known]
    if unknown:
        raise InputError(f"--along {unknown[0]}: expected one of {', '.join(known)}")
    periods = periods_from(args, *LEARNING)
    data = learning_data(record, args.observations, **periods)
    excerpt = first_year_of_training(data, parameters, args.loss)
    table = landscape(space, space.free(parameters), excerpt, args.along, args.site)
    days = round(len(excerpt.observed) * data.dt / 86400.0)
    title = f"{args.site}: loss of LaD's own law over {days} days of training, by solver"
    found = summary(table)
    text = document(title, landscape_tables(found))
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations, "parameters": args.parameters},
        site=args.site,
        along=args.along,
        loss=args.loss,
        prescribed_radiation=args.net_radiation is not None,
        **periods,
    )
    figure = figures.landscape(table, title)
    write_csv(args.output_directory / "landscape.csv", table)
    write_csv(args.output_directory / "summary.csv", found)
    write_text(args.output_directory / "landscape.md", text)
    save(args.output_directory / "landscape.png", figure, origin)
    print(text)
