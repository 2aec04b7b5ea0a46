"""Numerical daemons: run networks that were trained through several solvers with each of these solvers.

Writes the scores on the test periods to cross.csv, what they tell to gains.csv and cross.md, and cross.png.
"""

import argparse
from pathlib import Path

from lad.errors import InputError
from lad.evaluation.daemons import cross_scores, drawing, gains, text
from lad.evaluation.free_runs import run_freely
from lad.evaluation.saving import save
from lad.evaluation.series import parse_simulations
from lad.forcing import read_record
from lad.integrate.named import named
from lad.io import replacing, write_csv
from lad.observations import read_observed
from lad.parameters import check_height
from lad.periods import NAMES, add_period_arguments, check_disjoint, mask, periods_from
from lad.progress import Progress
from lad.provenance import provenance
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
        told = ", ".join(f"{name} ({' '.join(files)})" for name, files in trained.items())
        raise InputError(f"--model: {told}: expected two or more solvers, all with the same seeds")
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
    told = text(scores, gained)
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations}
        | {f"{name}/{seed}": file for name, files in trained.items() for seed, file in files.items()},
        site=args.site,
        **{name: [str(period) for period in value] for name, value in periods.items()},
        spinup_passes=args.spinup_passes,
        prescribed_radiation=args.net_radiation is not None,
    )
    folder = args.output_directory
    figure = drawing(scores, f"{args.site}: trained with one solver, run with another")
    write_csv(folder / "cross.csv", scores)
    write_csv(folder / "gains.csv", gained)
    with replacing(folder / "cross.md") as temporary:
        temporary.write_text(told, encoding="utf-8")
    save(folder / "cross.png", figure, origin)
    print(told)


def _check_solver(file: Path, name: str) -> None:
    """Raises InputError if a model tells another solver of training than `name`; one that tells none is believed."""
    told = training_record(file).get("integrator")
    if told not in (None, name):
        raise InputError(f"{file}: trained through {told}, expected {name}, as --model calls it")
