"""Numerical daemons: train the same hybrid through several solvers, and run each with each.

Writes the model of every solver and seed to SOLVER/seed0.eqx, …, their scores on the test periods to cross.csv, what
they tell to gains.csv and cross.md, and cross.png. Interrupted trainings are resumed.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.evaluation.daemons import cross_scores, drawing, gains, text
from lad.evaluation.saving import save
from lad.evaluation.series import Simulated
from lad.forcing import Record
from lad.integrate import fast
from lad.integrate.named import named
from lad.io import read_netcdf, replacing, write_csv, write_json
from lad.learn.arguments import LEARNING, add_learning_arguments, learning_record, settings_from
from lad.learn.data import LearningData, learning_data
from lad.learn.files import save_model
from lad.learn.fit import Settings, fit
from lad.learn.hybrid import Hybrid, check_law, random_law, seen_states
from lad.learn.normalise import calibrated_states, made_up, training_scaling
from lad.learn.objective import simulated_fluxes
from lad.model import Model
from lad.observations import TARGETS, read_observed
from lad.periods import NAMES, check_disjoint, mask, periods_from
from lad.provenance import fingerprint, provenance
from lad.simulation import check_budgets, simulate
from lad.state import plain_state
from lad.steps.train import _check_bounds, _parameters, _table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad daemons`."""
    parser.add_argument("--site", required=True, metavar="ID", help="as in the files")
    add_learning_arguments(parser)
    parser.add_argument("--test", nargs="+", metavar="FIRST:LAST", help="days of the test periods")
    parser.add_argument("--parameters", required=True, metavar="JSON", help="LaD's parameters, as calibrated")
    parser.add_argument("--model-settings", required=True, metavar="JSON", help="as of lad train")
    parser.add_argument(
        "--integrators", nargs="+", required=True, metavar="NAME", help="explicit-1 split-1 euler-1 fast-1 …"
    )
    parser.add_argument("--seeds", type=int, required=True, help="networks for each integrator, two or more")
    parser.add_argument("--spinup-passes", type=int, default=3, metavar="N", help="of the test runs")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Train, run, score and write."""
    if args.seeds < 2:
        raise InputError(f"--seeds {args.seeds}: expected at least 2, whose spread the gains are judged by")
    if args.spinup_passes < 0:
        raise InputError(f"--spinup-passes {args.spinup_passes}: expected 0 or more")
    if len(set(args.integrators)) < 2 or len(set(args.integrators)) < len(args.integrators):
        raise InputError(f"--integrators {' '.join(args.integrators)}: expected two or more different ones")
    solvers = {name: named(name) for name in args.integrators}
    periods = periods_from(args, *NAMES)
    check_disjoint(train=periods["train"], test=periods["test"])
    check_disjoint(validation=periods["validation"], test=periods["test"])
    record = learning_record(args)
    observed = read_observed(args.observations, args.site).during(periods["test"], args.observations)
    data = learning_data(record, args.observations, *(periods[name] for name in LEARNING))
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations, "parameters": args.parameters},
        site=args.site,
        training=settings_from(args.settings),
        model=settings_from(args.model_settings),
        **{name: [str(period) for period in value] for name, value in periods.items()},
        seeds=args.seeds,
        integrators=args.integrators,
        steps_per_interval=args.steps_per_interval,
        spinup_passes=args.spinup_passes,
        radiation=args.radiation,
    )
    models = _train(args, record, data, solvers, origin)
    crossed = {
        (trained, run): Simulated(
            tuple(map(str, range(args.seeds))),
            _test_fluxes(args, members, solver, record, mask(record.time, periods["test"])),
        )
        for trained, members in models.items()
        for run, solver in solvers.items()
    }
    scores = cross_scores(args.site, " ".join(map(str, periods["test"])), observed, crossed)
    gained = gains(observed, crossed, scores)
    told = text(scores, gained)
    figure = drawing(scores, f"{args.site}: trained with one solver, run with another")
    folder = args.output_directory
    write_json(folder / "cross.json", origin)
    write_csv(folder / "cross.csv", scores)
    write_csv(folder / "gains.csv", gained)
    with replacing(folder / "cross.md") as temporary:
        temporary.write_text(told, encoding="utf-8")
    save(folder / "cross.png", figure, origin)
    for name in solvers:
        _checkpoint(args, name).unlink(missing_ok=True)
    print(told)


def _checkpoint(args: argparse.Namespace, name: str) -> Path:
    """Where the training with a solver is kept: until all is done, so that none is repeated."""
    return args.output_directory / name / "checkpoint.eqx"


def _train(
    args: argparse.Namespace, record: Record, data: LearningData, solvers: dict, origin: dict
) -> dict[str, list[Model]]:
    """Models (one of each seed) by solver. As `lad train`, and alike for all solvers in all but the solver.

    The states that scale a network's inputs, and the surface temperature that training is held to, are those of the
    calibrated model with `fast`, whatever the solver of training.
    """
    law_settings = settings_from(args.model_settings)
    check_law(law_settings, "--model-settings")
    settings = Settings.from_dict(settings_from(args.settings), "--settings")
    states = seen_states(law_settings)
    parameters = _parameters(args.parameters, record.reference_height, states)
    start = plain_state(parameters, data.forcing)
    calibrated = calibrated_states(data, parameters, start, fast(args.steps_per_interval))
    scaling = training_scaling(data, parameters, calibrated, states, made_up(read_netcdf(args.forcing), data))
    laws = [random_law(law_settings, scaling, seed) for seed in range(args.seeds)]
    hybrid = Hybrid.of(laws[0], parameters, _table(args.parameters, parameters))
    _check_bounds(hybrid.space, parameters, args.parameters)
    models = {}
    for name, solver in solvers.items():
        about = origin | {"integrator": name}
        result = fit(
            hybrid.model,
            hybrid.free(laws),
            start,
            data,
            solver,
            settings,
            seed=0,
            label=f"{args.site} {name}",
            checkpoint=_checkpoint(args, name),
            fingerprint=fingerprint(about),
            surface=jnp.asarray(calibrated.T[0]),
        )
        models[name] = [
            hybrid.model(jax.tree.map(lambda x, seed=seed: x[seed], result.free))
            for seed in range(args.seeds)
        ]
        for seed, model in enumerate(models[name]):
            path = args.output_directory / name / f"seed{seed}.eqx"
            loss = float(result.validation_loss[seed])
            save_model(path, model, law_settings, about | {"seed": seed, "validation_loss": loss})
    return models


def _test_fluxes(
    args: argparse.Namespace, models: list[Model], solver, record: Record, test: np.ndarray
) -> dict[str, np.ndarray]:
    """Fluxes (seeds, n) of free runs at the half-hours `test`, by target."""
    members = []
    for model in models:
        trajectory = simulate(
            solver,
            model,
            record,
            lambda forcing, parameters=model.parameters: plain_state(parameters, forcing),
            args.spinup_passes,
        )
        check_budgets(trajectory, record.time)
        members.append(np.asarray(simulated_fluxes(trajectory.rates))[test])
    fluxes = np.stack(members)
    return {target: fluxes[..., k] for k, target in enumerate(TARGETS)}
