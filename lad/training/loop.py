"""The training loop: gradient steps through the solver, between free runs; the best is kept, with checkpoints.

Free runs spin every member up and take it through all records: this renews the states from which windows start, and
gives the validation loss by which the best is kept. Then come gradient steps on random windows of some days of every
site. Members (seeds or starting points) are independent and advance together. All sites have the same weight, whatever
the length of their records.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array

from lad.errors import InputError
from lad.forcing import rows
from lad.integrate import Trajectory, roll_out
from lad.integrate.named import named
from lad.progress import Progress
from lad.settings import Search
from lad.training.data import window_starts
from lad.training.devices import ALIKE, BY_SITE, SITES, everywhere, over_sites
from lad.training.diagnosis import check_sound, describe_failure
from lad.training.files import resume, save_checkpoint
from lad.training.free_run import MEMBERS_BY_SITE, NEXT_SPIN_UP, FreeRuns, Ran
from lad.training.lanes import Lanes
from lad.training.loss import loss, simulated_fluxes, surface_penalty
from lad.training.sites import FIRST_SPIN_UP, Site


class Progressing(NamedTuple):
    """Everything that changes during a fit; a checkpoint holds it."""

    free: Any  # free parameters, leading axis: members
    optimiser: Any
    starts: Any  # states where a pass through each segment begins
    best: Any  # free parameters at the best validation loss of each member
    best_loss: Any  # (members,)
    step: Any  # ()
    stale: Any  # (), free runs since any member improved


class Fit(NamedTuple):
    """Result of a fit."""

    free: Any  # free parameters at the lowest validation loss of each member
    validation_loss: np.ndarray  # (members,)
    history: pd.DataFrame  # step, member, train_loss, validation_loss of all free runs


def fit(
    free: Any,
    runs: FreeRuns,
    settings: Search,
    *,
    seed: int,
    checkpoint: Path | None = None,
    fingerprint: str = "",
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, so that the models of `runs` match the fluxes of its sites.

    `settings.batch` counts windows of each site. Where sites have a reference run, the loss of a step penalises a
    departure from its mean surface temperature (`surface_penalty`). Steps go through the solver of `settings`, free
    runs through that of `runs`. Free runs decide, so a coarse solver can make a fit worse, but not make it look better.
    All devices of all processes share the work: the result depends on their number only by round-off. Before all free
    runs but the first, the fit is written to `checkpoint`; a call with the same `fingerprint` resumes from it, with
    the same result as without interruption.

    Raises InputError if loss or parameters become non-finite, and for windows shorter than an interval.
    """
    for days in settings.window_days:
        if days * 86400.0 < runs.dt:
            raise InputError(f"{runs.label}: window_days = {days} is shorter than {runs.dt:.0f} s")
    members = len(jax.tree.leaves(free)[0])
    optimiser = _optimiser(settings)
    steps = _gradient_steps(runs, optimiser, settings)
    now = Progressing(
        free=free,
        optimiser=jax.vmap(optimiser.init)(free),
        starts=runs.begin(members, settings.gauss_newton),
        best=free,
        best_loss=jnp.full(members, jnp.inf),
        step=jnp.asarray(0),
        stale=jnp.asarray(0),
    )
    history, now = resume(checkpoint, fingerprint, now)
    progress = Progress(runs.label, settings.steps, int(now.step))
    # All processes compute the same; one of them reports and writes.
    first = jax.process_index() == 0
    while True:
        done = int(now.step)
        ran = runs(now.free, now.starts, FIRST_SPIN_UP if done == 0 else NEXT_SPIN_UP)
        train_loss, validation_loss = ran.losses
        better = jnp.asarray(validation_loss) < now.best_loss
        now = now._replace(
            free=ran.free,
            starts=ran.starts,
            best=select(better, ran.free, now.best),
            best_loss=jnp.where(better, validation_loss, now.best_loss),
            stale=jnp.where(better.any(), 0, now.stale + 1),
        )
        history += [
            {"step": done, "member": m, "train_loss": float(a), "validation_loss": float(b)}
            for m, (a, b) in enumerate(zip(train_loss, validation_loss, strict=True))
        ]
        ends = bool(done >= settings.steps or now.stale >= settings.patience)
        if first:
            progress.update(
                done,
                f"loss {train_loss.mean():.4f}  validation {validation_loss.mean():.4f} (means of {members})  "
                f"lowest of all so far {now.best_loss.min():.4f}",
                ends=ends,
            )
        if ends:
            break
        now = _descend(now, ran, runs, steps, settings, seed)
        if first:
            save_checkpoint(checkpoint, fingerprint, history, now)
    return Fit(now.best, np.asarray(now.best_loss), pd.DataFrame(history))


def window_at(settings: Search, step: int) -> float:
    """Length (days) of the windows that follow the free runs at `step`."""
    stretches = -(-settings.steps // settings.refresh)
    days = settings.window_days
    return days[min(step // settings.refresh * len(days) // stretches, len(days) - 1)]


def solver_of(runs: FreeRuns, settings: Search) -> Callable:
    """The solver of the gradient steps."""
    return named(settings.integrator) if settings.integrator else runs.solver


def _optimiser(settings: Search) -> optax.GradientTransformation:
    """Clipped AdamW with warm-up and cosine decay of its rate."""
    warm_up = max(1, settings.steps // 20)
    rate = settings.learning_rate
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, rate, warm_up, max(settings.steps, warm_up + 1), 0.01 * rate
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=settings.weight_decay)
    )


def _of_windows(runs: FreeRuns, solver: Callable, free, lane: Lanes, before, index, counted=1.0):
    """Loss of one member over the rows `index` (windows, length) of one site, weighted by `counted`."""
    model = runs.model(free, lane)
    _, (fluxes, surface) = jax.vmap(lambda s, f: roll_out(solver, model, s, f, runs.dt, _judged))(
        rows(before, index[:, 0]), rows(lane.forcing, index)
    )
    value = loss(fluxes, lane.observed[index], lane.train[index] * counted, lane.scale)
    if lane.surface is None:
        return value
    return value + surface_penalty(surface, lane.surface[index])


def _judged(row: Trajectory) -> tuple[Array, Array]:
    """What the loss is made of: LE and H, and surface temperature."""
    return simulated_fluxes(row.rates), row.state.T[0]


def _gradient_steps(runs: FreeRuns, optimiser: optax.GradientTransformation, settings: Search) -> Callable:
    """Compiled gradient steps ``(free, optimiser_state, before, windows, length, lanes)``.

    There is a step for each item along the first axis of `windows` (steps, members, lanes, windows), the first rows of
    windows of `length` rows. Returns the new free numbers and state of the optimiser, and whether loss and gradient of
    each step and member were finite. With `settings.gauss_newton`, slow physical parameters stay as they are.
    """
    hold_slow = settings.gauss_newton
    losses_of = partial(_of_windows, runs, solver_of(runs, settings))

    @over_sites(runs.devices, (ALIKE, MEMBERS_BY_SITE, BY_SITE, MEMBERS_BY_SITE, ALIKE), ALIKE)
    def mismatches(free, before, lanes, windows, within):
        """Losses of all members, means over the sites of all devices."""

        def of_member(free, before, windows):
            index = windows[..., None] + within
            if len(index) == 1:
                losses = losses_of(free, rows(lanes, 0), rows(before, 0), index[0])
            else:
                losses = jax.vmap(losses_of, in_axes=(None, 0, 0, 0))(free, lanes, before, index)
            return jnp.sum(lanes.share * losses)

        return jax.lax.psum(jax.vmap(of_member)(free, before, windows), SITES)

    def total(free, *rest):
        """The sum over members: its gradient holds that of each, and is traced in half the time."""
        losses = mismatches(free, *rest)
        return losses.sum(), losses

    def without_slow(change):
        return eqx.tree_at(runs.physical, change, runs.physical(change).at[:, runs.slow].set(0.0))

    @eqx.filter_jit
    def steps(free, optimiser_state, before, windows, length, lanes):
        within = jnp.arange(length)

        def step(carry, windows):
            free, optimiser_state = carry
            (_, losses), gradient = jax.value_and_grad(total, has_aux=True)(
                free, before, lanes, windows, within
            )
            if hold_slow:
                gradient = without_slow(gradient)
            sound = jax.vmap(lambda g: jnp.isfinite(optax.tree.norm(g)))(gradient) & jnp.isfinite(losses)
            update, optimiser_state = jax.vmap(optimiser.update)(gradient, optimiser_state, free)
            if hold_slow:  # not by decay either
                update = without_slow(update)
            return (optax.apply_updates(free, update), optimiser_state), sound

        (free, optimiser_state), sound = jax.lax.scan(step, (free, optimiser_state), windows)
        return free, optimiser_state, sound

    return steps


def _descend(
    now: Progressing, ran: Ran, runs: FreeRuns, steps: Callable, settings: Search, seed: int
) -> Progressing:
    """The gradient steps up to the next free runs."""
    done, members = int(now.step), len(jax.tree.leaves(now.free)[0])
    count = min(settings.refresh, settings.steps - done)
    rng = np.random.default_rng([seed, done])
    days = window_at(settings, done)
    length = round(days * 86400.0 / runs.dt)
    batch = max(1, round(settings.batch * settings.window_days[-1] / days))
    windows = np.zeros((count, members, len(runs.lanes.share), batch), dtype=int)
    for lane, site in enumerate(runs.sites):
        first_rows = _window_starts(site, length, int(rng.integers(length)))
        windows[:, :, lane] = rng.choice(first_rows, size=(count, members, batch))
    windows[:, :, len(runs.sites) :] = windows[:, :, :1]
    inputs = (*jax.device_get((now.free, now.optimiser)), ran.before)

    def after(count: int):
        by_site = NamedSharding(runs.devices, PartitionSpec(None, None, SITES))
        drawn = jax.device_put(windows[:count], by_site)
        return everywhere(steps(*inputs, drawn, length, runs.shared), runs.devices)

    def where(free, step: int, member: int) -> str:
        held = jax.tree.map(jnp.asarray, (runs.lanes, everywhere(rows(ran.before, member), runs.devices)))
        for number, site in enumerate(runs.sites):
            lane, before = rows(held, number)

            def of_window(free, index, counted, lane=lane, before=before):
                return _of_windows(runs, solver_of(runs, settings), free, lane, before, index[None], counted)

            drawn = windows[step, member, number]
            if found := describe_failure(of_window, free, drawn, length, site.data.time):
                return f"at {site.site_id}, {found}"
        return "but finite in each window"

    free, optimiser, sound = after(count)
    check_sound(sound, lambda step: after(step)[0], where, runs.label, done)
    return now._replace(free=free, optimiser=optimiser, step=now.step + count)


def _window_starts(site: Site, length: int, offset: int) -> np.ndarray:
    try:
        return window_starts(site.data, length, offset)
    except InputError as error:
        raise InputError(f"{site.site_id}: {error}") from None


def select(choice, new, old):
    """Members of `new` where `choice` (members,) is true, of `old` elsewhere."""

    def of_array(a, b):
        return jnp.where(choice.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(of_array, new, old)
