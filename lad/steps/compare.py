"""Compare two runs of one tower: scores side by side, their differences with intervals, and where they arise.

A and B are simulation files, or folders with seed*.nc. Without --test or --periods, all half-hours that both
runs and the tower have count, including those of training.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.arguments import inputs_of_seeds
from lad.evaluation.models import label
from lad.evaluation.series import Comparison
from lad.evaluation.two_runs import compare, compared, members, names_of
from lad.figures.style import save
from lad.figures.two_runs import two_runs
from lad.io import write_csv, write_json
from lad.periods import add_period_arguments, periods_from
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.scores import two_runs_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad compare`."""
    for name in "ab":
        parser.add_argument(
            name, metavar=name.upper(), type=Path, help="netCDF file with Qle and Qh, or a folder"
        )
    parser.add_argument("--observations", type=Path, required=True, help="netCDF file with Qle, Qh and flags")
    add_period_arguments(parser, "test")
    parser.add_argument("--names", nargs=2, metavar=("A", "B"), help="default: what differs in the paths")
    parser.add_argument(
        "--output-directory", type=Path, required=True, help="receives comparison.csv, .md, .json, .png, .pdf"
    )


def run(args: argparse.Namespace) -> None:
    """Write comparison.csv, .md, .png, .pdf and .json (what they were made from), and print the table."""
    a, b = args.names or names_of(args.a, args.b)
    if a == b:
        raise InputError(f"--names {a} {b}: expected two different names")
    if args.a.resolve() == args.b.resolve():
        raise InputError(f"{args.a}: compared with itself, expected two runs")
    files = {a: members(args.a), b: members(args.b)}
    test = periods_from(args, "test")["test"] if args.test or args.periods else None
    which = (
        "test half-hours"
        if test is not None
        else "all half-hours that both runs have, including those of training"
    )
    site, periods, observed, simulated = compared(files, args.observations, test)
    days = ", ".join(f"{first} to {last}" for first, last in periods)
    table = compare(site, " ".join(map(str, periods)), observed, simulated)
    parts = [f"Usable half-hours of {days}: {which}.", *two_runs_tables(table)]
    text = document(f"{label(b)} less {label(a)}, {site}", parts)
    title = f"{label(a)} and {label(b)}, {site}, {days}"
    figure = two_runs(Comparison(title, observed, simulated), table)
    inputs = {"observations": args.observations} | inputs_of_seeds("simulation", files)
    origin = provenance(inputs, site=site, test=periods, names=[a, b])
    folder = args.output_directory
    write_text(folder / "comparison.md", text)
    write_csv(folder / "comparison.csv", table)
    write_json(folder / "comparison.json", origin)
    save(folder / "comparison.png", figure, origin)
    print(text, end="")
