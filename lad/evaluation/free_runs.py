"""Fluxes of models that are run for their scores, as those of files of simulations are."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from lad.errors import InputError
from lad.evaluation.series import Simulated
from lad.forcing import Record
from lad.integrate.named import named
from lad.model import Model
from lad.observations import TARGETS
from lad.parameters import check_height
from lad.progress import Progress
from lad.simulation import run_record
from lad.training.files import load_model, training_record
from lad.training.loss import simulated_fluxes


def run_freely(
    members: Mapping[str, Model], solver, record: Record, test: Bool[np.ndarray, " n"], passes: int
) -> Simulated:
    """Fluxes (W m-2) of free runs of `members`, by seed, at the intervals `test` of `record` (n,).

    Each begins from `plain_state` and is spun up in `passes`. Raises InputError as `run_record`.
    """
    fluxes = []
    for model in members.values():
        trajectory = run_record(solver, model, record, passes)
        fluxes.append(np.asarray(simulated_fluxes(trajectory.rates))[test])
    return Simulated(tuple(members), dict(zip(TARGETS, np.moveaxis(np.stack(fluxes), -1, 0), strict=True)))


def run_crossed(
    trained: Mapping[str, Mapping[str, Path]],
    record: Record,
    test: Bool[np.ndarray, " n"],
    passes: int,
    label: str,
) -> dict[tuple[str, str], Simulated]:
    """`run_freely` of the models of every solver of training with every solver: by the names of both.

    `trained`: name of a solver → seed → file. Raises InputError for a model that states another solver of its training,
    or that is for another height.
    """
    solvers, models = {name: named(name) for name in trained}, {}
    for name, files in trained.items():
        models[name] = {seed: load_model(file) for seed, file in files.items()}
        for seed, file in files.items():
            stated = training_record(file).get("integrator")
            if stated not in (None, name):
                raise InputError(f"{file}: trained through {stated}, expected {name}, as --model calls it")
            check_height(models[name][seed].parameters, record.reference_height, file)
    progress, crossed = Progress(f"{label} daemons", len(solvers) ** 2), {}
    for name, members in models.items():
        for with_solver, solver in solvers.items():
            crossed[name, with_solver] = run_freely(members, solver, record, test, passes)
            progress.update(len(crossed), f"trained with {name}, run with {with_solver}")
    return crossed
