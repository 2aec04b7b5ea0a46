"""Calibration of LaD's physical parameters on measured LE and H, and how well these determine them.

Near an optimum the loss is ``L + 1/2 d' A d`` for a change d of the free numbers. If one of them is held at a distance
d_i from its optimum and the others are optimised, the loss rises by ``d_i^2 / (2 (A^-1)_ii)``. A quantity is not
determined, whatever its optimum, if the loss stays close to its minimum over all that the bounds admit.
"""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from lad.fluxes import FORCING_INPUTS, BulkFluxes
from lad.forcing import rows
from lad.integrate.named import named
from lad.model import Model
from lad.parameters import Parameters
from lad.settings import Calibration
from lad.state import plain_state
from lad.training.cmaes import descent_runs, evolve
from lad.training.data import LearningData
from lad.training.free_run import FreeRuns
from lad.training.loop import fit
from lad.training.sites import FIRST_SPIN_UP, Anchor, Site
from lad.training.space import calibration_space

CALIBRATION = Calibration()
RISE = 0.01  # share by which the loss may rise within the range of a quantity


class Calibrated(NamedTuple):
    """Result of a calibration."""

    parameters: Parameters
    validation_loss: dict[str, float]  # of all searches, after the same spin-up
    best: str  # the search with the lowest loss
    table: pd.DataFrame  # see `Space.report`
    history: pd.DataFrame  # step, member (search), train_loss, validation_loss


def calibrate(
    data: LearningData,
    table: Parameters,
    settings: Calibration = CALIBRATION,
    solver: str = "fast-1",
    *,
    seed: int = 0,
    site_id: str = "site",
    folder: Path | None = None,
    fingerprint: str = "",
) -> Calibrated:
    """Calibrate LaD's own parameters, starting from those of the `table`, within bounds around these.

    Gradient descent (Adam), from the table's values and from random starts, and an evolution strategy (CMA-ES) with at
    most as many model runs as all descents together, search through the solver of `settings`. Free runs through
    `solver` judge the results: the search with the lowest validation loss wins.
    `folder` holds the checkpoints; a call with the same `fingerprint` resumes from them. Raises InputError if loss or
    parameters become non-finite.
    """
    space = calibration_space(table, data.mass_curve.capacity if settings.root_zone else 0.0)
    anchor = Anchor(space, space.origin(), np.zeros(0), np.zeros(len(FORCING_INPUTS), dtype=bool))
    site = Site(site_id, anchor, data, plain_state(table, data.forcing), table)

    def free_runs(solver: str) -> FreeRuns:
        return FreeRuns(
            lambda free, anchor: Model(anchor.space.parameters(free), BulkFluxes()),
            [site],
            named(solver),
            settings.loss,
            f"{site_id} calibrate",
            lambda free: free,
        )

    runs = free_runs(solver)
    searching = runs if settings.integrator in (None, solver) else free_runs(settings.integrator)
    checkpoints = [folder / f"{name}.eqx" if folder else None for name in ("checkpoint", "checkpoint_cmaes")]
    begins = space.starts(settings.starts, seed)
    descents = fit(
        jnp.asarray(begins),
        searching,
        settings,
        seed=seed,
        checkpoint=checkpoints[0],
        fingerprint=fingerprint,
    )
    passes = descent_runs(settings, data, begins.shape, descents.history)
    evolved = evolve(
        space.origin(), searching, passes, seed=seed, checkpoint=checkpoints[1], fingerprint=fingerprint
    )
    searches = [f"descent {number}" for number in range(settings.starts)] + ["CMA-ES"]
    optima = np.vstack([descents.free, evolved.free])
    # Judged again, all through the same solver after the same spin-up: each search had a spin-up of its own.
    judged = runs(jnp.asarray(optima), runs.begin(len(optima)), FIRST_SPIN_UP)
    losses = judged.losses[1]
    best = int(np.argmin(losses))
    curvature = runs.curvature(jnp.asarray(optima[best]), rows(judged.starts.state, best))
    report = space.report(
        np.vstack([begins, begins[:1]]), optima, best, _ranges(curvature, judged.losses[0, best])
    )
    by_search = descents.history.assign(member=[searches[m] for m in descents.history.member])
    return Calibrated(
        space.parameters(optima[best]),
        dict(zip(searches, losses.tolist(), strict=True)),
        searches[best],
        report,
        pd.concat([by_search, evolved.history.assign(member="CMA-ES")]),
    )


def _ranges(hessian: Float[np.ndarray, "k k"], loss: float) -> Float[np.ndarray, " k"]:
    """Half-widths in free numbers within which the loss rises by `RISE` of itself; inf where it never does."""
    values, vectors = np.linalg.eigh(hessian)
    values = np.maximum(values, 1e-12 * values.max())
    return np.sqrt(2.0 * RISE * loss * ((vectors**2) / values).sum(axis=1))
