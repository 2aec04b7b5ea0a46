"""Compare the solvers: error against time on the forcing of a site, with its calibrated LaD.

Times are those of this machine: run nothing else at the same time.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.experiments import work_precision
from lad.figures.solvers import work_precision_diagram
from lad.figures.style import save
from lad.fluxes import BulkFluxes
from lad.forcing import read_record, rows
from lad.io import write_csv
from lad.model import Model
from lad.parameters import read_parameters
from lad.provenance import provenance
from lad.simulation import after_first_year


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad solvers`."""
    parser.add_argument("--site", required=True, metavar="ID", help="for title and messages")
    parser.add_argument("--forcing", required=True, metavar="NC", help="forcing file")
    parser.add_argument("--parameters", required=True, metavar="JSON", help="params, z_ref_m, gust_m_s")
    parser.add_argument(
        "--days",
        type=int,
        default=120,
        metavar="N",
        help="length of the runs from the first day on (default 120)",
    )
    parser.add_argument("--table", required=True, type=Path, metavar="CSV", help="errors and times")
    parser.add_argument("--figure", required=True, type=Path, metavar="PNG", help="work-precision diagram")


def run(args: argparse.Namespace) -> None:
    """Run all solvers and write."""
    if args.days < 1:
        raise InputError(f"--days {args.days}: expected 1 or more")
    record = read_record(args.forcing)
    model, dt = Model(read_parameters(args.parameters, record.reference_height), BulkFluxes()), record.dt
    # The runs then start in midwinter with whatever snow there is.
    start, year = after_first_year(model, rows(record.forcing, next(record.segments())), dt)
    excerpt = rows(year, slice(0, round(args.days * 86400.0 / dt)))
    table = work_precision(model, start, excerpt, dt, args.site)
    days = round(excerpt.Tair.shape[0] * dt / 86400.0)
    title = f"{args.site}: solvers over {days} days from {str(record.time[0])[:10]}, LaD's own law"
    origin = provenance(
        {"forcing": args.forcing, "parameters": args.parameters}, site=args.site, days=args.days
    )
    figure = work_precision_diagram(table, title)
    write_csv(args.table, table)
    save(args.figure, figure, origin)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
