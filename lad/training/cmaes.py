"""Calibration without gradients: CMA-ES (Hansen & Ostermeier 2001, Evol. Comput. 9, 159-195; the package `cma`).

It fits the same quantities, with the same loss, half-hours and spin-up as the descent of `lad.training.loop.fit`, in
at most as many model runs: a check that needs no gradients.
"""

from pathlib import Path
from typing import NamedTuple

import cma
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lad.progress import Progress
from lad.settings import Search
from lad.training.data import LearningData
from lad.training.files import resume, save_checkpoint
from lad.training.free_run import NEXT_SPIN_UP, FreeRuns
from lad.training.sites import FIRST_SPIN_UP

SPREAD = 1.0  # standard deviation of the first generation, in free numbers (logits)
PATIENCE = 10  # generations without a better validation loss before the search stops


class Evolved(NamedTuple):
    """Result of a search."""

    free: np.ndarray  # (k,), free numbers
    validation_loss: float
    history: pd.DataFrame  # step, train_loss, validation_loss of the best of every generation


def descent_runs(
    settings: Search, data: LearningData, shape: tuple[int, int], history: pd.DataFrame
) -> float:
    """Passes through the record that a descent of `shape` (members, k) has cost, from the `history` of the fit.

    A gradient counts as 1 + k runs, as many as finite differences take.
    """
    members, k = shape
    windows = history.step.max() * settings.batch * settings.window_days[-1] * 86400.0 / data.dt
    return members * (1 + k) * windows / len(data.time) + len(history) * (1 + NEXT_SPIN_UP)


def evolve(
    origin: np.ndarray,
    runs: FreeRuns,
    passes: float,
    *,
    seed: int,
    checkpoint: Path | None = None,
    fingerprint: str = "",
) -> Evolved:
    """Search from `origin`, in at most `passes` through the record, for the free numbers (k,) of the lowest loss.

    A generation is ranked by the training loss of free runs, after one pass of spin-up from the starting states of the
    previous generation's best: the spin-up continues through the search, as it does through a descent. Of the best
    candidates of all generations, the one with the lowest validation loss is returned.
    `checkpoint` holds losses and states of each generation; a call with the same `fingerprint` resumes there with the
    same numbers.
    """
    search = cma.CMAEvolutionStrategy(origin, SPREAD, {"seed": seed + 1, "verbose": -9})
    generations = max(1, round(passes / (search.popsize * (1 + NEXT_SPIN_UP))))
    ran = runs(jnp.asarray(origin)[None], runs.begin(1), FIRST_SPIN_UP)
    best, best_loss, stale, history = origin, np.inf, 0, []
    known, starts = resume(checkpoint, fingerprint, jax.tree.map(lambda x: x[0], ran.starts))
    progress = Progress(f"{runs.label}, CMA-ES", generations, len(known))
    for generation in range(generations):
        candidates = search.ask()
        if generation == len(known):
            everyone = jax.tree.map(lambda x: np.broadcast_to(x, (search.popsize, *x.shape)), starts)
            ran = runs(jnp.asarray(np.array(candidates)), everyone, NEXT_SPIN_UP)
            known.append(ran.losses.tolist())
            first = int(np.argmin(ran.losses[0]))
            starts = jax.tree.map(lambda x, first=first: x[first], ran.starts)
            save_checkpoint(checkpoint, fingerprint, known, starts)
        losses = np.array(known[generation])
        search.tell(candidates, losses[0].tolist())
        first = int(np.argmin(losses[0]))
        stale += 1
        if losses[1, first] < best_loss:
            best, best_loss, stale = candidates[first], float(losses[1, first]), 0
        history.append(
            {"step": generation, "train_loss": losses[0, first], "validation_loss": losses[1, first]}
        )
        ends = stale >= PATIENCE
        reached = f"loss {losses[0, first]:.4f}  validation {losses[1, first]:.4f}"
        progress.update(generation + 1, reached, ends)
        if ends:
            break
    return Evolved(np.asarray(best), best_loss, pd.DataFrame(history))
