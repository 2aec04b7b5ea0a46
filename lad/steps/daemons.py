"""Numerical daemons: run networks, each trained through one of several solvers, with all of these solvers.

Writes the scores on the test periods (cross.csv), the gains of own solvers (gains.csv), cross.md and cross.png.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.experiments import run_crossed
from lad.evaluation.series import parse_simulations
from lad.evaluation.solvers import cross_scores, gains
from lad.figures import solvers as figures
from lad.figures.style import save
from lad.forcing import read_record
from lad.io import write_csv
from lad.observations import read_observed
from lad.periods import NAMES, add_period_arguments, check_unseen, mask, periods_from
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.solvers import crossed_tables, solver_gains_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad daemons`."""
    parser.add_argument("--site", required=True, metavar="ID", help="as in the files")
    parser.add_argument("--forcing", required=True, metavar="NC", help="forcing file")
    parser.add_argument("--observations", required=True, metavar="NC", help="measured fluxes")
    add_period_arguments(parser, *NAMES)
    parser.add_argument(
        "--model",
        nargs="+",
        required=True,
        metavar="SOLVER/SEED=EQX",
        help="trained models, by solver of their training (explicit-1 split-1 euler-1 fast-1 …) and seed",
    )
    parser.add_argument("--net-radiation", metavar="NC", help="observations whose Rnet is prescribed")
    parser.add_argument("--spinup-passes", type=int, default=3, metavar="N", help="before each run")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Run, score and write."""
    if args.spinup_passes < 0:
        raise InputError(f"--spinup-passes {args.spinup_passes}: expected 0 or more")
    trained = {name: dict(sorted(files.items())) for name, files in parse_simulations(args.model).items()}
    seeds = {tuple(files) for files in trained.values()}
    if len(trained) < 2 or len(seeds) > 1 or "" in min(seeds):
        given = ", ".join(f"{name} ({' '.join(files)})" for name, files in trained.items())
        raise InputError(f"--model: {given}: expected two or more solvers, all with the same seeds")
    periods = periods_from(args, *NAMES)
    check_unseen(**periods)
    record = read_record(args.forcing, args.net_radiation)
    observed = read_observed(args.observations, args.site).during(periods["test"], args.observations)
    crossed = run_crossed(trained, record, mask(record.time, periods["test"]), args.spinup_passes, args.site)
    scores = cross_scores(args.site, " ".join(map(str, periods["test"])), observed, crossed)
    gained = gains(observed, crossed, scores)
    title = f"{args.site}: trained with one solver, run with another"
    text = document(title, [*crossed_tables(scores), *solver_gains_tables(gained)])
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations}
        | {f"{name}/{seed}": file for name, files in trained.items() for seed, file in files.items()},
        site=args.site,
        **periods,
        spinup_passes=args.spinup_passes,
        prescribed_radiation=args.net_radiation is not None,
    )
    figure = figures.crossed(scores, title)
    write_csv(args.output_directory / "cross.csv", scores)
    write_csv(args.output_directory / "gains.csv", gained)
    write_text(args.output_directory / "cross.md", text)
    save(args.output_directory / "cross.png", figure, origin)
    print(text)
