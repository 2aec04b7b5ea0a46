"""Numerical daemons: run networks that were trained through several solvers with each of these solvers.

Writes the scores on the test periods to cross.csv, what follows to gains.csv and cross.md, and cross.png.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.experiments import run_freely
from lad.evaluation.series import parse_simulations
from lad.evaluation.solvers import cross_scores, gains
from lad.figures import solvers as figures
from lad.figures.style import save
from lad.forcing import read_record
from lad.integrate.named import named
from lad.io import write_csv
from lad.observations import read_observed
from lad.parameters import check_height
from lad.periods import NAMES, add_period_arguments, check_disjoint, mask, periods_from
from lad.progress import Progress
from lad.provenance import provenance
from lad.tables import document, write_text
from lad.tables.solvers import crossed_tables, solver_gains_tables
from lad.training.files import load_model, training_record


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
    parser.add_argument("--spinup-passes", type=int, default=3, metavar="N", help="of the runs")
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
    solvers = {name: named(name) for name in trained}
    periods = periods_from(args, *NAMES)
    check_disjoint(train=periods["train"], test=periods["test"])
    check_disjoint(validation=periods["validation"], test=periods["test"])
    record = read_record(args.forcing, args.net_radiation)
    observed = read_observed(args.observations, args.site).during(periods["test"], args.observations)
    models = {}
    for name, files in trained.items():
        models[name] = {seed: load_model(file) for seed, file in files.items()}
        for seed, file in files.items():
            _check_solver(file, name)
            check_height(models[name][seed].parameters, record.reference_height, file)
    test = mask(record.time, periods["test"])
    progress, crossed = Progress(f"{args.site} daemons", len(solvers) ** 2), {}
    for name, members in models.items():
        for with_solver, solver in solvers.items():
            crossed[name, with_solver] = run_freely(members, solver, record, test, args.spinup_passes)
            progress.update(len(crossed), f"trained with {name}, run with {with_solver}")
    scores = cross_scores(args.site, " ".join(map(str, periods["test"])), observed, crossed)
    gained = gains(observed, crossed, scores)
    title = "trained with one solver, run with another"
    text = document(f"{args.site}: {title}", [*crossed_tables(scores), *solver_gains_tables(gained)])
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations}
        | {f"{name}/{seed}": file for name, files in trained.items() for seed, file in files.items()},
        site=args.site,
        **{name: [str(period) for period in value] for name, value in periods.items()},
        spinup_passes=args.spinup_passes,
        prescribed_radiation=args.net_radiation is not None,
    )
    folder = args.output_directory
    figure = figures.crossed(scores, f"{args.site}: {title}")
    write_csv(folder / "cross.csv", scores)
    write_csv(folder / "gains.csv", gained)
    write_text(folder / "cross.md", text)
    save(folder / "cross.png", figure, origin)
    print(text)


def _check_solver(file: Path, name: str) -> None:
    """Raises InputError if a model states another solver of training than `name`; one that states none is believed."""
    stated = training_record(file).get("integrator")
    if stated not in (None, name):
        raise InputError(f"{file}: trained through {stated}, expected {name}, as --model calls it")
