"""Fit free parameters of a model by gradient descent through its solver.

Rounds of two parts. A *survey* spins every member up and runs it freely through the whole training span:
this renews the states from which windows start, and gives the validation loss, of which the best is kept.
Then come gradient steps on random windows of some days, each from the surveyed state. Members (seeds or
starting points) are independent and advance together.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jax.flatten_util import ravel_pytree

from lad.errors import InputError
from lad.forcing import first_year, rows
from lad.integrate import roll_out, spin_up
from lad.io import replacing
from lad.learn.data import LearningData, window_starts
from lad.learn.objective import loss, simulated_fluxes
from lad.model import Model
from lad.progress import Progress
from lad.state import State

FIRST_SPIN_UP = 5  # years, from a state that may be far off
NEXT_SPIN_UP = 1  # years, from the end of the previous spin-up
# Free numbers up to which the gradient is taken forward. For LaD's own law that compiles in a fraction of the time.
FEW = 16


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to descend."""

    steps: int  # gradient steps
    batch: int  # windows in a step
    window_days: float  # length of a window
    learning_rate: float  # peak, after warm-up and before cosine decay
    refresh: int  # steps between surveys
    patience: int  # surveys without a better validation loss of any member before stopping

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> "Settings":
        """Settings from configuration; raises InputError for a missing, unknown or non-positive entry."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise InputError(f"{source}: settings {sorted(values)}, expected {sorted(names)}")
        for field in dataclasses.fields(cls):
            value = values[field.name]
            whole = field.type is int
            if type(value) not in ((int,) if whole else (int, float)) or not value > 0:
                kind = "positive whole number" if whole else "positive number"
                raise InputError(f"{source}: {field.name} = {value!r}, expected a {kind}")
        return cls(**values)


class Progressing(NamedTuple):
    """Everything that changes during a fit; a checkpoint holds it."""

    free: Any  # free parameters, leading axis: members
    optimiser: Any
    starts: tuple[State, ...]  # spun-up state of every segment
    best: Any  # free parameters at the best validation loss of each member
    best_loss: Any  # (members,)
    step: Any  # ()
    stale: Any  # (), surveys since any member improved


class Fit(NamedTuple):
    """Result of a fit."""

    free: Any  # free parameters at the lowest validation loss of each member
    validation_loss: np.ndarray  # (members,)
    history: pd.DataFrame  # step, member, train_loss, validation_loss of every survey


def fit(
    build: Callable[[Any], Model],
    free: Any,
    start: State,
    data: LearningData,
    solver: Callable,
    settings: Settings,
    *,
    seed: int,
    label: str,
    checkpoint: Path,
    fingerprint: str,
) -> Fit:
    """Fit `free`, arrays with a leading axis of members, so that ``build(of a member)`` matches measured fluxes.

    `start` is where the first spin-up begins. Before each survey but the first, the fit is written to
    `checkpoint`, and resumed from there by a call of the same `fingerprint`, with the same result as without
    interruption. Raises InputError when loss or parameters cease to be finite.
    """
    members = len(jax.tree.leaves(free)[0])
    length = round(settings.window_days * 86400.0 / data.dt)
    if length < 1:
        raise InputError(f"{label}: window_days = {settings.window_days} is shorter than {data.dt:.0f} s")
    observed, train, validation = (jnp.asarray(x) for x in (data.observed, data.train, data.validation))
    std = jnp.asarray(data.scale()[1])
    warm_up = max(1, settings.steps // 20)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, warm_up, max(settings.steps, warm_up + 1), 0.01 * settings.learning_rate
    )
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    few = sum(x[0].size for x in jax.tree.leaves(free)) <= FEW
    value_and_gradient = _forward if few else _backward

    @eqx.filter_jit
    def survey(free, starts, forcing, years):
        def of_member(member):
            free, start = member
            model = build(free)
            start = spin_up(solver, model, start, first_year(forcing, data.dt), data.dt, years)
            _, trajectory = roll_out(solver, model, start, forcing, data.dt)
            before = jax.tree.map(lambda s, x: jnp.concatenate([s[None], x[:-1]]), start, trajectory.state)
            return start, before, simulated_fluxes(trajectory.rates)

        # One after the other: a single series compiles into one fast loop, a batch of networks does not.
        return jax.lax.map(of_member, (free, starts))

    @eqx.filter_jit
    def descend(free, optimiser_state, states, windows, forcing, observed, train):
        """Gradient steps, one per row of `windows` (first rows of the batch's windows)."""
        within = jnp.arange(length)

        def step(carry, windows):
            free, optimiser_state = carry
            index = windows[:, None] + within
            batch = rows((forcing, observed, train), index)

            def of_member(free, optimiser_state, states):
                def mismatch(free):
                    model = build(free)
                    _, trajectory = jax.vmap(lambda s, f: roll_out(solver, model, s, f, data.dt))(
                        rows(states, windows), batch[0]
                    )
                    return loss(simulated_fluxes(trajectory.rates), batch[1], batch[2], std)

                value, gradient = value_and_gradient(mismatch, free)
                update, optimiser_state = optimiser.update(gradient, optimiser_state, free)
                return optax.apply_updates(free, update), optimiser_state, value

            free, optimiser_state, value = jax.vmap(of_member)(free, optimiser_state, states)
            return (free, optimiser_state), value

        (free, optimiser_state), values = jax.lax.scan(step, (free, optimiser_state), windows)
        return free, optimiser_state, values

    def spread(tree):
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (members, *jnp.shape(x))), tree)

    now = Progressing(
        free=free,
        optimiser=jax.vmap(optimiser.init)(free),
        starts=tuple(spread(start) for _ in data.segments),
        best=free,
        best_loss=jnp.full(members, jnp.inf),
        step=jnp.asarray(0),
        stale=jnp.asarray(0),
    )
    now, history = _resume(checkpoint, fingerprint, now)
    progress = Progress(label, settings.steps, int(now.step))
    while True:
        done = int(now.step)
        years = FIRST_SPIN_UP if done == 0 else NEXT_SPIN_UP
        surveys = [
            survey(now.free, s, rows(data.forcing, part), jnp.asarray(years))
            for part, s in zip(data.segments, now.starts, strict=True)
        ]
        fluxes = jnp.concatenate([s[2] for s in surveys], axis=1)
        losses = [
            jax.vmap(lambda f, use=use: loss(f, observed, use, std))(fluxes) for use in (train, validation)
        ]
        _check_finite(np.stack(losses), fluxes, done, label)
        better = losses[1] < now.best_loss
        now = now._replace(
            starts=tuple(s[0] for s in surveys),
            best=_select(better, now.free, now.best),
            best_loss=jnp.where(better, losses[1], now.best_loss),
            stale=jnp.where(better.any(), 0, now.stale + 1),
        )
        history += [
            {
                "step": done,
                "member": m,
                "train_loss": float(losses[0][m]),
                "validation_loss": float(losses[1][m]),
            }
            for m in range(members)
        ]
        told = (
            f"loss {losses[0].mean():.4f}  validation {losses[1].mean():.4f}  best {now.best_loss.mean():.4f}"
        )
        progress.update(done, told)
        if done >= settings.steps or now.stale >= settings.patience:
            break

        rng = np.random.default_rng([seed, done])
        starts = window_starts(data, length, int(rng.integers(length)))
        count = min(settings.refresh, settings.steps - done)
        windows = rng.choice(starts, size=(count, settings.batch), replace=True)
        states = jax.tree.map(lambda *x: jnp.concatenate(x, axis=1), *(s[1] for s in surveys))
        free, optimiser_state, values = descend(
            now.free, now.optimiser, states, jnp.asarray(windows), data.forcing, observed, train
        )
        _check_finite(np.asarray(values), None, done, label)
        now = now._replace(free=free, optimiser=optimiser_state, step=now.step + count)
        _save(checkpoint, fingerprint, now, history)
    return Fit(now.best, np.asarray(now.best_loss), pd.DataFrame(history))


def _backward(function: Callable, x):
    """Value and gradient of `function` at `x` by reverse differentiation."""
    return jax.value_and_grad(function)(x)


def _forward(function: Callable, x):
    """Value and gradient of `function` at `x` by forward differentiation along every axis."""
    flat, restore = ravel_pytree(x)

    def along(axis):
        return jax.jvp(lambda x: function(restore(x)), (flat,), (axis,))

    values, slopes = jax.vmap(along)(jnp.eye(flat.size))
    return values[0], restore(slopes)


def _select(choice, new, old):
    """Members of `new` where `choice` (members,) is true, of `old` elsewhere."""

    def of_array(a, b):
        return jnp.where(choice.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(of_array, new, old)


def _check_finite(values, fluxes, step: int, label: str) -> None:
    if np.isfinite(values).all():
        return
    where, broken = "", [] if fluxes is None else np.argwhere(~np.isfinite(np.asarray(fluxes)))
    if len(broken):
        member, row, target = broken[0]
        where = f"; first in member {member}, interval {row} of the training span, {('LE', 'H')[target]}"
    raise InputError(f"{label}: loss is not finite after step {step}{where}")


def _save(path: Path, fingerprint: str, now: Progressing, history: list[dict]) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps({"fingerprint": fingerprint, "history": history}) + "\n").encode())
        eqx.tree_serialise_leaves(file, now)


def _resume(path: Path, fingerprint: str, fresh: Progressing) -> tuple[Progressing, list[dict]]:
    """State and history of the checkpoint at `path`, or `fresh` if it is absent or of another fit."""
    if not path.exists():
        return fresh, []
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        if header["fingerprint"] != fingerprint:
            return fresh, []
        return eqx.tree_deserialise_leaves(file, fresh), header["history"]
