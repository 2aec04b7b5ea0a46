"""Fluxes of models that are run for their scores, as those of files of simulations are."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from lad.evaluation.series import Simulated
from lad.forcing import Record
from lad.model import Model
from lad.observations import TARGETS
from lad.simulation import run_record
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
